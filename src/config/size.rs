//! Sizes as administrators write them: a number of bytes, or `64KiB`, `100MiB`, `2GiB`.

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// Reads a whole number and a unit (`KiB`, `MiB`, `GiB`) as bytes; `None` for any other text.
pub(super) fn parse(text: &str) -> Option<u64> {
    let (number, factor) = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Writes a number of bytes in the largest unit in which it is whole.
pub(super) fn written(bytes: u64) -> String {
    let whole = UNITS.iter().find(|(_, factor)| bytes != 0 && bytes.is_multiple_of(*factor));
    match whole {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_administrators_write() {
        for (text, bytes) in [("1KiB", 1024), ("100MiB", 104_857_600), ("3GiB", 3_221_225_472)] {
            assert_eq!(parse(text), Some(bytes));
            assert_eq!(written(bytes), text);
        }
        assert_eq!(written(1000), "1000");
        for wrong in [
            "",
            "MiB",
            "1",
            "1MB",
            "1 MiB",
            "+1MiB",
            "-1KiB",
            "1.5GiB",
            "99999999999999999999KiB",
            "18446744073709551615GiB",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
