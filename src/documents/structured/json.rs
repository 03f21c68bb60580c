//! JSON (RFC 8259) and its relatives (a value per line, comments): keys, texts and numbers, without what holds them
//! together. Nothing is built from it, so that nesting costs nothing.

use super::{super::sinks::Sink, Gathered, read_text};
use crate::message::{Attachment, Fault, Reading, Whereabouts};

/// Bytes between two looks at the clock.
const STEP: usize = 256 * 1024;

/// Reads it; its map counts lines.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    read_text(file, reading, |text, gathered, reading| {
        let reader = Reader { gathered, line: 1, next_line: 1, fresh: true, separator: "", string: String::new() };
        reader.run(text, file.place, reading)
    })
}

struct Reader<'g> {
    gathered: &'g mut Gathered,
    /// The line that we are in.
    line: u32,
    /// The line that the map says that we are in, with what was written so far.
    next_line: u32,
    /// Nothing was written of this line.
    fresh: bool,
    /// What stands between what was written last and what is written next.
    separator: &'static str,
    string: String,
}

impl Reader<'_> {
    fn run(mut self, mut rest: &str, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let mut until_clock = 0;
        while let Some(first) = rest.bytes().next() {
            let before = rest.len();
            match first {
                b'"' => rest = self.string(&rest[1..]),
                b'\n' => {
                    self.end_line();
                    rest = &rest[1..];
                }
                b'{' | b'}' | b'[' | b']' | b' ' | b'\t' | b'\r' => rest = &rest[1..],
                b',' => {
                    self.separate("\t");
                    rest = &rest[1..];
                }
                b':' => {
                    self.separate(": ");
                    rest = &rest[1..];
                }
                _ => {
                    let special = |byte: u8| b"\"\n{}[],: \t\r".contains(&byte);
                    let end = rest.bytes().position(special).unwrap_or(rest.len());
                    self.put(&rest[..end]);
                    // Comments have words.
                    if rest[end..].starts_with([' ', '\t']) {
                        self.separate(" ");
                    }
                    rest = &rest[end..];
                }
            }
            until_clock += before - rest.len();
            if until_clock > STEP {
                until_clock = 0;
                reading.clock(place)?;
                self.gathered.sinks.check(reading)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.fresh {
            if self.line != self.next_line || self.line == 1 {
                self.gathered.sinks.at(Sink::Body, Whereabouts::Line(self.line));
                self.next_line = self.line;
            }
            self.fresh = false;
        } else {
            self.gathered.sinks.push(Sink::Body, self.separator);
        }
        self.separator = "";
        self.gathered.sinks.push(Sink::Body, text);
    }

    fn separate(&mut self, with: &'static str) {
        if with != " " || self.separator.is_empty() {
            self.separator = with;
        }
    }

    fn end_line(&mut self) {
        self.line = self.line.saturating_add(1);
        if !self.fresh {
            self.gathered.sinks.end_line(Sink::Body);
            self.next_line = self.next_line.saturating_add(1);
            self.fresh = true;
        }
        self.separator = "";
    }

    /// Reads a string whose opening quote is behind us; gives what stands after it.
    fn string<'a>(&mut self, text: &'a str) -> &'a str {
        let mut string = std::mem::take(&mut self.string);
        string.clear();
        let mut rest = text;
        loop {
            let end = memchr::memchr3(b'"', b'\\', b'\n', rest.as_bytes()).unwrap_or(rest.len());
            string.push_str(&rest[..end]);
            match rest.as_bytes().get(end) {
                Some(b'\\') => rest = escape(&rest[end + 1..], &mut string),
                Some(b'\n') => {
                    // No string may have one, but a text that only looks like JSON does.
                    self.put(&string);
                    string.clear();
                    self.end_line();
                    rest = &rest[end + 1..];
                }
                other => {
                    if !self.gathered.files.take("string", &string) {
                        self.put(&string);
                    }
                    self.string = string;
                    return if other.is_some() { &rest[end + 1..] } else { "" };
                }
            }
        }
    }
}

/// Reads an escape whose backslash is behind us; line ends and tabs become spaces.
fn escape<'a>(text: &'a str, string: &mut String) -> &'a str {
    let mut characters = text.chars();
    match characters.next() {
        None => return "",
        Some('n' | 'r' | 't' | 'b' | 'f') => string.push(' '),
        Some('u') => {
            let unit = |text: &str| text.get(..4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
            let Some(first) = unit(&text[1..]) else { return &text[1..] };
            let mut after = &text[5..];
            let mut units = vec![first];
            if (0xd800..0xdc00).contains(&first)
                && let Some(second) = after.strip_prefix("\\u").and_then(unit)
            {
                units.push(second);
                after = &after[6..];
            }
            string.extend(char::decode_utf16(units).map(|decoded| match decoded {
                Ok('\n' | '\r' | '\t') => ' ',
                Ok(character) => character,
                Err(_) => char::REPLACEMENT_CHARACTER,
            }));
            return after;
        }
        Some(other) => string.push(other),
    }
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{documents::read_alone, message::Document};
    use proptest::prelude::*;

    fn document(json: &str) -> Document {
        let (document, result) = read_alone(read, "a", json.as_bytes());
        result.unwrap();
        document
    }

    #[test]
    fn keys_and_values_are_read() {
        for (json, text) in [
            ("{\"cpr\": \"610190-0005\", \"n\": -1.5e3, \"x\": null}", "cpr: 610190-0005\tn: -1.5e3\tx: null"),
            ("[[\"6101\",\"900005\"]]", "6101\t900005"),
            ("\"a\\u00f8\\ud83d\\ude00\\n\\\"b\\\\c\\/\"", "aø😀 \"b\\c/"),
            ("\"\\ud83d\\u0041\"", "\u{fffd}A"),
            ("\"\\u12", "12"),
            ("{\n  \"a\": 1,\n\n\n  \"b\": 2\n}\n", "a: 1\nb: 2"),
            ("{a: 'x y' // z w\n}", "a: 'x y' // z w"),
            ("\"a\nb\"", "a\nb"),
            ("\"open", "open"),
        ] {
            assert_eq!(document(json).pieces[0].text.trim_end(), text, "{json}");
        }
        let deep = format!("{}1", "[".repeat(1_000_000));
        assert_eq!(document(&deep).pieces[0].text, "1");
    }

    #[test]
    fn lines_are_counted() {
        let document = document("\n{\n\"a\": \"x\\ny\",\n\n\n\"b\": 2,\n\"c\": 3}");
        let piece = &document.pieces[0];
        for (word, place) in [("a:", "a > line 3"), ("b:", "a > line 6"), ("c:", "a > line 7")] {
            assert_eq!(piece.place_of(piece.text.find(word).unwrap()), place);
        }
    }

    #[test]
    fn files_in_it_are_handed_on() {
        let pdf = "JVBERi0xLjcK".repeat(30);
        let document = document(&format!("{{\"file\": \"{pdf}\", \"name\": \"x\"}}"));
        assert_eq!(document.pieces[0].text, "file\tname: x");
        assert_eq!(document.unreadable[0].place, "a > \"string\" 1");
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "[\\[{}\\],:\"\\\\u0-9a-fæ \n]{0,60}") {
            document(&text);
        }
    }
}
