//! Text with a structure of its own, so that it is read by its meaning and a finding says in which cell or line.

mod content_lines;
mod embedded;
mod json;
mod markup;
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
        Structured::Xml => match markup::read(file, reading) {
            Err(Fault::Unreadable(_)) => plain::read(file, reading),
            other => other,
        },
    }
}
