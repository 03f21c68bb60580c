//! What was found of destinations, on disk: so that a restart asks nobody anew, and memory need not hold everything.
//!
//! Whoever finds nothing here asks again, and no pin depends on it. So a file that is damaged is put aside for a new one, a
//! row that cannot be written waits in memory, and a commit does not wait for the disk (WAL with `synchronous=NORMAL`). That
//! the file cannot be read says nothing of destinations: whoever asks is told so.

mod file;
mod keeper;

use super::{BoxFuture, StoreError};
use file::File;
use keeper::{Job, Keeper};
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};
use tokio::sync::oneshot;

/// The name of the file in the state directory.
pub const FILE_NAME: &str = "findings.sqlite3";

/// Something that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// What, as JSON.
    pub value: String,
    /// When, Unix time in seconds.
    pub found: i64,
    /// Until when it is believed.
    pub until: i64,
    /// Until when it is of use, be it only to compare with.
    pub keep: i64,
    /// When it is to be looked at again although nobody asks for it.
    pub again: Option<i64>,
}

/// Questions and findings that may wait for the thread; more are left out.
const WAITING_MAX: usize = 16_384;

/// The findings of one host. Cheap to clone: clones share the file.
#[derive(Clone)]
pub struct Findings {
    jobs: SyncSender<Job>,
}

impl Findings {
    /// Opens the file in a state directory; makes it where it is missing, and anew where it cannot be used.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(FILE_NAME);
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let keeper = Keeper::new(path.clone(), File::open(&path)?, waiting);
        thread::Builder::new()
            .name("findings".to_owned())
            .spawn(move || keeper.run())
            .map_err(|error| file::at(&path, &error))?;
        Ok(Self { jobs })
    }

    /// What was found last.
    ///
    /// # Errors
    /// When that cannot be read: it may be that something was found.
    pub fn find(&self, kind: &'static str, destination: &str) -> BoxFuture<'_, Result<Option<Finding>, StoreError>> {
        let (answer, answered) = oneshot::channel();
        let asked = self.jobs.try_send(Job::Find { key: (kind, destination.to_owned()), answer });
        Box::pin(async move {
            asked.map_err(|_| StoreError::Unavailable("too many questions wait for the findings"))?;
            answered.await.unwrap_or(Err(StoreError::Unavailable("the findings' keeper failed")))
        })
    }

    /// The destinations that are to be looked at again by now although nobody asks, at most so many, the longest due first.
    pub fn due(&self, kind: &'static str, most: usize) -> BoxFuture<'_, Vec<String>> {
        let (answer, answered) = oneshot::channel();
        let asked = self.jobs.try_send(Job::Due { kind, most, answer });
        Box::pin(async move {
            match asked {
                Ok(()) => answered.await.unwrap_or_default(),
                Err(_) => Vec::new(),
            }
        })
    }

    /// Keeps a finding, a moment later.
    pub fn keep(&self, kind: &'static str, destination: &str, finding: Finding) {
        // Where there are too many, it is found again.
        let _ = self.jobs.try_send(Job::Keep { key: (kind, destination.to_owned()), finding });
    }
}

/// The findings that the daemon keeps, for a command to read.
pub struct Reader {
    connection: Mutex<Connection>,
}

impl Reader {
    /// Opens the file in a state directory; `None` where there is none that can be used.
    pub fn open(directory: &Path) -> Option<Self> {
        file::open_to_read(directory).map(|connection| Self { connection: Mutex::new(connection) })
    }

    /// What was found last.
    ///
    /// # Errors
    /// When that cannot be read: it may be that something was found.
    pub fn find(&self, kind: &str, destination: &str) -> Result<Option<Finding>, StoreError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        file::find(&connection, kind, destination)
            .map_err(|error| StoreError::Database { path: FILE_NAME.to_owned(), reason: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::FileExt, time::Duration};

    fn finding(value: &str, keep: i64) -> Finding {
        Finding { value: value.to_owned(), found: 1, until: 2, keep, again: None }
    }

    async fn eventually(findings: &Findings, destination: &str, expected: Option<&Finding>) {
        for _ in 0..200 {
            if findings.find("probe", destination).await.unwrap().as_ref() == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{destination} is not {expected:?}");
    }

    #[tokio::test]
    async fn findings_outlive_the_program() {
        let directory = tempfile::tempdir().unwrap();
        let kept = finding("{}", i64::MAX);
        let findings = Findings::open(directory.path()).unwrap();
        assert_eq!(findings.find("probe", "a.example").await.unwrap(), None);
        findings.keep("probe", "a.example", finding("old", i64::MAX));
        findings.keep("probe", "a.example", kept.clone());
        // Known at once, on disk a moment later.
        assert_eq!(findings.find("probe", "a.example").await.unwrap(), Some(kept.clone()));
        assert_eq!(findings.find("published", "a.example").await.unwrap(), None);
        let reader = Reader::open(directory.path()).unwrap();
        while reader.find("probe", "a.example").unwrap().as_ref() != Some(&kept) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop((reader, findings));
        let again = Findings::open(directory.path()).unwrap();
        eventually(&again, "a.example", Some(&kept)).await;
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_made_anew() {
        for content in [b"no database".to_vec(), vec![0; 4096], b"SQLite format 3\0".repeat(1000)] {
            let directory = tempfile::tempdir().unwrap();
            assert!(Reader::open(directory.path()).is_none());
            fs::write(directory.path().join(FILE_NAME), content).unwrap();
            assert!(Reader::open(directory.path()).is_none());
            let findings = Findings::open(directory.path()).unwrap();
            findings.keep("probe", "a.example", finding("x", i64::MAX));
            assert!(findings.find("probe", "a.example").await.unwrap().is_some());
        }
        let directory = tempfile::tempdir().unwrap();
        let newer = Connection::open(directory.path().join(FILE_NAME)).unwrap();
        newer.pragma_update(None, "application_id", file::APPLICATION_ID).unwrap();
        newer.pragma_update(None, "user_version", file::VERSION + 1).unwrap();
        drop(newer);
        assert!(Findings::open(directory.path()).is_ok());
        assert!(Findings::open(Path::new("/no/such/directory")).is_err());
    }

    #[tokio::test]
    async fn what_is_due_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let findings = Findings::open(directory.path()).unwrap();
        let at = |again| Finding { again, ..finding("x", i64::MAX) };
        for (destination, again) in [
            ("late.example", Some(5)),
            ("later.example", Some(3)),
            ("not.example", Some(i64::MAX)),
            ("never.example", None),
        ] {
            findings.keep("published", destination, at(again));
        }
        findings.keep("probe", "other.example", at(Some(1)));
        assert_eq!(findings.due("published", 1).await, ["later.example"]);
        assert_eq!(findings.due("published", 10).await, ["late.example"]);
        assert!(findings.due("published", 10).await.is_empty());
    }

    #[tokio::test]
    async fn a_file_that_is_damaged_removed_or_locked_while_it_is_open_loses_nothing_new() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        let findings = Findings::open(directory.path()).unwrap();
        let kept = finding("{}", i64::MAX);
        let on_disk = |destination: &'static str| {
            let path = directory.path().to_owned();
            async move {
                for _ in 0..1000 {
                    let reader = Reader::open(&path);
                    if reader.is_some_and(|reader| reader.find("probe", destination).is_ok_and(|found| found.is_some()))
                    {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                panic!("{destination} is not on disk");
            }
        };
        findings.keep("probe", "a.example", kept.clone());
        on_disk("a.example").await;

        fs::remove_file(&path).unwrap();
        findings.keep("probe", "b.example", kept.clone());
        on_disk("b.example").await;

        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        findings.keep("probe", "c.example", kept.clone());
        // For longer than is waited for a lock.
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(findings.find("probe", "c.example").await.unwrap(), Some(kept.clone()));
        other.execute_batch("ROLLBACK").unwrap();
        drop(other);
        on_disk("c.example").await;

        // Everything but the first page.
        let many: Vec<String> = (0..2000).map(|n| format!("n{n}.example")).collect();
        for destination in &many {
            findings.keep("probe", destination, kept.clone());
        }
        on_disk("n1999.example").await;
        let other = Connection::open(&path).unwrap();
        other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        drop(other);
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&vec![0xAA; file.metadata().unwrap().len() as usize - 4096], 4096).unwrap();
        let mut answers = Vec::new();
        for destination in &many {
            answers.push(findings.find("probe", destination).await.unwrap());
        }
        assert!(answers.contains(&None));
        assert!(directory.path().join("findings.sqlite3.old").exists());
        findings.keep("probe", "d.example", kept.clone());
        on_disk("d.example").await;
    }
}
