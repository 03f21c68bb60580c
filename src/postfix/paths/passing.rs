//! Whether Segl's milter reads what comes in: every smtpd(8), and what pickup(8) and qmqpd(8) hand to cleanup(8).

use super::{super::postconf::split_list, MailPath, Place, PostfixFacts, Remedy, Service, id, open, safe};
use crate::config::SocketAddress;

/// One element of `smtpd_milters` (MILTER_README, "Advanced policy"): `unix:path`, or `{ unix:path, name=value … }`.
#[derive(Debug, Eq, PartialEq)]
struct Milter<'a> {
    address: &'a str,
    default_action: Option<&'a str>,
}

pub(super) fn paths(facts: &PostfixFacts, socket: &SocketAddress) -> Vec<MailPath> {
    let mut paths = Vec::new();
    for service in facts.services.iter().filter(|service| service.command == "smtpd") {
        paths.push(reads(facts, service, "smtpd_milters", socket));
        paths.extend(passed_over(facts, service));
        let value = facts.parameter_of(Some(service), "smtpd_milter_maps").unwrap_or_default();
        if !value.is_empty() {
            let place = Place::of(service, "smtpd_milter_maps");
            let why = "clients in this table get other milters, or none (DISABLE)";
            paths.push(open(place.about(), why, place.set("")));
        }
        if facts.parameter_of(Some(service), "smtpd_proxy_filter").is_some_and(|filter| !filter.is_empty()) {
            paths.push(open(
                Place::of(service, "smtpd_proxy_filter").about(),
                "milters of this service see no header and no body (SMTPD_PROXY_README)",
                Remedy::ByHand(
                    "make the filter a content_filter or a milter, or add Segl to smtpd_milters of the service that the \
                     filter gives the mail back to"
                        .to_owned(),
                ),
            ));
        }
    }
    for service in facts.services.iter().filter(|service| service.command == "cleanup") {
        paths.push(reads(facts, service, "non_smtpd_milters", socket));
    }
    let local = |service: &&Service| matches!(service.command.as_str(), "pickup" | "qmqpd");
    for service in facts.services.iter().filter(local) {
        paths.extend(passed_over(facts, service));
    }
    paths
}

/// Whether a service asks our milter, and what it does where that does not answer.
fn reads(facts: &PostfixFacts, service: &Service, parameter: &'static str, socket: &SocketAddress) -> MailPath {
    let place = Place::of(service, parameter);
    let about = format!("{}: {parameter}", id(service));
    let list = facts.parameter_of(Some(service), parameter).unwrap_or_default();
    let milters: Vec<Milter<'_>> = split_list(list).into_iter().filter_map(milter).collect();
    let ours = |milter: &&Milter<'_>| is_ours(facts, milter.address, socket);
    let Some(ours) = milters.iter().find(ours) else {
        let value = match list {
            "" => element(facts, socket),
            others => format!("{others}, {}", element(facts, socket)),
        };
        return open(about, "Segl does not read what comes in here", place.set(value));
    };
    let action = ours.default_action.or(facts.parameter_of(Some(service), "milter_default_action")).unwrap_or_default();
    match action.to_ascii_lowercase().as_str() {
        // What waits in the hold queue has left nobody.
        "tempfail" | "reject" | "quarantine" | "shutdown" => safe(about),
        action => {
            let why = format!("while Segl does not answer, mail passes unread (default action {action})");
            let remedy = match ours.default_action {
                Some(_) => Remedy::ByHand(format!("write default_action=tempfail for Segl in {parameter}")),
                None => Place::of(service, "milter_default_action").set("tempfail"),
            };
            open(about, why, remedy)
        }
    }
}

/// `receive_override_options` (postconf(5)) can switch milters off.
fn passed_over(facts: &PostfixFacts, service: &Service) -> Option<MailPath> {
    let place = Place::of(service, "receive_override_options");
    let options = split_list(facts.parameter_of(Some(service), "receive_override_options")?);
    let without = |option: &&&str| option.eq_ignore_ascii_case("no_milters");
    options.iter().find(without)?;
    let rest: Vec<&str> = options.iter().filter(|option| !without(option)).copied().collect();
    Some(open(
        format!("{}: receive_override_options", id(service)),
        "no milter reads what comes in here (no_milters)",
        place.set(rest.join(",")),
    ))
}

fn milter(element: &str) -> Option<Milter<'_>> {
    let Some(inside) = element.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return Some(Milter { address: element, default_action: None });
    };
    let mut words = split_list(inside).into_iter();
    let address = words.next()?;
    // Written `name=value` or `name = value`.
    let rest: String = words.collect::<Vec<_>>().join(" ").replace(" = ", "=").replace("= ", "=").replace(" =", "=");
    let start = rest.find("default_action=").map(|at| at + "default_action=".len());
    let action = start.and_then(|start| rest[start..].split(' ').next());
    // The text is gone with `rest`: the word is looked up in what was given.
    let default_action = action.and_then(|action| inside.find(action).map(|at| &inside[at..at + action.len()]));
    Some(Milter { address, default_action })
}

/// Whether an address of main.cf leads to Segl's socket. A path without a leading slash is in the queue directory, which
/// is also what a chrooted smtpd(8) sees.
fn is_ours(facts: &PostfixFacts, address: &str, socket: &SocketAddress) -> bool {
    match socket {
        SocketAddress::Unix(path) => {
            let named = address.strip_prefix("unix:").or_else(|| address.strip_prefix("local:")).unwrap_or(address);
            let named = std::path::Path::new(named);
            facts.queue_directory.join(named) == *path
                || named.strip_prefix("/").is_ok_and(|inside| facts.queue_directory.join(inside) == *path)
        }
        SocketAddress::Inet(ours) => {
            let is_here = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]");
            let Some(named) = address.strip_prefix("inet:") else { return false };
            let (Some((host, port)), Some((own, own_port))) = (named.rsplit_once(':'), ours.rsplit_once(':')) else {
                return false;
            };
            named == ours || port == own_port && is_here(host) && (is_here(own) || matches!(own, "0.0.0.0" | "[::]"))
        }
    }
}

/// Segl's socket as main.cf names it.
fn element(facts: &PostfixFacts, socket: &SocketAddress) -> String {
    match socket {
        SocketAddress::Unix(path) => {
            let path = path.strip_prefix(&facts.queue_directory).unwrap_or(path);
            format!("unix:{}", path.display())
        }
        SocketAddress::Inet(address) => format!("inet:{address}"),
    }
}
