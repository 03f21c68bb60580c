//! How the smtp(8) of this Postfix contacts destinations, for the probe to do alike: what main.cf and master.cf say
//! (postconf(5)) -> [`Manner`].

use super::{
    postconf::{MANNER_PARAMETERS, PostfixFacts, PostfixWatch, Service, split_list},
    transport::{asking, in_force},
};
use crate::{
    policy::in_force::InForce,
    probe::{HostLookup, Manner, Manners, Wrapper},
};
use std::net::IpAddr;

/// The name in EHLO where Postfix's is not known.
const NO_NAME: &str = "localhost";

/// How destinations are contacted by whatever service asks our policy map; where none does, by what main.cf says.
///
/// A probe does not know which service delivers to a destination. Where services differ in how they do it, it cannot vouch
/// for any of them. In the name that they give in EHLO and in which addresses they take first they may differ: every
/// address is contacted, and none grants TLS by the name. And where only some have `smtp_tls_wrappermode`, port 465 is
/// theirs.
///
/// Without facts nothing can be vouched for.
pub fn now(facts: Option<&PostfixFacts>) -> Manner {
    let Some(facts) = facts else {
        let reason = "Postfix's configuration could not be read (postconf)".to_owned();
        return Manner { helo: NO_NAME.to_owned(), cannot_vouch: Some(reason), ..Manner::default() };
    };
    let manner = joined(facts).unwrap_or_else(|reason| Manner {
        helo: facts.helo_name().to_owned(),
        cannot_vouch: Some(reason),
        ..Manner::default()
    });
    match in_force(Some(facts)) {
        Ok(InForce { dane_usable, has_authorities, .. }) => {
            Manner { checks_dane: dane_usable, has_authorities, ..manner }
        }
        // Lookups are put off then, and nothing is delivered.
        Err(_) => manner,
    }
}

impl Manners for PostfixWatch {
    fn manner(&self) -> Manner {
        now(self.facts().as_deref())
    }
}

fn joined(facts: &PostfixFacts) -> Result<Manner, String> {
    let mut first: Option<(&Service, Manner)> = None;
    for service in asking(facts) {
        let own = of(facts, Some(service))?;
        let Some((one, joined)) = &mut first else {
            first = Some((service, own));
            continue;
        };
        if let Some(parameter) = difference(joined, &own) {
            return Err(format!(
                "transports {} and {} differ in {parameter}: which of them delivers there is not known to a probe",
                one.name, service.name
            ));
        }
        if joined.wrapper != own.wrapper {
            joined.wrapper = Wrapper::TlsPort;
        }
        if joined.helo != own.helo {
            facts.helo_name().clone_into(&mut joined.helo);
        }
        joined.ipv6_first &= own.ipv6_first;
    }
    match first {
        Some((_, joined)) => Ok(joined),
        None => of(facts, None),
    }
}

/// The first parameter in which two services differ so that what one of them finds does not count for the other.
fn difference(a: &Manner, b: &Manner) -> Option<&'static str> {
    let differs = [
        ("inet_protocols", (a.ipv4, a.ipv6) != (b.ipv4, b.ipv6)),
        ("smtp_bind_address", a.source4 != b.source4),
        ("smtp_bind_address6", a.source6 != b.source6),
        ("smtp_bind_address_enforce", a.source_enforced != b.source_enforced),
        ("smtp_dns_support_level", a.uses_mx != b.uses_mx),
        ("smtp_host_lookup", a.host_lookup != b.host_lookup),
        ("smtp_discard_ehlo_keywords", a.discards_starttls != b.discards_starttls),
    ];
    differs.into_iter().find_map(|(parameter, differs)| differs.then_some(parameter))
}

/// How one service does it, or main.cf alone.
fn of(facts: &PostfixFacts, service: Option<&Service>) -> Result<Manner, String> {
    if let Some(reason) = service.and_then(|service| facts.not_expandable(service, &MANNER_PARAMETERS)) {
        return Err(reason);
    }
    let place = service.map_or("main.cf".to_owned(), |service| format!("master.cf service {}", service.name));
    let value = |name: &str| facts.parameter_of(service, name).unwrap_or_default();
    let wrong = |name: &str| format!("{place}: {name} = {} is not understood", value(name));
    let is_yes = |name: &str| value(name).eq_ignore_ascii_case("yes");
    let words = |name: &str| split_list(value(name)).iter().map(|word| word.to_ascii_lowercase()).collect::<Vec<_>>();
    let only = |name: &str, known: &[&str]| {
        let words = words(name);
        let understood = !words.is_empty() && words.iter().all(|word| known.contains(&word.as_str()));
        if understood { Ok(words) } else { Err(wrong(name)) }
    };
    let has = |words: &[String], word: &str| words.iter().any(|own| own == word);

    let families = only("inet_protocols", &["all", "ipv4", "ipv6"])?;
    let interfaces: Vec<IpAddr> = words("inet_interfaces").iter().filter_map(|word| address(word)).collect();
    let source = |name: &str, is_family: fn(&IpAddr) -> bool| match value(name) {
        "" => Ok(only_interface(&interfaces, is_family)),
        text => address(text).filter(is_family).map(Some).ok_or_else(|| wrong(name)),
    };
    let (source4, source6) =
        (source("smtp_bind_address", IpAddr::is_ipv4)?, source("smtp_bind_address6", IpAddr::is_ipv6)?);
    let uses_dns = match value("smtp_dns_support_level").to_ascii_lowercase().as_str() {
        "" => !is_yes("disable_dns_lookups"),
        "disabled" => false,
        "enabled" | "dnssec" => true,
        _ => return Err(wrong("smtp_dns_support_level")),
    };
    let mechanisms = only("smtp_host_lookup", &["dns", "native"])?;
    Ok(Manner {
        helo: match service.and_then(|service| service.overrides.get("smtp_helo_name")) {
            Some(name) if !name.is_empty() && !name.contains('$') => name.clone(),
            _ => facts.helo_name().to_owned(),
        },
        ipv4: has(&families, "all") || has(&families, "ipv4"),
        ipv6: has(&families, "all") || has(&families, "ipv6"),
        ipv6_first: value("smtp_address_preference").eq_ignore_ascii_case("ipv6"),
        source4: source4.and_then(|address| if let IpAddr::V4(address) = address { Some(address) } else { None }),
        source6: source6.and_then(|address| if let IpAddr::V6(address) = address { Some(address) } else { None }),
        source_enforced: is_yes("smtp_bind_address_enforce") && (source4.is_some() || source6.is_some()),
        uses_mx: uses_dns,
        // DNS goes before the system's own way, in whichever order they are written.
        host_lookup: match (uses_dns && has(&mechanisms, "dns"), has(&mechanisms, "native")) {
            (true, false) => HostLookup::Dns,
            (true, true) => HostLookup::DnsThenNative,
            (false, _) => HostLookup::Native,
        },
        wrapper: if is_yes("smtp_tls_wrappermode") { Wrapper::Always } else { Wrapper::Never },
        discards_starttls: has(&words("smtp_discard_ehlo_keywords"), "starttls"),
        cannot_vouch: None,
        ..Manner::default()
    })
}

/// An address, in brackets or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let text = text.get(..5).filter(|tag| tag.eq_ignore_ascii_case("ipv6:")).map_or(text, |tag| &text[tag.len()..]);
    text.parse().ok()
}

/// Where Postfix listens at exactly one address of a family, and that is not loopback, it connects from it
/// (`smtp_bind_address` in postconf(5), note 1). Names are not followed here.
fn only_interface(interfaces: &[IpAddr], is_family: fn(&IpAddr) -> bool) -> Option<IpAddr> {
    let mut family = interfaces.iter().filter(|address| is_family(address));
    match (family.next(), family.next()) {
        (Some(address), None) if !address.is_loopback() => Some(*address),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::postconf::tests::facts;
    use super::*;

    const OURS: &str = "smtp_tls_policy_maps = socketmap:unix:segl/socketmap.sock:tls\n";

    async fn manner(main: &str, master: &str) -> Manner {
        let (facts, _directory) = facts(&format!("{OURS}{main}"), master).await;
        now(Some(&facts))
    }

    fn basic() -> Manner {
        Manner { helo: "mx.example".to_owned(), checks_dane: false, has_authorities: false, ..Manner::default() }
    }

    #[tokio::test]
    async fn main_cf_is_followed() {
        let (four, six) = (Some([192, 0, 2, 1].into()), Some("2001:db8::1".parse().unwrap()));
        for (main, expected) in [
            ("", basic()),
            ("inet_protocols = all", basic()),
            ("inet_protocols = ipv4", Manner { ipv6: false, ..basic() }),
            ("inet_protocols = ipv6", Manner { ipv4: false, ..basic() }),
            ("inet_protocols = ipv6, ipv4", basic()),
            ("smtp_address_preference = ipv6", Manner { ipv6_first: true, ..basic() }),
            ("smtp_helo_name = out.example", Manner { helo: "out.example".to_owned(), ..basic() }),
            ("smtp_bind_address = 192.0.2.1", Manner { source4: four, ..basic() }),
            ("smtp_bind_address6 = [2001:db8::1]", Manner { source6: six, ..basic() }),
            ("inet_interfaces = 192.0.2.1, 127.0.0.1, [2001:db8::1]", Manner { source6: six, ..basic() }),
            ("inet_interfaces = 192.0.2.1, localhost", Manner { source4: four, ..basic() }),
            ("inet_interfaces = 127.0.0.1", basic()),
            ("inet_interfaces = 192.0.2.9\nsmtp_bind_address = 192.0.2.1", Manner { source4: four, ..basic() }),
            ("inet_interfaces = loopback-only", basic()),
            ("smtp_host_lookup = native, dns", Manner { host_lookup: HostLookup::DnsThenNative, ..basic() }),
            ("smtp_host_lookup = native", Manner { host_lookup: HostLookup::Native, ..basic() }),
            ("disable_dns_lookups = yes", Manner { uses_mx: false, host_lookup: HostLookup::Native, ..basic() }),
            (
                "smtp_dns_support_level = disabled",
                Manner { uses_mx: false, host_lookup: HostLookup::Native, ..basic() },
            ),
            ("disable_dns_lookups = yes\nsmtp_dns_support_level = dnssec", Manner { checks_dane: true, ..basic() }),
            ("smtp_dns_support_level = dnssec", Manner { checks_dane: true, ..basic() }),
            (
                "smtp_dns_support_level = dnssec\nsmtp_host_lookup = native",
                Manner { host_lookup: HostLookup::Native, ..basic() },
            ),
            ("smtp_tls_CApath = /etc/ssl/certs", Manner { has_authorities: true, ..basic() }),
            ("smtp_discard_ehlo_keywords = pipelining, STARTTLS", Manner { discards_starttls: true, ..basic() }),
            ("smtp_discard_ehlo_keywords = chunking", basic()),
            ("smtp_tls_wrappermode = yes", Manner { wrapper: Wrapper::Always, ..basic() }),
        ] {
            assert_eq!(manner(&format!("{main}\n"), "").await, expected, "{main}");
        }
    }

    #[tokio::test]
    async fn bind_addresses_are_enforced_where_this_version_can() {
        let main = "smtp_bind_address = 192.0.2.1\nsmtp_bind_address_enforce = yes\n";
        let (facts, _directory) = facts(&format!("{OURS}{main}"), "").await;
        assert_eq!(now(Some(&facts)).source_enforced, facts.version.at_least(3, 7, 0));
        assert!(!manner("smtp_bind_address_enforce = yes\n", "").await.source_enforced);
    }

    #[tokio::test]
    async fn what_is_not_understood_is_not_vouched_for() {
        for (main, master, said) in [
            ("inet_protocols = ipv5", "", "inet_protocols = ipv5"),
            ("inet_protocols =", "", "inet_protocols"),
            ("smtp_bind_address = here", "", "smtp_bind_address = here"),
            ("smtp_bind_address = 2001:db8::1", "", "smtp_bind_address"),
            ("smtp_bind_address6 = 192.0.2.1", "", "smtp_bind_address6"),
            ("smtp_host_lookup = nis", "", "smtp_host_lookup"),
            ("smtp_dns_support_level = some", "", "smtp_dns_support_level"),
            (
                "smtp_bind_address = ${{$service_name} == {relay} ? {192.0.2.1} : {192.0.2.2}}",
                "",
                "smtp_bind_address depends on $service_name",
            ),
        ] {
            let reason = manner(&format!("{main}\n"), master).await.cannot_vouch.unwrap();
            assert!(reason.contains(said), "{main}: {reason}");
        }
        assert!(now(None).cannot_vouch.unwrap().contains("could not be read"));
    }

    #[tokio::test]
    async fn services_that_differ_are_not_vouched_for() {
        for (overrides, parameter) in [
            ("inet_protocols=ipv4", Some("inet_protocols")),
            ("smtp_bind_address=192.0.2.2", Some("smtp_bind_address")),
            ("smtp_bind_address6=2001:db8::2", Some("smtp_bind_address6")),
            ("disable_dns_lookups=yes", Some("smtp_dns_support_level")),
            ("smtp_host_lookup=native", Some("smtp_host_lookup")),
            ("smtp_discard_ehlo_keywords=starttls", Some("smtp_discard_ehlo_keywords")),
            ("smtp_discard_ehlo_keywords=chunking", None),
            ("smtp_address_preference=ipv6", None),
            ("smtp_helo_name=other.example", None),
            ("myhostname=other.example", None),
            ("syslog_name=out", None),
        ] {
            let found = manner("", &format!("out unix - - n - - smtp -o {overrides}\n")).await;
            match parameter {
                Some(parameter) => {
                    let reason = found.cannot_vouch.unwrap();
                    assert!(reason.contains(&format!("smtp and out differ in {parameter}:")), "{reason}");
                }
                None => assert_eq!(found, basic(), "{overrides}"),
            }
            // What does not ask us delivers nothing that we answer for.
            let elsewhere = format!("out unix - - n - - smtp -o {overrides} -o smtp_tls_policy_maps=\n");
            assert_eq!(manner("", &elsewhere).await, basic(), "{overrides}");
        }
    }

    #[tokio::test]
    async fn where_some_wrap_the_tls_port_is_theirs() {
        let wrapping = "wrap unix - - n - - smtp -o smtp_tls_wrappermode=yes\n";
        assert_eq!(manner("", wrapping).await, Manner { wrapper: Wrapper::TlsPort, ..basic() });
        let plain = "plain unix - - n - - smtp -o smtp_tls_wrappermode=no\n";
        let found = manner("smtp_tls_wrappermode = yes\n", plain).await;
        assert_eq!(found, Manner { wrapper: Wrapper::TlsPort, ..basic() });
    }

    #[tokio::test]
    async fn where_no_service_asks_main_cf_counts() {
        let (facts, _directory) =
            facts("inet_protocols = ipv4\n", "out unix - - n - - smtp -o inet_protocols=ipv6\n").await;
        assert_eq!(now(Some(&facts)), Manner { ipv6: false, ..basic() });
    }
}
