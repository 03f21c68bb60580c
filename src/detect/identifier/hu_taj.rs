//! TAJ, the social security number of Hungary: 1996. évi XX. törvény, 2. melléklet.
//!
//! Nine digits: the first eight weighted 3 and 7 by turns, and the sum modulo 10. Every tenth number fits.

use super::{Checksum, Finder, Identifier, check_digit::weighted, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "hu.taj",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 3] = [
    Layout { form: 0, pattern: "ddd ddd ddd" },
    Layout { form: 0, pattern: "ddd-ddd-ddd" },
    Layout { form: 1, pattern: "ddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    let check = weighted(value, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10;
    (u32::from(value[8] - b'0') == check).then_some(Checksum::Fits)
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
        assert_found(&KIND, CLOCK, &[("999999990", "bare"), ("999 999 990", "spaced"), ("999-999-990", "spaced")]);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["999999991", "9999999900", "0999999990", "999 999990", "999.999.990", "A999999990"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 99_900_000_u32..=99_999_999) {
            let number = format!("{serial}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
