//! Cards and calendars: vCard 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), iCalendar (RFC 5545), vCalendar 1.0.

use super::{
    super::sinks::Sink,
    Gathered,
    embedded::{Files, data_url},
    read_text,
};
use crate::message::{
    Attachment, Fault, Reading, Stop, Whereabouts, base64, decode_text, quoted_printable, read_html, within,
};
use std::borrow::Cow;

/// Lines between two looks at the clock.
const STEP: usize = 1024;

/// Reads it; its map counts lines as they stand in the file.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    read_text(file, reading, |text, gathered, reading| lines(text, file.place, gathered, reading))
}

fn lines(text: &str, place: &str, gathered: &mut Gathered, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Gathered { sinks, files } = gathered;
    let mut next_line = 0;
    for (count, (line, content)) in (Unfolded { rest: text, line: 0, keep_space: false }).enumerate() {
        if count % STEP == 0 {
            reading.clock(place)?;
            sinks.check(reading)?;
        }
        if content.trim().is_empty() {
            continue;
        }
        let shown = property(&content, place, files, reading)?;
        if line != next_line {
            sinks.at(Sink::Body, Whereabouts::Line(line));
        }
        sinks.line(Sink::Body, shown.trim());
        // Where a value has several lines, the next property needs an entry of its own in the map.
        next_line = if shown.trim().contains('\n') { 0 } else { line + 1 };
    }
    Ok(())
}

/// Content lines, unfolded, and the number of the line on which each begins.
struct Unfolded<'a> {
    rest: &'a str,
    /// The number of the last line.
    line: u32,
    /// In vCard 2.1 the white space that marks a fold is part of the text.
    keep_space: bool,
}

impl<'a> Iterator for Unfolded<'a> {
    type Item = (u32, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut content = Cow::Borrowed(self.physical()?);
        let first = self.line;
        let soft = is_quoted_printable(&content);
        loop {
            if soft && content.ends_with('=') {
                let Some(more) = self.physical() else { break };
                content.to_mut().push_str("\r\n");
                content.to_mut().push_str(more);
            } else if self.rest.starts_with([' ', '\t']) {
                let Some(more) = self.physical() else { break };
                content.to_mut().push_str(if self.keep_space { more } else { &more[1..] });
            } else {
                break;
            }
        }
        self.keep_space |= content.trim_end().eq_ignore_ascii_case("VERSION:2.1");
        Some((first, content))
    }
}

impl<'a> Unfolded<'a> {
    /// The next line as it stands.
    fn physical(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        self.line = self.line.saturating_add(1);
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

/// Whether the value of a line is in quoted-printable, as its parameters say.
fn is_quoted_printable(line: &str) -> bool {
    let Some(colon) = colon(line) else { return false };
    parameters(&line[..colon]).any(|(_, value)| value.eq_ignore_ascii_case("quoted-printable"))
}

/// Where the value begins: the first colon outside of quotes.
fn colon(line: &str) -> Option<usize> {
    let mut in_quotes = false;
    line.bytes().position(|byte| {
        in_quotes ^= byte == b'"';
        byte == b':' && !in_quotes
    })
}

/// Names and values of the parameters; one that has no name has its value only.
fn parameters(head: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut in_quotes = false;
    let parts = head.split(move |character| {
        in_quotes ^= character == '"';
        character == ';' && !in_quotes
    });
    parts.skip(1).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or(("", part));
        (name, value.trim_matches('"'))
    })
}

/// What a reader sees of a property; a file in it is set aside.
fn property(line: &str, place: &str, files: &mut Files, reading: &mut Reading<'_>) -> Result<String, Stop> {
    let Some(colon) = colon(line) else { return Ok(line.to_owned()) };
    let (head, value) = (&line[..colon], &line[colon + 1..]);
    let name = head.split(';').next().unwrap_or_default();
    let parameter = |wanted: &[&str]| {
        parameters(head)
            .find(|(name, _)| wanted.iter().any(|wanted| name.eq_ignore_ascii_case(wanted)))
            .map(|(_, value)| value.to_owned())
    };
    let encoded = |as_what: &[&str]| {
        parameters(head).any(|(name, value)| {
            (name.is_empty() || name.eq_ignore_ascii_case("encoding"))
                && as_what.iter().any(|known| value.eq_ignore_ascii_case(known))
        })
    };
    let media_type = parameter(&["fmttype", "mediatype"]).map(|kind| kind.to_ascii_lowercase());
    if encoded(&["b", "base64"]) || data_url(value.trim()).is_some() {
        let file_name = parameter(&["x-filename", "filename", "x-apple-filename"]);
        let (data_type, encoded) = data_url(value.trim()).unwrap_or((None, value));
        let (bytes, _) = base64(encoded.as_bytes());
        let shown = format!("{head}: {}", file_name.as_deref().unwrap_or_default());
        files.push(&name.to_ascii_lowercase(), file_name, media_type.or(data_type), bytes);
        return Ok(shown);
    }
    let value = if encoded(&["quoted-printable"]) {
        let bytes = quoted_printable(value.as_bytes());
        decode_text(&bytes, parameter(&["charset"]).as_deref(), usize::MAX).into_owned()
    } else {
        unescaped(value)
    };
    if media_type.as_deref() == Some("text/html") {
        read_html(&value, &within(place, name.to_ascii_lowercase()), reading)?;
        return Ok(format!("{head}: "));
    }
    Ok(format!("{head}: {value}"))
}

/// Escapes of texts (RFC 5545 section 3.3.11).
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let mut after = rest[at + 1..].chars();
        match after.next() {
            Some('n' | 'N') => text.push('\n'),
            Some(other @ (',' | ';' | ':' | '\\' | '"')) => text.push(other),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{documents::read_alone, message::Document};
    use proptest::prelude::*;

    fn document(bytes: &[u8]) -> Document {
        let (document, result) = read_alone(read, "a", bytes);
        result.unwrap();
        document
    }

    #[test]
    fn properties_are_read() {
        for (lines, text) in [
            ("SUMMARY:one\r\n two\r\n", "SUMMARY: onetwo"),
            ("VERSION:2.1\nNOTE:one\n two", "VERSION: 2.1\nNOTE: one two"),
            ("DESCRIPTION:a\\nb\\, c\\;d\\\\e\\x", "DESCRIPTION: a\nb, c;d\\e\\x"),
            (
                "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=utf-8:f=C3=B8=\r\ndt=0Aja",
                "NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=utf-8: født\nja",
            ),
            ("NOTE;QUOTED-PRINTABLE;CHARSET=iso-8859-1:f=F8dt", "NOTE;QUOTED-PRINTABLE;CHARSET=iso-8859-1: født"),
            ("ATTENDEE;CN=\"A:B; C\":mailto:x@example.org", "ATTENDEE;CN=\"A:B; C\": mailto:x@example.org"),
            ("X-ALT-DESC;FMTTYPE=text/html:<p>01<b>01</b></p>", "0101"),
            ("no colon", "no colon"),
        ] {
            assert_eq!(document(lines.as_bytes()).pieces[0].text.trim_end(), text, "{lines}");
        }
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let document = document(b"BEGIN:VCARD\r\nNOTE:a\r\n b\r\n\tc\r\nTEL:1\r\nX:a\\nb\r\nY:2\r\n");
        let piece = &document.pieces[0];
        for (word, line) in [("BEGIN", 1), ("NOTE", 2), ("TEL", 5), ("X:", 6), ("Y:", 7)] {
            assert_eq!(piece.place_of(piece.text.find(word).unwrap()), format!("a > line {line}"));
        }
    }

    #[test]
    fn files_are_handed_on() {
        let card = "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ\r\n SkZJRg==\r\nPHOTO:data:image/png;base64,iVBORw0KGgo=\r\n\
            ATTACH;FMTTYPE=text/plain;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=n.txt:SGVq\r\n";
        let document = document(card.as_bytes());
        let places: Vec<_> = document.unreadable.iter().map(|part| part.place.as_str()).collect();
        assert_eq!(places, ["a > \"photo\" 1", "a > \"photo\" 2", "a > attachment \"n.txt\""]);
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "(BEGIN:V|NOTE|;|ENCODING=b|QUOTED-PRINTABLE|:|=|\\\\|\"|\r\n |\n|æ|[a-z]){0,40}") {
            document(text.as_bytes());
        }
    }
}
