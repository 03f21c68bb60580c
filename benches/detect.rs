//! How fast messages are read and judged: `cargo bench --bench detect`.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use divan::{Bencher, counter::BytesCount};
use jiff::civil::date;
use segl::{
    config::{Marks, rules::read_rule_files},
    detect::RuleSet,
    message::{self, Document, Limits, Piece, Unread},
};
use std::{
    env,
    time::{Duration, Instant},
};

fn main() {
    divan::main();
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Every rule that is shipped, or those of the directory `SEGL_RULES`.
fn rules() -> RuleSet {
    let directory = env::var("SEGL_RULES").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/conf/rules").to_owned());
    let files = read_rule_files(&[directory.into()]).expect("the rules can be read");
    RuleSet::parse(&files).expect("the shipped rules are good")
}

/// Mail as people write it, with the numbers that stand in it, `length` bytes of it.
fn ordinary(length: usize) -> String {
    let danish = include_str!("../tests/corpus/spine/ordinary-da.eml");
    let english = include_str!("../tests/corpus/spine/ordinary-en.eml");
    let text = format!("{danish}\n{english}\n");
    text.chars().cycle().take(length).collect()
}

fn message(content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "From: a@example.org\r\nSubject: Referat\r\nMIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn judge(bencher: Bencher<'_, '_>, raw: &[u8]) {
    let rules = rules();
    let (limits, marks) = (Limits::default(), Marks::default());
    bencher.counter(BytesCount::of_slice(raw)).bench(|| {
        let document = message::read(raw, &limits, deadline(), &Unread);
        rules.inspect(&document, date(2057, 12, 31), &marks, deadline())
    });
}

/// Reading and judging a message of 4 kB.
#[divan::bench]
fn plain_4_kb(bencher: Bencher<'_, '_>) {
    judge(bencher, &message("text/plain; charset=utf-8", &ordinary(4096)));
}

#[divan::bench]
fn html_100_kb(bencher: Bencher<'_, '_>) {
    let html: String =
        ordinary(50_000).lines().map(|line| format!("<p class=\"x\"><span>{line}</span></p>\n")).collect();
    judge(bencher, &message("text/html; charset=utf-8", &html));
}

/// Of a large attachment nothing is decoded.
#[divan::bench]
fn attachment_25_mb(bencher: Bencher<'_, '_>) {
    let line = format!("{}\r\n", "QUJD".repeat(19));
    let body = format!(
        "--b\r\n\r\n{}\r\n--b\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        ordinary(2000),
        line.repeat(25_000_000 / line.len())
    );
    judge(bencher, &message("multipart/mixed; boundary=b", &body));
}

fn inspect(bencher: Bencher<'_, '_>, text: String) {
    let rules = rules();
    let marks = Marks::default();
    let length = text.len();
    let document = Document { pieces: vec![Piece::new("text", text)], ..Document::default() };
    bencher.counter(BytesCount::new(length)).bench(|| rules.inspect(&document, date(2057, 12, 31), &marks, deadline()));
}

/// Judging alone.
#[divan::bench]
fn inspect_ordinary_text(bencher: Bencher<'_, '_>) {
    inspect(bencher, ordinary(1_000_000));
}

#[divan::bench]
fn inspect_words_only(bencher: Bencher<'_, '_>) {
    inspect(bencher, "Kære alle, her er det referat som vi talte om på mødet i går. ".repeat(16_000));
}

#[divan::bench]
fn inspect_numbers_only(bencher: Bencher<'_, '_>) {
    inspect(bencher, "140257-5678 cpr ".repeat(60_000));
}

/// What is made to be slow: digits alone, numbers that are nearly some, one term again and again, terms that are nearly
/// some, names.
#[divan::bench(args = ["1234567890 ", "1402575679 140257-567 ", "kræft ", "kræfd sygemel ", "Anna Jensen ", "1 4 0 2 5 7 "])]
fn inspect_repeated(bencher: Bencher<'_, '_>, text: &str) {
    inspect(bencher, text.repeat(1_000_000 / text.len()));
}
