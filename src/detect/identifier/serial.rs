//! Serial numbers of letters and digits in any order, written without a gap.

use std::ops::Range;

/// The letters and digits that stand together around this run of digits, if a letter is first, the run is the first of
/// their digits, and they are at most `longest`.
pub(super) fn around(text: &[u8], run: &Range<usize>, longest: usize) -> Option<Range<usize>> {
    let before = text[..run.start].iter().rev().take(longest).take_while(|byte| byte.is_ascii_alphabetic()).count();
    if before == 0 {
        return None;
    }
    let start = run.start - before;
    let length = text[start..].iter().take(longest + 1).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    (length <= longest).then_some(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::digits::Runs;

    #[test]
    fn serials_are_what_stands_together() {
        for (text, found) in [
            ("C01X00T47", Some(0..9)),
            (" C01X00T47.", Some(1..10)),
            ("AB1", Some(0..3)),
            ("1AB", None),
            ("C01X00T4711", None),
            ("ABCDEFGHIJK1", None),
            ("ABC 1", None),
        ] {
            let run = Runs::of(text.as_bytes()).next().unwrap();
            assert_eq!(around(text.as_bytes(), &run, 10), found, "{text}");
        }
    }
}
