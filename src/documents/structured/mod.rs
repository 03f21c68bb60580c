//! Text with a structure of its own, so that it is read by its meaning and a finding says in which cell or line.

mod content_lines;
mod embedded;
mod fixed_page;
mod json;
mod markup;
mod spreadsheet_2003;
mod table;

use super::{kind::Structured, plain, sinks::Sinks};
use crate::message::{Attachment, Fault, Reading, decode_text};
use embedded::Files;

pub(super) use table::looks_like_table;

/// Reads it. What turns out to be something else is read as plain text.
pub(super) fn read(kind: Structured, file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    match kind {
        Structured::Table => table::read(file, reading),
        Structured::ContentLines => content_lines::read(file, reading),
        Structured::Json => json::read(file, reading),
        Structured::Xml => {
            let read = match file {
                file if fixed_page::is_one(file) => fixed_page::read,
                file if spreadsheet_2003::is_one(file) => spreadsheet_2003::read,
                _ => markup::read,
            };
            match read(file, reading) {
                Err(Fault::Unreadable(_)) => plain::read(file, reading),
                other => other,
            }
        }
    }
}

/// What a reader of text finds, each in its place.
#[derive(Debug, Default)]
struct Gathered {
    sinks: Sinks,
    files: Files,
}

/// Decodes the text and has it read. What was gathered of it before a fault stays.
fn read_text(
    file: &Attachment<'_>,
    reading: &mut Reading<'_>,
    gather: impl FnOnce(&str, &mut Gathered, &mut Reading<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let text = decode_text(file.bytes, file.charset, reading.text_left().saturating_add(1));
    let mut gathered = Gathered::default();
    let result = gather(text.trim_start_matches('\u{feff}'), &mut gathered, reading);
    gathered.sinks.flush(file.place, reading);
    result?;
    gathered.files.hand_on(file.place, reading)
}
