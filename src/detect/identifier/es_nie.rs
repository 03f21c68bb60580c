//! NIE numbers, for foreigners in Spain: Real Decreto 557/2011 (now 1155/2024), article 206; INT/2058/2008 for the
//! first letter.
//!
//! A letter (X, Y, Z, which stand for 0, 1, 2 in the calculation), seven digits, eight in the oldest, and the letter
//! that a DNI with these digits would have.

use super::{Checksum, Finder, Identifier, es_dni, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "es.nie",
    forms: &["hyphen", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 8] = [
    Layout { form: 0, pattern: "l-ddddddd-l" },
    Layout { form: 0, pattern: "l-ddddddd l" },
    Layout { form: 0, pattern: "l ddddddd l" },
    Layout { form: 0, pattern: "l-d.ddd.ddd-l" },
    Layout { form: 0, pattern: "lddddddd-l" },
    Layout { form: 0, pattern: "l-dddddddl" },
    Layout { form: 1, pattern: "ldddddddl" },
    Layout { form: 1, pattern: "lddddddddl" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let (last, number) = value.split_last()?;
    let (first, digits) = number.split_first()?;
    let mut padded = [b'0'; 9];
    padded[0] += match first {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return None,
    };
    // The eight digits of the oldest numbers begin with a zero.
    let digits = if let [b'0', seven @ ..] = digits
        && seven.len() == 7
    {
        seven
    } else {
        digits
    };
    padded.get_mut(1..=digits.len())?.copy_from_slice(digits);
    (digits.len() == 7 && es_dni::letter(padded.get(..8)?) == *last).then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Numbers have no date. The ones here have no serial number, or are far from being issued.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("X0000000T", "bare"),
                ("x0000000t", "bare"),
                ("X-0000000-T", "hyphen"),
                ("X 0000000 T", "hyphen"),
                ("X0000000-T", "hyphen"),
                ("X-0000000T", "hyphen"),
                ("X-0.000.000-T", "hyphen"),
                ("Y0000000Z", "bare"),
                ("Z0000000M", "bare"),
                ("X00000000T", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["X0000000R", "A0000000T", "X10000000T", "0000000T", "X000000T", "AX0000000T", "X0000000TA", "XX0000000T"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(first in "[XYZ]", serial in 9_900_000_u32..=9_999_999) {
            let number = format!("{first}{serial}?");
            if let Some(number) = completed(&KIND, &number, "TRWAGMYFPDXBNJZSQVHLCKE", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
