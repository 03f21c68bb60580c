//! Numbers whose digits stand apart: one in each cell or box of a form, or spaced for looks.

use std::ops::Range;

/// Fewer digits are no number of anyone's; more are a table.
const DIGITS: std::ops::RangeInclusive<usize> = 8..=24;

/// What may stand between two of them, in bytes.
const MAX_GAP: usize = 3;

/// Digits that stand apart, put together.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// The digits, with the hyphens between them.
    pub(super) text: Vec<u8>,
    /// Where each byte of it stands.
    places: Vec<usize>,
}

impl Series {
    /// What a range of the text that was put together covers in the text itself.
    pub(super) fn range(&self, range: &Range<usize>) -> Range<usize> {
        self.places[range.start]..self.places[range.end - 1] + 1
    }
}

/// Gathers series from runs of digits, in their order.
#[derive(Debug, Default)]
pub(super) struct Spread {
    series: Series,
    digits: usize,
    end: usize,
}

impl Spread {
    /// Takes the next run of digits; gives the series that ended before it, if it is one.
    pub(super) fn take(&mut self, text: &[u8], run: &Range<usize>) -> Option<Series> {
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

    /// The series that the text ended with.
    pub(super) fn finish(&mut self) -> Option<Series> {
        let digits = std::mem::take(&mut self.digits);
        let series = std::mem::take(&mut self.series);
        DIGITS.contains(&digits).then_some(series)
    }
}

impl Series {
    fn push(&mut self, byte: u8, place: usize) {
        // One more than a series may have is enough to know that it is none.
        if self.places.len() <= 2 * DIGITS.end() {
            self.text.push(byte);
            self.places.push(place);
        }
    }
}

fn is_gap(gap: &[u8]) -> bool {
    (1..=MAX_GAP).contains(&gap.len())
        && gap.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'-' | b'|'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::digits::Runs;

    fn series(text: &str) -> Vec<(String, String)> {
        let mut spread = Spread::default();
        let text = text.as_bytes();
        let mut all: Vec<_> = Runs::of(text).filter_map(|run| spread.take(text, &run)).collect();
        all.extend(spread.finish());
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
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(put, read)| (put.to_owned(), read.to_owned())).collect();
            assert_eq!(series(text), expected, "{text}");
        }
    }
}
