//! CPR numbers: Denmark's Central Person Register, *Personnummeret i CPR* (cpr.dk) and the CPR Act section 3.
//!
//! Ten digits: day, month, year, then four whose first gives the century. Hospitals' replacement numbers add 60 to the
//! day. Modulus 11 was given up in 2007: numbers without it are issued, so it raises confidence and is no condition.

use super::{Finder, Hit, Identifier, date::date, lengths};
use crate::detect::digits::run_end;
use jiff::civil::Date;
use std::ops::Range;

/// The kind.
pub(super) static KIND: Identifier = Identifier {
    name: "dk.cpr",
    forms: &FORMS,
    checksum: Some("modulus 11"),
    finder: Finder::Own { starts: lengths(&[2, 6, 8, 10]), at },
};

/// How a number is written: `010136-4321`; `010136 4321` (also ` - `, `/`, `.`, a tab, a line end); `01.01.36-4321` or with the year
/// in full; `0101364321`; any of them within a URL or an address.
const FORMS: [&str; 5] = ["hyphen", "spaced", "grouped", "bare", "embedded"];
const HYPHEN: usize = 0;
const SPACED: usize = 1;
const GROUPED: usize = 2;
const BARE: usize = 3;
const EMBEDDED: usize = 4;

/// White space on either side of the sign before the last four digits, in bytes.
const MAX_WHITE: usize = 3;

/// The number that begins at this run of digits.
fn at(text: &[u8], run: &Range<usize>, today: Date) -> Option<Hit> {
    let written = match run.len() {
        10 => Written { end: run.end, form: BARE, year: None, digits: collect(&[&text[run.clone()]])? },
        6 => separated(text, run.clone(), HYPHEN)?,
        // The year in full: ddmmyyyy-nnnn.
        8 => with_full_year(text, run)?,
        2 => grouped(text, run)?,
        _ => return None,
    };
    let born = birth_date(&written.digits)?;
    if born > today || written.year.is_some_and(|year| year != born.year()) {
        return None;
    }
    let range = run.start..written.end;
    Hit::standing(text, range, written.form, EMBEDDED, modulus_11(&written.digits))
}

struct Written {
    end: usize,
    form: usize,
    /// The year, where it was written in full.
    year: Option<i16>,
    digits: [u8; 10],
}

/// Six digits, something between, four digits.
fn separated(text: &[u8], date: Range<usize>, form: usize) -> Option<Written> {
    let (serial, hyphen) = serial(text, date.end)?;
    let digits = collect(&[&text[date], &text[serial.clone()]])?;
    let form = if form == HYPHEN && !hyphen { SPACED } else { form };
    Some(Written { end: serial.end, form, year: None, digits })
}

fn with_full_year(text: &[u8], run: &Range<usize>) -> Option<Written> {
    let (serial, _) = serial(text, run.end)?;
    let date = &text[run.clone()];
    let digits = collect(&[&date[..4], &date[6..], &text[serial.clone()]])?;
    Some(Written { end: serial.end, form: GROUPED, year: Some(number(&date[4..])), digits })
}

/// Day, month and year set apart by one and the same sign.
fn grouped(text: &[u8], day: &Range<usize>) -> Option<Written> {
    let sign = *text.get(day.end).filter(|sign| matches!(sign, b' ' | b'.' | b'-' | b'/' | b'\t'))?;
    let month = day.end + 1..run_end(text, day.end + 1);
    if month.len() != 2 || text.get(month.end) != Some(&sign) {
        return None;
    }
    let year = month.end + 1..run_end(text, month.end + 1);
    let (serial, _) = match year.len() {
        2 | 4 => serial(text, year.end)?,
        _ => return None,
    };
    if is_time_zone(&text[year.end..serial.start], &text[serial.clone()]) {
        return None;
    }
    let full = (year.len() == 4).then(|| number(&text[year.clone()]));
    let short = year.end - 2..year.end;
    let digits = collect(&[&text[day.clone()], &text[month], &text[short], &text[serial.clone()]])?;
    Some(Written { end: serial.end, form: GROUPED, year: full, digits })
}

/// Whether a date is followed by the difference from UTC, as mail programs write it over a reply: `11/06/04 -0700`.
fn is_time_zone(between: &[u8], digits: &[u8]) -> bool {
    let hours_and_minutes = number(digits);
    between.len() > 1
        && between.last() == Some(&b'-')
        && hours_and_minutes <= 1200
        && matches!(hours_and_minutes % 100, 0 | 30 | 45)
}

/// The four digits after the date, and whether a plain hyphen stands before them.
///
/// Between them stands a sign, white space (a line may have been cut there), or both.
fn serial(text: &[u8], from: usize) -> Option<(Range<usize>, bool)> {
    let white = |at: usize| {
        text[at..].iter().take(MAX_WHITE).take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
    };
    let sign = from + white(from);
    let after = match text.get(sign) {
        Some(b'-' | b'/' | b'.') => sign + 1,
        _ => sign,
    };
    let start = after + white(after);
    let end = run_end(text, start);
    (start > from && end - start == 4).then(|| (start..end, &text[from..start] == b"-"))
}

/// Ten digits as numbers.
fn collect(parts: &[&[u8]]) -> Option<[u8; 10]> {
    let mut digits = [0; 10];
    let mut at = 0;
    for byte in parts.iter().copied().flatten() {
        *digits.get_mut(at)? = byte - b'0';
        at += 1;
    }
    (at == 10).then_some(digits)
}

fn number(digits: &[u8]) -> i16 {
    digits.iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0'))
}

/// The date of birth, if there is such a date.
fn birth_date(digits: &[u8; 10]) -> Option<Date> {
    let two = |at: usize| u32::from(digits[at] * 10 + digits[at + 1]);
    let (day, month, year) = (two(0), two(2), two(4));
    let day = if day > 60 { day - 60 } else { day };
    let century = match (digits[6], year) {
        (0..=3, _) => 1900,
        (4 | 9, 0..=36) => 2000,
        (4 | 9, _) => 1900,
        (_, 0..=57) => 2000,
        _ => 1800,
    };
    date(century + year, month, day)
}

fn modulus_11(digits: &[u8; 10]) -> bool {
    const WEIGHTS: [u32; 10] = [4, 3, 2, 7, 6, 5, 4, 3, 2, 1];
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(&digit, weight)| u32::from(digit) * weight).sum();
    sum.is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::digits::Runs;
    use jiff::civil::date;
    use proptest::prelude::*;

    /// Behind this clock people are born who are not.
    const CLOCK: Date = date(2057, 12, 31);

    fn found(text: &str, today: Date) -> Vec<(&str, &'static str, bool)> {
        let hits = Runs::of(text.as_bytes()).filter_map(|run| at(text.as_bytes(), &run, today));
        hits.map(|hit| (&text[hit.range], FORMS[hit.form], hit.checksum)).collect()
    }

    #[test]
    fn finds_every_written_form() {
        for (text, form) in [
            ("310136-4321", "hyphen"),
            ("310136 4321", "spaced"),
            ("310136 - 4321", "spaced"),
            ("310136- 4321", "spaced"),
            ("310136  4321", "spaced"),
            ("310136-\r\n4321", "spaced"),
            ("310136 \n4321", "spaced"),
            ("310136/4321", "spaced"),
            ("310136\t4321", "spaced"),
            ("31.01.36-4321", "grouped"),
            ("31 01 36 4321", "grouped"),
            ("31-01-36-4321", "grouped"),
            ("31/01/2036 4321", "grouped"),
            ("31\t01\t36\t4321", "grouped"),
            ("31012036-4321", "grouped"),
            ("3101364321", "bare"),
            ("910136-4321", "hyphen"),
        ] {
            assert_eq!(found(text, CLOCK), [(text, form, false)]);
            let sentence = format!("Født: {text}, og så videre.");
            assert_eq!(found(&sentence, CLOCK), [(text, form, false)]);
        }
        assert_eq!(found("https://example.org/?cpr=310136-4321", CLOCK), [("310136-4321", "embedded", false)]);
    }

    #[test]
    fn other_numbers_are_none() {
        for text in [
            "320136-4321",
            "310236-4321",
            "290237-4321",
            "311336-4321",
            "000136-4321",
            "600136-4321",
            "310136-432",
            "310136-43210",
            "1310136-4321",
            "310136--4321",
            "310136    -4321",
            "310136-    4321",
            "310136",
            "310136-",
            "31013643210",
            "31.01-36-4321",
            "31.01.1936-4321",
            "31012136-4321",
            "31/01/36 -0700",
            "31-01-2036 -0330",
            "a310136-4321",
            "310136-4321a",
            "12-310136-4321",
            "550e8400-310136-4321",
            "+310136-4321",
            "0.310136-4321",
        ] {
            assert_eq!(found(text, CLOCK), [], "{text}");
        }
        // Nobody is born tomorrow.
        assert_eq!(found("310136-4321", date(2036, 1, 30)), []);
        assert_eq!(found("310136-4321", date(2036, 1, 31)).len(), 1);
    }

    #[test]
    fn the_seventh_digit_gives_the_century() {
        for (year, seventh, born) in [
            (0, 0, 1900),
            (99, 3, 1999),
            (36, 4, 2036),
            (37, 4, 1937),
            (36, 9, 2036),
            (99, 9, 1999),
            (57, 5, 2057),
            (58, 5, 1858),
            (57, 8, 2057),
            (99, 8, 1899),
        ] {
            let digits = [0, 1, 0, 1, year / 10, year % 10, seventh, 0, 0, 0];
            assert_eq!(birth_date(&digits).unwrap().year(), born, "{year} {seventh}");
        }
        assert!(birth_date(&[2, 9, 0, 2, 0, 0, 0, 0, 0, 0]).is_none(), "1900 was no leap year");
        assert!(birth_date(&[2, 9, 0, 2, 0, 0, 4, 0, 0, 0]).is_some(), "2000 was");
    }

    proptest! {
        /// Births from 2037 on, which only the century digits 5-8 can say.
        #[test]
        fn every_number_is_found_in_every_form(
            year in 37_u8..=57, day_of_year in 1_i16..=365, serial in 5000_u16..=8999, replaced in any::<bool>(),
            before in "[a-zæøå ]{0,10}[ (:»]", after in "([ ).,«][a-zæøå ]{0,10})?",
        ) {
            let born = date(2000 + i16::from(year), 1, 1).checked_add(jiff::Span::new().days(day_of_year - 1)).unwrap();
            let day = born.day() + if replaced { 60 } else { 0 };
            let (month, year) = (born.month(), year);
            for number in [
                format!("{day:02}{month:02}{year:02}-{serial}"),
                format!("{day:02}{month:02}{year:02} {serial}"),
                format!("{day:02}{month:02}{year:02} - {serial}"),
                format!("{day:02}{month:02}{year:02}{serial}"),
                format!("{day:02}.{month:02}.{year:02}-{serial}"),
                format!("{day:02} {month:02} 20{year:02} {serial}"),
            ] {
                let text = format!("{before}{number}{after}");
                let found = found(&text, CLOCK);
                prop_assert_eq!(found.len(), 1, "{}", text);
                prop_assert_eq!(found[0].0, number);
            }
        }
    }
}
