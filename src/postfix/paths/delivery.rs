//! What can get round the policy when mail leaves, and whether anybody hears of mail that waits.

use super::{
    super::{
        postconf::{parse_time, split_list},
        transport::policy_maps,
    },
    MailPath, Place, PostfixFacts, Service, id, is_yes, open, safe, unknown,
};
use crate::tls_policy::PostfixVersion;
use std::time::Duration;

/// A sender is to hear of mail that waits within the hour. Postfix looks at that when it tries again, and it tries a message
/// of this age again after at most twice this time (`src/qmgr/qmgr_active.c`).
const WARNED_WITHIN: Duration = Duration::from_secs(30 * 60);

/// What `delay_warning_time` is to be.
const WARNING_TIME: &str = "20m";

pub(super) fn paths(facts: &PostfixFacts) -> Vec<MailPath> {
    let mut paths = Vec::new();
    for service in facts.services.iter().filter(|service| service.kind == "unix" && service.command == "smtp") {
        paths.push(asks_segl(facts, service));
        paths.extend(cached(facts, service));
    }
    paths.extend(tls_required(facts));
    if let Some(value) = facts.parameter("forward_path").filter(|value| !split_list(value).is_empty()) {
        paths.push(open(
            Place::main("forward_path").about(),
            format!("users can have mail sent on by {value}, which no pin holds"),
            Place::main("forward_path").set(""),
        ));
    }
    paths.push(warned(facts));
    if is_yes(facts.parameter("soft_bounce").unwrap_or_default()) {
        paths.push(open(
            Place::main("soft_bounce").about(),
            "what Segl refuses is tried again for days, and its sender does not hear why",
            Place::main("soft_bounce").set("no"),
        ));
    }
    paths
}

fn asks_segl(facts: &PostfixFacts, service: &Service) -> MailPath {
    let maps = policy_maps(facts, Some(service));
    let about = format!("{}: smtp_tls_policy_maps", id(service));
    let place = Place::of(service, "smtp_tls_policy_maps");
    let all = |ours: &str, before: &[&str], after: &[&str]| {
        let rest = before.iter().chain(after).copied();
        std::iter::once(ours).chain(rest).collect::<Vec<_>>().join(", ")
    };
    if !maps.ours {
        let value = all("socketmap:unix:segl/socketmap.sock:tls", &maps.before, &maps.after);
        let why = "confidential mail is refused on this way, since nothing would hold it to TLS";
        return open(about, why, place.set(value));
    }
    match maps.before.first() {
        Some(before) => {
            let why = format!("{before} is asked before Segl: confidential mail is refused on this way");
            let list = split_list(facts.parameter_of(Some(service), "smtp_tls_policy_maps").unwrap_or_default());
            let (before, ours): (Vec<&str>, Vec<&str>) = list.iter().partition(|table| maps.before.contains(table));
            let (ours, after) = ours.split_first().map_or(("", &[][..]), |(ours, after)| (*ours, after));
            open(about, why, place.set(all(ours, &before, after)))
        }
        None => safe(about),
    }
}

/// The cache of connections forgets the TLS level in some versions.
fn cached(facts: &PostfixFacts, service: &Service) -> Vec<MailPath> {
    if !reuses_cleartext(facts.version) {
        return Vec::new();
    }
    let why = format!("Postfix {} reuses cleartext connections for mail that must be encrypted", facts.version);
    let value = |parameter| facts.parameter_of(Some(service), parameter).unwrap_or_default();
    let mut paths = Vec::new();
    let on_demand = Place::of(service, "smtp_connection_cache_on_demand");
    let about = format!("{}: smtp_connection_cache_on_demand", id(service));
    paths.push(match is_yes(value("smtp_connection_cache_on_demand")) {
        true => open(about, why.clone(), on_demand.set("no")),
        false => safe(about),
    });
    if !value("smtp_connection_cache_destinations").is_empty() {
        let place = Place::of(service, "smtp_connection_cache_destinations");
        paths.push(open(format!("{}: smtp_connection_cache_destinations", id(service)), why, place.set("")));
    }
    paths
}

/// Whether this version's cache of connections forgets the TLS level: all before 3.8.12, 3.9, 3.10 before 3.10.3.
fn reuses_cleartext(version: PostfixVersion) -> bool {
    let fixed_in_3_8 = version.at_least(3, 8, 12) && !version.at_least(3, 9, 0);
    !fixed_in_3_8 && !version.at_least(3, 10, 3)
}

/// RFC 8689, since 3.10.
fn tls_required(facts: &PostfixFacts) -> Option<MailPath> {
    facts.parameter("tls_required_enable")?;
    let place = Place::main("tls_required_enable");
    Some(match facts.honours_tls_required_no() {
        true => {
            open(place.about(), "any sender can lift the TLS policy with a TLS-Required: no header", place.set("no"))
        }
        false => safe(place.about()),
    })
}

fn warned(facts: &PostfixFacts) -> MailPath {
    let place = Place::main("delay_warning_time");
    let value = facts.parameter("delay_warning_time").unwrap_or_default();
    match parse_time(value, 'h') {
        Some(time) if !time.is_zero() && time <= WARNED_WITHIN => safe(place.about()),
        Some(_) => open(
            place.about(),
            format!("with {value}, a sender does not hear within the hour that mail waits"),
            place.set(WARNING_TIME),
        ),
        None => unknown(place.about(), format!("{value} is not understood")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_whose_connection_cache_forgets_the_level() {
        for (version, forgets) in [
            ("3.7.11", true),
            ("3.8.11", true),
            ("3.8.12", false),
            ("3.9.5", true),
            ("3.10.2", true),
            ("3.10.3", false),
            ("3.11.0", false),
        ] {
            assert_eq!(PostfixVersion::parse(version).map(reuses_cleartext), Some(forgets), "{version}");
        }
    }
}
