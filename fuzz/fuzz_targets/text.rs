//! Any text can be judged with every rule that is shipped, and twice with the same outcome: `make fuzz`.

#![no_main]

#[path = "../rules.rs"]
mod rules;

use libfuzzer_sys::fuzz_target;
use segl::detect::RuleSet;
use std::sync::LazyLock;

static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::parse(&rules::shipped()).expect("the shipped rules are good"));

fuzz_target!(|text: &str| {
    let first = rules::judge(&RULES, text);
    assert_eq!(first, rules::judge(&RULES, text));
});
