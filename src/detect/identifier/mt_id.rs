//! Identity card numbers of Malta: Identity Card and other Identity Documents Act (Cap. 258); OECD, *Tax
//! identification numbers: Malta*.
//!
//! Up to seven digits (leading zeros are often left out) and a letter that tells where or how a person was registered.
//! Nothing checks them.

use super::{Checksum, Finder, Identifier, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "mt.id",
    forms: &["bare", "short", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 7] = [
    Layout { form: 0, pattern: "dddddddl" },
    Layout { form: 0, pattern: "ddddddd l" },
    Layout { form: 0, pattern: "ddddddd(l)" },
    Layout { form: 1, pattern: "ddddddl" },
    Layout { form: 1, pattern: "dddddd(l)" },
    Layout { form: 1, pattern: "dddddl" },
    Layout { form: 1, pattern: "ddddd(l)" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let (letter, digits) = value.split_last()?;
    let known = matches!(letter, b'A' | b'B' | b'G' | b'H' | b'L' | b'M' | b'P' | b'Z');
    (known && digits.iter().any(|digit| *digit != b'0')).then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Numbers have no date. The ones here are far from being issued.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("9999999M", "bare"),
                ("9999999m", "bare"),
                ("9999999 G", "bare"),
                ("9999999(M)", "bare"),
                ("999999M", "short"),
                ("99999A", "short"),
                ("99999(A)", "short"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["9999999C", "0000000M", "99999999M", "9999M", "9999999MA", "A9999999M", "9999999"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 9_990_000_u32..=9_999_999, letter in "[ABGHLMPZ]") {
            let number = format!("{serial}{letter}");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
