//! Codice fiscale of natural persons in Italy: DPR n. 605/1973, article 2; DM 23 dicembre 1976, n. 13813, articles 2
//! to 7.
//!
//! Sixteen signs: three letters of the surname, three of the given name, two digits of the year, a letter for the
//! month, the day (40 more for women), a letter and three digits of the place of birth, a check letter. Where two
//! people would have the same, digits are replaced with letters, from the last on (*omocodia*). Companies have eleven
//! digits instead, and those are not looked for.

use super::{Finder, Hit, Identifier, date::is_recent_past, layout::Layout, lengths};
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "it.codicefiscale",
    forms: &FORMS,
    checksum: None,
    finder: Finder::Own { starts: lengths(&[1, 2, 3]), at },
};

/// How a number is written: in groups, or without a gap; either within a URL or an address.
const FORMS: [&str; 3] = ["grouped", "bare", "embedded"];
const BARE: usize = 1;
const EMBEDDED: usize = 2;

/// In groups a replaced digit is known in the last ones only.
const GROUPED: [Layout; 6] = [
    Layout { form: 0, pattern: "lll lll ddldd lxxx l" },
    Layout { form: 0, pattern: "lll lll ddldd lxxxl" },
    Layout { form: 0, pattern: "llllll ddldd lxxx l" },
    Layout { form: 0, pattern: "llllll ddldd lxxxl" },
    Layout { form: 0, pattern: "lll-lll-ddldd-lxxx-l" },
    Layout { form: 0, pattern: "lll lll ddlddlxxxl" },
];

const LENGTH: usize = 16;

/// Signs before the first that can be a digit.
const NAMES: usize = 6;

/// The places of digits.
const DIGITS: [usize; 7] = [6, 7, 9, 10, 12, 13, 14];

/// The months' letters.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";

/// The letters that replace the digits 0 to 9.
const REPLACED: &[u8; 10] = b"LMNPQRSTUV";

/// The number whose first digits are this run.
fn at(text: &[u8], run: &Range<usize>, today: Date) -> Option<Hit> {
    let (range, form, value) = bare(text, run).or_else(|| grouped(text, run))?;
    if !valid(&value, today) {
        return None;
    }
    Hit::standing(text, range, form, EMBEDDED, true)
}

type Value = [u8; LENGTH];

fn bare(text: &[u8], run: &Range<usize>) -> Option<(Range<usize>, usize, Value)> {
    let letters = text[..run.start].iter().rev().take(LENGTH).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if !(NAMES..LENGTH).contains(&letters) {
        return None;
    }
    let start = run.start - letters;
    let mut value: Value = text.get(start..start + LENGTH)?.try_into().ok()?;
    value.make_ascii_uppercase();
    Some((start..start + LENGTH, BARE, value))
}

fn grouped(text: &[u8], run: &Range<usize>) -> Option<(Range<usize>, usize, Value)> {
    if run.len() != 2 {
        return None;
    }
    let written = GROUPED.iter().find_map(|layout| layout.read(text, run).map(|written| (layout.form, written)));
    let (form, written) = written?;
    Some((written.range.clone(), form, written.value().try_into().ok()?))
}

fn valid(value: &Value, today: Date) -> bool {
    let mut digits = [0; DIGITS.len()];
    for (digit, place) in digits.iter_mut().zip(DIGITS) {
        *digit = match value[place] {
            sign @ b'0'..=b'9' => u32::from(sign - b'0'),
            sign => match REPLACED.iter().position(|letter| *letter == sign) {
                Some(replaced) => replaced as u32,
                None => return false,
            },
        };
    }
    let letters = (0..LENGTH).filter(|place| !DIGITS.contains(place)).all(|place| value[place].is_ascii_uppercase());
    let Some(month) = MONTHS.iter().position(|letter| *letter == value[8]) else { return false };
    let (year, day) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3]);
    let day = if day > 40 { day - 40 } else { day };
    letters && check_letter(value) == value[LENGTH - 1] && is_recent_past(year, month as u32 + 1, day, today)
}

/// The letter that checks the fifteen signs before it.
fn check_letter(value: &Value) -> u8 {
    /// What the digits, and as well the letters, count in odd places (from 1).
    const ODD: [u8; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let sum: u32 = value[..LENGTH - 1]
        .iter()
        .enumerate()
        .map(|(at, sign)| {
            let rank = if sign.is_ascii_digit() { sign - b'0' } else { sign.wrapping_sub(b'A') % 26 };
            u32::from(if at % 2 == 0 { ODD[usize::from(rank)] } else { rank })
        })
        .sum();
    b'A' + (sum % 26) as u8
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_found, assert_not_found};
    use super::*;
    use proptest::prelude::*;

    /// No place has the code A000, and the names are none.
    const CLOCK: Date = jiff::civil::date(2057, 12, 31);

    fn with_check_letter(signs: &str) -> String {
        let mut value: Value = *b"                ";
        value[..LENGTH - 1].copy_from_slice(signs.as_bytes());
        format!("{signs}{}", char::from(check_letter(&value)))
    }

    #[test]
    fn finds_every_written_form() {
        assert_found(
            &KIND,
            CLOCK,
            &[
                ("XXXXXX57B14A000U", "bare"),
                ("xxxxxx57b14a000u", "bare"),
                ("QQQQQQ57T54A000M", "bare"),
                ("XXXXXX57B14A0LLI", "bare"),
                ("XXX XXX 57B14 A000 U", "grouped"),
                ("XXX XXX 57B14 A000U", "grouped"),
                ("XXXXXX 57B14 A000U", "grouped"),
                ("XXXXXX 57B14 A000 U", "grouped"),
                ("XXX-XXX-57B14-A000-U", "grouped"),
                ("XXX XXX 57B14A000U", "grouped"),
                ("XXXXXX 57B14 A0LL I", "grouped"),
            ],
        );
    }

    #[test]
    fn other_numbers_are_none() {
        let no_date = with_check_letter("XXXXXX57B30A000");
        let no_month = with_check_letter("XXXXXX57F14A000");
        let no_day = with_check_letter("XXXXXX57B95A000");
        let no_digit = with_check_letter("XXXXXX57B14A00A");
        assert_not_found(
            &KIND,
            CLOCK,
            &[
                "XXXXXX57B14A000V",
                "XXXXXX57B14A000",
                "XXXXXX57B14A000UX",
                "XXXXXXX57B14A000U",
                "1XXXXXX57B14A000U",
                "XX XXXX57B14A000U",
                &no_date,
                &no_month,
                &no_day,
                &no_digit,
            ],
        );
    }

    proptest! {
        #[test]
        fn every_number_is_found_with_any_digits_replaced(
            names in "[BCDFGX]{6}", year in 0_u8..=99, month in 0_usize..12, day in 1_u8..=28, female in any::<bool>(),
            replaced in 0_u8..127, lower in any::<bool>(),
        ) {
            let day = day + if female { 40 } else { 0 };
            let mut signs = format!("{names}{year:02}{}{day:02}A000", char::from(MONTHS[month])).into_bytes();
            for (bit, place) in DIGITS.into_iter().enumerate() {
                if replaced >> bit & 1 == 1 {
                    signs[place] = REPLACED[usize::from(signs[place] - b'0')];
                }
            }
            let number = with_check_letter(std::str::from_utf8(&signs).unwrap());
            let number = if lower { number.to_lowercase() } else { number };
            assert_found(&KIND, CLOCK, &[(&number, "bare")]);
        }
    }
}
