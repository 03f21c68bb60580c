//! Annotations (ISO 32000-2, 12.5): comments, links, and what they look like on the page.

use super::{Document, content::Content, form, matrix::Matrix, rich_text, text_string};
use crate::message::{Fault, Reading, Text, Whereabouts};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};
use std::collections::HashSet;

/// Annotations of one page.
pub(super) const MAX_ANNOTATIONS: usize = 20_000;

/// The annotations of a page; one more than there may be at most.
pub(super) fn of_page<'p>(page: &Dict<'p>) -> Vec<Dict<'p>> {
    let all = page.get::<Array<'p>>("Annots");
    all.iter().flat_map(Array::iter::<Dict<'p>>).take(MAX_ANNOTATIONS + 1).collect()
}

/// Reads what is written in one: its text, its author and subject, its address; a form field that is in no form.
pub(super) fn text(
    dict: &Dict<'_>,
    whereabouts: &str,
    seen: &mut HashSet<usize>,
    text: &mut Text,
    document: &Document<'_>,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    if !seen.insert(dict.data().as_ptr() as usize) {
        return Ok(());
    }
    if dict.get::<Name<'_>>("Subtype").as_deref() == Some(b"Widget") {
        return form::field(dict, text, document, reading);
    }
    let mut texts: Vec<String> =
        ["Contents", "Subj", "T"].iter().filter_map(|key| text_string::entry(dict, key)).collect();
    if let Some(rich) = text_string::entry(dict, "RC") {
        let rich = rich_text::text(rich.as_bytes(), document.place, reading)?;
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !texts.iter().any(|known| plain(known) == plain(&rich)) {
            texts.push(rich);
        }
    }
    if let Some(action) = dict.get::<Dict<'_>>("A") {
        texts.extend(text_string::entry(&action, "URI"));
    }
    if let Some(overlay) = text_string::entry(dict, "OverlayText") {
        texts.push(overlay);
    }
    if texts.is_empty() {
        return Ok(());
    }
    text.at(Whereabouts::Named(whereabouts.into()));
    for part in texts {
        text.push(&part);
        text.end_line();
    }
    Ok(())
}

/// Reads what one looks like (12.5.5): where it stands on the page, in its present state.
pub(super) fn appearance<'p>(dict: &Dict<'p>, content: &mut Content<'_, 'p, '_>) -> Result<(), Fault> {
    let Some(normal) = dict.get::<Dict<'p>>("AP").and_then(|all| all.get::<Object<'p>>("N")) else { return Ok(()) };
    let form = match normal {
        Object::Stream(form) => form,
        Object::Dict(states) => {
            let state = dict.get::<Name<'_>>("AS").and_then(|state| states.get::<Stream<'p>>(&*state));
            let Some(form) = state else { return Ok(()) };
            form
        }
        _ => return Ok(()),
    };
    let ctm = placed(dict, &form).unwrap_or(Matrix::IDENTITY);
    content.form(&form, &Dict::empty(), ctm, 0)
}

/// How an appearance is put into the annotation's rectangle.
fn placed(dict: &Dict<'_>, form: &Stream<'_>) -> Option<Matrix> {
    let [x0, y0, x1, y1] = rectangle(dict, "Rect")?;
    let [a0, b0, a1, b1] = rectangle(form.dict(), "BBox")?;
    let matrix = form.dict().get::<Array<'_>>("Matrix").and_then(|array| Matrix::of_array(&array));
    let matrix = matrix.unwrap_or(Matrix::IDENTITY);
    let corners = [(a0, b0), (a1, b0), (a0, b1), (a1, b1)].map(|(x, y)| matrix.point(x, y));
    let least = |of: fn((f64, f64)) -> f64| corners.iter().map(|corner| of(*corner)).fold(f64::INFINITY, f64::min);
    let most = |of: fn((f64, f64)) -> f64| corners.iter().map(|corner| of(*corner)).fold(f64::NEG_INFINITY, f64::max);
    let (left, low) = (least(|corner| corner.0), least(|corner| corner.1));
    let (width, height) = (most(|corner| corner.0) - left, most(|corner| corner.1) - low);
    let scale = |to: f64, from: f64| if from > 0.0 && to > 0.0 { to / from } else { 1.0 };
    let (sx, sy) = (scale(x1 - x0, width), scale(y1 - y0, height));
    Some(Matrix([sx, 0.0, 0.0, sy, x0 - left * sx, y0 - low * sy]))
}

/// Four numbers: the lower left corner and the upper right one.
pub(super) fn rectangle(dict: &Dict<'_>, key: &str) -> Option<[f64; 4]> {
    let array = dict.get::<Array<'_>>(key)?;
    let mut numbers = array.iter::<f32>().map(f64::from);
    let mut next = || numbers.next();
    let [a, b, c, d] = [next()?, next()?, next()?, next()?];
    Some([a.min(c), b.min(d), a.max(c), b.max(d)])
}
