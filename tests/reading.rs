//! Documents made by the programs that people use: every string in them is found where it stands, or its place is
//! listed as unreadable. See tests/corpus/reading/make for how each was made.
#![cfg(feature = "documents")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use segl::{
    documents::InProcess,
    message::{Attachment, Document, Limits, Reading, quoted},
};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

#[derive(Deserialize)]
struct Manifest {
    document: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Expected {
    file: String,
    /// The program that made it.
    by: String,
    media_type: Option<String>,
    #[serde(default)]
    text: Vec<Text>,
    #[serde(default)]
    unreadable: Vec<Unreadable>,
    /// How it is protected.
    protected: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    /// What kind of place.
    place: String,
    found: String,
    /// The place in words.
    at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unreadable {
    place: String,
    /// How the reason begins.
    reason: String,
}

fn read(directory: &Path, expected: &Expected) -> Document {
    let bytes = fs::read(directory.join(&expected.file)).unwrap();
    let mut reading = Reading::new(&Limits::default(), Instant::now() + Duration::from_secs(300), &InProcess);
    let attachment = Attachment {
        place: &format!("attachment {}", quoted(&expected.file)),
        name: Some(&expected.file),
        media_type: expected.media_type.as_deref(),
        charset: None,
        bytes: &bytes,
    };
    // Where it stopped at a limit is in the list.
    let _ = reading.attachment(&attachment);
    reading.finish()
}

fn faults(expected: &Expected, document: &Document) -> Vec<String> {
    let mut faults = Vec::new();
    for text in &expected.text {
        let places: Vec<String> = document
            .pieces
            .iter()
            .flat_map(|piece| piece.text.match_indices(&text.found).map(|(at, _)| piece.place_of(at)))
            .collect();
        match &text.at {
            _ if places.is_empty() => faults.push(format!("{}: `{}` is not found", text.place, text.found)),
            // The corpus tells parts and cells apart; a text's lines are counted besides.
            Some(at) if !places.iter().any(|place| place == at || place.starts_with(&format!("{at} > line "))) => {
                faults.push(format!("{}: `{}` stands at {places:?}, not at `{at}`", text.place, text.found));
            }
            _ => {}
        }
    }
    for listed in &expected.unreadable {
        let found =
            |part: &segl::message::Unreadable| part.place == listed.place && part.reason.starts_with(&listed.reason);
        if !document.unreadable.iter().any(found) {
            faults.push(format!("`{}` is not listed as unreadable: {}", listed.place, listed.reason));
        }
    }
    if expected.unreadable.is_empty() && !document.unreadable.is_empty() {
        faults.push(format!("unreadable: {:?}", document.unreadable));
    }
    if expected.protected.as_ref() != document.protected.first().map(|protected| &protected.how) {
        faults.push(format!("protected: {:?}", document.protected));
    }
    faults
}

#[test]
fn every_string_is_found_or_its_place_is_listed() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/reading");
    let mut manifests: Vec<PathBuf> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    manifests.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    manifests.sort();
    let (mut documents, mut texts, mut all) = (0, 0, Vec::new());
    for path in manifests {
        let manifest: Manifest = toml::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        for expected in &manifest.document {
            let document = read(&directory, expected);
            documents += 1;
            texts += expected.text.len();
            for fault in faults(expected, &document) {
                all.push(format!("{} ({}): {fault}", expected.file, expected.by));
            }
        }
    }
    println!("{texts} strings in {documents} documents");
    assert!(all.is_empty(), "{}", all.join("\n"));
}
