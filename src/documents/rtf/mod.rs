//! Rich Text Format (Microsoft's specification 1.9.1), and the HTML that Outlook wraps in it ([MS-OXRTFEX]).
//!
//! | step | file |
//! |---|---|
//! | bytes -> tokens | `lexer` |
//! | code pages of the document and its fonts | `font` |
//! | control word -> where the text of its group goes | `destination` |
//! | tokens -> text | `mod` |
//! | data of an embedded object -> file | `object` |

mod destination;
mod font;
mod lexer;
mod object;

use super::{
    codepage,
    sinks::{Sink, Sinks},
};
use crate::message::{Attachment, Fault, Piece, Reading, normalise, quoted, read_html, within};
use destination::{BODY, DELETED, Destination, HIDDEN, character, destination, is_transparent};
use font::{CodePages, codepage_of};
use lexer::{Lexer, Token};
use std::mem;

/// Groups within one another.
const MAX_DEPTH: usize = 10_000;

/// Tokens between two looks at the clock.
const STEP: usize = 4096;

/// What the object packager's names are written in, mostly.
const NAMES: u16 = codepage::DEFAULT;

/// Reads it. What does not end as it should is read as far as it goes.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut reader = Reader::new();
    let result = reader.run(file, reading);
    reader.finish(file.place, reading)?;
    result
}

/// What holds within a group.
#[derive(Clone, Copy, Debug)]
struct Group {
    destination: Destination,
    /// The font of its text.
    font: Option<i32>,
    codepage: u16,
    /// How many characters stand in for a Unicode one.
    substitutes: usize,
    deleted: bool,
    hidden: bool,
    /// Only for those who do not read the HTML.
    without_html: bool,
    /// A `\*` has come, and the word after it not yet.
    ignorable: bool,
}

/// A picture or an embedded object.
#[derive(Debug)]
struct Embedded {
    object: bool,
    media_type: Option<&'static str>,
    data: Vec<u8>,
}

struct Reader {
    groups: Vec<Group>,
    group: Group,
    codepages: CodePages,
    sinks: Sinks,
    /// Characters that are still to be skipped, since they stand in for a Unicode one.
    skip: usize,
    /// Bytes of text in the present code page.
    bytes: Vec<u8>,
    /// UTF-16 units of text.
    units: Vec<u16>,
    /// The name of a property, and what stands in the destination of one.
    name: String,
    value: String,
    /// The HTML, where there is one.
    html: Option<String>,
    /// What is being decoded, and the first half of its next byte.
    data: Vec<u8>,
    nibble: Option<u8>,
    media_type: Option<&'static str>,
    embedded: Vec<Embedded>,
}

impl Reader {
    fn new() -> Self {
        let group = Group {
            destination: BODY,
            font: None,
            codepage: codepage::DEFAULT,
            substitutes: 1,
            deleted: false,
            hidden: false,
            without_html: false,
            ignorable: false,
        };
        Self {
            groups: Vec::new(),
            group,
            codepages: CodePages::new(),
            sinks: Sinks::default(),
            skip: 0,
            bytes: Vec::new(),
            units: Vec::new(),
            name: String::new(),
            value: String::new(),
            html: None,
            data: Vec::new(),
            nibble: None,
            media_type: None,
            embedded: Vec::new(),
        }
    }

    fn run(&mut self, file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
        for (count, token) in Lexer::new(file.bytes).enumerate() {
            if count % STEP == 0 {
                reading.clock(file.place)?;
                self.sinks.check(reading)?;
            }
            match token {
                Token::Open => {
                    self.settle();
                    self.skip = 0;
                    if self.groups.len() >= MAX_DEPTH {
                        return Err(Fault::Limit(format!("limit: RTF nested more than {MAX_DEPTH} deep")));
                    }
                    self.groups.push(self.group);
                }
                Token::Close => {
                    self.settle();
                    self.skip = 0;
                    self.close(reading, file.place);
                }
                Token::Word(word, parameter) => self.word(word, parameter),
                Token::Symbol(symbol) => self.symbol(symbol),
                Token::Hex(byte) => self.text(&[byte]),
                Token::Text(bytes) => self.text(bytes),
                Token::Binary(bytes) => {
                    self.skip = self.skip.saturating_sub(1);
                    if matches!(self.group.destination, Destination::Picture | Destination::Object) {
                        self.data.extend_from_slice(bytes);
                    }
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, mut bytes: &[u8]) {
        if self.skip > 0 {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
        }
        if bytes.is_empty() {
            return;
        }
        match self.group.destination {
            Destination::Picture | Destination::Object => self.hexadecimal(bytes),
            Destination::Nowhere | Destination::Around | Destination::Fonts => {}
            _ => {
                self.settle_units();
                self.bytes.extend_from_slice(bytes);
            }
        }
    }

    fn hexadecimal(&mut self, digits: &[u8]) {
        for digit in digits.iter().filter_map(|&digit| char::from(digit).to_digit(16)) {
            let digit = digit as u8;
            match self.nibble.take() {
                Some(high) => self.data.push(high << 4 | digit),
                None => self.nibble = Some(digit),
            }
        }
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'*' => {
                self.group.ignorable = true;
                return;
            }
            // Not a character; an index entry's separator.
            b'|' | b':' | b'-' => return,
            _ => {}
        }
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        match symbol {
            b'~' => self.character("\u{a0}"),
            b'_' => self.character("-"),
            b'\r' | b'\n' => self.end_line(),
            b'\t' => self.character("\t"),
            b'\'' => {}
            other => self.text(&[other]),
        }
    }

    fn word(&mut self, word: &[u8], parameter: Option<i32>) {
        if word == b"u" {
            return self.unicode(parameter.unwrap_or(0));
        }
        if let Some(text) = character(word) {
            self.group.ignorable = false;
            if self.skip > 0 {
                self.skip -= 1;
                return;
            }
            return self.character(text);
        }
        self.settle();
        self.skip = 0;
        let ignorable = mem::take(&mut self.group.ignorable);
        if self.begin(word, ignorable) {
            return;
        }
        let on = parameter != Some(0);
        match word {
            b"par" | b"line" | b"sect" | b"page" | b"column" | b"row" | b"nestrow" => self.end_line(),
            b"cell" | b"nestcell" => self.character("\t"),
            b"uc" => self.group.substitutes = parameter.and_then(|count| usize::try_from(count).ok()).unwrap_or(1),
            b"deleted" => self.group.deleted = on,
            b"v" => self.group.hidden = on,
            b"plain" => {
                self.group.deleted = false;
                self.group.hidden = false;
                self.font(None);
            }
            b"f" if self.group.destination == Destination::Fonts => self.codepages.describe(parameter.unwrap_or(0)),
            b"f" => self.font(parameter),
            b"fcharset" => {
                if let Some(codepage) = codepage_of(parameter.unwrap_or(0)) {
                    self.codepages.set_described(codepage);
                }
            }
            b"cpg" => {
                if let Some(codepage) = number(parameter) {
                    self.codepages.set_described(codepage);
                }
            }
            b"deff" => self.codepages.set_default(parameter.unwrap_or(0)),
            b"ansicpg" => self.document_codepage(number(parameter)),
            b"mac" => self.document_codepage(Some(10000)),
            b"pc" => self.document_codepage(Some(437)),
            b"pca" => self.document_codepage(Some(850)),
            b"fromhtml" => self.html = Some(String::new()),
            b"htmlrtf" => self.group.without_html = on,
            b"pngblip" => self.media_type = Some("image/png"),
            b"jpegblip" => self.media_type = Some("image/jpeg"),
            b"emfblip" => self.media_type = Some("image/emf"),
            b"wmetafile" => self.media_type = Some("image/wmf"),
            b"macpict" => self.media_type = Some("image/x-pict"),
            b"dibitmap" | b"wbitmap" => self.media_type = Some("image/bmp"),
            _ => {}
        }
    }

    /// Begins a destination, where the word does that.
    fn begin(&mut self, word: &[u8], ignorable: bool) -> bool {
        if self.group.destination == Destination::Nowhere {
            return false;
        }
        let begun = match destination(word) {
            Some(Destination::HtmlTag) if self.html.is_none() => Destination::Nowhere,
            Some(begun) => begun,
            None if ignorable && !is_transparent(word) => Destination::Unknown,
            None => return false,
        };
        self.group.destination = begun;
        match begun {
            Destination::Text(sink, name) => {
                self.sinks.named(sink, name);
                // Formatting begins anew.
                self.group.deleted = false;
                self.group.hidden = false;
            }
            Destination::Picture | Destination::Object => {
                self.data.clear();
                self.nibble = None;
                self.media_type = None;
            }
            Destination::Property(name) => {
                name.clone_into(&mut self.name);
                self.value.clear();
            }
            Destination::PropertyName | Destination::ShapeName => self.name.clear(),
            Destination::PropertyValue | Destination::ShapeValue | Destination::Unknown => self.value.clear(),
            _ => {}
        }
        true
    }

    fn font(&mut self, font: Option<i32>) {
        self.group.font = font;
        self.group.codepage = self.codepages.of(font);
    }

    fn document_codepage(&mut self, codepage: Option<u16>) {
        if let Some(codepage) = codepage {
            self.codepages.set_document(codepage);
            self.group.codepage = self.codepages.of(self.group.font);
        }
    }

    /// A UTF-16 unit, written as a signed number.
    fn unicode(&mut self, unit: i32) {
        self.settle_bytes();
        self.skip = self.group.substitutes;
        if !matches!(self.group.destination, Destination::Nowhere | Destination::Around | Destination::Fonts) {
            self.units.push(unit as u16);
        }
    }

    fn character(&mut self, text: &str) {
        self.settle();
        self.write(text);
    }

    fn end_line(&mut self) {
        self.settle();
        match self.group.destination {
            Destination::Text(Sink::Body, _) if self.html.is_some() => self.write("\n"),
            // A note or comment of several paragraphs stays one.
            Destination::Text(sink, _) if !self.group.deleted && !self.group.hidden => self.sinks.end_line(sink),
            _ => self.write(" "),
        }
    }

    fn settle(&mut self) {
        self.settle_bytes();
        self.settle_units();
    }

    fn settle_bytes(&mut self) {
        if !self.bytes.is_empty() {
            let bytes = mem::take(&mut self.bytes);
            match std::str::from_utf8(&bytes) {
                Ok(text) if text.is_ascii() => self.write(text),
                _ => self.write(&codepage::decode(&bytes, self.group.codepage)),
            }
            self.bytes = bytes;
            self.bytes.clear();
        }
    }

    fn settle_units(&mut self) {
        if !self.units.is_empty() {
            let text = String::from_utf16_lossy(&self.units);
            self.units.clear();
            self.write(&text);
        }
    }

    fn write(&mut self, text: &str) {
        let destination = match self.group.destination {
            BODY if self.group.deleted => DELETED,
            BODY if self.group.hidden && self.html.is_none() => HIDDEN,
            BODY | Destination::HtmlTag if self.html.is_some() => {
                if self.group.without_html {
                    HIDDEN
                } else {
                    if let Some(html) = &mut self.html {
                        html.push_str(text);
                    }
                    return;
                }
            }
            other => other,
        };
        match destination {
            Destination::Text(sink @ (Sink::Change | Sink::Hidden), name) => {
                self.sinks.named(sink, name);
                self.sinks.push(sink, text);
            }
            Destination::Text(sink, _) => self.sinks.push(sink, text),
            Destination::Property(_) | Destination::PropertyValue | Destination::ShapeValue | Destination::Unknown => {
                self.value.push_str(text)
            }
            Destination::PropertyName | Destination::ShapeName => self.name.push_str(text),
            _ => {}
        }
    }

    fn close(&mut self, reading: &mut Reading<'_>, place: &str) {
        let Some(outer) = self.groups.pop() else { return };
        let closed = mem::replace(&mut self.group, outer);
        self.group.ignorable = false;
        if closed.destination == self.group.destination {
            if let Destination::Text(sink @ Sink::Field, "document variable") = closed.destination {
                self.sinks.push(sink, " ");
            }
            return;
        }
        match closed.destination {
            // Fonts are known now.
            Destination::Fonts => self.group.codepage = self.codepages.of(self.group.font),
            Destination::Text(sink, _) => self.sinks.end_line(sink),
            Destination::Property(_) | Destination::PropertyValue => self.property(reading, place),
            Destination::ShapeValue => {
                let described = self.name.starts_with("wz") || self.name == "gtextUNICODE";
                if described {
                    self.side(Sink::Frame, "description");
                }
            }
            Destination::Unknown => {
                let data = |byte: u8| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace() || byte == b';';
                if !self.value.bytes().all(data) {
                    self.side(Sink::Field, "other text");
                }
                self.value.clear();
            }
            Destination::Picture | Destination::Object => {
                let (data, media_type) = (mem::take(&mut self.data), self.media_type.take());
                if !data.is_empty() {
                    let object = closed.destination == Destination::Object;
                    self.embedded.push(Embedded { object, media_type, data });
                }
            }
            _ => {}
        }
    }

    fn side(&mut self, sink: Sink, name: &str) {
        let value = mem::take(&mut self.value);
        if !value.trim().is_empty() {
            self.sinks.named(sink, name);
            self.sinks.line(sink, value.trim());
        }
    }

    fn property(&mut self, reading: &mut Reading<'_>, place: &str) {
        let (name, value) = (self.name.trim(), self.value.trim());
        if name.starts_with("MSIP_Label_") {
            reading.label(place, name, value);
        }
        if !value.is_empty() {
            self.sinks.named(Sink::Property, "properties");
            self.sinks.line(Sink::Property, &format!("{name}: {value}"));
        }
        self.value.clear();
    }

    /// Hands on what was found; files within it last, so that a limit that they meet costs no text.
    fn finish(mut self, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        self.settle();
        if let Some(html) = self.html.take() {
            read_html(&html, place, reading)?;
        }
        self.sinks.flush(place, reading);
        let (mut pictures, mut objects) = (0, 0);
        for Embedded { object: is_object, media_type, data } in self.embedded {
            if is_object {
                objects += 1;
                let file = object::file(&data);
                let name = file.name.map(|name| codepage::decode(name, NAMES));
                let inner = match &name {
                    Some(name) => format!("attachment {}", quoted(name)),
                    None => format!("object {objects}"),
                };
                if let Some(name) = &name {
                    reading.piece(Piece::new(within(place, "file name"), normalise(name.to_string())));
                }
                let place = within(place, inner);
                let name = name.as_deref();
                reading.attachment(&Attachment {
                    place: &place,
                    name,
                    media_type,
                    charset: None,
                    bytes: file.bytes,
                })?;
            } else {
                pictures += 1;
                let place = within(place, format_args!("picture {pictures}"));
                reading.attachment(&Attachment {
                    place: &place,
                    name: None,
                    media_type,
                    charset: None,
                    bytes: &data,
                })?;
            }
        }
        Ok(())
    }
}

fn number(parameter: Option<i32>) -> Option<u16> {
    parameter.and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        documents::InProcess,
        message::{Document, Limits},
    };
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn document(rtf: &[u8]) -> Document {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &InProcess);
        let file = Attachment { place: "a", name: None, media_type: None, charset: None, bytes: rtf };
        let fault = read(&file, &mut reading);
        assert!(fault.is_ok(), "{fault:?}");
        reading.finish()
    }

    fn pieces(rtf: &[u8]) -> Vec<(String, String)> {
        document(rtf).pieces.iter().map(|piece| (piece.place_of(0), piece.text.trim().to_owned())).collect()
    }

    fn body(rtf: &str) -> String {
        pieces(rtf.as_bytes()).into_iter().filter(|(place, _)| place == "a").map(|(_, text)| text).collect()
    }

    #[test]
    fn text_is_read_as_it_is_seen() {
        for (rtf, text) in [
            ("{\\rtf1 a}", "a"),
            ("{\\rtf1 0101{\\b 90}-12\\i 34\\i0}", "010190-1234"),
            ("{\\rtf1\\ansi f\\'f8dt}", "født"),
            ("{\\rtf1\\ansi\\ansicpg1251 \\'cf\\'f0}", "Пр"),
            ("{\\rtf1\\mac bl\\'8cb}", "blåb"),
            ("{\\rtf1{\\fonttbl{\\f0 A;}{\\f1\\fcharset204 B;}}\\f1 \\'cf\\'f0\\f0 \\'e6}", "Прæ"),
            ("{\\rtf1{\\fonttbl{\\f1\\fcharset128 M;}}\\f1\\'93\\'fa\\'96{\\b x}}", "日\u{fffd}x"),
            ("{\\rtf1{\\fonttbl{\\f1\\fcharset128 M;}}\\f1\\'93\\'fa\\'96\\'7b}", "日本"),
            ("{\\rtf1 \\u248?\\u-10179?\\u-8704?}", "ø😀"),
            ("{\\rtf1 \\uc2\\u248\\'3f\\'3fd\\uc0\\u248d}", "ødød"),
            ("{\\rtf1 {\\uc3\\u248 abc}d}", "ød"),
            ("{\\rtf1 a\\par b\\line c\\tab d\\emdash e\\~f\\_g\\-h}", "a\nb\nc\td-e f-gh"),
            ("{\\rtf1\\trowd a\\cell b\\cell\\row c\\cell\\row}", "a\tb\t\nc"),
            ("{\\rtf1 a\\\\\\{b\\}}", "a\\{b}"),
            ("{\\rtf1{\\stylesheet{\\s0 Normal;}}{\\colortbl;\\red0;}{\\*\\generator X;}a}", "a"),
            ("{\\rtf1 {\\field{\\*\\fldinst HYPERLINK \"x\"}{\\fldrslt link}}}", "link"),
            ("{\\rtf1 a{\\deleted b}c{\\v d}e}", "ace"),
            ("{\\rtf1 a{\\footnote b}c{\\*\\annotation d}e}", "ace"),
            ("{\\rtf1 a\\bin3 }{}b}", "ab"),
            ("{\\rtf1 a}}}b", "ab"),
            ("{\\rtf1 {{{a", "a"),
            ("{\\rtf1{\\upr{\\title x}{\\*\\ud{\\title y}}}a}", "a"),
        ] {
            assert_eq!(body(rtf), text, "{rtf}");
        }
    }

    #[test]
    fn what_stands_beside_is_read_too() {
        let rtf =
            b"{\\rtf1{\\info{\\title one}{\\*\\company two}}{\\*\\userprops{\\propname three}\\proptype30{\\staticval \
            four}}{\\header five\\par}{\\footerf six}body{\\footnote seven}{\\*\\annotation eight}{\\v nine}{\\deleted \
            ten}{\\*\\fldinst FILLIN eleven}{\\shp{\\*\\shpinst{\\sp{\\sn wzDescription}{\\sv twelve}}{\\sp{\\sn \
            rotation}{\\sv 99}}{\\shptxt thirteen\\par}}{\\shprslt fourteen}}{\\*\\odd fifteen}{\\*\\hexes 0afe}\
            {\\*\\formfield{\\*\\ffdeftext sixteen}{\\*\\ffl seventeen}}{\\*\\docvar{name}{value}}}";
        let document = document(rtf);
        let place = |word: &str| {
            let found = document.pieces.iter().find_map(|piece| Some(piece.place_of(piece.text.find(word)?)));
            found.unwrap_or_default()
        };
        for (word, at) in [
            ("title: one", "a > properties"),
            ("company: two", "a > properties"),
            ("three: four", "a > properties"),
            ("five", "a > header"),
            ("six", "a > footer"),
            ("body", "a"),
            ("seven", "a > footnote"),
            ("eight", "a > comment"),
            ("nine", "a > hidden text"),
            ("ten", "a > tracked changes"),
            ("eleven", "a > field"),
            ("twelve", "a > description"),
            ("99", ""),
            ("thirteen", "a > text box"),
            ("fourteen", ""),
            ("fifteen", "a > other text"),
            ("0afe", ""),
            ("sixteen", "a > form control"),
            ("seventeen", "a > form control"),
            ("name value", "a > document variable"),
        ] {
            assert_eq!(place(word), at, "{word}");
        }
    }

    #[test]
    fn labels_are_told() {
        let name = "MSIP_Label_1_Name";
        let rtf = format!("{{\\rtf1{{\\*\\userprops{{\\propname {name}}}\\proptype30{{\\staticval Secret}}}}}}");
        let labels = document(rtf.as_bytes()).labels;
        assert_eq!((labels[0].name.as_str(), labels[0].value.as_str()), (name, "Secret"));
    }

    #[test]
    fn files_within_are_handed_on() {
        let rtf =
            b"{\\rtf1{\\pict\\pngblip{\\*\\blipuid 00ff}8950\n4e470d0a1a0a}{\\object{\\*\\objdata 48656a}{\\result r}}\
            {\\pict\\wmetafile8\\bin2 xy}}";
        let document = document(rtf);
        let unread: Vec<_> =
            document.unreadable.iter().map(|part| (part.place.as_str(), part.reason.as_str())).collect();
        assert_eq!(unread, [("a > picture 1", "a picture (PNG) is not read")]);
        let read: Vec<_> = document.pieces.iter().map(|piece| (piece.place.as_str(), piece.text.trim())).collect();
        assert_eq!(read, [("a", "r"), ("a > object 1", "Hej"), ("a > picture 2", "xy")]);
    }

    #[test]
    fn the_html_in_it_is_read_as_html() {
        let rtf = b"{\\rtf1\\ansi\\fromhtml1 {\\*\\htmltag64 <p>}\\htmlrtf {\\htmlrtf0 f\\'f8dt {\\*\\htmltag84 <b>}\
            0101\\htmlrtf \\b\\htmlrtf0{\\*\\htmltag92 </b>}90\\htmlrtf\\par}\\htmlrtf0 {\\*\\htmltag72 </p>}\
            {\\*\\htmltag84 &#230;}{\\*\\mhtmltag64 <q>}\\{\\par}";
        assert_eq!(pieces(rtf), [("a".to_owned(), "født 010190\næ{".to_owned())]);
    }

    #[test]
    fn depth_is_bounded() {
        let rtf = format!("{{\\rtf1 a{}", "{".repeat(MAX_DEPTH + 1));
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &InProcess);
        let file = Attachment { place: "a", name: None, media_type: None, charset: None, bytes: rtf.as_bytes() };
        assert!(matches!(read(&file, &mut reading), Err(Fault::Limit(_))));
        assert_eq!(reading.finish().pieces[0].text, "a");
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            document(&bytes);
        }

        #[test]
        fn any_tokens_can_be_read(
            rtf in "([{}]|\\\\(par|u|uc|f|fonttbl|fcharset|pict|objdata|bin|fromhtml|htmltag|footnote|v|\\*|'|deleted|sn|sv)(-?[0-9]{0,11})?|[ a-f0-9]{0,4}){0,60}"
        ) {
            document(rtf.as_bytes());
        }
    }
}
