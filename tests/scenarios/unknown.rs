//! Destinations of which it is not known whether they can: accepted within the reply budget, and held to TLS.

use super::{
    CONFIDENTIAL,
    post::{ENCRYPT, arrived, assert_nothing_left, expect_deferred, expect_released, refused, send, verdict},
    scenario, up,
    world::told,
};
use crate::support::lab::{Lab, Options, SEGL_TOML, Segl};
use serde_json::json;
use std::time::{Duration, Instant};

/// Far more than the reply budget (4 s), far less than Postfix waits for a milter (300 s).
const REPLY_MAX: Duration = Duration::from_secs(30);

/// Sends a confidential text that is accepted although nothing is known of where it goes: its queue ID.
fn accepted_unknown(lab: &Lab, segl: &Segl<'_>, domain: &str, expected_policy: &str) -> String {
    let started = Instant::now();
    let result = send(lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
    let elapsed = started.elapsed();
    println!("{domain}: answered after {elapsed:?}, the client's start included");
    assert!(result.code == Some(250) && elapsed < REPLY_MAX, "{elapsed:?} {result:?}");
    let queue_id = result.queue_id.unwrap_or_else(|| panic!("no queue ID in {}", result.text));
    let line = verdict(segl, &queue_id);
    let expected = format!(" to={domain} require=encrypt tls=unknown action=accept reason=\"{domain}: ");
    assert!(line.contains(&expected), "{line}");
    assert_eq!(told(lab, domain), expected_policy);
    queue_id
}

scenario!(a_tarpit_gets_it_encrypted_once_it_answers);

fn a_tarpit_gets_it_encrypted_once_it_answers(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = accepted_unknown(&lab, &segl, "tarpit.plain.test", ENCRYPT);
    expect_deferred(&lab, &queue_id, "timed out");
    // It answers, and offers no TLS at first.
    lab.set_behaviour("tarpit", &json!({"greeting": "220", "starttls": "none"}));
    lab.flush();
    expect_deferred(&lab, &queue_id, "TLS is required, but was not offered");
    lab.set_starttls("tarpit", true);
    lab.flush();
    assert_eq!(arrived(&lab, "tarpit", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    assert!(!lab.seen_in_the_clear("tarpit", "MAIL FROM"));
    expect_released(&lab, "tarpit.plain.test");
}

scenario!(a_domain_that_dns_does_not_tell_of_gets_it_encrypted_once_it_does);

fn a_domain_that_dns_does_not_tell_of_gets_it_encrypted_once_it_does(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = accepted_unknown(&lab, &segl, "servfail.plain.test", "TEMP");
    expect_deferred(&lab, &queue_id, "Name service error");
    lab.set_starttls("servfail", false);
    lab.dns("heal", "servfail.plain.test", "");
    lab.flush();
    expect_deferred(&lab, &queue_id, "TLS is required, but was not offered");
    lab.set_starttls("servfail", true);
    lab.flush();
    assert_eq!(arrived(&lab, "servfail", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    assert!(!lab.seen_in_the_clear("servfail", "MAIL FROM"));
    expect_released(&lab, "servfail.plain.test");
}

scenario!(what_is_not_known_can_be_put_off_instead);

fn what_is_not_known_can_be_put_off_instead(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(&format!("{SEGL_TOML}[level.confidential]\nif-unknown = \"defer\"\n"));
    for domain in ["tarpit.plain.test", "servfail.plain.test", "closed.plain.test"] {
        let to = [&*format!("bo@{domain}"), "bo@tls13.plain.test"];
        let (text, took) = refused(&lab, &to, CONFIDENTIAL, 450);
        println!("{domain}: answered after {took:?}, the client's start included");
        assert!(took < REPLY_MAX, "{took:?}");
        assert!(
            text.starts_with(&format!(
                "4.7.10 Not sent yet, try again later: the message holds confidential data (national id) and it is not \
                 known yet whether {domain} can receive encrypted mail. Ref "
            )),
            "{text}"
        );
        // What servfail publishes cannot be told either, so that other mail waits too.
        assert_eq!(told(&lab, domain), if domain.starts_with("servfail") { "TEMP" } else { "-" });
        assert!(segl.stderr().lines().last().is_some_and(|line| line.contains(" action=defer reason=")));
    }
    assert_nothing_left(&lab, &[("bo@tls13.plain.test", "tls13")]);
}
