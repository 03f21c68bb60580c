//! Confidential mail that waits: never in the clear meanwhile, and in nobody's way once it has left.

use super::{
    CONFIDENTIAL,
    mail::{ANNA, Seldom, Told, arrived, deferrals, is_pinned, ordinary, pins, policy, released, removed, tagged},
    scenario, up,
};
use crate::support::lab::{Lab, Message, Options, PATIENCE, SEGL_TOML, Segl, wait_until};
use indymilter::{Callbacks, EomContext, SetErrorReply, Status};
use nix::sys::signal::Signal;
use serde_json::json;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

scenario!(tagged_mail_waits_when_starttls_goes_away);
scenario!(tagged_mail_that_is_requeued_goes_on_waiting);
scenario!(a_bounce_of_tagged_mail_waits_for_tls_too);
scenario!(tagged_mail_keeps_out_of_cleartext_connections);
scenario!(tagged_mail_leaks_where_connections_are_cached);
scenario!(held_mail_is_shown_told_and_let_go);
scenario!(where_nothing_can_be_read_pins_stay);
scenario!(the_log_alone_lets_go);
scenario!(what_was_accepted_is_held_in_mode_observe_too);
scenario!(mail_that_never_was_queued_is_let_go);

/// What must be seen nowhere in the clear: the number in [`CONFIDENTIAL`].
const NUMBER: &str = "610190-0005";

/// Every connection of Postfix to this server that sent a sender or a message was over TLS.
fn assert_nothing_in_the_clear(lab: &Lab, server: &str, mark: &str) {
    for text in [mark, NUMBER] {
        assert!(!lab.seen_in_the_clear(server, text), "{server} has seen {text} in the clear");
    }
}

fn assert_no_mail_in_the_clear(lab: &Lab, server: &str) {
    for session in lab.sessions(server) {
        let began = session.commands.iter().any(|verb| ["MAIL", "RCPT", "DATA"].contains(&verb.as_str()));
        assert!(session.tls.is_some() || !began, "{server}: {session:?}");
    }
}

/// `postsuper -r` gives a message another queue ID and asks no milter about it.
fn tagged_mail_that_is_requeued_goes_on_waiting(options: &Options<'_>) {
    let lab = up(&Options { main_cf: &["defer_transports=smtp"], ..*options });
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = tagged(&lab, "bo@switch.plain.test", "MARK-R");
    lab.set_starttls("switch", false);
    lab.postconf(&["defer_transports="]);
    let mut flush = Seldom::new();
    lab.expect("it is deferred for want of TLS", || {
        flush.perform(|| lab.flush());
        deferrals(&lab, &queue_id, "4.7.4") >= 1
    });
    lab.text_of(&["postsuper", "-r", &queue_id]);
    // pickup(8) looks once a minute, and when it is started.
    lab.text_of(&["postfix", "reload"]);
    lab.expect("its first queue ID is let go", || released(&segl, &queue_id));
    let mark = format!("{queue_id}: goes on as ");
    let text = segl.stderr();
    let requeued =
        text.lines().find_map(|line| line.split_once(&mark)).map(|(_, id)| id.to_owned()).unwrap_or_default();
    assert!(is_pinned(&lab, &requeued), "{text}");
    let before = deferrals(&lab, &requeued, "4.7.4");
    lab.expect("it is deferred for want of TLS again", || {
        flush.perform(|| lab.flush());
        deferrals(&lab, &requeued, "4.7.4") > before
    });
    assert_nothing_in_the_clear(&lab, "switch", "MARK-R");
    lab.set_starttls("switch", true);
    lab.expect("it arrives over TLS", || {
        flush.perform(|| lab.flush());
        arrived(&lab, "switch", "MARK-R").is_some_and(|tls| tls.is_some())
    });
    lab.expect("its pins go with it", || released(&segl, &requeued));
}

/// A notice of non-delivery holds the message, and no milter is asked about it.
fn a_bounce_of_tagged_mail_waits_for_tls_too(options: &Options<'_>) {
    let lab = up(options);
    let segl = lab.start_segl(SEGL_TOML);
    lab.set_starttls("switch", false);
    lab.set_behaviour("tls12", &json!({"replies": {"RCPT": "550 5.1.1 nobody"}}));
    let body = format!("{CONFIDENTIAL} MARK-B");
    let message =
        Message { from: "chef@switch.plain.test", to: &["bo@tls12.plain.test"], subject: "Journal", body: &body };
    let queue_id = lab.send(&message).queue_id.expect("it is accepted");
    lab.expect("its pins are let go", || released(&segl, &queue_id));
    let mark = format!("{queue_id}: goes on as ");
    let text = segl.stderr();
    let bounce = text.lines().find_map(|line| line.split_once(&mark)).map(|(_, id)| id.to_owned()).unwrap_or_default();
    assert!(is_pinned(&lab, &bounce), "{text}");
    let mut flush = Seldom::new();
    let before = deferrals(&lab, &bounce, "4.7.4");
    lab.expect("the notice is deferred for want of TLS", || {
        flush.perform(|| lab.flush());
        deferrals(&lab, &bounce, "4.7.4") > before
    });
    assert_nothing_in_the_clear(&lab, "switch", "MARK-B");
    lab.set_starttls("switch", true);
    lab.expect("it arrives over TLS", || {
        flush.perform(|| lab.flush());
        arrived(&lab, "switch", "MARK-B").is_some_and(|tls| tls.is_some())
    });
    lab.expect("its pins go with it", || released(&segl, &bounce));
}

fn tagged_mail_waits_when_starttls_goes_away(options: &Options<'_>) {
    let lab = up(&Options { main_cf: &["defer_transports=smtp"], ..*options });
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = tagged(&lab, "bo@switch.plain.test", "MARK-A");
    lab.set_starttls("switch", false);
    lab.postconf(&["defer_transports="]);
    let mut flush = Seldom::new();
    lab.expect("it is deferred for want of TLS, again and again", || {
        flush.perform(|| lab.flush());
        deferrals(&lab, &queue_id, "4.7.4") >= 3
    });
    // Postfix gives no reason while it is trying.
    lab.expect("Postfix says why", || {
        let reason = lab.delay_reason(&queue_id).unwrap_or_default();
        reason.contains("TLS is required, but was not offered by host mx.switch.plain.test")
    });
    assert!(lab.received("switch").is_empty());
    assert_no_mail_in_the_clear(&lab, "switch");
    assert_nothing_in_the_clear(&lab, "switch", "MARK-A");

    // Nor where STARTTLS is refused, or breaks.
    for how in ["refuse", "close", "garbage"] {
        let sessions = || lab.sessions("switch").len();
        let before = sessions();
        lab.set_behaviour("switch", &json!({"starttls": how}));
        let mut flush = Seldom::new();
        lab.expect("it is tried", || {
            flush.perform(|| lab.flush());
            lab.drop_connections("switch");
            sessions() > before + 1
        });
        lab.expect("it is still in the queue", || lab.delay_reason(&queue_id).is_some());
    }
    assert_no_mail_in_the_clear(&lab, "switch");

    lab.set_starttls("switch", true);
    let mut flush = Seldom::new();
    lab.expect("it arrives once TLS is offered again", || {
        flush.perform(|| lab.flush());
        arrived(&lab, "switch", "MARK-A").is_some()
    });
    assert_eq!(arrived(&lab, "switch", "MARK-A"), Some(Some("TLSv1.3".to_owned())));
    assert_no_mail_in_the_clear(&lab, "switch");
    assert_nothing_in_the_clear(&lab, "switch", "MARK-A");
    lab.expect("its pin goes", || !is_pinned(&lab, &queue_id));
    lab.expect("both logs say so", || removed(&lab, &queue_id) && released(&segl, &queue_id));
}

/// Ordinary mail in bursts to a server that took to cleartext after it was probed, and a confidential message in the
/// midst of it. Says whether that was seen in the clear.
fn burst(lab: &Lab, round: u32) -> bool {
    let mark = format!("MARK-{round}-");
    let to = ["bo@switch.plain.test"];
    let text = format!("From: <{ANNA}>\r\nSubject: Frokost\r\n\r\nKl. 12? ORDINARY-{round}-\r\n");
    let many = |count| {
        let sent = lab.send_many("mta", ANNA, &to, text.as_bytes(), count, 4);
        assert_eq!(sent.code, Some(250), "{sent:?}");
    };
    many(8);
    let began = format!("ORDINARY-{round}-");
    lab.expect("ordinary mail arrives", || arrived(lab, "switch", &began).is_some());
    let queue_id = tagged(lab, to[0], &mark);
    many(4);
    lab.expect("the confidential message is tried", || {
        deferrals(lab, &queue_id, "4.7.4") > 0 || arrived(lab, "switch", &mark).is_some()
    });
    assert_eq!(arrived(lab, "switch", &began), Some(None));
    let leaked = lab.seen_in_the_clear("switch", &mark);
    lab.text_of(&["postsuper", "-d", "ALL"]);
    let output = lab.segl(&["pins", "remove", "switch.plain.test", "--force"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    lab.expect("the next round can begin", || policy(lab, "switch.plain.test") == Told::Nothing);
    leaked
}

/// A lab in which Segl believes that a server offers STARTTLS, and it has just ceased to.
fn cleartext_after_all<'a>(lab: &'a Lab) -> Segl<'a> {
    let segl = lab.start_segl(SEGL_TOML);
    tagged(lab, "bo@switch.plain.test", "MARK-FIRST");
    lab.expect("the first message arrives over TLS", || lab.received("switch").len() == 1);
    lab.expect("its pin goes", || pins(lab).is_empty());
    // As slow as servers are, so that there is a queue.
    lab.set_behaviour("switch", &json!({"starttls": "none", "delay": 0.02}));
    segl
}

/// Few connections at once, so that mail waits for them.
const BURSTS: [&str; 2] = ["smtp_destination_concurrency_limit=3", "initial_destination_concurrency=3"];

fn tagged_mail_keeps_out_of_cleartext_connections(options: &Options<'_>) {
    let lab = up(&Options { main_cf: &BURSTS, ..*options });
    let _segl = cleartext_after_all(&lab);
    for round in 0..4 {
        assert!(!burst(&lab, round), "round {round}: seen in the clear");
    }
    assert_eq!(lab.received("switch").iter().filter(|one| one.tls.is_some()).count(), 1);
    assert!(!lab.seen_in_the_clear("switch", NUMBER));
}

/// Shows that `smtp_connection_cache_on_demand = no` is needed where README says so.
fn tagged_mail_leaks_where_connections_are_cached(options: &Options<'_>) {
    let lab = up(&Options { main_cf: &[BURSTS[0], BURSTS[1], "smtp_connection_cache_on_demand=yes"], ..*options });
    let _segl = cleartext_after_all(&lab);
    let version = lab.postfix_version();
    const ROUNDS: u32 = 12;
    let leak = (0..ROUNDS).find(|round| burst(&lab, *round));
    if version < (3, 8, 12) {
        let Some(round) = leak else { panic!("Postfix {version:?}: no leak in {ROUNDS} rounds: is the line needed?") };
        println!("Postfix {version:?}: seen in the clear in round {} without the line", round + 1);
    } else if version >= (3, 10, 3) {
        assert_eq!(leak, None, "Postfix {version:?} is thought to be safe at level may");
        println!("Postfix {version:?} asks for the policy before it uses a connection again: no leak to be shown");
    } else {
        println!("Postfix {version:?}: leaks in round {leak:?}; not known whether it must");
    }
}

/// The line of `segl held --json` for a message.
fn held(lab: &Lab, queue_id: &str) -> Option<serde_json::Value> {
    let output = lab.segl(&["held", "--json"]);
    assert!(output.status.success(), "segl held: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .find(|line| line["queue_id"] == queue_id)
}

fn why(lab: &Lab, queue_id: &str) -> String {
    held(lab, queue_id).map(|line| line["recipients"][0]["reason"].to_string()).unwrap_or_default()
}

/// Ordinary mail to a place arrives there in the clear, within a minute of `since`.
fn flows_again(lab: &Lab, server: &str, since: Instant, what: &str) {
    let mark = format!("FLOWS-{server}-");
    ordinary(lab, &format!("bo@{server}.plain.test"), &mark);
    let mut flush = Seldom::new();
    lab.expect(&format!("ordinary mail to {server} flows again, {what}"), || {
        flush.perform(|| lab.flush());
        arrived(lab, server, &mark).is_some()
    });
    assert_eq!(arrived(lab, server, &mark), Some(None));
    println!("{what}: ordinary mail flowed again {:.1} s after", since.elapsed().as_secs_f32());
    assert!(since.elapsed() <= Duration::from_secs(60), "{what}: {:?}", since.elapsed());
}

fn held_mail_is_shown_told_and_let_go(options: &Options<'_>) {
    let lab = up(&Options {
        main_cf: &[
            // By then the two that turn out to take cleartext only are known to.
            "delay_warning_time=15s",
            // A message is then hardly ever in delivery just when the queue is listed.
            "minimal_backoff_time=10s",
            "maximal_backoff_time=10s",
            // For a server that takes its time.
            "smtp_helo_timeout=60s",
            "smtp_starttls_timeout=60s",
        ],
        ..*options
    });
    let segl = lab.start_segl(SEGL_TOML);

    // Four destinations of which nothing can be known yet.
    lab.set_behaviour("switch", &json!({"listen": false}));
    lab.set_behaviour("implicit", &json!({"delay": 6}));
    let bounced = tagged(&lab, "bo@tarpit.plain.test", "MARK-BOUNCED");
    // Two of them turn out to take cleartext only.
    lab.set_behaviour("tarpit", &json!({"greeting": "220", "starttls": "none"}));
    lab.drop_connections("tarpit");
    let deleted = tagged(&lab, "bo@closed.plain.test", "MARK-DELETED");
    lab.set_behaviour("closed", &json!({"listen": true, "starttls": "none"}));
    let on_hold = tagged(&lab, "bo@switch.plain.test", "MARK-HOLD");
    let active = tagged(&lab, "bo@implicit.plain.test", "MARK-ACTIVE");
    lab.text_of(&["postsuper", "-h", &on_hold]);
    for queue_id in [&bounced, &deleted, &on_hold, &active] {
        assert!(is_pinned(&lab, queue_id), "{}", pins(&lab));
    }
    assert_eq!(segl.stderr().matches("tls=unknown action=accept").count(), 4, "{}", segl.stderr());

    for (queue_id, server) in [(&bounced, "tarpit"), (&deleted, "closed")] {
        let reason = format!("TLS is required, but was not offered by host mx.{server}.plain.test");
        let mut flush = Seldom::new();
        lab.expect("segl held says why", || {
            flush.perform(|| lab.flush());
            why(&lab, queue_id).contains(&reason)
        });
        let line = held(&lab, queue_id).unwrap_or_default();
        assert_eq!(line["queue"], "deferred", "{line}");
        assert_eq!(line["pins"][0]["destination"], format!("{server}.plain.test"), "{line}");
        assert_eq!(line["categories"], json!(["national-id"]), "{line}");
        let table = String::from_utf8_lossy(&lab.segl(&["held"]).stdout).into_owned();
        let row = table.lines().find(|row| row.starts_with(queue_id.as_str())).unwrap_or_default().to_owned();
        let since = line["since"].as_str().unwrap_or("none");
        let arrival = lab.text_of(&["postqueue", "-j"]);
        let arrival = arrival.lines().find(|row| row.contains(queue_id.as_str())).unwrap_or_default().to_owned();
        let arrival: serde_json::Value = serde_json::from_str(&arrival).unwrap_or_default();
        let written = lab.text_of(&["date", "-u", "-d", &format!("@{}", arrival["arrival_time"]), "+%FT%TZ"]);
        assert_eq!(since, written.trim(), "{line}");
        assert!(row.contains(&reason) && row.contains(since) && !row.contains("bo@"), "{table}");
    }
    // The sender hears of it, and not by having the data sent back.
    let mut flush = Seldom::new();
    lab.expect("the sender is told", || {
        flush.perform(|| lab.flush());
        let mailbox = lab.mailbox("anna").split_whitespace().collect::<Vec<_>>().join(" ");
        ["tarpit", "closed"].iter().all(|server| {
            mailbox.contains(&format!("<bo@{server}.plain.test>: TLS is required, but was not offered by host"))
        })
    });
    let mailbox = lab.mailbox("anna");
    assert!(mailbox.contains("Action: delayed") && mailbox.contains("Status: 4.7.4"), "{mailbox}");
    assert!(!mailbox.contains("Action: failed") && !mailbox.contains(NUMBER), "{mailbox}");

    // Ordinary mail to other places goes on all the while, in masses.
    let text = format!("From: <{ANNA}>\r\nSubject: Frokost\r\n\r\nKl. 12?\r\n");
    for _ in 0..3 {
        let sent = lab.send_many("mta", ANNA, &["bo@tls13.plain.test"], text.as_bytes(), 25, 4);
        assert_eq!(sent.code, Some(250), "{sent:?}");
    }
    assert!([&bounced, &deleted, &on_hold, &active].iter().all(|queue_id| !released(&segl, queue_id)));

    std::thread::scope(|scope| {
        // One is in delivery for longer than it takes to believe that a message is gone.
        scope.spawn(|| {
            lab.expect("what was in delivery arrives", || arrived(&lab, "implicit", "MARK-ACTIVE").is_some());
            assert_eq!(arrived(&lab, "implicit", "MARK-ACTIVE"), Some(Some("TLSv1.3".to_owned())));
            // In this order: what was let go and is still there was let go too early.
            let let_go = released(&segl, &active);
            let is_there = lab.delay_reason(&active).is_some();
            println!("in delivery: still in the queue: {is_there}, released: {let_go}");
            assert!(!let_go || !is_there, "{}", segl.stderr());
        });
        // One is deleted by the administrator.
        lab.text_of(&["postsuper", "-d", &deleted]);
        flows_again(&lab, "closed", Instant::now(), "deleted with postsuper -d");
    });
    assert!(released(&segl, &deleted) && !is_pinned(&lab, &deleted));
    assert_nothing_in_the_clear(&lab, "closed", "MARK-DELETED");
    // One waits for the next try, and one is on hold, all the time.
    assert!([&bounced, &on_hold].iter().all(|queue_id| !released(&segl, queue_id)), "{}", segl.stderr());

    // One is bounced.
    assert_nothing_in_the_clear(&lab, "tarpit", "MARK-BOUNCED");
    lab.postconf(&["maximal_queue_lifetime=1s"]);
    let mut flush = Seldom::new();
    lab.expect("it is bounced", || {
        flush.perform(|| lab.flush());
        removed(&lab, &bounced)
    });
    let since = Instant::now();
    lab.expect("the sender hears of that too", || lab.mailbox("anna").contains("Action: failed"));
    lab.postconf(&["maximal_queue_lifetime=5d"]);
    flows_again(&lab, "tarpit", since, "bounced");
    assert!(released(&segl, &bounced));
    assert_nothing_in_the_clear(&lab, "tarpit", "MARK-BOUNCED");
    assert_no_mail_of_the_others(&lab);

    // The one on hold is let go on, and waits for TLS, and gets it.
    assert!(!released(&segl, &on_hold) && is_pinned(&lab, &on_hold));
    lab.set_behaviour("switch", &json!({"listen": true, "starttls": "none"}));
    lab.text_of(&["postsuper", "-H", &on_hold]);
    let mut flush = Seldom::new();
    lab.expect("it is deferred for want of TLS", || {
        flush.perform(|| lab.flush());
        deferrals(&lab, &on_hold, "4.7.4") > 0
    });
    lab.set_starttls("switch", true);
    let mut flush = Seldom::new();
    lab.expect("it arrives", || {
        flush.perform(|| lab.flush());
        arrived(&lab, "switch", "MARK-HOLD").is_some()
    });
    assert_eq!(arrived(&lab, "switch", "MARK-HOLD"), Some(Some("TLSv1.3".to_owned())));
    assert_no_mail_in_the_clear(&lab, "switch");
    // A queue manager that starts while a delivery runs leaves the message to be looked at again.
    let mut flush = Seldom::new();
    lab.expect("no pin is left", || {
        flush.perform(|| lab.flush());
        pins(&lab).is_empty()
    });
    lab.expect("the log says so", || released(&segl, &active) && released(&segl, &on_hold));
}

/// What left in the clear was ordinary.
fn assert_no_mail_of_the_others(lab: &Lab) {
    for one in lab.received_by_all() {
        let confidential = one.data.windows(NUMBER.len()).any(|window| window == NUMBER.as_bytes());
        assert!(one.tls.is_some() || !confidential, "{one:?}");
    }
}

/// `[evidence] mail-log` of the lab's configuration, emptied.
fn without_log() -> String {
    let line = "mail-log = \"/var/log/mail.log\"";
    assert!(SEGL_TOML.contains(line));
    SEGL_TOML.replace(line, "mail-log = \"\"")
}

/// A confidential message for a server that was out of reach and takes cleartext only: held.
fn held_at_closed(lab: &Lab, mark: &str) -> String {
    let queue_id = tagged(lab, "bo@closed.plain.test", mark);
    lab.set_behaviour("closed", &json!({"listen": true, "starttls": "none"}));
    let mut flush = Seldom::new();
    lab.expect("it is held", || {
        flush.perform(|| lab.flush());
        deferrals(lab, &queue_id, "4.7.4") > 0
    });
    queue_id
}

fn expire(lab: &Lab, queue_id: &str) -> Instant {
    lab.text_of(&["postsuper", "-e", queue_id]);
    let mut flush = Seldom::new();
    lab.expect("it is bounced", || {
        flush.perform(|| lab.flush());
        removed(lab, queue_id)
    });
    Instant::now()
}

fn what_was_accepted_is_held_in_mode_observe_too(options: &Options<'_>) {
    let lab = up(options);
    let mut segl = lab.start_segl(SEGL_TOML);
    let queue_id = held_at_closed(&lab, "MARK-OBSERVED");
    segl.configure(&SEGL_TOML.replace("\"enforce\"", "\"observe\""));
    segl.signal(Signal::SIGHUP);
    lab.expect("it observes", || segl.stderr().contains("mode=observe ready"));
    for how in ["reloaded", "restarted"] {
        let before = deferrals(&lab, &queue_id, "4.7.4");
        let mut flush = Seldom::new();
        lab.expect(&format!("it is still held, {how}"), || {
            flush.perform(|| lab.flush());
            deferrals(&lab, &queue_id, "4.7.4") > before
        });
        assert!(matches!(policy(&lab, "closed.plain.test"), Told::Policy(policy) if policy.starts_with("encrypt ")));
        let output = lab.segl(&["policy", "closed.plain.test"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.starts_with("closed.plain.test: encrypt "), "{text}");
        segl.kill9();
        segl.start();
    }
    assert_nothing_in_the_clear(&lab, "closed", "MARK-OBSERVED");
    // Of other mail nothing is asked.
    assert_eq!(policy(&lab, "sts-enforce.plain.test"), Told::Nothing);
    lab.set_starttls("closed", true);
    let mut flush = Seldom::new();
    lab.expect("it arrives", || {
        flush.perform(|| lab.flush());
        arrived(&lab, "closed", "MARK-OBSERVED").is_some()
    });
    assert_eq!(arrived(&lab, "closed", "MARK-OBSERVED"), Some(Some("TLSv1.3".to_owned())));
    lab.expect("its pin goes", || released(&segl, &queue_id) && policy(&lab, "closed.plain.test") == Told::Nothing);
}

/// Who may list the queue: not Segl.
const NOBODY: &str = "authorized_mailq_users=root";

fn where_nothing_can_be_read_pins_stay(options: &Options<'_>) {
    let lab = up(&Options { main_cf: &[NOBODY], ..*options });
    let segl = lab.start_segl(&without_log());
    let queue_id = held_at_closed(&lab, "MARK-BLIND");
    let refused = "is not allowed to view the mail queue";
    lab.expect("Segl says that it is blind", || segl.stderr().contains(refused));
    assert!(segl.stderr().contains("pins stay until their time is up"), "{}", segl.stderr());
    let output = lab.segl(&["held"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(refused), "{output:?}");

    let gone = expire(&lab, &queue_id);
    // Longer than it takes where the queue can be read.
    wait_until(Duration::from_secs(45), || released(&segl, &queue_id));
    assert!(!released(&segl, &queue_id) && is_pinned(&lab, &queue_id), "{}", segl.stderr());
    assert!(matches!(policy(&lab, "closed.plain.test"), Told::Policy(policy) if policy.starts_with("encrypt")));
    println!("nothing to be read: still pinned {:.0} s after it was bounced", gone.elapsed().as_secs_f32());

    // Once the queue can be read, it alone will do.
    lab.postconf(&["authorized_mailq_users=static:anyone"]);
    flows_again(&lab, "closed", Instant::now(), "by the queue alone");
    assert!(released(&segl, &queue_id) && pins(&lab).is_empty());
    assert_nothing_in_the_clear(&lab, "closed", "MARK-BLIND");
}

fn the_log_alone_lets_go(options: &Options<'_>) {
    let lab = up(&Options { main_cf: &[NOBODY], ..*options });
    let segl = lab.start_segl(SEGL_TOML);
    let queue_id = held_at_closed(&lab, "MARK-LOG");
    lab.expect("Segl says what it goes by", || segl.stderr().contains("pins are released by the mail log alone"));
    assert!(!released(&segl, &queue_id));
    let gone = expire(&lab, &queue_id);
    flows_again(&lab, "closed", gone, "by the log alone");
    assert!(released(&segl, &queue_id) && pins(&lab).is_empty());
    assert_nothing_in_the_clear(&lab, "closed", "MARK-LOG");
}

/// A milter behind Segl that does with a message as its subject says.
async fn obey(listener: tokio::net::UnixListener) {
    let callbacks = Callbacks::<Option<String>>::new()
        .on_header(|context, name, value| {
            if name.as_bytes().eq_ignore_ascii_case(b"Subject") {
                context.data = Some(Some(value.to_string_lossy().trim().to_owned()));
            }
            Box::pin(async { Status::Continue })
        })
        .on_eom(|context: &mut EomContext<Option<String>>| {
            let word = context.data.take().flatten();
            let status = match word.as_deref() {
                Some("reject") => context
                    .reply
                    .set_error_reply("554", Some("5.7.1"), ["not with us"])
                    .map_or(Status::Tempfail, |()| Status::Reject),
                Some("tempfail") => Status::Tempfail,
                Some("discard") => Status::Discard,
                _ => Status::Accept,
            };
            Box::pin(async move { status })
        });
    let served = indymilter::run(listener, callbacks, indymilter::Config::default(), std::future::pending::<()>());
    if let Err(error) = served.await {
        panic!("the other milter: {error}");
    }
}

/// Sends a message up to its end with a client that is gone before the reply.
fn send_and_vanish(lab: &Lab, to: &str, mark: &str) {
    const PROGRAM: &str = r#"
import socket, struct, sys
to, text = sys.argv[1:]
sock = socket.create_connection(("127.0.0.1", 25))
lines = sock.makefile("rb")
for command in ("", "EHLO client.sender.test", "MAIL FROM:<anna@sender.test>", f"RCPT TO:<{to}>", "DATA"):
    if command:
        sock.sendall(command.encode() + b"\r\n")
    while lines.readline()[3:4] == b"-":
        pass
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.sendall(f"Subject: vanish\r\n\r\n{text}\r\n.\r\n".encode())
"#;
    lab.text_of(&["/usr/bin/python3", "-B", "-S", "-c", PROGRAM, to, &format!("{CONFIDENTIAL} {mark}")]);
}

fn mail_that_never_was_queued_is_let_go(options: &Options<'_>) {
    let lab = up(&Options { main_cf: &["smtpd_milters=unix:segl/milter.sock,unix:segl/other.sock"], ..*options });
    let segl = lab.start_segl(SEGL_TOML);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("{error}"));
    let path = lab.file("/var/spool/postfix/segl/other.sock");
    let listener = {
        let _inside = runtime.enter();
        tokio::net::UnixListener::bind(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap_or_else(|error| panic!("{error}"));
    runtime.spawn(obey(listener));

    // Each to a destination of its own, which has TLS as long as it is probed.
    let servers =
        [("reject", "tls13", Some(554)), ("tempfail", "tls12", Some(451)), ("discard", "verified", Some(250))];
    for (word, server, code) in servers {
        let text = format!("Subject: {word}\r\n\r\n{CONFIDENTIAL} MARK-{word}\r\n");
        let sent = lab.send_raw(ANNA, &[&format!("bo@{server}.plain.test")], text.as_bytes());
        assert_eq!(sent.code, code, "{word}: {sent:?}");
    }
    send_and_vanish(&lab, "bo@switch.plain.test", "MARK-VANISH");
    let since = Instant::now();
    lab.expect("every message was accepted by Segl", || segl.stderr().matches("action=accept").count() == 4);
    let pinned: Vec<String> = pins(&lab).lines().map(str::to_owned).collect();
    for server in ["tls13", "tls12", "verified"] {
        let name = format!("\"destination\":\"{server}.plain.test\"");
        assert!(
            pinned.iter().any(|pin| pin.contains(&name)),
            "{server} has no pin, so that nothing is shown: {pinned:?}"
        );
    }
    lab.expect("what the client did not wait for arrives", || arrived(&lab, "switch", "MARK-VANISH").is_some());
    lab.expect("no pin is left", || pins(&lab).is_empty());
    println!(
        "rejected, refused for now, discarded, vanished: no pin left after {:.1} s",
        since.elapsed().as_secs_f32()
    );
    assert!(since.elapsed() <= PATIENCE + Duration::from_secs(5));

    for (_, server, _) in servers {
        lab.set_behaviour(server, &json!({"starttls": "none"}));
        ordinary(&lab, &format!("bo@{server}.plain.test"), "ORDINARY");
        lab.expect("ordinary mail goes there in the clear", || arrived(&lab, server, "ORDINARY") == Some(None));
        assert!(arrived(&lab, server, "MARK-").is_none());
    }
}
