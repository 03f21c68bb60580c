//! Whether the hosts of a destination have TLSA records that mail can be held to (RFC 7672 section 2.2).
//!
//! This only looks whether there are any, so that an answer to Postfix is never weaker than the `dane` that it would
//! use by itself. It does not match them against certificates.

use super::{
    Tlsa,
    dns::{Answer, Dns, DnsFailure, Records, Security},
    tlsa::TlsaRecord,
};
use futures_util::future::join_all;
use std::net::IpAddr;

/// A host and what came of asking for its addresses.
pub(super) type Resolved<'a> = (&'a str, &'a Result<Answer<IpAddr>, DnsFailure>);

/// Looks for TLSA records of each host at this port. One host that has some is enough to say that there are some;
/// none is said only when that is certain of every host.
pub(super) async fn presence(dns: &dyn Dns, hosts: &[Resolved<'_>], port: u16, mx_secure: bool) -> Tlsa {
    let found = join_all(hosts.iter().map(|(name, addresses)| of_host(dns, name, addresses, port))).await;
    if found.contains(&Found::Usable) {
        return Tlsa::Present { mx_secure };
    }
    if found.contains(&Found::Unchecked) {
        return Tlsa::Unsupported;
    }
    let unknown = found.into_iter().find_map(|found| match found {
        Found::Unknown(reason) => Some(reason),
        _ => None,
    });
    unknown.map_or(Tlsa::Absent, |reason| Tlsa::Unknown { reason })
}

#[derive(Debug, Eq, PartialEq)]
enum Found {
    Usable,
    Nothing,
    Unchecked,
    Unknown(String),
}

async fn of_host(dns: &dyn Dns, name: &str, addresses: &Result<Answer<IpAddr>, DnsFailure>, port: u16) -> Found {
    let Records { security, canonical, .. } = match addresses {
        Err(failure) => return Found::Unknown(failure.to_string()),
        Ok(Answer::NoData | Answer::NoName) => return Found::Nothing,
        Ok(Answer::Records(records)) => records,
    };
    match security {
        Security::Unchecked => return Found::Unchecked,
        // Not asked for: servers of unsigned zones are known to fail on TLSA (RFC 7672 section 2.1.2).
        Security::Insecure => return Found::Nothing,
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
                // Records of which none can be used ask for TLS without proof: `encrypt` is no weaker.
                return if records.data.iter().any(TlsaRecord::is_usable) { Found::Usable } else { Found::Nothing };
            }
            Ok(_) => {}
        }
    }
    Found::Nothing
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
        let hosts: Vec<Resolved<'_>> = hosts.iter().map(|(name, addresses)| (*name, addresses)).collect();
        presence(&zone, &hosts, 25, true).await
    }

    #[tokio::test]
    async fn finds_secure_usable_records_only() {
        use Security::{Insecure, Secure};
        let host = ("mx.example", address(Secure, "mx.example"));
        let at = "_25._tcp.mx.example";
        let present = Tlsa::Present { mx_secure: true };
        assert_eq!(look(&[(at, tlsa(true, Secure))], std::slice::from_ref(&host)).await, present);
        assert_eq!(look(&[(at, tlsa(false, Secure))], std::slice::from_ref(&host)).await, Tlsa::Absent);
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
        for name in ["_25._tcp.real.example", "_25._tcp.mx.example"] {
            let found = look(&[(name, tlsa(true, Security::Secure))], &host).await;
            assert_eq!(found, Tlsa::Present { mx_secure: true }, "{name}");
        }
    }

    #[tokio::test]
    async fn one_host_is_enough_and_absence_needs_all() {
        let good = ("a.example", address(Security::Secure, "a.example"));
        let zone = [("_25._tcp.a.example", tlsa(true, Security::Secure))];
        let failed = ("b.example", Err(failure()));
        let gone = ("c.example", Ok(Answer::NoName));
        let present = look(&zone, &[failed.clone(), good, gone.clone()]).await;
        assert_eq!(present, Tlsa::Present { mx_secure: true });
        assert!(matches!(look(&[], &[failed, gone.clone()]).await, Tlsa::Unknown { .. }));
        assert_eq!(look(&[], &[gone]).await, Tlsa::Absent);
    }
}
