//! Records of a workbook stream ([MS-XLS] 2.1.4): each at most some kilobytes long, so that long ones go on in
//! further records, even within a string.

use crate::documents::{
    codepage,
    little_endian::{Cursor, u16_at, utf_16},
};

/// Goes on with the record before it.
const CONTINUE: u16 = 0x003c;

/// The records of a stream.
pub(super) struct Records<'a> {
    stream: &'a [u8],
    at: usize,
}

/// A record, with those that go on with it.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) kind: u16,
    /// Where it begins in the stream.
    pub(super) at: usize,
    pub(super) data: &'a [u8],
    pub(super) more: Vec<&'a [u8]>,
}

impl<'a> Records<'a> {
    pub(super) fn new(stream: &'a [u8]) -> Self {
        Self { stream, at: 0 }
    }

    fn one(&mut self) -> Option<(u16, &'a [u8])> {
        let kind = u16_at(self.stream, self.at)?;
        let length = usize::from(u16_at(self.stream, self.at + 2)?);
        let rest = &self.stream[self.at + 4..];
        let data = &rest[..length.min(rest.len())];
        self.at += 4 + data.len();
        Some((kind, data))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let at = self.at;
        let (kind, data) = self.one()?;
        let mut more = Vec::new();
        while u16_at(self.stream, self.at) == Some(CONTINUE) {
            let Some((_, data)) = self.one() else { break };
            more.push(data);
        }
        Some(Record { kind, at, data, more })
    }
}

impl<'a> Record<'a> {
    /// All of it in one.
    pub(super) fn joined(&self) -> Vec<u8> {
        let mut joined = self.data.to_vec();
        self.more.iter().for_each(|data| joined.extend_from_slice(data));
        joined
    }

    /// Reads it from an offset on.
    pub(super) fn fields(&'a self, offset: usize) -> Fields<'a> {
        Fields { cursor: Cursor::new(self.data.get(offset..).unwrap_or_default()), more: &self.more }
    }
}

/// What stands in a record, across those that go on with it.
pub(super) struct Fields<'a> {
    cursor: Cursor<'a>,
    more: &'a [&'a [u8]],
}

impl<'a> Fields<'a> {
    /// Begins the next of the records that go on with this.
    fn go_on(&mut self) -> bool {
        let Some((first, rest)) = self.more.split_first() else { return false };
        self.cursor = Cursor::new(first);
        self.more = rest;
        true
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        while self.cursor.is_at_end() {
            if !self.go_on() {
                return None;
            }
        }
        self.cursor.u8()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.u8()?, self.u8()?]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    pub(super) fn f64(&mut self) -> Option<f64> {
        let low = u64::from(self.u32()?);
        Some(f64::from_bits(low | u64::from(self.u32()?) << 32))
    }

    pub(super) fn skip(&mut self, mut count: usize) {
        loop {
            count -= self.cursor.take_up_to(count).len();
            if count == 0 || !self.go_on() {
                return;
            }
        }
    }

    /// Some bytes, none of them in a record that goes on.
    pub(super) fn bytes(&mut self, count: usize) -> &'a [u8] {
        self.cursor.take_up_to(count)
    }

    /// The characters of a string after the count of them ([MS-XLS] 2.5.293): what it is made of, then the
    /// characters, of one byte or two; where it goes on in another record, that is said again.
    fn characters(&mut self, count: usize, mut wide: bool) -> String {
        let mut units = Vec::new();
        let mut left = count;
        while left > 0 {
            if self.cursor.is_at_end() {
                if !self.go_on() {
                    break;
                }
                wide = self.cursor.u8().is_some_and(|flags| flags & 1 != 0);
                continue;
            }
            let width = 1 + usize::from(wide);
            let bytes = self.cursor.take_up_to(left.saturating_mul(width));
            match wide {
                true => units.extend((0..bytes.len() / 2).filter_map(|index| u16_at(bytes, 2 * index))),
                false => units.extend(bytes.iter().map(|byte| u16::from(*byte))),
            }
            // Half a character is as much as a whole one: something is broken.
            left -= bytes.len().div_ceil(width).min(left);
        }
        String::from_utf16_lossy(&units)
    }

    /// A string of that many characters, with its formatting, which is passed.
    pub(super) fn string(&mut self, count: usize) -> Option<String> {
        let flags = self.u8()?;
        let runs = if flags & 8 != 0 { usize::from(self.u16()?) * 4 } else { 0 };
        let phonetic = if flags & 4 != 0 { self.u32()? as usize } else { 0 };
        let text = self.characters(count, flags & 1 != 0);
        self.skip(runs.saturating_add(phonetic));
        Some(text)
    }

    /// A string after its length in two bytes.
    pub(super) fn long_string(&mut self) -> Option<String> {
        let count = self.u16()?;
        self.string(usize::from(count))
    }

    /// A string after its length in one byte.
    pub(super) fn short_string(&mut self) -> Option<String> {
        let count = self.u8()?;
        self.string(usize::from(count))
    }

    /// A string of one byte per character, as before Excel 97.
    pub(super) fn byte_string(&mut self, count: usize, codepage: u16) -> String {
        let mut bytes = self.cursor.take_up_to(count).to_vec();
        while bytes.len() < count && self.go_on() {
            bytes.extend_from_slice(self.cursor.take_up_to(count - bytes.len()));
        }
        codepage::decode(&bytes, codepage).into_owned()
    }

    /// UTF-16 of that many characters.
    pub(super) fn utf_16(&mut self, count: usize) -> String {
        utf_16(self.cursor.take_up_to(count.saturating_mul(2)))
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.cursor.is_at_end() && self.more.iter().all(|data| data.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_go_on_in_further_records() {
        let mut stream = b"\xfc\x00\x08\x00\x08\x00\x00bl\xe5b\xe6".to_vec();
        stream.extend(b"\x3c\x00\x0b\x00\x01r\0\xf8\0d\0\x02\0\x00!".iter());
        let record = Records::new(&stream).next().unwrap();
        assert_eq!((record.data.len(), record.more.len()), (8, 1));
        let mut fields = record.fields(0);
        assert_eq!(fields.long_string().as_deref(), Some("blåbærød"));
        assert_eq!(fields.long_string().as_deref(), Some("!"));
        assert!(fields.is_at_end());
        assert_eq!(fields.u8(), None);
    }
}
