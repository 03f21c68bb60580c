//! Messages of tests/corpus/spine through the program: what `segl scan` says of each.
//!
//! The numbers in them are of births in 2057, so that they can be nobody's; the clock stands behind that.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn corpus() -> PathBuf {
    Path::new(ROOT).join("tests/corpus/spine")
}

fn segl(arguments: &[&str], input: &[u8]) -> Output {
    segl_with(&corpus().join("empty.toml"), arguments, input)
}

fn segl_with(config: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_segl"))
        .arg("scan")
        .arg("-c")
        .arg(config)
        .args(["--today", "2057-12-31", "--rules"])
        .arg(Path::new(ROOT).join("conf/rules"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn scan(file: &str) -> Value {
    let output = segl(&["--json", corpus().join(file).to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(0), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Level, and rule, part and count of each finding of a number or a mark; what else the words say is measured by
/// `make quality`, but where the level is none, nothing at all is found.
#[test]
fn each_message_is_judged_as_a_person_would() {
    type Expected<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str, u64)]);
    let expected: [Expected<'_>; 10] = [
        // A citizen's appointment at a clinic.
        ("plain-da.eml", "sensitive", &[("dk.cpr", "text > line 3", 1)]),
        ("ordinary-da.eml", "none", &[]),
        ("ordinary-en.eml", "none", &[]),
        ("latin1-qp.eml", "confidential", &[("dk.cpr", "text > line 1", 1)]),
        // Split by tags and with another hyphen; the one in the comment is not read.
        ("base64-html.eml", "confidential", &[("dk.cpr", "html", 1), ("dk.cpr", "html > comments", 1)]),
        (
            "nested.eml",
            "confidential",
            &[
                ("dk.cpr", "part 2.2: file name", 1),
                ("dk.cpr", "part 2: subject", 1),
                ("iban", "part 1.1 (text/plain) > line 1", 1),
                ("iban", "part 1.2 (text/html)", 1),
                ("payment-card", "part 2.1 (text/plain) > line 1", 1),
            ],
        ),
        (
            "charset-lies.eml",
            "confidential",
            &[
                ("dk.cpr", "part 1 (text/plain) > line 1", 1),
                ("dk.cpr", "part 2 (text/plain) > line 1", 1),
                ("dk.cpr", "part 3 (text/plain) > line 1", 1),
                ("dk.cpr", "part 4 (text/plain) > line 1", 1),
            ],
        ),
        (
            "marked.eml",
            "sensitive",
            &[
                ("marks.label", "msip_labels", 1),
                ("marks.sensitivity", "Sensitivity", 1),
                ("marks.subject-sensitive", "subject", 1),
            ],
        ),
        ("unicode-digits.eml", "confidential", &[("dk.cpr", "text > line 1", 4)]),
        ("encrypted.eml", "none", &[]),
    ];
    for (file, level, findings) in expected {
        let said = scan(file);
        assert_eq!(said["level"], level, "{file}: {said}");
        let is_exact = |rule: &str| {
            level == "none" || ["dk.", "iban", "payment-card", "marks."].iter().any(|begins| rule.starts_with(begins))
        };
        let mut found: Vec<_> = said["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| {
                (
                    finding["rule"].as_str().unwrap(),
                    finding["part"].as_str().unwrap(),
                    finding["count"].as_u64().unwrap(),
                )
            })
            .collect();
        found.retain(|(rule, ..)| is_exact(rule));
        found.sort_unstable();
        assert_eq!(found, findings, "{file}");
    }
    let files = std::fs::read_dir(corpus())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "eml"));
    assert_eq!(files.count(), expected.len(), "every message of the corpus is judged");
}

#[test]
fn what_is_not_read_is_listed() {
    let reasons = |file, config: &str| {
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, config).unwrap();
        let output = segl_with(path.path(), &["--json", corpus().join(file).to_str().unwrap()], b"");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let parts = said["unreadable"].as_array().unwrap().clone();
        parts.iter().map(|part| part["reason"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    if cfg!(feature = "documents") {
        assert_eq!(reasons("nested.eml", ""), ["cannot be read: no PDF structure that leads to pages"]);
        assert_eq!(reasons("encrypted.eml", ""), ["content of type application/octet-stream is not read"]);
    }
    let none = "documents.read = false";
    assert_eq!(reasons("nested.eml", none), ["attachment of type application/pdf is not read"]);
    assert_eq!(reasons("encrypted.eml", none).len(), 2);
}

#[test]
fn json_has_the_documented_keys_and_one_line_a_message() {
    let files = ["plain-da.eml", "marked.eml"].map(|file| corpus().join(file).to_str().unwrap().to_owned());
    let output = segl(&["--json", &files[0], &files[1]], b"");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        let Value::Object(object) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
        assert!(object.keys().eq(["categories", "file", "findings", "level", "protected", "unreadable"]), "{line}");
        for finding in object["findings"].as_array().unwrap() {
            let finding = finding.as_object().unwrap();
            assert!(finding.keys().eq(["category", "confidence", "count", "masked", "part", "rule", "why"]), "{line}");
        }
    }
}

/// Neither form shows the last four digits of any number, or more than two digits of any.
#[test]
fn nothing_secret_is_printed() {
    let files: Vec<_> = std::fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap().path()).collect();
    for file in files {
        for json in [true, false] {
            let path = file.to_str().unwrap();
            let arguments: &[&str] = if json { &["--json", path] } else { &[path] };
            let output = segl(arguments, b"");
            let printed =
                format!("{}{}", String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
            for secret in ["5678", "5679", "5680", "5681", "1402", "0040", "1162", "4111", "1111"] {
                assert!(!printed.replace(path, "").contains(secret), "{path}: {printed}");
            }
        }
    }
}

#[test]
fn standard_input_and_plain_output() {
    let output = segl(&["-"], b"Subject: [fortroligt] x\r\n\r\nCpr 140257-5678\r\n");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "-: confidential national-id,marked\n\
         \x20 marks.subject-confidential in subject: [fortroligt], confidence 1.00: the subject is tagged “fortroligt”\n\
         \x20 dk.cpr in text > line 1: 14••••-••••, confidence 0.90: written form hyphen 0.60, near “*cpr” +0.30\n"
    );
}

#[test]
fn a_missing_file_is_told_and_the_others_are_read() {
    let there = corpus().join("plain-da.eml");
    let output = segl(&["--json", "/nonexistent/a.eml", there.to_str().unwrap()], b"");
    assert_eq!(output.status.code(), Some(66));
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 1);
    assert!(String::from_utf8(output.stderr).unwrap().contains("/nonexistent/a.eml: No such file"));
}

#[test]
fn bad_rules_are_told_with_file_line_and_rule() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("own.toml"), "\n[[rule]]\nid = \"own\"\n").unwrap();
    let output = segl(&["--rules", directory.path().to_str().unwrap(), "-"], b"");
    assert_eq!(output.status.code(), Some(78));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("own.toml:2: rule own: missing field `category`"), "{errors}");
    let output = segl(&["--rules", "/nonexistent", "-"], b"");
    assert_eq!(output.status.code(), Some(78));
}
