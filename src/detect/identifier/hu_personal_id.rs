//! Személyi azonosító, the personal identifier of Hungary: 1996. évi XX. törvény, 3. melléklet.
//!
//! Eleven digits: sex and century (1, 2, and 5, 6 for foreigners: born in the twentieth century; 3, 4, 7, 8: before or
//! after it), year, month, day, serial number of three, check digit modulo 11. The digits are weighted by their place,
//! from the first on for births up to 1996 and from the last on after that; a serial number whose remainder is 10 is
//! not issued.

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{date, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "hu.personal-id",
    forms: &["grouped", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 5] = [
    Layout { form: 0, pattern: "d-dddddd-dddd" },
    Layout { form: 0, pattern: "d dddddd dddd" },
    Layout { form: 0, pattern: "d dddddd-dddd" },
    Layout { form: 0, pattern: "d-dddddd dddd" },
    Layout { form: 1, pattern: "ddddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (year, month, day) = (number(&value[1..3]), number(&value[3..5]), number(&value[5..7]));
    let centuries: &[u32] = match value[0] {
        b'1' | b'2' | b'5' | b'6' => &[1900],
        b'3' | b'4' | b'7' | b'8' => &[1800, 2000],
        _ => return None,
    };
    let fits = centuries.iter().filter_map(|century| date(century + year, month, day)).any(|born| {
        let weights =
            if born.year() < 1997 { [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } else { [10, 9, 8, 7, 6, 5, 4, 3, 2, 1] };
        born <= today && weighted(value, &weights) % 11 == u32::from(value[10] - b'0')
    });
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
                ("35702140010", "bare"),
                ("3-570214-0010", "grouped"),
                ("3 570214 0010", "grouped"),
                ("3 570214-0010", "grouped"),
                ("3-570214 0010", "grouped"),
                ("49601010008", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "35702140011",
                "35713140001",
                "35702320001",
                "95702140010",
                "05702140010",
                "357021400100",
                "135702140010",
                "3570214-0010",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            sex in 3_u8..=4, year in 40_u8..=57, day in 1_u8..=28, month in 1_u8..=12, serial in 0_u16..=999,
        ) {
            let number = format!("{sex}{year:02}{month:02}{day:02}{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
