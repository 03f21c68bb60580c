//! Accounts that are written as a number of the bank and a number within it.

use super::{Checksum, check_digit::luhn};
use crate::detect::digits::run_end;
use jiff::civil::Date;
use std::ops::{Range, RangeInclusive};

/// Bytes between the two where words stand between them.
const MAX_WORDS: usize = 40;

/// White space between the two, in bytes.
const MAX_WHITE: usize = 3;

/// What stands between the two numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Between {
    /// `reg.nr. 1234, kontonr. 12345678`.
    Words,
    /// `1234-12345678`.
    Sign,
    /// `1234 12345678`.
    White,
}

/// Whether digits can be a Swedish giro account: not all of them zero, the last one a check digit.
pub(super) fn giro(value: &[u8], _: Date) -> Option<Checksum> {
    (value.iter().any(|digit| *digit != b'0') && luhn(value)).then_some(Checksum::Fits)
}

/// The number within the bank that follows its own, which ends here: its end, and what stands before it.
pub(super) fn after_bank(text: &[u8], end: usize, digits: RangeInclusive<usize>) -> Option<(usize, Between)> {
    let (start, between) = match text.get(end..)? {
        // Mostly one sign stands there, or what is no account stands behind it.
        [sign, digit, ..] if digit.is_ascii_digit() => match sign {
            b'-' | b'/' => (end + 1, Between::Sign),
            b' ' | b'\t' | b'\r' | b'\n' | b',' => (end + 1, Between::White),
            _ => return None,
        },
        after => {
            let start = end + after.iter().take(MAX_WORDS + 1).position(u8::is_ascii_digit)?;
            match &text[end..start] {
                white if !white.is_empty() && white.len() <= MAX_WHITE && is_white(white) => (start, Between::White),
                words if names_account(words) => (start, Between::Words),
                _ => return None,
            }
        }
    };
    Some((grouped(text, start, digits)?.end, between))
}

fn is_white(gap: &[u8]) -> bool {
    let gap = gap.strip_prefix(b",").unwrap_or(gap);
    gap.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

fn names_account(words: &[u8]) -> bool {
    words.windows(3).any(|three| three.eq_ignore_ascii_case(b"kto") || three.eq_ignore_ascii_case(b"acc"))
        || words.windows(4).any(|four| four.eq_ignore_ascii_case(b"kont"))
}

/// Digits in groups, with one sign between two of them.
fn grouped(text: &[u8], start: usize, digits: RangeInclusive<usize>) -> Option<Range<usize>> {
    let mut end = run_end(text, start);
    let mut count = end - start;
    while count < *digits.end() && matches!(text.get(end), Some(b' ' | b'-' | b'.')) {
        let next = run_end(text, end + 1);
        if next == end + 1 {
            break;
        }
        count += next - end - 1;
        end = next;
    }
    digits.contains(&count).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_follow_their_bank() {
        for (text, found) in [
            ("1234-1234567", Some((12, Between::Sign))),
            ("1234 1234567", Some((12, Between::White))),
            ("1234, 123 456 789-0", Some((19, Between::White))),
            ("1234 kontonr.: 1234567", Some((22, Between::Words))),
            ("1234 – KTO 1234567.", Some((20, Between::Words))),
            ("1234 med 1234567", None),
            ("1234 12345", None),
            ("1234 12345678901", None),
            ("1234 1234567 8901", None),
            ("1234", None),
            ("1234-", None),
        ] {
            assert_eq!(after_bank(text.as_bytes(), 4, 6..=10), found, "{text}");
        }
    }
}
