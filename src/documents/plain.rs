//! Text in any encoding.

use crate::message::{Attachment, Fault, Reading, Text, Whereabouts, decode_text};

/// Reads text; its map counts lines.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut text = Text::new();
    text.at(Whereabouts::Line(1));
    text.push(&decode_text(file.bytes, file.charset, reading.text_left().saturating_add(1)));
    reading.piece(text.into_piece(file.place));
    Ok(())
}
