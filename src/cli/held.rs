//! `segl held`: tagged messages that wait in the queue, since when, where to, and why.

use super::{
    exit,
    output::{columns, print, rfc3339},
    pins::queued,
    state::{Failure, prepared, store_failure},
};
use segl::{
    config::Config,
    postfix::queue::QueueEntry,
    store::{Pin, database::Database},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::ExitCode,
};

/// Arguments of `segl held`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON for programs, one message a line.
    #[arg(long)]
    json: bool,
}

/// Runs `segl held`.
pub(crate) fn run(config: &Path, arguments: &Arguments) -> ExitCode {
    match prepared(config).and_then(|config| held(&config, arguments.json)) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, why)) => exit::fail(code, why),
    }
}

fn held(config: &Config, json: bool) -> Result<(), Failure> {
    let database = Database::open_read_only(&config.store.directory).map_err(store_failure)?;
    let mut messages: BTreeMap<_, Vec<Pin>> = BTreeMap::new();
    for pin in database.pins().map_err(store_failure)? {
        if let Some(queue_id) = pin.holder.message() {
            messages.entry(queue_id.clone()).or_default().push(pin);
        }
    }
    let mut entries = match messages.is_empty() {
        true => Vec::new(),
        false => queued(config, messages.keys().cloned().collect())
            .map_err(|error| (exit::UNAVAILABLE, format!("cannot read Postfix's queue: {error}")))?,
    };
    entries.sort_by(|a, b| (a.arrival_time, &a.queue_id).cmp(&(b.arrival_time, &b.queue_id)));
    // A message that moves while it is listed may be listed twice.
    entries.dedup_by(|a, b| a.queue_id == b.queue_id);
    let held = entries.iter().filter_map(|entry| Some((entry, messages.get(&entry.queue_id)?)));
    print(&if json { held.map(|(entry, pins)| json_line(entry, pins)).collect() } else { table(held) })
}

fn json_line(entry: &QueueEntry, pins: &[Pin]) -> String {
    let requirements: Vec<_> = pins
        .iter()
        .map(|pin| {
            serde_json::json!({
                "destination": pin.scope.to_string(),
                "require": pin.requirement.word(),
                "min_tls": pin.requirement.min_tls().as_str(),
            })
        })
        .collect();
    let recipients: Vec<_> = entry
        .recipients
        .iter()
        .map(|waiting| serde_json::json!({ "address": waiting.address, "reason": waiting.delay_reason }))
        .collect();
    let categories: BTreeSet<_> = pins.iter().flat_map(|pin| &pin.categories).collect();
    let mut line = serde_json::json!({
        "queue_id": entry.queue_id.as_str(),
        "queue": entry.queue_name.as_str(),
        "since": rfc3339(entry.arrival_time.saturating_mul(1000)),
        "sender": entry.sender,
        "level": pins.iter().map(|pin| pin.level).max().unwrap_or_default().as_str(),
        "categories": categories.into_iter().map(|category| category.as_str()).collect::<Vec<_>>(),
        "pins": requirements,
        "recipients": recipients,
        "more_recipients": entry.more_recipients,
    })
    .to_string();
    line.push('\n');
    line
}

fn table<'a>(held: impl Iterator<Item = (&'a QueueEntry, &'a Vec<Pin>)>) -> String {
    let rows = held.map(|(entry, pins)| {
        let level = pins.iter().map(|pin| pin.level).max().unwrap_or_default();
        let reasons: BTreeSet<_> =
            entry.recipients.iter().filter_map(|waiting| waiting.delay_reason.as_deref()).map(printable).collect();
        let why = match reasons.is_empty() {
            true => "not tried yet".to_owned(),
            false => reasons.into_iter().collect::<Vec<_>>().join("; "),
        };
        [
            entry.queue_id.to_string(),
            entry.queue_name.as_str().to_owned(),
            rfc3339(entry.arrival_time.saturating_mul(1000)),
            level.to_string(),
            domains(entry),
            why,
        ]
    });
    columns(["QUEUE-ID", "QUEUE", "SINCE", "LEVEL", "TO", "WHY"], rows)
}

/// The domains that the message waits for: whom it is to is nobody's business who only asks why it waits.
fn domains(entry: &QueueEntry) -> String {
    let domains: BTreeSet<_> = entry
        .recipients
        .iter()
        .map(|waiting| waiting.address.rsplit_once('@').map_or(waiting.address.as_str(), |(_, domain)| domain))
        .map(printable)
        .collect();
    let mut text = domains.into_iter().collect::<Vec<_>>().join(",");
    if entry.more_recipients > 0 {
        text.push_str(",…");
    }
    text
}

/// Other servers' words, without what would move a terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use segl::{
        envelope::QueueId,
        level::{Category, Level},
        postfix::queue::{QueueName, Waiting},
        requirement::{Requirement, TlsVersion},
        store::{Holder, Scope},
    };

    fn message() -> (QueueEntry, Vec<Pin>) {
        let queue_id = QueueId::parse("4dCq1B0Xz9zJrP").unwrap();
        let waiting = |address: &str, reason: Option<&str>| Waiting {
            address: address.to_owned(),
            delay_reason: reason.map(str::to_owned),
        };
        let entry = QueueEntry {
            queue_id: queue_id.clone(),
            queue_name: QueueName::Deferred,
            arrival_time: 1_763_762_381,
            sender: "s@our.example".to_owned(),
            recipients: vec![
                waiting("a@clinic.example", Some("TLS is required, but was not offered by host \x1b[31mx")),
                waiting("b@clinic.example", Some("TLS is required, but was not offered by host \x1b[31mx")),
                waiting("c@other.example", None),
            ],
            more_recipients: 0,
        };
        let pin = Pin {
            scope: Scope::parse("clinic.example").unwrap(),
            holder: Holder::Message(queue_id),
            requirement: Requirement::Encrypt(TlsVersion::V1_2),
            level: Level::Sensitive,
            categories: vec![Category::Health],
            created: 0,
            until: 0,
            seen: true,
        };
        (entry, vec![pin])
    }

    #[test]
    fn says_which_since_when_where_to_and_why() {
        let (entry, pins) = message();
        assert_eq!(
            table([(&entry, &pins)].into_iter()),
            "QUEUE-ID        QUEUE     SINCE                 LEVEL      TO                            WHY\n\
             4dCq1B0Xz9zJrP  deferred  2025-11-21T21:59:41Z  sensitive  clinic.example,other.example  TLS is required, \
             but was not offered by host ?[31mx\n"
        );
        let line: serde_json::Value = serde_json::from_str(&json_line(&entry, &pins)).unwrap();
        assert_eq!(line["pins"][0]["destination"], "clinic.example");
        assert_eq!(line["recipients"][0]["address"], "a@clinic.example");
        assert_eq!(line["categories"], serde_json::json!(["health"]));
    }
}
