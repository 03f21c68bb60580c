//! The outline: bookmarks (ISO 32000-2, 12.3.3).

use super::{Document, text_string};
use crate::message::{Fault, Reading, Text, within};
use hayro_syntax::object::Dict;
use std::collections::HashSet;

/// Bookmarks.
const MAX_ITEMS: usize = 100_000;

/// Reads the titles, in order.
pub(super) fn titles(document: &Document<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(outline) = document.root.get::<Dict<'_>>("Outlines") else { return Ok(()) };
    let place = within(document.place, "bookmarks");
    let mut text = Text::new();
    let mut seen = HashSet::new();
    let mut pending: Vec<Dict<'_>> = outline.get::<Dict<'_>>("First").into_iter().collect();
    while let Some(item) = pending.pop() {
        if !seen.insert(item.data().as_ptr() as usize) {
            continue;
        }
        if seen.len() > MAX_ITEMS {
            reading.limit(&place, format!("limit: more than {MAX_ITEMS} bookmarks"));
            break;
        }
        reading.clock(&place)?;
        if let Some(title) = text_string::entry(&item, "Title") {
            text.push(&title);
            text.end_line();
        }
        // The last one pushed comes first.
        pending.extend(document.follow(&item, "Next"));
        pending.extend(document.follow(&item, "First"));
    }
    reading.piece(text.into_piece(place));
    Ok(())
}
