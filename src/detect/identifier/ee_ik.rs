//! Isikukood, the personal identification code of Estonia: Rahvastikuregistri seadus, § 39; standard EVS 585.
//!
//! Eleven digits: sex and century (1, 2: born from 1800; 3, 4: 1900; 5, 6: 2000; 7, 8: 2100), year, month, day, serial
//! number of three, check digit (modulus 11 in two stages).

use super::{
    Checksum, Finder, Identifier,
    check_digit::two_stage_modulus_11,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "ee.ik",
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
    (two_stage_modulus_11(value) && is_born(value, today)).then_some(Checksum::Fits)
}

/// Whether the day has come that the first seven digits give.
pub(super) fn is_born(value: &[u8], today: Date) -> bool {
    let century = match value[0] {
        b'1' | b'2' => 1800,
        b'3' | b'4' => 1900,
        b'5' | b'6' => 2000,
        b'7' | b'8' => 2100,
        _ => return false,
    };
    is_past(century + number(&value[1..3]), number(&value[3..5]), number(&value[5..7]), today)
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
                ("5-570214-0003", "spaced"),
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
                "55702320001",
                "55802140006",
                "70001010008",
                "95702140007",
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
