//! Tables that change where a message goes after Segl has seen it: actions FILTER, REDIRECT and BCC (access(5),
//! header_checks(5)), and what filters after the queue.

use super::{
    super::postconf::split_list, MailPath, Place, PostfixFacts, ReadTable, Remedy, Service, open, safe, unknown,
};

/// Parameters whose tables may have such actions.
const CHECKS: [&str; 5] =
    ["body_checks", "header_checks", "milter_header_checks", "mime_header_checks", "nested_header_checks"];

/// Parameters that name access(5) tables behind `check_…_access`.
const RESTRICTIONS: [&str; 7] = [
    "smtpd_client_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_sender_restrictions",
];

/// Actions by which mail goes elsewhere.
const ACTIONS: [&str; 3] = ["FILTER", "REDIRECT", "BCC"];

pub(super) fn paths(facts: &PostfixFacts, tables: &dyn ReadTable) -> Vec<MailPath> {
    let mut paths = Vec::new();
    let users = |command: &'static str| facts.services.iter().filter(move |service| service.command == command);
    for parameter in CHECKS {
        // cleanup(8) reads them.
        paths.extend(
            places(facts, users("cleanup"), parameter)
                .map(|(place, value)| looked_into(&place, &split_list(value), tables)),
        );
    }
    for parameter in RESTRICTIONS {
        paths.extend(places(facts, users("smtpd"), parameter).filter_map(|(place, value)| {
            let named = access_tables(value);
            (!named.is_empty()).then(|| looked_into(&place, &named, tables))
        }));
    }
    if let Some(classes) = facts.parameter("smtpd_restriction_classes").filter(|classes| !classes.is_empty()) {
        let why = format!("what {classes} ask is not looked into");
        paths.push(unknown(Place::main("smtpd_restriction_classes").about(), why));
    }
    for (place, filter) in places(facts, facts.services.iter().filter(|service| takes_mail(service)), "content_filter")
    {
        paths.push(open(
            place.about(),
            format!("{filter} gets the mail, and what it gives back comes as a message of its own, which no pin holds"),
            Remedy::ByHand(
                "filter before the queue (a milter), or let the service that the filter gives the mail back to ask Segl's \
                 milter (smtpd_milters, no no_milters)"
                    .to_owned(),
            ),
        ));
    }
    paths
}

fn takes_mail(service: &Service) -> bool {
    matches!(service.command.as_str(), "smtpd" | "pickup" | "qmqpd")
}

/// Where a parameter has a value, each place once.
fn places<'a>(
    facts: &'a PostfixFacts,
    services: impl Iterator<Item = &'a Service>,
    parameter: &'static str,
) -> impl Iterator<Item = (Place<'a>, &'a str)> {
    let own = services.filter_map(move |service| {
        let value = service.overrides.get(parameter)?;
        Some((Place::of(service, parameter), value.as_str()))
    });
    let main = facts.parameter(parameter).map(|value| (Place::main(parameter), value));
    main.into_iter().chain(own).filter(|(_, value)| !value.is_empty())
}

/// The tables behind `check_…_access`; several may stand in braces.
fn access_tables(restrictions: &str) -> Vec<&str> {
    let words = split_list(restrictions);
    let is_check = |word: &str| word.starts_with("check_") && word.ends_with("_access");
    let named = words.windows(2).filter(|pair| is_check(pair[0])).map(|pair| pair[1]);
    named
        .flat_map(|table| match table.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(several) => split_list(several),
            None => vec![table],
        })
        .collect()
}

fn looked_into(place: &Place<'_>, named: &[&str], tables: &dyn ReadTable) -> MailPath {
    for table in named {
        let text = match tables.read(table) {
            Ok(text) => text,
            Err(why) => return unknown(place.about(), format!("{table}: {why}")),
        };
        if let Some(action) = text.lines().find_map(action) {
            return open(
                place.about(),
                format!("{table} has {action}, and Segl does not know where that leads"),
                Remedy::ByHand(format!("take {action} out of {table}, or do it before the queue")),
            );
        }
    }
    safe(place.about())
}

/// The action in a line of a table that sends mail elsewhere; comments aside.
fn action(line: &str) -> Option<&'static str> {
    if line.trim_start().starts_with('#') {
        return None;
    }
    let has = |action: &&&str| {
        line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word.eq_ignore_ascii_case(action))
    };
    ACTIONS.iter().find(has).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_tables_of_restrictions() {
        for (restrictions, expected) in [
            ("", &[][..]),
            ("permit_mynetworks, reject_unauth_destination", &[]),
            (
                "check_client_access hash:/a, permit, check_sender_access {regexp:/b, pcre:/c} reject",
                &["hash:/a", "regexp:/b", "pcre:/c"],
            ),
        ] {
            assert_eq!(access_tables(restrictions), expected, "{restrictions}");
        }
    }

    #[test]
    fn finds_actions_that_send_mail_elsewhere() {
        for (line, expected) in [
            ("/^Subject:.*offer/ FILTER smtp:[10.0.0.1]", Some("FILTER")),
            ("/x/ redirect bo@else.test", Some("REDIRECT")),
            ("bo@sender.test   BCC archive@else.test", Some("BCC")),
            ("# /x/ FILTER smtp:", None),
            ("/^Received:/ IGNORE", None),
            ("/^X-Filtered:/ IGNORE", None),
            ("", None),
        ] {
            assert_eq!(action(line), expected, "{line}");
        }
    }
}
