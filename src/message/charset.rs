//! Bytes in some charset -> UTF-8. A charset that is unknown, or not the one that was used, costs letters, never digits.

use encoding_rs::{CoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use mail_parser::decoders::charsets::map::charset_decoder;
use std::{borrow::Cow, cmp::Ordering};

/// Decodes `bytes`, which are said to be in `charset`; not much more than `limit` bytes of text.
///
/// A byte order mark wins over what is said. Bytes that are UTF-8 (and more than ASCII) are read as UTF-8 whatever
/// one-byte charset they are said to be in, since text in another is hardly ever valid UTF-8 by chance; bytes that are
/// said to be UTF-8 or UTF-16 and cannot be are read as windows-1252.
pub(super) fn decode<'a>(bytes: Cow<'a, [u8]>, charset: Option<&str>, limit: usize) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(&bytes) {
        return with(encoding, &bytes[mark..], limit).into();
    }
    let label = bare(charset.unwrap_or_default());
    // Replacement encodings (iso-2022-kr, hz-gb-2312) would turn the whole text into one sign: read the ASCII in them.
    let encoding = Encoding::for_label_no_replacement(label.as_bytes());
    match encoding {
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => {
            if likely_utf_16(&bytes) {
                with(by_its_zeros(&bytes).unwrap_or(encoding), &bytes, limit).into()
            } else {
                guess(bytes, limit)
            }
        }
        Some(encoding) if encoding.is_single_byte() => match into_utf_8(bytes) {
            Ok(text) => text,
            Err(bytes) => with(encoding, &bytes, limit).into(),
        },
        Some(encoding) if encoding != UTF_8 => with(encoding, &bytes, limit).into(),
        Some(_) => guess(bytes, limit),
        None => match known_to_mail_parser(label) {
            // UTF-7, code page 850 and the like.
            Some(decoder) => decoder(&bytes).into(),
            None => guess(bytes, limit),
        },
    }
}

/// Decodes bytes that may be said to be in some charset; text in UTF-16 is known by its zeros even where nothing says
/// so. Not much more than `limit` bytes of text.
pub fn decode_text<'a>(bytes: &'a [u8], charset: Option<&str>, limit: usize) -> Cow<'a, str> {
    if charset.is_none() && Encoding::for_bom(bytes).is_none() {
        let sample = &bytes[..bytes.len().min(4096)];
        let zeros = |side: usize| sample.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd) = (zeros(0), zeros(1));
        if (even + odd) * 3 >= sample.len() && even + odd > 0 {
            return with(if odd >= even { UTF_16LE } else { UTF_16BE }, bytes, limit).into();
        }
    }
    decode(bytes.into(), charset, limit)
}

/// Whether text in a charset of this name is decoded, and not merely guessed at.
pub(super) fn is_known(charset: &str) -> bool {
    let label = bare(charset);
    label.is_empty()
        || Encoding::for_label_no_replacement(label.as_bytes()).is_some()
        || known_to_mail_parser(label).is_some()
}

fn bare(charset: &str) -> &str {
    match charset.trim().trim_matches(['"', '\'']) {
        label if label.eq_ignore_ascii_case("unicode-1-1-utf-7") => "utf-7",
        label => label,
    }
}

/// UTF-8 if it can be, else windows-1252, in which every byte means something.
fn guess(bytes: Cow<'_, [u8]>, limit: usize) -> Cow<'_, str> {
    into_utf_8(bytes).unwrap_or_else(|bytes| with(WINDOWS_1252, &bytes, limit).into())
}

/// No copy is made: this may be many megabytes.
fn into_utf_8(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, Cow<'_, [u8]>> {
    match bytes {
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(error.into_bytes().into()),
        },
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| bytes.into()),
    }
}

/// Decodes piece by piece: in one go, room would be made for the longest text that there can be.
fn with(encoding: &'static Encoding, bytes: &[u8], limit: usize) -> String {
    const ROOM: usize = 64 * 1024;
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 16);
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut rest = bytes;
    loop {
        let (result, read, _) = decoder.decode_to_string(rest, &mut text, true);
        rest = &rest[read..];
        match result {
            CoderResult::InputEmpty => return text,
            CoderResult::OutputFull if text.len() > limit => return text,
            CoderResult::OutputFull => text.reserve(ROOM.max(text.len() / 4).min(rest.len() * 3 + 16)),
        }
    }
}

/// Text in UTF-16 that holds any digit, space or Latin letter has zero bytes; other text has none.
fn likely_utf_16(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_some() || std::str::from_utf8(bytes).is_err()
}

/// Which of both byte orders of UTF-16 was used, by where the zero bytes of its digits, spaces and Latin letters stand:
/// programs differ in what they take text for that is only called `utf-16`.
fn by_its_zeros(bytes: &[u8]) -> Option<&'static Encoding> {
    let zeros = |first: usize| bytes.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    match zeros(0).cmp(&zeros(1)) {
        Ordering::Greater => Some(UTF_16BE),
        Ordering::Less => Some(UTF_16LE),
        Ordering::Equal => None,
    }
}

fn known_to_mail_parser(label: &str) -> Option<fn(&[u8]) -> String> {
    charset_decoder(label.as_bytes()).filter(|_| Encoding::for_label(label.as_bytes()).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decodes_what_was_meant() {
        for (bytes, charset, text) in [
            (&b"plain"[..], None, "plain"),
            (b"f\xf8dt", Some("iso-8859-1"), "født"),
            (b"f\xf8dt", Some("ISO-8859-15"), "født"),
            (b"f\xf8dt", Some("windows-1252"), "født"),
            (b"f\xf8dt", Some("us-ascii"), "født"),
            (b"f\xf8dt", None, "født"),
            (b"f\xf8dt", Some("utf-8"), "født"),
            (b"f\xf8dt", Some("x-nobody-knows"), "født"),
            (b"f\xc3\xb8dt", None, "født"),
            (b"f\xc3\xb8dt", Some("\"utf-8\""), "født"),
            (b"f\xc3\xb8dt", Some("us-ascii"), "født"),
            (b"f\xc3\xb8dt", Some("iso-8859-1"), "født"),
            (b"\xef\xbb\xbff\xc3\xb8dt", Some("iso-8859-1"), "født"),
            (b"f\x9bdt", Some("cp850"), "født"),
            (b"f+APg-dt", Some("utf-7"), "født"),
            (b"f\0\xf8\0d\0t\0", Some("utf-16le"), "født"),
            (b"\0f\0\xf8\0d\0t", Some("utf-16be"), "født"),
            (b"\0f\0\xf8\0d\0t", Some("utf-16"), "født"),
            (b"f+APg-dt", Some("unicode-1-1-utf-7"), "født"),
            (b"\xff\xfef\0\xf8\0d\0t\0", Some("utf-16"), "født"),
            (b"\xff\xfef\0\xf8\0d\0t\0", None, "født"),
            (b"010190-1234", Some("utf-16"), "010190-1234"),
            (b"010190-1234", Some("iso-2022-kr"), "010190-1234"),
            (b"010190-1234", Some("hz-gb-2312"), "010190-1234"),
            (b"\x93\xfa\x96{ 01", Some("shift_jis"), "日本 01"),
            (b"\x1b$BF|K\\\x1b(B 01", Some("iso-2022-jp"), "日本 01"),
            (b"", Some(""), ""),
        ] {
            assert_eq!(decode(bytes.into(), charset, 100), text, "{charset:?}");
            assert_eq!(decode(bytes.to_vec().into(), charset, 100), text, "{charset:?}");
        }
    }

    #[test]
    fn stops_at_its_limit() {
        let bytes = vec![0x80; 1_000_000];
        assert!(decode(bytes.as_slice().into(), Some("windows-1252"), 1_500_000).len() < 2_500_000);
        assert_eq!(decode(bytes.into(), Some("windows-1252"), 3_000_000).len(), 3_000_000);
    }

    #[test]
    fn utf_16_is_known_without_a_mark() {
        let text = "Født 010190-1234\n".repeat(10);
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&little[..], &big, text.as_bytes()] {
            assert_eq!(decode_text(bytes, None, 10_000), text);
        }
    }

    proptest! {
        #[test]
        fn every_label_and_every_byte_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..100), label in ".{0,20}") {
            decode(bytes.into(), Some(&label), 10);
        }

        #[test]
        fn utf_8_is_read_whatever_it_is_said_to_be(
            text in "[ -~æøåÆØÅäöüßéè€]{0,40}",
            label in prop_oneof!["utf-8", "us-ascii", "iso-8859-1", "windows-1252", "iso-8859-15", "unknown-8bit"],
        ) {
            prop_assert_eq!(decode(text.as_bytes().into(), Some(&label), 1000), text.as_str());
        }
    }
}
