//! Results remembered, and one flight per destination.
//!
//! Whoever asks waits no longer than the given budget; the flight goes on without, and its result is there for the
//! next. A flight that fails in any way, a panic included, lands as "unknown" and leaves nobody waiting.

use super::{
    Capability, Report,
    dns::{Resolver, ResolverError},
    inquiry::{Inquire, Inquiry, Lifetimes, Settings},
    starttls::{Trust, TrustError},
};
use crate::{config, nexthop::Destination};
use futures_util::future::BoxFuture;
use lru::LruCache;
use std::{
    collections::HashMap,
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

/// The longest EHLO name, in characters (RFC 5321 section 4.5.3.1.2).
const HELO_MAX: usize = 255;

/// What is asked about destinations.
pub trait Assess: Send + Sync {
    /// What is known of a destination, or comes to be known within `budget`. What is not known by then is
    /// [`Capability::Unknown`].
    fn assess<'a>(&'a self, destination: &'a Destination, budget: Duration) -> BoxFuture<'a, Arc<Report>>;

    /// What is known of a destination now, without asking anybody.
    fn cached(&self, destination: &Destination) -> Option<Arc<Report>>;
}

/// Why there can be no probing.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// The EHLO name.
    #[error("[probe] helo: `{0}` cannot be given in EHLO: write a host name, or an address in brackets")]
    Helo(String),
    /// `trust-anchor`, or what the system has.
    #[error("[probe] {0}")]
    Dns(String),
    /// `ca-file`, or what the system has.
    #[error("[probe] ca-file: {0}")]
    Roots(String),
}

impl From<ResolverError> for ProberError {
    fn from(error: ResolverError) -> Self {
        Self::Dns(error.to_string())
    }
}

impl From<TrustError> for ProberError {
    fn from(error: TrustError) -> Self {
        Self::Roots(error.to_string())
    }
}

/// Probes destinations and remembers what they can do. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct Prober {
    inner: Arc<Inner>,
}

struct Inner {
    inquiry: Box<dyn Inquire>,
    state: Mutex<State>,
    slots: Semaphore,
    max_waiting: usize,
    max_time: Duration,
    failure_lifetime: Duration,
}

struct State {
    known: LruCache<Destination, Known>,
    size: usize,
    flights: HashMap<Destination, watch::Receiver<Flight>>,
}

struct Known {
    report: Arc<Report>,
    until: Instant,
}

/// How far a flight is.
#[derive(Clone, Default)]
struct Flight {
    /// What is known while not all hosts have answered.
    so_far: Option<Arc<Report>>,
    landed: Option<Arc<Report>>,
}

impl Prober {
    /// A prober that introduces itself as `helo` where the configuration does not say otherwise (Postfix's
    /// `smtp_helo_name`). Reads the system's resolver configuration and root certificates: make a new one when those
    /// or the configuration change.
    ///
    /// # Errors
    /// When the configuration, the resolver's or the root certificates cannot be used; names the key.
    pub fn new(config: &config::Probe, helo: &str) -> Result<Self, ProberError> {
        let helo = if config.helo.is_empty() { helo } else { &config.helo };
        if helo.is_empty() || helo.len() > HELO_MAX || !helo.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ProberError::Helo(helo.escape_default().to_string()));
        }
        let settings = Settings {
            helo: helo.to_owned(),
            port: config.port,
            step_time: config.step_time,
            max_hosts: config.max_hosts,
            max_addresses: config.max_addresses,
            allowed: config.allow_private.clone(),
            lifetimes: Lifetimes {
                found: config.lifetime,
                negative: config.negative_lifetime,
                failure: config.failure_lifetime,
            },
        };
        let dns = Arc::new(Resolver::new(&config.nameservers, config.trust_anchor.as_deref())?);
        let trust = Trust::load(config.ca_file.as_deref())?;
        Ok(Self::with(Box::new(Inquiry { dns, trust, settings }), config))
    }

    fn with(inquiry: Box<dyn Inquire>, config: &config::Probe) -> Self {
        let concurrency = config.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let size = config.cache_size.max(1);
        Self {
            inner: Arc::new(Inner {
                inquiry,
                // Its bound is kept in `remember`: a bounded one sets its memory aside at once.
                state: Mutex::new(State { known: LruCache::unbounded(), size, flights: HashMap::new() }),
                slots: Semaphore::new(concurrency),
                max_waiting: concurrency.saturating_mul(1 + WAITING_PER_SLOT),
                max_time: config.max_time,
                failure_lifetime: config.failure_lifetime,
            }),
        }
    }

    /// Joins the flight to a destination, or starts one; `Err` with what is known already or cannot be asked now.
    fn board(&self, destination: &Destination) -> Result<watch::Receiver<Flight>, Arc<Report>> {
        let mut state = self.inner.lock();
        if let Some(report) = state.fresh(destination) {
            return Err(report);
        }
        if let Some(flight) = state.flights.get(destination) {
            return Ok(flight.clone());
        }
        if state.flights.len() >= self.inner.max_waiting {
            let report = Report::unknown("too many destinations are being asked about", Duration::ZERO);
            return Err(Arc::new(report));
        }
        let (sender, receiver) = watch::channel(Flight::default());
        state.flights.insert(destination.clone(), receiver.clone());
        drop(state);
        let seat = Seat { inner: self.inner.clone(), destination: destination.clone(), sender };
        tokio::spawn(seat.fly());
        Ok(receiver)
    }
}

impl Assess for Prober {
    fn assess<'a>(&'a self, destination: &'a Destination, budget: Duration) -> BoxFuture<'a, Arc<Report>> {
        Box::pin(async move {
            let mut flight = match self.board(destination) {
                Ok(flight) => flight,
                Err(report) => return report,
            };
            let failed = |reason: String| Arc::new(Report::unknown(reason, self.inner.failure_lifetime));
            let landing = async {
                let landed = flight.wait_for(|flight| flight.landed.is_some()).await.ok()?;
                landed.landed.clone()
            };
            match timeout(budget, landing).await {
                Ok(Some(report)) => report,
                Ok(None) => failed("the probe failed".to_owned()),
                Err(_) => {
                    // One host with TLS settles it, even while others do not answer.
                    let so_far = flight.borrow().so_far.clone();
                    so_far
                        .filter(|report| !matches!(report.capability, Capability::Unknown { .. }))
                        .unwrap_or_else(|| failed(format!("no answer within {}", seconds(budget))))
                }
            }
        })
    }

    fn cached(&self, destination: &Destination) -> Option<Arc<Report>> {
        self.inner.lock().fresh(destination)
    }
}

impl Inner {
    /// No code that can panic runs under this lock, so what it guards is whole even when it is poisoned.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fresh(&mut self, destination: &Destination) -> Option<Arc<Report>> {
        let known = self.known.get(destination)?;
        (Instant::now() < known.until).then(|| known.report.clone())
    }

    fn remember(&mut self, destination: Destination, known: Known) {
        self.known.put(destination, known);
        while self.known.len() > self.size {
            self.known.pop_lru();
        }
    }
}

/// A flight's place among the flights; given up however the flight ends.
struct Seat {
    inner: Arc<Inner>,
    destination: Destination,
    sender: watch::Sender<Flight>,
}

impl Seat {
    async fn fly(self) {
        let progress = |report: Report| self.sender.send_modify(|flight| flight.so_far = Some(Arc::new(report)));
        let journey = async {
            let _slot = self.inner.slots.acquire().await;
            self.inner.inquiry.inquire(&self.destination, &progress).await
        };
        let report = match timeout(self.inner.max_time, journey).await {
            Ok(report) => Arc::new(report),
            Err(_) => {
                let so_far = self.sender.borrow().so_far.clone();
                let reason = format!("no answer within {}", seconds(self.inner.max_time));
                so_far.unwrap_or_else(|| Arc::new(Report::unknown(reason, self.inner.failure_lifetime)))
            }
        };
        self.sender.send_modify(|flight| flight.landed = Some(report));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let landed = self.sender.borrow().landed.clone();
        let report = landed.unwrap_or_else(|| {
            // A panic, or the runtime going down. Remembered for a moment like any failure, so that a bug met by one
            // destination is not met again with each message.
            tracing::error!(destination = %self.destination, "a probe ended without a result");
            Arc::new(Report::unknown("the probe failed", self.inner.failure_lifetime))
        });
        let until = Instant::now() + report.lifetime;
        let mut state = self.inner.lock();
        state.flights.remove(&self.destination);
        state.remember(self.destination.clone(), Known { report, until });
    }
}

fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        probe::{Proof, Tlsa, inquiry::Progress},
        requirement::TlsVersion,
    };
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use tokio::time::{advance, sleep};

    /// Answers after a time that the domain's name gives in seconds: `10.example`; `panic…` panics.
    #[derive(Default)]
    struct Fake {
        started: Arc<AtomicUsize>,
        under_way: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
        so_far: Option<Capability>,
    }

    fn report(capability: Capability) -> Report {
        let lifetime = Duration::from_secs(100);
        Report { capability, exhaustive: true, hosts: Vec::new(), tlsa: Tlsa::Absent, lifetime }
    }

    fn encrypted() -> Capability {
        Capability::Encrypted { version: TlsVersion::V1_3 }
    }

    impl Inquire for Fake {
        fn inquire<'a>(&'a self, destination: &'a Destination, progress: Progress<'a>) -> BoxFuture<'a, Report> {
            Box::pin(async move {
                self.started.fetch_add(1, SeqCst);
                self.most.fetch_max(self.under_way.fetch_add(1, SeqCst) + 1, SeqCst);
                if let Some(so_far) = &self.so_far {
                    progress(report(so_far.clone()));
                }
                let label = destination.host().split('.').next().unwrap();
                assert!(label != "panic", "a probe that panics");
                sleep(Duration::from_secs(label.trim_start_matches('n').parse().unwrap())).await;
                self.under_way.fetch_sub(1, SeqCst);
                report(encrypted())
            })
        }
    }

    fn settings() -> config::Probe {
        config::Probe { concurrency: 2, cache_size: 3, max_time: Duration::from_secs(60), ..config::Probe::default() }
    }

    fn prober(fake: Fake) -> (Prober, Arc<AtomicUsize>) {
        let started = fake.started.clone();
        (Prober::with(Box::new(fake), &settings()), started)
    }

    fn to(text: &str) -> Destination {
        Destination::new(text).unwrap()
    }

    const BUDGET: Duration = Duration::from_secs(4);

    #[tokio::test(start_paused = true)]
    async fn remembers_for_as_long_as_the_report_says() {
        let (prober, started) = prober(Fake::default());
        let there = to("1.example");
        assert_eq!(prober.cached(&there), None);
        assert_eq!(prober.assess(&there, BUDGET).await.capability, encrypted());
        assert_eq!(prober.cached(&there).unwrap().capability, encrypted());
        advance(Duration::from_secs(98)).await;
        prober.assess(&there, BUDGET).await;
        assert_eq!(started.load(SeqCst), 1);
        advance(Duration::from_secs(3)).await;
        assert_eq!(prober.cached(&there), None);
        prober.assess(&there, BUDGET).await;
        assert_eq!(started.load(SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn many_askers_share_one_flight() {
        let (prober, started) = prober(Fake::default());
        let there = to("3.example");
        let asked = (0..100).map(|_| prober.assess(&there, BUDGET));
        let answers = futures_util::future::join_all(asked).await;
        assert!(answers.iter().all(|report| report.capability == encrypted()));
        assert_eq!(started.load(SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn past_the_budget_the_flight_goes_on() {
        let (prober, started) = prober(Fake::default());
        let there = to("10.example");
        let began = Instant::now();
        let report = prober.assess(&there, BUDGET).await;
        assert_eq!(report.capability, Capability::Unknown { reason: "no answer within 4s".to_owned() });
        assert_eq!(began.elapsed(), BUDGET);
        assert_eq!(prober.cached(&there), None);
        sleep(Duration::from_secs(7)).await;
        assert_eq!(prober.cached(&there).unwrap().capability, encrypted());
        assert_eq!(started.load(SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn one_host_with_tls_settles_it_before_the_others_answer() {
        let (early, _) = prober(Fake { so_far: Some(encrypted()), ..Fake::default() });
        assert_eq!(early.assess(&to("10.example"), BUDGET).await.capability, encrypted());
        let proven = Capability::Authenticated { how: Proof::Pkix, version: TlsVersion::V1_2 };
        let (hanging, _) = prober(Fake { so_far: Some(proven.clone()), ..Fake::default() });
        let there = to("1000.example");
        assert_eq!(hanging.assess(&there, Duration::from_secs(70)).await.capability, proven);
        assert_eq!(hanging.cached(&there).unwrap().capability, proven);
        let unknown = Capability::Unknown { reason: "so far".to_owned() };
        let (open, _) = prober(Fake { so_far: Some(unknown), ..Fake::default() });
        let reason = "no answer within 4s".to_owned();
        assert_eq!(open.assess(&to("10.example"), BUDGET).await.capability, Capability::Unknown { reason });
    }

    #[tokio::test(start_paused = true)]
    async fn a_flight_is_bounded_in_time() {
        let (prober, _) = prober(Fake::default());
        let there = to("1000.example");
        let report = prober.assess(&there, Duration::from_secs(100)).await;
        assert_eq!(report.capability, Capability::Unknown { reason: "no answer within 60s".to_owned() });
        assert!(prober.cached(&there).is_some());
        advance(settings().failure_lifetime).await;
        assert!(prober.cached(&there).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_panics_leaves_nobody_waiting() {
        let (prober, started) = prober(Fake::default());
        let there = to("panic.example");
        for _ in 0..3 {
            let began = Instant::now();
            let report = prober.assess(&there, BUDGET).await;
            assert!(matches!(report.capability, Capability::Unknown { .. }), "{report:?}");
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
        assert_eq!(started.load(SeqCst), 1);
        advance(settings().failure_lifetime).await;
        prober.assess(&there, BUDGET).await;
        assert_eq!(started.load(SeqCst), 2);
        // Nor does it take slots away for good: there are two.
        assert_eq!(prober.assess(&to("1.example"), BUDGET).await.capability, encrypted());
        assert_eq!(prober.inner.slots.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_at_once_and_so_many_waiting() {
        let fake = Fake::default();
        let most = fake.most.clone();
        let (prober, started) = prober(fake);
        let allowed = 2 * (1 + WAITING_PER_SLOT);
        let destinations: Vec<_> = (0..allowed + 5).map(|n| to(&format!("n1.{n}.example"))).collect();
        let asked = destinations.iter().map(|there| prober.assess(there, Duration::from_secs(100)));
        let answers = futures_util::future::join_all(asked).await;
        let turned_away = answers.iter().filter(|report| report.capability != encrypted()).count();
        assert_eq!((turned_away, most.load(SeqCst), started.load(SeqCst)), (5, 2, allowed));
        // Whoever was turned away is not remembered as unknown.
        assert_eq!(prober.assess(&destinations[allowed + 1], BUDGET).await.capability, encrypted());
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_what_was_longest_unused() {
        let (prober, _) = prober(Fake::default());
        for name in ["1.a.example", "1.b.example", "1.c.example"] {
            prober.assess(&to(name), BUDGET).await;
        }
        prober.cached(&to("1.a.example"));
        prober.assess(&to("1.d.example"), BUDGET).await;
        assert!(prober.cached(&to("1.a.example")).is_some());
        assert!(prober.cached(&to("1.b.example")).is_none());
    }

    #[test]
    fn says_which_key_is_wrong() {
        let wrong = |config: config::Probe| Prober::new(&config, "us.example").err().unwrap().to_string();
        let servers = vec![std::net::SocketAddr::from(([127, 0, 0, 1], 53))];
        let base = || config::Probe { nameservers: servers.clone(), ..config::Probe::default() };
        let said = wrong(config::Probe { helo: "us\r\nMAIL".to_owned(), ..base() });
        assert!(said.contains("helo") && !said.contains('\n'), "{said}");
        let said = wrong(config::Probe { trust_anchor: Some("/nowhere".into()), ..base() });
        assert!(said.contains("trust-anchor") && said.contains("/nowhere"), "{said}");
        let said = wrong(config::Probe { ca_file: Some("/nowhere".into()), ..base() });
        assert!(said.contains("ca-file") && said.contains("/nowhere"), "{said}");
    }
}
