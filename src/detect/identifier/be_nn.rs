//! Belgian rijksregisternummer (numéro de registre national) and bis number: Wet van 8 augustus 1983, article 2;
//! Koninklijk besluit van 3 april 1984; for bis numbers Wet van 15 januari 1990, article 8.
//!
//! Eleven digits: year, month, day, a serial of three, and 97 less the remainder of these nine by 97; for those born
//! from 2000 on a 2 stands before the nine. Bis numbers add 20 to the month, or 40 where the sex is known. Month and
//! day are 00 where they are not known or the serials of a day are used up.

use super::{
    Checksum, Finder, Identifier,
    check_digit::remainder,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "be.nn",
    forms: &["dotted", "spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 16] = [
    Layout { form: 0, pattern: "dd.dd.dd-ddd.dd" },
    Layout { form: 0, pattern: "dd.dd.dd-ddd-dd" },
    Layout { form: 0, pattern: "dd.dd.dd-ddd dd" },
    Layout { form: 0, pattern: "dd.dd.dd~ddd.dd" },
    Layout { form: 0, pattern: "dd.dd.dd.ddd.dd" },
    Layout { form: 0, pattern: "dd.dd.dd ddd.dd" },
    Layout { form: 0, pattern: "dd.dd.dd ddd dd" },
    Layout { form: 0, pattern: "dddddd-ddd-dd" },
    Layout { form: 0, pattern: "dddddd-ddd.dd" },
    Layout { form: 0, pattern: "dddddd-ddd dd" },
    Layout { form: 0, pattern: "dd/dd/dd-ddd.dd" },
    Layout { form: 1, pattern: "dd dd dd ddd dd" },
    Layout { form: 1, pattern: "dd dd dd-ddd dd" },
    Layout { form: 1, pattern: "dddddd ddd dd" },
    Layout { form: 1, pattern: "dddddd ddddd" },
    Layout { form: 2, pattern: "ddddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (year, month, day) = (number(&value[..2]), number(&value[2..4]), number(&value[4..6]));
    let month = match month {
        53.. => return None,
        40.. => month - 40,
        20.. => month - 20,
        _ => month,
    };
    let (nine, check) = value.split_at(9);
    if month > 12 || day > 31 || nine[6..] == *b"000" {
        return None;
    }
    let born = |century: u32| {
        if month == 0 || day == 0 {
            is_past(century + year, month.max(1), 1, today)
        } else {
            is_past(century + year, month, day, today)
        }
    };
    let nine = remainder(nine, 97);
    let fits = |remainder: u64| 97 - remainder % 97 == u64::from(number(check));
    let found = fits(nine) && born(1900) || fits(nine + 2_000_000_000 % 97) && born(2000);
    found.then_some(Checksum::Fits)
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
                ("57.02.14-999.15", "dotted"),
                ("57.02.14-999-15", "dotted"),
                ("57.02.14-999 15", "dotted"),
                ("57.02.14 - 999.15", "dotted"),
                ("570214-999-15", "dotted"),
                ("570214-999.15", "dotted"),
                ("57 02 14 999 15", "spaced"),
                ("570214 999 15", "spaced"),
                ("57021499915", "bare"),
                ("57221499958", "bare"),
                ("57421499904", "bare"),
                ("57000099933", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "57021499916",
                "57023199915",
                "57131499915",
                "57331499915",
                "57021400015",
                "570214999150",
                "1.57021499915",
                "a57021499915",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            year in 0_u8..=57, month in 0_u8..=12, day in 0_u8..=28, more in prop::sample::select(vec![0_u8, 20, 40]),
        ) {
            let number = format!("{year:02}{:02}{day:02}999??", month + more);
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
