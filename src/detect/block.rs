//! Texts in blocks: what is searched at once stays in the processor's caches, and takes little memory.

use std::{iter, ops::Range};

/// Bytes of text searched at once.
pub(super) const BLOCK: usize = 64 * 1024;

/// A part of a text, and how far to look beyond it for what begins in it.
pub(super) struct Block {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) overlap: usize,
}

impl Block {
    pub(super) fn has(&self, at: usize) -> bool {
        (self.start..self.end).contains(&at)
    }
}

/// Cuts a range of a text between characters.
pub(super) fn blocks(text: &str, range: Range<usize>, overlap: usize) -> impl Iterator<Item = Block> {
    let mut at = range.start;
    iter::from_fn(move || {
        if at >= range.end {
            return None;
        }
        let start = at;
        let end = floor(text, (start + BLOCK).min(range.end));
        at = end;
        Some(Block { start, end, overlap: floor(text, (end + overlap).min(range.end)) })
    })
}

/// The character boundary at or before a place.
pub(super) fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
