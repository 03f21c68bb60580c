//! Machine-readable zones of travel documents: ICAO Doc 9303 parts 4 (TD3, passports), 5 (TD1, cards), 6 (TD2) and 7
//! (visas).
//!
//! The line with the dates is found: document number, nationality, birth, sex and expiry in passports and TD2; birth,
//! sex, expiry and nationality in cards. Number, birth and expiry have check digits, and all must fit.

use super::{Finder, Hit, Identifier, check_digit::machine_readable, date::number, lengths};
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "mrz",
    forms: &["passport", "td2", "card", "embedded"],
    checksum: None,
    finder: Finder::Own { starts: lengths(&[7]), at },
};

const PASSPORT: usize = 0;
const TD2: usize = 1;
const CARD: usize = 2;
const EMBEDDED: usize = 3;

/// Signs before the birth, in passports and TD2: the number, its check digit, the nationality.
const BEFORE_BIRTH: usize = 13;

/// The line whose birth, with its check digit, is this run of digits.
fn at(text: &[u8], run: &Range<usize>, _: Date) -> Option<Hit> {
    let (sex, expiry) = text.get(run.end..run.end + 8)?.split_first()?;
    if !matches!(sex, b'M' | b'F' | b'X' | b'<') || !is_date(&text[run.clone()]) || !is_date(expiry) {
        return None;
    }
    let (range, form) = match run.start.checked_sub(BEFORE_BIRTH).filter(|&start| has_number(&text[start..run.start])) {
        Some(start) => {
            let end = line_end(text, start);
            let form = match end - start {
                44 => PASSPORT,
                36 => TD2,
                _ => return None,
            };
            (start..end, form)
        }
        None => {
            let end = line_end(text, run.start);
            let nationality = text.get(run.end + 8..run.end + 11)?;
            if end - run.start != 30 || !is_nationality(nationality) || !text[end - 1].is_ascii_digit() {
                return None;
            }
            (run.start..end, CARD)
        }
    };
    if range.start > 0 && is_sign(text[range.start - 1]) {
        return None;
    }
    Hit::standing(text, range, form, EMBEDDED, true)
}

fn is_sign(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'<'
}

/// The end of the signs that begin here; no line is longer than a passport's.
fn line_end(text: &[u8], start: usize) -> usize {
    start + text[start..].iter().take(45).take_while(|&&byte| is_sign(byte)).count()
}

/// Year, month, day and their check digit.
fn is_date(signs: &[u8]) -> bool {
    signs.len() == 7
        && signs.iter().all(u8::is_ascii_digit)
        && (1..=12).contains(&number(&signs[2..4]))
        && (1..=31).contains(&number(&signs[4..6]))
        && checks(signs)
}

/// The document's number, its check digit, the nationality.
fn has_number(signs: &[u8]) -> bool {
    let (number, nationality) = signs.split_at(10);
    number.iter().all(|&sign| is_sign(sign)) && is_nationality(nationality) && checks(number)
}

fn is_nationality(signs: &[u8]) -> bool {
    signs.iter().all(|sign| sign.is_ascii_uppercase() || *sign == b'<') && signs[0] != b'<'
}

/// Whether the last sign checks the others.
fn checks(signs: &[u8]) -> bool {
    signs
        .split_last()
        .is_some_and(|(last, others)| last.is_ascii_digit() && machine_readable(others) == u32::from(last - b'0'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_not_found, found};
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const CLOCK: Date = date(2057, 12, 31);

    /// The specimens of Doc 9303, of the state Utopia.
    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("L898902C36UTO7408122F1204159ZE184226B<<<<<10", "passport"),
                ("D231458907UTO7408122F1204159<<<<<<<6", "td2"),
                ("7408122F1204159UTO<<<<<<<<<<<6", "card"),
            ],
        );
        let passport = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\r\nL898902C36UTO7408122F1204159ZE184226B<<<<<10";
        assert_eq!(found(&KIND, passport, CLOCK).len(), 1);
        let card = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<";
        assert_eq!(found(&KIND, card, CLOCK).len(), 1);
    }

    #[test]
    fn other_numbers_are_none() {
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "L898902C37UTO7408122F1204159ZE184226B<<<<<10",
                "L898902C36UTO7408123F1204159ZE184226B<<<<<10",
                "L898902C36UTO7408122F1204158ZE184226B<<<<<10",
                "L898902C36UTO7408122A1204159ZE184226B<<<<<10",
                "L898902C36UTO7408122F1204159ZE184226B<<<<10",
                "<L898902C36UTO7408122F1204159ZE184226B<<<<<10",
                "L898902C36UTO7413122F1204159ZE184226B<<<<<10",
                "7408122F1204159UTO<<<<<<<<<<<<",
                "7408122F1204159UT1<<<<<<<<<<<6",
                "7408122F1204159UTO<<<<<<<<<<6",
                "7408122",
                "7408122F120415",
            ],
        );
    }

    proptest! {
        #[test]
        fn every_passport_of_utopia_is_found(
            serial in "[A-Z0-9]{9}", year in 0_u8..=99, month in 1_u8..=12, day in 1_u8..=31, sex in "[MFX<]",
            optional in "[A-Z<][A-Z0-9<]{13}",
        ) {
            let checked = |signs: String| format!("{signs}{}", machine_readable(signs.as_bytes()));
            let day = checked(format!("{year:02}{month:02}{day:02}"));
            let line = format!("{}UTO{day}{sex}{day}{optional}00", checked(serial));
            let found = found(&KIND, &line, CLOCK);
            prop_assert_eq!(found, [(line.as_str(), "passport", true)]);
        }
    }
}
