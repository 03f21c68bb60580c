//! Files in base64 within a text.

use crate::message::{Attachment, Fault, Reading, Signature, base64, quoted, within};

/// Characters of base64 from which on it may be a file: less is a key or a name.
const MIN_FILE: usize = 256;

/// Files that were found, to be handed on after the text that they were found in.
#[derive(Debug, Default)]
pub(super) struct Files {
    files: Vec<File>,
}

#[derive(Debug)]
struct File {
    /// What it is in words where it has no name.
    what: String,
    name: Option<String>,
    media_type: Option<String>,
    bytes: Vec<u8>,
}

impl Files {
    /// Takes in a file that is said to be one.
    pub(super) fn push(&mut self, what: &str, name: Option<String>, media_type: Option<String>, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.files.push(File { what: what.to_owned(), name, media_type, bytes });
        }
    }

    /// Takes in a text if it is a file: a `data:` URL (RFC 2397), or base64 of what has a signature.
    pub(super) fn take(&mut self, what: &str, text: &str) -> bool {
        let text = text.trim();
        if let Some((media_type, encoded)) = data_url(text) {
            let (bytes, _) = base64(encoded.as_bytes());
            self.push(what, None, media_type, bytes);
            return true;
        }
        if text.len() < MIN_FILE || !is_base64(text) {
            return false;
        }
        let (bytes, _) = base64(text.as_bytes());
        if Signature::of(&bytes).is_none() {
            return false;
        }
        self.push(what, None, None, bytes);
        true
    }

    /// Hands them on.
    pub(super) fn hand_on(self, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        for (number, file) in self.files.into_iter().enumerate() {
            let place = match &file.name {
                Some(name) => within(place, format_args!("attachment {}", quoted(name))),
                None => within(place, format_args!("{} {}", quoted(&file.what), number + 1)),
            };
            reading.attachment(&Attachment {
                place: &place,
                name: file.name.as_deref(),
                media_type: file.media_type.as_deref(),
                charset: None,
                bytes: &file.bytes,
            })?;
        }
        Ok(())
    }
}

/// Whether it can be nothing but base64.
pub(super) fn is_base64(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=') || byte.is_ascii_whitespace())
}

/// Media type and base64 of a `data:` URL.
pub(super) fn data_url(text: &str) -> Option<(Option<String>, &str)> {
    let rest = text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).and(text.get(5..))?;
    let (head, encoded) = rest.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?.split(';').next().unwrap_or_default();
    Some(((!media_type.is_empty()).then(|| media_type.to_ascii_lowercase()), encoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_text() {
        let pdf = "JVBERi0xLjcK".repeat(30);
        for (text, taken) in [
            ("data:image/png;base64,iVBORw0KGgo=", true),
            (pdf.as_str(), true),
            ("JVBERi0xLjcK", false),
            (&"Hej ".repeat(100), false),
            ("data: 1,2", false),
            ("data:,x", false),
        ] {
            assert_eq!(Files::default().take("x", text), taken, "{text}");
        }
    }
}
