//! Header sections (RFC 5322 section 2.2) and encoded words (RFC 2047).

use super::{charset, normalise, transfer};
use mail_parser::{ContentType, HeaderValue, parsers::MessageStream};
use std::{
    borrow::Cow,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// The longest charset name of an encoded word, in bytes.
const MAX_CHARSET: usize = 60;

/// Bytes of a `Content-Type` or `Content-Disposition` that are looked into: their parameters cost more than linear
/// time.
const MAX_STRUCTURED: usize = 16 * 1024;

/// A field with parameters.
#[derive(Debug, Default)]
pub(super) struct Structured {
    pub(super) parsed: Option<ContentType<'static>>,
    /// The limit on its length that was met.
    pub(super) limit: Option<String>,
}

/// One field as it stands in the message.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawField<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

/// A header section and where it ends.
#[derive(Debug, Default)]
pub(super) struct Section<'a> {
    pub(super) fields: Vec<RawField<'a>>,
    /// Offset of the body.
    pub(super) body: usize,
    /// Some fields were left out for the sake of the budget.
    pub(super) cut: bool,
}

impl<'a> Section<'a> {
    /// Reads the section at the beginning of `raw`, which ends at an empty line, or before a line that `stop`s it, or
    /// before a line that cannot be a header field: such a line begins the body, so that its text is read.
    pub(super) fn read(raw: &'a [u8], budget: &mut usize, stop: impl Fn(&[u8]) -> bool) -> Self {
        let mut section = Self::default();
        let mut at = 0;
        let mut field: Option<(&[u8], usize)> = None;
        while at < raw.len() {
            let end = memchr::memchr(b'\n', &raw[at..]).map_or(raw.len(), |length| at + length + 1);
            let line = &raw[at..end];
            if line[0] != b' ' && line[0] != b'\t' {
                section.close(raw, field.take(), at, budget);
                if matches!(line, b"\n" | b"\r\n") {
                    at = end;
                    break;
                }
                if line.starts_with(b"--") && stop(line) {
                    break;
                }
                match field_name(line) {
                    Some(name) => {
                        let colon = memchr::memchr(b':', line).unwrap_or(name.len());
                        field = Some((name, at + colon + 1));
                    }
                    // The envelope line of an mbox.
                    None if at == 0 && (line.starts_with(b"From ") || line.starts_with(b">From ")) => {}
                    None => break,
                }
            } else if field.is_none() {
                break;
            }
            at = end;
        }
        section.close(raw, field, at, budget);
        section.body = at;
        section
    }

    fn close(&mut self, raw: &'a [u8], field: Option<(&'a [u8], usize)>, end: usize, budget: &mut usize) {
        let Some((name, value)) = field else { return };
        let length = name.len() + (end - value);
        if length > *budget {
            self.cut = true;
            return;
        }
        *budget -= length;
        self.fields.push(RawField { name, value: &raw[value..end] });
    }

    /// Whether it is the header of a message, and not a text with colons in it.
    pub(super) fn is_of_message(&self) -> bool {
        OF_MESSAGES.iter().filter(|name| self.field(name).is_some()).take(2).count() == 2
    }

    /// The first field of this name.
    pub(super) fn field(&self, name: &str) -> Option<&RawField<'a>> {
        self.fields.iter().find(|field| field.is(name))
    }
}

/// Fields that say how an entity is to be read.
const MIME: [&str; 3] = ["content-type", "content-transfer-encoding", "mime-version"];

/// Fields of which messages have several, and other texts hardly one.
const OF_MESSAGES: [&str; 10] = [
    "from",
    "to",
    "subject",
    "date",
    "received",
    "return-path",
    "message-id",
    "mime-version",
    "content-type",
    "delivered-to",
];

/// Bytes of a header section that are looked at to tell what something is.
const SAMPLE: usize = 64 * 1024;

/// Whether bytes begin with a header section that makes them a MIME entity (RFC 2045): what S/MIME signs.
pub fn is_entity(bytes: &[u8]) -> bool {
    let section = Section::read(&bytes[..bytes.len().min(SAMPLE)], &mut { SAMPLE }, |_| false);
    MIME.iter().any(|name| section.field(name).is_some())
}

/// Whether bytes begin with a header section that makes them a message (RFC 5322).
pub fn is_message(bytes: &[u8]) -> bool {
    let section = Section::read(&bytes[..bytes.len().min(SAMPLE)], &mut { SAMPLE }, |_| false);
    section.is_of_message()
}

/// The name before the colon: printable ASCII (RFC 5322 section 3.6.8); white space before the colon is obsolete syntax.
fn field_name(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', line)?;
    let name = line[..colon].trim_ascii_end();
    (!name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic())).then_some(name)
}

impl RawField<'_> {
    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    pub(super) fn name(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }

    /// The value, unfolded, decoded and normalised.
    pub(super) fn text(&self) -> String {
        let unfolded = self.unfolded();
        normalise(if unfolded.contains("=?") { encoded_words(&unfolded) } else { unfolded })
    }

    /// The value without line ends, in UTF-8, encoded words as they stand.
    fn unfolded(&self) -> String {
        let value: Cow<'_, [u8]> = match memchr::memchr2(b'\r', b'\n', self.value.trim_ascii()) {
            None => self.value.trim_ascii().into(),
            Some(_) => {
                let bytes = self.value.trim_ascii().iter().copied();
                bytes.filter(|byte| !matches!(byte, b'\r' | b'\n')).collect::<Vec<_>>().into()
            }
        };
        charset::decode(value, None, usize::MAX).into_owned()
    }

    /// The value as `type/subtype; parameter=value` (RFC 2045 section 5.1, RFC 2231), or why it cannot be read so.
    pub(super) fn structured(&self) -> Result<Structured, &'static str> {
        let mut value = self.unfolded();
        let mut limit = None;
        if value.len() > MAX_STRUCTURED {
            let name = self.name().to_ascii_lowercase();
            limit = Some(format!("limit: a field {name} of more than {MAX_STRUCTURED} bytes; read by its beginning"));
            value.truncate(value.floor_char_boundary(MAX_STRUCTURED));
        }
        if value.contains("=?") {
            value = side_by_side(&value);
        }
        // The parser wants the line end that ends a field.
        value.push('\n');
        let parsed =
            catch_unwind(AssertUnwindSafe(|| match MessageStream::new(value.as_bytes()).parse_content_type() {
                HeaderValue::ContentType(parsed) => match HeaderValue::ContentType(parsed).into_owned() {
                    HeaderValue::ContentType(parsed) => Some(parsed),
                    _ => None,
                },
                _ => None,
            }));
        let parsed = parsed.map_err(|_| "its type could not be parsed")?;
        Ok(Structured { parsed, limit })
    }
}

/// Encoded words without the white space between them, which is none of the text (RFC 2047 section 6.2): the parser of
/// parameters, where no such words should be, decodes each on its own.
fn side_by_side(value: &str) -> String {
    let mut joined = String::with_capacity(value.len());
    for word in value.split_inclusive("?=") {
        let trimmed = word.trim_ascii_start();
        joined.push_str(if joined.ends_with("?=") && trimmed.starts_with("=?") { trimmed } else { word });
    }
    joined
}

/// Decodes the encoded words in `text`; what only looks like one stays as it is. Linear.
///
/// Words of one charset that stand side by side are put together before they are decoded, since a character may have
/// been cut between them.
fn encoded_words(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut waiting: Option<(Vec<u8>, &str)> = None;
    let flush = |decoded: &mut String, waiting: &mut Option<(Vec<u8>, &str)>| {
        if let Some((bytes, charset)) = waiting.take() {
            decoded.push_str(&charset::decode(bytes.into(), Some(charset), usize::MAX));
        }
    };
    let mut rest = text;
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        match EncodedWord::at(from) {
            Word::Found(word) => {
                let same = waiting.as_ref().is_some_and(|(_, charset)| charset.eq_ignore_ascii_case(word.charset));
                let adjacent = waiting.is_some() && before.bytes().all(|byte| byte.is_ascii_whitespace());
                if !(same && adjacent) {
                    flush(&mut decoded, &mut waiting);
                }
                if !adjacent {
                    decoded.push_str(before);
                }
                let (bytes, _) = waiting.get_or_insert_with(|| (Vec::new(), word.charset));
                word.decode_into(bytes);
                rest = &from[word.length..];
            }
            Word::Not => {
                flush(&mut decoded, &mut waiting);
                decoded.push_str(before);
                decoded.push_str("=?");
                rest = &from[2..];
            }
            // No word ends after this point: nothing more to look for.
            Word::NoEnd => break,
        }
    }
    flush(&mut decoded, &mut waiting);
    decoded.push_str(rest);
    decoded
}

struct EncodedWord<'a> {
    charset: &'a str,
    base64: bool,
    data: &'a str,
    length: usize,
}

enum Word<'a> {
    Found(EncodedWord<'a>),
    Not,
    NoEnd,
}

impl<'a> EncodedWord<'a> {
    /// `=?charset*language?encoding?data?=` at the beginning of `text`.
    fn at(text: &'a str) -> Word<'a> {
        let Some(end) = text.bytes().take(MAX_CHARSET + 3).skip(2).position(|byte| byte == b'?') else {
            return Word::Not;
        };
        let charset = &text[2..2 + end];
        let (encoding, data) = (text.as_bytes().get(3 + end), 5 + end);
        let base64 = match encoding {
            Some(b'b' | b'B') => true,
            Some(b'q' | b'Q') => false,
            _ => return Word::Not,
        };
        if text.as_bytes().get(4 + end) != Some(&b'?') {
            return Word::Not;
        }
        let Some(length) = text[data..].find("?=") else { return Word::NoEnd };
        Word::Found(Self {
            // RFC 2231 section 5: a language may follow the charset.
            charset: charset.split('*').next().unwrap_or_default(),
            base64,
            data: &text[data..data + length],
            length: data + length + 2,
        })
    }

    fn decode_into(&self, bytes: &mut Vec<u8>) {
        if self.base64 {
            bytes.extend(transfer::base64(self.data.as_bytes()).0);
        } else {
            let plain = self.data.replace('_', " ");
            transfer::escapes(plain.as_bytes(), b'=', bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn section(raw: &str) -> Section<'_> {
        Section::read(raw.as_bytes(), &mut 10_000, |line| line.starts_with(b"--b"))
    }

    #[test]
    fn finds_fields_and_body() {
        for (raw, names, body) in [
            ("Subject: x\r\n\r\nbody", vec!["Subject"], "body"),
            ("A: 1\n b\nC: 2\n\nbody", vec!["A", "C"], "body"),
            ("\r\nbody", vec![], "body"),
            ("", vec![], ""),
            ("A: 1", vec!["A"], ""),
            ("A : 1\n\nx", vec!["A"], "x"),
            ("From me Mon Jan 1\nA: 1\n\nx", vec!["A"], "x"),
            ("A: 1\nno field\nB: 2\n", vec!["A"], "no field\nB: 2\n"),
            (" folded at once\n", vec![], " folded at once\n"),
            ("A: 1\n--b\nB: 2", vec!["A"], "--b\nB: 2"),
            ("A: 1\n--c: 2\n\nx", vec!["A", "--c"], "x"),
        ] {
            let section = section(raw);
            assert_eq!(section.fields.iter().map(RawField::name).collect::<Vec<_>>(), names, "{raw:?}");
            assert_eq!(&raw[section.body..], body, "{raw:?}");
        }
    }

    #[test]
    fn a_budget_cuts_fields_but_finds_the_body() {
        let raw = format!("A: 1\nB: {}\nC: 3\n\nbody", "x".repeat(100));
        let section = Section::read(raw.as_bytes(), &mut 20, |_| false);
        assert!(section.cut);
        assert_eq!(section.fields.len(), 2);
        assert_eq!(&raw[section.body..], "body");
    }

    #[test]
    fn decodes_values() {
        for (value, text) in [
            (&b" plain "[..], "plain"),
            (b"folded\r\n here", "folded here"),
            (b"=?utf-8?Q?f=C3=B8dt?=", "født"),
            (b"=?ISO-8859-1?q?f=F8dt_i_dag?= ja", "født i dag ja"),
            (b"=?utf-8?b?ZsO4ZHQ=?=", "født"),
            (b"=?utf-8*da?b?ZsO4ZHQ=?=", "født"),
            (b"=?utf-8?b?ZsM=?=\r\n =?utf-8?b?uGR0?=", "født"),
            (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
            (b"=?utf-8?q?a?= =?iso-8859-1?q?=F8?= c", "aø c"),
            (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
            (b"=?utf-8?q?010190?=-1234", "010190-1234"),
            (b"=?x-none?q?a?=", "a"),
            (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
            (b"=?utf-8?q?no end", "=?utf-8?q?no end"),
            (b"f\xf8dt", "født"),
            (b"f\xc3\xb8dt", "født"),
            (b"=?utf-8?q?010190=E2=80=931234?=", "010190-1234"),
            (b"", ""),
        ] {
            assert_eq!(RawField { name: b"Subject", value }.text(), text);
        }
    }

    #[test]
    fn reads_types_and_parameters() {
        let parsed = |value: &str| RawField { name: b"", value: value.as_bytes() }.structured().unwrap().parsed;
        let plain = parsed("Text/Plain; charset=\"utf-8\"; name*=utf-8''%30%31.txt").unwrap();
        assert_eq!((plain.ctype(), plain.subtype()), ("text", Some("plain")));
        assert_eq!(plain.attribute("charset"), Some("utf-8"));
        assert_eq!(plain.attribute("name"), Some("01.txt"));
        let folded = parsed("multipart/mixed;\r\n boundary=\"a b\"").unwrap();
        assert_eq!(folded.attribute("boundary"), Some("a b"));
        assert!(parsed("").is_none());
        let long = format!("text/html; charset=utf-8; x={}", "ø".repeat(MAX_STRUCTURED));
        let long = RawField { name: b"Content-Type", value: long.as_bytes() }.structured().unwrap();
        assert_eq!(long.parsed.unwrap().attribute("charset"), Some("utf-8"));
        assert_eq!(long.limit.unwrap(), "limit: a field content-type of more than 16384 bytes; read by its beginning");
    }

    proptest! {
        #[test]
        fn any_section_and_value_can_be_read(raw in proptest::collection::vec(any::<u8>(), 0..300)) {
            let section = Section::read(&raw, &mut 200, |_| true);
            prop_assert!(section.body <= raw.len());
            for field in &section.fields {
                field.text();
                let _ = field.structured();
            }
        }

        #[test]
        fn any_word_can_be_read(value in "(=\\?|\\?=|\\?|[qQbB]|utf-8|=[0-9A-F]{2}|[a-zæ ]){0,40}") {
            RawField { name: b"", value: value.as_bytes() }.text();
        }

        #[test]
        fn words_come_back(text in "[ -~æøåéü]{1,60}") {
            let hex: String = text.bytes().map(|byte| format!("={byte:02X}")).collect();
            let field = format!("=?utf-8?q?{hex}?=");
            prop_assert_eq!(RawField { name: b"", value: field.as_bytes() }.text(), normalise(text));
        }
    }
}
