use super::*;
use crate::{
    level::Level,
    nexthop::Destination,
    requirement::{Requirement, TlsVersion},
    store::{BoxFuture, Scope, sqlite::SqliteStore},
};
use proptest::prelude::*;
use std::sync::Mutex;

const LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

fn moment(number: u64) -> Moment {
    Moment { unix_ms: 1_700_000_000_000 + number as i64 * 1000, monotonic: seconds(number) }
}

fn known() -> Known {
    Known {
        created: moment(0).unix_ms,
        until: moment(0).unix_ms / 1000 + 1000,
        entered: false,
        last_queue: None,
        known_for: Duration::ZERO,
        absences: 0,
        absent_for: Duration::ZERO,
        removal: None,
    }
}

const READABLE: Sources = Sources { queue_unreadable_for: None, log_speaks: false };
const BOTH: Sources = Sources { queue_unreadable_for: None, log_speaks: true };

fn unreadable(number: u64) -> Sources {
    Sources { queue_unreadable_for: Some(seconds(number)), log_speaks: false }
}

#[test]
fn decides_as_the_table_says() {
    use Certainty::{Certain, Possible, SameSecond};
    let gone = Known { absences: ABSENT_LISTINGS, absent_for: seconds(20), ..known() };
    let entered = Known { entered: true, ..gone.clone() };
    let active = Known { last_queue: Some(QueueName::Active), ..entered.clone() };
    let deferred = Known { last_queue: Some(QueueName::Deferred), ..entered.clone() };
    let told =
        |certainty, absences| Known { removal: Some(Told { certainty, absences, ago: Duration::ZERO }), ..known() };
    let long_ago = |certainty| Known { removal: Some(Told { certainty, absences: 0, ago: SETTLES }), ..known() };
    let log_alone = Sources { log_speaks: true, ..unreadable(10) };
    for (name, message, sources, at, expected) in [
        ("just pinned", known(), READABLE, 0, None),
        ("absent, never seen", gone.clone(), READABLE, 20, None),
        (
            "absent, never seen, for too long to be on its way",
            Known { known_for: ENTERING_MAX, ..gone.clone() },
            READABLE,
            900,
            Some(Reason::NeverQueued),
        ),
        (
            "never seen for long, but only now absent",
            Known { known_for: ENTERING_MAX, absences: 1, ..gone.clone() },
            READABLE,
            900,
            None,
        ),
        ("absent after it was seen", entered.clone(), READABLE, 20, Some(Reason::Queue)),
        ("absent too few times", Known { absences: ABSENT_LISTINGS - 1, ..entered.clone() }, READABLE, 20, None),
        ("vanished from deferred", deferred.clone(), BOTH, 20, Some(Reason::Queue)),
        ("vanished from delivery, no log", active.clone(), READABLE, 20, Some(Reason::Queue)),
        ("vanished from delivery, and the log keeps silent", active.clone(), BOTH, 20, None),
        (
            "the same for too long",
            Known { absent_for: DELIVERING_MAX, ..active.clone() },
            BOTH,
            900,
            Some(Reason::Queue),
        ),
        ("log says so, not yet confirmed", told(Certain, 0), BOTH, 1, None),
        ("log says so, confirmed", told(Certain, 1), BOTH, 3, Some(Reason::Log)),
        ("log may say so", told(Possible, ABSENT_LISTINGS - 1), BOTH, 3, None),
        ("log may say so, and it stays away", told(Possible, ABSENT_LISTINGS), BOTH, 30, Some(Reason::Log)),
        ("log says so, queue unreadable", told(Certain, 0), unreadable(0), 1, Some(Reason::Log)),
        ("log may say so, queue unreadable", told(Possible, 9), unreadable(10), 1, None),
        ("log may say so, queue unreadable, for long", long_ago(Possible), log_alone, 1, None),
        ("log says so in the same second, not confirmed", told(SameSecond, ABSENT_LISTINGS - 1), BOTH, 1, None),
        ("log says so in the same second, confirmed", told(SameSecond, ABSENT_LISTINGS), BOTH, 1, Some(Reason::Log)),
        ("log says so in the same second, queue unreadable", told(SameSecond, 0), log_alone, 1, None),
        ("log says so in the same second, and no more", long_ago(SameSecond), log_alone, 11, Some(Reason::Log)),
        ("log said so in the same second, but is not read now", long_ago(SameSecond), unreadable(10), 11, None),
        ("log says so in the same second, but the queue can be read", long_ago(SameSecond), BOTH, 11, None),
        ("absent before, now unreadable", entered.clone(), unreadable(10), 20, None),
        ("time not up", known(), unreadable(9999), 999, None),
        ("time up, unreadable for long", known(), unreadable(3600), 1000, Some(Reason::Lapsed)),
        ("time up, unreadable for a moment", known(), unreadable(3599), 1000, None),
        ("time up, but the queue can be read", known(), READABLE, 1000, None),
        ("time up, and it is in the queue", Known { entered: true, ..known() }, READABLE, 99_999_999, None),
    ] {
        assert_eq!(decide(&message, sources, moment(at)), expected, "{name}");
    }
}

fn pin(queue_id: &str, created: i64) -> Pin {
    Pin {
        scope: Scope::parse("a.example").unwrap(),
        holder: Holder::parse(queue_id).unwrap(),
        requirement: Requirement::Encrypt(TlsVersion::V1_2),
        level: Level::Confidential,
        categories: Vec::new(),
        created,
        until: created / 1000 + LIFETIME.as_secs() as i64,
        seen: false,
    }
}

fn queue_id(text: &str) -> QueueId {
    QueueId::parse(text).unwrap()
}

fn entry(id: &str, queue_name: QueueName) -> QueueEntry {
    QueueEntry {
        queue_id: queue_id(id),
        queue_name,
        arrival_time: 0,
        sender: String::new(),
        recipients: Vec::new(),
        more_recipients: 0,
    }
}

fn removed(id: &str, earliest: i64, latest: i64) -> LogEvent {
    LogEvent::Removed(Removal { queue_id: queue_id(id), earliest, latest })
}

#[test]
fn a_line_of_the_log_is_weighed_by_its_time() {
    let created = moment(0).unix_ms + 500;
    for (earliest, latest, expected) in [
        (created + 1, created + 2, Some(Certainty::Certain)),
        (created, created + 1, Some(Certainty::SameSecond)),
        (created - 500, created + 500, Some(Certainty::SameSecond)),
        (created - 500, created + 3_600_500, Some(Certainty::Possible)),
        (i64::MIN, created + 500, Some(Certainty::Possible)),
        (created - 500, created - 1, None),
    ] {
        let mut tracker = Tracker::new(LIFETIME);
        tracker.pins(&[pin("Q", created)], moment(1));
        tracker.log(&removed("Q", earliest, latest), moment(1));
        let removal = |tracker: &Tracker| tracker.messages[&queue_id("Q")].removal.map(|told| told.certainty);
        assert_eq!(removal(&tracker), expected, "{earliest} {latest}");
        // It began only then: another one was meant, unless the line is younger than the pin.
        tracker.log(&LogEvent::Began(queue_id("Q")), moment(1));
        assert_eq!(removal(&tracker), expected.filter(|certainty| *certainty == Certainty::Certain));
    }
}

#[test]
fn a_newer_pin_with_the_same_queue_id_starts_anew() {
    let mut tracker = Tracker::new(LIFETIME);
    let asked = HashSet::from([queue_id("Q")]);
    tracker.pins(&[pin("Q", moment(0).unix_ms)], moment(0));
    tracker.listing(&asked, Some(&[entry("Q", QueueName::Deferred)]), moment(10));
    tracker.listing(&asked, Some(&[]), moment(20));
    tracker.listing(&asked, Some(&[]), moment(30));
    tracker.pins(&[pin("Q", moment(31).unix_ms)], moment(35));
    tracker.listing(&asked, Some(&[]), moment(40));
    tracker.listing(&asked, Some(&[]), moment(50));
    tracker.listing(&asked, Some(&[]), moment(60));
    assert_eq!(tracker.steps(moment(60)), Steps::default());
}

#[test]
fn what_is_seen_in_the_queue_is_noted_and_extended() {
    let mut tracker = Tracker::new(LIFETIME);
    let asked = HashSet::from([queue_id("Q")]);
    let first = pin("Q", moment(0).unix_ms);
    tracker.pins(std::slice::from_ref(&first), moment(0));
    assert_eq!(tracker.steps(moment(0)), Steps::default());
    tracker.listing(&asked, Some(&[entry("Q", QueueName::Hold)]), moment(10));
    let steps = tracker.steps(moment(10));
    let until = first.until + 10;
    assert_eq!(steps.sighted, [Sighted { queue_id: queue_id("Q"), as_of: first.created, until }]);
    tracker.pins(&[Pin { seen: true, until, ..first.clone() }], moment(10));
    assert_eq!(tracker.steps(moment(3600)), Steps::default());
    assert_eq!(tracker.steps(moment(3700)).sighted.len(), 1, "it has run down by an hour");
}

/// A Postfix that does whatever the steps say, and a tracker that looks at it.
struct World {
    now: u64,
    message: State,
    created: i64,
    pinned: Option<Pin>,
    tracker: Tracker,
    /// Listings in a row that missed the message although it was there.
    missed: u32,
    gone_since: Option<u64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// In cleanup(8), which no listing shows.
    Entering,
    In(QueueName),
    Gone,
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Move(QueueName),
    Leave,
    LogTells,
    /// An old line, of an earlier message with the same queue ID, with a time this many milliseconds before the pin.
    OldLine(i64),
    List,
    /// The message moves while it is listed, so that the listing lacks it.
    ListWhileMoving,
    ListFails,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let queue = prop_oneof![
        Just(QueueName::Incoming),
        Just(QueueName::Active),
        Just(QueueName::Deferred),
        Just(QueueName::Hold),
        Just(QueueName::Maildrop)
    ];
    prop_oneof![
        3 => (1..400_u64).prop_map(Step::Wait),
        3 => queue.prop_map(Step::Move),
        1 => Just(Step::Leave),
        2 => Just(Step::LogTells),
        1 => (0..3000_i64).prop_map(Step::OldLine),
        12 => Just(Step::List),
        3 => Just(Step::ListWhileMoving),
        2 => Just(Step::ListFails),
        1 => Just(Step::Restart),
    ]
}

impl World {
    fn new() -> Self {
        let pinned = pin("Q", moment(0).unix_ms);
        let mut tracker = Tracker::new(LIFETIME);
        tracker.pins(std::slice::from_ref(&pinned), moment(0));
        Self {
            now: 0,
            message: State::Entering,
            created: pinned.created,
            pinned: Some(pinned),
            tracker,
            missed: 0,
            gone_since: None,
        }
    }

    fn pass(&mut self, number: u64) {
        self.now += number;
        // cleanup(8) takes as long as milters may take, and no longer.
        if self.message == State::Entering && seconds(self.now) >= ENTERING_MAX - seconds(20) {
            self.enter(QueueName::Incoming);
        }
    }

    fn list(&mut self, shown: Option<&[QueueEntry]>) {
        let asked = HashSet::from([queue_id("Q")]);
        self.tracker.listing(&asked, shown, moment(self.now));
    }

    fn enter(&mut self, queue: QueueName) {
        self.message = State::In(queue);
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Wait(number) => self.pass(number),
            Step::Move(queue) if self.message != State::Gone => self.enter(queue),
            Step::Leave if matches!(self.message, State::In(_)) => {
                self.message = State::Gone;
                self.gone_since = Some(self.now);
            }
            Step::LogTells if self.message == State::Gone => {
                let at = moment(self.gone_since.unwrap()).unix_ms + 1;
                let now = moment(self.now);
                self.tracker.log(&LogEvent::Readable(true), now);
                self.tracker.log(&removed("Q", at / 1000 * 1000, at / 1000 * 1000 + 1000), now);
            }
            Step::OldLine(before) => {
                let second = (self.created - before) / 1000 * 1000;
                let now = moment(self.now);
                self.tracker.log(&LogEvent::Readable(true), now);
                self.tracker.log(&removed("Q", second, second + 1000), now);
                // The log has them in this order.
                self.tracker.log(&LogEvent::Began(queue_id("Q")), now);
            }
            Step::List => {
                self.pass(10);
                let entries = match self.message {
                    State::In(queue) => vec![entry("Q", queue)],
                    _ => Vec::new(),
                };
                self.missed = 0;
                self.list(Some(&entries));
            }
            Step::ListWhileMoving if matches!(self.message, State::In(_)) && self.missed + 1 < ABSENT_LISTINGS => {
                self.pass(10);
                self.missed += 1;
                self.message = State::In(QueueName::Active);
                self.list(Some(&[]));
            }
            Step::ListFails => {
                self.pass(10);
                self.list(None);
            }
            Step::Restart => {
                // What was noted is on disk.
                self.tracker = Tracker::new(LIFETIME);
            }
            _ => {}
        }
        if let Some(pinned) = &mut self.pinned {
            self.tracker.pins(std::slice::from_ref(pinned), moment(self.now));
            let steps = self.tracker.steps(moment(self.now));
            if let Some(sighted) = steps.sighted.first() {
                pinned.seen = true;
                pinned.until = pinned.until.max(sighted.until);
            }
            if !steps.departed.is_empty() {
                self.pinned = None;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_pin_goes_while_its_message_may_be_in_the_queue(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            // A line of an earlier message in the same second is believed after three listings without the message:
            // cleanup(8) does not take half a minute on top of a queue ID used twice within a second.
            if matches!(step, Step::OldLine(_)) && world.message == State::Entering {
                continue;
            }
            let before = world.message;
            world.act(step.clone());
            prop_assert!(
                world.pinned.is_some() || world.message == State::Gone,
                "released in {:?} by {:?} (was {before:?})", world.message, step
            );
            if world.pinned.is_none() {
                return Ok(());
            }
        }
        // Whatever went before: once it has left and the log has said so, its pins go within a minute.
        world.act(Step::Leave);
        world.act(Step::LogTells);
        if world.message == State::Gone {
            let looks = 60 / 10;
            for _ in 0..looks {
                world.act(Step::List);
            }
            prop_assert!(world.pinned.is_none());
        }
    }
}

#[test]
fn without_a_log_it_goes_within_a_minute_of_leaving() {
    for last in [QueueName::Active, QueueName::Deferred, QueueName::Hold] {
        let mut world = World::new();
        world.act(Step::Move(last));
        world.act(Step::List);
        world.act(Step::Leave);
        let left = world.now;
        while world.pinned.is_some() {
            world.act(Step::List);
        }
        assert!(world.now - left <= 60, "{last:?}: {} s", world.now - left);
    }
}

#[test]
fn a_message_known_to_be_past_cleanup_need_not_be_seen() {
    let mut tracker = Tracker::new(LIFETIME);
    let asked = HashSet::from([queue_id("Q")]);
    tracker.pins(&[pin("Q", moment(0).unix_ms)], moment(0));
    tracker.settled(&queue_id("Q"));
    for number in 1..=3 {
        assert!(tracker.steps(moment(10 * number)).departed.is_empty());
        tracker.listing(&asked, Some(&[]), moment(10 * number));
    }
    assert_eq!(tracker.steps(moment(30)).departed[0].1, Reason::Queue);
}

/// A queue that a test fills and empties.
#[derive(Clone, Default)]
struct FakeQueue(Arc<Mutex<(Vec<QueueEntry>, bool)>>);

impl QueueList for FakeQueue {
    fn list(&self, of: HashSet<QueueId>) -> BoxFuture<'_, Result<Vec<QueueEntry>, super::super::queue::QueueError>> {
        let (entries, fails) = self.0.lock().unwrap().clone();
        Box::pin(async move {
            if fails {
                return Err(super::super::queue::QueueError::TooSlow { program: "fake".to_owned() });
            }
            Ok(entries.into_iter().filter(|entry| of.contains(&entry.queue_id)).collect())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_task_releases_what_has_left_and_nothing_else() {
    let base = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let directory = tempfile::tempdir_in(base).unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let clock = SystemClock::default();
    let created = clock.now().unix_ms;
    let pin = |scope: &str, id: &str| Pin { scope: Scope::parse(scope).unwrap(), ..self::pin(id, created) };
    let pins = [("stays.example", "A1"), ("leaves.example", "A2"), ("fast.example", "A3"), ("admin.example", "-")];
    for (scope, id) in pins {
        store.pin(vec![pin(scope, id)]).await.unwrap();
    }
    let queue = FakeQueue::default();
    queue.0.lock().unwrap().0 = vec![entry("A1", QueueName::Deferred), entry("A2", QueueName::Deferred)];
    let millisecond = Duration::from_millis(1);
    let pace = Pace { tick: millisecond, listing: 5 * millisecond, hurried_listing: millisecond };
    let (log_sender, log) = mpsc::channel(16);
    let (_settled, settled) = mpsc::channel(16);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let tidings = Tidings { log, settled };
    let task = tokio::spawn(run(store.clone(), queue.clone(), clock, LIFETIME, pace, tidings, async {
        let _ = stopped.await;
    }));
    let pinned = |name: &str| store.strictest(&Destination::new(name).unwrap()).unwrap().is_some();
    let wait = async |what: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !what() {
            assert!(started.elapsed() < seconds(60), "it never came to pass");
            tokio::time::sleep(millisecond).await;
        }
    };

    log_sender.send(LogEvent::Readable(true)).await.unwrap();
    log_sender.send(removed("A3", created + 1, created + 2)).await.unwrap();
    wait(&|| !pinned("fast.example")).await;
    let seen = async || store.list().await.unwrap().iter().filter(|pin| pin.seen).count();
    while seen().await < 2 {
        tokio::time::sleep(millisecond).await;
    }
    assert!(pinned("leaves.example"));
    // A queue that cannot be read proves nothing.
    queue.0.lock().unwrap().1 = true;
    tokio::time::sleep(50 * millisecond).await;
    queue.0.lock().unwrap().0.pop();
    tokio::time::sleep(50 * millisecond).await;
    assert!(pinned("leaves.example"));
    queue.0.lock().unwrap().1 = false;
    wait(&|| !pinned("leaves.example")).await;
    assert!(pinned("stays.example") && pinned("admin.example"));
    let _ = stop.send(());
    task.await.unwrap();
    assert_eq!(store.list().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pins_of_a_requeued_message_go_with_it() {
    let base = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let directory = tempfile::tempdir_in(base).unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let clock = SystemClock::default();
    let created = clock.now().unix_ms;
    store.pin(vec![pin("A1", created)]).await.unwrap();
    let queue = FakeQueue::default();
    queue.0.lock().unwrap().0 = vec![entry("C3", QueueName::Deferred)];
    let millisecond = Duration::from_millis(1);
    let pace = Pace { tick: millisecond, listing: 5 * millisecond, hurried_listing: millisecond };
    let (log_sender, log) = mpsc::channel(16);
    let (settled_sender, settled) = mpsc::channel(16);
    // Twice, before it is looked at once.
    for (old, new) in [("A1", "B2"), ("B2", "C3"), ("X9", "Y9")] {
        let requeue = Requeue { old: queue_id(old), new: queue_id(new), earliest: created };
        log_sender.send(LogEvent::Requeued(requeue)).await.unwrap();
    }
    for gone in ["A1", "B2"] {
        settled_sender.send(queue_id(gone)).await.unwrap();
    }
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task =
        tokio::spawn(run(store.clone(), queue.clone(), clock, LIFETIME, pace, Tidings { log, settled }, async {
            let _ = stopped.await;
        }));
    let started = Instant::now();
    loop {
        let pins = store.list().await.unwrap();
        let destination = Destination::new("a.example").unwrap();
        assert!(store.strictest(&destination).unwrap().is_some(), "it is held at every moment");
        if let [one] = &pins[..]
            && one.holder == Holder::Message(queue_id("C3"))
            && one.seen
        {
            break;
        }
        assert!(started.elapsed() < seconds(60), "{pins:?}");
        tokio::time::sleep(millisecond).await;
    }
    let _ = stop.send(());
    task.await.unwrap();
}

/// What the log tells right after a listing, before another may be made, must not wait for the next regular one.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_hurries_a_listing_also_when_it_speaks_right_after_one() {
    let base = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let directory = tempfile::tempdir_in(base).unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let clock = SystemClock::default();
    let created = clock.now().unix_ms;
    store.pin(vec![pin("A1", created)]).await.unwrap();
    let queue = FakeQueue::default();
    queue.0.lock().unwrap().0 = vec![entry("A1", QueueName::Active)];
    let millisecond = Duration::from_millis(1);
    let pace = Pace { tick: millisecond, listing: seconds(3600), hurried_listing: 300 * millisecond };
    let (log_sender, log) = mpsc::channel(16);
    let (_settled, settled) = mpsc::channel(16);
    let tidings = Tidings { log, settled };
    let task = tokio::spawn(run(store.clone(), queue.clone(), clock, LIFETIME, pace, tidings, std::future::pending()));
    let started = Instant::now();
    let pins = async || store.list().await.unwrap();
    while !pins().await.iter().any(|pin| pin.seen) {
        assert!(started.elapsed() < seconds(60), "it is never seen in the queue");
        tokio::time::sleep(millisecond).await;
    }
    queue.0.lock().unwrap().0.clear();
    log_sender.send(removed("A1", created + 1, created + 2)).await.unwrap();
    while !pins().await.is_empty() {
        assert!(started.elapsed() < seconds(60), "it is never released");
        tokio::time::sleep(millisecond).await;
    }
    task.abort();
}

/// bounce(8) says which notice it sent after it has queued it: by then the notice may have been delivered.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_is_told_of_when_it_has_left_holds_nothing() {
    let base = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let directory = tempfile::tempdir_in(base).unwrap();
    let store = Arc::new(SqliteStore::open(directory.path()).unwrap());
    let clock = SystemClock::default();
    let created = clock.now().unix_ms;
    store.pin(vec![pin("A1", created)]).await.unwrap();
    // The log alone says what has left.
    let queue = FakeQueue::default();
    queue.0.lock().unwrap().1 = true;
    let millisecond = Duration::from_millis(1);
    let pace = Pace { tick: millisecond, listing: 5 * millisecond, hurried_listing: millisecond };
    let (log_sender, log) = mpsc::channel(16);
    let (_settled, settled) = mpsc::channel(16);
    let tidings = Tidings { log, settled };
    log_sender.send(LogEvent::Readable(true)).await.unwrap();
    log_sender.send(removed("B2", created + 10, created + 11)).await.unwrap();
    let task = tokio::spawn(run(store.clone(), queue.clone(), clock, LIFETIME, pace, tidings, std::future::pending()));
    // In another round than the removal.
    while log_sender.capacity() < log_sender.max_capacity() {
        tokio::time::sleep(millisecond).await;
    }
    tokio::time::sleep(20 * millisecond).await;
    let requeue = Requeue { old: queue_id("A1"), new: queue_id("B2"), earliest: created + 12 };
    log_sender.send(LogEvent::Requeued(requeue)).await.unwrap();
    log_sender.send(removed("A1", created + 13, created + 14)).await.unwrap();
    let started = Instant::now();
    loop {
        let pins = store.list().await.unwrap();
        if pins.is_empty() {
            break;
        }
        assert!(started.elapsed() < seconds(60), "{pins:?}");
        tokio::time::sleep(millisecond).await;
    }
    task.abort();
}
