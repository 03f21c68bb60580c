//! `segl probe`: what destinations can do, host by host.

use super::{
    exit,
    published::{self, dane},
};
use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use segl::{
    config::Config,
    daemon::lookup::Asked,
    envelope::Direction,
    level::Level,
    nexthop::Destination,
    policy::{
        decision::{self, Decision, Prospect, Way},
        postfix_policy::Answer,
        vouched::vouched,
    },
    postfix::{
        manner,
        postconf::{Postconf, PostfixFacts},
        socketmap::Map,
        transport,
    },
    probe::{
        Assess, Capability, HostDane, HostReport, HostState, KeyExchange, Manner, Prober, Proof, Published, Report,
    },
};
use serde::Serialize;
use std::{
    io::{self, Write},
    net::IpAddr,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

/// Destinations probed at once.
const AT_ONCE: usize = 8;

/// Beyond the time that a probe has by itself, so that its own word about running out of it is heard.
const MARGIN: Duration = Duration::from_secs(1);

/// Arguments of `segl probe`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Domains, or next-hops such as `[relay.example]:587`.
    #[arg(required = true, value_name = "DOMAIN")]
    domains: Vec<String>,
    /// Print one JSON object per line for programs.
    #[arg(long)]
    json: bool,
}

/// Runs `segl probe`. Exits with 75 when it could not be told of some destination what it can do.
pub(crate) fn run(config: &Path, arguments: &Arguments) -> ExitCode {
    let config = match super::load_or_built_in(config) {
        Ok(config) => config,
        Err(code) => return code,
    };
    let mut destinations = Vec::new();
    for domain in &arguments.domains {
        match Destination::new(domain) {
            Ok(destination) => destinations.push(destination),
            Err(error) => return exit::fail(exit::USAGE, format!("`{}`: {error}", domain.escape_default())),
        }
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::fail(exit::SOFTWARE, error),
    };
    runtime.block_on(probe(&config, &destinations, arguments.json))
}

async fn probe(config: &Config, destinations: &[Destination], json: bool) -> ExitCode {
    let facts = Postconf::new(&config.postfix).read().await.ok();
    // Destinations can be looked at where there is no Postfix, too: as one would that is not configured.
    let manner = facts
        .as_ref()
        .map_or_else(|| Manner { helo: own_name(), ..Manner::default() }, |facts| manner::now(Some(facts)));
    let prober = match Prober::with(&config.probe, &config.destinations, Arc::new(manner), None) {
        Ok(prober) => prober,
        Err(error) => return exit::fail(exit::CONFIG, error),
    };
    let budget = config.probe.max_time + MARGIN;
    let prober = &prober;
    let both = |destination| async move {
        tokio::join!(prober.assess(destination, budget), prober.published(destination, budget))
    };
    let assessed = stream::iter(destinations).map(both);
    let mut reports = stream::iter(destinations).zip(assessed.buffered(AT_ONCE));
    let mut all_known = true;
    while let Some((destination, (report, published))) = reports.next().await {
        all_known &= !matches!(report.capability, Capability::Unknown { .. });
        let confidential = confidential(config, facts.as_ref(), destination, prober, &report).await;
        let mut out = io::stdout().lock();
        let written = match json {
            true => write_json(&mut out, destination, &report, &published, confidential),
            false => write_text(&mut out, destination, &report, &published, facts.as_ref(), &confidential),
        };
        if let Err(error) = written.and_then(|()| out.flush()) {
            return exit::fail(exit::IO, format!("standard output: {error}"));
        }
    }
    if all_known { ExitCode::SUCCESS } else { ExitCode::from(exit::TEMPORARY) }
}

/// What becomes of a confidential message.
struct Confidential {
    /// `accept`, `reject` or `defer`.
    action: &'static str,
    /// Why it is not accepted.
    reason: Option<String>,
    /// What Postfix would be told; `None` where the message is refused, or nothing is known of the Postfix here.
    policy: Option<String>,
}

async fn confidential(
    config: &Config,
    facts: Option<&PostfixFacts>,
    destination: &Destination,
    prober: &Prober,
    probed: &Arc<Report>,
) -> Confidential {
    let requirement = decision::requirement(&config.level.confidential);
    let report = vouched(&config.destinations, destination, requirement).map_or_else(|| Arc::clone(probed), Arc::new);
    let way = Way::Smtp(vec![(destination.clone(), report)]);
    let prospect = Prospect { domain: destination.to_string(), way };
    let decision = decision::decide(&config.level, Level::Confidential, Direction::Submitted, &[prospect]);
    let reason = match &decision {
        Decision::Reject { unmet, .. } => unmet.first().map(|(_, obstacle)| obstacle.reason().to_owned()),
        Decision::Defer { unmet, unknown, .. } => {
            let unmet = unmet.first().map(|(_, obstacle)| obstacle.reason().to_owned());
            unmet.or_else(|| unknown.first().map(|(_, reason)| reason.clone()))
        }
        Decision::Untouched | Decision::Accept { .. } => None,
    };
    let accepts = matches!(decision, Decision::Untouched | Decision::Accept { .. });
    let policy = match facts {
        Some(facts) if accepts => {
            let asked = Asked {
                destination: destination.clone(),
                requirement: Some(requirement),
                in_force: transport::in_force(Some(facts)),
                version: facts.version,
                map: Map::Policy,
            };
            match asked.later(&config.destinations, prober).await.answer {
                Answer::Policy(policy) => Some(policy),
                Answer::Temp(reason) => Some(format!("TEMP {reason}")),
                Answer::NotFound => None,
            }
        }
        _ => None,
    };
    Confidential { action: decision.word(), reason, policy }
}

/// The name to say in EHLO where the configuration has none: this machine's.
fn own_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

#[derive(Serialize)]
struct Line<'a> {
    domain: &'a Destination,
    capability: &'static str,
    how: Option<Proof>,
    tls: Vec<&'static str>,
    mx: Vec<Host<'a>>,
    /// What becomes of confidential mail: `accept`, `reject`, `defer`.
    confidential: &'static str,
    policy: Option<String>,
    expires: String,
    reason: Option<&'a str>,
    dane: &'static str,
    postfix_sees_dane: Option<bool>,
    mta_sts: &'static str,
}

#[derive(Serialize)]
struct Host<'a> {
    host: &'a str,
    address: Option<IpAddr>,
    starttls: Option<bool>,
    tls: Option<&'static str>,
    key_exchange: Option<KeyExchange>,
    verified: bool,
    dane: HostDane,
    error: Option<&'a str>,
}

fn write_json(
    out: &mut impl Write,
    destination: &Destination,
    report: &Report,
    published: &Published,
    confidential: Confidential,
) -> io::Result<()> {
    let lifetime = SignedDuration::try_from(report.lifetime).unwrap_or(SignedDuration::ZERO);
    let expires = Timestamp::now().checked_add(lifetime).unwrap_or(Timestamp::MAX);
    let line = Line {
        domain: destination,
        capability: report.capability.word(),
        how: proof(&report.capability),
        tls: versions(&report.hosts),
        mx: report
            .hosts
            .iter()
            .map(|seen| Host {
                host: &seen.host,
                address: seen.address,
                starttls: seen.starttls,
                tls: seen.tls.map(|version| version.as_str()),
                key_exchange: seen.key_exchange,
                verified: seen.verified,
                dane: seen.dane,
                error: seen.error.as_deref(),
            })
            .collect(),
        confidential: confidential.action,
        policy: confidential.policy,
        expires: format!("{expires:.0}"),
        reason: report.capability.reason(),
        dane: dane(&report.tlsa).0,
        postfix_sees_dane: report.postfix_sees_dane,
        mta_sts: published::mta_sts(&published.mta_sts).0,
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

fn write_text(
    out: &mut impl Write,
    destination: &Destination,
    report: &Report,
    published: &Published,
    facts: Option<&PostfixFacts>,
    confidential: &Confidential,
) -> io::Result<()> {
    let capability = &report.capability;
    write!(out, "{destination}: {}", capability.word())?;
    match capability {
        Capability::Authenticated { version, how: Proof::Dane } => write!(out, " by DANE, {version}")?,
        Capability::Authenticated { version, how: Proof::MtaSts } => write!(out, " by MTA-STS, {version}")?,
        Capability::Authenticated { version, how: Proof::Pkix | Proof::Administrator } => {
            write!(out, " by its certificate, {version}")?
        }
        Capability::Encrypted { version } => write!(out, ", {version}")?,
        _ => {}
    }
    if let Some(reason) = capability.reason() {
        write!(out, ": {reason}")?;
    }
    writeln!(out)?;
    let rows: Vec<[String; 4]> = report.hosts.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (host, address, result) = (width(0), width(1), width(2));
    for row in &rows {
        let line = format!("  {:host$}  {:address$}  {:result$}  {}", row[0], row[1], row[2], row[3]);
        writeln!(out, "{}", line.trim_end())?;
    }
    if !report.hosts.is_empty() {
        for line in published::lines(published, facts) {
            writeln!(out, "  {line}")?;
        }
    }
    match confidential {
        Confidential { action: "accept", policy: Some(policy), .. } => {
            writeln!(out, "  for confidential mail Postfix would be told: {policy}")?;
        }
        Confidential { action: "accept", .. } => {}
        Confidential { action, reason, .. } => {
            let for_now = if *action == "defer" { " for now" } else { "" };
            write!(out, "  confidential mail is refused{for_now}")?;
            match reason {
                Some(reason) => writeln!(out, ": {reason}")?,
                None => writeln!(out)?,
            }
        }
    }
    Ok(())
}

/// Host, address, result, remark.
fn row(host: &HostReport) -> [String; 4] {
    let result = match host.state {
        HostState::Tls => host.tls.map(|version| version.as_str()).unwrap_or_default(),
        HostState::DaneMismatch | HostState::PolicyMismatch => "mismatch",
        HostState::Cleartext => "cleartext",
        HostState::Absent => "absent",
        HostState::Ourselves => "ourselves",
        HostState::NoRoute => "no route",
        HostState::Refused => "not asked",
        HostState::Unknown => "unknown",
    };
    let remark = match (&host.error, host.verified, host.name_proven) {
        _ if host.dane == HostDane::Matches => "TLSA record matches the certificate".to_owned(),
        (Some(error), ..) => error.clone(),
        (None, true, true) => "certificate verified".to_owned(),
        (None, true, false) => "certificate verified, for a name that an unsigned MX record gave".to_owned(),
        (None, false, _) => String::new(),
    };
    let address = host.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    [host.host.clone(), address, result.to_owned(), remark]
}

fn proof(capability: &Capability) -> Option<Proof> {
    match capability {
        Capability::Authenticated { how, .. } => Some(*how),
        _ => None,
    }
}

/// The versions that were negotiated, best first.
fn versions(hosts: &[HostReport]) -> Vec<&'static str> {
    let mut versions: Vec<_> = hosts.iter().filter_map(|host| host.tls).collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.dedup();
    versions.into_iter().map(|version| version.as_str()).collect()
}
