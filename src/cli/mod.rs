//! The command line: one file per command.

use clap::{Parser, Subcommand};
use segl::config::{Config, ConfigError};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

mod check;
mod completion;
mod doctor;
mod exit;
mod held;
mod output;
mod pins;
mod policy;
mod probe;
mod published;
#[cfg(feature = "documents")]
mod read_worker;
mod run;
mod scan;
mod state;

/// Where the configuration is unless `-c` says otherwise.
const USUAL_CONFIGURATION: &str = "/etc/segl/segl.toml";

/// Confidential mail leaves encrypted, or not at all.
#[derive(Parser)]
#[command(version, about, disable_help_subcommand = true)]
struct Arguments {
    /// The configuration file.
    #[arg(short, long, global = true, value_name = "FILE", default_value = USUAL_CONFIGURATION)]
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
    /// Look for ways by which mail could pass Segl, and show what closes each.
    Doctor(doctor::Arguments),
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
    /// Print what a shell needs to complete commands and flags.
    Completion(completion::Arguments),
    /// Read attached files on behalf of segl, which starts this by itself.
    #[cfg(feature = "documents")]
    #[command(hide = true)]
    ReadWorker(read_worker::Arguments),
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version were asked for and go to standard output; all else was a mistake.
            let code = if error.use_stderr() { exit::USAGE } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let config = &arguments.config;
    match arguments.command {
        Command::Run(command) => run::run(config, &command),
        Command::Check(command) => check::run(config, &command),
        Command::Doctor(command) => doctor::run(config, &command),
        Command::Scan(command) => scan::run(config, &command),
        Command::Probe(command) => probe::run(config, &command),
        Command::Policy(command) => policy::run(config, &command),
        Command::Pins(command) => pins::run(config, &command),
        Command::Held(command) => held::run(config, &command),
        Command::Completion(command) => completion::run(&command),
        #[cfg(feature = "documents")]
        Command::ReadWorker(command) => read_worker::run(&command),
    }
}

/// Loads the configuration; where that fails, says every fault on standard error.
fn load(config: &Path) -> Result<Config, ExitCode> {
    Config::load(config).map_err(|error| {
        eprintln!("{error}");
        ExitCode::from(exit_code(&error))
    })
}

fn exit_code(error: &ConfigError) -> u8 {
    match error {
        ConfigError::Unreadable { .. } => exit::NO_INPUT,
        ConfigError::Wrong { .. } => exit::CONFIG,
    }
}

/// As [`load`]; where there is no file at the usual place, says so and takes what is built in. For commands that need
/// little of the configuration and are of use before Segl is set up.
fn load_or_built_in(config: &Path) -> Result<Config, ExitCode> {
    if config == Path::new(USUAL_CONFIGURATION) && !config.exists() {
        eprintln!("segl: {USUAL_CONFIGURATION} is not there: the built-in settings hold");
        return Ok(Config::default());
    }
    load(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    const MANUAL: &str = include_str!("../../man/segl.8");

    /// The items of the manual page: what stands behind `.It`, macros aside.
    fn items(section: &str) -> Vec<&'static str> {
        let start = MANUAL.find(section).unwrap_or_else(|| panic!("no {section} in man/segl.8"));
        let text = &MANUAL[start + section.len()..];
        let end = text.find("\n.S").unwrap_or(text.len());
        text[..end].lines().filter_map(|line| line.strip_prefix(".It ")).collect()
    }

    fn names(item: &str, macro_name: &str, word: &str) -> bool {
        let words: Vec<_> = item.split_whitespace().collect();
        words.windows(2).any(|pair| pair == [macro_name, word])
    }

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_manual_page_names_every_command_and_flag() {
        let command = Arguments::command();
        let flags = |command: &clap::Command| -> Vec<String> {
            let visible = command.get_arguments().filter(|argument| !argument.is_hide_set());
            visible.filter_map(|argument| argument.get_long().map(|long| format!("Fl -{long}"))).collect()
        };
        let options = items(".Sh OPTIONS");
        for flag in flags(&command) {
            assert!(options.iter().any(|item| item.contains(&flag)), "{flag} is not in OPTIONS of man/segl.8");
        }
        for subcommand in command.get_subcommands() {
            let name = subcommand.get_name();
            let title = format!(".Ss segl {name}");
            assert!(MANUAL.contains(&format!("{title}\n")), "{title} is not in man/segl.8");
            let options = items(&title);
            let nested = subcommand.get_subcommands().flat_map(flags);
            for flag in flags(subcommand).into_iter().chain(nested) {
                assert!(options.iter().any(|item| item.contains(&flag)), "{flag} is not under {title} of man/segl.8");
            }
            for nested in subcommand.get_subcommands().map(clap::Command::get_name) {
                let is_named = options.iter().any(|item| names(item, "Cm", nested));
                assert!(is_named, "{nested} is not under {title} of man/segl.8");
            }
        }
    }

    #[test]
    fn the_manual_page_names_every_exit_code() {
        let source = include_str!("exit.rs");
        let codes: Vec<_> =
            source.lines().filter_map(|line| Some(line.split_once(": u8 = ")?.1.trim_end_matches(';'))).collect();
        assert!(!codes.is_empty());
        let items = items(".Sh EXIT STATUS");
        for code in codes {
            assert!(items.iter().any(|item| names(item, "Cm", code) || *item == code), "{code} is not in man/segl.8");
        }
    }
}
