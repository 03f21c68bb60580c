//! Accepting connections, for ever: what goes wrong with one is absorbed.

use super::{
    activation::Activation,
    bind::{Bound, SocketError, SocketFile, open},
};
use crate::config::SocketAddress;
use indymilter::EitherStream;
use nix::errno::Errno;
use std::{
    future::poll_fn,
    io::{self, IoSlice},
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep, sleep},
};

/// How long accepting rests when the system lacks something (descriptors, memory); doubled each time, up to the
/// longest rest.
const REST_FIRST: Duration = Duration::from_millis(50);
const REST_LONGEST: Duration = Duration::from_secs(1);
/// The least time between two log lines about accepting.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// A socket on which Postfix connects, and the number of connections that it may have at once. Who comes when that
/// number is reached waits in the backlog of the system, so that nobody is refused.
#[derive(Debug)]
pub struct Listener {
    name: &'static str,
    socket: Socket,
    limit: usize,
    permits: Arc<Semaphore>,
    next: Next,
    resting: Option<Pin<Box<Sleep>>>,
    rest: Duration,
    complaints: Complaints,
    /// Removed with the listener.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixListener),
    Tcp(TcpListener),
}

type Acquire = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send + Sync>>;

/// The place for the next connection.
enum Next {
    None,
    Waiting(Acquire),
    Ready(OwnedSemaphorePermit),
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Waiting(_) => "Waiting",
            Self::Ready(_) => "Ready",
        })
    }
}

/// One connection. It counts towards its listener's limit until it is dropped.
#[derive(Debug)]
pub struct Connection {
    stream: EitherStream<TcpStream, UnixStream>,
    _permit: OwnedSemaphorePermit,
}

impl Listener {
    /// Takes the socket that the service manager passed under this name, or makes the configured one. At most `limit`
    /// connections are open at once. Needs a tokio runtime.
    ///
    /// # Errors
    /// When somebody listens there already, or the system refuses.
    pub fn open(
        name: &'static str,
        address: &SocketAddress,
        activation: &mut Activation,
        limit: usize,
    ) -> Result<Self, SocketError> {
        let (bound, file) = match activation.take(name) {
            Some(bound) => (bound, None),
            None => open(address)?,
        };
        let socket = Socket::new(bound).map_err(|error| SocketError::Refused {
            address: address.to_string(),
            action: "wait for connections",
            error,
        })?;
        Ok(Self {
            name,
            socket,
            limit,
            permits: Arc::new(Semaphore::new(limit)),
            next: Next::None,
            resting: None,
            rest: REST_FIRST,
            complaints: Complaints::default(),
            _file: file,
        })
    }

    /// The address, where it is TCP.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(_) => None,
        }
    }

    /// Waits for the next connection. Dropping the future loses none.
    ///
    /// # Errors
    /// When the socket itself has become unusable, which is a bug.
    pub async fn accept(&mut self) -> io::Result<Connection> {
        poll_fn(|cx| self.poll_connection(cx)).await
    }

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Connection>> {
        loop {
            if let Some(resting) = &mut self.resting {
                ready!(resting.as_mut().poll(cx));
                self.resting = None;
            }
            let permit = ready!(self.poll_permit(cx))?;
            match self.socket.poll_accept(cx) {
                Poll::Pending => {
                    self.next = Next::Ready(permit);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(stream)) => {
                    self.rest = REST_FIRST;
                    return Poll::Ready(Ok(Connection { stream, _permit: permit }));
                }
                Poll::Ready(Err(error)) => {
                    self.next = Next::Ready(permit);
                    match Blame::of(&error) {
                        Blame::Socket => return Poll::Ready(Err(error)),
                        Blame::Peer => {}
                        Blame::System => {
                            self.resting = Some(Box::pin(sleep(self.rest)));
                            self.rest = (self.rest * 2).min(REST_LONGEST);
                        }
                    }
                    self.complaints.say(|| format!("{}: cannot accept a connection: {error}; trying again", self.name));
                }
            }
        }
    }

    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<OwnedSemaphorePermit>> {
        let mut acquire = match std::mem::replace(&mut self.next, Next::None) {
            Next::Ready(permit) => return Poll::Ready(Ok(permit)),
            Next::Waiting(acquire) => acquire,
            Next::None => Box::pin(Arc::clone(&self.permits).acquire_owned()),
        };
        match acquire.as_mut().poll(cx) {
            Poll::Ready(permit) => Poll::Ready(permit.map_err(io::Error::other)),
            Poll::Pending => {
                self.next = Next::Waiting(acquire);
                self.complaints
                    .say(|| format!("{}: all {} connections are in use; more must wait", self.name, self.limit));
                Poll::Pending
            }
        }
    }
}

impl indymilter::Listener for Listener {
    type Io = Connection;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Connection>> {
        self.poll_connection(cx)
    }
}

impl Socket {
    fn new(bound: Bound) -> io::Result<Self> {
        match bound {
            Bound::Unix(listener) => {
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(Self::Unix)
            }
            Bound::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener).map(Self::Tcp)
            }
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<EitherStream<TcpStream, UnixStream>>> {
        match self {
            Self::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| EitherStream::Unix(stream)),
            Self::Tcp(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                // Without it each small answer waits for the other side's delayed acknowledgement (some 40 ms).
                stream.set_nodelay(true)?;
                Poll::Ready(Ok(EitherStream::Tcp(stream)))
            }
        }
    }
}

/// What an error of accept(2) says about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Blame {
    /// This connection: the next may be taken at once.
    Peer,
    /// The system lacks something for now.
    System,
    /// Our socket: accepting can never succeed.
    Socket,
}

impl Blame {
    fn of(error: &io::Error) -> Self {
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::EBADF | Errno::EFAULT | Errno::EINVAL | Errno::ENOTSOCK) => Self::Socket,
            // accept(2): "Linux accept() passes already-pending network errors on the new socket as an error code".
            Some(
                Errno::ECONNABORTED
                | Errno::ECONNRESET
                | Errno::EINTR
                | Errno::EPERM
                | Errno::ENETDOWN
                | Errno::EPROTO
                | Errno::ENOPROTOOPT
                | Errno::EHOSTDOWN
                | Errno::ENONET
                | Errno::EHOSTUNREACH
                | Errno::EOPNOTSUPP
                | Errno::ENETUNREACH
                | Errno::ETIMEDOUT,
            ) => Self::Peer,
            // EMFILE, ENFILE, ENOBUFS, ENOMEM, and whatever there may be.
            _ => Self::System,
        }
    }
}

/// Log lines at most once in a while.
#[derive(Debug, Default)]
struct Complaints {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// Whether it is time to say something again, and how often something was left unsaid since the last time.
    fn due(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.duration_since(last) < COMPLAINT_INTERVAL) {
            self.unsaid += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }

    fn say(&mut self, line: impl FnOnce() -> String) {
        match self.due(Instant::now()) {
            None => {}
            Some(0) => tracing::warn!("{}", line()),
            Some(unsaid) => tracing::warn!("{} ({unsaid} times more since the last line)", line()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        // Postfix's milter client leaves Nagle's algorithm on: where it writes again without waiting for a reply of
        // ours, that waits for our acknowledgement, which Linux puts off by 40 ms. It does not remember being told
        // otherwise (tcp(7)). Where it cannot be told, mail is slow and nothing worse.
        if let EitherStream::Tcp(stream) = &self.stream {
            let _ = stream.set_quickack(true);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use nix::sys::socket::{getsockopt, sockopt::TcpNoDelay};
    use std::{env, fs::File, process::Command};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn listener(address: &SocketAddress, limit: usize) -> Listener {
        Listener::open("milter", address, &mut Activation::default(), limit).unwrap()
    }

    fn loopback() -> SocketAddress {
        SocketAddress::Inet("127.0.0.1:0".to_owned())
    }

    #[tokio::test]
    async fn tcp_connections_send_at_once() {
        let mut listener = listener(&loopback(), 1);
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut connection = listener.accept().await.unwrap();
        let EitherStream::Tcp(stream) = &connection.stream else { panic!("not TCP") };
        assert!(getsockopt(stream, TcpNoDelay).unwrap());
        client.write_all(b"ask").await.unwrap();
        let mut asked = [0; 3];
        connection.read_exact(&mut asked).await.unwrap();
        connection.write_all(b"answer").await.unwrap();
        connection.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!((&asked, answer.as_str()), (b"ask", "answer"));
    }

    #[tokio::test]
    async fn tcp_connections_acknowledge_at_once() {
        let mut listener = listener(&loopback(), 1);
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut connection = listener.accept().await.unwrap();
        let mut byte = [0];
        // The system begins to put acknowledgements off after some questions and answers.
        for _ in 0..10 {
            client.write_all(b"?").await.unwrap();
            connection.read_exact(&mut byte).await.unwrap();
            connection.write_all(b"!").await.unwrap();
            client.read_exact(&mut byte).await.unwrap();
        }
        client.write_all(b"?").await.unwrap();
        connection.read_exact(&mut byte).await.unwrap();
        let EitherStream::Tcp(stream) = &connection.stream else { panic!("not TCP") };
        assert!(stream.quickack().unwrap());
    }

    #[tokio::test]
    async fn who_comes_when_all_is_in_use_waits() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("milter.sock");
        let mut listener = listener(&SocketAddress::Unix(path.clone()), 2);
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(UnixStream::connect(&path).await.unwrap());
        }
        let first = listener.accept().await.unwrap();
        let _second = listener.accept().await.unwrap();
        let mut third = Box::pin(listener.accept());
        assert!(poll!(&mut third).is_pending());
        drop(first);
        let mut third = third.await.unwrap();
        third.write_all(b"at last").await.unwrap();
        drop(third);
        let mut heard = String::new();
        clients[2].read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "at last");
    }

    #[tokio::test]
    async fn no_connection_is_lost_with_the_future() {
        let mut listener = listener(&loopback(), 1);
        assert!(poll!(Box::pin(listener.accept())).is_pending());
        assert!(poll!(Box::pin(listener.accept())).is_pending());
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        listener.accept().await.unwrap();
    }

    #[test]
    fn tells_whose_fault_an_error_is() {
        for (errno, blame) in [
            (Errno::EMFILE, Blame::System),
            (Errno::ENFILE, Blame::System),
            (Errno::ENOBUFS, Blame::System),
            (Errno::ENOMEM, Blame::System),
            (Errno::ECONNABORTED, Blame::Peer),
            (Errno::EPERM, Blame::Peer),
            (Errno::EBADF, Blame::Socket),
            (Errno::EINVAL, Blame::Socket),
        ] {
            assert_eq!(Blame::of(&errno.into()), blame, "{errno}");
        }
        assert_eq!(Blame::of(&io::Error::other("no number")), Blame::System);
    }

    #[test]
    fn complains_once_a_minute() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        let said = (0..=120).filter_map(|second| Some((second, complaints.due(start + Duration::from_secs(second))?)));
        assert_eq!(said.collect::<Vec<_>>(), [(0, 0), (60, 59), (120, 59)]);
    }

    /// Runs in a process of its own, which may open few files.
    #[tokio::test]
    #[ignore = "run by accepting_survives_a_lack_of_descriptors"]
    async fn accepts_when_there_are_descriptors_again() {
        let mut listener = listener(&loopback(), 10);
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut files = Vec::new();
        let lack = loop {
            match File::open("/dev/null") {
                Ok(file) => files.push(file),
                Err(error) => break error,
            }
        };
        assert_eq!(lack.raw_os_error(), Some(Errno::EMFILE as i32));
        // The runtime has to see the connection first, so accepting is asked for until it has met the lack.
        while listener.resting.is_none() {
            assert!(poll!(Box::pin(listener.accept())).is_pending());
            tokio::task::yield_now().await;
        }
        assert!(listener.complaints.last.is_some());
        drop(files);
        let mut connection = listener.accept().await.unwrap();
        connection.write_all(b"welcome").await.unwrap();
        drop(connection);
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "welcome");
    }

    #[test]
    fn accepting_survives_a_lack_of_descriptors() {
        let output = Command::new("sh")
            .arg("-c")
            .arg("ulimit -n 64 && exec \"$0\" --exact \"$1\" --ignored")
            .arg(env::current_exe().unwrap())
            .arg("daemon::socket::listener::tests::accepts_when_there_are_descriptors_again")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
}
