//! The lines of a text as somebody wrote them: without the marks of quotation, and put together again where a mail
//! program broke them (format=flowed, RFC 3676). A number that was broken with its line is whole then, or parted by no
//! more than a line end. Which line each of them was is kept.

use super::{Text, Whereabouts};
use memchr::memmem;
use std::borrow::Cow;

/// How a text is flowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Flowed {
    /// The space that says that a line goes on was put there for that alone (`DelSp=yes`).
    pub(super) deletes_space: bool,
}

/// The line before a signature; it is never flowed (section 4.3).
const SIGNATURE: &str = "-- ";

/// Lines that were put together.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) text: String,
    /// Where a line begins that is not the next one of those that were written: its offset, and its number from 1.
    pub(super) jumps: Vec<(usize, u32)>,
}

/// Puts lines together that belong together, and takes the marks of quotation away.
pub(super) fn unflowed(text: &str, flowed: Flowed) -> Joined {
    let mut joined = String::with_capacity(text.len());
    let mut jumps = Vec::new();
    let mut goes_on = None;
    let mut last = 1;
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let unquoted = line.trim_start_matches('>');
        let depth = line.len() - unquoted.len();
        let content = unquoted.strip_prefix(' ').unwrap_or(unquoted);
        let is_signature = content == SIGNATURE;
        if index > 0 && (goes_on != Some(depth) || is_signature) {
            joined.push('\n');
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            if number != last + 1 {
                jumps.push((joined.len(), number));
            }
            last = number;
        }
        goes_on = (content.ends_with(' ') && !is_signature).then_some(depth);
        let stuffing = usize::from(goes_on.is_some() && flowed.deletes_space);
        // Marks with spaces between them are not flowed text's, and are there nevertheless.
        joined.push_str(unmarked(&content[..content.len() - stuffing]));
    }
    Joined { text: joined, jumps }
}

/// A text whose map counts lines: those that are told of the places where some are left out.
///
/// Of several empty lines one is kept, so that the map must say where the text goes on.
pub fn numbered(content: &str, jumps: &[(usize, u32)]) -> Text {
    let mut text = Text::new();
    text.at(Whereabouts::Line(1));
    let mut jumps = jumps.iter().peekable();
    let (mut begin, mut at, mut number, mut empty) = (0, 0, 1_u32, 1);
    for line in content.split_inclusive('\n') {
        let jump = jumps.next_if(|(offset, _)| *offset == at).map(|(_, number)| *number);
        number = jump.unwrap_or(number);
        let is_empty = line.trim().is_empty();
        if jump.is_some() || (!is_empty && empty > 1) {
            text.push(&content[begin..at]);
            text.at(Whereabouts::Line(number));
            begin = at;
        }
        empty = if is_empty { empty + 1 } else { 0 };
        at += line.len();
        number = number.saturating_add(1);
    }
    text.push(&content[begin..]);
    text
}

/// Takes the marks of quotation away: `>` and `|`, any number of them, before each line.
pub fn without_quote_marks(text: &str) -> Cow<'_, str> {
    let is_marked =
        |start: &&str| text.starts_with(&start[1..]) || memmem::find(text.as_bytes(), start.as_bytes()).is_some();
    if !["\n>", "\n|", "\n >", "\n |"].iter().any(is_marked) {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        plain.push_str(unmarked(line));
    }
    plain.into()
}

/// The line without its marks, each of which a space may stand before.
fn unmarked(line: &str) -> &str {
    let mut rest = line;
    let mut found = false;
    loop {
        let spaced = rest.strip_prefix(' ').unwrap_or(rest);
        match spaced.strip_prefix(['>', '|']) {
            Some(after) => (rest, found) = (after, true),
            None if found => return rest.strip_prefix(' ').unwrap_or(rest),
            None => return line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn flowed_lines_are_put_together() {
        for (text, deletes_space, expected) in [
            ("a \nb\nc", false, "a b\nc"),
            ("a \r\nb\r\nc\r\n", false, "a b\nc\n"),
            ("610190- \n0005", true, "610190-0005"),
            ("610190- \n0005", false, "610190- 0005"),
            ("> a \n> b\n>> c \n>> d\ne", false, "a b\nc d\ne"),
            ("> a \nb", false, "a \nb"),
            ("a\n-- \nb", false, "a\n-- \nb"),
            ("a \n-- \nb", true, "a\n-- \nb"),
            (" > stuffed\n  space", false, "stuffed\n space"),
            (">610190- \n> 0005", true, "610190-0005"),
            ("", false, ""),
        ] {
            assert_eq!(unflowed(text, Flowed { deletes_space }).text, expected, "{text:?}");
        }
    }

    #[test]
    fn lines_are_those_that_were_written() {
        for content in [
            "one\ntwo",
            "\none\n\ntwo\n",
            "\n\n\none\r\n\r\n\r\n \t\r\ntwo\n\n\n\nthree",
            "one",
            "a \nb\none \nc\n\n\n> d \n> two\n\nthree",
            "a \n\n\n\nb \none\n",
        ] {
            let joined = unflowed(content, Flowed { deletes_space: false });
            for piece in [numbered(content, &[]).into_piece("a"), numbered(&joined.text, &joined.jumps).into_piece("a")]
            {
                for word in ["one", "two", "three"] {
                    let Some(at) = content.find(word) else { continue };
                    let line = content[..at].matches('\n').count() + 1;
                    let found = piece.place_of(piece.text.find(word).unwrap());
                    // Of lines that were put together the first one counts.
                    let first = line - usize::from(piece.text.contains("d two") && word == "two");
                    let first = first - usize::from(piece.text.contains("b one") && word == "one");
                    assert_eq!(found, format!("a > line {first}"), "{content:?}");
                }
            }
        }
    }

    #[test]
    fn quote_marks_go() {
        for (text, expected) in [
            ("610190-\n> 0005", "610190-\n0005"),
            ("> 610190-\r\n> 0005\r\n", "610190-\r\n0005\r\n"),
            ("> > a\n>> b\n>c\n | d", "a\nb\nc\nd"),
            ("a > b\na|b", "a > b\na|b"),
            ("> x\n\n    indented", "x\n\n    indented"),
            (">", ""),
            ("", ""),
        ] {
            assert_eq!(without_quote_marks(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_marks_and_line_ends_is_lost(text in "[ab0-9>| æ\r\n]{0,80}", deletes_space: bool) {
            let bare = |text: &str| text.replace(['>', '|', ' ', '\n', '\r'], "");
            prop_assert_eq!(bare(&without_quote_marks(&text)), bare(&text));
            prop_assert_eq!(bare(&unflowed(&text, Flowed { deletes_space }).text), bare(&text));
        }
    }
}
