//! Text in any encoding.

use crate::message::{Attachment, Embedded, Fault, Reading, Text, Whereabouts, decode_text, without_quote_marks};

/// Reads text, and the files in it; its map counts lines.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut text = Text::new();
    text.at(Whereabouts::Line(1));
    let decoded = decode_text(file.bytes, file.charset, reading.text_left().saturating_add(1));
    let plain = without_quote_marks(&decoded);
    text.push(&plain);
    reading.piece(text.into_piece(file.place));
    Embedded::in_bytes(file.bytes).read(file.place, reading)?;
    Ok(Embedded::in_text(&plain).read(file.place, reading)?)
}
