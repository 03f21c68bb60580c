//! TLS levels of main.cf above `may`: an answer of ours adds to them and takes nothing away.

use super::{
    CONFIDENTIAL,
    post::{ORDINARY, accepted, arrived, expect_deferred, hold, policy, refused, unhold, with},
    scenario, up,
};
use crate::support::lab::{Lab, Options, SEGL_TOML};

/// Whether Postfix has logged that it had a TLS connection of this kind with a server.
fn logged(lab: &Lab, kind: &str, host: &str) -> bool {
    lab.mail_log().contains(&format!("{kind} TLS connection established to {host}["))
}

/// Sends to a domain what is to wait for this reason with or without Segl, then holds while it waits, the policy for
/// the destination being `expected`.
fn waits(lab: &Lab, domain: &str, words: &str, expected: &str) {
    let ordinary = accepted(lab, &[&format!("bo@{domain}")], ORDINARY);
    expect_deferred(lab, &ordinary, words);
    let tagged = accepted(lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
    expect_deferred(lab, &tagged, words);
    assert_eq!(policy(lab, domain).as_deref(), Some(expected), "{domain}");
}

/// Sends a tagged message, looks at the policy while it waits, and has it delivered over TLS.
fn passes(lab: &Lab, domain: &str, server: &str, expected: &str) {
    hold(lab, server);
    let queue_id = accepted(lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
    expect_deferred(lab, &queue_id, "busy");
    assert_eq!(policy(lab, domain).as_deref(), Some(expected), "{domain}");
    unhold(lab, server);
    assert_eq!(arrived(lab, server, 1)[0].tls.as_deref(), Some("TLSv1.3"), "{domain}");
}

scenario!(dane_stays_dane);

fn dane_stays_dane(options: &Options<'_>) {
    let lab = up(&with(options, &["smtp_tls_security_level=dane", "smtp_dns_support_level=dnssec"]));
    let _segl = lab.start_segl(SEGL_TOML);
    let (only, encrypt) =
        ("dane-only protocols=>=TLSv1.2 ciphers=medium", "encrypt protocols=>=TLSv1.2 ciphers=medium");
    passes(&lab, "tlsa-good.signed.test", "tlsa-good", only);
    assert!(logged(&lab, "Verified", "mx.tlsa-good.signed.test"), "{}", lab.mail_log());
    passes(&lab, "no-tlsa.signed.test", "no-tlsa", encrypt);
    passes(&lab, "tls13.plain.test", "tls13", encrypt);
    waits(&lab, "tlsa-bad.signed.test", "Server certificate not verified", only);
    assert_eq!(lab.received("tlsa-bad").len(), 0);

    // Records of which Postfix can use none: it takes `dane` for `encrypt` there, and so do we.
    passes(&lab, "tlsa-unusable.signed.test", "tlsa-unusable", encrypt);

    let (text, _) = refused(&lab, &["bo@tlsa-cleartext.signed.test"], CONFIDENTIAL, 550);
    assert!(text.contains(" and tlsa-cleartext.signed.test cannot receive encrypted mail."), "{text}");
    let ordinary = accepted(&lab, &["bo@tlsa-cleartext.signed.test"], ORDINARY);
    expect_deferred(&lab, &ordinary, "TLS is required, but was not offered");
    assert!(!lab.seen_in_the_clear("tlsa-cleartext", "MAIL FROM"));
}

scenario!(secure_stays_secure);

fn secure_stays_secure(options: &Options<'_>) {
    let lab = up(&with(options, &["smtp_tls_security_level=secure"]));
    let _segl = lab.start_segl(SEGL_TOML);
    let secure = "secure protocols=>=TLSv1.2 ciphers=medium";
    passes(&lab, "verified.plain.test", "verified", secure);
    assert!(logged(&lab, "Verified", "mx.verified.plain.test"), "{}", lab.mail_log());
    waits(&lab, "selfsigned.plain.test", "Server certificate not verified", secure);
    waits(&lab, "wrongname.plain.test", "Server certificate not verified", secure);
    refused(&lab, &["bo@cleartext.plain.test"], CONFIDENTIAL, 550);
    for server in ["selfsigned", "wrongname", "cleartext"] {
        assert_eq!(lab.received(server).len(), 0, "{server}");
        assert!(!lab.seen_in_the_clear(server, "MAIL FROM"), "{server}");
    }
}

scenario!(verify_stays_verify_and_stronger_protocols_stay);

fn verify_stays_verify_and_stronger_protocols_stay(options: &Options<'_>) {
    let lab = up(&with(
        options,
        &[
            "smtp_tls_security_level=verify",
            "smtp_tls_mandatory_protocols=>=TLSv1.3",
            "smtp_tls_mandatory_ciphers=high",
        ],
    ));
    let _segl = lab.start_segl(SEGL_TOML);
    let verify = "verify protocols=>=TLSv1.3 ciphers=high";
    passes(&lab, "verified.plain.test", "verified", verify);
    waits(&lab, "selfsigned.plain.test", "Server certificate not verified", verify);
    waits(&lab, "wrongname.plain.test", "Server certificate not verified", verify);
    waits(&lab, "tls12.plain.test", "Cannot start TLS", verify);
    for server in ["selfsigned", "wrongname", "tls12"] {
        assert_eq!(lab.received(server).len(), 0, "{server}");
    }
}

scenario!(no_level_at_all_is_raised);

fn no_level_at_all_is_raised(options: &Options<'_>) {
    let lab = up(&with(options, &["smtp_tls_security_level=none", "smtp_tls_mandatory_protocols="]));
    let _segl = lab.start_segl(SEGL_TOML);
    passes(&lab, "verified.plain.test", "verified", "encrypt protocols=>=TLSv1.2 ciphers=medium");
    refused(&lab, &["bo@tls11.plain.test"], CONFIDENTIAL, 550);
    assert_nothing_left_at(&lab, "tls11");
    accepted(&lab, &["bo@tls13.plain.test"], ORDINARY);
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls, None);
}

fn assert_nothing_left_at(lab: &Lab, server: &str) {
    assert_eq!(lab.received(server).len(), 0, "{server}");
    assert!(!lab.seen_in_the_clear(server, "MAIL FROM"), "{server}");
}
