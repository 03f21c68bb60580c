//! NHS numbers of England, Wales and the Isle of Man: NHS Data Dictionary, *NHS number*; Health and Social Care (Safety
//! and Quality) Act 2015 section 2. Those of Northern Ireland and Scotland (CHI) have the same arithmetic.
//!
//! Ten digits, the last of which checks the others by modulus 11: every eleventh number meets that.

use super::{Checksum, Finder, Identifier, check_digit::weighted, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "gb.nhs",
    forms: &["grouped", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 3] = [
    Layout { form: 0, pattern: "ddd ddd dddd" },
    Layout { form: 0, pattern: "ddd-ddd-dddd" },
    Layout { form: 1, pattern: "dddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let sum = weighted(value, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
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
        assert_found(&KIND, CLOCK, &[("999 000 0018", "grouped"), ("999-000-0018", "grouped"), ("9990000018", "bare")]);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["999 000 0019", "9990000019", "0000000000", "99900000180", "999 0000 018", "+9990000018"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 0_u32..=99999) {
            let number = format!("9990{serial:05}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
