//! A last look at every object of a document, for text that stands where nothing above leads to: alternative texts,
//! layers, signatures, scripts, pages that are no longer shown, files and metadata of parts.

use super::{Document, annotation, files::Files, filter, metadata, text_string};
use crate::message::{Fault, Reading, Text, Whereabouts};
use hayro_syntax::object::{Dict, MaybeRef, Name, Object, ObjectIdentifier, Stream, dict_or_stream};
use memchr::memmem;
use std::{collections::HashSet, mem};

/// Objects between two looks at the clock.
const STEP: usize = 256;

/// Dictionaries and arrays within one another that are looked into.
const MAX_DEPTH: usize = 8;

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
    let mut look = Look {
        document,
        pages,
        seen,
        found: Found { files, lost_pages: Vec::new() },
        text: Text::new(),
        metadata: HashSet::new(),
        unnamed: Vec::new(),
        has_sound: false,
        has_model: false,
    };
    for (index, object) in document.pdf.objects().into_iter().enumerate() {
        if index % STEP == 0 {
            reading.clock(document.place)?;
        }
        if look.text.len() > reading.text_left() {
            break;
        }
        // Those within it, too.
        let mut pending = vec![(object, 0)];
        while let Some((object, depth)) = pending.pop() {
            if let Some((dict, stream)) = dict_or_stream(&object) {
                look.object(dict, stream, reading)?;
            }
            if depth < MAX_DEPTH {
                within(&object, depth + 1, &mut pending);
            }
        }
    }
    // Only now is it known which files have names.
    let Look { mut found, text, unnamed, .. } = look;
    unnamed.into_iter().for_each(|stream| found.files.unnamed(stream));
    reading.piece(text.into_piece(document.place));
    Ok(found)
}

/// Takes the dictionaries that stand in an object itself, or in arrays in it.
fn within<'p>(object: &Object<'p>, depth: usize, pending: &mut Vec<(Object<'p>, usize)>) {
    let has_dictionary = |data: &[u8]| memmem::find(data, b"<<").is_some();
    let mut take = |item: MaybeRef<Object<'p>>| {
        if let MaybeRef::NotRef(item @ (Object::Dict(_) | Object::Array(_))) = item {
            pending.push((item, depth));
        }
    };
    if let Object::Array(array) = object {
        if has_dictionary(array.data()) {
            array.raw_iter().for_each(&mut take);
        }
    } else if let Some((dict, _)) = dict_or_stream(object)
        && has_dictionary(dict.data().get(2..).unwrap_or_default())
    {
        for key in dict.keys() {
            dict.get_raw::<Object<'p>>(&*key).into_iter().for_each(&mut take);
        }
    }
}

/// What is known while all objects are looked at.
struct Look<'l, 'p> {
    document: &'l Document<'p>,
    pages: &'l HashSet<usize>,
    seen: &'l mut HashSet<usize>,
    found: Found<'p>,
    text: Text,
    metadata: HashSet<ObjectIdentifier>,
    /// Embedded files, whether they have a name or not.
    unnamed: Vec<Stream<'p>>,
    has_sound: bool,
    has_model: bool,
}

impl<'p> Look<'_, 'p> {
    fn add(&mut self, whereabouts: &str, dict: &Dict<'_>, keys: &[&str]) {
        for string in metadata::strings(dict, keys) {
            self.text.at(Whereabouts::Named(whereabouts.into()));
            self.text.push(&string);
            self.text.end_line();
        }
    }

    fn object(&mut self, dict: &Dict<'p>, stream: Option<&Stream<'p>>, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let place = self.document.place;
        let kind = dict.get::<Name<'_>>("Type");
        let kind = kind.as_deref().unwrap_or_default();
        match kind {
            b"Filespec" | b"F" => self.found.files.specification(dict),
            b"EmbeddedFile" => self.unnamed.extend(stream.cloned()),
            b"OCG" => self.add("layer", dict, &["Name"]),
            b"Sig" | b"DocTimeStamp" => self.add("signature", dict, &["Name", "Reason", "Location", "ContactInfo"]),
            b"Sound" if !mem::replace(&mut self.has_sound, true) => reading.unreadable(place, "sound is not read"),
            b"3D" if !mem::replace(&mut self.has_model, true) => reading.unreadable(place, "a 3D model is not read"),
            b"Page" if !self.pages.contains(&(dict.data().as_ptr() as usize)) => {
                if self.found.lost_pages.len() < MAX_LOST_PAGES {
                    self.found.lost_pages.push(dict.clone());
                } else {
                    reading.limit(place, format!("limit: more than {MAX_LOST_PAGES} pages that are not shown"));
                }
            }
            b"Metadata" => {
                if let Some(stream) = stream
                    && self.metadata.insert(stream.obj_id())
                {
                    metadata::xmp(stream, self.document, reading)?;
                }
            }
            _ => {}
        }
        if kind.is_empty() || kind == b"StructElem" {
            self.add("alternative text", dict, &["Alt"]);
            if dict.contains_key("S") && dict.contains_key("P") {
                self.add("structure", dict, &["ActualText", "E", "T"]);
            }
        }
        if dict.contains_key("AF") || dict.contains_key("FS") {
            self.found.files.associated(dict);
        }
        if dict.contains_key("EF") {
            self.found.files.specification(dict);
        }
        if dict.contains_key("JS") {
            script(dict, &mut self.text, reading)?;
        }
        if dict.contains_key("Subtype") && dict.contains_key("Rect") {
            annotation::text(dict, "comment", self.seen, &mut self.text, self.document, reading)?;
        }
        Ok(())
    }
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

/// The streams of a page's content (7.7.3.3).
pub(super) fn contents<'p>(page: &Dict<'p>) -> Vec<Stream<'p>> {
    match page.get::<Object<'p>>("Contents") {
        Some(Object::Stream(stream)) => vec![stream],
        Some(Object::Array(array)) => array.iter::<Object<'p>>().filter_map(Object::into_stream).collect(),
        _ => Vec::new(),
    }
}
