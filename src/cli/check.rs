//! `segl check`: what is wrong with the configuration and the rules, and what is legal but unwise.

use super::{exit, output};
use nix::sys::statfs::{FsType, TMPFS_MAGIC, statfs};
use segl::config::{Advice, Config, ConfigError, SocketAddress};
use serde::Serialize;
use std::{fmt::Write, fs::File, path::Path, process::ExitCode};

/// RAMFS_MAGIC of Linux `include/uapi/linux/magic.h`.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);

/// Arguments of `segl check`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object for programs.
    #[arg(long)]
    json: bool,
}

/// What `segl check` found.
#[derive(Debug, Default, Serialize)]
struct Found {
    faults: Vec<FileFault>,
    advice: Vec<Advice>,
}

/// A fault in a file.
#[derive(Debug, Serialize)]
struct FileFault {
    file: String,
    /// None where the fault is not one of a line.
    line: Option<usize>,
    /// Section and key, or the id of a rule; empty where it is neither's.
    key: String,
    message: String,
}

/// Runs `segl check`.
pub(crate) fn run(config: &Path, arguments: &Arguments) -> ExitCode {
    let found = check(config);
    let code = if found.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::CONFIG) };
    if !arguments.json {
        return output::print(&text(config, &found), code);
    }
    match serde_json::to_string(&found) {
        Ok(json) => output::print(&format!("{json}\n"), code),
        Err(error) => exit::fail(exit::SOFTWARE, error),
    }
}

fn check(path: &Path) -> Found {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => return Found { faults: file_faults(error), advice: Vec::new() },
    };
    let mut faults = named_files(path, &config);
    faults.extend(rule_faults(&config));
    let mut advice = config.advice();
    advice.extend(store_advice(&config));
    advice.extend(mail_log_advice(&config));
    advice.extend(socket_advice(&config));
    advice.extend(postfix_advice(&config));
    advice.push(not_followed());
    Found { faults, advice }
}

fn file_faults(error: ConfigError) -> Vec<FileFault> {
    let file = error.path().display().to_string();
    match error {
        ConfigError::Unreadable { reason, .. } => {
            vec![FileFault { file, line: None, key: String::new(), message: reason }]
        }
        ConfigError::Wrong { faults, .. } => faults
            .into_iter()
            .map(|fault| FileFault {
                file: file.clone(),
                line: Some(fault.line),
                key: fault.key,
                message: fault.message,
            })
            .collect(),
    }
}

/// Files that the configuration names and without which no probe can be made.
fn named_files(path: &Path, config: &Config) -> Vec<FileFault> {
    let named = [("[probe] trust-anchor", &config.probe.trust_anchor), ("[probe] ca-file", &config.probe.ca_file)];
    let unreadable = named.into_iter().filter_map(|(key, file)| {
        let file = file.as_ref()?;
        let error = std::fs::read(file).err()?;
        let message = format!("{}: {error}", file.display());
        Some(FileFault { file: path.display().to_string(), line: None, key: key.to_owned(), message })
    });
    unreadable.collect()
}

/// The faults of the rule files: parse and self-test of each directory in `config.detect.rules`. The detection's rule
/// set is joined here.
fn rule_faults(_config: &Config) -> Vec<FileFault> {
    Vec::new()
}

/// What in the running Postfix's configuration is unwise or not understood: transports of master.cf of which it is
/// not known where they lead, a `maximal_queue_lifetime` not shorter than `pin-lifetime`, sockets outside of the
/// queue directory of a chrooted service. The facts of postconf(1) are joined here.
fn postfix_advice(_config: &Config) -> Vec<Advice> {
    Vec::new()
}

fn store_advice(config: &Config) -> Option<Advice> {
    let directory = &config.store.directory;
    let about = "[store] directory";
    // Where it is not there yet, it will be made where its nearest ancestor lies.
    let existing = directory.ancestors().find(|ancestor| ancestor.exists())?;
    match statfs(existing).map(|statistics| statistics.filesystem_type()) {
        Ok(TMPFS_MAGIC | RAMFS_MAGIC) => Some(Advice::new(
            about,
            format!(
                "{} lies in memory: pins are lost when the host starts again, while mail that needs them waits",
                directory.display()
            ),
        )),
        Ok(_) if existing != directory => Some(Advice::new(
            about,
            format!("{} is not there: make it, owned by the user that segl runs as", directory.display()),
        )),
        Ok(_) => None,
        Err(error) => Some(Advice::new(about, format!("{}: {error}", directory.display()))),
    }
}

fn mail_log_advice(config: &Config) -> Option<Advice> {
    let path = &config.evidence.mail_log;
    if path == Path::new("") {
        return None;
    }
    let error = File::open(path).err()?;
    Some(Advice::new(
        "[evidence] mail-log",
        format!(
            "{}: {error}: that a message has left is learnt from the queue alone, or not before pin-lifetime is over",
            path.display()
        ),
    ))
}

fn socket_advice(config: &Config) -> Vec<Advice> {
    let sockets = [("[sockets] milter", &config.sockets.milter), ("[sockets] socketmap", &config.sockets.socketmap)];
    let homeless = sockets.into_iter().filter_map(|(about, address)| match address {
        SocketAddress::Unix(path) => path.parent().filter(|parent| !parent.is_dir()).map(|parent| {
            Advice::new(
                about,
                format!(
                    "the directory {} is not there: make it, or let the service manager pass the socket",
                    parent.display()
                ),
            )
        }),
        SocketAddress::Inet(_) => None,
    });
    homeless.collect()
}

/// What Postfix does with a recipient after the milter has seen it.
fn not_followed() -> Advice {
    Advice::new(
        "recipients",
        "aliases(5), .forward files, virtual aliases and BCC maps are not followed yet: a recipient counts by the domain \
         and transport that the milter sees, so internal mail that such an entry sends on to another server is not held \
         to TLS",
    )
}

fn text(config: &Path, found: &Found) -> String {
    let mut text = String::new();
    for FileFault { file, line, key, message } in &found.faults {
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
        push(&mut text, &format!("{file}{line}: {key}{message}"));
    }
    for Advice { about, text: advice } in &found.advice {
        push(&mut text, &format!("advice: {about}: {advice}"));
    }
    let faults = match found.faults.len() {
        0 => "no fault".to_owned(),
        1 => "1 fault".to_owned(),
        more => format!("{more} faults"),
    };
    push(&mut text, &format!("{}: {faults}", config.display()));
    text
}

fn push(text: &mut String, line: &str) {
    let written = writeln!(text, "{line}");
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn config(text: &str) -> Config {
        Config::parse(text).unwrap()
    }

    #[test]
    fn prints_faults_with_file_and_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segl.toml");
        fs::write(&path, "mode = 'on'\n[probe]\nport = 0\n").unwrap();
        let shown = text(&path, &check(&path)).replace(path.to_str().unwrap(), "segl.toml");
        assert_eq!(
            shown,
            "segl.toml:1: mode: must be one of \"observe\", \"enforce\", not `on`\n\
             segl.toml:3: [probe] port: must be between 1 and 65535, not `0`\n\
             segl.toml: 2 faults\n"
        );
        let json: serde_json::Value = serde_json::to_value(check(&path)).unwrap();
        assert_eq!(json["faults"][1]["line"], 3);
        assert_eq!(json["faults"][1]["key"], "[probe] port");
        fs::remove_file(&path).unwrap();
        let shown = text(&path, &check(&path)).replace(path.to_str().unwrap(), "segl.toml");
        assert_eq!(shown, "segl.toml: No such file or directory (os error 2)\nsegl.toml: 1 fault\n");
    }

    #[test]
    fn files_that_are_named_must_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segl.toml");
        fs::write(&path, "probe.ca-file = '/nonexistent/ca.pem'").unwrap();
        let found = check(&path);
        assert_eq!(found.faults.len(), 1);
        assert_eq!(found.faults[0].key, "[probe] ca-file");
        assert!(found.faults[0].message.starts_with("/nonexistent/ca.pem: No such file"));
    }

    #[test]
    fn advises_on_the_state_directory() {
        let in_memory = store_advice(&config("store.directory = '/dev/shm/segl'")).unwrap();
        assert!(in_memory.text.contains("lies in memory"), "{in_memory:?}");
        let missing = store_advice(&config("store.directory = '/usr/share/segl-is-not-here'")).unwrap();
        assert!(missing.text.contains("is not there"), "{missing:?}");
        assert_eq!(store_advice(&config("store.directory = '/usr/share'")), None);
    }

    #[test]
    fn advises_on_what_cannot_be_read_or_made() {
        assert!(mail_log_advice(&config("evidence.mail-log = '/nonexistent/mail.log'")).is_some());
        assert_eq!(mail_log_advice(&config("evidence.mail-log = '/etc/passwd'")), None);
        assert_eq!(mail_log_advice(&config("evidence.mail-log = ''")), None);
        let sockets = "sockets = { milter = '/nonexistent/milter.sock', socketmap = '/tmp/socketmap.sock' }";
        let about: Vec<_> = socket_advice(&config(sockets)).into_iter().map(|advice| advice.about).collect();
        assert_eq!(about, ["[sockets] milter"]);
    }

    #[test]
    fn says_what_is_not_followed_yet() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segl.toml");
        fs::write(&path, "").unwrap();
        let shown = text(&path, &check(&path));
        assert!(shown.contains(
            "advice: recipients: aliases(5), .forward files, virtual aliases and BCC maps are not followed yet"
        ));
        assert!(shown.ends_with("segl.toml: no fault\n"));
    }
}
