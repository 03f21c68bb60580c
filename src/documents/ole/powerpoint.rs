//! .ppt: PowerPoint 97 to 2003 ([MS-PPT]). Records within records; every one that holds text is read, those of slides
//! that an earlier save left behind among them.

use super::{
    PASSWORD,
    compound::{Compound, Id},
    drawing::{HEADER, Header, Shapes},
};
use crate::documents::little_endian::{u32_at, utf_16};
use crate::message::{Attachment, Fault, Reading, Text, Whereabouts, within};
use flate2::read::ZlibDecoder;
use std::{collections::HashMap, io::Read};

/// Records between two looks at the clock.
const STEP: usize = 4096;

/// `headerToken` of an encrypted document ([MS-PPT] 2.3.2).
const ENCRYPTED: u32 = 0xf3d1_c4df;

/// Kinds of records ([MS-PPT] 2.13.24).
mod kind {
    pub(super) const DOCUMENT: u16 = 0x03e8;
    pub(super) const SLIDE: u16 = 0x03ee;
    pub(super) const NOTES: u16 = 0x03f0;
    pub(super) const SLIDE_PERSIST: u16 = 0x03f3;
    pub(super) const MASTER: u16 = 0x03f8;
    pub(super) const SOUND: u16 = 0x07e7;
    pub(super) const TEXT_CHARACTERS: u16 = 0x0fa0;
    pub(super) const TEXT_BYTES: u16 = 0x0fa8;
    pub(super) const STRING: u16 = 0x0fba;
    pub(super) const HANDOUT: u16 = 0x0fc9;
    pub(super) const HEADERS_FOOTERS: u16 = 0x0fd9;
    pub(super) const LINK: u16 = 0x0fd7;
    pub(super) const SLIDE_LIST: u16 = 0x0ff0;
    pub(super) const OLE_OBJECT: u16 = 0x1011;
    /// What later versions added: records, or anything.
    pub(super) const TAG_DATA: u16 = 0x138b;
    pub(super) const PERSIST_DIRECTORY: u16 = 0x1772;
    pub(super) const COMMENT: u16 = 0x2ee0;
    pub(super) const CRYPT_SESSION: u16 = 0x2f14;
}

/// Reads the presentation in a storage.
pub(super) fn read(compound: &Compound<'_>, storage: Id, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let user = compound.stream_named(storage, "Current User")?.unwrap_or_default();
    if u32_at(&user, 12) == Some(ENCRYPTED) {
        return Err(Fault::Protected(PASSWORD.to_owned()));
    }
    let Some(stream) = compound.stream_named(storage, "PowerPoint Document")? else { return Ok(()) };
    let slides = slides(&stream, place, reading)?;
    let objects = read_records(&stream, &slides, place, reading)?;
    let mut shapes = Shapes::default();
    shapes.walk_within(&stream, place, reading)?;
    let pictures = compound.stream_named(storage, "Pictures")?.unwrap_or_default();
    shapes.walk(&pictures, None, place, reading)?;
    shapes.finish(place, reading)?;
    for (index, (compressed, content)) in objects.into_iter().enumerate() {
        let place = within(place, format_args!("object {}", index + 1));
        if !compressed {
            attach(&place, content, reading)?;
            continue;
        }
        // The length that it has when expanded, and then it. What should come after it may be missing.
        let length = u32_at(content, 0).unwrap_or_default();
        let content = content.get(4..).unwrap_or_default();
        let mut bytes = Vec::new();
        let mut expanded = reading.bounded(ZlibDecoder::new(content), content.len()).take(u64::from(length));
        let result = expanded.read_to_end(&mut bytes);
        attach(&place, &bytes, reading)?;
        if let Err(error) = result {
            reading.fault(&place, error.into())?;
        }
    }
    Ok(())
}

fn attach(place: &str, bytes: &[u8], reading: &mut Reading<'_>) -> Result<(), Fault> {
    Ok(reading.attachment(&Attachment { place, name: None, media_type: None, charset: None, bytes })?)
}

/// Which slide (from 1) begins at which offset, by the last list of slides and the directory of what persists.
fn slides(stream: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<HashMap<usize, u32>, Fault> {
    let mut offsets = HashMap::new();
    let mut order: Vec<u32> = Vec::new();
    let mut in_slides = false;
    let mut records = Records::new(stream);
    while let Some((at, header)) = records.next(place, reading)? {
        let content = records.content(at, header);
        match header.kind {
            kind::DOCUMENT => order.clear(),
            kind::SLIDE_LIST => in_slides = header.instance == 0,
            kind::SLIDE_PERSIST if in_slides => order.extend(u32_at(content, 0)),
            kind::PERSIST_DIRECTORY => persist_directory(content, &mut offsets),
            kind::CRYPT_SESSION => return Err(Fault::Protected(PASSWORD.to_owned())),
            _ => {}
        }
    }
    let numbered = order.iter().zip(1_u32..);
    Ok(numbered.filter_map(|(id, number)| Some((*offsets.get(id)?, number))).collect())
}

/// Runs of offsets, each with the first's identifier and how many there are ([MS-PPT] 2.3.4).
fn persist_directory(content: &[u8], offsets: &mut HashMap<u32, usize>) {
    let mut words = (0..content.len() / 4).filter_map(|index| u32_at(content, 4 * index));
    while let Some(run) = words.next() {
        for id in (run & 0x000f_ffff..).take((run >> 20) as usize) {
            let Some(offset) = words.next() else { return };
            offsets.insert(id, offset as usize);
        }
    }
}

/// Records one after the other, those within others among them.
struct Records<'a> {
    stream: &'a [u8],
    at: usize,
    count: usize,
}

impl<'a> Records<'a> {
    fn new(stream: &'a [u8]) -> Self {
        Self { stream, at: 0, count: 0 }
    }

    /// The next one, and its offset.
    fn next(&mut self, place: &str, reading: &mut Reading<'_>) -> Result<Option<(usize, Header)>, Fault> {
        self.count += 1;
        if self.count.is_multiple_of(STEP) {
            reading.clock(place)?;
        }
        let at = self.at;
        let Some(header) = Header::at(self.stream, at) else { return Ok(None) };
        let inner = || Header::at(self.stream, at + HEADER).is_some_and(|inner| inner.length + HEADER <= header.length);
        let contains = header.contains || (header.kind == kind::TAG_DATA && inner());
        self.at = if contains { at + HEADER } else { (at + HEADER).saturating_add(header.length) };
        Ok(Some((at, header)))
    }

    fn content(&self, at: usize, header: Header) -> &'a [u8] {
        let rest = self.stream.get(at + HEADER..).unwrap_or_default();
        &rest[..header.length.min(rest.len())]
    }
}

/// An object within the presentation: whether it is compressed, and its bytes.
type Object<'a> = (bool, &'a [u8]);

/// Reads all text; gives the objects.
fn read_records<'a>(
    stream: &'a [u8],
    slides: &HashMap<usize, u32>,
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<Vec<Object<'a>>, Fault> {
    let mut shown = Text::new();
    let mut notes = Text::new();
    let mut masters = Text::new();
    let mut others = Text::new();
    let mut objects = Vec::new();
    let mut sounds = 0_usize;
    let (mut whole, mut documents) = (true, 0_usize);
    // What the records belong to, and where that ends.
    let (mut outer, mut outer_end) = (0, 0);
    let (mut inner, mut inner_end) = (0, 0);
    let mut listed = 0;
    let mut slide_lists = false;
    let mut records = Records::new(stream);
    while let Some((at, header)) = records.next(place, reading)? {
        if at >= outer_end {
            outer = 0;
        }
        if at >= inner_end {
            inner = 0;
        }
        let end = (at + HEADER).saturating_add(header.length);
        match header.kind {
            kind::DOCUMENT | kind::SLIDE | kind::NOTES | kind::MASTER | kind::HANDOUT if header.contains => {
                (outer, outer_end) = (header.kind, end);
                documents += usize::from(header.kind == kind::DOCUMENT);
                match (header.kind, slides.get(&at)) {
                    (kind::SLIDE, Some(number)) => shown.at(Whereabouts::Slide(*number)),
                    (kind::SLIDE, None) => shown.at(Whereabouts::Named("a slide of an earlier save".into())),
                    _ => {}
                }
            }
            kind::SLIDE_LIST => {
                slide_lists = header.instance == 0;
                listed = 0;
                (inner, inner_end) = (header.kind, end);
            }
            kind::SLIDE_PERSIST if slide_lists => {
                listed += 1;
                shown.at(Whereabouts::Slide(listed));
            }
            kind::COMMENT | kind::HEADERS_FOOTERS | kind::LINK => (inner, inner_end) = (header.kind, end),
            kind::TEXT_CHARACTERS | kind::TEXT_BYTES | kind::STRING => {
                let content = records.content(at, header);
                whole &= content.len() == header.length;
                let content = match header.kind {
                    kind::TEXT_BYTES => content.iter().map(|byte| char::from(*byte)).collect(),
                    _ => utf_16(content),
                };
                let text = match (outer, inner) {
                    (_, kind::COMMENT) => &mut others,
                    (_, kind::HEADERS_FOOTERS | kind::LINK) => &mut others,
                    (kind::NOTES, _) => &mut notes,
                    (kind::MASTER | kind::HANDOUT, _) => &mut masters,
                    (kind::SLIDE, _) => &mut shown,
                    (_, kind::SLIDE_LIST) if header.kind != kind::STRING && slide_lists => &mut shown,
                    _ => &mut others,
                };
                match inner {
                    kind::COMMENT => text.at(Whereabouts::Named("comment".into())),
                    kind::HEADERS_FOOTERS => text.at(Whereabouts::Named("header or footer".into())),
                    kind::LINK => text.at(Whereabouts::Named("link".into())),
                    _ if header.kind == kind::STRING => text.at(Whereabouts::Named("name".into())),
                    _ => {}
                }
                text.push(&content.replace(['\r', '\u{b}'], "\n"));
                text.end_line();
            }
            kind::OLE_OBJECT => objects.push((header.instance == 1, records.content(at, header))),
            kind::SOUND => sounds += 1,
            _ => {}
        }
    }
    for (text, part) in [(shown, ""), (notes, "notes"), (masters, "masters"), (others, "other texts")] {
        reading.piece(text.into_piece(if part.is_empty() { place.to_owned() } else { within(place, part) }));
    }
    if sounds > 0 {
        reading.unreadable(&within(place, "sounds"), "sound is not read");
    }
    if !whole || documents == 0 {
        reading.unreadable(place, "cannot be read: some of its records are missing");
    }
    Ok(objects)
}

impl<'a> Shapes<'a> {
    /// Walks the drawings of the slides.
    fn walk_within(&mut self, stream: &'a [u8], place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let mut records = Records::new(stream);
        while let Some((at, header)) = records.next(place, reading)? {
            // The properties of shapes; pictures stand in a stream of their own.
            if matches!(header.kind, 0xf00b | 0xf121 | 0xf122) {
                let end = (at + HEADER).saturating_add(header.length).min(stream.len());
                self.walk(stream.get(at..end).unwrap_or_default(), None, place, reading)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_says_where_slides_begin() {
        let words = [0x0020_0005_u32, 100, 200, 0x0010_0001, 300, 0xfff0_0000, 1];
        let content: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut offsets = HashMap::new();
        persist_directory(&content, &mut offsets);
        let mut offsets: Vec<_> = offsets.into_iter().collect();
        offsets.sort_unstable();
        assert_eq!(offsets, [(0, 1), (1, 300), (5, 100), (6, 200)]);
    }
}
