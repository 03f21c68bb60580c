//! Asmens kodas, the personal code of Lithuania: Gyventojų registro įstatymas, article 8.
//!
//! Eleven digits with the arithmetic of the Estonian code (see there); those that begin with a 9 say no date of birth.

use super::{Checksum, Finder, Identifier, check_digit::two_stage_modulus_11, ee_ik, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "lt.asmens",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "d dddddd dddd" },
    Layout { form: 0, pattern: "ddddddd dddd" },
    Layout { form: 0, pattern: "d-dddddd-dddd" },
    Layout { form: 1, pattern: "ddddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let fits = two_stage_modulus_11(value) && (value[0] == b'9' || ee_ik::is_born(value, today));
    fits.then_some(Checksum::Fits)
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
                ("55702140003", "bare"),
                ("5 570214 0003", "spaced"),
                ("5570214 0003", "spaced"),
                ("90000000009", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "55702140004",
                "55713140001",
                "05702140009",
                "55802140006",
                "155702140003",
                "557021400031",
                "557021 40003",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            sex in 5_u8..=6, year in 40_u8..=57, day in 1_u8..=28, month in 1_u8..=12, serial in 0_u16..=999,
        ) {
            let number = format!("{sex}{year:02}{month:02}{day:02}{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
