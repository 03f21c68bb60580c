//! EMŠO, the personal number of Slovenia: Zakon o centralnem registru prebivalstva, articles 3 to 6. Yugoslavia's
//! JMBG, which Serbia, Bosnia and Herzegovina, Montenegro and North Macedonia have too, is the same with other
//! regions.
//!
//! Thirteen digits: day, month, year without its first digit, region, serial number of three (from 500 for women),
//! check digit modulo 11.

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "si.emso",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 5] = [
    Layout { form: 0, pattern: "ddddddd dddddd" },
    Layout { form: 0, pattern: "ddddddd dd dddd" },
    Layout { form: 0, pattern: "ddddddd dd ddd d" },
    Layout { form: 0, pattern: "ddddddd-dddddd" },
    Layout { form: 1, pattern: "ddddddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (day, month, year) = (number(&value[..2]), number(&value[2..4]), number(&value[4..7]));
    let year = if year < 800 { 2000 + year } else { 1000 + year };
    let check = (11 - weighted(value, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10;
    (u32::from(value[12] - b'0') == check && is_past(year, month, day, today)).then_some(Checksum::Fits)
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
                ("1402057500004", "bare"),
                ("1402057 500004", "spaced"),
                ("1402057 50 0004", "spaced"),
                ("1402057 50 000 4", "spaced"),
                ("1402057-500004", "spaced"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["1402057500005", "3202057500002", "1402058500008", "11402057500004", "14020575000041", "140205 7500004"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 40_u8..=57, region in 50_u8..=59, serial in 0_u16..=999,
        ) {
            let number = format!("{day:02}{month:02}0{year:02}{region}{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
