//! The baselines: what mail that no pin holds is held to, and until when.

use super::{
    CONFIDENTIAL,
    mail::{Seldom, deferrals},
    post::{ENCRYPT, ORDINARY, accepted, arrived, configured, expect_deferred, verdict},
    published::{SHORT, expect_on_disk, printed},
    scenario, up,
    world::told,
};
use crate::support::lab::{Lab, Options};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{
    io::ErrorKind,
    net::{TcpListener, UdpSocket},
};

scenario!(a_destination_that_had_tls_is_held_to_it_until_it_is_let_go);
scenario!(every_destination_is_held_to_tls);
scenario!(nothing_is_asked_where_nothing_is_held);
scenario!(what_is_never_probed_is_not_held_to_what_a_probe_would_find);

const SWITCH: &str = "switch.plain.test";
const NOT_OFFERED: &str = "TLS is required, but was not offered";

fn findings(lab: &Lab) -> Connection {
    Connection::open(lab.directory().join("var/lib/segl/findings.sqlite3")).unwrap()
}

/// What is on disk of how long a destination has had TLS.
fn history(lab: &Lab, domain: &str) -> Value {
    let query = "SELECT value FROM findings WHERE kind = 'probe' AND destination = ?1";
    let value: String = findings(lab).query_row(query, [domain], |row| row.get(0)).unwrap_or_default();
    let report: Value = serde_json::from_str(&value).unwrap_or_default();
    report["history"].clone()
}

/// Writes on disk that two probes in a row found no TLS, the first of them so many seconds ago.
fn seed(lab: &Lab, domain: &str, seconds: i64) {
    let update = "UPDATE findings SET value = json_set(value, '$.history.without', 2, \
                  '$.history.without-since', unixepoch() - ?2) WHERE kind = 'probe' AND destination = ?1";
    let changed = findings(lab).execute(update, rusqlite::params![domain, seconds]).unwrap();
    assert_eq!(changed, 1, "{domain}");
}

fn a_destination_that_had_tls_is_held_to_it_until_it_is_let_go(options: &Options<'_>) {
    let lab = up(options);
    let destinations = "baseline = \"capable\"\nlet-go-probes = 3\nlet-go-time = \"1h\"";
    let mut segl = lab.start_segl(&configured(destinations, SHORT));
    assert_eq!(told(&lab, SWITCH), "encrypt");
    accepted(&lab, &["bo@switch.plain.test"], ORDINARY);
    assert_eq!(arrived(&lab, "switch", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    // One that never had it is not held.
    assert_eq!(told(&lab, "cleartext.plain.test"), "-");
    accepted(&lab, &["bo@cleartext.plain.test"], ORDINARY);
    assert_eq!(arrived(&lab, "cleartext", 1)[0].tls, None);
    expect_on_disk(&lab, "probe", SWITCH);

    lab.set_starttls("switch", false);
    let ordinary = accepted(&lab, &["bo@switch.plain.test"], ORDINARY);
    expect_deferred(&lab, &ordinary, NOT_OFFERED);
    let probes = |least: u64| {
        lab.expect("probes find no TLS", || {
            assert_eq!(told(&lab, SWITCH), "encrypt");
            history(&lab, SWITCH)["without"].as_u64().is_some_and(|count| count >= least)
        });
    };
    probes(4);
    let text = printed(&lab, &["policy", SWITCH]);
    assert!(text.contains(&format!("{SWITCH}: encrypt\n")), "{text}");
    segl.kill9();
    segl.start();
    probes(6);
    expect_deferred(&lab, &ordinary, NOT_OFFERED);

    // A pin comes to it: TLS is seen once more, and then no more for longer than it is waited for.
    lab.set_behaviour("switch", &json!({"starttls": "offer", "replies": {"RCPT": "450 4.2.1 busy"}}));
    lab.expect("a probe finds TLS", || {
        assert_eq!(told(&lab, SWITCH), "encrypt");
        history(&lab, SWITCH)["without"] == 0
    });
    let tagged = accepted(&lab, &["bo@switch.plain.test"], CONFIDENTIAL);
    println!("{}", verdict(&segl, &tagged));
    assert_eq!(told(&lab, SWITCH), ENCRYPT);
    lab.set_starttls("switch", false);
    expect_deferred(&lab, &tagged, NOT_OFFERED);
    expect_deferred(&lab, &ordinary, NOT_OFFERED);
    lab.set_behaviour("switch", &json!({"replies": {}}));
    let text = printed(&lab, &["probe", SWITCH]);
    assert!(text.contains("cleartext: "), "{text}");
    assert!(segl.terminate().success());
    seed(&lab, SWITCH, 3600);
    segl.start();
    let before = deferrals(&lab, &tagged, "4.7.4") + deferrals(&lab, &ordinary, "4.7.4");
    let mut flush = Seldom::new();
    lab.expect("the pin holds all of it", || {
        flush.perform(|| lab.flush());
        assert_eq!(told(&lab, SWITCH), ENCRYPT);
        deferrals(&lab, &tagged, "4.7.4") + deferrals(&lab, &ordinary, "4.7.4") > before + 3
    });
    assert!(lab.received("switch").iter().all(|message| message.tls.is_some()), "{:?}", lab.received("switch"));
    assert!(!lab.seen_in_the_clear("switch", "MAIL FROM"));
    lab.text_of(&["postsuper", "-d", &tagged]);
    lab.expect("it is let go when the pin is gone", || told(&lab, SWITCH) == "-");
    let log = segl.stderr();
    assert!(log.contains(&format!("{SWITCH}: 3 probes in a row found no TLS: ")), "{log}");
    lab.flush();
    assert_eq!(arrived(&lab, "switch", 2)[1].tls, None);
    assert!(!lab.seen_in_the_clear("switch", CONFIDENTIAL));

    // And is held again as soon as it has it again.
    lab.set_starttls("switch", true);
    lab.expect("it is held again", || told(&lab, SWITCH) == "encrypt");
}

fn every_destination_is_held_to_tls(options: &Options<'_>) {
    let lab = up(options);
    let _segl = lab.start_segl(&configured("baseline = \"all\"", ""));
    for (domain, policy) in [
        ("cleartext.plain.test", "encrypt"),
        ("tls13.plain.test", "encrypt"),
        ("[smart1.plain.test]", "encrypt"),
        (
            "sts-enforce.plain.test",
            "secure match=mx.sts-enforce.plain.test:mx.sts-redirect.plain.test:\
                                    mx.sts-cname.plain.test servername=hostname",
        ),
        ("servfail.plain.test", "TEMP"),
    ] {
        assert_eq!(told(&lab, domain), policy, "{domain}");
    }
    // To tell that takes no word with its servers.
    assert_eq!(lab.sessions("smart1").len(), 0);
    let waiting = accepted(&lab, &["bo@cleartext.plain.test"], ORDINARY);
    expect_deferred(&lab, &waiting, NOT_OFFERED);
    accepted(&lab, &["bo@tls13.plain.test"], ORDINARY);
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    assert!(!lab.seen_in_the_clear("cleartext", "MAIL FROM"));
}

fn nothing_is_asked_where_nothing_is_held(options: &Options<'_>) {
    let lab = up(options);
    // A name server that answers nobody, and sees all that is asked.
    let (udp, tcp) = lab.in_network("mta", || {
        (UdpSocket::bind("127.0.0.1:5353").unwrap(), TcpListener::bind("127.0.0.1:5353").unwrap())
    });
    udp.set_nonblocking(true).unwrap();
    tcp.set_nonblocking(true).unwrap();
    let asked = || {
        let heard = udp.recv_from(&mut [0; 512]).map(|_| ()).or_else(|_| tcp.accept().map(|_| ()));
        match heard {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                false
            }
        }
    };
    let nobody = configured("baseline = \"none\"", "").replace("\"192.0.2.2\"", "\"127.0.0.1:5353\"");
    let _segl = lab.start_segl(&nobody);
    for domain in ["tlsa-bad.signed.test", "sts-mismatch.plain.test", "servfail.plain.test", "tls13.plain.test"] {
        assert_eq!(told(&lab, domain), "-", "{domain}");
    }
    accepted(&lab, &["bo@sts-mismatch.plain.test", "bo@cleartext.plain.test"], ORDINARY);
    arrived(&lab, "sts", 1);
    assert_eq!(arrived(&lab, "cleartext", 1)[0].tls, None);
    assert!(!asked(), "a question about ordinary mail");
    // Tagged mail has its pin, whatever is asked or not.
    accepted(&lab, &["bo@tls13.plain.test"], CONFIDENTIAL);
    assert_eq!(arrived(&lab, "tls13", 1)[0].tls.as_deref(), Some("TLSv1.3"));
    lab.expect("it sees questions", asked);
}

fn what_is_never_probed_is_not_held_to_what_a_probe_would_find(options: &Options<'_>) {
    let lab = up(options);
    let destinations = "baseline = \"capable\"\nnever-probe = [\"cleartext.plain.test\", \".many.plain.test\", \
                        \"sts-enforce.plain.test\"]";
    let _segl = lab.start_segl(&configured(destinations, ""));
    assert_eq!(told(&lab, "cleartext.plain.test"), "-");
    accepted(&lab, &["bo@cleartext.plain.test"], ORDINARY);
    assert_eq!(arrived(&lab, "cleartext", 1)[0].tls, None);
    let before = lab.sessions("tls13").len();
    assert_eq!(told(&lab, "a.many.plain.test"), "-");
    assert_eq!(lab.sessions("tls13").len(), before);
    // What it publishes is no word with its servers.
    assert!(told(&lab, "sts-enforce.plain.test").starts_with("secure match=mx.sts-enforce.plain.test:"));
    assert_eq!(lab.sessions("sts").len(), 0);
}
