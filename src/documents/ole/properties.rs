//! Property sets ([MS-OLEPS]): title, author, keywords, and what users and labels add.

use crate::documents::{
    codepage,
    little_endian::{Cursor, bytes_at, size_at, u16_at, utf_16},
};
use crate::message::{Fault, Reading, Text, Whereabouts};
use std::collections::HashMap;

/// The name of a stream that holds property sets begins with this.
pub(super) const STREAM_PREFIX: char = '\u{5}';

/// FMTID_UserDefinedProperties ([MS-OSHARED] 2.3.3.2.3).
const USER_DEFINED: &[u8] = b"\x05\xd5\xcd\xd5\x9c\x2e\x1b\x10\x93\x97\x08\x00\x2b\x2c\xf9\xae";

/// Properties in a set; there are some dozens.
const MAX_PROPERTIES: usize = 10_000;

/// Code page number that means UTF-16.
const UTF_16: u16 = 1200;

/// Reads the sets of one stream into `text`, and the sensitivity labels among them.
pub(super) fn read(stream: &[u8], place: &str, text: &mut Text, reading: &mut Reading<'_>) -> Result<(), Fault> {
    if u16_at(stream, 0) != Some(0xfffe) {
        return Err(Fault::broken("a set of properties does not begin as one"));
    }
    // Two sets are the most that the format has.
    for index in 0..size_at(stream, 24).unwrap_or_default().min(2) {
        let Some(format) = bytes_at(stream, 28 + 20 * index, 16) else { break };
        let Some(set) = size_at(stream, 44 + 20 * index).and_then(|offset| stream.get(offset..)) else { break };
        Set::new(set, format == USER_DEFINED).read(place, text, reading);
    }
    Ok(())
}

struct Set<'a> {
    bytes: &'a [u8],
    /// Identifier and offset of each property.
    properties: Vec<(u32, usize)>,
    codepage: u16,
    names: HashMap<u32, String>,
}

impl<'a> Set<'a> {
    fn new(bytes: &'a [u8], named: bool) -> Self {
        let mut properties = Vec::new();
        let mut list = Cursor::new(bytes.get(4..).unwrap_or_default());
        for _ in 0..list.size().unwrap_or_default().min(MAX_PROPERTIES) {
            let (Some(id), Some(offset)) = (list.u32(), list.size()) else { break };
            properties.push((id, offset));
        }
        let offset = |wanted| properties.iter().find(|(id, _)| *id == wanted).map(|(_, offset)| *offset);
        let codepage = offset(1)
            .and_then(|at| u16_at(bytes, at.checked_add(4)?))
            .filter(|page| *page != 0)
            .unwrap_or(codepage::DEFAULT);
        let names = offset(0).filter(|_| named).and_then(|at| bytes.get(at..)).map(|list| names(list, codepage));
        Self { bytes, properties, codepage, names: names.unwrap_or_default() }
    }

    fn read(&self, place: &str, text: &mut Text, reading: &mut Reading<'_>) {
        for (id, offset) in self.properties.iter().filter(|(id, _)| *id > 1) {
            let Some(bytes) = self.bytes.get(*offset..) else { continue };
            let mut values = Vec::new();
            value(&mut Cursor::new(bytes), self.codepage, &mut values);
            let name = self.names.get(id);
            for value in values.iter().filter(|value| !value.is_empty()) {
                if let Some(name) = name
                    && name.starts_with("MSIP_Label_")
                {
                    reading.label(place, name, value);
                }
                text.at(Whereabouts::Named("properties".into()));
                if let Some(name) = name {
                    text.push(name);
                    text.push(": ");
                }
                text.push(value);
                text.end_line();
            }
        }
    }
}

/// The dictionary of a set: the names of its properties ([MS-OLEPS] 2.17).
fn names(bytes: &[u8], codepage: u16) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    let mut list = Cursor::new(bytes);
    for _ in 0..list.size().unwrap_or_default().min(MAX_PROPERTIES) {
        let (Some(id), Some(length)) = (list.u32(), list.size()) else { break };
        let bytes = if codepage == UTF_16 { length.saturating_mul(2) } else { length };
        let Some(name) = list.take(bytes) else { break };
        names.insert(id, string(name, codepage));
        if codepage == UTF_16 {
            list.take_up_to(bytes.wrapping_neg() % 4);
        }
    }
    names
}

fn string(bytes: &[u8], codepage: u16) -> String {
    let text = if codepage == UTF_16 { utf_16(bytes).into() } else { codepage::decode(bytes, codepage) };
    text.trim_end_matches('\0').to_owned()
}

/// A value that stands with its type ([MS-OLEPS] 2.15), if it is one that people read.
fn value(cursor: &mut Cursor<'_>, codepage: u16, values: &mut Vec<String>) {
    const VECTOR: u32 = 0x1000;
    const VARIANT: u32 = 0x0c;
    let Some(kind) = cursor.u32() else { return };
    if kind & VECTOR == 0 {
        values.extend(scalar(kind, cursor, codepage));
        return;
    }
    for _ in 0..cursor.size().unwrap_or_default().min(MAX_PROPERTIES) {
        let kind = if kind == VECTOR | VARIANT { cursor.u32() } else { Some(kind & !VECTOR) };
        let Some(text) = kind.and_then(|kind| scalar(kind, cursor, codepage)) else { break };
        values.push(text);
        if cursor.is_at_end() {
            break;
        }
    }
}

fn scalar(kind: u32, cursor: &mut Cursor<'_>, codepage: u16) -> Option<String> {
    let text = match kind {
        // VT_BSTR, VT_LPSTR.
        0x08 | 0x1e => {
            let length = cursor.size()?;
            let text = string(cursor.take_up_to(length), codepage);
            // Some programs pad strings in vectors, some do not; a length is never that large.
            if !cursor.position().is_multiple_of(4) && cursor.rest().first() == Some(&0) {
                cursor.take_up_to(cursor.position().wrapping_neg() % 4);
            }
            text
        }
        // VT_LPWSTR, padded.
        0x1f => {
            let bytes = cursor.size()?.saturating_mul(2);
            let text = string(cursor.take_up_to(bytes), UTF_16);
            cursor.take_up_to(cursor.position().wrapping_neg() % 4);
            text
        }
        0x02 => cursor.u32().map(|number| (number as u16 as i16).to_string())?,
        0x03 => cursor.u32().map(|number| (number as i32).to_string())?,
        0x13 => cursor.u32()?.to_string(),
        0x05 => cursor.f64()?.to_string(),
        0x14 | 0x15 => cursor.u64()?.to_string(),
        0x0b => if cursor.u32()? & 0xffff == 0 { "false" } else { "true" }.to_owned(),
        // Times, pictures, the rest: nothing that people read.
        _ => return None,
    };
    Some(text)
}
