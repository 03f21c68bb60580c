//! Ways of writing a number: groups of digits and letters, and what stands between them.

use super::table::{Around, Follow};
use std::ops::Range;

/// Letters and digits of the longest number, and a sign behind them.
const MAX_VALUE: usize = 41;

/// White space where a layout has a space, in bytes: a cell's end, or a line's end with the white space around it.
const MAX_WHITE: usize = 3;

/// One way of writing a number.
///
/// | sign of the pattern | stands for |
/// |---|---|
/// | `d` | a digit |
/// | `l` | a Latin letter, of either case |
/// | `x` | a digit or a Latin letter |
/// | space | white space, up to three bytes of it (a line may have been cut there) |
/// | `~` | a hyphen with white space around it or not |
/// | any other | itself |
///
/// What stands before the first digits must be letters (or signs that are themselves).
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Index into the kind's forms.
    pub(super) form: usize,
    pub(super) pattern: &'static str,
}

/// A text that has a layout.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) range: Range<usize>,
    value: [u8; MAX_VALUE],
    length: usize,
}

impl Written {
    /// What stands there, if that are not more letters and digits than there is room for.
    fn of(text: &[u8], range: Range<usize>) -> Option<Self> {
        let (mut value, mut length) = ([0; MAX_VALUE], 0);
        for byte in &text[range.clone()] {
            // Written without a look, and written over by the next where it is a sign.
            *value.get_mut(length)? = byte.to_ascii_uppercase();
            length += usize::from(byte.is_ascii_alphanumeric());
        }
        Some(Self { range, value, length })
    }

    /// Its letters, in upper case, and digits.
    pub(super) fn value(&self) -> &[u8] {
        &self.value[..self.length]
    }
}

impl Layout {
    /// How many digits stand together at the first place where digits stand; `x` may be a digit, and must not stand
    /// there.
    pub(super) fn first_run(&self) -> usize {
        self.pattern.bytes().skip_while(|sign| *sign != b'd').take_while(|sign| *sign == b'd').count()
    }

    /// Whether what stands around a run of digits, whose length is that of the first, leaves it a chance.
    pub(super) fn may_fit(&self, around: &Around) -> bool {
        let pattern = self.pattern.as_bytes();
        let Some(first) = pattern.iter().position(|sign| *sign == b'd') else { return false };
        let letter_before = first > 0 && matches!(pattern[first - 1], b'l' | b'x');
        if letter_before != around.letter_before {
            return false;
        }
        let Some((sign, rest)) = pattern[first + self.first_run()..].split_first() else {
            // A hyphen or dot with digits behind it makes it a piece of something longer.
            let goes_on = matches!(around.follow, Follow::Hyphen | Follow::Dot) && around.next > 0;
            return around.follow != Follow::Letter && !goes_on;
        };
        let digits = rest.iter().take_while(|sign| **sign == b'd').count();
        let next = match rest.get(digits) {
            Some(b'x') => around.next >= digits,
            _ => around.next == digits,
        };
        next && match sign {
            b'l' | b'x' => around.follow == Follow::Letter,
            b' ' => around.follow == Follow::White,
            b'~' => matches!(around.follow, Follow::Hyphen | Follow::WideHyphen),
            b'-' => around.follow == Follow::Hyphen,
            b'.' => around.follow == Follow::Dot,
            b'/' => around.follow == Follow::Slash,
            _ => around.follow == Follow::Other,
        }
    }

    /// Reads the number whose first digits are this run, neither more nor fewer.
    pub(super) fn read(&self, text: &[u8], run: &Range<usize>) -> Option<Written> {
        if self.first_run() == run.len() { self.read_rest(text, run, self.before()) } else { None }
    }

    /// How much of the pattern stands before the first digits.
    pub(super) fn before(&self) -> usize {
        self.pattern.bytes().take_while(|sign| *sign != b'd').count()
    }

    /// The same where as many digits as the pattern has first are known to stand, with so much of it before them.
    pub(super) fn read_rest(&self, text: &[u8], run: &Range<usize>, before: usize) -> Option<Written> {
        let (before, rest) = self.pattern.as_bytes().split_at_checked(before)?;
        let start = run.start.checked_sub(before.len())?;
        // What follows decides most often.
        let end = follow(rest.get(run.len()..)?, text, run.end)?;
        // Digits that go on are another number.
        if text.get(end).is_some_and(u8::is_ascii_digit) || follow(before, text, start) != Some(run.start) {
            return None;
        }
        Written::of(text, start..end)
    }
}

/// Where a text that has a part of a pattern from a place on ends.
fn follow(pattern: &[u8], text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut pattern) = (start, pattern);
    while let [sign, rest @ ..] = pattern {
        // Digits mostly stand in groups.
        if let Some(rest) = pattern.strip_prefix(b"dddd") {
            if !text.get(at..)?.first_chunk().is_some_and(four_digits) {
                return None;
            }
            (at, pattern) = (at + 4, rest);
            continue;
        }
        let fits = match sign {
            b'd' => text.get(at)?.is_ascii_digit(),
            b' ' => {
                let white = white(text, at);
                at += white.checked_sub(1)?;
                true
            }
            b'~' => {
                at += white(text, at);
                let hyphen = *text.get(at)? == b'-';
                at += white(text, at + 1);
                hyphen
            }
            b'l' => text.get(at)?.is_ascii_alphabetic(),
            b'x' => text.get(at)?.is_ascii_alphanumeric(),
            sign => text.get(at)? == sign,
        };
        if !fits {
            return None;
        }
        (at, pattern) = (at + 1, rest);
    }
    Some(at)
}

/// Whether four bytes are digits, all at once: their upper halves are 3, and stay so when 6 is added.
fn four_digits(bytes: &[u8; 4]) -> bool {
    const UPPER: u32 = 0xf0f0_f0f0;
    const THREES: u32 = 0x3030_3030;
    let bytes = u32::from_le_bytes(*bytes);
    bytes & UPPER == THREES && bytes.wrapping_add(0x0606_0606) & UPPER == THREES
}

pub(super) fn white(text: &[u8], at: usize) -> usize {
    let after = text.get(at..).unwrap_or_default();
    after.iter().take(MAX_WHITE).take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::digits::Runs;

    #[test]
    fn texts_have_layouts() {
        for (pattern, text, value) in [
            ("dddddd-dddd", "010203-1234", Some("0102031234")),
            ("dddddd-dddd", "010203-12345", None),
            ("dddddd-dddd", "010203 1234", None),
            ("dddddd~dddd", "010203 -\n1234", Some("0102031234")),
            ("dddddd dddd", "010203\t1234", Some("0102031234")),
            ("dddddd dddd", "010203    1234", None),
            ("ll dd dd dd l", "ab 12 34 56 c", Some("AB123456C")),
            ("ddddddxdddx", "131052a308t", Some("131052A308T")),
            ("lddddddd", "x1234567", Some("X1234567")),
            ("lddddddd", "1234567", None),
            ("ddddddxdddx", "1310523081t", None),
            ("dd dd", "12345", None),
            ("dd dd", "1 34", None),
        ] {
            let layout = Layout { form: 0, pattern };
            let run = Runs::of(text.as_bytes()).next().unwrap();
            let written = layout.read(text.as_bytes(), &run);
            let read = written.as_ref().map(|written| std::str::from_utf8(written.value()).unwrap());
            assert_eq!(read, value, "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_digits_are_known() {
        for (pattern, length) in [("dddddd-dddd", 6), ("ll dd dd", 2), ("lddddddd", 7), ("llllllddlddldddl", 2)] {
            assert_eq!(Layout { form: 0, pattern }.first_run(), length, "{pattern}");
        }
    }
}
