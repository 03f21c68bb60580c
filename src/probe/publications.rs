//! What a destination publishes of the TLS of its mail servers, looked up without a word to these.

use super::{
    MtaSts, Published, StsPolicy, Tlsa,
    ad::PostfixDns,
    dane::{self, Found},
    dns::{Answer, Dns, DnsFailure},
    flights::{Inquire, Progress},
    inquiry::{Settings, addresses},
    manner::{Manner, Manners},
    mta_sts::{self, Fetch},
    mx::{self, Hosts, Route},
};
use crate::{clock::unix_time, nexthop::Destination};
use futures_util::future::{BoxFuture, join_all};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How long it is believed that a destination publishes what it does: TLSA records may be rolled over, and a new MTA-STS
/// policy is to be seen before long.
const LIFETIME: Duration = Duration::from_secs(3600);

/// MX hosts of one destination that are looked at: more than those that are contacted, since Postfix may deliver to any.
const HOSTS_MAX: usize = 100;

/// Looks up what destinations publish.
pub(super) struct Publications {
    pub(super) dns: Arc<dyn Dns>,
    pub(super) postfix_dns: Arc<PostfixDns>,
    pub(super) fetch: Box<dyn Fetch>,
    pub(super) manners: Arc<dyn Manners>,
    pub(super) settings: Settings,
}

impl Inquire<Published> for Publications {
    fn inquire<'a>(
        &'a self,
        destination: &'a Destination,
        before: Option<Arc<Published>>,
        _: Progress<'a, Published>,
    ) -> BoxFuture<'a, Published> {
        Box::pin(async move {
            let held = before.as_deref().and_then(|before| match &before.mta_sts {
                MtaSts::Policy(held) => Some(&**held),
                MtaSts::Absent { .. } | MtaSts::Unknown { .. } => None,
            });
            let manner = self.manners.manner();
            let ((tlsa, postfix_sees_dane), sts) =
                tokio::join!(self.tlsa(destination, &manner), self.mta_sts(destination, &manner, held));
            // A resolver that showed signatures and then does not is an attack or a fault.
            let tlsa = match (tlsa, before.as_deref().map(|before| &before.tlsa)) {
                (Tlsa::Unsupported, Some(Tlsa::Present { .. } | Tlsa::Unusable { .. } | Tlsa::Absent)) => {
                    Tlsa::Unknown { reason: "the DNS servers no longer show what DNSSEC says".to_owned() }
                }
                (tlsa, _) => tlsa,
            };
            if let (Some(reason), MtaSts::Policy(policy)) = (&sts.kept_because, &sts.standing)
                && policy.is_enforced()
            {
                tracing::warn!("{destination}: its MTA-STS policy stays in force: {reason}");
            }
            let lifetimes = self.settings.lifetimes;
            let unknown = matches!(tlsa, Tlsa::Unknown { .. } | Tlsa::SomeUnknown { .. })
                || matches!(sts.standing, MtaSts::Unknown { .. });
            let lifetime = LIFETIME.min(if unknown { lifetimes.failure } else { lifetimes.found }).min(sts.again);
            Published { tlsa, postfix_sees_dane, mta_sts: sts.standing, lifetime }
        })
    }
}

impl Publications {
    async fn mta_sts(&self, destination: &Destination, manner: &Manner, held: Option<&StsPolicy>) -> mta_sts::Finding {
        // A host in brackets is where the administrator sends the mail of whatever domain: it has no policy. Nor has one
        // that Postfix takes for a host since it asks for no MX records, which is what a policy is about.
        if !destination.uses_mx() || !manner.uses_mx {
            let what =
                if destination.uses_mx() { "a host whose MX records are not asked for" } else { "a host in brackets" };
            let standing = MtaSts::Absent { reason: format!("{what} has none") };
            return mta_sts::Finding { standing, kept_because: None, again: LIFETIME };
        }
        mta_sts::look(&*self.dns, &*self.fetch, destination.host(), held, unix_time()).await
    }

    async fn tlsa(&self, destination: &Destination, manner: &Manner) -> (Tlsa, Option<bool>) {
        let port = match mx::port(destination, self.settings.port).await {
            Ok(port) => port,
            Err(reason) => return (Tlsa::Unknown { reason }, None),
        };
        let dns = &*self.dns;
        let Hosts { hosts, complete, mx_secure, domains } = match mx::route(dns, manner, destination, HOSTS_MAX).await {
            Route::Hosts(hosts) => hosts,
            Route::Nowhere(_) => return (Tlsa::Absent, None),
            Route::Unknown(reason) => return (Tlsa::Unknown { reason }, None),
        };
        let resolved: Vec<Result<Answer<IpAddr>, DnsFailure>> =
            join_all(hosts.iter().map(|host| addresses(dns, manner, host))).await;
        let looked = hosts.iter().zip(&resolved).map(|(host, found)| dane::of_host(dns, &host.name, found, port));
        let found = join_all(looked).await;
        let sees = match dane::base_domain(found.iter()) {
            Some(base_domain) => {
                let mx_of = if mx_secure { domains.first().map(String::as_str) } else { None };
                self.postfix_dns.sees_dane(destination, port, base_domain, mx_of).await
            }
            None => match domains.first() {
                Some(domain) if mx_secure && found.iter().any(|found| matches!(found, Found::Unknown(_))) => {
                    self.postfix_dns.sees_mx(domain).await
                }
                _ => None,
            },
        };
        let tlsa = match dane::fold(&found, complete, mx_secure) {
            // Behind MX records that are not signed TLSA records promise nothing, whatever they are.
            Tlsa::Unknown { .. } if !mx_secure => Tlsa::Absent,
            Tlsa::Absent if mx_secure && !complete => Tlsa::Unknown {
                reason: format!("it has more than {HOSTS_MAX} MX hosts, and the first have no TLSA records"),
            },
            tlsa => tlsa,
        };
        (tlsa, sees)
    }
}
