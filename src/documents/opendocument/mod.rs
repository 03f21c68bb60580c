//! OpenDocument (ISO/IEC 26300, OASIS OpenDocument 1.3): texts, sheets, slides, drawings, their templates, and the same
//! in one flat XML file; also its forerunner of OpenOffice.org 1, whose XML differs little.
//!
//! | step | file |
//! |---|---|
//! | members of the package, which are encrypted | `mod`, `manifest` |
//! | XML -> text, by the meaning of its elements | `content` |
//! | cells of a sheet and where they stand | `sheet` |
//! | numbers whose text is not stored | `number_style` |
//! | texts side by side: body, notes, comments, … | `super::sinks` |

mod content;
mod manifest;
mod number_style;
mod sheet;

use super::{package::Package, xml};
use crate::message::{Attachment, Fault, Reading, Stop, quoted, within};
use content::Content;

/// What a password protects, in words.
const PROTECTED: &str = "OpenDocument with a password";

/// Reads a package or a flat file.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    if !file.bytes.starts_with(b"PK") {
        return walk(file.bytes, file.place, reading);
    }
    let mut package = Package::open_document(file.bytes, file.place, reading)?;
    let encrypted = match manifest::encrypted(&mut package, file.place, reading) {
        Ok(encrypted) => encrypted,
        Err(fault) => {
            reading.fault(&within(file.place, "META-INF/manifest.xml"), fault)?;
            Vec::new()
        }
    };
    if encrypted.iter().any(|name| name == "content.xml" || name == "encrypted-package") {
        return Err(Fault::Protected(PROTECTED.to_owned()));
    }
    let names: Vec<String> = package.names().map(std::borrow::Cow::into_owned).collect();
    // The document's own texts first: what limits leave out should be its embedded files.
    for name in ["content.xml", "styles.xml", "meta.xml"] {
        xml_member(&mut package, name, file.place, reading)?;
    }
    let mut members: Vec<(&String, Role)> = names.iter().map(|name| (name, role(name, &package))).collect();
    members.retain(|(_, role)| !matches!(role, Role::Own | Role::Settings));
    members.sort_by_key(|(_, role)| *role != Role::Object);
    for (name, role) in members {
        if encrypted.binary_search(name).is_ok() {
            reading.protected(&within(file.place, format_args!("file {}", quoted(name))), PROTECTED);
            continue;
        }
        match role {
            Role::Object => {
                let object = name.rsplit_once('/').map_or(name.as_str(), |(folder, _)| folder);
                let place = within(file.place, format_args!("object {}", quoted(object)));
                xml_member(&mut package, name, &place, reading)?;
            }
            _ => embedded(&mut package, name, role, file.place, reading)?,
        }
    }
    Ok(())
}

/// What a member is, by its name (OpenDocument 1.3 part 2, and where LibreOffice stores what).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    /// One of the three that hold the document's own text.
    Own,
    /// The same of a document within it.
    Object,
    /// Nothing in it that people write, or what it holds stands elsewhere in the document too.
    Settings,
    Picture,
    Macro,
    File,
}

fn role(name: &str, package: &Package<'_>) -> Role {
    let (folder, last) = name.rsplit_once('/').unwrap_or(("", name));
    match last {
        "content.xml" | "styles.xml" | "meta.xml" if folder.is_empty() => return Role::Own,
        "content.xml" | "styles.xml" | "meta.xml" => return Role::Object,
        "" | "settings.xml" | "mimetype" | "manifest.rdf" | "layout-cache" | "script-lb.xml" | "script-lc.xml"
        | "dialog-lb.xml" | "dialog-lc.xml" => return Role::Settings,
        _ => {}
    }
    let within = |wanted: &str| folder.split('/').any(|part| part == wanted);
    // A thumbnail is a small picture of the first page, whose text is read.
    if ["META-INF", "Configurations", "Configurations2", "Thumbnails"].into_iter().any(within) {
        return Role::Settings;
    }
    if within("ObjectReplacements") {
        // How an object looks; the object itself is read.
        let object = folder.strip_suffix("ObjectReplacements").unwrap_or_default().to_owned() + last;
        let is_read = package.has(&object) || package.has(&format!("{object}/content.xml"));
        return if is_read { Role::Settings } else { Role::Picture };
    }
    if within("Pictures") || within("media") {
        return Role::Picture;
    }
    if ["Basic", "Dialogs", "Scripts"].into_iter().any(within) { Role::Macro } else { Role::File }
}

/// Reads one of the XML members; one that is not there holds nothing.
fn xml_member(package: &mut Package<'_>, name: &str, place: &str, reading: &mut Reading<'_>) -> Result<(), Stop> {
    let result = match package.member(name, reading) {
        Ok(None) => return Ok(()),
        Ok(Some(member)) => walk(member, place, reading),
        Err(fault) => Err(fault),
    };
    let Err(fault) = result else { return Ok(()) };
    let name = name.rsplit('/').next().unwrap_or(name);
    reading.fault(&within(place, name), fault)
}

/// Hands on a file within the document.
fn embedded(
    package: &mut Package<'_>,
    name: &str,
    role: Role,
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<(), Stop> {
    let (what, shown) = match role {
        Role::Picture => ("picture", name.rsplit('/').next().unwrap_or(name)),
        Role::Macro => ("macro", name),
        _ => ("file", name),
    };
    let place = within(place, format_args!("{what} {}", quoted(shown)));
    match package.expand(name, reading) {
        Ok(Some(bytes)) if !bytes.is_empty() => reading.attachment(&Attachment {
            place: &place,
            name: Some(shown),
            media_type: None,
            charset: None,
            bytes: &bytes,
        }),
        Ok(_) => Ok(()),
        Err(fault) => reading.fault(&place, fault),
    }
}

/// Reads XML; what was read before a fault stays.
fn walk(source: impl std::io::Read, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut content = Content::new(place);
    let result = xml::walk(source, place, reading, |node, reading| content.take(node, reading));
    content.finish(reading)?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        documents::InProcess,
        message::{Document, Limits},
    };
    use std::{
        io::Write,
        time::{Duration, Instant},
    };

    fn package(members: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, content) in members {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(content.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn read_bytes(bytes: &[u8]) -> Document {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &InProcess);
        let file = Attachment { place: "a", name: None, media_type: None, charset: None, bytes };
        reading.attachment(&file).unwrap();
        reading.finish()
    }

    const MIMETYPE: (&str, &str) = ("mimetype", "application/vnd.oasis.opendocument.text");

    #[test]
    fn every_member_is_read_or_listed() {
        let document = read_bytes(&package(&[
            MIMETYPE,
            ("content.xml", "<d><p>one</p></d>"),
            ("styles.xml", "<d><master-page name='M'><header><p>two</p></header></master-page></d>"),
            ("meta.xml", "<d><meta><title>three</title></meta></d>"),
            ("Object 1/content.xml", "<d><p>four</p></d>"),
            ("ObjectReplacements/Object 1", "seen already"),
            ("Pictures/x.png", "PNG is not this"),
            ("settings.xml", "<d><p>nothing</p></d>"),
            ("odd.txt", "five"),
        ]));
        let found: Vec<_> =
            document.pieces.iter().map(|piece| (piece.place_of(0), piece.text.trim().to_owned())).collect();
        let expected = [
            ("a", "one"),
            ("a > header", "two"),
            ("a > properties", "title: three"),
            ("a > object \"Object 1\"", "four"),
            ("a > picture \"x.png\" > line 1", "PNG is not this"),
            ("a > file \"odd.txt\" > line 1", "five"),
        ];
        assert_eq!(found, expected.map(|(place, text)| (place.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_password_is_recognised() {
        for name in ["content.xml", "encrypted-package"] {
            let manifest = format!(
                "<m:manifest xmlns:m='x'><m:file-entry m:full-path='{name}'><m:encryption-data/></m:file-entry></m:manifest>"
            );
            let document =
                read_bytes(&package(&[MIMETYPE, ("META-INF/manifest.xml", &manifest), (name, "\u{1}\u{2}")]));
            assert_eq!(document.protected.len(), 1);
            assert_eq!(document.protected[0].how, PROTECTED);
            assert!(document.unreadable.is_empty());
        }
    }

    #[test]
    fn one_protected_member_is_listed() {
        let document = read_bytes(&package(&[
            MIMETYPE,
            (
                "META-INF/manifest.xml",
                "<manifest><file-entry full-path='a.bin'><encryption-data/></file-entry></manifest>",
            ),
            ("content.xml", "<p>one</p>"),
            ("a.bin", "\u{1}\u{2}"),
        ]));
        assert_eq!(document.pieces.len(), 1);
        assert_eq!(document.protected[0].place, "a > file \"a.bin\"");
    }
}
