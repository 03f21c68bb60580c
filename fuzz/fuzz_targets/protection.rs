//! Nothing that a program shows as text counts as protected: what is in a message as it stands, in an armour or encoded,
//! is read, however it is put together with what is encrypted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segl::{
    documents::InProcess,
    message::{self, Limits},
};
use std::time::{Duration, Instant};

/// A text that must be found, or the message must be listed.
const LETTER: &str = "Et brev, som enhver kan laese, om nummer 610190-0005 og intet andet.";

fuzz_target!(|input: &[u8]| {
    let Some((&selector, input)) = input.split_first() else { return };
    // The letter stands somewhere among the bytes, in one of the ways in which mail holds them.
    let at = usize::from(selector >> 2).min(input.len());
    let body = [&input[..at], LETTER.as_bytes(), &input[at..]].concat();
    let base64 = base64(&body);
    let raw = match selector & 3 {
        0 => [b"\r\n", &body[..]].concat(),
        1 => [b"\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n", &base64[..], b"-----END PGP MESSAGE-----\r\n"].concat(),
        2 => [b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n", &base64[..]].concat(),
        _ => [b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n", &base64[..]].concat(),
    };
    let limits = Limits { nesting: 8, parts: 100, text_bytes: 1 << 20, expanded_bytes: 4 << 20, ..Limits::default() };
    let document = message::read(&raw, &limits, Instant::now() + Duration::from_secs(20), &InProcess);
    if !document.protected.is_empty() {
        let found = document.pieces.iter().any(|piece| piece.text.contains("610190-0005"));
        assert!(found || !document.unreadable.is_empty(), "{:?}", document.protected);
    }
});

fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for line in bytes.chunks(57) {
        for group in line.chunks(3) {
            let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
            let value = byte(0) << 16 | byte(1) << 8 | byte(2);
            for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
                let character = ALPHABET[(value >> shift & 0x3f) as usize];
                text.push(if index <= group.len() { character } else { b'=' });
            }
        }
        text.extend(b"\r\n");
    }
    text
}
