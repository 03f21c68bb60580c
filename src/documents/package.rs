//! A zip archive whose members make up one document: Office Open XML (ECMA-376 part 2) or OpenDocument (part 2).

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
