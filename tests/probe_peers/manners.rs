//! Destinations contacted as Postfix is told to contact them.

use super::{World, ask, reason};
use crate::smtp::Peer::{Tarpit, Tls13};
use segl::{
    config,
    nexthop::Destination,
    probe::{Assess, Capability, HostLookup, HostState, Manner, Manners, Prober, Proof, Tlsa, Wrapper},
    requirement::TlsVersion,
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

fn prober(world: &World, manners: Arc<dyn Manners>) -> Prober {
    Prober::beside(&[], &world.config, &config::Destinations::default(), manners, None).unwrap()
}

fn by(world: &World, manner: Manner) -> Prober {
    prober(world, Arc::new(manner))
}

const CERTIFIED: Capability = Capability::Authenticated { how: Proof::Pkix, version: TlsVersion::V1_3 };

#[tokio::test(flavor = "multi_thread")]
async fn tls_from_the_start() {
    let world = World::new().await;
    let wrapped = format!("[h1.signed.test]:{}", world.servers.wrapped);
    let always = by(&world, Manner { wrapper: Wrapper::Always, ..Manner::default() });
    let report = ask(&always, &wrapped).await;
    assert_eq!((&report.capability, report.hosts[0].starttls), (&CERTIFIED, None), "{report:?}");
    let report = ask(&always, "[h1.signed.test]").await;
    assert!(reason(&report).contains("TLS handshake: "), "{report:?}");

    // Where only some transports wrap, and at another port than theirs.
    let some = by(&world, Manner { wrapper: Wrapper::TlsPort, ..Manner::default() });
    let report = ask(&some, &wrapped).await;
    assert!(reason(&report).contains("greeting: no answer"), "{report:?}");
    let report = ask(&some, "[h1.signed.test]:smtps").await;
    assert!(reason(&report).contains("connect: Connection refused"), "{report:?}");

    let none = world.prober();
    let report = ask(&none, "[h1.signed.test]:465").await;
    assert!(reason(&report).contains("no transport has smtp_tls_wrappermode"), "{report:?}");
    assert!(report.hosts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_told_for_every_port() {
    let world = World::new().await;
    let tlsa = async |destination: &str| {
        let destination = Destination::new(destination).unwrap();
        world.prober().published(&destination, Duration::from_secs(60)).await.tlsa.clone()
    };
    let present = Tlsa::Present { mx_secure: true, every_host: true };
    assert_eq!(tlsa("[h1.signed.test]").await, present);
    for port in ["465", "smtps", "discard"] {
        assert_eq!(tlsa(&format!("[h1.signed.test]:{port}")).await, Tlsa::Absent, "{port}");
    }
    let Tlsa::Unknown { reason } = tlsa("[h1.signed.test]:no-such-service").await else { panic!() };
    assert!(reason.contains("no-such-service"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postfix_does_not_do_the_probe_does_not() {
    let world = World::new().await;
    for (manner, expected, state, said) in [
        (
            Manner { ipv4: false, ..Manner::default() },
            "unknown",
            HostState::NoRoute,
            "Postfix does not use IPv4 (inet_protocols)",
        ),
        (
            Manner { discards_starttls: true, ..Manner::default() },
            "cleartext",
            HostState::Cleartext,
            "smtp_discard_ehlo_keywords has starttls",
        ),
        (
            Manner { source4: Some([192, 0, 2, 1].into()), source_enforced: true, ..Manner::default() },
            "unknown",
            HostState::NoRoute,
            "bind to 192.0.2.1 (smtp_bind_address_enforce): Cannot assign requested address",
        ),
    ] {
        let report = ask(&by(&world, manner), "d1.signed.test").await;
        assert_eq!((report.capability.word(), report.hosts[0].state), (expected, state), "{report:?}");
        assert!(reason(&report).contains(said), "{report:?}");
    }
    // An address that is not to be had is no obstacle where it is not enforced; one that is, none at all.
    for source in [[192, 0, 2, 1], [127, 0, 0, 77]] {
        let manner = Manner { source4: Some(source.into()), ..Manner::default() };
        assert_eq!(ask(&by(&world, manner), "[h1.signed.test]").await.capability.word(), "authenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_dns_hosts_are_found_as_the_system_finds_them() {
    let world = World::new().await;
    let native = Manner { uses_mx: false, host_lookup: HostLookup::Native, ..Manner::default() };
    let prober = by(&world, native);
    let report = ask(&prober, "localhost").await;
    let found = report.hosts.iter().find(|host| host.address == Some([127, 0, 0, 1].into()));
    assert!(found.is_some_and(|host| host.host == "localhost"), "{report:?}");
    assert_eq!(report.tlsa, Tlsa::Unsupported);
    // Only DNS knows it.
    let report = ask(&prober, "d1.signed.test").await;
    assert!(matches!(report.capability.word(), "undeliverable" | "unknown"), "{report:?}");

    // The system is asked after DNS, for what DNS has not.
    let both = by(&world, Manner { host_lookup: HostLookup::DnsThenNative, ..Manner::default() });
    assert_eq!(ask(&both, "d1.signed.test").await.capability.word(), "authenticated");
    assert_eq!(ask(&both, "[localhost]").await.hosts[0].host, "localhost");
}

/// How Postfix does it, until that is changed.
struct Changing(Mutex<Manner>);

impl Manners for Changing {
    fn manner(&self) -> Manner {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prober_follows_postfix() {
    let world = World::new().await;
    let cannot_vouch = Some("transports a and b differ in smtp_bind_address".to_owned());
    let changing = Arc::new(Changing(Mutex::new(Manner { cannot_vouch, ..Manner::default() })));
    let prober = prober(&world, Arc::clone(&changing) as _);
    let report = ask(&prober, "[h1.signed.test]").await;
    assert_eq!(reason(&report), "transports a and b differ in smtp_bind_address");
    assert!(report.hosts.is_empty());
    *changing.0.lock().unwrap() = Manner::default();
    assert_eq!(ask(&prober, "d1.signed.test").await.capability.word(), "authenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_contacted_by_one_at_a_time() {
    let world = World::new().await;
    let prober = world.prober();
    let address = format!("[{}]", Tarpit.address());
    let names = [address.as_str(), "[h10.signed.test]", "[h10.plain.test]", "d10.signed.test", "d10.plain.test"];
    let began = Instant::now();
    let elsewhere = async {
        assert_eq!(ask(&prober, &Tls13.domain("signed.test")).await.capability.word(), "authenticated");
        began.elapsed()
    };
    let (reports, meanwhile) =
        tokio::join!(futures_util::future::join_all(names.iter().map(|name| ask(&prober, name))), elsewhere);
    // Each has its step's second to itself.
    for report in &reports {
        assert!(reason(report).contains("greeting: no answer within 1s"), "{report:?}");
    }
    assert!(began.elapsed() >= Duration::from_secs(names.len() as u64), "{:?}", began.elapsed());
    assert!(meanwhile < Duration::from_secs(names.len() as u64), "{meanwhile:?}");
}
