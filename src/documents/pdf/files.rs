//! Files within a document (ISO 32000-2, 7.11.4): whichever way they hang on it, each is named by a file specification.

use super::{Document, filter, text_string};
use crate::message::{Attachment, Fault, Reading, Text, Whereabouts, quoted, within};
use hayro_syntax::object::{Array, Dict, Name, Object, ObjectIdentifier, Stream};
use std::collections::HashSet;

/// Nodes and names of the tree of embedded files, and files of all kinds.
const MAX_FILES: usize = 10_000;

/// Files that were found and not handed on yet.
#[derive(Default)]
pub(super) struct Files<'p> {
    found: Vec<(Option<String>, Stream<'p>)>,
    seen: HashSet<ObjectIdentifier>,
    /// Names and descriptions.
    text: Text,
}

impl<'p> Files<'p> {
    /// Takes those in the name tree of embedded files, and those that go with the document or one of its pages (`AF`).
    pub(super) fn of_document(&mut self, root: &Dict<'p>) {
        let tree = root.get::<Dict<'p>>("Names").and_then(|names| names.get::<Dict<'p>>("EmbeddedFiles"));
        let mut pending: Vec<Dict<'p>> = tree.into_iter().collect();
        let mut seen = HashSet::new();
        while let Some(node) = pending.pop() {
            if seen.len() >= MAX_FILES || !seen.insert(node.data().as_ptr() as usize) {
                continue;
            }
            let names = node.get::<Array<'p>>("Names");
            for item in names.iter().flat_map(Array::iter::<Object<'p>>) {
                if let Object::Dict(specification) = item {
                    self.specification(&specification);
                }
            }
            let kids = node.get::<Array<'p>>("Kids");
            pending.extend(kids.iter().flat_map(Array::iter::<Dict<'p>>));
        }
        self.associated(root);
    }

    /// Takes those of the entry `AF` (14.13) and of an annotation's `FS`.
    pub(super) fn associated(&mut self, dict: &Dict<'p>) {
        match dict.get::<Object<'p>>("AF") {
            Some(Object::Array(all)) => {
                all.iter::<Dict<'p>>().for_each(|specification| self.specification(&specification));
            }
            Some(Object::Dict(specification)) => self.specification(&specification),
            _ => {}
        }
        if let Some(specification) = dict.get::<Dict<'p>>("FS") {
            self.specification(&specification);
        }
    }

    /// Takes the file, or files for several systems, of a specification.
    pub(super) fn specification(&mut self, dict: &Dict<'p>) {
        let name = ["UF", "F", "Unix", "DOS", "Mac"].iter().find_map(|key| text_string::entry(dict, key));
        let Some(embedded) = dict.get::<Dict<'p>>("EF") else { return };
        let mut new = false;
        for key in ["UF", "F", "Unix", "DOS", "Mac"] {
            if let Some(stream) = embedded.get::<Stream<'p>>(key)
                && self.found.len() < MAX_FILES
                && self.seen.insert(stream.obj_id())
            {
                self.found.push((name.clone(), stream));
                new = true;
            }
        }
        if !new {
            return;
        }
        let mut texts: Vec<String> = text_string::entry(dict, "Desc").into_iter().collect();
        if let Some(item) = dict.get::<Dict<'p>>("CI") {
            // Fields of a portfolio (7.11.6): strings, or dictionaries that hold one.
            for key in item.keys() {
                texts.extend(match item.get::<Object<'p>>(&*key) {
                    Some(Object::Dict(field)) => text_string::entry(&field, "D"),
                    Some(field) => text_string::of(&field),
                    None => None,
                });
            }
        }
        if let Some(name) = name {
            self.text.at(Whereabouts::Named("file name".into()));
            self.text.push(&name);
            self.text.end_line();
        }
        for text in texts {
            self.text.at(Whereabouts::Named("description of an attachment".into()));
            self.text.push(&text);
            self.text.end_line();
        }
    }

    /// Takes an embedded file that no specification names.
    pub(super) fn unnamed(&mut self, stream: Stream<'p>) {
        if self.found.len() < MAX_FILES && self.seen.insert(stream.obj_id()) {
            self.found.push((None, stream));
        }
    }

    /// Hands them on.
    pub(super) fn read(self, document: &Document<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
        reading.piece(self.text.into_piece(document.place));
        if self.found.len() >= MAX_FILES {
            reading.limit(document.place, format!("limit: more than {MAX_FILES} attachments"));
        }
        for (name, stream) in self.found {
            let place = match &name {
                Some(name) => within(document.place, format_args!("attachment {}", quoted(name))),
                None => within(document.place, "attachment"),
            };
            let decoded = match filter::file(&stream, reading) {
                Ok(decoded) => decoded,
                Err(fault) => {
                    reading.fault(&place, fault)?;
                    continue;
                }
            };
            let media_type = stream.dict().get::<Name<'_>>("Subtype");
            let media_type = media_type.map(|name| String::from_utf8_lossy(&name).to_ascii_lowercase());
            if decoded.damaged {
                reading.unreadable(&place, "cannot be read to its end: it is damaged");
            }
            reading.attachment(&Attachment {
                place: &place,
                name: name.as_deref(),
                media_type: media_type.as_deref(),
                charset: None,
                bytes: &decoded.bytes,
            })?;
        }
        Ok(())
    }
}
