//! Adóazonosító jel, the tax identification code of natural persons in Hungary: 1996. évi XX. törvény, 1. melléklet.
//!
//! Ten digits: an 8, the days from 1 January 1867 to the day of birth, a serial number of three, and a check digit:
//! the digits weighted by their place, modulo 11. A serial number whose remainder is 10 is not issued.

use super::{Checksum, Finder, Identifier, check_digit::weighted, date::number, layout::Layout};
use jiff::civil::{Date, date};

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "hu.tax-id",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "dddd ddd ddd" },
    Layout { form: 0, pattern: "d ddddd dddd" },
    Layout { form: 0, pattern: "d-ddddd-dddd" },
    Layout { form: 1, pattern: "dddddddddd" },
];

/// The day that births are counted from.
const EPOCH: Date = date(1867, 1, 1);

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    if value[0] != b'8' || weighted(value, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 != u32::from(value[9] - b'0') {
        return None;
    }
    let days = i64::from(number(&value[1..6]));
    let lived = EPOCH.duration_until(today).as_hours() / 24;
    (days <= lived).then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Behind this clock people are born who are not.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("8696000005", "bare"),
                ("8696 000 005", "spaced"),
                ("8 69600 0005", "spaced"),
                ("8-69600-0005", "spaced"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["8696000006", "8999990001", "7696000005", "86960000050", "18696000005", "86 96000005"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(days in 69_400_u32..=69_700, serial in 0_u16..=999) {
            let number = format!("8{days}{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
