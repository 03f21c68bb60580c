//! PEID, the personal identification number of Liechtenstein: Gesetz über das Zentrale Personenregister (ZPRG), article 3.
//!
//! Up to twelve digits, in use four and more without leading zeros. Nothing checks them: they need a word.

use super::{Checksum, Finder, Identifier, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "li.peid",
    forms: &["bare", "embedded"],
    checksum: None,
    shown: 2,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 9] = [
    Layout { form: 0, pattern: "dddd" },
    Layout { form: 0, pattern: "ddddd" },
    Layout { form: 0, pattern: "dddddd" },
    Layout { form: 0, pattern: "ddddddd" },
    Layout { form: 0, pattern: "dddddddd" },
    Layout { form: 0, pattern: "ddddddddd" },
    Layout { form: 0, pattern: "dddddddddd" },
    Layout { form: 0, pattern: "ddddddddddd" },
    Layout { form: 0, pattern: "dddddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    // Four digits are left when the zeros before the number are.
    let zeros = value.iter().take_while(|digit| **digit == b'0').count();
    (value.len() - zeros >= 4).then_some(Checksum::Fits)
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
                ("999999999999", "bare"),
                ("000000009999", "bare"),
                ("9999", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "999",
                "000000000999",
                "0000",
                "9999999999999",
                "A9999",
                "9999A",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 999_999_999_000_u64..=999_999_999_999) {
            let number = serial.to_string();
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
