//! The compound file itself ([MS-CFB]): streams in a tree of storages, in sectors that are chained by a table.
//!
//! A small reader of our own: it reads what can be read of a file whose tables contradict themselves, as the office
//! programs do, instead of refusing it; and neither its memory nor its time grows beyond the file's length.

use crate::documents::little_endian::{bytes_at, size_at, u16_at, u32_at, utf_16};
use crate::message::Fault;
use std::{
    borrow::Cow,
    cell::Cell,
    collections::{HashMap, HashSet},
};

/// Chain values from here on are marks: end of chain, free, a sector of a table ([MS-CFB] 2.1).
const FIRST_MARK: usize = 0xffff_fffa;

/// "No entry" in the directory.
const NO_ENTRY: usize = 0xffff_ffff;

/// Bytes of a directory entry.
const ENTRY: usize = 128;

/// Bytes of a mini sector.
const MINI_SECTOR: usize = 64;

/// How many times the file's length may be read as streams, so that a thousand streams in the same sectors cost no
/// more. A stream is read a few times at most.
const MAX_READ: usize = 8;

/// Storages within one another.
const MAX_DEPTH: usize = 64;

/// The number of an entry in the directory.
pub(super) type Id = usize;

/// The root storage.
pub(super) const ROOT: Id = 0;

/// A compound file.
#[derive(Debug)]
pub(super) struct Compound<'a> {
    bytes: &'a [u8],
    sector: usize,
    /// Streams shorter than this are in mini sectors.
    cutoff: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    mini_stream: Cow<'a, [u8]>,
    entries: Vec<Entry>,
    /// The children of each storage, in the order of their names.
    children: HashMap<Id, Vec<Id>>,
    /// By storage and name in upper case.
    by_name: HashMap<(Id, String), Id>,
    /// Bytes of streams that may still be read.
    left: Cell<usize>,
    /// A stream that was read is shorter than it should be, or an entry of the directory is missing.
    is_cut: Cell<bool>,
}

/// A storage or a stream.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) is_stream: bool,
    start: usize,
    /// In bytes, as the file says.
    pub(super) length: usize,
    left: usize,
    right: usize,
    child: usize,
}

impl<'a> Compound<'a> {
    /// Reads the tables and the directory.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        let truncated = || Fault::broken("its header ends early");
        let shift = u16_at(bytes, 30).ok_or_else(truncated)?;
        let sector = match shift {
            7..=16 => 1_usize << shift,
            _ => return Err(Fault::broken("its sectors have no proper size")),
        };
        let field = |at| size_at(bytes, at).ok_or_else(truncated);
        let (first_directory, cutoff, first_mini_fat, mut next) = (field(48)?, field(56)?, field(60)?, field(68)?);
        let sectors = bytes.len() / sector + 1;
        let at = |number: usize| (number < sectors).then(|| (number + 1) * sector);

        // The list of the table's sectors begins in the header and goes on in a chain of its own.
        let mut table: Vec<usize> = (0..109).filter_map(|index| size_at(bytes, 76 + 4 * index)).collect();
        let needed = sectors.div_ceil(sector / 4);
        for _ in 0..needed {
            let Some(list) = at(next).filter(|_| next < FIRST_MARK) else { break };
            let last = sector / 4 - 1;
            table.extend((0..last).filter_map(|index| size_at(bytes, list + 4 * index)));
            next = size_at(bytes, list + 4 * last).unwrap_or(FIRST_MARK);
            if table.len() > needed + sector {
                break;
            }
        }
        let mut fat = Vec::new();
        for number in table.into_iter().filter(|number| *number < FIRST_MARK).take(needed) {
            let Some(start) = at(number) else { continue };
            fat.extend((0..sector / 4).map(|index| u32_at(bytes, start + 4 * index).unwrap_or(u32::MAX)));
        }
        fat.truncate(sectors);

        let left = Cell::new(bytes.len().saturating_mul(MAX_READ));
        let mut file = Self {
            bytes,
            sector,
            cutoff,
            fat,
            mini_fat: Vec::new(),
            mini_stream: Cow::Borrowed(&[]),
            entries: Vec::new(),
            children: HashMap::new(),
            by_name: HashMap::new(),
            left,
            is_cut: Cell::new(false),
        };
        let directory = file.chain(first_directory, bytes.len())?;
        file.entries = directory.chunks_exact(ENTRY).map_while(entry).collect();
        let Some(root) = file.entries.first() else { return Err(Fault::broken("it has no directory")) };
        let (start, length) = (root.start, root.length);
        file.mini_stream = file.chain(start, length.min(bytes.len()))?;
        let mini_fat = file.chain(first_mini_fat, bytes.len())?;
        file.mini_fat = (0..mini_fat.len() / 4).filter_map(|index| u32_at(&mini_fat, 4 * index)).collect();
        file.index();
        Ok(file)
    }

    /// Walks the trees of the directory, each entry once.
    fn index(&mut self) {
        let mut seen = HashSet::from([ROOT]);
        let mut storages = vec![(ROOT, 0)];
        while let Some((storage, depth)) = storages.pop() {
            let Some(entry) = self.entries.get(storage) else { continue };
            let mut children = Vec::new();
            let mut siblings = vec![entry.child];
            while let Some(id) = siblings.pop() {
                if id == NO_ENTRY || !seen.insert(id) {
                    continue;
                }
                let Some(entry) = self.entries.get(id) else {
                    self.is_cut.set(true);
                    continue;
                };
                children.push(id);
                self.by_name.insert((storage, entry.name.to_uppercase()), id);
                siblings.extend([entry.left, entry.right]);
                if !entry.is_stream && depth < MAX_DEPTH {
                    storages.push((id, depth + 1));
                }
            }
            children.sort_by(|one, other| self.entries[*one].name.cmp(&self.entries[*other].name));
            self.children.insert(storage, children);
        }
    }

    /// What is in a storage, in the order of the names.
    pub(super) fn children(&self, storage: Id) -> impl Iterator<Item = (Id, &Entry)> {
        let children = self.children.get(&storage).map(Vec::as_slice).unwrap_or_default();
        children.iter().filter_map(|id| Some((*id, self.entries.get(*id)?)))
    }

    /// The entry of this name in a storage, whatever the case of its letters.
    pub(super) fn child(&self, storage: Id, name: &str) -> Option<Id> {
        self.by_name.get(&(storage, name.to_uppercase())).copied()
    }

    /// The entry with this number.
    pub(super) fn entry(&self, id: Id) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// The stream of this name in a storage, as far as it can be read. `None` where there is none.
    pub(super) fn stream_named(&self, storage: Id, name: &str) -> Result<Option<Cow<'_, [u8]>>, Fault> {
        let Some(id) = self.child(storage, name) else { return Ok(None) };
        if !self.entry(id).is_some_and(|entry| entry.is_stream) {
            return Ok(None);
        }
        self.stream(id).map(Some)
    }

    /// A stream, as far as it can be read.
    pub(super) fn stream(&self, id: Id) -> Result<Cow<'_, [u8]>, Fault> {
        let Some(entry) = self.entries.get(id) else { return Ok(Cow::Borrowed(&[])) };
        let length = entry.length.min(self.bytes.len());
        let stream = match length >= self.cutoff {
            true => self.chain(entry.start, length)?,
            false => self.mini_chain(entry.start, length)?,
        };
        if stream.len() < entry.length {
            self.is_cut.set(true);
        }
        Ok(stream)
    }

    /// Whether a stream that was read is shorter than it should be, or an entry of the directory is missing.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut.get()
    }

    /// Counts what is about to be read.
    fn read(&self, length: usize) -> Result<(), Fault> {
        let Some(left) = self.left.get().checked_sub(length) else {
            return Err(Fault::Limit(format!("limit: streams of more than {MAX_READ} times the file's length")));
        };
        self.left.set(left);
        Ok(())
    }

    /// A chain of sectors. Where they follow on each other, as they mostly do, nothing is copied.
    fn chain(&self, start: usize, length: usize) -> Result<Cow<'a, [u8]>, Fault> {
        let mut runs = Runs { bytes: self.bytes, runs: Vec::new() };
        let mut found = 0;
        let mut number = start;
        while found < length && number < FIRST_MARK && found <= self.bytes.len() {
            let Some(at) = number.checked_add(1).and_then(|index| index.checked_mul(self.sector)) else { break };
            let end = at.saturating_add(self.sector.min(length - found)).min(self.bytes.len());
            if at >= end {
                break;
            }
            runs.push(at, end);
            found += end - at;
            number = self.fat.get(number).map_or(FIRST_MARK, |next| *next as usize);
        }
        self.read(found)?;
        Ok(runs.joined())
    }

    /// A chain of mini sectors.
    fn mini_chain(&self, start: usize, length: usize) -> Result<Cow<'_, [u8]>, Fault> {
        let mut runs = Runs { bytes: &self.mini_stream, runs: Vec::new() };
        let mut found = 0;
        let mut number = start;
        while found < length && number < FIRST_MARK && found <= self.mini_stream.len() {
            let Some(at) = number.checked_mul(MINI_SECTOR) else { break };
            let end = at.saturating_add(MINI_SECTOR.min(length - found)).min(self.mini_stream.len());
            if at >= end {
                break;
            }
            runs.push(at, end);
            found += end - at;
            number = self.mini_fat.get(number).map_or(FIRST_MARK, |next| *next as usize);
        }
        self.read(found)?;
        Ok(runs.joined())
    }
}

/// Ranges of bytes that stand together.
struct Runs<'a> {
    bytes: &'a [u8],
    runs: Vec<(usize, usize)>,
}

impl<'a> Runs<'a> {
    fn push(&mut self, start: usize, end: usize) {
        match self.runs.last_mut() {
            Some((_, last)) if *last == start => *last = end,
            _ => self.runs.push((start, end)),
        }
    }

    fn joined(self) -> Cow<'a, [u8]> {
        let ranges = || self.runs.iter().filter_map(|(start, end)| self.bytes.get(*start..*end));
        match self.runs.as_slice() {
            [] => Cow::Borrowed(&[]),
            [_] => Cow::Borrowed(ranges().next().unwrap_or_default()),
            _ => Cow::Owned(ranges().collect::<Vec<_>>().concat()),
        }
    }
}

/// One entry of the directory ([MS-CFB] 2.6.1). An unused one is kept, since others are known by their number.
fn entry(bytes: &[u8]) -> Option<Entry> {
    let length = usize::from(u16_at(bytes, 64)?).saturating_sub(2).min(62);
    let name = bytes_at(bytes, 0, length)?;
    Some(Entry {
        name: utf_16(name),
        is_stream: bytes.get(66) == Some(&2),
        start: size_at(bytes, 116)?,
        // Files of version 3 may hold anything in the upper half.
        length: size_at(bytes, 120)?,
        left: size_at(bytes, 68)?,
        right: size_at(bytes, 72)?,
        child: size_at(bytes, 76)?,
    })
}
