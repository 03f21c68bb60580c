//! A file that came with a message -> the text in it. One file per format; which one reads is told from the content,
//! not from the name or the type that it was given.
//!
//! Everything here reads what strangers wrote. It runs in worker processes only, where a reader that hangs, crashes or
//! eats memory costs the part that it was reading.
//!
//! A reader is a function `read(file, reading) -> Result<(), Fault>`: it puts what it finds into the reading as it
//! goes (pieces of text with their map, what is unreadable within the file, files within the file) and gives the
//! reason where it cannot go on.

mod age;
mod archive;
mod ber;
mod binary_spreadsheet;
mod cell_formats;
mod certificate;
mod ciphertext;
mod cms;
mod codepage;
mod compressed_rtf;
mod entities;
mod hidden;
mod kind;
mod little_endian;
mod mailbox;
mod mapi;
mod number_format;
mod ole;
mod ooxml;
mod opendocument;
mod openpgp;
mod package;
mod pdf;
mod plain;
mod postscript;
mod rtf;
mod sheet;
mod sinks;
mod structured;
mod text_kind;
mod tnef;
mod web_page;
mod xml;

use crate::message::{Attachment, Fault, ReadAttachment, Reading, Stop, read_within};
use kind::Kind;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Reads documents in this very process: what a worker does.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl ReadAttachment for InProcess {
    fn read(&self, attachment: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Stop> {
        let result = match catch_unwind(AssertUnwindSafe(|| read(attachment, reading))) {
            Ok(result) => result,
            Err(_) => Err(Fault::Limit("limit: its reader panicked; please report this".to_owned())),
        };
        match result {
            Ok(()) => Ok(()),
            Err(fault) => reading.fault(attachment.place, fault),
        }
    }
}

fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let kind = Kind::of(file, reading)?;
    if kind.may_hide_archive() && archive::has_zip_appended(file.bytes) {
        let result = archive::read_appended_zip(file, reading);
        result.or_else(|fault| reading.fault(file.place, fault))?;
        behind_text(&kind, file, reading);
    }
    if kind.may_hide_archive()
        && let Some(bytes) = archive::seven_zip_within(file.bytes)
    {
        let result = archive::read_seven_zip(&Attachment { bytes, ..*file }, reading);
        result.or_else(|fault| reading.fault(file.place, fault))?;
        behind_text(&kind, file, reading);
    }
    match kind {
        Kind::Message => Ok(read_within(file.bytes, file.place, reading)?),
        Kind::CountedMessage => mailbox::read_counted(file, reading),
        Kind::Pdf => pdf::read(file, reading),
        Kind::PostScript => postscript::read(file, reading),
        Kind::Plain => plain::read(file, reading),
        Kind::Word | Kind::Spreadsheet | Kind::Presentation => ooxml::read(file, reading),
        Kind::OpenDocument => opendocument::read(file, reading),
        Kind::Rtf => rtf::read(file, reading),
        Kind::Html => web_page::read(file, reading),
        Kind::Structured(kind) => structured::read(kind, file, reading),
        Kind::Mailbox => mailbox::read(file, reading),
        Kind::BinarySpreadsheet => binary_spreadsheet::read(file, reading),
        Kind::Ole => ole::read(file, reading),
        Kind::Tnef => tnef::read(file, reading),
        Kind::Zip => archive::read_zip(file, reading),
        Kind::SevenZip => archive::read_seven_zip(file, reading),
        Kind::Tar => archive::read_tar(file, reading),
        Kind::Compressed(format) => archive::read_compressed(format, file, reading),
        Kind::Image(kind) => {
            reading.picture(file.place, kind, file.bytes);
            Ok(())
        }
        Kind::Cms => cms::read(file, reading),
        Kind::Certificate => certificate::read(file.bytes),
        Kind::OpenPgp => openpgp::read(file, reading),
        Kind::Age => age::read(file, reading),
        Kind::Unread(what) => Err(Fault::Unreadable(format!("{what} is not read"))),
    }
}

/// Lists a text with an archive behind it: no program writes such a file, and the archive's bytes make one encoding as
/// likely as another, so that the text may be another than the one that is read.
fn behind_text(kind: &Kind, file: &Attachment<'_>, reading: &mut Reading<'_>) {
    if matches!(kind, Kind::Plain) {
        reading.unreadable(file.place, "a text with an archive behind it");
    }
}

/// Reads a document with one reader alone, which hands the files within it on to none: for the reader's own tests.
#[cfg(test)]
fn read_alone(
    read: fn(&Attachment<'_>, &mut Reading<'_>) -> Result<(), Fault>,
    place: &str,
    bytes: &[u8],
) -> (crate::message::Document, Result<(), Fault>) {
    use crate::message::{Limits, Unread};
    use std::time::{Duration, Instant};
    let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
    let file = Attachment { place, name: None, media_type: None, charset: None, bytes };
    let result = read(&file, &mut reading);
    (reading.finish(), result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Limits;
    use std::time::{Duration, Instant};

    #[test]
    fn messages_attached_to_one_another_end_within_the_stack() {
        let raw = "Content-Type: application/octet-stream; name=a.eml\n\n".repeat(100);
        let limits = Limits::default();
        let document =
            crate::message::read(raw.as_bytes(), &limits, Instant::now() + Duration::from_secs(60), &InProcess);
        assert!(document.unreadable.iter().any(|part| part.reason == "limit: nested more than 50 deep"));
    }
}
