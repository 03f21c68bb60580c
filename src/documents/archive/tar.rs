//! Tar: ustar and pax (POSIX.1), GNU.

use super::{
    decompress::expand,
    member::{self, Names},
};
use crate::message::{Attachment, Fault, Reading, decode_text};
use std::{borrow::Cow, io::Cursor};
use tar::{Archive, Entry, EntryType};

/// The bytes of a name that are read.
const MAX_NAME: usize = 64 * 1024;

/// Bytes of a header.
const HEADER: usize = 512;

/// Whether it begins with the header of a member: its checksum is right. For archives from before POSIX, which do not
/// say `ustar`.
pub(in crate::documents) fn is_tar(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return false };
    let field = &header[148..156];
    let digits: Vec<u8> = field.iter().copied().filter(u8::is_ascii_digit).collect();
    let stated = std::str::from_utf8(&digits).ok().and_then(|digits| u32::from_str_radix(digits, 8).ok());
    let sum = |range: &[u8]| range.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    // The field itself counts as spaces.
    let actual = sum(&header[..148]) + 8 * u32::from(b' ') + sum(&header[156..]);
    header[0] != 0 && stated == Some(actual)
}

/// Reads it.
pub(in crate::documents) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut names = Names::new(reading);
    let result = members(file, &mut names, reading);
    reading.piece(names.piece(file.place));
    result
}

fn members(file: &Attachment<'_>, names: &mut Names, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut archive = Archive::new(Cursor::new(file.bytes));
    // Archives put one after another.
    archive.set_ignore_zeros(true);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut name = text(&entry.path_bytes());
        if let Ok(Some(extensions)) = entry.pax_extensions() {
            for extension in extensions.flatten() {
                match extension.key_bytes() {
                    b"comment" => names.add(&text(extension.value_bytes())),
                    // The header itself has a made-up one then.
                    b"GNU.sparse.name" => name = text(extension.value_bytes()),
                    _ => {}
                }
            }
        }
        names.add(&name);
        if let Some(target) = entry.link_name_bytes() {
            names.add(&text(&target));
        }
        if entry.size() > 0 && !is_without_content(entry.header().entry_type()) {
            let (content, fault) = content(&mut entry, file.bytes, reading);
            member::read(file.place, &name, &content, reading)?;
            if let Some(fault) = fault {
                reading.fault(&member::place(file.place, &name), fault)?;
            }
        } else {
            reading.clock(file.place)?;
        }
    }
    Ok(())
}

/// Links, devices and directories; what is of a type that is not known counts as a file (POSIX.1, pax).
fn is_without_content(kind: EntryType) -> bool {
    kind.is_dir()
        || kind.is_symlink()
        || kind.is_hard_link()
        || kind.is_character_special()
        || kind.is_block_special()
        || kind.is_fifo()
}

fn content<'a>(
    entry: &mut Entry<'_, Cursor<&'a [u8]>>,
    archive: &'a [u8],
    reading: &Reading<'_>,
) -> (Cow<'a, [u8]>, Option<Fault>) {
    if entry.header().entry_type().is_gnu_sparse() {
        let (content, fault) = expand(entry, archive.len(), reading);
        return (content.into(), fault);
    }
    let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(archive.len());
    let start = position(entry.raw_file_position());
    let end = position(entry.raw_file_position().saturating_add(entry.size()));
    let whole = (end - start) as u64 == entry.size();
    let fault = (!whole).then(|| Fault::broken("it is cut off"));
    (archive[start..end].into(), fault)
}

fn text(name: &[u8]) -> String {
    decode_text(&name[..name.len().min(MAX_NAME)], Some("utf-8"), MAX_NAME).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_told_by_its_checksum() {
        let mut header = tar::Header::new_old();
        header.set_path("brev.txt").unwrap();
        header.set_size(3);
        header.set_cksum();
        assert!(is_tar(header.as_bytes()));
        let mut other = *header.as_bytes();
        other[3] += 1;
        assert!(!is_tar(&other));
        assert!(!is_tar(&[0; 512]));
        assert!(!is_tar(b"brev.txt"));
    }
}
