//! The filters of a stream (ISO 32000-2, 7.4), within the limits of the reading. Filters of pictures are not undone:
//! what they give is no text.

use crate::message::{Fault, Reading};
use flate2::read::DeflateDecoder;
use hayro_syntax::object::{Array, Dict, Name, Object, Stream};
use std::io::{self, Read};

/// Filters of one stream.
const MAX_FILTERS: usize = 8;

/// The longest content stream, character map or XML, in bytes.
const MAX_STREAM: usize = 64 * 1024 * 1024;

/// Bytes in a row of samples, so that a predictor has a bound.
const MAX_ROW: usize = 1024 * 1024;

/// A filter, by its name or the short one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Filter {
    Flate,
    Lzw,
    RunLength,
    Ascii85,
    AsciiHex,
    Crypt,
    /// Of a picture: JPEG.
    Dct,
    /// Of a picture: JPEG 2000.
    Jpx,
    /// Of a picture: fax or JBIG2, which are no files of their own.
    Bilevel,
    Unknown,
}

impl Filter {
    fn named(name: &[u8]) -> Self {
        match name {
            b"FlateDecode" | b"Fl" => Self::Flate,
            b"LZWDecode" | b"LZW" => Self::Lzw,
            b"RunLengthDecode" | b"RL" => Self::RunLength,
            b"ASCII85Decode" | b"A85" => Self::Ascii85,
            b"ASCIIHexDecode" | b"AHx" => Self::AsciiHex,
            b"Crypt" => Self::Crypt,
            b"DCTDecode" | b"DCT" => Self::Dct,
            b"JPXDecode" => Self::Jpx,
            b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" => Self::Bilevel,
            _ => Self::Unknown,
        }
    }

    /// Those of a stream, in the order in which they are undone; one more than there may be at most.
    pub(super) fn all(dict: &Dict<'_>) -> Vec<Self> {
        match dict.get::<Object<'_>>("Filter") {
            Some(Object::Name(name)) => vec![Self::named(&name)],
            Some(Object::Array(names)) => {
                names.iter::<Name<'_>>().take(MAX_FILTERS + 1).map(|name| Self::named(&name)).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What a stream holds.
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// The filter of a picture that is left.
    pub(super) picture: Option<Filter>,
    /// Whether what was compressed is broken somewhere; the bytes before that are there.
    pub(super) damaged: bool,
}

/// Undoes the filters of a stream that holds operators, a map or text.
pub(super) fn text(stream: &Stream<'_>, reading: &Reading<'_>) -> Result<Decoded, Fault> {
    let decoded = undo(stream, reading, MAX_STREAM)?;
    match decoded.picture {
        Some(_) => Err(Fault::broken("a picture where there should be text")),
        None => Ok(decoded),
    }
}

/// Undoes the filters of any stream, up to that of a picture.
pub(super) fn file(stream: &Stream<'_>, reading: &Reading<'_>) -> Result<Decoded, Fault> {
    undo(stream, reading, usize::MAX)
}

fn undo(stream: &Stream<'_>, reading: &Reading<'_>, most: usize) -> Result<Decoded, Fault> {
    let filters = Filter::all(stream.dict());
    if filters.len() > MAX_FILTERS {
        return Err(Fault::Limit(format!("limit: more than {MAX_FILTERS} filters of a stream")));
    }
    let mut decoded = Decoded { bytes: stream.raw_data().into_owned(), picture: None, damaged: false };
    if filters.is_empty() {
        // What is not compressed counts, too: it may be read many times.
        io::copy(&mut reading.bounded(&decoded.bytes[..], decoded.bytes.len()), &mut io::sink())?;
    }
    for (index, filter) in filters.into_iter().enumerate() {
        let parameters = parameters(stream.dict(), index);
        let compressed = decoded.bytes.len();
        let mut bytes = Vec::new();
        let mut expand = |from: &mut dyn Read| {
            let mut bounded = reading.bounded(from, compressed).take(most.saturating_add(1) as u64);
            match bounded.read_to_end(&mut bytes).map_err(Fault::from) {
                Ok(_) if bytes.len() > most => Err(Fault::Limit(format!("limit: a stream of more than {most} bytes"))),
                Ok(_) => Ok(false),
                Err(Fault::Unreadable(_)) => Ok(true),
                Err(fault) => Err(fault),
            }
        };
        let damaged = match filter {
            Filter::Flate => expand(&mut DeflateDecoder::new(without_zlib_header(&decoded.bytes)))?,
            Filter::Lzw => {
                let early = parameters.get::<i32>("EarlyChange").unwrap_or(1) != 0;
                expand(&mut Lzw::new(&decoded.bytes, early))?
            }
            Filter::RunLength => expand(&mut RunLength { rest: &decoded.bytes, run: None })?,
            Filter::Ascii85 => expand(&mut &ascii_85(&decoded.bytes)[..])?,
            Filter::AsciiHex => expand(&mut &ascii_hex(&decoded.bytes)[..])?,
            Filter::Crypt => continue,
            Filter::Unknown => return Err(Fault::broken("a filter that is not known")),
            Filter::Dct | Filter::Jpx | Filter::Bilevel => {
                decoded.picture = Some(filter);
                return Ok(decoded);
            }
        };
        decoded.damaged |= damaged;
        decoded.bytes = match filter {
            Filter::Flate | Filter::Lzw => unpredicted(bytes, &parameters),
            _ => bytes,
        };
    }
    Ok(decoded)
}

/// The parameters of one of the filters.
fn parameters<'a>(dict: &Dict<'a>, index: usize) -> Dict<'a> {
    for key in ["DecodeParms", "DP"] {
        match dict.get::<Object<'a>>(key) {
            Some(Object::Dict(parameters)) if index == 0 => return parameters,
            Some(Object::Array(all)) => return nth_dict(&all, index),
            _ => {}
        }
    }
    Dict::empty()
}

fn nth_dict<'a>(array: &Array<'a>, index: usize) -> Dict<'a> {
    array.iter::<Object<'a>>().nth(index).and_then(Object::into_dict).unwrap_or_default()
}

/// The checksum at the end of the zlib format (RFC 1950) is not looked at: many programs get it wrong.
fn without_zlib_header(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    for from in [0, start] {
        let rest = bytes.get(from..).unwrap_or_default();
        if let [method, flags, deflate @ ..] = rest
            && method & 0x0f == 8
            && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0
        {
            return deflate;
        }
    }
    // Without the check above only where nothing better is known: a wrong header is more common than none.
    match bytes {
        [method, _, deflate @ ..] if method & 0x0f == 8 => deflate,
        _ => bytes,
    }
}

fn ascii_hex(bytes: &[u8]) -> Vec<u8> {
    let digits = bytes.iter().take_while(|byte| **byte != b'>').filter_map(|byte| char::from(*byte).to_digit(16));
    let digits: Vec<u8> = digits.map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, digit| sum << 4 | digit) << (4 * (2 - pair.len()))).collect()
}

fn ascii_85(bytes: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len() / 5 * 4);
    let bytes = bytes.strip_prefix(b"<~").unwrap_or(bytes);
    let (mut group, mut count) = (0_u32, 0);
    for byte in bytes {
        match byte {
            b'~' => break,
            b'z' if count == 0 => result.extend([0; 4]),
            b'!'..=b'u' => {
                group = group.wrapping_mul(85).wrapping_add(u32::from(byte - b'!'));
                count += 1;
                if count == 5 {
                    result.extend(group.to_be_bytes());
                    (group, count) = (0, 0);
                }
            }
            _ => {}
        }
    }
    if count > 1 {
        for _ in count..5 {
            group = group.wrapping_mul(85).wrapping_add(84);
        }
        result.extend(group.to_be_bytes().iter().take(count - 1));
    }
    result
}

/// Runs of bytes (7.4.5).
struct RunLength<'a> {
    rest: &'a [u8],
    /// What is left of the run that is being given: a byte and how often, or how many bytes as they are.
    run: Option<(Option<u8>, usize)>,
}

impl Read for RunLength<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < buffer.len() {
            let (byte, count) = match self.run.take() {
                Some(run) => run,
                None => match self.rest {
                    [length @ 0..=127, rest @ ..] => {
                        self.rest = rest;
                        (None, usize::from(*length) + 1)
                    }
                    [length @ 129..=255, byte, rest @ ..] => {
                        self.rest = rest;
                        (Some(*byte), 257 - usize::from(*length))
                    }
                    _ => break,
                },
            };
            let room = &mut buffer[written..];
            let now = match byte {
                Some(byte) => {
                    let now = count.min(room.len());
                    room[..now].fill(byte);
                    now
                }
                None => {
                    let now = count.min(room.len()).min(self.rest.len());
                    room[..now].copy_from_slice(&self.rest[..now]);
                    self.rest = &self.rest[now..];
                    now
                }
            };
            if now == 0 {
                break;
            }
            written += now;
            if now < count {
                self.run = Some((byte, count - now));
            }
        }
        Ok(written)
    }
}

/// LZW (7.4.4): codes of 9 to 12 bits.
struct Lzw<'a> {
    input: &'a [u8],
    at_bit: usize,
    width: usize,
    early: usize,
    /// Of every code from 258 on: the code before, and the last byte.
    table: Vec<(u16, u8)>,
    previous: Option<u16>,
    /// What was decoded and not yet given, last byte first.
    pending: Vec<u8>,
    ended: bool,
}

impl<'a> Lzw<'a> {
    const CLEAR: u16 = 256;
    const END: u16 = 257;
    const FIRST: u16 = 258;
    const MAX_CODES: usize = 4096;

    fn new(input: &'a [u8], early: bool) -> Self {
        Self {
            input,
            at_bit: 0,
            width: 9,
            early: usize::from(early),
            table: Vec::new(),
            previous: None,
            pending: Vec::new(),
            ended: false,
        }
    }

    fn code(&mut self) -> Option<u16> {
        let mut code = 0_u32;
        let first = self.at_bit / 8;
        for index in 0..3 {
            code = code << 8 | u32::from(self.input.get(first + index).copied().unwrap_or(0));
        }
        let end = self.at_bit + self.width;
        if end > self.input.len() * 8 {
            return None;
        }
        let code = code >> (24 - self.at_bit % 8 - self.width) & ((1 << self.width) - 1);
        self.at_bit = end;
        u16::try_from(code).ok()
    }

    /// Puts the bytes of a code into `pending`, last first.
    fn unfold(&mut self, mut code: u16) -> Option<()> {
        self.pending.clear();
        loop {
            match code {
                0..=255 => {
                    self.pending.push(code as u8);
                    return Some(());
                }
                Self::CLEAR | Self::END => return None,
                _ => {
                    let (before, last) = *self.table.get(usize::from(code - Self::FIRST))?;
                    self.pending.push(last);
                    code = before;
                }
            }
        }
    }

    fn step(&mut self) -> Option<()> {
        let code = self.code()?;
        if code == Self::END {
            return None;
        }
        if code == Self::CLEAR {
            self.table.clear();
            self.width = 9;
            self.previous = None;
            return Some(());
        }
        let next = usize::from(Self::FIRST) + self.table.len();
        if let Some(previous) = self.previous {
            let known = usize::from(code) < next;
            self.unfold(if known { code } else { previous })?;
            let first = *self.pending.last()?;
            if !known {
                self.pending.insert(0, first);
            }
            if next < Self::MAX_CODES {
                self.table.push((previous, first));
            }
        } else {
            self.unfold(code)?;
        }
        self.previous = Some(code);
        self.width = match usize::from(Self::FIRST) + self.table.len() + self.early {
            0..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
        Some(())
    }
}

impl Read for Lzw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while let Some(slot) = buffer.get_mut(written) {
            if let Some(byte) = self.pending.pop() {
                *slot = byte;
                written += 1;
            } else if self.ended {
                break;
            } else {
                self.ended = self.step().is_none();
                if self.ended {
                    self.pending.clear();
                }
            }
        }
        Ok(written)
    }
}

/// Undoes a predictor (7.4.4.4): PNG's, or TIFF's of whole bytes.
fn unpredicted(bytes: Vec<u8>, parameters: &Dict<'_>) -> Vec<u8> {
    let number = |key: &str, otherwise: usize| parameters.get::<i32>(key).map_or(otherwise, |n| n.max(1) as usize);
    let predictor = number("Predictor", 1);
    if predictor < 2 {
        return bytes;
    }
    let bits = number("BitsPerComponent", 8).min(32);
    let colors = number("Colors", 1).min(32);
    let row = number("Columns", 1).saturating_mul(colors).saturating_mul(bits).div_ceil(8);
    let pixel = (colors * bits).div_ceil(8);
    if row > MAX_ROW {
        return bytes;
    }
    if predictor == 2 {
        let mut bytes = bytes;
        if bits == 8 {
            for row in bytes.chunks_mut(row) {
                for index in pixel..row.len() {
                    row[index] = row[index].wrapping_add(row[index - pixel]);
                }
            }
        }
        return bytes;
    }
    let mut result = Vec::with_capacity(bytes.len());
    let mut above = vec![0; row];
    for coded in bytes.chunks(row + 1) {
        let Some((kind, coded)) = coded.split_first() else { break };
        let mut line = coded.to_vec();
        for index in 0..line.len() {
            let left = index.checked_sub(pixel).map_or(0, |at| line[at]);
            let up = above[index];
            let corner = index.checked_sub(pixel).map_or(0, |at| above[at]);
            let predicted = match kind {
                1 => left,
                2 => up,
                3 => ((u16::from(left) + u16::from(up)) / 2) as u8,
                4 => paeth(left, up, corner),
                _ => 0,
            };
            line[index] = line[index].wrapping_add(predicted);
        }
        result.extend_from_slice(&line);
        above[..line.len()].copy_from_slice(&line);
    }
    result
}

/// The predictor of that name (PNG, 9.4).
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |of: u8| (estimate - i16::from(of)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn filters_of_letters_are_undone() {
        assert_eq!(ascii_hex(b"48 65 6A 2>xx"), b"Hej ");
        assert_eq!(ascii_85(b"<~87cURD]i,\"Ebo80~>"), b"Hello World!");
        assert_eq!(ascii_85(b"z87~>"), b"\0\0\0\0H");
    }

    #[test]
    fn runs_are_undone() {
        let mut bytes = Vec::new();
        RunLength { rest: b"\x02abc\xfex\x80rest", run: None }.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"abcxxx");
    }

    #[test]
    fn lzw_is_undone() {
        // The example of ISO 32000-2, 7.4.4.2.
        let mut bytes = Vec::new();
        let coded = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        Lzw::new(&coded, true).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [45, 45, 45, 45, 45, 65, 45, 45, 45, 66]);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_undone(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut sink = Vec::new();
            Lzw::new(&bytes, true).take(100_000).read_to_end(&mut sink).unwrap();
            RunLength { rest: &bytes, run: None }.read_to_end(&mut sink).unwrap();
            ascii_85(&bytes);
            ascii_hex(&bytes);
            without_zlib_header(&bytes);
        }
    }
}
