//! Any bytes can be a policy of MTA-STS: `make fuzz`.

#![no_main]

// What fetches them is not built here, but for this.
#[allow(dead_code)]
#[path = "../../src/probe/mta_sts/pattern.rs"]
mod pattern;
#[allow(dead_code)]
#[path = "../../src/probe/mta_sts/policy.rs"]
mod policy;

use libfuzzer_sys::fuzz_target;
use policy::{MAX_AGE_MAX, Mode, PATTERNS_MAX, Policy};

fuzz_target!(|bytes: &[u8]| {
    match Policy::parse(bytes) {
        Ok(policy) => {
            assert!(policy.max_age() <= MAX_AGE_MAX && policy.mx.iter().count() <= PATTERNS_MAX);
            assert!(policy.mode == Mode::None || policy.mx.iter().next().is_some());
            assert_eq!(Policy::parse(policy.to_string().as_bytes()), Ok(policy.clone()));
            // Nothing but names comes into a line of Postfix's, and no word that Postfix reads as more.
            let line = policy.postfix_match();
            assert!(line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte)), "{line}");
            assert_eq!(line.split(':').filter(|name| name.contains('.')).count(), policy.mx.iter().count());
            for pattern in policy.mx.iter() {
                // A label more is one too many for a wildcard, and the asterisk itself is no label of a host's.
                let host = pattern.to_string().replace('*', "host");
                assert!(policy.allows(&host) && !pattern.matches(&format!("x.{host}")));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
