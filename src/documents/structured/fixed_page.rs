//! A page of XPS and OpenXPS (ECMA-388, clause 12): glyphs by their place on the page. The width of a font's glyphs is
//! not looked up: where the file does not state it, it is guessed, from what fonts mostly have.

use super::super::{
    sinks::{Sink, Sinks},
    xml::{self, Element, Node},
};
use crate::message::{Attachment, Fault, Reading, decode_text};

/// Bytes at the beginning in which the namespace stands.
const HEAD: usize = 4096;

/// The width of a glyph of which nothing is known, in parts of the font's size.
const WIDTH: f64 = 0.55;

/// From this distance on a word begins, and a column, in parts of the font's size.
const WORD_GAP: f64 = 0.3;
const COLUMN_GAP: f64 = 1.5;

/// Glyphs closer to a line than this, in parts of their size, stand on it.
const LINE: f64 = 0.3;

/// Attributes that hold text that a reader may be shown (ECMA-388, 16.2).
const TEXTS: [&str; 4] =
    ["AutomationProperties.Name", "AutomationProperties.HelpText", "FixedPage.NavigateUri", "Name"];

/// Whether this is one.
pub(super) fn is_one(file: &Attachment<'_>) -> bool {
    let head = decode_text(&file.bytes[..file.bytes.len().min(HEAD)], file.charset, HEAD);
    head.contains("FixedPage") && ["/xps/", "openxps"].iter().any(|word| head.contains(word))
}

/// Where the last glyphs ended.
#[derive(Clone, Copy, Debug)]
struct End {
    x: Option<f64>,
    y: Option<f64>,
    is_number: bool,
}

/// Reads it.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut sinks = Sinks::default();
    let mut last: Option<End> = None;
    let result = xml::walk(file.bytes, file.place, reading, |node, reading| {
        match node {
            Node::Open(element) if element.name() == "Glyphs" => glyphs(element, &mut last, &mut sinks),
            Node::Open(element) => {
                for (name, value) in element.attributes().filter(|(name, _)| TEXTS.contains(name)) {
                    sinks.named(Sink::Field, name);
                    sinks.line(Sink::Field, &value);
                }
            }
            Node::Text(text) if !text.trim().is_empty() => sinks.line(Sink::Field, text.trim()),
            Node::Text(_) | Node::Close(_) => {}
        }
        sinks.check(reading)
    });
    sinks.flush(file.place, reading);
    result
}

fn glyphs(element: &Element<'_>, last: &mut Option<End>, sinks: &mut Sinks) {
    let text = element.attribute("UnicodeString").unwrap_or_default();
    // Braces before a text that itself begins with one.
    let text = text.strip_prefix("{}").unwrap_or(&text);
    if text.is_empty() {
        return;
    }
    let number = |name: &str| element.attribute(name).and_then(|value| value.trim().parse::<f64>().ok());
    let (x, y) = (number("OriginX"), number("OriginY"));
    let size = number("FontRenderingEmSize").filter(|size| *size > 0.0);
    let part = |character: char| character.is_numeric() || character == '-';
    if let Some(before) = *last {
        let down = y.zip(before.y).map(|(y, before)| (y - before).abs() / size.unwrap_or(1.0));
        let gap = x.zip(before.x).zip(size).map(|((x, end), size)| (x - end) / size);
        match gap {
            _ if down.is_some_and(|down| down > LINE) => sinks.end_line(Sink::Body),
            Some(gap) if gap.abs() >= COLUMN_GAP => sinks.push(Sink::Body, "\t"),
            Some(gap) if gap < WORD_GAP => {}
            None if before.is_number && text.starts_with(part) => {}
            _ => sinks.push(Sink::Body, " "),
        }
    }
    sinks.push(Sink::Body, text);
    let width = width(&element.attribute("Indices").unwrap_or_default(), text);
    *last = Some(End { x: x.zip(size).map(|(x, size)| x + width * size), y, is_number: text.ends_with(part) });
}

/// How wide a text is, in parts of the font's size: what Indices says of each glyph (12.1.3), in hundredths.
fn width(indices: &str, text: &str) -> f64 {
    let mut indices = indices.split(';');
    let advance = |index: &str| index.split(',').nth(1).and_then(|advance| advance.trim().parse::<f64>().ok());
    text.chars().map(|_| indices.next().and_then(advance).map_or(WIDTH, |advance| advance / 100.0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use std::time::{Duration, Instant};

    #[test]
    fn glyphs_are_joined_by_their_places() {
        for (glyphs, text) in [
            (&[("CPR 610190", ""), ("-0005", "")][..], "CPR 610190-0005"),
            (&[("CPR", ""), ("610190-0005", "")], "CPR 610190-0005"),
            (
                &[
                    ("CPR", "OriginX='10' OriginY='10' FontRenderingEmSize='10'"),
                    ("610", "OriginX='30' OriginY='10' FontRenderingEmSize='10' Indices='1,56;2,56;3,56'"),
                    ("190-0005", "OriginX='46.8' OriginY='10' FontRenderingEmSize='10'"),
                    ("Oslo", "OriginX='10' OriginY='30' FontRenderingEmSize='10'"),
                    ("x", "OriginX='100' OriginY='30' FontRenderingEmSize='10'"),
                ],
                "CPR 610190-0005\nOslo\tx",
            ),
            (&[("{}{a}", "")], "{a}"),
        ] {
            let glyphs: String = glyphs
                .iter()
                .map(|(text, attributes)| format!("<Glyphs UnicodeString='{text}' {attributes}/>"))
                .collect();
            let page = format!("<FixedPage xmlns='http://schemas.microsoft.com/xps/2005/06'>{glyphs}</FixedPage>");
            let bytes = page.as_bytes();
            let file = Attachment { place: "a", name: None, media_type: None, charset: None, bytes };
            assert!(is_one(&file));
            let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
            read(&file, &mut reading).unwrap();
            assert_eq!(reading.finish().pieces[0].text, text);
        }
    }
}
