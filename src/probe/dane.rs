//! Which TLSA records bind the hosts of a destination (RFC 7672 section 2.2), as Postfix looks for them
//! (`src/tls/tls_dane.c`).

use super::{
    Tlsa,
    dns::{Answer, Dns, DnsFailure, Records, Security},
    tlsa::TlsaRecord,
};
use std::net::IpAddr;

/// Records of one host that are looked at; a roll-over takes two or four.
const RECORDS_MAX: usize = 32;

/// What came of looking for the TLSA records of one host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// Secure ones, of which these can be used; never none.
    Usable {
        /// Those that can be used.
        records: Vec<TlsaRecord>,
        /// The TLSA base domain: the host's name, or the end of its aliases (RFC 7672 section 2.2.3).
        base_domain: String,
    },
    /// Secure ones, of which none can be used: TLS without proof (RFC 7672 section 2.2).
    Unusable {
        /// As for [`Self::Usable`].
        base_domain: String,
    },
    /// None.
    Absent,
    /// There is no such host, or it has no address, so that no mail goes there.
    NoHost,
    /// The resolver at hand strips DNSSEC, or was not asked.
    Unchecked,
    /// Not to be told now; with the reason.
    Unknown(String),
}

/// Looks for the TLSA records of a host at this port, given what came of asking for its addresses.
pub(super) async fn of_host(
    dns: &dyn Dns,
    name: &str,
    addresses: &Result<Answer<IpAddr>, DnsFailure>,
    port: u16,
) -> Found {
    let Records { security, canonical, .. } = match addresses {
        Err(failure) => return Found::Unknown(failure.to_string()),
        Ok(Answer::NoData | Answer::NoName) => return Found::NoHost,
        Ok(Answer::Records(records)) => records,
    };
    match security {
        Security::Unchecked => return Found::Unchecked,
        // Not asked for: servers of unsigned zones are known to fail on TLSA (RFC 7672 section 2.1.2). A signed alias
        // of an unsigned name might be asked for at the alias; Postfix does not (`tls_dane_resolve()`).
        Security::Insecure => return Found::Absent,
        Security::Secure => {}
    }
    // The name at the end of the aliases first, then the one in the MX record (RFC 7672 section 2.2.3).
    let mut owners = vec![canonical.as_str()];
    if canonical != name {
        owners.push(name);
    }
    for owner in owners {
        match dns.tlsa(&format!("_{port}._tcp.{owner}")).await {
            Err(failure) => return Found::Unknown(failure.to_string()),
            Ok(Answer::Records(records)) if records.security == Security::Unchecked => return Found::Unchecked,
            Ok(Answer::Records(records)) if records.security == Security::Secure => {
                let usable = records.data.into_iter().filter(TlsaRecord::is_usable).take(RECORDS_MAX);
                let (usable, base_domain) = (usable.collect::<Vec<_>>(), owner.to_owned());
                return match usable.is_empty() {
                    true => Found::Unusable { base_domain },
                    false => Found::Usable { records: usable, base_domain },
                };
            }
            Ok(_) => {}
        }
    }
    Found::Absent
}

/// Where the records of some host stand, those that can be used first: by them it is seen what Postfix sees.
pub(super) fn base_domain<'a>(found: impl Iterator<Item = &'a Found> + Clone) -> Option<&'a str> {
    let usable = found.clone().find_map(|found| match found {
        Found::Usable { base_domain, .. } => Some(base_domain.as_str()),
        _ => None,
    });
    usable.or_else(|| {
        found.into_iter().find_map(|found| match found {
            Found::Unusable { base_domain } => Some(base_domain.as_str()),
            _ => None,
        })
    })
}

/// What the hosts' records amount to; `complete` is whether these are all the hosts. That there are none is said only when it
/// is certain of every host.
pub(super) fn fold(found: &[Found], complete: bool, mx_secure: bool) -> Tlsa {
    let usable = |found: &Found| matches!(found, Found::Usable { .. });
    let bound = |found: &Found| usable(found) || matches!(found, Found::Unusable { .. });
    let is_unknown = |found: &Found| matches!(found, Found::Unknown(_));
    let reason = found.iter().find_map(|found| match found {
        Found::Unknown(reason) => Some(reason.clone()),
        _ => None,
    });
    let mut certain = found.iter().filter(|found| !is_unknown(found) && **found != Found::NoHost).peekable();
    if let Some(reason) = &reason
        && mx_secure
        && certain.peek().is_some()
        && !found.contains(&Found::Unchecked)
    {
        return Tlsa::SomeUnknown { reason: reason.clone(), others_bound: certain.all(bound) };
    }
    if found.iter().any(usable) {
        let every_host = complete && found.iter().all(|found| usable(found) || *found == Found::NoHost);
        return Tlsa::Present { mx_secure, every_host };
    }
    if found.contains(&Found::Unchecked) {
        return Tlsa::Unsupported;
    }
    match reason {
        Some(reason) => Tlsa::Unknown { reason },
        None if found.iter().any(|found| matches!(found, Found::Unusable { .. })) => Tlsa::Unusable { mx_secure },
        None => Tlsa::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::dns::Mx;
    use futures_util::future::BoxFuture;
    use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector, TLSA};
    use std::collections::HashMap;

    #[derive(Default)]
    struct Zone(HashMap<String, Result<Answer<TlsaRecord>, DnsFailure>>);

    impl Dns for Zone {
        fn mx<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<Mx>, DnsFailure>> {
            unreachable!("MX is known")
        }
        fn addresses<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<IpAddr>, DnsFailure>> {
            unreachable!("addresses are known")
        }
        fn tlsa<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<TlsaRecord>, DnsFailure>> {
            Box::pin(async move { self.0.get(name).cloned().unwrap_or(Ok(Answer::NoName)) })
        }
        fn txt<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<Vec<u8>>, DnsFailure>> {
            unreachable!("DANE needs no text")
        }
    }

    fn failure() -> DnsFailure {
        DnsFailure { kind: "TLSA".to_owned(), name: "x".to_owned(), reason: "SERVFAIL".to_owned() }
    }

    fn tlsa(usable: bool, security: Security) -> Result<Answer<TlsaRecord>, DnsFailure> {
        let usage = if usable { CertUsage::DaneEe } else { CertUsage::PkixEe };
        let record = TlsaRecord::new(TLSA::new(usage, Selector::Spki, Matching::Sha256, vec![0; 32]));
        let records = Records { data: vec![record], security, canonical: String::new() };
        Ok(Answer::Records(records))
    }

    fn address(security: Security, canonical: &str) -> Result<Answer<IpAddr>, DnsFailure> {
        let data = vec![IpAddr::from([192, 0, 2, 1])];
        Ok(Answer::Records(Records { data, security, canonical: canonical.to_owned() }))
    }

    async fn look(
        zone: &[(&str, Result<Answer<TlsaRecord>, DnsFailure>)],
        hosts: &[(&str, Result<Answer<IpAddr>, DnsFailure>)],
    ) -> Tlsa {
        let zone = Zone(zone.iter().map(|(name, answer)| ((*name).to_owned(), answer.clone())).collect());
        let looked = hosts.iter().map(|(name, addresses)| of_host(&zone, name, addresses, 25));
        fold(&futures_util::future::join_all(looked).await, true, true)
    }

    const PRESENT: Tlsa = Tlsa::Present { mx_secure: true, every_host: true };

    #[tokio::test]
    async fn finds_secure_usable_records_only() {
        use Security::{Insecure, Secure};
        let host = ("mx.example", address(Secure, "mx.example"));
        let at = "_25._tcp.mx.example";
        let unusable = Tlsa::Unusable { mx_secure: true };
        assert_eq!(look(&[(at, tlsa(true, Secure))], std::slice::from_ref(&host)).await, PRESENT);
        assert_eq!(look(&[(at, tlsa(false, Secure))], std::slice::from_ref(&host)).await, unusable);
        assert_eq!(look(&[(at, tlsa(false, Insecure))], std::slice::from_ref(&host)).await, Tlsa::Absent);
        assert_eq!(look(&[(at, tlsa(true, Insecure))], std::slice::from_ref(&host)).await, Tlsa::Absent);
        assert_eq!(look(&[], std::slice::from_ref(&host)).await, Tlsa::Absent);
        assert!(matches!(look(&[(at, Err(failure()))], &[host]).await, Tlsa::Unknown { .. }));
    }

    #[tokio::test]
    async fn is_not_asked_for_where_addresses_are_insecure() {
        let zone = [("_25._tcp.mx.example", Err(failure()))];
        let insecure = address(Security::Insecure, "mx.example");
        assert_eq!(look(&zone, &[("mx.example", insecure)]).await, Tlsa::Absent);
        let unchecked = address(Security::Unchecked, "mx.example");
        assert_eq!(look(&zone, &[("mx.example", unchecked)]).await, Tlsa::Unsupported);
    }

    #[tokio::test]
    async fn follows_aliases_then_asks_at_the_name_itself() {
        let host = [("mx.example", address(Security::Secure, "real.example"))];
        for base_domain in ["real.example", "mx.example"] {
            let owner = format!("_25._tcp.{base_domain}");
            let zone = Zone(HashMap::from([(owner, tlsa(true, Security::Secure))]));
            let found = of_host(&zone, host[0].0, &host[0].1, 25).await;
            let Found::Usable { base_domain: base, records } = found else { panic!("{found:?}") };
            assert_eq!((base.as_str(), records.len()), (base_domain, 1));
        }
        // The end of the aliases goes before the name, whatever is there.
        let at = ["_25._tcp.real.example", "_25._tcp.mx.example"];
        let (good, bad) = (tlsa(true, Security::Secure), tlsa(false, Security::Secure));
        let zone = [(at[0], bad), (at[1], good.clone())];
        assert_eq!(look(&zone, &host).await, Tlsa::Unusable { mx_secure: true });
        assert!(matches!(look(&[(at[0], Err(failure())), (at[1], good)], &host).await, Tlsa::Unknown { .. }));
    }

    #[tokio::test]
    async fn one_host_is_enough_and_absence_needs_all() {
        let good = ("a.example", address(Security::Secure, "a.example"));
        let zone = [("_25._tcp.a.example", tlsa(true, Security::Secure))];
        let failed = ("b.example", Err(failure()));
        let gone = ("c.example", Ok(Answer::NoName));
        let unusable = ("d.example", address(Security::Secure, "d.example"));
        let zone_and = |name, answer| [zone[0].clone(), (name, answer)];
        let some = Tlsa::Present { mx_secure: true, every_host: false };
        let doubt = |others_bound| Tlsa::SomeUnknown { reason: failure().to_string(), others_bound };
        assert_eq!(look(&zone, &[failed.clone(), good.clone(), gone.clone()]).await, doubt(true));
        let none = ("e.example", address(Security::Secure, "e.example"));
        assert_eq!(look(&zone, &[failed.clone(), good.clone(), none.clone()]).await, doubt(false));
        assert_eq!(look(&zone, &[failed.clone(), none]).await, doubt(false));
        assert_eq!(look(&zone, &[good.clone(), gone.clone()]).await, PRESENT);
        assert_eq!(look(&zone, &[good.clone(), unusable.clone()]).await, some);
        let two = zone_and("_25._tcp.d.example", tlsa(false, Security::Secure));
        assert_eq!(look(&two, &[good, unusable.clone()]).await, some);
        assert_eq!(look(&two, &[unusable.clone(), gone.clone()]).await, Tlsa::Unusable { mx_secure: true });
        assert_eq!(look(&two, &[unusable, failed.clone()]).await, doubt(true));
        assert!(matches!(look(&[], &[failed, gone.clone()]).await, Tlsa::Unknown { .. }));
        assert_eq!(look(&[], &[gone]).await, Tlsa::Absent);
    }

    #[test]
    fn hosts_that_are_not_looked_at_may_have_none() {
        let record = TlsaRecord::new(TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, vec![0; 32]));
        let found = [Found::Usable { records: vec![record], base_domain: "mx.example".to_owned() }];
        assert_eq!(fold(&found, false, false), Tlsa::Present { mx_secure: false, every_host: false });
        assert_eq!(fold(&found, true, false), Tlsa::Present { mx_secure: false, every_host: true });
    }
}
