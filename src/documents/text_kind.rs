//! What a text without a signature is: by what it looks like, then by its type and name.

use super::{
    kind::{Kind, Structured, extension},
    mailbox,
    structured::looks_like_table,
};
use crate::message::{Attachment, decode_text};

/// Bytes that are looked at.
const SAMPLE: usize = 64 * 1024;

/// Lines of a header section that are looked at.
const MAX_FIELDS: usize = 40;

/// Elements that HTML begins with where it has no document type; those that other XML has too are not among them.
const HTML_ELEMENTS: [&str; 27] = [
    "html",
    "head",
    "body",
    "meta",
    "style",
    "script",
    "table",
    "tbody",
    "tr",
    "td",
    "div",
    "p",
    "span",
    "br",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "img",
    "font",
    "center",
    "strong",
    "blockquote",
];

/// Header fields that mail programs write and people do not.
const OF_PROGRAMS: [&str; 16] = [
    "message-id",
    "received",
    "mime-version",
    "return-path",
    "delivered-to",
    "content-type",
    "content-transfer-encoding",
    "in-reply-to",
    "references",
    "user-agent",
    "x-mailer",
    "x-priority",
    "thread-index",
    "list-id",
    "dkim-signature",
    "authentication-results",
];

/// Header fields that every message has some of.
const OF_MESSAGES: [&str; 8] = ["from", "to", "cc", "bcc", "subject", "date", "reply-to", "sender"];

/// Tells it; text that looks like nothing else is plain.
pub(super) fn of(file: &Attachment<'_>) -> Kind {
    let cut = file.bytes.len() > SAMPLE;
    let sample = decode_text(&file.bytes[..file.bytes.len().min(SAMPLE)], file.charset, SAMPLE);
    let text = sample.trim_start_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    match by_content(text) {
        None => by_type(file, text, cut),
        // A page that leaves out what pages begin with.
        Some(Kind::Structured(Structured::Xml)) if !text.starts_with("<?xml") && is_called_html(file) => Kind::Html,
        Some(kind) => kind,
    }
}

fn by_content(text: &str) -> Option<Kind> {
    let first = text.lines().next().unwrap_or_default();
    let begins = |prefix: &str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    match text.bytes().next()? {
        b'{' if begins("{\\rtf") => Some(Kind::Rtf),
        b'{' | b'[' => looks_like_json(text).then_some(Kind::Structured(Structured::Json)),
        b'<' => markup(text),
        _ if begins("BEGIN:V") => Some(Kind::Structured(Structured::ContentLines)),
        _ if mailbox::is_separator(first.as_bytes()) => Some(Kind::Mailbox),
        _ => looks_like_message(text).then_some(Kind::Message),
    }
}

fn by_type(file: &Attachment<'_>, text: &str, cut: bool) -> Kind {
    let table = Kind::Structured(Structured::Table);
    let extension = extension(file).unwrap_or_default();
    let media_type = file.media_type.unwrap_or_default();
    match (extension.as_str(), media_type) {
        ("csv" | "tsv" | "tab", _) | (_, "text/csv" | "text/tab-separated-values") => table,
        ("ics" | "vcf" | "vcs" | "ifb", _) | (_, "text/calendar" | "text/vcard" | "text/x-vcard") => {
            Kind::Structured(Structured::ContentLines)
        }
        _ if is_called_html(file) => Kind::Html,
        ("mht" | "mhtml", _) => Kind::Message,
        ("json" | "jsonl" | "ndjson" | "geojson", _) | (_, "application/json") => Kind::Structured(Structured::Json),
        _ if looks_like_table(text, cut) => table,
        _ => Kind::Plain,
    }
}

fn is_called_html(file: &Attachment<'_>) -> bool {
    matches!(extension(file).as_deref(), Some("htm" | "html" | "xhtml" | "shtml"))
        || matches!(file.media_type, Some("text/html" | "application/xhtml+xml"))
}

/// An object or array, by its first two signs.
fn looks_like_json(text: &str) -> bool {
    let mut signs = text.chars().filter(|character| !character.is_whitespace());
    match (signs.next(), signs.next()) {
        (Some('{'), Some('"' | '}')) => text.contains([':', '}']),
        (Some('['), Some('"' | '{' | '[' | ']' | '-' | '0'..='9')) => text.contains([',', ']', '}']),
        _ => false,
    }
}

/// HTML, OpenDocument in one file, or XML of any other kind; nothing where it only begins like markup.
fn markup(text: &str) -> Option<Kind> {
    let xml = Kind::Structured(Structured::Xml);
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let after = |start: &str, end: &str| rest.strip_prefix(start)?.split_once(end).map(|(_, after)| after);
        if let Some(after) = after("<!--", "-->").or_else(|| after("<?", "?>")) {
            rest = after;
        } else if rest.get(..9).is_some_and(|head| head.eq_ignore_ascii_case("<!doctype")) {
            let name = rest[9..].trim_start();
            if name.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("html")) {
                return Some(Kind::Html);
            }
            return Some(if is_open_document(text) { Kind::OpenDocument } else { xml });
        } else {
            break;
        }
    }
    let Some(element) = rest.strip_prefix('<') else { return text.starts_with("<?xml").then_some(xml) };
    let end = element.find(|character: char| character.is_whitespace() || matches!(character, '>' | '/'))?;
    let name = element[..end].to_ascii_lowercase();
    let local = name.rsplit(':').next().unwrap_or_default();
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, ':' | '_' | '-' | '.');
    if !name.starts_with(|first: char| first.is_alphabetic() || first == '_') || !name.chars().all(is_name) {
        return None;
    }
    if local == "html" || (!text.starts_with("<?xml") && HTML_ELEMENTS.contains(&name.as_str())) {
        return Some(Kind::Html);
    }
    if is_open_document(text) {
        return Some(Kind::OpenDocument);
    }
    (text.starts_with("<?xml") || text.contains("</") || text.contains("/>")).then_some(xml)
}

fn is_open_document(text: &str) -> bool {
    text.contains("<office:document")
        && (text.contains("urn:oasis:names:tc:opendocument:") || text.contains("http://openoffice.org/2000/office"))
}

/// A header section (RFC 5322), of which programs wrote a part, or that has nothing else in it: what people write can
/// begin with `From:` too, and what is read as a message loses the fields that are not known.
fn looks_like_message(text: &str) -> bool {
    let (mut of_programs, mut of_messages, mut others) = (0, 0, 0);
    for line in text.lines().take(MAX_FIELDS) {
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((name, _)) = line.split_once(':') else { return false };
        let name = name.trim_end().to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return false;
        }
        match name.as_str() {
            name if OF_PROGRAMS.contains(&name) => of_programs += 1,
            name if OF_MESSAGES.contains(&name) => of_messages += 1,
            _ => others += 1,
        }
    }
    of_programs + of_messages >= 2 && (of_programs > 0 || others == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kind(name: Option<&str>, bytes: &[u8]) -> Kind {
        of(&Attachment { place: "a", name, media_type: None, charset: None, bytes })
    }

    #[test]
    fn content_says_what_it_is() {
        use Structured::{ContentLines, Json, Table, Xml};
        let structured = Kind::Structured;
        let utf_16: Vec<u8> = "\u{feff}<?xml version='1.0'?><a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (text, expected) in [
            (&b""[..], Kind::Plain),
            (b"Hej, du\nder, kom\nnu, ja", Kind::Plain),
            (b" \n{\\rtf1 a}", Kind::Rtf),
            (b"{\"a\": 1}", structured(Json)),
            (b"[\n  {\"a\": 1}]", structured(Json)),
            (b"[Hej] du", Kind::Plain),
            (b"{note}", Kind::Plain),
            (b"BEGIN:VCARD\r\nFN:A", structured(ContentLines)),
            (b"begin:vcalendar\n", structured(ContentLines)),
            (b"<!DOCTYPE html><p>", Kind::Html),
            (b"<!-- x --><HTML>", Kind::Html),
            (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x'><html>", Kind::Html),
            (b"<table><tr>", Kind::Html),
            (b"<?xml version='1.0'?><Invoice/>", structured(Xml)),
            (b"<x:a xmlns:x='y'><b/></x:a>", structured(Xml)),
            (&utf_16, structured(Xml)),
            (b"<anna@example.org> skrev:", Kind::Plain),
            (b"<3 til dig", Kind::Plain),
            (b"<office:document xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0'>", Kind::OpenDocument),
            (b"From a@example.org Mon Jan  1 12:00:00 2024\nSubject: x\n\ny", Kind::Mailbox),
            (b"From: a\nTo: b\nMessage-ID: <1@x>\n\nc", Kind::Message),
            (b"Received: from x\n\tby y\nFrom: a\nDate: x\n\nc", Kind::Message),
            (b"From: a\nTo: b\nCPR: 610190-0005\n", Kind::Plain),
            (b"From: a\nTo: b\nSubject: c\n\nd", Kind::Message),
            (b"MIME-Version: 1.0\nContent-Type: text/html\n\nd", Kind::Message),
            (b"Subject: a\n\nb", Kind::Plain),
            (b"navn;cpr;by\nAnna;1;A\nBo;2;B\n", structured(Table)),
            (b"a\tb\nc\td\ne\tf\n", structured(Table)),
        ] {
            assert_eq!(kind(None, text), expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_name_says_what_the_content_does_not() {
        for (name, text, expected) in [
            ("a.csv", "one", Kind::Structured(Structured::Table)),
            ("a.html", "one<br>two", Kind::Html),
            ("a.html", "<form>one</form>", Kind::Html),
            ("a.xml", "<form>one</form>", Kind::Structured(Structured::Xml)),
            ("a.html", "{\"a\": 1}", Kind::Structured(Structured::Json)),
            ("a.ini", "[a]\nb=c", Kind::Plain),
            ("a.url", "[InternetShortcut]\nURL=x", Kind::Plain),
            ("a.mht", "From: <Saved>\n\nx", Kind::Message),
        ] {
            assert_eq!(kind(Some(name), text.as_bytes()), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_something(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            kind(None, &bytes);
        }

        #[test]
        fn any_text_is_something(text in "[<{\\[BF!? ][-<>!?/a-zA-Z:{}\\[\\]\"æ \n]{0,40}") {
            kind(None, text.as_bytes());
        }
    }
}
