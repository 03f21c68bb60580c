//! HTML in a file of its own.

use super::cell_formats;
use crate::message::{Attachment, Fault, Reading, Text, decode_text, read_html, within};
use html5gum::{Token, Tokenizer};

/// Bytes at the beginning within which HTML says its encoding (HTML Living Standard, "prescan").
const PRESCAN: usize = 1024;

/// Bytes at the beginning within which what a page says of itself is looked for.
const HEAD: usize = 64 * 1024;

/// Properties that programs write for programs.
const BY_PROGRAMS: [&str; 4] = ["generator", "viewport", "progid", "robots"];

/// Reads it as a browser shows it.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let charset = file.charset.map(str::to_owned).or_else(|| declared(file.bytes));
    // Markup is longer than its text; more than this cannot fit.
    let most = reading.text_left().saturating_mul(4).saturating_add(4);
    let html = decode_text(file.bytes, charset.as_deref(), most);
    if html.len() > most {
        reading.too_much_text(file.place);
    }
    properties(&html, file.place, reading);
    cell_formats::read(&html, file.place, reading)?;
    Ok(read_html(&html, file.place, reading)?)
}

/// Reads what a page says of itself (`<meta name content>`), which browsers do not show and office programs keep a
/// document's properties in.
fn properties(html: &str, place: &str, reading: &mut Reading<'_>) {
    let mut end = html.len().min(HEAD);
    while !html.is_char_boundary(end) {
        end -= 1;
    }
    let mut text = Text::new();
    for Ok(token) in Tokenizer::new(&html[..end]) {
        let Token::StartTag(tag) = token else { continue };
        if **tag.name == *b"body" {
            break;
        }
        if **tag.name != *b"meta" {
            continue;
        }
        let attribute =
            |wanted: &[u8]| tag.attributes.get(wanted).map(|value| String::from_utf8_lossy(value).trim().to_owned());
        let Some(name) = attribute(b"name").or_else(|| attribute(b"property")) else { continue };
        let value = attribute(b"content").unwrap_or_default();
        if name.starts_with("MSIP_Label_") {
            reading.label(place, &name, &value);
        }
        if !value.is_empty() && !BY_PROGRAMS.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            text.push(&format!("{name}: {value}"));
            text.end_line();
        }
    }
    reading.piece(text.into_piece(within(place, "properties")));
}

/// The encoding that a `meta` element or an XML declaration names.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(PRESCAN)]).to_ascii_lowercase();
    for name in ["charset", "encoding"] {
        for (at, _) in head.match_indices(name) {
            let Some(value) = head[at + name.len()..].trim_start().strip_prefix('=') else { continue };
            let value = value.trim_start().trim_start_matches(['"', '\'']);
            let end = value.find(|sign: char| !sign.is_ascii_alphanumeric() && !"-_:.".contains(sign));
            let value = &value[..end.unwrap_or(value.len())];
            if !value.is_empty() && !value.starts_with("utf-16") {
                return Some(value.to_owned());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_found() {
        for (html, charset) in [
            ("<meta charset=iso-8859-1>", Some("iso-8859-1")),
            ("<META http-equiv='x' content='text/html; charset=Windows-1251'>", Some("windows-1251")),
            ("<?xml version='1.0' encoding=\"koi8-r\"?>", Some("koi8-r")),
            ("<meta charset=''><p>charset", None),
            ("<p>x", None),
        ] {
            assert_eq!(declared(html.as_bytes()).as_deref(), charset, "{html}");
        }
    }
}
