//! Any bytes can answer a ClientHello, and be a certificate: `make fuzz`.

#![no_main]

// The probe is not built here, but for what takes bytes apart.
#[allow(dead_code, missing_docs)]
#[path = "../../src/probe/certificate.rs"]
mod certificate;
#[allow(dead_code, missing_docs, unreachable_pub)]
#[path = "../../src/probe/hello.rs"]
mod hello;

use certificate::{Certificate, key_content, rsa_bits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(answer)) = hello::answer(bytes) {
        // What came after the answer changes nothing about it.
        assert_eq!(hello::answer(&[bytes, &[0]].concat()), Ok(Some(answer)));
    }
    if let Some(parts) = Certificate::parse(bytes)
        && let Some(content) = key_content(parts.key)
    {
        assert!(rsa_bits(content).is_none_or(|bits| bits <= bytes.len() * 8));
    }
});
