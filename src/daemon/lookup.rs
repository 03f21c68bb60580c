//! One lookup of Postfix's: what the destination's pins ask, the administrator's own word, what the destination publishes
//! and was found to do -> what Postfix is told.

use crate::{
    config::{Baseline, Destinations},
    nexthop::Destination,
    policy::{
        in_force::InForce,
        postfix_policy::{Answer, Held, Question, answer, depends_on_promise, for_tls_reports},
        promise::{Promise, promise, report},
    },
    postfix::socketmap::Map,
    probe::{Assess, Capability, Published, Report},
    requirement::Requirement,
    tls_policy::{PolicyLine, PostfixVersion},
};
use std::{sync::Arc, time::Duration};

/// How long a lookup may wait for what a destination publishes; Postfix waits 100 s for a reply.
const WAIT: Duration = Duration::from_secs(20);

/// What is asked, as far as memory knows it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of which next-hop.
    pub destination: Destination,
    /// What its pins ask.
    pub requirement: Option<Requirement>,
    /// What is in force without us.
    pub in_force: Result<InForce, String>,
    /// Who asks.
    pub version: PostfixVersion,
    /// In which map.
    pub map: Map,
}

/// An answer, and what it rests on besides pins.
#[derive(Clone, Debug)]
pub struct Told {
    /// What Postfix is told.
    pub answer: Answer,
    /// What the destination publishes, where that was asked.
    pub published: Option<Arc<Published>>,
    /// What it was found to do, where that was asked.
    pub report: Option<Arc<Report>>,
}

impl Asked {
    /// The answer where memory has all that it takes.
    pub fn now(&self, destinations: &Destinations, assess: &dyn Assess) -> Option<Answer> {
        let fixed = destinations.fixed(&self.destination);
        let held = held_without_a_probe(destinations);
        if !depends_on_promise(self.requirement, fixed, held, &self.in_force) {
            return Some(self.answer(fixed, None, held));
        }
        let published = assess.published_now(&self.destination)?;
        let held = match self.awaits_a_probe(destinations) {
            true => held_to(&*assess.assessed(&self.destination)?),
            false => held,
        };
        Some(self.answer(fixed, Some(&published), held))
    }

    /// The answer once all that it takes has been asked, or time is up.
    pub async fn later(&self, destinations: &Destinations, assess: &dyn Assess) -> Told {
        let fixed = destinations.fixed(&self.destination);
        let held = held_without_a_probe(destinations);
        if !depends_on_promise(self.requirement, fixed, held, &self.in_force) {
            return Told { answer: self.answer(fixed, None, held), published: None, report: None };
        }
        let published = assess.published(&self.destination, WAIT);
        let (published, report) = match self.awaits_a_probe(destinations) {
            true => {
                let (published, report) = tokio::join!(published, assess.assess(&self.destination, WAIT));
                (published, Some(report))
            }
            false => (published.await, None),
        };
        // Nobody was asked, not even the disk: what it had is not to be told.
        if let Some(Report { capability: Capability::Unknown { reason }, lifetime: Duration::ZERO, .. }) =
            report.as_deref()
        {
            return Told { answer: Answer::Temp(reason.clone()), published: Some(published), report };
        }
        let held = report.as_deref().map_or(held, held_to);
        let answer = self.answer(fixed, Some(&published), held);
        Told { answer, published: Some(published), report }
    }

    /// Whether it takes a probe to tell how far mail is held.
    fn awaits_a_probe(&self, destinations: &Destinations) -> bool {
        destinations.baseline == Baseline::Capable
            && self.requirement.is_none()
            && destinations.fixed(&self.destination).is_none()
            && !destinations.is_never_probed(&self.destination)
    }

    fn answer(&self, fixed: Option<&PolicyLine>, published: Option<&Published>, held: Held) -> Answer {
        let Self { requirement, ref in_force, version, map, .. } = *self;
        let promise = &match (published, in_force) {
            (Some(published), Ok(in_force)) => promise(published, in_force),
            _ => Promise::Nothing,
        };
        let question = Question { requirement, fixed, promise, held, in_force, version };
        let answer = answer(&question);
        match map {
            Map::Policy => answer,
            Map::PolicyWithReports => for_tls_reports(answer, &question, || report(published?, &self.destination)),
        }
    }
}

/// How far mail is held that no pin holds, where no probe says more.
fn held_without_a_probe(destinations: &Destinations) -> Held {
    match destinations.baseline {
        Baseline::None => Held::Not,
        Baseline::Published | Baseline::Capable => Held::ToPromise,
        Baseline::All => Held::ToTls,
    }
}

/// How far mail is held to a destination of which this was found, with baseline `capable`.
fn held_to(report: &Report) -> Held {
    match report.capability {
        Capability::Authenticated { .. } | Capability::Encrypted { .. } => Held::ToTls,
        // It had TLS, and has not been without it for long enough.
        _ if report.history.is_some() => Held::ToTls,
        _ => Held::ToPromise,
    }
}
