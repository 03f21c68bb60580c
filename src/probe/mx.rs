//! Next-hop -> the hosts that its mail goes to, as smtp(8) finds them (RFC 5321 section 5.1, RFC 7505; Postfix
//! `src/smtp/smtp_addr.c`).

use super::{
    dns::{Answer, Dns, Security, is_host_name},
    inquiry::plainly,
    manner::{HostLookup, Manner},
    services,
};
use crate::nexthop::Destination;
use std::net::IpAddr;

/// Where mail for a destination goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Route {
    /// To these hosts.
    Hosts(Hosts),
    /// Nowhere, and that is certain; with the reason.
    Nowhere(String),
    /// Not to be told now; with the reason.
    Unknown(String),
}

/// The hosts of a destination, most preferred first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Hosts {
    /// Never empty.
    pub(super) hosts: Vec<Host>,
    /// Whether these are all there are.
    pub(super) complete: bool,
    /// Whether DNSSEC secures the way to the hosts' names, or none is needed.
    pub(super) mx_secure: bool,
    /// The domain whose MX records these are, and what it is securely an alias of: names that may stand in a host's
    /// certificate below a DANE trust anchor (RFC 7672 section 3.2.2). Empty where there are no MX records.
    pub(super) domains: Vec<String>,
}

/// One host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Host {
    /// Its name, or its address as text.
    pub(super) name: String,
    /// Lower is tried first.
    pub(super) preference: u16,
    /// See [`super::HostReport::name_proven`].
    pub(super) proven: bool,
}

/// The port to contact for a destination, `default` where it names none.
///
/// # Errors
/// When it names one that there is not, or a service that no table has; with the reason.
pub(super) async fn port(destination: &Destination, default: u16) -> Result<u16, String> {
    let Some(port) = destination.port() else { return Ok(default) };
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        return match port.parse() {
            Ok(0) | Err(_) => Err(format!("there is no port {port}")),
            Ok(number) => Ok(number),
        };
    }
    match services::port_of(port).await {
        Ok(Some(number)) => Ok(number),
        Ok(None) => Err(format!("service `{}` is not in /etc/services", port.escape_default())),
        Err(error) => Err(format!("/etc/services: {}", plainly(&error))),
    }
}

/// Finds the hosts of a destination, at most `max_hosts`.
pub(super) async fn route(dns: &dyn Dns, manner: &Manner, destination: &Destination, max_hosts: usize) -> Route {
    let domain = destination.host();
    let direct = |mx_secure| {
        let host = Host { name: domain.to_owned(), preference: 0, proven: true };
        Route::Hosts(Hosts { hosts: vec![host], complete: true, mx_secure, domains: Vec::new() })
    };
    // A bare address is contacted as it stands, too.
    if !destination.uses_mx() || !manner.uses_mx || domain.parse::<IpAddr>().is_ok() {
        return direct(true);
    }
    if !is_host_name(domain) {
        return Route::Unknown(format!("`{}` is no domain name", domain.escape_default()));
    }
    let records = match dns.mx(domain).await {
        Err(failure) => return Route::Unknown(failure.to_string()),
        // Without MX records the domain is its own host, if it has an address.
        Ok(Answer::NoData) => return direct(true),
        // The system may know it all the same.
        Ok(Answer::NoName) if manner.host_lookup != HostLookup::Dns => return direct(true),
        Ok(Answer::NoName) => return Route::Nowhere("no such domain".to_owned()),
        Ok(Answer::Records(records)) => records,
    };
    // Postfix takes any such record for a null MX, whatever else is there.
    if records.data.iter().any(|mx| mx.host.is_empty()) {
        return Route::Nowhere("it accepts no mail (null MX)".to_owned());
    }
    let secure = records.security == Security::Secure;
    let mut hosts: Vec<Host> = records
        .data
        .into_iter()
        .map(|mx| Host { proven: secure || is_within(&mx.host, domain), preference: mx.preference, name: mx.host })
        .collect();
    hosts.sort_by(|a, b| (a.preference, &a.name).cmp(&(b.preference, &b.name)));
    let mut seen = std::collections::HashSet::new();
    hosts.retain(|host| seen.insert(host.name.clone()));
    let complete = hosts.len() <= max_hosts;
    hosts.truncate(max_hosts.max(1));
    let mut domains = vec![domain.to_owned()];
    if secure && records.canonical != domain {
        domains.push(records.canonical);
    }
    Route::Hosts(Hosts { hosts, complete, mx_secure: secure, domains })
}

/// Whether a host is the domain itself or below it, as `nexthop, dot-nexthop` in Postfix's
/// `smtp_tls_secure_cert_match`.
fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{
        dns::{DnsFailure, Mx, Records},
        tlsa::TlsaRecord,
    };
    use futures_util::future::BoxFuture;

    struct Fixed(Result<Answer<Mx>, DnsFailure>);

    impl Dns for Fixed {
        fn mx<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<Mx>, DnsFailure>> {
            Box::pin(async { self.0.clone() })
        }
        fn addresses<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<IpAddr>, DnsFailure>> {
            unreachable!("a route needs no addresses")
        }
        fn tlsa<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<TlsaRecord>, DnsFailure>> {
            unreachable!("a route needs no TLSA records")
        }
        fn txt<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<Vec<u8>>, DnsFailure>> {
            unreachable!("a route needs no text")
        }
    }

    fn records(mx: &[(u16, &str)], security: Security) -> Fixed {
        let data = mx.iter().map(|(preference, host)| Mx { preference: *preference, host: (*host).to_owned() });
        Fixed(Ok(Answer::Records(Records { data: data.collect(), security, canonical: "example.dk".to_owned() })))
    }

    async fn ask(dns: Fixed, destination: &str) -> Route {
        route(&dns, &Manner::default(), &Destination::new(destination).unwrap(), 3).await
    }

    fn names(route: &Route) -> Vec<&str> {
        let Route::Hosts(hosts) = route else { panic!("{route:?}") };
        hosts.hosts.iter().map(|host| host.name.as_str()).collect()
    }

    #[tokio::test]
    async fn sorts_by_preference_and_bounds_their_number() {
        let mx = [(20, "b.example.net"), (10, "a.example.net"), (10, "a.example.net"), (5, "c.example.dk")];
        let found = ask(records(&mx, Security::Insecure), "example.dk").await;
        assert_eq!(names(&found), ["c.example.dk", "a.example.net", "b.example.net"]);
        let Route::Hosts(hosts) = &found else { panic!("{found:?}") };
        assert!(hosts.complete && !hosts.mx_secure);
        assert_eq!(hosts.hosts.iter().map(|host| host.proven).collect::<Vec<_>>(), [true, false, false]);

        let four = [(1, "a"), (2, "b"), (3, "c"), (4, "d")];
        let Route::Hosts(hosts) = ask(records(&four, Security::Secure), "example.dk").await else { panic!() };
        assert!(hosts.hosts.len() == 3 && !hosts.complete && hosts.mx_secure);
        assert!(hosts.hosts.iter().all(|host| host.proven));
        assert_eq!(hosts.domains, ["example.dk"]);
    }

    #[tokio::test]
    async fn a_secure_alias_is_a_name_of_the_domain() {
        for (security, domains) in
            [(Security::Secure, vec!["alias.dk", "example.dk"]), (Security::Insecure, vec!["alias.dk"])]
        {
            let Route::Hosts(hosts) = ask(records(&[(1, "a")], security), "alias.dk").await else { panic!() };
            assert_eq!(hosts.domains, domains);
        }
    }

    #[tokio::test]
    async fn tells_nowhere_from_not_known() {
        for null in [vec![(0, "")], vec![(10, "")], vec![(10, "mx.example.dk"), (0, "")]] {
            let found = ask(records(&null, Security::Insecure), "example.dk").await;
            assert!(matches!(&found, Route::Nowhere(reason) if reason.contains("null MX")), "{found:?}");
        }
        assert!(matches!(ask(Fixed(Ok(Answer::NoName)), "example.dk").await, Route::Nowhere(_)));
        assert_eq!(names(&ask(Fixed(Ok(Answer::NoData)), "example.dk").await), ["example.dk"]);
        let failure =
            DnsFailure { kind: "MX".to_owned(), name: "example.dk".to_owned(), reason: "SERVFAIL".to_owned() };
        assert!(matches!(ask(Fixed(Err(failure)), "example.dk").await, Route::Unknown(_)));
        for odd in ["a..b", "rød!.dk", "-x.dk"] {
            assert!(matches!(ask(Fixed(Ok(Answer::NoName)), odd).await, Route::Unknown(_)), "{odd}");
        }
    }

    #[tokio::test]
    async fn asks_no_mx_of_a_bracketed_host_or_an_address() {
        for (destination, name) in [
            ("[relay.example]:587", "relay.example"),
            ("[192.0.2.1]", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ] {
            let found = ask(records(&[(1, "mx.example")], Security::Secure), destination).await;
            assert_eq!(names(&found), [name]);
        }
    }

    #[tokio::test]
    async fn asks_no_mx_where_postfix_asks_none() {
        let manner = Manner { uses_mx: false, ..Manner::default() };
        let dns = records(&[(1, "mx.example")], Security::Secure);
        let found = route(&dns, &manner, &Destination::new("example.dk").unwrap(), 3).await;
        assert_eq!(names(&found), ["example.dk"]);
        // Where the system is asked too, it may know a domain that DNS does not.
        let manner = Manner { host_lookup: HostLookup::DnsThenNative, ..Manner::default() };
        let found = route(&Fixed(Ok(Answer::NoName)), &manner, &Destination::new("example.dk").unwrap(), 3).await;
        assert_eq!(names(&found), ["example.dk"]);
    }

    #[tokio::test]
    async fn knows_the_ports() {
        for (destination, expected) in [
            ("example.dk", Some(2525)),
            ("[example.dk]:25", Some(25)),
            ("example.dk:26", Some(26)),
            ("[example.dk]:smtp", Some(25)),
            ("[example.dk]:submission", Some(587)),
            ("[example.dk]:smtps", Some(465)),
            ("[example.dk]:Submissions", Some(465)),
            ("[example.dk]:465", Some(465)),
            ("[example.dk]:0", None),
            ("[example.dk]:99999", None),
            ("[example.dk]:no-such-service", None),
        ] {
            assert_eq!(port(&Destination::new(destination).unwrap(), 2525).await.ok(), expected, "{destination}");
        }
    }

    #[test]
    fn below_a_domain_is_below_a_dot() {
        for (host, domain, within) in [
            ("example.dk", "example.dk", true),
            ("mx.example.dk", "example.dk", true),
            ("mxexample.dk", "example.dk", false),
            ("example.dk.evil.example", "example.dk", false),
            ("dk", "example.dk", false),
        ] {
            assert_eq!(is_within(host, domain), within, "{host}");
        }
    }
}
