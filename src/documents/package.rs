//! A zip archive whose members make up one document: Office Open XML (ECMA-376 part 2) or OpenDocument (part 2).

use super::archive::count_members;
use crate::message::{Bounded, Fault, Reading};
use std::{
    borrow::Cow,
    io::{Cursor, Read},
};
use zip::{ZipArchive, read::ZipFile, result::ZipError};

/// Members that an archive may list; each takes memory before anything is read.
const MAX_MEMBERS: usize = 100_000;

/// A member, as it expands.
pub(super) type Member<'m, 'a> = Bounded<ZipFile<'m, Cursor<&'a [u8]>>>;

/// An open archive.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
}

impl From<ZipError> for Fault {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            other => Self::broken(other),
        }
    }
}

impl<'a> Package<'a> {
    /// Opens the document at `place`. Of members with the same name only one can be read, and none that the list leaves
    /// out: programs may differ in which they show, so that the others are listed as unreadable.
    pub(super) fn open_document(bytes: &'a [u8], place: &str, reading: &mut Reading<'_>) -> Result<Self, Fault> {
        let package = Self::open(bytes)?;
        let others = count_members(bytes).saturating_sub(package.archive.len());
        if others > 0 {
            let reason = format!("{others} members whose names others have, too, or that its list leaves out");
            reading.unreadable(place, reason);
        }
        Ok(package)
    }

    /// Reads the list of members.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        let archive = ZipArchive::new(Cursor::new(bytes))?;
        if archive.len() > MAX_MEMBERS {
            return Err(Fault::Limit(format!("limit: more than {MAX_MEMBERS} members")));
        }
        Ok(Self { archive })
    }

    /// The names of all members, in the order of the list.
    pub(super) fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.archive.file_names_raw().map(String::from_utf8_lossy)
    }

    /// Whether there is a member of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.archive.index_for_name(name).is_some()
    }

    /// A member, to be read as it expands, within the limits. `None` where there is none of this name.
    pub(super) fn member(&mut self, name: &str, reading: &Reading<'_>) -> Result<Option<Member<'_, 'a>>, Fault> {
        match self.archive.by_name(name) {
            Ok(member) => {
                let compressed = usize::try_from(member.compressed_size()).unwrap_or(usize::MAX);
                Ok(Some(reading.bounded(member, compressed)))
            }
            Err(ZipError::FileNotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A member, expanded into memory.
    pub(super) fn expand(&mut self, name: &str, reading: &Reading<'_>) -> Result<Option<Vec<u8>>, Fault> {
        let Some(mut member) = self.member(name, reading)? else { return Ok(None) };
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, Unread};
    use std::{
        io::Write,
        time::{Duration, Instant},
    };
    use zip::{ZipWriter, write::SimpleFileOptions};

    #[test]
    fn members_that_cannot_be_read_by_their_names_are_listed() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for name in ["content.xml", "Content.xml", "styles.xml"] {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(name.as_bytes()).unwrap();
        }
        let different = writer.finish().unwrap().into_inner();
        let replaced = |from: &[u8], to: &[u8], count: usize| {
            let mut bytes = different.clone();
            for at in memchr::memmem::find_iter(&different, from).take(count) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
            bytes
        };
        // The directory without its last entry.
        let end = memchr::memmem::rfind(&different, b"PK\x05\x06").unwrap();
        let mut left_out = different.clone();
        for at in [8, 10] {
            left_out[end + at] = 2;
        }
        let last = memchr::memmem::rfind(&different, b"PK\x01\x02").unwrap();
        left_out[end + 12..end + 16].copy_from_slice(&((end - last) as u32 * 2 + 2).to_le_bytes());
        left_out.drain(last..end);
        for (bytes, others) in
            [(&different, false), (&replaced(b"Content.xml", b"content.xml", 9), true), (&left_out, true)]
        {
            let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
            Package::open_document(bytes, "a", &mut reading).unwrap();
            let listed: Vec<String> = reading.finish().unreadable.into_iter().map(|part| part.reason).collect();
            let expected = "1 members whose names others have, too, or that its list leaves out";
            assert_eq!(listed, if others { vec![expected] } else { Vec::new() });
        }
    }
}
