//! A message as it came over SMTP -> the pieces of text that people wrote in it.
//!
//! Nothing is skipped in silence: what cannot be read is listed in [`Document::unreadable`].

/// What was read of one message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Document {
    /// The header fields that people or their programs fill in, in order, decoded.
    pub fields: Vec<Field>,
    /// The texts, in the order in which they stand.
    pub pieces: Vec<Piece>,
    /// What could not be read, and why.
    pub unreadable: Vec<Unreadable>,
}

/// One header field of the message itself, decoded (RFC 2047).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Field {
    /// The field's name as written.
    pub name: String,
    /// Its value, unfolded, encoded words decoded.
    pub value: String,
}

/// A text and the place where it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// Where it stands, in words: `subject`, `text`, `part 1.2 (text/html)`.
    pub place: String,
    /// The text, as a reader sees it.
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
