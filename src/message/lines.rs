//! The lines of a text as somebody wrote them: without the marks of quotation, and put together again where a mail
//! program broke them (format=flowed, RFC 3676). A number that was broken with its line is whole then, or parted by no
//! more than a line end.

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

/// Puts lines together that belong together, and takes the marks of quotation away.
pub(super) fn unflowed(text: &str, flowed: Flowed) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut goes_on = None;
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let unquoted = line.trim_start_matches('>');
        let depth = line.len() - unquoted.len();
        let content = unquoted.strip_prefix(' ').unwrap_or(unquoted);
        let is_signature = content == SIGNATURE;
        if index > 0 && (goes_on != Some(depth) || is_signature) {
            joined.push('\n');
        }
        goes_on = (content.ends_with(' ') && !is_signature).then_some(depth);
        let stuffing = usize::from(goes_on.is_some() && flowed.deletes_space);
        // Marks with spaces between them are not flowed text's, and are there nevertheless.
        joined.push_str(unmarked(&content[..content.len() - stuffing]));
    }
    joined
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
            assert_eq!(unflowed(text, Flowed { deletes_space }), expected, "{text:?}");
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
            prop_assert_eq!(bare(&unflowed(&text, Flowed { deletes_space })), bare(&text));
        }
    }
}
