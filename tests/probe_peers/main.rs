//! The probe against real peers on loopback: TLS servers of rustls and OpenSSL, hostile ones, knot and unbound for
//! DNS, and Postfix's own posttls-finger as the oracle.
//!
//! Needs knotd, kdig, unbound, openssl, setpriv and posttls-finger (Debian: knot, knot-dnsutils, unbound, openssl,
//! util-linux, postfix).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod dns;
mod manners;
mod process;
mod smtp;

use segl::{
    config,
    nexthop::Destination,
    probe::{Assess, Capability, HostDane, HostReport, HostState, KeyExchange, Manner, Prober, Proof, Report, Tlsa},
    requirement::TlsVersion,
};
use smtp::{
    LISTENING,
    Peer::{self, *},
    Servers,
};
use std::{fs, net::UdpSocket, path::PathBuf, process::Command, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::task::block_in_place;

/// SMTP servers, and a signed root for them.
struct World {
    config: config::Probe,
    directory: TempDir,
    /// The port of the signed root.
    knot: u16,
    servers: Servers,
    processes: Vec<process::Process>,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let servers = Servers::start(directory.path()).await;
        let ca_file = directory.path().join("ca.pem");
        fs::write(&ca_file, &servers.authority).unwrap();
        let (process, knot) = dns::knot(directory.path(), "signed", true, &servers);
        let trust_anchor = directory.path().join("root.key");
        fs::write(&trust_anchor, dns::kdig(knot, &[".", "DNSKEY"])).unwrap();
        let main_cf = "compatibility_level = 3.6\nmyhostname = us.test\n";
        fs::write(directory.path().join("main.cf"), main_cf).unwrap();
        let config = config::Probe {
            step_time: Duration::from_secs(1),
            max_time: Duration::from_secs(30),
            helo: "us.test".to_owned(),
            port: servers.port,
            allow_private: vec!["127.0.0.0/8".parse().unwrap()],
            nameservers: vec![([127, 0, 0, 1], knot).into()],
            trust_anchor: Some(trust_anchor),
            ca_file: Some(ca_file),
            ..config::Probe::default()
        };
        Self { config, directory, knot, servers, processes: vec![process] }
    }

    fn prober(&self) -> Prober {
        Prober::beside(&[], &self.config, &config::Destinations::default(), Arc::new(Manner::default()), None).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What Postfix makes of a peer when TLS 1.2 is demanded: the version, or nothing.
    fn posttls_finger(&self, peer: Peer) -> Option<String> {
        let target = format!("[{}]:{}", peer.address(), self.servers.port);
        let output = Command::new("posttls-finger")
            .args(["-c", "-T", "2", "-l", "encrypt", "-p", ">=TLSv1.2", &target])
            .env("MAIL_CONFIG", self.directory.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{peer:?}: {text}");
        let (_, established) = text.split_once("TLS connection established to ")?;
        established.split(' ').find(|word| word.starts_with("TLSv")).map(str::to_owned)
    }
}

async fn ask(prober: &Prober, destination: &str) -> Arc<Report> {
    prober.assess(&Destination::new(destination).unwrap(), Duration::from_secs(60)).await
}

fn reason(report: &Report) -> &str {
    report.capability.reason().unwrap_or_else(|| panic!("no reason: {report:?}"))
}

/// A host with whose certificate or ciphers rustls can do nothing.
fn older(host: &HostReport, exchange: Option<KeyExchange>, said: &str) {
    assert_eq!((host.key_exchange, host.verified), (exchange, false), "{host:?}");
    assert!(host.error.as_ref().is_some_and(|error| error.contains(said)), "{host:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_server() {
    let world = World::new().await;
    let prober = world.prober();
    let reports = futures_util::future::join_all(LISTENING.into_iter().chain([Closed]).map(|peer| {
        let prober = prober.clone();
        async move { (peer, ask(&prober, &peer.domain("signed.test")).await) }
    }))
    .await;
    // The thief once more, with the other version of TLS.
    let again = ask(&prober, &WrongKey.domain("plain.test")).await;
    assert!(reason(&again).contains("BadSignature"), "{again:?}");
    for (peer, report) in &reports {
        let (expected, said) = match peer {
            Tls13 | Tls12 => ("authenticated", ""),
            SelfSigned | Expired | WrongName => ("encrypted", ""),
            Cleartext => ("cleartext", "STARTTLS is not offered"),
            Tls11 | AncientServerHello => ("cleartext", "its TLS is older than 1.2"),
            Injects => ("unknown", "STARTTLS: sent more than the reply, unencrypted and unasked"),
            ClosesAfter220 => ("unknown", "TLS handshake: connection closed"),
            StaticRsa | Dhe | EcdheCbc | Version1 | ShortKey | Critical => ("encrypted", ""),
            GarbageAfter220 | FloodsTls => ("unknown", "TLS handshake: "),
            WrongKey => ("unknown", "TLS handshake: invalid peer certificate: BadSignature"),
            Tarpit | Dribbles => ("unknown", "greeting: no answer within 1s"),
            FloodsLines => ("unknown", "EHLO: a reply of more than"),
            FloodsGreeting => ("unknown", "greeting: a reply line of more than"),
            NoService => ("unknown", "greeting: refused: \"554 no service for you\""),
            Closed => ("unknown", "connect: Connection refused"),
            other => unreachable!("{other:?} is for another test"),
        };
        assert_eq!(report.capability.word(), expected, "{peer:?}: {report:?}");
        if !said.is_empty() {
            assert!(reason(report).contains(&format!("[{}]: {said}", peer.address())), "{peer:?}: {report:?}");
        }
        let host = &report.hosts[0];
        assert_eq!(host.tls.is_some(), host.state == HostState::Tls);
        match peer {
            Tls13 => assert_eq!((host.tls, host.verified, &host.error), (Some(TlsVersion::V1_3), true, &None)),
            Tls12 => assert_eq!((host.tls, host.verified, &host.error), (Some(TlsVersion::V1_2), true, &None)),
            SelfSigned => assert!(host.error.as_ref().unwrap().contains("unknown issuer"), "{host:?}"),
            Expired => assert!(host.error.as_ref().unwrap().contains("expired"), "{host:?}"),
            WrongName => assert!(host.error.as_ref().unwrap().contains("not for this name"), "{host:?}"),
            StaticRsa => older(host, Some(KeyExchange::Rsa), "cipher AES128-SHA: only OpenSSL"),
            Dhe => older(host, Some(KeyExchange::Dhe), "cipher DHE-RSA-AES128-GCM-SHA256: only OpenSSL"),
            EcdheCbc => older(host, Some(KeyExchange::Ecdhe), "cipher ECDHE-RSA-AES128-SHA: only OpenSSL"),
            Version1 => older(host, None, "X.509 version 1"),
            ShortKey => older(host, None, "RSA key of 1024 bits"),
            Critical => older(host, None, "UnsupportedCriticalExtension"),
            _ => {}
        }
    }
    // Postfix has minutes of patience for the slow and the endless.
    let endless = [Tarpit, Dribbles, FloodsGreeting, FloodsLines, FloodsTls];
    let judged: Vec<_> = reports.iter().filter(|(peer, _)| !endless.contains(peer)).collect();
    let world = &world;
    let postfix: Vec<_> = block_in_place(|| {
        std::thread::scope(|scope| {
            let asked: Vec<_> =
                judged.iter().map(|(peer, _)| scope.spawn(move || world.posttls_finger(*peer))).collect();
            asked.into_iter().map(|finger| finger.join().unwrap()).collect()
        })
    });
    for ((peer, report), postfix) in judged.into_iter().zip(postfix) {
        let expected = match &report.capability {
            Capability::Authenticated { version, .. } | Capability::Encrypted { version } => Some(version.as_str()),
            // What was injected Postfix throws away.
            _ if *peer == Injects => Some("TLSv1.3"),
            _ => None,
        };
        assert_eq!(postfix.as_deref(), expected, "{peer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_zone() {
    let world = World::new().await;
    let prober = world.prober();
    for zone in ["signed.test", "plain.test"] {
        // A host that an unsigned MX record names proves nothing with its certificate.
        let proven = if zone == "signed.test" { "authenticated" } else { "encrypted" };
        for (name, expected, said) in [
            ("null", "undeliverable", "null MX"),
            ("nullish", "undeliverable", "null MX"),
            ("gone", "undeliverable", "no such domain"),
            ("nothing", "undeliverable", "it has no address"),
            ("dead", "undeliverable", "no such host"),
            ("implicit", "authenticated", ""),
            ("own", "authenticated", ""),
            ("aliased", proven, ""),
            ("viaalias", proven, ""),
            ("halfdead", proven, ""),
            ("half", proven, ""),
            ("pit", proven, ""),
            ("halfclosed", "unknown", "connect: Connection refused"),
            ("numeric", "encrypted", ""),
            ("several", "encrypted", ""),
            ("failing", "unknown", "mx.servfail.test"),
            ("viacircle", "unknown", "aliases"),
            ("circle", "unknown", "aliases"),
            ("private", "unknown", "add \"10.0.0.5/32\" to allow-private"),
            ("crowd", "unknown", "more mail servers than are looked at"),
        ] {
            let report = ask(&prober, &format!("{name}.{zone}")).await;
            assert_eq!(report.capability.word(), expected, "{name}.{zone}: {report:?}");
            if !said.is_empty() {
                assert!(reason(&report).contains(said), "{name}.{zone}: {report:?}");
            }
        }
    }
    // What is remembered is remembered without the hosts.
    let prober = world.prober();
    let half = ask(&prober, "half.signed.test").await;
    assert_eq!(half.capability, Capability::Authenticated { how: Proof::Pkix, version: TlsVersion::V1_2 });
    assert_eq!(half.hosts.iter().map(|host| host.state).collect::<Vec<_>>(), [HostState::Cleartext, HostState::Tls]);
    assert!(half.exhaustive && !ask(&prober, "pit.signed.test").await.exhaustive);
    assert_eq!(ask(&prober, "crowd.signed.test").await.hosts.len(), world.config.max_hosts);
    let bogus = ask(&prober, "bogus.test").await;
    assert!(reason(&bogus).contains("DNSSEC validation failed"), "{bogus:?}");
    assert_eq!(ask(&prober, "servfail.test").await.capability.word(), "unknown");
    // The same, where it is said to be a zone of our own.
    let text = "[probe]\nprivate-domains = ['bogus.test']";
    let private_domains = config::Config::parse(text).unwrap().probe.private_domains;
    let config = config::Probe { private_domains, ..world.config.clone() };
    let private = ask(
        &Prober::beside(&[], &config, &config::Destinations::default(), Arc::new(Manner::default()), None).unwrap(),
        "bogus.test",
    )
    .await;
    assert_eq!(private.capability.word(), "encrypted", "{private:?}");

    // Bracketed: no MX lookup, and a port of its own.
    let direct = ask(&prober, "[h1.plain.test]").await;
    assert_eq!(direct.capability.word(), "authenticated", "{direct:?}");
    let address = ask(&prober, &format!("[{}]:{}", Tls13.address(), world.servers.port)).await;
    assert_eq!(address.capability, Capability::Encrypted { version: TlsVersion::V1_3 });
    assert_eq!(ask(&prober, "[10.1.2.3]").await.hosts[0].state, HostState::Refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn dane_presence() {
    let world = World::new().await;
    let prober = world.prober();
    let present = |mx_secure, every_host| Tlsa::Present { mx_secure, every_host };
    for (name, expected) in [
        ("d1.signed.test", present(true, true)),
        ("viaalias.signed.test", present(true, true)),
        ("pit.signed.test", present(true, false)),
        ("[h1.signed.test]", present(true, true)),
        // Usage 1 is of no use in SMTP.
        ("d2.signed.test", Tlsa::Unusable { mx_secure: true }),
        ("halfdead.signed.test", Tlsa::Unusable { mx_secure: true }),
        ("d3.signed.test", Tlsa::Absent),
        ("d1.plain.test", Tlsa::Absent),
        ("crossed.signed.test", Tlsa::Absent),
        ("crossed.plain.test", present(false, true)),
        ("null.signed.test", Tlsa::Absent),
    ] {
        assert_eq!(ask(&prober, name).await.tlsa, expected, "{name}");
    }
    let unknown = ask(&prober, "failing.signed.test").await;
    assert!(matches!(unknown.tlsa, Tlsa::Unknown { .. }), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dane_certificates() {
    let world = World::new().await;
    let prober = world.prober();
    for (name, capability, dane, said) in [
        ("d1.signed.test", "authenticated", HostDane::Matches, ""),
        ("viaalias.signed.test", "authenticated", HostDane::Matches, ""),
        ("d2.signed.test", "authenticated", HostDane::Unusable, ""),
        ("d3.signed.test", "encrypted", HostDane::Absent, ""),
        ("d21.signed.test", "authenticated", HostDane::Matches, ""),
        ("d22.signed.test", "unknown", HostDane::Mismatch, "DANE: its certificate matches none of its TLSA records"),
        ("d23.signed.test", "authenticated", HostDane::Matches, ""),
        ("d24.signed.test", "authenticated", HostDane::Matches, ""),
        ("d25.signed.test", "unknown", HostDane::Mismatch, "DANE: its certificate is not for this name"),
        ("d26.signed.test", "authenticated", HostDane::Matches, ""),
        // Another domain with the same mail server has another name.
        ("[h26.signed.test]", "unknown", HostDane::Mismatch, "not for this name"),
        ("d27.signed.test", "unknown", HostDane::Unknown, "BadSignature"),
        ("d28.signed.test", "authenticated", HostDane::Matches, ""),
        // A certificate that cannot be checked, of a host that TLSA records bind and of one that none do.
        ("bound.signed.test", "unknown", HostDane::Unknown, "cipher AES128-SHA: only OpenSSL speaks it"),
        ("bound.plain.test", "encrypted", HostDane::Absent, ""),
        ("crossed.plain.test", "encrypted", HostDane::Matches, ""),
        ("d21.plain.test", "encrypted", HostDane::Absent, ""),
        ("mixed.signed.test", "encrypted", HostDane::Mismatch, ""),
    ] {
        let report = ask(&prober, name).await;
        assert_eq!(report.capability.word(), capability, "{name}: {report:?}");
        let host = &report.hosts[0];
        assert_eq!(host.dane, dane, "{name}: {report:?}");
        assert_eq!(host.state == HostState::DaneMismatch, dane == HostDane::Mismatch, "{name}: {report:?}");
        if !said.is_empty() {
            assert!(reason(&report).contains(said), "{name}: {report:?}");
        }
        if let Capability::Authenticated { how, .. } = report.capability {
            assert_eq!(how == Proof::Dane, dane == HostDane::Matches, "{name}: {report:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dane_counts_where_postfix_sees_it() {
    let mut world = World::new().await;
    let anchor = world.config.trust_anchor.clone().unwrap();
    let (process, unbound) = dns::unbound(world.directory.path(), world.knot, &anchor);
    world.processes.push(process);
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let by = |how| Capability::Authenticated { how, version: TlsVersion::V1_3 };
    let encrypted = Capability::Encrypted { version: TlsVersion::V1_3 };
    // A server that is the authority itself calls nothing authentic.
    for (server, sees) in [
        (([127, 0, 0, 1], unbound).into(), Some(true)),
        (([127, 0, 0, 1], world.knot).into(), Some(false)),
        (silent.local_addr().unwrap(), None),
    ] {
        let prober = Prober::beside(
            &[server],
            &world.config,
            &config::Destinations::default(),
            Arc::new(Manner::default()),
            None,
        )
        .unwrap();
        let counts = sees != Some(false);
        for (name, expected) in [
            ("d1.signed.test", if counts { by(Proof::Dane) } else { by(Proof::Pkix) }),
            ("[h1.signed.test]", if counts { by(Proof::Dane) } else { by(Proof::Pkix) }),
            ("d21.signed.test", if counts { by(Proof::Dane) } else { encrypted.clone() }),
        ] {
            let report = ask(&prober, name).await;
            assert_eq!((&report.capability, report.postfix_sees_dane), (&expected, sees), "{name}: {report:?}");
        }
        let mismatch = ask(&prober, "d22.signed.test").await;
        assert_eq!(mismatch.capability.word(), if counts { "unknown" } else { "authenticated" }, "{mismatch:?}");
        assert_eq!(ask(&prober, "d3.signed.test").await.postfix_sees_dane, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_a_validating_resolver_all_is_the_same() {
    let mut world = World::new().await;
    let direct = world.prober();
    let anchor = world.config.trust_anchor.clone().unwrap();
    let (process, port) = dns::unbound(world.directory.path(), world.knot, &anchor);
    world.processes.push(process);
    world.config.nameservers = vec![([127, 0, 0, 1], port).into()];
    let prober = world.prober();
    for name in [
        "d1.signed.test",
        "d1.plain.test",
        "null.plain.test",
        "gone.signed.test",
        "gone.plain.test",
        "nothing.signed.test",
        "nothing.plain.test",
        "viaalias.signed.test",
        "crossed.plain.test",
        "crossed.signed.test",
        "bogus.test",
        "servfail.test",
        "half.plain.test",
        "circle.plain.test",
    ] {
        let (there, here) = (ask(&direct, name).await, ask(&prober, name).await);
        assert_eq!(here.capability.word(), there.capability.word(), "{name}: {here:?} {there:?}");
        let kinds = (std::mem::discriminant(&here.tlsa), std::mem::discriminant(&there.tlsa));
        assert_eq!(kinds.0, kinds.1, "{name}: {here:?} {there:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_resolver_that_strips_dnssec_ordinary_use_works() {
    let mut world = World::new().await;
    let (process, port) = dns::knot(world.directory.path(), "stripped", false, &world.servers);
    world.processes.push(process);
    world.config.nameservers = vec![([127, 0, 0, 1], port).into()];
    let prober = world.prober();
    for (name, expected, tlsa) in [
        ("d1.signed.test", "encrypted", Some(Tlsa::Unsupported)),
        ("own.plain.test", "authenticated", Some(Tlsa::Unsupported)),
        ("d4.plain.test", "cleartext", Some(Tlsa::Unsupported)),
        ("null.plain.test", "undeliverable", None),
        ("gone.plain.test", "undeliverable", None),
        ("nothing.plain.test", "undeliverable", None),
        ("servfail.test", "unknown", None),
        ("circle.plain.test", "unknown", None),
    ] {
        let report = ask(&prober, name).await;
        assert_eq!(report.capability.word(), expected, "{name}: {report:?}");
        if let Some(tlsa) = tlsa {
            assert_eq!(report.tlsa, tlsa, "{name}");
        }
    }
    // TLS that was found is remembered for as long as ever: asking again would show no more.
    assert_eq!(ask(&prober, "d1.signed.test").await.lifetime, world.config.lifetime);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_name_servers_are_no_absence() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = config::Probe {
        nameservers: vec![silent.local_addr().unwrap()],
        max_time: Duration::from_secs(2),
        ..config::Probe::default()
    };
    let report = ask(&Prober::new(&config, "us.test").unwrap(), "d1.signed.test").await;
    assert_eq!(report.capability.word(), "unknown");
    assert_eq!(report.lifetime, config.failure_lifetime);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command() {
    let world = World::new().await;
    let file = world.path("segl.toml");
    let text = format!(
        r#"
[probe]
port = {}
helo = "us.test"
step-time = "1s"
allow-private = ["127.0.0.0/8"]
nameservers = ["127.0.0.1:{}"]
trust-anchor = "{}"
ca-file = "{}"
"#,
        world.servers.port,
        world.knot,
        world.path("root.key").display(),
        world.path("ca.pem").display()
    );
    fs::write(&file, text).unwrap();
    let segl = |file: &str, arguments: &[&str]| {
        block_in_place(|| process::run(env!("CARGO_BIN_EXE_segl"), &[&["-c", file, "probe"], arguments].concat()))
    };
    let file = file.to_str().unwrap();
    let output = segl(file, &["--json", "half.signed.test", "d4.plain.test", "null.plain.test"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen = |line: usize, at: &str| lines[line].pointer(at).unwrap_or_else(|| panic!("{at} in {text}")).to_string();
    for (line, at, expected) in [
        (0, "/domain", "\"half.signed.test\""),
        (0, "/capability", "\"authenticated\""),
        (0, "/how", "\"pkix\""),
        (0, "/tls", "[\"TLSv1.2\"]"),
        (0, "/mx/0/starttls", "false"),
        (0, "/mx/0/tls", "null"),
        (0, "/mx/0/error", "\"STARTTLS is not offered\""),
        (0, "/mx/1/host", "\"h2.signed.test\""),
        (0, "/mx/1/address", "\"127.0.1.2\""),
        (0, "/mx/1/starttls", "true"),
        (0, "/mx/1/tls", "\"TLSv1.2\""),
        (0, "/mx/1/error", "null"),
        (0, "/mx/0/dane", "\"absent\""),
        (0, "/mx/1/dane", "\"unusable\""),
        (0, "/dane", "\"unusable\""),
        (1, "/capability", "\"cleartext\""),
        (1, "/how", "null"),
        (2, "/capability", "\"undeliverable\""),
        (2, "/mx", "[]"),
    ] {
        assert_eq!(seen(line, at), expected, "{at}");
    }
    assert!(seen(0, "/expires").ends_with("Z\""));

    let output = segl(file, &["d1.signed.test", "d20.signed.test"]);
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("d1.signed.test: authenticated by "), "{text}");
    assert!(text.contains("connect: Connection refused"), "{text}");

    assert_eq!(segl(file, &["bad name"]).status.code(), Some(64));
    assert_eq!(segl("/nowhere", &["a.test"]).status.code(), Some(66));
}
