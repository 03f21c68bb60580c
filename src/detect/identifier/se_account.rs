//! Swedish bank accounts: Bankinfrastruktur i Sverige, *Clearingnummer och kontonummer i svenska banker*.
//!
//! The clearing number of four digits (some of 8000 to 8999 with a fifth) and the account of up to ten. How the account
//! is checked depends on the bank, and is not looked at.

use super::{
    Finder, Hit, Identifier,
    account::{Between, after_bank},
    lengths,
};
use crate::detect::digits::run_end;
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "se.account",
    forms: &["labelled", "hyphen", "spaced", "embedded"],
    checksum: None,
    finder: Finder::Own { starts: lengths(&[4]), at },
};

const LABELLED: usize = 0;
const HYPHEN: usize = 1;
const SPACED: usize = 2;
const EMBEDDED: usize = 3;

/// The account whose clearing number is, or begins, this run of digits.
fn at(text: &[u8], run: &Range<usize>, _: Date) -> Option<Hit> {
    if text[run.start] == b'0' {
        return None;
    }
    let fifth =
        text[run.start] == b'8' && text.get(run.end) == Some(&b'-') && run_end(text, run.end + 1) == run.end + 2;
    let bank = if fifth { run.end + 2 } else { run.end };
    let (end, between) = after_bank(text, bank, 6..=10)?;
    let form = match between {
        Between::Words => LABELLED,
        Between::Sign => HYPHEN,
        Between::White => SPACED,
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
                ("8000-2 0000000000", "spaced"),
                ("8000-2, 000 000 000-0", "spaced"),
                ("8000-2,0000000000", "spaced"),
                ("8000-2 konto 0000000000", "labelled"),
                ("5000-0000000", "hyphen"),
                ("5000 00 000 00", "spaced"),
                ("5000, kontonummer 0000000", "labelled"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        let texts = ["5000 00000", "0500 0000000", "5000 00000000000", "500 0000000", "5000 och 0000000"];
        assert_not_found(&KIND, CLOCK, &texts);
    }

    proptest! {
        #[test]
        fn every_account_is_found(
            account in "[0-9]{6,10}", clearing in "5000|8000-2", between in "-| |, | kontonr[.] ",
        ) {
            let text = format!("{clearing}{between}{account}");
            let found = found(&KIND, &text, CLOCK);
            prop_assert_eq!(found.first().map(|found| found.0), Some(text.as_str()));
        }
    }
}
