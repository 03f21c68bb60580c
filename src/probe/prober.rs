//! What is asked about destinations, and who answers.

use super::{
    Capability, MtaSts, Published, Report, Tlsa,
    ad::PostfixDns,
    dns::{Resolver, ResolverError},
    flights::{Bounds, Finding, Flights, NoShelf, Shelf},
    history::LetGo,
    inquiry::{Inquiry, Lifetimes, Settings},
    manner::{Manner, Manners},
    mta_sts::{self, Fetcher},
    publications::Publications,
    shelf::{Keep, On},
    starttls::{Trust, TrustError},
    turns::Turns,
};
use crate::{clock::unix_time, config, nexthop::Destination};
use futures_util::{StreamExt, future::BoxFuture, stream};
use serde::{Serialize, de::DeserializeOwned};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// The longest EHLO name, in characters (RFC 5321 section 4.5.3.1.2).
const HELO_MAX: usize = 255;

/// How long the fetch of an MTA-STS policy may take: less than a lookup of Postfix's waits, so that a web server that does
/// not answer puts off no mail. It is tried again in five minutes.
const FETCH_MAX: Duration = Duration::from_secs(15);

/// Looks at what destinations publish under way at once, for each probe that may be.
const LOOKING: usize = 2;

/// How long such a look may take.
const LOOKING_MAX: Duration = Duration::from_secs(25);

/// How often MTA-STS policies are looked at although no mail goes there (RFC 8461 section 3.3).
const UPKEEP: Duration = Duration::from_secs(24 * 3600);

/// How many of them in one round.
const UPKEEP_MOST: usize = 200;

/// And how many at once.
const UPKEEP_AT_ONCE: usize = 16;

/// The name under which findings of one kind are kept.
const PROBE: &str = "probe";
const PUBLISHED: &str = "published";

/// What is asked about destinations.
pub trait Assess: Send + Sync {
    /// What is known of what a destination can do, or comes to be known within `budget`. What is not known by then is
    /// [`Capability::Unknown`].
    fn assess<'a>(&'a self, destination: &'a Destination, budget: Duration) -> BoxFuture<'a, Arc<Report>>;

    /// The same for what it publishes, which DNS and a web server say, without a word to its mail servers.
    fn published<'a>(&'a self, destination: &'a Destination, budget: Duration) -> BoxFuture<'a, Arc<Published>>;

    /// What is known of what it can do now, without waiting for anybody.
    fn assessed(&self, destination: &Destination) -> Option<Arc<Report>>;

    /// The same for what it publishes.
    fn published_now(&self, destination: &Destination) -> Option<Arc<Published>>;

    /// Looks again at what must not be forgotten although nobody asks for it; to be called now and then.
    fn upkeep(&self) -> BoxFuture<'_, ()>;
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

/// Asks about destinations and remembers the answers. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct Prober {
    reports: Flights<Report>,
    published: Flights<Published>,
    keep: Option<Arc<dyn Keep>>,
}

impl Prober {
    /// A prober that introduces itself as `helo`, does as Postfix does by default, and remembers while the program runs;
    /// as [`Prober::with`].
    ///
    /// # Errors
    /// As [`Prober::with`].
    pub fn new(config: &config::Probe, helo: &str) -> Result<Self, ProberError> {
        let manner = Manner { helo: helo.to_owned(), ..Manner::default() };
        Self::with(config, &config::Destinations::default(), Arc::new(manner), None)
    }

    /// A prober that does as `manners` say, but for the name in EHLO where the configuration has one. Reads the system's
    /// resolver configuration and root certificates: make a new one when those
    /// or the configuration change. What is found outlives the program in `keep`.
    ///
    /// # Errors
    /// When the configuration, the resolver's or the root certificates cannot be used; names the key.
    pub fn with(
        config: &config::Probe,
        destinations: &config::Destinations,
        manners: Arc<dyn Manners>,
        keep: Option<Arc<dyn Keep>>,
    ) -> Result<Self, ProberError> {
        Self::beside(&PostfixDns::system(), config, destinations, manners, keep)
    }

    /// As [`Prober::with`], for a Postfix that asks these name servers instead of those of /etc/resolv.conf.
    ///
    /// # Errors
    /// As [`Prober::with`].
    pub fn beside(
        postfix_dns: &[SocketAddr],
        config: &config::Probe,
        destinations: &config::Destinations,
        manners: Arc<dyn Manners>,
        keep: Option<Arc<dyn Keep>>,
    ) -> Result<Self, ProberError> {
        let helo = if config.helo.is_empty() { manners.manner().helo } else { config.helo.clone() };
        if !can_be_said(&helo) {
            return Err(ProberError::Helo(helo.escape_default().to_string()));
        }
        let settings = Settings {
            helo: config.helo.clone(),
            port: config.port,
            step_time: config.step_time,
            max_time: config.max_time,
            max_hosts: config.max_hosts,
            max_addresses: config.max_addresses,
            allowed: config.allow_private.clone(),
            lifetimes: Lifetimes {
                found: config.lifetime,
                negative: config.negative_lifetime,
                failure: config.failure_lifetime,
            },
            let_go: LetGo { probes: destinations.let_go_probes, time: destinations.let_go_time },
        };
        let dns = Arc::new(Resolver::new(
            &config.nameservers,
            config.trust_anchor.as_deref(),
            config.private_domains.clone(),
        )?);
        let trust = Trust::load(config.ca_file.as_deref())?;
        let bounds = Bounds {
            concurrency: config.concurrency,
            size: config.cache_size,
            max_time: config.max_time,
            failure_lifetime: config.failure_lifetime,
        };
        // Nobody waits longer for these, and a name server that does not answer must not hold up what others publish.
        let looking = Bounds {
            concurrency: config.concurrency.saturating_mul(LOOKING),
            max_time: config.max_time.min(LOOKING_MAX),
            ..bounds
        };
        let postfix_dns = Arc::new(PostfixDns::new(postfix_dns));
        let fetching = mta_sts::Settings {
            port: mta_sts::PORT,
            step_time: config.step_time.min(FETCH_MAX),
            total_time: FETCH_MAX,
            max_addresses: config.max_addresses,
            allowed: config.allow_private.clone(),
        };
        let fetcher = Fetcher::new(Arc::clone(&dns) as _, &trust, fetching)?;
        let publications = Publications {
            dns: Arc::clone(&dns) as _,
            postfix_dns: Arc::clone(&postfix_dns),
            fetch: Box::new(fetcher),
            manners: Arc::clone(&manners),
            settings: settings.clone(),
        };
        let published = Flights::new(Box::new(publications), shelf(PUBLISHED, keep.clone()), looking);
        let (published_too, turns) = (published.clone(), Turns::default());
        let inquiry = Inquiry { dns, postfix_dns, published: published_too, trust, manners, turns, settings };
        let reports = Flights::new(Box::new(inquiry), shelf(PROBE, keep.clone()), bounds);
        Ok(Self { reports, published, keep })
    }
}

/// Whether a name can be given in EHLO.
pub(super) fn can_be_said(helo: &str) -> bool {
    !helo.is_empty() && helo.len() <= HELO_MAX && helo.bytes().all(|byte| byte.is_ascii_graphic())
}

fn shelf<T: Finding + Serialize + DeserializeOwned>(
    kind: &'static str,
    keep: Option<Arc<dyn Keep>>,
) -> Box<dyn Shelf<T>> {
    match keep {
        Some(keep) => Box::new(On::new(kind, keep)),
        None => Box::new(NoShelf),
    }
}

impl Assess for Prober {
    fn assess<'a>(&'a self, destination: &'a Destination, budget: Duration) -> BoxFuture<'a, Arc<Report>> {
        Box::pin(self.reports.ask(destination, budget))
    }

    fn published<'a>(&'a self, destination: &'a Destination, budget: Duration) -> BoxFuture<'a, Arc<Published>> {
        Box::pin(self.published.ask(destination, budget))
    }

    fn assessed(&self, destination: &Destination) -> Option<Arc<Report>> {
        self.reports.cached(destination)
    }

    fn published_now(&self, destination: &Destination) -> Option<Arc<Published>> {
        self.published.cached(destination)
    }

    fn upkeep(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let Some(keep) = &self.keep else { return };
            let due = stream::iter(keep.due(PUBLISHED, UPKEEP_MOST).await);
            let look = async |destination| drop(self.published.ask(&destination, LOOKING_MAX).await);
            due.for_each_concurrent(UPKEEP_AT_ONCE, look).await;
        })
    }
}

impl Finding for Report {
    fn unknown(reason: String, lifetime: Duration) -> Self {
        Self::unknown(reason, lifetime)
    }

    fn lifetime(&self) -> Duration {
        self.lifetime
    }

    fn is_known(&self) -> bool {
        !matches!(self.capability, Capability::Unknown { .. })
    }

    /// Only what speaks for a destination: that it cannot may have changed, and a message would be refused for it.
    fn outlives(&self) -> bool {
        matches!(self.capability, Capability::Authenticated { .. } | Capability::Encrypted { .. })
    }

    fn upkeep(&self) -> Option<Duration> {
        None
    }

    fn after(self, before: Option<&Self>) -> Self {
        Self { history: before.and_then(|before| before.history), ..self }
    }

    fn in_short(&self) -> Self {
        Self { hosts: Vec::new(), ..self.clone() }
    }

    fn remains(&self, _: Option<&Self>) -> Option<Self> {
        None
    }
}

impl Finding for Published {
    fn unknown(reason: String, lifetime: Duration) -> Self {
        let tlsa = Tlsa::Unknown { reason: reason.clone() };
        Self { tlsa, postfix_sees_dane: None, mta_sts: MtaSts::Unknown { reason }, lifetime }
    }

    fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Whether the most that it can say of the destination is said.
    fn is_known(&self) -> bool {
        match self.tlsa {
            Tlsa::Unknown { .. } | Tlsa::SomeUnknown { .. } => false,
            Tlsa::Present { mx_secure: true, every_host: true } => true,
            _ => !matches!(self.mta_sts, MtaSts::Unknown { .. }),
        }
    }

    /// Whatever it was: a policy that has gone is kept a while, and one that has come is seen a while later.
    fn outlives(&self) -> bool {
        self.is_known()
    }

    /// An MTA-STS policy must not expire because no mail went there for some days: an attacker who can stop the next fetch
    /// would have none to contend with (RFC 8461 section 10.2).
    fn upkeep(&self) -> Option<Duration> {
        matches!(self.mta_sts, MtaSts::Policy(_)).then_some(UPKEEP)
    }

    /// A policy that is held is held whatever became of the look.
    fn after(self, before: Option<&Self>) -> Self {
        match before.map(|before| &before.mta_sts) {
            Some(MtaSts::Policy(held)) if held.counts(unix_time()) => {
                Self { mta_sts: MtaSts::Policy(held.clone()), ..self }
            }
            _ => self,
        }
    }

    fn in_short(&self) -> Self {
        self.clone()
    }

    /// An MTA-STS policy counts until it expires, be nothing else to be told; it is looked at again before it is told.
    fn remains(&self, before: Option<&Self>) -> Option<Self> {
        let MtaSts::Policy(_) = self.mta_sts else { return None };
        let tlsa = before.map_or(&self.tlsa, |before| &before.tlsa).clone();
        Some(Self { tlsa, lifetime: Duration::ZERO, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
