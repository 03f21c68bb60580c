//! .msg and .oft: messages, appointments, contacts of Outlook ([MS-OXMSG]): properties, each in a stream.

use super::{
    compound::{Compound, Id, ROOT},
    object,
};
use crate::documents::{
    little_endian::{Cursor, bytes_at, size_at, u16_at, u32_at, utf_16},
    mapi::{Properties, Property, Value, attach, attachment_place, tag},
};
use crate::message::{Fault, Reading, Text, within};
use std::{borrow::Cow, collections::HashMap};

/// The stream of the properties that are no longer than eight bytes.
const PROPERTIES: &str = "__properties_version1.0";

/// What the names of all other properties' streams begin with: then their identifier and type, in hexadecimal.
const PROPERTY: &str = "__substg1.0_";

/// The storage that says which properties have names.
const NAMED: &str = "__nameid_version1.0";

/// Bytes before the properties ([MS-OXMSG] 2.4.1): of a message, of a message within it, of anything else.
const MESSAGE_HEADER: usize = 32;
const INNER_MESSAGE_HEADER: usize = 24;
const OTHER_HEADER: usize = 8;

/// `PidTagAttachMethod`: the content is somewhere else ([MS-OXCMSG] 2.2.2.9).
const LINKED: &[u64] = &[2, 3, 4, 7];

/// Reads the message in a storage.
pub(super) fn read(compound: &Compound<'_>, storage: Id, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let names = names(compound, compound.child(storage, NAMED).or(compound.child(ROOT, NAMED)))?;
    let header = if storage == ROOT { MESSAGE_HEADER } else { INNER_MESSAGE_HEADER };
    read_message(&Message { compound, names: &names }, storage, header, None, place, reading)
}

/// The file that a message is in, and the names of its properties.
struct Message<'a> {
    compound: &'a Compound<'a>,
    names: &'a HashMap<u16, String>,
}

fn read_message(
    message: &Message<'_>,
    storage: Id,
    header: usize,
    codepage: Option<u16>,
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let properties = message.properties(storage, header, codepage)?;
    properties.read_message(place, reading)?;
    let mut recipients = Text::new();
    let mut attachments = Vec::new();
    for (id, entry) in message.compound.children(storage).filter(|(_, entry)| !entry.is_stream) {
        if entry.name.starts_with("__recip_version1.0_") {
            reading.clock(place)?;
            message.properties(id, OTHER_HEADER, properties.codepage)?.others(place, &mut recipients, reading);
        } else if entry.name.starts_with("__attach_version1.0_") {
            attachments.push(id);
        } else if entry.name != NAMED {
            reading.unreadable(&within(place, crate::message::quoted(&entry.name)), "is not read");
        }
    }
    reading.piece(recipients.into_piece(within(place, "recipients")));
    for (index, id) in attachments.into_iter().enumerate() {
        read_attachment(message, id, index + 1, properties.codepage, place, reading)?;
    }
    Ok(())
}

fn read_attachment(
    message: &Message<'_>,
    storage: Id,
    number: usize,
    codepage: Option<u16>,
    outer: &str,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    let properties = message.properties(storage, OTHER_HEADER, codepage)?;
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    for id in [tag::ATTACH_LONG_FILE_NAME, tag::ATTACH_FILE_NAME, tag::DISPLAY_NAME] {
        names.extend(properties.text(id).filter(|name| !name.is_empty() && !names.contains(name)));
    }
    let place = attachment_place(&names, outer, number, reading);
    let mut text = Text::new();
    properties.others(&place, &mut text, reading);
    reading.piece(text.into_piece(within(&place, "properties")));
    if let Some(bytes) = properties.bytes(tag::ATTACH_DATA) {
        return Ok(attach(&names, properties.text(tag::ATTACH_MIME_TAG).as_deref(), &place, bytes, reading)?);
    }
    let inner = format!("{PROPERTY}{:04X}000D", tag::ATTACH_DATA);
    let Some(inner) = message.compound.child(storage, &inner) else {
        let linked = properties.number(tag::ATTACH_METHOD).is_some_and(|method| LINKED.contains(&method));
        let reason = if linked { "is only linked to, and not read" } else { "has no content" };
        reading.unreadable(&place, reason);
        return Ok(());
    };
    if message.compound.child(inner, PROPERTIES).is_none() {
        return object::read_object(message.compound, inner, &place, reading);
    }
    reading.part(&place)?;
    let result = reading.deeper(&place, 1, |reading| {
        read_message(message, inner, INNER_MESSAGE_HEADER, properties.codepage, &place, reading)
    });
    match result {
        None | Some(Ok(())) => Ok(()),
        Some(Err(fault)) => Ok(reading.fault(&place, fault)?),
    }
}

impl Message<'_> {
    /// The properties in a storage.
    fn properties(&self, storage: Id, header: usize, codepage: Option<u16>) -> Result<Properties<'_>, Fault> {
        let mut properties = Properties { list: Vec::new(), codepage };
        let fixed = self.compound.stream_named(storage, PROPERTIES)?.unwrap_or_default();
        for entry in fixed.get(header..).unwrap_or_default().chunks_exact(16) {
            let mut cursor = Cursor::new(entry);
            let (Some(kind), Some(id), Some(_), Some(value)) = (cursor.u16(), cursor.u16(), cursor.u32(), cursor.u64())
            else {
                break;
            };
            let value = match kind {
                // Small numbers leave the rest of the eight bytes as it was.
                0x0002 => Value::Number(value & 0xffff),
                0x0003 => Value::Number(value & 0xffff_ffff),
                0x0040 => Value::Time(value),
                _ => continue,
            };
            properties.list.push(Property { id, name: self.names.get(&id).cloned(), value });
        }
        for (stream, entry) in self.compound.children(storage).filter(|(_, entry)| entry.is_stream) {
            let Some((id, kind)) = entry.name.strip_prefix(PROPERTY).and_then(identifier) else { continue };
            // The lengths of several values, which are in streams of their own.
            if kind & 0x1000 != 0 && !entry.name.contains('-') {
                continue;
            }
            let bytes = self.compound.stream(stream)?;
            let value = match kind & 0x0fff {
                0x001e => Value::Narrow(bytes),
                0x001f => Value::Text(utf_16(&bytes)),
                0x0102 => Value::Bytes(bytes),
                _ => continue,
            };
            properties.list.push(Property { id, name: self.names.get(&id).cloned(), value });
        }
        properties.find_codepage();
        Ok(properties)
    }
}

/// The identifier and type of a property, from the name of its stream.
fn identifier(name: &str) -> Option<(u16, u16)> {
    let tag = u32::from_str_radix(name.get(..8)?, 16).ok()?;
    Some(((tag >> 16) as u16, tag as u16))
}

/// The names of properties that have one ([MS-OXMSG] 2.2.3.1).
fn names(compound: &Compound<'_>, storage: Option<Id>) -> Result<HashMap<u16, String>, Fault> {
    const FIRST: u16 = 0x8000;
    let mut names = HashMap::new();
    let Some(storage) = storage else { return Ok(names) };
    let entries = compound.stream_named(storage, "__substg1.0_00030102")?.unwrap_or_default();
    let strings = compound.stream_named(storage, "__substg1.0_00040102")?.unwrap_or_default();
    for entry in entries.chunks_exact(8) {
        let (Some(offset), Some(flags), Some(index)) = (size_at(entry, 0), u16_at(entry, 4), u16_at(entry, 6)) else {
            break;
        };
        // The others have a number instead.
        if flags & 1 == 0 {
            continue;
        }
        let length = u32_at(&strings, offset).and_then(|length| usize::try_from(length).ok());
        let name = length.and_then(|length| bytes_at(&strings, offset.checked_add(4)?, length.min(MAX_NAME)));
        if let (Some(name), Some(id)) = (name, FIRST.checked_add(index)) {
            names.insert(id, utf_16(name));
        }
    }
    Ok(names)
}

/// The longest name of a property, in bytes ([MS-OXCDATA] 2.6.1).
const MAX_NAME: usize = 510;
