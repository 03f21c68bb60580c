//! What Postfix itself makes of wishes about TLS that come with a message, by version, without Segl: what Segl must reckon
//! with. And that the version is the one that was asked for.

use super::{CONFIDENTIAL, mail::ANNA, post::outcome_of, scenario, up};
use crate::support::lab::{Lab, Options, SEGL_TOML};
use serde_json::json;

scenario!(the_release_that_was_asked_for_runs);
scenario!(a_sender_lifts_the_policy_by_a_header);
scenario!(a_sender_requires_tls);
scenario!(tagged_mail_whose_header_would_lift_the_policy_is_not_taken);

/// A policy for each kind of destination, as Segl would give it.
const POLICIES: &str = "smtp_tls_policy_maps=inline:{{cleartext.plain.test=encrypt},{tls13.plain.test=encrypt},\
                        {tlsa-good.signed.test=dane-only},{verified.plain.test=verify match=hostname}}";

fn plain(options: &Options<'_>) -> Lab {
    up(&Options {
        chroot: options.chroot,
        segl: false,
        suite: options.suite,
        main_cf: &[POLICIES, "smtp_dns_support_level=dnssec"],
    })
}

fn the_release_that_was_asked_for_runs(options: &Options<'_>) {
    let lab = plain(options);
    let (major, minor, patch) = lab.postfix_version();
    println!("Postfix {major}.{minor}.{patch}");
    // The daemon that runs, not only the programs beside it.
    assert!(
        lab.mail_log().contains(&format!("daemon started -- version {major}.{minor}.{patch},")),
        "{}",
        lab.mail_log()
    );
    match std::env::var("SEGL_LAB_SUITE").as_deref() {
        Ok("bookworm") => assert_eq!((major, minor), (3, 7)),
        Ok("trixie") => assert_eq!((major, minor), (3, 10)),
        Ok("forky") => assert_eq!((major, minor), (3, 11)),
        Ok("host") | Err(_) => {}
        Ok(other) => panic!("which Postfix does {other} have?"),
    }
}

/// A message with a further header line, submitted with options of sendmail(1): what became of it.
fn submitted(lab: &Lab, to: &str, header: &str, arguments: &[&str]) -> String {
    let before = lab.mail_log().len();
    let message = format!("{header}From: <anna@sender.test>\r\nTo: <{to}>\r\nSubject: Frokost\r\n\r\nKl. 12?\r\n");
    let output = lab.run_with_input(&[&["sendmail", "-i"], arguments, &["--", to]].concat(), message.as_bytes());
    assert!(output.status.success(), "{output:?}");
    let mut outcome = None;
    lab.expect("it is tried", || {
        let log = &lab.mail_log()[before..];
        let picked_up = log.lines().find_map(|line| line.split_once("/pickup[")?.1.split(": ").nth(1));
        outcome = picked_up.and_then(|queue_id| outcome_of(log, queue_id));
        outcome.is_some()
    });
    outcome.unwrap_or_default()
}

const NO_TLS: &str =
    "4.7.4 deferred (TLS is required, but was not offered by host mx.cleartext.plain.test[192.0.2.107])";

/// RFC 8689, `TLS-Required: no`: RELEASE_NOTES-3.10, 20250117. smtp(8) then looks up no policy at all, and takes no level
/// above `may`; with `tls_required_enable = no`, or before 3.10, it is a header like any other.
fn a_sender_lifts_the_policy_by_a_header(options: &Options<'_>) {
    let lab = plain(options);
    let lift = |header| submitted(&lab, "bo@cleartext.plain.test", header, &[]);
    assert_eq!(lift(""), NO_TLS);
    let heeds_it = lab.postfix_version() >= (3, 10, 0);
    for header in ["TLS-Required: no\r\n", "tls-required:  No\r\n"] {
        let lifted = lift(header);
        if heeds_it {
            assert!(lifted.starts_with("2.0.0 sent (250 2.0.0 kept as "), "{header}: {lifted}");
        } else {
            assert_eq!(lifted, NO_TLS, "{header}");
        }
    }
    assert_eq!(lab.received("cleartext").len(), if heeds_it { 2 } else { 0 });
    if heeds_it {
        lab.postconf(&["tls_required_enable=no"]);
        assert_eq!(lift("TLS-Required: no\r\n"), NO_TLS);
        assert_eq!(lab.received("cleartext").len(), 2);
    }
}

/// With Segl, where main.cf lets senders lift policies.
fn tagged_mail_whose_header_would_lift_the_policy_is_not_taken(options: &Options<'_>) {
    let lab = up(options);
    let heeds_it = lab.postfix_version() >= (3, 10, 0);
    if heeds_it {
        lab.postconf(&["tls_required_enable=yes"]);
    }
    let segl = lab.start_segl(SEGL_TOML);
    let send = |body: &str| {
        let text = format!("From: <{ANNA}>\r\nTLS-Required: No\r\nSubject: Journal\r\n\r\n{body}\r\n");
        lab.send_many("mta", ANNA, &["bo@tls13.plain.test"], text.as_bytes(), 1, 1)
    };
    assert_eq!(send("Kl. 12?").code, Some(250));
    let tagged = send(CONFIDENTIAL);
    if heeds_it {
        assert_eq!(tagged.code, Some(451), "{tagged:?}");
        assert!(segl.stderr().contains("set tls_required_enable = no in main.cf"), "{}", segl.stderr());
        lab.postconf(&["tls_required_enable=no"]);
        lab.expect("Segl hears of it", || send(CONFIDENTIAL).code == Some(250));
    } else {
        assert_eq!(tagged.code, Some(250), "{tagged:?}");
    }
    lab.expect("it arrives", || lab.received("tls13").len() == 2);
    assert!(lab.received("tls13").iter().all(|one| one.tls.is_some()));
}

/// RFC 8689, REQUIRETLS: RELEASE_NOTES-3.11, 20241111 and 20250827. It comes on top of the policy, never in its place;
/// where the policy does not prove the server, or the server does not offer REQUIRETLS, the message comes back at once.
fn a_sender_requires_tls(options: &Options<'_>) {
    let lab = plain(options);
    let version = lab.postfix_version();
    let requires = |to: &str, header| submitted(&lab, to, header, &["-O", "requiretls=yes"]);
    if version < (3, 11, 0) {
        // sendmail(1) takes the option and does nothing.
        assert_eq!(requires("bo@cleartext.plain.test", ""), NO_TLS);
        assert!(requires("bo@tls13.plain.test", "").starts_with("2.0.0 sent"));
        assert_eq!(lab.received("tls13")[0].parameters.iter().find(|word| *word == "REQUIRETLS"), None);
        return;
    }
    let not_proven = |host: &str| {
        format!(
            "5.7.10 bounced (Sender requested REQUIRETLS, but my configured TLS security level 'encrypt' disables \
             certificate matching. The last attempted server was mx.{host}.plain.test)"
        )
    };
    for host in ["tls13", "cleartext"] {
        // Whatever else the sender wishes: REQUIRETLS goes before `TLS-Required: no`.
        for header in ["", "TLS-Required: no\r\n"] {
            assert_eq!(requires(&format!("bo@{host}.plain.test"), header), not_proven(host), "{header}");
        }
    }
    // Anybody can ask for it by a header too (requiretls_esmtp_header).
    let by_header = submitted(&lab, "bo@tls13.plain.test", "Require-TLS-ESMTP: yes\r\n", &[]);
    assert_eq!(by_header, not_proven("tls13"));
    for (to, server) in [("bo@tlsa-good.signed.test", "tlsa-good"), ("bo@verified.plain.test", "verified")] {
        let refused = requires(to, "");
        assert!(
            refused.starts_with("5.7.30 bounced (Sender requested REQUIRETLS, but no server was found"),
            "{refused}"
        );
        lab.set_behaviour(server, &json!({"extensions": ["REQUIRETLS"]}));
        assert!(requires(to, "").starts_with("2.0.0 sent"), "{to}");
        let received = lab.received(server);
        assert_eq!(received.len(), 1);
        assert!(received[0].tls.is_some() && received[0].parameters.contains(&"REQUIRETLS".to_owned()), "{received:?}");
    }
    // Where main.cf relaxes it, the policy holds still.
    lab.set_behaviour("tls13", &json!({"extensions": ["REQUIRETLS"]}));
    for (policy, in_the_clear) in [
        (
            "opportunistic+starttls",
            "5.7.30 bounced (Sender requested REQUIRETLS, but TLS service was not offered by host \
             mx.cleartext.plain.test[192.0.2.107])",
        ),
        ("opportunistic", NO_TLS),
    ] {
        lab.postconf(&[&format!("smtp_requiretls_policy={policy}")]);
        assert_eq!(requires("bo@cleartext.plain.test", ""), in_the_clear, "{policy}");
        assert!(requires("bo@tls13.plain.test", "").starts_with("2.0.0 sent"), "{policy}");
    }
    assert!(lab.received("tls13").iter().all(|one| one.parameters.contains(&"REQUIRETLS".to_owned())));
    assert!(lab.received("cleartext").is_empty());
}
