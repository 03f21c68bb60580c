//! Any bytes can be read as a message and judged: `make fuzz`.

#![no_main]

#[path = "../rules.rs"]
mod rules;

use jiff::civil::date;
use libfuzzer_sys::fuzz_target;
use segl::{
    config::Marks,
    detect::RuleSet,
    documents::InProcess,
    message::{self, Limits},
};
use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::parse(&rules::shipped()).expect("the shipped rules are good"));

fuzz_target!(|raw: &[u8]| {
    let limits =
        Limits { nesting: 10, parts: 100, header_bytes: 10_000, text_bytes: 100_000, expanded_bytes: 1 << 20, ..Limits::default() };
    let deadline = Instant::now() + Duration::from_secs(60);
    let document = message::read(raw, &limits, deadline, &InProcess);
    assert!(document.pieces.iter().map(|piece| piece.text.len()).sum::<usize>() <= limits.text_bytes);
    let verdict = RULES.inspect(&document, date(2057, 12, 31), &Marks::default(), deadline);
    for finding in &verdict.findings {
        assert!(finding.masked.chars().filter(char::is_ascii_digit).count() <= 4);
    }
});
