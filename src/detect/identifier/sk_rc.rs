//! Rodné číslo, the birth number of Slovakia: zákon č. 301/1995 Z. z. o rodnom čísle, § 2 and 3.
//!
//! Czechoslovakia's number, with the arithmetic of the Czech one (see there).

use super::{
    Finder, Identifier,
    cz_rc::{LAYOUTS, valid},
};

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "sk.rc",
    forms: &["slash", "spaced", "bare", "nine", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_found_in_every_layout, assert_not_found, completed};
    use super::*;
    use jiff::civil::{Date, date};
    use proptest::prelude::*;

    /// Behind this clock people are born who are not.
    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[("531214/0009", "slash"), ("531214 0009", "spaced"), ("5312140009", "bare"), ("800101/000", "nine")],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(&KIND, CLOCK, &["5312140000", "540101/000", "53121400091"]);
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(
            day in 1_u8..=28, month in 1_u8..=12, year in 40_u8..=53, serial in 0_u16..=999,
        ) {
            let number = format!("{year:02}{month:02}{day:02}{serial:03}?");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
