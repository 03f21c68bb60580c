//! Swedish plusgiro numbers: Nordea, *PlusGirot*. Those of persons have seven or eight digits, or, older ones, fewer.
//!
//! Up to eight digits, the last of which checks the others (Luhn). Fewer than five are not looked for; those of five
//! only with the hyphen alone.

use super::{Finder, Identifier, account::giro, layout::Layout};

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "se.plusgiro",
    forms: &["grouped", "hyphen", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid: giro },
};

const LAYOUTS: [Layout; 10] = [
    Layout { form: 0, pattern: "ddd dd-d" },
    Layout { form: 0, pattern: "d dd dd-d" },
    Layout { form: 0, pattern: "dd dd dd-d" },
    Layout { form: 0, pattern: "ddd dd dd-d" },
    Layout { form: 1, pattern: "dddd-d" },
    Layout { form: 1, pattern: "ddddd-d" },
    Layout { form: 1, pattern: "dddddd-d" },
    Layout { form: 1, pattern: "ddddddd-d" },
    Layout { form: 2, pattern: "ddddddd" },
    Layout { form: 2, pattern: "dddddddd" },
];

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::{Date, date};
    use proptest::prelude::*;

    /// Behind this clock people are born who are not.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("000 01-8", "grouped"),
                ("0 00 01-8", "grouped"),
                ("00 00 01-8", "grouped"),
                ("000 00 01-8", "grouped"),
                ("000001-8", "hyphen"),
                ("0000018", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(&KIND, CLOCK, &["00 00 01-9", "000000-0", "00 00 01-80", "000001 8", "0000000018"]);
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 0_u32..=999) {
            let number = format!("0000{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
