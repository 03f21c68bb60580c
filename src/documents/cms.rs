//! Cryptographic Message Syntax (RFC 5652), as S/MIME (RFC 8551) uses it: what is signed or compressed is read, what is
//! encrypted is protected. What it is, is told by its content, never by the `smime-type` that it is said to have.

use super::{
    archive::expand,
    ber::{self, CONTEXT, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET},
    ciphertext::{is_ciphertext, readable},
    hidden::hides_text,
    kind::extension,
};
use crate::message::{Attachment, Fault, Piece, Reading, is_entity, read_within, within};
use flate2::read::ZlibDecoder;
use std::borrow::Cow;

/// What protects an enveloped content.
const S_MIME: &str = "S/MIME";

/// The shortest encrypted content: one block of a cipher.
const SHORTEST_CIPHERTEXT: usize = 8;

/// Values after the encrypted content; there are at most three.
const MAX_ATTRIBUTES: usize = 100;

/// 1.2.840.113549.1.7.x: PKCS #7, RFC 5652.
const PKCS_7: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07";

/// 1.2.840.113549.1.9.16.1.x: the content types of S/MIME.
const S_MIME_CONTENT: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01";

/// What a CMS content is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ContentType {
    Data,
    Signed,
    Enveloped,
    Digested,
    Encrypted,
    Authenticated,
    Compressed,
    AuthEnveloped,
}

impl ContentType {
    fn of(identifier: &[u8]) -> Option<Self> {
        if let Some([number]) = identifier.strip_prefix(PKCS_7) {
            return match number {
                1 => Some(Self::Data),
                2 => Some(Self::Signed),
                3 => Some(Self::Enveloped),
                5 => Some(Self::Digested),
                6 => Some(Self::Encrypted),
                _ => None,
            };
        }
        match identifier.strip_prefix(S_MIME_CONTENT) {
            Some([2]) => Some(Self::Authenticated),
            Some([9]) => Some(Self::Compressed),
            Some([23]) => Some(Self::AuthEnveloped),
            _ => None,
        }
    }
}

/// `ContentInfo`: a type and a content (section 3).
struct ContentInfo<'a> {
    kind: ContentType,
    content: Element<'a>,
    /// What follows it.
    rest: &'a [u8],
}

impl<'a> ContentInfo<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let (info, rest) = ber::first(bytes)?;
        let (kind, content) = ber::first(info.of(SEQUENCE)?)?;
        let kind = ContentType::of(kind.of(OBJECT_IDENTIFIER)?)?;
        let (explicit, _) = ber::first(content)?;
        let (content, _) = ber::first(explicit.of(CONTEXT)?)?;
        Some(Self { kind, content, rest })
    }
}

/// Whether it is one.
pub(super) fn is_cms(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SEQUENCE) && ContentInfo::of(bytes).is_some()
}

/// Reads it.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(info) = ContentInfo::of(file.bytes) else { return Err(Fault::broken("it is no CMS")) };
    if info.rest.iter().any(|byte| *byte != 0 && !byte.is_ascii_whitespace()) {
        let place = within(file.place, "after its end");
        let rest = Attachment { place: &place, name: None, media_type: None, charset: None, bytes: info.rest };
        reading.attachment(&rest)?;
    }
    let not_understood = || Fault::broken("it is not understood");
    let content = info.content;
    match info.kind {
        ContentType::Data => entity(file, "content", &content.octets().ok_or_else(not_understood)?, reading),
        ContentType::Signed => {
            let signed = Encapsulated::of(content).ok_or_else(not_understood)?;
            let outside = signed.outside;
            if hides_text(outside) {
                reading.unreadable(file.place, "a signature that holds more than a signature");
            }
            match signed.octets {
                // The signature of something that stands elsewhere, or certificates only.
                None => Ok(()),
                Some(octets) => entity(file, "signed content", &octets, reading),
            }
        }
        ContentType::Digested | ContentType::Authenticated => {
            let octets = Encapsulated::of(content).and_then(|inner| inner.octets).ok_or_else(not_understood)?;
            entity(file, "signed content", &octets, reading)
        }
        ContentType::Compressed => {
            let octets = Encapsulated::of(content).and_then(|inner| inner.octets).ok_or_else(not_understood)?;
            let (bytes, fault) = expand(ZlibDecoder::new(&*octets), octets.len(), reading);
            entity(file, "compressed content", &bytes, reading)?;
            fault.map_or(Ok(()), Err)
        }
        ContentType::Enveloped | ContentType::AuthEnveloped | ContentType::Encrypted => {
            let needs_recipient = info.kind != ContentType::Encrypted;
            let Encrypted { content, outside } = encrypted(content, needs_recipient).ok_or_else(not_understood)?;
            for value in outside {
                reading.piece(Piece::new(within(file.place, "outside the encryption"), readable(value)));
            }
            if content.len() < SHORTEST_CIPHERTEXT || !is_ciphertext(&content) {
                return Err(Fault::Unreadable("it is said to be encrypted, and is not".to_owned()));
            }
            Err(Fault::Protected(S_MIME.to_owned()))
        }
    }
}

/// Reads what was within: a MIME entity, or a file.
fn entity(file: &Attachment<'_>, what: &str, bytes: &[u8], reading: &mut Reading<'_>) -> Result<(), Fault> {
    let place = within(file.place, what);
    if is_entity(bytes) {
        let read = |reading: &mut Reading<'_>| read_within(bytes, &place, reading);
        return Ok(reading.deeper(&place, 1, read).unwrap_or(Ok(()))?);
    }
    // `kontrakt.pdf.p7m` holds `kontrakt.pdf`.
    let name = file.name.and_then(|name| match extension(file)?.as_str() {
        "p7m" | "p7s" | "p7z" => name.rsplit_once('.').map(|(stem, _)| stem),
        _ => None,
    });
    let inner = Attachment { place: &place, name, media_type: None, charset: None, bytes };
    Ok(reading.attachment(&inner)?)
}

/// `EncapsulatedContentInfo` (section 5.2) within one of the types that have it, and what else they have.
struct Encapsulated<'a> {
    octets: Option<Cow<'a, [u8]>>,
    /// What stands after it: certificates, signatures, attributes.
    outside: &'a [u8],
}

impl<'a> Encapsulated<'a> {
    fn of(content: Element<'a>) -> Option<Self> {
        let mut rest = content.of(SEQUENCE)?;
        let (version, after) = ber::first(rest)?;
        version.of(INTEGER)?;
        rest = after;
        loop {
            let (element, after) = ber::first(rest)?;
            rest = after;
            let Some(inner) = element.of(SEQUENCE) else { continue };
            let (identifier, explicit) = ber::first(inner)?;
            identifier.of(OBJECT_IDENTIFIER)?;
            match ber::first(explicit) {
                None if is_content(identifier.content) => return Some(Self { octets: None, outside: rest }),
                Some((explicit, _)) if explicit.tag == CONTEXT => {
                    let (octets, _) = ber::first(explicit.content)?;
                    // Before CMS, any type could stand here (PKCS #7 version 1.5).
                    let is_octets = octets.tag & !ber::CONSTRUCTED == OCTET_STRING;
                    let octets = if is_octets { octets.octets()? } else { octets.content.into() };
                    return Some(Self { octets: Some(octets), outside: rest });
                }
                // An algorithm and its parameters.
                _ => {}
            }
        }
    }
}

/// Whether an identifier is that of a content, not of an algorithm: those of PKCS #7 and of S/MIME.
fn is_content(identifier: &[u8]) -> bool {
    identifier.starts_with(PKCS_7) || identifier.starts_with(S_MIME_CONTENT)
}

/// Encrypted content (section 6.1, RFC 5083 section 2.1), and the values that stand around it.
struct Encrypted<'a> {
    content: Cow<'a, [u8]>,
    outside: Vec<&'a [u8]>,
}

/// Reads it; `None` where something is missing that must be there.
fn encrypted(content: Element<'_>, needs_recipient: bool) -> Option<Encrypted<'_>> {
    let mut outside = Vec::new();
    let mut elements = ber::all(content.of(SEQUENCE)?).peekable();
    outside.push(elements.next()?.of(INTEGER)?);
    if needs_recipient {
        outside.extend(elements.next_if(|element| element.tag == CONTEXT).map(|element| element.content));
        let recipients = elements.next()?.of(SET)?;
        ber::first(recipients)?;
        outside.push(recipients);
    }
    let mut info = ber::all(elements.next()?.of(SEQUENCE)?);
    outside.push(info.next()?.of(OBJECT_IDENTIFIER)?);
    let algorithm = info.next()?.of(SEQUENCE)?;
    ber::first(algorithm)?.0.of(OBJECT_IDENTIFIER)?;
    outside.push(algorithm);
    let encrypted = info.next()?;
    outside.extend(info.take(MAX_ATTRIBUTES).map(|element| element.content));
    outside.extend(elements.take(MAX_ATTRIBUTES).map(|element| element.content));
    let is_content = encrypted.tag & !ber::CONSTRUCTED == CONTEXT & !ber::CONSTRUCTED;
    Some(Encrypted { content: is_content.then(|| encrypted.octets())??, outside })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        documents::InProcess,
        message::{Document, Limits},
    };
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84][..], &length, content].concat()
    }

    fn info(identifier: &[u8], content: &[u8]) -> Vec<u8> {
        tagged(SEQUENCE, &[tagged(OBJECT_IDENTIFIER, identifier), tagged(CONTEXT, content)].concat())
    }

    fn pkcs_7(number: u8) -> Vec<u8> {
        [PKCS_7, &[number]].concat()
    }

    fn enveloped(recipients: &[u8], encrypted: &[u8]) -> Vec<u8> {
        let algorithm = tagged(SEQUENCE, &tagged(OBJECT_IDENTIFIER, b"\x2a"));
        let inner = [tagged(OBJECT_IDENTIFIER, &pkcs_7(1)), algorithm, tagged(0x80, encrypted)].concat();
        let all = [tagged(INTEGER, &[0]), tagged(SET, recipients), tagged(SEQUENCE, &inner)].concat();
        info(&pkcs_7(3), &tagged(SEQUENCE, &all))
    }

    fn document(bytes: &[u8]) -> Document {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &InProcess);
        let file = Attachment { place: "x", name: Some("brev.txt.p7m"), media_type: None, charset: None, bytes };
        reading.attachment(&file).unwrap();
        reading.finish()
    }

    #[test]
    fn only_what_is_encrypted_is_protected() {
        let noise: Vec<u8> = (0..200_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let recipient = tagged(SEQUENCE, b"");
        let text = b"Det er ikke krypteret, det er kun kaldt det, saa enhver kan se det";
        for (bytes, protected) in [
            (enveloped(&recipient, &noise), true),
            (enveloped(b"", &noise), false),
            (enveloped(&recipient, text), false),
            (enveloped(&recipient, b""), false),
            (info(&pkcs_7(3), &tagged(SEQUENCE, b"")), false),
        ] {
            let document = document(&bytes);
            assert_eq!(document.protected.len(), usize::from(protected));
            assert_eq!(document.unreadable.len(), usize::from(!protected));
        }
        let followed = [enveloped(&recipient, &noise), b"610190-0005".to_vec()].concat();
        let document = document(&followed);
        assert_eq!(document.protected.len(), 1);
        assert_eq!(document.pieces[0].place_of(0), "x > after its end > line 1");
    }

    #[test]
    fn what_is_signed_is_read() {
        let signed = |content: &[u8]| {
            let octets = tagged(CONTEXT, &tagged(OCTET_STRING, content));
            let inner = tagged(SEQUENCE, &[tagged(OBJECT_IDENTIFIER, &pkcs_7(1)), octets].concat());
            let all = [tagged(INTEGER, &[1]), tagged(SET, b""), inner, tagged(SET, b"")].concat();
            info(&pkcs_7(2), &tagged(SEQUENCE, &all))
        };
        let entity = document(&signed(b"Content-Type: text/html\r\n\r\n<b>hej</b>"));
        assert_eq!(entity.pieces[0].place, "x > signed content > html");
        let file = document(&signed(b"CPR: 610190-0005"));
        assert_eq!(file.pieces[0].place, "x > signed content");
        assert_eq!(file.pieces[0].text, "CPR: 610190-0005");
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0_u8..8) {
            document(&info(&pkcs_7(kind), &bytes));
            document(&info(&pkcs_7(kind), &tagged(SEQUENCE, &[tagged(INTEGER, &[0]), bytes].concat())));
        }
    }
}
