//! `[destinations]`: what is asked of destinations for mail that is not confidential, and what the administrator knows of
//! some of them.

use super::{
    domains::{DomainSet, entry},
    reader::Section,
    value::{Parsed, Word, domain, duration, number, quoted, text, word},
};
use crate::{nexthop::Destination, tls_policy::PolicyLine};
use std::{collections::BTreeMap, time::Duration};
use toml::de::DeValue;

/// The most probes that may be asked for before a destination is let go.
const LET_GO_PROBES_MAX: u32 = 1000;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is asked of destinations.
#[derive(Clone, Debug, PartialEq)]
pub struct Destinations {
    /// What mail is held to that no pin holds.
    pub baseline: Baseline,
    /// Destinations that are never probed.
    pub never_probe: DomainSet,
    /// How many probes in a row must find no TLS before a destination that had it is let go.
    pub let_go_probes: u32,
    /// Over which time they must have found none.
    pub let_go_time: Duration,
    /// The administrator's own policies, before everything else, by next-hop as it is folded; with a leading dot for
    /// every domain below.
    pub fixed: BTreeMap<String, PolicyLine>,
}

/// What mail is held to that no pin holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Baseline {
    /// Nothing: the level in main.cf stands.
    None,
    /// What the destination publishes: DANE, MTA-STS.
    #[default]
    Published,
    /// That, and TLS for every destination that was found to have it.
    Capable,
    /// That, and TLS for every destination.
    All,
}

impl Baseline {
    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, baseline)| *baseline == self).map_or("", |(word, _)| word)
    }
}

impl Word for Baseline {
    const WORDS: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("published", Self::Published), ("capable", Self::Capable), ("all", Self::All)];
}

impl Default for Destinations {
    fn default() -> Self {
        Self {
            baseline: Baseline::default(),
            never_probe: DomainSet::default(),
            let_go_probes: 6,
            let_go_time: 3 * DAY,
            fixed: BTreeMap::new(),
        }
    }
}

impl Destinations {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        let range = 1..=LET_GO_PROBES_MAX;
        Self {
            baseline: section.value("baseline", default.baseline, word),
            never_probe: section.list("never-probe", Vec::new(), entry).into_iter().collect(),
            let_go_probes: section.value("let-go-probes", default.let_go_probes, |value| number(value, range)),
            let_go_time: section
                .value("let-go-time", default.let_go_time, |value| duration(value, HOUR..=365 * DAY, "")),
            fixed: section.map("fixed", next_hop, policy),
        }
    }

    /// The administrator's own policy for a next-hop: its own entry, or that of the nearest domain above it.
    pub fn fixed(&self, destination: &Destination) -> Option<&PolicyLine> {
        let key = destination.as_str();
        if self.fixed.is_empty() {
            return None;
        }
        self.fixed.get(key).or_else(|| {
            // `[host]` and `host:port` are next-hops of their own, which no domain is above.
            let is_domain = destination.uses_mx() && destination.port().is_none();
            let mut parents = key.match_indices('.').map(|(dot, _)| &key[dot..]);
            is_domain.then(|| parents.find_map(|parent| self.fixed.get(parent))).flatten()
        })
    }

    /// Whether a destination is not to be probed.
    pub fn is_never_probed(&self, destination: &Destination) -> bool {
        !self.never_probe.is_empty() && self.never_probe.contains(destination.host())
    }
}

/// `example.org`, `.example.org`, `[relay.example.org]:587`.
fn next_hop(key: &str) -> Parsed<String> {
    if let Some(parent) = key.strip_prefix('.') {
        return domain(parent).map(|parent| format!(".{parent}"));
    }
    let wrong = || {
        format!(
            "{} is no next-hop: write \"example.org\", \".example.org\" for every domain below, or \
             \"[relay.example.org]:587\" as Postfix writes it",
            quoted(key)
        )
    };
    let folded = Destination::new(key).map_err(|_| wrong())?;
    let brackets = (key.matches('[').count(), key.matches(']').count());
    let odd = key.contains(['@', '*', '/', ',']) || !matches!(brackets, (0, 0) | (1, 1)) || key.trim() != key;
    if odd { Err(wrong()) } else { Ok(folded.as_str().to_owned()) }
}

fn policy(value: &DeValue<'_>) -> Parsed<PolicyLine> {
    PolicyLine::parse(text(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn read(text: &str) -> Destinations {
        Config::parse(&format!("[destinations.fixed]\n{text}")).unwrap().destinations
    }

    #[test]
    fn the_nearest_entry_counts() {
        let destinations = read(
            "'Example.org' = 'secure'\n'.example.org' = 'encrypt'\n'.a.example.org' = 'may'\n'rødgrød.example' = 'verify'\n\
             '[relay.example.org]:587' = 'dane-only'\n",
        );
        for (next_hop, level) in [
            ("example.org", Some("secure")),
            ("EXAMPLE.ORG.", Some("secure")),
            ("x.example.org", Some("encrypt")),
            ("a.example.org", Some("encrypt")),
            ("x.a.example.org", Some("may")),
            ("xn--rdgrd-vuad.example", Some("verify")),
            ("[Relay.Example.org]:587", Some("dane-only")),
            ("[relay.example.org]", None),
            ("[x.example.org]", None),
            ("x.example.org:26", None),
            ("notexample.org", None),
            ("org", None),
        ] {
            let found = destinations.fixed(&Destination::new(next_hop).unwrap());
            assert_eq!(found.map(|line| line.level.as_str()), level, "{next_hop}");
        }
    }

    #[test]
    fn wrong_entries_are_told() {
        for (text, words) in [
            ("[destinations.fixed]\n'*.example.org' = 'may'", "no next-hop"),
            ("[destinations.fixed]\n'[a.example' = 'may'", "no next-hop"),
            ("[destinations.fixed]\n'a@example.org' = 'may'", "no next-hop"),
            ("[destinations.fixed]\n'.' = 'may'", "no domain"),
            ("[destinations.fixed]\n'a.example' = 'maybe'", "`maybe`"),
            ("[destinations.fixed]\n'a.example' = 'may'\n'A.example' = 'may'", "twice"),
            ("[destinations]\nbaseline = 'capabel'", "capabel"),
            ("[destinations]\nlet-go-time = '1m'", "between 1h"),
            ("[destinations]\nnever-probe = ['[a.example]']", "no domain"),
        ] {
            let faults = Config::parse(text).unwrap_err();
            assert!(faults.iter().any(|fault| fault.to_string().contains(words)), "{text}: {faults:?}");
        }
    }

    #[test]
    fn some_are_never_probed() {
        let text = "[destinations]\nnever-probe = ['bank.example', '.kommune.example']";
        let destinations = Config::parse(text).unwrap().destinations;
        for (next_hop, never) in [
            ("bank.example", true),
            ("[bank.example]:26", true),
            ("a.kommune.example", true),
            ("kommune.example", false),
        ] {
            assert_eq!(destinations.is_never_probed(&Destination::new(next_hop).unwrap()), never, "{next_hop}");
        }
    }
}
