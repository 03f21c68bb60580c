//! ЕГН (EGN), the uniform civil number of Bulgaria: Закон за гражданската регистрация, article 11; Наредба №
//! РД-02-20-9.
//!
//! Ten digits: year, month (20 added for births before 1900, 40 from 2000 on), day, serial number of three, check
//! digit modulo 11 (10 is written 0).

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "bg.egn",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 2] = [Layout { form: 0, pattern: "dddddd dddd" }, Layout { form: 1, pattern: "dddddddddd" }];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let check = weighted(value, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    if u32::from(value[9] - b'0') != check {
        return None;
    }
    let (year, month, day) = (number(&value[..2]), number(&value[2..4]), number(&value[4..6]));
    let (year, month) = match month {
        41.. => (2000 + year, month - 40),
        21.. => (1800 + year, month - 20),
        _ => (1900 + year, month),
    };
    is_past(year, month, day, today).then_some(Checksum::Fits)
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
        assert_found(&KIND, CLOCK, &[("5752140002", "bare"), ("575214 0002", "spaced"), ("8031010000", "bare")]);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "575214-0002",
                "5752140003",
                "5753140007",
                "5752320004",
                "5852140006",
                "15752140002",
                "57521400021",
                "57521 40002",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            year in 40_u8..=57, day in 1_u8..=28, month in 1_u8..=12, serial in 0_u16..=999,
        ) {
            let number = format!("{year:02}{:02}{day:02}{serial:03}?", month + 40);
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
