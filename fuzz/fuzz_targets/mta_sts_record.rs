//! Any bytes can be a TXT record of MTA-STS: `make fuzz`.

#![no_main]

// What asks for them is not built here, but for this.
#[allow(dead_code)]
#[path = "../../src/probe/mta_sts/record.rs"]
mod record;

use libfuzzer_sys::fuzz_target;
use record::announced;

fuzz_target!(|bytes: &[u8]| {
    // Several records, between line ends.
    let records = || bytes.split(|byte| *byte == b'\n');
    match announced(records()) {
        Ok(id) => {
            assert!((1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert_eq!(announced([format!("v=STSv1; id={id};").as_bytes()]), Ok(id));
            // Another one makes two, of which none counts.
            assert!(announced(records().chain([&b"v=STSv1; id=x"[..]])).is_err());
        }
        Err(none) => assert!(!none.to_string().is_empty()),
    }
});
