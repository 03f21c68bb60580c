//! Where a transport leads, and which TLS level it has: told by the daemon behind it in master.cf, never by its name.

use super::{
    postconf::{PostfixFacts, Service, TLS_PARAMETERS, split_list},
    socketmap::Map,
};
use crate::{
    config::TransportLeads,
    policy::in_force::InForce,
    tls_policy::{CipherGrade, Protocols, TlsLevel},
};
use std::collections::BTreeMap;

/// Where mail goes that is given to a transport.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Leads {
    /// Off this host, by a smtp(8) that asks our policy map.
    Out,
    /// Off this host, past our policy map: nothing that we answer holds it to TLS.
    OutUncontrolled {
        /// Why.
        reason: String,
    },
    /// Nowhere else: a mailbox on this host, or what is reached over a UNIX-domain socket.
    Stays,
    /// Nowhere: it is bounced or thrown away.
    Nowhere,
    /// To be seen only once aliases are expanded (the `error` mailer of a virtual alias domain).
    Aliased,
    /// Not to be told; to be treated as off this host and past our policy map.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// Where `{rcpt_mailer}` leads with `{rcpt_host}`, for a recipient whose aliases are not yet expanded.
///
/// Facts that are not known make everything unknown, but for what the configuration says itself.
pub fn of_macros(
    facts: Option<&PostfixFacts>,
    overrides: &BTreeMap<String, TransportLeads>,
    mailer: &str,
    host: &str,
) -> Leads {
    match of_nexthop(facts, overrides, mailer, host) {
        // A virtual alias domain resolves to the `error` mailer until its aliases are expanded (ADDRESS_CLASS_README).
        Leads::Nowhere if daemon(facts, mailer).is_some_and(|service| service.command == "error") => Leads::Aliased,
        leads => leads,
    }
}

/// Where a transport leads with a next-hop, for a recipient that is resolved to its end.
pub fn of_nexthop(
    facts: Option<&PostfixFacts>,
    overrides: &BTreeMap<String, TransportLeads>,
    transport: &str,
    nexthop: &str,
) -> Leads {
    let by_daemon = by_daemon(facts, transport, nexthop);
    match (overrides.get(transport), by_daemon) {
        (None, leads) => leads,
        (Some(TransportLeads::Stays), _) => Leads::Stays,
        (Some(TransportLeads::Leaves), leads @ (Leads::Out | Leads::OutUncontrolled { .. })) => leads,
        (Some(TransportLeads::Leaves), _) => Leads::OutUncontrolled {
            reason: format!("transport {transport} is no smtp(8) and asks no TLS policy of us"),
        },
    }
}

/// Where mail goes that an alias gives to a program (`|program` in aliases(5)). Only the administrator knows, who names it
/// as it stands there.
pub fn of_program(overrides: &BTreeMap<String, TransportLeads>, program: &str) -> Leads {
    match overrides.get(&format!("|{program}")) {
        Some(TransportLeads::Stays) => Leads::Stays,
        Some(TransportLeads::Leaves) => {
            Leads::OutUncontrolled { reason: format!("program {program} asks no TLS policy of us") }
        }
        None => Leads::Unknown { reason: format!("an alias gives mail to program {program}") },
    }
}

/// Delivery agents are services of kind `unix` (master(5)); Postfix's own clients ask for no other.
fn daemon<'a>(facts: Option<&'a PostfixFacts>, transport: &str) -> Option<&'a Service> {
    facts?.service(transport, "unix")
}

fn by_daemon(facts: Option<&PostfixFacts>, transport: &str, nexthop: &str) -> Leads {
    let Some(facts) = facts else {
        return Leads::Unknown { reason: "Postfix's configuration could not be read".to_owned() };
    };
    let Some(service) = facts.service(transport, "unix") else {
        return Leads::Unknown { reason: format!("transport {transport} is not in master.cf") };
    };
    // master(8) takes the command relative to $daemon_directory; one with a path in it is none of Postfix's own.
    match service.command.as_str() {
        "smtp" => match asks_us(facts, service) {
            Ok(()) => Leads::Out,
            Err(reason) => Leads::OutUncontrolled { reason },
        },
        "lmtp" if only_unix_sockets(nexthop) => Leads::Stays,
        "lmtp" => Leads::OutUncontrolled {
            reason: format!("transport {transport} is lmtp(8) over TCP, which asks lmtp_tls_policy_maps"),
        },
        "local" | "virtual" => Leads::Stays,
        // Mail to `retry` waits in the queue, and goes wherever the configuration says one day.
        "error" if transport == "retry" => {
            Leads::Unknown { reason: "transport retry keeps mail in the queue for now".to_owned() }
        }
        "error" | "discard" => Leads::Nowhere,
        command => Leads::Unknown { reason: format!("transport {transport} is given to {command}") },
    }
}

/// Whether every next-hop of lmtp(8) is a UNIX-domain socket (lmtp(8), "unix:pathname").
fn only_unix_sockets(nexthops: &str) -> bool {
    let nexthops = split_list(nexthops);
    !nexthops.is_empty() && nexthops.iter().all(|nexthop| nexthop.starts_with("unix:"))
}

/// The tables of a `smtp_tls_policy_maps`, and which of them is ours.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyMaps<'a> {
    /// Tables asked before ours: what one of them answers is not ours to strengthen.
    pub before: Vec<&'a str>,
    /// Whether ours is among them.
    pub ours: bool,
    /// Tables asked after ours: they are not asked for what we answer.
    pub after: Vec<&'a str>,
}

/// Finds our table: a `socketmap:` whose map name is one of ours ([`Map::named`]), proxied or not. The socket itself is not compared, since
/// it may be written in several ways (relative, absolute, inet, through another host).
pub fn policy_maps<'a>(facts: &'a PostfixFacts, service: Option<&'a Service>) -> PolicyMaps<'a> {
    let tables = split_list(facts.parameter_of(service, "smtp_tls_policy_maps").unwrap_or_default());
    let is_ours = |table: &&str| {
        let socketmap = table.strip_prefix("proxy:").unwrap_or(table).strip_prefix("socketmap:");
        socketmap.and_then(|address| address.rsplit_once(':')).is_some_and(|(_, name)| Map::named(name).is_some())
    };
    match tables.iter().position(is_ours) {
        Some(at) => PolicyMaps { before: tables[..at].to_vec(), ours: true, after: tables[at + 1..].to_vec() },
        None => PolicyMaps { before: tables, ours: false, after: Vec::new() },
    }
}

fn asks_us(facts: &PostfixFacts, service: &Service) -> Result<(), String> {
    let maps = policy_maps(facts, Some(service));
    if !maps.ours {
        return Err(format!("transport {} does not ask a socketmap named `tls`", service.name));
    }
    if let Some(before) = maps.before.first() {
        return Err(format!("transport {} asks {before} before us", service.name));
    }
    Ok(())
}

/// The smtp(8) services that ask our policy map.
pub(super) fn asking(facts: &PostfixFacts) -> impl Iterator<Item = &Service> {
    facts
        .services
        .iter()
        .filter(|service| service.kind == "unix" && service.command == "smtp" && policy_maps(facts, Some(service)).ours)
}

/// The TLS level in force without us, for whoever may ask our map.
///
/// The socketmap protocol does not say which service asks. So what is in force is, over every smtp(8) service that
/// asks us, the strictest of everything; of services that do not ask us nothing is said here. Where none does, it is
/// what main.cf says.
///
/// # Errors
/// When a level, protocol or cipher grade is not understood, or depends on the service in a way that postconf does
/// not tell, or when services prove servers in ways that one answer cannot both keep: the answer must then be a
/// temporary failure.
pub fn in_force(facts: Option<&PostfixFacts>) -> Result<InForce, String> {
    let facts = facts.ok_or("Postfix's configuration could not be read")?;
    let mut strictest: Option<InForce> = None;
    for service in asking(facts) {
        let own = in_force_for(facts, Some(service))?;
        strictest = Some(match strictest {
            Some(so_far) => so_far.and(own)?,
            None => own,
        });
    }
    match strictest {
        Some(strictest) => Ok(strictest),
        None => in_force_for(facts, None),
    }
}

/// The TLS level in force without us for one service of master.cf, or by main.cf alone.
///
/// # Errors
/// As for [`in_force`].
pub fn in_force_for(facts: &PostfixFacts, service: Option<&Service>) -> Result<InForce, String> {
    if let Some(reason) = service.and_then(|service| facts.not_expandable(service, &TLS_PARAMETERS)) {
        return Err(reason);
    }
    let value = |name: &str| facts.parameter_of(service, name).unwrap_or_default();
    let place = service.map_or("main.cf".to_owned(), |service| format!("master.cf service {}", service.name));
    let grade = value("smtp_tls_mandatory_ciphers");
    Ok(InForce {
        level: level(&value).map_err(|word| format!("{place}: smtp_tls_security_level `{word}` is unknown"))?,
        protocols: Protocols::parse(value("smtp_tls_mandatory_protocols"))
            .map_err(|error| format!("{place}: smtp_tls_mandatory_protocols: {error}"))?,
        ciphers: CipherGrade::parse(grade)
            .ok_or_else(|| format!("{place}: smtp_tls_mandatory_ciphers `{grade}` is unknown"))?,
        dane_usable: dane_obstacle(&value).is_none(),
        has_authorities: has_authorities(&value),
    })
}

/// smtp_tls_security_level, and where it is empty the parameters that it replaced (`src/smtp/smtp_tls_policy.c`,
/// global_tls_level).
fn level<'a>(value: &impl Fn(&str) -> &'a str) -> Result<TlsLevel, &'a str> {
    let word = value("smtp_tls_security_level");
    if !word.is_empty() {
        return TlsLevel::parse(word).ok_or(word);
    }
    let yes = |name: &str| value(name).eq_ignore_ascii_case("yes");
    Ok(match (yes("smtp_enforce_tls"), yes("smtp_use_tls")) {
        (true, _) if value("smtp_tls_enforce_peername").eq_ignore_ascii_case("no") => TlsLevel::Encrypt,
        (true, _) => TlsLevel::Verify,
        (false, true) => TlsLevel::May,
        (false, false) => TlsLevel::None,
    })
}

/// Whether there is anything to verify a server's certificate by (postconf(5) smtp_tls_CAfile, smtp_tls_CApath,
/// tls_append_default_CA).
fn has_authorities<'a>(value: &impl Fn(&str) -> &'a str) -> bool {
    !value("smtp_tls_CAfile").is_empty()
        || !value("smtp_tls_CApath").is_empty()
        || value("tls_append_default_CA").eq_ignore_ascii_case("yes")
}

/// What Postfix asks before it does DANE (`src/smtp/smtp_tls_policy.c`, dane_init), and does not find.
fn dane_obstacle<'a>(value: &impl Fn(&str) -> &'a str) -> Option<&'static str> {
    let names = |name: &str, word: &str| split_list(value(name)).iter().any(|w| w.eq_ignore_ascii_case(word));
    let obstacles = [
        (!value("smtp_dns_support_level").eq_ignore_ascii_case("dnssec"), "smtp_dns_support_level is not dnssec"),
        (!names("smtp_host_lookup", "dns"), "smtp_host_lookup does not have dns"),
        (value("ignore_mx_lookup_error").eq_ignore_ascii_case("yes"), "ignore_mx_lookup_error is yes"),
        (names("smtp_dns_resolver_options", "res_defnames"), "smtp_dns_resolver_options has res_defnames"),
        (names("smtp_dns_resolver_options", "res_dnsrch"), "smtp_dns_resolver_options has res_dnsrch"),
    ];
    obstacles.into_iter().find_map(|(stands, what)| stands.then_some(what))
}

/// Where and why Postfix does no DANE: for one of the services that ask our map, which is enough to take it from all
/// ([`in_force`]), or by main.cf.
pub fn why_no_dane(facts: &PostfixFacts) -> Option<String> {
    first_place(facts, |value| dane_obstacle(&value))
}

/// The same of verifying certificates.
pub fn why_no_authorities(facts: &PostfixFacts) -> Option<String> {
    first_place(facts, |value| (!has_authorities(&value)).then_some("smtp_tls_CAfile and smtp_tls_CApath are empty"))
}

fn first_place<'a>(
    facts: &'a PostfixFacts,
    obstacle: impl Fn(Box<dyn Fn(&str) -> &'a str + 'a>) -> Option<&'static str>,
) -> Option<String> {
    let at = |service: Option<&'a Service>| {
        obstacle(Box::new(move |name| facts.parameter_of(service, name).unwrap_or_default()))
    };
    let services: Vec<&Service> = asking(facts).collect();
    // What main.cf says stands for all that do not say otherwise.
    match at(None) {
        Some(what) if services.iter().all(|service| at(Some(service)) == Some(what)) => {
            Some(format!("{what} in main.cf"))
        }
        _ => services.iter().find_map(|service| {
            at(Some(service)).map(|what| format!("{what} for the service {} of master.cf", service.name))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::postconf::tests::facts;
    use super::*;
    use crate::requirement::TlsVersion;

    const OURS: &str = "smtp_tls_policy_maps = socketmap:unix:segl/socketmap.sock:tls\n";

    fn leads(facts: &PostfixFacts, transport: &str, nexthop: &str) -> Leads {
        of_nexthop(Some(facts), &BTreeMap::new(), transport, nexthop)
    }

    fn is_unknown(leads: Leads) -> bool {
        matches!(leads, Leads::Unknown { .. })
    }

    fn is_uncontrolled(leads: Leads) -> bool {
        matches!(leads, Leads::OutUncontrolled { .. })
    }

    #[tokio::test]
    async fn the_daemon_tells_not_the_name() {
        let services = "local2 unix - - n - - smtp\n mailbox unix - - n - - smtp -o syslog_name=x\n\
                        out unix - n n - - local\ndovecot unix - n n - - pipe flags=DRhu user=x argv=/bin/true\n\
                        own unix - - n - - lmtp\nsub unix - - n - - ../evil/local\nelsewhere unix - - n - - spawn user=x\n\
                        other unix - - n - - smtp -o smtp_tls_policy_maps=\n\
                        late unix - - n - - smtp -o { smtp_tls_policy_maps = hash:/a, socketmap:inet:h:1:tls }\n\
                        netonly inet n - n - - smtp\n";
        let (facts, _directory) = facts(OURS, &services.replace("\n ", "\n")).await;
        for (transport, nexthop, expected) in [
            ("smtp", "example.dk", Leads::Out),
            ("relay", "[relay.example]:587", Leads::Out),
            ("local2", "x", Leads::Out),
            ("mailbox", "x", Leads::Out),
            ("local", "mx.example", Leads::Stays),
            ("out", "x", Leads::Stays),
            ("virtual", "x", Leads::Stays),
            ("lmtp", "unix:private/dovecot", Leads::Stays),
            ("own", "unix:/a, unix:/b", Leads::Stays),
            ("error", "5.1.1 no", Leads::Nowhere),
            ("discard", "x", Leads::Nowhere),
        ] {
            assert_eq!(leads(&facts, transport, nexthop), expected, "{transport}:{nexthop}");
        }
        for (transport, nexthop) in [
            ("lmtp", "inet:mail.example:24"),
            ("lmtp", "mail.example"),
            ("lmtp", ""),
            ("lmtp", "[127.0.0.1]:24"),
            ("own", "unix:/a, mail.example"),
            ("other", "x"),
            ("late", "x"),
        ] {
            assert!(is_uncontrolled(leads(&facts, transport, nexthop)), "{transport}:{nexthop}");
        }
        for transport in ["dovecot", "elsewhere", "sub", "retry", "nowhere", "netonly", "", "SMTP", "smtp:x"] {
            assert!(is_unknown(leads(&facts, transport, "x")), "{transport}");
        }
        let macros = |mailer: &str| of_macros(Some(&facts), &BTreeMap::new(), mailer, "5.1.1 User unknown in virtual");
        assert_eq!(macros("error"), Leads::Aliased);
        assert_eq!(macros("discard"), Leads::Nowhere);
        assert!(is_unknown(macros("retry")));
    }

    #[tokio::test]
    async fn the_administrator_knows_better() {
        let (facts, _directory) = facts(OURS, "filter unix - n n - - pipe user=x\n").await;
        let overrides = |name: &str, leads| [(name.to_owned(), leads)].into();
        let stays = |name: &str| of_nexthop(Some(&facts), &overrides(name, TransportLeads::Stays), name, "x");
        let leaves = |name: &str| of_nexthop(Some(&facts), &overrides(name, TransportLeads::Leaves), name, "x");
        assert_eq!((stays("filter"), stays("smtp")), (Leads::Stays, Leads::Stays));
        assert_eq!(leaves("smtp"), Leads::Out);
        assert!(is_uncontrolled(leaves("filter")) && is_uncontrolled(leaves("local")));
        let error = overrides("error", TransportLeads::Stays);
        assert_eq!(of_macros(Some(&facts), &error, "error", "x"), Leads::Stays);
    }

    #[test]
    fn without_facts_nothing_is_known() {
        assert!(is_unknown(of_macros(None, &BTreeMap::new(), "smtp", "x")));
        assert!(is_unknown(of_nexthop(None, &BTreeMap::new(), "local", "x")));
        assert!(in_force(None).is_err());
        let stays = [("mine".to_owned(), TransportLeads::Stays)].into();
        assert_eq!(of_macros(None, &stays, "mine", "x"), Leads::Stays);
    }

    #[tokio::test]
    async fn our_table_is_found_among_others() {
        for (maps, before, ours, after) in [
            ("", vec![], false, vec![]),
            ("hash:/a", vec!["hash:/a"], false, vec![]),
            ("socketmap:unix:segl/socketmap.sock:tls", vec![], true, vec![]),
            ("proxy:socketmap:inet:h:1:tls hash:/a", vec![], true, vec!["hash:/a"]),
            (
                "socketmap:unix:/s:postfix, inline:{ a=b, c=d },socketmap:unix:/s:tls",
                vec!["socketmap:unix:/s:postfix", "inline:{ a=b, c=d }"],
                true,
                vec![],
            ),
        ] {
            let (facts, _directory) = facts(&format!("smtp_tls_policy_maps = {maps}\n"), "").await;
            assert_eq!(policy_maps(&facts, None), PolicyMaps { before, ours, after }, "{maps}");
        }
    }

    #[tokio::test]
    async fn the_level_is_that_of_main_cf_and_of_the_services() {
        use TlsLevel as L;
        for (main, expected) in [
            ("", Some(L::None)),
            ("smtp_use_tls = yes\n", Some(L::May)),
            ("smtp_enforce_tls = yes\n", Some(L::Verify)),
            ("smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = no\n", Some(L::Encrypt)),
            ("smtp_enforce_tls = yes\nsmtp_tls_security_level = may\n", Some(L::May)),
            ("level = dane\nsmtp_tls_security_level = $level\n", Some(L::Dane)),
            ("smtp_tls_security_level = Secure\n", Some(L::Secure)),
            ("smtp_tls_security_level = halfdane\n", None),
            ("smtp_tls_mandatory_protocols = TLSv7\n", None),
            ("smtp_tls_mandatory_ciphers = mediocre\n", None),
            ("smtp_tls_security_level = ${{$service_name} == {relay} ? {secure} : {may}}\n", None),
        ] {
            let (facts, _directory) = facts(&format!("{OURS}{main}"), "").await;
            assert_eq!(in_force(Some(&facts)).ok().map(|in_force| in_force.level), expected, "{main}");
        }
        for (master, expected) in [
            ("x unix - - n - - smtp -o smtp_tls_security_level=secure\n", Some(L::Secure)),
            ("x unix - - n - - smtp -o smtp_tls_security_level=none\n", Some(L::May)),
            // Does not ask us, so no answer of ours can weaken it.
            ("x unix - - n - - smtp -o smtp_tls_security_level=secure -o smtp_tls_policy_maps=\n", Some(L::May)),
            ("x unix - - n - - lmtp -o smtp_tls_security_level=secure\n", Some(L::May)),
            (
                "x unix - - n - - smtp -o smtp_tls_security_level=secure\n\
              y unix - - n - - smtp -o smtp_tls_security_level=fingerprint\n",
                None,
            ),
            ("x unix - - n - - smtp -o smtp_tls_security_level=bogus\n", None),
        ] {
            let (facts, _directory) = facts(&format!("{OURS}smtp_tls_security_level = may\n"), master).await;
            assert_eq!(in_force(Some(&facts)).ok().map(|in_force| in_force.level), expected, "{master}");
        }
    }

    #[tokio::test]
    async fn protocols_ciphers_and_dane_come_from_the_service_too() {
        let (facts, _directory) = facts(
            &format!("{OURS}smtp_tls_mandatory_protocols = !SSLv2, !TLSv1\nsmtp_dns_support_level = dnssec\n"),
            "x unix - - n - - smtp -o smtp_tls_mandatory_ciphers=high -o smtp_tls_mandatory_protocols=<=TLSv1.2\n\
             y unix - - n - - smtp -o smtp_dns_support_level=enabled\n",
        )
        .await;
        let all = in_force(Some(&facts)).unwrap();
        assert_eq!((all.ciphers, all.dane_usable), (CipherGrade::High, false));
        let allowed = |version| all.protocols.allows(version);
        assert!(!allowed(TlsVersion::V1_0) && allowed(TlsVersion::V1_2) && !allowed(TlsVersion::V1_3));
        let main = in_force_for(&facts, None).unwrap();
        assert_eq!((main.ciphers, main.dane_usable), (CipherGrade::Medium, true));
        assert!(!main.has_authorities);
        assert!(main.protocols.allows(TlsVersion::V1_3));
    }
}
