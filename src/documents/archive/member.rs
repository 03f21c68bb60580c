//! The members of an archive: their names, and what becomes of each.

use crate::message::{Attachment, Piece, Reading, Stop, Text, Whereabouts, quoted, within};

/// The names of all members of one archive, and what else people wrote about them, line by line.
pub(super) struct Names {
    text: Text,
    most: usize,
}

impl Names {
    /// None yet.
    pub(super) fn new(reading: &Reading<'_>) -> Self {
        let mut text = Text::new();
        text.at(Whereabouts::Line(1));
        Self { text, most: reading.text_left() }
    }

    /// Adds a name, or a comment. What there is no room for is left out here, and told by [`Self::piece`].
    pub(super) fn add(&mut self, name: &str) {
        if self.text.len() <= self.most && !name.is_empty() {
            self.text.push_cell(name);
            self.text.end_line();
        }
    }

    /// The text.
    pub(super) fn piece(self, place: &str) -> Piece {
        self.text.into_piece(within(place, "names"))
    }
}

/// The place of a member.
pub(super) fn place(archive: &str, name: &str) -> String {
    within(archive, quoted(name))
}

/// Reads a member.
pub(super) fn read(archive: &str, name: &str, bytes: &[u8], reading: &mut Reading<'_>) -> Result<(), Stop> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let place = place(archive, name);
    reading.attachment(&Attachment { place: &place, name: Some(base), media_type: None, charset: None, bytes })
}
