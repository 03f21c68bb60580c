//! Workers of the built program: their fence as the kernel sees it, their memory, and pictures read by the real
//! tesseract.
#![cfg(feature = "documents")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use segl::{
    config,
    documents::InProcess,
    message::{Attachment, Document, Limits, ReadAttachment, Reading},
    worker::{PictureReader, Pool, Program, Settings},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write},
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};
use zip::{ZipWriter, write::SimpleFileOptions};

const PICTURE: &[u8] = include_bytes!("corpus/reading/picture.png");

const LONG: Duration = Duration::from_secs(120);

/// The settings for a configuration, with the built program instead of this one.
fn settings(change: impl FnOnce(&mut config::Documents)) -> Settings {
    let mut config = config::Documents { workers: 1, ..config::Documents::default() };
    change(&mut config);
    let mut settings = Settings::new(&config);
    let programs = [Some(&mut settings.program), settings.pictures.as_mut().map(|pictures| &mut pictures.program)];
    for program in programs.into_iter().flatten() {
        assert_eq!(program.path, PathBuf::from("/proc/self/exe"));
        program.path = env!("CARGO_BIN_EXE_segl").into();
    }
    settings
}

fn read(pool: &Pool, files: &[(&str, &[u8])]) -> Document {
    let readers = pool.message();
    let mut reading = Reading::new(&Limits::default(), Instant::now() + LONG, &readers);
    for &(place, bytes) in files {
        let attachment = Attachment { place, name: None, media_type: None, charset: None, bytes };
        if readers.read(&attachment, &mut reading).is_err() {
            break;
        }
    }
    reading.finish()
}

fn texts(document: &Document) -> Vec<(&str, &str)> {
    document.pieces.iter().map(|piece| (&*piece.place, &*piece.text)).collect()
}

fn reasons(document: &Document) -> Vec<(&str, &str)> {
    document.unreadable.iter().map(|part| (&*part.place, &*part.reason)).collect()
}

/// Whoever reads does so behind the fence as without it: no reader needs what a worker may not do.
#[test]
fn every_document_is_read_in_a_worker_as_without_one() {
    let pool = Pool::start(settings(|_| ())).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/reading")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = fs::read(&path) else { continue };
        let name = path.file_name().unwrap().to_str().unwrap();
        let read = |reader: &dyn ReadAttachment| {
            let mut reading = Reading::new(&Limits::default(), Instant::now() + LONG, reader);
            let attachment =
                Attachment { place: "file", name: Some(name), media_type: None, charset: None, bytes: &bytes };
            let stopped = reading.attachment(&attachment).is_err();
            (reading.used(), stopped, reading.finish())
        };
        assert_eq!(read(&pool.message()), read(&InProcess), "{name}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}

/// The workers that this process has started, with so much memory: other tests start some too.
fn workers(memory: u64) -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("children")).ok());
    let children: Vec<String> = lists.flat_map(|list| list.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    let is_worker = |pid: &String| {
        let words = format!("segl\0read-worker\0--memory\0{memory}\0");
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == words.as_bytes())
    };
    children.into_iter().filter(is_worker).collect()
}

fn by_hand(arguments: &[&str], input: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segl")).arg("read-worker").args(arguments).stdin(input).output().unwrap()
}

#[test]
fn the_fence_stands_before_the_first_request() {
    let pool = Pool::start(settings(|config| config.worker_memory = 64 << 20)).unwrap();
    pool.warm_up();
    let workers = workers(64 << 20);
    let [worker] = &*workers else { panic!("{workers:?}") };
    let fields = |file: &str, separator: &str| -> BTreeMap<String, String> {
        let text = fs::read_to_string(format!("/proc/{worker}/{file}")).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once(separator));
        pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
    };
    let status = fields("status", ":");
    for (name, value) in [("NoNewPrivs", "1"), ("Seccomp", "2"), ("Threads", "1")] {
        assert_eq!(status[name], value, "{name}");
    }
    let limits = fields("limits", "  ");
    for name in ["Max core file size", "Max file size", "Max processes", "Max open files"] {
        assert!(limits[name].starts_with("0  "), "{name}: {}", limits[name]);
    }
    let memory: u64 = limits["Max address space"].split(' ').next().unwrap().parse().unwrap();
    assert!(memory < 512 << 20, "{memory}");
    let descriptors = fs::read_dir(format!("/proc/{worker}/fd")).unwrap();
    let open = descriptors.map(|entry| fs::read_link(entry.unwrap().path()).unwrap().to_string_lossy().into_owned());
    // By its own status it tells how much memory it has had.
    let status = format!("/proc/{worker}/status");
    for descriptor in open {
        assert!(descriptor.starts_with("socket:") || descriptor == "/dev/null" || descriptor == status, "{descriptor}");
    }
    assert_eq!(fs::read(format!("/proc/{worker}/environ")).unwrap().split(|byte| *byte == 0).count(), 3);

    // More than it may take: with the program's own allocator this ends it too, and costs the one file.
    let large = "æøå".repeat(40 << 20).into_bytes();
    let document = read(&pool, &[("a", b"one"), ("b", &large), ("c", b"three")]);
    assert_eq!(texts(&document), [("a", "one"), ("c", "three")]);
    assert_eq!(reasons(&document), [("b", "limit: its reader died (out of memory, most likely)")]);
}

#[test]
fn says_what_it_is_when_run_by_hand() {
    for input in [Stdio::null(), Stdio::piped()] {
        let output = by_hand(&[], input);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("read-worker is started by segl itself"), "{said}");
    }
}

#[test]
fn pictures_are_read_by_the_program_that_is_named() {
    let tesseract = ["/usr/bin/tesseract", "stdin", "stdout"].map(str::to_owned).to_vec();
    let pool = Pool::start(settings(|config| {
        config.image_reader = tesseract;
        config.image_time = LONG;
        config.image_size = 64 << 10;
    }))
    .unwrap();
    let mut too_large = PICTURE.to_vec();
    too_large.resize(100 << 10, 0);
    let broken = &PICTURE[..200];
    let document = read(&pool, &[("a", PICTURE), ("b", b"text"), ("c", &too_large), ("d", broken)]);
    let [(_, read), (_, "text")] = &*texts(&document) else { panic!("{document:?}") };
    assert!(read.contains("610190-0005"), "{read}");
    let piece = &document.pieces[0];
    assert_eq!(piece.place_of(piece.text.find("610190").unwrap()), "a > line 3");
    assert_eq!(
        reasons(&document),
        [("c", "limit: a picture of more than 65536 bytes"), ("d", "a picture that cannot be read (exit status 1)")]
    );
}

/// A picture in a document comes back out of the worker, and after the document's own text.
#[test]
fn pictures_in_documents_are_read_too() {
    let mut docx = ZipWriter::new(Cursor::new(Vec::new()));
    let main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    let types = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
        <Default Extension=\"png\" ContentType=\"image/png\"/></Types>";
    let text = format!(
        "<w:document xmlns:w=\"{main}\"><w:body><w:p><w:r><w:t>Se billedet</w:t></w:r></w:p></w:body></w:document>"
    );
    for (name, content) in [
        ("[Content_Types].xml", types.as_bytes()),
        ("word/media/image1.png", PICTURE),
        ("word/document.xml", text.as_bytes()),
    ] {
        docx.start_file(name, SimpleFileOptions::default()).unwrap();
        docx.write_all(content).unwrap();
    }
    let docx = docx.finish().unwrap().into_inner();
    let pool = Pool::start(settings(|config| {
        config.image_reader = ["/usr/bin/tesseract", "stdin", "stdout"].map(str::to_owned).to_vec();
        config.image_time = LONG;
    }))
    .unwrap();
    let document = read(&pool, &[("brev", &docx)]);
    let (place, text) = *texts(&document).last().unwrap();
    assert_eq!(place, "brev > picture \"image1.png\"");
    assert!(text.contains("610190-0005"), "{text}");
    assert!(texts(&document).iter().any(|(_, text)| text.contains("Se billedet")), "{document:?}");
    assert!(!reasons(&document).iter().any(|(_, reason)| reason.contains("picture")), "{document:?}");
}

#[test]
fn pictures_are_not_read_where_no_program_is_named() {
    let pool = Pool::start(settings(|_| ())).unwrap();
    assert_eq!(reasons(&read(&pool, &[("a", PICTURE)])), [("a", "a picture (PNG) is not read")]);
}

/// A program for pictures that is a shell script of one process.
fn script(words: &str, change: impl FnOnce(&mut PictureReader)) -> Document {
    let arguments = ["/bin/sh", "-c", words].map(str::to_owned).to_vec();
    let mut settings = settings(|config| {
        config.image_reader = arguments;
        config.image_time = LONG;
    });
    change(settings.pictures.as_mut().unwrap());
    read(&Pool::start(settings).unwrap(), &[("a", PICTURE), ("b", b"text")])
}

#[test]
fn a_program_for_pictures_is_held_to_its_bounds() {
    let directory = tempfile::tempdir().unwrap();
    let new = directory.path().join("new");
    fs::write(directory.path().join("file"), "secret").unwrap();
    let secret = directory.path().join("file").to_str().unwrap().to_owned();
    for (words, reason) in [
        // Neither another process, nor a file, nor what others have written.
        ("(echo x)".to_owned(), "a picture that cannot be read (exit status 2)"),
        (format!("echo x > {}", new.display()), "a picture that cannot be read (exit status 2)"),
        (format!("read -r line < {secret} && echo $line"), "a picture that cannot be read (exit status 2)"),
        ("kill -9 $PPID && echo x".to_owned(), "a picture that cannot be read (exit status 1)"),
        ("exit 3".to_owned(), "a picture that cannot be read (exit status 3)"),
    ] {
        let document = script(&words, |_| ());
        assert_eq!(texts(&document), [("b", "text")], "{words}");
        assert_eq!(reasons(&document), [("a", reason)], "{words}");
    }
    assert!(!new.exists());

    let document = script("while :; do :; done", |pictures| {
        let seconds = pictures.program.arguments.iter().position(|word| word == "--time").unwrap() + 1;
        pictures.program.arguments[seconds] = "1".into();
    });
    assert_eq!(reasons(&document), [("a", "limit: the program that reads pictures died (SIGKILL)")]);
    let document = script("while :; do :; done", |pictures| pictures.time = Duration::from_millis(300));
    assert_eq!(reasons(&document), [("a", "limit: a picture took longer than 300ms")]);
    let document = script("exec sleep 1000", |pictures| pictures.time = Duration::from_millis(300));
    assert_eq!(reasons(&document), [("a", "limit: a picture took longer than 300ms")]);
    let document = script("while :; do echo 0123456789012345678901234567890123456789; done", |_| ());
    assert_eq!(reasons(&document)[0], ("a", "limit: more than 33554432 bytes of text"));
}

#[test]
fn a_program_for_pictures_that_cannot_be_run_is_a_limit() {
    for program in [
        Program { path: "/nonexistent".into(), arguments: Vec::new() },
        Program {
            path: env!("CARGO_BIN_EXE_segl").into(),
            arguments: ["read-worker", "--run", "/nonexistent"].map(Into::into).to_vec(),
        },
    ] {
        let document = script("", |pictures| pictures.program = program);
        assert_eq!(texts(&document), [("b", "text")]);
        let [(_, reason)] = &*reasons(&document) else { panic!("{document:?}") };
        assert!(reason.starts_with("limit: the program that reads pictures "), "{reason}");
    }
}

/// By hand it shows whether a program works behind the fence.
#[test]
fn a_program_for_pictures_can_be_tried_by_hand() {
    let arguments = ["--run", "/bin/sh", "--", "-c", "read -r line && echo \"<$line>\""];
    let mut child = Command::new(env!("CARGO_BIN_EXE_segl"))
        .arg("read-worker")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"picture\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "<picture>\n");
}
