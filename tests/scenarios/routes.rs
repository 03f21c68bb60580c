//! The ways that main.cf and master.cf send mail, and the TLS levels in force there: every next-hop is pinned, and no
//! answer is weaker than what was asked without us.

use super::{
    CONFIDENTIAL,
    post::{
        ENCRYPT, ORDINARY, accepted, arrived, expect_deferred, expect_released, hold, policy, refused, unhold, verdict,
        with,
    },
    scenario, up,
};
use crate::support::lab::{Lab, Options, SEGL_TOML};
use serde_json::json;

scenario!(every_element_of_a_relayhost_list_is_pinned);

fn every_element_of_a_relayhost_list_is_pinned(options: &Options<'_>) {
    let lab = up(&with(options, &["relayhost=[smart1.plain.test], [smart2.plain.test]"]));
    let segl = lab.start_segl(SEGL_TOML);
    let keys = ["[smart1.plain.test]", "[smart2.plain.test]", "cleartext.plain.test"];
    hold(&lab, "smart1");
    hold(&lab, "smart2");
    let first = accepted(&lab, &["bo@cleartext.plain.test"], CONFIDENTIAL);
    let told = verdict(&segl, &first);
    assert!(told.contains(" tls=authenticated/pkix|authenticated/pkix action=accept"), "{told}");
    expect_deferred(&lab, &first, "busy");
    for key in keys {
        assert_eq!(policy(&lab, key).as_deref(), Some(ENCRYPT), "{key}");
    }
    unhold(&lab, "smart1");
    assert_eq!(arrived(&lab, "smart1", 1)[0].tls.as_deref(), Some("TLSv1.3"));

    // The first no longer offers TLS and the second is down: it waits for the second.
    lab.set_behaviour("smart1", &json!({"starttls": "none"}));
    lab.set_behaviour("smart2", &json!({"listen": false, "replies": {}}));
    let second = accepted(&lab, &["bo@cleartext.plain.test"], CONFIDENTIAL);
    lab.expect("both have been tried", || {
        let log = lab.mail_log();
        let of_it = |words: &str| log.lines().any(|line| line.contains(words));
        of_it("connect to smart2.plain.test[192.0.2.120]:25: Connection refused")
            && of_it("TLS is required, but was not offered by host smart1.plain.test")
    });
    assert!(lab.delay_reason(&second).is_some());
    lab.set_behaviour("smart2", &json!({"listen": true}));
    lab.flush();
    assert_eq!(arrived(&lab, "smart2", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    assert_eq!(lab.received("smart1").len(), 1);
    assert!(!lab.seen_in_the_clear("smart1", "MAIL FROM"));
    assert_eq!(lab.received("cleartext").len(), 0);
}

scenario!(the_fallback_relay_is_never_used_in_the_clear);

fn the_fallback_relay_is_never_used_in_the_clear(options: &Options<'_>) {
    let lab = up(&with(options, &["smtp_fallback_relay=[fallback.plain.test]"]));
    let segl = lab.start_segl(SEGL_TOML);
    // What the destination can do is known from here on.
    accepted(&lab, &["bo@switch.plain.test"], CONFIDENTIAL);
    arrived(&lab, "switch", 1);
    expect_released(&lab, "[fallback.plain.test]");
    lab.set_behaviour("switch", &json!({"listen": false}));
    accepted(&lab, &["bo@switch.plain.test"], ORDINARY);
    assert_eq!(arrived(&lab, "fallback", 1)[0].tls, None);

    let queue_id = accepted(&lab, &["bo@switch.plain.test"], CONFIDENTIAL);
    assert!(verdict(&segl, &queue_id).contains(" tls=encrypted/TLSv1.3 action=accept"), "{}", segl.stderr());
    expect_deferred(&lab, &queue_id, "TLS is required, but was not offered by host fallback.plain.test");
    assert_eq!(policy(&lab, "[fallback.plain.test]").as_deref(), Some(ENCRYPT));
    lab.set_behaviour("switch", &json!({"listen": true}));
    lab.flush();
    assert_eq!(arrived(&lab, "switch", 2)[1].tls.as_deref(), Some("TLSv1.3"));
    assert_eq!(lab.received("fallback").len(), 1);
    assert!(!lab.seen_in_the_clear("fallback", CONFIDENTIAL));
}

/// The transport `slow`, a copy of smtp.
fn add_transport(lab: &Lab, chroot: bool, line: &str) {
    let chroot = if chroot { "y" } else { "n" };
    lab.text_of(&["postconf", "-M", &format!("slow/unix=slow unix - - {chroot} - - {line}")]);
    lab.reload();
}

scenario!(transports_count_by_the_daemon_behind_them);

fn transports_count_by_the_daemon_behind_them(options: &Options<'_>) {
    let lab = up(&with(
        options,
        &["transport_maps=inline:{{a.test=smtp:[smart1.plain.test]},{b.test=slow:[Smart2.plain.test]},\
             {c.test=slow:[mx.cleartext.plain.test]:25},{d.test=slow:verified.plain.test}}"],
    ));
    add_transport(&lab, options.chroot, "smtp");
    let segl = lab.start_segl(SEGL_TOML);
    for (domain, key, server) in [
        ("a.test", "[smart1.plain.test]", "smart1"),
        ("b.test", "[Smart2.plain.test]", "smart2"),
        ("d.test", "verified.plain.test", "verified"),
    ] {
        hold(&lab, server);
        let queue_id = accepted(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
        let told = verdict(&segl, &queue_id);
        assert!(told.contains(&format!(" to={domain} require=encrypt tls=authenticated/pkix ")), "{told}");
        expect_deferred(&lab, &queue_id, "busy");
        for key in [key, domain] {
            assert_eq!(policy(&lab, key).as_deref(), Some(ENCRYPT), "{key}");
        }
        unhold(&lab, server);
        assert_eq!(arrived(&lab, server, 1)[0].tls.as_deref(), Some("TLSv1.3"));
    }
    let (text, _) = refused(&lab, &["bo@c.test"], CONFIDENTIAL, 550);
    assert!(text.contains(" and c.test cannot receive encrypted mail."), "{text}");

    // A transport with a table of its own never asks ours, whatever it is called.
    add_transport(&lab, options.chroot, "smtp -o smtp_tls_policy_maps=");
    drop(segl);
    let segl = lab.start_segl(SEGL_TOML);
    let (text, _) = refused(&lab, &["bo@d.test", "bo@a.test"], CONFIDENTIAL, 550);
    assert!(text.contains(" and mail to d.test goes by a way that cannot be secured."), "{text}");
    assert!(segl.stderr().contains(" tls=uncontrolled,authenticated/pkix action=reject"), "{}", segl.stderr());
    assert_eq!(lab.received("cleartext").len(), 0);
}

scenario!(an_internationalised_domain_is_one_whichever_way_it_is_written);

fn an_internationalised_domain_is_one_whichever_way_it_is_written(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    let written = ["rødgrød.plain.test", "xn--rdgrd-vuad.plain.test"];
    let keys = ["rødgrød.plain.test", "RØDGRØD.plain.test", "xn--rdgrd-vuad.plain.test", "XN--RDGRD-VUAD.Plain.Test"];
    for (number, domain) in written.into_iter().enumerate() {
        hold(&lab, "idn");
        let queue_id = accepted(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
        let told = verdict(&segl, &queue_id);
        assert!(told.contains(" to=xn--rdgrd-vuad.plain.test require=encrypt tls=encrypted/TLSv1.3 "), "{told}");
        expect_deferred(&lab, &queue_id, "busy");
        for key in keys {
            assert_eq!(policy(&lab, key).as_deref(), Some(ENCRYPT), "{key}");
        }
        // What was pinned in one way of writing holds in the other.
        lab.set_starttls("idn", false);
        lab.set_behaviour("idn", &json!({"replies": {}}));
        lab.flush();
        expect_deferred(&lab, &queue_id, "TLS is required, but was not offered");
        let other = accepted(&lab, &[&format!("bo@{}", written[1 - number])], ORDINARY);
        expect_deferred(&lab, &other, "TLS is required, but was not offered");
        lab.set_starttls("idn", true);
        lab.flush();
        let received = arrived(&lab, "idn", 2 * (number + 1));
        assert!(received.iter().all(|message| message.tls.is_some()), "{received:?}");
        expect_released(&lab, domain);
    }
    assert!(!lab.seen_in_the_clear("idn", "MAIL FROM"));
}

scenario!(the_map_answers_postfixs_own_client);

fn the_map_answers_postfixs_own_client(options: &Options<'_>) {
    let lab = up(options);
    let _segl = lab.start_segl(SEGL_TOML);
    hold(&lab, "tls13");
    let queue_id = accepted(&lab, &["bo@TLS13.Plain.TEST"], CONFIDENTIAL);
    expect_deferred(&lab, &queue_id, "busy");
    for key in ["tls13.plain.test", "TLS13.Plain.TEST", "Tls13.plain.test."] {
        assert_eq!(policy(&lab, key).as_deref(), Some(ENCRYPT), "{key}");
    }
    for key in [
        ".tls13.plain.test",
        ".plain.test",
        ".test",
        "plain.test",
        "sub.tls13.plain.test",
        "[tls13.plain.test]",
        "tls13.plain.test:587",
        "sender.test",
    ] {
        assert_eq!(policy(&lab, key), None, "{key}");
    }
    unhold(&lab, "tls13");
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls.as_deref(), Some("TLSv1.3"));
}
