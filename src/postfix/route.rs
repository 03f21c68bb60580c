//! Where a recipient's mail goes from here, as Postfix itself tells it.

use super::{
    postconf::{PostfixFacts, PostfixWatch},
    resolve::{self, Answer, Origin, Question, Resolution, Resolver, Who},
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
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
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
    /// It may change on its way, or nothing is told of it: Postfix's tools must be asked ([`Route::follow`]).
    Ask,
}

/// Where a message goes in the end.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Followed {
    /// The ways of each recipient, in their order; at least one each. A recipient may become several (aliases), and
    /// there may be copies of its mail.
    pub recipients: Vec<Vec<Onward>>,
    /// The ways of those who get a copy whoever the recipients are.
    pub copies: Vec<Onward>,
    /// The ways of those who get notices about the message in place of its sender.
    pub notices: Vec<Onward>,
}

/// One way on for a recipient's mail.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
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

    /// Follows all recipients of a message through Postfix's own tables to where their mail goes, within a time that
    /// Postfix waits.
    fn follow<'a>(&'a self, sender: &'a str, recipients: &'a [Recipient]) -> BoxFuture<'a, Followed>;

    /// Follows a notice to this sender.
    fn notice_to<'a>(&'a self, sender: &'a str) -> BoxFuture<'a, Vec<Onward>>;

    /// The next-hops that smtp(8) falls back to (`smtp_fallback_relay`), whatever the destination.
    ///
    /// # Errors
    /// As [`Route::at_once`].
    fn fallback_relays(&self) -> Result<Vec<Destination>, String>;

    /// Whether a sender's header `TLS-Required: no` lifts every policy (RFC 8689; `tls_required_enable`, Postfix 3.10 and
    /// later, which then asks for no policy at all).
    ///
    /// # Errors
    /// As [`Route::at_once`].
    fn heeds_tls_required_no(&self) -> Result<bool, String>;

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

impl ThisPostfix {
    /// The way that smtpd(8) named for a recipient, where it counts for one that no map changes.
    fn told<'a>(&self, facts: Option<&PostfixFacts>, recipient: &'a Recipient) -> Option<(&'a str, &'a str)> {
        let (mailer, host) = recipient.told.as_ref()?;
        let leads = transport::of_macros(facts, &self.transports, mailer, host);
        (leads != Leads::Aliased).then_some((mailer.as_str(), host.as_str()))
    }

    fn onward(&self, facts: Option<&PostfixFacts>, way: resolve::Hop) -> Onward {
        let leads = match &way.command {
            None => transport::of_nexthop(facts, &self.transports, &way.transport, &way.nexthop),
            Some(program) => transport::of_program(&self.transports, program),
        };
        let hop = match hop(leads, &way.nexthop, Some(&way.domain)) {
            AtOnce::Known(hop) => hop,
            AtOnce::Ask => Hop::Unresolved { reason: "an alias without end".to_owned() },
        };
        Onward { domain: Some(way.domain), hop }
    }

    /// The ways of a recipient that cannot be followed: any, and the one that smtpd(8) named where that leaves this host.
    fn not_followed(&self, facts: Option<&PostfixFacts>, recipient: &Recipient, reason: String) -> Vec<Onward> {
        let onward = |hop| Onward { domain: recipient.domain.clone(), hop };
        let mut ways = vec![onward(Hop::Unresolved { reason })];
        if let Some((mailer, host)) = self.told(facts, recipient)
            && let AtOnce::Known(named @ (Hop::Smtp(_) | Hop::Uncontrolled { .. })) =
                hop(transport::of_macros(facts, &self.transports, mailer, host), host, recipient.domain.as_ref())
        {
            ways.push(onward(named));
        }
        ways
    }
}

impl Route for ThisPostfix {
    fn at_once(&self, macros: &RecipientMacros) -> Result<AtOnce, String> {
        let facts = self.facts()?;
        let (Some(mailer), Some(host)) = (&macros.mailer, &macros.host) else { return Ok(AtOnce::Ask) };
        if resolve::changes(&facts, mailer) {
            return Ok(AtOnce::Ask);
        }
        let leads = transport::of_macros(Some(&facts), &self.transports, mailer, host);
        Ok(hop(leads, host, session::domain(&macros.address).as_ref()))
    }

    fn follow<'a>(&'a self, sender: &'a str, recipients: &'a [Recipient]) -> BoxFuture<'a, Followed> {
        Box::pin(async move {
            let facts = self.watch.facts();
            let by_sendmail = recipients.first().is_some_and(|recipient| recipient.told.is_none());
            let origin = if by_sendmail { Origin::Sendmail } else { Origin::Smtpd };
            let unknown = recipients.iter().filter(|recipient| recipient.hop == AtOnce::Ask);
            let mut questions: Vec<Question<'_>> = unknown
                .map(|recipient| Question {
                    told: self.told(facts.as_deref(), recipient),
                    ..Question::of(&recipient.address, sender, origin)
                })
                .collect();
            let copies = [(Who::SenderCopy, "sender_bcc_maps"), (Who::AlwaysCopy, "always_bcc")];
            let is_set = |name| facts.as_ref().is_some_and(|facts| !facts.required(name).is_empty());
            let copies = copies.into_iter().filter(|(_, name)| is_set(name));
            questions.extend(copies.map(|(who, _)| Question { who, sender, origin, told: None }));
            let mut resolutions = self.resolver.resolve_all(facts.as_ref(), &questions).await.into_iter();

            let mut followed = Followed::default();
            for recipient in recipients {
                followed.recipients.push(match &recipient.hop {
                    AtOnce::Known(hop) => vec![Onward { domain: recipient.domain.clone(), hop: hop.clone() }],
                    AtOnce::Ask => match resolutions.next() {
                        Some(Resolution::Known(answer)) => {
                            let notices = answer.notices.into_iter().map(|way| self.onward(facts.as_deref(), way));
                            followed.notices.extend(notices);
                            answer.hops.into_iter().map(|way| self.onward(facts.as_deref(), way)).collect()
                        }
                        Some(Resolution::Unknown(reason)) => self.not_followed(facts.as_deref(), recipient, reason),
                        None => self.not_followed(facts.as_deref(), recipient, "no answer".to_owned()),
                    },
                });
            }
            for resolution in resolutions {
                match resolution {
                    Resolution::Known(answer) => {
                        followed.copies.extend(answer.hops.into_iter().map(|way| self.onward(facts.as_deref(), way)));
                        let notices = answer.notices.into_iter().map(|way| self.onward(facts.as_deref(), way));
                        followed.notices.extend(notices);
                    }
                    Resolution::Unknown(reason) => {
                        followed.copies.push(Onward { domain: None, hop: Hop::Unresolved { reason } });
                    }
                }
            }
            followed
        })
    }

    fn notice_to<'a>(&'a self, sender: &'a str) -> BoxFuture<'a, Vec<Onward>> {
        Box::pin(async move {
            let facts = self.watch.facts();
            match self.resolver.resolve(facts.as_ref(), Question::of(sender, "", Origin::Notice)).await {
                Resolution::Known(Answer { hops, notices }) => {
                    hops.into_iter().chain(notices).map(|way| self.onward(facts.as_deref(), way)).collect()
                }
                Resolution::Unknown(reason) => {
                    vec![Onward { domain: session::domain(sender), hop: Hop::Unresolved { reason } }]
                }
            }
        })
    }

    fn fallback_relays(&self) -> Result<Vec<Destination>, String> {
        let relays = self.facts()?.fallback_relays().map_err(|error| format!("smtp_fallback_relay: {error}"))?;
        Ok(relays.into_iter().collect())
    }

    fn heeds_tls_required_no(&self) -> Result<bool, String> {
        Ok(self.facts()?.honours_tls_required_no())
    }

    fn queue_lifetime(&self) -> Result<Duration, String> {
        Ok(self.facts()?.maximal_queue_lifetime)
    }
}
