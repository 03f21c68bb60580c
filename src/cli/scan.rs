//! `segl scan`: what would be found in messages, and why.

use super::exit;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use segl::{
    config::{Config, rules::read_rule_files},
    daemon::reader::{Attachments, Reader},
    detect::{RuleSet, Verdict},
    level::Category,
    message,
};
use serde_json::json;
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

/// Arguments of `segl scan`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Read the rules of this directory instead of the configuration's (may be repeated).
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// Judge as if today were this date: nobody is born after it.
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<Date>,
    /// Messages as they came over SMTP (RFC 5322); `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs `segl scan`.
pub(crate) fn run(config_path: &Path, arguments: &Arguments) -> ExitCode {
    let config = match super::load_or_built_in(config_path) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let directories = if arguments.rules.is_empty() { &config.detect.rules } else { &arguments.rules };
    let files = match read_rule_files(directories) {
        Ok(files) => files,
        Err(error) => return exit::fail(exit::CONFIG, format!("{error} (or name one with --rules)")),
    };
    let rules = match RuleSet::parse(&files) {
        Ok(rules) => rules,
        Err(faults) => {
            for fault in &faults {
                eprintln!("segl: {fault}");
            }
            return ExitCode::from(exit::CONFIG);
        }
    };
    let today = arguments.today.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
    let attachments = match Attachments::new(&config.documents) {
        Ok(attachments) => attachments,
        Err(error) => return exit::fail(exit::TEMPORARY, error),
    };
    let config = Arc::new(config);
    let scan = Scan { reader: Reader::new(rules, Arc::clone(&config), attachments), config, today };
    let mut output = io::stdout().lock();
    let mut result = 0;
    for path in &arguments.files {
        let verdict = match scan.file(path) {
            Ok(verdict) => verdict,
            Err(error) => {
                eprintln!("segl: {}: {error}", path.display());
                result = exit::NO_INPUT;
                continue;
            }
        };
        let written =
            if arguments.json { print_json(&mut output, path, &verdict) } else { print(&mut output, path, &verdict) };
        match written {
            Ok(()) => {}
            // The reader of a pipe has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::from(result),
            Err(error) => return exit::fail(exit::IO, format!("standard output: {error}")),
        }
    }
    ExitCode::from(result)
}

struct Scan {
    config: Arc<Config>,
    reader: Reader,
    today: Date,
}

impl Scan {
    fn file(&self, path: &Path) -> io::Result<Verdict> {
        let limit = self.config.detect.max_message;
        let mut raw = Vec::new();
        let take = limit as u64 + 1;
        if path == Path::new("-") {
            io::stdin().lock().take(take).read_to_end(&mut raw)?;
        } else {
            File::open(path)?.take(take).read_to_end(&mut raw)?;
        }
        if raw.len() > limit {
            let place = "message".to_owned();
            let reason = format!("limit: larger than {limit} bytes (detect.max-message)");
            let unreadable = vec![message::Unreadable { place, reason }];
            let mut verdict = Verdict { unreadable, ..Verdict::default() };
            verdict.count_unread(&self.config.detect);
            return Ok(verdict);
        }
        Ok(self.reader.read(&raw, self.today, Instant::now() + self.config.detect.max_time))
    }
}

fn print_json(output: &mut impl Write, path: &Path, verdict: &Verdict) -> io::Result<()> {
    let findings: Vec<_> = verdict
        .findings
        .iter()
        .map(|finding| {
            json!({
                "rule": &*finding.rule,
                "category": finding.category,
                "part": finding.part,
                "count": finding.count,
                // Three places, which is what rule files are exact to.
                "confidence": (f64::from(finding.confidence) * 1000.0).round() / 1000.0,
                "masked": finding.masked,
                "why": finding.why,
            })
        })
        .collect();
    let unreadable: Vec<_> =
        verdict.unreadable.iter().map(|part| json!({ "part": part.place, "reason": part.reason })).collect();
    let protected: Vec<_> =
        verdict.protected.iter().map(|part| json!({ "part": part.place, "how": part.how })).collect();
    let line = json!({
        "file": path.to_string_lossy(),
        "level": verdict.level,
        "categories": verdict.categories,
        "findings": findings,
        "unreadable": unreadable,
        "protected": protected,
    });
    writeln!(output, "{line}")
}

fn print(output: &mut impl Write, path: &Path, verdict: &Verdict) -> io::Result<()> {
    let categories: Vec<_> = verdict.categories.iter().copied().map(Category::as_str).collect();
    write!(output, "{}: {}", path.display(), verdict.level)?;
    writeln!(output, "{}{}", if categories.is_empty() { "" } else { " " }, categories.join(","))?;
    for finding in &verdict.findings {
        let times = if finding.count == 1 { String::new() } else { format!(" ({} different)", finding.count) };
        writeln!(
            output,
            "  {} in {}: {}{times}, confidence {:.2}: {}",
            finding.rule,
            printable(&finding.part),
            printable(&finding.masked),
            finding.confidence,
            finding.why
        )?;
    }
    for part in &verdict.protected {
        writeln!(output, "  protected: {}: {}", printable(&part.place), printable(&part.how))?;
    }
    for part in &verdict.unreadable {
        writeln!(output, "  not read: {}: {}", printable(&part.place), printable(&part.reason))?;
    }
    Ok(())
}

/// A message chooses the types of its parts: nothing in them may steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}
