//! What a document says of itself (ISO 32000-2, 14.3): the information dictionary and XMP (ISO 16684-1). Sensitivity
//! labels stand among their properties, under names that begin with `MSIP_Label_`.

use super::{Document, filter, text_string};
use crate::documents::xml::{Node, walk};
use crate::message::{Fault, Reading, Text, Whereabouts, quoted, within};
use hayro_syntax::object::{Dict, Object, ObjectIdentifier, Stream};
use memchr::memmem;

/// What the names of a label's properties begin with.
const LABEL: &str = "MSIP_Label_";

/// Revisions of a document whose information dictionaries are read.
const MAX_REVISIONS: usize = 64;

/// The longest name of a property of XMP whose value is looked at for a label.
const MAX_LABEL: usize = 4096;

/// Dates and identifiers that programs give a document: no text, and their digits are nobody's.
const NO_TEXT: &[&str] = &[
    "CreationDate",
    "ModDate",
    "SourceModified",
    "CreateDate",
    "ModifyDate",
    "MetadataDate",
    "DocumentID",
    "InstanceID",
    "OriginalDocumentID",
    "VersionID",
    "RenditionClass",
    "documentID",
    "instanceID",
    "originalDocumentID",
    "when",
    "about",
    "parseType",
    "resource",
    "lang",
    "xpacket",
    // A small picture of the document, in base64.
    "image",
];

/// Reads the information dictionaries that the trailers name, which are in clear whatever else is compressed.
pub(super) fn information(bytes: &[u8], document: &Document<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut seen = Vec::new();
    let mut text = Text::new();
    for at in memmem::find_iter(bytes, b"/Info") {
        let after = bytes.get(at + b"/Info".len()..).unwrap_or_default();
        let Some(id) = reference(after) else { continue };
        if seen.contains(&id) || seen.len() >= MAX_REVISIONS {
            continue;
        }
        seen.push(id);
        reading.clock(document.place)?;
        let Some(dict) = document.pdf.xref().get::<Dict<'_>>(id) else { continue };
        for key in dict.keys() {
            let name = String::from_utf8_lossy(&key);
            let Some(value) = text_string::entry(&dict, &name) else { continue };
            if name.starts_with(LABEL) {
                reading.label(document.place, &name, &value);
            } else if !NO_TEXT.contains(&&*name) {
                text.at(Whereabouts::Named(format!("property {}", quoted(&name)).into()));
                text.push(&value);
                text.end_line();
            }
        }
    }
    reading.piece(text.into_piece(within(document.place, "properties")));
    Ok(())
}

/// An indirect reference: `12 0 R`.
fn reference(bytes: &[u8]) -> Option<ObjectIdentifier> {
    let head = std::str::from_utf8(bytes.get(..bytes.len().min(32))?.split(|byte| *byte >= 0x80).next()?).ok()?;
    let mut words = head.split_ascii_whitespace();
    let (number, generation) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next()?.starts_with('R').then_some(ObjectIdentifier { obj_number: number, gen_number: generation })
}

/// Reads XMP.
pub(super) fn xmp(stream: &Stream<'_>, document: &Document<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let place = within(document.place, "properties");
    let bytes = match filter::text(stream, reading) {
        Ok(decoded) => decoded.bytes,
        Err(fault) => return Ok(reading.fault(&place, fault)?),
    };
    let mut text = Text::new();
    // The names of the elements that are open; labels' values as they come.
    let mut open: Vec<String> = Vec::new();
    let mut label = String::new();
    let result = walk(&bytes[..], &place, reading, |node, reading| {
        match node {
            Node::Open(element) => {
                for (name, value) in element.attributes() {
                    if name.starts_with(LABEL) {
                        reading.label(document.place, name, &value);
                    } else if !NO_TEXT.contains(&name) && !value.starts_with("http") && !value.starts_with("adobe:") {
                        // Addresses in attributes are those of namespaces.
                        text.push(&value);
                        text.end_line();
                    }
                }
                open.push(element.name().to_owned());
            }
            Node::Close(name) => {
                if name.starts_with(LABEL) {
                    reading.label(document.place, name, label.trim());
                    label.clear();
                }
                open.pop();
                text.end_line();
            }
            Node::Text(part) => {
                if open.last().is_some_and(|name| name.starts_with(LABEL)) {
                    if label.len() < MAX_LABEL {
                        label.push_str(part);
                    }
                } else if !part.trim().is_empty() && !open.iter().any(|name| NO_TEXT.contains(&&**name)) {
                    text.push(part);
                }
            }
        }
        Ok(())
    });
    reading.piece(text.into_piece(&*place));
    if let Err(fault) = result {
        reading.fault(&place, fault)?;
    }
    Ok(())
}

/// A property of an object that says nothing of where it is: strings, one by one.
pub(super) fn strings(dict: &Dict<'_>, keys: &[&str]) -> Vec<String> {
    keys.iter().filter_map(|key| text_string::of(&dict.get::<Object<'_>>(*key)?)).collect()
}
