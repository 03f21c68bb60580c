//! What program and worker say to each other, over one stream socket.
//!
//! A frame is the length of its header and of its payload (4 bytes each, little-endian), the header (postcard), and the
//! payload as it is: the file to be read, the text of a piece, a picture. Whoever receives a frame bounds both lengths
//! before anything is kept.

use crate::message::{Label, Limits, Protected, Spot, Unreadable, Used};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fmt,
    io::{self, ErrorKind, Read, Write},
};

/// What the program asks: read the payload.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Request {
    pub(super) place: String,
    pub(super) name: Option<String>,
    pub(super) media_type: Option<String>,
    pub(super) charset: Option<String>,
    /// The limits of the whole message, and what is left of them.
    pub(super) limits: Limits,
    pub(super) left: Limits,
    /// Time left, in milliseconds.
    pub(super) time: u64,
    /// The largest picture that is wanted back, in bytes; 0: none is.
    pub(super) pictures: usize,
}

/// What a worker answers: one [`Reply::Ready`], then for each request what it found as it finds it, and an end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) enum Reply {
    /// The fence is up.
    Ready {
        /// Whether landlock is part of it.
        landlock: bool,
    },
    /// The fence cannot be put up, so nothing is read: why.
    Refused(String),
    /// A piece, whose text is the payload.
    Piece {
        place: String,
        spots: Vec<Spot>,
    },
    Unreadable(Unreadable),
    Protected(Protected),
    Label(Label),
    /// A picture, the payload.
    Picture {
        place: String,
        kind: String,
    },
    /// All has been said.
    End(End),
}

/// The end of an answer.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct End {
    /// What was used of the limits.
    pub(super) used: Used,
    /// Whether the worker is as good as new.
    pub(super) again: bool,
    /// Where in the source a reader panicked, if one did.
    pub(super) panicked: Option<String>,
}

/// The longest header of a request, in bytes: most of it is a name, which the limit on header fields bounds.
pub(super) const REQUEST_HEADER_MAX: usize = 256 << 20;

/// The longest request's payload, in bytes.
pub(super) const REQUEST_PAYLOAD_MAX: usize = 2 << 30;

/// Bytes that are made room for before they are there.
const AHEAD: usize = 64 * 1024;

/// Why there is no further frame.
#[derive(Debug)]
pub(super) enum FrameError {
    /// Reading or writing failed: the other side is gone, or too late.
    Io(io::Error),
    /// It makes no sense.
    Malformed(&'static str),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Malformed(why) => f.write_str(why),
        }
    }
}

/// The most that a frame may hold, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) header: usize,
    pub(super) payload: usize,
}

/// Writes a frame.
///
/// # Errors
/// When it cannot be written, or is too long for its length to be.
pub(super) fn write(to: &mut impl Write, header: &impl Serialize, payload: &[u8]) -> Result<(), FrameError> {
    let header = postcard::to_allocvec(header).map_err(|_| FrameError::Malformed("a header that cannot be written"))?;
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| FrameError::Malformed("too long for a frame"));
    let mut head = Vec::with_capacity(header.len() + 8);
    head.extend_from_slice(&length(&header)?.to_le_bytes());
    head.extend_from_slice(&length(payload)?.to_le_bytes());
    head.extend_from_slice(&header);
    to.write_all(&head)?;
    Ok(to.write_all(payload)?)
}

/// Reads a frame; `None` where the other side has ended between two.
///
/// # Errors
/// When it cannot be read, is longer than it may be, or makes no sense.
pub(super) fn read<H: DeserializeOwned>(
    from: &mut impl Read,
    bounds: Bounds,
) -> Result<Option<(H, Vec<u8>)>, FrameError> {
    let mut first = [0; 1];
    if from.read(&mut first)? == 0 {
        return Ok(None);
    }
    let mut lengths = [0; 7];
    from.read_exact(&mut lengths)?;
    let [first] = first;
    let [a, b, c, d, e, f, g] = lengths;
    let length = |bytes| usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX);
    let (header, payload) = (length([first, a, b, c]), length([d, e, f, g]));
    if header > bounds.header || payload > bounds.payload {
        return Err(FrameError::Malformed("longer than it may be"));
    }
    let bytes = exactly(from, header)?;
    let header = match postcard::take_from_bytes(&bytes) {
        Ok((header, [])) => header,
        _ => return Err(FrameError::Malformed("not of the protocol")),
    };
    drop(bytes);
    Ok(Some((header, exactly(from, payload)?)))
}

/// So many bytes; memory is taken as they come.
fn exactly(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length.min(AHEAD));
    from.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Whereabouts;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { header: 1000, payload: 1000 };

    #[test]
    fn what_is_written_is_read() {
        let spots = vec![
            Spot { at: 0, whereabouts: Whereabouts::Cells { row: 1_000_000, column: 3 } },
            Spot { at: 300, whereabouts: Whereabouts::Named("comment".into()) },
        ];
        let replies = [
            Reply::Ready { landlock: true },
            Reply::Piece { place: "attachment \"løn.xlsx\"".to_owned(), spots },
            Reply::End(End { again: true, ..End::default() }),
        ];
        let mut bytes = Vec::new();
        for reply in &replies {
            write(&mut bytes, reply, b"text").unwrap();
        }
        let mut from = &bytes[..];
        for reply in replies {
            assert_eq!(read::<Reply>(&mut from, BOUNDS).unwrap(), Some((reply, b"text".to_vec())));
        }
        assert!(read::<Reply>(&mut from, BOUNDS).unwrap().is_none());
    }

    #[test]
    fn lengths_are_bounded_before_anything_is_kept() {
        for bytes in [[0xff; 12], [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]] {
            assert!(matches!(read::<Reply>(&mut &bytes[..], BOUNDS), Err(FrameError::Malformed(_))));
        }
        let within = [10, 0, 0, 0, 0, 0, 0, 0, 1];
        assert!(matches!(read::<Reply>(&mut &within[..], BOUNDS), Err(FrameError::Io(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Reply>(&mut &bytes[..], BOUNDS);
            if let [a, b, c, d, ..] = &mut bytes[..] {
                (*a, *b, *c, *d) = (20, 0, 0, 0);
            }
            if let [_, _, _, _, a, b, c, d, ..] = &mut bytes[..] {
                (*a, *b, *c, *d) = (0, 0, 0, 0);
            }
            let _ = read::<Reply>(&mut &bytes[..], BOUNDS);
            let _ = read::<Request>(&mut &bytes[..], BOUNDS);
        }
    }
}
