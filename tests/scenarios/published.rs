//! What destinations publish changes, goes away and breaks while Segl runs, and while it does not: mail is held to what was
//! published last for as long as that counts, and to nothing that never was.

use super::{
    CONFIDENTIAL,
    post::{ORDINARY, accepted, arrived, configured, expect_deferred, verdict, with},
    scenario, up,
    world::{outcome, told},
};
use crate::support::lab::{Lab, Options, Segl};
use serde_json::json;
use std::fs;

scenario!(an_mta_sts_policy_outlives_all_but_its_domains_word);
scenario!(what_dns_does_not_tell_of_a_policy_puts_mail_off);
scenario!(tlsa_records_roll_over_break_and_heal);
scenario!(dane_that_postfix_cannot_check_asks_for_tls);
scenario!(what_was_found_outlives_segl_and_dns);

/// What is found is looked at again after a second.
pub(super) const SHORT: &str = "lifetime = \"1s\"\nnegative-lifetime = \"1s\"\nfailure-lifetime = \"1s\"";

/// A Postfix that can check DANE.
pub(super) const DANE: [&str; 2] = ["smtp_dns_support_level=dnssec", "smtp_tls_security_level=may"];

const SWITCH: &str = "sts-switch.plain.test";
const ENFORCED: &str = "secure match=mx.sts-switch.plain.test servername=hostname";
const ANOTHER: &str = "secure match=mx.another.example servername=hostname";

/// Replaces the lines of a zone that begin with this name.
fn edit(lab: &Lab, zone: &str, name: &str, records: &[&str]) {
    let text = lab.zone(zone);
    let others = text.lines().filter(|line| line.split_whitespace().next() != Some(name));
    let own = records.iter().map(|record| format!("{name} {record}"));
    let lines: Vec<String> = others.map(str::to_owned).chain(own).collect();
    lab.dns("edit", zone, &format!("{}\n", lines.join("\n")));
}

/// Announces a policy of sts-switch, or none.
fn announce(lab: &Lab, id: Option<u32>) {
    let record = id.map(|id| format!("TXT \"v=STSv1; id={id};\""));
    edit(lab, "plain.test", "_mta-sts.sts-switch", &record.iter().map(String::as_str).collect::<Vec<_>>());
}

/// What the policy host of sts-switch says.
fn publish(lab: &Lab, mode: &str, mx: &str) {
    let policy = format!("version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 604800\r\n");
    lab.set_behaviour("mta-sts.sts-switch", &json!({"policy": policy}));
}

/// Waits until Postfix is told this of a destination; meanwhile it is told nothing but what it was told before.
fn expect_told(lab: &Lab, domain: &str, expected: &str) {
    let before = told(lab, domain);
    lab.expect(&format!("{domain} gets {expected}"), || {
        let now = told(lab, domain);
        assert!(now == before || now == expected, "{domain}: neither {before} nor {expected} but {now}");
        now == expected
    });
}

/// Waits for another look at a policy, which brings nothing but these words; Postfix is told the same all the time.
fn expect_kept(lab: &Lab, segl: &Segl<'_>, words: &str) {
    let mark = format!("{SWITCH}: its MTA-STS policy stays in force: ");
    let kept = || {
        let log = segl.stderr();
        log.lines().filter(|line| line.split_once(&mark).is_some_and(|(_, why)| why.contains(words))).count()
    };
    let before = kept();
    lab.expect(&format!("the policy is kept although {words}"), || {
        assert_eq!(told(lab, SWITCH), ENFORCED);
        kept() > before
    });
}

/// Sends an ordinary message and waits until it was tried: what became of it.
fn tried(lab: &Lab, domain: &str, body: &str) -> String {
    let queue_id = accepted(lab, &[&format!("bo@{domain}")], body);
    let mut became = None;
    lab.expect(&format!("{queue_id} is tried"), || {
        became = outcome(&lab.mail_log(), &queue_id);
        became.is_some()
    });
    became.unwrap_or_default()
}

/// Waits until what is found of a destination is on disk.
pub(super) fn expect_on_disk(lab: &Lab, kind: &str, domain: &str) {
    lab.expect(&format!("{domain} is on disk"), || {
        let path = lab.directory().join("var/lib/segl/findings.sqlite3");
        let connection = rusqlite::Connection::open(path).unwrap();
        let query = "SELECT count(*) FROM findings WHERE kind = ?1 AND destination = ?2";
        connection.query_row(query, [kind, domain], |row| row.get::<_, i64>(0)).unwrap_or(0) == 1
    });
}

/// What a command prints for people.
pub(super) fn printed(lab: &Lab, arguments: &[&str]) -> String {
    let output = lab.segl(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("segl {}\n{text}", arguments.join(" "));
    text
}

fn an_mta_sts_policy_outlives_all_but_its_domains_word(options: &Options<'_>) {
    // A session that is resumed was verified when it began, by the names that were asked for then.
    let lab = up(&with(options, &["smtp_tls_session_cache_database="]));
    let mut segl = lab.start_segl(&configured("", SHORT));
    assert_eq!(told(&lab, SWITCH), ENFORCED);
    assert_eq!(tried(&lab, SWITCH, ORDINARY), "Verified TLSv1.3");

    // Another policy is announced and cannot be had; then none is announced.
    lab.set_behaviour("mta-sts.sts-switch", &json!({"listen": false}));
    announce(&lab, Some(2));
    expect_kept(&lab, &segl, "MTA-STS policy 2: ");
    announce(&lab, None);
    expect_kept(&lab, &segl, "no MTA-STS record");
    segl.kill9();
    segl.start();
    expect_kept(&lab, &segl, "no MTA-STS record");
    assert_eq!(tried(&lab, SWITCH, ORDINARY), "Verified TLSv1.3");
    let text = printed(&lab, &["policy", SWITCH]);
    assert!(text.contains(&format!("{SWITCH}: {ENFORCED}\n")), "{text}");

    // Segl forgets: it knows no more than anybody who asks for the first time.
    assert!(segl.terminate().success());
    lab.text_of(&["sh", "-c", "rm /var/lib/segl/findings.sqlite3*"]);
    segl.start();
    assert_eq!(told(&lab, SWITCH), "-");
    lab.set_behaviour("mta-sts.sts-switch", &json!({"listen": true}));
    announce(&lab, Some(3));
    expect_told(&lab, SWITCH, ENFORCED);

    // The domain's own word: another server, whose name none has.
    publish(&lab, "enforce", "mx.another.example");
    announce(&lab, Some(4));
    expect_told(&lab, SWITCH, ANOTHER);
    let ordinary = accepted(&lab, &["bo@sts-switch.plain.test"], ORDINARY);
    expect_deferred(&lab, &ordinary, "Server certificate not verified");
    let tagged = accepted(&lab, &["bo@sts-switch.plain.test"], CONFIDENTIAL);
    let said = verdict(&segl, &tagged);
    assert!(
        said.contains("tls=unknown action=accept") && said.contains("MTA-STS: the policy does not name it"),
        "{said}"
    );
    expect_deferred(&lab, &tagged, "Server certificate not verified");
    printed(&lab, &["probe", SWITCH]);
    printed(&lab, &["policy", SWITCH]);
    printed(&lab, &["held"]);
    assert_eq!(lab.received("sts").len(), 2);

    // And that it asks for nothing any more.
    publish(&lab, "none", "mx.sts-switch.plain.test");
    announce(&lab, Some(5));
    arrived(&lab, "sts", 4);
    expect_told_in_the_end(&lab, SWITCH, "-");
    assert_eq!(tried(&lab, SWITCH, ORDINARY), "Trusted TLSv1.3");
    assert!(!lab.seen_in_the_clear("sts", "MAIL FROM"));
}

fn what_dns_does_not_tell_of_a_policy_puts_mail_off(options: &Options<'_>) {
    const DOMAIN: &str = "sts-servfail.plain.test";
    const ZONE: &str = "_mta-sts.sts-servfail.plain.test";
    let lab = up(options);
    let segl = lab.start_segl(&configured("", SHORT));
    assert_eq!(told(&lab, DOMAIN), "TEMP");
    let ordinary = accepted(&lab, &["bo@sts-servfail.plain.test"], ORDINARY);
    expect_deferred(&lab, &ordinary, "client TLS configuration problem");
    let tagged = accepted(&lab, &["bo@sts-servfail.plain.test"], CONFIDENTIAL);
    println!("{}", verdict(&segl, &tagged));
    expect_deferred(&lab, &tagged, "client TLS configuration problem");
    printed(&lab, &["policy", DOMAIN]);
    assert_eq!(lab.received("sts").len(), 0);

    // DNS says that there is none: it was only not known.
    let zone = fs::read_to_string(lab.directory().join(format!("dns/{ZONE}.zone.off"))).unwrap();
    let without: Vec<&str> = zone.lines().filter(|line| !line.contains("TXT")).collect();
    lab.dns("edit", ZONE, &format!("{}\n", without.join("\n")));
    arrived(&lab, "sts", 2);
    lab.expect("nothing holds", || told(&lab, DOMAIN) == "-");
    lab.dns("edit", ZONE, &zone);
    expect_told(&lab, DOMAIN, "secure match=mx.sts-servfail.plain.test servername=hostname");
    assert_eq!(tried(&lab, DOMAIN, ORDINARY), "Verified TLSv1.3");
}

/// TLSA data (3 1 1) of one of the lab's certificates.
fn tlsa(lab: &Lab, certificate: &str) -> String {
    let script = "openssl x509 -in \"$0\" -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum";
    let path = lab.directory().join(format!("pki/{certificate}.pem"));
    let digest = lab.text_of(&["sh", "-c", script, &path.display().to_string()]);
    format!("TLSA 3 1 1 {}", digest.split(' ').next().unwrap_or_default())
}

fn tlsa_records_roll_over_break_and_heal(options: &Options<'_>) {
    const DOMAIN: &str = "tlsa-good.signed.test";
    let lab = up(&with(options, &DANE));
    let segl = lab.start_segl(&configured("", SHORT));
    let records = |records: &[&str]| {
        edit(&lab, "signed.test", "_25._tcp.mx.tlsa-good", records);
        // Each smtp(8) remembers records for as long as they may be.
        lab.reload();
    };
    let (old, new) = (tlsa(&lab, "self"), tlsa(&lab, "rsa"));
    let passes = || {
        assert_eq!(told(&lab, DOMAIN), "dane-only");
        assert_eq!(tried(&lab, DOMAIN, ORDINARY), "Verified TLSv1.3");
    };
    passes();
    records(&[&old, &new]);
    passes();
    lab.set_behaviour("tlsa-good", &json!({"cert": "rsa"}));
    passes();
    records(&[&new]);
    passes();

    // The administrators there forget to: nobody proves to be the server.
    lab.set_behaviour("tlsa-good", &json!({"cert": "self"}));
    let ordinary = accepted(&lab, &["bo@tlsa-good.signed.test"], ORDINARY);
    expect_deferred(&lab, &ordinary, "Server certificate not verified");
    lab.expect("a probe sees it", || printed(&lab, &["probe", DOMAIN]).contains("unknown"));
    let tagged = accepted(&lab, &["bo@tlsa-good.signed.test"], CONFIDENTIAL);
    println!("{}", verdict(&segl, &tagged));
    expect_deferred(&lab, &tagged, "Server certificate not verified");
    assert_eq!(told(&lab, DOMAIN), "dane-only protocols=>=TLSv1.2 ciphers=medium");
    printed(&lab, &["policy", DOMAIN]);
    records(&[&old, &new]);
    lab.flush();
    let received = arrived(&lab, "tlsa-good", 6);
    assert!(received.iter().all(|message| message.tls.is_some()), "{received:?}");

    // All of it taken back, as its owner may: what is known of it is told a while longer, and Postfix finds none.
    records(&[]);
    expect_told_in_the_end(&lab, DOMAIN, "-");
    assert_eq!(tried(&lab, DOMAIN, ORDINARY), "Untrusted TLSv1.3");

    // Records that cannot be had put mail off, whether it is tagged or not.
    const SERVFAIL: &str = "tlsa-servfail.signed.test";
    assert_eq!(told(&lab, SERVFAIL), "TEMP");
    let ordinary = accepted(&lab, &["bo@tlsa-servfail.signed.test"], ORDINARY);
    let tagged = accepted(&lab, &["bo@tlsa-servfail.signed.test"], CONFIDENTIAL);
    println!("{}", verdict(&segl, &tagged));
    for queue_id in [ordinary, tagged] {
        expect_deferred(&lab, &queue_id, "client TLS configuration problem");
    }
    printed(&lab, &["policy", SERVFAIL]);
    printed(&lab, &["probe", SERVFAIL]);
    lab.dns("heal", "_tcp.mx.tlsa-servfail.signed.test", "");
    let received = arrived(&lab, "tlsa-servfail", 2);
    assert!(received.iter().all(|message| message.tls.is_some()), "{received:?}");
    expect_told_in_the_end(&lab, SERVFAIL, "-");
}

fn expect_told_in_the_end(lab: &Lab, domain: &str, expected: &str) {
    lab.expect(&format!("{domain} gets {expected}"), || told(lab, domain) == expected);
}

fn dane_that_postfix_cannot_check_asks_for_tls(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(&configured("", SHORT));
    for (domain, server) in [("tlsa-good.signed.test", "tlsa-good"), ("tlsa-bad.signed.test", "tlsa-bad")] {
        assert_eq!(told(&lab, domain), "encrypt", "{domain}");
        assert_eq!(tried(&lab, domain, ORDINARY), "Untrusted TLSv1.3", "{domain}");
        let tagged = accepted(&lab, &[&format!("bo@{domain}")], CONFIDENTIAL);
        println!("{}", verdict(&segl, &tagged));
        arrived(&lab, server, 2);
        printed(&lab, &["probe", domain]);
        printed(&lab, &["policy", domain]);
    }
    let ordinary = accepted(&lab, &["bo@tlsa-cleartext.signed.test"], ORDINARY);
    expect_deferred(&lab, &ordinary, "TLS is required, but was not offered");
    assert!(!lab.seen_in_the_clear("tlsa-cleartext", "MAIL FROM"));

    // It is said which of Postfix's services it is.
    let check = || printed(&lab, &["check"]);
    let mut text = check();
    assert!(text.contains("DANE: Postfix is not set up for it, since smtp_dns_support_level is not dnssec in main.cf"));
    lab.postconf(&["smtp_dns_support_level=dnssec"]);
    text = check();
    assert!(!text.contains("DANE:") && !text.contains("/etc/resolv.conf"), "{text}");
    lab.text_of(&["postconf", "-P", "relay/unix/smtp_host_lookup=native"]);
    text = check();
    assert!(text.contains("since smtp_host_lookup does not have dns for the service relay of master.cf"), "{text}");
}

fn what_was_found_outlives_segl_and_dns(options: &Options<'_>) {
    let lab = up(&with(options, &DANE));
    let mut segl = lab.start_segl(&configured("baseline = \"capable\"", "failure-lifetime = \"1s\""));
    let known = [
        ("tlsa-good.signed.test", "dane-only"),
        ("sts-switch.plain.test", ENFORCED),
        ("tls13.plain.test", "encrypt"),
        ("cleartext.plain.test", "-"),
    ];
    for (domain, expected) in known {
        assert_eq!(told(&lab, domain), expected, "{domain}");
        expect_on_disk(&lab, "published", domain);
        expect_on_disk(&lab, "probe", domain);
    }
    segl.kill9();
    for zone in ["plain.test", "signed.test"] {
        lab.dns("break", zone, "");
    }
    segl.start();
    for (domain, expected) in known {
        assert_eq!(told(&lab, domain), expected, "{domain}");
    }
    let text = printed(&lab, &["policy", "tlsa-good.signed.test"]);
    assert!(text.starts_with("tlsa-good.signed.test: dane-only\n"), "{text}");
    assert_eq!(told(&lab, "tls12.plain.test"), "TEMP");
    let tagged = accepted(&lab, &["bo@tls13.plain.test"], CONFIDENTIAL);
    let said = verdict(&segl, &tagged);
    assert!(said.contains("tls=encrypted/TLSv1.3 action=accept"), "{said}");
    expect_deferred(&lab, &tagged, "Name service error");
    for zone in ["plain.test", "signed.test"] {
        lab.dns("heal", zone, "");
    }
    lab.flush();
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    expect_told_in_the_end(&lab, "tls12.plain.test", "encrypt");
}
