//! The map `tls-with-reports`: what it adds is taken by every Postfix that reports on TLS (RFC 8460; TLSRPT_README,
//! Postfix 3.10), and never sent to one that does not.

use super::{
    post::{ORDINARY, accepted, configured, with},
    scenario, up,
    world::{outcome, told, told_by},
};
use crate::support::lab::{Lab, Options};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, os::unix::net::UnixDatagram, time::Duration};

scenario!(reports_tell_of_the_policy_that_was_held_to);

/// A destination, what the map adds for it, and how its mail ends.
const ROWS: [(&str, &str, &str); 3] = [
    (
        "sts-chunked.plain.test",
        " policy_type=sts policy_domain=sts-chunked.plain.test { policy_string = version: STSv1 } \
         { policy_string = mode: enforce } { policy_string = mx: mx.sts-chunked.plain.test } \
         { policy_string = max_age: 604800 } { mx_host_pattern = mx.sts-chunked.plain.test }",
        "Verified TLSv1.3",
    ),
    (
        "sts-selfsigned.plain.test",
        " policy_type=sts policy_domain=sts-selfsigned.plain.test { policy_string = version: STSv1 } \
         { policy_string = mode: enforce } { policy_string = mx: mx.sts-selfsigned.plain.test } \
         { policy_string = max_age: 604800 } { mx_host_pattern = mx.sts-selfsigned.plain.test }",
        "deferred (Server certificate not verified",
    ),
    ("tls13.plain.test", "", "Untrusted TLSv1.3"),
];

const SOCKET: &str = "/var/spool/postfix/tlsrpt.sock";

/// Where a report collector would listen.
fn collector(lab: &Lab) -> UnixDatagram {
    let path = lab.file(SOCKET);
    let socket = UnixDatagram::bind(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket
}

fn reports_tell_of_the_policy_that_was_held_to(options: &Options<'_>) {
    let map = "smtp_tls_policy_maps=socketmap:unix:segl/socketmap.sock:tls-with-reports";
    let lab = up(&with(options, &[map, "smtp_dns_support_level=dnssec"]));
    let reports = lab.postfix_version() >= (3, 10, 0);
    let collector = collector(&lab);
    if reports {
        lab.postconf(&["smtp_tlsrpt_enable=yes", "smtp_tlsrpt_socket_name=tlsrpt.sock"]);
    }
    let _segl = lab.start_segl(&configured("", ""));
    let asked = ROWS.map(|(domain, ..)| format!("_smtp._tls.{domain}. TXT \"v=TLSRPTv1; rua=mailto:tls@{domain}\"\n"));
    lab.dns("edit", "plain.test", &(lab.zone("plain.test") + &asked.concat()));

    for (domain, added, expected) in ROWS {
        let queue_id = accepted(&lab, &[&format!("bo@{domain}")], ORDINARY);
        let mut how = None;
        lab.expect("it is tried", || {
            how = outcome(&lab.mail_log(), &queue_id);
            how.is_some()
        });
        let how = how.unwrap_or_default();
        assert!(how.starts_with(expected), "{domain}: {how}\n{}", lab.mail_log());
        let added = if reports { added } else { "" };
        let plain = told(&lab, domain);
        let with_reports =
            told_by("socketmap:unix:/var/spool/postfix/segl/socketmap.sock:tls-with-reports", &lab, domain);
        assert_eq!(with_reports, plain + added);
        if reports {
            let report = next_report(&collector);
            println!("{report}");
            assert_eq!(report["d"], domain, "{report}");
            let text = report.to_string();
            assert_eq!(text.contains("mode: enforce"), !added.is_empty(), "{text}");
        }
        lab.text_of(&["postsuper", "-d", "ALL"]);
    }
    // An attribute that smtp(8) does not take is a warning, and a deferral with 4.7.5.
    let log = lab.mail_log();
    let complaint = log.lines().find(|line| line.contains("postfix/smtp[") && line.contains("warning: "));
    assert_eq!(complaint, None);
    assert!(!log.contains("dsn=4.7.5, status=deferred (client TLS configuration problem"), "{log}");
}

fn next_report(collector: &UnixDatagram) -> Value {
    let mut buffer = vec![0; 65_536];
    let length = collector.recv(&mut buffer).unwrap_or_else(|error| panic!("no report came: {error}"));
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}
