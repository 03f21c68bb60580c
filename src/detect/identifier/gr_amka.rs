//! ΑΜΚΑ (AMKA), the social security number of Greece: νόμος 3655/2008, article 153; νόμος 3863/2010.
//!
//! Eleven digits: day, month, year, serial number of four whose last is odd for men, and a check digit (Luhn).

use super::{
    Checksum, Finder, Identifier,
    check_digit::luhn,
    date::{is_recent_past, number},
    layout::Layout,
};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "gr.amka",
    forms: &["spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 2] = [Layout { form: 0, pattern: "dddddd ddddd" }, Layout { form: 1, pattern: "ddddddddddd" }];

fn valid(value: &[u8], today: Date) -> Option<Checksum> {
    let (day, month, year) = (number(&value[..2]), number(&value[2..4]), number(&value[4..6]));
    (luhn(value) && is_recent_past(year, month, day, today)).then_some(Checksum::Fits)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Numbers do not tell the century. The ones here have no serial number, or are the example that everyone uses.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(&KIND, CLOCK, &[("14025700007", "bare"), ("140257 00007", "spaced"), ("01013099997", "bare")]);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "140257-00007",
                "14025700008",
                "32025700009",
                "14135700004",
                "114025700007",
                "140257000071",
                "14025 700007",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(day in 1_u8..=28, month in 1_u8..=12, year in 0_u8..=99) {
            let number = format!("{day:02}{month:02}{year:02}0000?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
