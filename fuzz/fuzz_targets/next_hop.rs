//! Any text can be a next-hop, and its key is the same however often it is folded: `make fuzz`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segl::nexthop::Destination;

fuzz_target!(|text: &str| {
    if let Ok(once) = Destination::new(text) {
        let _ = (once.host(), once.port(), once.uses_mx());
        if let Ok(twice) = Destination::new(once.as_str()) {
            assert_eq!(once, twice);
        }
    }
    let _ = Destination::split(text);
});
