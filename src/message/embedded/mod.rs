//! Files that stand in a text, encoded as text: each is read as if it had been attached. The text itself stays whole.

mod armour;
mod base64_lines;
mod uuencode;
mod yenc;

use super::{
    Piece, normalise,
    reading::{Attachment, Reading, Stop, attachment_place},
    within,
};
use memchr::memmem;

/// A file in a text.
struct File {
    /// The name that it is given.
    name: Option<String>,
    /// What it is, in words.
    what: &'static str,
    bytes: Result<Vec<u8>, &'static str>,
}

/// Text that BinHex 4.0 begins with (RFC 1741).
const BINHEX: &str = "(This file must be converted with BinHex";

/// What was found in a text, to be read once the text itself is kept.
#[must_use]
pub struct Embedded {
    files: Vec<File>,
    binhex: bool,
}

impl Embedded {
    /// Finds files in the bytes of a text: uuencoded ones and those in yEnc, which uses all 256 values.
    pub fn in_bytes(text: &[u8]) -> Self {
        Self { files: uuencode::files(text).chain(yenc::files(text)).collect(), binhex: false }
    }

    /// Finds what stands in a text in an armour (OpenPGP, age, CMS), in base64 without anything that says so, or in
    /// BinHex.
    pub fn in_text(text: &str) -> Self {
        let (mut files, mut armoured) = (Vec::new(), Vec::new());
        for block in armour::blocks(text) {
            armoured.push(block.span);
            files.extend(block.file);
        }
        files.extend(base64_lines::files(text, &armoured));
        Self { files, binhex: memmem::find(text.as_bytes(), BINHEX.as_bytes()).is_some() }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.binhex
    }

    /// Reads each, as something attached to `place`; BinHex is listed.
    ///
    /// # Errors
    /// When the whole reading must stop.
    pub fn read(self, place: &str, reading: &mut Reading<'_>) -> Result<(), Stop> {
        if self.binhex {
            reading.unreadable(&within(place, "BinHex"), "a file in BinHex is not read");
        }
        self.files.into_iter().try_for_each(|file| read(file, place, reading))
    }
}

fn read(file: File, outer: &str, reading: &mut Reading<'_>) -> Result<(), Stop> {
    let place = attachment_place(outer, file.name.as_deref(), file.what);
    if let Some(name) = &file.name {
        reading.piece(Piece::new(within(outer, "file name"), normalise(name.clone())));
    }
    match file.bytes {
        Ok(bytes) => reading.attachment(&Attachment {
            place: &place,
            name: file.name.as_deref(),
            media_type: None,
            charset: None,
            bytes: &bytes,
        }),
        Err(reason) => {
            reading.part(&place)?;
            reading.unreadable(&place, reason);
            Ok(())
        }
    }
}

/// Where lines begin with `start`: offsets.
fn lines_that_begin<'a>(text: &'a [u8], start: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    memmem::find_iter(text, start).filter(|at| *at == 0 || text[*at - 1] == b'\n')
}

/// The first line, without its end, and what follows.
fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match memchr::memchr(b'\n', text) {
        Some(end) => (&text[..end], &text[end + 1..]),
        None => (text, &[][..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}
