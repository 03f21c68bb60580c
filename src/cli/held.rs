//! `segl held`.

use std::{path::Path, process::ExitCode};

/// Arguments of `segl held`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON for programs.
    #[arg(long)]
    json: bool,
}

/// Runs `segl held`.
pub(crate) fn run(_config: &Path, arguments: &Arguments) -> ExitCode {
    let _ = arguments.json;
    super::exit::fail(super::exit::SOFTWARE, "not built yet")
}
