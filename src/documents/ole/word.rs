//! .doc: Word 97 to 2003 ([MS-DOC]), and Word 6 and 95, whose older layout its predecessors document.
//!
//! The text of a document stands in pieces all over the stream; a table says in which order. One after the other come
//! the body, footnotes, headers and footers, comments, endnotes, text boxes. Deleted and hidden text stands among the
//! rest and is read with it.

use super::{PASSWORD, compound::Compound, compound::Id, drawing};
use crate::documents::{
    codepage,
    little_endian::{Cursor, bytes_at, size_at, u16_at, utf_16},
};
use crate::message::{Fault, Piece, Reading, Text, Whereabouts, within};
use std::collections::HashSet;

/// The first version with Unicode text and a table stream ([MS-DOC] 2.5.15).
const WORD_97: u16 = 0x00c1;

/// `nFib` before this belongs to Word 2 and earlier, which did not use compound files.
const WORD_6: u16 = 0x0065;

/// Bytes of a page of formatting ([MS-DOC] 2.9.184).
const PAGE: usize = 512;

/// sprmPFTtp: this paragraph mark ends a row of a table ([MS-DOC] 2.6.2).
const ENDS_ROW: u16 = 0x2417;

/// Bytes left between the pieces of text below which they are no text that was left over.
const MIN_LEFT_OVER: usize = 16;

/// What is told of the text in the order in which it stands ([MS-DOC] 2.4.1).
const PARTS: [&str; 8] =
    ["", "footnotes", "headers and footers", "macros", "comments", "endnotes", "text boxes", "text boxes in headers"];

/// Reads the document in a storage.
pub(super) fn read(compound: &Compound<'_>, storage: Id, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(stream) = compound.stream_named(storage, "WordDocument")? else { return Ok(()) };
    let document = Document::open(&stream)?;
    let table = match document.is_word_97() {
        true => compound.stream_named(storage, document.table_name())?.unwrap_or_default(),
        // It has no stream of its own.
        false => stream.clone(),
    };
    let result = document.read(&table, place, reading);
    let data = compound.stream_named(storage, "Data")?.unwrap_or_default();
    if document.is_word_97() {
        let drawings = document.table(&table, 50).unwrap_or_default();
        let mut shapes = drawing::Shapes::default();
        shapes.walk(drawings, Some(&stream), place, reading)?;
        shapes.inline(&data, place, reading)?;
        shapes.finish(place, reading)?;
    } else if document.has_pictures() {
        reading.unreadable(&within(place, "pictures"), "pictures of Word 6 are not read");
    }
    result
}

/// The beginning of the stream ([MS-DOC] 2.5.1).
struct Document<'a> {
    stream: &'a [u8],
    version: u16,
    flags: u16,
}

/// A piece of text.
struct Part {
    /// Offset in the stream, in bytes.
    start: usize,
    characters: usize,
    /// One byte per character, or two.
    wide: bool,
}

impl<'a> Document<'a> {
    fn open(stream: &'a [u8]) -> Result<Self, Fault> {
        let (Some(version), Some(flags)) = (u16_at(stream, 2), u16_at(stream, 10)) else {
            return Err(Fault::broken("a Word document ends in its header"));
        };
        if flags & 0x0100 != 0 {
            return Err(Fault::Protected(PASSWORD.to_owned()));
        }
        if version < WORD_6 {
            return Err(Fault::Unreadable("a document of Word 2 is not read".to_owned()));
        }
        Ok(Self { stream, version, flags })
    }

    fn is_word_97(&self) -> bool {
        self.version >= WORD_97
    }

    fn has_pictures(&self) -> bool {
        self.flags & 0x08 != 0
    }

    /// Which of the two table streams holds.
    fn table_name(&self) -> &'static str {
        if self.flags & 0x0200 != 0 { "1Table" } else { "0Table" }
    }

    /// One of the tables that the header points to, by its number in FibRgFcLcb97 ([MS-DOC] 2.5.6).
    fn table<'t>(&self, table: &'t [u8], number: usize) -> Option<&'t [u8]> {
        let (start, length) = match self.is_word_97() {
            true => (size_at(self.stream, 154 + 8 * number)?, size_at(self.stream, 158 + 8 * number)?),
            false => match number {
                // The formatting of paragraphs and the pieces stand elsewhere; nothing else is asked for.
                13 => (size_at(self.stream, 0xc0)?, size_at(self.stream, 0xc4)?),
                33 => (size_at(self.stream, 0x160)?, size_at(self.stream, 0x164)?),
                _ => return None,
            },
        };
        let rest = table.get(start..)?;
        Some(&rest[..length.min(rest.len())])
    }

    /// Characters in each of the parts.
    fn lengths(&self) -> [usize; 8] {
        let first = if self.is_word_97() { 76 } else { 52 };
        std::array::from_fn(|index| size_at(self.stream, first + 4 * index).unwrap_or_default())
    }

    /// Reads the text.
    fn read(&self, table: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let (parts, whole) = self.pieces(table);
        let row_ends = self.row_ends(table, place, reading)?;
        let mut out =
            Writer { texts: std::array::from_fn(|_| Text::new()), fields: String::new(), ..Writer::default() };
        let mut lengths = self.lengths().into_iter();
        let mut left = lengths.next().unwrap_or_default();
        // Where the lengths are wrong, what is over belongs to the last part.
        let mut room = reading.text_left().saturating_mul(2);
        for piece in &parts {
            reading.clock(place)?;
            let mut at = 0;
            while at < piece.characters {
                while left == 0 && out.part + 1 < PARTS.len() {
                    out.next_part();
                    left = lengths.next().unwrap_or_default();
                }
                let count = (piece.characters - at).min(if left == 0 { usize::MAX } else { left });
                room = room.saturating_sub(count);
                if room == 0 {
                    reading.too_much_text(place);
                    break;
                }
                let width = 1 + usize::from(piece.wide);
                let start = piece.start + at * width;
                let Some(bytes) = bytes_at(self.stream, start, count * width) else { break };
                out.characters(bytes, start, piece.wide, self.codepage(), &row_ends);
                at += count;
                left = left.saturating_sub(count);
            }
        }
        out.flush();
        let Writer { texts, fields, .. } = out;
        for (text, part) in texts.into_iter().zip(PARTS) {
            reading.piece(text.into_piece(if part.is_empty() { place.to_owned() } else { within(place, part) }));
        }
        reading.piece(Piece::new(within(place, "fields"), crate::message::normalise(fields)));
        if self.is_word_97() {
            reading.piece(self.names(table).into_piece(within(place, "names")));
        }
        self.left_over(&parts, place, reading);
        if !whole || (parts.iter().all(|piece| piece.characters == 0) && self.lengths()[0] > 1) {
            return Err(Fault::broken("some of its text is not there"));
        }
        Ok(())
    }

    /// The code page of text with one byte per character. Word 97 and later mean Western European by it.
    fn codepage(&self) -> u16 {
        match (self.is_word_97(), u16_at(self.stream, 20)) {
            (true, _) => codepage::DEFAULT,
            (false, Some(256)) => 10000,
            (false, _) => codepage_of_language(u16_at(self.stream, 6).unwrap_or_default()),
        }
    }

    /// Text that no piece says anything about, from an offset of the stream on. In UTF-16, every other byte of most
    /// scripts is the same small number.
    fn guess(&self, bytes: &[u8], start: usize) -> String {
        let aligned = bytes.get(start % 2..).unwrap_or_default();
        let small = aligned.iter().skip(1).step_by(2).filter(|byte| **byte < 0x09).count();
        match self.is_word_97() && small * 4 > aligned.len() {
            true => utf_16(aligned),
            false => codepage::decode(bytes, self.codepage()).into_owned(),
        }
    }

    /// The table of pieces ([MS-DOC] 2.8.35, 2.9.38), and whether all of their text is there; without one, the text
    /// stands in one piece.
    fn pieces(&self, table: &[u8]) -> (Vec<Part>, bool) {
        let plc = self.table(table, 33).and_then(piece_table).unwrap_or_default();
        // One more position than pieces, four bytes each, and eight bytes per piece.
        let count = plc.len().saturating_sub(4) / 12;
        let mut whole = true;
        let mut pieces = Vec::with_capacity(count);
        for index in 0..count {
            let (Some(first), Some(last)) = (size_at(plc, 4 * index), size_at(plc, 4 * index + 4)) else { break };
            let Some(position) = size_at(plc, 4 * (count + 1) + 8 * index + 2) else { break };
            let wide = self.is_word_97() && position & 0x4000_0000 == 0;
            let start = match (self.is_word_97(), wide) {
                (true, false) => (position & 0x3fff_ffff) / 2,
                (true, true) => position & 0x3fff_ffff,
                (false, _) => position,
            };
            let width = 1 + usize::from(wide);
            // What is said to stand past the end does not stand anywhere.
            let most = self.stream.len().saturating_sub(start) / width;
            let characters = last.saturating_sub(first);
            whole &= characters <= most;
            pieces.push(Part { start, characters: characters.min(most), wide });
        }
        if pieces.is_empty()
            && let (Some(start), Some(end)) = (size_at(self.stream, 24), size_at(self.stream, 28))
        {
            let end = end.min(self.stream.len());
            let characters: usize = self.lengths().iter().fold(0_usize, |sum, length| sum.saturating_add(*length));
            let wide = self.is_word_97() && end.saturating_sub(start) / 2 >= characters && characters > 0;
            let characters = end.saturating_sub(start) / (1 + usize::from(wide));
            pieces.push(Part { start, characters, wide });
        }
        (pieces, whole)
    }

    /// Where in the stream the marks end that end a row of a table ([MS-DOC] 2.8.6, 2.9.175).
    fn row_ends(&self, table: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<HashSet<usize>, Fault> {
        let mut ends = HashSet::new();
        let width = if self.is_word_97() { 4 } else { 2 };
        let pages = self.table(table, 13).unwrap_or_default();
        let count = pages.len().saturating_sub(4) / (4 + width);
        // A page that is named twice says the same twice.
        for index in 0..count.min(self.stream.len() / PAGE) {
            if index % 1024 == 0 {
                reading.clock(place)?;
            }
            let at = 4 * (count + 1) + width * index;
            let number = match width {
                4 => size_at(pages, at).map(|number| number & 0x003f_ffff),
                _ => u16_at(pages, at).map(usize::from),
            };
            let Some(page) = number.and_then(|number| bytes_at(self.stream, number.checked_mul(PAGE)?, PAGE)) else {
                continue;
            };
            self.row_ends_of(page, &mut ends);
        }
        Ok(ends)
    }

    fn row_ends_of(&self, page: &[u8], ends: &mut HashSet<usize>) {
        let count = usize::from(page[PAGE - 1]);
        let entry = if self.is_word_97() { 13 } else { 7 };
        for index in 0..count {
            let Some(offset) = page.get(4 * (count + 1) + entry * index) else { break };
            let at = 2 * usize::from(*offset);
            let (Some(words), Some(end)) = (page.get(at), size_at(page, 4 * (index + 1))) else { continue };
            if at == 0 {
                continue;
            }
            let (start, length) = match (*words, self.is_word_97()) {
                (0, true) => (at + 2, 2 * usize::from(page.get(at + 1).copied().unwrap_or_default())),
                (words, true) => (at + 1, 2 * usize::from(words) - 1),
                (words, false) => (at + 1, 2 * usize::from(words)),
            };
            let rest = page.get(start..).unwrap_or_default();
            let properties = &rest[..length.min(rest.len())];
            let ends_row = match self.is_word_97() {
                true => ends_row(properties.get(2..).unwrap_or_default()),
                // sprmPTtp of Word 6, after the style and no longer ones before it.
                false => properties.windows(2).skip(1).any(|pair| pair == [25, 1]),
            };
            if ends_row {
                ends.insert(end);
            }
        }
    }

    /// Names that stand in tables of their own: bookmarks, authors of comments and changes, variables, file names.
    fn names(&self, table: &[u8]) -> Text {
        let mut text = Text::new();
        for (number, what) in [(21, "bookmarks"), (32, "properties"), (51, "authors"), (71, "saved by")] {
            for name in self.table(table, number).map(strings).unwrap_or_default() {
                text.at(Whereabouts::Named(what.into()));
                text.push(&name);
                text.end_line();
            }
        }
        // The authors of comments, and the variables: strings with their lengths before them.
        for (number, what) in [(36, "authors of comments"), (60, "variables")] {
            let Some(bytes) = self.table(table, number) else { continue };
            let mut cursor = Cursor::new(bytes);
            if number == 60 {
                let (names, length) = strings_and_length(bytes);
                cursor = Cursor::new(bytes.get(length..).unwrap_or_default());
                for name in names {
                    text.at(Whereabouts::Named(what.into()));
                    text.push(&name);
                    text.end_line();
                }
            }
            while let Some(name) = cursor.u16().and_then(|length| cursor.take(2 * usize::from(length))) {
                text.at(Whereabouts::Named(what.into()));
                text.push(&utf_16(name));
                text.end_line();
            }
        }
        text
    }

    /// What stands between the pieces where a document was saved fast: text that was deleted, and is still there.
    fn left_over(&self, pieces: &[Part], place: &str, reading: &mut Reading<'_>) {
        let saved_fast = self.flags & 0x00f4 != 0;
        let (Some(first), Some(last)) = (size_at(self.stream, 24), size_at(self.stream, 28)) else { return };
        if !saved_fast || pieces.len() < 2 {
            return;
        }
        let mut spans: Vec<(usize, usize)> = pieces
            .iter()
            .map(|piece| (piece.start, piece.start + piece.characters * (1 + usize::from(piece.wide))))
            .collect();
        spans.sort_unstable();
        let mut text = Text::new();
        let mut end = first;
        for (start, next) in spans.into_iter().chain([(last, last)]) {
            if start > end.saturating_add(MIN_LEFT_OVER)
                && let Some(bytes) = bytes_at(self.stream, end, start - end)
            {
                text.push(&self.guess(bytes, end).replace(['\r', '\u{7}'], "\n"));
                text.end_line();
            }
            end = end.max(next);
        }
        reading.piece(text.into_piece(within(place, "left over from earlier saves")));
    }
}

/// Code pages of languages that do not use the Western European one ([MS-LCID]).
fn codepage_of_language(language: u16) -> u16 {
    match (language & 0x3ff, language) {
        (_, 0x0c1a | 0x1c1a | 0x281a | 0x301a) => 1251,
        (0x02 | 0x19 | 0x22 | 0x23 | 0x2f, _) => 1251,
        (0x05 | 0x0e | 0x15 | 0x18 | 0x1a | 0x1b | 0x1c | 0x24, _) => 1250,
        (0x08, _) => 1253,
        (0x1f, _) => 1254,
        (0x0d, _) => 1255,
        (0x01 | 0x20 | 0x29, _) => 1256,
        (0x25..=0x27, _) => 1257,
        (0x2a, _) => 1258,
        (0x1e, _) => 874,
        (0x11, _) => 932,
        (0x12, _) => 949,
        (0x04, 0x0404 | 0x0c04 | 0x1404) => 950,
        (0x04, _) => 936,
        _ => codepage::DEFAULT,
    }
}

/// Skips the formatting that stands before the table of pieces ([MS-DOC] 2.9.38).
fn piece_table(clx: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(clx);
    loop {
        match cursor.u8()? {
            1 => {
                let length = cursor.u16()?;
                cursor.take(usize::from(length))?;
            }
            2 => {
                let length = cursor.size()?;
                return Some(cursor.take_up_to(length));
            }
            _ => return None,
        }
    }
}

/// Whether the properties of a paragraph say that it ends a row ([MS-DOC] 2.2.5.1: how long each property is).
fn ends_row(properties: &[u8]) -> bool {
    let mut cursor = Cursor::new(properties);
    while let Some(property) = cursor.u16() {
        let length = match (property, property >> 13) {
            (ENDS_ROW, _) => return cursor.u8() == Some(1),
            // sprmTDefTable.
            (0xd608, _) => match cursor.u16() {
                Some(length) => usize::from(length).saturating_sub(1),
                None => return false,
            },
            (_, 0 | 1) => 1,
            (_, 2 | 4 | 5) => 2,
            (_, 3) => 4,
            (_, 7) => 3,
            _ => usize::from(cursor.u8().unwrap_or_default()),
        };
        if cursor.take(length).is_none() {
            return false;
        }
    }
    false
}

/// A table of strings ([MS-DOC] 2.2.4).
fn strings(bytes: &[u8]) -> Vec<String> {
    strings_and_length(bytes).0
}

fn strings_and_length(bytes: &[u8]) -> (Vec<String>, usize) {
    let mut cursor = Cursor::new(bytes);
    let mut strings = Vec::new();
    let wide = u16_at(bytes, 0) == Some(0xffff);
    if wide {
        cursor.u16();
    }
    let (Some(count), Some(extra)) = (cursor.u16(), cursor.u16()) else { return (strings, bytes.len()) };
    for _ in 0..count {
        let length = if wide { cursor.u16() } else { cursor.u8().map(u16::from) };
        let Some(text) = length.and_then(|length| cursor.take(usize::from(length) * (1 + usize::from(wide)))) else {
            break;
        };
        strings.push(if wide { utf_16(text) } else { codepage::decode(text, codepage::DEFAULT).into_owned() });
        cursor.take_up_to(usize::from(extra));
    }
    (strings, cursor.position())
}

/// Puts characters where they belong.
#[derive(Default)]
struct Writer {
    texts: [Text; 8],
    /// Which of the texts is being written.
    part: usize,
    /// Codes of fields: addresses of links, names of variables.
    fields: String,
    /// For each field that is open, whether its code stands next. Nothing is kept below [`MAX_FIELDS`].
    open: Vec<bool>,
    /// What waits to be written: characters of two bytes, or of one.
    wide: Vec<u16>,
    narrow: Vec<u8>,
    codepage: u16,
}

/// Fields within one another.
const MAX_FIELDS: usize = 100;

impl Writer {
    fn characters(&mut self, bytes: &[u8], start: usize, wide: bool, codepage: u16, row_ends: &HashSet<usize>) {
        self.codepage = codepage;
        let width = 1 + usize::from(wide);
        for (index, character) in bytes.chunks_exact(width).enumerate() {
            let code = match character {
                [one] => u16::from(*one),
                [low, high] => u16::from_le_bytes([*low, *high]),
                _ => continue,
            };
            match code {
                0x07 if row_ends.contains(&(start + (index + 1) * width)) => self.break_with('\n'),
                0x07 => self.break_with('\t'),
                0x09 => self.break_with('\t'),
                0x0b..=0x0e => self.break_with('\n'),
                0x13 => {
                    self.flush();
                    if self.open.len() < MAX_FIELDS {
                        self.open.push(true);
                    }
                }
                0x14 => {
                    self.flush();
                    if let Some(code) = self.open.last_mut() {
                        *code = false;
                    }
                }
                0x15 => {
                    self.flush();
                    if self.open.pop() == Some(true) || !self.in_code() {
                        self.end_code();
                    }
                }
                0x1e => self.push(u16::from(b'-'), wide),
                0x00..=0x1f => {}
                _ => self.push(code, wide),
            }
        }
    }

    fn push(&mut self, code: u16, wide: bool) {
        if wide != self.narrow.is_empty() {
            self.flush();
        }
        match (wide, u8::try_from(code)) {
            (false, Ok(byte)) => self.narrow.push(byte),
            _ => self.wide.push(code),
        }
    }

    fn in_code(&self) -> bool {
        self.open.contains(&true)
    }

    fn end_code(&mut self) {
        if !self.fields.is_empty() && !self.fields.ends_with('\n') {
            self.fields.push('\n');
        }
    }

    fn break_with(&mut self, character: char) {
        self.flush();
        if self.in_code() {
            self.fields.push(character);
        } else if character == '\t' {
            self.texts[self.part].end_cell();
        } else {
            self.texts[self.part].push("\n");
        }
    }

    /// Writes what waits.
    fn flush(&mut self) {
        let text = if self.narrow.is_empty() {
            if self.wide.is_empty() {
                return;
            }
            String::from_utf16_lossy(&self.wide)
        } else {
            codepage::decode(&self.narrow, self.codepage).into_owned()
        };
        self.wide.clear();
        self.narrow.clear();
        if self.in_code() { self.fields.push_str(&text) } else { self.texts[self.part].push(&text) }
    }

    fn next_part(&mut self) {
        self.flush();
        self.open.clear();
        self.part += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_pieces_follows_formatting() {
        assert_eq!(piece_table(b"\x01\x02\0ab\x02\x03\0\0\0abc"), Some(&b"abc"[..]));
        for broken in [&b""[..], b"\x01\xff\xff", b"\x03", b"\x02\0"] {
            assert_eq!(piece_table(broken), None);
        }
    }

    #[test]
    fn the_end_of_a_row_is_found_among_properties_of_any_length() {
        for (properties, ends) in [
            (&b"\x17\x24\x01"[..], true),
            (b"\x17\x24\x00", false),
            (b"\x16\x24\x01\x17\x24\x01", true),
            (b"\x08\xd6\x04\x00abc\x17\x24\x01", true),
            (b"\x0d\xc6\x02ab\x17\x24\x01", true),
            (b"\x0d\xc6\xff", false),
            (b"", false),
        ] {
            assert_eq!(ends_row(properties), ends, "{properties:?}");
        }
    }

    #[test]
    fn the_code_of_a_field_stands_apart_from_its_result() {
        let mut writer = Writer::default();
        let text = b"see \x13 HYPERLINK \"x\" \x14here\x15 and\x07there\x07\x07";
        writer.characters(text, 0, false, 1252, &HashSet::from([text.len()]));
        writer.flush();
        let piece = std::mem::take(&mut writer.texts[0]).into_piece("");
        assert_eq!(piece.text, "see here and\tthere\t\n");
        assert_eq!(writer.fields, " HYPERLINK \"x\" \n");
    }

    #[test]
    fn strings_have_one_byte_or_two() {
        assert_eq!(strings(b"\xff\xff\x02\0\x01\0\x02\0a\0b\0-\x01\0c\0-"), ["ab", "c"]);
        assert_eq!(strings(b"\x02\0\0\0\x02ab\x01c"), ["ab", "c"]);
        assert_eq!(strings(b"\xff\xff\xff\xff\0\0\xff\xff"), Vec::<String>::new());
    }
}
