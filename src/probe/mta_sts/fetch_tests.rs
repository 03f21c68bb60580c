//! Fetches policies from HTTPS servers of every kind, on loopback.

use super::*;
use crate::probe::{
    dns::{DnsFailure, Mx, Records, Security},
    mta_sts::http::BODY_MAX,
    tlsa::TlsaRecord,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::PrivateKeyDer,
    version::{TLS12, TLS13},
};
use std::{io::Write as _, sync::Mutex};
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tokio_rustls::TlsAcceptor;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.dk\r\nmax_age: 604800\r\n";

/// Long enough for a handshake on a machine that does other things, short enough to wait for.
const STEP: Duration = Duration::from_secs(2);

/// What the server does after it has read a request.
#[derive(Clone)]
enum Act {
    Send(String),
    /// Sends this, many at once, for as long as anyone takes it.
    Flood(&'static str),
    /// Sends this a few times a second for as long as anyone takes it.
    Dribble(&'static str),
    /// Does nothing more, and keeps the connection open.
    Hang,
    /// Closes the connection without saying so over TLS.
    Break,
}

/// A server; by default one that serves a policy and does everything right.
struct Scenario {
    /// The names in its certificate.
    names: &'static [&'static str],
    expired: bool,
    self_signed: bool,
    version: &'static SupportedProtocolVersion,
    acts: Vec<Act>,
    addresses: Vec<IpAddr>,
    allowed: &'static str,
    max_addresses: usize,
    total_time: Duration,
    /// Whether it closes connections before the handshake.
    closed: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            names: &["mta-sts.example.dk"],
            expired: false,
            self_signed: false,
            version: &TLS13,
            acts: vec![Act::Send(answer("HTTP/1.1 200 OK", "Content-Type: text/plain\r\n", POLICY))],
            addresses: vec![[127, 0, 0, 1].into()],
            allowed: "127.0.0.0/8",
            max_addresses: 2,
            total_time: LONG,
            closed: false,
        }
    }
}

/// An answer with the length of its body.
fn answer(status: &str, header: &str, body: &str) -> String {
    format!("{status}\r\n{header}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// What came of a fetch, and the requests that the server saw.
struct Fetched {
    policy: Result<Policy, FetchError>,
    requests: Vec<String>,
}

impl Scenario {
    fn sending(text: impl Into<String>) -> Self {
        Self { acts: vec![Act::Send(text.into())], ..Self::default() }
    }

    async fn fetch(self) -> Fetched {
        let (authority, acceptor) = self.identity();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (acts, closed, seen) = (self.acts.clone(), self.closed, requests.clone());
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if !closed {
                    tokio::spawn(serve(acceptor.clone(), stream, acts.clone(), seen.clone()));
                }
            }
        });
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(authority.as_bytes()).unwrap();
        let settings = Settings {
            port,
            step_time: STEP,
            total_time: self.total_time,
            max_addresses: self.max_addresses,
            allowed: self.allowed.split_whitespace().map(|network| network.parse().unwrap()).collect(),
        };
        let dns = Arc::new(Hosts(self.addresses));
        let fetcher = Fetcher::new(dns, &Trust::load(Some(file.path())).unwrap(), settings).unwrap();
        let policy = fetcher.fetch("example.dk").await;
        server.abort();
        let requests = requests.lock().unwrap().clone();
        Fetched { policy, requests }
    }

    async fn error(self) -> FetchError {
        self.fetch().await.policy.unwrap_err()
    }

    /// A root certificate, and what shows a certificate that it signed, or did not.
    fn identity(&self) -> (String, TlsAcceptor) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test Root");
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);

        let names: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        if self.expired {
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let made = if self.self_signed { params.self_signed(&key) } else { params.signed_by(&key, &issuer) };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.unwrap().der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        (authority.pem(), TlsAcceptor::from(Arc::new(config)))
    }
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, acts: Vec<Act>, requests: Arc<Mutex<Vec<String>>>) {
    let Ok(mut tls) = acceptor.accept(stream).await else { return };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match tls.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    requests.lock().unwrap().push(String::from_utf8(request).unwrap());
    for act in acts {
        let (text, pause) = match act {
            Act::Send(text) => {
                // Whoever has heard enough may go before the end.
                let _ = tls.write_all(text.as_bytes()).await;
                let _ = tls.flush().await;
                continue;
            }
            Act::Flood(text) => (text.repeat(200), Duration::ZERO),
            Act::Dribble(text) => (text.to_owned(), Duration::from_millis(200)),
            Act::Hang => (String::new(), STEP * 2),
            Act::Break => return,
        };
        loop {
            if tls.write_all(text.as_bytes()).await.is_err() || tls.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }
    let _ = tls.shutdown().await;
}

/// A zone in which `mta-sts.example.dk` has these addresses.
struct Hosts(Vec<IpAddr>);

impl Dns for Hosts {
    fn mx<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<Mx>, DnsFailure>> {
        unreachable!("a policy needs no MX records")
    }
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Answer<IpAddr>, DnsFailure>> {
        Box::pin(async move {
            match host {
                "mta-sts.example.dk" if !self.0.is_empty() => Ok(Answer::Records(Records {
                    data: self.0.clone(),
                    security: Security::Insecure,
                    canonical: host.to_owned(),
                })),
                "mta-sts.example.dk" => Ok(Answer::NoData),
                other => panic!("asked for {other}"),
            }
        })
    }
    fn tlsa<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<TlsaRecord>, DnsFailure>> {
        unreachable!("a policy needs no TLSA records")
    }
    fn txt<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<Vec<u8>>, DnsFailure>> {
        unreachable!("the record has been read")
    }
}

fn expected() -> Result<Policy, FetchError> {
    Ok(Policy::parse(POLICY.as_bytes()).unwrap())
}

#[tokio::test]
async fn fetches_a_policy_and_asks_for_nothing_else() {
    let fetched = Scenario::default().fetch().await;
    assert_eq!(fetched.policy, expected());
    let agent = concat!("user-agent: Segl/", env!("CARGO_PKG_VERSION"));
    let mut lines: Vec<_> = fetched.requests.concat().trim_end().lines().map(str::to_owned).collect();
    assert_eq!(lines.remove(0), "GET /.well-known/mta-sts.txt HTTP/1.1");
    lines.sort();
    let asked =
        ["accept-encoding: identity", "accept: text/plain", "connection: close", "host: mta-sts.example.dk", agent];
    assert_eq!(lines, asked);
}

#[tokio::test]
async fn takes_every_answer_that_is_right() {
    let plain = "Content-Type: text/plain\r\n";
    let chunks = format!(
        "{:x}\r\n{}\r\n{:x};x=y\r\n{}\r\n0\r\nX: y\r\n\r\n",
        10,
        &POLICY[..10],
        POLICY.len() - 10,
        &POLICY[10..]
    );
    let long = format!("X: {}\r\n", "y".repeat(100)).repeat(90);
    for scenario in [
        Scenario { version: &TLS12, ..Scenario::default() },
        Scenario { names: &["*.example.dk"], ..Scenario::default() },
        Scenario::sending(answer("HTTP/1.1 200 OK", "content-type:TEXT/Plain ; charset=utf-8; x=\"y\"\r\n", POLICY)),
        Scenario::sending(answer("HTTP/1.1 200", &format!("{plain}Content-Encoding: identity\r\n"), POLICY)),
        Scenario::sending(format!("HTTP/1.1 200 OK\r\n{plain}Transfer-Encoding: chunked\r\n\r\n{chunks}")),
        // The end of the connection ends the body, where TLS says that it is the end.
        Scenario::sending(format!("HTTP/1.1 200 OK\r\n{plain}\r\n{POLICY}")),
        Scenario::sending(format!("HTTP/1.0 200 OK\r\n{plain}\r\n{POLICY}")),
        Scenario::sending(answer("HTTP/1.1 200 OK", &format!("{long}{plain}"), POLICY)),
        Scenario::sending(format!("HTTP/1.1 103 Early Hints\r\n\r\n{}", answer("HTTP/1.1 200 OK", plain, POLICY))),
        // It is whole, whatever the server does then.
        Scenario { acts: vec![Act::Send(answer("HTTP/1.1 200 OK", plain, POLICY)), Act::Hang], ..Scenario::default() },
        Scenario { acts: vec![Act::Send(answer("HTTP/1.1 200 OK", plain, POLICY)), Act::Break], ..Scenario::default() },
    ] {
        let acts: Vec<_> = scenario
            .acts
            .iter()
            .filter_map(|act| if let Act::Send(text) = act { Some(text.clone()) } else { None })
            .collect();
        assert_eq!(scenario.fetch().await.policy, expected(), "{acts:?}");
    }
}

#[tokio::test]
async fn takes_a_file_of_the_largest_size_and_no_larger() {
    let body = |length: usize| format!("{POLICY}x: {}", "y".repeat(length - POLICY.len() - 3));
    let whole = |length| answer("HTTP/1.1 200 OK", "Content-Type: text/plain\r\n", &body(length));
    let open = |length| format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{}", body(length));
    for text in [whole(BODY_MAX), open(BODY_MAX)] {
        assert_eq!(Scenario::sending(text).fetch().await.policy, expected());
    }
    let flood = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for acts in [
        vec![Act::Send(whole(BODY_MAX + 1))],
        vec![Act::Send(open(BODY_MAX + 1))],
        vec![Act::Send(flood), Act::Flood("10\r\nversion: STSv1\r\n\r\n")],
    ] {
        let error = Scenario { acts, ..Scenario::default() }.error().await;
        assert_eq!(error, FetchError::TooLarge(BODY_MAX));
    }
}

#[tokio::test]
async fn tells_apart_the_answers_that_are_wrong() {
    let plain = "Content-Type: text/plain\r\n";
    let elsewhere = "Content-Type: text/plain\r\nLocation: https://mta-sts.example.dk/other\r\n";
    for (status, header, error) in [
        ("301 Moved", elsewhere, FetchError::Redirect(301)),
        ("302 Found", elsewhere, FetchError::Redirect(302)),
        ("308 Moved", elsewhere, FetchError::Redirect(308)),
        ("304 Not Modified", plain, FetchError::Redirect(304)),
        ("404 Not Found", plain, FetchError::NotFound(404)),
        ("410 Gone", plain, FetchError::NotFound(410)),
        ("500 No", plain, FetchError::Status(500)),
        ("401 No", plain, FetchError::Status(401)),
        ("203 Not Mine", plain, FetchError::Status(203)),
        ("206 Partial Content", plain, FetchError::Status(206)),
        ("200 OK", "", FetchError::WrongType(String::new())),
        ("200 OK", "Content-Type: text/html\r\n", FetchError::WrongType("text/html".to_owned())),
        ("200 OK", "Content-Type: text/plainer\r\n", FetchError::WrongType("text/plainer".to_owned())),
        (
            "200 OK",
            "Content-Type: text/html\r\nContent-Type: text/plain\r\n",
            FetchError::WrongType("text/html, text/plain".to_owned()),
        ),
        ("200 OK", "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", FetchError::Encoded("gzip".to_owned())),
    ] {
        let fetched = Scenario::sending(answer(&format!("HTTP/1.1 {status}"), header, POLICY)).fetch().await;
        assert_eq!(fetched.policy, Err(error), "{status} {header}");
        assert_eq!(fetched.requests.len(), 1, "{status}: nothing is followed");
    }
    let no_policy = answer("HTTP/1.1 200 OK", plain, "version: STSv1\nmode: x\n");
    let error = Scenario::sending(no_policy).error().await;
    assert_eq!(error.to_string(), "no policy: line 2: mode is none of enforce, testing and none");
}

#[tokio::test]
async fn sees_where_an_answer_is_cut_short() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";
    let short = format!("{head}Content-Length: {}\r\n\r\n{POLICY}", POLICY.len() + 1);
    let chunk = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{POLICY}\r\n", POLICY.len());
    for acts in [
        vec![],
        vec![Act::Break],
        vec![Act::Send(head.to_owned())],
        vec![Act::Send(short.clone())],
        vec![Act::Send(short), Act::Break],
        vec![Act::Send(chunk.clone())],
        vec![Act::Send(chunk), Act::Break],
        // Without a length only TLS can say that this is the end, and someone on the way may have cut it.
        vec![Act::Send(format!("{head}\r\n{POLICY}")), Act::Break],
    ] {
        let count = acts.len();
        let error = Scenario { acts, ..Scenario::default() }.error().await;
        assert_eq!(error, FetchError::CutShort, "{count}");
    }
}

#[tokio::test]
async fn takes_nothing_but_http() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(101));
    for (acts, said) in [
        (vec![Act::Send("220 mx.example.dk ESMTP\r\n".to_owned())], "invalid HTTP"),
        (vec![Act::Send("HTTP/2 200 OK\r\n\r\n".to_owned())], "invalid HTTP version"),
        (vec![Act::Send(answer("HTTP/1.1 200 OK", "Content-Length: 1\r\n", POLICY))], "content-length"),
        (vec![Act::Send(many)], "too large"),
        (
            vec![Act::Send("HTTP/1.1 200 OK\r\n".to_owned()), Act::Flood("X: yyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n")],
            "too large",
        ),
        (
            vec![Act::Send("HTTP/1.1 200 OK\r\nX: ".to_owned()), Act::Flood("yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy")],
            "too large",
        ),
    ] {
        let error = Scenario { acts, ..Scenario::default() }.error().await;
        assert!(matches!(&error, FetchError::Http(reason) if reason.contains(said)), "{error}, not {said}");
    }
}

#[tokio::test]
async fn the_server_must_prove_its_name() {
    let good = Scenario::default;
    for (scenario, said) in [
        (Scenario { names: &["example.dk", "www.example.dk"], ..good() }, "not for this name"),
        (Scenario { names: &["*.mta-sts.example.dk"], ..good() }, "not for this name"),
        (Scenario { names: &["mta-sts.example.com"], version: &TLS12, ..good() }, "not for this name"),
        (Scenario { self_signed: true, ..good() }, "unknown issuer"),
        (Scenario { expired: true, ..good() }, "expired"),
    ] {
        let fetched = scenario.fetch().await;
        assert!(matches!(&fetched.policy, Err(FetchError::Certificate(reason)) if reason.contains(said)), "{said}");
        assert_eq!(fetched.requests.len(), 0, "{said}: nothing is asked of a stranger");
    }
    let error = Scenario { closed: true, ..good() }.error().await;
    assert!(matches!(error, FetchError::Tls(_)), "{error}");
}

#[tokio::test]
async fn each_step_is_bounded_in_time() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n".to_owned();
    let body = format!("{head}Content-Length: 4000\r\n\r\n");
    let slow = |acts, total_time, step, limit| async move {
        let error = Scenario { acts, total_time, ..Scenario::default() }.error().await;
        assert_eq!(error, FetchError::TimedOut { step, limit });
    };
    tokio::join!(
        slow(vec![Act::Hang], LONG, "answer", STEP),
        slow(vec![Act::Send(head.clone()), Act::Hang], LONG, "answer", STEP),
        slow(vec![Act::Send(head), Act::Dribble("X: y\r\n")], LONG, "answer", STEP),
        slow(vec![Act::Send(body.clone()), Act::Hang], LONG, "policy file", STEP),
        slow(vec![Act::Send(body), Act::Dribble("x")], LONG, "policy file", STEP),
        slow(vec![Act::Hang], STEP / 2, "policy", STEP / 2),
    );
}

#[tokio::test]
async fn a_stranger_cannot_lead_it_to_this_host_or_its_neighbours() {
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254", "fd00::1", "0.0.0.0"] {
        let fetched =
            Scenario { addresses: vec![address.parse().unwrap()], allowed: "", ..Scenario::default() }.fetch().await;
        assert!(matches!(fetched.policy, Err(FetchError::Refused(_))), "{address}: {:?}", fetched.policy);
        assert_eq!(fetched.requests.len(), 0, "{address}");
    }
    // One that may be contacted is, after others that may not.
    let addresses = vec![[10, 0, 0, 1].into(), [127, 0, 0, 1].into()];
    assert_eq!(Scenario { addresses: addresses.clone(), ..Scenario::default() }.fetch().await.policy, expected());
    let error = Scenario { addresses, max_addresses: 1, ..Scenario::default() }.error().await;
    assert!(matches!(error, FetchError::Refused(_)), "{error}");
}

#[tokio::test]
async fn goes_on_to_the_next_address_where_nobody_answers() {
    // Nobody listens at the first two.
    let addresses = vec![[127, 0, 0, 3].into(), [127, 0, 0, 2].into(), [127, 0, 0, 1].into()];
    let scenario = |max_addresses| Scenario { addresses: addresses.clone(), max_addresses, ..Scenario::default() };
    assert_eq!(scenario(3).fetch().await.policy, expected());
    let error = scenario(2).error().await;
    assert_eq!(error, FetchError::Network { step: "connect", reason: "Connection refused".to_owned() });
    let error = Scenario { addresses: Vec::new(), ..Scenario::default() }.error().await;
    assert_eq!(error, FetchError::NoHost);
}
