//! The list of a zip archive's members (APPNOTE.TXT of PKWARE).
//!
//! Our own, since a library gives the members of the directory alone, one for each name: programs that unpack differ in
//! what they go by, so here every entry of the directory counts, two of one name too, and every member that stands in
//! the archive without being in its directory.

use crate::{
    documents::ciphertext::readable,
    message::{Fault, decode_text},
};
use memchr::memmem;
use std::{borrow::Cow, ops::Range};

/// Members that are listed; each takes memory before anything is read.
pub(super) const MAX_MEMBERS: usize = 100_000;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";

const LOCAL_LENGTH: usize = 30;
const CENTRAL_LENGTH: usize = 46;
const END_LENGTH: usize = 22;
const LOCATOR_LENGTH: usize = 20;

/// The longest data descriptor.
const DESCRIPTOR_LENGTH: usize = 24;

/// How far before the end the end record is looked for: its comment has at most this many bytes.
const MAX_COMMENT: usize = 65_535;

/// Bytes between members that are left unexplained: padding, and what aligns them.
const PADDING: usize = 64;

/// How many times its own length an archive is searched for the ends of members whose length stands after them.
const MAX_SEARCHES: usize = 8;

/// Flags.
const ENCRYPTED: u16 = 1;
const STREAMED: u16 = 1 << 3;
const UTF_8: u16 = 1 << 11;

/// Extra fields.
const ZIP_64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;

/// The highest version of the format that a header may ask for, for it to be believed where no directory names it.
const MAX_VERSION: u16 = 63;

/// The compression method that says that a member is encrypted with AES, and its own method stands elsewhere.
const AES: u16 = 99;

/// One member.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) name: String,
    /// The name in the header before its data, where that is another one.
    pub(super) other_name: Option<String>,
    pub(super) comment: String,
    pub(super) method: u16,
    pub(super) encrypted: bool,
    /// Bytes when expanded, as stated.
    pub(super) expanded: Option<u64>,
    pub(super) flags: u16,
    /// What it is stored as; what is cut off is missing.
    pub(super) data: Result<&'a [u8], &'static str>,
    /// Headers and data.
    span: Range<usize>,
}

impl Member<'_> {
    pub(super) fn is_directory(&self) -> bool {
        self.name.ends_with('/') && self.data.is_ok_and(<[u8]>::is_empty)
    }
}

/// All of an archive.
#[derive(Debug, Default)]
pub(super) struct Directory<'a> {
    pub(super) members: Vec<Member<'a>>,
    pub(super) comment: String,
    /// There are more members than are listed.
    pub(super) cut: bool,
    /// Bytes before, between and after the members that belong to none.
    pub(super) unexplained: usize,
    /// Bytes that were searched for the ends of members.
    searched: usize,
}

impl<'a> Directory<'a> {
    /// Finds the members in the directory, and those that stand outside it. `prefixed`: something else may stand before
    /// the archive.
    pub(super) fn of(bytes: &'a [u8], prefixed: bool) -> Self {
        let mut directory = Self::default();
        let mut known = Vec::new();
        let mut begins = 0;
        if let Some(end) = EndRecord::find(bytes) {
            directory.comment = text(end.comment, 0, b"");
            known.push(end.span.clone());
            let listed = directory.central(bytes, &end);
            begins = end.base;
            known.push(listed);
        }
        known.extend(directory.members.iter().map(|member| member.span.clone()));
        known.sort_by_key(|span| span.start);
        let mut at = if prefixed { begins } else { 0 };
        known.push(bytes.len()..bytes.len());
        for span in known {
            if span.start > at {
                directory.gap(bytes, at..span.start);
            }
            at = at.max(span.end);
        }
        directory
    }

    /// Reads the central directory; gives where it stands.
    fn central(&mut self, bytes: &'a [u8], end: &EndRecord<'_>) -> Range<usize> {
        let mut at = end.directory;
        while let Some(entry) = bytes.get(at..).filter(|rest| rest.starts_with(CENTRAL)) {
            let Some(entry) = Entry::central(entry) else { break };
            if self.members.len() >= MAX_MEMBERS {
                self.cut = true;
                break;
            }
            at += entry.length;
            self.members.push(entry.member(bytes, end.base));
        }
        end.directory..at
    }

    /// Looks for members among bytes that belong to none of the directory's.
    fn gap(&mut self, bytes: &'a [u8], gap: Range<usize>) {
        let mut at = gap.start;
        while let Some(found) = memmem::find(&bytes[at..gap.end], LOCAL) {
            let start = at + found;
            let Some(entry) = Entry::local(&bytes[start..gap.end]).filter(Entry::is_believable) else {
                self.leave(&bytes[at..start + LOCAL.len()]);
                at = start + LOCAL.len();
                continue;
            };
            if self.members.len() >= MAX_MEMBERS || self.searched > MAX_SEARCHES * bytes.len() {
                self.cut = true;
                return;
            }
            self.leave(&bytes[at..start]);
            let member = entry.streamed(&bytes[..gap.end], start, &mut self.searched);
            at = member.span.end;
            self.members.push(member);
        }
        self.leave(&bytes[at..gap.end]);
    }

    /// Counts bytes that are no member: but for zeros, data descriptors and padding that says nothing.
    fn leave(&mut self, bytes: &[u8]) {
        let signed = bytes.windows(16).rev().take(PADDING).any(|window| window == b"APK Sig Block 42");
        let is_padding = bytes.len() <= PADDING && readable(bytes).is_empty();
        if !is_padding && !signed && bytes.iter().any(|byte| *byte != 0) {
            self.unexplained += bytes.len();
        }
    }
}

/// Whether an archive with a directory stands at the end of something else.
pub(super) fn is_appended(bytes: &[u8]) -> bool {
    EndRecord::find(bytes).is_some_and(|end| bytes.get(end.directory..).is_some_and(|rest| rest.starts_with(CENTRAL)))
}

/// The end record, and where it says that the directory is.
struct EndRecord<'a> {
    /// Offset of the directory.
    directory: usize,
    /// What stands before the archive, in bytes.
    base: usize,
    comment: &'a [u8],
    span: Range<usize>,
}

impl<'a> EndRecord<'a> {
    /// The last one of which the directory is where it should be; else the last one.
    fn find(bytes: &'a [u8]) -> Option<Self> {
        let from = bytes.len().saturating_sub(END_LENGTH + MAX_COMMENT);
        let mut before = bytes.len();
        let mut last = None;
        while let Some(found) = memmem::rfind(&bytes[from..before], END) {
            let at = from + found;
            if let Some(end) = Self::at(bytes, at) {
                let empty = end.directory == end.span.start;
                if empty || bytes[end.directory..].starts_with(CENTRAL) {
                    return Some(end);
                }
                last.get_or_insert(end);
            }
            before = at + END.len() - 1;
        }
        last
    }

    fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        let record = bytes.get(at..at.checked_add(END_LENGTH)?)?;
        let comment = usize::from(u16_at(record, 20)?);
        let after = at + END_LENGTH;
        let stop = after.saturating_add(comment).min(bytes.len());
        let (mut length, mut offset) = (u64::from(u32_at(record, 12)?), u64::from(u32_at(record, 16)?));
        let mut start = at;
        if let Some((record_64, position)) = Self::record_64(bytes, at) {
            (length, offset, start) = (u64_at(record_64, 40)?, u64_at(record_64, 48)?, position);
        }
        let stated = usize::try_from(offset).ok().filter(|stated| *stated <= start);
        let counted = usize::try_from(length).ok().and_then(|length| start.checked_sub(length));
        let is_directory = |at: &usize| bytes[*at..].starts_with(CENTRAL);
        let directory = stated.filter(is_directory).or(counted.filter(is_directory)).or(counted).or(stated)?;
        let base = directory.saturating_sub(stated.unwrap_or(directory));
        Some(Self { directory, base, comment: &bytes[after..stop], span: start..stop })
    }

    /// The record of zip64, found by its locator before the end record, with its offset.
    fn record_64(bytes: &[u8], end: usize) -> Option<(&[u8], usize)> {
        let locator_at = end.checked_sub(LOCATOR_LENGTH)?;
        let locator = bytes[locator_at..end].strip_prefix(LOCATOR_64)?;
        let stated = usize::try_from(u64_at(locator, 4)?).ok();
        // Where something stands before the archive, the offset is wrong, and the record still stands before the locator.
        let before = memmem::rfind(&bytes[..locator_at][locator_at.saturating_sub(1024)..], END_64);
        let before = before.map(|at| locator_at.saturating_sub(1024) + at);
        let here = |at: usize| bytes.get(at..locator_at).filter(|rest| rest.starts_with(END_64)).map(|rest| (rest, at));
        stated.and_then(here).or(before.and_then(here))
    }
}

/// A header: of the central directory, or before the data of a member.
struct Entry<'a> {
    version: u16,
    flags: u16,
    method: u16,
    name: &'a [u8],
    extra: &'a [u8],
    comment: &'a [u8],
    compressed: u64,
    expanded: u64,
    /// Offset of the header before the data; in that header itself 0.
    local: u64,
    /// Bytes of the header.
    length: usize,
}

impl<'a> Entry<'a> {
    fn central(bytes: &'a [u8]) -> Option<Self> {
        let length = |at| u16_at(bytes, at).map(usize::from);
        let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
        let rest = bytes.get(CENTRAL_LENGTH..)?;
        let mut entry = Self {
            version: u16_at(bytes, 6)?,
            flags: u16_at(bytes, 8)?,
            method: u16_at(bytes, 10)?,
            name: rest.get(..name)?,
            extra: rest.get(name..name + extra)?,
            comment: rest.get(name + extra..name + extra + comment)?,
            compressed: u64::from(u32_at(bytes, 20)?),
            expanded: u64::from(u32_at(bytes, 24)?),
            local: u64::from(u32_at(bytes, 42)?),
            length: CENTRAL_LENGTH + name + extra + comment,
        };
        entry.zip_64();
        Some(entry)
    }

    fn local(bytes: &'a [u8]) -> Option<Self> {
        let (name, extra) = (usize::from(u16_at(bytes, 26)?), usize::from(u16_at(bytes, 28)?));
        let rest = bytes.strip_prefix(LOCAL)?.get(LOCAL_LENGTH - LOCAL.len()..)?;
        let mut entry = Self {
            version: u16_at(bytes, 4)?,
            flags: u16_at(bytes, 6)?,
            method: u16_at(bytes, 8)?,
            name: rest.get(..name)?,
            extra: rest.get(name..name + extra)?,
            comment: b"",
            compressed: u64::from(u32_at(bytes, 18)?),
            expanded: u64::from(u32_at(bytes, 22)?),
            local: 0,
            length: LOCAL_LENGTH + name + extra,
        };
        entry.zip_64();
        Some(entry)
    }

    /// Takes the numbers that have no room in the header from the extra field, in the order in which they are missing.
    fn zip_64(&mut self) {
        let Some(mut numbers) = self.extra_field(ZIP_64) else { return };
        for number in [&mut self.expanded, &mut self.compressed, &mut self.local] {
            if *number == u64::from(u32::MAX) {
                let Some(value) = u64_at(numbers, 0) else { return };
                *number = value;
                numbers = &numbers[8..];
            }
        }
    }

    fn extra_field(&self, id: u16) -> Option<&'a [u8]> {
        let mut rest = self.extra;
        while let (Some(own), Some(length)) = (u16_at(rest, 0), u16_at(rest, 2)) {
            let field = rest.get(4..4 + usize::from(length))?;
            if own == id {
                return Some(field);
            }
            rest = &rest[4 + usize::from(length)..];
        }
        None
    }

    /// Whether its length stands after its data only.
    fn has_unknown_length(&self) -> bool {
        self.flags & STREAMED != 0 && self.compressed == 0
    }

    /// Whether a header that no directory names is one, and no chance.
    fn is_believable(&self) -> bool {
        self.version & 0xff <= MAX_VERSION
            && (self.method <= 20 || (93..=AES).contains(&self.method))
            && !self.name.is_empty()
            && self.name.iter().all(|byte| *byte >= b' ')
    }

    fn name(&self) -> String {
        // A version byte and a checksum stand before it.
        match self.extra_field(UNICODE_PATH).and_then(|field| std::str::from_utf8(field.get(5..)?).ok()) {
            Some(name) => name.to_owned(),
            None => text(self.name, self.flags, self.name),
        }
    }

    /// The member that this entry of the central directory is about.
    fn member(&self, bytes: &'a [u8], base: usize) -> Member<'a> {
        let mut member = Member {
            name: self.name(),
            other_name: None,
            comment: text(self.comment, self.flags, self.name),
            method: self.method,
            encrypted: self.flags & ENCRYPTED != 0 || self.method == AES,
            expanded: Some(self.expanded),
            flags: self.flags,
            data: Err("it is not where the directory says"),
            span: 0..0,
        };
        let header = usize::try_from(self.local).ok().and_then(|local| local.checked_add(base));
        let Some(start) = header.filter(|start| *start < bytes.len()) else { return member };
        let Some(local) = Entry::local(&bytes[start..]) else { return member };
        member.other_name = (local.name != self.name).then(|| local.name());
        let from = start + local.length;
        let to = usize::try_from(self.compressed).ok().and_then(|length| from.checked_add(length));
        let to = to.unwrap_or(usize::MAX).min(bytes.len());
        member.data = bytes.get(from..to).ok_or("it is cut off");
        let streamed = (self.flags | local.flags) & STREAMED != 0;
        member.span = start..if streamed { to.saturating_add(descriptor(&bytes[to..])) } else { to };
        if local.method != self.method && !member.encrypted {
            member.data = Err("its two headers say different things");
        }
        member
    }

    /// The member that stands at `start`, of which the directory says nothing.
    fn streamed(&self, bytes: &'a [u8], start: usize, searched: &mut usize) -> Member<'a> {
        let from = start + self.length;
        let unknown = self.has_unknown_length();
        let length =
            if unknown { streamed_length(&bytes[from..], searched) } else { usize::try_from(self.compressed).ok() };
        let to = from.saturating_add(length.unwrap_or(usize::MAX)).min(bytes.len());
        let after = if unknown { descriptor(&bytes[to..]) } else { 0 };
        Member {
            name: self.name(),
            other_name: None,
            comment: String::new(),
            method: self.method,
            encrypted: self.flags & ENCRYPTED != 0 || self.method == AES,
            expanded: (!unknown).then_some(self.expanded),
            flags: self.flags,
            data: Ok(&bytes[from..to]),
            span: start..to + after,
        }
    }
}

/// How long data is whose length stands after it: up to the descriptor that states just that, else up to the next header.
/// `searched` counts the bytes that this took.
fn streamed_length(rest: &[u8], searched: &mut usize) -> Option<usize> {
    let mut next = None;
    for at in memmem::find_iter(rest, b"PK") {
        let here = &rest[at..];
        if here.starts_with(DESCRIPTOR) {
            let length = at as u64;
            if u32_at(here, 8).map(u64::from) == Some(length) || u64_at(here, 8) == Some(length) {
                *searched += at;
                return Some(at);
            }
        }
        if next.is_none() && (here.starts_with(LOCAL) || here.starts_with(CENTRAL)) {
            next = Some(at);
        }
    }
    *searched += rest.len();
    next
}

/// Bytes of the data descriptor that stands here, if any.
fn descriptor(rest: &[u8]) -> usize {
    if !rest.starts_with(DESCRIPTOR) {
        return 0;
    }
    let followed = |length: &usize| rest.get(*length..).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"PK"));
    [16, DESCRIPTOR_LENGTH].into_iter().find(followed).unwrap_or(16).min(rest.len())
}

/// A name or comment: UTF-8 where that is said or it can be; else in a code page of DOS, or of Windows where `name` has
/// letters that only there are letters.
fn text(bytes: &[u8], flags: u16, name: &[u8]) -> String {
    let windows = |byte: &u8| byte.is_ascii() || *byte >= 0xc0;
    let label = match std::str::from_utf8(bytes) {
        Ok(text) => return text.to_owned(),
        Err(_) if flags & UTF_8 != 0 => "utf-8",
        Err(_) if bytes.iter().all(windows) && name.iter().all(windows) => "windows-1252",
        Err(_) => "cp850",
    };
    let text: Cow<'_, str> = decode_text(bytes, Some(label), MAX_COMMENT);
    text.into_owned()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Members that lie over one another: archives made to expand without end.
pub(super) fn overlapping(members: &[Member<'_>]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..members.len()).filter(|index| !members[*index].span.is_empty()).collect();
    order.sort_by_key(|index| members[*index].span.start);
    let mut overlaps = vec![false; members.len()];
    let mut end = 0;
    for index in order {
        let span = &members[index].span;
        overlaps[index] = span.start < end;
        end = end.max(span.end);
    }
    overlaps
}

/// Why there is nothing to read.
pub(super) fn empty(bytes: &[u8]) -> Result<(), Fault> {
    let told = bytes.starts_with(END) && bytes.len() < END_LENGTH + MAX_COMMENT;
    if told { Ok(()) } else { Err(Fault::broken("it has no members")) }
}
