//! Text strings (ISO 32000-2, 7.9.2.2): PDFDocEncoding, UTF-16 or UTF-8, told apart by their first bytes.

use super::encoding::pdf_doc;
use encoding_rs::{UTF_16BE, UTF_16LE};
use hayro_syntax::object::{Dict, Object};

/// The text of a string.
pub(super) fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => without_language(&UTF_16BE.decode_without_bom_handling(rest).0),
        [0xff, 0xfe, rest @ ..] => without_language(&UTF_16LE.decode_without_bom_handling(rest).0),
        [0xef, 0xbb, 0xbf, rest @ ..] => without_language(&String::from_utf8_lossy(rest)),
        _ => bytes.iter().map(|byte| pdf_doc(*byte)).collect(),
    }
}

/// Escape sequences that name a language (7.9.2.2.2) are no text.
fn without_language(text: &str) -> String {
    if !text.contains('\u{1b}') {
        return text.to_owned();
    }
    text.split('\u{1b}').enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "" }).collect()
}

/// The text of a dictionary's entry: a string, or a name.
pub(super) fn entry(dict: &Dict<'_>, key: &str) -> Option<String> {
    of(&dict.get::<Object<'_>>(key)?)
}

/// The text of a string or name.
pub(super) fn of(object: &Object<'_>) -> Option<String> {
    let text = match object {
        Object::String(string) => decode(string),
        Object::Name(name) => String::from_utf8_lossy(name).into_owned(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_three_encodings() {
        for (bytes, text) in [
            (&b"Hej"[..], "Hej"),
            (b"bl\xe5b\xe6r \xa0 \x80", "blåbær € •"),
            (b"\xfe\xff\0l\0\xf8\0n", "løn"),
            (b"\xff\xfel\0\xf8\0n\0", "løn"),
            (b"\xef\xbb\xbfl\xc3\xb8n", "løn"),
            (b"\xfe\xff\0\x1b\0d\0a\0\x1b\0l\0\xf8\0n", "løn"),
            (b"\xfe\xff\0", "\u{fffd}"),
        ] {
            assert_eq!(decode(bytes), text, "{bytes:?}");
        }
    }
}
