//! German Krankenversichertennummer, the part that stays the same for life: Sozialgesetzbuch V section 290; GKV-
//! Spitzenverband, *Richtlinie zum Aufbau und zur Vergabe einer Krankenversichertennummer*.
//!
//! A letter, eight digits and a check digit over the letter's number and the digits, weighted 1 and 2 in turn.

use super::{
    Checksum, Finder, Identifier,
    check_digit::{digit_sums, letter_number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "de.kvnr",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "l ddd ddd ddd" },
    Layout { form: 0, pattern: "l ddddddddd" },
    Layout { form: 0, pattern: "lddd ddd ddd" },
    Layout { form: 1, pattern: "lddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let [tens, ones] = letter_number(value[0]);
    let letter = digit_sums(&[tens, ones], &[1, 2]);
    let sum = letter + digit_sums(&value[1..9], &[1, 2, 1, 2, 1, 2, 1, 2]);
    (sum % 10 == u32::from(value[9] - b'0')).then_some(Checksum::Fits)
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
                ("A123456780", "bare"),
                ("a123456780", "bare"),
                ("A000500015", "bare"),
                ("A 123 456 780", "spaced"),
                ("A 123456780", "spaced"),
                ("A123 456 780", "spaced"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["A123456781", "B123456780", "AA123456780", "A1234567800", "A12345678", "123456780"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(letter in "[A-Z]", serial in 0_u32..=99) {
            let number = format!("{letter}000000{serial:02}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
