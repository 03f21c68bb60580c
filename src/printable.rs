//! Text from outside, made fit for one log line or one line on a terminal.

use std::fmt::{self, Write as _};

/// Shows a text with every character escaped that could end the line, move the cursor or turn the reading
/// direction, so that nobody outside can write log lines of his own.
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a str);

/// Whether a character is shown as it is: no control character (C0, DEL, C1), no line or paragraph separator, no
/// bidirectional control (Unicode Standard Annex 9).
pub fn is_printable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(|character| !is_printable(character)) {
            let (before, after) = rest.split_at(at);
            f.write_str(before)?;
            let mut after = after.chars();
            for escaped in after.next().into_iter().flat_map(char::escape_default) {
                f.write_char(escaped)?;
            }
            rest = after.as_str();
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_what_could_forge_a_line() {
        for (text, shown) in [
            ("example.dk", "example.dk"),
            ("rødgrød", "rødgrød"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\0\u{7f}\u{85}", "a\\u{0}\\u{7f}\\u{85}"),
            ("\u{202e}txt.exe\u{2028}", "\\u{202e}txt.exe\\u{2028}"),
        ] {
            assert_eq!(Printable(text).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_stays_on_one_line(text in any::<String>()) {
            prop_assert!(Printable(&text).to_string().chars().all(is_printable));
        }
    }
}
