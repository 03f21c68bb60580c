//! Luxembourg's numéro d'identification (matricule): Loi du 19 juin 2013 relative à l'identification des personnes
//! physiques; Règlement grand-ducal du 28 novembre 2013.
//!
//! Thirteen digits: year, month, day, a serial of three, then two check digits, each over the first eleven: Luhn,
//! Verhoeff.

use super::{
    Checksum, Finder, Identifier,
    check_digit::{luhn, verhoeff},
    date::{is_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "lu.matricule",
    forms: &["grouped", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 8] = [
    Layout { form: 0, pattern: "dddd dd dd ddd dd" },
    Layout { form: 0, pattern: "dddd dd dd ddddd" },
    Layout { form: 0, pattern: "dddddddd ddd dd" },
    Layout { form: 0, pattern: "dddddddd ddddd" },
    Layout { form: 0, pattern: "dddddddd-ddddd" },
    Layout { form: 0, pattern: "dddd-dd-dd-ddd-dd" },
    Layout { form: 0, pattern: "dddd.dd.dd.ddd.dd" },
    Layout { form: 1, pattern: "ddddddddddddd" },
];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (year, month, day) = (number(&value[..4]), number(&value[4..6]), number(&value[6..8]));
    if year < 1800 || !is_past(year, month, day, today) || !luhn(&value[..12]) {
        return None;
    }
    let mut second = [b'0'; 12];
    second[..11].copy_from_slice(&value[..11]);
    second[11] = value[12];
    verhoeff(&second).then_some(Checksum::Fits)
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
                ("2057021412305", "bare"),
                ("2057 02 14 123 05", "grouped"),
                ("20570214 12305", "grouped"),
                ("20570214-12305", "grouped"),
                ("2057-02-14-123-05", "grouped"),
                ("1893120105732", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["2057021412306", "2057021412315", "2057023112305", "2058021412305", "20570214123050", "a2057021412305"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 2037_u16..=2057, serial in 0_u16..=999,
        ) {
            let number = format!("{year}{month:02}{day:02}{serial:03}??");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
