//! Austrian Versicherungsnummer (Sozialversicherungsnummer): Allgemeines Sozialversicherungsgesetz section 30c;
//! Dachverband der Sozialversicherungsträger.
//!
//! Ten digits: a serial of three from 100 on, a check digit (modulus 11), then day, month and year of birth. Months 13
//! to 15 stand where the date is not known or its serials are used up.

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{is_recent_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "at.vnr",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 7] = [
    Layout { form: 0, pattern: "dddd dddddd" },
    Layout { form: 0, pattern: "dddd dd dd dd" },
    Layout { form: 0, pattern: "dddd~dddddd" },
    Layout { form: 0, pattern: "dddd/dddddd" },
    Layout { form: 0, pattern: "dddd dd.dd.dd" },
    Layout { form: 0, pattern: "ddd d dddddd" },
    Layout { form: 1, pattern: "dddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (day, month, year) = (number(&value[4..6]), number(&value[6..8]), number(&value[8..]));
    let date = match month {
        13..=15 => (1..=31).contains(&day),
        _ => is_recent_past(year, month, day, today),
    };
    let fits =
        value[0] != b'0' && date && weighted(value, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 == u32::from(value[3] - b'0');
    fits.then_some(Checksum::Fits)
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
                ("1237 010180", "spaced"),
                ("1237 01 01 80", "spaced"),
                ("1237-010180", "spaced"),
                ("1237/010180", "spaced"),
                ("1237 01.01.80", "spaced"),
                ("123 7 010180", "spaced"),
                ("1237010180", "bare"),
                ("1234011380", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["1238 010180", "0237010180", "1237320180", "1237011680", "12370101800", "1237 0101801"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(day in 1_u8..=28, month in 1_u8..=15, year in 0_u8..=99) {
            let number = format!("100?{day:02}{month:02}{year:02}");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
