//! Sending, and asking what became of it, as the scenarios of delivery do again and again.

use super::{CONFIDENTIAL, mail::removed};
use crate::support::lab::{Lab, Message, Options, PATIENCE, Received, SEGL_TOML, Segl, SmtpResult};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The policy for a pinned destination where main.cf says `may`.
pub(super) const ENCRYPT: &str = "encrypt protocols=>=TLSv1.2 ciphers=medium";

/// A text in which there is nothing to find.
pub(super) const ORDINARY: &str = "The meeting is at noon.";

/// The lab with further lines in main.cf.
pub(super) fn with<'a>(options: &Options<'_>, main_cf: &'a [&'a str]) -> Options<'a> {
    Options { chroot: options.chroot, segl: options.segl, suite: options.suite, main_cf }
}

/// The lab's configuration with lines of `[destinations]`, its tables under it included, and of `[probe]`.
pub(super) fn configured(destinations: &str, probe: &str) -> String {
    format!("{}{probe}\n", SEGL_TOML.replace("[probe]", &format!("[destinations]\n{destinations}\n\n[probe]")))
}

/// Sends a text.
pub(super) fn send(lab: &Lab, to: &[&str], body: &str) -> SmtpResult {
    lab.send(&Message { from: "anna@sender.test", to, subject: "Journal", body })
}

/// Sends a text that is accepted: its queue ID.
pub(super) fn accepted(lab: &Lab, to: &[&str], body: &str) -> String {
    let result = send(lab, to, body);
    assert_eq!(result.code, Some(250), "{to:?}: {result:?}");
    result.queue_id.unwrap_or_else(|| panic!("{to:?}: no queue ID in {}", result.text))
}

/// Sends a text that is refused with this code at the end of the message: the reply's text, and how long all of it
/// took, the client's own start included.
pub(super) fn refused(lab: &Lab, to: &[&str], body: &str, code: u16) -> (String, Duration) {
    let started = Instant::now();
    let result = send(lab, to, body);
    let elapsed = started.elapsed();
    assert_eq!((result.stage.as_str(), result.code), ("end-of-message", Some(code)), "{to:?}: {result:?}");
    assert!(elapsed < PATIENCE, "{elapsed:?}");
    (result.text, elapsed)
}

/// What Postfix's own client is told by our map; none when there is no policy.
pub(super) fn policy(lab: &Lab, key: &str) -> Option<String> {
    let map = "socketmap:unix:/var/spool/postfix/segl/socketmap.sock:tls";
    // -f: postmap(1) folds keys by itself, smtp(8) does not.
    let output = lab.run(&["postmap", "-f", "-q", key, map]);
    let text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    match output.status.success() {
        true => Some(text),
        false => {
            assert!(output.stderr.is_empty(), "{key}: {}", String::from_utf8_lossy(&output.stderr));
            None
        }
    }
}

/// Waits until nothing is pinned under this key any more.
pub(super) fn expect_released(lab: &Lab, key: &str) {
    let started = Instant::now();
    lab.expect(&format!("the pin of {key} goes"), || policy(lab, key).is_none());
    println!("{key}: free {:?} after the message had left", started.elapsed());
}

/// Makes a server put every recipient off, so that mail to it stays in the queue.
pub(super) fn hold(lab: &Lab, server: &str) {
    lab.set_behaviour(server, &json!({"replies": {"RCPT": "450 4.2.1 busy"}}));
}

/// Lets a server take mail again and has Postfix try at once.
pub(super) fn unhold(lab: &Lab, server: &str) {
    lab.set_behaviour(server, &json!({"replies": {}}));
    lab.flush();
}

/// Waits until a server has so many messages: these.
pub(super) fn arrived(lab: &Lab, server: &str, count: usize) -> Vec<Received> {
    lab.expect(&format!("{server} has {count} messages"), || lab.received(server).len() >= count);
    let received = lab.received(server);
    assert_eq!(received.len(), count, "{server}: {received:?}");
    received
}

/// Waits until a message waits for a reason that has these words.
pub(super) fn expect_deferred(lab: &Lab, queue_id: &str, words: &str) {
    lab.expect(&format!("{queue_id} waits: {words}"), || {
        // A listing may lack it while it moves from one queue to another: the log says whether it has gone.
        assert!(!removed(lab, queue_id), "{queue_id} is not in the queue:\n{}", lab.mail_log());
        lab.delay_reason(queue_id).is_some_and(|reason| reason.contains(words))
    });
}

/// The lines in which Segl told what becomes of a message.
pub(super) fn lines(segl: &Segl<'_>, queue_id: &str) -> Vec<String> {
    let start = format!("{queue_id}: ");
    let is_it = |line: &&str| line.starts_with(&start) && line.contains(" action=");
    segl.stderr().lines().filter(is_it).map(str::to_owned).collect()
}

/// What Segl logged would become of a message, without its queue ID and without the time at the line's end.
pub(super) fn verdict(segl: &Segl<'_>, queue_id: &str) -> String {
    let lines = lines(segl, queue_id);
    let [line] = lines.as_slice() else { panic!("{queue_id}: {lines:?} of\n{}", segl.stderr()) };
    let Some((verdict, time)) = line.rsplit_once(" scan=") else { panic!("no time: {line}") };
    let tenths = time.strip_suffix("ms").and_then(|time| time.split_once('.'));
    let is_time = tenths.is_some_and(|(ms, tenth)| tenth.len() == 1 && ms.parse::<u32>().is_ok());
    assert!(is_time, "time: {line}");
    verdict[queue_id.len() + 2..].to_owned()
}

/// What `segl COMMAND --json` prints, an object a line.
pub(super) fn json_lines(lab: &Lab, arguments: &[&str]) -> Vec<Value> {
    let output = lab.segl(arguments);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))).collect()
}

/// A message's header lines, folded ones as one, and its body.
pub(super) fn parts(message: &[u8]) -> (Vec<String>, String) {
    let text = String::from_utf8_lossy(message).replace("\r\n", "\n");
    let (header, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut fields: Vec<String> = Vec::new();
    for line in header.lines() {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => {
                field.push('\n');
                field.push_str(line);
            }
            _ => fields.push(line.to_owned()),
        }
    }
    (fields, body.to_owned())
}

/// The header fields of that name, in any case.
pub(super) fn fields(message: &[u8], name: &str) -> Vec<String> {
    let is_it = |field: &String| field.split(':').next().is_some_and(|it| it.eq_ignore_ascii_case(name));
    parts(message).0.into_iter().filter(is_it).collect()
}

/// Asserts that nothing of a confidential message has left or waits to. Ordinary mail to `reachable` that was sent
/// afterwards must arrive, each at its server, so that "nothing" is not "nothing yet".
pub(super) fn assert_nothing_left(lab: &Lab, reachable: &[(&str, &str)]) {
    let queue = lab.queue();
    assert!(queue.is_empty(), "{queue:?}");
    for &(to, server) in reachable {
        accepted(lab, &[to], ORDINARY);
        arrived(lab, server, 1);
    }
    let all = lab.received_by_all();
    assert_eq!(all.len(), reachable.len(), "{all:?}");
    for received in all {
        assert!(!String::from_utf8_lossy(&received.data).contains(CONFIDENTIAL), "{received:?}");
        assert!(!lab.seen_in_the_clear(&received.server, CONFIDENTIAL), "{}", received.server);
    }
}

/// What Postfix's log says first of a message's delivery: `2.0.0 sent (…)`.
pub(super) fn outcome_of(log: &str, queue_id: &str) -> Option<String> {
    let line = log.lines().find(|line| line.contains(&format!(" {queue_id}: to=<")) && line.contains(" status="))?;
    let (_, end) = line.split_once(" dsn=")?;
    Some(end.replacen(", status=", " ", 1))
}
