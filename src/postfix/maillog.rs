//! What Postfix's log says of messages that have left the queue: `…/qmgr[PID]: QUEUEID: removed`; and of those that
//! go on under another queue ID, since postsuper(1) sent them back: `…/pickup[PID]: NEWID: uid=… orig_id=QUEUEID`, or
//! local(8) sent them on: `…/local[PID]: QUEUEID: to=<…>, … status=sent (forwarded as NEWID)`, or in a notice to their
//! sender: `…/bounce[PID]: QUEUEID: sender non-delivery notification: NEWID`. Where a message begins,
//! `…/cleanup[PID]: QUEUEID: message-id=…`, is read because what stands before that line was said of an earlier message.
//!
//! Strangers choose much of what stands in a mail log (HELO names, addresses, other servers' replies), so the line
//! must be a removal from its first byte to its last; the program name and the text stand where Postfix and the
//! syslog daemon put them and nowhere else. postsuper(1) logs `removed` too, and does so while a delivery may be
//! under way: that is left to the queue listing, as is every line of which the time is in doubt.
//!
//! Three time formats are read: traditional syslog (`Nov 21 22:13:01`, `Nov  1 …`), that of postlogd(8)
//! (`Nov 01 …`; Postfix `src/util/msg_logger.c`), and RFC 3339 (rsyslog's default in Debian 12 and later).

use crate::envelope::QueueId;
use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::mpsc;

/// The longest line looked at, in bytes; a removal is far shorter, what pickup(8) says has the sender in it.
const LINE_MAX: usize = 4096;

/// What is read before others get their turn, in bytes.
const READ_MAX: usize = 8 * 1024 * 1024;

const CHUNK: usize = 64 * 1024;

/// How often the log is read.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// How far in the future a line may be, in milliseconds: a line beyond is of another time zone or another year.
const AHEAD_MAX: i64 = 2_000;

/// How far in the past a traditional time without a year may be, in milliseconds.
const BEHIND_MAX: i64 = 24 * 3600 * 1000;

/// The queue manager said that a message is gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Removal {
    /// Which one.
    pub queue_id: QueueId,
    /// When at the earliest, Unix time in milliseconds; `i64::MIN` where the line's time is in doubt.
    pub earliest: i64,
    /// When at the latest, Unix time in milliseconds.
    pub latest: i64,
}

/// A message was sent back by `postsuper -r` and has another queue ID from now on, or local(8) sends it on for an alias, or
/// a notice holds it or its header (bounce(8)). No milter is asked about any of them (postsuper(1),
/// `internal_mail_filter_classes`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requeue {
    /// Its queue ID until now.
    pub old: QueueId,
    /// Its queue ID from now on, or that of the copy sent on or of the notice.
    pub new: QueueId,
    /// When at the earliest, Unix time in milliseconds; `i64::MIN` where the line's time is in doubt.
    pub earliest: i64,
}

/// What comes of following a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LogEvent {
    /// Whether the log can be read; said at the start and at each change.
    Readable(bool),
    /// A message is gone.
    Removed(Removal),
    /// A message goes on under another queue ID.
    Requeued(Requeue),
    /// A message with this queue ID began, and no milter has seen its end yet: cleanup(8) says so while it reads the
    /// header.
    Began(QueueId),
}

/// What a line says, its time aside.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Said {
    Removed(QueueId),
    Requeued { old: QueueId, new: QueueId },
    Began(QueueId),
}

/// The time of a log line as it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stamp {
    /// An instant, and how long it may last, both in milliseconds.
    Exact(i64, i64),
    /// Local time without a year, to the second.
    Local { month: i8, day: i8, hour: i8, minute: i8, second: i8 },
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads one line, without its end. `None` for whatever is neither the queue manager's `removed` nor pickup's `orig_id`
/// nor local's `forwarded` nor a bounce's `notification` nor cleanup's `message-id`.
fn parse(line: &str) -> Option<(Stamp, Said)> {
    let (stamp, rest) = if line.as_bytes().first()?.is_ascii_digit() {
        let (stamp, rest) = line.split_once(' ')?;
        (exact(stamp)?, rest)
    } else {
        (local(line.get(..15)?)?, line.get(15..)?.strip_prefix(' ')?)
    };
    let (host, rest) = rest.split_once(' ')?;
    let (tag, text) = rest.split_once(": ")?;
    let (name, pid) = tag.strip_suffix(']')?.split_once('[')?;
    let (syslog_name, service) = name.rsplit_once('/')?;
    let well_formed = !host.is_empty()
        && !syslog_name.is_empty()
        && !syslog_name.contains(|c: char| c.is_whitespace() || c == ':')
        && !pid.is_empty()
        && pid.bytes().all(|b| b.is_ascii_digit());
    if !well_formed {
        return None;
    }
    let said = match service {
        "qmgr" | "oqmgr" => Said::Removed(QueueId::parse(text.strip_suffix(": removed")?)?),
        "pickup" => {
            // The sender is whatever somebody called it, and within `<>`: nothing but a queue ID follows the last field.
            let (before, old) = text.rsplit_once("> orig_id=")?;
            let (new, _) = before.split_once(": uid=")?;
            Said::Requeued { old: QueueId::parse(old)?, new: QueueId::parse(new)? }
        }
        // `src/local/forward.c`. An address may look like any of this: believed without cause, it pins a message more.
        "local" => {
            let (old, rest) = text.split_once(": to=<")?;
            let (_, new) = rest.strip_suffix(')')?.rsplit_once(", status=sent (forwarded as ")?;
            Said::Requeued { old: QueueId::parse(old)?, new: QueueId::parse(new)? }
        }
        // To the sender or the postmaster; of failure, delay or success.
        "bounce" => {
            let (old, rest) = text.split_once(": ")?;
            let (kind, new) = rest.split_once(" notification: ")?;
            let of_it = kind.strip_prefix("sender ").or_else(|| kind.strip_prefix("postmaster "))?;
            ["non-delivery", "delay", "delivery status"].contains(&of_it).then_some(())?;
            Said::Requeued { old: QueueId::parse(old)?, new: QueueId::parse(new)? }
        }
        // Whatever the rest says; also `resent-message-id`.
        "cleanup" => {
            let (queue_id, rest) = text.split_once(": ")?;
            rest.strip_prefix("resent-").unwrap_or(rest).strip_prefix("message-id=")?;
            Said::Began(QueueId::parse(queue_id)?)
        }
        _ => return None,
    };
    Some((stamp, said))
}

fn exact(text: &str) -> Option<Stamp> {
    let instant: Timestamp = text.parse().ok()?;
    let digits = text.split_once('.').map_or(0, |(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    let lasts = match digits {
        0 => 1000,
        1 => 100,
        2 => 10,
        _ => 1,
    };
    Some(Stamp::Exact(instant.as_millisecond(), lasts))
}

fn local(text: &str) -> Option<Stamp> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.trim_start_matches(' ').parse::<i8>().ok();
    let separators = [(3, b' '), (6, b' '), (9, b':'), (12, b':')];
    if !text.is_ascii() || separators.iter().any(|(at, byte)| text.as_bytes().get(*at) != Some(byte)) {
        return None;
    }
    let month = MONTHS.iter().position(|month| Some(*month) == text.get(..3))?;
    Some(Stamp::Local {
        month: month as i8 + 1,
        day: number(4..6)?,
        hour: number(7..9)?,
        minute: number(10..12)?,
        second: number(13..15)?,
    })
}

impl Stamp {
    /// The time between which and which this was written, in milliseconds; `None` where that is in doubt.
    fn between(self, now: i64, zone: &TimeZone) -> Option<(i64, i64)> {
        let (earliest, latest) = match self {
            Self::Exact(instant, lasts) => (instant, instant + lasts),
            Self::Local { month, day, hour, minute, second } => {
                let this_year = Timestamp::from_millisecond(now).ok()?.to_zoned(zone.clone()).year();
                let candidates = (this_year - 1..=this_year + 1).filter_map(|year| {
                    let date = Date::new(year, month, day).ok()?;
                    let time = DateTime::from_parts(date, jiff::civil::Time::new(hour, minute, second, 0).ok()?);
                    let ambiguous = zone.to_ambiguous_timestamp(time);
                    // When clocks are set back an hour comes twice: both count.
                    let (earlier, later) = (ambiguous.earlier().ok()?, ambiguous.later().ok()?);
                    let (one, other) = (earlier.as_millisecond(), later.as_millisecond());
                    Some((one.min(other), one.max(other) + 1000))
                });
                let nearest = candidates.min_by_key(|(earliest, _)| earliest.abs_diff(now))?;
                if now - nearest.1 > BEHIND_MAX {
                    return None;
                }
                nearest
            }
        };
        (earliest <= now + AHEAD_MAX).then_some((earliest, latest))
    }
}

/// Follows a log file by its name through rotation (renamed and made anew, or copied and truncated).
struct Follower {
    path: PathBuf,
    zone: TimeZone,
    open: Option<Open>,
    /// Whether the file has been open before: a new one under its name is then read from its start.
    followed: bool,
    line: Vec<u8>,
    /// Whether the rest of the line is to be skipped.
    skipping: bool,
}

struct Open {
    file: File,
    identity: (u64, u64),
    position: u64,
}

impl Follower {
    fn new(path: &Path, zone: TimeZone) -> Self {
        Self { path: path.to_owned(), zone, open: None, followed: false, line: Vec::new(), skipping: false }
    }

    fn open(&mut self) -> io::Result<()> {
        // Without O_NONBLOCK a FIFO of that name would keep us waiting.
        let mut file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&self.path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("is no regular file"));
        }
        self.line.clear();
        let mut position = 0;
        self.skipping = false;
        if !self.followed {
            // What was removed before we looked is for the queue listing to tell.
            position = file.seek(SeekFrom::End(0))?;
            let mut last = [b'\n'];
            if position > 0 {
                file.read_exact_at(&mut last, position - 1)?;
            }
            self.skipping = last != *b"\n";
        }
        self.followed = true;
        self.open = Some(Open { file, identity: (metadata.dev(), metadata.ino()), position });
        Ok(())
    }

    /// Reads what has been written since the last call. The second value says whether there is more to read at once.
    fn poll(&mut self, now: i64) -> io::Result<(Vec<LogEvent>, bool)> {
        let mut events = Vec::new();
        if self.open.is_none() {
            self.open()?;
        }
        if self.read(now, &mut events)? {
            return Ok((events, true));
        }
        match std::fs::metadata(&self.path) {
            Ok(metadata) => {
                let Some(open) = &mut self.open else { return Ok((events, false)) };
                if (metadata.dev(), metadata.ino()) != open.identity {
                    // Once more, for what came between the end of the old file and the start of the new one.
                    let more = self.read(now, &mut events)?;
                    if !more {
                        self.open()?;
                    }
                    return Ok((events, true));
                }
                if metadata.len() < open.position {
                    open.position = 0;
                    self.line.clear();
                    self.skipping = false;
                    return Ok((events, true));
                }
                Ok((events, false))
            }
            // Between being renamed and made anew: the old one may still be written to.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((events, false)),
            Err(error) => Err(error),
        }
    }

    /// Reads to the end of the file, or [`READ_MAX`]; says whether there may be more.
    fn read(&mut self, now: i64, events: &mut Vec<LogEvent>) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK];
        for _ in 0..READ_MAX / CHUNK {
            let Some(open) = &mut self.open else { return Ok(false) };
            let length = open.file.read_at(&mut chunk, open.position)?;
            if length == 0 {
                return Ok(false);
            }
            open.position += length as u64;
            self.take(&chunk[..length], now, events);
        }
        Ok(true)
    }

    fn take(&mut self, bytes: &[u8], now: i64, events: &mut Vec<LogEvent>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            if !self.skipping {
                self.line.extend_from_slice(&text[..text.len().min(LINE_MAX + 1)]);
                self.skipping = self.line.len() > LINE_MAX;
            }
            if ends {
                if !self.skipping {
                    events.extend(self.event(now));
                }
                self.line.clear();
                self.skipping = false;
            }
        }
    }

    fn event(&self, now: i64) -> Option<LogEvent> {
        let (stamp, said) = parse(std::str::from_utf8(&self.line).ok()?)?;
        let (earliest, latest) = stamp.between(now, &self.zone).unwrap_or((i64::MIN, now));
        Some(match said {
            Said::Removed(queue_id) => LogEvent::Removed(Removal { queue_id, earliest, latest }),
            Said::Requeued { old, new } => LogEvent::Requeued(Requeue { old, new, earliest }),
            Said::Began(queue_id) => LogEvent::Began(queue_id),
        })
    }
}

/// Follows a log file from its present end until nobody listens any more.
pub async fn follow(path: PathBuf, events: mpsc::Sender<LogEvent>) {
    let mut follower = Follower::new(&path, TimeZone::system());
    let mut readable = None;
    while !events.is_closed() {
        let (back, outcome) = match tokio::task::spawn_blocking(move || {
            let outcome = follower.poll(Timestamp::now().as_millisecond());
            (follower, outcome)
        })
        .await
        {
            Ok(done) => done,
            Err(error) => {
                tracing::error!("{}: following the mail log failed: {error}", path.display());
                let _ = events.send(LogEvent::Readable(false)).await;
                return;
            }
        };
        follower = back;
        let now_readable = outcome.is_ok();
        if readable != Some(now_readable) {
            readable = Some(now_readable);
            if events.send(LogEvent::Readable(now_readable)).await.is_err() {
                return;
            }
            match &outcome {
                Ok(_) => tracing::info!("{}: following the mail log", path.display()),
                Err(error) => tracing::warn!(
                    "{}: cannot read the mail log: {error}; messages that have left the queue are found by listing \
                     it (set [evidence] mail-log, and let this user read it)",
                    path.display()
                ),
            }
        }
        match outcome {
            Ok((found, more)) => {
                for event in found {
                    if events.send(event).await.is_err() {
                        return;
                    }
                }
                if more {
                    continue;
                }
            }
            Err(_) => follower.open = None,
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn queue_id(line: &str) -> Option<String> {
        match parse(line)? {
            (_, Said::Removed(queue_id)) => Some(queue_id.to_string()),
            (_, Said::Requeued { .. } | Said::Began(_)) => None,
        }
    }

    #[test]
    fn reads_what_bounce_says_of_notices() {
        let line = |text: &str| format!("Nov 22 01:41:06 mail postfix/bounce[3323]: E705C5441E3: {text}");
        for kind in ["sender non-delivery", "sender delay", "sender delivery status", "postmaster non-delivery"] {
            let said = parse(&line(&format!("{kind} notification: 04BD454457A"))).map(|(_, said)| said);
            let [old, new] = ["E705C5441E3", "04BD454457A"].map(|id| QueueId::parse(id).unwrap());
            assert_eq!(said, Some(Said::Requeued { old, new }), "{kind}");
        }
        for other in
            ["sender non-delivery notification: <x>", "to=<a>, notification: 04BD", "other delay notification: 1"]
        {
            assert_eq!(parse(&line(other)), None, "{other}");
        }
    }

    #[test]
    fn reads_what_local_says_of_mail_that_it_sends_on() {
        let said = |text: &str| match parse(&format!("Nov 22 01:41:06 mail postfix/local[3323]: {text}")) {
            Some((_, Said::Requeued { old, new })) => Some(format!("{old} {new}")),
            _ => None,
        };
        let fields = "relay=local, delay=0.1, delays=0.1/0/0/0, dsn=2.0.0";
        for (text, expected) in [
            (format!("A1: to=<list@sender.test>, {fields}, status=sent (forwarded as B2)"), Some("A1 B2")),
            (format!("A1: to=<a@b>, orig_to=<c>, {fields}, status=sent (forwarded as B2)"), Some("A1 B2")),
            (format!("A1: to=<list@sender.test>, {fields}, status=sent (delivered to mailbox)"), None),
            (format!("A1: to=<list@sender.test>, {fields}, status=deferred (forwarded as B2)"), None),
            (format!("A1: to=<list@sender.test>, {fields}, status=sent (forwarded as B2) x"), None),
            (format!("A1: to=<list@sender.test>, {fields}, status=sent (forwarded as not it)"), None),
            (format!("warning: A1: to=<list@sender.test>, {fields}, status=sent (forwarded as B2)"), None),
        ] {
            assert_eq!(said(&text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn reads_what_pickup_says_of_requeued_mail() {
        let requeue = |line: &str| match parse(line) {
            Some((_, Said::Requeued { old, new })) => Some(format!("{old} {new}")),
            _ => None,
        };
        let line = "Nov 22 00:10:01 mail postfix/pickup[1007]: E07A15B8015: uid=102 from=<anna@sender.test> orig_id=CBB805B818F";
        assert_eq!(requeue(line).as_deref(), Some("CBB805B818F E07A15B8015"));
        let line = "Nov 22 00:10:01 mail postfix/pickup[1]: A1: uid=102 from=<\"x> orig_id=B2\"@a.test> orig_id=C3";
        assert_eq!(requeue(line).as_deref(), Some("C3 A1"));
        for line in [
            "Nov 22 00:10:01 mail postfix/pickup[1]: A1: uid=0 from=<root>",
            "Nov 22 00:10:01 mail postfix/pickup[1]: A1: uid=0 from=<\"x> orig_id=B2\"@a.test>",
            "Nov 22 00:10:01 mail postfix/smtpd[1]: A1: uid=0 from=<root> orig_id=B2",
            "Nov 22 00:10:01 mail postfix/pickup[1]: warning: A1: uid=0 from=<root> orig_id=B2",
            "Nov 22 00:10:01 mail postfix/pickup[1]: A1: uid=0 from=<root> orig_id=",
        ] {
            assert_eq!(requeue(line), None, "{line}");
        }
    }

    #[test]
    fn reads_where_a_message_begins() {
        let began = |text: &str| match parse(&format!("Nov 22 00:10:01 mail postfix/{text}")) {
            Some((_, Said::Began(queue_id))) => Some(queue_id.to_string()),
            _ => None,
        };
        for (text, expected) in [
            ("cleanup[1007]: E07A15B8015: message-id=<1@sender.test>", Some("E07A15B8015")),
            ("cleanup[1007]: E07A15B8015: message-id=", Some("E07A15B8015")),
            ("cleanup[1007]: E07A15B8015: resent-message-id=<1: removed", Some("E07A15B8015")),
            ("cleanup[1007]: warning: E07A15B8015: message-id=<1@sender.test>", None),
            ("cleanup[1007]: E07A15B8015: reject: header message-id=<1@sender.test>", None),
            ("smtpd[1007]: E07A15B8015: message-id=<1@sender.test>", None),
        ] {
            assert_eq!(began(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn reads_the_queue_managers_removals() {
        for (line, expected) in [
            ("Nov 21 22:44:58 lab postfix/qmgr[169]: 6ED33996091: removed", "6ED33996091"),
            ("Nov  1 02:04:08 lab postfix/qmgr[169]: 6ED33996091: removed", "6ED33996091"),
            ("Nov 01 02:04:08 mail.example.dk postfix-out/qmgr[1]: 4dCq1B0Xz9zJrP: removed", "4dCq1B0Xz9zJrP"),
            ("2025-11-21T22:44:58.123456+01:00 lab postfix/qmgr[169]: 6ED33996091: removed", "6ED33996091"),
            ("2025-11-21T22:44:58Z lab postfix/one/qmgr[169]: 6ED33996091: removed", "6ED33996091"),
            ("Nov 21 22:44:58 lab postfix/oqmgr[169]: 6ED33996091: removed", "6ED33996091"),
        ] {
            assert_eq!(queue_id(line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn takes_nothing_else_for_a_removal() {
        // Lines of a real Postfix 3.7.11 whose clients and servers tried, and variations of a removal.
        for line in [
            "Nov 21 22:44:58 lab postfix/smtp[180]: 6ED33996091: to=<u@ok.test>, relay=127.0.0.1[127.0.0.1]:2526, \
             delay=0.02, delays=0.01/0.01/0/0, dsn=2.0.0, status=sent (250 2.0.0 ok 4bXyZ1: removed)",
            "Nov 21 22:44:58 lab postfix/smtp[181]: 72A5D996097: to=<a@lab.test>, relay=127.0.0.1[127.0.0.1]:2525, \
             delay=0.01, delays=0/0/0/0.01, dsn=4.2.0, status=deferred (host 127.0.0.1[127.0.0.1] said: 450 4.2.0 Nov \
             21 22:13:01 host postfix/qmgr[1]: 4bXyZ1: removed (in reply to RCPT TO command))",
            "Nov 21 22:45:01 lab postfix/postsuper[246]: 72A5D996097: removed",
            "Nov 21 22:44:58 lab postfix/qmgr[169]: 72A5D996097: from=<>, size=2462, nrcpt=1 (queue active)",
            "Nov 21 22:44:58 lab postfix/qmgr[169]: 72A5D996097: from=<a: removed>, size=1, nrcpt=1 (queue active): removed",
            "Nov 21 22:44:58 lab postfix/cleanup[169]: 72A5D996097: removed",
            "Nov 21 22:44:58 lab dovecot/qmgr: 72A5D996097: removed",
            "Nov 21 22:44:58 lab qmgr[169]: 72A5D996097: removed",
            "Nov 21 22:44:58 lab x y/qmgr[169]: 72A5D996097: removed",
            "Nov 21 22:44:58 lab postfix/smtpd[1]: x/qmgr[169]: 72A5D996097: removed",
            "Nov 21 22:44:58 lab postfix/qmgr[169]: warning: 72A5D996097: removed",
            "Nov 21 22:44:58 lab postfix/qmgr[169]: 72A5D996097: removed ",
            "Nov 21 22:44:58 lab postfix/qmgr[169]: 72A5D996097: removed (x)",
            "Nov 21 22:44:58 lab postfix/qmgr[16x]: 72A5D996097: removed",
            "Nov 21 22:44:58 lab postfix/qmgr[169]: : removed",
            "Nov 21 22:44:58  postfix/qmgr[169]: 72A5D996097: removed",
            " Nov 21 22:44:58 lab postfix/qmgr[169]: 72A5D996097: removed",
            "Nov 21 22:44:58",
            "2025-11-21 lab postfix/qmgr[169]: 72A5D996097: removed",
            "",
        ] {
            assert_eq!(queue_id(line), None, "{line}");
        }
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn between(stamp: &str, now: &str, zone: &str) -> Option<(i64, i64)> {
        let (stamp, _) = parse(&format!("{stamp} h postfix/qmgr[1]: A1: removed")).unwrap();
        stamp.between(at(now), &TimeZone::posix(zone).unwrap())
    }

    #[test]
    fn knows_between_when_and_when_a_line_was_written() {
        let second = |instant: &str| Some((at(instant), at(instant) + 1000));
        let danish = "CET-1CEST,M3.5.0,M10.5.0/3";
        for (stamp, now, expected) in [
            ("Nov 21 22:13:01", "2025-11-21T21:13:02Z", second("2025-11-21T21:13:01Z")),
            ("Jul 21 22:13:01", "2025-07-21T20:13:02Z", second("2025-07-21T20:13:01Z")),
            ("Dec 31 23:59:59", "2025-12-31T23:00:01Z", second("2025-12-31T22:59:59Z")),
            ("Jan  1 00:00:00", "2025-12-31T22:59:59Z", second("2025-12-31T23:00:00Z")),
            ("Feb 29 12:00:00", "2028-02-29T11:00:01Z", second("2028-02-29T11:00:00Z")),
            ("Feb 29 12:00:00", "2026-02-28T11:00:01Z", None),
            // An hour ahead: another zone wrote it.
            ("Nov 21 22:13:01", "2025-11-21T20:13:02Z", None),
            // The hour that comes twice.
            ("Oct 26 02:30:00", "2025-10-26T01:30:01Z", Some((at("2025-10-26T00:30:00Z"), at("2025-10-26T01:30:01Z")))),
            // Half a year old.
            ("May 21 22:13:01", "2025-11-21T21:13:02Z", None),
            ("2025-11-21T22:13:01.123456+01:00", "2025-11-21T21:13:02Z", {
                let instant = at("2025-11-21T21:13:01.123Z");
                Some((instant, instant + 1))
            }),
            ("2025-11-21T22:13:01+01:00", "2025-11-21T21:13:02Z", second("2025-11-21T21:13:01Z")),
            ("2025-11-21T22:13:01.5+01:00", "2025-11-21T21:13:02Z", {
                let instant = at("2025-11-21T21:13:01.5Z");
                Some((instant, instant + 100))
            }),
            ("2025-11-21T23:13:01+01:00", "2025-11-21T21:13:02Z", None),
        ] {
            assert_eq!(between(stamp, now, danish), expected, "{stamp} read at {now}");
        }
    }

    proptest! {
        #[test]
        fn only_a_whole_removal_line_is_one(before in "\\PC{0,40}", after in "\\PC{0,40}") {
            let genuine = "Nov 21 22:44:58 lab postfix/qmgr[169]: 6ED33996091: removed";
            let forged = format!("Nov 21 22:44:58 lab postfix/smtpd[1]: {before}{genuine}{after}");
            prop_assert_eq!(parse(&forged), None);
            if !after.is_empty() {
                let longer = format!("{genuine}{after}");
                prop_assert_eq!(parse(&longer), None);
            }
        }

        #[test]
        fn any_bytes_in_any_pieces_are_read(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20)) {
            let mut follower = Follower::new(Path::new("/none"), TimeZone::UTC);
            let mut removals = Vec::new();
            for piece in &pieces {
                follower.take(piece, 0, &mut removals);
                prop_assert!(follower.line.len() <= LINE_MAX + 51);
            }
        }
    }

    struct Log {
        directory: tempfile::TempDir,
        follower: Follower,
    }

    const LINE: &str = "2025-11-21T22:44:58Z lab postfix/qmgr[169]: ";

    impl Log {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let follower = Follower::new(&directory.path().join("mail.log"), TimeZone::UTC);
            Self { directory, follower }
        }

        fn path(&self) -> PathBuf {
            self.directory.path().join("mail.log")
        }

        fn write(&self, text: &str) {
            let mut file = OpenOptions::new().append(true).create(true).open(self.path()).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn removed(&self, queue_id: &str) {
            self.write(&format!("{LINE}{queue_id}: removed\n"));
        }

        /// The queue IDs that come out until there is no more.
        fn poll(&mut self) -> Vec<String> {
            let mut all = Vec::new();
            loop {
                let (removals, more) = self.follower.poll(at("2025-11-21T22:45:00Z")).unwrap();
                all.extend(removals.into_iter().map(|event| match event {
                    LogEvent::Removed(removal) => removal.queue_id.to_string(),
                    other => format!("{other:?}"),
                }));
                if !more {
                    return all;
                }
            }
        }
    }

    #[test]
    fn starts_at_the_end_and_follows_whole_lines() {
        let mut log = Log::new();
        log.removed("OLD");
        log.write("half a line ");
        assert_eq!(log.poll(), [""; 0]);
        log.write(&format!("{LINE}FORGED: removed\n"));
        log.removed("A1");
        assert_eq!(log.poll(), ["A1"]);
        log.write(&format!("{LINE}A2: re"));
        assert_eq!(log.poll(), [""; 0]);
        log.write("moved\n");
        assert_eq!(log.poll(), ["A2"]);
        log.write(&"x".repeat(300_000));
        assert_eq!(log.poll(), [""; 0]);
        log.removed("PART");
        log.removed("A3");
        assert_eq!(log.poll(), ["A3"]);
    }

    #[test]
    fn follows_through_rotation() {
        let mut log = Log::new();
        log.removed("OLD");
        assert_eq!(log.poll(), [""; 0]);
        // Renamed, still written to, then made anew.
        let rotated = log.directory.path().join("mail.log.1");
        std::fs::rename(log.path(), &rotated).unwrap();
        OpenOptions::new()
            .append(true)
            .open(&rotated)
            .unwrap()
            .write_all(format!("{LINE}B1: removed\n").as_bytes())
            .unwrap();
        assert_eq!(log.poll(), ["B1"]);
        OpenOptions::new()
            .append(true)
            .open(&rotated)
            .unwrap()
            .write_all(format!("{LINE}B2: removed\n").as_bytes())
            .unwrap();
        log.removed("B3");
        assert_eq!(log.poll(), ["B2", "B3"]);
        // Copied and truncated.
        std::fs::copy(log.path(), log.directory.path().join("mail.log.2")).unwrap();
        File::create(log.path()).unwrap();
        assert_eq!(log.poll(), [""; 0]);
        log.removed("B4");
        assert_eq!(log.poll(), ["B4"]);
    }

    #[test]
    fn what_is_missing_or_no_file_is_an_error_and_tried_again() {
        let mut log = Log::new();
        assert!(log.follower.poll(0).is_err());
        std::fs::create_dir(log.path()).unwrap();
        assert!(log.follower.poll(0).is_err());
        std::fs::remove_dir(log.path()).unwrap();
        log.removed("OLD");
        assert_eq!(log.poll(), [""; 0]);
        log.removed("C1");
        assert_eq!(log.poll(), ["C1"]);
    }

    #[tokio::test]
    async fn says_whether_it_can_be_read() {
        let log = Log::new();
        let (sender, mut events) = mpsc::channel(16);
        let task = tokio::spawn(follow(log.path(), sender));
        assert_eq!(events.recv().await, Some(LogEvent::Readable(false)));
        log.removed("OLD");
        assert_eq!(events.recv().await, Some(LogEvent::Readable(true)));
        log.removed("D1");
        let Some(LogEvent::Removed(removal)) = events.recv().await else { panic!("no removal") };
        assert_eq!(removal.queue_id.as_str(), "D1");
        drop(events);
        task.await.unwrap();
    }
}
