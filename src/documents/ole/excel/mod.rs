//! .xls: Excel 97 to 2003 and, with strings of one byte per character, 5 and 95 ([MS-XLS]).

mod encryption;
mod formula;
mod header_footer;
mod record;

use super::{
    PASSWORD,
    compound::{Compound, Id},
    drawing::Shapes,
};
use crate::documents::{
    codepage,
    little_endian::u16_at,
    number_format::{NumberFormat, plain, shown},
    sheet,
    sheet::Sheet,
};
use crate::message::{Fault, Reading, Text, Whereabouts, within};
pub(in crate::documents) use header_footer::text as header_text;
use record::{Fields, Record, Records};
use std::collections::HashMap;

/// Records between two looks at the clock.
const STEP: usize = 4096;

/// Shared strings; an empty one takes three bytes of the file and eight times that of memory.
const MAX_STRINGS: usize = 2_000_000;

/// Parts within one another: charts within sheets.
const MAX_DEPTH: usize = 16;

/// Records that hold cells.
const CELLS: &[u16] = &[0x0006, 0x00bd, 0x00d6, 0x00fd, 0x0203, 0x0204, 0x0205, 0x0206, 0x0207, 0x027e, 0x0406];

/// What a cell holds.
enum Value {
    /// A shared string, by its number.
    Shared(usize),
    Text(String),
    /// A number, and the number of its format.
    Number(f64, u16),
}

/// Reads the workbooks in a storage: where both kinds of stream are there, they are two versions of one workbook.
pub(super) fn read(compound: &Compound<'_>, storage: Id, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    for name in ["Workbook", "Book"] {
        if let Some(stream) = compound.stream_named(storage, name)? {
            Workbook::default().read(&stream, place, reading)?;
        }
    }
    if let Some(caches) = compound.child(storage, "_SX_DB_CUR") {
        let mut text = Text::new();
        for (id, _) in compound.children(caches).filter(|(_, entry)| entry.is_stream) {
            pivot_cache(&compound.stream(id)?, place, &mut text, reading)?;
        }
        reading.piece(text.into_piece(within(place, "pivot cache")));
    }
    Ok(())
}

#[derive(Default)]
struct Workbook {
    /// Strings of one byte per character.
    is_old: bool,
    codepage: u16,
    since_1904: bool,
    shared: Vec<String>,
    formats: HashMap<u16, NumberFormat>,
    /// The number of the format of each combination of formats.
    number_formats: Vec<u16>,
    /// The name of the sheet that begins at an offset of the stream.
    sheets: HashMap<usize, String>,
    /// What is neither in a sheet nor a cell.
    names: Text,
    /// Records of drawings, one after the other.
    drawings: Vec<u8>,
    unread_objects: bool,
    /// Records end early, or are not there.
    is_cut: bool,
    too_many_strings: bool,
}

/// What was found in one sheet, chart or module.
#[derive(Default)]
struct Part {
    name: Option<String>,
    /// It is a chart within a sheet.
    is_chart: bool,
    cells: Sheet<Value>,
    /// The formula whose result comes next: row, column.
    formula: Option<(u32, u32)>,
    /// The object whose text comes next.
    object: Option<u16>,
    /// Texts of objects, by their numbers.
    texts: Vec<(Option<u16>, String)>,
    /// Where the object of a note belongs, and who wrote it.
    notes: HashMap<u16, (u32, u32, String)>,
    /// Everything else: headers, links, the texts of charts.
    others: Text,
    drawings: Vec<u8>,
}

impl Workbook {
    fn read(self, stream: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        self.read_stream(stream, false, place, reading)
    }

    fn read_stream(
        mut self,
        stream: &[u8],
        is_decrypted: bool,
        place: &str,
        reading: &mut Reading<'_>,
    ) -> Result<(), Fault> {
        self.codepage = codepage::DEFAULT;
        // Parts that are open: charts stand within sheets.
        let mut open: Vec<Part> = Vec::new();
        let mut drawings: Vec<Vec<u8>> = Vec::new();
        for (count, record) in Records::new(stream).enumerate() {
            if count % STEP == 0 {
                reading.clock(place)?;
            }
            match record.kind {
                0x0809 | 0x0409 | 0x0209 | 0x0009 => {
                    // The first one's version is that of the whole stream.
                    if record.at == 0 {
                        self.is_old = u16_at(record.data, 0).is_none_or(|version| version < 0x0600);
                    }
                    let outer = open.last().and_then(|part| part.name.clone());
                    let is_chart = outer.is_some();
                    let name = self.sheets.get(&record.at).cloned().or(outer);
                    if open.len() < MAX_DEPTH {
                        open.push(Part { name, is_chart, ..Part::default() });
                    }
                }
                0x000a => {
                    if let Some(part) = open.pop() {
                        drawings.push(self.finish(part, place, reading));
                    }
                }
                // FilePass. What comes before it tells only the version.
                0x002f if !is_decrypted => {
                    let decrypted = encryption::decrypt(record.data, stream)?;
                    return Self::default().read_stream(&decrypted, true, place, reading);
                }
                // What stands between the parts fills up the stream.
                _ if open.is_empty() => {}
                _ => {
                    if self.global(&record).is_none()
                        && let Some(part) = open.last_mut()
                        && part.take(&record, &mut self).is_none()
                    {
                        self.is_cut |= CELLS.contains(&record.kind);
                    }
                }
            }
        }
        self.is_cut |= !open.is_empty();
        for part in open {
            drawings.push(self.finish(part, place, reading));
        }
        let named = std::mem::take(&mut self.names);
        reading.piece(named.into_piece(within(place, "names")));
        if self.too_many_strings {
            reading.limit(place, format!("limit: more than {MAX_STRINGS} shared strings"));
        }
        if self.unread_objects {
            reading.unreadable(&within(place, "objects"), "text boxes and pictures of Excel 95 are not read");
        }
        let mut shapes = Shapes::default();
        for drawings in drawings.iter().chain([&self.drawings]) {
            shapes.walk(drawings, None, place, reading)?;
        }
        shapes.finish(place, reading)?;
        if self.is_cut {
            return Err(Fault::broken("some of its records are missing"));
        }
        Ok(())
    }

    /// A string after its length, in two bytes or one.
    fn string(&self, fields: &mut Fields<'_>, long: bool) -> Option<String> {
        if !self.is_old {
            return if long { fields.long_string() } else { fields.short_string() };
        }
        let count = if long { fields.u16()? } else { u16::from(fields.u8()?) };
        Some(fields.byte_string(usize::from(count), self.codepage))
    }

    /// A string of characters whose number was given before.
    fn string_of(&self, fields: &mut Fields<'_>, count: usize) -> Option<String> {
        if self.is_old { Some(fields.byte_string(count, self.codepage)) } else { fields.string(count) }
    }

    fn name(&mut self, what: &str, text: &str) {
        if !text.trim().is_empty() {
            self.names.at(Whereabouts::Named(what.into()));
            self.names.push(text.trim());
            self.names.end_line();
        }
    }

    /// Takes a record that is about the workbook. `None`: it is not, or it ends early.
    fn global(&mut self, record: &Record<'_>) -> Option<()> {
        let mut fields = record.fields(0);
        match record.kind {
            // BoundSheet8.
            0x0085 => {
                let at = fields.u32()? as usize;
                fields.skip(2);
                let name = self.string(&mut fields, false)?;
                self.name("sheets", &name);
                self.sheets.insert(at, name);
            }
            // SST.
            0x00fc => {
                fields.skip(8);
                while !fields.is_at_end() {
                    if self.shared.len() >= MAX_STRINGS {
                        self.too_many_strings = true;
                        break;
                    }
                    let Some(text) = fields.long_string() else {
                        self.is_cut = true;
                        break;
                    };
                    self.shared.push(text);
                }
            }
            0x0042 => self.codepage = fields.u16()?,
            0x0022 => self.since_1904 = fields.u16()? == 1,
            // Format, in two versions.
            0x041e => {
                let number = fields.u16()?;
                let code = self.string(&mut fields, !self.is_old)?;
                self.formats.insert(number, NumberFormat::new(&code));
            }
            0x001e => {
                let code = self.string(&mut fields, false)?;
                let number = u16::try_from(self.formats.len()).ok()?;
                self.formats.insert(number, NumberFormat::new(&code));
            }
            // XF.
            0x00e0 => {
                fields.skip(2);
                let number = fields.u16()?;
                self.formats.entry(number).or_insert_with(|| NumberFormat::built_in(u32::from(number)));
                self.number_formats.push(number);
            }
            // WriteAccess: who used it last.
            0x005c => {
                let name = self.string(&mut fields, !self.is_old)?;
                self.name("user", &name);
            }
            // Lbl: a name for cells, and what it stands for where that is a text.
            0x0018 => {
                fields.skip(3);
                let count = usize::from(fields.u8()?);
                fields.skip(10);
                let name = self.string_of(&mut fields, count)?;
                // One character stands for each of the names that Excel itself gives.
                if count > 1 {
                    self.name("defined names", &name);
                }
                let length = usize::from(u16_at(record.data, 4)?);
                for text in self.texts_in(fields.bytes(length)) {
                    self.name("defined names", &text);
                }
            }
            // SupBook: another workbook, and its sheets.
            0x01ae => {
                let sheets = fields.u16()?;
                if matches!(u16_at(record.data, 2), Some(0x0401 | 0x3a01)) {
                    return Some(());
                }
                for _ in 0..=sheets {
                    let name = fields.long_string()?;
                    self.name("other workbooks", &name);
                }
            }
            // CRN: what cells of another workbook held.
            0x005a => {
                let (last, first) = (fields.u8()?, fields.u8()?);
                fields.u16()?;
                for _ in first..=last {
                    let text = match fields.u8()? {
                        1 => plain(fields.f64()?),
                        2 => self.string(&mut fields, true)?,
                        _ => {
                            fields.skip(8);
                            continue;
                        }
                    };
                    self.name("cells of other workbooks", &text);
                }
            }
            // MsoDrawingGroup.
            0x00eb => self.drawings.extend(record.joined()),
            _ => return None,
        }
        Some(())
    }

    /// The texts in a formula.
    fn texts_in(&self, formula: &[u8]) -> Vec<String> {
        // In a list of choices, zero bytes stand between them.
        let texts = formula::texts(formula, self.is_old, self.codepage).into_iter();
        texts.map(|text| text.replace('\0', "\n")).collect()
    }

    /// Hands on what was found in a part; gives its drawings.
    fn finish(&mut self, part: Part, place: &str, reading: &mut Reading<'_>) -> Vec<u8> {
        let place = match &part.name {
            Some(name) => sheet::place(place, name),
            None => place.to_owned(),
        };
        let place = if part.is_chart { within(&place, "chart") } else { place };
        part.cells.finish(&place, reading, |value, text| match value {
            Value::Shared(index) => text.push_cell(self.shared.get(*index).map_or("", String::as_str)),
            Value::Text(value) => text.push_cell(value),
            Value::Number(value, format) => {
                text.push(&shown(self.formats.get(format), *value, self.since_1904));
            }
        });
        let mut notes = Text::new();
        let mut boxes = Text::new();
        for (object, text) in part.texts {
            match object.and_then(|object| part.notes.get(&object)) {
                Some((row, column, author)) => {
                    notes.at(Whereabouts::Cells { row: *row, column: *column });
                    notes.push(author);
                    notes.end_line();
                    notes.at(Whereabouts::Cells { row: *row, column: *column });
                    notes.push_cell(&text);
                    notes.end_line();
                }
                None => {
                    boxes.push(&text);
                    boxes.end_line();
                }
            }
        }
        reading.piece(notes.into_piece(within(&place, "comments")));
        reading.piece(boxes.into_piece(within(&place, "text boxes")));
        reading.piece(part.others.into_piece(place));
        part.drawings
    }
}

impl Part {
    /// Takes a record that is about a sheet or chart. `None`: it ends early.
    fn take(&mut self, record: &Record<'_>, workbook: &mut Workbook) -> Option<()> {
        let mut fields = record.fields(0);
        match record.kind {
            // Cells: LabelSst, Label and RString, Number, RK, BoolErr, and the older ones of the same kind.
            0x00fd | 0x0204 | 0x00d6 | 0x0203 | 0x027e | 0x0205 => {
                let (row, column, format) = (fields.u16()?, fields.u16()?, fields.u16()?);
                let format = workbook.number_formats.get(usize::from(format)).copied().unwrap_or_default();
                let value = match record.kind {
                    0x00fd => Value::Shared(fields.u32()? as usize),
                    0x0203 => Value::Number(fields.f64()?, format),
                    0x027e => Value::Number(rk(fields.u32()?), format),
                    0x0205 => match (fields.u8()?, fields.u8()?) {
                        (value, 0) => Value::Text(if value == 0 { "FALSE" } else { "TRUE" }.to_owned()),
                        _ => return Some(()),
                    },
                    _ => Value::Text(workbook.string(&mut fields, true)?),
                };
                self.cells.push(u32::from(row), u32::from(column), value);
            }
            // MulRk: several numbers in a row.
            0x00bd => {
                let (row, first) = (u32::from(fields.u16()?), u32::from(fields.u16()?));
                for column in first..first + (record.data.len().saturating_sub(6) / 6) as u32 {
                    let format = workbook.number_formats.get(usize::from(fields.u16()?)).copied().unwrap_or_default();
                    self.cells.push(row, column, Value::Number(rk(fields.u32()?), format));
                }
            }
            // Formula, with its result; where that is a text, it follows in a record of its own.
            0x0006 | 0x0206 | 0x0406 => {
                let (row, column, format) = (fields.u16()?, fields.u16()?, fields.u16()?);
                let format = workbook.number_formats.get(usize::from(format)).copied().unwrap_or_default();
                let (row, column) = (u32::from(row), u32::from(column));
                let result = fields.f64()?;
                let bytes = result.to_bits().to_le_bytes();
                match (bytes[0], bytes[2], bytes[6..] == [0xff, 0xff]) {
                    (_, _, false) => self.cells.push(row, column, Value::Number(result, format)),
                    (0, _, true) => self.formula = Some((row, column)),
                    (1, value, true) => {
                        let text = if value == 0 { "FALSE" } else { "TRUE" };
                        self.cells.push(row, column, Value::Text(text.to_owned()));
                    }
                    _ => {}
                }
                // Flags, and what it was worked out for last.
                fields.skip(6);
                let length = usize::from(fields.u16()?);
                for text in workbook.texts_in(fields.bytes(length)) {
                    self.other("formulas", &text);
                }
            }
            // ShrFmla and Array: formulas of several cells.
            0x04bc | 0x0221 => {
                fields.skip(if record.kind == 0x04bc { 8 } else { 12 });
                let length = usize::from(fields.u16()?);
                for text in workbook.texts_in(fields.bytes(length)) {
                    self.other("formulas", &text);
                }
            }
            // String.
            0x0207 => {
                let text = workbook.string(&mut fields, true)?;
                if let Some((row, column)) = self.formula.take() {
                    self.cells.push(row, column, Value::Text(text));
                }
            }
            // Header, footer.
            0x0014 | 0x0015 if !record.data.is_empty() => {
                let text = workbook.string(&mut fields, !workbook.is_old)?;
                self.other(if record.kind == 0x14 { "header" } else { "footer" }, &header_text(&text));
            }
            // HeaderFooter: those of even pages and of the first one.
            0x089c => {
                fields.skip(30);
                let counts = [fields.u16()?, fields.u16()?, fields.u16()?, fields.u16()?];
                for (count, what) in counts.into_iter().zip(["header", "footer", "header", "footer"]) {
                    if count > 0 {
                        let text = fields.long_string()?;
                        self.other(what, &header_text(&text));
                    }
                }
            }
            // Note.
            0x001c => {
                let (row, column) = (u32::from(fields.u16()?), u32::from(fields.u16()?));
                if workbook.is_old {
                    let length = usize::from(fields.u16()?);
                    let text = fields.byte_string(length, workbook.codepage);
                    self.others.at(Whereabouts::Named("comments".into()));
                    self.others.push(&text);
                    // A long one goes on in records that belong to no cell.
                    if text.len() < 2048 {
                        self.others.end_line();
                    }
                    return Some(());
                }
                fields.skip(2);
                let object = fields.u16()?;
                let author = fields.long_string().unwrap_or_default();
                self.notes.insert(object, (row, column, author));
            }
            // Obj: its number; before Excel 97, everything about it.
            0x005d => match workbook.is_old {
                true => workbook.unread_objects = true,
                false => self.object = (u16_at(record.data, 0) == Some(0x15)).then(|| u16_at(record.data, 6)).flatten(),
            },
            // TxO: the text is in the records that go on with it.
            0x01b6 if !record.more.is_empty() => {
                let count = usize::from(u16_at(record.data, 10)?);
                fields.skip(record.data.len());
                let text = fields.string(count)?;
                self.texts.push((self.object.take(), text));
            }
            // HLink.
            0x01b8 => {
                if let Some(text) = link(&mut fields) {
                    self.other("links", &text);
                }
            }
            // HLinkTooltip.
            0x0800 => {
                fields.skip(10);
                let count = record.data.len().saturating_sub(10) / 2;
                self.other("links", &fields.utf_16(count));
            }
            // Dv: what may be entered, and what is said about it.
            0x01be => {
                fields.skip(4);
                for _ in 0..4 {
                    let text = fields.long_string()?;
                    // A single zero byte stands for none.
                    self.other("input rules", text.trim_matches('\0'));
                }
                for _ in 0..2 {
                    let length = usize::from(fields.u16()?);
                    fields.skip(2);
                    for text in workbook.texts_in(fields.bytes(length)) {
                        self.other("input rules", &text);
                    }
                }
            }
            // SeriesText: a title in a chart.
            0x100d => {
                fields.skip(2);
                let text = workbook.string(&mut fields, false)?;
                self.other("chart", &text);
            }
            // ScenMan's scenarios: name, who made it, comment.
            0x00af => {
                let cells = fields.u16()?;
                fields.skip(2);
                let lengths = [fields.u8()?, fields.u8()?, fields.u8()?];
                let _ = cells;
                for length in [lengths[0], lengths[2], lengths[1]].into_iter().filter(|length| *length > 0) {
                    let text = fields.string(usize::from(length))?;
                    self.other("scenarios", &text);
                }
            }
            // MsoDrawing.
            0x00ec => self.drawings.extend(record.joined()),
            _ => {}
        }
        Some(())
    }

    fn other(&mut self, what: &str, text: &str) {
        if !text.is_empty() {
            self.others.at(Whereabouts::Named(what.into()));
            self.others.push(text);
            self.others.end_line();
        }
    }
}

/// A number in four bytes ([MS-XLS] 2.5.122).
pub(in crate::documents) fn rk(bits: u32) -> f64 {
    let value = match bits & 2 {
        0 => f64::from_bits(u64::from(bits & 0xffff_fffc) << 32),
        _ => f64::from(bits as i32 >> 2),
    };
    if bits & 1 == 0 { value } else { value / 100.0 }
}

/// The texts of a link ([MS-OSHARED] 2.3.7.1): what it shows, and where it leads.
fn link(fields: &mut Fields<'_>) -> Option<String> {
    const URL: &[u8] = b"\xe0\xc9\xea\x79";
    fields.skip(8 + 16 + 4);
    let flags = fields.u32()?;
    let mut text = String::new();
    for flag in [0x10, 0x80] {
        if flags & flag != 0 {
            let count = fields.u32()? as usize;
            text.push_str(&fields.utf_16(count));
            text.push('\n');
        }
    }
    if flags & 0x101 == 0x101 {
        let count = fields.u32()? as usize;
        text.push_str(&fields.utf_16(count));
        text.push('\n');
    } else if flags & 1 != 0 {
        let class = fields.bytes(16);
        if class.starts_with(URL) {
            let length = fields.u32()? as usize;
            // After the address, something may stand that nobody sees.
            let address = fields.utf_16(length / 2);
            text.push_str(address.split('\0').next().unwrap_or_default());
        } else {
            fields.u16()?;
            let length = fields.u32()? as usize;
            text.push_str(&codepage::decode(fields.bytes(length), codepage::DEFAULT));
        }
        text.push('\n');
    }
    if flags & 0x109 == 0x008 {
        let count = fields.u32()? as usize;
        text.push_str(&fields.utf_16(count));
    }
    Some(text)
}

/// What a table that sums up others keeps of them ([MS-XLS] 2.1.7.3).
fn pivot_cache(stream: &[u8], place: &str, text: &mut Text, reading: &mut Reading<'_>) -> Result<(), Fault> {
    for (count, record) in Records::new(stream).enumerate() {
        if count % STEP == 0 {
            reading.clock(place)?;
        }
        if text.len() > reading.text_left() {
            break;
        }
        let mut fields = record.fields(0);
        let value = match record.kind {
            0x00cd => fields.long_string(),
            0x00c9 => fields.f64().map(plain),
            0x00cc => fields.u16().map(|number| (number as i16).to_string()),
            0x00ce => fields
                .u32()
                .zip(fields.u8())
                .map(|(date, day)| format!("{:04}-{:02}-{day:02}", date & 0xffff, date >> 16)),
            // A field's name.
            0x00c7 => {
                fields.skip(14);
                fields.long_string()
            }
            _ => None,
        };
        if let Some(value) = value {
            text.push_cell(&value);
            text.end_line();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Document, Limits, Unread};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        [&kind.to_le_bytes()[..], &(data.len() as u16).to_le_bytes(), data].concat()
    }

    fn read(stream: &[u8]) -> (Document, Result<(), Fault>) {
        let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
        let result = Workbook::default().read(stream, "book", &mut reading);
        (reading.finish(), result)
    }

    fn found(document: &Document) -> Vec<(String, &str)> {
        document.pieces.iter().map(|piece| (piece.place_of(0), piece.text.as_str())).collect()
    }

    #[test]
    fn workbooks_before_excel_97_have_strings_of_bytes() {
        let globals = [record(0x0809, b"\0\x05\x05\0"), record(0x0042, b"\xe3\x04")].concat();
        let at = globals.len() + 4 + 11 + 4;
        let sheet = record(0x0085, &[&(at as u32).to_le_bytes()[..], b"\0\0\x04L\xf8n2"].concat());
        let stream = [
            globals,
            sheet,
            record(0x000a, b""),
            record(0x0809, b"\0\x05\x10\0"),
            record(0x0204, b"\x01\0\x01\0\0\0\x03\0\xcf\xf0!"),
            record(0x0006, b"\x01\0\x02\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\0\0\0\x03\0\x17\x01x"),
            record(0x0207, b"\x02\0ab"),
            record(0x0203, b"\x02\0\0\0\0\0\0\0\0\0\0\0\xf0\x3f"),
            record(0x001c, b"\x02\0\0\0\x04\0note"),
            record(0x000a, b""),
        ]
        .concat();
        let (document, result) = read(&stream);
        assert_eq!(result, Ok(()));
        assert_eq!(
            found(&document),
            [
                ("book > sheet \"Lшn2\" > B2".to_owned(), "Пр!\tab\n1\n"),
                ("book > sheet \"Lшn2\" > formulas".to_owned(), "x\nnote\n"),
                ("book > names > sheets".to_owned(), "Lшn2\n"),
            ]
        );
    }

    #[test]
    fn numbers_of_four_bytes_are_unfolded() {
        for (bits, value) in
            [(0x3ff0_0000, 1.0), (0x3ff0_0001, 0.01), (0x12 << 2 | 2, 18.0), (0xffff_fffe, -1.0), (7, 0.01)]
        {
            assert!((rk(bits) - value).abs() < 1e-9, "{bits:x}");
        }
    }

    #[test]
    fn a_shared_string_in_a_million_cells_costs_no_more_than_the_limit() {
        let text = "x".repeat(8000);
        let shared = [b"\x01\0\0\0\x01\0\0\0\x40\x1f\0", text.as_bytes()].concat();
        let mut stream = [record(0x0809, b"\0\x06\x05\0"), record(0x00fc, &shared)].concat();
        for row in 0..60_000_u16 {
            stream.extend(record(0x00fd, &[&row.to_le_bytes()[..], &[0; 8]].concat()));
        }
        stream.extend(record(0x000a, b""));
        let (document, _) = read(&stream);
        assert_eq!(document.unreadable.len(), 1);
        assert!(document.unreadable[0].is_limit());
    }

    proptest! {
        #[test]
        fn any_records_can_be_read(
            version in prop_oneof![Just(b"\0\x06\x05\0"), Just(b"\0\x05\x05\0")],
            records in proptest::collection::vec((
                prop::sample::select(vec![
                    0x06, 0x14, 0x18, 0x1c, 0x3c, 0x42, 0x5a, 0x5d, 0x85, 0xaf, 0xbd, 0xe0, 0xec, 0xfc, 0xfd, 0x1ae, 0x1b6, 0x1b8,
                    0x1be, 0x203, 0x204, 0x207, 0x27e, 0x41e, 0x4bc, 0x809, 0x89c, 0x100d,
                ]),
                proptest::collection::vec(prop_oneof![any::<u8>(), 0..4_u8], 0..60),
            ), 0..20),
        ) {
            let records = records.iter().flat_map(|(kind, data)| record(*kind, data));
            read(&record(0x0809, version).into_iter().chain(records).collect::<Vec<_>>()).1.ok();
        }
    }
}
