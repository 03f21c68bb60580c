//! Content transfer encodings (RFC 2045 section 6), read as leniently as mail programs do.

use std::borrow::Cow;

/// How a body was encoded for transfer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    /// 7bit, 8bit, binary, or none given.
    Identity,
    QuotedPrintable,
    Base64,
    /// Uuencode or yEnc: the body holds a file in lines that say so themselves.
    Lines,
    /// One that we do not know: the body is read as it stands, and listed.
    Unknown,
}

impl Encoding {
    /// From the field `Content-Transfer-Encoding`.
    pub(super) fn from_field(value: Option<&str>) -> Self {
        let value = value.unwrap_or_default();
        // Comments around it (RFC 2045 section 6.1), and a parameter or quotes (seen in the wild), are ignored by readers.
        let value = value.trim_start();
        let value = match value.strip_prefix('(') {
            Some(comment) => comment.split_once(')').map_or("", |(_, value)| value),
            None => value,
        };
        let word = value.split([';', '(', ' ', '\t', '"']).find(|word| !word.is_empty()).unwrap_or_default();
        match word.to_ascii_lowercase().as_str() {
            "" | "7bit" | "8bit" | "binary" => Self::Identity,
            // As some programs write it: `7-bit`, `8 bit`, `7bits`.
            "7" | "8" | "7-bit" | "8-bit" | "7bits" | "8bits" | "plain" | "none" => Self::Identity,
            "quoted-printable" | "quoted" | "quotedprintable" | "qp" => Self::QuotedPrintable,
            "base64" => Self::Base64,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" | "x-yenc" | "yenc" => Self::Lines,
            _ => Self::Unknown,
        }
    }
}

/// Decodes a body. The second value says whether it was well-formed; what is not is read as well as can be.
pub(super) fn decode(encoding: Encoding, body: &[u8]) -> (Cow<'_, [u8]>, bool) {
    decode_some(encoding, body, usize::MAX)
}

/// The same for the beginning of a body: of what is encoded, not much more than `most` bytes are decoded, and memory is
/// taken for no more.
pub(super) fn decode_some(encoding: Encoding, body: &[u8], most: usize) -> (Cow<'_, [u8]>, bool) {
    match encoding {
        Encoding::Identity | Encoding::Lines | Encoding::Unknown => (body.into(), true),
        Encoding::QuotedPrintable => (quoted_printable_some(body, most).into(), true),
        Encoding::Base64 => {
            let (bytes, clean) = base64_some(body, most);
            (bytes.into(), clean)
        }
    }
}

/// The longest line of base64 that is known as one, in bytes.
const MAX_BASE64_LINE: usize = 1000;

const NOT_BASE64: u8 = 0xff;

const BASE64: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut table = [NOT_BASE64; 256];
    let mut value = 0;
    while value < 64 {
        table[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// Base64: bytes outside the alphabet are ignored, as RFC 2045 asks; padding in the middle (base64 texts put together)
/// ends a group and reading goes on. The second value is false where something other than white space was ignored.
pub(crate) fn base64(body: &[u8]) -> (Vec<u8>, bool) {
    base64_some(body, usize::MAX)
}

fn base64_some(body: &[u8], most: usize) -> (Vec<u8>, bool) {
    let mut decoded = Vec::with_capacity((body.len() / 4 * 3).min(most));
    let mut clean = true;
    let (mut group, mut sextets) = (0_u32, 0);
    let flush = |decoded: &mut Vec<u8>, group: u32, sextets: u32| match sextets {
        2 => decoded.push((group >> 4) as u8),
        3 => decoded.extend_from_slice(&[(group >> 10) as u8, (group >> 2) as u8]),
        _ => {}
    };
    for &byte in body {
        let value = BASE64[usize::from(byte)];
        if value != NOT_BASE64 {
            group = group << 6 | u32::from(value);
            sextets += 1;
            if sextets == 4 {
                decoded.extend_from_slice(&group.to_be_bytes()[1..]);
                (group, sextets) = (0, 0);
                if decoded.len() > most {
                    break;
                }
            }
        } else if byte == b'=' {
            flush(&mut decoded, group, sextets);
            (group, sextets) = (0, 0);
        } else if !byte.is_ascii_whitespace() {
            clean = false;
        }
    }
    flush(&mut decoded, group, sextets);
    (decoded, clean)
}

/// Quoted-printable: soft line breaks and white space before line ends go; an `=` that begins neither is a plain `=`.
#[cfg(any(feature = "documents", test))]
pub(crate) fn quoted_printable(body: &[u8]) -> Vec<u8> {
    quoted_printable_some(body, usize::MAX)
}

fn quoted_printable_some(body: &[u8], most: usize) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(body.len().min(most));
    let mut rest = body;
    while !rest.is_empty() && decoded.len() <= most {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, following) = rest.split_at(end);
        rest = following;
        let text = line.trim_ascii_end();
        let (text, soft) = match text.strip_suffix(b"=") {
            Some(text) => (text, true),
            None => (text, false),
        };
        // Of a line that is longer than all that is wanted, the beginning: each byte takes three at most.
        let room = most.saturating_sub(decoded.len()).saturating_mul(3).saturating_add(3);
        escapes(&text[..text.len().min(room)], b'=', &mut decoded);
        if !soft {
            // The line's own end, whatever it was; none at the end of the body.
            let ends = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |at| at + 1);
            decoded.extend_from_slice(&line[ends..]);
        }
    }
    decoded
}

/// The text in a body that is quoted-printable without saying so: nearly every `=` in it stands where that has one.
/// Not much more than `most` bytes are decoded.
pub(super) fn undeclared_quoted_printable(body: &[u8], most: usize) -> Option<Vec<u8>> {
    let (mut escapes, mut others) = (0_usize, 0_usize);
    for at in memchr::memchr_iter(b'=', body) {
        match &body[at + 1..] {
            // Padding of base64 stands there too.
            [b'\n', ..] | [b'\r', b'\n', ..] if ends_base64(&body[..=at]) => {}
            [b'\n', ..] | [b'\r', b'\n', ..] => escapes += 1,
            [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => escapes += 1,
            _ => others += 1,
        }
    }
    (escapes > 3 * others).then(|| quoted_printable_some(body, most))
}

/// Whether the last line of `text`, which ends with `=`, is a whole line of base64.
fn ends_base64(text: &[u8]) -> bool {
    let line = text.iter().rev().take(MAX_BASE64_LINE).take_while(|byte| !matches!(byte, b'\r' | b'\n'));
    let (mut length, mut plain) = (0_usize, true);
    for byte in line {
        length += 1;
        plain &= *byte == b'=' || BASE64[usize::from(*byte)] != NOT_BASE64;
    }
    plain && length.is_multiple_of(4)
}

/// Appends `text` with its escapes (`mark` and two hexadecimal digits) decoded.
pub(super) fn escapes(text: &[u8], mark: u8, decoded: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(mark, rest) {
        decoded.extend_from_slice(&rest[..at]);
        let digit = |index: usize| rest.get(at + index).and_then(|&byte| char::from(byte).to_digit(16));
        match (digit(1), digit(2)) {
            (Some(high), Some(low)) => {
                decoded.push((high << 4 | low) as u8);
                rest = &rest[at + 3..];
            }
            _ => {
                decoded.push(mark);
                rest = &rest[at + 1..];
            }
        }
    }
    decoded.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_base64_as_readers_do() {
        for (text, bytes, clean) in [
            ("", &b""[..], true),
            ("SGVq", b"Hej", true),
            ("SGVqIQ==", b"Hej!", true),
            ("SG\r\n Vq\tIQ", b"Hej!", true),
            ("SGVqIQ==SGVq", b"Hej!Hej", true),
            ("S*G-V_q", b"Hej", false),
            ("A", b"", true),
            ("====", b"", true),
        ] {
            assert_eq!(base64(text.as_bytes()), (bytes.to_vec(), clean), "{text}");
        }
    }

    #[test]
    fn reads_quoted_printable_as_readers_do() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("plain", b"plain"),
            ("caf=E9", b"caf\xe9"),
            ("caf=e9\r\n", b"caf\xe9\r\n"),
            ("0101=\r\n90-12=\n34", b"010190-1234"),
            ("soft= \r\nbreak", b"softbreak"),
            ("end   \r\nnext", b"end\r\nnext"),
            ("100 = 100, =ZZ =4", b"100 = 100, =ZZ =4"),
            ("last=", b"last"),
        ] {
            assert_eq!(quoted_printable(text.as_bytes()), bytes, "{text}");
        }
    }

    #[test]
    fn no_more_is_decoded_than_is_wanted() {
        for (encoding, body) in [
            (Encoding::QuotedPrintable, "=41".repeat(10_000)),
            (Encoding::QuotedPrintable, "=41\n".repeat(10_000)),
            (Encoding::QuotedPrintable, "a".repeat(10_000)),
            (Encoding::Base64, "QUFB".repeat(10_000)),
        ] {
            let length = decode_some(encoding, body.as_bytes(), 100).0.len();
            assert!((101..=400).contains(&length), "{length}");
        }
    }

    #[test]
    fn quoted_printable_is_known_by_its_escapes() {
        for (text, decoded) in [
            ("f=C3=B8dt 61=\r\n0190-0005", Some("født 610190-0005")),
            ("61=\n0190", Some("610190")),
            ("SGVqIQ==\nSGVqIQ==\n", None),
            ("SGVqIWE=\n", None),
            ("a = b", None),
            ("https://example.org/?a=b1&x=zz&y=q", None),
            ("", None),
            ("=", None),
        ] {
            let found = undeclared_quoted_printable(text.as_bytes(), usize::MAX);
            assert_eq!(found.as_deref(), decoded.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn knows_the_encodings() {
        for (value, encoding) in [
            (None, Encoding::Identity),
            (Some("7BIT"), Encoding::Identity),
            (Some(" base64 "), Encoding::Base64),
            (Some("Quoted-Printable; charset=x"), Encoding::QuotedPrintable),
            (Some("(a comment) base64"), Encoding::Base64),
            (Some("\"base64\""), Encoding::Base64),
            (Some("(open"), Encoding::Identity),
            (Some("8 bit"), Encoding::Identity),
            (Some("quoted printable"), Encoding::QuotedPrintable),
            (Some("x-uuencode"), Encoding::Lines),
            (Some("x-none"), Encoding::Unknown),
        ] {
            assert_eq!(Encoding::from_field(value), encoding, "{value:?}");
        }
    }

    /// Whether two hexadecimal digits stand after every `=`.
    fn escapes_are_whole(bytes: &[u8]) -> bool {
        let escapes = bytes.split(|byte| *byte == b'=').skip(1);
        escapes.into_iter().all(|after| after.len() >= 2 && after[..2].iter().all(u8::is_ascii_hexdigit))
    }

    proptest! {
        #[test]
        fn agrees_with_mail_parser(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            use mail_parser::decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode};
            let (decoded, clean) = base64(&bytes);
            if clean && let Some(theirs) = base64_decode(&bytes) {
                prop_assert_eq!(&decoded, &theirs);
            }
            // A lone carriage return and white space before a line end are read in different ways; leave them out.
            let plain: Vec<u8> = bytes.into_iter().filter(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b).collect();
            if let Some(theirs) = quoted_printable_decode(&plain)
                && escapes_are_whole(&plain)
            {
                prop_assert_eq!(quoted_printable(&plain), theirs);
            }
        }
    }
}
