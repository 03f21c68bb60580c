//! How many of the words that pdftotext finds in PDFs are found here too. Needs pdftotext (poppler-utils) and a
//! directory of PDFs:
//!
//! ```sh
//! SEGL_PDFS=/some/directory cargo test --test pdf_recall -- --ignored --nocapture
//! ```
#![cfg(feature = "documents")]

use segl::{
    documents::InProcess,
    message::{Attachment, Limits, Reading, normalise},
};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// How long one document may take.
const MOST: Duration = Duration::from_secs(60);

/// What share of the words should be found, of all documents together.
const GOAL: f64 = 0.9;

fn pdfs(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            pdfs(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("pdf")) {
            found.push(path);
        }
    }
    Ok(())
}

fn words(text: &str) -> HashMap<String, usize> {
    let mut words = HashMap::new();
    for word in normalise(text.to_owned()).split_whitespace() {
        *words.entry(word.to_owned()).or_default() += 1;
    }
    words
}

#[test]
#[ignore = "needs pdftotext and a directory of PDFs in SEGL_PDFS"]
fn words_that_pdftotext_finds_are_found() {
    let directory = std::env::var_os("SEGL_PDFS").expect("SEGL_PDFS names a directory");
    let mut paths = Vec::new();
    pdfs(Path::new(&directory), &mut paths).unwrap();
    paths.sort();
    let (mut all, mut both, mut shares, mut read) = (0, 0, Vec::new(), 0);
    for path in &paths {
        let bytes = fs::read(path).unwrap();
        let begun = Instant::now();
        let mut reading = Reading::new(&Limits::default(), begun + MOST, &InProcess);
        let name = path.file_name().and_then(|name| name.to_str());
        let file = Attachment { place: "pdf", name, media_type: Some("application/pdf"), charset: None, bytes: &bytes };
        let _ = reading.attachment(&file);
        let document = reading.finish();
        let took = begun.elapsed();
        let panicked = document.unreadable.iter().any(|part| part.reason.contains("panicked"));
        assert!(!panicked, "{} made its reader panic", path.display());
        let whole = |place: &str| place == "pdf";
        let refused = document.unreadable.iter().find(|part| whole(&part.place)).map(|part| part.reason.clone());
        let refused = refused.or_else(|| document.protected.first().map(|part| part.how.clone()));
        read += usize::from(refused.is_none());
        let ours = words(&document.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join("\n"));
        // It can hang, too.
        let output =
            Command::new("timeout").args(["20", "pdftotext", "-q", "-enc", "UTF-8"]).arg(path).arg("-").output();
        let output = output.unwrap();
        let theirs = words(&String::from_utf8_lossy(&output.stdout));
        let count: usize = theirs.values().sum();
        if count == 0 {
            println!("-\t0\t{}ms\t{}\t{}", took.as_millis(), path.display(), refused.unwrap_or_default());
            continue;
        }
        let found: usize = theirs.iter().map(|(word, count)| (*count).min(ours.get(word).copied().unwrap_or(0))).sum();
        let share = found as f64 / count as f64;
        println!("{share:.3}\t{count}\t{}ms\t{}\t{}", took.as_millis(), path.display(), refused.unwrap_or_default());
        all += count;
        both += found;
        shares.push(share);
    }
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let pooled = both as f64 / all.max(1) as f64;
    println!("{} files, {read} read, {} with words in pdftotext", paths.len(), shares.len());
    println!("share of pdftotext's words: mean {mean:.3}, of all {all} words {pooled:.3}");
    assert!(mean >= GOAL && pooled >= GOAL);
}
