//! Zip archives (APPNOTE.TXT of PKWARE).

use super::{
    decompress::{self, MAX_DICTIONARY, expand},
    member::{self, Names},
    zip_directory::{self, Directory, MAX_MEMBERS, Member},
};
use crate::{
    documents::ciphertext::is_ciphertext,
    message::{Attachment, Fault, Reading},
};
use bzip2::read::BzDecoder;
use deflate64::Deflate64Decoder;
use flate2::read::DeflateDecoder;
use lzma_rust2::LzmaReader;
use std::borrow::Cow;

/// What protects a member with encryption.
const PASSWORD: &str = "zip with a password";

/// Bytes that encryption writes before the data: twelve (traditional), or a salt and a verification value (AES).
const SHORTEST_CIPHERTEXT: usize = 12;

/// The usual compression method.
const DEFLATE: u16 = 8;

/// A member compressed with LZMA ends with a marker.
const END_MARKER: u16 = 1 << 1;

/// Whether an archive stands at the end of a file of some other kind.
pub(in crate::documents) fn is_appended(bytes: &[u8]) -> bool {
    zip_directory::is_appended(bytes)
}

/// How many members there are, in its directory and outside it, however they are named.
pub(in crate::documents) fn count_members(bytes: &[u8]) -> usize {
    Directory::of(bytes, false).members.len()
}

/// Reads it.
pub(in crate::documents) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    members(file, &Directory::of(file.bytes, false), reading)
}

/// Reads an archive that stands after something else: a program that unpacks itself.
pub(in crate::documents) fn read_appended(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    members(file, &Directory::of(file.bytes, true), reading)
}

fn members(file: &Attachment<'_>, directory: &Directory<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut names = Names::new(reading);
    names.add(&directory.comment);
    for member in &directory.members {
        names.add(&member.name);
        names.add(member.other_name.as_deref().unwrap_or_default());
        names.add(&member.comment);
    }
    reading.piece(names.piece(file.place));
    if directory.unexplained > 0 {
        let reason = format!("{} bytes of it belong to none of its members", directory.unexplained);
        reading.unreadable(file.place, reason);
    }
    let overlaps = zip_directory::overlapping(&directory.members);
    for (member, overlaps) in directory.members.iter().zip(overlaps) {
        if overlaps {
            let reason = "limit: members of an archive that overlap".to_owned();
            reading.limit(&member::place(file.place, &member.name), reason);
        } else if !member.is_directory() {
            one(file, member, reading)?;
        }
    }
    if directory.cut {
        return Err(Fault::Limit(format!("limit: more than {MAX_MEMBERS} members")));
    }
    if directory.members.is_empty() {
        return zip_directory::empty(file.bytes);
    }
    Ok(())
}

fn one(file: &Attachment<'_>, member: &Member<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let place = || member::place(file.place, &member.name);
    let data = match member.data {
        Ok(data) if !member.encrypted => data,
        data => {
            if let Ok(data) = data
                && let Some(content) = plain(member, data, reading)
            {
                return Ok(member::read(file.place, &member.name, &content, reading)?);
            }
            reading.part(&place())?;
            match data {
                Ok(data) if data.len() >= SHORTEST_CIPHERTEXT && is_ciphertext(data) => {
                    reading.protected(&place(), PASSWORD);
                }
                Ok(_) => reading.unreadable(&place(), "it is said to be encrypted, and is not"),
                Err(reason) => reading.unreadable(&place(), format!("cannot be read: {reason}")),
            }
            return Ok(());
        }
    };
    let (content, fault) = content(member, data, reading);
    if !content.is_empty() {
        member::read(file.place, &member.name, &content, reading)?;
    } else {
        reading.part(&place())?;
    }
    if let Some(fault) = fault {
        reading.fault(&place(), fault)?;
    }
    Ok(())
}

/// What a member that is said to be encrypted expands to where it is merely compressed: ciphertext does not inflate to
/// just the length that is stated.
fn plain<'a>(member: &Member<'_>, data: &'a [u8], reading: &Reading<'_>) -> Option<Cow<'a, [u8]>> {
    let stated = member.expanded.filter(|stated| member.method == DEFLATE && *stated > 0)?;
    let (content, fault) = content(member, data, reading);
    (fault.is_none() && content.len() as u64 == stated).then_some(content)
}

/// What a member expands to (section 4.4.5), as far as it goes.
fn content<'a>(member: &Member<'_>, data: &'a [u8], reading: &Reading<'_>) -> (Cow<'a, [u8]>, Option<Fault>) {
    let length = data.len();
    let (bytes, fault) = match member.method {
        0 => {
            let missing = member.expanded.is_some_and(|stated| stated > length as u64);
            return (data.into(), missing.then(|| Fault::broken("it is cut off")));
        }
        DEFLATE => expand(DeflateDecoder::new(data), length, reading),
        9 => expand(Deflate64Decoder::new(data), length, reading),
        12 => expand(BzDecoder::new(data), length, reading),
        14 => match lzma(member, data) {
            Ok(decoder) => expand(decoder, length, reading),
            Err(fault) => (Vec::new(), Some(fault)),
        },
        20 | 93 => expand(decompress::zstd(data), length, reading),
        95 => expand(decompress::xz(data), length, reading),
        other => {
            let reason = format!("its compression method ({other}) is not read");
            (Vec::new(), Some(Fault::Unreadable(reason)))
        }
    };
    (bytes.into(), fault)
}

/// LZMA in a zip archive: version and length of the properties, the properties, the data (section 5.8.8).
fn lzma<'a>(member: &Member<'_>, data: &'a [u8]) -> Result<LzmaReader<&'a [u8]>, Fault> {
    let cut = || Fault::broken("it is cut off");
    let (&[_, _, 5, 0, properties, d0, d1, d2, d3], data) = data.split_first_chunk().ok_or_else(cut)? else {
        return Err(Fault::broken("its properties are not understood"));
    };
    let dictionary = u32::from_le_bytes([d0, d1, d2, d3]);
    if dictionary > MAX_DICTIONARY {
        return Err(Fault::Limit(format!("limit: a dictionary of more than {MAX_DICTIONARY} bytes")));
    }
    let expanded = member.expanded.filter(|_| member.flags & END_MARKER == 0).unwrap_or(u64::MAX);
    Ok(LzmaReader::new_with_props(data, expanded, properties, dictionary, None)?)
}
