//! Recipients that Postfix changes after the milter has seen them: every map that may do it, to addresses inside, outside
//! and both. What leaves is refused where it could never be encrypted and held to TLS elsewhere, and what stays is not
//! read.

use super::{
    CONFIDENTIAL,
    post::{
        ENCRYPT, ORDINARY, accepted, arrived, expect_released, hold, json_lines, lines, policy, refused, unhold,
        verdict,
    },
    scenario, up,
};
use crate::support::lab::{Lab, Message, Options, SEGL_TOML, Segl, SmtpResult, wait_until};
use serde_json::json;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

/// A map, and recipients whom it sends to each kind of place.
struct Row {
    map: &'static str,
    from: &'static str,
    /// To bo and nobody else.
    inside: &'static [&'static str],
    /// To tls13, perhaps to bo too.
    outside: &'static [&'static str],
    /// To cleartext.
    clear: &'static [&'static str],
    /// To bo and to cleartext.
    mixed: &'static [&'static str],
    /// By which name cleartext is known to the sender.
    named: &'static str,
}

const ANNA: &str = "anna@sender.test";
const CLEARTEXT: &str = "cleartext.plain.test";

const fn row(
    map: &'static str,
    inside: &'static [&'static str],
    outside: &'static [&'static str],
    clear: &'static [&'static str],
    mixed: &'static [&'static str],
) -> Row {
    Row { map, from: ANNA, inside, outside, clear, mixed, named: CLEARTEXT }
}

fn submit(lab: &Lab, from: &str, to: &[&str], body: &str) -> SmtpResult {
    lab.send(&Message { from, to, subject: "Journal", body })
}

/// Writes a table of Postfix.
fn table(lab: &Lab, name: &str, text: &str) {
    let path = lab.file(&format!("/etc/postfix/{name}"));
    fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Waits until some message in the queue waits for a reason that has these words.
fn expect_waiting(lab: &Lab, words: &str) {
    lab.expect(&format!("something waits: {words}"), || {
        lab.queue().iter().flat_map(|queued| &queued.recipients).any(|waiting| waiting.delay_reason.contains(words))
    });
}

/// Sends by each address of a row, and asserts what becomes of it.
fn check(lab: &Lab, segl: &Segl<'_>, row: &Row) {
    let Row { map, from, .. } = *row;
    let body = |what: &str| format!("{CONFIDENTIAL} {} {what}", map.replace('_', "-"));
    println!("{map}");
    for to in row.inside {
        let body = body(&format!("inside {to}"));
        let result = submit(lab, from, &[to], &body);
        assert_eq!(result.code, Some(250), "{map} {to}: {result:?}");
        let queue_id = result.queue_id.unwrap_or_default();
        lab.expect(&format!("{map}: bo has what went to {to}"), || lab.mailbox("bo").contains(&body));
        assert!(!segl.stderr().contains(&queue_id), "{map}: read: {}", segl.stderr());
    }
    for to in row.clear.iter().map(|&to| vec![to]).chain(Some(row.mixed.to_vec()).filter(|to| !to.is_empty())) {
        let result = submit(lab, from, &to, &body("refused"));
        assert_eq!((result.stage.as_str(), result.code), ("end-of-message", Some(550)), "{map} {to:?}: {result:?}");
        let text = format!(" and {} cannot receive encrypted mail.", row.named);
        assert!(result.text.contains(&text), "{map} {to:?}: {}", result.text);
    }
    for to in row.outside {
        let body = body(&format!("outside {to}"));
        let before = lab.received("tls13").len();
        hold(lab, "tls13");
        let result = submit(lab, from, &[to], &body);
        assert_eq!(result.code, Some(250), "{map} {to}: {result:?}");
        let told = lines(segl, &result.queue_id.unwrap_or_default());
        assert!(told.len() == 1 && told[0].contains(" action=accept"), "{map} {to}: {told:?}");
        expect_waiting(lab, "busy");
        // Under the queue ID that it has by now.
        lab.expect(&format!("{map} {to}: it is pinned"), || {
            let pins = json_lines(lab, &["pins", "--json"]);
            let queue = lab.queue();
            let is_pinned = |queue_id: &str| {
                pins.iter().any(|pin| pin["queue_id"] == queue_id && pin["destination"] == "tls13.plain.test")
            };
            !queue.is_empty() && queue.iter().all(|queued| is_pinned(&queued.queue_id))
        });
        assert_eq!(policy(lab, "tls13.plain.test").as_deref(), Some(ENCRYPT), "{map} {to}");
        lab.set_behaviour("tls13", &json!({"starttls": "none", "replies": {}}));
        flush_until(lab, &format!("{map} {to}: it waits for TLS"), || {
            let queue = lab.queue();
            let mut waiting = queue.iter().flat_map(|queued| &queued.recipients);
            waiting.any(|waiting| waiting.delay_reason.contains("TLS is required, but was not offered"))
        });
        lab.set_starttls("tls13", true);
        flush_until(lab, &format!("{map} {to}: it arrives"), || lab.received("tls13").len() > before);
        let received = arrived(lab, "tls13", before + 1);
        assert!(received[before].tls.is_some(), "{map} {to}: {:?}", received[before]);
        assert!(String::from_utf8_lossy(&received[before].data).contains(&body), "{map} {to}");
        lab.expect(&format!("{map}: nothing waits"), || lab.queue().is_empty());
    }
}

/// Has Postfix try all that waits, again and again: a message that is being delivered just then is passed over.
fn flush_until(lab: &Lab, what: &str, mut condition: impl FnMut() -> bool) {
    lab.expect(what, || {
        lab.flush();
        wait_until(Duration::from_secs(2), &mut condition)
    });
}

/// Nothing confidential was seen in the clear, and nothing of what was refused by anybody.
fn assert_sealed(lab: &Lab) {
    lab.expect("nothing waits", || lab.queue().is_empty());
    assert!(lab.received("cleartext").is_empty(), "{:?}", lab.received("cleartext"));
    for server in ["tls13", "tls12", "cleartext"] {
        assert!(!lab.seen_in_the_clear(server, "CPR"), "{server}");
    }
    for user in ["anna", "bo", "klerk"] {
        assert!(!lab.mailbox(user).contains(" refused\n"), "{user}: {}", lab.mailbox(user));
    }
}

scenario!(maps_that_change_a_recipient_are_followed);

fn maps_that_change_a_recipient_are_followed(options: &Options<'_>) {
    let lab = up(options);
    table(
        &lab,
        "virtual",
        "v-in@sender.test bo@sender.test\nhome@cleartext.plain.test bo@sender.test\nv-out@sender.test bo@tls13.plain.test\n\
         moved@cleartext.plain.test bo@tls13.plain.test\nv-both@sender.test v-in@sender.test, v-out@sender.test\n\
         v-clear@sender.test bo@cleartext.plain.test\nv-nested@sender.test v-clear@sender.test\n\
         bo@tls12.plain.test bo@cleartext.plain.test\nv-mixed@sender.test bo@sender.test, v-nested@sender.test\n",
    );
    table(
        &lab,
        "canonical",
        "c-in@sender.test bo@sender.test\nc-out@sender.test bo@tls13.plain.test\nc-clear@sender.test v-clear@sender.test\n",
    );
    table(
        &lab,
        "recipient-canonical",
        "r-in@sender.test c-in@sender.test\nr-out@sender.test c-out@sender.test\nr-clear@sender.test c-clear@sender.test\n",
    );
    table(
        &lab,
        "copies",
        "bo+in@sender.test bo@sender.test\nbo+out@sender.test bo@tls13.plain.test\n\
         bo+clear@sender.test v-clear@sender.test\n",
    );
    let aliases = lab.file("/etc/aliases");
    fs::write(
        &aliases,
        "postmaster: anna\na-in: bo\na-nested: a-in\na-self: bo, a-self-file\na-self-file: /var/mail/bo-archive\n\
         a-out: bo@tls13.plain.test\na-both: a-in, a-out\na-clear: bo@cleartext.plain.test\na-deep: bo, a-clear\n\
         a-list: :include:/etc/list\na-list-out: :include:/etc/list-out\na-virtual: :include:/etc/list-virtual\n\
         a-program: \"|/bin/true confidential\"\n",
    )
    .unwrap_or_else(|error| panic!("aliases: {error}"));
    fs::write(lab.file("/etc/list"), "# members\nbo\na-clear\n").unwrap_or_else(|error| panic!("list: {error}"));
    fs::write(lab.file("/etc/list-out"), "bo\nbo@tls13.plain.test\n").unwrap_or_else(|error| panic!("list: {error}"));
    fs::write(lab.file("/etc/list-virtual"), "v-clear\n").unwrap_or_else(|error| panic!("list: {error}"));
    lab.text_of(&["newaliases"]);
    lab.postconf(&[
        "virtual_alias_maps=texthash:/etc/postfix/virtual",
        "canonical_maps=texthash:/etc/postfix/canonical",
        "recipient_canonical_maps=texthash:/etc/postfix/recipient-canonical",
        "recipient_bcc_maps=texthash:/etc/postfix/copies",
    ]);
    let segl = lab.start_segl(SEGL_TOML);
    for row in [
        row(
            "virtual_alias_maps",
            &["v-in@sender.test", "home@cleartext.plain.test"],
            &["v-out@sender.test", "moved@cleartext.plain.test", "v-both@sender.test"],
            &["v-clear@sender.test", "v-nested@sender.test", "bo@tls12.plain.test", "v-mixed@sender.test"],
            &["bo@sender.test", "v-clear@sender.test"],
        ),
        row(
            "canonical_maps",
            &["c-in@sender.test"],
            &["c-out@sender.test"],
            &["c-clear@sender.test"],
            &["bo@sender.test", "c-clear@sender.test"],
        ),
        row(
            "recipient_canonical_maps",
            &["r-in@sender.test"],
            &["r-out@sender.test"],
            &["r-clear@sender.test"],
            &["bo@sender.test", "r-clear@sender.test"],
        ),
        row(
            "alias_maps",
            &["a-in@sender.test", "a-nested@mail.sender.test", "a-self@sender.test"],
            &["a-out@sender.test", "a-both@sender.test", "a-list-out@sender.test"],
            &["a-clear@sender.test", "a-deep@sender.test", "a-list@sender.test", "a-virtual@sender.test"],
            &["bo@sender.test", "a-deep@sender.test"],
        ),
        row(
            "recipient_bcc_maps",
            &["bo+in@sender.test"],
            &["bo+out@sender.test"],
            &["bo+clear@sender.test"],
            &["klerk@sender.test", "bo+clear@sender.test"],
        ),
    ] {
        check(&lab, &segl, &row);
    }
    let (text, _) = refused(&lab, &["a-program@sender.test"], CONFIDENTIAL, 550);
    assert!(text.contains(" goes by a way that cannot be secured."), "{text}");
    drop(segl);
    let stays = format!("{SEGL_TOML}\n[postfix.transports]\n\"|/bin/true\" = \"stays\"\n");
    let segl = lab.start_segl(&stays);
    let queue_id = accepted(&lab, &["a-program@sender.test"], CONFIDENTIAL);
    assert!(!segl.stderr().contains(&queue_id), "{}", segl.stderr());
    assert_sealed(&lab);
}

scenario!(settings_that_change_every_recipient_are_followed);

fn settings_that_change_every_recipient_are_followed(options: &Options<'_>) {
    let lab = up(options);
    table(
        &lab,
        "senders",
        "anna@sender.test bo@sender.test\nklerk@sender.test bo@tls13.plain.test\nbo@sender.test bo@cleartext.plain.test\n",
    );
    table(&lab, "mailboxes", "anna smtp:tls13.plain.test\nklerk smtp:cleartext.plain.test\n");
    table(&lab, "nobodies", "out smtp:tls13.plain.test\nclear smtp:cleartext.plain.test\n");
    let (bo, none): (&[&str], &[&str]) = (&["bo@sender.test"], &[]);
    for (settings, rows) in [
        (&["always_bcc=bo@sender.test"][..], vec![row("always_bcc", bo, none, none, none)]),
        (&["always_bcc=bo@tls13.plain.test"], vec![row("always_bcc", none, bo, none, none)]),
        (
            &["always_bcc=bo@cleartext.plain.test"],
            vec![row("always_bcc", none, none, bo, &["bo@sender.test", "bo@tls13.plain.test"])],
        ),
        (
            &["always_bcc=", "sender_bcc_maps=texthash:/etc/postfix/senders"],
            vec![
                row("sender_bcc_maps", bo, none, none, none),
                Row { from: "klerk@sender.test", ..row("sender_bcc_maps", none, bo, none, none) },
                Row { from: "bo@sender.test", ..row("sender_bcc_maps", none, none, bo, none) },
            ],
        ),
        (
            &["sender_bcc_maps=", "mailbox_transport_maps=texthash:/etc/postfix/mailboxes"],
            vec![Row {
                named: "sender.test",
                ..row(
                    "mailbox_transport_maps",
                    bo,
                    &["anna@sender.test"],
                    &["klerk@sender.test"],
                    &["bo@sender.test", "klerk@sender.test"],
                )
            }],
        ),
        (
            &["mailbox_transport_maps=", "mailbox_transport=smtp:tls13.plain.test"],
            vec![row("mailbox_transport", none, bo, none, none)],
        ),
        (
            &["mailbox_transport=smtp:cleartext.plain.test"],
            vec![Row { named: "sender.test", ..row("mailbox_transport", none, none, bo, none) }],
        ),
        (
            &["mailbox_transport=", "local_recipient_maps=", "fallback_transport_maps=texthash:/etc/postfix/nobodies"],
            vec![Row {
                named: "sender.test",
                ..row(
                    "fallback_transport_maps",
                    bo,
                    &["out@sender.test"],
                    &["clear@sender.test"],
                    &["bo@sender.test", "clear@sender.test"],
                )
            }],
        ),
        (
            &["fallback_transport_maps=", "fallback_transport=smtp:tls13.plain.test"],
            vec![row("fallback_transport", bo, &["nobody-there@sender.test"], none, none)],
        ),
        (
            &["fallback_transport=smtp:cleartext.plain.test"],
            vec![Row {
                named: "sender.test",
                ..row("fallback_transport", bo, none, &["nobody-there@sender.test"], none)
            }],
        ),
        (
            &["fallback_transport=", "luser_relay=$user@tls13.plain.test"],
            vec![row("luser_relay", bo, &["nobody-there@sender.test"], none, none)],
        ),
        (
            &["luser_relay=catch@cleartext.plain.test"],
            vec![row(
                "luser_relay",
                bo,
                none,
                &["nobody-there@sender.test"],
                &["bo@sender.test", "nobody-there@sender.test"],
            )],
        ),
        (
            &[
                "luser_relay=",
                "masquerade_domains=tls13.plain.test cleartext.plain.test",
                "masquerade_classes=envelope_recipient",
            ],
            vec![row("masquerade_domains", bo, &["bo@host.tls13.plain.test"], &["bo@host.cleartext.plain.test"], none)],
        ),
    ] {
        lab.postconf(settings);
        let segl = lab.start_segl(SEGL_TOML);
        for row in rows {
            check(&lab, &segl, &row);
        }
    }
    assert_sealed(&lab);
}

scenario!(a_map_that_cannot_be_asked_makes_everybody_external);

fn a_map_that_cannot_be_asked_makes_everybody_external(options: &Options<'_>) {
    let lab = up(options);
    table(&lab, "private", "v-clear@sender.test bo@cleartext.plain.test\n");
    let private = lab.file("/etc/postfix/private");
    fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap_or_else(|error| panic!("chmod: {error}"));
    lab.postconf(&["virtual_alias_maps=texthash:/etc/postfix/private"]);
    let segl = lab.start_segl(SEGL_TOML);
    let reason = "texthash:/etc/postfix/private: postmap: fatal: open database /etc/postfix/private: Permission denied";
    assert!(!segl.stderr().contains(reason));

    hold(&lab, "tls13");
    let queue_id = accepted(&lab, &["bo@sender.test", "bo@tls13.plain.test"], CONFIDENTIAL);
    let told = verdict(&segl, &queue_id);
    assert!(told.contains(" tls=unresolved,unresolved,encrypted/TLSv1.3 ") && told.contains(reason), "{told}");
    for key in ["tls13.plain.test", "whatever.test"] {
        assert_eq!(policy(&lab, key).as_deref(), Some(ENCRYPT), "{key}");
    }
    unhold(&lab, "tls13");
    assert!(arrived(&lab, "tls13", 1)[0].tls.is_some());
    expect_released(&lab, "whatever.test");

    // What goes to the cleartext server by the map waits for TLS.
    let queue_id = accepted(&lab, &["v-clear@sender.test"], CONFIDENTIAL);
    super::post::expect_deferred(&lab, &queue_id, "TLS is required, but was not offered");
    lab.set_starttls("cleartext", true);
    lab.flush();
    assert!(arrived(&lab, "cleartext", 1)[0].tls.is_some());
    assert!(!lab.seen_in_the_clear("cleartext", "CPR"));

    accepted(&lab, &["bo@sender.test"], ORDINARY);
    let said =
        segl.stderr().lines().filter(|line| line.contains(reason) && line.contains("counts as external")).count();
    assert_eq!(said, 1, "{}", segl.stderr());
}

scenario!(the_owner_of_a_list_is_told_under_seal);

fn the_owner_of_a_list_is_told_under_seal(options: &Options<'_>) {
    let lab = up(options);
    let aliases = "postmaster: anna\nlist: bo@tls13.plain.test\nowner-list: chief@cleartext.plain.test\n";
    fs::write(lab.file("/etc/aliases"), aliases).unwrap_or_else(|error| panic!("aliases: {error}"));
    lab.text_of(&["newaliases"]);
    let segl = lab.start_segl(SEGL_TOML);
    lab.set_behaviour("tls13", &json!({"replies": {"RCPT": "550 5.1.1 nobody"}}));
    let queue_id = accepted(&lab, &["list@sender.test"], CONFIDENTIAL);
    assert!(verdict(&segl, &queue_id).contains(" to=tls13.plain.test "), "{}", segl.stderr());
    // The message, what local(8) sends on, the notice to the owner, and what local(8) sends on of that.
    expect_waiting(&lab, "TLS is required, but was not offered");
    assert_eq!(policy(&lab, CLEARTEXT).as_deref(), Some(ENCRYPT));
    lab.set_starttls("cleartext", true);
    lab.flush();
    let notice = &arrived(&lab, "cleartext", 1)[0];
    assert!(notice.tls.is_some() && String::from_utf8_lossy(&notice.data).contains(CONFIDENTIAL), "{notice:?}");
    assert!(!lab.seen_in_the_clear("cleartext", "CPR"));
    expect_released(&lab, CLEARTEXT);
}

/// How long Postfix waits for a milter's answer at most (`milter_command_timeout`).
const ANSWER_WAIT: Duration = Duration::from_secs(30);

scenario!(a_thousand_recipients_are_decided_in_time);

fn a_thousand_recipients_are_decided_in_time(options: &Options<'_>) {
    let lab = up(options);
    let domains: Vec<String> = (0..300).map(|n| format!("d{n}.many.plain.test")).collect();
    let virtuals: String =
        (0..1000).map(|n| format!("list{n}@sender.test r{n}@{}\n", domains[n % domains.len()])).collect();
    table(&lab, "virtual", &virtuals);
    table(&lab, "transport", "nowhere.test smtp:[nowhere.test]\n");
    lab.postconf(&[
        "virtual_alias_maps=texthash:/etc/postfix/virtual",
        "transport_maps=texthash:/etc/postfix/transport",
    ]);
    let segl = lab.start_segl(SEGL_TOML);
    hold(&lab, "tls13");
    let recipients: Vec<String> = (0..1000).map(|n| format!("list{n}@sender.test")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();

    for (number, way) in ["SMTP", "sendmail"].into_iter().enumerate() {
        let decided = || segl.stderr().lines().filter(|line| line.contains(" action=accept")).count();
        let started = Instant::now();
        match way {
            "SMTP" => drop(accepted(&lab, &recipients, CONFIDENTIAL)),
            _ => {
                let letter = format!("From: <anna@sender.test>\nSubject: Journal\n\n{CONFIDENTIAL}\n");
                let output = lab.sendmail("anna@sender.test", &recipients, letter.as_bytes());
                assert!(output.status.success(), "{output:?}");
            }
        }
        lab.expect("it is decided", || decided() == number + 1);
        let elapsed = started.elapsed();
        println!("{way}: 1,000 recipients over 300 domains decided in {elapsed:?}");
        assert!(elapsed < ANSWER_WAIT, "{way}: {elapsed:?}");
        let pins = json_lines(&lab, &["pins", "--json"]);
        let of = |key: &str| pins.iter().map(|pin| pin[key].to_string()).collect::<BTreeSet<_>>();
        let scopes = of("destination");
        for domain in &domains {
            assert!(scopes.contains(&format!("\"{domain}\"")), "{way}: {domain}: {scopes:?}");
        }
        // Of one message each, all written at once.
        assert_eq!(of("since").len(), number + 1, "{:?}", pins.first());
    }
}
