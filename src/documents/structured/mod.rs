//! Text with a structure of its own, so that it is read by its meaning and a finding says in which cell or line.

mod content_lines;
mod embedded;
mod fixed_page;
mod json;
mod markup;
mod spreadsheet_2003;
mod table;

use super::{kind::Structured, plain};
use crate::message::{Attachment, Fault, Reading};

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
