//! Standard output, which may be a pipe whose reader has seen enough.

use super::exit;
use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Prints what a command has found, and passes on its exit code. A reader that has gone away is no failure.
pub(crate) fn print(text: &str, code: ExitCode) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            exit::fail(exit::IO, format!("standard output: {error}"))
        }
        _ => code,
    }
}
