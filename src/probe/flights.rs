//! What was found of destinations, remembered, and one inquiry at a time for each.
//!
//! Whoever asks waits no longer than the given budget; the flight goes on without, and its result is there for the next. A
//! flight that fails in any way, a panic included, lands as "unknown" and leaves nobody waiting.
//!
//! What is asked for is looked at again before it expires, while it is still told. When it has expired, it is told for a
//! while longer where that is no risk ([`Finding::outlives`]), and looked at meanwhile. What is not in memory is looked for on
//! the [`Shelf`] before anybody is asked.

use crate::nexthop::Destination;
use futures_util::future::BoxFuture;
use lru::LruCache;
use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout},
};

/// Flights that may wait for each one that is under way. A flood of made-up destinations gets no more memory than
/// this; those beyond it are "unknown" at once, and asked about again when they come again.
const WAITING_PER_SLOT: usize = 16;

/// The longest that something is told past its lifetime; no longer than that lifetime in any case.
const OUTLIVES_MAX: Duration = Duration::from_secs(3600);

/// Findings of which one copy serves all destinations where the same was found.
const SHARED: usize = 16;

/// In how many parts findings are remembered, where there may be many.
const PARTS: usize = 16;

/// From how many findings a part on.
const PARTS_FROM: usize = 64;

/// What can be found of a destination.
pub(super) trait Finding: Clone + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// A finding that says nothing but why nothing is known.
    fn unknown(reason: String, lifetime: Duration) -> Self;
    /// How long it may be believed, from when it was found.
    fn lifetime(&self) -> Duration;
    /// Whether it says anything of the destination.
    fn is_known(&self) -> bool;
    /// Whether it may be told a while longer than it is believed, since what it says keeps mail safe.
    fn outlives(&self) -> bool;
    /// After how long it is to be looked at again even where nobody asks for it.
    fn upkeep(&self) -> Option<Duration>;
    /// With what is carried on from what was found before, where nothing was found now.
    fn after(self, before: Option<&Self>) -> Self;
    /// What of it is kept in memory: all but what only people read.
    fn in_short(&self) -> Self;
    /// What of it outlives the program although it says nothing of the destination now.
    fn remains(&self, before: Option<&Self>) -> Option<Self>;
}

/// Told each time that more is known.
pub(super) type Progress<'a, T> = &'a (dyn Fn(T) + Send + Sync);

/// Looks at a destination; the seam at which flights are tested without a network.
pub(super) trait Inquire<T>: Send + Sync {
    /// Takes as long as it takes; whoever waits bounds it. `before` is what was found last, however long ago.
    fn inquire<'a>(
        &'a self,
        destination: &'a Destination,
        before: Option<Arc<T>>,
        progress: Progress<'a, T>,
    ) -> BoxFuture<'a, T>;
}

/// Where findings outlive the program.
pub(super) trait Shelf<T>: Send + Sync {
    /// What was found last, and how long it may be believed from now on; or why that cannot be read.
    fn find<'a>(&'a self, destination: &'a Destination) -> BoxFuture<'a, Result<Option<(T, Duration)>, String>>;
    /// Keeps a finding, in its own time.
    fn keep(&self, destination: &Destination, finding: &Arc<T>);
}

/// A shelf that keeps nothing.
pub(super) struct NoShelf;

impl<T> Shelf<T> for NoShelf {
    fn find<'a>(&'a self, _: &'a Destination) -> BoxFuture<'a, Result<Option<(T, Duration)>, String>> {
        Box::pin(async { Ok(None) })
    }

    fn keep(&self, _: &Destination, _: &Arc<T>) {}
}

/// Bounds of the flights of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Flights under way at once.
    pub(super) concurrency: usize,
    /// Findings remembered.
    pub(super) size: usize,
    /// How long one flight may take.
    pub(super) max_time: Duration,
    /// How long "unknown" is believed.
    pub(super) failure_lifetime: Duration,
}

/// Findings of one kind. Cheap to clone: clones share everything.
pub(super) struct Flights<T> {
    inner: Arc<Inner<T>>,
}

impl<T> Clone for Flights<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<T> {
    inquiry: Box<dyn Inquire<T>>,
    shelf: Box<dyn Shelf<T>>,
    remembered: Remembered<T>,
    /// Locked before what is remembered, where both are.
    flights: Mutex<UnderWay<T>>,
    slots: Semaphore,
    max_waiting: usize,
    bounds: Bounds,
}

type UnderWay<T> = HashMap<Destination, watch::Receiver<Flight<T>>>;

/// Findings, in parts that have a lock each: a lookup seldom waits for another one.
struct Remembered<T> {
    parts: Box<[Mutex<Part<T>>]>,
    hasher: RandomState,
    /// Of each part.
    size: usize,
    shared: Mutex<VecDeque<Arc<T>>>,
    began: Instant,
}

type Part<T> = LruCache<Destination, Known<T>>;

/// There may be millions of these.
struct Known<T> {
    finding: Arc<T>,
    until: Moment,
    /// When it is looked at again, if it is still asked for.
    again: Moment,
}

/// In microseconds since findings began to be remembered.
type Moment = u64;

/// How far a flight is.
struct Flight<T> {
    /// What was found last.
    before: Option<Arc<T>>,
    /// What is known while the flight is under way.
    so_far: Option<Arc<T>>,
    landed: Option<Arc<T>>,
}

/// What is remembered of a destination.
enum Memory<T> {
    /// It may be told.
    Told {
        finding: Arc<T>,
        look_again: bool,
    },
    /// It may not.
    Expired(Arc<T>),
    Nothing,
}

impl<T: Finding> Flights<T> {
    pub(super) fn new(inquiry: Box<dyn Inquire<T>>, shelf: Box<dyn Shelf<T>>, bounds: Bounds) -> Self {
        let concurrency = bounds.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            inner: Arc::new(Inner {
                inquiry,
                shelf,
                remembered: Remembered::new(bounds.size),
                flights: Mutex::new(HashMap::new()),
                slots: Semaphore::new(concurrency),
                max_waiting: concurrency.saturating_mul(1 + WAITING_PER_SLOT),
                bounds,
            }),
        }
    }

    /// What may be told of a destination now, without asking anybody. Where it is about to expire, or has, it is looked at
    /// again in the background.
    pub(super) fn cached(&self, destination: &Destination) -> Option<Arc<T>> {
        let Memory::Told { finding, look_again } = self.inner.remembered.recall(destination) else { return None };
        if look_again {
            let mut flights = lock(&self.inner.flights);
            // Not where one has landed in between.
            if !flights.contains_key(destination)
                && let Memory::Told { finding, look_again: true } = self.inner.remembered.recall(destination)
            {
                // Where there are too many flights the next to ask tries again.
                let _ = self.depart(&mut flights, destination, Some(finding));
            }
        }
        Some(finding)
    }

    /// What is known of a destination, or comes to be known within `budget`.
    pub(super) async fn ask(&self, destination: &Destination, budget: Duration) -> Arc<T> {
        let failure_lifetime = self.inner.bounds.failure_lifetime;
        let mut flight = match self.cached(destination) {
            Some(finding) => return finding,
            None => match self.board(destination) {
                Ok(flight) => flight,
                Err(finding) => return finding,
            },
        };
        let last = flight.clone();
        let failed = |reason: String| {
            let before = last.borrow().before.clone();
            Arc::new(T::unknown(reason, failure_lifetime).after(before.as_deref()))
        };
        let landing = async {
            let landed = flight.wait_for(|flight| flight.landed.is_some()).await.ok()?;
            landed.landed.clone()
        };
        match timeout(budget, landing).await {
            Ok(Some(finding)) => finding,
            Ok(None) => failed("the probe failed".to_owned()),
            Err(_) => {
                let so_far = flight.borrow().so_far.clone();
                so_far
                    .filter(|finding| finding.is_known())
                    .unwrap_or_else(|| failed(format!("no answer within {}", seconds(budget))))
            }
        }
    }

    /// Joins the flight to a destination, or starts one; `Err` with what is known already or cannot be asked now.
    fn board(&self, destination: &Destination) -> Result<watch::Receiver<Flight<T>>, Arc<T>> {
        let mut flights = lock(&self.inner.flights);
        if let Some(flight) = flights.get(destination) {
            return Ok(flight.clone());
        }
        let before = match self.inner.remembered.recall(destination) {
            // Landed in between.
            Memory::Told { finding, .. } => return Err(finding),
            Memory::Expired(finding) => Some(finding),
            Memory::Nothing => None,
        };
        self.depart(&mut flights, destination, before.clone()).ok_or_else(|| {
            let reason = "too many destinations are being asked about".to_owned();
            Arc::new(T::unknown(reason, Duration::ZERO).after(before.as_deref()))
        })
    }

    fn depart(
        &self,
        flights: &mut UnderWay<T>,
        destination: &Destination,
        before: Option<Arc<T>>,
    ) -> Option<watch::Receiver<Flight<T>>> {
        if flights.len() >= self.inner.max_waiting {
            return None;
        }
        let (sender, receiver) = watch::channel(Flight { before, so_far: None, landed: None });
        flights.insert(destination.clone(), receiver.clone());
        let seat = Seat { inner: self.inner.clone(), destination: destination.clone(), sender };
        tokio::spawn(seat.fly());
        Some(receiver)
    }

    #[cfg(test)]
    pub(super) fn free_slots(&self) -> usize {
        self.inner.slots.available_permits()
    }
}

/// No code that can panic runs under these locks, so what they guard is whole even when it is poisoned.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Finding> Remembered<T> {
    fn new(size: usize) -> Self {
        // What was longest unused is known in each part alone: of few findings, there is one.
        let parts = if size < PARTS * PARTS_FROM { 1 } else { PARTS };
        Self {
            // Its bound is kept in `remember`: a bounded one sets its memory aside at once.
            parts: std::iter::repeat_with(|| Mutex::new(LruCache::unbounded())).take(parts).collect(),
            hasher: RandomState::new(),
            size: size.max(1).div_ceil(parts),
            shared: Mutex::new(VecDeque::with_capacity(SHARED)),
            began: Instant::now(),
        }
    }

    fn part(&self, destination: &Destination) -> MutexGuard<'_, Part<T>> {
        let which = match self.parts.len() {
            1 => 0,
            parts => self.hasher.hash_one(destination) as usize % parts,
        };
        lock(&self.parts[which])
    }

    fn now(&self) -> Moment {
        micros(self.began.elapsed())
    }

    fn recall(&self, destination: &Destination) -> Memory<T> {
        let now = self.now();
        let mut part = self.part(destination);
        let Some(Known { finding, until, again }) = part.get(destination) else { return Memory::Nothing };
        let outlives = |finding: &T| finding.outlives() && now < until + micros(finding.lifetime().min(OUTLIVES_MAX));
        let told = now < *until || outlives(finding);
        let look_again = now >= *again;
        let finding = Arc::clone(finding);
        drop(part);
        if told { Memory::Told { finding, look_again } } else { Memory::Expired(finding) }
    }

    /// What was found, unless it is a failure and what was known before may still be believed.
    fn remember(&self, destination: &Destination, finding: &T, believed: Duration, failure_lifetime: Duration) {
        let is_known = finding.is_known();
        let shared = self.share(finding);
        let now = self.now();
        let mut part = self.part(destination);
        if !is_known
            && let Some(before) = part.get_mut(destination)
            && before.finding.is_known()
            && now < before.until
        {
            before.again = now.saturating_add(micros(failure_lifetime));
            return;
        }
        let until = now.saturating_add(micros(believed));
        let again = now.saturating_add(micros(believed / 4 * 3));
        part.put(destination.clone(), Known { finding: shared, until, again });
        while part.len() > self.size {
            part.pop_lru();
        }
    }

    /// Most destinations are like many others.
    fn share(&self, finding: &T) -> Arc<T> {
        let short = finding.in_short();
        let mut known = lock(&self.shared);
        if let Some(shared) = known.iter().find(|shared| ***shared == short) {
            return Arc::clone(shared);
        }
        if known.len() == SHARED {
            known.pop_front();
        }
        let shared = Arc::new(short);
        known.push_back(Arc::clone(&shared));
        shared
    }
}

fn micros(time: Duration) -> Moment {
    // A year is 2^45 of them; a sum of two does not overflow.
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(u64::MAX / 4)
}

/// A flight's place among the flights; given up however the flight ends.
struct Seat<T: Finding> {
    inner: Arc<Inner<T>>,
    destination: Destination,
    sender: watch::Sender<Flight<T>>,
}

impl<T: Finding> Seat<T> {
    fn before(&self) -> Option<Arc<T>> {
        self.sender.borrow().before.clone()
    }

    async fn fly(self) {
        let inner = &self.inner;
        let mut before = self.before();
        // What failed last says nothing of the destination: what was found before that does.
        if before.as_ref().is_none_or(|before| !before.is_known()) {
            match inner.shelf.find(&self.destination).await {
                Ok(Some((finding, believed))) if !believed.is_zero() => return self.land(Arc::new(finding), believed),
                Ok(Some((finding, _))) => {
                    before = Some(Arc::new(finding));
                    self.sender.send_modify(|flight| flight.before = before.clone());
                }
                Ok(None) => {}
                // Looked at without what was found before, less might be found than is in force.
                Err(reason) => {
                    let lifetime = inner.bounds.failure_lifetime;
                    let finding = T::unknown(reason, lifetime).after(before.as_deref());
                    return self.land(Arc::new(finding), lifetime);
                }
            }
        }
        let progress = |finding: T| self.sender.send_modify(|flight| flight.so_far = Some(Arc::new(finding)));
        let journey = async {
            let _slot = inner.slots.acquire().await;
            inner.inquiry.inquire(&self.destination, before, &progress).await
        };
        let finding = match timeout(inner.bounds.max_time, journey).await {
            Ok(finding) => Arc::new(finding),
            Err(_) => {
                let so_far = self.sender.borrow().so_far.clone();
                let reason = format!("no answer within {}", seconds(inner.bounds.max_time));
                so_far.unwrap_or_else(|| {
                    let finding = T::unknown(reason, inner.bounds.failure_lifetime);
                    Arc::new(finding.after(self.before().as_deref()))
                })
            }
        };
        let kept = match finding.is_known() {
            true => Some(finding.in_short()),
            false => finding.remains(self.before().as_deref()),
        };
        if let Some(kept) = kept {
            inner.shelf.keep(&self.destination, &Arc::new(kept));
        }
        let lifetime = finding.lifetime();
        self.land(finding, lifetime);
    }

    fn land(self, finding: Arc<T>, believed: Duration) {
        let Self { inner, destination, sender } = &self;
        inner.remembered.remember(destination, &finding, believed, inner.bounds.failure_lifetime);
        sender.send_modify(|flight| flight.landed = Some(finding));
    }
}

impl<T: Finding> Drop for Seat<T> {
    fn drop(&mut self) {
        let inner = &self.inner;
        if self.sender.borrow().landed.is_none() {
            // A panic, or the runtime going down. Remembered for a moment like any failure, so that a bug met by one
            // destination is not met again with each message.
            tracing::error!(destination = %self.destination, "a probe ended without a result");
            let failure_lifetime = inner.bounds.failure_lifetime;
            let finding = T::unknown("the probe failed".to_owned(), failure_lifetime);
            let finding = finding.after(self.before().as_deref());
            inner.remembered.remember(&self.destination, &finding, failure_lifetime, failure_lifetime);
        }
        lock(&inner.flights).remove(&self.destination);
    }
}

fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use tokio::time::{advance, sleep};

    /// A finding: what was found, or why not, with its lifetime in seconds.
    #[derive(Clone, Debug, PartialEq)]
    struct Found(Result<u32, String>, u64);

    impl Finding for Found {
        fn unknown(reason: String, lifetime: Duration) -> Self {
            Self(Err(reason), lifetime.as_secs())
        }
        fn lifetime(&self) -> Duration {
            Duration::from_secs(self.1)
        }
        fn is_known(&self) -> bool {
            self.0.is_ok()
        }
        fn outlives(&self) -> bool {
            self.0.as_ref().is_ok_and(|found| *found > 0)
        }
        fn upkeep(&self) -> Option<Duration> {
            None
        }
        fn after(self, _: Option<&Self>) -> Self {
            self
        }
        fn in_short(&self) -> Self {
            self.clone()
        }
        fn remains(&self, _: Option<&Self>) -> Option<Self> {
            None
        }
    }

    /// Answers after a time that the domain's name gives in seconds: `10.example`; `panic…` panics. What it answers is
    /// one more each time.
    #[derive(Default)]
    struct Fake {
        started: Arc<AtomicUsize>,
        under_way: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        failing: Arc<AtomicUsize>,
        first: u32,
        so_far: Option<Found>,
        befores: Arc<Mutex<Vec<Option<Found>>>>,
    }

    impl Inquire<Found> for Fake {
        fn inquire<'a>(
            &'a self,
            destination: &'a Destination,
            before: Option<Arc<Found>>,
            progress: Progress<'a, Found>,
        ) -> BoxFuture<'a, Found> {
            Box::pin(async move {
                let number = self.first + self.started.fetch_add(1, SeqCst) as u32;
                self.befores.lock().unwrap().push(before.map(|before| (*before).clone()));
                self.most.fetch_max(self.under_way.fetch_add(1, SeqCst) + 1, SeqCst);
                if let Some(so_far) = &self.so_far {
                    progress(so_far.clone());
                }
                let label = destination.host().split('.').next().unwrap();
                assert!(label != "panic", "a probe that panics");
                sleep(Duration::from_secs(label.trim_start_matches('n').parse().unwrap())).await;
                self.under_way.fetch_sub(1, SeqCst);
                match self.failing.load(SeqCst) {
                    0 => Found(Ok(number), 100),
                    _ => Found(Err("failed".to_owned()), 5),
                }
            })
        }
    }

    const BOUNDS: Bounds =
        Bounds { concurrency: 2, size: 3, max_time: Duration::from_secs(60), failure_lifetime: Duration::from_secs(5) };

    fn flights(fake: Fake) -> (Flights<Found>, Arc<AtomicUsize>) {
        let started = fake.started.clone();
        (Flights::new(Box::new(fake), Box::new(NoShelf), BOUNDS), started)
    }

    fn to(text: &str) -> Destination {
        Destination::new(text).unwrap()
    }

    const BUDGET: Duration = Duration::from_secs(4);

    async fn pass(seconds: u64) {
        // Not by `advance`: what runs in the background must have its turns meanwhile.
        sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn remembers_for_as_long_as_the_finding_says() {
        let (flights, started) = flights(Fake::default());
        let there = to("0.example");
        assert_eq!(flights.cached(&there), None);
        assert_eq!(flights.ask(&there, BUDGET).await.0, Ok(0));
        pass(70).await;
        assert_eq!(flights.cached(&there).unwrap().0, Ok(0));
        assert_eq!(started.load(SeqCst), 1);
        // What says nothing safe is not told for longer.
        pass(31).await;
        assert_eq!(flights.cached(&there), None);
        assert_eq!(flights.ask(&there, BUDGET).await.0, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_use_is_looked_at_before_it_expires_and_once() {
        let (flights, started) = flights(Fake { first: 1, ..Fake::default() });
        let there = to("1.example");
        flights.ask(&there, BUDGET).await;
        pass(76).await;
        for _ in 0..3 {
            assert_eq!(flights.cached(&there).unwrap().0, Ok(1));
        }
        pass(2).await;
        assert_eq!(flights.cached(&there).unwrap().0, Ok(2));
        assert_eq!(started.load(SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_keeps_mail_safe_is_told_a_while_longer() {
        let (flights, started) = flights(Fake { first: 1, ..Fake::default() });
        let there = to("1.example");
        flights.ask(&there, BUDGET).await;
        pass(150).await;
        assert_eq!(flights.cached(&there).unwrap().0, Ok(1));
        pass(2).await;
        assert_eq!(flights.cached(&there).unwrap().0, Ok(2));
        pass(201).await;
        assert_eq!(flights.cached(&there), None);
        assert_eq!(started.load(SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_takes_nothing_away_that_is_still_believed() {
        let fake = Fake { first: 1, ..Fake::default() };
        let (failing, befores) = (fake.failing.clone(), fake.befores.clone());
        let (flights, started) = flights(fake);
        let there = to("0.example");
        flights.ask(&there, BUDGET).await;
        failing.store(1, SeqCst);
        pass(80).await;
        for _ in 0..2 {
            assert_eq!(flights.cached(&there).unwrap().0, Ok(1));
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(started.load(SeqCst), 2);
        pass(6).await;
        assert_eq!(flights.cached(&there).unwrap().0, Ok(1));
        sleep(Duration::from_millis(1)).await;
        assert_eq!(started.load(SeqCst), 3);
        // Once it is believed no longer, the failure counts.
        pass(20).await;
        flights.cached(&there);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(flights.ask(&there, BUDGET).await.0, Err("failed".to_owned()));
        assert!(befores.lock().unwrap()[1..].iter().all(|before| *before == Some(Found(Ok(1), 100))));
    }

    #[tokio::test(start_paused = true)]
    async fn many_askers_share_one_flight() {
        let (flights, started) = flights(Fake::default());
        let there = to("3.example");
        let asked = (0..100).map(|_| flights.ask(&there, BUDGET));
        let answers = futures_util::future::join_all(asked).await;
        assert!(answers.iter().all(|finding| finding.0 == Ok(0)));
        assert_eq!(started.load(SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_budget_the_flight_goes_on() {
        let (flights, started) = flights(Fake::default());
        let there = to("10.example");
        let began = Instant::now();
        assert_eq!(flights.ask(&there, BUDGET).await.0, Err("no answer within 4s".to_owned()));
        assert_eq!(began.elapsed(), BUDGET);
        assert_eq!(flights.cached(&there), None);
        sleep(Duration::from_secs(7)).await;
        assert_eq!(flights.cached(&there).unwrap().0, Ok(0));
        assert_eq!(started.load(SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_so_far_is_told_when_time_is_up() {
        let so_far = Some(Found(Ok(7), 100));
        let (early, _) = flights(Fake { so_far: so_far.clone(), ..Fake::default() });
        assert_eq!(early.ask(&to("10.example"), BUDGET).await.0, Ok(7));
        let (hanging, _) = flights(Fake { so_far, ..Fake::default() });
        let there = to("1000.example");
        assert_eq!(hanging.ask(&there, Duration::from_secs(70)).await.0, Ok(7));
        assert_eq!(hanging.cached(&there).unwrap().0, Ok(7));
        let (open, _) = flights(Fake { so_far: Some(Found(Err("so far".to_owned()), 1)), ..Fake::default() });
        assert_eq!(open.ask(&to("10.example"), BUDGET).await.0, Err("no answer within 4s".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flight_is_bounded_in_time() {
        let (flights, _) = flights(Fake::default());
        let there = to("1000.example");
        let finding = flights.ask(&there, Duration::from_secs(100)).await;
        assert_eq!(finding.0, Err("no answer within 60s".to_owned()));
        assert!(flights.cached(&there).is_some());
        advance(BOUNDS.failure_lifetime).await;
        assert!(flights.cached(&there).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_panics_leaves_nobody_waiting() {
        let (flights, started) = flights(Fake::default());
        let there = to("panic.example");
        for _ in 0..3 {
            let began = Instant::now();
            let finding = flights.ask(&there, BUDGET).await;
            assert!(!finding.is_known(), "{finding:?}");
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
        assert_eq!(started.load(SeqCst), 1);
        advance(BOUNDS.failure_lifetime).await;
        flights.ask(&there, BUDGET).await;
        assert_eq!(started.load(SeqCst), 2);
        // Nor does it take slots away for good: there are two.
        assert!(flights.ask(&to("1.example"), BUDGET).await.is_known());
        assert_eq!(flights.free_slots(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_at_once_and_so_many_waiting() {
        let fake = Fake::default();
        let most = fake.most.clone();
        let (flights, started) = flights(fake);
        let allowed = 2 * (1 + WAITING_PER_SLOT);
        let destinations: Vec<_> = (0..allowed + 5).map(|n| to(&format!("n1.{n}.example"))).collect();
        let asked = destinations.iter().map(|there| flights.ask(there, Duration::from_secs(100)));
        let answers = futures_util::future::join_all(asked).await;
        let turned_away = answers.iter().filter(|finding| !finding.is_known()).count();
        assert_eq!((turned_away, most.load(SeqCst), started.load(SeqCst)), (5, 2, allowed));
        // Whoever was turned away is not remembered as unknown.
        assert!(flights.ask(&destinations[allowed + 1], BUDGET).await.is_known());
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_what_was_longest_unused() {
        let (flights, _) = flights(Fake::default());
        for name in ["1.a.example", "1.b.example", "1.c.example"] {
            flights.ask(&to(name), BUDGET).await;
        }
        flights.cached(&to("1.a.example"));
        flights.ask(&to("1.d.example"), BUDGET).await;
        assert!(flights.cached(&to("1.a.example")).is_some());
        assert!(flights.cached(&to("1.b.example")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn many_findings_are_bounded_in_every_part() {
        let remembered = Remembered::new(2000);
        let remember = |n: u32| {
            let lifetime = Duration::from_secs(100);
            remembered.remember(&to(&format!("{n}.example")), &Found(Ok(n), 100), lifetime, lifetime);
        };
        (0..10_000).for_each(remember);
        let held: Vec<_> = remembered.parts.iter().map(|part| lock(part).len()).collect();
        assert_eq!(held, [2000 / PARTS; PARTS]);
        assert!(matches!(remembered.recall(&to("0.example")), Memory::Nothing));
        let last = remembered.recall(&to("9999.example"));
        assert!(matches!(last, Memory::Told { finding, look_again: false } if finding.0 == Ok(9999)));
    }

    /// What one program kept.
    #[derive(Default)]
    struct Kept(Arc<Mutex<HashMap<Destination, Found>>>, Duration);

    /// Cannot be read at first.
    #[derive(Default)]
    struct Sticky(Arc<AtomicUsize>);

    impl Shelf<Found> for Sticky {
        fn find<'a>(&'a self, _: &'a Destination) -> BoxFuture<'a, Result<Option<(Found, Duration)>, String>> {
            let tried = self.0.fetch_add(1, SeqCst);
            Box::pin(async move { if tried == 0 { Err("is locked".to_owned()) } else { Ok(None) } })
        }
        fn keep(&self, _: &Destination, _: &Arc<Found>) {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_shelf_that_cannot_be_read_is_not_an_empty_one() {
        let fake = Fake::default();
        let started = fake.started.clone();
        let flights = Flights::new(Box::new(fake), Box::new(Sticky::default()), BOUNDS);
        let there = to("1.example");
        for _ in 0..2 {
            assert_eq!(flights.ask(&there, BUDGET).await.0, Err("is locked".to_owned()));
        }
        assert_eq!(started.load(SeqCst), 0);
        advance(BOUNDS.failure_lifetime).await;
        assert_eq!(flights.ask(&there, BUDGET).await.0, Ok(0));
    }

    impl Shelf<Found> for Kept {
        fn find<'a>(
            &'a self,
            destination: &'a Destination,
        ) -> BoxFuture<'a, Result<Option<(Found, Duration)>, String>> {
            let found = self.0.lock().unwrap().get(destination).cloned();
            Box::pin(async move { Ok(found.map(|found| (found, self.1))) })
        }
        fn keep(&self, destination: &Destination, finding: &Arc<Found>) {
            self.0.lock().unwrap().insert(destination.clone(), (**finding).clone());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_shelf_answers_before_anybody_is_asked() {
        let shelf = Arc::new(Mutex::new(HashMap::new()));
        let there = to("1.example");
        let first = Flights::new(Box::new(Fake::default()), Box::new(Kept(shelf.clone(), Duration::ZERO)), BOUNDS);
        first.ask(&there, BUDGET).await;

        let fake = Fake { first: 10, ..Fake::default() };
        let (started, befores) = (fake.started.clone(), fake.befores.clone());
        let second = Flights::new(Box::new(fake), Box::new(Kept(shelf.clone(), Duration::from_secs(30))), BOUNDS);
        assert_eq!(second.ask(&there, BUDGET).await.0, Ok(0));
        assert_eq!(started.load(SeqCst), 0);
        // It is believed for what is left of its lifetime.
        pass(31).await;
        assert_eq!(second.ask(&there, BUDGET).await.0, Ok(10));

        let third = Flights::new(
            Box::new(Fake { first: 20, befores: befores.clone(), ..Fake::default() }),
            Box::new(Kept(shelf, Duration::ZERO)),
            BOUNDS,
        );
        assert_eq!(third.ask(&there, BUDGET).await.0, Ok(20));
        let befores = befores.lock().unwrap();
        assert_eq!(*befores, [Some(Found(Ok(0), 100)), Some(Found(Ok(10), 100))]);
    }
}
