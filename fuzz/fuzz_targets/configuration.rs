//! Any text can be a configuration file: `make fuzz`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segl::config::Config;

fuzz_target!(|text: &str| {
    if let Err(faults) = Config::parse(text) {
        assert!(!faults.is_empty());
    }
});
