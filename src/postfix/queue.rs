//! Which messages are in Postfix's queue: `postqueue -j` (postqueue(1), "JSON OBJECT FORMAT").
//!
//! What a listing shows is there. What it does not show is only perhaps gone: showq(8) reads one queue directory
//! after the other (maildrop, active, incoming, deferred, hold), and a message that moves meanwhile from one still
//! to be read into one already read is in neither; and a message that cleanup(8) has not finished is not shown at
//! all. So absence is for [`super::release`] to weigh. A listing that is not known to be complete (exit status,
//! whole lines to the end) says nothing at all.
//!
//! postqueue(1) is set-gid postdrop. Where that is without effect (`NoNewPrivileges=`), the user must be in group
//! postdrop to reach showq(8)'s socket.

use crate::{envelope::QueueId, store::BoxFuture};
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};
use std::{
    collections::HashSet,
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, BufReader, Read},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};
use tokio::{io::AsyncReadExt, process::Command};

/// Where Debian and most others put postqueue(1).
pub const POSTQUEUE: &str = "/usr/sbin/postqueue";

/// The largest listing read, in bytes; about ten million messages of one recipient.
const LISTING_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// The longest that a listing may take.
const LISTING_TIME: Duration = Duration::from_secs(120);

/// Recipients kept of one message; the rest is counted.
const RECIPIENTS_MAX: usize = 100;

/// What is kept of postqueue's complaint, in bytes.
const COMPLAINT_MAX: u64 = 2048;

/// A queue directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QueueName {
    /// Waits for cleanup(8): submitted by sendmail(1), or sent back by `postsuper -r`.
    Maildrop,
    /// Waits for the queue manager.
    Incoming,
    /// In delivery.
    Active,
    /// Waits for the next try.
    Deferred,
    /// Waits for the administrator.
    Hold,
    /// One that Postfix has got since this was written.
    Other,
}

impl QueueName {
    /// The name that Postfix uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Maildrop => "maildrop",
            Self::Incoming => "incoming",
            Self::Active => "active",
            Self::Deferred => "deferred",
            Self::Hold => "hold",
            Self::Other => "other",
        }
    }

    fn parse(name: &str) -> Self {
        let known = [Self::Maildrop, Self::Incoming, Self::Active, Self::Deferred, Self::Hold];
        known.into_iter().find(|known| known.as_str() == name).unwrap_or(Self::Other)
    }
}

/// One recipient that has not been delivered to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The address, as Postfix prints it.
    pub address: String,
    /// Why the last try failed, where there was one.
    pub delay_reason: Option<String>,
}

/// One message in the queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QueueEntry {
    /// Which message.
    pub queue_id: QueueId,
    /// Where it is.
    pub queue_name: QueueName,
    /// When it came, Unix time in seconds.
    pub arrival_time: i64,
    /// The envelope sender, as Postfix prints it.
    pub sender: String,
    /// The first recipients that it waits for.
    pub recipients: Vec<Waiting>,
    /// How many more there are.
    pub more_recipients: usize,
}

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// postqueue(1) cannot be run.
    #[error("cannot run {program}: {error}")]
    NotRun {
        /// Its path.
        program: String,
        /// What the system said.
        error: io::Error,
    },
    /// postqueue(1) failed.
    #[error("{program}: {said} ({status})")]
    Failed {
        /// Its path.
        program: String,
        /// How it ended.
        status: String,
        /// What it said, and what to do.
        said: String,
    },
    /// The listing is cut short or is no listing.
    #[error("{program}: listing not to be understood: {reason}")]
    Malformed {
        /// Its path.
        program: String,
        /// Where and why.
        reason: String,
    },
    /// The listing took too long.
    #[error("{program}: no complete listing within {} s", LISTING_TIME.as_secs())]
    TooSlow {
        /// Its path.
        program: String,
    },
}

/// Where the queue is read.
pub trait QueueList: Send + Sync {
    /// The entries of those among these messages that a complete listing shows.
    ///
    /// # Errors
    /// When there is no complete listing: nothing is known then of any message.
    fn list(&self, of: HashSet<QueueId>) -> BoxFuture<'_, Result<Vec<QueueEntry>, QueueError>>;
}

/// The queue as postqueue(1) shows it.
#[derive(Clone, Debug)]
pub struct Postqueue {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl Postqueue {
    /// The absolute path of postqueue(1) ([`POSTQUEUE`]), and Postfix's configuration directory where it is not the
    /// built-in one (it must then be among main.cf's `alternate_config_directories`, or postqueue refuses it).
    pub fn new(program: impl Into<PathBuf>, config_directory: Option<PathBuf>) -> Self {
        let mut arguments = Vec::new();
        if let Some(directory) = config_directory {
            arguments.extend([OsString::from("-c"), directory.into_os_string()]);
        }
        arguments.push("-j".into());
        Self { program: program.into(), arguments }
    }

    fn name(&self) -> String {
        self.program.display().to_string()
    }

    async fn run(&self, of: HashSet<QueueId>) -> Result<Vec<QueueEntry>, QueueError> {
        let failed = |error| QueueError::NotRun { program: self.name(), error };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().map_err(failed)?;
        let (Some(listing), Some(mut complaint)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed(io::Error::other("no pipe")));
        };
        let listing = File::from(listing.into_owned_fd().map_err(failed)?);
        // When this future is dropped the child is killed, and the reader comes to the end of the pipe.
        let reader = tokio::task::spawn_blocking(move || read(listing, LISTING_MAX, |id| of.contains(id)));
        let mut said = Vec::new();
        (&mut complaint).take(COMPLAINT_MAX).read_to_end(&mut said).await.map_err(failed)?;
        tokio::io::copy(&mut complaint, &mut tokio::io::sink()).await.map_err(failed)?;
        let entries = reader.await.map_err(|error| failed(io::Error::other(error)))?;
        let status = child.wait().await.map_err(failed)?;
        if !status.success() {
            let said = advise(String::from_utf8_lossy(&said).trim());
            return Err(QueueError::Failed { program: self.name(), status: status.to_string(), said });
        }
        entries.map_err(|reason| QueueError::Malformed { program: self.name(), reason })
    }
}

impl QueueList for Postqueue {
    fn list(&self, of: HashSet<QueueId>) -> BoxFuture<'_, Result<Vec<QueueEntry>, QueueError>> {
        Box::pin(async move {
            let listing = tokio::time::timeout(LISTING_TIME, self.run(of)).await;
            listing.unwrap_or_else(|_| Err(QueueError::TooSlow { program: self.name() }))
        })
    }
}

fn advise(said: &str) -> String {
    let advice = if said.contains("Permission denied") {
        "; the user that asks must be in group postdrop"
    } else if said.contains("not allowed to view the mail queue") {
        "; main.cf's authorized_mailq_users must name the user that asks"
    } else {
        ""
    };
    format!("{}{advice}", said.replace('\n', " "))
}

/// Reads a listing to its end and keeps the entries that are wanted.
fn read(listing: impl Read, most: u64, wanted: impl Fn(&QueueId) -> bool) -> Result<Vec<QueueEntry>, String> {
    let mut limited = LastByte { inner: listing.take(most), last: None };
    let mut entries = Vec::new();
    for (number, entry) in
        serde_json::Deserializer::from_reader(BufReader::new(&mut limited)).into_iter::<Entry>().enumerate()
    {
        let entry = entry.map_err(|error| format!("message {}: {error}", number + 1))?;
        let Some(queue_id) = QueueId::parse(&entry.queue_id.0) else {
            return Err(format!("message {}: queue ID {:?}", number + 1, entry.queue_id.0));
        };
        if wanted(&queue_id) {
            entries.push(QueueEntry {
                queue_id,
                queue_name: QueueName::parse(&entry.queue_name.0),
                arrival_time: entry.arrival_time,
                sender: entry.sender.0,
                recipients: entry.recipients.first,
                more_recipients: entry.recipients.more,
            });
        }
    }
    if limited.inner.limit() == 0 {
        return Err(format!("longer than {most} bytes"));
    }
    if limited.last.is_some_and(|last| last != b'\n') {
        return Err("the last line has no end".to_owned());
    }
    Ok(entries)
}

/// Remembers the last byte read.
struct LastByte<R> {
    inner: R,
    last: Option<u8>,
}

impl<R: Read> Read for LastByte<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        if let Some(last) = buffer[..length].last() {
            self.last = Some(*last);
        }
        Ok(length)
    }
}

#[derive(Deserialize)]
struct Entry {
    queue_name: Text,
    queue_id: Text,
    arrival_time: i64,
    sender: Text,
    recipients: Recipients,
}

#[derive(Deserialize)]
struct Recipient {
    address: Text,
    delay_reason: Option<Text>,
}

/// A JSON string in whatever bytes: one hostile address must not make the whole listing unreadable.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// The first recipients, and how many more.
struct Recipients {
    first: Vec<Waiting>,
    more: usize,
}

impl<'de> Deserialize<'de> for Recipients {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = Recipients;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("recipients")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Recipients, A::Error> {
                let mut recipients = Recipients { first: Vec::new(), more: 0 };
                while recipients.first.len() < RECIPIENTS_MAX {
                    let Some(next) = sequence.next_element::<Recipient>()? else { return Ok(recipients) };
                    let delay_reason = next.delay_reason.map(|reason| reason.0);
                    recipients.first.push(Waiting { address: next.address.0, delay_reason });
                }
                while sequence.next_element::<IgnoredAny>()?.is_some() {
                    recipients.more += 1;
                }
                Ok(recipients)
            }
        }
        deserializer.deserialize_seq(First)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Of Postfix 3.7.11, but for the names.
    const LISTING: &str = concat!(
        r#"{"queue_name": "deferred", "queue_id": "72A5D996097", "arrival_time": 1795301098, "message_size": 2462, "#,
        r#""forced_expire": false, "sender": "MAILER-DAEMON", "recipients": [{"address": "a@lab.example", "#,
        r#""delay_reason": "host 127.0.0.1[127.0.0.1] said: 450 4.2.0 \"no\" (in reply to RCPT TO command)"}]}"#,
        "\n",
        r#"{"queue_name": "active", "queue_id": "4dCq1B0Xz9zJrP", "arrival_time": 1795301101, "message_size": 342, "#,
        r#""forced_expire": false, "sender": "y@x.example", "recipients": [{"address": "one@def.example"}, "#,
        r#"{"address": "two@def.example"}]}"#,
        "\n",
    );

    fn all(listing: &[u8]) -> Result<Vec<QueueEntry>, String> {
        read(listing, LISTING_MAX, |_| true)
    }

    #[test]
    fn reads_what_postqueue_writes() {
        let entries = all(LISTING.as_bytes()).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(
            entries[0],
            QueueEntry {
                queue_id: QueueId::parse("72A5D996097").unwrap(),
                queue_name: QueueName::Deferred,
                arrival_time: 1_795_301_098,
                sender: "MAILER-DAEMON".to_owned(),
                recipients: vec![Waiting {
                    address: "a@lab.example".to_owned(),
                    delay_reason: Some(
                        "host 127.0.0.1[127.0.0.1] said: 450 4.2.0 \"no\" (in reply to RCPT TO command)".to_owned()
                    ),
                }],
                more_recipients: 0,
            }
        );
        assert_eq!((entries[1].queue_name, entries[1].recipients.len()), (QueueName::Active, 2));
        assert_eq!(all(b""), Ok(Vec::new()));
        let wanted = QueueId::parse("4dCq1B0Xz9zJrP").unwrap();
        assert_eq!(read(LISTING.as_bytes(), LISTING_MAX, |id| *id == wanted).unwrap().len(), 1);
    }

    #[test]
    fn later_fields_and_bad_bytes_do_no_harm() {
        // Postfix 3.11 adds orig_address, bounce_reason and other_reason.
        let line = b"{\"queue_name\": \"new\", \"queue_id\": \"A1\", \"arrival_time\": 1, \"later\": {\"a\": [1]}, \
            \"sender\": \"\xff\\ud800\", \"recipients\": [{\"orig_address\": \"\xfe\", \"address\": \"b\xffc\", \
            \"bounce_reason\": \"x\"}]}\n";
        let entries = all(line).unwrap();
        assert_eq!(entries[0].queue_name, QueueName::Other);
        assert_eq!(entries[0].recipients[0], Waiting { address: "b\u{fffd}c".to_owned(), delay_reason: None });
    }

    #[test]
    fn keeps_the_first_recipients_and_counts_the_rest() {
        let recipient = "{\"address\": \"a@b.example\", \"delay_reason\": \"c\"}";
        let listing = format!(
            "{{\"queue_name\": \"hold\", \"queue_id\": \"A1\", \"arrival_time\": 1, \"sender\": \"\", \
             \"recipients\": [{}]}}\n",
            vec![recipient; RECIPIENTS_MAX + 7].join(", ")
        );
        let entries = all(listing.as_bytes()).unwrap();
        assert_eq!((entries[0].recipients.len(), entries[0].more_recipients), (RECIPIENTS_MAX, 7));
    }

    #[test]
    fn a_listing_cut_anywhere_but_between_lines_is_an_error() {
        let boundaries = [0, LISTING.find('\n').unwrap() + 1, LISTING.len()];
        for end in 0..=LISTING.len() {
            let cut = all(&LISTING.as_bytes()[..end]);
            assert_eq!(cut.is_ok(), boundaries.contains(&end), "cut at {end}: {cut:?}");
        }
        assert!(read(LISTING.as_bytes(), LISTING.len() as u64, |_| true).is_err());
        assert!(all(b"Mail queue is empty\n").is_err());
    }

    proptest! {
        #[test]
        fn hostile_listings_are_errors_or_entries(listing in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = all(&listing);
        }

        #[test]
        fn one_changed_byte_is_an_error_or_still_two_messages(at in 0..LISTING.len(), byte in any::<u8>()) {
            let mut listing = LISTING.as_bytes().to_vec();
            listing[at] = byte;
            if let Ok(entries) = all(&listing) {
                prop_assert_eq!(entries.len(), 2);
            }
        }
    }

    fn script(text: &str) -> (tempfile::TempDir, Postqueue) {
        use std::os::unix::fs::PermissionsExt;
        let base = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        let directory = tempfile::tempdir_in(base).unwrap();
        let path = directory.path().join("postqueue");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let postqueue = Postqueue::new(path, Some("/etc/postfix-out".into()));
        (directory, postqueue)
    }

    async fn list(text: &str) -> Result<Vec<QueueEntry>, QueueError> {
        let (_directory, postqueue) = script(text);
        postqueue.list(HashSet::from([QueueId::parse("A1").unwrap()])).await
    }

    #[tokio::test]
    async fn runs_the_program_and_believes_its_exit_status() {
        let line = r#"{"queue_name": "hold", "queue_id": "A1", "arrival_time": 1, "sender": "", "recipients": []}"#;
        let listed = list(&format!("[ \"$*\" = '-c /etc/postfix-out -j' ] || exit 1\necho '{line}'")).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(list("exit 0").await.unwrap().is_empty());

        let said = "postqueue: fatal: Connect to the Postfix showq service: Permission denied";
        let error = list(&format!("echo '{line}'; echo '{said}' >&2; exit 69")).await.unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("group postdrop") && error.contains("69"), "{error}");
        let error = list(&format!("printf '%s' '{line}'")).await.unwrap_err();
        assert!(matches!(error, QueueError::Malformed { .. }), "{error}");
        // More complaint than a pipe holds.
        let error = list("head -c 200000 /dev/zero | tr '\\0' x >&2; exit 1").await.unwrap_err();
        assert!(matches!(error, QueueError::Failed { .. }), "{error}");
        let missing = Postqueue::new("/no/such/postqueue", None).list(HashSet::new()).await.unwrap_err();
        assert!(matches!(missing, QueueError::NotRun { .. }), "{missing}");
    }
}
