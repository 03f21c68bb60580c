//! What commands print: to standard output, which may be a pipe whose reader has seen enough.

use super::{exit, state::Failure};
use std::{
    fmt::Write as _,
    io::{self, Write},
    process::ExitCode,
};

/// Prints to standard output. A reader that has gone away is no failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err((exit::IO, format!("standard output: {error}"))),
        _ => Ok(()),
    }
}

/// Prints what a command has found, and passes on its exit code.
pub(super) fn finish(text: &str, code: ExitCode) -> ExitCode {
    match print(text) {
        Ok(()) => code,
        Err((code, why)) => exit::fail(code, why),
    }
}

/// Unix time in milliseconds as RFC 3339 in UTC, to the second.
pub(super) fn rfc3339(unix_ms: i64) -> String {
    jiff::Timestamp::from_second(unix_ms.div_euclid(1000)).map_or_else(|_| unix_ms.to_string(), |time| time.to_string())
}

/// Text in columns as wide as they must be; the last is as it comes.
pub(super) fn columns<const N: usize>(heading: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = std::iter::once(heading.map(str::to_owned)).chain(rows).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
