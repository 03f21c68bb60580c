//! Every dependency has its reason in docs/dependencies.md.

use toml::Table;

/// The base of the program, which needs no reason.
const BASE: [&str; 7] = ["tokio", "indymilter", "hickory-resolver", "rustls", "lru", "serde", "toml"];

#[test]
fn every_dependency_has_its_reason() {
    let manifest: Table = include_str!("../Cargo.toml").parse().unwrap();
    let reasons = include_str!("../docs/dependencies.md");
    let named: Vec<&str> = reasons
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .flat_map(|names| names.split(", "))
        .collect();
    for section in ["dependencies", "dev-dependencies"] {
        for name in manifest[section].as_table().unwrap().keys() {
            assert!(BASE.contains(&name.as_str()) || named.contains(&name.as_str()), "no reason for {name}");
        }
    }
}
