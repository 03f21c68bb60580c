//! Any bytes can come in on the socketmap: `make fuzz`.

#![no_main]

// What speaks with Postfix is not built here, but for this.
#[allow(dead_code, missing_docs)]
#[path = "../../src/postfix/netstring.rs"]
mod netstring;

use libfuzzer_sys::fuzz_target;
use netstring::{decode, encode};

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
