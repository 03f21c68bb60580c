//! 7-Zip archives (7zFormat.txt of the 7-Zip distribution).

use super::{
    decompress::{MAX_DICTIONARY, expand},
    member::{self, Names},
};
use crate::message::{Attachment, Fault, Reading, Stop};
use flate2::Crc;
use memchr::memmem;
use sevenz_rust2::{Archive, ArchiveEntry, Block, BlockDecoder, Error, Password};
use std::io::{Cursor, Read};

/// Bytes that the header may expand to: about 20,000 members. Every one takes memory before anything is read.
const MAX_HEADER: u64 = 2 * 1024 * 1024;

/// What an archive begins with, and how many of those are looked at that stand in a program.
const SIGNATURE: &[u8] = b"7z\xbc\xaf\x27\x1c";
const MAX_CANDIDATES: usize = 16;

/// Methods, by their ids.
const AES_256_SHA_256: &[u8] = &[0x06, 0xf1, 0x07, 0x01];
const PPMD: &[u8] = &[0x03, 0x04, 0x01];

/// What protects an archive with encryption.
const PASSWORD: &str = "7z with a password";

/// The beginning of an archive that stands within a program which unpacks itself: its first header must be right.
pub(in crate::documents) fn within_program(bytes: &[u8]) -> Option<&[u8]> {
    let candidates = memmem::find_iter(bytes, SIGNATURE).take(MAX_CANDIDATES).map(|at| &bytes[at..]);
    candidates.into_iter().find(|archive| {
        let stated = archive.get(8..12).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes));
        let mut sum = Crc::new();
        sum.update(archive.get(12..32).unwrap_or_default());
        stated == Some(sum.sum())
    })
}

/// Reads it.
pub(in crate::documents) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    check_header(file.bytes)?;
    let password = Password::empty();
    let mut source = Cursor::new(file.bytes);
    let archive = Archive::read(&mut source, &password).map_err(fault)?;
    let mut names = Names::new(reading);
    for entry in &archive.files {
        names.add(&entry.name);
    }
    reading.piece(names.piece(file.place));
    for index in 0..archive.blocks.len() {
        let decoder = BlockDecoder::new(1, index, &archive, &password, &mut source);
        if let Err(met) = check_block(&archive.blocks[index]) {
            not_read(file.place, decoder.entries(), &met, reading)?;
            continue;
        }
        let mut stopped = None;
        let result = decoder.for_each_entries(&mut |entry, content| {
            stopped = member(file, entry, content, reading).err();
            Ok(stopped.is_none())
        });
        if let Some(fault) = stopped {
            return Err(fault);
        }
        if let Err(error) = result {
            let entries = BlockDecoder::new(1, index, &archive, &password, &mut source).entries().to_vec();
            not_read(file.place, &entries, &fault(error), reading)?;
        }
    }
    Ok(())
}

/// Reads one; after a fault nothing of its block can be read.
fn member(
    file: &Attachment<'_>,
    entry: &ArchiveEntry,
    content: &mut dyn Read,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    if !entry.has_stream || entry.size == 0 {
        return Ok(());
    }
    let (bytes, fault) = expand(content, file.bytes.len(), reading);
    if !bytes.is_empty() {
        member::read(file.place, &entry.name, &bytes, reading)?;
    }
    fault.map_or(Ok(()), Err)
}

/// Lists the members of a block that cannot be read.
fn not_read(archive: &str, entries: &[ArchiveEntry], fault: &Fault, reading: &mut Reading<'_>) -> Result<(), Stop> {
    for entry in entries.iter().filter(|entry| entry.has_stream) {
        let place = member::place(archive, &entry.name);
        reading.part(&place)?;
        reading.fault(&place, fault.clone())?;
    }
    Ok(())
}

fn fault(error: Error) -> Fault {
    match error {
        Error::PasswordRequired | Error::MaybeBadPassword(_) => Fault::Protected(PASSWORD.to_owned()),
        Error::Io(error, _) => error.into(),
        Error::UnsupportedCompressionMethod(method) => {
            Fault::Unreadable(format!("its compression method ({method}) is not read"))
        }
        Error::Other(reason) | Error::Unsupported(reason) => Fault::broken(reason),
        Error::ChecksumVerificationFailed | Error::NextHeaderCrcMismatch => Fault::broken("its checksum is wrong"),
        other => Fault::broken(other),
    }
}

/// Whether a block may be decoded: it is not encrypted, and asks for no more memory than there is.
fn check_block(block: &Block) -> Result<(), Fault> {
    for coder in &block.coders {
        match coder.encoder_method_id() {
            AES_256_SHA_256 => return Err(Fault::Protected(PASSWORD.to_owned())),
            PPMD => {
                let memory = coder.properties().get(1..5).and_then(|bytes| bytes.first_chunk());
                if memory.is_some_and(|bytes| u32::from_le_bytes(*bytes) > MAX_DICTIONARY) {
                    return Err(Fault::Limit(format!("limit: a model of more than {MAX_DICTIONARY} bytes")));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Looks at the header before it is expanded: how long it becomes, and whether it is encrypted.
fn check_header(bytes: &[u8]) -> Result<(), Fault> {
    let number =
        |at: usize| bytes.get(at..at + 8).and_then(|bytes| bytes.first_chunk()).map(|n| u64::from_le_bytes(*n));
    let (Some(offset), Some(length)) = (number(12), number(20)) else { return Err(Fault::broken("it is cut off")) };
    if bytes.get(8..12) == Some(&[0; 4]) {
        return Err(Fault::broken("it was never finished"));
    }
    let position = |at: Option<u64>| at.and_then(|at| usize::try_from(at).ok());
    let start = position(offset.checked_add(32));
    let end = position(offset.checked_add(32).and_then(|start| start.checked_add(length)));
    let (Some(start), Some(end)) = (start, end) else { return Err(Fault::broken("its header is nowhere")) };
    let Some(header) = bytes.get(start..end) else { return Err(Fault::broken("it is cut off")) };
    let too_long = || Err(Fault::Limit(format!("limit: a header of more than {MAX_HEADER} bytes")));
    if length > MAX_HEADER {
        return too_long();
    }
    match PackedHeader::of(header) {
        Some(packed) if packed.encrypted => Err(Fault::Protected(PASSWORD.to_owned())),
        Some(packed) if packed.expanded > MAX_HEADER => too_long(),
        None if header.first() == Some(&PACKED_HEADER) => Err(Fault::broken("its header is not understood")),
        _ => Ok(()),
    }
}

/// Property ids.
const END: u8 = 0x00;
const PACK_INFO: u8 = 0x06;
const UNPACK_INFO: u8 = 0x07;
const SIZES: u8 = 0x09;
const CHECKSUMS: u8 = 0x0a;
const FOLDERS: u8 = 0x0b;
const UNPACK_SIZES: u8 = 0x0c;
const PACKED_HEADER: u8 = 0x17;

/// Coders and streams that the description of a header may have; there are one to three.
const MAX_CODERS: u64 = 32;

/// What the description of a packed header says.
struct PackedHeader {
    expanded: u64,
    encrypted: bool,
}

impl PackedHeader {
    /// `None`: not packed, or not understood.
    fn of(header: &[u8]) -> Option<Self> {
        let mut rest = Numbers(header);
        rest.exactly(PACKED_HEADER)?;
        rest.exactly(PACK_INFO)?;
        rest.number()?;
        let streams = rest.number().filter(|count| *count <= MAX_CODERS)?;
        loop {
            match rest.byte()? {
                END => break,
                SIZES => (0..streams).try_for_each(|_| rest.number().map(drop))?,
                CHECKSUMS => rest.checksums(streams)?,
                _ => return None,
            }
        }
        rest.exactly(UNPACK_INFO)?;
        rest.exactly(FOLDERS)?;
        if rest.number()? != 1 || rest.byte()? != 0 {
            return None;
        }
        let coders = rest.number().filter(|count| *count <= MAX_CODERS)?;
        let mut encrypted = false;
        let (mut inputs, mut outputs) = (0, 0);
        for _ in 0..coders {
            let flags = rest.byte()?;
            encrypted |= rest.take(usize::from(flags & 0x0f))? == AES_256_SHA_256;
            let (takes, gives) = if flags & 0x10 == 0 { (1, 1) } else { (rest.number()?, rest.number()?) };
            inputs += Some(takes).filter(|count| *count <= MAX_CODERS)?;
            outputs += Some(gives).filter(|count| *count <= MAX_CODERS)?;
            if flags & 0x20 != 0 {
                let length = rest.number()?;
                rest.take(usize::try_from(length).ok()?)?;
            }
        }
        let pairs = outputs.checked_sub(1)?;
        (0..2 * pairs).try_for_each(|_| rest.number().map(drop))?;
        let packed = inputs.checked_sub(pairs)?;
        if packed > 1 {
            (0..packed).try_for_each(|_| rest.number().map(drop))?;
        }
        rest.exactly(UNPACK_SIZES)?;
        let mut expanded = 0;
        for _ in 0..outputs {
            expanded = rest.number()?.max(expanded);
        }
        Some(Self { expanded, encrypted })
    }
}

/// The numbers of a header, one after another.
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn exactly(&mut self, expected: u8) -> Option<()> {
        (self.byte()? == expected).then_some(())
    }

    /// As many bytes follow the first one as it has leading ones; its other bits are the highest of the number.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let following = first.leading_ones();
        let mut value = 0;
        for (index, byte) in self.take(following as usize)?.iter().enumerate() {
            value |= u64::from(*byte) << (8 * index);
        }
        let high = u64::from(first) & (0x7f >> following.min(7));
        Some(if following < 8 { value | high << (8 * following) } else { value })
    }

    /// Checksums, of all or of those that a bit vector names.
    fn checksums(&mut self, count: u64) -> Option<()> {
        let count = usize::try_from(count).ok()?;
        let defined = match self.byte()? {
            0 => self.take(count.div_ceil(8))?.iter().map(|byte| byte.count_ones() as usize).sum(),
            _ => count,
        };
        self.take(defined * 4).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_have_one_to_nine_bytes() {
        for (bytes, number) in [
            (&[0x7f][..], Some(0x7f)),
            (&[0x80, 0x80], Some(0x80)),
            (&[0x81, 0x02], Some(0x102)),
            (&[0xc1, 0x02, 0x03], Some(0x1_0302)),
            (&[0xff, 1, 0, 0, 0, 0, 0, 0, 0x80], Some(0x8000_0000_0000_0001)),
            (&[0xfe, 1, 0, 0, 0, 0, 0, 2], Some(0x02_0000_0000_0001)),
            (&[0x80], None),
            (&[], None),
        ] {
            assert_eq!(Numbers(bytes).number(), number, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_description_of_a_header_is_looked_at(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            PackedHeader::of(&bytes);
            PackedHeader::of(&[&[0x17, 0x06, 0, 1, 9, 1, 0, 7, 0x0b, 1, 0], &bytes[..]].concat());
        }
    }
}
