//! What rights management makes of a message: message.rpmsg ([MS-OXORMMS] section 2.1.4), a compressed compound file.

use crate::{
    documents::archive::{expand, zlib},
    message::{Fault, Reading},
};

/// How it begins.
const PREFIX: &[u8] = b"\x76\xe8\x04\x60\xc4\x11\xe3\x86";

/// What every block begins with; its lengths follow, expanded and as it stands.
const BLOCK: &[u8] = b"\xa0\x0f\0\0";
const BLOCK_HEADER: usize = 12;

/// Whether this is one.
pub(super) fn is_message(bytes: &[u8]) -> bool {
    bytes.starts_with(PREFIX)
}

/// The compound file in it, and why it ends where it does.
pub(super) fn compound_file(bytes: &[u8], reading: &Reading<'_>) -> (Vec<u8>, Option<Fault>) {
    let mut rest = bytes.strip_prefix(PREFIX).unwrap_or_default();
    let mut compressed = Vec::with_capacity(rest.len());
    while let Some(block) = rest.strip_prefix(BLOCK) {
        let length = block.get(4..8).and_then(|length| length.first_chunk()).map(|length| u32::from_le_bytes(*length));
        let Some(length) = length.and_then(|length| usize::try_from(length).ok()) else { break };
        let body = &block[BLOCK_HEADER - BLOCK.len()..];
        compressed.extend_from_slice(&body[..length.min(body.len())]);
        rest = body.get(length..).unwrap_or_default();
    }
    // The blocks are one stream, or one each.
    expand(zlib(&compressed), compressed.len(), reading)
}
