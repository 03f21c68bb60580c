//! `segl run`.

use std::{path::Path, process::ExitCode};

/// Arguments of `segl run`.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Runs `segl run`.
pub(crate) fn run(_config: &Path, _arguments: &Arguments) -> ExitCode {
    super::exit::fail(super::exit::SOFTWARE, "not built yet")
}
