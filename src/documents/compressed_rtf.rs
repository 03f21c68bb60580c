//! Rich text as Outlook stores it in messages ([MS-OXRTFCP]): compressed with references to what came before.

use super::little_endian::{bytes_at, size_at, u32_at};
use crate::message::{Attachment, Fault, Reading};
use std::io::{self, Read};

/// `COMPTYPE` of compressed text: LZFu.
const COMPRESSED: u32 = 0x7546_5a4c;

/// `COMPTYPE` of text that is not: MELA.
const UNCOMPRESSED: u32 = 0x414c_454d;

/// Bytes before the text.
const HEADER: usize = 16;

/// Bytes that references reach back to.
const DICTIONARY: usize = 4096;

/// What stands in the dictionary at the beginning ([MS-OXRTFCP] 2.1.2.1).
const BEGINNING: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Reads the text of a message that stands at `place`.
pub(super) fn read(compressed: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let rtf = match expand(compressed, reading) {
        Ok(rtf) => rtf,
        Err(fault) => return Ok(reading.fault(place, fault)?),
    };
    let media_type = Some("application/rtf");
    Ok(reading.attachment(&Attachment { place, name: None, media_type, charset: None, bytes: &rtf })?)
}

fn expand(compressed: &[u8], reading: &Reading<'_>) -> Result<Vec<u8>, Fault> {
    let kind = u32_at(compressed, 8);
    let content = compressed.get(HEADER..).unwrap_or_default();
    match kind {
        Some(COMPRESSED) => {
            let length = size_at(compressed, 0).unwrap_or_default().saturating_sub(HEADER - 4);
            let content = bytes_at(content, 0, length).unwrap_or(content);
            reading.expand(Expander::new(content), content.len())
        }
        Some(UNCOMPRESSED) => {
            let length = size_at(compressed, 4).unwrap_or_default();
            Ok(bytes_at(content, 0, length).unwrap_or(content).to_vec())
        }
        _ => Err(Fault::broken("compressed rich text of an unknown kind")),
    }
}

/// Expands: a byte of eight marks, then for each a byte of text or a reference of twelve bits for where and four for
/// how long.
struct Expander<'a> {
    compressed: &'a [u8],
    at: usize,
    dictionary: [u8; DICTIONARY],
    write: usize,
    marks: u8,
    marks_left: u8,
    /// The reference that is being copied: from where, and how many bytes more.
    from: usize,
    left: usize,
    ended: bool,
}

impl<'a> Expander<'a> {
    fn new(compressed: &'a [u8]) -> Self {
        let mut dictionary = [0; DICTIONARY];
        for (place, byte) in dictionary.iter_mut().zip(BEGINNING) {
            *place = *byte;
        }
        Self {
            compressed,
            at: 0,
            dictionary,
            write: BEGINNING.len(),
            marks: 0,
            marks_left: 0,
            from: 0,
            left: 0,
            ended: false,
        }
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.compressed.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn next(&mut self) -> Option<u8> {
        while self.left == 0 {
            if self.ended {
                return None;
            }
            if self.marks_left == 0 {
                self.marks = self.take()?;
                self.marks_left = 8;
            }
            let is_reference = self.marks & 1 != 0;
            self.marks >>= 1;
            self.marks_left -= 1;
            if !is_reference {
                let byte = self.take()?;
                return Some(self.put(byte));
            }
            let reference = usize::from(u16::from_be_bytes([self.take()?, self.take()?]));
            self.from = reference >> 4;
            self.left = (reference & 0xf) + 2;
            if self.from == self.write % DICTIONARY {
                self.ended = true;
                self.left = 0;
            }
        }
        self.left -= 1;
        let byte = self.dictionary[self.from % DICTIONARY];
        self.from += 1;
        Some(self.put(byte))
    }

    fn put(&mut self, byte: u8) -> u8 {
        self.dictionary[self.write % DICTIONARY] = byte;
        self.write += 1;
        byte
    }
}

impl Read for Expander<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        for place in buffer {
            let Some(byte) = self.next() else { break };
            *place = byte;
            count += 1;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    fn expanded(compressed: &[u8]) -> Result<Vec<u8>, Fault> {
        expand(compressed, &Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread))
    }

    fn with_header(kind: u32, content: &[u8]) -> Vec<u8> {
        let length = content.len() as u32;
        let mut bytes = [length + 12, length, kind, 0].map(u32::to_le_bytes).concat();
        bytes.extend(content);
        bytes
    }

    #[test]
    fn references_reach_back() {
        assert_eq!(BEGINNING.len(), 207);
        // "{\rtf1\ansi" from the dictionary, "ab", eight bytes of itself as it grows, the end.
        let content = b"\x19\x00\x09ab\x0d\xa6\x0e\x40";
        assert_eq!(expanded(&with_header(COMPRESSED, content)).unwrap(), b"{\\rtf1\\ansiababababab");
        assert_eq!(expanded(&with_header(UNCOMPRESSED, b"{\\rtf1 x}")).unwrap(), b"{\\rtf1 x}");
        assert!(matches!(expanded(b"short"), Err(Fault::Unreadable(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_expanded(content in proptest::collection::vec(any::<u8>(), 0..300)) {
            expanded(&with_header(COMPRESSED, &content)).ok();
            expanded(&content).ok();
        }
    }
}
