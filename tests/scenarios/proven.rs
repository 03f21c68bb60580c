//! What a destination publishes, as the milter takes it: who proves to be the server may have what needs proof, and who
//! proves to be another gets nothing.

use super::{
    CONFIDENTIAL,
    post::{accepted, arrived, configured, expect_deferred, refused, verdict, with},
    published::{DANE, SHORT, printed},
    scenario, up,
    world::told,
};
use crate::support::lab::Options;
use serde_json::json;

scenario!(what_needs_proof_goes_to_servers_that_give_it);
scenario!(a_postfix_without_authorities_is_asked_to_verify_nothing);
scenario!(what_needs_proof_needs_it_whatever_other_mail_is_held_to);

/// What the policy of sts-enforce asks.
const NAMES: &str = "secure match=mx.sts-enforce.plain.test:mx.sts-redirect.plain.test:mx.sts-cname.plain.test \
                     servername=hostname";

/// What every tagged message asks besides.
const REST: &str = " protocols=>=TLSv1.2 ciphers=medium";

fn what_needs_proof_goes_to_servers_that_give_it(options: &Options<'_>) {
    let lab = up(&with(options, &DANE));
    let proof = "[level.confidential]\nrequire = \"authenticated\"";
    let segl = lab.start_segl(&configured("", &format!("{SHORT}\nreply-budget = \"20s\"\n\n{proof}")));
    for (domain, server, how, policy) in [
        ("tlsa-good.signed.test", "tlsa-good", "dane", "dane-only"),
        ("sts-enforce.plain.test", "sts", "mta-sts", NAMES),
        ("verified.plain.test", "verified", "pkix", "verify match=hostname:nexthop:dot-nexthop"),
    ] {
        lab.set_behaviour(server, &json!({"replies": {"RCPT": "450 4.2.1 busy"}}));
        let queue_id = accepted(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
        let said = verdict(&segl, &queue_id);
        assert!(said.contains(&format!(" require=authenticated tls=authenticated/{how} action=accept")), "{said}");
        expect_deferred(&lab, &queue_id, "busy");
        assert_eq!(told(&lab, domain), format!("{policy}{REST}"), "{domain}");
        lab.set_behaviour(server, &json!({"replies": {}}));
        lab.flush();
        assert_eq!(arrived(&lab, server, 1)[0].tls.as_deref(), Some("TLSv1.3"), "{domain}");
    }
    for domain in ["selfsigned.plain.test", "wrongname.plain.test", "no-tlsa.signed.test", "tlsa-unusable.signed.test"]
    {
        let (text, _) = refused(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL, 550);
        assert!(text.contains(&format!(" and {domain} cannot prove who receives the mail.")), "{text}");
    }
    for (domain, server, policy) in [
        ("tlsa-bad.signed.test", "tlsa-bad", "dane-only"),
        ("both-dane-bad.signed.test", "both-dane-bad", "dane-only"),
        ("sts-mismatch.plain.test", "sts-mismatch", "secure match=mx.another.example servername=hostname"),
        (
            "sts-selfsigned.plain.test",
            "sts-selfsigned",
            "secure match=mx.sts-selfsigned.plain.test servername=hostname",
        ),
    ] {
        let queue_id = accepted(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
        let said = verdict(&segl, &queue_id);
        println!("{said}");
        assert!(said.contains(" require=authenticated tls=unknown action=accept reason=\""), "{said}");
        expect_deferred(&lab, &queue_id, "Server certificate not verified");
        assert_eq!(told(&lab, domain), format!("{policy}{REST}"), "{domain}");
        printed(&lab, &["policy", domain]);
        printed(&lab, &["probe", domain]);
        printed(&lab, &["probe", "--json", domain]);
        if server != "sts-mismatch" {
            assert_eq!(lab.received(server).len(), 0, "{server}");
        }
    }
    printed(&lab, &["held"]);
    assert_eq!(lab.received("sts").len(), 1);
}

fn what_needs_proof_needs_it_whatever_other_mail_is_held_to(options: &Options<'_>) {
    // A Postfix that does no DANE, so that nothing but the policy proves more than a name that DNS gave unsigned.
    let lab = up(options);
    let segl =
        lab.start_segl(&configured("baseline = \"none\"", "\n[level.confidential]\nrequire = \"authenticated\""));
    assert_eq!(told(&lab, "sts-enforce.plain.test"), "-");
    lab.set_behaviour("sts", &json!({"replies": {"RCPT": "450 4.2.1 busy"}}));
    let queue_id = accepted(&lab, &["bo@sts-enforce.plain.test"], CONFIDENTIAL);
    let said = verdict(&segl, &queue_id);
    assert!(said.contains(" require=authenticated tls=authenticated/mta-sts action=accept"), "{said}");
    expect_deferred(&lab, &queue_id, "busy");
    assert_eq!(told(&lab, "sts-enforce.plain.test"), format!("{NAMES}{REST}"));
    lab.set_behaviour("sts", &json!({"replies": {}}));
    lab.flush();
    assert_eq!(arrived(&lab, "sts", 1)[0].tls.as_deref(), Some("TLSv1.3"));
}

fn a_postfix_without_authorities_is_asked_to_verify_nothing(options: &Options<'_>) {
    let lab = up(&with(options, &[DANE[0], DANE[1], "smtp_tls_CAfile=", "smtp_tls_CApath="]));
    let proof = "[level.confidential]\nrequire = \"authenticated\"";
    let segl = lab.start_segl(&configured("", &format!("{SHORT}\nreply-budget = \"20s\"\n\n{proof}")));
    // What it cannot verify it would defer until the sender is told after days.
    for domain in ["verified.plain.test", "sts-enforce.plain.test"] {
        let (text, _) = refused(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL, 550);
        assert!(text.contains(&format!(" and {domain} cannot prove who receives the mail.")), "{text}");
        let output = printed(&lab, &["probe", domain]);
        assert!(output.contains("no certificate authorities"), "{output}");
    }
    let queue_id = accepted(&lab, &["bo@tlsa-good.signed.test"], CONFIDENTIAL);
    let said = verdict(&segl, &queue_id);
    assert!(said.contains(" require=authenticated tls=authenticated/dane action=accept"), "{said}");
    assert_eq!(arrived(&lab, "tlsa-good", 1)[0].tls.as_deref(), Some("TLSv1.3"));
}
