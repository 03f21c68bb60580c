//! One sheet of a workbook (ECMA-376 part 1, 18.3): its cells as they are shown, with a map back to each.

use super::{
    generic::{Attributes, Generic},
    room::Room,
    workbook::Workbook,
    xstring::resolved,
};
use crate::{
    documents::{
        number_format::as_typed,
        xml::{Element, Node, walk},
    },
    message::{Fault, Reading, Text, Whereabouts, within},
};
use std::{borrow::Cow, io::Read};

/// Empty cells that are shown as such, by tabs; across more of them the map leaps.
const MAX_GAP: u32 = 16;

/// What a cell holds (18.18.11).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Kind {
    #[default]
    Number,
    /// The number of a shared string.
    Shared,
    /// A string, by itself or a formula's.
    Text,
    Boolean,
    /// An error or a date, as written.
    Plain,
}

/// Where text that comes next belongs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Target {
    Value,
    Formula,
    Pronunciation,
    Header,
    Footer,
}

struct Sheet<'w> {
    workbook: &'w mut Workbook,
    room: Room,
    cells: Text,
    formulas: Text,
    pronunciations: Text,
    headers: Text,
    footers: Text,
    others: Generic,
    in_cells: bool,
    pronounced: bool,
    target: Option<Target>,
    /// The row, from 0.
    row: u32,
    /// The column of the cell, from 0.
    column: u32,
    next_column: u32,
    /// The last cell of this row that was shown.
    last: Option<u32>,
    kind: Kind,
    style: usize,
    value: String,
    formula: String,
    shown: String,
    /// Cells whose string is missing.
    missing: usize,
}

/// Reads a sheet at `place`.
pub(super) fn read(
    source: impl Read,
    place: &str,
    workbook: &mut Workbook,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let mut sheet = Sheet {
        workbook,
        room: Room::of(reading, 0),
        cells: Text::new(),
        formulas: Text::new(),
        pronunciations: Text::new(),
        headers: Text::new(),
        footers: Text::new(),
        others: Generic::new(Attributes::Known),
        in_cells: false,
        pronounced: false,
        target: None,
        row: 0,
        column: 0,
        next_column: 0,
        last: None,
        kind: Kind::Number,
        style: 0,
        value: String::new(),
        formula: String::new(),
        shown: String::new(),
        missing: 0,
    };
    let result = walk(source, place, reading, |node, _| sheet.take(&node));
    reading.piece(sheet.cells.into_piece(place));
    for (text, name) in [
        (sheet.formulas, "formulas"),
        (sheet.pronunciations, "pronunciation"),
        (sheet.headers, "header"),
        (sheet.footers, "footer"),
        (sheet.others.into_text(), "rules and names"),
    ] {
        reading.piece(text.into_piece(within(place, name)));
    }
    if sheet.missing > 0 {
        reading.unreadable(place, format!("the strings of {} cells are missing", sheet.missing));
    }
    result
}

impl Sheet<'_> {
    fn take(&mut self, node: &Node<'_>) -> Result<(), Fault> {
        if self.in_cells {
            return match node {
                Node::Open(element) => self.open(element),
                Node::Text(text) => self.text(text),
                Node::Close(name) => self.close(name),
            };
        }
        match node {
            Node::Open(element) => match element.name() {
                "sheetData" => self.in_cells = true,
                "oddHeader" | "evenHeader" | "firstHeader" => self.begin_print(Target::Header),
                "oddFooter" | "evenFooter" | "firstFooter" => self.begin_print(Target::Footer),
                _ => return self.others.take(node, &mut self.room),
            },
            Node::Text(text) if self.target.is_some() => return self.text(text),
            Node::Text(_) => return self.others.take(node, &mut self.room),
            Node::Close(_) => match self.target.take() {
                Some(target) => {
                    let codes = std::mem::take(&mut self.value);
                    let text = if target == Target::Header { &mut self.headers } else { &mut self.footers };
                    text.push(&without_codes(&resolved(&codes)));
                    text.end_line();
                }
                None => return self.others.take(node, &mut self.room),
            },
        }
        Ok(())
    }

    fn begin_print(&mut self, target: Target) {
        self.target = Some(target);
        self.value.clear();
    }

    fn open(&mut self, element: &Element<'_>) -> Result<(), Fault> {
        match element.name() {
            "row" => {
                self.end_row();
                let row = element.attribute("r").and_then(|row| row.parse::<u32>().ok());
                if let Some(row) = row {
                    self.row = row.saturating_sub(1);
                }
                self.next_column = 0;
            }
            "c" => self.begin_cell(element),
            "v" => self.target = Some(Target::Value),
            "f" => self.target = Some(Target::Formula),
            "t" if self.pronounced => self.target = Some(Target::Pronunciation),
            "t" => self.target = Some(Target::Value),
            "rPh" => self.pronounced = true,
            _ => {}
        }
        Ok(())
    }

    fn begin_cell(&mut self, element: &Element<'_>) {
        (self.kind, self.style) = (Kind::Number, 0);
        self.value.clear();
        self.formula.clear();
        self.column = self.next_column;
        for (name, value) in element.attributes() {
            match name {
                "r" => {
                    if let Some((row, column)) = reference(&value) {
                        self.column = column;
                        if row != self.row {
                            self.end_row();
                            // What follows without a reference stands in the same row.
                            self.row = row;
                        }
                    }
                }
                "s" => self.style = value.parse().unwrap_or(0),
                "t" => {
                    self.kind = match &*value {
                        "s" => Kind::Shared,
                        "str" | "inlineStr" => Kind::Text,
                        "b" => Kind::Boolean,
                        "e" | "d" => Kind::Plain,
                        _ => Kind::Number,
                    }
                }
                _ => {}
            }
        }
        self.next_column = self.column.saturating_add(1);
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        let Some(target) = self.target else { return Ok(()) };
        // What a cell holds takes room when it is shown.
        if !matches!(target, Target::Value | Target::Formula) {
            self.room.take(text.len())?;
        }
        match target {
            Target::Formula => self.formula.push_str(text),
            Target::Pronunciation => self.pronunciations.push(text),
            Target::Value | Target::Header | Target::Footer => self.value.push_str(text),
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), Fault> {
        match name {
            "v" | "f" | "t" => self.target = None,
            "rPh" => {
                self.pronounced = false;
                self.pronunciations.end_line();
            }
            "c" => return self.end_cell(),
            "row" => {
                self.end_row();
                self.row = self.row.saturating_add(1);
            }
            "sheetData" => {
                self.end_row();
                self.in_cells = false;
            }
            _ => {}
        }
        Ok(())
    }

    fn end_row(&mut self) {
        if self.last.take().is_some() {
            self.cells.end_line();
        }
    }

    fn end_cell(&mut self) -> Result<(), Fault> {
        // Only what stands in quotes in a formula is text.
        if self.formula.contains('"') {
            let whereabouts = Whereabouts::Cells { row: self.row, column: self.column };
            self.room.at(&mut self.formulas, whereabouts)?;
            self.room.take(self.formula.len())?;
            self.formulas.push_cell(&self.formula);
            self.formulas.end_line();
        }
        let mut shown = std::mem::take(&mut self.shown);
        shown.clear();
        self.show(&mut shown);
        let result = if shown.is_empty() { Ok(()) } else { self.push(&shown) };
        self.shown = shown;
        result
    }

    /// The cell as a reader sees it.
    fn show(&mut self, shown: &mut String) {
        if self.value.is_empty() {
            return;
        }
        let format = self.workbook.formats.get(self.style);
        let text: Cow<'_, str> = match self.kind {
            Kind::Number => {
                let plain = as_typed(&self.value);
                match format.zip(self.value.trim().parse().ok()) {
                    Some((format, value)) => format.show(value, &plain, self.workbook.since_1904, shown),
                    None => shown.push_str(&plain),
                }
                return;
            }
            Kind::Boolean => {
                shown.push_str(if self.value.trim() == "0" { "FALSE" } else { "TRUE" });
                return;
            }
            Kind::Shared => {
                let string = self.value.trim().parse().ok().and_then(|index| self.workbook.strings.take(index));
                match string {
                    Some(string) => Cow::Borrowed(string),
                    None => {
                        self.missing += 1;
                        return;
                    }
                }
            }
            Kind::Text => resolved(&self.value),
            Kind::Plain => Cow::Borrowed(&self.value),
        };
        match format {
            Some(format) if format.text(&text, shown) => {
                if !shown.contains(&*text) {
                    shown.push_str(&text);
                }
            }
            _ => shown.push_str(&text),
        }
    }

    /// Appends a cell, with its place in the map where that does not follow from the cell before it.
    fn push(&mut self, shown: &str) -> Result<(), Fault> {
        let gap = self.last.and_then(|last| self.column.checked_sub(last)).filter(|gap| (1..=MAX_GAP).contains(gap));
        match gap {
            Some(gap) => {
                self.room.take(gap as usize)?;
                for _ in 0..gap {
                    self.cells.end_cell();
                }
            }
            None => {
                self.room.take(1)?;
                if self.last.is_some() {
                    self.cells.end_cell();
                }
                let whereabouts = Whereabouts::Cells { row: self.row, column: self.column };
                self.room.at(&mut self.cells, whereabouts)?;
            }
        }
        self.last = Some(self.column);
        self.room.take(shown.len())?;
        self.cells.push_cell(shown);
        Ok(())
    }
}

/// A cell's row and column, from 0, from its name: `B12`.
pub(super) fn reference(name: &str) -> Option<(u32, u32)> {
    let digits = name.find(|character: char| character.is_ascii_digit())?;
    let (letters, row) = name.split_at_checked(digits)?;
    let mut column = 0_u32;
    for letter in letters.bytes().filter(|byte| *byte != b'$') {
        if !letter.is_ascii_alphabetic() {
            return None;
        }
        let letter = u32::from(letter.to_ascii_uppercase() - b'A') + 1;
        column = column.checked_mul(26)?.checked_add(letter)?;
    }
    Some((row.parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

/// The text of a printed header or footer without its codes (18.3.1.39): `&L`, `&P`, `&"font"`, `&12`.
fn without_codes(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '&' {
            result.push(character);
            continue;
        }
        match rest.next() {
            Some('L' | 'C' | 'R') => result.push('\n'),
            Some('"') => drop(rest.by_ref().find(|next| *next == '"')),
            Some('&') => result.push('&'),
            Some('K') => {
                // A colour, in six hexadecimal digits.
                for _ in 0..6 {
                    rest.next_if(char::is_ascii_hexdigit);
                }
            }
            // A font's size has no more than three digits.
            Some(digit) if digit.is_ascii_digit() => {
                rest.next_if(char::is_ascii_digit);
                rest.next_if(char::is_ascii_digit);
            }
            _ => {}
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_name_cells() {
        for (name, cell) in [
            ("A1", Some((0, 0))),
            ("B12", Some((11, 1))),
            ("$B$12", Some((11, 1))),
            ("XFD1048576", Some((1_048_575, 16_383))),
            ("A0", None),
            ("1", None),
            ("ZZZZZZZZZ1", None),
            ("A99999999999", None),
            ("æ1", None),
        ] {
            assert_eq!(reference(name), cell, "{name}");
        }
    }

    #[test]
    fn codes_of_headers_are_no_text() {
        for (codes, text) in [
            ("&LAnna&CSide &P af &N&R&D", "\nAnna\nSide  af \n"),
            ("&\"Arial,Bold\"&12Fed &KFF0000rød && blå", "Fed rød & blå"),
            ("&", ""),
        ] {
            assert_eq!(without_codes(codes), text, "{codes}");
        }
    }
}
