//! Any text can be read as a rule file, and what is accepted can be used: `make fuzz`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segl::detect::RuleSet;

fuzz_target!(|text: &str| {
    if let Ok(rules) = RuleSet::parse(&[("fuzz.toml".to_owned(), text.to_owned())]) {
        rules.self_test();
    }
});
