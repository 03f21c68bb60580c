//! Numbers of French passports: Décret n° 2005-1726; Agence nationale des titres sécurisés.
//!
//! Two digits, two letters, five digits. There is no check digit.

use super::{Checksum, Finder, Identifier, layout::Layout};
use jiff::civil::Date;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "fr.passport",
    forms: &["bare", "spaced", "embedded"],
    checksum: None,
    finder: Finder::Written { layouts: &LAYOUTS, valid },
};

const LAYOUTS: [Layout; 2] = [Layout { form: 0, pattern: "ddllddddd" }, Layout { form: 1, pattern: "dd ll ddddd" }];

fn valid(_: &[u8], _: Date) -> Option<Checksum> {
    Some(Checksum::Fits)
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
        assert_found(&KIND, CLOCK, &[("00AA00000", "bare"), ("00aa00000", "bare"), ("00 AA 00000", "spaced")]);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &["00AA000000", "000AA00000", "00A000000", "00AA0000", "X00AA00000", "00AA00000X"],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_in_every_layout(letters in "[A-Z]{2}") {
            let number = format!("00{letters}00000");
            if let Some(number) = completed(&KIND, &number, "0123456789", CLOCK) {
                assert_found_in_every_layout(&KIND, &number, CLOCK);
            }
        }
    }
}
