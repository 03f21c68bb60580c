//! Numbers whose signs stand apart: one in each cell or box of a form, or spaced for looks.

use std::{mem, ops::Range};

/// Fewer digits are no number of anyone's; more are a table.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=24;

/// The same where letters are among them, and letters and digits in all.
const DIGITS_AMONG_LETTERS: std::ops::RangeInclusive<usize> = 5..=32;
const SIGNS: std::ops::RangeInclusive<usize> = 8..=34;

/// Letters that stand together.
const MAX_LETTERS: usize = 8;

/// What may stand between two signs, in bytes.
const MAX_GAP: usize = 3;

/// Signs that stand apart, put together.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// The digits and letters, with the hyphens between them.
    pub(super) text: Vec<u8>,
    /// Where each byte of it stands.
    places: Vec<usize>,
}

impl Series {
    /// What a range of the text that was put together covers in the text itself.
    pub(super) fn range(&self, range: &Range<usize>) -> Range<usize> {
        self.places[range.start]..self.places[range.end - 1] + 1
    }

    /// Whether letters are among them.
    pub(super) fn has_letters(&self) -> bool {
        self.text.iter().any(u8::is_ascii_alphabetic)
    }

    fn push(&mut self, byte: u8, place: usize) {
        // One more than a series may have is enough to know that it is none.
        if self.places.len() <= 2 * SIGNS.end() {
            self.text.push(byte);
            self.places.push(place);
        }
    }
}

/// Gathers series from runs of digits, in their order: of digits alone, and of digits and capital letters. What is in the
/// former is looked for without the letters around it too, since these may be words.
#[derive(Debug, Default)]
pub(super) struct Spread {
    digits: Digits,
    mixed: Mixed,
}

impl Spread {
    /// Takes the next run of digits; gives the series that ended before it.
    pub(super) fn take(&mut self, text: &[u8], run: &Range<usize>) -> impl Iterator<Item = Series> + use<> {
        self.digits.take(text, run).into_iter().chain(self.mixed.take(text, run))
    }

    /// The series that the text ended with.
    pub(super) fn finish(&mut self, text: &[u8]) -> impl Iterator<Item = Series> + use<> {
        self.digits.finish().into_iter().chain(self.mixed.finish(text))
    }
}

/// Digits alone.
#[derive(Debug, Default)]
struct Digits {
    series: Series,
    digits: usize,
    end: usize,
}

impl Digits {
    fn take(&mut self, text: &[u8], run: &Range<usize>) -> Option<Series> {
        let gap = &text[self.end..run.start];
        let goes_on = run.len() == 1 && self.digits > 0 && is_gap(gap);
        let before = if goes_on { None } else { self.finish() };
        if run.len() == 1 {
            if let Some(hyphen) = gap.iter().position(|byte| *byte == b'-').filter(|_| goes_on) {
                self.series.push(b'-', self.end + hyphen);
            }
            self.series.push(text[run.start], run.start);
            self.digits += 1;
        }
        self.end = run.end;
        before
    }

    fn finish(&mut self) -> Option<Series> {
        let digits = mem::take(&mut self.digits);
        let series = mem::take(&mut self.series);
        DIGITS.contains(&digits).then_some(series)
    }
}

/// Digits and letters.
#[derive(Debug, Default)]
struct Mixed {
    series: Series,
    digits: usize,
    letters: usize,
    end: usize,
}

impl Mixed {
    fn take(&mut self, text: &[u8], run: &Range<usize>) -> Option<Series> {
        let between = if self.digits > 0 && run.len() == 1 { between(text, self.end..run.start) } else { None };
        let before = if between.is_some() { None } else { self.finish(text) };
        if run.len() == 1 {
            for place in between.unwrap_or_else(|| letters_before(text, run.start)) {
                self.letters += usize::from(text[place] != b'-');
                self.series.push(text[place], place);
            }
            self.series.push(text[run.start], run.start);
            self.digits += 1;
            self.end = run.end;
        }
        before
    }

    fn finish(&mut self, text: &[u8]) -> Option<Series> {
        if self.digits == 0 {
            return None;
        }
        for place in letters_behind(text, self.end) {
            self.letters += 1;
            self.series.push(text[place], place);
        }
        let Self { series, digits, letters, .. } = mem::take(self);
        let fits = letters > 0 && DIGITS_AMONG_LETTERS.contains(&digits) && SIGNS.contains(&(digits + letters));
        fits.then_some(series)
    }
}

/// The places of the letters and hyphens between two digits, where each letter stands apart and nothing else is there.
fn between(text: &[u8], range: Range<usize>) -> Option<Vec<usize>> {
    if range.len() > (MAX_LETTERS + 1) * (MAX_GAP + 1) {
        return None;
    }
    let mut places = Vec::new();
    let mut gap = range.start;
    for at in range.clone() {
        match text[at] {
            b'A'..=b'Z' if is_gap(&text[gap..at]) => {
                places.push(at);
                gap = at + 1;
            }
            b'-' => places.push(at),
            byte if is_between(byte) => {}
            _ => return None,
        }
    }
    is_gap(&text[gap..range.end]).then_some(places)
}

/// The places of the letters that stand apart before a digit, in their order.
fn letters_before(text: &[u8], digit: usize) -> Vec<usize> {
    let mut places = Vec::new();
    let mut end = digit;
    while places.len() < MAX_LETTERS {
        let gap = text[..end].iter().rev().take(MAX_GAP).take_while(|byte| is_between(**byte)).count();
        let Some(at) = (end - gap).checked_sub(1).filter(|at| gap > 0 && text[*at].is_ascii_uppercase()) else { break };
        if text[..at].last().is_some_and(|before| !stands_apart(*before)) {
            break;
        }
        places.push(at);
        end = at;
    }
    places.reverse();
    places
}

/// The places of the letters that stand apart behind a digit.
fn letters_behind(text: &[u8], digit_end: usize) -> Vec<usize> {
    let mut places = Vec::new();
    let mut end = digit_end;
    while places.len() < MAX_LETTERS {
        let gap = text[end..].iter().take(MAX_GAP).take_while(|byte| is_between(**byte)).count();
        let at = end + gap;
        let is_letter = gap > 0 && text.get(at).is_some_and(u8::is_ascii_uppercase);
        if !is_letter || text.get(at + 1).is_some_and(|behind| !stands_apart(*behind)) {
            break;
        }
        places.push(at);
        end = at + 1;
    }
    places
}

/// Whether a letter stands by itself beside this byte.
fn stands_apart(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'\'' | b'_' | b'&' | b'@')
}

fn is_gap(gap: &[u8]) -> bool {
    (1..=MAX_GAP).contains(&gap.len()) && gap.iter().all(|byte| is_between(*byte))
}

fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'-' | b'|')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::digits::Runs;

    fn series(text: &str) -> Vec<(String, String)> {
        let mut spread = Spread::default();
        let text = text.as_bytes();
        let mut all: Vec<_> = Runs::of(text).flat_map(|run| spread.take(text, &run)).collect();
        all.extend(spread.finish(text));
        let shown = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        all.iter().map(|series| (shown(&series.text), shown(&text[series.range(&(0..series.text.len()))]))).collect()
    }

    #[test]
    fn digits_that_stand_apart_are_put_together() {
        for (text, expected) in [
            ("CPR 6\t1\t0\t1\t9\t0\t0\t0\t0\t5 x", Some(("6101900005", "6\t1\t0\t1\t9\t0\t0\t0\t0\t5"))),
            ("6 1 0 1 9 0 - 0 0 0 5", Some(("610190-0005", "6 1 0 1 9 0 - 0 0 0 5"))),
            ("1 2 3", None),
            ("6 1 0 1 9 0    0 0 0 5", None),
            ("6 1 0 1 90 0 0 0 5", None),
            (&"1 ".repeat(30), None),
            ("NINO: A B 1 2 3 4 5 6 C.", Some(("AB123456C", "A B 1 2 3 4 5 6 C"))),
            ("A\tB\n1|2|3 | 4 5 6\tC", Some(("AB123456C", "A\tB\n1|2|3 | 4 5 6\tC"))),
            ("in A B 1 2 3 4 5 6 C is", Some(("AB123456C", "A B 1 2 3 4 5 6 C"))),
            ("G B 2 9 N W B K 6 0", None),
            ("a b 1 2 3 4 5 6 c", None),
            ("A B 1 2 3 4 5 6C", Some(("AB123456", "A B 1 2 3 4 5 6"))),
            ("A B 1 2 3 4 50 6 C", None),
            ("A B 1 2 3, 4 5 6 C", None),
            ("A 1 B 2 C 3 D 4 E", None),
            (&"A 1 ".repeat(30), None),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(put, read)| (put.to_owned(), read.to_owned())).collect();
            assert_eq!(series(text), expected, "{text}");
        }
    }

    /// A letter beside digits may be a word, so that they are looked at without it as well.
    #[test]
    fn digits_are_put_together_without_the_letters_too() {
        let put = |text| series(text).into_iter().map(|(put, _)| put).collect::<Vec<_>>();
        assert_eq!(put("1 3 1 0 5 2 - 3 0 8 T"), ["131052-308", "131052-308T"]);
        assert_eq!(put("I 6 1 0 1 9 0 0 0 0 5"), ["6101900005", "I6101900005"]);
    }
}
