//! How fast messages are read and their text normalised, without detecting: `cargo bench --bench read`.

use divan::{Bencher, counter::BytesCount};
use segl::message::{self, Limits, Unread};
use std::time::{Duration, Instant};

fn main() {
    divan::main();
}

const ENGLISH: &str = "Dear all, here are the minutes that we talked about at the meeting yesterday, as promised.\r\n";
const DANISH: &str =
    "Kære alle, her er det referat som vi talte om på mødet i går, så læs det nu grundigt igennem.\r\n";

fn read(bencher: Bencher<'_, '_>, fields: &str, body: &str) {
    let raw = format!("From: a@example.org\r\nSubject: Referat\r\n{fields}\r\n\r\n{body}");
    bencher.counter(BytesCount::of_str(&raw)).bench(|| {
        let document =
            message::read(raw.as_bytes(), &Limits::default(), Instant::now() + Duration::from_secs(60), &Unread);
        assert_eq!(document.pieces.len(), 3);
        document
    });
}

#[divan::bench]
fn plain_english(bencher: Bencher<'_, '_>) {
    read(bencher, "Content-Type: text/plain; charset=us-ascii", &ENGLISH.repeat(1000));
}

#[divan::bench]
fn plain_danish(bencher: Bencher<'_, '_>) {
    read(bencher, "Content-Type: text/plain; charset=utf-8", &DANISH.repeat(1000));
}

#[divan::bench]
fn plain_danish_latin_1(bencher: Bencher<'_, '_>) {
    let latin: Vec<u8> = DANISH.repeat(1000).chars().map(|letter| letter as u8).collect();
    let raw =
        [&b"From: a@example.org\r\nSubject: x\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n"[..], &latin];
    let raw = raw.concat();
    bencher
        .counter(BytesCount::of_slice(&raw))
        .bench(|| message::read(&raw, &Limits::default(), Instant::now() + Duration::from_secs(60), &Unread));
}

#[divan::bench]
fn quoted_printable_danish(bencher: Bencher<'_, '_>) {
    let encoded: String = DANISH
        .repeat(1000)
        .bytes()
        .map(|byte| if byte.is_ascii() { char::from(byte).to_string() } else { format!("={byte:02X}") })
        .collect();
    read(bencher, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", &encoded);
}

#[divan::bench]
fn html_danish(bencher: Bencher<'_, '_>) {
    let body = format!("<p style=\"margin:0\">{}</p>", DANISH.trim()).repeat(1000);
    read(bencher, "Content-Type: text/html; charset=utf-8", &body);
}
