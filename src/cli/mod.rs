//! The command line: one file per command.

use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

mod check;
mod exit;
mod held;
mod pins;
mod policy;
mod probe;
mod run;
mod scan;

/// Where the configuration is unless `-c` says otherwise.
const DEFAULT_CONFIG: &str = "/etc/segl/segl.toml";

/// Confidential mail leaves encrypted, or not at all.
#[derive(Parser)]
#[command(version, about, disable_help_subcommand = true)]
struct Arguments {
    /// The configuration file.
    #[arg(short, long, global = true, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon in the foreground.
    Run(run::Arguments),
    /// Read the configuration and the rules and print every fault.
    Check(check::Arguments),
    /// Show what would be found in messages, and why.
    Scan(scan::Arguments),
    /// Show what destinations can do, host by host.
    Probe(probe::Arguments),
    /// Show what Postfix would be told now, and why.
    Policy(policy::Arguments),
    /// Show or change what must be encrypted now.
    Pins(pins::Arguments),
    /// Show tagged messages that wait for TLS.
    Held(held::Arguments),
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = &arguments.config;
    match arguments.command {
        Command::Run(command) => run::run(config, &command),
        Command::Check(command) => check::run(config, &command),
        Command::Scan(command) => scan::run(config, &command),
        Command::Probe(command) => probe::run(config, &command),
        Command::Policy(command) => policy::run(config, &command),
        Command::Pins(command) => pins::run(config, &command),
        Command::Held(command) => held::run(config, &command),
    }
}
