//! MTA-STS (RFC 8461): what a domain asks of those who send mail to it, said over HTTPS, so that an attacker in the
//! network cannot say otherwise.
//!
//! ```text
//! held             what counts now: what was found, and what is held from before
//! fetch, http      the policy file, over HTTPS from the host mta-sts.DOMAIN
//! error            why that failed
//! policy, pattern  the policy file -> mode, names of mail servers, for how long
//! record           the TXT records at _mta-sts.DOMAIN -> which policy there is
//! ```
//!
//! A domain announces in DNS that it has a policy, and which. Anyone on the way can take that away, or stop the file from
//! being fetched; so a policy once seen is held until it expires, and the protection begins with the first look that
//! succeeds (section 10.2). DANE, where a domain has it, goes before (section 2).
//!
//! What is read here comes from strangers: all of it is bounded, and what does not follow the grammar is no policy.

mod error;
mod fetch;
mod held;
mod http;
mod pattern;
mod policy;
mod record;

use super::dns::{Answer, Dns, is_host_name};
use held::{Outcome, conclude, current};
use std::net::IpAddr;

pub use self::held::{Held, Standing};
pub(super) use self::{
    fetch::{Fetch, Fetcher, PORT, Settings},
    held::Finding,
};

/// Looks for the policy of a domain, which is the next-hop or the domain of a recipient and no address, and says what
/// counts for its mail: what it publishes, or what is `held` from the last look.
///
/// The policy is fetched only where the record announces another than the one held, or that one is due. `now` is in
/// seconds since 1970. What the finding holds replaces what was held.
pub(super) async fn look(dns: &dyn Dns, fetch: &dyn Fetch, domain: &str, held: Option<&Held>, now: i64) -> Finding {
    let outcome = ask(dns, fetch, domain, held, now).await;
    conclude(outcome, held, now)
}

async fn ask(dns: &dyn Dns, fetch: &dyn Fetch, domain: &str, held: Option<&Held>, now: i64) -> Outcome {
    let name = format!("_mta-sts.{domain}");
    if domain.parse::<IpAddr>().is_ok() || !is_host_name(&name) {
        return Outcome::NotAnnounced(format!("`{}` is no domain that could have a policy", domain.escape_debug()));
    }
    let records = match dns.txt(&name).await {
        Ok(Answer::Records(records)) => records.data,
        Ok(Answer::NoData | Answer::NoName) => Vec::new(),
        Err(failure) => return Outcome::NotAnswered(failure.to_string()),
    };
    let id = match record::announced(records.iter().map(Vec::as_slice)) {
        Ok(id) => id,
        Err(none) => return Outcome::NotAnnounced(none.to_string()),
    };
    if let Some(held) = current(&id, held, now) {
        return Outcome::Published(held.clone());
    }
    match fetch.fetch(domain).await {
        Ok(policy) => Outcome::Published(Held { id: id.into(), policy, fetched: now }),
        // A failure of DNS, or of this host, is never taken for the absence of a policy.
        Err(error) if error.is_open() => Outcome::NotAnswered(format!("MTA-STS policy {id}: {error}")),
        Err(error) => Outcome::NotFetched(format!("MTA-STS policy {id}: {error}")),
    }
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
