//! A look at a file before the library that knows its structure does: what must be expanded or kept in memory at once
//! is counted first, within the limits of the reading. What slips through is bounded by the worker that this runs in.

use crate::message::{Fault, Reading};
use flate2::read::ZlibDecoder;
use memchr::memmem;
use std::io::{self, Read};

/// Dictionaries, and so pages and objects that take memory.
const MAX_DICTIONARIES: usize = 1_000_000;

/// Dictionaries within one another. The library gives up at a quarter of this, but then tries each of them again.
const MAX_NESTING: usize = 2048;

/// How far before a stream its dictionary may begin.
const DICTIONARY: usize = 1024;

/// Counts dictionaries, those in object streams (ISO 32000-2, 7.5.7) too, which are expanded for that and kept no longer.
pub(super) fn check(bytes: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut dictionaries = dictionaries(bytes)?;
    let mut at = 0;
    while let Some(found) = memmem::find(bytes.get(at..).unwrap_or_default(), b"stream") {
        let start = at + found;
        at = start + b"stream".len();
        let before = &bytes[start.saturating_sub(DICTIONARY)..start];
        if before.ends_with(b"end") {
            continue;
        }
        let dictionary = &before[memmem::rfind(before, b" obj").unwrap_or(0)..];
        // Names may be written with escapes; then the type is not looked for.
        let has = |name: &[u8]| memmem::find(dictionary, name).is_some();
        if !(has(b"/ObjStm") || has(b"/XRef") || has(b"/First") || has(b"#")) || has(b"/Image") {
            continue;
        }
        reading.clock(place)?;
        let data = bytes.get(at..).unwrap_or_default();
        let skip = data.iter().take(2).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let data = &data[skip..];
        let length = memmem::find(data, b"endstream").unwrap_or(data.len());
        let mut counted = Counted { inner: reading.bounded(ZlibDecoder::new(&data[..length]), length), count: 0 };
        match io::copy(&mut counted, &mut io::sink()).map_err(Fault::from) {
            // Encrypted, or in another filter, or broken.
            Ok(_) | Err(Fault::Unreadable(_)) => {}
            Err(fault) => return Err(fault),
        }
        dictionaries = dictionaries.saturating_add(counted.count);
        at += skip + length;
    }
    if dictionaries > MAX_DICTIONARIES {
        return Err(Fault::Limit(format!("limit: more than {MAX_DICTIONARIES} objects")));
    }
    Ok(())
}

/// Counts dictionaries outside streams that are compressed, and their nesting.
fn dictionaries(bytes: &[u8]) -> Result<usize, Fault> {
    let (mut count, mut open, mut after) = (0, 0_usize, 0);
    for at in memchr::memchr2_iter(b'<', b'>', bytes) {
        let pair = bytes.get(at..at + 2).unwrap_or_default();
        if at < after || !matches!(pair, b"<<" | b">>") {
            continue;
        }
        after = at + 2;
        if pair == b"<<" {
            count += 1;
            open += 1;
        } else {
            open = open.saturating_sub(1);
        }
        if open > MAX_NESTING {
            return Err(Fault::Limit(format!("limit: dictionaries nested more than {MAX_NESTING} deep")));
        }
    }
    Ok(count)
}

/// Counts the beginnings of dictionaries in what is read.
struct Counted<R> {
    inner: R,
    count: usize,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.count += memmem::find_iter(buffer.get(..length).unwrap_or_default(), b"<<").count();
        Ok(length)
    }
}
