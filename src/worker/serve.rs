//! The worker: reads what it is asked to, and answers as it finds.

use super::{
    fence::{self, FenceError},
    protocol::{self, Bounds, End, FrameError, REQUEST_HEADER_MAX, REQUEST_PAYLOAD_MAX, Reply, Request},
};
use crate::message::{Attachment, Found, ReadAttachment, Reading, Receive, Unreadable};
use nix::sys::socket::{AddressFamily, SockType, SockaddrLike, UnixAddr, getsockname, getsockopt, sockopt};
use std::{
    fs::File,
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, AsRawFd},
        unix::{fs::FileExt, net::UnixStream},
    },
    panic, process,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The part of its memory that a worker may have taken at its height and still be as good as new.
const GROWN: u64 = 4;

/// The longest name of a source file that is told, in bytes.
const LOCATION_MAX: usize = 200;

/// Why a worker does not work.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nobody talks with it.
    #[error("standard input is not a stream socket: read-worker is started by segl itself, to read attached files")]
    NotAWorker,
    /// It cannot be kept from harm.
    #[error("no fence: {0}")]
    Fence(#[from] FenceError),
    /// The socket failed, or whoever started it does not follow the protocol.
    #[error("socket: {0}")]
    Socket(String),
}

impl From<FrameError> for ServeError {
    fn from(error: FrameError) -> Self {
        Self::Socket(error.to_string())
    }
}

/// Where a reader panicked last. What it said there may hold what it was reading, and is told to nobody.
static PANICKED: Mutex<Option<String>> = Mutex::new(None);

/// Takes requests on standard input, a stream socket, until that ends. The process must have one thread; it may take
/// `memory` bytes more than it has, and nothing else.
///
/// # Errors
/// When there is no such socket, the fence cannot be put up, or the socket fails.
pub fn serve(reader: &dyn ReadAttachment, memory: u64) -> Result<(), ServeError> {
    let parent = Parent { socket: socket()?, pictures: 0 };
    panic::set_hook(Box::new(|info| {
        let location = info.location().map(|location| {
            let file: String = location.file().chars().take(LOCATION_MAX).collect();
            format!("{file}:{}", location.line())
        });
        *PANICKED.lock().unwrap_or_else(PoisonError::into_inner) = location;
    }));
    let status = match fence::around_worker(parent.socket.as_raw_fd(), memory) {
        Ok((fence, status)) => {
            parent.say(&Reply::Ready { landlock: fence.landlock }, &[]);
            status
        }
        Err(error) => {
            parent.say(&Reply::Refused(error.to_string()), &[]);
            return Err(error.into());
        }
    };
    let base = height(&status).unwrap_or(0);
    let mut parent = parent;
    let bounds = Bounds { header: REQUEST_HEADER_MAX, payload: REQUEST_PAYLOAD_MAX };
    loop {
        let (request, bytes) = match protocol::read::<Request>(&mut &parent.socket, bounds) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            // As everywhere else: whoever runs out of memory is gone.
            Err(FrameError::Io(error)) if error.kind() == ErrorKind::OutOfMemory => process::abort(),
            Err(error) => return Err(error.into()),
        };
        parent.pictures = request.pictures;
        let used = read(reader, &request, &bytes, &parent);
        drop(bytes);
        let panicked = PANICKED.lock().unwrap_or_else(PoisonError::into_inner).take();
        let grown = height(&status).unwrap_or(u64::MAX).saturating_sub(base);
        let again = panicked.is_none() && grown < memory / GROWN;
        parent.say(&Reply::End(End { used, again, panicked }), &[]);
    }
}

/// Reads one file; says what it holds.
fn read(reader: &dyn ReadAttachment, request: &Request, bytes: &[u8], parent: &Parent) -> crate::message::Used {
    let deadline = Instant::now() + Duration::from_millis(request.time);
    let mut reading = Reading::resume(&request.limits, &request.left, deadline, reader).handing_on_to(parent);
    let before = reading.used();
    let attachment = Attachment {
        place: &request.place,
        name: request.name.as_deref(),
        media_type: request.media_type.as_deref(),
        charset: request.charset.as_deref(),
        bytes,
    };
    // Where it stopped has been told, and the parent looks at its own clock.
    let _ = reader.read(&attachment, &mut reading);
    reading.used().since(&before)
}

/// The most memory that this process has had, in bytes (proc_pid_status(5)).
/// What getrusage(2) says begins with what its parent has had.
fn height(status: &File) -> Option<u64> {
    let mut text = [0; 4096];
    let length = status.read_at(&mut text, 0).ok()?;
    let text = String::from_utf8_lossy(&text[..length]);
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))?;
    kilobytes.parse::<u64>().ok()?.checked_mul(1024)
}

/// Standard input, where that is a stream socket.
fn socket() -> Result<UnixStream, ServeError> {
    let input = io::stdin();
    let is_stream = getsockopt(&input, sockopt::SockType).is_ok_and(|kind| kind == SockType::Stream);
    let is_unix =
        getsockname::<UnixAddr>(input.as_raw_fd()).is_ok_and(|name| name.family() == Some(AddressFamily::Unix));
    if !is_stream || !is_unix {
        return Err(ServeError::NotAWorker);
    }
    let owned = input.as_fd().try_clone_to_owned().map_err(|error| ServeError::Socket(error.to_string()))?;
    Ok(UnixStream::from(owned))
}

/// Who asked.
struct Parent {
    socket: UnixStream,
    /// The largest picture that is wanted, in bytes; 0: none.
    pictures: usize,
}

impl Parent {
    fn say(&self, reply: &Reply, payload: &[u8]) {
        if protocol::write(&mut &self.socket, reply, payload).is_err() {
            // There is nobody left to read for.
            process::exit(0);
        }
    }
}

impl Receive for Parent {
    fn found(&self, found: Found) {
        match found {
            Found::Piece(piece) => {
                self.say(&Reply::Piece { place: piece.place, spots: piece.spots }, piece.text.as_bytes());
            }
            Found::Unreadable(part) => self.say(&Reply::Unreadable(part), &[]),
            Found::Protected(part) => self.say(&Reply::Protected(part), &[]),
            Found::Label(label) => self.say(&Reply::Label(label), &[]),
        }
    }

    fn picture(&self, place: &str, kind: &str, bytes: &[u8]) -> bool {
        if self.pictures == 0 {
            return false;
        }
        let place = place.to_owned();
        if bytes.len() > self.pictures {
            let reason = format!("limit: a picture of more than {} bytes", self.pictures);
            self.found(Found::Unreadable(Unreadable { place, reason }));
        } else {
            self.say(&Reply::Picture { place, kind: kind.to_owned() }, bytes);
        }
        true
    }
}
