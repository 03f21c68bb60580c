//! How much text there is room for, known before it is piled up.

use crate::message::{Fault, Reading, Text, Whereabouts};

/// What an entry of a map takes of the room.
const SPOT_COST: usize = 8;

/// Room for text, in bytes.
#[derive(Debug)]
pub(super) struct Room {
    left: usize,
    limit: usize,
}

impl Room {
    /// What the reading has left, but for this many bytes that are held already.
    pub(super) fn of(reading: &Reading<'_>, held: usize) -> Self {
        Self { left: reading.text_left().saturating_sub(held), limit: reading.limits().text_bytes }
    }

    /// Takes room for this many bytes.
    ///
    /// # Errors
    /// When there is no room left: the limit that the reading tells, too.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| Fault::Limit(format!("limit: more than {} bytes of text", self.limit)))?;
        Ok(())
    }

    /// Appends to a text.
    pub(super) fn push(&mut self, text: &mut Text, part: &str) -> Result<(), Fault> {
        self.take(part.len())?;
        text.push(part);
        Ok(())
    }

    /// Says where what comes next stands.
    pub(super) fn at(&mut self, text: &mut Text, whereabouts: Whereabouts) -> Result<(), Fault> {
        self.take(SPOT_COST)?;
        text.at(whereabouts);
        Ok(())
    }
}
