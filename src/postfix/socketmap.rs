//! The socketmap server that answers Postfix's `smtp_tls_policy_maps` (socketmap_table(5), `src/util/dict_sockmap.c`).
//!
//! An idle connection is never closed from this side: Postfix keeps one for each smtp(8) process and, when it finds
//! it closed at the wrong moment, defers the mail with 4.7.5 instead of connecting anew.

use super::netstring::{self, NetstringError};
use crate::store::BoxFuture;
use indymilter::Listener;
use std::{borrow::Cow, future::Future, io, panic::AssertUnwindSafe, panic::catch_unwind, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

/// A map, by its name in main.cf: `socketmap:unix:segl/socketmap.sock:tls`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Map {
    /// `tls`: what every Postfix understands.
    Policy,
    /// `tls-with-reports`: with the attributes by which Postfix 3.10 and later reports on TLS (RFC 8460).
    PolicyWithReports,
}

impl Map {
    /// The map of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "tls" => Some(Self::Policy),
            "tls-with-reports" => Some(Self::PolicyWithReports),
            _ => None,
        }
    }
}

/// The longest request: Postfix sends keys of up to 10,000 bytes.
const REQUEST_MAX: usize = 10_100;

/// The longest reply that Postfix takes.
const REPLY_MAX: usize = 100_000;

/// How long a peer may take to read a reply.
const WRITE_MAX: Duration = Duration::from_secs(30);

/// What Postfix is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// `OK policy`.
    Ok(Cow<'static, str>),
    /// No policy of ours.
    NotFound,
    /// Not to be told now: Postfix defers.
    Temp(Cow<'static, str>),
    /// The request itself is wrong.
    Perm(Cow<'static, str>),
}

impl Reply {
    fn encode(&self, out: &mut Vec<u8>) {
        let (word, rest) = match self {
            Self::Ok(policy) if policy.len() > REPLY_MAX - 3 || policy.is_empty() => ("TEMP ", "no legal policy"),
            Self::Ok(policy) => ("OK ", &**policy),
            Self::NotFound => ("NOTFOUND ", ""),
            Self::Temp(reason) => ("TEMP ", &**reason),
            Self::Perm(reason) => ("PERM ", &**reason),
        };
        netstring::encode(word, rest, out);
    }
}

/// A reply, or the promise of one.
pub enum Answer {
    /// Known from memory.
    Now(Reply),
    /// Somebody must be asked first; Postfix waits for 100 s (`src/util/dict_sockmap.c`).
    Later(BoxFuture<'static, Reply>),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Now(reply)
    }
}

/// Answers a key.
pub trait Lookup: Send + Sync + 'static {
    /// The policy for a next-hop as Postfix wrote it. Must not block.
    fn lookup(&self, map: Map, key: &str) -> Answer;
}

/// Serves one connection until the peer closes it or breaks the protocol.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, lookup: Arc<impl Lookup + ?Sized>) {
    if let Err(error) = converse(&mut stream, &*lookup).await {
        match error {
            Failure::Protocol(reason) => tracing::warn!("socketmap: connection closed: {reason}"),
            Failure::Io(error) => tracing::debug!("socketmap: connection lost: {error}"),
        }
    }
}

enum Failure {
    Protocol(String),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<NetstringError> for Failure {
    fn from(error: NetstringError) -> Self {
        Self::Protocol(error.to_string())
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    lookup: &(impl Lookup + ?Sized),
) -> Result<(), Failure> {
    // Small at first: most of a thousand idle connections never send a long key.
    let mut input = Vec::with_capacity(512);
    let mut output = Vec::with_capacity(256);
    loop {
        let mut taken = 0;
        let rest = loop {
            match netstring::decode(&input[taken..], REQUEST_MAX) {
                Ok(Some((request, length))) => {
                    let reply = match answer(request, lookup) {
                        Answer::Now(reply) => reply,
                        Answer::Later(reply) => reply.await,
                    };
                    reply.encode(&mut output);
                    taken += length;
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        input.drain(..taken);
        if !output.is_empty() {
            let written = timeout(WRITE_MAX, stream.write_all(&output)).await;
            written.map_err(|_| Failure::Protocol("the peer does not read its replies".to_owned()))??;
            output.clear();
        }
        rest?;
        if stream.read_buf(&mut input).await? == 0 {
            return match input.is_empty() {
                true => Ok(()),
                false => Err(Failure::Protocol("the connection ended in the middle of a request".to_owned())),
            };
        }
    }
}

fn answer(request: &[u8], lookup: &(impl Lookup + ?Sized)) -> Answer {
    let Some((map, key)) = std::str::from_utf8(request).ok().and_then(|request| request.split_once(' ')) else {
        return Reply::Perm("write: map key, in UTF-8".into()).into();
    };
    let Some(map) = Map::named(map) else {
        return Reply::Perm("no such map; the TLS policy map is called tls, or tls-with-reports".into()).into();
    };
    // A bug in one lookup defers one delivery; the connection and the daemon live on.
    catch_unwind(AssertUnwindSafe(|| lookup.lookup(map, key))).unwrap_or_else(|_| {
        tracing::error!("socketmap: a lookup panicked; please report this");
        Reply::Temp("internal error".into()).into()
    })
}

/// Accepts connections until `shutdown` comes.
///
/// # Errors
/// When the listener fails for good.
pub async fn run(
    mut listener: impl Listener,
    lookup: Arc<impl Lookup + ?Sized>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            stream = listener.accept() => {
                tokio::spawn(serve(stream?, Arc::clone(&lookup)));
            }
            () = &mut shutdown => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Lookup for Fixed {
        fn lookup(&self, _: Map, key: &str) -> Answer {
            let reply = match key {
                "pinned.example" => Reply::Ok("encrypt".into()),
                "broken.example" => Reply::Temp("store".into()),
                "bug.example" => panic!("on purpose"),
                "slow.example" => return Answer::Later(Box::pin(async { Reply::NotFound })),
                _ => Reply::NotFound,
            };
            reply.into()
        }
    }

    async fn talk(requests: &[u8]) -> String {
        let (mut client, server) = tokio::io::duplex(64);
        let serving = tokio::spawn(serve(server, Arc::new(Fixed)));
        let (mut read, mut write) = tokio::io::split(&mut client);
        let requests = requests.to_vec();
        let mut replies = Vec::new();
        let writing = async {
            // The server may hang up in the middle of garbage.
            let _ = write.write_all(&requests).await;
            let _ = write.shutdown().await;
        };
        let (_, read) = tokio::join!(writing, read.read_to_end(&mut replies));
        read.unwrap();
        serving.await.unwrap();
        String::from_utf8(replies).unwrap()
    }

    #[tokio::test]
    async fn answers_in_order_and_in_one_connection() {
        let replies = talk(b"18:tls pinned.example,16:tls slow.example,18:tls broken.example,").await;
        assert_eq!(replies, "10:OK encrypt,9:NOTFOUND ,10:TEMP store,");
    }

    #[tokio::test]
    async fn a_wrong_request_is_told_and_a_panic_defers_one_delivery() {
        let replies = talk(b"3:abc,15:bug bug.example,15:tls bug.example,18:tls pinned.example,").await;
        assert!(replies.starts_with("29:PERM"), "{replies}");
        assert!(replies.ends_with("19:TEMP internal error,10:OK encrypt,"), "{replies}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_stays_open() {
        let (mut client, server) = tokio::io::duplex(64);
        let serving = tokio::spawn(serve(server, Arc::new(Fixed)));
        for idle in [Duration::ZERO, Duration::from_secs(100), Duration::from_secs(30 * 24 * 3600)] {
            tokio::time::sleep(idle).await;
            client.write_all(b"18:tls pinned.example,").await.unwrap();
            let mut reply = [0; 14];
            client.read_exact(&mut reply).await.unwrap();
            assert_eq!(&reply, b"10:OK encrypt,");
        }
        drop(client);
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn garbage_closes_the_connection() {
        assert_eq!(talk(b"GET / HTTP/1.1\r\n").await, "");
        assert_eq!(talk(b"99999999:").await, "");
        assert_eq!(talk(b"18:tls pinned.example,x").await, "10:OK encrypt,");
    }
}
