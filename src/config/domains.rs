//! A set of domains, some of them with all that is below.

use super::value::{Parsed, domain, text};
use crate::nexthop::Destination;
use std::collections::BTreeSet;
use toml::de::DeValue;

/// Domains and, written with a leading dot, the subdomains of domains. Names are compared as next-hops are: in lower
/// case, as A-labels, without a trailing dot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DomainSet {
    exact: BTreeSet<String>,
    /// Without the leading dot.
    suffixes: BTreeSet<String>,
}

/// One entry of a set.
pub(super) enum Entry {
    Exact(String),
    Below(String),
}

/// Reads `example.org` or `.example.org`.
pub(super) fn entry(value: &DeValue<'_>) -> Parsed<Entry> {
    let text = text(value)?;
    match text.strip_prefix('.') {
        Some(parent) => domain(parent).map(Entry::Below),
        None => domain(text).map(Entry::Exact),
    }
}

impl FromIterator<Entry> for DomainSet {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        let mut set = Self::default();
        for entry in entries {
            match entry {
                Entry::Exact(domain) => set.exact.insert(domain),
                Entry::Below(parent) => set.suffixes.insert(parent),
            };
        }
        set
    }
}

impl DomainSet {
    /// Whether a domain is in the set, however it is written. What is no domain is in no set.
    pub fn contains(&self, domain: &str) -> bool {
        let Ok(folded) = Destination::new(domain) else {
            return false;
        };
        let name = folded.as_str();
        let is_below = |parent: &str| self.suffixes.contains(parent);
        let mut parents = name.match_indices('.').map(|(dot, _)| (&name[..dot], &name[dot + 1..]));
        self.exact.contains(name) || parents.any(|(labels, parent)| !labels.is_empty() && is_below(parent))
    }

    /// Whether no domain is in the set.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.suffixes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use proptest::prelude::*;

    fn set() -> DomainSet {
        let text =
            "[organisation]\ninternal-domains = ['Example.org', '.example.net', 'rødgrød.example', '.æ.example.']";
        Config::parse(text).unwrap().organisation.internal_domains
    }

    #[test]
    fn knows_a_domain_however_it_is_written() {
        for inside in [
            "example.org",
            "EXAMPLE.org.",
            "a.example.net",
            "a.B.Example.Net.",
            "rødgrød.example",
            "RØDGRØD.example",
            "xn--rdgrd-vuad.EXAMPLE",
            "post.xn--6ca.example",
            "post.Æ.example",
        ] {
            assert!(set().contains(inside), "{inside}");
        }
        for outside in [
            "",
            ".",
            "a.example.org",
            "example.net",
            ".example.net",
            "notexample.net",
            "example.net.evil.example",
            "[example.org]",
            "example.org:25",
            "[a.example.net]",
            "a.example.net:25",
            "example.org, evil.example",
            "æ.example",
        ] {
            assert!(!set().contains(outside), "{outside}");
        }
        assert!(!set().is_empty() && DomainSet::default().is_empty());
    }

    proptest! {
        #[test]
        fn agrees_with_comparing_ends(domain in "[a-c]{0,2}(\\.[a-c]{1,2}){0,3}") {
            let set: DomainSet = [Entry::Exact("a.b".into()), Entry::Below("b.c".into())].into_iter().collect();
            let below = domain.strip_suffix(".b.c").is_some_and(|labels| !labels.is_empty());
            prop_assert_eq!(set.contains(&domain), domain == "a.b" || below);
        }
    }
}
