//! HTML in a file of its own.

use crate::message::{Attachment, Fault, Reading, decode_text, read_html};

/// Bytes at the beginning within which HTML says its encoding (HTML Living Standard, "prescan").
const PRESCAN: usize = 1024;

/// Reads it as a browser shows it.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let charset = file.charset.map(str::to_owned).or_else(|| declared(file.bytes));
    // Markup is longer than its text; more than this cannot fit.
    let most = reading.text_left().saturating_mul(4).saturating_add(4);
    let html = decode_text(file.bytes, charset.as_deref(), most);
    if html.len() > most {
        reading.too_much_text(file.place);
    }
    Ok(read_html(&html, file.place, reading)?)
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
