//! Forms (ISO 32000-2, 12.7): the fields of an AcroForm with their values, and XFA.

use super::{Document, filter, rich_text, text_string};
use crate::message::{Fault, Reading, Text, Whereabouts, quoted, within};
use hayro_syntax::object::{Array, Dict, Object, Stream};
use std::collections::HashSet;

/// Fields of one form.
const MAX_FIELDS: usize = 100_000;

/// Packets of XFA.
const MAX_PACKETS: usize = 1000;

/// Reads the fields, in the order of the tree. `seen` are the dictionaries that were read, by where they stand.
pub(super) fn fields(
    document: &Document<'_>,
    seen: &mut HashSet<usize>,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let Some(form) = document.root.get::<Dict<'_>>("AcroForm") else { return Ok(()) };
    let mut text = Text::new();
    let mut pending: Vec<Dict<'_>> = Vec::new();
    kids(&form, "Fields", &mut pending);
    while let Some(dict) = pending.pop() {
        if !seen.insert(dict.data().as_ptr() as usize) {
            continue;
        }
        if seen.len() > MAX_FIELDS {
            reading.limit(document.place, format!("limit: more than {MAX_FIELDS} form fields"));
            break;
        }
        reading.clock(document.place)?;
        field(&dict, &mut text, document, reading)?;
        kids(&dict, "Kids", &mut pending);
    }
    reading.piece(text.into_piece(document.place));
    xfa(&form, document, reading)
}

/// Puts the fields of an array where the first of them is taken first.
fn kids<'p>(dict: &Dict<'p>, key: &str, pending: &mut Vec<Dict<'p>>) {
    let from = pending.len();
    let left = (MAX_FIELDS + 1).saturating_sub(from);
    pending.extend(dict.get::<Array<'p>>(key).iter().flat_map(Array::iter::<Dict<'p>>).take(left));
    if let Some(new) = pending.get_mut(from..) {
        new.reverse();
    }
}

/// Reads one field: its name for people, its value, what there is to choose from.
pub(super) fn field(
    dict: &Dict<'_>,
    text: &mut Text,
    document: &Document<'_>,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let name = text_string::entry(dict, "T");
    let shown = text_string::entry(dict, "TU");
    let mut values = Vec::new();
    for key in ["V", "RV", "DV"] {
        let Some(value) = dict.get::<Object<'_>>(key) else { continue };
        for mut value in strings(&value, reading)? {
            if key == "RV" || value.trim_start().starts_with("<?xml") || value.trim_start().starts_with("<body") {
                value = rich_text::text(value.as_bytes(), document.place, reading)?;
            }
            if !values.iter().any(|known: &String| known.trim() == value.trim()) {
                values.push(value);
            }
        }
    }
    if let Some(choices) = dict.get::<Array<'_>>("Opt") {
        for choice in choices.iter::<Object<'_>>() {
            values.extend(strings(&choice, reading)?);
        }
    }
    if let Some(appearance) = dict.get::<Dict<'_>>("MK") {
        values.extend(["CA", "RC", "AC"].iter().filter_map(|key| text_string::entry(&appearance, key)));
    }
    if name.is_none() && shown.is_none() && values.is_empty() {
        return Ok(());
    }
    let whereabouts = name.as_ref().map_or("form field".to_owned(), |name| format!("form field {}", quoted(name)));
    text.at(Whereabouts::Named(whereabouts.into()));
    for value in [name, shown].into_iter().flatten().chain(values) {
        text.push(&value);
        text.end_cell();
    }
    text.end_line();
    Ok(())
}

/// The texts of a value: a string, a name, a stream, or several.
fn strings(value: &Object<'_>, reading: &Reading<'_>) -> Result<Vec<String>, Fault> {
    match value {
        Object::Stream(stream) => match filter::text(stream, reading) {
            Ok(decoded) => Ok(vec![text_string::decode(&decoded.bytes)]),
            Err(Fault::Unreadable(_)) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        },
        Object::Array(array) => Ok(array.iter::<Object<'_>>().filter_map(|item| text_string::of(&item)).collect()),
        // A check box that is off says nothing.
        Object::Name(name) if &name[..] == b"Off" => Ok(Vec::new()),
        other => Ok(text_string::of(other).into_iter().collect()),
    }
}

/// The XML of a form (annex K): one stream, or a stream for each of its packets.
fn xfa(form: &Dict<'_>, document: &Document<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let packets: Vec<Stream<'_>> = match form.get::<Object<'_>>("XFA") {
        Some(Object::Stream(stream)) => vec![stream],
        Some(Object::Array(array)) => {
            array.iter::<Object<'_>>().take(MAX_PACKETS).filter_map(Object::into_stream).collect()
        }
        _ => return Ok(()),
    };
    let place = within(document.place, "form");
    let mut text = Text::new();
    for packet in packets {
        match filter::text(&packet, reading) {
            Ok(decoded) => {
                text.push(&rich_text::text(&decoded.bytes, &place, reading)?);
                text.end_line();
            }
            Err(fault) => reading.fault(&place, fault)?,
        }
    }
    reading.piece(text.into_piece(place));
    Ok(())
}
