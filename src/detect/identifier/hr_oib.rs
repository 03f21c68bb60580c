//! OIB, the personal identification number of Croatia: Zakon o osobnom identifikacijskom broju (NN 60/2008), article
//! 7.
//!
//! Ten random digits and a check digit (ISO 7064, modulus 11,10); people and companies have them. Every tenth number
//! fits.

use super::{Checksum, Finder, Identifier, check_digit::modulus_11_10, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "hr.oib",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "ddd dddd dddd" },
    Layout { form: 0, pattern: "dddd dddd ddd" },
    Layout { form: 0, pattern: "ddddd dddddd" },
    Layout { form: 1, pattern: "ddddddddddd" },
];

fn valid(value: &[u8], _: Date) -> Option<Checksum> {
    modulus_11_10(value).then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Numbers have no date. The ones here are as unlikely as random ones can be.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(&KIND, CLOCK, &[("00000000001", "bare"), ("000 0000 0001", "spaced"), ("12345678903", "bare")]);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["00000000002", "000000000001", "000000000010", "HR00000000001", "0 0000000001"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(serial in 0_u32..=9999) {
            let number = format!("{serial:010}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
