//! Text in any encoding.

use crate::message::{
    Attachment, Embedded, Fault, Piece, Reading, decode_text, normalise, numbered, reversed_runs, within,
    without_quote_marks,
};

/// Reads text, and the files in it; its map counts lines.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let decoded = decode_text(file.bytes, file.charset, reading.text_left().saturating_add(1));
    let plain = without_quote_marks(&decoded);
    reading.piece(numbered(&plain, &[]).into_piece(file.place));
    reading.piece(Piece::new(within(file.place, "reversed"), normalise(reversed_runs(&plain))));
    Embedded::in_bytes(file.bytes).read(file.place, reading)?;
    Ok(Embedded::in_text(&plain).read(file.place, reading)?)
}
