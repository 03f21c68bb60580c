//! PESEL numbers of Poland: ustawa z dnia 24 września 2010 r. o ewidencji ludności, article 15.
//!
//! Eleven digits: year, month, day, a serial number of four whose last is odd for men, and a check digit. The month
//! has 20 added for births from 2000, 40 for 2100, 60 for 2200, and 80 for those before 1900.

use super::{
    Checksum, Finder, Identifier,
    check_digit::weighted,
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "pl.pesel",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 2] = [Layout { form: 0, pattern: "dddddd ddddd" }, Layout { form: 1, pattern: "ddddddddddd" }];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    const CENTURIES: [u32; 5] = [1900, 2000, 2100, 2200, 1800];
    let (year, month, day) = (number(&value[..2]), number(&value[2..4]), number(&value[4..6]));
    let century = CENTURIES.get(month as usize / 20)?;
    let fits = weighted(value, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
        && is_past(century + year, month % 20, day, today);
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
        assert_found(&KIND, CLOCK, &[("57221400009", "bare"), ("572214 00009", "spaced")]);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "572214-00009",
                "57221400000",
                "57331400003",
                "57223200003",
                "58221400006",
                "157221400009",
                "572214000090",
                "a57221400009",
                "57221400009a",
                "57221 400009",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 40_u8..=57, serial in 0_u16..=9999,
        ) {
            let number = format!("{year:02}{:02}{day:02}{serial:04}?", month + 20);
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
