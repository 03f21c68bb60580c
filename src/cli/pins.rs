//! `segl pins`: what must be encrypted now, for which message; and the administrator's own pins.

use super::{
    exit,
    output::{columns, print, rfc3339},
    state::{Failure, prepared, store_failure},
};
use clap::Subcommand;
use segl::{
    config::Config,
    postfix::queue::{POSTQUEUE, Postqueue, QueueEntry, QueueError, QueueList},
    requirement::{Requirement, TlsVersion},
    store::{
        Departed, Holder, Pin, Scope,
        database::{Database, Write},
    },
};
use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

/// Arguments of `segl pins`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON for programs, one pin a line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// List every pin, oldest first (the default).
    List,
    /// Hold a destination to TLS until you remove the pin.
    Add {
        /// The next-hop as Postfix knows it (`example.dk`, `[relay.example]:587`), or `*` for all.
        destination: String,
        /// What at least.
        #[arg(long, value_enum)]
        require: Require,
        /// The least TLS version.
        #[arg(long, value_enum, default_value = "1.2", value_name = "VERSION")]
        min_tls: MinTls,
    },
    /// Remove every pin of a destination, or of a message.
    Remove {
        /// The next-hop, or `*` for the pins that hold everywhere.
        #[arg(required_unless_present = "queue_id", conflicts_with = "queue_id")]
        destination: Option<String>,
        /// The message.
        #[arg(long, value_name = "ID")]
        queue_id: Option<String>,
        /// Also where a message that needs the pin is still in the queue, or the queue cannot be read.
        #[arg(long)]
        force: bool,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Require {
    Encrypt,
    Authenticated,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum MinTls {
    #[value(name = "1.2")]
    V1_2,
    #[value(name = "1.3")]
    V1_3,
}

/// Runs `segl pins`.
pub(crate) fn run(config: &Path, arguments: &Arguments) -> ExitCode {
    let config = match prepared(config) {
        Ok(config) => config,
        Err((code, why)) => return exit::fail(code, why),
    };
    let outcome = match &arguments.action {
        None | Some(Action::List) => list(&config, arguments.json),
        Some(Action::Add { destination, require, min_tls }) => {
            add(&config, destination, *require, *min_tls, arguments.json)
        }
        Some(Action::Remove { destination, queue_id, force }) => {
            remove(&config, destination.as_deref(), queue_id.as_deref(), *force, arguments.json)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, why)) => exit::fail(code, why),
    }
}

/// Asks Postfix which of these messages are in the queue.
pub(super) fn queued(config: &Config, of: HashSet<segl::envelope::QueueId>) -> Result<Vec<QueueEntry>, QueueError> {
    let failed = |error| QueueError::NotRun { program: POSTQUEUE.to_owned(), error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let queue = Postqueue::new(POSTQUEUE, config.postfix.config_directory.clone());
    runtime.block_on(queue.list(of))
}

fn list(config: &Config, json: bool) -> Result<(), Failure> {
    let database = Database::open_read_only(&config.store.directory).map_err(store_failure)?;
    let pins = database.pins().map_err(store_failure)?;
    print(&if json { pins.iter().map(json_line).collect() } else { table(&pins) })
}

fn json_line(pin: &Pin) -> String {
    let message = pin.holder.message();
    let mut line = serde_json::json!({
        "destination": pin.scope.to_string(),
        "require": pin.requirement.word(),
        "min_tls": pin.requirement.min_tls().as_str(),
        "queue_id": message.map(|queue_id| queue_id.as_str()),
        "level": message.map(|_| pin.level.as_str()),
        "categories": pin.categories.iter().map(|category| category.as_str()).collect::<Vec<_>>(),
        "since": rfc3339(pin.created),
        "until": message.map(|_| rfc3339(pin.until.saturating_mul(1000))),
        "seen_in_queue": pin.seen,
    })
    .to_string();
    line.push('\n');
    line
}

fn table(pins: &[Pin]) -> String {
    let rows = pins.iter().map(|pin| {
        let holder = match &pin.holder {
            Holder::Message(queue_id) => queue_id.to_string(),
            Holder::Administrator => "(administrator)".to_owned(),
        };
        let least = pin.requirement.min_tls().to_string();
        [pin.scope.to_string(), pin.requirement.to_string(), least, holder, rfc3339(pin.created)]
    });
    columns(["DESTINATION", "REQUIRE", "MIN-TLS", "QUEUE-ID", "SINCE"], rows)
}

fn scope(destination: &str) -> Result<Scope, Failure> {
    Scope::parse(destination).map_err(|error| (exit::USAGE, format!("{destination:?}: {error}")))
}

fn add(config: &Config, destination: &str, require: Require, min_tls: MinTls, json: bool) -> Result<(), Failure> {
    let min_tls = match min_tls {
        MinTls::V1_2 => TlsVersion::V1_2,
        MinTls::V1_3 => TlsVersion::V1_3,
    };
    let requirement = match require {
        Require::Encrypt => Requirement::Encrypt(min_tls),
        Require::Authenticated => Requirement::Authenticated(min_tls),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let pin = Pin {
        scope: scope(destination)?,
        holder: Holder::Administrator,
        requirement,
        level: segl::level::Level::None,
        categories: Vec::new(),
        created: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
        until: i64::MAX,
        seen: false,
    };
    let mut database = Database::open_existing(&config.store.directory).map_err(store_failure)?;
    database.write(&[Write::Pin(vec![pin.clone()])]).map_err(store_failure)?;
    if json { print(&json_line(&pin)) } else { print(&format!("{} is held to {requirement}\n", pin.scope)) }
}

fn remove(
    config: &Config,
    destination: Option<&str>,
    queue_id: Option<&str>,
    force: bool,
    json: bool,
) -> Result<(), Failure> {
    let mut database = Database::open_existing(&config.store.directory).map_err(store_failure)?;
    let pins = database.pins().map_err(store_failure)?;
    let (what, write, victims) = match (destination, queue_id) {
        (Some(destination), _) => {
            let scope = scope(destination)?;
            let victims: Vec<Pin> = pins.into_iter().filter(|pin| pin.scope == scope).collect();
            (scope.to_string(), Write::Remove(scope), victims)
        }
        (None, Some(queue_id)) => {
            let Some(queue_id) = segl::envelope::QueueId::parse(queue_id) else {
                return Err((exit::USAGE, format!("{queue_id:?} is no queue ID")));
            };
            let victims: Vec<Pin> = pins.into_iter().filter(|pin| pin.holder.message() == Some(&queue_id)).collect();
            let as_of = victims.iter().map(|pin| pin.created).max().unwrap_or(i64::MIN);
            (queue_id.to_string(), Write::Release(vec![Departed { queue_id, as_of }]), victims)
        }
        (None, None) => return Err((exit::USAGE, "name a destination or a queue ID".to_owned())),
    };
    if victims.is_empty() {
        return Err((exit::NO_INPUT, format!("{what}: no such pin (segl pins list)")));
    }
    consent(config, &victims, force)?;
    let removed: usize = database.write(&[write]).map_err(store_failure)?.iter().sum();
    if json {
        return print(&victims.iter().map(json_line).collect::<String>());
    }
    print(&format!("{what}: pins removed: {removed}\n"))
}

/// Refuses to loosen what a message in the queue needs, unless it is forced.
fn consent(config: &Config, victims: &[Pin], force: bool) -> Result<(), Failure> {
    let messages: HashSet<_> = victims.iter().filter_map(|pin| pin.holder.message().cloned()).collect();
    if messages.is_empty() {
        return Ok(());
    }
    let trouble = match queued(config, messages) {
        Ok(entries) if entries.is_empty() => return Ok(()),
        Ok(entries) => {
            let entries: BTreeMap<_, _> =
                entries.iter().map(|entry| (entry.queue_id.as_str(), entry.queue_name.as_str())).collect();
            let names: Vec<String> = entries.iter().map(|(id, queue)| format!("{id} ({queue})")).collect();
            format!("still in the queue, and could then leave in the clear: {}", names.join(", "))
        }
        Err(error) => format!("cannot tell whether the message is still in the queue: {error}"),
    };
    if force {
        eprintln!("segl: warning: {trouble}");
        return Ok(());
    }
    Err((exit::TEMPORARY, format!("{trouble}; nothing was removed (--force removes all the same)")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["ærø.example".to_owned(), "x".to_owned()], ["b".to_owned(), String::new()]];
        assert_eq!(columns(["TO", "WHY"], rows.into_iter()), "TO           WHY\nærø.example  x\nb\n");
    }

    #[test]
    fn time_is_written_for_people_and_programs() {
        assert_eq!(rfc3339(1_763_762_381_999), "2025-11-21T21:59:41Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
        assert_eq!(rfc3339(i64::MAX), i64::MAX.to_string());
    }
}
