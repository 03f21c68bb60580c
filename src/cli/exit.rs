//! Exit codes of sysexits(3), and the one way in which a command says why it failed.

use std::{fmt::Display, process::ExitCode};

/// The command was used wrongly.
pub(crate) const USAGE: u8 = 64;
/// An input file is missing or cannot be read.
pub(crate) const NO_INPUT: u8 = 66;
/// A service that is needed is not there.
pub(crate) const UNAVAILABLE: u8 = 69;
/// A bug, or something the operating system refused without a reason.
pub(crate) const SOFTWARE: u8 = 70;
/// A file cannot be made.
pub(crate) const CANT_CREATE: u8 = 73;
/// Reading or writing failed.
pub(crate) const IO: u8 = 74;
/// Try again later.
pub(crate) const TEMPORARY: u8 = 75;
/// Not allowed.
pub(crate) const NO_PERMISSION: u8 = 77;
/// The configuration is wrong.
pub(crate) const CONFIG: u8 = 78;

/// Says on standard error why the command failed.
pub(crate) fn fail(code: u8, why: impl Display) -> ExitCode {
    eprintln!("segl: {why}");
    ExitCode::from(code)
}
