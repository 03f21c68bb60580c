//! What a workbook's sheets share (ECMA-376 part 1, 18.2, 18.4 and 18.8): their list, strings, number formats.

use super::{
    generic::{Attributes, Generic},
    room::Room,
    xstring::resolved,
};
use crate::{
    documents::{
        number_format::NumberFormat,
        xml::{Node, walk},
    },
    message::{Fault, Reading, Text, within},
};
use std::{collections::HashMap, io::Read, rc::Rc};

/// Sheets that are listed; each takes memory.
const MAX_SHEETS: usize = 100_000;

/// Styles that are kept; programs allow 65,490.
const MAX_STYLES: usize = 100_000;

/// Number formats of conditional formats that are kept.
const MAX_CONDITIONAL: usize = 16;

/// What the cells of a workbook need to be shown.
#[derive(Default)]
pub(super) struct Workbook {
    pub(super) strings: SharedStrings,
    /// The number format of each style.
    pub(super) formats: Vec<Rc<NumberFormat>>,
    /// Number formats that a condition may give a cell (18.8.14).
    pub(super) conditional: Vec<NumberFormat>,
    /// Whether dates are counted from 1904.
    pub(super) since_1904: bool,
}

/// A sheet, as the workbook lists it.
pub(super) struct Sheet {
    pub(super) name: String,
    /// Ids, one of which is that of its relationship.
    pub(super) ids: Vec<String>,
}

/// Reads the part that a workbook begins with. Its names, of sheets, ranges and people, are text.
pub(super) fn read(
    source: impl Read,
    home: &str,
    workbook: &mut Workbook,
    reading: &mut Reading<'_>,
) -> (Vec<Sheet>, Result<(), Fault>) {
    let mut sheets = Vec::new();
    let mut generic = Generic::new(Attributes::Known);
    let mut room = Room::of(reading, 0);
    let place = within(home, "workbook");
    let result = walk(source, &place, reading, |node, _| {
        if let Node::Open(element) = &node {
            match element.name() {
                "workbookPr" => {
                    workbook.since_1904 =
                        element.attribute("date1904").is_some_and(|value| matches!(&*value, "1" | "true" | "on"));
                }
                "sheet" if sheets.len() < MAX_SHEETS => {
                    let name = element.attribute("name").unwrap_or_default().into_owned();
                    let ids = element.attributes().filter(|(name, _)| *name == "id").map(|(_, id)| id.into_owned());
                    sheets.push(Sheet { name, ids: ids.collect() });
                }
                _ => {}
            }
        }
        generic.take(&node, &mut room)
    });
    reading.piece(generic.into_text().into_piece(place));
    (sheets, result)
}

/// Reads the number formats of the styles.
pub(super) fn read_styles(
    source: impl Read,
    place: &str,
    workbook: &mut Workbook,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let mut own: HashMap<u32, String> = HashMap::new();
    let mut formats: HashMap<u32, Rc<NumberFormat>> = HashMap::new();
    let (mut in_cells, mut in_conditional, mut too_many) = (false, false, false);
    let result = walk(source, place, reading, |node, _| {
        match node {
            Node::Open(element) => match element.name() {
                "numFmt" if own.len() < MAX_STYLES => {
                    let id = element.attribute("numFmtId").and_then(|id| id.parse().ok());
                    if let (Some(id), Some(code)) = (id, element.attribute("formatCode")) {
                        let format = in_conditional.then(|| NumberFormat::new(&code));
                        if let Some(format) = format.filter(|format| !workbook.conditional.contains(format)) {
                            if workbook.conditional.len() < MAX_CONDITIONAL {
                                workbook.conditional.push(format);
                            } else {
                                too_many = true;
                            }
                        }
                        own.insert(id, code.into_owned());
                    }
                }
                "cellXfs" => in_cells = true,
                "dxf" => in_conditional = true,
                "xf" if in_cells && workbook.formats.len() < MAX_STYLES => {
                    let id = element.attribute("numFmtId").and_then(|id| id.parse().ok()).unwrap_or(0);
                    let format = formats.entry(id).or_insert_with(|| {
                        let own = own.get(&id).map(|code| NumberFormat::new(code));
                        Rc::new(own.unwrap_or_else(|| NumberFormat::built_in(id)))
                    });
                    workbook.formats.push(Rc::clone(format));
                }
                _ => {}
            },
            Node::Close("cellXfs") => in_cells = false,
            Node::Close("dxf") => in_conditional = false,
            _ => {}
        }
        Ok(())
    });
    if too_many {
        reading.unreadable(place, format!("more than {MAX_CONDITIONAL} number formats of conditional formats"));
    }
    result
}

/// The strings of all sheets, in one.
#[derive(Default)]
pub(super) struct SharedStrings {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
    /// Whether a cell holds it.
    used: Vec<bool>,
}

impl SharedStrings {
    /// Reads the part. Runs of one string stand together; how it is pronounced (`rPh`) stands apart.
    pub(super) fn read(&mut self, source: impl Read, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let mut room = Room::of(reading, 0);
        let mut phonetic = Text::new();
        let mut in_text = false;
        let mut phonetics = 0_usize;
        let result = walk(source, place, reading, |node, _| {
            match node {
                Node::Open(element) => match element.name() {
                    "t" => in_text = true,
                    "rPh" => phonetics += 1,
                    _ => {}
                },
                Node::Text(text) if in_text && phonetics > 0 => room.push(&mut phonetic, text)?,
                Node::Text(text) if in_text => {
                    room.take(text.len())?;
                    self.text.push_str(text);
                }
                Node::Text(_) => {}
                Node::Close("t") => in_text = false,
                Node::Close("rPh") => {
                    phonetics = phonetics.saturating_sub(1);
                    phonetic.end_line();
                }
                Node::Close("si") => {
                    self.resolve();
                    room.take(size_of::<u32>())?;
                    self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
                }
                Node::Close(_) => {}
            }
            Ok(())
        });
        self.used = vec![false; self.ends.len()];
        reading.piece(phonetic.into_piece(within(place, "pronunciation")));
        result
    }

    /// Resolves the escapes of the last string, which is not ended yet.
    fn resolve(&mut self) {
        let begin = self.ends.last().map_or(0, |end| *end as usize);
        let Some(last) = self.text.get(begin..) else { return };
        if last.contains("_x") {
            let last = resolved(last).into_owned();
            self.text.truncate(begin);
            self.text.push_str(&last);
        }
    }

    fn string(&self, index: usize) -> Option<&str> {
        let begin = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.text.get(begin..*self.ends.get(index)? as usize)
    }

    /// The string of this number, for a cell.
    pub(super) fn take(&mut self, index: usize) -> Option<&str> {
        *self.used.get_mut(index)? = true;
        self.string(index)
    }

    /// Reads the strings that no cell holds: of sheets that could not be read, or forgotten by a program.
    pub(super) fn read_unused(&self, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let mut text = Text::new();
        let mut room = Room::of(reading, 0);
        let mut result = Ok(());
        for (index, _) in self.used.iter().enumerate().filter(|(_, used)| !**used) {
            result = room.push(&mut text, self.string(index).unwrap_or_default());
            text.end_line();
            if result.is_err() {
                break;
            }
        }
        reading.piece(text.into_piece(place));
        result
    }
}
