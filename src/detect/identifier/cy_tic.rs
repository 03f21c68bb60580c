//! TIC (ΑΦΤ), the tax identification code of natural persons in Cyprus: Tax Department; OECD, *Tax identification
//! numbers: Cyprus*.
//!
//! Eight digits and a letter. Those of people begin with 0 or 9, and the letter checks them: the digits in odd places
//! by a table, the others as they are, modulo 26. Since 27 March 2023 new ones of everyone begin with 6 and are
//! random; how their letter is calculated has not been published, so it need not fit. Companies' older ones begin with
//! other digits.

use super::{Checksum, Finder, Identifier, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "cy.tic",
    forms: &["bare", "embedded"],
    checksum: Some("check letter"),
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 3] = [
    Layout { form: 0, pattern: "ddddddddl" },
    Layout { form: 0, pattern: "dddddddd l" },
    Layout { form: 0, pattern: "dddddddd-l" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    const ODD: [u8; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    if !matches!(value[0], b'0' | b'6' | b'9') {
        return None;
    }
    let (letter, digits) = value.split_last()?;
    let sum: u8 = digits
        .iter()
        .map(|digit| digit - b'0')
        .enumerate()
        .map(|(at, digit)| if at % 2 == 0 { ODD[usize::from(digit)] } else { digit })
        .sum();
    match (b'A' + sum % 26 == *letter, value[0]) {
        (true, _) => Some(Checksum::Fits),
        (false, b'6') => Some(Checksum::Fails),
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Numbers have no date. The ones here have no serial number to speak of.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("00000000E", "bare"),
                ("00000000e", "bare"),
                ("00000000 E", "bare"),
                ("00000000-E", "bare"),
                ("60000000A", "bare"),
                ("99999999Q", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["00000000A", "10259033P", "CY00000000E", "00000000", "000000000E", "00000000EA"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(first in prop::sample::select(vec![0_u8, 9]), serial in 0_u16..=99) {
            let number = format!("{first}00000{serial:02}?");
            if let Some(number) = completed(&KIND, &number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
