//! What every kind of destination can do, what Postfix is told of it, and what Postfix then does with its mail: a row for
//! each behaviour of the small internet. posttls-finger is asked besides what Postfix by itself would make of it.

use super::{
    post::{ORDINARY, accepted, with},
    scenario, up,
};
use crate::support::lab::{Lab, Options, SEGL_TOML};
use serde_json::Value;
use std::collections::BTreeMap;

/// One kind of destination.
struct Row {
    domain: &'static str,
    /// `segl probe`: capability, and how a server is proven.
    capability: &'static str,
    /// What Postfix is told for ordinary mail: a policy, or `-` for nothing, or `TEMP` for a temporary failure.
    policy: &'static str,
    /// What became of an ordinary message: how it was delivered, or words of why it waits.
    outcome: &'static str,
}

/// Destinations whose most preferred host is not to be proven: posttls-finger goes no further than the first that answers,
/// smtp(8) goes on to the next.
const FIRST_HOST_FAILS: &[&str] = &["tlsa-onebad.signed.test", "sts-half.plain.test"];

const fn row(domain: &'static str, capability: &'static str, policy: &'static str, outcome: &'static str) -> Row {
    Row { domain, capability, policy, outcome }
}

/// smtp(8) reads a greeting for as long as lines of it come: nothing is heard of such a message for five minutes and more.
const NEVER: &str = "";

const ROWS: &[Row] = &[
    row("tls13.plain.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row("tls12.plain.test", "encrypted", "-", "Untrusted TLSv1.2"),
    row("tls11.plain.test", "cleartext", "-", "Untrusted TLSv1.1"),
    row("verified.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("wrongname.plain.test", "encrypted", "-", "Trusted TLSv1.3"),
    row("expired.plain.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row("cleartext.plain.test", "cleartext", "-", "clear"),
    row("half.plain.test", "encrypted", "-", "clear"),
    row("implicit.plain.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row("cname.plain.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row("six.plain.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row("static-rsa.plain.test", "encrypted", "-", "Untrusted TLSv1.2"),
    row("dhe.plain.test", "encrypted", "-", "Untrusted TLSv1.2"),
    row("starttls-inject.plain.test", "unknown", "-", "Untrusted TLSv1.3"),
    row("starttls-breaks.plain.test", "unknown", "-", "deferred (Cannot start TLS"),
    row("banner-flood.plain.test", "unknown", "-", NEVER),
    row("helo-only.plain.test", "cleartext", "-", "clear"),
    row(
        "greeting-4xx.plain.test",
        "unknown",
        "-",
        "deferred (host mx.greeting-4xx.plain.test[192.0.2.167] refused to talk to me",
    ),
    row("nullmx.plain.test", "undeliverable", "-", "bounced (Domain nullmx.plain.test does not accept mail"),
    row("no-host.plain.test", "undeliverable", "-", "bounced (Host or domain name not found"),
    row("loopback.plain.test", "unknown", "-", "bounced (mail for loopback.plain.test loops back"),
    row(
        "private.plain.test",
        "unknown",
        "-",
        "deferred (connect to mx.private.plain.test[10.0.0.1]:25: Network is unreachable",
    ),
    row("servfail.plain.test", "unknown", "TEMP", "deferred (Host or domain name not found"),
    row("bogus.test", "unknown", "TEMP", "deferred (Host or domain name not found"),
    row("stale.test", "unknown", "TEMP", "deferred (Host or domain name not found"),
    row("no-tlsa.signed.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row("tlsa-good.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-rollover.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-ta.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-ta-cert.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-ta-wrongname.signed.test", "unknown", "dane-only", "deferred (Server certificate not verified"),
    row("tlsa-ta-nochain.signed.test", "unknown", "dane-only", "deferred (Server certificate not verified"),
    row("tlsa-ee-wrongname.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-ee-expired.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-bad.signed.test", "unknown", "dane-only", "deferred (Server certificate not verified"),
    row("tlsa-cleartext.signed.test", "cleartext", "dane-only", "deferred (TLS is required, but was not offered"),
    row("tlsa-unusable.signed.test", "encrypted", "dane", "Untrusted TLSv1.3"),
    row("tlsa-unusable-type.signed.test", "encrypted", "dane", "Untrusted TLSv1.3"),
    row("tlsa-unusable-digest.signed.test", "encrypted", "dane", "Untrusted TLSv1.3"),
    row("tlsa-half.signed.test", "authenticated/dane", "dane", "Verified TLSv1.3"),
    row("tlsa-onebad.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-gone.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-cname.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-cname-alias.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("tlsa-insecure-mx.plain.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row("tlsa-servfail.signed.test", "encrypted", "TEMP", "deferred (client TLS configuration problem"),
    // Postfix passes over the host of which it cannot tell.
    row("tlsa-doubt.signed.test", "encrypted", "dane", "Untrusted TLSv1.3"),
    row("tlsa-bogus.signed.test", "encrypted", "TEMP", "deferred (client TLS configuration problem"),
    row("both-dane-good.signed.test", "authenticated/dane", "dane-only", "Verified TLSv1.3"),
    row("both-dane-bad.signed.test", "unknown", "dane-only", "deferred (Server certificate not verified"),
    row(
        "sts-enforce.plain.test",
        "authenticated/mta-sts",
        "secure match=mx.sts-enforce.plain.test:mx.sts-redirect.plain.test:mx.sts-cname.plain.test servername=hostname",
        "Verified TLSv1.3",
    ),
    row(
        "sts-wildcard.plain.test",
        "authenticated/mta-sts",
        "secure match=.sts-wildcard.plain.test servername=hostname",
        "Verified TLSv1.3",
    ),
    row(
        "sts-cname.plain.test",
        "authenticated/mta-sts",
        "secure match=mx.sts-enforce.plain.test:mx.sts-redirect.plain.test:mx.sts-cname.plain.test servername=hostname",
        "Verified TLSv1.3",
    ),
    row("sub.sts-enforce.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-testing.plain.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row("sts-none.plain.test", "encrypted", "-", "Untrusted TLSv1.3"),
    row(
        "sts-mismatch.plain.test",
        "unknown",
        "secure match=mx.another.example servername=hostname",
        "deferred (Server certificate not verified",
    ),
    row(
        "sts-selfsigned.plain.test",
        "unknown",
        "secure match=mx.sts-selfsigned.plain.test servername=hostname",
        "deferred (Server certificate not verified",
    ),
    row(
        "sts-wrongname.plain.test",
        "unknown",
        "secure match=mx.sts-wrongname.plain.test servername=hostname",
        "deferred (Server certificate not verified",
    ),
    row(
        "sts-expired.plain.test",
        "unknown",
        "secure match=mx.sts-expired.plain.test servername=hostname",
        "deferred (Server certificate not verified",
    ),
    row(
        "sts-cleartext.plain.test",
        "cleartext",
        "secure match=mx.sts-cleartext.plain.test servername=hostname",
        "deferred (TLS is required, but was not offered",
    ),
    row(
        "sts-half.plain.test",
        "authenticated/mta-sts",
        "secure match=mx2.sts-half.plain.test servername=hostname",
        "Verified TLSv1.3",
    ),
    row("sts-host-selfsigned.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-host-wrongname.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-host-expired.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-host-closed.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-host-dead.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-host-gone.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-host-loopback.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-host-private.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-redirect.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-404.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-type.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-oversize.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-slow.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row(
        "sts-chunked.plain.test",
        "authenticated/mta-sts",
        "secure match=mx.sts-chunked.plain.test servername=hostname",
        "Verified TLSv1.3",
    ),
    row("sts-bad-policy.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-bad-txt.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-two-txt.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-no-txt.plain.test", "authenticated/pkix", "-", "Trusted TLSv1.3"),
    row("sts-servfail.plain.test", "authenticated/pkix", "TEMP", "deferred (client TLS configuration problem"),
];

/// Every kind of destination.
pub(super) fn domains() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.domain)
}

scenario!(every_kind_of_destination_gets_what_it_publishes);

fn every_kind_of_destination_gets_what_it_publishes(options: &Options<'_>) {
    let lab = up(&with(options, &["smtp_dns_support_level=dnssec", "smtp_tls_security_level=may"]));
    let _segl = lab.start_segl(SEGL_TOML);
    let sent: Vec<(String, &Row)> =
        ROWS.iter().map(|row| (accepted(&lab, &[&format!("bo@{}", row.domain)], ORDINARY), row)).collect();
    let domains: Vec<&str> = ROWS.iter().map(|row| row.domain).collect();
    let output = lab.segl(&[&["probe", "--json"], &domains[..]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let reports: BTreeMap<String, Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .map(|report: Value| (report["domain"].as_str().unwrap().to_owned(), report))
        .collect();
    let mut tried = BTreeMap::new();
    lab.expect("every message was tried", || {
        let log = lab.mail_log();
        let waiting = sent.iter().filter(|(_, row)| row.outcome != NEVER && !tried.contains_key(row.domain));
        let outcomes: Vec<_> =
            waiting.filter_map(|(queue_id, row)| Some((row.domain, outcome(&log, queue_id)?))).collect();
        tried.extend(outcomes);
        sent.iter().all(|(_, row)| row.outcome == NEVER || tried.contains_key(row.domain))
    });
    let mut wrong = Vec::new();
    for row in ROWS {
        let report = &reports[row.domain];
        let how = report["how"].as_str().map(|how| format!("/{how}")).unwrap_or_default();
        let capability = format!("{}{how}", report["capability"].as_str().unwrap());
        let told = told(&lab, row.domain);
        let outcome = tried.get(row.domain).cloned().unwrap_or_default();
        let found = format!("{}: {capability}, {told}, {outcome} ({})", row.domain, report["reason"]);
        println!("{found}");
        if capability != row.capability || told != row.policy || !outcome.starts_with(row.outcome) {
            wrong.push(found);
        } else if let Some(verified) = by_posttls_finger(&lab, row)
            && verified != outcome.starts_with("Verified")
        {
            wrong.push(format!("posttls-finger says verified={verified}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether Postfix's own tester proves a server of the destination at the level that Postfix is told.
fn by_posttls_finger(lab: &Lab, row: &Row) -> Option<bool> {
    let (level, names) = match row.policy.split_once(" match=") {
        Some((level, names)) => (level, names.split(' ').next()?.split(':').collect()),
        None => (row.policy, Vec::new()),
    };
    if !["dane", "dane-only", "secure"].contains(&level) || FIRST_HOST_FAILS.contains(&row.domain) {
        return None;
    }
    let arguments = [
        &["posttls-finger", "-c", "-t", "5", "-T", "5", "-F", "/etc/segl/lab-ca.pem", "-l", level, row.domain],
        &names[..],
    ]
    .concat();
    let output = lab.run(&arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some(text.contains("Verified TLS connection"))
}

/// What Postfix's own client is told: a policy, `-` for nothing, or `TEMP`.
pub(super) fn told(lab: &Lab, key: &str) -> String {
    told_by("socketmap:unix:/var/spool/postfix/segl/socketmap.sock:tls", lab, key)
}

/// The same of another map.
pub(super) fn told_by(map: &str, lab: &Lab, key: &str) -> String {
    let output = lab.run(&["postmap", "-f", "-q", key, map]);
    let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    match (output.status.success(), output.stderr.is_empty()) {
        (true, _) => text,
        (false, true) => "-".to_owned(),
        (false, false) => "TEMP".to_owned(),
    }
}

/// What became of a message: how it was delivered, or why it was not.
pub(super) fn outcome(log: &str, queue_id: &str) -> Option<String> {
    let start = format!(" {queue_id}: to=<");
    let lines: Vec<&str> = log.lines().collect();
    let at = lines.iter().position(|line| line.contains(&start) && line.contains(" status="))?;
    let line = lines[at];
    let (_, status) = line.split_once(" status=")?;
    if !status.starts_with("sent") {
        return Some(status.to_owned());
    }
    // The line about TLS that the same process wrote since the delivery before; a report on TLS has a status of its own.
    let process = line.split(": ").next()?.rsplit(' ').next()?;
    let own = lines[..at].iter().rev().filter(|line| line.contains(process));
    let tls = own.take_while(|line| !line.contains(": to=<")).find(|line| line.contains(" TLS connection "));
    let Some(tls) = tls else { return Some("clear".to_owned()) };
    let word = tls.split(" TLS connection ").next()?.rsplit(' ').next()?;
    let version = tls.split(": ").find(|part| part.starts_with("TLSv"))?.split(' ').next()?;
    Some(format!("{word} {version}"))
}
