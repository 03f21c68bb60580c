//! .xlsb: a workbook of Excel 2007 and later whose parts are binary records ([MS-XLSB]) in a zip archive.

use super::{
    little_endian::{Cursor, utf_16},
    number_format::{NumberFormat, shown},
    ole::{header_text, rk},
    package::Package,
    sheet::{self, Sheet},
    xml::{Node, walk},
};
use crate::message::{Attachment, Fault, Reading, Text, Whereabouts, quoted, within};
use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

/// Records between two looks at the clock.
const STEP: usize = 4096;

/// Shared strings; an empty one takes six bytes of a part, and four times that of memory.
const MAX_STRINGS: usize = 2_000_000;

/// Parts that hold nothing people wrote, or nothing that does not stand in others.
const SILENT: &[&str] = &[
    "[Content_Types].xml",
    "xl/calcChain.bin",
    "xl/metadata.bin",
    "xl/theme/",
    "xl/printerSettings/",
    "xl/tables/",
    "xl/worksheets/binaryIndex",
    "docProps/thumbnail",
];

/// What a cell holds.
enum Value {
    Shared(usize),
    Text(String),
    /// A number, and which of the cells' formats.
    Number(f64, usize),
}

/// A workbook that is being read.
struct Workbook<'f, 'a> {
    file: &'f Attachment<'a>,
    package: Package<'a>,
    /// Parts that were not read yet.
    left: BTreeSet<String>,
    since_1904: bool,
    shared: Vec<String>,
    formats: Vec<Rc<NumberFormat>>,
    names: Text,
}

/// Reads a workbook.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let package = Package::open_document(file.bytes, file.place, reading)?;
    let left = package.names().map(|name| name.into_owned()).filter(|name| !name.ends_with('/')).collect();
    let mut workbook = Workbook {
        file,
        package,
        left,
        since_1904: false,
        shared: Vec::new(),
        formats: Vec::new(),
        names: Text::new(),
    };
    let result = workbook.read_cells(reading);
    let names = std::mem::take(&mut workbook.names);
    reading.piece(names.into_piece(within(file.place, "names")));
    if let Err(fault) = result {
        reading.fault(file.place, fault)?;
    }
    workbook.read_others(reading)
}

impl Workbook<'_, '_> {
    /// A part's content. Empty where there is none.
    fn part(&mut self, name: &str, reading: &Reading<'_>) -> Result<Vec<u8>, Fault> {
        self.left.remove(name);
        Ok(self.package.expand(name, reading)?.unwrap_or_default())
    }

    /// What a part names: identifier, the last word of the kind, and the part's name (ECMA-376 part 2, 9.3).
    fn relationships(&mut self, part: &str, reading: &mut Reading<'_>) -> Result<Vec<(String, String, String)>, Fault> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let bytes = self.part(&format!("{folder}/_rels/{name}.rels"), reading)?;
        let mut found = Vec::new();
        if bytes.is_empty() {
            return Ok(found);
        }
        let place = self.file.place;
        let mut links = Text::new();
        walk(bytes.as_slice(), place, reading, |node, _| {
            let Node::Open(element) = node else { return Ok(()) };
            let attribute = |name| element.attribute(name).unwrap_or_default();
            let (kind, target) = (attribute("Type"), attribute("Target"));
            if attribute("TargetMode") == "External" {
                links.push(&target);
                links.end_line();
            } else if !target.is_empty() {
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                found.push((attribute("Id").into_owned(), kind, resolve(folder, &target)));
            }
            Ok(())
        })?;
        reading.piece(links.into_piece(within(place, "links")));
        Ok(found)
    }

    /// Strings, formats, sheets.
    fn read_cells(&mut self, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let place = self.file.place;
        let main = "xl/workbook.bin";
        let relationships = self.relationships(main, reading)?;
        for (_, kind, part) in &relationships {
            match kind.as_str() {
                "sharedStrings" => self.shared_strings(part, reading)?,
                "styles" => self.styles(part, reading)?,
                _ => {}
            }
        }
        let bytes = self.part(main, reading)?;
        let mut sheets = Vec::new();
        let mut records = Records::new(&bytes);
        while let Some((kind, mut record)) = records.next(place, reading)? {
            match kind {
                // BrtWbProp.
                153 => self.since_1904 = record.u32().is_some_and(|flags| flags & 1 != 0),
                // BrtBundleSh.
                156 => {
                    record.take_up_to(8);
                    // Trial versions of Excel 2007 have four bytes more.
                    let mut later = record;
                    later.take_up_to(4);
                    let strings = |mut record: Cursor<'_>| {
                        let (id, name) = (string(&mut record)?, string(&mut record)?);
                        record.is_at_end().then_some((id, name))
                    };
                    let (id, name) = strings(record).or_else(|| strings(later)).unwrap_or_default();
                    self.name("sheets", &name);
                    sheets.push((id, name));
                }
                // BrtName: a name for cells.
                39 => {
                    record.take_up_to(9);
                    let name = string(&mut record).unwrap_or_default();
                    self.name("defined names", &name);
                }
                // BrtFileSharing and BrtUserBookView could name people; they hold none of the content.
                _ => {}
            }
        }
        let parts: HashMap<&str, &str> =
            relationships.iter().map(|(id, _, part)| (id.as_str(), part.as_str())).collect();
        for (id, name) in sheets {
            let place = sheet::place(place, &name);
            match parts.get(id.as_str()) {
                Some(part) => {
                    let result = self.read_sheet(part, &place, reading);
                    if let Err(fault) = result {
                        reading.fault(&place, fault)?;
                    }
                }
                None => reading.unreadable(&place, "cannot be read: its part is missing"),
            }
        }
        Ok(())
    }

    fn name(&mut self, what: &str, text: &str) {
        self.names.at(Whereabouts::Named(what.into()));
        self.names.push(text);
        self.names.end_line();
    }

    fn shared_strings(&mut self, part: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let bytes = self.part(part, reading)?;
        let mut records = Records::new(&bytes);
        while let Some((kind, mut record)) = records.next(self.file.place, reading)? {
            if kind != 19 {
                continue;
            }
            if self.shared.len() >= MAX_STRINGS {
                return Err(Fault::Limit(format!("limit: more than {MAX_STRINGS} shared strings")));
            }
            self.shared.push(rich_string(&mut record).unwrap_or_default());
        }
        Ok(())
    }

    fn styles(&mut self, part: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let bytes = self.part(part, reading)?;
        let mut own = HashMap::new();
        let mut of_cells = false;
        let mut records = Records::new(&bytes);
        while let Some((kind, mut record)) = records.next(self.file.place, reading)? {
            match kind {
                // BrtFmt.
                44 => {
                    if let (Some(number), Some(code)) = (record.u16(), string(&mut record)) {
                        own.insert(number, Rc::new(NumberFormat::new(&code)));
                    }
                }
                // BrtBeginCellXFs, BrtEndCellXFs: between them, the formats of cells.
                617 => of_cells = true,
                618 => of_cells = false,
                47 if of_cells => {
                    record.take_up_to(2);
                    let number = record.u16().unwrap_or_default();
                    let format =
                        own.entry(number).or_insert_with(|| Rc::new(NumberFormat::built_in(u32::from(number))));
                    self.formats.push(Rc::clone(format));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_sheet(&mut self, part: &str, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let bytes = self.part(part, reading)?;
        let mut cells = Sheet::default();
        let mut others = Text::new();
        let (mut row, mut column) = (0, 0);
        let mut records = Records::new(&bytes);
        while let Some((kind, mut record)) = records.next(place, reading)? {
            match kind {
                // BrtRowHdr.
                0 => (row, column) = (record.u32().unwrap_or_default(), u32::MAX),
                // Cells; from 12 on in a short form, which leaves out that the column is the next one. 62: rich text.
                1..=18 | 62 => {
                    column = if (12..=18).contains(&kind) {
                        column.wrapping_add(1)
                    } else {
                        record.u32().unwrap_or_default()
                    };
                    let style = record.u32().unwrap_or_default() as usize & 0x00ff_ffff;
                    let value = match kind {
                        2 | 13 => record.u32().map(|bits| Value::Number(rk(bits), style)),
                        4 | 10 | 15 => {
                            record.u8().map(|value| Value::Text(if value == 0 { "FALSE" } else { "TRUE" }.to_owned()))
                        }
                        5 | 9 | 16 => record.f64().map(|value| Value::Number(value, style)),
                        6 | 8 | 17 => string(&mut record).map(Value::Text),
                        7 | 18 => record.size().map(Value::Shared),
                        62 => rich_string(&mut record).map(Value::Text),
                        _ => None,
                    };
                    if let Some(value) = value {
                        cells.push(row, column, value);
                    }
                }
                // BrtBeginHeaderFooter: of odd pages, even ones, the first.
                479 => {
                    record.take_up_to(2);
                    for what in ["header", "footer", "header", "footer", "header", "footer"] {
                        other(&mut others, what, &header_text(&string(&mut record).unwrap_or_default()));
                    }
                }
                // BrtHLink: identifier, place, tip, text.
                494 => {
                    record.take_up_to(16);
                    for text in (0..4).map_while(|_| string(&mut record)).skip(1) {
                        other(&mut others, "links", &text);
                    }
                }
                // BrtDVal: what may be entered, and what is said about it.
                64 => {
                    record.take_up_to(4);
                    let ranges = record.size().unwrap_or_default().saturating_mul(16);
                    record.take_up_to(ranges);
                    for text in (0..4).map_while(|_| string(&mut record)) {
                        other(&mut others, "input rules", &text);
                    }
                }
                _ => {}
            }
        }
        cells.finish(place, reading, |value, text| match value {
            Value::Shared(index) => text.push_cell(self.shared.get(*index).map_or("", String::as_str)),
            Value::Text(value) => text.push_cell(value),
            Value::Number(value, style) => {
                text.push(&shown(self.formats.get(*style).map(Rc::as_ref), *value, self.since_1904));
            }
        });
        reading.piece(others.into_piece(place));
        for (_, kind, part) in self.relationships(part, reading)? {
            match kind.as_str() {
                "comments" => self.comments(&part, &within(place, "comments"), reading)?,
                "drawing" => self.markup(&part, &within(place, "drawing"), reading)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn comments(&mut self, part: &str, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let bytes = self.part(part, reading)?;
        let mut text = Text::new();
        let mut records = Records::new(&bytes);
        while let Some((kind, mut record)) = records.next(place, reading)? {
            match kind {
                // BrtCommentAuthor.
                632 => other(&mut text, "authors", &string(&mut record).unwrap_or_default()),
                // BrtBeginComment: whose, and where.
                635 => {
                    record.take_up_to(4);
                    let row = record.u32().unwrap_or_default();
                    record.take_up_to(4);
                    text.at(Whereabouts::Cells { row, column: record.u32().unwrap_or_default() });
                }
                // BrtCommentText.
                637 => {
                    text.push_cell(&rich_string(&mut record).unwrap_or_default());
                    text.end_line();
                }
                _ => {}
            }
        }
        reading.piece(text.into_piece(place));
        Ok(())
    }

    /// XML whose structure does not matter: its text, and names and descriptions of shapes.
    fn markup(&mut self, part: &str, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let bytes = self.part(part, reading)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let mut text = Text::new();
        let mut property = String::new();
        let document = self.file.place;
        let result = walk(bytes.as_slice(), place, reading, |node, reading| {
            match node {
                Node::Open(element) => {
                    if element.name() == "property" {
                        property = element.attribute("name").unwrap_or_default().into_owned();
                    }
                    for name in ["descr", "title", "name", "displayName", "author"] {
                        if let Some(value) = element.attribute(name).filter(|value| !value.is_empty()) {
                            text.end_line();
                            text.push(&value);
                            text.end_line();
                        }
                    }
                }
                Node::Close("r" | "t") => {}
                Node::Close(_) => text.end_line(),
                Node::Text(part) => {
                    if property.starts_with("MSIP_Label_") && !part.trim().is_empty() {
                        reading.label(document, &property, part);
                    }
                    text.push(part);
                }
            }
            Ok(())
        });
        reading.piece(text.into_piece(place));
        result
    }

    /// Everything that is neither a cell nor belongs to one.
    fn read_others(&mut self, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let place = self.file.place;
        for part in std::mem::take(&mut self.left) {
            if part.ends_with(".rels") || SILENT.iter().any(|silent| part.starts_with(silent)) {
                continue;
            }
            let inner = if part.starts_with("docProps/") {
                within(place, "properties")
            } else {
                within(place, format_args!("part {}", quoted(&part)))
            };
            if part.eq_ignore_ascii_case("xl/vbaProject.bin") {
                reading.unreadable(place, "macros are not read");
            } else if part.ends_with(".xml") || part.ends_with(".vml") {
                let result = self.markup(&part, &inner, reading);
                if let Err(fault) = result {
                    reading.fault(&inner, fault)?;
                }
            } else if part.starts_with("xl/") && part.ends_with(".bin") && !part.starts_with("xl/embeddings/") {
                reading.unreadable(&inner, "is not read");
            } else {
                let bytes = self.part(&part, reading)?;
                let name = part.rsplit('/').next();
                let file = Attachment { place: &inner, name, media_type: None, charset: None, bytes: &bytes };
                reading.attachment(&file)?;
            }
        }
        Ok(())
    }
}

fn other(others: &mut Text, what: &str, text: &str) {
    if !text.is_empty() {
        others.at(Whereabouts::Named(what.into()));
        others.push(text);
        others.end_line();
    }
}

/// The name of a part that another one in `folder` names.
fn resolve(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut steps: Vec<&str> = folder.split('/').collect();
    for step in target.split('/') {
        match step {
            "." | "" => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// The records of a part ([MS-XLSB] 2.1.4): kind and length, seven bits in a byte.
struct Records<'a> {
    cursor: Cursor<'a>,
    count: usize,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { cursor: Cursor::new(bytes), count: 0 }
    }

    fn next(&mut self, place: &str, reading: &mut Reading<'_>) -> Result<Option<(u32, Cursor<'a>)>, Fault> {
        self.count += 1;
        if self.count.is_multiple_of(STEP) {
            reading.clock(place)?;
        }
        let Some(kind) = self.number(2) else { return Ok(None) };
        let record = self.number(4).and_then(|length| self.cursor.take(usize::try_from(length).ok()?));
        match record {
            Some(record) => Ok(Some((kind, Cursor::new(record)))),
            None => Err(Fault::broken("a part ends within a record")),
        }
    }

    fn number(&mut self, most: u32) -> Option<u32> {
        let mut number = 0;
        for index in 0..most {
            let byte = self.cursor.u8()?;
            number |= u32::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                break;
            }
        }
        Some(number)
    }
}

/// XLWideString, or XLNullableWideString: its length in characters, then UTF-16.
fn string(record: &mut Cursor<'_>) -> Option<String> {
    match record.size()? {
        0xffff_ffff => Some(String::new()),
        count => record.take(count.checked_mul(2)?).map(utf_16),
    }
}

/// RichStr: whether formatting follows, then the string.
fn rich_string(record: &mut Cursor<'_>) -> Option<String> {
    record.u8()?;
    string(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_from_where_they_stand() {
        for (folder, target, part) in [
            ("xl", "worksheets/sheet1.bin", "xl/worksheets/sheet1.bin"),
            ("xl/worksheets", "../comments1.bin", "xl/comments1.bin"),
            ("xl", "/xl/styles.bin", "xl/styles.bin"),
            ("xl", "../../../x", "x"),
        ] {
            assert_eq!(resolve(folder, target), part);
        }
    }

    #[test]
    fn kinds_and_lengths_take_as_many_bytes_as_they_need() {
        let mut reading = Reading::new(
            &crate::message::Limits::default(),
            std::time::Instant::now() + std::time::Duration::from_secs(60),
            &crate::message::Unread,
        );
        let mut records = Records::new(b"\x9c\x01\x02ab\x13\x00\x05\x81\x00");
        let (kind, record) = records.next("", &mut reading).unwrap().unwrap();
        assert_eq!((kind, record.rest()), (156, &b"ab"[..]));
        assert_eq!(records.next("", &mut reading).unwrap().unwrap().0, 19);
        assert!(records.next("", &mut reading).is_err());
    }
}
