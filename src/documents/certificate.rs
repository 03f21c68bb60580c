//! Certificates (RFC 5280), lists of revoked ones, and key stores (PKCS #12, RFC 7292): they hold no text.

use super::{
    ber::{self, BIT_STRING, CONTEXT, INTEGER, OBJECT_IDENTIFIER, SEQUENCE},
    hidden::hides_text,
};
use crate::message::Fault;

/// Whether it has the shape of one, and nothing follows.
pub(super) fn is_certificate(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SEQUENCE)
        && ber::first(bytes).is_some_and(|(all, rest)| {
            rest.iter().all(u8::is_ascii_whitespace) && (is_signed(all.content) || is_key_store(all.content))
        })
}

/// Reads nothing; lists what has no place in one.
pub(super) fn read(bytes: &[u8]) -> Result<(), Fault> {
    let hides = ber::first(bytes).is_none_or(|(all, _)| hides_text(all.content));
    if hides { Err(Fault::Unreadable("a certificate or key that holds more than that".to_owned())) } else { Ok(()) }
}

/// What is signed, with which algorithm, the signature.
fn is_signed(content: &[u8]) -> bool {
    let all: Vec<_> = ber::all(content).take(4).collect();
    let [signed, algorithm, signature] = all[..] else { return false };
    let tags: Vec<u8> = ber::all(signed.content).take(7).map(|element| element.tag).collect();
    let certificate = [CONTEXT, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE];
    let first_version = &certificate[1..];
    let list = [INTEGER, SEQUENCE, SEQUENCE];
    signed.tag == SEQUENCE
        && algorithm.tag == SEQUENCE
        && ber::first(algorithm.content).is_some_and(|(identifier, _)| identifier.tag == OBJECT_IDENTIFIER)
        && signature.tag == BIT_STRING
        && (tags == certificate || tags.starts_with(first_version) || tags.starts_with(&list))
}

/// The version, which is 3, and a CMS of type data or signed-data.
fn is_key_store(content: &[u8]) -> bool {
    let mut all = ber::all(content);
    all.next().is_some_and(|version| version.tag == INTEGER && version.content == [3])
        && all.next().and_then(|safe| ber::first(safe.of(SEQUENCE)?)).is_some_and(|(identifier, _)| {
            identifier.tag == OBJECT_IDENTIFIER && identifier.content.starts_with(b"\x2a\x86\x48\x86\xf7\x0d\x01\x07")
        })
}
