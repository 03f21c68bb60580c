//! End of message: content -> verdict -> decision -> pins on disk -> answer.

use super::{
    route::{Hop, Onward, Route},
    session::{Client, Message, Recipient},
    verdict_line::{VerdictLine, unread_line},
};
use crate::{
    config::Config,
    detect::Verdict,
    envelope::QueueId,
    level::{Category, Level},
    nexthop::Destination,
    policy::{
        decision::{self, Decision, Prospect, Way, decide},
        refusal::Refusal,
        vouched::vouched,
    },
    probe::{Assess, Report},
    requirement::Requirement,
    store::{Holder, Pin, PinStore, Scope},
};
use futures_util::future::join_all;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::IpAddr,
    sync::Arc,
    thread::Builder,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{Semaphore, oneshot},
    task::spawn_blocking,
    time::timeout,
};

/// The header that tagged mail bears.
pub const TAG: &str = "X-Segl";

/// The unit in which memory for reading is counted, in bytes.
const READ_UNIT: usize = 64 * 1024;

/// From how many bytes on a message is read in a thread that ends with it.
const OWN_THREAD_FROM: usize = 1024 * 1024;

/// How long a message may wait for memory to be read in; Postfix waits 300 s in all (`milter_content_timeout`).
const READ_WAIT: Duration = Duration::from_secs(180);

/// How much longer than `maximal_queue_lifetime` a pin lives at least: Postfix looks at a message's age when it is
/// tried, not in between.
pub const LIFETIME_MARGIN: Duration = Duration::from_secs(24 * 3600);

/// Reads a message and says what is in it.
pub trait Inspect: Send + Sync {
    /// Reads a whole message, header and body, until the deadline at the latest.
    fn inspect(&self, message: &[u8], deadline: Instant) -> Verdict;
}

/// What Postfix is told at the end of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Go on; add this tag, if any.
    Continue {
        /// The value of the `X-Segl` field.
        tag: Option<String>,
    },
    /// Refused, to every recipient.
    Refuse {
        /// The reply code.
        code: &'static str,
        /// The enhanced status code (RFC 3463).
        status: &'static str,
        /// The text, line by line.
        lines: Vec<String>,
    },
}

/// Everything that is needed to judge a message.
#[derive(Clone)]
pub struct Judge {
    /// The configuration of this moment.
    pub config: Arc<Config>,
    /// Reads and detects.
    pub inspect: Arc<dyn Inspect>,
    /// Knows destinations.
    pub assess: Arc<dyn Assess>,
    /// Keeps pins.
    pub pins: Arc<dyn PinStore>,
    /// Knows where Postfix sends mail.
    pub route: Arc<dyn Route>,
    /// Memory for messages being read; a permit is [`READ_UNIT`] bytes.
    pub reading: Arc<Semaphore>,
}

/// How many permits [`Judge::reading`] has for so many bytes.
pub fn reading_permits(bytes: usize) -> usize {
    bytes.div_ceil(READ_UNIT).clamp(1, u32::MAX as usize)
}

impl Judge {
    /// Whether a client's address is one of our own networks.
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.config.submitted.networks.iter().any(|network| network.contains(address))
    }

    /// Finds out where the mail of every recipient goes in the end.
    pub async fn follow(&self, message: &mut Message) {
        let followed = self.route.follow(&message.sender, &message.recipients).await;
        for (recipient, onward) in message.recipients.iter_mut().zip(followed.recipients) {
            recipient.onward = onward;
        }
        (message.copies, message.notices) = (followed.copies, followed.notices);
    }

    /// Whether all who get the message are known to be internal, so that the body need not be read.
    pub fn all_internal(&self, message: &Message) -> bool {
        !message.recipients.is_empty()
            && self.external(&message.recipients).next().is_none()
            && message.copies.iter().all(|way| self.stays_with_us(way))
    }

    fn is_ours(&self, domain: &str) -> bool {
        self.config.organisation.internal_domains.contains(domain)
    }

    fn external<'a>(&'a self, recipients: &'a [Recipient]) -> impl Iterator<Item = &'a Recipient> {
        recipients.iter().filter(move |recipient| !recipient.is_internal(|domain| self.is_ours(domain)))
    }

    /// Judges a message. Whatever fails on the way ends in a temporary refusal; in mode observe it is logged and
    /// the message passes, since nothing is held then anyway.
    pub async fn finish(&self, client: &Client, message: Message) -> Answer {
        let queue_id = message.queue_id.clone();
        match self.judge(client, message).await {
            Ok(answer) => answer,
            Err(reason) => {
                let name = queue_id.as_ref().map_or("unknown", QueueId::as_str);
                if decision::acts(self.config.mode) {
                    tracing::error!("{name}: action=tempfail reason=\"{reason}\"");
                    return temporary(name);
                }
                tracing::error!("{name}: action=accept mode=observe would=tempfail reason=\"{reason}\"");
                Answer::Continue { tag: None }
            }
        }
    }

    async fn judge(&self, client: &Client, message: Message) -> Result<Answer, String> {
        if message.internal {
            return Ok(Answer::Continue { tag: None });
        }
        if let Some(failed) = message.failed {
            return Err(failed);
        }
        let queue_id = message.queue_id.clone().ok_or("Postfix sent no queue ID (macro i)")?;
        let direction = message.direction(client, |address| self.is_own(address), |domain| self.is_ours(domain));
        let Message { recipients, copies, notices, content, sender, utf8, tls_not_required, .. } = message;

        let started = Instant::now();
        let verdict = self.read(content).await?;
        let scan = started.elapsed();
        let Some(rules) = decision::rules(&self.config.level, verdict.level) else {
            // Nearly every message has a picture in it.
            let unread = verdict.unreadable.iter().any(|part| !part.is_picture());
            if unread || !verdict.protected.is_empty() {
                let copies = copies.iter().filter(|way| !self.stays_with_us(way)).map(|way| way.domain.as_ref());
                let domains = self.external(&recipients).map(|recipient| recipient.domain.as_ref()).chain(copies);
                let domains = domains.map(|domain| domain.map_or("unknown", Destination::as_str)).collect();
                let (unreadable, protected) = (verdict.unreadable.len(), verdict.protected.len());
                tracing::info!("{}", unread_line(&queue_id, &domains, unreadable, protected, scan));
            }
            return Ok(Answer::Continue { tag: None });
        };
        let requirement = decision::requirement(rules);

        let external: Vec<&Recipient> = self.external(&recipients).collect();
        let onward = self.onward(&external, &copies)?;
        let prospects = self.prospects(&onward, requirement).await;
        let decision = decide(&self.config.level, verdict.level, direction, &prospects);
        let acts = decision::acts(self.config.mode);
        if decision == Decision::Untouched {
            return Ok(Answer::Continue { tag: None });
        }
        if acts && matches!(decision, Decision::Accept { .. }) {
            // No pin would hold it: Postfix asks for no policy then. It is the administrator who has to change that.
            if tls_not_required && self.route.heeds_tls_required_no()? {
                return Err(
                    "its header TLS-Required: no would lift every TLS policy: set tls_required_enable = no in \
                            main.cf"
                        .to_owned(),
                );
            }
            let returns = self.returns(&sender, notices).await;
            self.pin(&queue_id, requirement, &external, &onward, returns, &verdict).await?;
        }

        let categories: Vec<Category> = verdict.categories.iter().copied().collect();
        let addresses: Vec<&str> = external.iter().map(|recipient| recipient.address.as_str()).collect();
        let line = VerdictLine {
            queue_id: &queue_id,
            level: verdict.level,
            categories: &categories,
            direction,
            prospects: &prospects,
            // Where only copies go out, their domains tell more.
            addresses: (self.config.log.addresses && !addresses.is_empty()).then_some(&addresses),
            requirement,
            decision: &decision,
            acts,
            unreadable: verdict.unreadable.len(),
            protected: verdict.protected.len(),
            scan,
        };
        tracing::info!("{}", line.text());

        Ok(match decision {
            Decision::Reject { .. } | Decision::Defer { .. } if acts => {
                self.refusal(&decision, verdict.level, &categories, utf8, queue_id.as_str())
            }
            _ => Answer::Continue { tag: self.tag(requirement, verdict.level, &categories) },
        })
    }

    /// Reads the content in a thread of its own, where a panic costs this message alone.
    async fn read(&self, content: super::content::Content) -> Result<Verdict, String> {
        if content.too_large() {
            return Ok(self.too_large(content.len()));
        }
        let needed = self.config.detect.memory_to_read(content.len(), self.config.documents.text);
        let permits = reading_permits(needed).min(reading_permits(self.config.detect.read_memory));
        let permits = u32::try_from(permits).map_err(|_| "more memory than can be counted")?;
        let memory = timeout(READ_WAIT, Arc::clone(&self.reading).acquire_many_owned(permits));
        let memory =
            memory.await.map_err(|_| "no memory to read the message in")?.map_err(|error| error.to_string())?;
        let inspect = Arc::clone(&self.inspect);
        let deadline = Instant::now() + self.config.detect.max_time;
        let is_large = content.len() >= OWN_THREAD_FROM;
        let read = move || {
            let _memory = memory;
            content.into_bytes().map(|bytes| inspect.inspect(&bytes, deadline))
        };
        let verdict = if is_large {
            // The allocator gives memory back to the system when the thread ends that took it.
            let (answer, verdict) = oneshot::channel();
            let thread = Builder::new().name("reading".to_owned()).spawn(move || drop(answer.send(read())));
            thread.map_err(|error| format!("a thread to read the message in: {error}"))?;
            verdict.await.ok()
        } else {
            spawn_blocking(read).await.ok()
        };
        match verdict {
            Some(Ok(verdict)) => Ok(verdict),
            Some(Err(error)) => Err(format!("spool: {error}")),
            None => Err("reading the message panicked; please report this".to_owned()),
        }
    }

    /// A message that is larger than what is read cannot be vouched for: it is confidential.
    fn too_large(&self, length: usize) -> Verdict {
        let reason = format!("limit: {length} bytes, [detect] max-message is {}", self.config.detect.max_message);
        let mut verdict = Verdict {
            unreadable: vec![crate::message::Unreadable { place: "message".to_owned(), reason }],
            ..Verdict::default()
        };
        verdict.count_unread(&self.config.detect);
        verdict
    }

    /// Where the mail of external recipients goes, and copies of it; what stays with us is left out.
    fn onward(&self, recipients: &[&Recipient], copies: &[Onward]) -> Result<Vec<Onward>, String> {
        if recipients.iter().any(|recipient| recipient.onward.is_empty()) {
            return Err("it is not known where mail goes".to_owned());
        }
        let (mut seen, mut onward) = (HashSet::new(), Vec::new());
        for way in recipients.iter().flat_map(|recipient| &recipient.onward).chain(copies) {
            if !self.stays_with_us(way) && seen.insert(way) {
                onward.push(way.clone());
            }
        }
        Ok(onward)
    }

    /// Where a notice of non-delivery goes, which no milter sees and which holds the message: to a sender who is not
    /// one of our own people, or has an alias, and to the owners of aliases.
    async fn returns(&self, sender: &str, notices: Vec<Onward>) -> BTreeSet<Scope> {
        let mut ways = notices;
        if !sender.is_empty() {
            ways.extend(self.route.notice_to(sender).await);
        }
        let mut scopes = BTreeSet::new();
        for way in ways {
            let Onward { domain, hop } = way;
            match hop {
                Hop::Unresolved { .. } => drop(scopes.insert(Scope::Everywhere)),
                _ if domain.as_ref().is_some_and(|domain| self.is_ours(domain.as_str())) => continue,
                Hop::Smtp(destinations) => scopes.extend(destinations.into_iter().map(Scope::from)),
                Hop::Stays | Hop::Uncontrolled { .. } => {}
            }
            scopes.extend(domain.map(Scope::from));
        }
        scopes
    }

    fn stays_with_us(&self, way: &Onward) -> bool {
        way.is_internal(|domain| self.is_ours(domain))
    }

    /// Asks about every next-hop at once, within the reply budget.
    async fn prospects(&self, onward: &[Onward], requirement: Requirement) -> Vec<Prospect> {
        let wanted: BTreeSet<&Destination> = onward
            .iter()
            .filter_map(|way| match &way.hop {
                Hop::Smtp(destinations) => Some(destinations),
                _ => None,
            })
            .flatten()
            .collect();
        let budget = self.config.probe.reply_budget;
        let asked = wanted
            .into_iter()
            .map(|destination| async move { (destination, self.assess(destination, requirement, budget).await) });
        let reports: BTreeMap<_, _> = join_all(asked).await.into_iter().collect();
        let way = |hop: &Hop| match hop {
            Hop::Stays => Way::Stays,
            Hop::Uncontrolled { reason } => Way::Uncontrolled { reason: reason.clone() },
            Hop::Unresolved { reason } => Way::Unresolved { reason: reason.clone() },
            Hop::Smtp(destinations) => {
                Way::Smtp(destinations.iter().filter_map(|d| Some((d.clone(), Arc::clone(reports.get(d)?)))).collect())
            }
        };
        let name = |domain: &Option<Destination>| domain.as_ref().map_or("unknown".to_owned(), Destination::to_string);
        onward.iter().map(|one| Prospect { domain: name(&one.domain), way: way(&one.hop) }).collect()
    }

    /// What a destination can do, by the administrator's word or by a probe.
    async fn assess(&self, destination: &Destination, requirement: Requirement, budget: Duration) -> Arc<Report> {
        match vouched(&self.config.destinations, destination, requirement) {
            Some(report) => Arc::new(report),
            None => self.assess.assess(destination, budget).await,
        }
    }

    /// Pins every key under which Postfix may ask for this message's sake: next-hops, recipient domains (a route
    /// may change while it waits), fallback relays, the way back to its sender; and everything where the way could not
    /// be told.
    async fn pin(
        &self,
        queue_id: &QueueId,
        requirement: Requirement,
        recipients: &[&Recipient],
        onward: &[Onward],
        returns: BTreeSet<Scope>,
        verdict: &Verdict,
    ) -> Result<(), String> {
        let mut scopes = returns;
        scopes.extend(self.route.fallback_relays()?.into_iter().map(Scope::from));
        let domains = recipients.iter().map(|recipient| &recipient.domain).chain(onward.iter().map(|way| &way.domain));
        scopes.extend(domains.map(|domain| domain.clone().map_or(Scope::Everywhere, Scope::from)));
        for way in onward {
            match &way.hop {
                Hop::Smtp(destinations) => scopes.extend(destinations.iter().cloned().map(Scope::from)),
                Hop::Unresolved { .. } => drop(scopes.insert(Scope::Everywhere)),
                Hop::Stays | Hop::Uncontrolled { .. } => {}
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| "the clock stands before 1970")?;
        let created = i64::try_from(now.as_millis()).map_err(|error| error.to_string())?;
        let until = now + self.config.store.pin_lifetime.max(self.route.queue_lifetime()? + LIFETIME_MARGIN);
        let until = i64::try_from(until.as_secs()).map_err(|error| error.to_string())?;
        let pin = |scope| Pin {
            scope,
            holder: Holder::Message(queue_id.clone()),
            requirement,
            level: verdict.level,
            categories: verdict.categories.iter().copied().collect(),
            created,
            until,
            seen: false,
        };
        self.pins.pin(scopes.into_iter().map(pin).collect()).await.map_err(|error| error.to_string())
    }

    fn tag(&self, requirement: Requirement, level: Level, categories: &[Category]) -> Option<String> {
        let log = &self.config.log;
        if !log.header {
            return None;
        }
        let mut tag = format!("require={requirement}");
        if log.header_categories {
            let categories: Vec<_> = categories.iter().map(|category| category.as_str()).collect();
            tag.push_str(&format!("; level={level}; categories={}", categories.join(",")));
        }
        Some(tag)
    }

    fn refusal(
        &self,
        decision: &Decision,
        level: Level,
        categories: &[Category],
        utf8: bool,
        reference: &str,
    ) -> Answer {
        let (permanent, unmet, unknown): (bool, &[_], &[_]) = match decision {
            Decision::Reject { unmet, .. } => (true, unmet, &[]),
            Decision::Defer { unmet, unknown, .. } => (false, unmet, unknown),
            Decision::Untouched | Decision::Accept { .. } => return Answer::Continue { tag: None },
        };
        let organisation = &self.config.organisation;
        let named = if organisation.name_the_kind { categories } else { &[] };
        let refusal = Refusal {
            language: organisation.language,
            utf8,
            level,
            categories: named,
            permanent,
            unmet,
            unknown,
            reference,
            contact: &organisation.contact,
        };
        let (code, status) = if permanent { ("550", "5.7.10") } else { ("450", "4.7.10") };
        Answer::Refuse { code, status, lines: refusal.lines() }
    }
}

/// The temporary refusal for whatever failed inside.
pub fn temporary(reference: &str) -> Answer {
    let lines = vec![format!("Segl cannot check this message now, try again later. Ref {reference}")];
    Answer::Refuse { code: "451", status: "4.3.0", lines }
}
