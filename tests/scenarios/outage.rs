//! Segl stopped, its disk full, its store gone: mail is refused for now or waits, and nothing needs help afterwards.

use super::{
    mail::{Seldom, Told, arrived, deferrals, is_pinned, ordinary, policy, removed, tagged, try_ordinary, try_tagged},
    scenario, up,
};
use crate::support::lab::{Lab, Options, SEGL_TOML, Segl, SmtpResult};
use serde_json::json;

scenario!(without_segl_mail_waits);
scenario!(a_full_disk_refuses_for_now);
scenario!(a_store_that_goes_away_loosens_nothing);

const SWITCH: &str = "bo@switch.plain.test";

/// A confidential message that the server was too busy to take, over TLS; the server has then ceased to offer TLS.
fn waits_at_switch(lab: &Lab, mark: &str) -> String {
    lab.set_behaviour("switch", &json!({"starttls": "offer", "replies": {"MAIL": "450 4.2.1 busy"}}));
    let queue_id = tagged(lab, SWITCH, mark);
    lab.expect("it waits", || deferrals(lab, &queue_id, "4.2.1") > 0);
    lab.set_behaviour("switch", &json!({"starttls": "none", "replies": {}}));
    queue_id
}

/// TLS is offered again: what waits arrives over it, and nothing of it was ever seen in the clear.
fn arrives_over_tls(lab: &Lab, mark: &str) {
    lab.set_starttls("switch", true);
    let mut flush = Seldom::new();
    lab.expect("it arrives once TLS is offered", || {
        flush.perform(|| lab.flush());
        arrived(lab, "switch", mark).is_some()
    });
    assert_eq!(arrived(lab, "switch", mark), Some(Some("TLSv1.3".to_owned())));
    assert!(!lab.seen_in_the_clear("switch", mark));
}

fn assert_refused_for_now(lab: &Lab, sent: &SmtpResult) {
    let expected = match lab.code_without_milter() {
        // At once, where a reply has no enhanced code (smtpd.c, smtpd_proto); else at the first command that may.
        421 => (421, "connect", "mail.sender.test Service unavailable - try again later"),
        code => (code, "MAIL", "4.7.1 Service unavailable - try again later"),
    };
    assert_eq!((sent.code, sent.stage.as_str(), sent.text.as_str()), (Some(expected.0), expected.1, expected.2));
}

fn without_segl_mail_waits(options: &Options<'_>) {
    let lab = up(options);
    let mut segl = lab.start_segl(SEGL_TOML);
    for way in ["stopped", "killed"] {
        let mark = format!("MARK-{way}");
        let queue_id = waits_at_switch(&lab, &mark);
        match way {
            "stopped" => assert!(segl.terminate().success()),
            _ => segl.kill9(),
        }

        for sent in [try_tagged(&lab, SWITCH, "LOST"), try_ordinary(&lab, "bo@tls13.plain.test", "LOST")] {
            assert_refused_for_now(&lab, &sent);
        }
        let local = format!("Subject: Frokost\r\n\r\nKl. 12? LOCAL-{way}\r\n");
        let submitted = lab.sendmail("anna@sender.test", &["bo@tls13.plain.test"], local.as_bytes());
        assert!(submitted.status.success(), "{submitted:?}");

        let before = deferrals(&lab, &queue_id, "4.7.5");
        let mut flush = Seldom::new();
        lab.expect("what waits is deferred, again and again, for want of an answer", || {
            flush.perform(|| lab.flush());
            deferrals(&lab, &queue_id, "4.7.5") >= before + 2
        });
        assert!(arrived(&lab, "tls13", &format!("LOCAL-{way}")).is_none(), "passed without Segl");

        segl.start();
        assert!(is_pinned(&lab, &queue_id));
        let before = deferrals(&lab, &queue_id, "4.7.4");
        let mut flush = Seldom::new();
        lab.expect("it is deferred for want of TLS", || {
            flush.perform(|| lab.flush());
            deferrals(&lab, &queue_id, "4.7.4") > before
        });
        assert!(arrived(&lab, "switch", &mark).is_none());
        arrives_over_tls(&lab, &mark);
        let mut flush = Seldom::new();
        lab.expect("what was submitted meanwhile arrives too", || {
            flush.perform(|| lab.flush());
            arrived(&lab, "tls13", &format!("LOCAL-{way}")).is_some()
        });
    }
    assert!(arrived(&lab, "switch", "LOST").is_none() && arrived(&lab, "tls13", "LOST").is_none());
}

/// A disk of 4 MB in place of the state directory.
fn small_disk(lab: &Lab) {
    lab.text_of(&[
        "sh",
        "-ec",
        "truncate -s 4M /var/lib/small.img
         mkfs.ext4 -q -m 0 -O ^has_journal /var/lib/small.img
         mount -o loop /var/lib/small.img /var/lib/segl
         chown _segl:_segl /var/lib/segl
         chmod 0750 /var/lib/segl",
    ]);
}

fn fill_disk(lab: &Lab) {
    // dd ends with an error: that is what is wanted.
    lab.text_of(&[
        "sh",
        "-c",
        "for size in 65536 4096 1; do dd if=/dev/zero bs=$size >>/var/lib/segl/filler 2>/dev/null; done
         test \"$(stat -f -c %a /var/lib/segl)\" -le 0",
    ]);
}

fn a_full_disk_refuses_for_now(options: &Options<'_>) {
    let lab = up(options);
    small_disk(&lab);
    let segl = lab.start_segl(SEGL_TOML);
    let process = segl.pid();
    let queue_id = waits_at_switch(&lab, "MARK-FULL");

    fill_disk(&lab);
    // What space the log of the database still has may be used up first.
    let mut refused = None;
    for number in 0..100 {
        let sent = try_tagged(&lab, "bo@tls13.plain.test", &format!("FULL-{number}-"));
        match sent.queue_id {
            Some(queue_id) => assert!(is_pinned(&lab, &queue_id) || removed(&lab, &queue_id), "{}", segl.stderr()),
            None => {
                refused = Some((number, sent));
                break;
            }
        }
    }
    let Some((taken, sent)) = refused else { panic!("the disk is not full after all:\n{}", segl.stderr()) };
    println!("full disk: refused after {taken} more messages: {} {}", sent.code.unwrap_or(0), sent.text);
    assert_eq!((sent.code, sent.stage.as_str()), (Some(451), "end-of-message"), "{sent:?}");
    assert!(segl.stderr().contains("free space on that file system"), "{}", segl.stderr());

    // All else goes on.
    ordinary(&lab, "bo@tls12.plain.test", "ORDINARY-FULL");
    lab.expect("ordinary mail arrives", || arrived(&lab, "tls12", "ORDINARY-FULL").is_some());
    assert!(matches!(policy(&lab, "switch.plain.test"), Told::Policy(policy) if policy.starts_with("encrypt")));
    assert_eq!(policy(&lab, "cleartext.plain.test"), Told::Nothing);
    // A message too large for memory cannot be read either.
    let large = format!("Subject: Frokost\r\n\r\n{}", "Kl. 12? Kl. 13? Kl. 14?\r\n".repeat(100_000));
    let sent = lab.send_raw("anna@sender.test", &["bo@tls12.plain.test"], large.as_bytes());
    assert_eq!(sent.code, Some(451), "{sent:?}");
    let before = deferrals(&lab, &queue_id, "4.7.4");
    let mut flush = Seldom::new();
    lab.expect("what waits is deferred for want of TLS", || {
        flush.perform(|| lab.flush());
        deferrals(&lab, &queue_id, "4.7.4") > before
    });

    lab.text_of(&["rm", "/var/lib/segl/filler"]);
    lab.expect("confidential mail is taken again", || {
        try_tagged(&lab, "bo@tls13.plain.test", "MARK-AGAIN").code == Some(250)
    });
    lab.expect("and arrives", || arrived(&lab, "tls13", "MARK-AGAIN").is_some());
    assert_eq!(arrived(&lab, "tls13", "MARK-AGAIN"), Some(Some("TLSv1.3".to_owned())));
    arrives_over_tls(&lab, "MARK-FULL");
    assert_eq!(segl.pid(), process, "it needed a restart");
    assert!(arrived(&lab, "tls13", &format!("FULL-{taken}-")).is_none());
}

/// Waits until Segl says that it does not know, of destinations with pins and without.
fn nothing_is_told(lab: &Lab) {
    lab.expect("nothing is told of any destination", || {
        let told = ["switch.plain.test", "cleartext.plain.test"].map(|next_hop| policy(lab, next_hop));
        assert!(told[0] != Told::Nothing, "a pinned destination was let go");
        told.iter().all(|told| matches!(told, Told::Failure(reason) if reason.contains("cannot read its pins")))
    });
}

fn a_store_that_goes_away_loosens_nothing(options: &Options<'_>) {
    let lab = up(options);
    let mut segl = lab.start_segl(SEGL_TOML);
    let queue_id = waits_at_switch(&lab, "MARK-STORE");
    let in_order = |segl: &Segl<'_>| segl.stderr().matches("in order again").count();
    let encrypted = |told: Told| match told {
        Told::Policy(policy) => policy.starts_with("encrypt"),
        // Between one and the other nothing is known, and Postfix is told so.
        Told::Failure(_) => false,
        Told::Nothing => panic!("a pinned destination was let go"),
    };

    // The file is deleted: what is known is written anew.
    let before = in_order(&segl);
    lab.text_of(&["sh", "-c", "rm /var/lib/segl/pins.sqlite3*"]);
    lab.expect("the store is in order again", || {
        encrypted(policy(&lab, "switch.plain.test"));
        in_order(&segl) > before
    });
    assert!(encrypted(policy(&lab, "switch.plain.test")) && is_pinned(&lab, &queue_id), "{}", segl.stderr());
    tagged(&lab, "bo@tls13.plain.test", "MARK-DELETED");
    lab.expect("confidential mail flows", || arrived(&lab, "tls13", "MARK-DELETED").is_some());

    // The directory is gone and cannot be made: nothing is known of any destination.
    let before = in_order(&segl);
    lab.text_of(&["mv", "/var/lib/segl", "/var/lib/segl.away"]);
    nothing_is_told(&lab);
    let sent = try_tagged(&lab, "bo@tls13.plain.test", "LOST");
    assert_eq!(sent.code, Some(451), "{sent:?}");
    let waiting = ordinary(&lab, "bo@cleartext.plain.test", "ORDINARY-AWAY");
    let mut flush = Seldom::new();
    lab.expect("what waits is deferred, and ordinary mail with it", || {
        flush.perform(|| lab.flush());
        [&queue_id, &waiting].iter().all(|queue_id| deferrals(&lab, queue_id, "4.7.5") > 0)
    });
    lab.text_of(&["mv", "/var/lib/segl.away", "/var/lib/segl"]);
    lab.expect("the store is in order again", || in_order(&segl) > before);
    let mut flush = Seldom::new();
    lab.expect("ordinary mail flows", || {
        flush.perform(|| lab.flush());
        arrived(&lab, "cleartext", "ORDINARY-AWAY").is_some()
    });
    assert!(encrypted(policy(&lab, "switch.plain.test")) && is_pinned(&lab, &queue_id));

    // Nobody may open the file any more: the one that is open will do. Nor the directory: then nothing is known.
    lab.text_of(&["sh", "-c", "chown root:root /var/lib/segl/pins.sqlite3* && chmod 0 /var/lib/segl/pins.sqlite3*"]);
    tagged(&lab, "bo@tls12.plain.test", "MARK-UNREADABLE");
    assert!(encrypted(policy(&lab, "switch.plain.test")));
    lab.text_of(&[
        "sh",
        "-c",
        "chown _segl:_segl /var/lib/segl/pins.sqlite3* && chmod 0600 /var/lib/segl/pins.sqlite3*",
    ]);
    let before = in_order(&segl);
    lab.text_of(&["sh", "-c", "chown root:root /var/lib/segl && chmod 0700 /var/lib/segl"]);
    nothing_is_told(&lab);
    lab.text_of(&["chown", "_segl:_segl", "/var/lib/segl"]);
    lab.expect("the store is in order again", || in_order(&segl) > before);
    assert!(encrypted(policy(&lab, "switch.plain.test")) && is_pinned(&lab, &queue_id));

    segl.restart();
    assert!(encrypted(policy(&lab, "switch.plain.test")) && is_pinned(&lab, &queue_id));
    arrives_over_tls(&lab, "MARK-STORE");
    assert!(arrived(&lab, "tls13", "LOST").is_none());
}
