//! When a pin goes: when its message has left the queue, and never while it is there.
//!
//! The queue listing decides wherever it can be had; the log makes it quicker, and decides alone only where the
//! queue cannot be read. Where neither can be read a pin goes when its time is up, which is longer than mail can
//! stay in the queue. What the listing does not show is not yet gone ([`super::queue`]), hence the counting and
//! waiting here. [`decide`] is all of the reasoning; [`run`] carries out what it says.

use super::{
    maillog::{LogEvent, Removal, Requeue},
    queue::{QueueEntry, QueueList, QueueName},
};
use crate::{
    envelope::QueueId,
    store::{Departed, Holder, Pin, PinStore, Sighted, StoreError},
};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::mpsc;

/// How many complete listings in a row must lack a message before it counts as gone. One may lack it while it moves
/// between queues; at ten seconds from one to the next, no retry schedule makes it do so three times running.
pub const ABSENT_LISTINGS: u32 = 3;

/// How long a message that was never seen in the queue may still be on its way into it: other milters may each take
/// `milter_content_timeout` (300 s) after us.
pub const ENTERING_MAX: Duration = Duration::from_secs(900);

/// How long a message that vanished from delivery, with no word of it in a log that tells of others, may still be in
/// delivery: postsuper(1) deletes the file and not the connection that is being made.
pub const DELIVERING_MAX: Duration = Duration::from_secs(900);

/// How long the queue must have been unreadable without a break before a pin lapses by its time, so that a clock set
/// wrong at boot loosens nothing.
pub const UNREADABLE_MIN: Duration = Duration::from_secs(3600);

/// How long the log must have gone on without the beginning of another message of that queue ID, until a removal that
/// it tells of in the second of the pins is believed of theirs; longer than any log daemon keeps a line.
pub const SETTLES: Duration = Duration::from_secs(10);

/// How much a pin's time may run down before it is written anew while its message is in the queue.
const EXTEND_AFTER: i64 = 3600;

/// How often the warning that nothing can be read is repeated.
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// Log events taken at once.
const EVENTS_MAX: usize = 10_000;

/// Removals that are remembered, for those of notices that are told of later.
const REMOVALS_MAX: usize = 1000;

/// How long after a notice has left the queue bounce(8) may tell of it, in milliseconds. No queue ID comes twice so soon.
const TOLD_LATE: i64 = 10_000;

/// A moment on both clocks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// Unix time in milliseconds.
    pub unix_ms: i64,
    /// Since some fixed moment, never set back.
    pub monotonic: Duration,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Moment;
}

/// The system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { unix_ms: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX), monotonic: self.0.elapsed() }
    }
}

/// What is known of one message that has pins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Known {
    /// When its pins were last written, Unix time in milliseconds.
    pub created: i64,
    /// When they lapse if nothing can be read, Unix time in seconds.
    pub until: i64,
    /// Whether it is known to have entered the queue, or to be past entering it.
    pub entered: bool,
    /// In which queue it was last listed by this process.
    pub last_queue: Option<QueueName>,
    /// For how long this process has known of it.
    pub known_for: Duration,
    /// How many complete listings in a row lacked it, of those begun when it had entered the queue or must have.
    pub absences: u32,
    /// For how long it has been lacking.
    pub absent_for: Duration,
    /// What the log said of it.
    pub removal: Option<Told>,
}

/// The log said that a message is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Told {
    /// Whether it is this message.
    pub certainty: Certainty,
    /// How many listings begun after that lacked it.
    pub absences: u32,
    /// How long ago that was read.
    pub ago: Duration,
}

/// Whether a line of the log speaks of this message and no earlier one with the same queue ID.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Certainty {
    /// It was written after the pins.
    Certain,
    /// It was written in the very second in which the pins were; most mail leaves as soon. A message before it with the
    /// same queue ID had left by then only if the log tells of the new one's beginning later on.
    SameSecond,
    /// Its time does not tell.
    Possible,
}

/// What can be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sources {
    /// `None` when the last listing was complete, else for how long there has been none.
    pub queue_unreadable_for: Option<Duration>,
    /// Whether the log can be read and has told of some message's removal.
    pub log_speaks: bool,
}

/// Why pins go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The log says that the message is gone.
    Log,
    /// The queue does not have it any more.
    Queue,
    /// It never came into the queue.
    NeverQueued,
    /// Nothing can be read, and its time is up.
    Lapsed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Log => "removed",
            Self::Queue => "left-queue",
            Self::NeverQueued => "never-queued",
            Self::Lapsed => "lapsed",
        })
    }
}

/// Whether the pins of a message go, and why.
pub fn decide(message: &Known, sources: Sources, now: Moment) -> Option<Reason> {
    let Some(unreadable_for) = sources.queue_unreadable_for else {
        return by_listing(message, sources.log_speaks);
    };
    match message.removal {
        Some(Told { certainty: Certainty::Certain, .. }) => return Some(Reason::Log),
        Some(Told { certainty: Certainty::SameSecond, ago, .. }) if sources.log_speaks && ago >= SETTLES => {
            return Some(Reason::Log);
        }
        _ => {}
    }
    let lapsed = now.unix_ms / 1000 >= message.until && unreadable_for >= UNREADABLE_MIN;
    lapsed.then_some(Reason::Lapsed)
}

fn by_listing(message: &Known, log_speaks: bool) -> Option<Reason> {
    if let Some(Told { certainty, absences, .. }) = message.removal {
        let enough = if certainty == Certainty::Certain { 1 } else { ABSENT_LISTINGS };
        if absences >= enough {
            return Some(Reason::Log);
        }
    }
    if message.absences < ABSENT_LISTINGS {
        return None;
    }
    if !message.entered {
        return (message.known_for >= ENTERING_MAX).then_some(Reason::NeverQueued);
    }
    let in_delivery = matches!(message.last_queue, Some(QueueName::Active | QueueName::Incoming));
    if in_delivery && log_speaks && message.absent_for < DELIVERING_MAX {
        return None;
    }
    Some(Reason::Queue)
}

/// One message under watch.
#[derive(Debug)]
struct Watch {
    created: i64,
    until: i64,
    scopes: Vec<String>,
    entered: bool,
    seen_on_disk: bool,
    last_queue: Option<QueueName>,
    known_since: Duration,
    absences: u32,
    absent_since: Option<Duration>,
    removal: Option<Removed>,
}

/// [`Told`], with the moment in place of the time since.
#[derive(Clone, Copy, Debug)]
struct Removed {
    certainty: Certainty,
    absences: u32,
    read: Duration,
}

/// Everything that is known of the messages that have pins.
#[derive(Debug)]
struct Tracker {
    messages: HashMap<QueueId, Watch>,
    lifetime: Duration,
    log_readable: bool,
    log_told: bool,
    queue_read: bool,
    queue_unreadable_since: Option<Duration>,
}

/// What is to be done.
#[derive(Debug, Default, Eq, PartialEq)]
struct Steps {
    sighted: Vec<Sighted>,
    departed: Vec<(Departed, Reason)>,
}

impl Tracker {
    fn new(lifetime: Duration) -> Self {
        Self {
            messages: HashMap::new(),
            lifetime,
            log_readable: false,
            log_told: false,
            queue_read: false,
            queue_unreadable_since: None,
        }
    }

    /// Takes over the pins as they are now. What was known of a message of which the pins are newer is forgotten: it
    /// may be another message with the same queue ID.
    fn pins(&mut self, pins: &[Pin], now: Moment) {
        let mut found: HashMap<QueueId, Watch> = HashMap::new();
        for pin in pins {
            let Holder::Message(queue_id) = &pin.holder else { continue };
            let watch = found.entry(queue_id.clone()).or_insert_with(|| Watch {
                created: pin.created,
                until: pin.until,
                scopes: Vec::new(),
                entered: true,
                seen_on_disk: true,
                last_queue: None,
                known_since: now.monotonic,
                absences: 0,
                absent_since: None,
                removal: None,
            });
            watch.created = watch.created.max(pin.created);
            watch.until = watch.until.max(pin.until);
            watch.seen_on_disk &= pin.seen;
            watch.entered = watch.seen_on_disk;
            watch.scopes.push(pin.scope.to_string());
        }
        for (queue_id, watch) in &mut found {
            if let Some(known) = self.messages.remove(queue_id)
                && known.created == watch.created
            {
                *watch = Watch {
                    until: watch.until,
                    scopes: std::mem::take(&mut watch.scopes),
                    seen_on_disk: watch.seen_on_disk,
                    entered: known.entered || watch.entered,
                    ..known
                };
            }
        }
        self.messages = found;
    }

    fn log(&mut self, event: &LogEvent, now: Moment) {
        match event {
            LogEvent::Readable(readable) => self.log_readable = *readable,
            LogEvent::Removed(removal) => self.removed(removal, now),
            LogEvent::Began(queue_id) => {
                let uncertain = |told: &Removed| told.certainty != Certainty::Certain;
                if let Some(watch) = self.messages.get_mut(queue_id)
                    && watch.removal.as_ref().is_some_and(uncertain)
                {
                    // It was said of the message before this one.
                    watch.removal = None;
                }
            }
            // Its pins are another message's now, and have been written.
            LogEvent::Requeued(_) => {}
        }
    }

    fn removed(&mut self, removal: &Removal, now: Moment) {
        self.log_told = true;
        let Some(watch) = self.messages.get_mut(&removal.queue_id) else { return };
        let certainty = if removal.earliest > watch.created {
            Certainty::Certain
        } else if removal.latest < watch.created {
            // It speaks of an earlier message.
            return;
        } else if removal.latest.saturating_sub(removal.earliest) <= 1000 {
            Certainty::SameSecond
        } else {
            Certainty::Possible
        };
        match &mut watch.removal {
            Some(told) if told.certainty != Certainty::Certain => told.certainty = certainty,
            Some(_) => {}
            unknown => *unknown = Some(Removed { certainty, absences: 0, read: now.monotonic }),
        }
    }

    /// The transaction that brought this message is over, so that cleanup(8) has queued it or thrown it away.
    fn settled(&mut self, queue_id: &QueueId) {
        if let Some(watch) = self.messages.get_mut(queue_id) {
            watch.entered = true;
        }
    }

    /// Takes over a listing that was begun at `began` and asked for `asked`; `None` when there was none.
    fn listing(&mut self, asked: &HashSet<QueueId>, listing: Option<&[QueueEntry]>, began: Moment) {
        let Some(entries) = listing else {
            self.queue_read = false;
            self.queue_unreadable_since.get_or_insert(began.monotonic);
            return;
        };
        self.queue_read = true;
        self.queue_unreadable_since = None;
        let present: HashMap<_, _> = entries.iter().map(|entry| (&entry.queue_id, entry.queue_name)).collect();
        for (queue_id, watch) in self.messages.iter_mut().filter(|(queue_id, _)| asked.contains(*queue_id)) {
            match present.get(queue_id) {
                Some(queue_name) => {
                    watch.entered = true;
                    watch.last_queue = Some(*queue_name);
                    watch.absences = 0;
                    watch.absent_since = None;
                    // It is there, whatever the log says.
                    if let Some(told) = &mut watch.removal {
                        told.absences = 0;
                    }
                }
                None => {
                    let known_for = began.monotonic.saturating_sub(watch.known_since);
                    // Before it can be there its absence proves nothing.
                    if watch.entered || known_for >= ENTERING_MAX {
                        watch.absences += 1;
                        watch.absent_since.get_or_insert(began.monotonic);
                    }
                    if let Some(told) = &mut watch.removal {
                        told.absences += 1;
                    }
                }
            }
        }
    }

    fn known(watch: &Watch, now: Moment) -> Known {
        Known {
            created: watch.created,
            until: watch.until,
            entered: watch.entered,
            last_queue: watch.last_queue,
            known_for: now.monotonic.saturating_sub(watch.known_since),
            absences: watch.absences,
            absent_for: watch.absent_since.map_or(Duration::ZERO, |since| now.monotonic.saturating_sub(since)),
            removal: watch.removal.map(|Removed { certainty, absences, read }| Told {
                certainty,
                absences,
                ago: now.monotonic.saturating_sub(read),
            }),
        }
    }

    fn steps(&self, now: Moment) -> Steps {
        let unreadable_for = self.queue_unreadable_since.map(|since| now.monotonic.saturating_sub(since));
        let sources = Sources {
            // Before the first listing nothing is known of the queue.
            queue_unreadable_for: if self.queue_read { None } else { Some(unreadable_for.unwrap_or_default()) },
            log_speaks: self.log_readable && self.log_told,
        };
        let mut steps = Steps::default();
        let until = now.unix_ms / 1000 + i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX / 2000);
        for (queue_id, watch) in &self.messages {
            let as_of = watch.created;
            if let Some(reason) = decide(&Self::known(watch, now), sources, now) {
                steps.departed.push((Departed { queue_id: queue_id.clone(), as_of }, reason));
            } else if self.queue_read
                && watch.absences == 0
                && watch.last_queue.is_some()
                && (!watch.seen_on_disk || watch.until < until - EXTEND_AFTER)
            {
                steps.sighted.push(Sighted { queue_id: queue_id.clone(), as_of, until });
            }
        }
        steps
    }

    /// Whether the log told of a message that the next listing can confirm.
    fn waits_for_listing(&self) -> bool {
        let waits = |told: Removed| told.certainty == Certainty::Certain && told.absences == 0;
        self.messages.values().any(|watch| watch.removal.is_some_and(waits))
    }
}

/// How often what is done.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often events are looked at.
    pub tick: Duration,
    /// From the end of one listing to the start of the next.
    pub listing: Duration,
    /// The same where the log told of a pinned message.
    pub hurried_listing: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { tick: Duration::from_secs(1), listing: Duration::from_secs(10), hurried_listing: Duration::from_secs(2) }
    }
}

/// What the release task is told from outside.
pub struct Tidings {
    /// What comes of following the mail log ([`super::maillog::follow`]).
    pub log: mpsc::Receiver<LogEvent>,
    /// Messages of which the SMTP transaction is over: the milter connection that brought them has gone on to
    /// something else, or closed, after its end-of-message was answered. Postfix has then queued the message or
    /// thrown it away (`src/smtpd/smtpd.c` waits for cleanup(8)), so that it need not be seen to be known as gone.
    pub settled: mpsc::Receiver<QueueId>,
}

/// The pins of requeued messages under their new queue IDs, and of notices under theirs. The old ones go as the old queue ID leaves the queue.
fn moved(pins: &[Pin], requeues: &[Requeue]) -> Vec<Pin> {
    let mut moved: Vec<Pin> = Vec::new();
    for Requeue { old, new, earliest } in requeues {
        let of_old = pins.iter().chain(&moved).filter(|pin| pin.holder.message() == Some(old));
        // Before it was said, so that a word of its removal in the same second is not taken for one of an earlier message;
        // no queue ID comes twice in a second.
        let renamed = of_old.cloned().map(|pin| Pin {
            holder: Holder::Message(new.clone()),
            created: pin.created.max(earliest.saturating_sub(1)),
            seen: false,
            ..pin
        });
        let renamed: Vec<Pin> = renamed.collect();
        moved.extend(renamed);
    }
    moved
}

struct Task<Q, C> {
    store: Arc<dyn PinStore>,
    queue: Q,
    clock: C,
    pace: Pace,
    tracker: Tracker,
    /// Those whose pins are not yet on disk under the new queue ID.
    requeues: Vec<Requeue>,
    /// The last removals, the newest last: bounce(8) may tell of a notice after it has left the queue.
    removals: VecDeque<Removal>,
    next_listing: Duration,
    not_before: Duration,
    warned: Option<Duration>,
    complained: bool,
}

/// Releases pins until `shutdown` is ready. `lifetime` is how long a pin lives where nothing can be read
/// (`[store] pin-lifetime`, longer than Postfix's `maximal_queue_lifetime`).
pub async fn run(
    store: Arc<dyn PinStore>,
    queue: impl QueueList,
    clock: impl Clock,
    lifetime: Duration,
    pace: Pace,
    mut tidings: Tidings,
    shutdown: impl Future<Output = ()>,
) {
    let mut task = Task {
        store,
        queue,
        clock,
        pace,
        tracker: Tracker::new(lifetime),
        requeues: Vec::new(),
        removals: VecDeque::new(),
        next_listing: Duration::ZERO,
        not_before: Duration::ZERO,
        warned: None,
        complained: false,
    };
    tokio::pin!(shutdown);
    let (mut log, mut settled) = (Vec::new(), Vec::new());
    loop {
        let work = async {
            tokio::time::sleep(task.pace.tick).await;
            while log.len() < EVENTS_MAX
                && let Ok(event) = tidings.log.try_recv()
            {
                log.push(event);
            }
            while settled.len() < EVENTS_MAX
                && let Ok(queue_id) = tidings.settled.try_recv()
            {
                settled.push(queue_id);
            }
            task.tick(&log, &settled).await?;
            // Not before: where the store could not be read or written they are taken once more, which changes nothing.
            log.clear();
            settled.clear();
            Ok(())
        };
        tokio::select! {
            () = &mut shutdown => return,
            outcome = work => task.report(outcome),
        }
    }
}

impl<Q: QueueList, C: Clock> Task<Q, C> {
    async fn tick(&mut self, log: &[LogEvent], settled: &[QueueId]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let due = now.monotonic >= self.next_listing;
        let mut gone_before = Vec::new();
        for event in log {
            match event {
                LogEvent::Requeued(requeue) => {
                    let since = requeue.earliest.saturating_sub(TOLD_LATE);
                    // Where the time is in doubt, it may have been another message of that queue ID.
                    let is_it = |removal: &&Removal| removal.queue_id == requeue.new && removal.latest >= since;
                    let gone = self.removals.iter().rev().find(is_it).filter(|_| requeue.earliest > i64::MIN);
                    let earliest = gone.map_or(requeue.earliest, |gone| gone.earliest.min(requeue.earliest));
                    self.requeues.push(Requeue { earliest, ..requeue.clone() });
                    gone_before.extend(gone.cloned());
                }
                LogEvent::Removed(removal) => {
                    if self.removals.len() == REMOVALS_MAX {
                        self.removals.pop_front();
                    }
                    self.removals.push_back(removal.clone());
                }
                LogEvent::Readable(_) | LogEvent::Began(_) => {}
            }
        }
        let quiet = log.is_empty() && settled.is_empty() && self.requeues.is_empty();
        // What the log told of may have come too soon after the last listing: it is looked for now.
        if !due && !self.hurried(now) && quiet {
            return Ok(());
        }
        // After the events, so that the pin of each is known: it was written before Postfix had the message.
        let mut pins = self.store.list().await?;
        let moved = moved(&pins, &self.requeues);
        if !moved.is_empty() {
            self.store.pin(moved).await?;
            for Requeue { old, new, .. } in &self.requeues {
                tracing::info!("{old}: goes on as {new}");
            }
            pins = self.store.list().await?;
        }
        self.requeues.clear();
        self.tracker.pins(&pins, now);
        for queue_id in settled {
            self.tracker.settled(queue_id);
        }
        for event in log {
            self.tracker.log(event, now);
        }
        for removal in &gone_before {
            self.tracker.removed(removal, now);
        }
        if (due || self.hurried(now)) && !self.tracker.messages.is_empty() {
            self.list().await;
        }
        let now = self.clock.now();
        let steps = self.tracker.steps(now);
        if !steps.sighted.is_empty() {
            self.store.sighted(steps.sighted).await?;
        }
        if !steps.departed.is_empty() {
            let departed = steps.departed.iter().map(|(departed, _)| departed.clone()).collect();
            self.store.release(departed).await?;
            for (departed, reason) in steps.departed {
                if let Some(watch) = self.tracker.messages.remove(&departed.queue_id) {
                    let destinations = watch.scopes.join(",");
                    tracing::info!("{}: released destinations={destinations} reason={reason}", departed.queue_id);
                }
            }
        }
        Ok(())
    }

    /// Whether a listing is to be made before its time.
    fn hurried(&self, now: Moment) -> bool {
        self.tracker.waits_for_listing() && now.monotonic >= self.not_before
    }

    async fn list(&mut self) {
        let asked: HashSet<QueueId> = self.tracker.messages.keys().cloned().collect();
        let began = self.clock.now();
        let listing = self.queue.list(asked.clone()).await;
        self.tracker.listing(&asked, listing.as_deref().ok(), began);
        let ended = self.clock.now().monotonic;
        // A long queue is listed less often, so as not to keep the disk busy with it.
        let took = ended.saturating_sub(began.monotonic);
        self.next_listing = ended + self.pace.listing.max(2 * took);
        self.not_before = ended + self.pace.hurried_listing.max(2 * took);
        match listing {
            Ok(_) => self.warned = None,
            Err(error) => self.warn(&error.to_string(), ended),
        }
    }

    fn warn(&mut self, error: &str, now: Duration) {
        if self.warned.is_some_and(|warned| now < warned + WARN_EVERY) {
            return;
        }
        self.warned = Some(now);
        let instead = if self.tracker.log_readable {
            "pins are released by the mail log alone"
        } else {
            "nor is there a mail log to read: pins stay until their time is up ([store] pin-lifetime)"
        };
        tracing::warn!("cannot read Postfix's queue: {error}; {instead}");
    }

    fn report(&mut self, outcome: Result<(), StoreError>) {
        match outcome {
            Ok(()) => self.complained = false,
            // The store says so itself; this once is for what it means.
            Err(error) if !self.complained => {
                self.complained = true;
                tracing::warn!("no pins are released for now: {error}");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
