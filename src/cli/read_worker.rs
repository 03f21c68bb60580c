//! `segl read-worker`: a process in which attached files are read; segl starts it by itself.

use super::exit;
use segl::{
    documents::InProcess,
    worker::{ServeError, run_behind_fence, serve},
};
use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// Arguments of `segl read-worker`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Memory that it may take, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    memory: u64,
    /// Become this program instead, which reads a picture.
    #[arg(long, value_name = "PROGRAM")]
    run: Option<PathBuf>,
    /// Processor time that the program may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    time: u64,
    /// The program's arguments.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// Runs `segl read-worker`.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if let Some(program) = &arguments.run {
        let error = run_behind_fence(program, &arguments.arguments, arguments.memory, arguments.time);
        return exit::fail(exit::UNAVAILABLE, format_args!("{}: {error}", program.display()));
    }
    match serve(&InProcess, arguments.memory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ ServeError::NotAWorker) => exit::fail(exit::USAGE, error),
        Err(error @ ServeError::Fence(_)) => exit::fail(exit::UNAVAILABLE, error),
        Err(error @ ServeError::Socket(_)) => exit::fail(exit::IO, error),
    }
}
