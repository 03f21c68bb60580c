//! Separated values (RFC 4180, and what spreadsheets make of it in countries whose decimal sign is a comma).

use super::super::sinks::{Sink, Sinks};
use crate::message::{Attachment, Fault, Reading, Whereabouts, decode_text};
use std::borrow::Cow;

/// What may stand between values, the likeliest last.
const SEPARATORS: [u8; 4] = [b'|', b',', b';', b'\t'];

/// Rows that are looked at to find the separator.
const SAMPLE_ROWS: usize = 50;

/// Rows from which on a text that is not called a table may be one.
const MIN_ROWS: usize = 3;

/// Bytes that are looked at to find the separator.
const SAMPLE: usize = 64 * 1024;

/// Rows between two looks at the clock.
const STEP: usize = 1024;

/// Reads it, cell by cell.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let text = decode_text(file.bytes, file.charset, reading.text_left().saturating_add(1));
    let (separator, text) = separator(&text);
    let mut sinks = Sinks::default();
    let result = rows(Rows { rest: text, separator }, file.place, &mut sinks, reading);
    sinks.flush(file.place, reading);
    result
}

fn rows(rows: Rows<'_>, place: &str, sinks: &mut Sinks, reading: &mut Reading<'_>) -> Result<(), Fault> {
    for (row, cells) in rows.enumerate() {
        if row % STEP == 0 {
            reading.clock(place)?;
            sinks.check(reading)?;
        }
        if cells.iter().all(|cell| cell.is_empty()) {
            continue;
        }
        sinks.end_line(Sink::Body);
        sinks.at(Sink::Body, Whereabouts::Cells { row: u32::try_from(row).unwrap_or(u32::MAX), column: 0 });
        for (column, cell) in cells.iter().enumerate() {
            if column > 0 {
                sinks.end_cell(Sink::Body);
            }
            sinks.push_cell(Sink::Body, cell);
        }
    }
    Ok(())
}

/// Whether a text that nobody calls a table is one: every row has as many cells.
pub(in super::super) fn looks_like_table(text: &str, cut: bool) -> bool {
    let mut lines = text;
    if cut {
        // The last row is not whole.
        lines = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    }
    SEPARATORS.iter().any(|&separator| {
        let Some(shape) = Shape::of(lines, separator) else { return false };
        let least = if separator == b'\t' { 2 } else { 3 };
        shape.rows >= MIN_ROWS && shape.even == shape.rows && shape.cells >= least
    })
}

/// The separator, and the text without a line that only names it (`sep=;`, as Excel writes it).
fn separator(text: &str) -> (u8, &str) {
    if let Some(rest) = text.strip_prefix("sep=")
        && let Some((&[separator], _)) = rest.as_bytes().split_first_chunk::<1>()
        && let Some((line, after)) = rest.split_once('\n')
        && separator.is_ascii()
        && line.trim_end_matches('\r').len() <= 1
    {
        return (separator, after);
    }
    let mut end = text.len().min(SAMPLE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let best = SEPARATORS
        .iter()
        .filter_map(|&separator| Some((Shape::of(&text[..end], separator)?, separator)))
        .filter(|(shape, _)| shape.cells > 1)
        .max_by_key(|(shape, _)| (shape.even * 100 / shape.rows.max(1), shape.cells));
    // With none, every line is one cell; a tab is the least likely to stand in a text.
    (best.map_or(b'\t', |(_, separator)| separator), text)
}

/// How a text looks with one separator.
struct Shape {
    rows: usize,
    /// Cells of most rows.
    cells: usize,
    /// Rows that have as many.
    even: usize,
}

impl Shape {
    fn of(text: &str, separator: u8) -> Option<Self> {
        let rows = Rows { rest: text, separator }.take(SAMPLE_ROWS);
        let mut counts: Vec<usize> =
            rows.filter(|row| row.iter().any(|cell| !cell.is_empty())).map(|row| row.len()).collect();
        counts.sort_unstable();
        let groups = counts.chunk_by(|a, b| a == b);
        let most = groups.max_by_key(|group| group.len())?;
        Some(Self { rows: counts.len(), cells: *most.first()?, even: most.len() })
    }
}

/// Reads rows.
struct Rows<'a> {
    rest: &'a str,
    separator: u8,
}

impl<'a> Iterator for Rows<'a> {
    type Item = Vec<Cow<'a, str>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut cells = Vec::new();
        loop {
            let (cell, more) = self.cell();
            cells.push(cell);
            if !more {
                return Some(cells);
            }
        }
    }
}

impl<'a> Rows<'a> {
    /// A cell, and whether another stands in the same row.
    fn cell(&mut self) -> (Cow<'a, str>, bool) {
        let text = self.rest;
        let quoted = text.trim_start_matches(' ');
        let mut cell = Cow::Borrowed("");
        let mut from = 0;
        if let Some(inner) = quoted.strip_prefix('"') {
            let (content, after) = unquoted(inner);
            cell = content;
            from = text.len() - after.len();
        }
        let special = |byte: &u8| *byte == self.separator || matches!(byte, b'\n' | b'\r');
        let rest = &text.as_bytes()[from..];
        let end = from + rest.iter().position(special).unwrap_or(rest.len());
        // What stands after the closing quote belongs to the cell all the same.
        if from == 0 {
            cell = Cow::Borrowed(&text[..end]);
        } else if end > from {
            cell.to_mut().push_str(&text[from..end]);
        }
        let ended_by = text.as_bytes().get(end).copied();
        let length = match ended_by {
            None => 0,
            Some(b'\r') if text.as_bytes().get(end + 1) == Some(&b'\n') => 2,
            Some(_) => 1,
        };
        self.rest = &text[end + length..];
        (cell, ended_by == Some(self.separator))
    }
}

/// What stands up to the closing quote, of which two are one, and what stands after it.
fn unquoted(text: &str) -> (Cow<'_, str>, &str) {
    let Some(end) = text.find('"') else { return (text.into(), "") };
    if !text[end + 1..].starts_with('"') {
        return (text[..end].into(), &text[end + 1..]);
    }
    let mut content = String::new();
    let mut rest = text;
    while let Some(end) = rest.find('"') {
        content.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                content.push('"');
                rest = after;
            }
            None => return (content.into(), rest),
        }
    }
    content.push_str(rest);
    (content.into(), "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(text: &str, separator: u8) -> Vec<Vec<String>> {
        Rows { rest: text, separator }.map(|row| row.into_iter().map(Cow::into_owned).collect()).collect()
    }

    #[test]
    fn cells_are_told_apart() {
        for (text, expected) in [
            ("a;b\nc;d\n", &[&["a", "b"][..], &["c", "d"]][..]),
            ("a;b\r\nc;d", &[&["a", "b"], &["c", "d"]]),
            ("a;\n", &[&["a", ""]]),
            ("\"a;b\";c", &[&["a;b", "c"]]),
            ("\"a\"\"b\";c", &[&["a\"b", "c"]]),
            ("\"a\nb\";c", &[&["a\nb", "c"]]),
            ("\"a\"b;c", &[&["ab", "c"]]),
            (" \"a\";c", &[&["a", "c"]]),
            ("a\"b;c", &[&["a\"b", "c"]]),
            ("\"a;b\nc", &[&["a;b\nc"]]),
            ("a\rb", &[&["a"], &["b"]]),
            ("\n\na", &[&[""], &[""], &["a"]]),
        ] {
            assert_eq!(cells(text, b';'), expected, "{text:?}");
        }
    }

    #[test]
    fn the_separator_is_found() {
        for (text, found) in [
            ("a;b;c\n1,5;2,5;3\n", b';'),
            ("a,b,c\n1,\"2;5\",3\n", b','),
            ("a\tb\n1,5\t2,5\n", b'\t'),
            ("a|b|c\nd|e|f", b'|'),
            ("sep=,\r\na;b,c", b','),
            ("a\nb\n", b'\t'),
            ("", b'\t'),
        ] {
            assert_eq!(separator(text).0, found, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[\",;\ta\n\r ø]{0,60}", separator_index in 0..4_usize) {
            let read = cells(&text, SEPARATORS[separator_index]);
            let letters = |text: &str| text.chars().filter(|sign| matches!(sign, 'a' | 'ø')).count();
            prop_assert_eq!(read.iter().flatten().map(|cell| letters(cell)).sum::<usize>(), letters(&text));
            separator(&text);
            looks_like_table(&text, true);
        }
    }
}
