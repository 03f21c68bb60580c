//! PEID, the personal identification number of Liechtenstein: Gesetz über das Zentrale Personenregister (ZPRG),
//! article 3; OECD, *Tax identification numbers: Liechtenstein*.
//!
//! Up to twelve digits, mostly written without leading zeros, four at least. Nothing checks them, and years and
//! amounts have the same shape: only what stands behind the name is one.

use super::{Finder, Hit, Identifier, lengths};
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "li.peid",
    forms: &FORMS,
    checksum: None,
    finder: Finder::Own { starts: lengths(&[4, 5, 6, 7, 8, 9, 10, 11, 12]), at },
};

/// How a number is written: behind its name, or so within a URL or an address.
const FORMS: [&str; 2] = ["named", "embedded"];
const NAMED: usize = 0;
const EMBEDDED: usize = 1;

/// What the number is called, or how that ends.
const NAMES: [&[u8]; 3] = [b"PEID", b"PE-ID", b"identifikationsnummer"];

/// From the name's end to the number, in bytes: `PEID-Nr.: `, `PEID number is `.
const MAX_GAP: usize = 16;

const LONGEST_NAME: usize = 21;

/// The number that is this run of digits.
fn at(text: &[u8], run: &Range<usize>, _: Date) -> Option<Hit> {
    const BEFORE: usize = MAX_GAP + LONGEST_NAME;
    // Most numbers have no name, which is told for all of these bytes at once.
    let is_letter = |byte: u8| (byte | 0x20 == b'p') | (byte | 0x20 == b'i');
    if let Some(before) = text[..run.start].last_chunk::<BEFORE>()
        && !before.iter().fold(false, |any, byte| any | is_letter(*byte))
    {
        return None;
    }
    let before = &text[run.start.saturating_sub(BEFORE)..run.start];
    let names = |at: usize| {
        let from_here = &before[at..];
        NAMES.iter().any(|name| {
            let begins = from_here.get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name));
            begins && from_here.len() - name.len() <= MAX_GAP
        })
    };
    if !(0..before.len()).filter(|at| is_letter(before[*at])).any(names) {
        return None;
    }
    // Four digits are left when the zeros before the number are.
    let zeros = text[run.clone()].iter().take_while(|digit| **digit == b'0').count();
    if run.len() - zeros < 4 {
        return None;
    }
    Hit::standing(text, run.clone(), NAMED, EMBEDDED, true)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_not_found, found};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn finds_numbers_behind_their_name() {
        for (text, number, form) in [
            ("PEID 999999999999", "999999999999", "named"),
            ("peid: 9999", "9999", "named"),
            ("PEID-Nr. 000000009999.", "000000009999", "named"),
            ("Personenidentifikationsnummer (PEID) 999999", "999999", "named"),
            ("Personenidentifikationsnummer: 999999", "999999", "named"),
            ("https://example.org/?peid=999999", "999999", "embedded"),
        ] {
            assert_eq!(found(&KIND, text, Date::MAX), [(number, form, true)], "{text}");
        }
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            Date::MAX,
            &[
                "9999",
                "PEID 999",
                "PEID 000000000999",
                "PEID 9999999999999",
                "PEID A9999",
                "PEID fehlt noch, bitte nachreichen bis 9999",
                "EID 9999",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found(
            number in "[1-9][0-9]{3,11}",
            name in "(PEID|peid|PEID-Nr\\.|PE-ID|PEID number is|Personenidentifikationsnummer)", joint in "[ :]{1,3}",
        ) {
            let text = format!("{name}{joint}{number}, x");
            prop_assert_eq!(found(&KIND, &text, Date::MAX), [(number.as_str(), "named", true)]);
        }
    }
}
