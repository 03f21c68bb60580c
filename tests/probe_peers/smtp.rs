//! SMTP servers of every kind, on loopback.

use crate::process::{Process, free_port, run, until};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::{
    collections::HashMap,
    net::Ipv4Addr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// The peers: host `hN` of each zone has the address 127.0.1.N, and is the MX host of domain `dN`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Peer {
    Tls13 = 1,
    Tls12 = 2,
    SelfSigned = 3,
    Cleartext = 4,
    Tls11 = 5,
    StaticRsa = 6,
    Injects = 7,
    ClosesAfter220 = 8,
    GarbageAfter220 = 9,
    Tarpit = 10,
    Dribbles = 11,
    FloodsLines = 12,
    FloodsGreeting = 13,
    Expired = 14,
    WrongName = 15,
    NoService = 16,
    AncientServerHello = 17,
    FloodsTls = 18,
    /// Shows a good certificate without having its key.
    WrongKey = 19,
    Closed = 20,
    /// Self-signed, expired, for another name; its TLSA record is of its key.
    DaneEe = 21,
    /// A good certificate, and the TLSA record of another.
    DaneMismatch = 22,
    /// A certificate of an authority that only its TLSA record names.
    DaneTa = 23,
    /// Self-signed; TLSA records of the key before and of its certificate.
    DaneRollOver = 24,
    /// As [`DaneTa`], for another name.
    DaneTaWrongName = 25,
    /// As [`DaneTa`], for the domain's name instead of the host's.
    DaneTaDomain = 26,
    /// Shows the certificate that its TLSA record is of, without having its key.
    DaneWrongKey = 27,
    /// As [`DaneTa`], where the TLSA record holds the authority's key, and the server sends its own certificate only.
    DaneTaBareKey = 28,
    /// Finite-field Diffie-Hellman only.
    Dhe = 29,
    /// Elliptic curves, and CBC only.
    EcdheCbc = 30,
    /// A certificate of X.509 version 1.
    Version1 = 31,
    /// A certificate with an RSA key of 1024 bits.
    ShortKey = 32,
    /// A certificate with a critical extension that nobody knows.
    Critical = 33,
}

use Peer::*;

/// Those whose TLSA records can be used, beside [`Tls13`].
pub(crate) const DANE: [Peer; 8] =
    [DaneEe, DaneMismatch, DaneTa, DaneRollOver, DaneTaWrongName, DaneTaDomain, DaneWrongKey, DaneTaBareKey];

/// All but [`Closed`] and those of [`DANE`].
pub(crate) const LISTENING: [Peer; 24] = [
    Tls13,
    Tls12,
    SelfSigned,
    Cleartext,
    Tls11,
    StaticRsa,
    Injects,
    ClosesAfter220,
    GarbageAfter220,
    Tarpit,
    Dribbles,
    FloodsLines,
    FloodsGreeting,
    Expired,
    WrongName,
    NoService,
    AncientServerHello,
    FloodsTls,
    WrongKey,
    Dhe,
    EcdheCbc,
    Version1,
    ShortKey,
    Critical,
];

impl Peer {
    pub(crate) fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 1, self as u8)
    }

    pub(crate) fn domain(self, zone: &str) -> String {
        format!("d{}.{zone}", self as u8)
    }
}

/// The SMTP servers.
pub(crate) struct Servers {
    /// The port of them all.
    pub(crate) port: u16,
    /// The port at which [`Tls13`] speaks TLS from the start.
    pub(crate) wrapped: u16,
    /// The root certificate that the good ones lead to, as PEM.
    pub(crate) authority: String,
    /// The TLSA records of hosts in the signed zone: number of the host, then the record.
    pub(crate) tlsa: Vec<(Peer, String)>,
    _openssl: Vec<Process>,
}

/// How many handshakes [`WrongKey`] has tried.
static THEFTS: AtomicUsize = AtomicUsize::new(0);

type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

#[derive(Clone)]
struct Shop {
    tls13: TlsAcceptor,
    tls12: TlsAcceptor,
    self_signed: TlsAcceptor,
    expired: TlsAcceptor,
    wrong_name: TlsAcceptor,
    wrong_key: [TlsAcceptor; 2],
    dane: HashMap<u8, TlsAcceptor>,
    /// Ports of `openssl s_server` processes on loopback.
    openssl: HashMap<u8, u16>,
}

impl Servers {
    pub(crate) async fn start(directory: &Path) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "Test Root");
        let authority_key = KeyPair::generate().unwrap();
        let authority_certificate = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let mut names: Vec<String> = Vec::new();
        for zone in ["signed.test", "plain.test"] {
            names.extend((1..=40).map(|n| format!("h{n}.{zone}")));
            names.extend(["implicit", "mx.own", "alias"].map(|name| format!("{name}.{zone}")));
        }
        let make = |names: &[String], expired: bool, signed: bool| -> Identity {
            let mut params = CertificateParams::new(names.to_vec()).unwrap();
            if expired {
                params.not_before = rcgen::date_time_ymd(2000, 1, 1);
                params.not_after = rcgen::date_time_ymd(2001, 1, 1);
            }
            let key = KeyPair::generate().unwrap();
            let made = if signed { params.signed_by(&key, &issuer) } else { params.self_signed(&key) };
            (made.unwrap().der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        };
        let (tls12, tls13) = (&rustls::version::TLS12, &rustls::version::TLS13);
        let good = make(&names, false, true);
        let (dane, mut tlsa) = dane_shop(make(&names, false, true));
        tlsa.push((Tls13, tlsa_record("3 1 1", &good.0)));
        let (processes, openssl) = openssl(directory);
        let shop = Shop {
            tls13: acceptor(good, tls13),
            tls12: acceptor(make(&names, false, true), tls12),
            self_signed: acceptor(make(&names, false, false), tls13),
            expired: acceptor(make(&names, true, true), tls12),
            wrong_key: [thief(make(&names, false, true).0, tls12), thief(make(&names, false, true).0, tls13)],
            wrong_name: acceptor(make(&["other.test".to_owned()], false, true), tls13),
            dane,
            openssl,
        };
        let wrapped = listen_wrapped(shop.tls13.clone()).await;
        Self { port: listen(&shop).await, wrapped, authority: authority_certificate.pem(), tlsa, _openssl: processes }
    }
}

/// The peers of [`DANE`] and their TLSA records; `good` is an identity that verifies without.
fn dane_shop(good: Identity) -> (HashMap<u8, TlsAcceptor>, Vec<(Peer, String)>) {
    let tls13 = &rustls::version::TLS13;
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Private Root");
    let key = KeyPair::generate().unwrap();
    let root = authority.self_signed(&key).unwrap().der().clone();
    let issuer = Issuer::new(authority, key);
    let below = |name: String| -> Identity {
        let key = KeyPair::generate().unwrap();
        let made = CertificateParams::new(vec![name]).unwrap().signed_by(&key, &issuer).unwrap();
        (made.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    };
    let alone = || -> Identity {
        let mut params = CertificateParams::new(vec!["elsewhere.test".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    };
    let with_root = |identity: Identity| acceptor_of(vec![identity.0, root.clone()], identity.1, tls13);
    let (own, rolled, stolen) = (alone(), alone(), alone().0);
    let tlsa = vec![
        (DaneEe, tlsa_record("3 1 1", &own.0)),
        (DaneMismatch, tlsa_record("3 1 1", &own.0)),
        (DaneTa, tlsa_record("2 0 1", &root)),
        (DaneRollOver, tlsa_record("3 1 1", &own.0)),
        (DaneRollOver, tlsa_record("3 0 1", &rolled.0)),
        (DaneTaWrongName, tlsa_record("2 0 1", &root)),
        (DaneTaDomain, tlsa_record("2 1 1", &root)),
        (DaneWrongKey, tlsa_record("3 0 1", &stolen)),
        (DaneTaBareKey, tlsa_record("2 1 0", &root)),
    ];
    let bare = below("h28.signed.test".to_owned());
    let acceptors = [
        (DaneEe, acceptor(own, tls13)),
        (DaneMismatch, acceptor(good, tls13)),
        (DaneTa, with_root(below("h23.signed.test".to_owned()))),
        (DaneRollOver, acceptor(rolled, tls13)),
        (DaneTaWrongName, with_root(below("elsewhere.test".to_owned()))),
        (DaneTaDomain, with_root(below("d26.signed.test".to_owned()))),
        (DaneWrongKey, thief(stolen, tls13)),
        (DaneTaBareKey, acceptor(bare, tls13)),
    ];
    (acceptors.into_iter().map(|(peer, acceptor)| (peer as u8, acceptor)).collect(), tlsa)
}

/// A TLSA record of these parameters for a certificate.
fn tlsa_record(parameters: &str, certificate: &CertificateDer<'_>) -> String {
    use sha2::Digest;
    let (_, how) = parameters.split_once(' ').unwrap();
    let key = rustls::server::ParsedCertificate::try_from(certificate).unwrap().subject_public_key_info();
    let data = if how.starts_with('0') { certificate.to_vec() } else { key.to_vec() };
    let data = if how.ends_with('0') { data } else { sha2::Sha256::digest(&data).to_vec() };
    format!("{parameters} {}", data.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

fn acceptor((certificate, key): Identity, version: &'static rustls::SupportedProtocolVersion) -> TlsAcceptor {
    acceptor_of(vec![certificate], key, version)
}

fn acceptor_of(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    version: &'static rustls::SupportedProtocolVersion,
) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// A server that has found a certificate, and signs with a key of its own.
fn thief(certificate: CertificateDer<'static>, version: &'static rustls::SupportedProtocolVersion) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(KeyPair::generate().unwrap().serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let stolen = rustls::sign::CertifiedKey::new(vec![certificate], key);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(stolen)));
    TlsAcceptor::from(Arc::new(config))
}

/// Servers of OpenSSL, with the ports on which they listen for TLS from the start.
fn openssl(directory: &Path) -> (Vec<Process>, HashMap<u8, u16>) {
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let make = |name: &str, how: &[&str]| {
        let (certificate, key, request) = (path(&format!("{name}.pem")), path(&format!("{name}.key")), path("request"));
        let subject = ["-subj", "/CN=openssl.test", "-nodes", "-keyout", &key];
        let openssl = |arguments: &[&[&str]]| {
            let made = run("openssl", &arguments.concat());
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        if name == "version1" {
            openssl(&[&["req", "-new", "-out", &request], how, &subject]);
            let sign = ["x509", "-req", "-days", "2", "-in", &request, "-signkey", &key, "-out", &certificate];
            openssl(&[&sign]);
        } else {
            openssl(&[&["req", "-x509", "-days", "2", "-out", &certificate], how, &subject]);
        }
        [certificate, key]
    };
    let rsa = make("rsa", &["-newkey", "rsa:2048"]);
    let version1 = make("version1", &["-newkey", "rsa:2048"]);
    let short = make("short", &["-newkey", "rsa:1024"]);
    let critical = make("critical", &["-newkey", "rsa:2048", "-addext", "1.2.3.4=critical,DER:0500"]);
    let mut processes = Vec::new();
    let mut ports = HashMap::new();
    for (peer, [certificate, key], how) in [
        (Tls11, &rsa, ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]),
        (StaticRsa, &rsa, ["-tls1_2", "-cipher", "AES128-SHA"]),
        (Dhe, &rsa, ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"]),
        (EcdheCbc, &rsa, ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"]),
        (Version1, &version1, ["-tls1_2", "-cipher", "DEFAULT"]),
        (ShortKey, &short, ["-tls1_3", "-cipher", "DEFAULT:@SECLEVEL=0"]),
        (Critical, &critical, ["-tls1_3", "-cipher", "DEFAULT"]),
    ] {
        let port = free_port();
        let at = format!("127.0.0.1:{port}");
        let common = ["s_server", "-quiet", "-accept", &at, "-cert", certificate, "-key", key];
        processes.push(Process::start("openssl", &[&common[..], &how].concat()));
        until("openssl s_server", || std::net::TcpStream::connect(&at).is_ok());
        ports.insert(peer as u8, port);
    }
    (processes, ports)
}

async fn listen(shop: &Shop) -> u16 {
    let first = TcpListener::bind((Tls13.address(), 0)).await.unwrap();
    let port = first.local_addr().unwrap().port();
    let mut listeners = vec![(Tls13, first)];
    for peer in LISTENING.into_iter().skip(1).chain(DANE) {
        listeners.push((peer, TcpListener::bind((peer.address(), port)).await.unwrap()));
    }
    for (peer, listener) in listeners {
        let shop = shop.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(peer, stream, shop.clone()));
            }
        });
    }
    port
}

/// As a server that is told smtpd_tls_wrappermode.
async fn listen_wrapped(acceptor: TlsAcceptor) -> u16 {
    let listener = TcpListener::bind((Tls13.address(), 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut tls = acceptor.accept(stream).await?;
                tls.write_all(b"220 peer.test ESMTP\r\n").await?;
                tls.read_exact(&mut [0; "QUIT\r\n".len()]).await?;
                tls.write_all(b"221 bye\r\n").await
            });
        }
    });
    port
}

async fn serve(peer: Peer, stream: TcpStream, shop: Shop) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    match peer {
        Tarpit => return stream.read_to_end(&mut Vec::new()).await.map(drop),
        Dribbles => loop {
            stream.write_all(b"2").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        },
        FloodsGreeting => loop {
            stream.write_all(&[b'2'; 1000]).await?;
        },
        NoService => return stream.write_all(b"554 no service for you\r\n").await,
        _ => stream.write_all(b"220 peer.test ESMTP\r\n").await?,
    }
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    match peer {
        FloodsLines => loop {
            stream.write_all(b"250-FLOOD\r\n").await?;
        },
        Cleartext => {
            stream.write_all(b"250-peer.test\r\n250 PIPELINING\r\n").await?;
            stream.read_line(&mut line).await?;
            return stream.write_all(b"221 bye\r\n").await;
        }
        _ => stream.write_all(b"250-peer.test\r\n250 STARTTLS\r\n").await?,
    }
    line.clear();
    stream.read_line(&mut line).await?;
    if line != "STARTTLS\r\n" {
        return Ok(());
    }
    let go: &[u8] = if peer == Injects { b"220 go\r\n250 injected\r\n" } else { b"220 go\r\n" };
    stream.write_all(go).await?;
    after_220(peer, stream.into_inner(), shop).await
}

async fn after_220(peer: Peer, mut stream: TcpStream, shop: Shop) -> std::io::Result<()> {
    let mut hello = [0; 4096];
    if matches!(peer, GarbageAfter220 | AncientServerHello | FloodsTls) {
        let _ = stream.read(&mut hello).await?;
    }
    let acceptor = match peer {
        ClosesAfter220 => return Ok(()),
        GarbageAfter220 => return stream.write_all(b"this is no TLS, is it?\r\n").await,
        AncientServerHello => {
            // A TLS 1.0 ServerHello of before there was a version extension: version 3.1, a random, no session,
            // AES128-SHA, no compression.
            let mut reply = vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
            reply.extend([7; 32]);
            reply.extend([0, 0, 0x2f, 0]);
            stream.write_all(&reply).await?;
            return stream.read(&mut hello).await.map(drop);
        }
        FloodsTls => loop {
            // Handshake records that announce a huge message and never complete it.
            stream.write_all(&[0x16, 3, 3, 0, 8, 2, 0xff, 0xff, 0xff, 0, 0, 0, 0]).await?;
        },
        Tls11 | StaticRsa | Dhe | EcdheCbc | Version1 | ShortKey | Critical => {
            let port = shop.openssl[&(peer as u8)];
            let mut behind = TcpStream::connect(("127.0.0.1", port)).await?;
            return copy_bidirectional(&mut stream, &mut behind).await.map(drop);
        }
        Tls12 => shop.tls12,
        SelfSigned => shop.self_signed,
        Expired => shop.expired,
        WrongName => shop.wrong_name,
        // One version after the other.
        WrongKey => {
            let [tls12, tls13] = shop.wrong_key;
            if THEFTS.fetch_add(1, Relaxed).is_multiple_of(2) { tls12 } else { tls13 }
        }
        other => shop.dane.get(&(other as u8)).cloned().unwrap_or(shop.tls13),
    };
    let mut tls = BufReader::new(acceptor.accept(stream).await?);
    let mut line = String::new();
    while tls.read_line(&mut line).await? > 0 {
        let reply: &[u8] = if line == "QUIT\r\n" { b"221 bye\r\n" } else { b"250 peer.test\r\n" };
        tls.write_all(reply).await?;
        tls.flush().await?;
        line.clear();
    }
    Ok(())
}
