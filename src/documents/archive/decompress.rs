//! Decompression into memory, within the limits of the reading.

use super::streams::Streams;
use crate::message::{Fault, Reading};
use bzip2::read::MultiBzDecoder;
use flate2::bufread::ZlibDecoder;
use lzma_rust2::{LzipReader, XzReader};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
};

/// The largest dictionary or model that a compressed content may ask for, in bytes: 7-Zip's strongest settings ask for
/// 192 MiB, and little of it is touched where the content is small.
pub(super) const MAX_DICTIONARY: u32 = 256 * 1024 * 1024;

/// The same for XZ, in KiB.
const MAX_DICTIONARY_KIB: u32 = MAX_DICTIONARY / 1024;

/// Expands as far as it goes. What is broken gives what stands before the fault; where a limit was met, nothing is given.
pub(in crate::documents) fn expand(
    source: impl Read,
    compressed: usize,
    reading: &Reading<'_>,
) -> (Vec<u8>, Option<Fault>) {
    let mut bytes = Vec::new();
    let mut bounded = reading.bounded(source, compressed);
    let result = catch_unwind(AssertUnwindSafe(|| bounded.read_to_end(&mut bytes)));
    match result {
        Ok(Ok(_)) => (bytes, None),
        Ok(Err(error)) => match Fault::from(error) {
            limit @ Fault::Limit(_) => (Vec::new(), Some(limit)),
            fault => (bytes, Some(fault)),
        },
        Err(_) => (bytes, Some(Fault::broken("its decompressor panicked; please report this"))),
    }
}

/// Bzip2, several streams one after another.
pub(super) fn bzip2(bytes: &[u8]) -> impl Read + '_ {
    MultiBzDecoder::new(bytes)
}

/// XZ, several streams one after another.
pub(super) fn xz(bytes: &[u8]) -> impl Read + '_ {
    XzReader::new_mem_limit(bytes, true, MAX_DICTIONARY_KIB)
}

/// Lzip.
pub(super) fn lzip(bytes: &[u8]) -> impl Read + '_ {
    LzipReader::new(bytes)
}

/// Zlib (RFC 1950), several streams one after another.
pub(in crate::documents) fn zlib<'a>(bytes: &'a [u8]) -> impl Read + 'a {
    let begin = |rest: &'a [u8]| Ok((!rest.is_empty()).then(|| ZlibDecoder::new(rest)));
    Streams::new(bytes, begin, ZlibDecoder::into_inner)
}

/// Zstandard (RFC 8878), frame after frame.
pub(super) fn zstd(bytes: &[u8]) -> impl Read + '_ {
    Streams::new(bytes, frame, |decoder| decoder.into_inner())
}

type Frame<'a> = Box<StreamingDecoder<&'a [u8], FrameDecoder>>;

/// The frame that comes next.
fn frame(mut rest: &[u8]) -> io::Result<Option<Frame<'_>>> {
    while let Some(length) = skippable(rest) {
        rest = rest.get(length..).unwrap_or_default();
    }
    if rest.is_empty() {
        return Ok(None);
    }
    let decoder = StreamingDecoder::new_with_max_window_size(rest, u64::from(MAX_DICTIONARY));
    Ok(Some(Box::new(decoder.map_err(io::Error::other)?)))
}

/// The first bytes of a frame that holds no content (RFC 8878 section 3.1.2) are `0x184D2A50` to `0x184D2A5F`.
fn skippable(bytes: &[u8]) -> Option<usize> {
    let [first, 0x2a, 0x4d, 0x18, length @ ..] = bytes else { return None };
    let length = u32::from_le_bytes(*length.first_chunk()?);
    (first & 0xf0 == 0x50).then_some(8 + length as usize)
}
