//! What the sockets serve: one configuration at a time, and what lives longer than it.

use super::lookup::Asked;
use crate::{
    config::{Baseline, Config, Mode},
    envelope::QueueId,
    nexthop::Destination,
    policy::{in_force::InForce, postfix_policy},
    postfix::{
        content::Budget,
        judge::{Inspect, Judge, reading_permits},
        milter::Current,
        postconf::{PostfixFacts, PostfixWatch},
        route::ThisPostfix,
        socketmap::{Answer, Lookup, Map, Reply},
        transport,
    },
    probe::Assess,
    store::PinStore,
};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Semaphore, mpsc};

/// What one reading of the configuration gave.
pub struct Snapshot {
    config: Arc<Config>,
    judge: Arc<Judge>,
    budget: Budget,
    assess: Arc<dyn Assess>,
}

impl Snapshot {
    /// Joins a configuration with what serves it.
    pub fn new(
        config: Arc<Config>,
        inspect: Arc<dyn Inspect>,
        assess: Arc<dyn Assess>,
        pins: Arc<dyn PinStore>,
        watch: Arc<PostfixWatch>,
    ) -> Self {
        let detect = &config.detect;
        let budget =
            Budget::new(detect.receive_memory, detect.spool_above, detect.max_message, &config.store.directory);
        let judge = Judge {
            reading: Arc::new(Semaphore::new(reading_permits(detect.read_memory))),
            route: Arc::new(ThisPostfix::new(watch, config.postfix.transports.clone())),
            inspect,
            assess: Arc::clone(&assess),
            pins,
            config: Arc::clone(&config),
        };
        Self { config, judge: Arc::new(judge), budget, assess }
    }
}

/// The service, for as long as the daemon runs.
pub struct Service {
    snapshot: RwLock<Arc<Snapshot>>,
    pins: Arc<dyn PinStore>,
    watch: Arc<PostfixWatch>,
    in_force: InForceNow,
    settled: mpsc::Sender<QueueId>,
}

/// What is in force without us, worked out once for each reading of Postfix's configuration: it takes longer than all
/// the rest of a lookup.
#[derive(Default)]
struct InForceNow(RwLock<Option<Known>>);

struct Known {
    facts: Arc<PostfixFacts>,
    in_force: Result<InForce, String>,
}

impl InForceNow {
    fn of(&self, facts: Option<&Arc<PostfixFacts>>) -> Result<InForce, String> {
        let Some(facts) = facts else { return transport::in_force(None) };
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known
            && Arc::ptr_eq(&known.facts, facts)
        {
            return known.in_force.clone();
        }
        drop(known);
        let in_force = transport::in_force(Some(facts));
        let known = Known { facts: Arc::clone(facts), in_force: in_force.clone() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
        in_force
    }
}

impl Service {
    /// A service with its first configuration. Messages that Postfix is done with are told to `settled`.
    pub fn new(
        snapshot: Snapshot,
        pins: Arc<dyn PinStore>,
        watch: Arc<PostfixWatch>,
        settled: mpsc::Sender<QueueId>,
    ) -> Self {
        Self { snapshot: RwLock::new(Arc::new(snapshot)), pins, watch, in_force: InForceNow::default(), settled }
    }

    /// Takes another configuration for every message and lookup from now on.
    pub fn replace(&self, snapshot: Snapshot) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// The configuration of this moment.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.now().config)
    }

    /// Looks again at what is known of destinations and must not be forgotten.
    pub async fn upkeep(&self) {
        let assess = Arc::clone(&self.now().assess);
        assess.upkeep().await;
    }

    fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Current for Service {
    fn judge(&self) -> Arc<Judge> {
        Arc::clone(&self.now().judge)
    }

    fn budget(&self) -> Budget {
        self.now().budget.clone()
    }

    fn settled(&self, queue_id: QueueId) {
        // Where the release task is behind, it learns of the message from the queue, a little later.
        let _ = self.settled.try_send(queue_id);
    }
}

impl Lookup for Service {
    fn lookup(&self, map: Map, key: &str) -> Answer {
        // Postfix asks for the parents of a name that is not found; what is ours for them was found with the name itself.
        if key.starts_with('.') {
            return Reply::NotFound.into();
        }
        let now = self.now();
        let destination = match Destination::new(key) {
            Ok(destination) => destination,
            Err(error) => return Reply::Temp(error.to_string().into()).into(),
        };
        let requirement = match self.pins.strictest(&destination) {
            Ok(requirement) => requirement,
            Err(error) => {
                tracing::error!("socketmap: {destination}: {error}");
                return Reply::Temp("Segl cannot read its pins".into()).into();
            }
        };
        // What is pinned was promised in mode enforce, and with it what goes for its destination.
        if now.config.mode == Mode::Observe && requirement.is_none() {
            return Reply::NotFound.into();
        }
        let destinations = &now.config.destinations;
        let is_fixed = destinations.fixed(&destination).is_some();
        if requirement.is_none() && !is_fixed && destinations.baseline == Baseline::None {
            return Reply::NotFound.into();
        }
        let facts = self.watch.facts();
        let Some(version) = facts.as_ref().map(|facts| facts.version) else {
            return Reply::Temp("Postfix's configuration could not be read (postconf)".into()).into();
        };
        let in_force = self.in_force.of(facts.as_ref());
        let asked = Asked { destination, requirement, in_force, version, map };
        match asked.now(destinations, &*now.assess) {
            Some(answer) => reply(answer).into(),
            None => Answer::Later(Box::pin(async move {
                reply(asked.later(&now.config.destinations, &*now.assess).await.answer)
            })),
        }
    }
}

fn reply(answer: postfix_policy::Answer) -> Reply {
    match answer {
        postfix_policy::Answer::Policy(policy) => Reply::Ok(policy.into()),
        postfix_policy::Answer::NotFound => Reply::NotFound,
        postfix_policy::Answer::Temp(reason) => Reply::Temp(reason.into()),
    }
}
