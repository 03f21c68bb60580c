//! The log line of a tagged message, in Postfix's manner: queue ID first, `key=value`, made for tail and grep.
//! Never a word of content, and no local part unless the administrator asked for it.

use crate::{
    envelope::{Direction, QueueId},
    level::{Category, Level},
    policy::decision::{Decision, Prospect, Way},
    probe::Capability,
    requirement::Requirement,
};
use std::{collections::BTreeSet, fmt::Write, time::Duration};

/// The most destinations named on one line; the number of the rest is given.
const DESTINATIONS_MAX: usize = 20;

/// What is to be said of one message.
#[derive(Clone, Debug)]
pub struct VerdictLine<'a> {
    /// Its queue ID.
    pub queue_id: &'a QueueId,
    /// Its level.
    pub level: Level,
    /// Its categories.
    pub categories: &'a [Category],
    /// Where it came from.
    pub direction: Direction,
    /// Where it is to go.
    pub prospects: &'a [Prospect],
    /// The recipients' addresses, where the administrator asked for them.
    pub addresses: Option<&'a [&'a str]>,
    /// What was asked.
    pub requirement: Requirement,
    /// What becomes of it, or would in mode enforce.
    pub decision: &'a Decision,
    /// Whether the decision is carried out.
    pub acts: bool,
    /// How many parts were not read.
    pub unreadable: usize,
    /// How many parts are encrypted from end to end.
    pub protected: usize,
    /// How long reading and detecting took.
    pub scan: Duration,
}

/// One word of the line: a quoted local part may hold spaces, and what looks like fields of ours between them.
fn word(address: &str) -> String {
    let escaped = |character: char| match character.is_whitespace() {
        true => character.escape_unicode().to_string(),
        false => character.to_string(),
    };
    address.chars().map(escaped).collect()
}

impl VerdictLine<'_> {
    /// The line without a line end.
    pub fn text(&self) -> String {
        let categories: Vec<_> = self.categories.iter().map(|category| category.as_str()).collect();
        let mut line = format!("{}: {} categories={}", self.queue_id, self.level, categories.join(","));
        let addresses: Vec<String> = self.addresses.iter().copied().flatten().map(|&address| word(address)).collect();
        let names: Vec<&str> = match self.addresses {
            Some(_) => addresses.iter().map(String::as_str).collect(),
            None => self.prospects.iter().map(|prospect| prospect.domain.as_str()).collect(),
        };
        let ways: Vec<String> = self.prospects.iter().map(|prospect| way(&prospect.way)).collect();
        let _ = write!(line, " to={} require={}", list(&names), self.requirement);
        match ways.split_first() {
            Some((first, rest)) if rest.iter().all(|other| other == first) => drop(write!(line, " tls={first}")),
            _ => drop(write!(line, " tls={}", list(&ways.iter().map(String::as_str).collect::<Vec<_>>()))),
        }
        if self.direction == Direction::Inbound {
            line.push_str(" direction=inbound");
        }
        match self.acts {
            true => drop(write!(line, " action={}", self.decision.word())),
            false => drop(write!(line, " action=accept mode=observe would={}", self.decision.word())),
        }
        if let Some(reason) = self.reason() {
            let _ = write!(line, " reason=\"{reason}\"");
        }
        line.push_str(&unread(self.unreadable, self.protected, self.scan));
        line
    }

    /// Every destination that stands in the way or is not known, with its reason.
    fn reason(&self) -> Option<String> {
        let (unmet, unknown): (&[_], &[_]) = match self.decision {
            Decision::Untouched => (&[], &[]),
            Decision::Accept { unmet, unknown, .. } | Decision::Defer { unmet, unknown, .. } => (unmet, unknown),
            Decision::Reject { unmet, .. } => (unmet, &[]),
        };
        let unmet = unmet.iter().map(|(domain, obstacle)| (domain, obstacle.reason()));
        let unknown = unknown.iter().map(|(domain, reason)| (domain, reason.as_str()));
        let reasons: Vec<String> = unmet
            .chain(unknown)
            .take(DESTINATIONS_MAX)
            .map(|(domain, reason)| format!("{domain}: {}", reason.replace(['"', '\r', '\n'], "'")))
            .collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// The line of a message in which nothing was found, but of which some parts were not read or are encrypted from end to
/// end, so that nobody can vouch for them.
pub fn unread_line(
    queue_id: &QueueId,
    domains: &BTreeSet<&str>,
    unreadable: usize,
    protected: usize,
    scan: Duration,
) -> String {
    let domains: Vec<&str> = domains.iter().copied().collect();
    format!("{queue_id}: {} to={} action=accept{}", Level::None, list(&domains), unread(unreadable, protected, scan))
}

/// How much was not read, and how long the rest took.
fn unread(unreadable: usize, protected: usize, scan: Duration) -> String {
    let mut text = String::new();
    for (name, count) in [("unreadable", unreadable), ("protected", protected)] {
        if count > 0 {
            let _ = write!(text, " {name}={count}");
        }
    }
    let _ = write!(text, " scan={:.1}ms", scan.as_secs_f64() * 1000.0);
    text
}

fn list(names: &[&str]) -> String {
    match names.len().checked_sub(DESTINATIONS_MAX) {
        None | Some(0) => names.join(","),
        Some(more) => format!("{},+{more}", names[..DESTINATIONS_MAX].join(",")),
    }
}

fn way(way: &Way) -> String {
    match way {
        Way::Stays => "none/stays-here".to_owned(),
        Way::Uncontrolled { .. } => "uncontrolled".to_owned(),
        Way::Unresolved { .. } => "unresolved".to_owned(),
        Way::Smtp(next_hops) => {
            let words: Vec<_> = next_hops.iter().map(|(_, report)| capability(&report.capability)).collect();
            words.join("|")
        }
    }
}

/// The word for a capability: `authenticated/pkix`, `encrypted/TLSv1.3`, `cleartext`.
pub fn capability(capability: &Capability) -> String {
    match capability {
        Capability::Authenticated { how, .. } => format!("authenticated/{how}"),
        Capability::Encrypted { version } => format!("encrypted/{version}"),
        Capability::Cleartext { .. } => "cleartext".to_owned(),
        Capability::Undeliverable { .. } => "undeliverable".to_owned(),
        Capability::Unknown { .. } => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        nexthop::Destination,
        policy::decision::Obstacle,
        probe::{Proof, Report},
        requirement::TlsVersion::V1_2,
        requirement::TlsVersion::V1_3,
    };
    use std::sync::Arc;

    fn prospect(domain: &str, capability: Capability) -> Prospect {
        let report = Report { capability, exhaustive: true, ..Report::unknown("", Duration::ZERO) };
        Prospect {
            domain: domain.to_owned(),
            way: Way::Smtp(vec![(Destination::new(domain).unwrap(), Arc::new(report))]),
        }
    }

    #[test]
    fn reads_like_postfix() {
        let queue_id = QueueId::parse("4bXyZ1").unwrap();
        let requirement = Requirement::Encrypt(V1_2);
        let prospects = [prospect("clinic.example", Capability::Authenticated { how: Proof::Pkix, version: V1_3 })];
        let accept = Decision::Accept { requirement, unmet: vec![], unknown: vec![] };
        let line = VerdictLine {
            queue_id: &queue_id,
            level: Level::Sensitive,
            categories: &[Category::NationalId, Category::Health],
            direction: Direction::Submitted,
            prospects: &prospects,
            addresses: None,
            requirement,
            decision: &accept,
            acts: true,
            unreadable: 0,
            protected: 0,
            scan: Duration::from_micros(800),
        };
        assert_eq!(
            line.text(),
            "4bXyZ1: sensitive categories=national-id,health to=clinic.example require=encrypt tls=authenticated/pkix \
             action=accept scan=0.8ms"
        );
        let prospects = [
            prospect("a.example", Capability::Encrypted { version: V1_3 }),
            prospect("b.example", Capability::Cleartext { reason: "x".to_owned() }),
        ];
        let unmet = vec![("b.example".to_owned(), Obstacle::NotEncrypted("mx \"b\": no STARTTLS\n".to_owned()))];
        let reject = Decision::Reject { requirement, unmet };
        let line = VerdictLine {
            prospects: &prospects,
            decision: &reject,
            acts: false,
            unreadable: 2,
            protected: 1,
            direction: Direction::Inbound,
            ..line
        };
        assert_eq!(
            line.text(),
            "4bXyZ1: sensitive categories=national-id,health to=a.example,b.example require=encrypt \
             tls=encrypted/TLSv1.3,cleartext direction=inbound action=accept mode=observe would=reject \
             reason=\"b.example: mx 'b': no STARTTLS'\" unreadable=2 protected=1 scan=0.8ms"
        );
        let domains = BTreeSet::from(["b.example", "a.example"]);
        assert_eq!(
            unread_line(&queue_id, &domains, 0, 1, Duration::from_micros(800)),
            "4bXyZ1: none to=a.example,b.example action=accept protected=1 scan=0.8ms"
        );
        let addresses = ["\"a action=x\"@a.example", "b@b.example"];
        let text = VerdictLine { addresses: Some(&addresses), ..line }.text();
        assert!(text.contains(" to=\"a\\u{20}action=x\"@a.example,b@b.example require="), "{text}");
    }
}
