//! All workers of the program: at most so many at once, kept warm, replaced when they die or have served long enough.

use super::{
    Settings,
    child::{Broken, NotReady, Worker},
    picture::Pictures,
    protocol::End,
};
use crate::{
    message::{Attachment, ReadAttachment, Reading, Stop},
    printable::Printable,
};
use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Requests that one worker serves: whatever a file did to it unseen does not last.
const REQUESTS_MAX: usize = 200;

/// How long a worker waits for the next request before it is ended.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// How often idle workers are looked at.
const IDLE_LOOK: Duration = Duration::from_secs(10);

/// How long nothing is tried after a worker could not be started.
const REFUSAL_LIFETIME: Duration = Duration::from_secs(5);

/// The workers. Dropping it ends them.
#[derive(Debug)]
pub struct Pool {
    settings: Settings,
    places: Mutex<Places>,
    freed: Condvar,
    idle: Arc<Mutex<Vec<Worker>>>,
    health: Mutex<Health>,
    /// Only its end tells the keeper to end.
    orders: Option<Sender<Order>>,
    keeper: Option<JoinHandle<()>>,
}

/// Places of messages that have attachments read, given in the order in which they were asked for.
#[derive(Debug)]
struct Places {
    free: usize,
    waiting: VecDeque<u64>,
    next: u64,
}

/// Whether workers start.
#[derive(Debug, Default)]
enum Health {
    #[default]
    Unknown,
    Good,
    Refused {
        since: Instant,
        reason: String,
    },
}

/// A worker is wanted.
type Order = SyncSender<io::Result<Worker>>;

/// A panic elsewhere leaves what these locks hold whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// Makes the pool. Workers are started when they are wanted.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let idle = Arc::new(Mutex::new(Vec::new()));
        let (orders, ordered) = mpsc::channel();
        let keeper = Keeper { settings: settings.clone(), ordered, idle: Arc::clone(&idle) };
        let keeper = thread::Builder::new().name("workers".to_owned()).spawn(move || keeper.run())?;
        Ok(Self {
            places: Mutex::new(Places { free: settings.workers.max(1), waiting: VecDeque::new(), next: 0 }),
            freed: Condvar::new(),
            idle,
            health: Mutex::default(),
            orders: Some(orders),
            keeper: Some(keeper),
            settings,
        })
    }

    /// How workers are run.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Reads the attachments of one message. It holds a place among the messages whose attachments are read from the
    /// first attachment on until it is dropped, and so bounds the text of attachments that is in memory: drop it when
    /// that text is.
    pub fn message(&self) -> MessageReader<'_> {
        MessageReader { pool: self, place: RefCell::new(None) }
    }

    /// Starts a worker before one is wanted, so that the log says at once where none can be.
    pub fn warm_up(&self) {
        if let Ok(worker) = self.worker(Instant::now() + Duration::from_secs(60)) {
            self.put_back(worker);
        }
    }

    /// Waits for a place; `None` when none is free in time.
    fn place(&self, deadline: Instant) -> Option<Place<'_>> {
        let mut places = lock(&self.places);
        let ticket = places.next;
        places.next += 1;
        places.waiting.push_back(ticket);
        loop {
            let is_next = places.free > 0 && places.waiting.front() == Some(&ticket);
            let left = deadline.saturating_duration_since(Instant::now());
            if is_next || left.is_zero() {
                places.waiting.retain(|other| *other != ticket);
                places.free -= usize::from(is_next);
                drop(places);
                self.freed.notify_all();
                return is_next.then(|| Place(self));
            }
            places = self.freed.wait_timeout(places, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A worker that is ready: an idle one, or a new one.
    fn worker(&self, deadline: Instant) -> Result<Worker, NotReady> {
        loop {
            // Whoever waited longest without work is the first to be ended, so take another.
            let Some(mut worker) = lock(&self.idle).pop() else { break };
            if worker.is_alive() {
                return Ok(worker);
            }
            tracing::warn!("documents: an idle reader has died; another is started");
        }
        if let Health::Refused { since, reason } = &*lock(&self.health)
            && since.elapsed() < REFUSAL_LIFETIME
        {
            return Err(NotReady::Refused(reason.clone()));
        }
        let result = self.fresh(deadline);
        let mut health = lock(&self.health);
        match (&result, &*health) {
            (Ok((_, landlock)), Health::Unknown | Health::Refused { .. }) => {
                let with = if *landlock { "seccomp and landlock" } else { "seccomp (this kernel has no landlock)" };
                tracing::info!("documents: attached files are read behind a fence of {with}");
                *health = Health::Good;
            }
            (Err(NotReady::Refused(reason)), was) => {
                if !matches!(was, Health::Refused { .. }) {
                    tracing::error!(
                        "documents: no reader can be started, so that attached files are not read and count as \
                         confidential: {}",
                        Printable(reason)
                    );
                }
                *health = Health::Refused { since: Instant::now(), reason: reason.clone() };
            }
            _ => {}
        }
        result.map(|(worker, _)| worker)
    }

    fn fresh(&self, deadline: Instant) -> Result<(Worker, bool), NotReady> {
        let gone = || NotReady::Refused("the thread that starts them has ended".to_owned());
        let (answer, answered) = mpsc::sync_channel(1);
        self.orders.as_ref().ok_or_else(gone)?.send(answer).map_err(|_| gone())?;
        let spawned = answered.recv().map_err(|_| gone())?;
        let mut worker = spawned.map_err(|error| NotReady::Refused(error.to_string()))?;
        let landlock = worker.ready(deadline)?;
        Ok((worker, landlock))
    }

    fn put_back(&self, worker: Worker) {
        lock(&self.idle).push(worker);
    }

    /// The processes of idle workers.
    #[cfg(test)]
    pub(super) fn idle(&self) -> Vec<u32> {
        lock(&self.idle).iter().map(Worker::id).collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(keeper) = self.keeper.take() {
            // It does not panic, and if it did, its workers would be gone all the same.
            let _ = keeper.join();
        }
    }
}

/// Starts workers. They die with the thread that started them, so that is one that lives as long as the pool; and they
/// die when the program is killed, since its threads do.
struct Keeper {
    settings: Settings,
    ordered: Receiver<Order>,
    idle: Arc<Mutex<Vec<Worker>>>,
}

impl Keeper {
    fn run(self) {
        loop {
            match self.ordered.recv_timeout(IDLE_LOOK) {
                // Who asked may have given up; the worker is then dropped, and ends.
                Ok(order) => drop(order.send(Worker::spawn(&self.settings.program))),
                Err(RecvTimeoutError::Timeout) => self.end_idle(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn end_idle(&self) {
        let (old, kept) = lock(&self.idle).drain(..).partition::<Vec<_>, _>(|worker| worker.since.elapsed() > IDLE_MAX);
        lock(&self.idle).extend(kept);
        drop(old);
    }
}

/// A place among the messages whose attachments are read.
#[derive(Debug)]
struct Place<'a>(&'a Pool);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.0.places).free += 1;
        self.0.freed.notify_all();
    }
}

/// Reads the attachments of one message.
#[derive(Debug)]
pub struct MessageReader<'a> {
    pool: &'a Pool,
    place: RefCell<Option<Place<'a>>>,
}

impl MessageReader<'_> {
    /// Takes a place, the first time. False where none is free in time.
    fn has_place(&self, deadline: Instant) -> bool {
        let mut place = self.place.borrow_mut();
        if place.is_none() {
            *place = self.pool.place(deadline);
        }
        place.is_some()
    }
}

impl ReadAttachment for MessageReader<'_> {
    fn read(&self, attachment: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Stop> {
        let place = attachment.place;
        let mut pictures = Pictures::new(self.pool.settings.pictures.as_ref());
        let deadline = reading.deadline();
        if !self.has_place(deadline) {
            reading.limit(place, "limit: time (waiting for a reader)".to_owned());
            return reading.clock(place);
        }
        let within = loop {
            let mut worker = match self.pool.worker(deadline) {
                Ok(worker) => worker,
                Err(NotReady::Late) => {
                    reading.limit(place, "limit: time (starting a reader)".to_owned());
                    return reading.clock(place);
                }
                Err(NotReady::Refused(reason)) => {
                    reading.unreadable(place, format!("limit: no reader can be started: {reason}"));
                    return Ok(());
                }
            };
            let was_idle = worker.requests > 0;
            match worker.read(attachment, reading, &mut pictures) {
                Ok(End { used, again, panicked }) => {
                    if let Some(location) = panicked {
                        tracing::error!("documents: a reader panicked at {}; please report this", Printable(&location));
                    }
                    if again && worker.requests < REQUESTS_MAX {
                        self.pool.put_back(worker);
                    }
                    break reading.spend(place, &used);
                }
                // It was about to end when it was chosen. A fresh one hears all.
                Err(Broken::Unheard(how)) if was_idle => {
                    tracing::warn!("documents: an idle reader died: {how}");
                    continue;
                }
                Err(broken) => {
                    // What died, or is not to be trusted any more, is not waited for.
                    drop(worker);
                    lament(place, broken, reading);
                    break Ok(());
                }
            }
        };
        pictures.read_kept(reading);
        within.and(reading.clock(place))
    }
}

/// Lists and logs why a file was not read to its end.
fn lament(place: &str, broken: Broken, reading: &mut Reading<'_>) {
    match broken {
        Broken::Late => reading.limit(place, "limit: time".to_owned()),
        Broken::Died(how) | Broken::Unheard(how) => {
            tracing::warn!("documents: a reader died: {how}");
            reading.unreadable(place, format!("limit: its reader died ({how})"));
        }
        Broken::Senseless(what) => {
            tracing::error!("documents: a reader's answer makes no sense ({what}), and it was ended");
            reading.unreadable(place, format!("limit: its reader's answer makes no sense ({what})"));
        }
        Broken::Unaskable(why) => reading.unreadable(place, format!("limit: it cannot be handed to a reader: {why}")),
    }
}
