//! OpenPGP (RFC 9580), without its armour: what is only signed or compressed is read, what is encrypted is protected,
//! keys and signatures hold no text.

use super::{
    archive::expand,
    ciphertext::{is_ciphertext, readable},
    hidden::is_much,
};
use crate::message::{Attachment, Fault, Piece, Reading, decode_text, quoted, within};
use bzip2::read::BzDecoder;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use std::borrow::Cow;

/// What protects an encrypted message.
const PGP: &str = "PGP";

/// Packets of one message or key ring.
const MAX_PACKETS: usize = 10_000;

/// The shortest encrypted data: a random prefix and a little more.
const SHORTEST_CIPHERTEXT: usize = 16;

/// Packet types (section 5).
const PUBLIC_KEY_ENCRYPTED_SESSION_KEY: u8 = 1;
const SIGNATURE: u8 = 2;
const SYMMETRIC_KEY_ENCRYPTED_SESSION_KEY: u8 = 3;
const ONE_PASS_SIGNATURE: u8 = 4;
const SECRET_KEY: u8 = 5;
const PUBLIC_KEY: u8 = 6;
const SECRET_SUBKEY: u8 = 7;
const COMPRESSED: u8 = 8;
const ENCRYPTED: u8 = 9;
const MARKER: u8 = 10;
const LITERAL: u8 = 11;
const TRUST: u8 = 12;
const USER_ID: u8 = 13;
const PUBLIC_SUBKEY: u8 = 14;
const USER_ATTRIBUTE: u8 = 17;
const ENCRYPTED_WITH_INTEGRITY: u8 = 18;
const MODIFICATION_DETECTION: u8 = 19;
const ENCRYPTED_WITH_AUTHENTICATION: u8 = 20;
const PADDING: u8 = 21;

/// One packet.
struct Packet<'a> {
    tag: u8,
    body: Cow<'a, [u8]>,
}

/// What a sequence of packets is.
#[derive(Debug, Eq, PartialEq)]
enum Shape {
    Encrypted,
    /// Signed or not, compressed or not.
    Readable,
    /// Keys, certificates, signatures.
    Keys,
}

/// Whether it is one, from its first byte to its last.
pub(super) fn is_openpgp(bytes: &[u8]) -> bool {
    packets(bytes).is_some_and(|packets| shape(&packets).is_some())
}

/// Reads it.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let packets = packets(file.bytes).ok_or_else(|| Fault::broken("it is no OpenPGP"))?;
    match shape(&packets) {
        None => Err(Fault::broken("its packets are in no order that has a meaning")),
        Some(Shape::Encrypted) => {
            for packet in packets.iter().filter(|packet| !is_encrypted_data(packet.tag)) {
                reading.piece(Piece::new(within(file.place, "keys"), readable(&packet.body)));
            }
            encrypted(&packets)
        }
        Some(Shape::Readable) => {
            for packet in &packets {
                match packet.tag {
                    COMPRESSED => compressed(file, &packet.body, reading)?,
                    LITERAL => literal(file, &packet.body, reading)?,
                    _ => lists_much(file, packet, reading),
                }
            }
            Ok(())
        }
        Some(Shape::Keys) => {
            for packet in &packets {
                match packet.tag {
                    USER_ID => {
                        let text = decode_text(&packet.body, Some("utf-8"), reading.text_left());
                        reading.piece(Piece::new(within(file.place, "user id"), text.into_owned()));
                    }
                    USER_ATTRIBUTE => reading.unreadable(file.place, "a picture in a key is not read"),
                    _ => lists_much(file, packet, reading),
                }
                reading.clock(file.place)?;
            }
            Ok(())
        }
    }
}

fn lists_much(file: &Attachment<'_>, packet: &Packet<'_>, reading: &mut Reading<'_>) {
    if is_much(&packet.body) {
        reading.unreadable(file.place, "a key or signature that holds more than that");
    }
}

/// Says that it is protected, if what it has can be encrypted data.
fn encrypted(packets: &[Packet<'_>]) -> Result<(), Fault> {
    let data = packets.iter().find(|packet| is_encrypted_data(packet.tag));
    let data = data.and_then(|packet| match packet.tag {
        ENCRYPTED => Some(&*packet.body),
        // A version stands first.
        _ => packet.body.split_first().filter(|(version, _)| matches!(version, 1 | 2)).map(|(_, data)| data),
    });
    if data.is_some_and(|data| data.len() >= SHORTEST_CIPHERTEXT && is_ciphertext(data)) {
        return Err(Fault::Protected(PGP.to_owned()));
    }
    Err(Fault::Unreadable("it is said to be encrypted, and is not".to_owned()))
}

fn is_encrypted_data(tag: u8) -> bool {
    matches!(tag, ENCRYPTED | ENCRYPTED_WITH_INTEGRITY | ENCRYPTED_WITH_AUTHENTICATION)
}

/// What the packets are (section 10.3). `None`: they make up nothing.
fn shape(packets: &[Packet<'_>]) -> Option<Shape> {
    let ignored = |tag: u8| matches!(tag, MARKER | PADDING | TRUST);
    let mut tags = packets.iter().filter(|packet| !ignored(packet.tag)).peekable();
    let first = tags.peek()?.tag;
    match first {
        PUBLIC_KEY_ENCRYPTED_SESSION_KEY | SYMMETRIC_KEY_ENCRYPTED_SESSION_KEY => {
            while let Some(key) = tags.next_if(|packet| !is_encrypted_data(packet.tag)) {
                if !is_session_key(key) {
                    return None;
                }
            }
            tags.next()?;
            tags.next().is_none().then_some(Shape::Encrypted)
        }
        SIGNATURE | ONE_PASS_SIGNATURE | COMPRESSED | LITERAL => {
            let known =
                |packet: &&Packet<'_>| matches!(packet.tag, SIGNATURE | ONE_PASS_SIGNATURE | COMPRESSED | LITERAL);
            let tags: Vec<_> = tags.collect();
            let all_signatures = tags.iter().all(|packet| packet.tag == SIGNATURE && is_signature(&packet.body));
            match tags.iter().all(known) {
                true if all_signatures => Some(Shape::Keys),
                true if tags.iter().any(|packet| matches!(packet.tag, COMPRESSED | LITERAL)) => Some(Shape::Readable),
                _ => None,
            }
        }
        SECRET_KEY | PUBLIC_KEY => {
            let known = |packet: &Packet<'_>| match packet.tag {
                SECRET_KEY | PUBLIC_KEY | SECRET_SUBKEY | PUBLIC_SUBKEY => is_key(&packet.body),
                SIGNATURE => is_signature(&packet.body),
                tag => matches!(tag, USER_ID | USER_ATTRIBUTE),
            };
            tags.all(known).then_some(Shape::Keys)
        }
        _ => None,
    }
}

/// Whether it can be a session key: a known version, and an algorithm (sections 5.1, 5.3).
fn is_session_key(packet: &Packet<'_>) -> bool {
    let body = &packet.body;
    match (packet.tag, body.first()) {
        (PUBLIC_KEY_ENCRYPTED_SESSION_KEY, Some(2 | 3)) => body.len() > 12 && matches!(body[9], 1..=3 | 16..=35),
        (PUBLIC_KEY_ENCRYPTED_SESSION_KEY, Some(6)) => body.len() > 24,
        (SYMMETRIC_KEY_ENCRYPTED_SESSION_KEY, Some(4)) => body.len() >= 4 && matches!(body[1], 1..=13),
        (SYMMETRIC_KEY_ENCRYPTED_SESSION_KEY, Some(5 | 6)) => body.len() > 20,
        _ => false,
    }
}

fn is_key(body: &[u8]) -> bool {
    body.len() > 8 && matches!(body[0], 2..=6)
}

fn is_signature(body: &[u8]) -> bool {
    body.len() > 8 && matches!(body[0], 2..=6)
}

/// Reads what a compressed packet holds: packets again (section 5.6).
fn compressed(file: &Attachment<'_>, body: &[u8], reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some((algorithm, data)) = body.split_first() else { return Err(Fault::broken("it is cut off")) };
    let length = data.len();
    let (bytes, fault) = match algorithm {
        0 => (data.to_vec(), None),
        1 => expand(DeflateDecoder::new(data), length, reading),
        2 => expand(ZlibDecoder::new(data), length, reading),
        3 => expand(BzDecoder::new(data), length, reading),
        other => return Err(Fault::Unreadable(format!("its compression method ({other}) is not read"))),
    };
    let place = within(file.place, "compressed content");
    reading.attachment(&Attachment {
        place: &place,
        name: file.name,
        media_type: None,
        charset: None,
        bytes: &bytes,
    })?;
    fault.map_or(Ok(()), Err)
}

/// Reads what a literal packet holds: format, name, date, content (section 5.9).
fn literal(file: &Attachment<'_>, body: &[u8], reading: &mut Reading<'_>) -> Result<(), Fault> {
    let parts = || {
        let (&length, rest) = body.get(1..)?.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(length))?;
        Some((name, rest.get(4..)?))
    };
    let (name, bytes) = parts().ok_or_else(|| Fault::broken("it is cut off"))?;
    let name = decode_text(name, Some("utf-8"), usize::from(u8::MAX));
    let stem = file.name.and_then(|name| {
        let (stem, extension) = name.rsplit_once('.')?;
        matches!(&*extension.to_ascii_lowercase(), "pgp" | "gpg" | "asc").then_some(stem)
    });
    let name = Some(&*name).filter(|name| !name.is_empty()).or(stem);
    let place = match name {
        Some(name) => within(file.place, quoted(name)),
        None => within(file.place, "signed content"),
    };
    if let Some(name) = name {
        reading.piece(Piece::new(within(file.place, "names"), name));
    }
    Ok(reading.attachment(&Attachment { place: &place, name, media_type: None, charset: None, bytes })?)
}

/// All packets; `None` unless they go from the first byte to the last, and each is of a type that is known.
fn packets(bytes: &[u8]) -> Option<Vec<Packet<'_>>> {
    let mut packets = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (packet, after) = packet(rest)?;
        rest = after;
        packets.push(packet);
        if packets.len() > MAX_PACKETS {
            return None;
        }
    }
    Some(packets)
}

/// The first packet, and what follows (section 4.2).
fn packet(bytes: &[u8]) -> Option<(Packet<'_>, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return None;
    }
    let is_new = first & 0x40 != 0;
    let tag = if is_new { first & 0x3f } else { first >> 2 & 0x0f };
    if !is_known(tag) {
        return None;
    }
    let (body, rest) = if is_new { new_body(tag, rest)? } else { old_body(first & 3, rest)? };
    Some((Packet { tag, body }, rest))
}

fn is_known(tag: u8) -> bool {
    matches!(tag, PUBLIC_KEY_ENCRYPTED_SESSION_KEY..=PUBLIC_SUBKEY | USER_ATTRIBUTE..=PADDING)
        && tag != MODIFICATION_DETECTION
}

/// The body of a packet in the format of PGP 2 (section 4.2.2).
fn old_body(length_type: u8, bytes: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let (length, rest) = match length_type {
        0 => (usize::from(*bytes.first()?), &bytes[1..]),
        1 => (usize::from(u16::from_be_bytes(*bytes.first_chunk()?)), &bytes[2..]),
        2 => (u32::from_be_bytes(*bytes.first_chunk()?) as usize, &bytes[4..]),
        // Up to the end.
        _ => return Some((bytes.into(), &[])),
    };
    let (body, rest) = rest.split_at_checked(length)?;
    Some((body.into(), rest))
}

/// The body of a packet in the format of today, which may come in several parts (section 4.2.1).
fn new_body(tag: u8, mut bytes: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let may_be_partial = is_encrypted_data(tag) || matches!(tag, COMPRESSED | LITERAL);
    let mut parts: Option<Vec<u8>> = None;
    loop {
        let (&first, rest) = bytes.split_first()?;
        let (length, rest) = match first {
            0..=191 => (usize::from(first), rest),
            192..=223 => ((usize::from(first) - 192) * 256 + usize::from(*rest.first()?) + 192, &rest[1..]),
            255 => (u32::from_be_bytes(*rest.first_chunk()?) as usize, &rest[4..]),
            _ if may_be_partial => (1 << (first & 0x1f), rest),
            _ => return None,
        };
        let (part, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        let is_last = !matches!(first, 224..=254);
        match &mut parts {
            None if is_last => return Some((part.into(), rest)),
            None => parts = Some(part.to_vec()),
            Some(parts) => parts.extend_from_slice(part),
        }
        if is_last {
            return Some((parts?.into(), rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{documents::InProcess, message::Limits};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn new(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[0xc0 | tag, 255][..], &length, body].concat()
    }

    fn noise(length: u32) -> Vec<u8> {
        (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    fn session_key() -> Vec<u8> {
        new(1, &[&[3][..], &[7; 8], &[1], &noise(64)].concat())
    }

    fn data(bytes: &[u8]) -> Vec<u8> {
        new(18, &[&[1], bytes].concat())
    }

    fn document(bytes: &[u8]) -> crate::message::Document {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &InProcess);
        let file = Attachment { place: "x", name: Some("brev.txt.gpg"), media_type: None, charset: None, bytes };
        reading.attachment(&file).unwrap();
        reading.finish()
    }

    #[test]
    fn only_what_is_encrypted_is_protected() {
        let text = "Det er kun kaldt krypteret, enhver kan læse det. ".repeat(3);
        for (bytes, protected) in [
            ([session_key(), data(&noise(200))].concat(), true),
            ([new(10, b"PGP"), session_key(), session_key(), data(&noise(200))].concat(), true),
            ([new(3, &[4, 9, 0, 8]), new(9, &noise(200))].concat(), true),
            (data(&noise(200)), false),
            (session_key(), false),
            ([session_key(), data(text.as_bytes())].concat(), false),
            ([session_key(), data(&noise(200)), new(11, b"t\0\0\0\0\0hej")].concat(), false),
            ([session_key(), data(&noise(200)), text.into_bytes()].concat(), false),
            ([new(1, &[9; 80]), data(&noise(200))].concat(), false),
        ] {
            let document = document(&bytes);
            assert_eq!(document.protected.len(), usize::from(protected), "{bytes:x?}");
        }
    }

    #[test]
    fn what_is_signed_or_compressed_is_read() {
        let literal = new(11, b"t\x05a.txt\0\0\0\0CPR 610190-0005");
        let stored = new(8, &[&[0][..], &literal].concat());
        let old = [&[0xa3, 0][..], &literal].concat();
        let partial = [&[0xcb, 0xe0][..], b"t", &[17], b"\0\0\0\0\0", b"610190-0005."].concat();
        for bytes in [literal, stored, old, partial] {
            let document = document(&bytes);
            let piece = document.pieces.iter().find(|piece| piece.text.contains("610190-0005"));
            assert!(piece.is_some_and(|piece| piece.place.starts_with("x > ")), "{bytes:x?} {document:?}");
            assert_eq!((document.protected.len(), document.unreadable.len()), (0, 0));
        }
    }

    #[test]
    fn text_is_no_packet() {
        for bytes in [&b"Hej, du"[..], "ærlig talt, det er tekst".as_bytes(), b"\xe6rlig talt", b""] {
            assert!(!is_openpgp(bytes));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(mut bytes in proptest::collection::vec(any::<u8>(), 1..200), tag in 1_u8..22) {
            document(&bytes);
            document(&new(tag, &bytes));
            bytes[0] |= 0x80;
            document(&bytes);
        }
    }
}
