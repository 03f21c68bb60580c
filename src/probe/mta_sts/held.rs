//! What is held of a domain's policy between two looks, and what counts now (RFC 8461 sections 3.3, 5.1 and 10.2).
//!
//! An attacker who can take away the TXT record, or the host of the policy, must not thereby take away the policy: whoever
//! holds one that has not expired holds mail to it, whatever he sees. So only two things end it before its time, and both
//! come from the domain itself, over HTTPS: another policy, of mode `none` for instance.

use super::policy::{Mode, Policy};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::time::Duration;

/// How old a policy may become before it is fetched again although its identifier is the same (section 3.3 suggests a
/// day); half of its life where that is less.
const REFRESH: Duration = Duration::from_secs(24 * 3600);

/// How long to leave a server alone from which no policy could be had (section 3.3 asks for five minutes or more).
const RETRY: Duration = Duration::from_secs(5 * 60);

/// How long the absence of a record may be believed.
const RECHECK: Duration = Duration::from_secs(3600);

/// How soon DNS is asked again where it failed, and the least time between two looks.
const SOON: Duration = Duration::from_secs(60);

/// A policy that was fetched. Serialised, the policy is the text of its file, and is read as strictly as that.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Held {
    /// The identifier that the TXT record had then.
    pub(in crate::probe) id: Box<str>,
    /// The policy.
    #[serde(serialize_with = "write_policy", deserialize_with = "read_policy")]
    pub(in crate::probe) policy: Policy,
    /// When it was fetched, in seconds since 1970.
    pub(in crate::probe) fetched: i64,
}

fn write_policy<S: Serializer>(policy: &Policy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(policy)
}

fn read_policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Policy, D::Error> {
    let text = String::deserialize(deserializer)?;
    Policy::parse(text.as_bytes()).map_err(D::Error::custom)
}

impl Held {
    /// The policy's mode: `enforce`, `testing`, `none`.
    pub fn mode(&self) -> &'static str {
        self.policy.mode.word()
    }

    /// Whether mail must be held to it (RFC 8461 section 5).
    pub fn is_enforced(&self) -> bool {
        self.policy.mode == Mode::Enforce
    }

    /// The names that certificates must bear, as Postfix's `match` attribute has them.
    pub fn names(&self) -> String {
        self.policy.postfix_match()
    }

    /// Whether the policy names a mail server (RFC 8461 section 4.1).
    pub(in crate::probe) fn allows(&self, host: &str) -> bool {
        self.policy.allows(host)
    }

    /// The attributes by which Postfix reports on the policy (RFC 8460; postconf(5) smtp_tls_policy_maps, Postfix 3.10).
    pub fn report(&self, domain: &str) -> String {
        let mut report = format!("policy_type=sts policy_domain={domain}");
        for line in self.policy.to_string().lines() {
            report.push_str(&format!(" {{ policy_string = {line} }}"));
        }
        for pattern in self.policy.mx.iter() {
            report.push_str(&format!(" {{ mx_host_pattern = {pattern} }}"));
        }
        report
    }

    /// Whether it has not expired.
    pub(in crate::probe) fn counts(&self, now: i64) -> bool {
        now < self.end(self.policy.max_age())
    }

    /// Whether it is to be fetched again, be its identifier the same. One from the future is: the clock was set back, and
    /// nobody knows by how much.
    fn is_due(&self, now: i64) -> bool {
        now < self.fetched || now >= self.due()
    }

    fn due(&self) -> i64 {
        self.end(REFRESH.min(self.policy.max_age() / 2))
    }

    fn end(&self, age: Duration) -> i64 {
        self.fetched.saturating_add(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
    }
}

/// What a look at a domain brought.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// Its policy: fetched now, or [`current`].
    Published(Held),
    /// It announces no policy; with the reason.
    NotAnnounced(String),
    /// It announces one that could not be fetched; with the reason.
    NotFetched(String),
    /// DNS failed, so that it cannot be told whether it announces one; with the reason.
    NotAnswered(String),
}

/// What a domain asks for, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::probe) struct Finding {
    /// What counts now.
    pub(in crate::probe) standing: Standing,
    /// Why it is what was held, where it could not be made sure that the domain still publishes it; for the log, since an
    /// administrator should learn of it (section 3.3).
    pub(in crate::probe) kept_because: Option<String>,
    /// After how long to look again, at the latest where there is a policy and at the earliest where there was a failure.
    pub(in crate::probe) again: Duration,
}

/// What counts for a domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Its policy, of whatever mode: to be held until the next look.
    Policy(Box<Held>),
    /// It has none: nothing is to be held.
    Absent {
        /// Why.
        reason: String,
    },
    /// Not to be told now, and nothing was held. Never to be taken for absence.
    Unknown {
        /// Why.
        reason: String,
    },
}

#[cfg(test)]
impl Finding {
    /// What to hold until the next look, in the place of what was held before; `None` for nothing.
    pub(in crate::probe) fn held(&self) -> Option<&Held> {
        match &self.standing {
            Standing::Policy(held) => Some(held),
            Standing::Absent { .. } | Standing::Unknown { .. } => None,
        }
    }

    /// The policy that mail must be held to, if there is one.
    pub(in crate::probe) fn enforced(&self) -> Option<&Policy> {
        self.held().map(|held| &held.policy).filter(|policy| policy.mode == Mode::Enforce)
    }
}

/// What is held, where it is what a record with this identifier announces and need not be fetched again.
pub(super) fn current<'a>(id: &str, held: Option<&'a Held>, now: i64) -> Option<&'a Held> {
    held.filter(|held| *held.id == *id && held.counts(now) && !held.is_due(now))
}

/// What counts now, given what a look brought and what was held before it.
pub(super) fn conclude(outcome: Outcome, held: Option<&Held>, now: i64) -> Finding {
    let until = |end: i64| Duration::from_secs(end.saturating_sub(now).try_into().unwrap_or(0));
    let (reason, again) = match &outcome {
        Outcome::Published(held) => {
            let again = until(held.due()).max(SOON);
            return Finding { standing: Standing::Policy(Box::new(held.clone())), kept_because: None, again };
        }
        Outcome::NotAnnounced(reason) => (reason.clone(), RECHECK),
        Outcome::NotFetched(reason) => (reason.clone(), RETRY),
        Outcome::NotAnswered(reason) => (reason.clone(), SOON),
    };
    if let Some(held) = held.filter(|held| held.counts(now)) {
        // What is kept must not be taken for true after it has expired.
        let again = again.min(RETRY).min(until(held.end(held.policy.max_age()))).max(SOON);
        return Finding { standing: Standing::Policy(Box::new(held.clone())), kept_because: Some(reason), again };
    }
    let standing = match outcome {
        Outcome::NotAnswered(_) => Standing::Unknown { reason },
        _ => Standing::Absent { reason },
    };
    Finding { standing, kept_because: None, again }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: i64 = 24 * 3600;
    const NOW: i64 = 2_000_000_000;

    fn held(id: &str, mode: Mode, max_age: i64, fetched: i64) -> Held {
        let text = format!("version: STSv1\nmode: {mode}\nmx: mx.example.com\nmx: *.example.net\nmax_age: {max_age}\n");
        Held { id: id.into(), policy: Policy::parse(text.as_bytes()).unwrap(), fetched }
    }

    fn failures() -> [Outcome; 3] {
        let reason = || "reason".to_owned();
        [Outcome::NotAnnounced(reason()), Outcome::NotFetched(reason()), Outcome::NotAnswered(reason())]
    }

    #[test]
    fn what_is_held_is_current_under_its_identifier_until_it_is_due() {
        for (max_age, age, expected) in [
            (30 * DAY, 0, true),
            (30 * DAY, DAY - 1, true),
            (30 * DAY, DAY, false),
            (DAY, DAY / 2 - 1, true),
            (DAY, DAY / 2, false),
            (0, 0, false),
            // The clock was set back.
            (30 * DAY, -1, false),
        ] {
            let held = held("a", Mode::Enforce, max_age, NOW - age);
            assert_eq!(current("a", Some(&held), NOW).is_some(), expected, "{max_age} {age}");
            assert_eq!(current("b", Some(&held), NOW), None);
        }
        assert_eq!(current("a", None, NOW), None);
    }

    #[test]
    fn what_is_published_counts_whatever_was_held() {
        for mode in [Mode::Enforce, Mode::Testing, Mode::None] {
            let new = held("b", mode, 7 * DAY, NOW);
            for before in [None, Some(held("a", Mode::Enforce, 30 * DAY, NOW - DAY))] {
                let finding = conclude(Outcome::Published(new.clone()), before.as_ref(), NOW);
                assert_eq!(finding.held(), Some(&new));
                assert_eq!(finding.enforced().is_some(), mode == Mode::Enforce);
                assert_eq!((finding.kept_because, finding.again), (None, REFRESH));
            }
        }
        // One that expires at once counts for the look that found it.
        let moment = held("b", Mode::Enforce, 0, NOW);
        let finding = conclude(Outcome::Published(moment), None, NOW);
        assert!(finding.enforced().is_some() && finding.again == SOON);
    }

    #[test]
    fn no_failure_takes_away_what_has_not_expired() {
        let before = held("a", Mode::Enforce, 30 * DAY, NOW - 30 * DAY + 1);
        for outcome in failures() {
            let finding = conclude(outcome, Some(&before), NOW);
            assert_eq!(finding.held(), Some(&before));
            assert_eq!((finding.kept_because.as_deref(), finding.again), (Some("reason"), SOON));
        }
        let fresh = held("a", Mode::Enforce, 30 * DAY, NOW - DAY);
        for (outcome, again) in failures().into_iter().zip([RETRY, RETRY, SOON]) {
            assert_eq!(conclude(outcome, Some(&fresh), NOW).again, again);
        }
    }

    #[test]
    fn with_nothing_held_only_dns_leaves_it_open() {
        let expired = held("a", Mode::Enforce, DAY, NOW - DAY);
        for before in [None, Some(&expired)] {
            let [unannounced, unfetched, unanswered] = failures().map(|outcome| conclude(outcome, before, NOW));
            let absent = Standing::Absent { reason: "reason".to_owned() };
            assert_eq!((&unannounced.standing, unannounced.again), (&absent, RECHECK));
            assert_eq!((&unfetched.standing, unfetched.again), (&absent, RETRY));
            assert_eq!(unanswered.standing, Standing::Unknown { reason: "reason".to_owned() });
            assert_eq!(unanswered.again, SOON);
            assert_eq!((unanswered.held(), unanswered.enforced()), (None, None));
        }
    }

    #[test]
    fn is_kept_as_the_text_of_its_file_and_read_as_strictly() {
        let policy = held("a1", Mode::Enforce, 7 * DAY, NOW);
        let json = serde_json::to_string(&policy).unwrap();
        let text = r"version: STSv1\nmode: enforce\nmx: mx.example.com\nmx: *.example.net\nmax_age: 604800\n";
        assert_eq!(json, format!("{{\"id\":\"a1\",\"policy\":\"{text}\",\"fetched\":{NOW}}}"));
        assert_eq!(serde_json::from_str::<Held>(&json).unwrap(), policy);
        let wrong = json.replace("mx.example.com", "mx example com");
        let said = serde_json::from_str::<Held>(&wrong).unwrap_err().to_string();
        assert!(said.contains("line 3: mx is no name of a mail server"), "{said}");
    }

    proptest! {
        #[test]
        fn what_is_kept_was_held_and_has_not_expired(
            max_age in 0..=31_557_600_i64, fetched: i64, now: i64, which in 0..3_usize, mode in 0..3_usize,
        ) {
            let mode = [Mode::Enforce, Mode::Testing, Mode::None][mode];
            let before = held("a", mode, max_age, fetched);
            let finding = conclude(failures()[which].clone(), Some(&before), now);
            let alive = i128::from(now) < i128::from(fetched) + i128::from(max_age);
            // At the end of time nothing is known to the second.
            prop_assume!(fetched <= i64::MAX - max_age);
            prop_assert_eq!(finding.held(), alive.then_some(&before));
            prop_assert_eq!(finding.kept_because.is_some(), alive);
            prop_assert!((SOON..=RECHECK).contains(&finding.again));
        }
    }
}
