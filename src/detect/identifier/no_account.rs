//! Norwegian bank accounts: Bits AS, *Kontonummer i Norge*.
//!
//! Eleven digits: the bank's four, the kind's two, four of the customer and a check digit (modulus 11).

use super::{Checksum, Finder, Identifier, check_digit::weighted, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "no.account",
    forms: &["dotted", "spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "dddd.dd.ddddd" },
    Layout { form: 1, pattern: "dddd dd ddddd" },
    Layout { form: 1, pattern: "dddd-dd-ddddd" },
    Layout { form: 2, pattern: "ddddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let sum = weighted(value, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]);
    (sum > 0 && sum.is_multiple_of(11)).then_some(Checksum::Fits)
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
                ("8601.11.17947", "dotted"),
                ("8601 11 17947", "spaced"),
                ("8601-11-17947", "spaced"),
                ("86011117947", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["8601.11.17948", "00000000000", "8601.11.179470", "1.8601.11.17947", "a86011117947"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 0_u32..=99999) {
            let number = format!("00000{serial:05}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
