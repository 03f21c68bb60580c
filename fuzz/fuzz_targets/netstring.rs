//! Any bytes can come in on the socketmap: `cargo +nightly fuzz run netstring`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segl::postfix::netstring::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some((payload, length))) = decode(bytes, 10_000) {
        assert!(length <= bytes.len() && payload.len() <= 10_000);
        if let Ok(text) = std::str::from_utf8(payload) {
            let mut out = Vec::new();
            encode("", text, &mut out);
            assert_eq!(out, &bytes[..length]);
        }
    }
});
