//! NUSS, the number of the Spanish social security (also NAF): Real Decreto 84/1996, article 21.
//!
//! Twelve digits: the province (66 for people abroad), eight digits (seven in old numbers), and two check digits: the
//! number of the others modulo 97, in which the eight digits have no leading zero.

use super::{Checksum, Finder, Identifier, check_digit::remainder, date::number, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "es.nuss",
    forms: &["slash", "spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 8] = [
    Layout { form: 0, pattern: "dd/dddddddd/dd" },
    Layout { form: 0, pattern: "dd/ddddddd/dd" },
    Layout { form: 0, pattern: "dd/dddddddddd" },
    Layout { form: 1, pattern: "dd dddddddd dd" },
    Layout { form: 1, pattern: "dd-dddddddd-dd" },
    Layout { form: 1, pattern: "dd dddddddddd" },
    Layout { form: 1, pattern: "dddd dddd dddd" },
    Layout { form: 2, pattern: "dddddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    if !matches!(number(&value[..2]), 1..=53 | 66) {
        return None;
    }
    let (number_of_all, check) = value.split_at(value.len() - 2);
    let mut signs = [0; 9];
    let counted = if value.len() == 12 && value[2] == b'0' {
        signs[..2].copy_from_slice(&value[..2]);
        signs[2..].copy_from_slice(&value[3..10]);
        &signs
    } else {
        number_of_all
    };
    (remainder(counted, 97) == u64::from(number(check))).then_some(Checksum::Fits)
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
                ("669999999991", "bare"),
                ("66/99999999/91", "slash"),
                ("66/9999999991", "slash"),
                ("66 99999999 91", "spaced"),
                ("66-99999999-91", "spaced"),
                ("66 9999999991", "spaced"),
                ("6699 9999 9991", "spaced"),
                ("010000000076", "bare"),
                ("66/9999999/47", "slash"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "669999999992",
                "549999999989",
                "009999999980",
                "1669999999991",
                "6699999999911",
                "669 999999991",
                "66//9999999991",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            province in prop::sample::select(vec![1_u8, 28, 53, 66]), serial in 99_000_000_u32..=99_999_999,
        ) {
            let number = format!("{province:02}{serial}??");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
