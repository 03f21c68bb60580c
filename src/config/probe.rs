//! `[probe]`: how destinations are probed.

use super::{
    domains::{DomainSet, Entry, entry},
    duration::written,
    reader::Section,
    submitted::network,
    value::{Parsed, domain, duration, name_server, number, optional_path, quoted, text},
};
use crate::network::Network;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
use toml::de::DeValue;

/// Longest `reply-budget`: Postfix waits 30 s for the answer to a command (`milter_command_timeout`), and what is
/// done besides takes its time too.
const REPLY_BUDGET_MAX: Duration = Duration::from_secs(25);
/// Top-level domains that will never be delegated, and are used inside of organisations: RFC 6762, RFC 8375, and ICANN's word
/// on internal, corp, home and lan.
const PRIVATE: [&str; 6] = ["internal", "local", "home.arpa", "corp", "home", "lan"];
const TENTH: Duration = Duration::from_millis(100);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How destinations are probed.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// How long the milter waits for probes before it answers "unknown".
    pub reply_budget: Duration,
    /// How long one probe may take in all; past the reply budget it goes on for the cache.
    pub max_time: Duration,
    /// How long each step (connect, greeting, each reply, handshake) may take.
    pub step_time: Duration,
    /// Probes under way at once.
    pub concurrency: usize,
    /// MX hosts looked at per destination.
    pub max_hosts: usize,
    /// Addresses looked at per MX host.
    pub max_addresses: usize,
    /// How long a result is believed that found TLS.
    pub lifetime: Duration,
    /// How long a result is believed that found none (cleartext, undeliverable).
    pub negative_lifetime: Duration,
    /// How long "unknown" is believed.
    pub failure_lifetime: Duration,
    /// Destinations remembered.
    pub cache_size: usize,
    /// The name given in EHLO; empty: Postfix's `smtp_helo_name`, else `myhostname`.
    pub helo: String,
    /// The port of destinations that name none; for a lab.
    pub port: u16,
    /// Networks that a probe may contact although they are not of the public internet.
    pub allow_private: Vec<Network>,
    /// DNS servers; empty: those of /etc/resolv.conf.
    pub nameservers: Vec<SocketAddr>,
    /// Domains of which only the organisation's own DNS servers know: nothing about them can be validated.
    pub private_domains: DomainSet,
    /// A file of DNSSEC trust anchors instead of the built-in root key; for a lab or a private root.
    pub trust_anchor: Option<PathBuf>,
    /// A PEM file of root certificates instead of the system's; for a lab or a private root.
    pub ca_file: Option<PathBuf>,
}

impl Default for Probe {
    fn default() -> Self {
        Self {
            reply_budget: Duration::from_secs(4),
            max_time: MINUTE,
            step_time: Duration::from_secs(20),
            concurrency: 256,
            max_hosts: 10,
            max_addresses: 4,
            lifetime: 12 * HOUR,
            negative_lifetime: 10 * MINUTE,
            failure_lifetime: MINUTE,
            cache_size: 100_000,
            helo: String::new(),
            port: 25,
            allow_private: Vec::new(),
            nameservers: Vec::new(),
            private_domains: PRIVATE.map(|domain| Entry::Below(domain.to_owned())).into_iter().collect(),
            trust_anchor: None,
            ca_file: None,
        }
    }
}

impl Probe {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        let time = |key, default, range| section.value(key, default, |value| duration(value, range, ""));
        let count = |key, default, max: usize| section.value(key, default, |value| number(value, 1..=max));
        let probe = Self {
            reply_budget: section.value("reply-budget", default.reply_budget, |value| {
                let why = "Postfix waits 30s for the answer to a command (milter_command_timeout)";
                duration(value, TENTH..=REPLY_BUDGET_MAX, why)
            }),
            max_time: time("max-time", default.max_time, TENTH..=10 * MINUTE),
            step_time: time("step-time", default.step_time, TENTH..=10 * MINUTE),
            concurrency: count("concurrency", default.concurrency, 10_000),
            max_hosts: count("max-hosts", default.max_hosts, 100),
            max_addresses: count("max-addresses", default.max_addresses, 100),
            lifetime: time("lifetime", default.lifetime, SECOND..=30 * DAY),
            negative_lifetime: time("negative-lifetime", default.negative_lifetime, SECOND..=DAY),
            failure_lifetime: time("failure-lifetime", default.failure_lifetime, SECOND..=HOUR),
            cache_size: count("cache-size", default.cache_size, 10_000_000),
            helo: section.value("helo", default.helo, helo),
            port: section.value("port", default.port, |value| number(value, 1..=u16::MAX)),
            allow_private: section.list("allow-private", default.allow_private, network),
            nameservers: section.list("nameservers", default.nameservers, name_server),
            private_domains: match section.list("private-domains", Vec::new(), entry) {
                none if none.is_empty() && !section.has("private-domains") => default.private_domains,
                named => named.into_iter().collect(),
            },
            trust_anchor: section.value("trust-anchor", default.trust_anchor, optional_path),
            ca_file: section.value("ca-file", default.ca_file, optional_path),
        };
        if probe.step_time > probe.max_time {
            section.fault("step-time", format!("must not be longer than max-time ({})", written(probe.max_time)));
        }
        probe
    }
}

/// What may follow EHLO: a domain or an address literal (RFC 5321 section 4.1.1.1), or nothing.
fn helo(value: &DeValue<'_>) -> Parsed<String> {
    let text = text(value)?;
    if text.is_empty() {
        return Ok(String::new());
    }
    let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_literal = literal.is_some_and(|address| match address.strip_prefix("IPv6:") {
        Some(address) => matches!(address.parse(), Ok(IpAddr::V6(_))),
        None => matches!(address.parse(), Ok(IpAddr::V4(_))),
    });
    if is_literal {
        return Ok(text.to_owned());
    }
    domain(text).map_err(|_| format!("{}: write this host's name, as in \"mail.example.org\"", quoted(text)))
}
