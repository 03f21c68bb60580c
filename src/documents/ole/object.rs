//! Objects and files that were put into a document ([MS-OLEDS]), and what else stands beside a document's own streams.

use super::{
    compound::{Compound, Id},
    properties, read_storage,
};
use crate::documents::{
    codepage,
    little_endian::{Cursor, size_at},
};
use crate::message::{Attachment, Fault, Reading, quoted, within};

/// A file that was put into a document as it is ([MS-OLEDS] 2.3.6).
const NATIVE: &str = "\u{1}Ole10Native";

/// Pictures of an object for programs that cannot open it.
const PRESENTATION: &str = "\u{2}OlePres";

/// Streams in which a program keeps its own kind of file, whole.
const WHOLE_FILES: &[&str] = &["Package", "CONTENTS", "package_stream", "EmbeddedOdf"];

/// Whether a name is one that this file sees to.
pub(super) fn is_known(name: &str) -> bool {
    name.starts_with(properties::STREAM_PREFIX)
        || name.starts_with(PRESENTATION)
        || name == NATIVE
        || name.starts_with("MBD")
        || name.starts_with("LNK")
        || WHOLE_FILES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Reads the objects in a storage. Whether there were any.
pub(super) fn read(
    compound: &Compound<'_>,
    storage: Id,
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<bool, Fault> {
    let mut found = false;
    for name in WHOLE_FILES {
        if let Some(bytes) = compound.stream_named(storage, name)?
            && !bytes.is_empty()
        {
            found = true;
            let place = within(place, "embedded file");
            reading.attachment(&Attachment {
                place: &place,
                name: None,
                media_type: None,
                charset: None,
                bytes: &bytes,
            })?;
        }
    }
    if let Some(bytes) = compound.stream_named(storage, NATIVE)? {
        found = true;
        native(&bytes, place, reading)?;
    }
    let pool = compound.child(storage, "ObjectPool");
    let pooled = pool.into_iter().flat_map(|pool| compound.children(pool));
    let beside = compound.children(storage).filter(|(_, entry)| entry.name.starts_with("MBD"));
    for (index, (id, _)) in pooled.chain(beside).filter(|(_, entry)| !entry.is_stream).enumerate() {
        let place = within(place, format_args!("object {}", index + 1));
        read_object(compound, id, &place, reading)?;
    }
    let store = compound.child(storage, "MsoDataStore");
    for (index, (id, _)) in store.into_iter().flat_map(|store| compound.children(store)).enumerate() {
        let Some(item) = compound.stream_named(id, "Item")? else { continue };
        let place = within(place, format_args!("data {}", index + 1));
        let media_type = Some("application/xml");
        reading.attachment(&Attachment { place: &place, name: None, media_type, charset: None, bytes: &item })?;
    }
    for (_, entry) in compound.children(storage).filter(|(_, entry)| entry.name.starts_with("LNK")) {
        reading.unreadable(&within(place, format_args!("link {}", quoted(&entry.name))), "is not read");
    }
    if compound.child(storage, "Revision Log").is_some() {
        reading.unreadable(place, "the log of changes is not read");
    }
    Ok(found)
}

/// Reads an object that is a storage of its own.
pub(super) fn read_object(
    compound: &Compound<'_>,
    storage: Id,
    place: &str,
    reading: &mut Reading<'_>,
) -> Result<(), Fault> {
    reading.part(place)?;
    let result = reading.deeper(place, 1, |reading| read_storage(compound, storage, place, reading));
    match result {
        None | Some(Ok(())) => Ok(()),
        Some(Err(fault)) => Ok(reading.fault(place, fault)?),
    }
}

/// Reads a file as the packager wraps it: its name, where it came from, its bytes.
fn native(bytes: &[u8], place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let data = bytes.get(4..).unwrap_or_default();
    let parsed = package(data);
    let name =
        parsed.as_ref().map(|(name, _)| codepage::decode(name, codepage::DEFAULT)).filter(|name| !name.is_empty());
    let file = parsed.as_ref().map_or(data, |(_, file)| file);
    let place = match &name {
        Some(name) => within(place, format_args!("embedded file {}", quoted(name))),
        None => within(place, "embedded file"),
    };
    reading.piece(crate::message::Piece::new(format!("{place} > name"), name.clone().unwrap_or_default().into_owned()));
    let name = name.as_deref();
    Ok(reading.attachment(&Attachment { place: &place, name, media_type: None, charset: None, bytes: file })?)
}

fn package(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut cursor = Cursor::new(data);
    if cursor.u16()? != 2 {
        return None;
    }
    let label = cursor.until_zero();
    let path = cursor.until_zero();
    // Flags; then the path of the copy that was made of it.
    cursor.u32()?;
    let length = cursor.size()?;
    cursor.take(length)?;
    let length = size_at(cursor.rest(), 0)?;
    cursor.size()?;
    let name = if label.is_empty() { path } else { label };
    Some((name, cursor.take_up_to(length)))
}
