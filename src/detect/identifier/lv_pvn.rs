//! Personas kods, the personal code of Latvia: Fizisko personu reģistra likums, section 5; Pilsonības un migrācijas
//! lietu pārvalde, *Personas koda maiņa*.
//!
//! Eleven digits. Until June 2017: day, month, year, century (0: 1800, 1: 1900, 2: 2000), serial number of three,
//! check digit modulo 11. Since then: 3, a digit from 2 to 9, and nine more, all of them random, so that nothing has
//! to fit; companies have numbers that begin with 4, 5 or 9.

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "lv.pvn",
    forms: &["hyphen", "spaced", "bare", "embedded"],
    checksum: Some("check digit"),
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 4] = [
    Layout { form: 0, pattern: "dddddd-ddddd" },
    Layout { form: 1, pattern: "dddddd ddddd" },
    Layout { form: 1, pattern: "dddddd~ddddd" },
    Layout { form: 2, pattern: "ddddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let check = (1 + weighted(value, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10;
    let fits = u32::from(value[10] - b'0') == check;
    if value[0] == b'3' && value[1] >= b'2' {
        return Some(fits.into());
    }
    let (day, month, year) = (number(&value[..2]), number(&value[2..4]), number(&value[4..6]));
    let century = 1800 + 100 * number(&value[6..7]);
    (fits && is_past(century + year, month, day, today)).then_some(Checksum::Fits)
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
                ("140257-20002", "hyphen"),
                ("140257 20002", "spaced"),
                ("140257 - 20002", "spaced"),
                ("14025720002", "bare"),
                ("320000-00000", "hyphen"),
                ("39000000001", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "14025720003",
                "14135720003",
                "31025720007",
                "14025820003",
                "40003000011",
                "310000-00000",
                "114025720002",
                "140257200021",
                "14025-720002",
                "320000-000000",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 40_u8..=57, serial in 0_u16..=999,
        ) {
            let number = format!("{day:02}{month:02}{year:02}2{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
