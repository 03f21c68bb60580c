//! Messages made to cost more than a server has: each costs at most its limits, is held like one that says something
//! confidential, and the next message is read as ever.
#![cfg(feature = "documents")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use super::{
    CONFIDENTIAL, options,
    post::{accepted, verdict, with},
    up,
};
use crate::support::lab::{SEGL_TOML, Segl};
use std::{
    fmt::Write as _,
    fs,
    io::{Cursor, Write as _},
};
use zip::{ZipWriter, write::SimpleFileOptions};

const TLS: &str = "bo@tls13.plain.test";

/// Resident bytes that the daemon may take: what messages that are read may take together (`read-memory`, 320 MiB), and
/// what it needs itself.
const MEMORY: usize = (320 + 60) * 1024 * 1024;

fn zip(members: &[(String, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// What expands far, in one file.
fn zeros() -> Vec<u8> {
    zip(&[("0.txt".to_owned(), &vec![b'0'; 100_000_000])])
}

/// Sixteen in each of sixteen in each of sixteen …: 100 TB in all.
fn zip_of_zips() -> Vec<u8> {
    (0..5).fold(zeros(), |inner, level| {
        let members: Vec<(String, &[u8])> = (0..16).map(|at| (format!("{level}-{at}.zip"), inner.as_slice())).collect();
        zip(&members)
    })
}

/// A declaration of entities that stand for one another, a trillion times in all.
fn entities() -> String {
    let mut declared = String::from("<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY a0 \"ha\">");
    for at in 1..=12 {
        write!(declared, "<!ENTITY a{at} \"{}\">", format!("&a{};", at - 1).repeat(10)).unwrap();
    }
    declared + "]>"
}

fn document_of_entities() -> Vec<u8> {
    let types = "<Types><Override PartName='/word/document.xml' ContentType='application/vnd.openxmlformats-\
                 officedocument.wordprocessingml.document.main+xml'/></Types>";
    let document = entities() + "<document><body><p><r><t>&a12;</t></r></p></body></document>";
    zip(&[("[Content_Types].xml".to_owned(), types.as_bytes()), ("word/document.xml".to_owned(), document.as_bytes())])
}

/// A million pages, each an object.
fn pdf() -> Vec<u8> {
    let mut pdf = String::from("%PDF-1.5\n");
    let mut offsets = Vec::new();
    let kids: String = (3..1_000_000).map(|object| format!("{object} 0 R ")).collect();
    let catalog = ["<</Type/Catalog/Pages 2 0 R>>".to_owned(), format!("<</Type/Pages/Count 999997/Kids[{kids}]>>")];
    let pages = (3..1_000_000).map(|_| "<</Type/Page/Parent 2 0 R>>".to_owned());
    for (at, object) in catalog.into_iter().chain(pages).enumerate() {
        offsets.push(pdf.len());
        writeln!(pdf, "{} 0 obj{object}endobj", at + 1).unwrap();
    }
    let table = pdf.len();
    pdf.push_str("xref\n0 1000000\n0000000000 65535 f \n");
    for offset in offsets {
        writeln!(pdf, "{offset:010} 00000 n ").unwrap();
    }
    write!(pdf, "trailer<</Size 1000000/Root 1 0 R>>startxref\n{table}\n%%EOF").unwrap();
    zip(&[("a.pdf".to_owned(), pdf.as_bytes())])
}

fn with_file(name: &str, content: &[u8]) -> Vec<u8> {
    let mut message = format!(
        "Subject: Journal\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nSe vedlagt.\r\n--b\r\nContent-Type: application/octet-stream\r\n\
         Content-Transfer-Encoding: quoted-printable\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\r\n"
    );
    for line in content.chunks(24) {
        for byte in line {
            write!(message, "={byte:02X}").unwrap();
        }
        message.push_str("=\r\n");
    }
    (message + "\r\n--b--\r\n").into_bytes()
}

fn of_parts() -> Vec<u8> {
    let part = "--b\r\nContent-Type: text/plain\r\n\r\nhej\r\n".repeat(10_000);
    format!("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{part}--b--\r\n").into_bytes()
}

/// A header of 100 MB. Not one field: Postfix cuts a field at 60,000 bytes before it reaches a milter or leaves.
fn of_a_header() -> Vec<u8> {
    let field = format!("X-Field:{}\r\n", format!(" {}\r\n", "a".repeat(900)).repeat(60).trim_end());
    format!("{}\r\nhej\r\n", field.repeat(100_000_000 / field.len())).into_bytes()
}

fn highest_resident(segl: &Segl<'_>) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", segl.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn what_is_made_to_cost_too_much_costs_its_limits_and_is_held() {
    let lab = up(&with(&options(true), &["message_size_limit=0"]));
    let segl = lab.start_segl(SEGL_TOML);
    let daemon = segl.pid();
    let bombs = [
        ("a zip that expands far", with_file("a.zip", &zeros())),
        ("a zip of zips", with_file("a.zip", &zip_of_zips())),
        ("XML entities", with_file("a.xml", (entities() + "<a>&a12;</a>").as_bytes())),
        ("XML entities in a document", with_file("a.docx", &document_of_entities())),
        ("a PDF with a million objects", with_file("a.zip", &pdf())),
        ("10,000 parts", of_parts()),
        ("a header of 100 MB", of_a_header()),
    ];
    for (what, bomb) in bombs {
        // Not to be sent in the clear.
        let refused = lab.send_raw("anna@sender.test", &["bo@cleartext.plain.test"], &bomb);
        assert_eq!(refused.code, Some(550), "{what}: {refused:?}");
        let sent = lab.send_raw("anna@sender.test", &[TLS], &bomb);
        assert_eq!(sent.code, Some(250), "{what}: {sent:?}");
        let said = verdict(&segl, &sent.queue_id.unwrap());
        assert!(said.starts_with("confidential categories= to=tls13.plain.test require=encrypt "), "{what}: {said}");
        assert!(said.contains(" unreadable="), "{what}: {said}");
        assert_eq!(segl.pid(), daemon, "{what}");
    }
    let said = verdict(&segl, &accepted(&lab, &[TLS], CONFIDENTIAL));
    assert!(said.starts_with("confidential categories=national-id "), "{said}");
    assert!(highest_resident(&segl) < MEMORY, "{}", highest_resident(&segl));
}
