//! Which reader a file is for: by its content first; its name and type only tell apart what the content cannot.

use super::{
    age::is_age,
    archive::{Compressed, is_tar},
    certificate::is_certificate,
    cms::is_cms,
    mailbox, ole, ooxml,
    openpgp::is_openpgp,
    package::Package,
    postscript::is_postscript,
    text_kind,
};
use crate::message::{Attachment, Fault, Reading, Signature};

/// What a file is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A message (RFC 5322).
    Message,
    /// A message as Apple Mail keeps it, after its length.
    CountedMessage,
    /// Messages in one file (RFC 4155).
    Mailbox,
    /// Text, or what is most like it.
    Plain,
    /// Text with a structure of its own: a table, a calendar, a card, XML.
    Structured(Structured),
    Html,
    Rtf,
    Pdf,
    /// A program that draws pages.
    PostScript,
    /// Office Open XML (ECMA-376), macros or not.
    Word,
    Spreadsheet,
    Presentation,
    /// The binary workbook in a zip archive (.xlsb).
    BinarySpreadsheet,
    /// OpenDocument (ISO 26300).
    OpenDocument,
    /// OLE compound file: what is in it tells which.
    Ole,
    /// winmail.dat.
    Tnef,
    Zip,
    SevenZip,
    Tar,
    /// One compressed file.
    Compressed(Compressed),
    /// S/MIME (RFC 8551): signed, enveloped, compressed.
    Cms,
    /// Certificates and key stores, which hold no text.
    Certificate,
    /// OpenPGP (RFC 9580), without its armour.
    OpenPgp,
    /// Encrypted with age.
    Age,
    /// A picture: which, in words.
    Image(&'static str),
    /// Of a kind that is not read: which, in words.
    Unread(String),
}

/// Text with a structure of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Structured {
    /// Comma- or otherwise separated values.
    Table,
    /// iCalendar (RFC 5545), vCard (RFC 6350).
    ContentLines,
    Json,
    Xml,
}

impl Kind {
    /// Whether programs would show it as what it is, and others unpack an archive that stands at its end.
    pub(super) fn may_hide_archive(&self) -> bool {
        matches!(
            self,
            Self::Image(_)
                | Self::Unread(_)
                | Self::Pdf
                | Self::Rtf
                | Self::Tnef
                | Self::Plain
                | Self::Html
                | Self::Structured(_)
        )
    }

    pub(super) fn of(file: &Attachment<'_>, reading: &Reading<'_>) -> Result<Self, Fault> {
        Ok(match Signature::of(file.bytes) {
            Some(Signature::Image(kind)) => Self::Image(kind),
            Some(Signature::Media(kind)) => Self::Unread(format!("sound or film ({kind})")),
            Some(Signature::Program(kind)) => Self::Unread(format!("a program ({kind})")),
            Some(Signature::Rar) => Self::Unread("a RAR archive".to_owned()),
            Some(Signature::Pdf) => Self::Pdf,
            Some(Signature::Rtf) => Self::Rtf,
            Some(Signature::Ole) => Self::Ole,
            Some(Signature::Tnef) => Self::Tnef,
            Some(Signature::SevenZip) => Self::SevenZip,
            Some(Signature::Tar) => Self::Tar,
            Some(Signature::Gzip) => Self::Compressed(Compressed::Gzip),
            Some(Signature::Bzip2) => Self::Compressed(Compressed::Bzip2),
            Some(Signature::Xz) => Self::Compressed(Compressed::Xz),
            Some(Signature::Lzip) => Self::Compressed(Compressed::Lzip),
            Some(Signature::Zstd) => Self::Compressed(Compressed::Zstd),
            Some(Signature::Archive(kind)) => Self::Unread(kind.to_owned()),
            Some(Signature::Zip) => package(file.bytes, reading),
            None if is_postscript(file.bytes) => Self::PostScript,
            None if is_tar(file.bytes) => Self::Tar,
            None if ole::is_rights_managed_message(file.bytes) => Self::Ole,
            None if is_age(file.bytes) => Self::Age,
            None if is_cms(file.bytes) => Self::Cms,
            None if is_certificate(file.bytes) => Self::Certificate,
            None if is_openpgp(file.bytes) => Self::OpenPgp,
            None if mailbox::counted(file.bytes).is_some() => Self::CountedMessage,
            None if is_message(file) => Self::Message,
            None => without_signature(file),
        })
    }
}

/// How the types of OpenDocument begin, and those of its forerunner.
const OPEN_DOCUMENT: [&[u8]; 2] = [b"application/vnd.oasis.opendocument.", b"application/vnd.sun.xml."];

/// Tells documents in zip archives from mere archives, by the members that each must have.
fn package(bytes: &[u8], reading: &Reading<'_>) -> Kind {
    // What cannot be opened so may still have members.
    let Ok(mut package) = Package::open(bytes) else { return Kind::Zip };
    if let Ok(Some(mimetype)) = package.expand("mimetype", reading)
        && OPEN_DOCUMENT.iter().any(|prefix| mimetype.starts_with(prefix))
    {
        return Kind::OpenDocument;
    }
    // Of the parts that a document may be stored in, these are where programs store them.
    for (member, kind) in [
        ("xl/workbook.xml", Kind::Spreadsheet),
        ("xl/workbook.bin", Kind::BinarySpreadsheet),
        ("word/document.xml", Kind::Word),
        ("ppt/presentation.xml", Kind::Presentation),
    ] {
        if package.has(member) {
            return kind;
        }
    }
    if package.has("content.xml") && package.has("META-INF/manifest.xml") {
        return Kind::OpenDocument;
    }
    let content_types = package.names().find(|name| name.eq_ignore_ascii_case("[Content_Types].xml"));
    if let Some(content_types) = content_types.map(|name| name.into_owned())
        && let Ok(Some(content_types)) = package.expand(&content_types, reading)
        && let Some(kind) = ooxml::kind(&content_types)
    {
        return kind;
    }
    Kind::Zip
}

/// What says nothing of itself in its first bytes.
fn without_signature(file: &Attachment<'_>) -> Kind {
    if is_text(file.bytes) {
        return text_kind::of(file);
    }
    Kind::Unread(format!("content of type {}", file.media_type.unwrap_or("application/octet-stream")))
}

/// Said to be a message by its type or name. Anything can be read as one, so that nothing is lost where it is not.
fn is_message(file: &Attachment<'_>) -> bool {
    file.media_type.is_some_and(|kind| matches!(kind, "message/rfc822" | "message/global"))
        || extension(file).as_deref() == Some("eml")
}

/// What stands after the last dot of the name, in lower case.
pub(super) fn extension(file: &Attachment<'_>) -> Option<String> {
    let (_, extension) = file.name?.rsplit_once('.')?;
    Some(extension.trim().to_lowercase())
}

/// Bytes that are looked at to tell text from what is none.
const SAMPLE: usize = 64 * 1024;

/// Whether it is text in some encoding: UTF-8, UTF-16, or a one-byte charset without control characters.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(SAMPLE)];
    if sample.starts_with(b"\xff\xfe") || sample.starts_with(b"\xfe\xff") {
        return true;
    }
    let control = |byte: &&u8| matches!(**byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let odd = sample.iter().filter(control).count();
    let zeros = sample.iter().filter(|byte| **byte == 0).count();
    // UTF-16 of Latin letters is half zeros, all on one side.
    let sides = [0, 1].map(|side| sample.iter().skip(side).step_by(2).filter(|byte| **byte == 0).count());
    let utf_16 = zeros * 3 >= sample.len() && sides.contains(&0);
    utf_16 || odd * 50 <= sample.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        let utf_16: Vec<u8> = "Hej, du".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let noise: Vec<u8> = (0..1000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for (bytes, text) in [
            (&b""[..], true),
            (b"Hej, du", true),
            ("blåbærgrød".as_bytes(), true),
            (b"bl\xe5b\xe6rgr\xf8d", true),
            (b"\xff\xfeH\0e\0j\0", true),
            (&utf_16, true),
            (&noise, false),
            (b"\0\0\0\0\0\0\0\x01abc", false),
        ] {
            assert_eq!(is_text(bytes), text, "{bytes:?}");
        }
    }
}
