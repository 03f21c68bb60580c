//! `segl pins` and `segl held` as an administrator runs them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use segl::{
    level::{Category, Level},
    requirement::{Requirement, TlsVersion},
    store::{
        Holder, Pin, Scope,
        database::{Database, Options, Write},
    },
};

struct Lab {
    directory: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let state = directory.path().join("state");
        // No Postfix reads its configuration here, so that the queue cannot be read.
        let config = format!(
            "[store]\ndirectory = \"{}\"\n[postfix]\nconfig-directory = \"{}/none\"\n",
            state.display(),
            directory.path().display()
        );
        fs::write(directory.path().join("segl.toml"), config).unwrap();
        Self { directory }
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    fn pinned(&self) {
        let mut database = Database::open(&self.state(), Options::default()).unwrap();
        let pin = Pin {
            scope: Scope::parse("clinic.example").unwrap(),
            holder: Holder::parse("4dCq1B0Xz9zJrP").unwrap(),
            requirement: Requirement::Encrypt(TlsVersion::V1_2),
            level: Level::Sensitive,
            categories: vec![Category::NationalId, Category::Health],
            created: 1_763_762_381_000,
            until: 1_764_000_000,
            seen: false,
        };
        database.write(&[Write::Pin(vec![pin])]).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segl"));
        output(command.arg("-c").arg(self.directory.path().join("segl.toml")).args(arguments))
    }
}

fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn without_a_database_it_says_so_and_makes_none() {
    let lab = Lab::new();
    for arguments in [&["pins"][..], &["pins", "list", "--json"], &["pins", "remove", "a.example"], &["held"]] {
        let (code, out, error) = lab.run(arguments);
        assert_eq!((code, out.as_str()), (66, ""), "{arguments:?}");
        assert!(error.contains("pins.sqlite3: no such file"), "{error}");
    }
    assert_eq!(lab.run(&["pins", "add", "a.example", "--require", "encrypt"]).0, 66);
    assert!(!lab.state().exists());
}

#[test]
fn lists_adds_and_removes() {
    let lab = Lab::new();
    lab.pinned();
    let added =
        lab.run(&["pins", "add", "[Relay.Example]:587", "--require", "authenticated", "--min-tls", "1.3", "--json"]);
    assert_eq!(added.0, 0, "{}", added.2);
    assert!(added.1.starts_with('{') && added.1.contains("\"destination\":\"[relay.example]:587\""), "{}", added.1);

    let (code, table, _) = lab.run(&["pins"]);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(code, 0);
    assert_eq!(lines[0], ["DESTINATION", "REQUIRE", "MIN-TLS", "QUEUE-ID", "SINCE"]);
    assert_eq!(lines[1], ["clinic.example", "encrypt", "TLSv1.2", "4dCq1B0Xz9zJrP", "2025-11-21T21:59:41Z"]);
    assert_eq!(lines[2][..4], ["[relay.example]:587", "authenticated", "TLSv1.3", "(administrator)"]);

    let (_, json, _) = lab.run(&["pins", "list", "--json"]);
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["queue_id"], "4dCq1B0Xz9zJrP");
    assert_eq!(first["categories"], serde_json::json!(["national-id", "health"]));
    let second: serde_json::Value = serde_json::from_str(json.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&second["queue_id"], &second["until"]), (&serde_json::Value::Null, &serde_json::Value::Null));

    // The administrator's own pin goes without asking Postfix.
    assert_eq!(lab.run(&["pins", "remove", "[relay.example]:587"]).0, 0);
    assert_eq!(lab.run(&["pins", "remove", "[relay.example]:587"]).0, 66);
}

#[test]
fn a_messages_pin_is_not_removed_while_the_queue_is_unknown() {
    let lab = Lab::new();
    lab.pinned();
    for target in [&["clinic.example"][..], &["--queue-id", "4dCq1B0Xz9zJrP"]] {
        let (code, _, error) = lab.run(&[&["pins", "remove"], target].concat());
        assert_eq!(code, 75, "{error}");
        assert!(error.contains("cannot tell") && error.contains("--force"), "{error}");
    }
    let (code, _, error) = lab.run(&["held"]);
    assert_eq!(code, 69, "{error}");
    assert!(error.contains("cannot read Postfix's queue"), "{error}");
    let (code, out, error) = lab.run(&["pins", "remove", "--queue-id", "4dCq1B0Xz9zJrP", "--force"]);
    assert_eq!((code, out.as_str()), (0, "4dCq1B0Xz9zJrP: pins removed: 1\n"));
    assert!(error.contains("warning"), "{error}");
    // Nothing is pinned, so nothing is held, whatever the queue holds.
    assert_eq!(lab.run(&["held", "--json"]), (0, String::new(), String::new()));
}

#[test]
fn wrong_use_is_said() {
    let lab = Lab::new();
    lab.pinned();
    for arguments in [
        &["pins", "add", "a b", "--require", "encrypt"][..],
        &["pins", "remove", "--queue-id", "no/id"],
        &["pins", "remove", " "],
    ] {
        assert_eq!(lab.run(arguments).0, 64, "{arguments:?}");
    }
    for arguments in [
        &["pins", "add", "a.example"][..],
        &["pins", "add", "a.example", "--require", "encrypt", "--min-tls", "1.0"],
        &["pins", "remove"],
        &["pins", "remove", "a.example", "--queue-id", "A1"],
    ] {
        assert_ne!(lab.run(arguments).0, 0, "{arguments:?}");
    }
}

fn chown(path: &Path, uid: u32) {
    std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
}

#[test]
fn root_leaves_no_file_that_locks_the_owner_out() {
    assert!(nix::unistd::geteuid().is_root(), "this test becomes another user: run it as root");
    const OWNER: u32 = 54321;
    // Where that user can reach it.
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let lab = Lab { directory };
    let state = lab.state();
    fs::write(lab.directory.path().join("segl.toml"), format!("[store]\ndirectory = \"{}\"\n", state.display()))
        .unwrap();
    lab.pinned();
    chown(&state, OWNER);
    for entry in fs::read_dir(&state).unwrap() {
        chown(&entry.unwrap().path(), OWNER);
    }
    assert_eq!(lab.run(&["pins", "list"]).0, 0);
    let (code, _, error) = lab.run(&["pins", "add", "a.example", "--require", "encrypt"]);
    assert_eq!(code, 0, "{error}");
    for entry in fs::read_dir(&state).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o077), (OWNER, OWNER, 0), "{entry:?}");
    }
}
