//! One worker, as the program sees it: a process and a socket. What comes from it is bounded, timed and believed in
//! nothing but what it says to have read.

use super::{
    Program,
    protocol::{self, Bounds, End, FrameError, Reply, Request},
};
use crate::message::{Attachment, Found, Piece, Reading};
use nix::{libc, sys::signal::Signal};
use std::{
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// What a worker's environment is, all of it. Its memory is limited, so that its allocator must not reserve a gigabyte
/// at once; nor may it look for the processors that memory is near to.
const ENVIRONMENT: [(&str, &str); 2] = [("MIMALLOC_ARENA_RESERVE", "32MiB"), ("MIMALLOC_USE_NUMA_NODES", "1")];

/// The longest that a worker may take to start.
const START_MAX: Duration = Duration::from_secs(20);

/// A worker is told less time than it has, by a tenth and at most this, so that what it found can still be said.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What a place may be longer than the text that it names, over all of an answer, in bytes.
const PLACES: usize = 4 << 20;

/// What a frame costs besides what is in it, in bytes.
const FRAME_COST: usize = 64;

/// Bytes of an answer for each part that it may tell of.
const PART_COST: usize = 1024;

/// A running worker.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    socket: UnixStream,
    /// Requests that it was given.
    pub(super) requests: usize,
    /// When it was done with the last one.
    pub(super) since: Instant,
}

/// Why a worker gave no whole answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The time was over.
    Late,
    /// It died: how, in words.
    Died(String),
    /// It died before it had heard all that it was asked, so not of that: how, in words.
    Unheard(String),
    /// It said what makes no sense, or more than it may.
    Senseless(&'static str),
    /// What it is to be asked cannot be said.
    Unaskable(&'static str),
}

/// Why a worker does not begin to work.
#[derive(Debug)]
pub(super) enum NotReady {
    /// There is no time left for it to start in.
    Late,
    /// It cannot: why.
    Refused(String),
}

/// Takes pictures out of an answer.
pub(super) trait TakePicture {
    /// The largest that is taken, in bytes; 0: none is.
    fn largest(&self) -> usize;
    /// Takes one.
    fn take(&mut self, place: String, kind: String, bytes: Vec<u8>, reading: &mut Reading<'_>);
}

impl Worker {
    /// Starts one. It dies with the thread that calls this.
    pub(super) fn spawn(program: &Program) -> io::Result<Self> {
        let (socket, other) = UnixStream::pair()?;
        let child = Command::new(&program.path)
            .arg0("segl")
            .args(&program.arguments)
            .env_clear()
            .envs(ENVIRONMENT)
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(other)))
            .stdout(Stdio::null())
            // What a library says of a stranger's file is not for the log.
            .stderr(Stdio::null())
            // Signals of a terminal are for the program.
            .process_group(0)
            .spawn()?;
        Ok(Self { child, socket, requests: 0, since: Instant::now() })
    }

    /// Waits until its fence is up; whether landlock is part of that.
    pub(super) fn ready(&mut self, deadline: Instant) -> Result<bool, NotReady> {
        let latest = Instant::now() + START_MAX;
        let bounds = Bounds { header: 4096, payload: 0 };
        let mut timed = Timed { socket: &self.socket, deadline: deadline.min(latest) };
        match protocol::read(&mut timed, bounds) {
            Ok(Some((Reply::Ready { landlock }, _))) => Ok(landlock),
            Ok(Some((Reply::Refused(reason), _))) => Err(NotReady::Refused(reason)),
            Ok(Some(_)) => Err(NotReady::Refused("its first words make no sense".to_owned())),
            Err(FrameError::Malformed(why)) => Err(NotReady::Refused(format!("its first words are {why}"))),
            Err(FrameError::Io(error)) if is_late(&error) && deadline < latest => Err(NotReady::Late),
            Err(FrameError::Io(error)) if is_late(&error) => {
                Err(NotReady::Refused(format!("it did not start within {} s", START_MAX.as_secs())))
            }
            Ok(None) | Err(FrameError::Io(_)) => Err(NotReady::Refused(format!("it ended at once: {}", self.end()))),
        }
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its process.
    #[cfg(test)]
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Has it read something. What it finds goes into the reading as it comes.
    pub(super) fn read(
        &mut self,
        attachment: &Attachment<'_>,
        reading: &mut Reading<'_>,
        pictures: &mut dyn TakePicture,
    ) -> Result<End, Broken> {
        self.requests += 1;
        let deadline = reading.deadline();
        let left = deadline.saturating_duration_since(Instant::now());
        let limits = reading.left();
        let request = Request {
            place: attachment.place.to_owned(),
            name: attachment.name.map(str::to_owned),
            media_type: attachment.media_type.map(str::to_owned),
            charset: attachment.charset.map(str::to_owned),
            limits: *reading.limits(),
            left: limits,
            time: u64::try_from((left - (left / 10).min(LAST_WORDS)).as_millis()).unwrap_or(u64::MAX),
            pictures: pictures.largest(),
        };
        protocol::write(&mut Timed { socket: &self.socket, deadline }, &request, attachment.bytes)
            .map_err(|error| self.broken(error, Broken::Unaskable))?;
        drop(request);
        let mut allowance = limits
            .text_bytes
            .saturating_mul(2)
            .saturating_add(limits.parts.saturating_mul(PART_COST))
            .saturating_add(PLACES);
        loop {
            let bounds = Bounds { header: allowance, payload: allowance.max(pictures.largest()) };
            let frame = protocol::read::<Reply>(&mut Timed { socket: &self.socket, deadline }, bounds);
            let frame = frame.map_err(|error| self.broken(error, Broken::Senseless))?;
            let Some((reply, payload)) = frame else { return Err(Broken::Died(self.end())) };
            let said = match &reply {
                Reply::Piece { place, spots } => place.len() + size_of_val(&**spots) + payload.len(),
                Reply::Unreadable(part) => part.place.len() + part.reason.len(),
                Reply::Protected(part) => part.place.len() + part.how.len(),
                Reply::Label(label) => label.place.len() + label.name.len() + label.value.len(),
                Reply::Picture { place, kind } => place.len() + kind.len(),
                Reply::End(_) | Reply::Ready { .. } | Reply::Refused(_) => 0,
            };
            allowance = allowance.checked_sub(said + FRAME_COST).ok_or(Broken::Senseless("too much"))?;
            match reply {
                Reply::Piece { place, spots } => {
                    let text = String::from_utf8(payload).map_err(|_| Broken::Senseless("no UTF-8"))?;
                    reading.absorb(Found::Piece(Piece { place, text, spots }));
                }
                Reply::Unreadable(part) => reading.absorb(Found::Unreadable(part)),
                Reply::Protected(part) => reading.absorb(Found::Protected(part)),
                Reply::Label(label) => reading.absorb(Found::Label(label)),
                Reply::Picture { place, kind } if payload.len() <= pictures.largest() => {
                    pictures.take(place, kind, payload, reading);
                }
                Reply::End(end) => {
                    self.since = Instant::now();
                    return Ok(end);
                }
                Reply::Picture { .. } | Reply::Ready { .. } | Reply::Refused(_) => {
                    return Err(Broken::Senseless("out of turn"));
                }
            }
        }
    }

    fn broken(&mut self, error: FrameError, malformed: fn(&'static str) -> Broken) -> Broken {
        match error {
            FrameError::Malformed(why) => malformed(why),
            FrameError::Io(error) if is_late(&error) => Broken::Late,
            // The first is said when there is no reader any more, the second when it left something unread (unix(7)).
            FrameError::Io(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                Broken::Unheard(self.end())
            }
            FrameError::Io(_) => Broken::Died(self.end()),
        }
    }

    /// How it ended, in words. Where its socket has ended and it has not, it is ended.
    fn end(&mut self) -> String {
        // Its descriptors are closed before it can be waited for.
        let mut status = None;
        for _ in 0..100 {
            status = self.child.try_wait().ok().flatten();
            if status.is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        status.map_or_else(|| "it went silent".to_owned(), in_words)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already; either way there is something to wait for, and soon.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why a process ended that should not have.
pub(super) fn in_words(status: ExitStatus) -> String {
    let Some(number) = status.signal() else {
        return status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}"));
    };
    match number {
        libc::SIGABRT => "out of memory, most likely".to_owned(),
        libc::SIGSYS => "it asked the system for what it may not: SIGSYS".to_owned(),
        _ => Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.to_string()),
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A socket that is read and written until a deadline.
struct Timed<'a> {
    socket: &'a UnixStream,
    deadline: Instant,
}

impl Timed<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        match self.deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(self.left()?)?;
        let mut socket = self.socket;
        socket.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(self.left()?)?;
        let mut socket = self.socket;
        socket.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
