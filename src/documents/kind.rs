//! Which reader a file is for: by its content first; its name and type only tell apart what the content cannot.

use crate::message::{Attachment, Signature};

/// What a file is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A message (RFC 5322).
    Message,
    /// Text, or what is most like it.
    Plain,
    /// Of a kind that is not read: which, in words.
    Unread(String),
}

impl Kind {
    pub(super) fn of(file: &Attachment<'_>) -> Self {
        match Signature::of(file.bytes) {
            Some(Signature::Image(kind)) => Self::Unread(format!("a picture ({kind})")),
            Some(Signature::Media(kind)) => Self::Unread(format!("sound or film ({kind})")),
            Some(Signature::Program(kind)) => Self::Unread(format!("a program ({kind})")),
            Some(Signature::Rar) => Self::Unread("a RAR archive".to_owned()),
            Some(other) => Self::Unread(format!("{other:?}")),
            None if is_message(file) => Self::Message,
            None if is_text(file.bytes) => Self::Plain,
            None => Self::Unread(format!("content of type {}", file.media_type.unwrap_or("application/octet-stream"))),
        }
    }
}

/// Said to be a message by its type or name. Anything can be read as one, so that nothing is lost where it is not.
fn is_message(file: &Attachment<'_>) -> bool {
    file.media_type.is_some_and(|kind| matches!(kind, "message/rfc822" | "message/global"))
        || extension(file).as_deref() == Some("eml")
}

/// What stands after the last dot of the name, in lower case.
pub(super) fn extension(file: &Attachment<'_>) -> Option<String> {
    let (_, extension) = file.name?.rsplit_once('.')?;
    Some(extension.trim().to_lowercase())
}

/// Bytes that are looked at to tell text from what is none.
const SAMPLE: usize = 64 * 1024;

/// Whether it is text in some encoding: UTF-8, UTF-16, or a one-byte charset without control characters.
fn is_text(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") {
        return true;
    }
    let control = |byte: &&u8| matches!(**byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let odd = sample.iter().filter(control).count();
    let zeros = sample.iter().filter(|byte| **byte == 0).count();
    // UTF-16 of Latin letters is half zeros, all on one side.
    let sides = [0, 1].map(|side| sample.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count());
    let utf_16 = zeros * 3 >= sample.len() && sides.contains(&0);
    utf_16 || odd * 50 <= sample.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        let utf_16: Vec<u8> = "Hej, du".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let noise: Vec<u8> = (0..1000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for (bytes, text) in [
            (&b""[..], true),
            (b"Hej, du", true),
            ("blåbærgrød".as_bytes(), true),
            (b"bl\xe5b\xe6rgr\xf8d", true),
            (b"\xff\xfeH\0e\0j\0", true),
            (&utf_16, true),
            (&noise, false),
            (b"\0\0\0\0\0\0\0\x01abc", false),
        ] {
            assert_eq!(is_text(bytes), text, "{bytes:?}");
        }
    }
}
