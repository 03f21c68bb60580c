//! Where Postfix will send mail in the end: who a recipient becomes, and by which transport and next-hop each of them goes.
//!
//! The way is that of cleanup(8), trivial-rewrite(8) and local(8), each table asked through `postmap -q`, all recipients
//! of a message together. Whatever is not certain (a table that cannot be read by us, an address that is not understood,
//! a limit) makes the whole answer [`Resolution::Unknown`]; there are no guesses. Where smtpd(8) told the way of a
//! recipient that no map changes, its word counts. What local(8) does with .forward files is not followed.

mod address;
mod aliases;
mod follow;
mod local;
mod lookups;
mod rewriting;
mod routing;
mod tables;

pub use tables::{Postmap, Tables};

use super::postconf::PostfixFacts;
use crate::nexthop::Destination;
use lookups::{Lookups, Stop};
use lru::LruCache;
use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    task::yield_now,
    time::{Instant as Deadline, timeout_at},
};

/// The longest that all recipients of one message may take together; Postfix waits 30 s for an answer
/// (`milter_command_timeout`).
const TIME_MAX: Duration = Duration::from_secs(15);

/// How often something may be asked for one message's sake: each map that is looked up by what another one said costs a
/// round.
const ROUNDS_MAX: usize = 200;

/// After how many recipients others get their turn.
const TURN: usize = 50;

/// How long an answer is remembered: tables change without main.cf changing.
const LIFETIME: Duration = Duration::from_secs(60);

/// How many answers are remembered.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// How many different faults of tables are told of, each once, for one state of main.cf.
const SAID_MAX: usize = 100;

/// Parameters that cleanup(8) and trivial-rewrite(8) resolve by. A service of master.cf that overrides one is beyond
/// us: we read main.cf's.
const RESOLVING: [&str; 36] = [
    "always_bcc",
    "append_at_myorigin",
    "append_dot_mydomain",
    "canonical_classes",
    "canonical_maps",
    "default_transport",
    "local_transport",
    "masquerade_classes",
    "masquerade_domains",
    "masquerade_exceptions",
    "mydestination",
    "mydomain",
    "myhostname",
    "myorigin",
    "owner_request_special",
    "parent_domain_matches_subdomains",
    "propagate_unmatched_extensions",
    "recipient_bcc_maps",
    "recipient_canonical_classes",
    "recipient_canonical_maps",
    "recipient_delimiter",
    "relay_domains",
    "relay_transport",
    "relayhost",
    "sender_bcc_maps",
    "sender_canonical_classes",
    "sender_canonical_maps",
    "sender_dependent_default_transport_maps",
    "sender_dependent_relayhost_maps",
    "transport_maps",
    "virtual_alias_domains",
    "virtual_alias_maps",
    "virtual_mailbox_domains",
    "virtual_mailbox_maps",
    "virtual_transport",
    "virtual_alias_expansion_limit",
];

/// Why it is not known where mail goes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
struct Unresolved(String);

/// Where somebody's mail goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resolution {
    /// There, and nowhere else.
    Known(Answer),
    /// Not known, and why: it may go anywhere.
    Unknown(String),
}

/// Where mail goes, and where notices about it go.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answer {
    /// One hop for each different way; none only for a copy that nobody gets.
    pub hops: Vec<Hop>,
    /// The ways of those who are told when an alias cannot be delivered to (`owner-`), in place of the sender.
    pub notices: Vec<Hop>,
}

/// One way that mail goes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Hop {
    /// The transport: a service of master.cf. Where it leads, [`super::transport::of_nexthop`] says.
    pub transport: String,
    /// The next-hop as Postfix has it: a list, a socket, or for the `error` transport a text.
    pub nexthop: String,
    /// What smtp(8) or lmtp(8) will ask policies for; empty for every other daemon.
    pub nexthops: Vec<Destination>,
    /// The recipient's domain after aliases.
    pub domain: Destination,
    /// The program that an alias gives it to in place of a mailbox.
    pub command: Option<String>,
}

/// How the recipient came to us.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Origin {
    /// From smtpd(8): before canonical mapping and masquerading.
    Smtpd,
    /// From sendmail(1): after these (the milter is called by cleanup(8)).
    Sendmail,
    /// A notice of Postfix's own to the sender: mapped, but never copied.
    Notice,
}

/// Whose mail is followed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Who<'a> {
    /// This recipient's, as in the envelope.
    Recipient(&'a str),
    /// The copy that sender_bcc_maps make, if they do.
    SenderCopy,
    /// The copy that always_bcc makes.
    AlwaysCopy,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// Whose mail.
    pub who: Who<'a>,
    /// The sender, as in the envelope; empty or `<>` for the null sender.
    pub sender: &'a str,
    /// How they came.
    pub origin: Origin,
    /// The transport and next-hop that smtpd(8) named for this recipient.
    pub told: Option<(&'a str, &'a str)>,
}

impl<'a> Question<'a> {
    /// About a recipient of which Postfix said nothing.
    pub fn of(recipient: &'a str, sender: &'a str, origin: Origin) -> Self {
        Self { who: Who::Recipient(recipient), sender, origin, told: None }
    }
}

/// Whether anything may change a recipient that smtpd(8) sends by this transport. Nothing is run.
pub fn changes(facts: &PostfixFacts, transport: &str) -> bool {
    follow::changes(facts, transport)
}

/// Follows recipients, and remembers the answers for a minute.
#[derive(Debug)]
pub struct Resolver<T = Postmap> {
    tables: T,
    remembered: Mutex<Remembered>,
}

/// A question as it is remembered.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Asked {
    /// The recipient; a copy has another form than any address.
    who: String,
    sender: String,
    origin: Origin,
    told: Option<(String, String)>,
}

impl From<&Question<'_>> for Asked {
    fn from(question: &Question<'_>) -> Self {
        let who = match question.who {
            Who::Recipient(recipient) => format!("<{recipient}>"),
            Who::SenderCopy => "sender".to_owned(),
            Who::AlwaysCopy => "always".to_owned(),
        };
        let told = question.told.map(|(transport, nexthop)| (transport.to_owned(), nexthop.to_owned()));
        Self { who, sender: question.sender.to_owned(), origin: question.origin, told }
    }
}

#[derive(Debug)]
struct Remembered {
    /// The facts that the answers are for.
    facts: Option<Arc<PostfixFacts>>,
    answers: LruCache<Asked, (Instant, Answer)>,
    /// Faults of tables that were told of.
    said: BTreeSet<String>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(Postmap::default())
    }
}

impl<T: Tables> Resolver<T> {
    /// Resolves by these tables.
    pub fn new(tables: T) -> Self {
        let remembered = Remembered { facts: None, answers: LruCache::new(REMEMBERED_MAX), said: BTreeSet::new() };
        Self { tables, remembered: Mutex::new(remembered) }
    }

    /// Says where one recipient's mail goes.
    pub async fn resolve(&self, facts: Option<&Arc<PostfixFacts>>, question: Question<'_>) -> Resolution {
        let answer = self.resolve_all(facts, &[question]).await.pop();
        answer.unwrap_or_else(|| Resolution::Unknown("no answer".to_owned()))
    }

    /// Says where the mail of each goes, in their order. Runs nothing where main.cf has no tables.
    pub async fn resolve_all(&self, facts: Option<&Arc<PostfixFacts>>, questions: &[Question<'_>]) -> Vec<Resolution> {
        let unknown = |reason: &str| Resolution::Unknown(reason.to_owned());
        let Some(facts) = facts else {
            return vec![unknown("Postfix's configuration could not be read"); questions.len()];
        };
        if let Err(Unresolved(reason)) = follow::refuse_overrides(facts) {
            self.say(facts, std::iter::once(reason.as_str()));
            return vec![unknown(&reason); questions.len()];
        }
        let mut answers: Vec<Option<Resolution>> =
            questions.iter().map(|question| self.recall(facts, question)).collect();
        let deadline = Deadline::now() + TIME_MAX;
        let (mut lookups, mut late) = (Lookups::default(), false);
        for _ in 0..ROUNDS_MAX {
            let mut steps = 0;
            for (number, (question, answer)) in questions.iter().zip(&mut answers).enumerate() {
                if answer.is_some() {
                    continue;
                }
                if number % TURN == TURN - 1 {
                    yield_now().await;
                }
                match follow::follow(facts, &mut lookups, question, &mut steps) {
                    Err(Stop::Wanted) => {}
                    Err(Stop::Unresolved(Unresolved(reason))) => *answer = Some(Resolution::Unknown(reason)),
                    Ok(found) => {
                        self.remember(facts, question, &found);
                        *answer = Some(Resolution::Known(found));
                    }
                }
            }
            if answers.iter().all(Option::is_some) {
                break;
            }
            late = timeout_at(deadline, lookups.fetch(&self.tables, &facts.config_directory)).await.is_err();
            if late {
                break;
            }
        }
        self.say(facts, lookups.failures());
        let reason = match late {
            true => format!("took longer than {} s", TIME_MAX.as_secs()),
            false => format!("more than {ROUNDS_MAX} rounds of lookups"),
        };
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| unknown(&reason))).collect()
    }

    fn recall(&self, facts: &Arc<PostfixFacts>, question: &Question<'_>) -> Option<Resolution> {
        let mut remembered = self.lock();
        remembered.turn_to(facts);
        let (at, answer) = remembered.answers.get(&question.into())?;
        (at.elapsed() < LIFETIME).then(|| Resolution::Known(answer.clone()))
    }

    fn remember(&self, facts: &Arc<PostfixFacts>, question: &Question<'_>, answer: &Answer) {
        let mut remembered = self.lock();
        if remembered.facts.as_ref().is_some_and(|known| Arc::ptr_eq(known, facts)) {
            remembered.answers.put(question.into(), (Instant::now(), answer.clone()));
        }
    }

    /// Tells of what cannot be asked, once.
    fn say<'a>(&self, facts: &Arc<PostfixFacts>, faults: impl Iterator<Item = &'a str>) {
        for fault in faults {
            let is_new = {
                let mut remembered = self.lock();
                remembered.turn_to(facts);
                remembered.said.len() < SAID_MAX && remembered.said.insert(fault.to_owned())
            };
            if is_new {
                tracing::warn!(
                    "{fault}: whoever this may send mail on for counts as external, and all destinations are held to \
                     TLS while confidential mail to them is in the queue"
                );
            }
        }
    }

    /// A panic elsewhere leaves nothing half done in here: each change is one call.
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    /// What was found under other facts is forgotten.
    fn turn_to(&mut self, facts: &Arc<PostfixFacts>) {
        if !self.facts.as_ref().is_some_and(|known| Arc::ptr_eq(known, facts)) {
            self.answers.clear();
            self.said.clear();
            self.facts = Some(Arc::clone(facts));
        }
    }
}

#[cfg(test)]
mod tests;
