//! German Rentenversicherungsnummer: Sozialgesetzbuch VI section 147; Versicherungsnummern-, Kontoführungs- und
//! Versicherungsverlaufsverordnung section 2.
//!
//! The area of two digits; day, month and year of birth; the first letter of the name at birth; a serial of two; a
//! check digit. Where the date is not known, or its serials are used up, day and month are 00, or 32 is added to the
//! day.

use super::{
    Checksum, Finder, Identifier,
    check_digit::{digit_sums, letter_number},
    date::{is_recent_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "de.svnr",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 7] = [
    Layout { form: 0, pattern: "dd dddddd l ddd" },
    Layout { form: 0, pattern: "dd dddddd l dd d" },
    Layout { form: 0, pattern: "dd dd dd dd l dd d" },
    Layout { form: 0, pattern: "dd dd dd dd l ddd" },
    Layout { form: 0, pattern: "dd dddddd lddd" },
    Layout { form: 0, pattern: "dddddddd l ddd" },
    Layout { form: 1, pattern: "ddddddddlddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (day, month, year) = (number(&value[2..4]), number(&value[4..6]), number(&value[6..8]));
    let date = match (day % 32, month) {
        (_, 0) | (0, 1..=12) => day < 96,
        (of_month, _) => day < 96 && is_recent_past(year, month, of_month, today),
    };
    if number(&value[..2]) < 2 || !date {
        return None;
    }
    let mut digits = [b'0'; 12];
    digits[..8].copy_from_slice(&value[..8]);
    digits[8..10].copy_from_slice(&letter_number(value[8]));
    digits[10..].copy_from_slice(&value[9..11]);
    let sum = digit_sums(&digits, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]);
    (sum % 10 == u32::from(value[11] - b'0')).then_some(Checksum::Fits)
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
                ("36 140257 Q 005", "spaced"),
                ("36 140257 Q 00 5", "spaced"),
                ("36 14 02 57 Q 00 5", "spaced"),
                ("36140257Q005", "bare"),
                ("36460257Q990", "bare"),
                ("36000057Q009", "bare"),
                ("36140257q005", "bare"),
                ("15070649C103", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "36140257Q006",
                "36310257Q005",
                "36141357Q005",
                "01140257Q005",
                "361402570005",
                "136140257Q005",
                "36140257Q0055",
                "36140257QQ05",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 0_u8..=12, year in 0_u8..=57, more in 0_u8..=1, letter in "[A-Z]",
            serial in 0_u8..=99,
        ) {
            let number = format!("36{:02}{month:02}{year:02}{letter}{serial:02}?", day + more * 32);
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
