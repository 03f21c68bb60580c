//! Comments on the cells of a sheet (ECMA-376 part 1, 18.7), and threaded ones ([MS-XLSX] 2.1.46).

use super::{room::Room, sheet::reference, xstring::resolved};
use crate::{
    documents::xml::{Node, walk},
    message::{Fault, Reading, Text, Whereabouts},
};
use std::io::Read;

/// Reads the comments of one sheet.
pub(super) fn read(source: impl Read, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut text = Text::new();
    let mut room = Room::of(reading, 0);
    let mut said = String::new();
    let mut in_text = false;
    let result = walk(source, place, reading, |node, _| {
        match node {
            Node::Open(element) => {
                in_text = matches!(element.name(), "t" | "author" | "text");
                if matches!(element.name(), "comment" | "threadedComment")
                    && let Some((row, column)) = element.attribute("ref").and_then(|name| reference(&name))
                {
                    room.at(&mut text, Whereabouts::Cells { row, column })?;
                }
            }
            Node::Text(part) if in_text => {
                room.take(part.len())?;
                said.push_str(part);
            }
            Node::Text(_) => {}
            Node::Close(name) => {
                in_text = false;
                if matches!(name, "text" | "author") {
                    text.push_cell(resolved(&said).trim());
                    text.end_line();
                    said.clear();
                }
            }
        }
        Ok(())
    });
    reading.piece(text.into_piece(place));
    result
}
