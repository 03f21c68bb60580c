//! `segl policy`: what Postfix would be told now, and why.

use super::{
    exit,
    output::{self, rfc3339},
    published,
    state::{prepared, store_failure},
};
use segl::{
    config::{Baseline, Config, Mode},
    daemon::{lookup::Asked, run::block_on},
    nexthop::Destination,
    policy::postfix_policy::Answer,
    postfix::{
        manner,
        postconf::{Postconf, PostfixFacts},
        socketmap::Map,
        transport,
    },
    probe::{Keep, Prober},
    requirement::Requirement,
    store::{Pin, Scope, database::Database, findings::Reader},
};
use serde::Serialize;
use std::{fmt::Write, path::Path, process::ExitCode, sync::Arc};

/// Arguments of `segl policy`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
    /// Next-hops as Postfix writes them: `example.com`, `[relay.example.com]:587`.
    #[arg(required = true, value_name = "NEXT-HOP")]
    next_hops: Vec<String>,
}

/// What Postfix would be told of one next-hop.
#[derive(Serialize)]
struct Told<'a> {
    next_hop: &'a Destination,
    /// `OK`, `NOTFOUND` or `TEMP`, as in the socketmap protocol.
    answer: &'static str,
    policy: Option<String>,
    reason: Option<String>,
    mode: &'static str,
    level_in_force: Option<&'static str>,
    /// The administrator's own policy.
    fixed: Option<String>,
    /// How far the configuration holds mail that no pin holds.
    baseline: &'static str,
    /// With baseline `capable`, what counts of earlier probes; `None` where none has found TLS.
    history: Option<History>,
    /// What the destination publishes, where that counts; a line each.
    published: Option<Vec<String>>,
    #[serde(skip)]
    held: Option<String>,
    pins: Vec<Because>,
}

/// How long a destination has had TLS.
#[derive(Clone, Serialize)]
struct History {
    since: String,
    probes_without: u32,
    without_since: Option<String>,
}

impl From<&segl::probe::History> for History {
    fn from(history: &segl::probe::History) -> Self {
        let time = |seconds: i64| rfc3339(seconds.saturating_mul(1000));
        let since = time(history.since).chars().take_while(|&c| c != 'T').collect();
        Self { since, probes_without: history.without, without_since: history.without_since.map(time) }
    }
}

/// A pin that holds.
#[derive(Serialize)]
struct Because {
    scope: String,
    message: String,
    requirement: String,
    min_tls: &'static str,
    level: String,
    since: String,
}

/// Runs `segl policy`.
pub(crate) fn run(path: &Path, arguments: &Arguments) -> ExitCode {
    let config = match prepared(path) {
        Ok(config) => config,
        Err((code, why)) => return exit::fail(code, why),
    };
    let mut destinations = Vec::new();
    for next_hop in &arguments.next_hops {
        match Destination::new(next_hop) {
            Ok(destination) => destinations.push(destination),
            Err(error) => return exit::fail(exit::USAGE, format_args!("{next_hop:?}: {error}")),
        }
    }
    let read = Database::open_read_only(&config.store.directory).and_then(|database| database.pins());
    let pins = match read.map_err(store_failure) {
        Ok(pins) => pins,
        Err((code, why)) => return exit::fail(code, why),
    };
    match block_on(tell(&config, &destinations, &pins, arguments.json)) {
        Ok(text) => output::finish(&text, ExitCode::SUCCESS),
        Err(error) => exit::fail(exit::SOFTWARE, error),
    }
}

async fn tell(config: &Config, destinations: &[Destination], pins: &[Pin], json: bool) -> String {
    let facts = Postconf::new(&config.postfix).read().await.map_err(|error| error.to_string());
    let manners = Arc::new(manner::now(facts.as_ref().ok()));
    // What the daemon knows counts: a policy that it holds, a destination that had TLS.
    let findings = Reader::open(&config.store.directory).map(|findings| Arc::new(findings) as Arc<dyn Keep>);
    let prober =
        Prober::with(&config.probe, &config.destinations, manners, findings).map_err(|error| error.to_string());
    let mut text = String::new();
    for destination in destinations {
        let told = told(config, destination, pins, facts.as_ref(), prober.as_ref()).await;
        if json {
            text.push_str(&serde_json::to_string(&told).unwrap_or_default());
            text.push('\n');
        } else {
            write_text(&mut text, &told);
        }
    }
    text
}

async fn told<'a>(
    config: &Config,
    destination: &'a Destination,
    pins: &[Pin],
    facts: Result<&PostfixFacts, &String>,
    prober: Result<&Prober, &String>,
) -> Told<'a> {
    let holding: Vec<&Pin> = pins
        .iter()
        .filter(|pin| pin.scope == Scope::Everywhere || pin.scope == Scope::Destination(destination.clone()))
        .collect();
    let requirement = holding.iter().map(|pin| pin.requirement).reduce(Requirement::and);
    let in_force = transport::in_force(facts.ok());
    let observing = config.mode == Mode::Observe;
    let (answer, enforced, published, report) = match (facts, prober) {
        (Err(error), _) | (_, Err(error)) => (Answer::Temp(error.clone()), None, None, None),
        (Ok(facts), Ok(prober)) => {
            let asked = Asked {
                destination: destination.clone(),
                requirement,
                in_force: in_force.clone(),
                version: facts.version,
                map: Map::Policy,
            };
            let told = asked.later(&config.destinations, prober).await;
            // A pin that stands holds in either mode.
            match observing && requirement.is_none() {
                true => (Answer::NotFound, Some(told.answer), told.published, told.report),
                false => (told.answer, None, told.published, told.report),
            }
        }
    };
    let enforced = enforced.filter(|enforced| *enforced != answer);
    let fixed = config.destinations.fixed(destination);
    let history = report.as_ref().and_then(|report| report.history.as_ref()).map(History::from);
    let held = match config.destinations.baseline {
        Baseline::All if requirement.is_none() && fixed.is_none() => Some("TLS is asked for everywhere".to_owned()),
        Baseline::Capable => report.map(|_| had_tls(history.as_ref())),
        _ => None,
    };
    let (answer, policy, reason) = match answer {
        Answer::NotFound => ("NOTFOUND", None, Some("no pin holds it, and nothing else does".to_owned())),
        Answer::Policy(policy) => ("OK", Some(policy), None),
        Answer::Temp(reason) => ("TEMP", None, Some(reason)),
    };
    let reason = match enforced {
        Some(Answer::Policy(policy)) => Some(format!("mode is observe; mode enforce would answer {policy}")),
        Some(Answer::Temp(reason)) => Some(format!("mode is observe; mode enforce would put mail off: {reason}")),
        Some(Answer::NotFound) | None => reason,
    };
    Told {
        next_hop: destination,
        answer,
        policy,
        reason,
        mode: if observing { "observe" } else { "enforce" },
        level_in_force: in_force.as_ref().ok().map(|in_force| in_force.level.as_str()),
        fixed: fixed.map(ToString::to_string),
        baseline: config.destinations.baseline.word(),
        history,
        published: published.map(|published| published::lines(&published, facts.ok())),
        held,
        pins: holding.into_iter().map(because).collect(),
    }
}

/// Why baseline `capable` asks for TLS, or does not.
fn had_tls(history: Option<&History>) -> String {
    let Some(History { since, probes_without, without_since }) = history else {
        return "no probe has found TLS".to_owned();
    };
    match without_since {
        None => format!("it has had TLS since {since}"),
        Some(time) => format!("it had TLS since {since}, and none in the last {probes_without} probes, since {time}"),
    }
}

fn because(pin: &Pin) -> Because {
    Because {
        scope: pin.scope.to_string(),
        message: pin.holder.to_string(),
        requirement: pin.requirement.to_string(),
        min_tls: pin.requirement.min_tls().as_str(),
        level: pin.level.to_string(),
        since: rfc3339(pin.created),
    }
}

fn write_text(text: &mut String, told: &Told<'_>) {
    let answer = match &told.policy {
        Some(policy) => policy.as_str(),
        None => told.answer,
    };
    let _ = write!(text, "{}: {answer}", told.next_hop);
    if let Some(reason) = &told.reason {
        let _ = write!(text, " ({reason})");
    }
    text.push('\n');
    if let Some(level) = told.level_in_force {
        let _ = writeln!(text, "  without Segl: {level}, as main.cf and master.cf have it");
    }
    if let Some(fixed) = &told.fixed {
        let _ = writeln!(text, "  [destinations.fixed] has: {fixed}");
    }
    if let Some(held) = &told.held {
        let _ = writeln!(text, "  baseline \"{}\": {held}", told.baseline);
    }
    for line in told.published.iter().flatten() {
        let _ = writeln!(text, "  {line}");
    }
    for pin in &told.pins {
        let Because { scope, message, requirement, min_tls, level, since } = pin;
        let who = match message.as_str() {
            "-" => "the administrator".to_owned(),
            message => format!("message {message} ({level})"),
        };
        let what = if scope == "*" { "everywhere" } else { "here" };
        let _ = writeln!(text, "  {who} needs {requirement}, {min_tls} or newer, {what}, since {since}");
    }
}
