//! `segl doctor`: every path by which mail could pass Segl, whether it is closed, and what closes it.

use super::{exit, output};
use segl::{
    config::Config,
    daemon::run::block_on,
    postfix::{
        paths::{MailPath, Remedy, State, paths},
        postconf::Postconf,
        table_files::TableFiles,
    },
};
use serde::Serialize;
use std::{
    fmt::Write as _,
    io::{self, BufRead, Write},
    process::{Command, ExitCode},
};

/// Where some path is open, or it cannot be told.
const OPEN: u8 = 1;

/// Arguments of `segl doctor`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object a line for programs.
    #[arg(long, conflicts_with = "fix")]
    json: bool,
    /// Show what would be changed in Postfix's configuration, and change it once you have said yes.
    #[arg(long)]
    fix: bool,
    /// With --fix: do not ask.
    #[arg(long, requires = "fix")]
    yes: bool,
}

/// One path, for programs.
#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    /// `safe`, `open` or `unknown`.
    state: &'static str,
    why: Option<&'a str>,
    remedy: Option<String>,
}

/// Runs `segl doctor`.
pub(crate) fn run(config: &std::path::Path, arguments: &Arguments) -> ExitCode {
    let config = match super::load_or_built_in(config) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let found = match examined(&config) {
        Ok(found) => found,
        Err(error) => return exit::fail(exit::UNAVAILABLE, error),
    };
    if arguments.fix {
        return fix(&config, &found, arguments.yes);
    }
    let text = if arguments.json { json(&found) } else { text(&found) };
    output::finish(&text, code(&found))
}

fn examined(config: &Config) -> Result<Vec<MailPath>, String> {
    let facts = block_on(Postconf::new(&config.postfix).read()).map_err(|error| error.to_string())?;
    let facts = facts.map_err(|error| format!("{error}: nothing is known of Postfix"))?;
    Ok(paths(&facts, config, &TableFiles))
}

fn code(found: &[MailPath]) -> ExitCode {
    let closed = found.iter().all(|path| path.state == State::Safe);
    if closed { ExitCode::SUCCESS } else { ExitCode::from(OPEN) }
}

fn word(state: &State) -> &'static str {
    match state {
        State::Safe => "safe",
        State::Open { .. } => "open",
        State::Unknown { .. } => "unknown",
    }
}

fn json(found: &[MailPath]) -> String {
    let mut text = String::new();
    for MailPath { about, state } in found {
        let (why, remedy) = match state {
            State::Safe => (None, None),
            State::Open { why, remedy } => (Some(why.as_str()), Some(remedy.to_string())),
            State::Unknown { why } => (Some(why.as_str()), None),
        };
        let line = Line { path: about, state: word(state), why, remedy };
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}

fn text(found: &[MailPath]) -> String {
    let mut text = String::new();
    for MailPath { about, state } in found {
        let _ = write!(text, "{:<7}  {about}", word(state));
        match state {
            State::Safe => {}
            State::Open { why, remedy } => {
                let _ = write!(text, ": {why}\n         remedy: {remedy}");
            }
            State::Unknown { why } => {
                let _ = write!(text, ": {why}");
            }
        }
        text.push('\n');
    }
    let open = found.iter().filter(|path| path.state != State::Safe).count();
    let _ = writeln!(
        text,
        "{} paths, {}",
        found.len(),
        if open == 0 { "all safe".to_owned() } else { format!("{open} not safe") }
    );
    text
}

/// What postconf can do, each once.
fn remedies(found: &[MailPath]) -> Vec<&Remedy> {
    let mut remedies: Vec<&Remedy> = Vec::new();
    for path in found {
        if let State::Open { remedy, .. } = &path.state
            && remedy.arguments().is_some()
            && !remedies.contains(&remedy)
        {
            remedies.push(remedy);
        }
    }
    remedies
}

fn fix(config: &Config, found: &[MailPath], yes: bool) -> ExitCode {
    let remedies = remedies(found);
    if remedies.is_empty() {
        return output::finish(&text(found), code(found));
    }
    let mut listing = String::from("Postfix's configuration is to be changed so:\n");
    for remedy in &remedies {
        let _ = writeln!(listing, "  {}", before(config, remedy));
        let _ = writeln!(listing, "  {remedy}");
    }
    if let Err((code, why)) = output::print(&listing) {
        return exit::fail(code, why);
    }
    if !yes && !agreed() {
        return exit::fail(OPEN, "nothing was changed");
    }
    for remedy in remedies {
        if let Err(error) = apply(config, remedy) {
            return exit::fail(exit::UNAVAILABLE, format_args!("{remedy}: {error}; what stands before it was changed"));
        }
    }
    let found = match examined(config) {
        Ok(found) => found,
        Err(error) => return exit::fail(exit::UNAVAILABLE, error),
    };
    output::finish(&format!("changed; to have Postfix read it: postfix reload\n{}", text(&found)), code(&found))
}

fn agreed() -> bool {
    print!("Change it? [y/N] ");
    let _ = io::stdout().flush();
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

/// The line as it is now, to compare with.
fn before(config: &Config, remedy: &Remedy) -> String {
    let arguments = match remedy {
        Remedy::Main { parameter, .. } => vec![(*parameter).to_owned()],
        Remedy::Master { service, parameter, .. } | Remedy::Unset { service, parameter } => {
            vec!["-P".to_owned(), format!("{service}/{parameter}")]
        }
        Remedy::ByHand(_) => return String::new(),
    };
    let output = postconf(config).args(&arguments).output();
    let printed = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!("now: {printed}")
}

fn apply(config: &Config, remedy: &Remedy) -> Result<(), String> {
    let Some(arguments) = remedy.arguments() else { return Ok(()) };
    let output = postconf(config).args(arguments).output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// postconf(1) of the Postfix that Segl is told of; the environment must not name another.
fn postconf(config: &Config) -> Command {
    let mut command = Command::new("/usr/sbin/postconf");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    if let Some(directory) = &config.postfix.config_directory {
        command.arg("-c").arg(directory);
    }
    command
}
