//! Any bytes can be read as a document. The first byte says which reader gets them: what they are called, and what they
//! stand in, so that the readers of compressed formats see bytes that were not compressed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use segl::{
    documents::InProcess,
    message::{Attachment, Limits, Reading},
};
use std::{
    io::{Cursor, Write},
    time::{Duration, Instant},
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Names by which readers go that have nothing else to go by.
const NAMES: [&str; 16] = [
    "a", "a.eml", "a.csv", "a.tsv", "a.html", "a.ics", "a.vcf", "a.json", "a.xml", "a.txt", "a.rtf", "a.pem", "a.p7m",
    "a.asc", "a.mbox", "a.tgz",
];

/// Members of documents in zip archives, each with what else must be there.
const MEMBERS: [(&str, &[(&str, &str)]); 10] = [
    ("word/document.xml", &[]),
    ("word/footnotes.xml", &[("word/document.xml", "<document/>")]),
    ("xl/worksheets/sheet1.xml", &[("xl/workbook.xml", WORKBOOK), ("xl/_rels/workbook.xml.rels", RELATIONS)]),
    ("xl/sharedStrings.xml", &[("xl/workbook.xml", WORKBOOK), ("xl/worksheets/sheet1.xml", SHEET)]),
    ("xl/workbook.xml", &[]),
    ("xl/workbook.bin", &[]),
    ("ppt/presentation.xml", &[]),
    ("ppt/slides/slide1.xml", &[("ppt/presentation.xml", "<presentation/>")]),
    ("content.xml", &[("mimetype", "application/vnd.oasis.opendocument.text")]),
    ("content.xml", &[("mimetype", "application/vnd.oasis.opendocument.spreadsheet")]),
];

const WORKBOOK: &str = "<workbook xmlns:r='r'><sheets><sheet name='a' sheetId='1' r:id='rId1'/></sheets></workbook>";
const RELATIONS: &str = "<Relationships><Relationship Id='rId1' Type='worksheet' Target='worksheets/sheet1.xml'/></Relationships>";
const SHEET: &str = "<worksheet><sheetData><row><c r='A1' t='s'><v>0</v></c></row></sheetData></worksheet>";

fuzz_target!(|input: &[u8]| {
    let Some((&selector, bytes)) = input.split_first() else { return };
    let selector = usize::from(selector);
    let (name, bytes) = match selector.checked_sub(NAMES.len()) {
        None => (NAMES[selector], bytes.to_vec()),
        Some(member) if member < MEMBERS.len() => ("a", in_zip(MEMBERS[member].0, MEMBERS[member].1, bytes)),
        Some(_) => ("a", with_checksums(bytes)),
    };
    let limits = Limits { nesting: 8, parts: 100, text_bytes: 1 << 20, expanded_bytes: 4 << 20, ..Limits::default() };
    let mut reading = Reading::new(&limits, Instant::now() + Duration::from_secs(20), &InProcess);
    let file = Attachment { place: "a", name: Some(name), media_type: None, charset: None, bytes: &bytes };
    let _ = reading.attachment(&file);
    let document = reading.finish();
    assert!(document.pieces.iter().map(|piece| piece.text.len()).sum::<usize>() <= limits.text_bytes);
    for piece in &document.pieces {
        assert!(piece.spots.is_sorted_by_key(|spot| spot.at));
        piece.place_of(piece.text.len() / 2);
    }
});

fn in_zip(name: &str, others: &[(&str, &str)], bytes: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let others = others.iter().map(|(name, text)| (*name, text.as_bytes()));
    for (name, bytes) in others.chain([(name, bytes)]) {
        zip.start_file(name, stored).expect("a name of our own");
        zip.write_all(bytes).expect("there is memory");
    }
    zip.finish().expect("there is memory").into_inner()
}

/// With the checksums that formats have in their headers, which chance does not find.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let crc = |bytes: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum().to_le_bytes()
    };
    if bytes.starts_with(b"7z\xbc\xaf\x27\x1c") && bytes.len() > 32 {
        let number = |at: usize| usize::from_le_bytes(*bytes[at..].first_chunk().expect("it is long enough"));
        let start = 32_usize.saturating_add(number(12));
        let header = bytes.get(start..start.saturating_add(number(20))).map(crc);
        if let Some(header) = header {
            bytes[28..32].copy_from_slice(&header);
        }
        let first = crc(&bytes[12..32]);
        bytes[8..12].copy_from_slice(&first);
    } else {
        // Tar: the header of every member that stands where it should.
        for header in bytes.chunks_exact_mut(512).filter(|header| header[257..].starts_with(b"ustar")) {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    bytes
}
