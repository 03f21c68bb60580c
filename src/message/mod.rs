//! A message as it came over SMTP -> the pieces of text that people wrote in it.
//!
//! Nothing is skipped in silence: what cannot be read is listed in [`Document::unreadable`].
//!
//! | step | file |
//! |---|---|
//! | header section -> fields, encoded words (RFC 2047) | `header` |
//! | MIME tree (RFC 2046), in one pass over the message and without copying it | `tree` |
//! | base64 and quoted-printable (RFC 2045) | `transfer` |
//! | bytes in some charset -> UTF-8 | `charset` |
//! | HTML -> what a reader sees | `html` |
//! | spaces, hyphens, digits in their many shapes -> the plain ones | `normalise` |

mod charset;
mod header;
mod html;
mod normalise;
mod transfer;
mod tree;

use std::time::Instant;

pub use normalise::normalise;

/// What was read of one message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Document {
    /// The header fields of the message itself, in order, decoded.
    pub fields: Vec<Field>,
    /// The texts, in the order in which they stand: header fields that people write, bodies, file names.
    pub pieces: Vec<Piece>,
    /// What could not be read, and why.
    pub unreadable: Vec<Unreadable>,
}

/// One header field of the message itself, decoded (RFC 2047).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    /// The field's name as written.
    pub name: String,
    /// Its value, unfolded, encoded words decoded, [normalised](normalise).
    pub value: String,
}

/// A text and the place where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// Where it stands, in words: `subject`, `text`, `part 1.2 (text/html)`.
    pub place: String,
    /// The text, as a reader sees it, [normalised](normalise).
    pub text: String,
}

/// A part that could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable {
    /// Which part, in words.
    pub place: String,
    /// Why not, in words: `attachment of type application/pdf is not read yet`, `limit: more than 1000 parts`.
    pub reason: String,
}

impl Unreadable {
    /// Whether it was left because of a bound on size, number, depth or time.
    pub fn is_limit(&self) -> bool {
        self.reason.starts_with("limit:")
    }
}

/// Bounds on what is read of one message. What lies beyond a bound is listed as unreadable, with `limit:`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Multiparts and messages within one another.
    pub nesting: usize,
    /// Parts in all.
    pub parts: usize,
    /// Bytes of header fields in all, before decoding.
    pub header_bytes: usize,
    /// Bytes of text in all, after decoding.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { nesting: 50, parts: 1000, header_bytes: 1024 * 1024, text_bytes: 32 * 1024 * 1024 }
    }
}

/// Reads a message: its own header fields, and every text in it.
///
/// Any sequence of bytes can be read; memory is bounded by the limits, and time by them and by `deadline`, past which
/// the rest is listed as unreadable (`limit: time`).
pub fn read(raw: &[u8], limits: &Limits, deadline: Instant) -> Document {
    tree::read(raw, limits, deadline)
}
