//! DNI numbers of Spain: Real Decreto 255/2025 and Real Decreto 1553/2005, article 11; they are the NIF of Spaniards
//! (Real Decreto 1065/2007, article 19).
//!
//! Eight digits, fewer where leading zeros are left out, and a letter: the number modulo 23 in a table.

use super::{Checksum, Finder, Identifier, check_digit::remainder, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "es.dni",
    forms: &["grouped", "hyphen", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

/// A letter after a space may be a word of its own: `1.250.000 y`.
const LAYOUTS: [Layout; 11] = [
    Layout { form: 0, pattern: "dd.ddd.ddd-l" },
    Layout { form: 0, pattern: "d.ddd.ddd-l" },
    Layout { form: 0, pattern: "dd.ddd.dddl" },
    Layout { form: 1, pattern: "dddddddd~l" },
    Layout { form: 1, pattern: "ddddddd~l" },
    Layout { form: 2, pattern: "dd.ddd.ddd l" },
    Layout { form: 2, pattern: "d.ddd.ddd l" },
    Layout { form: 2, pattern: "d.ddd.dddl" },
    Layout { form: 2, pattern: "ddddddddl" },
    Layout { form: 2, pattern: "dddddddd l" },
    Layout { form: 2, pattern: "dddddddl" },
];

/// The letters of the remainders modulo 23.
const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// The letter that checks a number.
pub(super) fn letter(digits: &[u8]) -> u8 {
    LETTERS[remainder(digits, 23) as usize % LETTERS.len()]
}

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let (last, digits) = value.split_last()?;
    (letter(digits) == *last).then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Numbers have no date. The ones here are far from being issued, or the specimen's.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("99999999R", "bare"),
                ("99999999r", "bare"),
                ("99999999 R", "bare"),
                ("99999999-R", "hyphen"),
                ("99.999.999-R", "grouped"),
                ("99.999.999 R", "bare"),
                ("99.999.999R", "grouped"),
                ("00000000T", "bare"),
                ("0000000T", "bare"),
                ("0.000.000-T", "grouped"),
                ("0.000.000 T", "bare"),
                ("0.000.000T", "bare"),
                ("0000000-T", "hyphen"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "99999999S",
                "99999999",
                "999999999R",
                "99999999RA",
                "A99999999R",
                "99.999999-R",
                "99999999Ñ",
                "1-99999999R",
                "99 999 999 R",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 99_000_000_u32..=99_999_999) {
            let number = format!("{serial}?");
            if let Some(number) = completed(&KIND, &number, "TRWAGMYFPDXBNJZSQVHLCKE", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
