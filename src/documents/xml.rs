//! XML as documents use it, event by event: names without their prefixes, references resolved.

use super::entities::Entities;
use crate::message::{Fault, Reading};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;
use quick_xml::{
    Reader,
    escape::unescape_with,
    events::{BytesStart, Event, attributes::Attribute},
};
use std::{
    borrow::Cow,
    io::{self, BufReader, Read},
    mem,
};

/// Elements within one another; the parser itself needs no stack, but those who follow a document's structure may.
const MAX_DEPTH: usize = 10_000;

/// Bytes in which the encoding is looked for: the XML declaration stands at the very beginning.
const DECLARATION: usize = 200;

/// Events between two looks at the clock.
const STEP: usize = 4096;

/// What stands next in a document.
pub(super) enum Node<'a> {
    /// An element begins.
    Open(&'a Element<'a>),
    /// The element of this name, without its prefix, ends.
    Close(&'a str),
    /// Text.
    Text(&'a str),
}

/// The beginning of an element.
pub(super) struct Element<'a> {
    start: &'a BytesStart<'a>,
    entities: &'a Entities,
}

impl Element<'_> {
    /// Its name without the prefix.
    pub(super) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// The value of the attribute of this name (without the prefix), references resolved.
    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        self.attributes().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All attributes, names without their prefixes. What is malformed is left out.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let mut attributes = self.start.attributes();
        // Looking for attributes given twice takes time quadratic in their number.
        attributes.with_checks(false);
        attributes.flatten().map(|Attribute { key, value }| (key.local_name().into_inner(), self.unescaped(value)))
    }

    fn unescaped<'value>(&self, value: Cow<'value, str>) -> Cow<'value, str> {
        match unescape_with(&value, |name| self.entities.text(name)) {
            Ok(Cow::Borrowed(_)) | Err(_) => value,
            Ok(Cow::Owned(resolved)) => Cow::Owned(resolved),
        }
    }
}

/// Walks a document from its beginning to its end. What is not well-formed is read as far as it goes: the fault comes
/// after everything before it was handed on.
pub(super) fn walk(
    mut source: impl Read,
    place: &str,
    reading: &mut Reading<'_>,
    mut take: impl FnMut(Node<'_>, &mut Reading<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut head = Vec::new();
    source.by_ref().take(DECLARATION as u64).read_to_end(&mut head)?;
    // What cannot be in the encoding costs letters, never the rest.
    let decoder = DecodeReaderBytesBuilder::new()
        .encoding(Some(encoding(&head)))
        .bom_override(true)
        .build(io::Cursor::new(head).chain(source));
    let mut reader = Reader::from_reader(BufReader::with_capacity(64 * 1024, decoder));
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut buffer = Vec::new();
    let mut entities = Entities::default();
    let mut all_defined = true;
    let mut depth = 0_usize;
    for count in 0_usize.. {
        if count % STEP == 0 {
            reading.clock(place)?;
        }
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(fault)? {
            Event::Start(start) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Fault::Limit(format!("limit: XML nested more than {MAX_DEPTH} deep")));
                }
                take(Node::Open(&Element { start: &start, entities: &entities }), reading)?;
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                take(Node::Close(end.local_name().into_inner()), reading)?;
            }
            Event::Text(text) => take(Node::Text(&text.xml10_content()), reading)?,
            Event::CData(text) => take(Node::Text(&text), reading)?,
            Event::GeneralRef(reference) => {
                let name: &str = &reference;
                match reference.resolve_char_ref() {
                    Ok(Some(character)) => take(Node::Text(character.encode_utf8(&mut [0; 4])), reading)?,
                    _ => match entities.text(name) {
                        Some(text) => take(Node::Text(text), reading)?,
                        None => {
                            if mem::take(&mut all_defined) {
                                reading.unreadable(place, "an XML entity that is not defined in the document");
                            }
                            take(Node::Text(&format!("&{name};")), reading)?;
                        }
                    },
                }
            }
            Event::DocType(declaration) => entities = Entities::declared(&declaration)?,
            Event::Eof => return Ok(()),
            Event::Decl(_) | Event::Empty(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
    Ok(())
}

/// The encoding by the first bytes (XML 1.0 appendix F); a byte order mark wins over it.
fn encoding(head: &[u8]) -> &'static Encoding {
    match head {
        [b'<', 0, ..] => UTF_16LE,
        [0, b'<', ..] => UTF_16BE,
        _ => declared(head).filter(|encoding| encoding.is_ascii_compatible()).unwrap_or(UTF_8),
    }
}

fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(head);
    let (declaration, _) = head.trim_start_matches('\u{feff}').strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Encoding::for_label_no_replacement(value[1..].split(quote).next()?.as_bytes())
}

fn fault(error: quick_xml::Error) -> Fault {
    match error {
        // The limits that a bounded source met are within.
        quick_xml::Error::Io(error) => {
            let reason = error.to_string();
            if reason.starts_with("limit:") { Fault::Limit(reason) } else { Fault::broken(reason) }
        }
        other => Fault::broken(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use std::time::{Duration, Instant};

    fn seen(xml: &[u8]) -> (String, Result<(), Fault>) {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
        let mut seen = String::new();
        let result = walk(xml, "x", &mut reading, |node, _| {
            match node {
                Node::Open(element) => {
                    seen.push_str(&format!("<{}", element.name()));
                    for (name, value) in element.attributes() {
                        seen.push_str(&format!(" {name}={value}"));
                    }
                    seen.push('>');
                }
                Node::Close(name) => seen.push_str(&format!("</{name}>")),
                Node::Text(text) => seen.push_str(text),
            }
            Ok(())
        });
        (seen, result)
    }

    #[test]
    fn events_come_without_prefixes_and_references() {
        for (xml, expected) in [
            ("<w:p w:x='a&amp;b'><w:t>f&#248;dt &lt;1</w:t><w:br/></w:p>", "<p x=a&b><t>født <1</t><br></br></p>"),
            ("<a><![CDATA[<b>]]></a>", "<a><b></a>"),
            ("<?xml version='1.0' encoding='iso-8859-1'?><a>x</a>", "<a>x</a>"),
            ("<!DOCTYPE a [<!ENTITY e 'xx&#248;'>]><a b='y&e;'>&e;</a>", "<a b=yxxø>xxø</a>"),
            ("<a>&e;</a>", "<a>&e;</a>"),
        ] {
            assert_eq!(seen(xml.as_bytes()), (expected.to_owned(), Ok(())), "{xml}");
        }
        let utf_16: Vec<u8> = "\u{feff}<a>født</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(seen(&utf_16).0, "<a>født</a>");
        let unmarked: Vec<u8> = "<a>født</a>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(seen(&unmarked).0, "<a>født</a>");
        assert_eq!(seen(b"<a>f\xf8dt</a>").0, "<a>f\u{fffd}dt</a>");
        assert_eq!(seen(b"<x/><?xml version='1.0' encoding='utf-16'?><a>x</a>").0, "<x></x><a>x</a>");
        let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><a>f\xf8dt</a>";
        assert_eq!(seen(latin).0, "<a>født</a>");
    }

    #[test]
    fn what_is_broken_is_read_up_to_there() {
        let (text, result) = seen(b"<a>one<b>two</a");
        assert_eq!(text, "<a>one<b>two");
        assert!(matches!(result, Err(Fault::Unreadable(_))));
    }

    #[test]
    fn depth_is_bounded() {
        let (_, result) = seen("<a>".repeat(MAX_DEPTH + 1).as_bytes());
        assert!(matches!(result, Err(Fault::Limit(_))));
    }
}
