//! The lab does what the other tests rely on: every recipient server behaves as its name says towards a plain Postfix,
//! and nothing of a lab outlives it or reaches the host.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::Command,
    sync::{LazyLock, OnceLock},
    time::{Duration, Instant},
};
use support::lab::{Lab, Message, Options, PATIENCE, SEGL_TOML, SmtpResult, wait_until};

/// What of the host must not change.
static HOST: LazyLock<Vec<String>> = LazyLock::new(host);

/// A Postfix at Debian's level, `may`.
fn may() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LazyLock::force(&HOST);
    LAB.get_or_init(|| Lab::up(&Options::default()))
}

/// A Postfix at level `encrypt`, and at `dane-only` for three destinations.
fn encrypt() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LazyLock::force(&HOST);
    let main_cf = [
        "smtp_tls_security_level=encrypt",
        "smtp_dns_support_level=dnssec",
        "smtp_tls_policy_maps=inline:{{tlsa-good.signed.test=dane-only},{tlsa-bad.signed.test=dane-only},\
         {no-tlsa.signed.test=dane-only},{tls11.plain.test=encrypt protocols=>=TLSv1.2},{verified.plain.test=secure match=.verified.plain.test},\
         {wrongname.plain.test=secure match=.wrongname.plain.test},\
         {selfsigned.plain.test=secure match=.selfsigned.plain.test}}",
    ];
    LAB.get_or_init(|| Lab::up(&Options { main_cf: &main_cf, ..Options::default() }))
}

fn send(lab: &Lab, to: &str, body: &str) -> SmtpResult {
    lab.send(&Message { from: "anna@sender.test", to: &[to], subject: "Lab", body })
}

/// Sends and has it accepted: the queue ID.
fn accepted(lab: &Lab, to: &str, body: &str) -> String {
    let result = send(lab, to, body);
    assert_eq!(result.code, Some(250), "{to}: {result:?}");
    result.queue_id.unwrap_or_else(|| panic!("{to}: no queue ID in {}", result.text))
}

/// Sends, waits until that server has the message, and says over which TLS it came.
fn delivered(lab: &Lab, to: &str, server: &str) -> Option<String> {
    let body = format!("needle for {to} {server}");
    accepted(lab, to, &body);
    let mut tls = None;
    lab.expect(&format!("{server} receives what is sent to {to}"), || {
        let all = lab.received(server);
        let found = all.iter().find(|one| String::from_utf8_lossy(&one.data).contains(&body));
        found.inspect(|one| tls.clone_from(&one.tls)).is_some()
    });
    assert_eq!(lab.seen_in_the_clear(server, &body), tls.is_none(), "{to}");
    tls
}

/// Sends, and waits until Postfix defers it for a reason with these words.
fn deferred(lab: &Lab, to: &str, reason: &str) {
    let id = accepted(lab, to, "waits");
    lab.expect(&format!("{to} is deferred: {reason}"), || {
        lab.delay_reason(&id).is_some_and(|said| said.contains(reason))
    });
    lab.text_of(&["postsuper", "-d", &id]);
}

/// Sends, and waits until Postfix gives it back for a reason with these words.
fn bounced(lab: &Lab, to: &str, reason: &str) {
    let id = accepted(lab, to, "comes back");
    let bounce = |line: &str| line.contains(&id) && line.contains("status=bounced") && line.contains(reason);
    lab.expect(&format!("{to} is bounced: {reason}"), || lab.mail_log().lines().any(bounce));
}

const TLS13: Option<&str> = Some("TLSv1.3");
const TLS12: Option<&str> = Some("TLSv1.2");

#[test]
fn at_level_may_each_server_gets_mail_over_the_tls_that_it_has() {
    for (to, server, tls) in [
        ("x@tls13.plain.test", "tls13", TLS13),
        ("x@tls12.plain.test", "tls12", TLS12),
        // Postfix lowers OpenSSL's security level so far that TLS 1.1 is spoken.
        ("x@tls11.plain.test", "tls11", Some("TLSv1.1")),
        ("x@verified.plain.test", "verified", TLS13),
        ("x@selfsigned.plain.test", "selfsigned", TLS13),
        ("x@wrongname.plain.test", "wrongname", TLS13),
        ("x@cleartext.plain.test", "cleartext", None),
        ("x@starttls-breaks.plain.test", "starttls-breaks", None),
        ("x@starttls-garbage.plain.test", "starttls-garbage", None),
        ("x@half.plain.test", "half-cleartext", None),
        ("x@implicit.plain.test", "implicit", TLS13),
        ("x@cname.plain.test", "cname", TLS13),
        ("x@rødgrød.plain.test", "idn", TLS13),
        ("x@xn--rdgrd-vuad.plain.test", "idn", TLS13),
        ("x@[192.0.2.119]", "smart1", TLS13),
        ("x@smart2.plain.test", "smart2", TLS13),
        ("x@fallback.plain.test", "fallback", None),
        ("x@six.plain.test", "six", TLS13),
        ("x@tlsa-good.signed.test", "tlsa-good", TLS13),
        ("x@tlsa-bad.signed.test", "tlsa-bad", TLS13),
        ("x@tlsa-unusable.signed.test", "tlsa-unusable", TLS13),
        ("x@tlsa-cleartext.signed.test", "tlsa-cleartext", None),
        ("x@no-tlsa.signed.test", "no-tlsa", TLS13),
        ("x@static-rsa.plain.test", "static-rsa", TLS12),
        ("x@dhe.plain.test", "dhe", TLS12),
        ("x@starttls-inject.plain.test", "starttls-inject", TLS13),
        ("x@helo-only.plain.test", "helo-only", None),
        ("x@late.plain.test", "late", TLS13),
        ("x@expired.plain.test", "expired", TLS13),
        ("x@sts-enforce.plain.test", "sts", TLS13),
        ("x@sts-cleartext.plain.test", "sts-cleartext", None),
    ] {
        assert_eq!(delivered(may(), to, server).as_deref(), tls, "{to}");
    }
}

#[test]
fn where_nothing_can_be_delivered_mail_waits_or_comes_back() {
    deferred(may(), "x@tarpit.plain.test", "timed out while receiving the initial server greeting");
    deferred(may(), "x@closed.plain.test", "Connection refused");
    deferred(may(), "x@servfail.plain.test", "Host not found, try again");
    deferred(may(), "x@bogus.test", "Host not found, try again");
    deferred(may(), "x@private.plain.test", "unreachable");
    deferred(may(), "x@clinic.dead.plain.test", "Connection timed out");
    deferred(may(), "x@greeting-4xx.plain.test", "421 4.3.2 come back later");
    deferred(may(), "x@greeting-5xx.plain.test", "554 5.3.2 no mail here"); // Postfix: another host may take it
    bounced(may(), "x@nullmx.plain.test", "nullMX");
    bounced(may(), "x@loopback.plain.test", "loops back to myself");
    bounced(may(), "x@no-host.plain.test", "Host not found");
    bounced(may(), "x@no-domain.plain.test", "Host or domain name not found");
}

#[test]
fn at_level_encrypt_nothing_leaves_in_the_clear() {
    let lab = encrypt();
    for (to, server, tls) in [
        ("x@tls13.plain.test", "tls13", TLS13),
        ("x@tls12.plain.test", "tls12", TLS12),
        ("x@half.plain.test", "half-tls", TLS13),
        ("x@verified.plain.test", "verified", TLS13),    // secure
        ("x@tlsa-good.signed.test", "tlsa-good", TLS13), // dane-only
    ] {
        assert_eq!(delivered(lab, to, server).as_deref(), tls, "{to}");
    }
    for (to, reason) in [
        ("x@cleartext.plain.test", "TLS is required, but was not offered"),
        ("x@tlsa-cleartext.signed.test", "TLS is required, but was not offered"),
        ("x@starttls-breaks.plain.test", "Cannot start TLS"),
        ("x@starttls-garbage.plain.test", "Cannot start TLS"),
        ("x@tls11.plain.test", "Cannot start TLS"), // TLS 1.2 or later
        ("x@selfsigned.plain.test", "Server certificate not"), // secure: not trusted
        ("x@wrongname.plain.test", "Server certificate not verified"), // secure
        ("x@tlsa-bad.signed.test", "Server certificate not"), // dane-only
        ("x@no-tlsa.signed.test", "no TLSA records found"), // dane-only
    ] {
        deferred(lab, to, reason);
    }
    assert!(!lab.seen_in_the_clear("cleartext", "waits"));
}

#[test]
fn tls11_is_spoken_where_the_client_allows_it() {
    let words = ["openssl", "s_client", "-starttls", "smtp", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect"];
    let output = may().run_with_input(&[&words[..], &["192.0.2.103:25"]].concat(), b"QUIT\r\n");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Protocol  : TLSv1.1") || text.contains("Protocol: TLSv1.1"), "{text}");
}

/// What posttls-finger(1) says of a destination (`-w` and the like can stand before it).
fn finger(level: &str, destination: &[&str]) -> String {
    let words = ["posttls-finger", "-c", "-T", "2", "-t", "2", "-F", "/etc/segl/lab-ca.pem", "-l", level];
    let output = may().run(&[&words, destination].concat());
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Each row is a level, a domain and what posttls-finger(1) says of it.
fn finger_says(rows: &[(&str, &str, &str)]) {
    for (level, domain, status) in rows {
        let said = finger(level, &[domain]);
        assert!(said.contains(status), "{level} {domain}: {said}");
    }
}

const VERIFIED: &str = "Verified TLS connection established";
const TRUSTED: &str = "Trusted TLS connection established";
const UNTRUSTED: &str = "Untrusted TLS connection established";

#[test]
fn posttls_finger_agrees_on_certificates() {
    finger_says(&[
        ("secure", "verified.plain.test", VERIFIED),
        ("encrypt", "verified.plain.test", TRUSTED),
        ("encrypt", "selfsigned.plain.test", UNTRUSTED),
        ("secure", "selfsigned.plain.test", UNTRUSTED),
        ("secure", "wrongname.plain.test", "hostname mismatch"),
        ("secure", "expired.plain.test", "certificate has expired"),
    ]);
}

#[test]
fn posttls_finger_agrees_on_dane() {
    const NO_MATCH: &str = "no matching DANE TLSA records";
    const UNUSABLE: &str = "all TLSA records unusable, fallback to unauthenticated TLS";
    const NO_ANSWER: &str = "TLSA lookup error";
    const NO_DESTINATION: &str = "Destination address lookup failed";
    finger_says(&[
        ("dane-only", "tlsa-good.signed.test", VERIFIED),
        ("dane-only", "tlsa-bad.signed.test", UNTRUSTED),
        ("dane-only", "no-tlsa.signed.test", "no TLSA records found"),
        ("dane-only", "tlsa-rollover.signed.test", VERIFIED),
        ("dane-only", "tlsa-ta.signed.test", "Matched DANE TA certificate at depth 1: 2 1 1"),
        ("dane-only", "tlsa-ta-cert.signed.test", "Matched DANE TA certificate at depth 1: 2 0 1"),
        ("dane-only", "tlsa-ta-wrongname.signed.test", "hostname mismatch"),
        ("dane-only", "tlsa-ta-nochain.signed.test", NO_MATCH),
        ("dane-only", "tlsa-ee-wrongname.signed.test", VERIFIED),
        ("dane-only", "tlsa-ee-expired.signed.test", VERIFIED),
        ("dane", "tlsa-unusable.signed.test", "unsupported TLSA certificate usage: 1 1 1"),
        ("dane", "tlsa-unusable-type.signed.test", UNUSABLE),
        ("dane", "tlsa-unusable-digest.signed.test", UNUSABLE),
        ("dane", "tlsa-half.signed.test", "mx1.tlsa-half.signed.test[192.0.2.146]:25: Matched DANE EE"),
        ("dane", "tlsa-onebad.signed.test", NO_MATCH),
        ("dane-only", "tlsa-gone.signed.test", VERIFIED),
        ("dane-only", "tlsa-cname.signed.test", VERIFIED),
        ("dane-only", "tlsa-cname-alias.signed.test", VERIFIED),
        ("dane", "tlsa-insecure-mx.plain.test", TRUSTED), // matched, but reached through an unsigned MX
        ("dane", "tlsa-servfail.signed.test", NO_ANSWER),
        ("dane", "tlsa-bogus.signed.test", NO_ANSWER),
        ("dane", "both-dane-good.signed.test", VERIFIED),
        ("dane", "both-dane-bad.signed.test", NO_MATCH),
        ("dane", "bogus.test", NO_DESTINATION),
        ("dane", "stale.test", NO_DESTINATION),
    ]);
    // The other MX hosts of domains that have two, each as a destination of its own.
    finger_says(&[
        ("dane", "[mx2.tlsa-half.plain.test]", UNTRUSTED),
        ("dane", "[mx2.tlsa-onebad.signed.test]", "Matched DANE EE certificate"),
        ("dane", "[mx1.tlsa-gone.signed.test]", NO_DESTINATION),
    ]);
}

#[test]
fn posttls_finger_agrees_on_the_mail_servers_of_domains_with_mta_sts() {
    let good: Vec<String> = ["enforce", "switch", "wildcard", "redirect", "host-gone", "cname"]
        .map(|name| format!("sts-{name}.plain.test"))
        .into_iter()
        .chain(["sub.sts-enforce.plain.test".to_owned()])
        .collect();
    for domain in &good {
        finger_says(&[("secure", domain, VERIFIED)]);
    }
    finger_says(&[
        ("secure", "sts-selfsigned.plain.test", UNTRUSTED),
        ("secure", "sts-testing.plain.test", UNTRUSTED),
        ("secure", "sts-none.plain.test", UNTRUSTED),
        ("secure", "sts-wrongname.plain.test", "hostname mismatch"),
        ("secure", "sts-expired.plain.test", "certificate has expired"),
        ("secure", "sts-half.plain.test", UNTRUSTED),
        ("secure", "[mx2.sts-half.plain.test]", VERIFIED),
    ]);
    assert!(!finger("may", &["sts-cleartext.plain.test"]).contains("TLS connection established"));
}

/// What becomes of a greeting that is one line without end: a Postfix of 2026-05-29 or later gives up by itself (HISTORY:
/// 3.8.18, 3.9.12, 3.10.11, 3.11.4), an older one reads on until its time is up.
fn end_of_an_endless_line(lab: &Lab) -> &'static str {
    let (major, minor, patch) = lab.postfix_version();
    let gives_up = match (major, minor) {
        (3, 8) => patch >= 18,
        (3, 9) => patch >= 12,
        (3, 10) => patch >= 11,
        (3, 11) => patch >= 4,
        later => later > (3, 11),
    };
    if gives_up { "disabling input from" } else { "reading server greeting" }
}

#[test]
fn servers_talk_as_their_names_say() {
    finger_says(&[
        ("encrypt", "static-rsa.plain.test", "TLSv1.2 with cipher AES128-GCM-SHA256"),
        ("encrypt", "dhe.plain.test", "TLSv1.2 with cipher DHE-RSA-AES128-GCM-SHA256"),
        ("encrypt", "helo-only.plain.test", "EHLO rejected: 502"),
        ("encrypt", "greeting-4xx.plain.test", "SMTP service not available: 421 4.3.2"),
        ("encrypt", "greeting-5xx.plain.test", "SMTP service not available: 554 5.3.2"),
        ("encrypt", "banner-flood.plain.test", "reading server greeting"),
        ("encrypt", "banner-stream.plain.test", end_of_an_endless_line(may())),
        ("encrypt", "late.plain.test", "timeout while reading server greeting"),
    ]);
    let said = finger("secure", &["-w", "[smtps.plain.test]:465"]);
    assert!(said.contains(VERIFIED), "{said}");
    // Postfix throws away what follows the first line; here it shows.
    let first = r#"
import socket
sock = socket.create_connection(("192.0.2.162", 25))
sock.recv(999), sock.sendall(b"EHLO a\r\n"), sock.recv(999), sock.sendall(b"STARTTLS\r\n")
print(sock.recv(999))"#;
    let said = may().text_of(&["/usr/bin/python3", "-c", first]);
    assert_eq!(said.trim(), r#"b'220 2.0.0 go ahead\r\n250 2.0.0 injected\r\n'"#);
}

#[test]
fn a_server_greets_as_late_as_it_is_told_and_counts_its_connections() {
    let lab = Lab::up(&Options::default());
    lab.set_behaviour("late", &serde_json::json!({"wait": 0.5}));
    let began = Instant::now();
    let words = ["posttls-finger", "-c", "late.plain.test"];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| lab.text_of(&words));
        }
    });
    assert!(began.elapsed() >= Duration::from_millis(500));
    lab.expect("three sessions at once are recorded", || {
        lab.sessions("late").iter().map(|session| session.at_once).collect::<BTreeSet<_>>() == BTreeSet::from([1, 2, 3])
    });
}

#[test]
fn the_dead_neither_answer_nor_refuse() {
    // Each says after how long, and with which error, a client that waits a second gives up.
    let connect = r#"
import socket, sys
for name in sys.argv[1:]:
    try:
        socket.create_connection((name, 25), timeout=1)
    except OSError as error:
        print(type(error).__name__)"#;
    let hosts = ["mx.dead.plain.test", "mx.0.dead.plain.test", "mx.49.dead.plain.test"];
    let said = may().text_of(&[&["/usr/bin/python3", "-c", connect], &hosts[..]].concat());
    assert_eq!(said, "TimeoutError\n".repeat(3));
    let ask = |name: &str, kind: &str| {
        let words = ["kdig", "@192.0.2.2", "+short", "+timeout=1", "+retry=0", name, kind];
        String::from_utf8_lossy(&may().run(&words).stdout).into_owned()
    };
    assert_eq!(ask("clinic.dead.plain.test", "MX"), "10 mx.dead.plain.test.\n");
    assert_eq!(ask("clinic.17.dead.plain.test", "MX"), "10 mx.17.dead.plain.test.\n");
    for (name, kind) in [("clinic.slowdns.plain.test", "MX"), ("_25._tcp.mx.tlsa-slow.signed.test", "TLSA")] {
        let said = ask(name, kind);
        assert!(!said.contains("MX") && !said.contains("NXDOMAIN") && !said.contains("SERVFAIL"), "{said}");
    }
}

/// Fetches the policy of each domain with Python's TLS, and says what came of it: a line each.
const FETCH: &str = r#"
import ssl, sys, urllib.error, urllib.request

class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None

context = ssl.create_default_context(cafile="/etc/segl/lab-ca.pem")
opener = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=context))
for domain in sys.argv[1:]:
    try:
        answer = opener.open(f"https://mta-sts.{domain}/.well-known/mta-sts.txt", timeout=1)
        length = answer.headers["Content-Length"]
        text = answer.read(60 if int(length or 0) > 9999 else 200)  # not all of one that is long, or never ends
        print(answer.status, answer.headers["Content-Type"], length, text.decode().replace("\r\n", "; "))
    except urllib.error.HTTPError as error:
        print(error.code, error.headers["Location"])
    except OSError as error:
        print(error)
"#;

fn fetch(lab: &Lab, domain: &str) -> String {
    lab.text_of(&["/usr/bin/python3", "-c", FETCH, domain])
}

#[test]
fn policy_hosts_serve_as_their_names_say() {
    let enforce = |name: &str| format!("mode: enforce; mx: mx.{name}.plain.test; max_age: 604800; ");
    for name in
        ["switch", "selfsigned", "wrongname", "expired", "cleartext", "two-txt", "bad-txt", "no-txt", "servfail"]
    {
        let said = fetch(may(), &format!("sts-{name}.plain.test"));
        let policy = format!("version: STSv1; {}", enforce(&format!("sts-{name}")));
        assert!(said.starts_with("200 text/plain ") && said.contains(&policy), "{name}: {said}");
    }
    for (domain, expected) in [
        ("sts-enforce.plain.test", "mode: enforce; mx: mx.sts-enforce.plain.test; "),
        ("sts-cname.plain.test", "mx: mx.sts-cname.plain.test; "),
        ("sts-testing.plain.test", "mode: testing; mx: mx.sts-testing.plain.test; "),
        ("sts-none.plain.test", "version: STSv1; mode: none; max_age: "),
        ("sts-mismatch.plain.test", "mode: enforce; mx: mx.another.example; "),
        ("sts-wildcard.plain.test", "mode: enforce; mx: *.sts-wildcard.plain.test; "),
        ("sts-half.plain.test", "mode: enforce; mx: mx2.sts-half.plain.test; "),
        ("sts-host-selfsigned.plain.test", "self-signed certificate"),
        ("sts-host-wrongname.plain.test", "Hostname mismatch"),
        ("sts-host-expired.plain.test", "certificate has expired"),
        ("sts-host-closed.plain.test", "Connection refused"),
        ("sts-host-gone.plain.test", "Name or service not known"),
        ("sts-host-loopback.plain.test", "Connection refused"),
        ("sts-host-private.plain.test", "unreachable"),
        ("sts-host-dead.plain.test", "timed out"),
        ("sts-redirect.plain.test", "302 https://mta-sts.sts-enforce.plain.test/.well-known/mta-sts.txt"),
        ("sts-oversize.plain.test", "200 text/plain 100040 version: STSv1; mode: enforce; "),
        ("sts-slow.plain.test", "200 text/plain 10076 "),
        ("sts-type.plain.test", "200 text/html "),
        ("sts-404.plain.test", "404 "),
        ("sts-chunked.plain.test", "200 text/plain None version: STSv1; mode: enforce; mx: mx.sts-chunked"),
        ("sts-bad-policy.plain.test", "version: STSv1; mode: enforce; mx mx; "),
        ("sub.sts-enforce.plain.test", "Name or service not known"),
        ("both-dane-good.signed.test", "mode: enforce; mx: mx.another.example; "),
        ("both-dane-bad.signed.test", "mode: enforce; mx: mx.both-dane-bad.signed.test; "),
    ] {
        let said = fetch(may(), domain);
        assert!(said.contains(expected), "{domain}: {said}");
    }
    let seen = may().fetches("mta-sts.sts-enforce");
    let cname = seen.iter().find(|one| one.sni.as_deref() == Some("mta-sts.sts-cname.plain.test")).unwrap();
    assert_eq!(cname.host, cname.sni);
    assert_eq!((cname.path.as_deref(), cname.status), (Some("/.well-known/mta-sts.txt"), Some(200)));
    // A handshake for another name, or for none, fails.
    for name in [&["-servername", "mta-sts.sts-none.plain.test"][..], &["-noservername"]] {
        let output = may().run(&[&["openssl", "s_client", "-connect", "192.0.2.201:443"], name].concat());
        assert!(String::from_utf8_lossy(&output.stderr).contains("unrecognized name"), "{output:?}");
    }
}

#[test]
fn txt_records_of_mta_sts_are_as_names_say() {
    let ask = |name: &str| {
        may().text_of(&["kdig", "@192.0.2.2", "+noall", "+header", "+answer", &format!("_mta-sts.{name}"), "TXT"])
    };
    for (name, times) in [("sts-enforce", 1), ("sts-two-txt", 2), ("sts-cname", 1), ("sts-host-gone", 1)] {
        let said = ask(&format!("{name}.plain.test"));
        assert_eq!(said.matches("\"v=STSv1; id=").count(), times, "{name}: {said}");
    }
    for (name, expected) in [
        ("sts-bad-txt.plain.test", "\"v=STSv1; id=not one;\""),
        ("sts-no-txt.plain.test", "NXDOMAIN"),
        ("sub.sts-enforce.plain.test", "NXDOMAIN"),
        ("sts-servfail.plain.test", "SERVFAIL"),
        ("both-dane-good.signed.test", "\"v=STSv1; id=1;\""),
    ] {
        let said = ask(name);
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn policies_can_be_changed_while_their_hosts_run() {
    let lab = Lab::up(&Options::default());
    let (host, domain) = ("mta-sts.sts-switch", "sts-switch.plain.test");
    assert!(fetch(&lab, domain).contains("mode: enforce"));
    lab.set_behaviour(host, &serde_json::json!({"policy": "version: STSv1\nmode: none\nmax_age: 1\n"}));
    assert!(fetch(&lab, domain).contains("mode: none"));
    lab.set_behaviour(host, &serde_json::json!({"listen": false}));
    assert!(fetch(&lab, domain).contains("Connection refused"));
    lab.set_behaviour(host, &serde_json::json!({"listen": true, "cert": "self"}));
    assert!(fetch(&lab, domain).contains("self-signed"));
    lab.set_behaviour(host, &serde_json::json!({"cert": "ca", "status": 503}));
    assert!(fetch(&lab, domain).starts_with("503"));
    lab.expect("four fetches and a refused certificate are recorded", || lab.fetches(host).len() == 4);
    let refused = |one: &support::lab::Fetch| one.status.is_none() && one.error.is_some() && one.at_once == 1;
    assert_eq!(lab.fetches(host).iter().filter(|one| refused(one)).count(), 1);

    let record = "_mta-sts.sts-switch TXT \"v=STSv1; id=";
    let zone = lab.zone("plain.test");
    assert!(zone.contains(record));
    lab.dns("edit", "plain.test", &zone.replace(&format!("{record}1"), &format!("{record}2")));
    let ask = |name: &str, kind: &str| lab.text_of(&["kdig", "@192.0.2.2", "+short", name, kind]);
    assert_eq!(ask("_mta-sts.sts-switch.plain.test", "TXT"), "\"v=STSv1; id=2;\"\n");
    for (zone, name, kind) in [
        ("_mta-sts.sts-servfail.plain.test", "_mta-sts.sts-servfail.plain.test", "TXT"),
        ("_tcp.mx.tlsa-servfail.signed.test", "_25._tcp.mx.tlsa-servfail.signed.test", "TLSA"),
    ] {
        assert_eq!(ask(name, kind), "");
        lab.dns("heal", zone, "");
        assert_ne!(ask(name, kind), "");
    }
}

#[test]
fn the_resolver_validates() {
    let ask = |name: &str, kind: &str| {
        may().text_of(&["kdig", "@192.0.2.2", "+dnssec", "+noall", "+header", "+answer", name, kind])
    };
    for (name, kind) in [("tlsa-good.signed.test", "MX"), ("_25._tcp.mx.tlsa-good.signed.test", "TLSA"), ("test", "NS")]
    {
        let said = ask(name, kind);
        assert!(said.contains("NOERROR") && said.contains(" ad") && said.contains("RRSIG"), "{said}");
    }
    let said = ask("tls13.plain.test", "MX");
    assert!(said.contains("NOERROR") && !said.contains(" ad") && said.contains("mx.tls13"), "{said}");
    for name in ["bogus.test", "stale.test", "servfail.plain.test"] {
        let said = ask(name, "MX");
        assert!(said.contains("SERVFAIL"), "{said}");
    }
    let said = ask("no-domain.signed.test", "MX");
    assert!(said.contains("NXDOMAIN") && said.contains(" ad"), "{said}");
}

#[test]
fn starttls_and_replies_can_be_switched_while_servers_run() {
    let lab = Lab::up(&Options { main_cf: &["smtp_connection_cache_on_demand=no"], ..Options::default() });
    assert_eq!(delivered(&lab, "one@switch.plain.test", "switch").as_deref(), TLS13);
    lab.set_starttls("switch", false);
    assert_eq!(delivered(&lab, "two@switch.plain.test", "switch"), None);
    lab.set_starttls("switch", true);
    lab.set_behaviour("switch", &serde_json::json!({"tls": ["1.2", "1.2"]}));
    assert_eq!(delivered(&lab, "three@switch.plain.test", "switch").as_deref(), TLS12);

    lab.set_behaviour("tls13", &serde_json::json!({"replies": {"RCPT": "450 4.2.1 busy"}}));
    deferred(&lab, "x@tls13.plain.test", "busy");
    lab.set_behaviour("closed", &serde_json::json!({"listen": true}));
    assert_eq!(delivered(&lab, "x@closed.plain.test", "closed").as_deref(), TLS13);
    lab.set_behaviour("closed", &serde_json::json!({"listen": false}));
    deferred(&lab, "x@closed.plain.test", "Connection refused");
}

#[test]
fn zones_can_be_changed_while_the_resolver_runs() {
    let lab = Lab::up(&Options::default());
    let id = accepted(&lab, "x@servfail.plain.test", "waits for DNS");
    lab.expect("mail waits for DNS", || lab.delay_reason(&id).is_some_and(|said| said.contains("try again")));
    lab.dns("heal", "servfail.plain.test", "");
    lab.expect("mail leaves when DNS answers", || lab.received("servfail").len() == 1);
    lab.dns("break", "servfail.plain.test", "");
    deferred(&lab, "y@servfail.plain.test", "try again");

    for (zone, from, to, recipient, server) in [
        ("plain.test", "MX 10 mx.tls13\n", "MX 10 mx.tls12\n", "x@tls13.plain.test", "tls12"),
        ("signed.test", "MX 10 mx.no-tlsa\n", "MX 10 mx.tlsa-good\n", "x@no-tlsa.signed.test", "tlsa-good"),
    ] {
        lab.dns("edit", zone, &lab.zone(zone).replace(from, to));
        assert!(delivered(&lab, recipient, server).is_some());
    }
    let said = lab.text_of(&["kdig", "@192.0.2.2", "+dnssec", "no-tlsa.signed.test", "MX"]);
    assert!(said.contains(" ad") && said.contains("10 mx.tlsa-good.signed.test."), "{said}");
}

#[test]
fn mail_from_a_stranger_and_from_sendmail_reaches_local_users() {
    let lab = may();
    let message = b"From: <x@tls13.plain.test>\r\nSubject: from outside\r\n\r\nHello.\r\n";
    let result = lab.send_many("recipients", "x@tls13.plain.test", &["anna@sender.test"], message, 1, 1);
    assert_eq!(result.code, Some(250), "{result:?}");
    let result = lab.send_many("recipients", "x@tls13.plain.test", &["y@cleartext.plain.test"], message, 1, 1);
    assert_eq!((result.code, result.stage.as_str()), (Some(454), "RCPT"), "{result:?}");
    let output = lab.sendmail("anna@sender.test", &["bo", "s@tls12.plain.test"], b"Subject: by hand\n\nHello.\n");
    assert!(output.status.success(), "{output:?}");
    lab.expect("local users have their mail", || {
        lab.mailbox("anna").contains("from outside") && lab.mailbox("bo").contains("by hand")
    });
    lab.expect("mail from sendmail leaves", || {
        lab.received("tls12").iter().any(|one| one.to == ["s@tls12.plain.test"] && one.from == "anna@sender.test")
    });
}

#[test]
fn servers_take_bursts_and_several_messages_per_connection() {
    let lab = may();
    let client = |server: &str, count: &str, sessions: &str| {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/send.py");
        let words = ["/usr/bin/python3", "-B", program, "--json", "--server", server, "--to", "burst@x.example"];
        lab.text_of(&[&words[..], &["--count", count, "--sessions", sessions]].concat())
    };
    client("192.0.2.120", "8", "50");
    let burst: Vec<_> = lab.received("smart2").into_iter().filter(|one| one.to == ["burst@x.example"]).collect();
    assert_eq!(burst.len(), 400);
    let connections: BTreeSet<u32> = burst.iter().map(|one| one.connection).collect();
    assert_eq!(connections.len(), 50);
    lab.expect("each session is recorded", || {
        let ended = lab.sessions("smart2").into_iter().filter(|session| connections.contains(&session.connection));
        ended.filter(|session| session.messages == 8 && session.tls.is_none()).count() == 50
    });

    let message = b"Subject: burst\r\n\r\n.leading dot\r\n..two\r\n";
    let result = lab.send_many("mta", "anna@sender.test", &["b@selfsigned.plain.test"], message, 20, 10);
    assert_eq!(result.code, Some(250), "{result:?}");
    let of_burst = || -> Vec<_> {
        lab.received("selfsigned").into_iter().filter(|one| one.to == ["b@selfsigned.plain.test"]).collect()
    };
    lab.expect("200 messages arrive", || of_burst().len() == 200);
    assert!(
        of_burst()
            .iter()
            .all(|one| one.tls.as_deref() == TLS13 && one.data.ends_with(b"\r\n\r\n.leading dot\r\n..two\r\n"))
    );
}

#[test]
fn postfix_is_a_default_installation_in_its_usual_places() {
    let lab = may();
    assert_eq!(
        lab.text_of(&["postconf", "-h", "config_directory", "queue_directory"]),
        "/etc/postfix\n/var/spool/postfix\n"
    );
    assert_eq!(lab.text_of(&["postconf", "-h", "smtpd_milters", "smtp_tls_policy_maps"]), "\n\n");
    assert!(lab.text_of(&["postconf", "-F", "smtp/inet/chroot"]).ends_with("= y\n"));
    assert_eq!(lab.text_of(&["stat", "-c", "%U:%G %a", "/var/spool/postfix/segl"]), "_segl:postfix 2750\n");
    assert!(!lab.text_of(&["stat", "-f", "-c", "%T", "/var/lib/segl"]).contains("tmpfs"));
    // The group postdrop is enough to ask for the queue, without postqueue's set-group-ID bit.
    let as_segl = ["setpriv", "--reuid=_segl", "--regid=_segl", "--groups=adm,postdrop", "--no-new-privs"];
    deferred(lab, "q@closed.plain.test", "Connection refused");
    let id = accepted(lab, "q@closed.plain.test", "waits");
    assert!(lab.text_of(&[&as_segl[..], &["postqueue", "-j"]].concat()).contains(&id));
    assert!(lab.text_of(&[&as_segl[..], &["tail", "-n1", "/var/log/mail.log"]].concat()).contains("postfix/"));
    lab.text_of(&["postsuper", "-d", &id]);
}

#[test]
fn without_chroot_and_with_segl_s_lines() {
    let lab = Lab::up(&Options { chroot: false, segl: true, ..Options::default() });
    assert!(lab.text_of(&["postconf", "-F", "*/*/chroot"]).lines().all(|line| line.ends_with("= n")));
    assert_eq!(lab.text_of(&["postconf", "-h", "smtpd_milters"]), "unix:segl/milter.sock\n");
    // Segl does not run: nothing is taken. A Postfix that closes the connection says so at once.
    let result = send(&lab, "x@tls13.plain.test", "too early");
    let expected = match lab.code_without_milter() {
        421 => (Some(421), "connect"),
        code => (Some(code), "MAIL"),
    };
    assert_eq!((result.code, result.stage.as_str()), expected, "{result:?}");
    lab.postconf(&["smtpd_milters=", "smtp_tls_policy_maps="]);
    assert_eq!(delivered(&lab, "x@tls13.plain.test", "tls13").as_deref(), TLS13);
}

/// Stands for the daemon: takes connections on both sockets, says who it is, and ends with SIGTERM.
const STAND_IN: &str = r#"#!/usr/bin/python3
import os, signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
sockets = []
for name in ("milter", "socketmap"):
    path = f"/var/spool/postfix/segl/{name}.sock"
    if os.path.exists(path):
        os.unlink(path)
    sockets.append(socket.socket(socket.AF_UNIX))
    sockets[-1].bind(path)
    os.chmod(path, 0o660)
    sockets[-1].listen(64)
os.system("id >&2")
print(" ".join(sys.argv[1:]), open("/etc/segl/segl.toml").readline().strip(), file=sys.stderr, flush=True)
open("/var/lib/segl/state", "a").close()
signal.sigwait([signal.SIGTERM])
"#;

#[test]
fn a_daemon_runs_as_its_user_and_can_be_killed_and_started_again() {
    let lab = Lab::up(&Options::default());
    fs::write(lab.file("/run/lab/bin/segl"), STAND_IN).unwrap();
    lab.text_of(&["chmod", "755", "/run/lab/bin/segl"]);
    let mut segl = lab.start_segl(SEGL_TOML);
    segl::config::Config::load(&lab.file("/etc/segl/segl.toml")).unwrap();
    lab.expect("it says who it is", || segl.stderr().contains("run -c /etc/segl/segl.toml mode = \"enforce\""));
    let said = segl.stderr();
    assert!(said.contains("(_segl)") && said.contains("(postdrop)") && said.contains("(adm)"), "{said}");
    assert!(!said.contains("(postfix)"), "{said}");
    let socket = "/var/spool/postfix/segl/socketmap.sock";
    assert_eq!(lab.text_of(&["stat", "-c", "%U:%G %a", socket]), "_segl:postfix 660\n");

    let first = segl.pid();
    segl.kill9();
    assert!(!Path::new(&format!("/proc/{first}")).exists());
    segl.start();
    assert_ne!(segl.pid(), first);
    assert!(segl.terminate().success());
    segl.start();
    segl.restart();
    drop(segl);
    let traced = lab.start_segl_under(&["strace", "-D", "-f", "-o", "/run/lab/trace"], SEGL_TOML);
    let command = fs::read_to_string(format!("/proc/{}/cmdline", traced.pid())).unwrap();
    assert!(!command.starts_with("strace"), "{command}");
    lab.expect("it is traced", || {
        fs::read_to_string(lab.file("/run/lab/trace")).is_ok_and(|trace| trace.contains("bind("))
    });
    drop(traced);
}

/// The namespaces that hold a lab: those of its first process, and its hosts'.
fn namespaces(lab: &Lab) -> BTreeSet<u64> {
    let kinds = ["mnt", "net", "pid_for_children", "uts", "ipc"].map(|kind| format!("/proc/{}/ns/{kind}", lab.init()));
    let hosts = ["mta", "dns", "recipients"].map(|host| format!("/proc/{}/root/run/netns/{host}", lab.init()));
    kinds
        .iter()
        .chain(&hosts)
        .map(|path| fs::metadata(path).unwrap_or_else(|error| panic!("{path}: {error}")).ino())
        .collect()
}

/// Processes, as seen by the host, that are in one of these namespaces: each with the time of its start, since numbers of
/// processes and of namespaces are given out again.
fn inhabitants(namespaces: &BTreeSet<u64>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let path = process.path();
        let inside = ["mnt", "net", "pid", "uts", "ipc"]
            .iter()
            .any(|kind| fs::metadata(path.join("ns").join(kind)).is_ok_and(|file| namespaces.contains(&file.ino())));
        if inside && let Some(started) = started(&path) {
            found.push((path.display().to_string(), started));
        }
    }
    found
}

/// When a process began, in ticks since boot (proc(5), field 22 of stat); none when it has ended.
fn started(process: &Path) -> Option<String> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    (fields.next()? != "Z").then(|| fields.nth(18).map(str::to_owned))?
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()
}

#[test]
fn a_lab_whose_parent_is_killed_leaves_nothing() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab");
    // The script itself, and its supervisor: the one that the kernel kills the init for.
    for victim in ["up", "supervisor"] {
        let lab = Lab::up(&Options::default());
        let namespaces = namespaces(&lab);
        let processes = inhabitants(&namespaces);
        assert!(processes.len() > 10, "{processes:?}");
        let scratch = directory.join(lab.id());
        let pid = match victim {
            "up" => lab.up_process(),
            _ => fs::read_to_string(scratch.join("supervisor")).unwrap().trim().parse().unwrap(),
        };
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        let left = || processes.iter().filter(|(path, start)| started(Path::new(path)).as_ref() == Some(start)).count();
        assert!(wait_until(PATIENCE, || left() == 0), "{} of {processes:?} live on", left());
        assert!(!mounts().contains(lab.id()));
        if victim == "up" {
            assert!(scratch.exists(), "nobody was left to remove it");
        }
        drop(lab);
        drop(Lab::up(&Options::default()));
        assert!(!scratch.exists(), "the next lab removes what dead ones left");
    }
}

#[test]
fn a_lab_ends_with_the_process_that_wanted_it() {
    // A shell stands for the test's process: it holds the pipe and is killed.
    let id = format!("killed-{}", std::process::id());
    let script = format!("{0}/tests/lab/up --tied --id {id} < <(exec sleep 1000) & wait", env!("CARGO_MANIFEST_DIR"));
    let scratch = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab").join(&id);
    let mut shell = Command::new("setsid").args(["bash", "-c", &script]).spawn().unwrap();
    assert!(wait_until(PATIENCE, || scratch.join("init").exists()), "the lab comes up");
    let session = shell.id().cast_signed();
    // The whole session at once: shell, script and the pipe's other end.
    kill(Pid::from_raw(-session), Signal::SIGKILL).unwrap();
    shell.wait().unwrap();
    let lives = || {
        Command::new("flock").arg("-n").arg(scratch.join("lock")).arg("true").status().map(|status| !status.success())
    };
    assert!(wait_until(PATIENCE, || !lives().unwrap_or(true)), "its processes die");
    drop(Lab::up(&Options::default()));
    assert!(!scratch.exists());
}

#[test]
fn scripts_bring_a_lab_up_and_down_by_hand() {
    let id = format!("hand-{}", std::process::id());
    let script = |name: &str, arguments: &[&str]| {
        let path = format!("{}/tests/lab/{name}", env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(path).args(["--id", &id]).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    assert!(script("up", &["smtpd_banner=$myhostname by hand"]).0);
    let (again, said) = script("up", &[]);
    assert!(!again && said.contains("is up already"), "{said}");
    let (sent, said) = script("send", &["--to", "x@tls13.plain.test", "--subject", "by hand"]);
    assert!(sent && said.contains("< 220 mail.sender.test by hand") && said.contains("queued as"), "{said}");
    assert!(wait_until(PATIENCE, || script("received", &["tls13"])
        .1
        .contains("TLSv1.3 TLS_AES_256_GCM_SHA384; Subject: by hand")));
    assert!(script("control", &["switch", "starttls=none"]).1.contains(r#""starttls": "none""#));
    assert!(!script("control", &["switch", "starttls=perhaps"]).0);
    assert!(script("in", &["mta", "hostname"]).1.contains("mail.sender.test"));
    let (down, said) = script("down", &[]);
    assert!(down, "{said}");
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab").join(&id).exists());
    assert!(!script("in", &["mta", "true"]).0);
}

/// The host's files that a lab has copies of, each with what it is; and the host's name.
fn host() -> Vec<String> {
    let script = "find /etc/postfix /var/spool/postfix /var/lib/postfix /etc/aliases* /etc/passwd /etc/group \
                  /etc/resolv.conf /etc/hosts /etc/mailname /etc/segl /var/lib/segl -printf '%p %i %m %u %s %T@ %C@\\n' \
                  2>/dev/null | sort; hostname; ip netns list; \
                  ip -oneline address | grep -F -e 192.0.2. -e 2001:db8: -e wire";
    let output = Command::new("sh").args(["-c", script]).output().unwrap_or_else(|error| panic!("sh: {error}"));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn the_host_is_as_it_was() {
    LazyLock::force(&HOST);
    let lab = Lab::up(&Options { segl: true, ..Options::default() });
    lab.postconf(&["smtpd_banner=$myhostname"]);
    assert!(lab.text_of(&["cat", "/etc/passwd"]).contains("anna:"));
    assert_eq!(host(), *HOST);
    // The host's own namespaces do not have its mounts.
    assert!(!mounts().contains(lab.id()));
}
