//! Danish bank accounts: Finans Danmark, *registreringsnumre*; the BBAN of the IBAN registry.
//!
//! The bank's registration number of four digits and the account of up to ten. There is no check digit.

use super::{
    Finder, Hit, Identifier,
    account::{Between, after_bank},
    lengths,
};
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "dk.account",
    forms: &["labelled", "hyphen", "spaced", "bare", "embedded"],
    checksum: None,
    finder: Finder::Own { starts: lengths(&[4, 14]), at },
};

const LABELLED: usize = 0;
const HYPHEN: usize = 1;
const SPACED: usize = 2;
const BARE: usize = 3;
const EMBEDDED: usize = 4;

/// The account whose registration number is, or begins, this run of digits.
fn at(text: &[u8], run: &Range<usize>, _: Date) -> Option<Hit> {
    let (end, form) = match run.len() {
        14 => (run.end, BARE),
        _ => match after_bank(text, run.end, 6..=10)? {
            (end, Between::Words) => (end, LABELLED),
            (end, Between::Sign) => (end, HYPHEN),
            (end, Between::White) => (end, SPACED),
        },
    };
    let range = run.start..end;
    Hit::standing(text, range, form, EMBEDDED, true)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_not_found, found};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const CLOCK: Date = date(2057, 12, 31);

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("0000 kontonr. 0000123456", "labelled"),
                ("0000, konto: 123456", "labelled"),
                ("0000-0000123456", "hyphen"),
                ("0000/0000123456", "hyphen"),
                ("0000 0000123456", "spaced"),
                ("0000 000 012 3456", "spaced"),
                ("0000\t0000123456", "spaced"),
                ("00000000123456", "bare"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        let texts = ["0000 12345", "0000-00001234567", "000 0000123456", "0000 og 0000123456", "1.0000 0000123456"];
        assert_not_found(&KIND, CLOCK, &texts);
    }

    proptest! {
        #[test]
        fn every_account_is_found(account in "[0-9]{6,10}", between in "-|/| |, | kontonr[.] ") {
            let text = format!("0000{between}{account}");
            let found = found(&KIND, &text, CLOCK);
            prop_assert_eq!(found.first().map(|found| found.0), Some(text.as_str()));
        }
    }
}
