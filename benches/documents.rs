//! How fast large documents are read, and in how much memory, beside programs that do nothing else: a workbook and a
//! document of 10 MB beside the Python library of their format, and 200 pages of PDF beside pdftotext. Each in a
//! process of its own, in turns.
//!
//! Needs what benches/large/install installs.
#![cfg(feature = "documents")]

mod measure;

use measure::{Goal, Outcome, judge, load, median, print_machine, setting};
use segl::{
    documents::InProcess,
    message::{Attachment, Limits, Reading},
};
use std::{
    env, fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// The goal for memory, in megabytes.
const MEMORY_GOAL: f64 = 150.0;

const LARGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/large");

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [read, file] if read == "read" => read_one(Path::new(file)),
        _ => run(),
    }
}

/// Reads a document in this process; prints bytes of text and the highest resident size in kilobytes.
fn read_one(path: &Path) -> Outcome {
    let bytes = fs::read(path)?;
    let limits =
        Limits { text_bytes: 1 << 30, expanded_bytes: 1 << 32, ratio: 1000, parts: 100_000, ..Limits::default() };
    let mut reading = Reading::new(&limits, Instant::now() + Duration::from_secs(600), &InProcess);
    let name = path.file_name().map(|name| name.to_string_lossy());
    let attachment =
        Attachment { place: "file", name: name.as_deref(), media_type: None, charset: None, bytes: &bytes };
    let _ = reading.attachment(&attachment);
    let document = reading.finish();
    for part in &document.unreadable {
        eprintln!("{}: {}", part.place, part.reason);
    }
    let text: usize = document.pieces.iter().map(|piece| piece.text.len()).sum();
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("{text} {}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}

/// Runs a program, and gives how long it took and what it printed.
fn timed(command: &mut Command) -> Outcome<(f64, String)> {
    let began = Instant::now();
    let output = command.output()?;
    let took = began.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Ok((took, String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

fn run() -> Outcome {
    print_machine();
    let (_, python) = timed(&mut Command::new(format!("{LARGE}/install")))?;
    let directory = env::temp_dir().join("segl-bench-documents");
    timed(Command::new(&python).arg(format!("{LARGE}/make.py")).arg(&directory))?;
    let own = env::current_exe()?;
    let rounds = setting("ROUNDS", 3);
    for name in ["large.xlsx", "large.docx", "large.pdf"] {
        let file = directory.join(name);
        let (mut ours, mut pythons, mut tools) = (Vec::new(), Vec::new(), Vec::new());
        let (mut text, mut peak, mut theirs) = (String::new(), 0.0, String::new());
        for _ in 0..rounds {
            let (took, said) = timed(Command::new(&own).arg("read").arg(&file))?;
            ours.push(took);
            let (length, kilobytes) = said.split_once(' ').ok_or("what a reader prints")?;
            (text, peak) = (length.to_owned(), kilobytes.parse::<f64>()? / 1000.0);
            let (took, said) = timed(Command::new(&python).arg(format!("{LARGE}/read.py")).arg(&file))?;
            pythons.push(took);
            theirs = said;
            if name.ends_with(".pdf") {
                tools.push(timed(Command::new("pdftotext").arg(&file).arg("/dev/null"))?.0);
            }
        }
        let megabytes = fs::metadata(&file)?.len() as f64 / 1e6;
        println!(
            "{name}: {megabytes:.1} MB; {text} bytes of text in {:.2} s; Python: {theirs} characters in {:.2} s; {}",
            median(&ours),
            median(&pythons),
            load()
        );
        judge(&format!("{name}: time, of Python's"), median(&ours) / median(&pythons), &Goal::AtMost(1.0));
        if !tools.is_empty() {
            judge(&format!("{name}: time, of pdftotext's"), median(&ours) / median(&tools), &Goal::AtMost(1.0));
        }
        judge(&format!("{name}: memory, MB"), peak, &Goal::AtMost(MEMORY_GOAL));
    }
    Ok(())
}
