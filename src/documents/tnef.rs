//! winmail.dat: what Outlook and Exchange make of a message in rich text ([MS-OXTNEF]).

use super::{
    codepage,
    little_endian::{Cursor, utf_16},
    mapi::{Properties, Property, Value, attach, attachment_place, tag},
};
use crate::message::{Attachment, Fault, Reading, Text, within};
use std::borrow::Cow;

/// Attributes ([MS-OXTNEF] 2.1.3.1) or properties between two looks at the clock.
const STEP: usize = 1024;

/// Bytes before the content of an object: which kind it is.
const INTERFACE: usize = 16;

mod attribute {
    pub(super) const SUBJECT: u32 = 0x0001_8004;
    pub(super) const BODY: u32 = 0x0002_800c;
    pub(super) const ATTACH_DATA: u32 = 0x0006_800f;
    pub(super) const ATTACH_TITLE: u32 = 0x0001_8010;
    pub(super) const ATTACH_TRANSPORT_NAME: u32 = 0x0006_9001;
    pub(super) const ATTACH_BEGINS: u32 = 0x0006_9002;
    pub(super) const MESSAGE_PROPERTIES: u32 = 0x0006_9003;
    pub(super) const RECIPIENTS: u32 = 0x0006_9004;
    pub(super) const ATTACH_PROPERTIES: u32 = 0x0006_9005;
    pub(super) const CODEPAGE: u32 = 0x0006_9007;
    pub(super) const MESSAGE_CLASS: u32 = 0x0007_8008;
}

/// An attachment, as its attributes come.
#[derive(Default)]
struct Attached<'a> {
    title: Option<&'a [u8]>,
    transport_name: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
    properties: Properties<'a>,
}

/// Reads it.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let place = file.place;
    let mut cursor = Cursor::new(file.bytes);
    // Signature and key.
    cursor.take_up_to(6);
    let mut page = codepage::DEFAULT;
    let mut text = Text::new();
    let mut recipients = Text::new();
    let mut attachments: Vec<Attached<'_>> = Vec::new();
    // It ends within an attribute; or an attribute ends within a property.
    let (mut broken, mut cut) = (false, false);
    for count in 0_usize.. {
        if count % STEP == 0 {
            reading.clock(place)?;
        }
        // What is too short for an attribute fills up the end.
        let (Some(level), Some(id), Some(length)) = (cursor.u8(), cursor.u32(), cursor.size()) else { break };
        let data = cursor.take_up_to(length);
        // The checksum.
        broken = data.len() < length || cursor.take(2).is_none();
        if level == 2 && (id == attribute::ATTACH_BEGINS || attachments.is_empty()) {
            attachments.push(Attached::default());
        }
        match (id, attachments.last_mut()) {
            (attribute::CODEPAGE, _) => page = Cursor::new(data).u16().unwrap_or(page),
            (attribute::MESSAGE_PROPERTIES, _) => {
                let (properties, whole) = properties(&mut Cursor::new(data), page, place, reading)?;
                properties.read_message(place, reading)?;
                cut |= !whole;
            }
            (attribute::RECIPIENTS, _) => {
                let mut rows = Cursor::new(data);
                for _ in 0..rows.u32().unwrap_or_default() {
                    let (properties, whole) = properties(&mut rows, page, place, reading)?;
                    properties.others(place, &mut recipients, reading);
                    if !whole {
                        cut = true;
                        break;
                    }
                }
            }
            (attribute::ATTACH_TITLE, Some(attached)) => attached.title = Some(data),
            (attribute::ATTACH_TRANSPORT_NAME, Some(attached)) => attached.transport_name = Some(data),
            (attribute::ATTACH_DATA, Some(attached)) => attached.data = Some(data),
            (attribute::ATTACH_PROPERTIES, Some(attached)) => {
                let (properties, whole) = properties(&mut Cursor::new(data), page, place, reading)?;
                attached.properties = properties;
                cut |= !whole;
            }
            (attribute::SUBJECT | attribute::BODY, _) => {
                let inner = if id == attribute::SUBJECT { "subject" } else { "text" };
                let mut text = Text::new();
                text.push(&string(data, page));
                reading.piece(text.into_piece(within(place, inner)));
            }
            (attribute::MESSAGE_CLASS, _) => {}
            // The high half says what it is: names and addresses, strings, texts.
            (id, _) if matches!(id >> 16, 0..=2) => {
                let from = if id >> 16 == 0 { 8 } else { 0 };
                text.push(&string(data.get(from..).unwrap_or_default(), page).replace('\0', "\n"));
                text.end_line();
            }
            _ => {}
        }
        if broken {
            break;
        }
    }
    reading.piece(text.into_piece(within(place, "attributes")));
    reading.piece(recipients.into_piece(within(place, "recipients")));
    for (index, attached) in attachments.iter().enumerate() {
        read_attachment(attached, page, index + 1, place, reading)?;
    }
    if broken || cut {
        return Err(Fault::broken("some of its properties are missing"));
    }
    Ok(())
}

fn string(bytes: &[u8], page: u16) -> String {
    codepage::decode(bytes, page).trim_end_matches('\0').to_owned()
}

fn read_attachment(
    attached: &Attached<'_>,
    page: u16,
    number: usize,
    outer: &str,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let properties = &attached.properties;
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    for id in [tag::ATTACH_LONG_FILE_NAME, tag::ATTACH_FILE_NAME, tag::DISPLAY_NAME] {
        names.extend(properties.text(id).filter(|name| !name.is_empty() && !names.contains(name)));
    }
    for name in [attached.transport_name, attached.title].into_iter().flatten() {
        names.extend(
            Some(string(name, page).into()).filter(|name: &Cow<'_, str>| !name.is_empty() && !names.contains(name)),
        );
    }
    let place = attachment_place(&names, outer, number, reading);
    let mut text = Text::new();
    properties.others(&place, &mut text, reading);
    reading.piece(text.into_piece(within(&place, "properties")));
    let Some(bytes) = properties.bytes(tag::ATTACH_DATA).filter(|bytes| !bytes.is_empty()).or(attached.data) else {
        reading.unreadable(&place, "has no content");
        return Ok(());
    };
    Ok(attach(&names, properties.text(tag::ATTACH_MIME_TAG).as_deref(), &place, bytes, reading)?)
}

/// A list of properties ([MS-OXTNEF] 2.1.3.4), as far as it can be read, and whether that is to its end.
fn properties<'a>(
    cursor: &mut Cursor<'a>,
    page: u16,
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<(Properties<'a>, bool), Fault> {
    let mut properties = Properties { list: Vec::new(), codepage: Some(page) };
    let Some(count) = cursor.size() else { return Ok((properties, false)) };
    for index in 0..count {
        if index % STEP == 0 {
            reading.clock(place)?;
        }
        if property(cursor, &mut properties.list).is_none() {
            return Ok((properties, false));
        }
    }
    Ok((properties, true))
}

fn property<'a>(cursor: &mut Cursor<'a>, list: &mut Vec<Property<'a>>) -> Option<()> {
    const SEVERAL: u16 = 0x1000;
    let (kind, id) = (cursor.u16()?, cursor.u16()?);
    let mut name = None;
    if id >= 0x8000 {
        cursor.take(16)?;
        if cursor.u32()? == 0 {
            cursor.u32()?;
        } else {
            name = Some(utf_16(padded(cursor)?).trim_end_matches('\0').to_owned());
        }
    }
    let long = matches!(kind & !SEVERAL, 0x000d | 0x001e | 0x001f | 0x0102);
    let count = if long || kind & SEVERAL != 0 { cursor.u32()? } else { 1 };
    for _ in 0..count {
        let value = match kind & !SEVERAL {
            0x0001 => None,
            0x0002 => Some(Value::Number(u64::from(cursor.u32()? & 0xffff))),
            0x0003 => Some(Value::Number(u64::from(cursor.u32()?))),
            0x0004 | 0x000a | 0x000b => cursor.u32().map(|_| None)?,
            0x0005 | 0x0006 | 0x0007 | 0x0014 => cursor.u64().map(|_| None)?,
            0x0040 => Some(Value::Time(cursor.u64()?)),
            0x0048 => cursor.take(16).map(|_| None)?,
            0x001e => Some(Value::Narrow(padded(cursor)?.into())),
            0x001f => Some(Value::Text(utf_16(padded(cursor)?))),
            0x000d => Some(Value::Bytes(padded(cursor)?.get(INTERFACE..).unwrap_or_default().into())),
            0x0102 => Some(Value::Bytes(padded(cursor)?.into())),
            _ => return None,
        };
        match value {
            Some(value) => list.push(Property { id, name: name.clone(), value }),
            // Nothing was taken: the count says nothing.
            None if kind & !SEVERAL == 0x0001 => break,
            None => {}
        }
    }
    Some(())
}

/// Bytes after their length, filled up to a multiple of four.
fn padded<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = cursor.size()?;
    let bytes = cursor.take(length)?;
    cursor.take_up_to(length.wrapping_neg() % 4);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{documents::read_alone, message::Document};
    use proptest::prelude::*;

    const WINMAIL: &[u8] = include_bytes!("../../tests/corpus/reading/winmail.dat");

    fn document(bytes: &[u8]) -> (Document, Result<(), Fault>) {
        read_alone(read, "file", bytes)
    }

    #[test]
    fn a_count_that_cannot_be_is_no_reason_to_wait() {
        // A table of four thousand million recipients, none of whom is there.
        let bytes = b"\x78\x9f\x3e\x22\0\0\x01\x04\x90\x06\0\x04\0\0\0\xff\xff\xff\xff\xfc\x03";
        assert!(matches!(document(bytes).1, Err(Fault::Unreadable(_))));
        let bytes = b"\x78\x9f\x3e\x22\0\0\x01\x03\x90\x06\0\x04\0\0\0\xff\xff\xff\xff\xfc\x03";
        assert!(matches!(document(bytes).1, Err(Fault::Unreadable(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            document(&[b"\x78\x9f\x3e\x22\0\0", bytes.as_slice()].concat()).1.ok();
        }

        #[test]
        fn messages_with_wrong_bytes_can_be_read(
            wrong in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10),
        ) {
            let mut bytes = WINMAIL.to_vec();
            for (at, byte) in wrong {
                bytes[at.index(WINMAIL.len())] = byte;
            }
            document(&bytes).1.ok();
        }
    }
}
