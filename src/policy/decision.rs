//! Verdict + what the recipients' destinations can do -> accept, refuse, or refuse for now.

use crate::{
    config::{IfUnknown, IfUnmet, LevelRules, Levels, Mode, Require},
    envelope::Direction,
    level::Level,
    nexthop::Destination,
    probe::{Capability, Report},
    requirement::Requirement,
};
use std::sync::Arc;

/// A place that the message is to go to, by the name that its sender knows, and what is known of the way there.
#[derive(Clone, Debug, PartialEq)]
pub struct Prospect {
    /// The recipients' domain.
    pub domain: String,
    /// How its mail travels from here.
    pub way: Way,
}

/// How mail travels on from this server.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// It stays on this host, in a domain that is not ours: nothing to encrypt.
    Stays,
    /// By smtp(8) to one of these next-hops, whichever Postfix reaches first.
    Smtp(Vec<(Destination, Arc<Report>)>),
    /// By a transport that never asks for Segl's TLS policy, so that no pin can hold it.
    Uncontrolled {
        /// Why Segl has no hold on it.
        reason: String,
    },
    /// Postfix's own tools could not say.
    Unresolved {
        /// Why not.
        reason: String,
    },
}

/// What a destination is expected to do with a requirement.
#[derive(Clone, Debug, PartialEq)]
pub enum Outlook {
    /// It can meet it.
    Met,
    /// It can never meet it.
    Unmet(Obstacle),
    /// It is not known.
    Unknown(String),
}

/// Why a destination can never meet a requirement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// No TLS, or none of a version that is enough.
    NotEncrypted(String),
    /// TLS, but the server cannot be proven.
    NotAuthenticated(String),
    /// No mail can be delivered there.
    Undeliverable(String),
    /// Mail goes there by a way that Segl cannot hold to TLS.
    Uncontrolled(String),
}

impl Obstacle {
    /// The reason, for the log.
    pub fn reason(&self) -> &str {
        match self {
            Self::NotEncrypted(reason)
            | Self::NotAuthenticated(reason)
            | Self::Undeliverable(reason)
            | Self::Uncontrolled(reason) => reason,
        }
    }
}

/// What is to become of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It is none of Segl's business.
    Untouched,
    /// It goes out, held to the requirement.
    Accept {
        /// What every destination is pinned to.
        requirement: Requirement,
        /// Destinations that cannot, where the message may not be refused (mail from outside).
        unmet: Vec<(String, Obstacle)>,
        /// Destinations of which it is not known.
        unknown: Vec<(String, String)>,
    },
    /// Refused for good, to every recipient.
    Reject {
        /// What was asked.
        requirement: Requirement,
        /// Every destination that cannot.
        unmet: Vec<(String, Obstacle)>,
    },
    /// Refused for now, to every recipient.
    Defer {
        /// What was asked.
        requirement: Requirement,
        /// Every destination that cannot.
        unmet: Vec<(String, Obstacle)>,
        /// Every destination of which it is not known.
        unknown: Vec<(String, String)>,
    },
}

impl Decision {
    /// The word used in logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Untouched | Self::Accept { .. } => "accept",
            Self::Reject { .. } => "reject",
            Self::Defer { .. } => "defer",
        }
    }
}

/// The rules of a level; `None` for [`Level::None`].
pub fn rules(levels: &Levels, level: Level) -> Option<&LevelRules> {
    match level {
        Level::None => None,
        Level::Confidential => Some(&levels.confidential),
        Level::Sensitive => Some(&levels.sensitive),
    }
}

/// What a level's rules ask of every destination.
pub fn requirement(rules: &LevelRules) -> Requirement {
    match rules.require {
        Require::Encrypt => Requirement::Encrypt(rules.min_tls),
        Require::Authenticated => Requirement::Authenticated(rules.min_tls),
    }
}

/// Whether a destination meets a requirement, by what was found of it.
///
/// As long as not all of its hosts have been heard, what was found may get better but not worse: less than what is
/// asked is then not known yet.
pub fn outlook(report: &Report, requirement: Requirement) -> Outlook {
    match by_capability(&report.capability, requirement) {
        Outlook::Unmet(obstacle) if !report.exhaustive => Outlook::Unknown(obstacle.reason().to_owned()),
        outlook => outlook,
    }
}

fn by_capability(capability: &Capability, requirement: Requirement) -> Outlook {
    let (version, proven) = match capability {
        Capability::Authenticated { version, .. } => (*version, true),
        Capability::Encrypted { version } => (*version, false),
        Capability::Cleartext { reason } => return Outlook::Unmet(Obstacle::NotEncrypted(reason.clone())),
        Capability::Undeliverable { reason } => return Outlook::Unmet(Obstacle::Undeliverable(reason.clone())),
        Capability::Unknown { reason } => return Outlook::Unknown(reason.clone()),
    };
    if version < requirement.min_tls() {
        let reason = format!("no better than {version}, {} is asked", requirement.min_tls());
        return Outlook::Unmet(Obstacle::NotEncrypted(reason));
    }
    match requirement {
        Requirement::Authenticated(_) if !proven => {
            Outlook::Unmet(Obstacle::NotAuthenticated("its certificate does not prove the server".to_owned()))
        }
        _ => Outlook::Met,
    }
}

/// What is to be expected of one way: Postfix tries each next-hop of a list, and the pin on every one of them
/// makes it pass over those that cannot, so one that can is enough.
fn outlook_of(way: &Way, requirement: Requirement) -> Outlook {
    match way {
        Way::Stays => Outlook::Met,
        Way::Uncontrolled { reason } => Outlook::Unmet(Obstacle::Uncontrolled(reason.clone())),
        Way::Unresolved { reason } => Outlook::Unknown(reason.clone()),
        Way::Smtp(next_hops) => {
            let outlooks = next_hops.iter().map(|(_, report)| outlook(report, requirement));
            outlooks
                .min_by_key(|outlook| match outlook {
                    Outlook::Met => 0,
                    Outlook::Unknown(_) => 1,
                    Outlook::Unmet(_) => 2,
                })
                .unwrap_or_else(|| Outlook::Unknown("no next-hop".to_owned()))
        }
    }
}

/// Decides about a message with external recipients.
///
/// Submitted mail is refused as a whole or not at all: the sender can mend it and send again, and is told every
/// destination that stands in the way. Mail from outside is never refused; the pins hold it.
pub fn decide(levels: &Levels, level: Level, direction: Direction, prospects: &[Prospect]) -> Decision {
    let Some(rules) = rules(levels, level) else { return Decision::Untouched };
    if prospects.is_empty() {
        return Decision::Untouched;
    }
    let requirement = requirement(rules);
    let (mut unmet, mut unknown) = (Vec::new(), Vec::new());
    for prospect in prospects {
        match outlook_of(&prospect.way, requirement) {
            Outlook::Met => {}
            Outlook::Unmet(obstacle) => unmet.push((prospect.domain.clone(), obstacle)),
            Outlook::Unknown(reason) => unknown.push((prospect.domain.clone(), reason)),
        }
    }
    if direction == Direction::Inbound {
        return Decision::Accept { requirement, unmet, unknown };
    }
    match (unmet.is_empty(), rules.if_unmet, unknown.is_empty(), rules.if_unknown) {
        (false, IfUnmet::Reject, _, _) => Decision::Reject { requirement, unmet },
        (false, IfUnmet::Defer, _, _) | (true, _, false, IfUnknown::Defer) => {
            Decision::Defer { requirement, unmet, unknown }
        }
        (true, _, _, _) => Decision::Accept { requirement, unmet, unknown },
    }
}

/// Whether a decision is carried out or only written to the log.
pub fn acts(mode: Mode) -> bool {
    mode == Mode::Enforce
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Proof;
    use crate::requirement::TlsVersion::{V1_2, V1_3};
    use proptest::prelude::*;
    use std::time::Duration;

    fn report(capability: Capability) -> Arc<Report> {
        Arc::new(Report { capability, exhaustive: true, ..Report::unknown("", Duration::ZERO) })
    }

    fn to(domain: &str, capability: Capability) -> Prospect {
        let destination = Destination::new(domain).unwrap();
        Prospect { domain: domain.to_owned(), way: Way::Smtp(vec![(destination, report(capability))]) }
    }

    fn cleartext() -> Capability {
        Capability::Cleartext { reason: "no STARTTLS".to_owned() }
    }

    fn unknown() -> Capability {
        Capability::Unknown { reason: "timeout".to_owned() }
    }

    const ENCRYPTED: Capability = Capability::Encrypted { version: V1_3 };

    fn levels(rules: LevelRules) -> Levels {
        Levels { confidential: rules, sensitive: rules }
    }

    #[test]
    fn each_capability_against_each_requirement() {
        let proven = |version| Capability::Authenticated { how: Proof::Pkix, version };
        let tls = |version| Capability::Encrypted { version };
        let undeliverable = Capability::Undeliverable { reason: "null MX".to_owned() };
        for (capability, requirement, expected) in [
            (proven(V1_2), Requirement::Encrypt(V1_2), "met"),
            (proven(V1_2), Requirement::Encrypt(V1_3), "unmet"),
            (proven(V1_3), Requirement::Authenticated(V1_3), "met"),
            (tls(V1_3), Requirement::Encrypt(V1_2), "met"),
            (tls(V1_2), Requirement::Encrypt(V1_3), "unmet"),
            (tls(V1_3), Requirement::Authenticated(V1_2), "unmet"),
            (cleartext(), Requirement::Encrypt(V1_2), "unmet"),
            (undeliverable, Requirement::Encrypt(V1_2), "unmet"),
            (unknown(), Requirement::Encrypt(V1_2), "unknown"),
        ] {
            let seen = match outlook(&report(capability.clone()), requirement) {
                Outlook::Met => "met",
                Outlook::Unmet(_) => "unmet",
                Outlook::Unknown(_) => "unknown",
            };
            assert_eq!(seen, expected, "{capability:?} for {requirement:?}");
        }
    }

    #[test]
    fn what_may_still_get_better_is_not_known() {
        let half_heard = Report { exhaustive: false, ..(*report(ENCRYPTED)).clone() };
        assert_eq!(outlook(&half_heard, Requirement::Encrypt(V1_2)), Outlook::Met);
        assert!(matches!(outlook(&half_heard, Requirement::Authenticated(V1_2)), Outlook::Unknown(_)));
    }

    #[test]
    fn all_or_nothing_and_every_obstacle_is_named() {
        let prospects = [
            to("a.example", ENCRYPTED),
            to("b.example", cleartext()),
            to("c.example", unknown()),
            to("d.example", cleartext()),
        ];
        let decision = decide(&Levels::default(), Level::Confidential, Direction::Submitted, &prospects);
        let Decision::Reject { unmet, .. } = decision else { panic!("{decision:?}") };
        let domains: Vec<_> = unmet.iter().map(|(domain, _)| domain.as_str()).collect();
        assert_eq!(domains, ["b.example", "d.example"]);
    }

    #[test]
    fn mail_from_outside_is_never_refused() {
        let decision =
            decide(&Levels::default(), Level::Sensitive, Direction::Inbound, &[to("b.example", cleartext())]);
        assert!(matches!(decision, Decision::Accept { ref unmet, .. } if unmet.len() == 1), "{decision:?}");
    }

    #[test]
    fn unknown_is_accepted_or_deferred_as_configured() {
        let prospects = [to("a.example", ENCRYPTED), to("c.example", unknown())];
        let accept = LevelRules::default();
        let defer = LevelRules { if_unknown: IfUnknown::Defer, ..accept };
        let decide = |rules| decide(&levels(rules), Level::Confidential, Direction::Submitted, &prospects).word();
        assert_eq!((decide(accept), decide(defer)), ("accept", "defer"));
    }

    #[test]
    fn one_next_hop_of_a_list_that_can_is_enough() {
        let list = |capabilities: &[Capability]| Prospect {
            domain: "example".to_owned(),
            way: Way::Smtp(
                capabilities
                    .iter()
                    .map(|c| (Destination::new("[relay.example]").unwrap(), report(c.clone())))
                    .collect(),
            ),
        };
        for (capabilities, word) in [
            (vec![cleartext(), ENCRYPTED], "accept"),
            (vec![cleartext(), unknown()], "accept"),
            (vec![cleartext(), cleartext()], "reject"),
        ] {
            let decision =
                decide(&Levels::default(), Level::Confidential, Direction::Submitted, &[list(&capabilities)]);
            assert_eq!(decision.word(), word, "{capabilities:?}");
        }
    }

    #[test]
    fn a_way_without_hold_is_refused_and_one_not_told_is_unknown() {
        let decide_way = |way| {
            let prospect = Prospect { domain: "example".to_owned(), way };
            decide(&Levels::default(), Level::Confidential, Direction::Submitted, &[prospect])
        };
        let reason = || "because".to_owned();
        assert_eq!(decide_way(Way::Uncontrolled { reason: reason() }).word(), "reject");
        assert_eq!(decide_way(Way::Stays).word(), "accept");
        let unresolved = decide_way(Way::Unresolved { reason: reason() });
        assert!(matches!(unresolved, Decision::Accept { ref unknown, .. } if unknown.len() == 1));
    }

    fn capability() -> impl Strategy<Value = Capability> {
        prop_oneof![
            Just(ENCRYPTED),
            Just(Capability::Authenticated { how: Proof::Pkix, version: V1_2 }),
            Just(cleartext()),
            Just(unknown()),
            Just(Capability::Undeliverable { reason: "null MX".to_owned() }),
        ]
    }

    proptest! {
        /// Whatever the destinations, a tagged message is refused or held to at least what its level asks.
        #[test]
        fn tagged_mail_is_never_untouched(capabilities in proptest::collection::vec(capability(), 1..6), submitted: bool, sensitive: bool) {
            let prospects: Vec<_> = capabilities.iter().map(|c| to("a.example", c.clone())).collect();
            let direction = if submitted { Direction::Submitted } else { Direction::Inbound };
            let level = if sensitive { Level::Sensitive } else { Level::Confidential };
            let asked = requirement(&LevelRules::default());
            match decide(&Levels::default(), level, direction, &prospects) {
                Decision::Untouched => prop_assert!(false),
                Decision::Accept { requirement, ref unmet, .. } => {
                    prop_assert_eq!(requirement, asked);
                    prop_assert!(unmet.is_empty() || direction == Direction::Inbound);
                }
                Decision::Reject { ref unmet, .. } => prop_assert!(!unmet.is_empty() && submitted),
                Decision::Defer { .. } => prop_assert!(submitted),
            }
        }
    }
}
