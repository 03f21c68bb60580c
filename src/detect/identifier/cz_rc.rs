//! Rodné číslo, the birth number of the Czech Republic: zákon č. 133/2000 Sb., § 13 (since 2004).
//!
//! Year, month and day, then a serial number of three digits and, from 1954 on, a check digit: all ten are a multiple
//! of 11. Women have 50 added to the month; from 2004 on 20 more may be added where a day's numbers have run out. In
//! numbers of 1954 to 1985 the check digit of remainder 10 is 0. Numbers of nine digits have nothing that checks them.

use super::{
    Checksum, Finder, Identifier,
    check_digit::remainder,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "cz.rc",
    forms: &["slash", "spaced", "bare", "nine", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

/// Slovakia writes them in the same ways; the Nordic countries' numbers have a hyphen, and these do not.
pub(super) const LAYOUTS: [Layout; 6] = [
    Layout { form: 0, pattern: "dddddd/dddd" },
    Layout { form: 1, pattern: "dddddd dddd" },
    Layout { form: 1, pattern: "dddddd / dddd" },
    Layout { form: 2, pattern: "dddddddddd" },
    Layout { form: 3, pattern: "dddddd/ddd" },
    Layout { form: 3, pattern: "ddddddddd" },
];

/// Slovakia has the same numbers.
pub(super) fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (two_digits, month, day) = (number(&value[..2]), number(&value[2..4]), number(&value[4..6]));
    let year = match (value.len(), two_digits) {
        (9, 0..=53) => 1900 + two_digits,
        (9, 80..) => 1800 + two_digits,
        (9, _) => return None,
        (_, 0..=53) => 2000 + two_digits,
        _ => 1900 + two_digits,
    };
    let month = match month {
        71..=82 if year >= 2004 => month - 70,
        51..=62 => month - 50,
        21..=32 if year >= 2004 => month - 20,
        _ => month,
    };
    if !is_past(year, month, day, today) {
        return None;
    }
    let fits = match value.split_last() {
        Some((last, others)) if value.len() == 10 => remainder(others, 11) % 10 == u64::from(last - b'0'),
        _ => true,
    };
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
                ("531214/0009", "slash"),
                ("531214 0009", "spaced"),
                ("531214 / 0009", "spaced"),
                ("5312140009", "bare"),
                ("536214/0003", "slash"),
                ("5332140000", "bare"),
                ("5382140005", "bare"),
                ("800101/000", "nine"),
                ("800101000", "nine"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "531214 - 0009",
                "5312140000",
                "531214/0000",
                "5313140008",
                "5312320002",
                "0341010000",
                "5432140000",
                "540101/000",
                "05312140009",
                "53121400091",
                "531214//0009",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 40_u8..=53,
            more in prop::sample::select(vec![0_u8, 20, 50, 70]), serial in 0_u16..=999,
        ) {
            let number = format!("{year:02}{:02}{day:02}{serial:03}?", month + more);
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
