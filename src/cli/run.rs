//! `segl run`: the daemon, in the foreground.

use super::{exit, load};
use segl::{
    config::located,
    daemon::{
        log,
        run::{DaemonError, SOCKET_NAMES, block_on, run as run_daemon},
        socket::{Activation, SocketError},
    },
};
use std::{path::Path, process::ExitCode};

/// Arguments of `segl run`.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Runs the daemon until it is told to end.
pub(crate) fn run(path: &Path, _: &Arguments) -> ExitCode {
    let config = match load(path) {
        Ok(config) => config,
        Err(code) => return code,
    };
    // Before there are threads: it changes the environment.
    let activation = match Activation::from_env(&SOCKET_NAMES) {
        Ok(activation) => activation,
        Err(error) => return exit::fail(exit::CONFIG, error),
    };
    let _log = match log::init(config.log.target) {
        Ok(log) => log,
        Err(error) => return exit::fail(exit::UNAVAILABLE, format_args!("log: {error}")),
    };
    match block_on(run_daemon(path, config, activation)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            for line in located(path, &error.to_string()).lines() {
                tracing::error!("{line}");
            }
            ExitCode::from(code(&error))
        }
        Err(error) => exit::fail(exit::TEMPORARY, error),
    }
}

fn code(error: &DaemonError) -> u8 {
    match error {
        DaemonError::Socket(SocketError::InUse { .. }) | DaemonError::Store(_) => exit::TEMPORARY,
        DaemonError::Socket(_) => exit::CANT_CREATE,
        DaemonError::InMemory(_) | DaemonError::Prober(_) | DaemonError::Rules(_) => exit::CONFIG,
        DaemonError::System { .. } => exit::UNAVAILABLE,
    }
}
