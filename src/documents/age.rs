//! Files encrypted with age (age-encryption.org/v1), without their armour.

use super::ciphertext::is_ciphertext;
use crate::message::{Attachment, Fault, Piece, Reading, decode_text, within};

/// What protects it.
const AGE: &str = "age";

const FIRST_LINE: &[u8] = b"age-encryption.org/v1\n";

/// A nonce and the tag of an empty content.
const SHORTEST_PAYLOAD: usize = 32;

/// Lines of the header: each recipient has two or more.
const MAX_LINES: usize = 10_000;

/// Whether it begins as one.
pub(super) fn is_age(bytes: &[u8]) -> bool {
    bytes.starts_with(FIRST_LINE)
}

/// Says that it is protected, if it is whole. Its header, which anybody can write, is a text.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let bytes = file.bytes;
    let payload = payload(bytes);
    let header = &bytes[..bytes.len() - payload.map_or(0, <[u8]>::len)];
    let text = decode_text(header, None, reading.text_left());
    reading.piece(Piece::new(within(file.place, "header"), text.into_owned()));
    match payload {
        Some(payload) if payload.len() >= SHORTEST_PAYLOAD && is_ciphertext(payload) => {
            Err(Fault::Protected(AGE.to_owned()))
        }
        _ => Err(Fault::Unreadable("it is said to be encrypted, and is not".to_owned())),
    }
}

/// What follows the header: recipients, each `->`, its kind and arguments, then lines of base64; and `---` with a code.
fn payload(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.strip_prefix(FIRST_LINE)?;
    let is_base64 = |line: &[u8]| line.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte));
    let mut recipients = 0;
    for _ in 0..MAX_LINES {
        let end = memchr::memchr(b'\n', rest)?;
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(code) = line.strip_prefix(b"--- ") {
            return (recipients > 0 && code.len() == 43 && is_base64(code)).then_some(rest);
        }
        match line.strip_prefix(b"-> ") {
            Some(arguments) if arguments.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => recipients += 1,
            None if recipients > 0 && line.len() <= 64 && is_base64(line) => {}
            _ => return None,
        }
    }
    None
}
