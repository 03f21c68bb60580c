//! The mail that scenarios of waiting send, and what they ask of Postfix and of Segl about it.

use super::CONFIDENTIAL;
use crate::support::lab::{Lab, Message, Segl, SmtpResult};
use std::time::{Duration, Instant};

/// Whom it is from; a local user.
pub(crate) const ANNA: &str = "anna@sender.test";

/// Sends a confidential message with a mark in its text.
pub(crate) fn try_tagged(lab: &Lab, to: &str, mark: &str) -> SmtpResult {
    let body = format!("{CONFIDENTIAL} {mark}");
    lab.send(&Message { from: ANNA, to: &[to], subject: "Journal", body: &body })
}

/// The same, which must be accepted: its queue ID.
pub(crate) fn tagged(lab: &Lab, to: &str, mark: &str) -> String {
    accepted(try_tagged(lab, to, mark))
}

/// Sends an ordinary message with a mark in its text.
pub(crate) fn try_ordinary(lab: &Lab, to: &str, mark: &str) -> SmtpResult {
    let body = format!("Frokost kl. 12? {mark}");
    lab.send(&Message { from: ANNA, to: &[to], subject: "Frokost", body: &body })
}

/// The same, which must be accepted: its queue ID.
pub(crate) fn ordinary(lab: &Lab, to: &str, mark: &str) -> String {
    accepted(try_ordinary(lab, to, mark))
}

fn accepted(sent: SmtpResult) -> String {
    match sent {
        SmtpResult { code: Some(250), queue_id: Some(queue_id), .. } => queue_id,
        other => panic!("not accepted: {other:?}"),
    }
}

/// Whether a server has received a message with this mark: over which TLS, in the clear (`Some(None)`), or not.
pub(crate) fn arrived(lab: &Lab, server: &str, mark: &str) -> Option<Option<String>> {
    let received = lab.received(server);
    let found = received.into_iter().find(|one| one.data.windows(mark.len()).any(|window| window == mark.as_bytes()));
    found.map(|one| one.tls)
}

/// How often Postfix has deferred this message with this enhanced status code.
pub(crate) fn deferrals(lab: &Lab, queue_id: &str, dsn: &str) -> usize {
    let (name, dsn) = (format!(": {queue_id}: "), format!("dsn={dsn}, status=deferred"));
    lab.mail_log().lines().filter(|line| line.contains(&name) && line.contains(&dsn)).count()
}

/// Whether Postfix says that this message is gone.
pub(crate) fn removed(lab: &Lab, queue_id: &str) -> bool {
    lab.mail_log().lines().any(|line| line.ends_with(&format!(": {queue_id}: removed")))
}

/// What `segl pins --json` prints.
pub(crate) fn pins(lab: &Lab) -> String {
    let output = lab.segl(&["pins", "--json"]);
    assert!(output.status.success(), "segl pins: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether `segl pins` shows a pin of this message.
pub(crate) fn is_pinned(lab: &Lab, queue_id: &str) -> bool {
    pins(lab).contains(&format!("\"queue_id\":\"{queue_id}\""))
}

/// Whether Segl has said that it released this message's pins.
pub(crate) fn released(segl: &Segl<'_>, queue_id: &str) -> bool {
    segl.stderr().contains(&format!("{queue_id}: released destinations="))
}

/// What a socketmap server answers.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// A policy.
    Policy(String),
    /// No policy.
    Nothing,
    /// Any other answer, or none.
    Failure(String),
}

/// Asks Segl as smtp(8) does, with Postfix's own client.
pub(crate) fn policy(lab: &Lab, next_hop: &str) -> Told {
    let output = lab.run(&["postmap", "-q", next_hop, "socketmap:unix:/var/spool/postfix/segl/socketmap.sock:tls"]);
    let [out, error] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).trim().to_owned());
    match (output.status.code(), error.is_empty()) {
        (Some(0), true) => Told::Policy(out),
        (Some(1), true) => Told::Nothing,
        _ => Told::Failure(error),
    }
}

/// Something that happens at most once a second, however often it is asked for.
pub(crate) struct Seldom(Option<Instant>);

impl Seldom {
    /// At once the first time.
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// Does it if it is time.
    pub(crate) fn perform(&mut self, what: impl FnOnce()) {
        if self.0.is_none_or(|last| last.elapsed() >= Duration::from_secs(1)) {
            what();
            self.0 = Some(Instant::now());
        }
    }
}
