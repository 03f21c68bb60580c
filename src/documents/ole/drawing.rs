//! Shapes and pictures within the office formats ([MS-ODRAW]): the texts that stand in a shape's own properties, and
//! the pictures themselves.

use crate::documents::little_endian::{Cursor, size_at, u16_at, utf_16};
use crate::message::{Attachment, Fault, Reading, Text, Whereabouts, within};

/// Records between two looks at the clock.
const STEP: usize = 4096;

/// Bytes before the content of a record.
pub(super) const HEADER: usize = 8;

/// Bytes before the picture in an entry of the list of pictures ([MS-ODRAW] 2.2.32).
const LISTED: usize = 36;

/// Bytes before an inline picture of Word ([MS-DOC] 2.9.192).
const INLINE: usize = 0x44;

/// The properties of a shape that are texts ([MS-ODRAW] 2.3).
const TEXTS: &[(u16, &str)] = &[
    (0x00c0, "WordArt"),
    (0x0105, "picture's name"),
    (0x0380, "shape's name"),
    (0x0381, "description"),
    (0x038d, "tooltip"),
];

/// The header of a record ([MS-ODRAW] 2.2.1, [MS-PPT] 2.3.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// What sets records of one kind apart.
    pub(super) instance: u16,
    pub(super) kind: u16,
    /// Bytes after the header.
    pub(super) length: usize,
    /// Whether other records are in it.
    pub(super) contains: bool,
}

impl Header {
    /// The header at an offset.
    pub(super) fn at(bytes: &[u8], at: usize) -> Option<Self> {
        let version = u16_at(bytes, at)?;
        Some(Self {
            instance: version >> 4,
            kind: u16_at(bytes, at.checked_add(2)?)?,
            length: size_at(bytes, at.checked_add(4)?)?,
            contains: version & 0xf == 0xf,
        })
    }
}

/// What was found in shapes.
#[derive(Default)]
pub(super) struct Shapes<'a> {
    text: Text,
    /// Kind, and the picture itself.
    pictures: Vec<(&'static str, &'a [u8])>,
}

impl<'a> Shapes<'a> {
    /// Walks records, whatever is within what. `delayed`: where pictures stand that are only pointed to.
    pub(super) fn walk(
        &mut self,
        bytes: &'a [u8],
        delayed: Option<&'a [u8]>,
        place: &str,
        reading: &mut Reading<'_>,
    ) -> Result<(), Fault> {
        let mut at = 0;
        for count in 0_usize.. {
            if count % STEP == 0 {
                reading.clock(place)?;
            }
            let Some(header) = Header::at(bytes, at) else { break };
            // Word puts a byte before some of them.
            if !(0xf000..=0xf200).contains(&header.kind) {
                at += 1;
                continue;
            }
            let start = at + HEADER;
            let rest = bytes.get(start..).unwrap_or_default();
            let content = &rest[..header.length.min(rest.len())];
            at = match header.kind {
                _ if header.contains => start,
                0xf007 => {
                    let name = content.get(33).map_or(0, |length| usize::from(*length));
                    let offset = size_at(content, 28).filter(|offset| *offset != 0xffff_ffff);
                    if content.len() <= LISTED + name
                        && let (Some(stream), Some(offset)) = (delayed, offset)
                    {
                        self.picture_at(stream, offset);
                    }
                    start + (LISTED + name).min(content.len())
                }
                kind => {
                    match kind {
                        0xf00b | 0xf121 | 0xf122 => self.properties(content, header.instance),
                        0xf01a..=0xf02a => self.picture_at(bytes, at),
                        _ => {}
                    }
                    start + content.len()
                }
            };
        }
        Ok(())
    }

    /// Inline pictures, and what else Word keeps where they are: the texts of form fields.
    pub(super) fn inline(&mut self, bytes: &'a [u8], place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        let mut at = 0;
        for count in 0_usize.. {
            if count % STEP == 0 {
                reading.clock(place)?;
            }
            let Some(length) = size_at(bytes, at) else { break };
            let fits = at.checked_add(length).filter(|end| *end <= bytes.len());
            let (Some(end), true) = (fits, length >= INLINE && u16_at(bytes, at + 4) == Some(INLINE as u16)) else {
                at += 1;
                continue;
            };
            let content = bytes.get(at + INLINE..end).unwrap_or_default();
            match u16_at(bytes, at + 6) {
                Some(0x64 | 0x66) => self.walk(content, None, place, reading)?,
                _ if content.starts_with(b"\xff\xff\xff\xff") => {
                    self.text.at(Whereabouts::Named("form fields".into()));
                    self.text.push(&utf_16(content.get(10..).unwrap_or_default()).replace('\0', "\n"));
                    self.text.end_line();
                }
                _ => {}
            }
            at = end;
        }
        Ok(())
    }

    /// The properties of a shape: those that hold more than a number have it after the list.
    fn properties(&mut self, content: &[u8], count: u16) {
        let mut list = Cursor::new(content);
        let mut data = Cursor::new(content.get(6 * usize::from(count)..).unwrap_or_default());
        for _ in 0..count {
            let (Some(id), Some(length)) = (list.u16(), list.size()) else { break };
            if id & 0x8000 == 0 {
                continue;
            }
            let value = data.take_up_to(length);
            if let Some((_, what)) = TEXTS.iter().find(|(known, _)| *known == id & 0x3fff) {
                self.text.at(Whereabouts::Named((*what).into()));
                self.text.push(&utf_16(value));
                self.text.end_line();
            }
        }
    }

    /// A picture ([MS-ODRAW] 2.2.23 and on).
    fn picture_at(&mut self, bytes: &'a [u8], at: usize) {
        let Some(header) = Header::at(bytes, at) else { return };
        let kind = match header.kind {
            0xf01a => "EMF",
            0xf01b => "WMF",
            0xf01c => "PICT",
            0xf01d | 0xf02a => "JPEG",
            0xf01e => "PNG",
            0xf01f => "DIB",
            0xf029 => "TIFF",
            _ => return,
        };
        // One identifier or two, and a byte.
        let before = HEADER + if header.instance & 1 == 1 { 33 } else { 17 };
        let rest = at.checked_add(before).and_then(|start| bytes.get(start..)).unwrap_or_default();
        let length = (header.length + HEADER).saturating_sub(before);
        self.pictures.push((kind, &rest[..length.min(rest.len())]));
    }

    /// Hands on what was found: pictures last, since there may be too many.
    pub(super) fn finish(self, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
        reading.piece(self.text.into_piece(within(place, "shapes")));
        for (index, (kind, bytes)) in self.pictures.into_iter().enumerate() {
            let place = within(place, format_args!("picture {}", index + 1));
            if !matches!(kind, "PNG" | "JPEG" | "TIFF") {
                reading.unreadable(&place, format!("a picture ({kind}) is not read"));
                continue;
            }
            let media_type = format!("image/{}", kind.to_lowercase());
            let media_type = Some(media_type.as_str());
            reading.attachment(&Attachment { place: &place, name: None, media_type, charset: None, bytes })?;
        }
        Ok(())
    }
}
