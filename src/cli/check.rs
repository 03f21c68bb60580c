//! `segl check`: what is wrong with the configuration and the rules, and what is legal but unwise.

use super::{exit, output};
use segl::{
    config::{Advice, Baseline, Config, ConfigError, SocketAddress, line_of, rules::read_rule_files},
    daemon::run::block_on,
    detect::{RuleFault, RuleSet},
    postfix::{
        paths::{MailPath, State, paths},
        postconf::Postconf,
        table_files::TableFiles,
        transport::{in_force, policy_maps, why_no_authorities, why_no_dane},
    },
    probe::resolvers_validate,
    store::filesystem::memory_file_system,
};
use serde::Serialize;
use std::{fmt::Write, fs::File, path::Path, process::ExitCode};

/// Arguments of `segl check`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object for programs.
    #[arg(long)]
    json: bool,
    /// Read the rules without running the examples in them, which takes seconds.
    #[arg(long)]
    no_examples: bool,
}

/// Whether the examples in rules are run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Examples {
    Run,
    PassOver,
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
    let examples = if arguments.no_examples { Examples::PassOver } else { Examples::Run };
    let (found, code) = check(config, examples);
    let code = if found.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(code) };
    if !arguments.json {
        return output::finish(&text(config, &found), code);
    }
    match serde_json::to_string(&found) {
        Ok(json) => output::finish(&format!("{json}\n"), code),
        Err(error) => exit::fail(exit::SOFTWARE, error),
    }
}

/// What is found, and the exit code for the faults in it.
fn check(path: &Path, examples: Examples) -> (Found, u8) {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            let code = super::exit_code(&error);
            return (Found { faults: file_faults(error), advice: Vec::new() }, code);
        }
    };
    let mut faults = named_files(path, &config);
    faults.extend(rule_faults(path, &config, examples));
    let mut advice = config.advice();
    advice.extend(store_advice(&config));
    advice.extend(mail_log_advice(&config));
    advice.extend(socket_advice(&config));
    advice.extend(postfix_advice(&config));
    advice.push(not_followed());
    (Found { faults, advice }, exit::CONFIG)
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
        Some(FileFault { file: path.display().to_string(), line: line_of(path, key), key: key.to_owned(), message })
    });
    unreadable.collect()
}

/// The faults of the rule files, and the examples in them that do not come out as they say.
fn rule_faults(path: &Path, config: &Config, examples: Examples) -> Vec<FileFault> {
    let files = match read_rule_files(&config.detect.rules) {
        Ok(files) => files,
        Err(error) => {
            let key = "[detect] rules".to_owned();
            let file = path.display().to_string();
            return vec![FileFault { file, line: line_of(path, &key), key, message: error.to_string() }];
        }
    };
    let faults = match RuleSet::parse(&files) {
        Ok(rules) if examples == Examples::Run => rules.self_test(),
        Ok(_) => Vec::new(),
        Err(faults) => faults,
    };
    let fault = |fault: RuleFault| FileFault {
        file: fault.file,
        line: Some(fault.line),
        key: fault.rule.map(|rule| format!("rule {rule}")).unwrap_or_default(),
        message: fault.reason,
    };
    faults.into_iter().map(fault).collect()
}

/// What in Postfix's configuration is unwise, or not understood, as seen from Segl.
fn postfix_advice(config: &Config) -> Vec<Advice> {
    let facts = match block_on(Postconf::new(&config.postfix).read()) {
        Ok(Ok(facts)) => facts,
        Ok(Err(error)) => return vec![Advice::new("Postfix", format!("{error}: nothing is known of it"))],
        Err(error) => return vec![Advice::new("Postfix", error.to_string())],
    };
    let mut advice = Vec::new();
    let mut say = |about: &str, text: String| advice.push(Advice::new(about, text));
    for MailPath { about, state } in paths(&facts, config, &TableFiles) {
        match state {
            State::Safe => {}
            State::Open { why, remedy } => say(&about, format!("{why}; {remedy}")),
            State::Unknown { why } => say(&about, why),
        }
    }
    for service in facts.services.iter().filter(|service| service.kind == "unix" && service.command == "smtp") {
        let maps = policy_maps(&facts, Some(service));
        let about = format!("master.cf service {}", service.name);
        if let (true, Some(after)) = (maps.before.is_empty(), maps.after.first()) {
            say(
                &about,
                format!(
                    "smtp_tls_policy_maps has {after} after Segl: while a message is pinned, Segl's answer counts and \
                     not that table's, which may be stricter"
                ),
            );
        }
    }
    let untold: Vec<&str> = facts
        .services
        .iter()
        .filter(|service| service.command == "pipe" && !config.postfix.transports.contains_key(&service.name))
        .map(|service| service.name.as_str())
        .collect();
    if !untold.is_empty() {
        say(
            "[postfix.transports]",
            format!(
                "only you know whether mail that goes by {} leaves this host: write NAME = \"stays\" or \"leaves\" for \
                 those in use; until then such mail counts as leaving by a way that nothing holds to TLS, and is refused \
                 when it is confidential",
                untold.join(", ")
            ),
        );
    }
    let in_force = in_force(Some(&facts));
    if let Err(reason) = &in_force {
        say("smtp_tls_security_level", format!("{reason}: lookups of pinned destinations are put off"));
    }
    if let Ok(in_force) = in_force
        && config.destinations.baseline != Baseline::None
    {
        // All services get one answer, so that what one of them lacks is asked of none.
        if !in_force.dane_usable
            && let Some(why) = why_no_dane(&facts)
        {
            say(
                "DANE",
                format!(
                    "Postfix is not set up for it, since {why}: destinations that publish it are held to TLS, and not to \
                     their TLSA records; set smtp_dns_support_level = dnssec and leave smtp_host_lookup and \
                     smtp_dns_resolver_options as they come, with a validating resolver in /etc/resolv.conf"
                ),
            );
        }
        if in_force.dane_usable {
            match block_on(resolvers_validate()) {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => say(
                    "/etc/resolv.conf",
                    "its name servers do not validate DNSSEC (no AD bit), and Postfix believes them: destinations that \
                     publish DANE are held to TLS, and not to their TLSA records; have a validating resolver on this host \
                     (unbound, knot-resolver), and `options trust-ad` where the C library asks for it"
                        .to_owned(),
                ),
                Ok(Err(error)) => {
                    say("/etc/resolv.conf", format!("whether its name servers validate DNSSEC is not known: {error}"));
                }
                Err(error) => say("/etc/resolv.conf", error.to_string()),
            }
        }
        if !in_force.has_authorities
            && let Some(why) = why_no_authorities(&facts)
        {
            say(
                "smtp_tls_CApath",
                format!(
                    "this Postfix has no certificate authorities, since {why}: destinations with an MTA-STS policy are \
                     held to TLS, and not to the policy's names; set smtp_tls_CApath = /etc/ssl/certs or smtp_tls_CAfile"
                ),
            );
        }
    }
    if config.store.pin_lifetime <= facts.maximal_queue_lifetime {
        say("[store] pin-lifetime", "is not longer than Postfix's maximal_queue_lifetime".to_owned());
    }
    advice
}

fn store_advice(config: &Config) -> Option<Advice> {
    let directory = &config.store.directory;
    let about = "[store] directory";
    // Where it is not there yet, it will be made where its nearest ancestor lies.
    let existing = directory.ancestors().find(|ancestor| ancestor.exists())?;
    match memory_file_system(existing) {
        Ok(true) => Some(Advice::new(
            about,
            format!(
                "{} lies in memory: pins would not survive a restart, and segl run refuses it",
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
        ".forward files, and what header_checks and access(5) tables add, redirect or filter, are not followed yet: mail \
         that these send elsewhere is not held to TLS there (`forward_path =` turns .forward files off)",
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

    /// The rules as they are shipped.
    const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/rules");

    fn config(text: &str) -> Config {
        Config::parse(text).unwrap()
    }

    #[test]
    fn prints_faults_with_file_and_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segl.toml");
        fs::write(&path, "mode = 'on'\n[probe]\nport = 0\n").unwrap();
        let shown = text(&path, &check(&path, Examples::Run).0).replace(path.to_str().unwrap(), "segl.toml");
        assert_eq!(
            shown,
            "segl.toml:1: mode: must be one of \"observe\", \"enforce\", not `on`\n\
             segl.toml:3: [probe] port: must be between 1 and 65535, not `0`\n\
             segl.toml: 2 faults\n"
        );
        let json: serde_json::Value = serde_json::to_value(check(&path, Examples::Run).0).unwrap();
        assert_eq!(json["faults"][1]["line"], 3);
        assert_eq!(json["faults"][1]["key"], "[probe] port");
        fs::remove_file(&path).unwrap();
        let shown = text(&path, &check(&path, Examples::Run).0).replace(path.to_str().unwrap(), "segl.toml");
        assert_eq!(shown, "segl.toml: No such file or directory (os error 2)\nsegl.toml: 1 fault\n");
    }

    #[test]
    fn files_that_are_named_must_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segl.toml");
        fs::write(&path, format!("probe.ca-file = '/nonexistent/ca.pem'\ndetect.rules = ['{RULES}']")).unwrap();
        let (found, _) = check(&path, Examples::Run);
        assert_eq!(found.faults.len(), 1);
        assert_eq!((found.faults[0].key.as_str(), found.faults[0].line), ("[probe] ca-file", Some(1)));
        assert!(found.faults[0].message.starts_with("/nonexistent/ca.pem: No such file"));
    }

    #[test]
    fn tells_which_rule_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let rules = directory.path().join("rules");
        fs::create_dir(&rules).unwrap();
        fs::write(rules.join("own.toml"), "[[rule]]\nid = \"own.case\"\ncolour = 1\n").unwrap();
        let path = directory.path().join("segl.toml");
        fs::write(&path, format!("detect.rules = ['{}']", rules.display())).unwrap();
        let (found, _) = check(&path, Examples::Run);
        assert!(!found.faults.is_empty());
        assert!(found.faults.iter().all(|fault| fault.file.ends_with("own.toml")), "{found:?}");
        assert!(found.faults.iter().any(|fault| fault.line == Some(3)), "{found:?}");
    }

    #[test]
    fn examples_are_passed_over_where_that_is_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let rule = "[[rule]]\nid = \"own.a\"\ncategory = \"family\"\ndescription = \"a\"\nsource = \"a\"\n\
                    terms = [{ words = [\"northstar\"], base = 0.6 }]\nexamples = { found = [\"southstar\"] }\n";
        fs::write(directory.path().join("own.toml"), rule).unwrap();
        let path = directory.path().join("segl.conf");
        fs::write(&path, format!("detect.rules = ['{}']", directory.path().display())).unwrap();
        assert_eq!(check(&path, Examples::Run).0.faults.len(), 1);
        assert_eq!(check(&path, Examples::PassOver).0.faults.len(), 0);
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
    fn a_missing_file_is_told_from_a_wrong_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segl.toml");
        assert_eq!(check(&path, Examples::Run).1, exit::NO_INPUT);
        std::fs::write(&path, "mode = 1").unwrap();
        assert_eq!(check(&path, Examples::Run).1, exit::CONFIG);
    }

    #[test]
    fn says_what_is_not_followed_yet() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segl.toml");
        fs::write(&path, format!("detect.rules = ['{RULES}']")).unwrap();
        let shown = text(&path, &check(&path, Examples::Run).0);
        assert!(shown.contains(
            "advice: recipients: .forward files, and what header_checks and access(5) tables add, redirect or filter, are not"
        ));
        assert!(shown.ends_with("segl.toml: no fault\n"));
    }
}
