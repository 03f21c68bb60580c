//! What a destination publishes of the TLS of its mail servers, looked up without a word to these.

use super::{
    Published, Tlsa, dane,
    dns::{Answer, Dns, DnsFailure},
    flights::{Inquire, Progress},
    inquiry::{Settings, addresses},
    mx::{self, Hosts, Route},
};
use crate::nexthop::Destination;
use futures_util::future::{BoxFuture, join_all};
use std::{net::IpAddr, sync::Arc, time::Duration};

/// How long it is believed that a destination publishes what it does: TLSA records may be rolled over, and a new MTA-STS
/// policy is to be seen before long.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Looks up what destinations publish.
pub(super) struct Publications {
    pub(super) dns: Arc<dyn Dns>,
    pub(super) settings: Settings,
}

impl Inquire<Published> for Publications {
    fn inquire<'a>(
        &'a self,
        destination: &'a Destination,
        _: Option<Arc<Published>>,
        _: Progress<'a, Published>,
    ) -> BoxFuture<'a, Published> {
        Box::pin(async move {
            let tlsa = self.tlsa(destination).await;
            let failure = matches!(tlsa, Tlsa::Unknown { .. });
            let lifetimes = self.settings.lifetimes;
            let lifetime = if failure { lifetimes.failure } else { lifetimes.found.min(LIFETIME) };
            Published { tlsa, lifetime }
        })
    }
}

impl Publications {
    async fn tlsa(&self, destination: &Destination) -> Tlsa {
        let port = match mx::port(destination, self.settings.port) {
            Ok(port) => port,
            Err(reason) => return Tlsa::Unknown { reason },
        };
        let dns = &*self.dns;
        let Hosts { hosts, complete, mx_secure, .. } = match mx::route(dns, destination, self.settings.max_hosts).await
        {
            Route::Hosts(hosts) => hosts,
            Route::Nowhere(_) => return Tlsa::Absent,
            Route::Unknown(reason) => return Tlsa::Unknown { reason },
        };
        let resolved: Vec<Result<Answer<IpAddr>, DnsFailure>> =
            join_all(hosts.iter().map(|host| addresses(dns, host))).await;
        let looked = hosts.iter().zip(&resolved).map(|(host, found)| dane::of_host(dns, &host.name, found, port));
        dane::fold(&join_all(looked).await, complete, mx_secure)
    }
}
