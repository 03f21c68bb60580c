//! Parts that are called text (or nothing at all) and have the name of a file: programs open them by that name, or by
//! what is in them, and show something else than the text.

use super::{decode_text, is_entity, is_message};
use memchr::memmem;

/// Bytes that are looked at.
const SAMPLE: usize = 4096;

/// What stands at the end of a zip archive, which may stand behind a text, and how far from the end that may begin.
const ZIP_END: &[u8] = b"PK\x05\x06";
const MAX_TAIL: usize = 22 + 65_535;

/// Extensions of files that are text and that programs show as something else.
const EXTENSIONS: [&str; 30] = [
    "csv", "eml", "emlx", "fodg", "fodp", "fods", "fodt", "geojson", "hta", "htm", "html", "ics", "ifb", "json",
    "jsonl", "mbox", "mbx", "mht", "mhtml", "ndjson", "rtf", "shtml", "svg", "tab", "tsv", "vcf", "vcs", "xht",
    "xhtml", "xml",
];

/// Extensions of pages.
const PAGES: [&str; 6] = ["hta", "htm", "html", "shtml", "xht", "xhtml"];

/// Whether a part of this name is a document that whoever reads attachments must see too. What has no name is shown by
/// the mail program itself, as the text that it is said to be.
pub(super) fn is_more_than_text(name: Option<&str>, is_html: bool, bytes: &[u8]) -> bool {
    let Some(name) = name else { return false };
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.trim().to_ascii_lowercase());
    let extension = extension.as_deref().unwrap_or_default();
    let tail = &bytes[bytes.len().saturating_sub(MAX_TAIL)..];
    if memmem::find(tail, ZIP_END).is_some() {
        return true;
    }
    if EXTENSIONS.contains(&extension) {
        return !(is_html && PAGES.contains(&extension));
    }
    let sample = decode_text(&bytes[..bytes.len().min(SAMPLE)], None, SAMPLE);
    let text = sample.trim_start_matches(|character: char| character.is_whitespace() || character == '\u{feff}');
    let begins = |prefix: &str| text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    !is_html && text.starts_with(['<', '{', '['])
        || begins("BEGIN:V")
        || begins("From ")
        || is_message(text.as_bytes())
        || is_entity(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_told_from_texts() {
        let utf_16: Vec<u8> = "\u{feff}<?xml version='1.0'?><a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (name, is_html, bytes, expected) in [
            (Some("a.html"), false, &b"x"[..], true),
            (Some("a.HTML "), false, b"x", true),
            (Some("a.html"), true, b"x", false),
            (Some("a.eml"), true, b"x", true),
            (Some("a.csv"), false, b"x", true),
            (Some("a.txt"), false, b"Hej, du", false),
            (Some("a.txt"), false, b" <p>x", true),
            (Some("a.txt"), true, b" <p>x", false),
            (Some("a"), false, b"begin:vcard", true),
            (Some("a"), false, b"Content-Type: text/html\n\nx", true),
            (Some("a"), false, b"From: a\nTo: b\n\nx", true),
            (Some("a"), false, &utf_16, true),
            (Some("a.txt"), false, b"", false),
            (Some("a.txt"), false, b"Hej PK\x05\x06", true),
            (None, false, b"<p>x", false),
        ] {
            assert_eq!(is_more_than_text(name, is_html, bytes), expected, "{name:?} {bytes:?}");
        }
    }
}
