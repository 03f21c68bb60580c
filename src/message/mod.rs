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
//! | HTML -> what a reader sees | `html`, `script`, `style_sheet` |
//! | lines that were broken or quoted -> the text that was written | `lines` |
//! | text that is shown backwards | `reversed` |
//! | files in a text: uuencode, armour, base64 | `embedded` |
//! | attachments, by whoever reads them; those that are called text too | `reading`, `signature`, `opened_by_name` |
//! | spaces, hyphens, digits in their many shapes -> the plain ones | `normalise` |
//! | words with escapes of URLs -> what they mean | `percent` |
//! | the text and where it stands | `piece` |

mod charset;
mod embedded;
mod header;
mod html;
mod lines;
mod normalise;
mod opened_by_name;
mod percent;
mod piece;
mod reading;
mod reversed;
mod script;
mod signature;
mod style_sheet;
mod transfer;
mod tree;

use crate::config::Documents;
use serde::{Deserialize, Serialize};
use std::time::Instant;

pub use charset::decode_text;
pub use embedded::Embedded;
pub use header::{is_entity, is_message};
pub use html::read_html;
pub use lines::{numbered, without_quote_marks};
pub use normalise::normalise;
pub use piece::{Piece, Spot, Text, Whereabouts, quoted, within};
pub use reading::{Attachment, Bounded, Fault, Found, ReadAttachment, Reading, Receive, Stop, Unread, Used};
pub use reversed::runs as reversed_runs;
pub use signature::Signature;
#[cfg(feature = "documents")]
pub(crate) use transfer::{base64, quoted_printable};

/// What was read of one message.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Document {
    /// The header fields of the message itself, in order, decoded.
    pub fields: Vec<Field>,
    /// The texts, in the order in which they stand: header fields that people write, bodies, file names.
    pub pieces: Vec<Piece>,
    /// What could not be read, and why.
    pub unreadable: Vec<Unreadable>,
    /// What is protected from end to end, so that nobody on the way can read it.
    pub protected: Vec<Protected>,
    /// The sensitivity labels of attached documents.
    pub labels: Vec<Label>,
}

/// One header field of the message itself, decoded (RFC 2047).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Field {
    /// The field's name as written.
    pub name: String,
    /// Its value, unfolded, encoded words decoded, [normalised](normalise).
    pub value: String,
}

/// How the reason begins why a picture was not read.
const A_PICTURE: &str = "a picture (";

/// A part that could not be read.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Unreadable {
    /// Which part, in words.
    pub place: String,
    /// Why not, in words: `an image`, `limit: more than 1000 parts`.
    pub reason: String,
}

impl Unreadable {
    /// Whether it was left because of a bound on size, number, depth or time.
    pub fn is_limit(&self) -> bool {
        self.reason.starts_with("limit:")
    }

    /// Whether it is nothing but a picture that nobody reads.
    pub fn is_picture(&self) -> bool {
        self.reason.starts_with(A_PICTURE)
    }
}

/// A part that is encrypted from end to end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Protected {
    /// Which part, in words.
    pub place: String,
    /// How, in words: `S/MIME`, `PGP`, `PDF with a password`.
    pub how: String,
}

/// One property of a document's sensitivity label, as Microsoft's programs write them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Label {
    /// Which document, in words.
    pub place: String,
    /// `MSIP_Label_`, the label's id, and what is said of it: `_Enabled`, `_Name`.
    pub name: String,
    /// What is said.
    pub value: String,
}

/// Bounds on what is read of one message. What lies beyond a bound is listed as unreadable, with `limit:`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Limits {
    /// Multiparts, messages, documents and archives within one another.
    pub nesting: usize,
    /// Parts in all, members of archives and files in documents among them.
    pub parts: usize,
    /// Bytes of header fields in all, before decoding.
    pub header_bytes: usize,
    /// Bytes of text in all, after decoding.
    pub text_bytes: usize,
    /// Bytes in all that compressed content may expand to.
    pub expanded_bytes: usize,
    /// How many times its own length a compressed content of more than 1 MiB may expand to.
    pub ratio: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(&Documents::default())
    }
}

impl From<&Documents> for Limits {
    fn from(config: &Documents) -> Self {
        Self {
            nesting: config.nesting,
            parts: config.parts,
            header_bytes: config.header,
            text_bytes: config.text,
            expanded_bytes: config.expanded,
            ratio: config.ratio,
        }
    }
}

/// Reads a message: its own header fields, and every text in it; attachments are left to whoever reads those.
///
/// Any sequence of bytes can be read; memory is bounded by the limits, and time by them and by `deadline`, past which
/// the rest is listed as unreadable (`limit: time`).
pub fn read(raw: &[u8], limits: &Limits, deadline: Instant, attachments: &dyn ReadAttachment) -> Document {
    let mut reading = Reading::new(limits, deadline, attachments);
    // Where it stopped is in the list.
    let (Ok(()) | Err(Stop)) = read_within(raw, "", &mut reading);
    reading.finish()
}

/// Reads a message that stands at `place` in the one that is being read.
///
/// # Errors
/// When the whole reading must stop.
pub fn read_within(raw: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<(), Stop> {
    tree::read(raw, place, reading)
}
