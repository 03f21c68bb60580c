//! Whether Postfix sees that DNS is secure: the AD bit of the servers in /etc/resolv.conf (RFC 4035 section 3.2.3).
//!
//! Postfix does not validate. It asks the system's name servers and believes their AD bit (Postfix
//! `src/dns/dns_lookup.c`), so that where those do not validate it sees no DANE, whatever Segl makes of the same
//! records. So they are asked what Postfix would ask.

use super::dns::rcode;
use crate::nexthop::Destination;
use hickory_resolver::proto::{
    op::{Edns, Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RecordType},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Instant, timeout},
};

/// How many servers are asked, as the C library does (MAXNS).
const SERVERS_MAX: usize = 3;

/// How long one server may take; the C library gives it five seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// The largest answer asked for over UDP, in bytes: what passes unfragmented (RFC 9715 section 3.1).
const UDP_BYTES: u16 = 1232;

/// How often it is said at most that the servers do not validate.
const WARNED_FOR: Duration = Duration::from_secs(60);

/// The name servers that Postfix asks.
#[derive(Debug)]
pub(super) struct PostfixDns {
    servers: Vec<SocketAddr>,
    warned: Mutex<Option<Instant>>,
}

/// Whether the name servers of /etc/resolv.conf validate DNSSEC, by what they say of the root, which is signed.
///
/// # Errors
/// When they do not tell within [`PATIENCE`].
pub async fn resolvers_validate() -> Result<bool, String> {
    let dns = PostfixDns::new(&PostfixDns::system());
    match timeout(PATIENCE, dns.authentic(&[(".".to_owned(), RecordType::SOA)])).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("the name servers of /etc/resolv.conf do not answer".to_owned()),
    }
}

/// Why it is not known what Postfix sees.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdError {
    /// There is no server to ask.
    #[error("/etc/resolv.conf names no name server")]
    NoServer,
    /// The server was too slow.
    #[error("{0}: no answer")]
    TimedOut(SocketAddr),
    /// The network failed.
    #[error("{server}: {error}")]
    Io {
        /// Which server.
        server: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The server could not tell.
    #[error("{server} says {}", rcode(*code))]
    Code {
        /// Which server.
        server: SocketAddr,
        /// Its word.
        code: ResponseCode,
    },
    /// What was asked cannot be asked, or what came is no answer to it.
    #[error("no DNS message for {0}")]
    Message(String),
}

impl PostfixDns {
    /// These servers.
    pub(super) fn new(servers: &[SocketAddr]) -> Self {
        Self { servers: servers.iter().copied().take(SERVERS_MAX).collect(), warned: Mutex::new(None) }
    }

    /// The servers of /etc/resolv.conf; none where it cannot be read. A chrooted smtp(8) reads a copy of it.
    pub(super) fn system() -> Vec<SocketAddr> {
        let servers =
            hickory_resolver::system_conf::read_system_conf().map(|(config, _)| config.name_servers().to_vec());
        let mut servers: Vec<_> = servers.unwrap_or_default().iter().map(|server| server.ip).collect();
        servers.dedup();
        servers.into_iter().map(|address| SocketAddr::new(address, 53)).collect()
    }

    /// Whether the servers call all of these answers authentic. Names are absolute, with or without trailing dot.
    ///
    /// # Errors
    /// When one of them is not to be had, and none of the others is called anything else.
    pub(super) async fn authentic(&self, questions: &[(String, RecordType)]) -> Result<bool, AdError> {
        let asked = questions.iter().map(|(name, kind)| self.ask(name, *kind));
        let mut failed = None;
        for answer in futures_util::future::join_all(asked).await {
            match answer {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(true), Err)
    }

    /// Whether Postfix can see that a destination has DANE, by the TLSA records of one host and, where they count, by its MX
    /// records; `None` where that is not to be told.
    pub(super) async fn sees_dane(
        &self,
        destination: &Destination,
        port: u16,
        base_domain: &str,
        mx_of: Option<&str>,
    ) -> Option<bool> {
        let mut questions = vec![(format!("_{port}._tcp.{base_domain}"), RecordType::TLSA)];
        questions.extend(mx_of.map(|domain| (domain.to_owned(), RecordType::MX)));
        match self.authentic(&questions).await {
            Ok(true) => Some(true),
            Ok(false) => {
                self.warn(destination);
                Some(false)
            }
            Err(error) => {
                tracing::debug!(%destination, %error, "whether Postfix can see DANE is not known");
                None
            }
        }
    }

    /// Whether Postfix can see that the MX records of a domain are secure; `None` where that is not to be told.
    pub(super) async fn sees_mx(&self, domain: &str) -> Option<bool> {
        self.authentic(&[(domain.to_owned(), RecordType::MX)]).await.ok()
    }

    /// Says that Postfix cannot see DANE, now and then.
    fn warn(&self, destination: &dyn std::fmt::Display) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= WARNED_FOR) {
            *warned = Some(Instant::now());
            tracing::warn!(
                %destination,
                "the DNS servers of /etc/resolv.conf do not validate DNSSEC: Postfix cannot see that this destination \
                 has DANE"
            );
        }
    }

    /// Asks one server after the other until one knows.
    async fn ask(&self, name: &str, kind: RecordType) -> Result<bool, AdError> {
        let mut failed = AdError::NoServer;
        for server in &self.servers {
            match timeout(PATIENCE, ask_server(*server, name, kind)).await {
                Ok(Ok(authentic)) => return Ok(authentic),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = AdError::TimedOut(*server),
            }
        }
        Err(failed)
    }
}

/// One question to one server, over UDP, and over TCP where the answer is cut short.
async fn ask_server(server: SocketAddr, name: &str, kind: RecordType) -> Result<bool, AdError> {
    let wrong = || AdError::Message(name.escape_default().to_string());
    let failed = |error| AdError::Io { server, error };
    let mut absolute = Name::from_ascii(name).map_err(|_| wrong())?;
    absolute.set_fqdn(true);
    let question = question(absolute, kind);
    let bytes = question.to_vec().map_err(|_| wrong())?;
    let mut answer = over_udp(server, &question, &bytes).await.map_err(failed)?;
    if answer.metadata.truncation {
        answer = over_tcp(server, &question, &bytes).await.map_err(failed)?.ok_or_else(wrong)?;
    }
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => Ok(answer.metadata.authentic_data),
        code => Err(AdError::Code { server, code }),
    }
}

/// As the C library asks with RES_USE_DNSSEC and RES_TRUSTAD, under an identifier that cannot be guessed.
fn question(name: Name, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = true;
    message.add_query(Query::query(name, kind));
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_BYTES).set_dnssec_ok(true);
    message.set_edns(edns);
    message
}

/// The answer in some bytes; `None` where they are none to this question.
fn answer(bytes: &[u8], question: &Message) -> Option<Message> {
    let answer = Message::from_vec(bytes).ok()?;
    let (asked, told) = (&question.metadata, &answer.metadata);
    let fits = told.id == asked.id && told.message_type == MessageType::Response && told.op_code == OpCode::Query;
    (fits && answer.queries == question.queries).then_some(answer)
}

/// Waits for an answer from where it was asked, and passes over what is none.
async fn over_udp(server: SocketAddr, question: &Message, bytes: &[u8]) -> io::Result<Message> {
    let any = match server.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    // Connected: the system hands on what comes from this server only.
    socket.connect(server).await?;
    socket.send(bytes).await?;
    let mut datagram = [0; 4096];
    loop {
        let length = socket.recv(&mut datagram).await?;
        if let Some(answer) = answer(&datagram[..length], question) {
            return Ok(answer);
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message, bytes: &[u8]) -> io::Result<Option<Message>> {
    let Ok(length) = u16::try_from(bytes.len()) else { return Ok(None) };
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&[&length.to_be_bytes()[..], bytes].concat()).await?;
    let length = stream.read_u16().await?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(answer(&bytes, question))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// What a server does with a question: the datagrams that it answers with, and what it answers over TCP.
    type Behaviour = fn(Message) -> Vec<Message>;

    async fn serve(udp: Behaviour, tcp: Behaviour) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move {
            let mut datagram = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut datagram).await {
                let asked = Message::from_vec(&datagram[..length]).unwrap();
                assert!(asked.metadata.authentic_data && asked.edns.as_ref().unwrap().flags().dnssec_ok);
                for message in udp(asked) {
                    socket.send_to(&message.to_vec().unwrap(), from).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![0; usize::from(stream.read_u16().await.unwrap())];
                stream.read_exact(&mut bytes).await.unwrap();
                for message in tcp(Message::from_vec(&bytes).unwrap()) {
                    let bytes = message.to_vec().unwrap();
                    stream.write_u16(bytes.len() as u16).await.unwrap();
                    stream.write_all(&bytes).await.unwrap();
                }
            }
        });
        address
    }

    fn reply(mut message: Message, authentic: bool) -> Message {
        message.metadata.message_type = MessageType::Response;
        message.metadata.authentic_data = authentic;
        message
    }

    fn with(message: Message, change: impl FnOnce(&mut Message)) -> Message {
        let mut message = reply(message, true);
        change(&mut message);
        message
    }

    async fn ask(servers: &[SocketAddr]) -> Result<bool, AdError> {
        PostfixDns::new(servers).authentic(&[("_25._tcp.mx.example".to_owned(), RecordType::TLSA)]).await
    }

    #[tokio::test]
    async fn tells_whether_the_answer_is_called_authentic() {
        let nothing: Behaviour = |_| Vec::new();
        let yes: Behaviour = |asked| vec![reply(asked, true)];
        let no: Behaviour = |asked| vec![reply(asked, false)];
        assert!(matches!(ask(&[serve(yes, nothing).await]).await, Ok(true)));
        assert!(matches!(ask(&[serve(no, nothing).await]).await, Ok(false)));
        let absent: Behaviour = |asked| vec![with(asked, |m| m.metadata.response_code = ResponseCode::NXDomain)];
        assert!(matches!(ask(&[serve(absent, nothing).await]).await, Ok(true)));
        let cut: Behaviour = |asked| vec![with(asked, |m| m.metadata.truncation = true)];
        assert!(matches!(ask(&[serve(cut, no).await]).await, Ok(false)));
        assert!(matches!(ask(&[serve(cut, yes).await]).await, Ok(true)));
    }

    #[tokio::test]
    async fn what_is_no_answer_to_the_question_does_not_count() {
        let forged: Behaviour = |asked| {
            vec![
                with(asked.clone(), |m| m.metadata.id ^= 1),
                with(asked.clone(), |m| m.queries[0].query_type = RecordType::A),
                with(asked.clone(), |m| m.queries.clear()),
                with(asked.clone(), |m| m.metadata.message_type = MessageType::Query),
                reply(asked, false),
            ]
        };
        assert!(matches!(ask(&[serve(forged, |_| Vec::new()).await]).await, Ok(false)));
    }

    #[tokio::test]
    async fn goes_on_to_the_next_server() {
        let nothing: Behaviour = |_| Vec::new();
        let failing: Behaviour = |asked| vec![with(asked, |m| m.metadata.response_code = ResponseCode::ServFail)];
        let failing = serve(failing, nothing).await;
        let yes = serve(|asked| vec![reply(asked, true)], nothing).await;
        assert!(matches!(ask(&[failing, yes]).await, Ok(true)));
        assert!(matches!(ask(&[failing]).await, Err(AdError::Code { code: ResponseCode::ServFail, .. })));
        assert!(matches!(ask(&[]).await, Err(AdError::NoServer)));
        let began = Instant::now();
        assert!(matches!(ask(&[serve(nothing, nothing).await]).await, Err(AdError::TimedOut(_))));
        assert!(began.elapsed() < 2 * PATIENCE);
    }

    #[tokio::test]
    async fn one_answer_that_is_not_authentic_is_enough() {
        let some: Behaviour = |asked| {
            let authentic = asked.queries[0].query_type == RecordType::MX;
            vec![reply(asked, authentic)]
        };
        let dns = PostfixDns::new(&[serve(some, |_| Vec::new()).await]);
        let question = |kind| ("example.dk".to_owned(), kind);
        assert!(matches!(dns.authentic(&[question(RecordType::MX)]).await, Ok(true)));
        let both = [question(RecordType::MX), question(RecordType::TLSA)];
        assert!(matches!(dns.authentic(&both).await, Ok(false)));
    }
}
