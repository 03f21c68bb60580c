//! XML of any kind: invoices (UBL), health messages, exports. The text of every element with the element's name before
//! it, attributes and comments beside it.

use super::{
    super::{
        sinks::{Sink, Sinks},
        xml::{self, Element, Node},
    },
    embedded::Files,
};
use crate::message::{Attachment, Fault, Piece, Reading, base64, decode_text, normalise, within};
use std::mem;

/// Reads it.
///
/// # Errors
/// `Unreadable` where it is not well-formed: nothing was kept then, and it is text like any other.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut markup = Markup::default();
    let result = xml::walk(file.bytes, file.place, reading, |node, reading| {
        match node {
            Node::Open(element) => markup.open(element),
            Node::Text(text) => markup.text.push_str(text),
            Node::Close(name) => markup.close(name),
        }
        if markup.drawn.len() > reading.text_left() {
            return Err(Fault::Limit(format!("limit: more than {} bytes of text", reading.limits().text_bytes)));
        }
        markup.sinks.check(reading)
    });
    if let Err(Fault::Unreadable(_)) = result {
        return result;
    }
    markup.settle();
    comments(file, &mut markup.sinks, reading);
    markup.sinks.flush(file.place, reading);
    reading.piece(Piece::new(within(file.place, "put together"), normalise(mem::take(&mut markup.drawn))));
    markup.files.hand_on(file.place, reading)?;
    result
}

/// What a text is for: some kinds are read in their own way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Vocabulary {
    #[default]
    Any,
    /// Word's own XML: a paragraph is in runs, which part nothing.
    Word,
    /// A drawing, whose attributes are coordinates.
    Svg,
}

#[derive(Default)]
struct Markup {
    sinks: Sinks,
    files: Files,
    vocabulary: Vocabulary,
    begun: bool,
    /// The element that began last, if none has ended since.
    name: Option<String>,
    /// What it says of a file in it.
    file_name: Option<String>,
    media_type: Option<String>,
    encoded: bool,
    /// Text since the last tag.
    text: String,
    /// An element has ended since the last text.
    closed: bool,
    /// Another has begun since: the next text stands apart.
    apart: bool,
    in_line: bool,
    /// All text of a drawing, which puts each run of it where it likes: what is seen as one word may be in several.
    drawn: String,
}

impl Markup {
    fn open(&mut self, element: &Element<'_>) {
        self.settle();
        let name = element.name();
        if !self.begun {
            self.begun = true;
            self.vocabulary = match name {
                "wordDocument" | "package" => Vocabulary::Word,
                "svg" => Vocabulary::Svg,
                _ => Vocabulary::Any,
            };
        }
        self.apart |= mem::take(&mut self.closed);
        (self.file_name, self.media_type, self.encoded) = (None, None, false);
        for (attribute, value) in element.attributes() {
            match attribute {
                "filename" | "fileName" => self.file_name = Some(value.to_string()),
                "mimeCode" | "mediaType" | "contentType" => self.media_type = Some(value.to_ascii_lowercase()),
                "encoding" | "representation" | "encodingCode" | "dt" => {
                    let value = value.to_ascii_lowercase();
                    self.encoded |= value.contains("base64") || value == "b64";
                }
                _ => {}
            }
            let seen = self.vocabulary != Vocabulary::Svg || matches!(attribute, "aria-label" | "alt" | "title");
            // Names of vocabularies look like these.
            let address = ["http://", "https://", "urn:"].iter().any(|scheme| value.starts_with(scheme));
            if seen && !address && !value.trim().is_empty() && !self.files.take(attribute, &value) {
                self.sinks.named(Sink::Field, "attributes");
                self.sinks.line(Sink::Field, &format!("{name} {attribute}: {}", value.trim()));
            }
        }
        if self.vocabulary == Vocabulary::Word && matches!(name, "tab" | "br") {
            self.sinks.push(Sink::Body, if name == "tab" { "\t" } else { "\n" });
        }
        self.name = Some(name.to_owned());
    }

    fn close(&mut self, name: &str) {
        self.settle();
        self.name = None;
        self.closed = true;
        if self.vocabulary == Vocabulary::Word {
            match name {
                "p" | "tr" => self.sinks.end_line(Sink::Body),
                "tc" => self.sinks.end_cell(Sink::Body),
                _ => {}
            }
        }
    }

    /// Takes in the text since the last tag.
    fn settle(&mut self) {
        let text = mem::take(&mut self.text);
        if text.trim().is_empty() {
            if !text.is_empty() && !self.apart && self.in_line && self.vocabulary != Vocabulary::Word {
                self.sinks.push(Sink::Body, " ");
            }
        } else if !self.file(&text) {
            self.write(&text);
        }
        self.text = text;
        self.text.clear();
    }

    fn write(&mut self, text: &str) {
        self.closed = false;
        match self.vocabulary {
            Vocabulary::Word => return self.sinks.push(Sink::Body, text),
            // White space with a line end is what the file is indented with.
            Vocabulary::Svg => self.drawn.push_str(if text.contains('\n') { text.trim() } else { text }),
            Vocabulary::Any => {}
        }
        let mut text = text;
        if mem::take(&mut self.apart) || !self.in_line {
            text = text.trim_start();
            self.sinks.end_line(Sink::Body);
            if let Some(name) = &self.name {
                self.sinks.push(Sink::Body, name);
                self.sinks.push(Sink::Body, ": ");
            }
            self.in_line = true;
        }
        self.sinks.push(Sink::Body, text);
    }

    /// Sets a file aside.
    fn file(&mut self, text: &str) -> bool {
        let Some(name) = &self.name else { return false };
        let said = self.encoded || name.ends_with("BinaryObject") || self.media_type.is_some();
        if said && super::embedded::is_base64(text) {
            let (bytes, _) = base64(text.as_bytes());
            self.files.push(name, self.file_name.take(), self.media_type.take(), bytes);
            return true;
        }
        self.files.take(name, text)
    }
}

/// Comments, which no parser hands on but everyone sees who opens the file.
pub(super) fn comments(file: &Attachment<'_>, sinks: &mut Sinks, reading: &Reading<'_>) {
    let text = decode_text(file.bytes, file.charset, reading.text_left().saturating_add(1));
    let mut rest: &str = &text;
    while let Some((_, after)) = rest.split_once("<!--") {
        let (comment, after) = after.split_once("-->").unwrap_or((after, ""));
        if !comment.trim().is_empty() {
            sinks.named(Sink::Comment, "comment");
            sinks.line(Sink::Comment, comment.trim());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{documents::read_alone, message::Document};
    use proptest::prelude::*;

    fn document(xml: &str) -> (Document, Result<(), Fault>) {
        read_alone(read, "a", xml.as_bytes())
    }

    #[test]
    fn elements_are_read_with_their_names() {
        for (xml, text) in [
            ("<a><b>x</b><c>y</c></a>", "b: x\nc: y"),
            ("<a>\n  <b>x</b>\n  <c>y</c>\n</a>", "b: x\nc: y"),
            ("<p>0101<b>90</b>-1234</p>", "p: 010190-1234"),
            ("<p>one <b>two</b> three</p>", "p: one two three"),
            ("<a><b/>x</a>", "x"),
            ("<a>&lt;f&#248;dt<![CDATA[&]]></a>", "a: <født&"),
            ("<wordDocument><p><r><t>0101</t></r><r><t>90</t></r></p><p><t>x</t></p></wordDocument>", "010190\nx"),
        ] {
            assert_eq!(document(xml).0.pieces[0].text.trim(), text, "{xml}");
        }
    }

    #[test]
    fn attributes_and_comments_are_read_beside() {
        let (document, _) = document("<!-- one --><a xmlns:x='http://x' cpr='610190-0005'><b value='2'/>z</a><!-- two");
        let read: Vec<_> = document.pieces.iter().map(|piece| (piece.place_of(0), piece.text.trim())).collect();
        assert_eq!(read.len(), 0, "a comment that does not end is not well-formed: {read:?}");
    }

    #[test]
    fn what_stands_beside_is_read() {
        let (document, result) =
            document("<!-- one --><a xmlns:x='http://x' cpr='610190-0005'><b value='2'/>z</a><!--two-->");
        assert_eq!(result, Ok(()));
        let read: Vec<_> = document.pieces.iter().map(|piece| (piece.place_of(0), piece.text.trim())).collect();
        assert_eq!(
            read,
            [
                ("a".to_owned(), "z"),
                ("a > comment".to_owned(), "one\ntwo"),
                ("a > attributes".to_owned(), "a cpr: 610190-0005\nb value: 2"),
            ]
        );
    }

    #[test]
    fn what_is_drawn_in_parts_is_put_together() {
        for svg in [
            "<svg><text><tspan>CPR 610</tspan><tspan>190-0005</tspan></text></svg>",
            "<svg><text>CPR 610</text>\n <text>\n190-0005\n</text></svg>",
            "<!DOCTYPE svg [<!ENTITY a '610'>]><svg><text>CPR &a;190<tspan/></text><text>-0005</text></svg>",
        ] {
            let (document, _) = document(svg);
            let drawn = document.pieces.iter().find(|piece| piece.place == "a > put together").unwrap();
            assert_eq!(drawn.text, "CPR 610190-0005", "{svg}");
        }
        let (document, _) = document("<svg><text>Anna</text><text>610190-0005</text></svg>");
        assert_eq!(document.pieces[0].text.trim(), "text: Anna\ntext: 610190-0005");
    }

    #[test]
    fn files_are_handed_on() {
        let (document, _) = document(
            "<Invoice><EmbeddedDocumentBinaryObject mimeCode='text/plain' filename='n.txt'>SGVq</EmbeddedDocumentBinaryObject>\
             <text mediaType='application/pdf' representation='B64'>JVBERi0x</text></Invoice>",
        );
        let places: Vec<_> = document.unreadable.iter().map(|part| part.place.as_str()).collect();
        assert_eq!(places, ["a > attachment \"n.txt\"", "a > \"text\" 2"]);
    }

    #[test]
    fn what_is_no_xml_keeps_nothing() {
        let (document, result) = document("<a>x<b");
        assert!(matches!(result, Err(Fault::Unreadable(_))));
        assert!(document.pieces.is_empty());
    }

    proptest! {
        #[test]
        fn any_markup_can_be_read(xml in "(<[/!?]?[a-z]{0,3}|[a-z]='|[ >'-]|&[a-z#0-9]{0,4};?|<!--|-->|[a-zæ]{0,3}){0,40}") {
            let _ = document(&xml);
        }
    }
}
