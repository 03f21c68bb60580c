//! Forms (ISO 32000-2, 12.7): the fields of an AcroForm with their values, and XFA.

use super::{Document, annotation, filter, rich_text, text_string};
use crate::message::{Fault, Reading, Text, Whereabouts, quoted, within};
use hayro_syntax::object::{Array, Dict, Object, ObjectIdentifier, Stream};
use std::collections::{HashMap, HashSet};

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

/// A field as it stands on a page.
struct Placed {
    name: String,
    value: String,
    /// Left, low, right, high, in points.
    rectangle: [f64; 4],
}

/// Reads the fields that stand side by side on a page once more, as one line: forms give each digit, or each part of a
/// number, a field of its own.
pub(super) fn side_by_side(document: &Document<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    if !document.root.contains_key("AcroForm") {
        return Ok(());
    }
    let mut text = Text::new();
    // What widgets have from the field that they belong to; it lists them all, and is not read again for each.
    let mut parents: HashMap<ObjectIdentifier, (Option<String>, bool)> = HashMap::new();
    for (number, page) in (1_u32..).zip(document.pdf.pages().iter()) {
        let mut fields = Vec::new();
        for widget in annotation::of_page(page.raw()) {
            reading.clock(document.place)?;
            let Some(rectangle) = annotation::rectangle(&widget, "Rect") else { continue };
            let parent = widget.get_ref("Parent").map(ObjectIdentifier::from);
            if let Some(id) = parent
                && !parents.contains_key(&id)
            {
                let field = document.follow(&widget, "Parent").unwrap_or_default();
                parents.insert(id, (text_string::entry(&field, "T"), field.contains_key("V")));
            }
            // The same value in several places is not one that goes on.
            let (above, has_value) = parent.and_then(|id| parents.get(&id).cloned()).unwrap_or_default();
            let value = text_string::entry(&widget, "V").filter(|value| !value.trim().is_empty());
            let (Some(value), false) = (value, has_value) else { continue };
            let name = text_string::entry(&widget, "TU").or_else(|| text_string::entry(&widget, "T")).or(above);
            fields.push(Placed { name: name.unwrap_or_default(), value, rectangle });
        }
        let lines = lines(fields);
        if !lines.is_empty() {
            text.at(Whereabouts::Named(format!("form fields on page {number}").into()));
            lines.into_iter().for_each(|line| {
                text.push(&line);
                text.end_line();
            });
        }
        if text.len() > reading.text_left() {
            break;
        }
    }
    reading.piece(text.into_piece(document.place));
    Ok(())
}

/// How far apart fields of one line are, in their heights.
const BESIDE: f64 = 2.0;

/// The lines of two fields and more in which there are digits.
fn lines(mut fields: Vec<Placed>) -> Vec<String> {
    let middle = |field: &Placed| (field.rectangle[1] + field.rectangle[3]) / 2.0;
    let height = |field: &Placed| field.rectangle[3] - field.rectangle[1];
    fields.sort_by(|one, other| middle(other).total_cmp(&middle(one)));
    let mut lines = Vec::new();
    for row in fields.chunk_by_mut(|one, other| middle(one) - middle(other) < height(one).max(height(other)) / 2.0) {
        row.sort_by(|one, other| one.rectangle[0].total_cmp(&other.rectangle[0]));
        let is_beside = |one: &Placed, other: &Placed| {
            other.rectangle[0] - one.rectangle[2] <= BESIDE * height(one).max(height(other))
        };
        for group in row.chunk_by(is_beside).filter(|group| group.len() > 1) {
            let Some(first) = group.first() else { continue };
            let mut line = first.name.clone();
            let mut was_one = false;
            for field in group {
                let is_one = field.value.trim().chars().count() == 1;
                if !(was_one && is_one) {
                    line.push('\t');
                }
                line.push_str(field.value.trim());
                was_one = is_one;
            }
            if line.contains(|character: char| character.is_ascii_digit()) {
                lines.push(line);
            }
        }
    }
    lines
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
