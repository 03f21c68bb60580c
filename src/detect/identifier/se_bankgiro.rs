//! Swedish bankgiro numbers: Bankgirot, *Bankgironummer*.
//!
//! Seven or eight digits, the last of which checks the others (Luhn).

use super::{Finder, Identifier, account::giro, layout::Layout};

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "se.bankgiro",
    forms: &["hyphen", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid: giro },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "ddd-dddd" },
    Layout { form: 0, pattern: "dddd-dddd" },
    Layout { form: 1, pattern: "ddddddd" },
    Layout { form: 1, pattern: "dddddddd" },
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
            &[("000-0018", "hyphen"), ("0000-0018", "hyphen"), ("0000018", "bare"), ("00000018", "bare")],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(&KIND, CLOCK, &["000-0019", "000-0000", "000-00180", "1-000-0018", "00-00018", "000000018"]);
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
