//! Any text can be searched for every kind of number, whatever stands around them: `make fuzz`. The rules about numbers that
//! are shipped, without their contexts, take each number of the right shape for a finding.

#![no_main]

#[path = "../rules.rs"]
mod rules;

use libfuzzer_sys::fuzz_target;
use segl::detect::RuleSet;
use std::sync::LazyLock;
use toml::{Table, Value};

/// A rule about a number, of which the shape is enough.
fn bare(mut rule: Table) -> Option<Table> {
    let identifier = rule.get_mut("identifier")?.as_table_mut()?;
    let forms = identifier.get_mut("base")?.as_table_mut()?;
    forms.iter_mut().for_each(|(_, base)| *base = Value::Float(1.0));
    rule.insert("threshold".to_owned(), Value::Float(1.0));
    for key in ["context", "profile", "except", "min-count"] {
        rule.remove(key);
    }
    Some(rule)
}

static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
    let mut bare_rules = Vec::new();
    for (_, file) in rules::shipped() {
        let file: Table = file.parse().expect("the shipped rules are TOML");
        let rules = file.get("rule").and_then(Value::as_array).cloned().unwrap_or_default();
        bare_rules.extend(rules.into_iter().filter_map(|rule| bare(rule.try_into().ok()?)));
    }
    assert!(bare_rules.len() > 50, "there are more kinds of number than {}", bare_rules.len());
    let file = Table::from_iter([("rule".to_owned(), Value::from(bare_rules))]).to_string();
    RuleSet::parse(&[("bare.toml".to_owned(), file)]).expect("rules without contexts are rules")
});

fuzz_target!(|text: &str| {
    rules::judge(&RULES, text);
});
