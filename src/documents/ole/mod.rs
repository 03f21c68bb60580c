//! OLE compound files ([MS-CFB]): what a file is, is told by the streams in it. One file per format.
//!
//! | what | file |
//! |---|---|
//! | sectors, streams, storages | `compound` |
//! | .doc of Word 6 to 2003 ([MS-DOC]) | `word` |
//! | .xls of Excel 5 to 2003 ([MS-XLS]) | `excel` |
//! | .ppt of PowerPoint 97 to 2003 ([MS-PPT]) | `powerpoint` |
//! | .msg and .oft of Outlook ([MS-OXMSG]) | `outlook` |
//! | title, author, labels ([MS-OLEPS]) | `properties` |
//! | shapes and pictures within those ([MS-ODRAW]) | `drawing` |
//! | objects that were put into them | `object` |
//! | Office Open XML, encrypted ([MS-OFFCRYPTO]) | `encrypted_package` |

mod compound;
mod drawing;
mod encrypted_package;
mod excel;
mod object;
mod outlook;
mod powerpoint;
mod properties;
mod restricted;
mod word;

use super::ciphertext::is_ciphertext;
use crate::message::{Attachment, Fault, Reading, Text, quoted, within};
use compound::{Compound, Id, ROOT};
pub(super) use excel::{header_text, rk};

/// What rights management is called in a list of what is protected.
const RIGHTS_MANAGEMENT: &str = "rights management";

/// What an office document with a password is called there.
const PASSWORD: &str = "Office with a password";

/// The password that Excel tries by itself ([MS-OFFCRYPTO] 4, note 21).
const DEFAULT_PASSWORD: &str = "VelvetSweatshop";

/// Whether this is what rights management makes of a message.
pub(super) fn is_rights_managed_message(bytes: &[u8]) -> bool {
    restricted::is_message(bytes)
}

/// Reads a compound file.
pub(super) fn read(file: &Attachment<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let (expanded, fault) = match restricted::is_message(file.bytes) {
        true => restricted::compound_file(file.bytes, reading),
        false => (Vec::new(), None),
    };
    if let Some(fault) = fault {
        reading.fault(file.place, fault)?;
    }
    let compound = Compound::open(if restricted::is_message(file.bytes) { &expanded } else { file.bytes })?;
    let result = read_storage(&compound, ROOT, file.place, reading);
    if compound.is_cut() && result.is_ok() {
        return Err(Fault::broken("parts of the file are missing"));
    }
    result
}

/// Files that are told by a stream or storage, and not read: what they are, in words.
const UNREAD: &[(&str, &str)] = &[
    ("VisioDocument", "a Visio drawing"),
    ("Quill", "a Publisher document"),
    ("Props", "a Project plan"),
    ("Props9", "a Project plan"),
    ("Props12", "a Project plan"),
    ("Props14", "a Project plan"),
    ("PP40", "a presentation of PowerPoint 95"),
    ("PowerPoint Presentation", "a presentation of PowerPoint 4"),
    ("FileHeader", "a Hangul document"),
    ("StarWriterDocument", "a StarWriter document"),
    ("StarCalcDocument", "a StarCalc document"),
    ("StarDrawDocument3", "a StarDraw document"),
    ("NativeContent_MAIN", "a Quattro Pro workbook"),
    ("PerfectOffice_MAIN", "a WordPerfect Office document"),
    ("MatOST", "a Works document"),
    ("MM", "a Works document"),
    ("Catalog", "a list of small pictures (Thumbs.db)"),
    ("Equation Native", "an equation"),
    ("\u{1}Ole10ItemName", "a link"),
];

/// Streams that hold nothing people wrote, or that were read with the document whose they are.
const SILENT: &[&str] = &[
    "\u{1}CompObj",
    "\u{1}Ole",
    "\u{3}ObjInfo",
    "\u{3}LinkInfo",
    "\u{3}PIC",
    "\u{3}PICT",
    "\u{3}META",
    "\u{3}PRINT",
    "\u{3}EPRINT",
    "\u{3}AccessObjSiteData",
    "\u{3}OCXNAME",
    "WordDocument",
    "0Table",
    "1Table",
    "Data",
    "ObjectPool",
    "Workbook",
    "Book",
    "PowerPoint Document",
    "Current User",
    "Pictures",
    "_VBA_PROJECT_CUR",
    "Macros",
    "VBA",
    "_VBA_PROJECT",
    "PROJECT",
    "PROJECTwm",
    "PROJECTlk",
    "dir",
    "MsoDataStore",
    "_SX_DB_CUR",
    "Revision Log",
    "User Names",
    "XCB",
    "Ctls",
    "_xmlsignatures",
    "_signatures",
    "Text_Content",
    "Header",
    "PersistentStorage Directory",
    "PP97_DUALSTORAGE",
];

/// Reads what is in a storage: the file itself, or an object in a document.
fn read_storage(compound: &Compound<'_>, storage: Id, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    reading.clock(place)?;
    let has = |name: &str| compound.child(storage, name).is_some();
    for name in ["\u{9}DRMContent", "\u{9}DRMViewerContent", "DRMContent"] {
        let Some(content) = compound.stream_named(storage, name)? else { continue };
        // Its length stands first.
        let encrypted = content.get(8..).unwrap_or_default();
        if encrypted.is_empty() || !is_ciphertext(encrypted) {
            return Err(Fault::Unreadable("it is said to be encrypted, and is not".to_owned()));
        }
        return Err(Fault::Protected(RIGHTS_MANAGEMENT.to_owned()));
    }
    if has("EncryptedPackage") || has("EncryptionInfo") {
        if is_rights_managed(compound, storage) {
            return Err(Fault::Protected(RIGHTS_MANAGEMENT.to_owned()));
        }
        return encrypted_package::read(compound, storage, place, reading);
    }
    let known = [
        ("__properties_version1.0", outlook::read as ReadStorage),
        ("WordDocument", word::read),
        ("Workbook", excel::read),
        ("Book", excel::read),
        ("PowerPoint Document", powerpoint::read),
    ];
    let mut result = Ok(());
    let mut found = false;
    if let Some(inner) = compound.child(storage, "PP97_DUALSTORAGE") {
        found = true;
        reading.unreadable(place, "a second version of it, for PowerPoint 95, is not read");
        result = powerpoint::read(compound, inner, place, reading);
    } else if let Some((_, read)) = known.iter().find(|(name, _)| has(name)) {
        found = true;
        result = read(compound, storage, place, reading);
    }
    if has("__properties_version1.0") || matches!(result, Err(Fault::Stop | Fault::Protected(_))) {
        return result;
    }
    properties_of(compound, storage, place, reading)?;
    if !found && let Some((_, what)) = UNREAD.iter().find(|(name, _)| has(name)) {
        return Err(Fault::Unreadable(format!("{what} is not read")));
    }
    let objects = object::read(compound, storage, place, reading);
    if let Err(fault) = result {
        reading.fault(place, fault)?;
    }
    found |= objects?;
    if has("Macros") || has("_VBA_PROJECT_CUR") || has("VBA") {
        reading.unreadable(place, "macros are not read");
        found |= has("VBA");
    }
    let is_empty = |(_, entry): (Id, &compound::Entry)| entry.is_stream && entry.length == 0;
    if !found && compound.children(storage).all(is_empty) {
        return Ok(());
    }
    if !found {
        let names: Vec<String> = compound.children(storage).take(5).map(|(_, entry)| quoted(&entry.name)).collect();
        return Err(Fault::Unreadable(format!("an OLE file of an unknown kind is not read ({})", names.join(", "))));
    }
    for (_, entry) in compound.children(storage).filter(|(_, entry)| !object::is_known(&entry.name)) {
        let silent = SILENT.iter().any(|name| name.eq_ignore_ascii_case(&entry.name));
        if !silent && !is_empty((0, entry)) {
            reading.unreadable(&within(place, format_args!("stream {}", quoted(&entry.name))), "is not read");
        }
    }
    Ok(())
}

/// Reads the document in a storage.
type ReadStorage = fn(&Compound<'_>, Id, &str, &mut Reading<'_>) -> Result<(), Fault>;

/// Reads every set of properties in a storage.
fn properties_of(compound: &Compound<'_>, storage: Id, place: &str, reading: &mut Reading<'_>) -> Result<(), Fault> {
    let mut text = Text::new();
    for (id, entry) in compound.children(storage) {
        if entry.is_stream && entry.name.starts_with(properties::STREAM_PREFIX) {
            let stream = compound.stream(id)?;
            if let Err(fault) = properties::read(&stream, place, &mut text, reading) {
                reading.fault(&within(place, "properties"), fault)?;
            }
        }
    }
    reading.piece(text.into_piece(place));
    Ok(())
}

/// Whether an encrypted document is under rights management ([MS-OFFCRYPTO] 2.1): the names of its transforms tell.
fn is_rights_managed(compound: &Compound<'_>, storage: Id) -> bool {
    compound
        .child(storage, "\u{6}DataSpaces")
        .and_then(|spaces| compound.child(spaces, "TransformInfo"))
        .is_some_and(|info| compound.children(info).any(|(_, entry)| entry.name.to_uppercase().contains("DRM")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{documents::read_alone, message::Document};
    use proptest::prelude::*;
    use std::io::Write;

    /// Documents made by the programs that people use; see tests/corpus/reading/ole.toml.
    const DOCUMENTS: &[&[u8]] = &[
        include_bytes!("../../../tests/corpus/reading/libreoffice.doc"),
        include_bytes!("../../../tests/corpus/reading/libreoffice.xls"),
        include_bytes!("../../../tests/corpus/reading/libreoffice.ppt"),
        include_bytes!("../../../tests/corpus/reading/unicode.msg"),
        include_bytes!("../../../tests/corpus/reading/packager.doc"),
    ];

    fn document(bytes: &[u8]) -> (Document, Result<(), Fault>) {
        read_alone(read, "file", bytes)
    }

    #[test]
    fn a_document_with_a_password_is_protected() {
        let protected = Err(Fault::Protected(PASSWORD.to_owned()));
        let mut word = DOCUMENTS[0].to_vec();
        let fib = memchr::memmem::find(&word, b"\xec\xa5\x01\x01").unwrap();
        word[fib + 11] |= 1;
        assert_eq!(document(&word).1, protected);
        let mut presentation = DOCUMENTS[2].to_vec();
        let token = memchr::memmem::find(&presentation, b"\x5f\xc0\x91\xe3").unwrap();
        presentation[token..token + 4].copy_from_slice(b"\xdf\xc4\xd1\xf3");
        assert_eq!(document(&presentation).1, protected);
    }

    #[test]
    fn a_message_under_rights_management_is_protected() {
        let restricted = |compound: &[u8]| {
            let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            zlib.write_all(compound).unwrap();
            let body = zlib.finish().unwrap();
            let lengths = [compound.len(), body.len()].map(|length| u32::try_from(length).unwrap().to_le_bytes());
            [b"\x76\xe8\x04\x60\xc4\x11\xe3\x86\xa0\x0f\0\0", &lengths.concat()[..], &body].concat()
        };
        // A document that is no more than compressed.
        let word = DOCUMENTS[0];
        assert_eq!(document(&restricted(word)).0.pieces, document(word).0.pieces);
        // Its main stream, called what encrypted content is called, and then encrypted.
        let mut renamed = word.to_vec();
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let entry = memchr::memmem::find(&renamed, &utf_16("WordDocument")).unwrap();
        renamed[entry..entry + 24].copy_from_slice(&utf_16("\u{9}DRMContent\0"));
        renamed[entry + 64] -= 2;
        assert!(matches!(document(&restricted(&renamed)).1, Err(Fault::Unreadable(_))));
        let start = memchr::memmem::find(&renamed, b"\xec\xa5").unwrap();
        let length = u32::from_le_bytes(*renamed[entry + 120..].first_chunk().unwrap()) as usize;
        let mut state = 1_u64;
        for byte in &mut renamed[start..start + length] {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
        assert_eq!(document(&restricted(&renamed)).1, Err(Fault::Protected(RIGHTS_MANAGEMENT.to_owned())));
        assert!(matches!(document(b"\x76\xe8\x04\x60\xc4\x11\xe3\x86rest").1, Err(Fault::Unreadable(_))));
    }

    #[test]
    fn what_is_cut_is_told() {
        for whole in DOCUMENTS {
            for length in (8..whole.len() - 1024).step_by(509) {
                let (document, result) = document(&whole[..length]);
                assert!(result.is_err() || !document.unreadable.is_empty(), "{length}");
            }
        }
    }

    #[test]
    fn chains_that_lead_in_circles_end() {
        // Every sector of the table says that the next one is the first.
        for whole in DOCUMENTS {
            let mut bytes = whole.to_vec();
            let fat = 512 * (1 + u32::from_le_bytes(bytes[76..80].try_into().unwrap()) as usize);
            for entry in bytes[fat..fat + 512].chunks_exact_mut(4) {
                entry.fill(0);
            }
            document(&bytes).1.ok();
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            document(&[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes.as_slice()].concat()).1.ok();
        }

        #[test]
        fn documents_with_wrong_bytes_can_be_read(
            which in 0..DOCUMENTS.len(),
            wrong in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        ) {
            let mut bytes = DOCUMENTS[which].to_vec();
            for (at, byte) in wrong {
                bytes[at.index(DOCUMENTS[which].len())] = byte;
            }
            document(&bytes).1.ok();
        }
    }
}
