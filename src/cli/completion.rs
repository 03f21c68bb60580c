//! `segl completion`: what a shell needs to complete commands and flags, from the same definition as they are read by.

use super::{exit, output};
use clap::CommandFactory;
use clap_complete::{Shell, generate};
use std::process::ExitCode;

/// Arguments of `segl completion`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The shell to complete for.
    shell: Shell,
}

/// Runs `segl completion`.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match String::from_utf8(script(arguments.shell)) {
        Ok(script) => output::finish(&script, ExitCode::SUCCESS),
        Err(error) => exit::fail(exit::SOFTWARE, error),
    }
}

fn script(shell: Shell) -> Vec<u8> {
    let mut command = super::Arguments::command();
    let mut script = Vec::new();
    generate(shell, &mut command, "segl", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_is_told_of_every_command_that_people_use() {
        for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
            let script = String::from_utf8(script(shell)).unwrap();
            let command = super::super::Arguments::command();
            for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
                assert!(script.contains(subcommand.get_name()), "{shell}: {}", subcommand.get_name());
            }
            assert!(script.contains("queue-id"), "{shell}");
        }
    }
}
