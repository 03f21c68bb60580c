//! The same text in its many shapes -> one shape, so that a number or a word is found however it was typed.

use std::{iter, ops::Range};
use unicode_normalization::{IsNormalized, UnicodeNormalization, char::canonical_combining_class, is_nfkc_quick};

/// Combining marks that are composed with one letter at most; a letter with more is decoration.
const MAX_MARKS: usize = 32;

/// Bytes before a change that it may reach back to: the character that a mark is composed with, a space, two line feeds.
const CONTEXT: usize = 16;

/// Bytes looked at together where nothing has to be done.
const BLOCK: usize = 32;

/// Normalises a text, in place:
///
/// - Unicode compatibility composition (NFKC, UAX #15): `ﬁ` is `fi`, `a` and a ring are `å`, wide letters are plain;
/// - every kind of space is a space, and several are one; every line end is a line feed, at most two in a row; spaces
///   beside a tab or line feed go; tabs stay, since they part the cells of tables;
/// - every hyphen and dash is `-`; every decimal digit is an ASCII one, whatever marks it bears, and superscript digits
///   stand apart from what they are written on;
/// - what has no width goes: soft hyphens, joiners, direction marks, variation selectors, control characters (the zero
///   bytes of UTF-16 that is called ASCII).
///
/// The text never grows: a character whose normal form is longer than itself (in UTF-8) stays as it is. Linear.
pub fn normalise(mut text: String) -> String {
    normalise_from(&mut text, 0);
    text
}

/// Normalises what stands from an offset (a character boundary) on, as a continuation of what stands before it.
pub(super) fn normalise_from(text: &mut String, from: usize) {
    let from = from.min(text.len());
    let Some(first) = first_change(text.as_bytes(), from) else { return };
    // Only the end is looked at: a text that is put together from many parts is not read again with each of them.
    let mut start = if from == 0 { 0 } else { first.saturating_sub(CONTEXT) };
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let tail = if start == 0 { std::mem::take(text) } else { text.split_off(start) };
    let (read, write) = (first - start, first - start);
    let mut folding = Folding { bytes: tail.into_bytes(), read, write, raised_end: usize::MAX };
    folding.run();
    folding.bytes.truncate(folding.write);
    // Whole characters were copied, dropped or replaced, so this is UTF-8 as before; if not, nothing is lost by it.
    let tail =
        String::from_utf8(folding.bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    if start == 0 {
        *text = tail;
    } else {
        text.push_str(&tail);
    }
}

/// Where the first character stands that may have to change.
fn first_change(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += plain_prefix(bytes, at);
        match bytes.get(at)? {
            // A line feed that another thing than white space precedes, and that is not followed by any.
            b'\n' if at > 0 && !is_white(bytes[at - 1]) && bytes.get(at + 1).is_none_or(|next| !is_white(*next)) => {
                at += 1;
            }
            _ => return Some(at),
        }
    }
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The first byte of the letters U+00C0 to U+00FF, of which only one more follows: they are as common in the languages
/// at hand as punctuation, and nothing has to be done for them.
const LATIN_1: u8 = 0xc3;

/// How many bytes from here on are printable ASCII or Latin-1 letters, without two spaces side by side.
fn plain_prefix(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    let mut length = 0;
    // A space at the very beginning, or after other white space, needs a closer look.
    let mut before = if from == 0 { b' ' } else { bytes[from - 1] };
    while let Some(block) = rest.get(length..length + BLOCK) {
        // Without a branch for each byte, so that the compiler makes vector instructions of it.
        let mut plain = is_plain(before, block[0]);
        for pair in 1..BLOCK {
            plain &= is_plain_inside(block[pair - 1], block[pair]);
        }
        if !plain {
            break;
        }
        before = block[BLOCK - 1];
        length += BLOCK;
    }
    for &byte in &rest[length..] {
        if !is_plain(before, byte) {
            break;
        }
        before = byte;
        length += 1;
    }
    length
}

fn is_plain(before: u8, byte: u8) -> bool {
    is_plain_inside(before, byte) & !(byte == b' ' && is_white(before))
}

/// The same where `before` is plain itself, so that of white space it can only be a space.
fn is_plain_inside(before: u8, byte: u8) -> bool {
    let printable = (0x20..0x7f).contains(&byte) & !((byte == b' ') & (before == b' '));
    let letter = (byte == LATIN_1) | ((byte & 0xc0 == 0x80) & (before == LATIN_1));
    printable | letter
}

/// A text that is folded in place: what stands before `write` is done, what stands from `read` on is to be done.
struct Folding {
    bytes: Vec<u8>,
    read: usize,
    write: usize,
    /// Where the last superscript or subscript digit ended, as the text came.
    raised_end: usize,
}

impl Folding {
    fn run(&mut self) {
        while self.read < self.bytes.len() {
            match self.bytes[self.read] {
                b' ' => {
                    self.read += 1;
                    self.space();
                }
                b'\t' => {
                    self.read += 1;
                    self.drop_spaces();
                    self.put(b"\t");
                }
                b'\r' => {
                    self.read += if self.bytes.get(self.read + 1) == Some(&b'\n') { 2 } else { 1 };
                    self.line_feed();
                }
                b'\n' | 0x0b | 0x0c => {
                    self.read += 1;
                    self.line_feed();
                }
                0x21..0x7f | LATIN_1 => self.plain(),
                0x00..=0x1f | 0x7f => self.read += 1,
                _ => self.character(),
            }
        }
    }

    /// Copies what needs no look: one character at least.
    fn plain(&mut self) {
        let length = plain_prefix(&self.bytes, self.read);
        self.copy(self.read..self.read + length);
        self.read += length;
    }

    fn copy(&mut self, range: Range<usize>) {
        let length = range.len();
        if range.start != self.write {
            self.bytes.copy_within(range, self.write);
        }
        self.write += length;
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.write..self.write + bytes.len()].copy_from_slice(bytes);
        self.write += bytes.len();
    }

    fn last(&self) -> Option<u8> {
        self.bytes[..self.write].last().copied()
    }

    fn space(&mut self) {
        if self.last().is_some_and(|last| !is_white(last)) {
            self.put(b" ");
        }
    }

    fn drop_spaces(&mut self) {
        while self.last() == Some(b' ') {
            self.write -= 1;
        }
    }

    fn line_feed(&mut self) {
        self.drop_spaces();
        let done = &self.bytes[..self.write];
        if !done.is_empty() && !done.ends_with(b"\n\n") {
            self.put(b"\n");
        }
    }

    /// One character that is not ASCII.
    fn character(&mut self) {
        let length = width(self.bytes[self.read]).min(self.bytes.len() - self.read);
        let range = self.read..self.read + length;
        self.read += length;
        let Some(character) = decode(&self.bytes[range.clone()]) else { return self.copy(range) };
        match shape(character) {
            Shape::Same => self.copy(range),
            Shape::Gone => {}
            Shape::Space => self.space(),
            Shape::LineFeed => self.line_feed(),
            Shape::Ascii(byte) => self.put(&[byte]),
            Shape::Raised(digit) => {
                // The number that it annotates ends here; one that is written in such digits alone stays whole.
                if self.last().is_some_and(|last| last.is_ascii_digit()) && self.raised_end != range.start {
                    self.put(b" ");
                }
                self.put(&[digit]);
                self.raised_end = range.end;
            }
            Shape::Mark => self.compose(range.start),
            Shape::Other => self.other(character, range),
        }
    }

    /// A character that only Unicode's tables know; what they make of it may be one that we know.
    fn other(&mut self, character: char, range: Range<usize>) {
        if is_nfkc_quick(iter::once(character)) == IsNormalized::Yes {
            return self.copy(range);
        }
        let mut composed = String::new();
        for part in character.nfkc() {
            match shape(part) {
                Shape::Gone => {}
                Shape::Ascii(byte) | Shape::Raised(byte) => composed.push(char::from(byte)),
                // A mark by itself: it has nothing to stand on, or would change what stands before it.
                Shape::Space | Shape::LineFeed => return self.copy(range),
                Shape::Mark if composed.is_empty() => return self.copy(range),
                Shape::Same | Shape::Mark | Shape::Other if part == ' ' => return self.copy(range),
                Shape::Same | Shape::Mark | Shape::Other => composed.push(part),
            }
        }
        if composed.len() <= range.len() {
            self.put(composed.as_bytes());
        } else {
            self.copy(range);
        }
    }

    /// Composes the combining marks that begin here with the character that was written last.
    fn compose(&mut self, marks: usize) {
        let base = (1..=4.min(self.write)).map(|back| self.write - back).find(|&at| self.bytes[at] & 0xc0 != 0x80);
        let base = base.unwrap_or(self.write);
        let mut end = self.read;
        for _ in 1..MAX_MARKS {
            let Some(&first) = self.bytes.get(end) else { break };
            let next = end..(end + width(first)).min(self.bytes.len());
            // What has no width does not part a mark from what it stands on.
            let goes_on = |next: char| matches!(shape(next), Shape::Mark | Shape::Gone);
            if first < 0x80 || !decode(&self.bytes[next.clone()]).is_some_and(goes_on) {
                break;
            }
            end = next.end;
        }
        self.read = end;
        // A digit that is struck through or underlined is one all the same.
        if self.last().is_some_and(|last| last.is_ascii_digit()) {
            return;
        }
        let marked = text_of(&self.bytes[marks..end]).chars().filter(|mark| shape(*mark) == Shape::Mark);
        let written: Vec<char> = text_of(&self.bytes[base..self.write]).chars().chain(marked).collect();
        let mut after_digit = false;
        let bare = |character: &char| {
            let stays = !(after_digit && shape(*character) == Shape::Mark);
            after_digit = character.is_ascii_digit() || !stays;
            stays
        };
        let composed: String = written.into_iter().nfkc().filter(bare).collect();
        if base + composed.len() <= end {
            self.write = base;
            self.put(composed.as_bytes());
        } else {
            self.copy(marks..end);
        }
    }
}

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn decode(bytes: &[u8]) -> Option<char> {
    std::str::from_utf8(bytes).ok()?.chars().next()
}

/// Bytes of the UTF-8 character that begins with this byte.
fn width(first: u8) -> usize {
    match first {
        0..=0xdf if first >= 0xc0 => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
        _ => 1,
    }
}

/// What becomes of a character.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shape {
    Same,
    Gone,
    Space,
    LineFeed,
    Ascii(u8),
    /// A superscript or subscript digit.
    Raised(u8),
    /// It combines with what stands before it.
    Mark,
    /// What Unicode says.
    Other,
}

fn shape(character: char) -> Shape {
    match character {
        // The letters of the languages at hand are most of what there is.
        '\u{c0}'..='\u{131}' => Shape::Same,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => Shape::Space,
        '\u{85}' | '\u{2028}' | '\u{2029}' => Shape::LineFeed,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        // Circles, squares and keycaps around what stands before them.
        | '\u{20dd}'..='\u{20e0}'
        | '\u{20e2}'..='\u{20e4}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => Shape::Gone,
        '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}'
        | '\u{2e3a}'
        | '\u{2e3b}' => Shape::Ascii(b'-'),
        '\u{b9}' => Shape::Raised(b'1'),
        '\u{b2}' => Shape::Raised(b'2'),
        '\u{b3}' => Shape::Raised(b'3'),
        '\u{2070}' | '\u{2074}'..='\u{2079}' => Shape::Raised(b'0' + (u32::from(character) - 0x2070) as u8),
        '\u{2080}'..='\u{2089}' => Shape::Raised(b'0' + (u32::from(character) - 0x2080) as u8),
        // They would become a space and a mark.
        '\u{a8}' | '\u{af}' | '\u{b4}' | '\u{b8}' => Shape::Same,
        _ if canonical_combining_class(character) > 0 => Shape::Mark,
        _ => digit(character).map_or(Shape::Other, Shape::Ascii),
    }
}

/// The zeros of Unicode's decimal digits (general category Nd) beyond ASCII; each one's nine others follow it.
const ZEROS: [u32; 70] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0,
    0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50,
    0x11d50, 0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1e140, 0x1e2f0,
    0x1e4f0, 0x1e5f1, 0x1e950,
];

fn digit(character: char) -> Option<u8> {
    let value = u32::from(character);
    // Mathematical digits stand five times in a row, in as many styles.
    if (0x1d7ce..=0x1d7ff).contains(&value) {
        return Some(b'0' + ((value - 0x1d7ce) % 10) as u8);
    }
    let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= value)].last()?;
    (value - zero < 10).then(|| b'0' + (value - zero) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folds_the_shapes_of_a_character() {
        for (text, plain) in [
            ("", ""),
            ("ordinary text", "ordinary text"),
            ("blåbærgrød på Ærø", "blåbærgrød på Ærø"),
            ("a\u{a0}b\u{2003}c\u{202f}d", "a b c d"),
            ("01\u{ad}01\u{200b}90", "010190"),
            ("010190\u{2013}1234", "010190-1234"),
            ("010190\u{2011}1234", "010190-1234"),
            ("\u{2212}5", "-5"),
            ("\u{ff10}\u{ff11}\u{ff21}", "01A"),
            ("\u{660}\u{661}\u{6f9}", "019"),
            ("\u{966}\u{967}\u{1e959}", "019"),
            ("\u{1d7d8}\u{1d7ff}", "09"),
            ("\u{2460}\u{2461}", "12"),
            ("ﬁn ﬂad ĳs ℡ №5", "fin flad ijs TEL No5"),
            ("a\u{30a}A\u{30a}o\u{308}e\u{301}", "åÅöé"),
            ("bla\u{30a}bær", "blåbær"),
            ("a\u{328}\u{301}", "ą\u{301}"),
            ("\u{30a}x", "\u{30a}x"),
            ("½ ´ ¨ ￣", "½ ´ ¨ ￣"),
            ("5⁻", "5-"),
            ("010190-1234¹ og ²", "010190-1234 1 og 2"),
            ("¹²³⁴ x₁", "1234 x1"),
            ("a\u{2028}b", "a\nb"),
            ("\u{feff}x", "x"),
            ("6\u{fe0f}\u{20e3}1\u{20e3}0\u{336}1\u{332}90", "610190"),
            ("61\0\x0101\x7f90-\x080005", "610190-0005"),
            ("😀 \u{200d}ok 👩\u{200d}⚕\u{fe0f}", "😀 ok 👩⚕"),
        ] {
            assert_eq!(normalise(text.to_owned()), plain, "{text:?}");
        }
    }

    #[test]
    fn collapses_white_space() {
        for (text, plain) in [
            ("a  b   c", "a b c"),
            ("  a", "a"),
            ("a \t b\t\tc", "a\tb\t\tc"),
            ("a\r\nb\rc\nd\x0ce", "a\nb\nc\nd\ne"),
            ("a  \r\n   b", "a\nb"),
            ("a\n\n\n\n b", "a\n\nb"),
            ("\n\n a", "a"),
            ("a\u{a0} \u{2009}b", "a b"),
            (
                "one line\nanother line\nand a third one that is longer than a block\n",
                "one line\nanother line\nand a third one that is longer than a block\n",
            ),
        ] {
            assert_eq!(normalise(text.to_owned()), plain, "{text:?}");
        }
    }

    #[test]
    fn goes_on_from_where_it_ended() {
        let mut text = "one ".to_owned();
        for (next, whole) in
            [("  two", "one two"), ("a\u{30a}", "one twoå"), ("\u{ad} ", "one twoå "), ("\nx", "one twoå\nx")]
        {
            let from = text.len();
            text.push_str(next);
            normalise_from(&mut text, from);
            assert_eq!(text, whole);
        }
    }

    #[test]
    fn every_decimal_digit_is_known() {
        // Unicode's digits come in tens; the table is in order and has no overlap.
        assert!(ZEROS.windows(2).all(|pair| pair[0] + 10 <= pair[1]));
        for zero in ZEROS {
            let ten: String = (zero..zero + 10).filter_map(char::from_u32).collect();
            assert_eq!(normalise(ten), "0123456789", "{zero:x}");
        }
    }

    proptest! {
        #[test]
        fn never_grows_and_is_stable(text in any::<String>()) {
            let once = normalise(text.clone());
            prop_assert!(once.len() <= text.len());
            prop_assert_eq!(normalise(once.clone()), once);
        }

        #[test]
        fn is_stable_for_marks_and_spaces(text in "[a-c åé\u{30a}\u{301}\u{328}\u{ad} \t\r\n\u{2009}¹²0-9½ﬁ-]{0,40}") {
            let once = normalise(text.clone());
            prop_assert!(once.len() <= text.len());
            prop_assert_eq!(normalise(once.clone()), once);
        }

        #[test]
        fn leaves_plain_words_alone(text in "([!-~]{1,12}[ \\n]){0,30}[!-~]") {
            prop_assert_eq!(normalise(text.clone()), text);
        }

        #[test]
        fn pieces_are_as_the_whole(parts in proptest::collection::vec("[a-c å\u{30a}\r\n\t ]{0,8}", 0..8)) {
            let mut text = String::new();
            for part in &parts {
                let from = text.len();
                text.push_str(part);
                normalise_from(&mut text, from);
            }
            // A carriage return and its line feed may be parted.
            let whole = normalise(parts.concat());
            prop_assert_eq!(text.replace("\n\n", "\n"), whole.replace("\n\n", "\n"));
        }
    }
}
