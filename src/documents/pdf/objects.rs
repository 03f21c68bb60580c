//! A last look at every object of a document, for text that stands where nothing above leads to: alternative texts,
//! layers, signatures, scripts, pages that are no longer shown, files and metadata of parts.

use super::{Document, annotation, files::Files, filter, metadata, text_string};
use crate::message::{Fault, Reading, Text, Whereabouts};
use hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, dict_or_stream};
use std::collections::HashSet;

/// Objects between two looks at the clock.
const STEP: usize = 256;

/// Pages that are no longer shown and are read.
const MAX_LOST_PAGES: usize = 10_000;

/// What was found.
#[derive(Default)]
pub(super) struct Found<'p> {
    pub(super) files: Files<'p>,
    /// Pages that the tree of pages does not lead to.
    pub(super) lost_pages: Vec<Dict<'p>>,
}

/// Looks at all objects. `pages` and `seen` are the pages and annotations that were read, by where they stand.
pub(super) fn all<'p>(
    document: &Document<'p>,
    pages: &HashSet<usize>,
    seen: &mut HashSet<usize>,
    files: Files<'p>,
    reading: &mut Reading<'_>,
) -> Result<Found<'p>, Fault> {
    let mut found = Found { files, lost_pages: Vec::new() };
    let mut text = Text::new();
    let mut metadata_seen: HashSet<ObjectIdentifier> = HashSet::new();
    for (index, object) in document.pdf.objects().into_iter().enumerate() {
        if index % STEP == 0 {
            reading.clock(document.place)?;
        }
        if text.len() > reading.text_left() {
            break;
        }
        let Some((dict, stream)) = dict_or_stream(&object) else { continue };
        let kind = dict.get::<Name<'_>>("Type");
        let kind = kind.as_deref().unwrap_or_default();
        let mut add = |whereabouts: &str, keys: &[&str]| {
            for string in metadata::strings(dict, keys) {
                text.at(Whereabouts::Named(whereabouts.into()));
                text.push(&string);
                text.end_line();
            }
        };
        match kind {
            b"Filespec" | b"F" => found.files.specification(dict),
            b"EmbeddedFile" => {}
            b"OCG" => add("layer", &["Name"]),
            b"Sig" | b"DocTimeStamp" => add("signature", &["Name", "Reason", "Location", "ContactInfo"]),
            b"Sound" => reading.unreadable(document.place, "sound is not read"),
            b"3D" => reading.unreadable(document.place, "a 3D model is not read"),
            b"Page" if !pages.contains(&(dict.data().as_ptr() as usize)) => {
                if found.lost_pages.len() < MAX_LOST_PAGES {
                    found.lost_pages.push(dict.clone());
                }
            }
            b"Metadata" => {
                if let Some(stream) = stream
                    && metadata_seen.insert(stream.obj_id())
                {
                    metadata::xmp(stream, document, reading)?;
                }
            }
            _ => {}
        }
        if kind.is_empty() || kind == b"StructElem" {
            add("alternative text", &["Alt"]);
            if dict.contains_key("S") && dict.contains_key("P") {
                add("structure", &["ActualText", "E", "T"]);
            }
        }
        if dict.contains_key("AF") || dict.contains_key("FS") {
            found.files.associated(dict);
        }
        if dict.contains_key("EF") {
            found.files.specification(dict);
        }
        if dict.contains_key("JS") {
            script(dict, &mut text, reading)?;
        }
        if dict.contains_key("Subtype") && dict.contains_key("Rect") {
            annotation::text(dict, "comment", seen, &mut text, document, reading)?;
        }
    }
    // Only now is it known which files have names.
    for object in document.pdf.objects() {
        if let Object::Stream(stream) = object
            && stream.dict().get::<Name<'_>>("Type").as_deref() == Some(b"EmbeddedFile")
        {
            found.files.unnamed(stream);
        }
    }
    reading.piece(text.into_piece(document.place));
    Ok(found)
}

/// Reads a script: a string or a stream.
fn script(dict: &Dict<'_>, text: &mut Text, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let script = match dict.get::<Object<'_>>("JS") {
        Some(Object::Stream(stream)) => match filter::text(&stream, reading) {
            Ok(decoded) => text_string::decode(&decoded.bytes),
            Err(Fault::Unreadable(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        },
        Some(other) => text_string::of(&other).unwrap_or_default(),
        None => return Ok(()),
    };
    text.at(Whereabouts::Named("script".into()));
    text.push(&script);
    text.end_line();
    Ok(())
}

/// How far up the tree of pages what a page inherits is looked for.
const MAX_TREE_DEPTH: usize = 64;

/// The resources of a page, its own or inherited (7.7.3.4).
pub(super) fn resources<'p>(page: &Dict<'p>) -> Dict<'p> {
    let mut node = page.clone();
    for _ in 0..MAX_TREE_DEPTH {
        if let Some(resources) = node.get::<Dict<'p>>("Resources") {
            return resources;
        }
        let Some(parent) = node.get::<Dict<'p>>("Parent") else { break };
        node = parent;
    }
    Dict::empty()
}

/// The streams of a page's content (7.7.3.3).
pub(super) fn contents<'p>(page: &Dict<'p>) -> Vec<hayro_syntax::object::Stream<'p>> {
    match page.get::<Object<'p>>("Contents") {
        Some(Object::Stream(stream)) => vec![stream],
        Some(Object::Array(array)) => streams(&array),
        _ => Vec::new(),
    }
}

/// Streams of one page.
const MAX_STREAMS: usize = 10_000;

fn streams<'p>(array: &Array<'p>) -> Vec<hayro_syntax::object::Stream<'p>> {
    array.iter::<Object<'p>>().take(MAX_STREAMS).filter_map(Object::into_stream).collect()
}
