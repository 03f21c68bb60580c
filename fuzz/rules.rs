//! The shipped rules, and texts judged by some.

#![allow(dead_code, reason = "each target uses what it needs")]

use jiff::civil::date;
use segl::{
    config::Marks,
    detect::RuleSet,
    message::{Document, Piece},
};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Every rule file of the repository: its name, and what stands in it.
pub fn shipped() -> Vec<(String, String)> {
    let paths = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../conf/rules")).expect("the rules are there");
    let mut paths: Vec<_> = paths.map(|entry| entry.expect("the rules are there").path()).collect();
    paths.sort();
    let read = |path: &PathBuf| (path.display().to_string(), fs::read_to_string(path).expect("a rule file is text"));
    paths.iter().map(read).collect()
}

/// What is found in a text, each finding with its rule, its part and its score. None shows more of a number than it may.
pub fn judge(rules: &RuleSet, text: &str) -> Vec<String> {
    let document = Document { pieces: vec![Piece::new("body", text.to_owned())], ..Document::default() };
    let deadline = Instant::now() + Duration::from_secs(60);
    let verdict = rules.inspect(&document, date(2057, 12, 31), &Marks::default(), deadline);
    let shown = |masked: &str| masked.chars().filter(char::is_ascii_digit).count();
    for finding in &verdict.findings {
        assert!(shown(&finding.masked) <= 4, "{}: {}", finding.rule, finding.masked);
    }
    verdict.findings.iter().map(|found| format!("{} {} {} {}", found.rule, found.part, found.confidence, found.why)).collect()
}
