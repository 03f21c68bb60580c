//! One message with every document of the corpus attached, made by Python's own mail package, through the program:
//! `segl scan` names every part, in a finding or as not read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use regex_automata::meta::Regex;
use segl::message::quoted;
use serde::Deserialize;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Deserialize)]
struct Manifest {
    document: Vec<Attached>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Attached {
    file: String,
    media_type: Option<String>,
    #[serde(default)]
    text: Vec<Text>,
    #[serde(default)]
    unreadable: Vec<Unreadable>,
    protected: Option<String>,
}

#[derive(Deserialize)]
struct Text {
    found: String,
}

#[derive(Deserialize)]
struct Unreadable {
    reason: String,
}

/// Reads "file TAB type" lines, writes the message.
const MAKE: &str = r#"
import sys
from email.message import EmailMessage
from email.policy import SMTP

message = EmailMessage(policy=SMTP)
message["From"] = "anna@example.org"
message["To"] = "bo@example.net"
message["Subject"] = "Alle dokumenter"
message.set_content("Se vedhæftede.")
for line in sys.stdin.read().splitlines():
    path, name, kind = line.split("\t")
    main, _, sub = (kind or "application/octet-stream").partition("/")
    with open(path, "rb") as file:
        data = file.read()
    if main in ("message", "multipart"):
        main, sub = "application", "octet-stream"
    message.add_attachment(data, maintype=main, subtype=sub, filename=name)
sys.stdout.buffer.write(message.as_bytes())
"#;

/// The strings of the corpus: words set apart by hyphens, the last one a hexadecimal number.
const STRING: &str = r"(?i)\b[a-z0-9]{1,20}(-[a-z0-9]{1,20}){0,4}-[0-9a-f]{4,6}";

const RULES: &str = r#"
[[rule]]
id = "test.string"
category = "health"
description = "a string of the corpus"
source = "tests/corpus/reading"
pattern = { regex = 'STRING', base = 0.9, inside = true }
examples = { found = ["hovedtekst-6f1a"] }
"#;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/reading")
}

fn attached() -> Vec<Attached> {
    let mut manifests: Vec<PathBuf> = fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path()).collect();
    manifests.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    manifests.sort();
    let read = |path: &PathBuf| toml::from_str::<Manifest>(&fs::read_to_string(path).unwrap()).unwrap();
    manifests.iter().flat_map(|path| read(path).document).collect()
}

fn message(attached: &[Attached], directory: &Path) -> PathBuf {
    let line = |one: &Attached| {
        let kind = one.media_type.as_deref().unwrap_or_default();
        format!("{}\t{}\t{kind}\n", corpus().join(&one.file).display(), one.file)
    };
    let list = directory.join("list");
    fs::write(&list, attached.iter().map(line).collect::<String>()).unwrap();
    let made = Command::new("python3").args(["-c", MAKE]).stdin(fs::File::open(list).unwrap()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let path = directory.join("message.eml");
    fs::write(&path, made.stdout).unwrap();
    path
}

#[test]
fn every_part_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let attached = attached();
    let message = message(&attached, directory.path());
    let rules = directory.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("test.toml"), RULES.replace("STRING", STRING)).unwrap();
    let config = directory.path().join("segl.toml");
    fs::write(&config, "[detect]\nmax-time = \"120s\"\n[documents]\nparts = 100000\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_segl"))
        .args(["scan", "--json", "-c", config.to_str().unwrap(), "--rules", rules.to_str().unwrap()])
        .arg(&message)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let parts = |list: &str| -> Vec<String> {
        said[list].as_array().unwrap().iter().map(|part| part["part"].as_str().unwrap().to_owned()).collect()
    };
    let (found, unread, protected) = (parts("findings"), parts("unreadable"), parts("protected"));
    let string = Regex::new(STRING).unwrap();
    let mut missing = Vec::new();
    for one in &attached {
        let place = format!("attachment {}", quoted(&one.file));
        let named = |parts: &[String]| parts.iter().any(|part| part.starts_with(&place));
        // Some documents of the corpus are made to meet a limit that is wider here.
        let is_unread = one.unreadable.iter().any(|part| !part.reason.starts_with("limit:"));
        let is_found = one.text.iter().any(|text| string.is_match(&text.found));
        for (expected, parts) in [(is_found, &found), (is_unread, &unread), (one.protected.is_some(), &protected)] {
            if expected && !named(parts) {
                missing.push(place.clone());
            }
        }
    }
    println!(
        "{} documents: {} findings, {} parts not read, {} protected",
        attached.len(),
        found.len(),
        unread.len(),
        protected.len()
    );
    assert!(missing.is_empty(), "{missing:#?}\n{unread:#?}");
}
