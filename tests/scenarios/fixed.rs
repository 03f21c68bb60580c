//! `[destinations.fixed]` and `never-probe`: the administrator's own word, which a requirement can only make stricter.

use super::{
    CONFIDENTIAL,
    post::{
        ENCRYPT, ORDINARY, accepted, arrived, configured, expect_deferred, expect_released, refused, verdict, with,
    },
    published::{DANE, printed},
    scenario, up,
    world::{outcome, told},
};
use crate::support::lab::{Lab, Options};

scenario!(the_administrators_word_is_what_postfix_gets);
scenario!(a_fixed_policy_vouches_for_a_destination);
scenario!(what_is_never_probed_takes_tagged_mail_unseen);

/// The fingerprint of the lab's self-signed certificate, as this Postfix makes them.
fn fingerprint(lab: &Lab) -> String {
    let digest = lab.text_of(&["postconf", "-x", "-h", "smtp_tls_fingerprint_digest"]);
    let path = lab.directory().join("pki/self.pem").display().to_string();
    let text =
        lab.text_of(&["openssl", "x509", "-in", &path, "-noout", "-fingerprint", &format!("-{}", digest.trim())]);
    text.trim().split('=').next_back().unwrap_or_default().to_owned()
}

/// One entry and what comes of it.
struct Entry {
    next_hop: &'static str,
    /// Whom a message goes to that Postfix sends there.
    to: &'static str,
    policy: String,
    /// For a tagged message; `None` where it is refused.
    tagged: Option<String>,
    /// What becomes of an ordinary message.
    outcome: &'static str,
}

fn the_administrators_word_is_what_postfix_gets(options: &Options<'_>) {
    let transport = "transport_maps=inline:{{a.test=smtp:[smart1.plain.test]},{b.test=smtp:[smart2.plain.test]}}";
    let lab = up(&with(options, &[DANE[0], DANE[1], transport]));
    let print = fingerprint(&lab);
    let wrong = print.split(':').map(|_| "00").collect::<Vec<_>>().join(":");
    let rest = " protocols=>=TLSv1.2 ciphers=medium";
    let entry = |next_hop, to, policy: &str, tagged: Option<&str>, outcome| Entry {
        next_hop,
        to,
        policy: policy.to_owned(),
        tagged: tagged.map(|tagged| format!("{tagged}{rest}")),
        outcome,
    };
    let same = |next_hop, to, policy: &str, outcome| entry(next_hop, to, policy, Some(policy), outcome);
    const UNPROVEN: &str = "deferred (Server certificate not verified";
    let entries = [
        // Baseline `all` would have it wait.
        entry("cleartext.plain.test", "cleartext.plain.test", "may", None, "clear"),
        entry("tls13.plain.test", "tls13.plain.test", "may", Some("encrypt"), "Untrusted TLSv1.3"),
        entry("verified.plain.test", "verified.plain.test", "none", Some("encrypt"), "clear"),
        same("implicit.plain.test", "implicit.plain.test", "encrypt", "Untrusted TLSv1.3"),
        same(
            "sts-enforce.plain.test",
            "sts-enforce.plain.test",
            "secure match=mx.sts-enforce.plain.test",
            "Verified TLSv1.3",
        ),
        same("sts-chunked.plain.test", "sts-chunked.plain.test", "secure match=another.example", UNPROVEN),
        same("dhe.plain.test", "dhe.plain.test", "secure", UNPROVEN),
        same("sts-no-txt.plain.test", "sts-no-txt.plain.test", "verify", "Verified TLSv1.3"),
        same("wrongname.plain.test", "wrongname.plain.test", "verify", UNPROVEN),
        same("wrongname.plain.test:25", "x.test", "verify match=another.example", ""),
        same(
            "selfsigned.plain.test",
            "selfsigned.plain.test",
            &format!("fingerprint match={print}"),
            "Verified TLSv1.3",
        ),
        same("switch.plain.test", "switch.plain.test", &format!("fingerprint match={wrong}"), UNPROVEN),
        same("tlsa-good.signed.test", "tlsa-good.signed.test", "dane-only", "Verified TLSv1.3"),
        // It has none.
        same("no-tlsa.signed.test", "no-tlsa.signed.test", "dane-only", "deferred (no TLSA records found"),
        entry("tlsa-ta.signed.test", "tlsa-ta.signed.test", "dane", Some("dane-only"), "Verified TLSv1.3"),
        // Less than it publishes.
        entry("tlsa-bad.signed.test", "tlsa-bad.signed.test", "encrypt", Some("encrypt"), "Untrusted TLSv1.3"),
        same(".many.plain.test", "x.y.many.plain.test", "encrypt", "Untrusted TLSv1.3"),
        entry("a.many.plain.test", "a.many.plain.test", "may", Some("encrypt"), "Untrusted TLSv1.3"),
        same("[smart1.plain.test]", "a.test", "secure match=smart1.plain.test", "Verified TLSv1.3"),
        same("[smart2.plain.test]", "b.test", "secure match=another.example", UNPROVEN),
    ];
    let lines: Vec<String> =
        entries.iter().map(|entry| format!("\"{}\" = \"{}\"", entry.next_hop, entry.policy)).collect();
    let destinations = format!("baseline = \"all\"\n\n[destinations.fixed]\n{}", lines.join("\n"));
    let _segl = lab.start_segl(&configured(&destinations, "reply-budget = \"20s\""));
    let key = |entry: &Entry| match entry.next_hop.starts_with('.') {
        true => entry.to.to_owned(),
        false => entry.next_hop.to_owned(),
    };
    let mut wrong = Vec::new();
    for entry in &entries {
        let told = told(&lab, &key(entry));
        if told != entry.policy {
            wrong.push(format!("{}: {told} instead of {}", entry.next_hop, entry.policy));
        }
    }
    let sent: Vec<_> = entries
        .iter()
        .filter(|entry| !entry.outcome.is_empty())
        .map(|entry| (accepted(&lab, &[&format!("bo@{}", entry.to)], ORDINARY), entry))
        .collect();
    for (queue_id, entry) in &sent {
        let mut became = None;
        lab.expect(&format!("mail to {} is tried", entry.to), || {
            became = outcome(&lab.mail_log(), queue_id);
            became.is_some()
        });
        let became = became.unwrap_or_default();
        println!("{}: {became}", entry.next_hop);
        if !became.starts_with(entry.outcome) {
            wrong.push(format!("{}: {became} instead of {}", entry.next_hop, entry.outcome));
        }
    }
    // Tagged mail, of which none is to leave: what its pins make of each policy.
    lab.postconf(&["defer_transports=smtp"]);
    for entry in entries.iter().filter(|entry| !entry.outcome.is_empty()) {
        let to = format!("bo@{}", entry.to);
        match &entry.tagged {
            None => drop(refused(&lab, &[&to], CONFIDENTIAL, 550)),
            Some(tagged) => {
                accepted(&lab, &[&to], CONFIDENTIAL);
                let told = told(&lab, &key(entry));
                if told != *tagged {
                    wrong.push(format!("{}, tagged: {told} instead of {tagged}", entry.next_hop));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let next_hops = ["cleartext.plain.test", "selfsigned.plain.test", "tlsa-ta.signed.test", "x.y.many.plain.test"];
    printed(&lab, &[&["policy"], &next_hops[..]].concat());
    printed(&lab, &[&["policy", "--json"], &next_hops[..]].concat());
    printed(&lab, &[&["probe"], &next_hops[..]].concat());
}

fn a_fixed_policy_vouches_for_a_destination(options: &Options<'_>) {
    let lab = up(options);
    let fixed = "[destinations.fixed]\n\"cleartext.plain.test\" = \"encrypt\"\n\"tls12.plain.test\" = \"encrypt \
                 protocols=>=TLSv1.3\"\n\"wrongname.plain.test\" = \"secure match=mx.wrongname.plain.test\"";
    let segl = lab.start_segl(&configured(fixed, ""));
    for (domain, server, tls, why, told_then) in [
        ("cleartext.plain.test", "cleartext", "encrypted/TLSv1.3", "TLS is required, but was not offered", ENCRYPT),
        (
            "tls12.plain.test",
            "tls12",
            "encrypted/TLSv1.3",
            "Cannot start TLS",
            "encrypt protocols=>=TLSv1.3 ciphers=medium",
        ),
        (
            "wrongname.plain.test",
            "wrongname",
            "authenticated/administrator",
            "Server certificate not verified",
            "secure match=mx.wrongname.plain.test protocols=>=TLSv1.2 ciphers=medium",
        ),
    ] {
        let queue_id = accepted(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
        let said = verdict(&segl, &queue_id);
        assert!(said.contains(&format!("tls={tls} action=accept")), "{said}");
        expect_deferred(&lab, &queue_id, why);
        assert_eq!(told(&lab, domain), told_then, "{domain}");
        assert_eq!(lab.received(server).len(), 0, "{server}");
        assert!(!lab.seen_in_the_clear(server, "MAIL FROM"), "{server}");
    }
    printed(&lab, &["probe", "cleartext.plain.test", "tls12.plain.test", "wrongname.plain.test"]);
    lab.set_starttls("cleartext", true);
    lab.flush();
    assert_eq!(arrived(&lab, "cleartext", 1)[0].tls.as_deref(), Some("TLSv1.3"));
}

fn what_is_never_probed_takes_tagged_mail_unseen(options: &Options<'_>) {
    let lab = up(&with(options, &["defer_transports=smtp"]));
    let segl = lab.start_segl(&configured("never-probe = [\"switch.plain.test\", \".many.plain.test\"]", ""));
    let sessions = || lab.sessions("switch").len() + lab.sessions("tls13").len();
    let before = sessions();
    for domain in ["switch.plain.test", "a.many.plain.test"] {
        let queue_id = accepted(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
        let said = verdict(&segl, &queue_id);
        assert!(said.contains(" tls=unknown action=accept reason=\"") && said.contains("never-probe"), "{said}");
        assert_eq!(told(&lab, domain), ENCRYPT);
        printed(&lab, &["policy", domain]);
    }
    assert_eq!(sessions(), before);
    lab.set_starttls("switch", false);
    lab.postconf(&["defer_transports="]);
    lab.flush();
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    let waiting = lab.queue().pop().map(|queued| queued.queue_id).unwrap_or_default();
    expect_deferred(&lab, &waiting, "TLS is required, but was not offered");
    lab.set_starttls("switch", true);
    lab.flush();
    assert_eq!(arrived(&lab, "switch", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    assert!(!lab.seen_in_the_clear("switch", "MAIL FROM"));
    expect_released(&lab, "switch.plain.test");
}
