//! Document numbers of Dutch passports and identity cards: Paspoortwet article 3; Rijksdienst voor Identiteitsgegevens.
//!
//! Nine signs: two letters, six letters or digits, a digit; never the letter O. There is no check digit.

use super::{Finder, Hit, Identifier, lengths, serial};
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "nl.passport",
    forms: &["serial", "embedded"],
    checksum: None,
    finder: Finder::Own { starts: lengths(&[1, 2, 3, 4, 5, 6, 7]), at },
};

const SERIAL: usize = 0;
const EMBEDDED: usize = 1;

/// The document number whose first digits are this run.
fn at(text: &[u8], run: &Range<usize>, _: Date) -> Option<Hit> {
    let range = serial::around(text, run, 9)?;
    let signs = &text[range.clone()];
    let fits = signs.len() == 9
        && signs[..2].iter().all(u8::is_ascii_alphabetic)
        && signs[8].is_ascii_digit()
        && !signs.iter().any(|sign| sign.eq_ignore_ascii_case(&b'O'));
    if !fits {
        return None;
    }
    Hit::standing(text, range, SERIAL, EMBEDDED, true)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_not_found, found};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const CLOCK: Date = date(2057, 12, 31);

    /// The number of the specimen.
    #[test]
    fn finds_every_written_form() {
        assert_found(&KIND, CLOCK, &[("SPECI2014", "serial"), ("speci2014", "serial")]);
    }

    #[test]
    fn other_numbers_are_none() {
        let texts = ["SPECO2014", "SPECI201A", "S2ECI2014", "SPECI20144", "SPECI201", "SPECIMENS"];
        assert_not_found(&KIND, CLOCK, &texts);
    }

    proptest! {
        #[test]
        fn every_number_is_found(number in "[A-NP-Z]{2}[A-NP-Z0-9]{6}[0-9]") {
            prop_assert_eq!(found(&KIND, &number, CLOCK), [(number.as_str(), "serial", true)]);
        }
    }
}
