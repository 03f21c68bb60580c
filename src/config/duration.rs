//! Durations as administrators write them: `90s`, `10m`, `12h`, `14d`.

use std::time::Duration;

/// Reads a whole number and a unit (`ms`, `s`, `m`, `h`, `d`); `None` for any other text.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs);
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => None,
    }
}

/// Writes a duration as [`parse`] reads it, in the largest unit in which it is whole.
pub(super) fn written(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_millis() != 0 {
        return format!("{}ms", duration.as_millis());
    }
    for (unit, factor) in [("d", 86_400), ("h", 3600), ("m", 60)] {
        if seconds != 0 && seconds.is_multiple_of(factor) {
            return format!("{}{unit}", seconds / factor);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_administrators_write() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("10m", 600), ("12h", 43_200), ("14d", 1_209_600)] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)));
            assert_eq!(written(Duration::from_secs(seconds)), text);
        }
        assert_eq!(parse("250ms"), Some(Duration::from_millis(250)));
        for wrong in ["", "5", "s", "5 s", "-1s", "1.5h", "99999999999999999999s", "18446744073709551615d"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(milliseconds in any::<u32>()) {
            let duration = Duration::from_millis(milliseconds.into());
            prop_assert_eq!(parse(&written(duration)), Some(duration));
        }
    }
}
