//! Where a recipient's mail goes from here, as Postfix itself tells it.

use super::{
    postconf::{PostfixFacts, PostfixWatch},
    resolve::{Origin, Question, Resolution, Resolver},
    session::{self, Recipient},
    transport::{self, Leads},
};
use crate::{config::TransportLeads, nexthop::Destination, store::BoxFuture};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What Postfix's macros say of one recipient at RCPT.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RecipientMacros {
    /// `{rcpt_addr}`, or the address of the command where the macro is absent.
    pub address: String,
    /// `{rcpt_mailer}`: the transport, an entry of master.cf. Absent for sendmail(1).
    pub mailer: Option<String>,
    /// `{rcpt_host}`: the next-hop, perhaps a list. Absent for sendmail(1).
    pub host: Option<String>,
}

/// How one recipient's mail travels on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Hop {
    /// It stays on this host.
    Stays,
    /// By smtp(8), which asks our TLS policy map for each of these.
    Smtp(Vec<Destination>),
    /// It leaves, or may leave, by a transport that never asks our map.
    Uncontrolled {
        /// Which, and what to do about it.
        reason: String,
    },
    /// Postfix's own tools could not say.
    Unresolved {
        /// Why not.
        reason: String,
    },
}

/// What the macros alone tell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AtOnce {
    /// The hop.
    Known(Hop),
    /// Postfix's tools must be asked ([`Route::resolve`]).
    Ask,
}

/// One way on for a recipient's mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Onward {
    /// The domain, after aliases where these were followed; `None` where it cannot be told.
    pub domain: Option<Destination>,
    /// How its mail travels.
    pub hop: Hop,
}

/// The edge to what is known of the Postfix at hand.
pub trait Route: Send + Sync {
    /// What the macros tell, without any waiting.
    ///
    /// # Errors
    /// When nothing is known of this Postfix (postconf failed); temporary for the mail concerned.
    fn at_once(&self, macros: &RecipientMacros) -> Result<AtOnce, String>;

    /// Asks Postfix's own tools. A recipient may become several (virtual aliases); never none.
    fn resolve<'a>(&'a self, sender: &'a str, recipient: &'a Recipient) -> BoxFuture<'a, Vec<Onward>>;

    /// The next-hops that smtp(8) falls back to (`smtp_fallback_relay`), whatever the destination.
    ///
    /// # Errors
    /// As [`Route::at_once`].
    fn fallback_relays(&self) -> Result<Vec<Destination>, String>;

    /// How long Postfix keeps a message at most (`maximal_queue_lifetime`).
    ///
    /// # Errors
    /// As [`Route::at_once`].
    fn queue_lifetime(&self) -> Result<Duration, String>;
}

/// The Postfix on this host.
pub struct ThisPostfix {
    watch: Arc<PostfixWatch>,
    transports: BTreeMap<String, TransportLeads>,
    resolver: Resolver,
}

impl ThisPostfix {
    /// With the facts that `watch` follows, and what the administrator says of transports.
    pub fn new(watch: Arc<PostfixWatch>, transports: BTreeMap<String, TransportLeads>) -> Self {
        Self { watch, transports, resolver: Resolver::default() }
    }

    fn facts(&self) -> Result<Arc<PostfixFacts>, String> {
        self.watch.facts().ok_or_else(|| "Postfix's configuration could not be read (postconf)".to_owned())
    }
}

/// What a transport's lead means for a recipient of this domain.
fn hop(leads: Leads, host: &str, domain: Option<&Destination>) -> AtOnce {
    AtOnce::Known(match leads {
        Leads::Aliased => return AtOnce::Ask,
        Leads::Stays => Hop::Stays,
        Leads::OutUncontrolled { reason } | Leads::Unknown { reason } => Hop::Uncontrolled { reason },
        Leads::Out => match Destination::split(host) {
            Ok(destinations) => Hop::Smtp(destinations),
            Err(error) => Hop::Unresolved { reason: format!("next-hop: {error}") },
        },
        // Mail that is bounced, thrown away or put off today may go to its domain tomorrow.
        Leads::Nowhere => match domain {
            Some(domain) => Hop::Smtp(vec![domain.clone()]),
            None => Hop::Unresolved { reason: "no domain".to_owned() },
        },
    })
}

impl Route for ThisPostfix {
    fn at_once(&self, macros: &RecipientMacros) -> Result<AtOnce, String> {
        let facts = self.facts()?;
        let (Some(mailer), Some(host)) = (&macros.mailer, &macros.host) else { return Ok(AtOnce::Ask) };
        let leads = transport::of_macros(Some(&facts), &self.transports, mailer, host);
        Ok(hop(leads, host, session::domain(&macros.address).as_ref()))
    }

    fn resolve<'a>(&'a self, sender: &'a str, recipient: &'a Recipient) -> BoxFuture<'a, Vec<Onward>> {
        Box::pin(async move {
            let facts = self.watch.facts();
            let origin = if recipient.without_macros { Origin::Sendmail } else { Origin::Smtpd };
            let question = Question { recipient: &recipient.address, sender, origin };
            let hops = match self.resolver.resolve(facts.as_ref(), question).await {
                Resolution::Known(hops) => hops,
                Resolution::Unknown(reason) => {
                    return vec![Onward { domain: recipient.domain.clone(), hop: Hop::Unresolved { reason } }];
                }
            };
            let onward = hops.into_iter().map(|way| {
                let leads = transport::of_nexthop(facts.as_deref(), &self.transports, &way.transport, &way.nexthop);
                let hop = match hop(leads, &way.nexthop, Some(&way.domain)) {
                    AtOnce::Known(hop) => hop,
                    AtOnce::Ask => Hop::Unresolved { reason: "an alias without end".to_owned() },
                };
                Onward { domain: Some(way.domain), hop }
            });
            onward.collect()
        })
    }

    fn fallback_relays(&self) -> Result<Vec<Destination>, String> {
        let relays = self.facts()?.fallback_relays().map_err(|error| format!("smtp_fallback_relay: {error}"))?;
        Ok(relays.into_iter().collect())
    }

    fn queue_lifetime(&self) -> Result<Duration, String> {
        Ok(self.facts()?.maximal_queue_lifetime)
    }
}
