//! What was found of destinations, on disk: so that a restart asks nobody anew, and memory need not hold everything.
//!
//! Whoever finds nothing here asks again, and no pin depends on it. So a file that is damaged is put aside for a new one, a
//! row that cannot be written is left out, and a commit does not wait for the disk (WAL with `synchronous=NORMAL`).

use super::{BoxFuture, StoreError, filesystem};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, config::DbConfig, params};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::oneshot;

/// The name of the file in the state directory.
pub const FILE_NAME: &str = "findings.sqlite3";

/// Version of the schema; a file of another version is put aside.
const VERSION: i64 = 2;

/// Marks the file as Segl's (`PRAGMA application_id`): "SegF" in ASCII.
const APPLICATION_ID: i64 = 0x5365_6746;

const SCHEMA: &str = "
    CREATE TABLE findings (
        kind        TEXT NOT NULL,     -- what was asked
        destination TEXT NOT NULL,     -- of which next-hop
        value       TEXT NOT NULL,     -- what was found, JSON
        found       INTEGER NOT NULL,  -- when, Unix time in seconds
        until       INTEGER NOT NULL,  -- until when it is believed
        keep        INTEGER NOT NULL,  -- until when it is of use
        again       INTEGER,           -- when it is looked at again although nobody asks; never where there is none
        PRIMARY KEY (kind, destination)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX findings_keep ON findings (keep);
    CREATE INDEX findings_again ON findings (kind, again) WHERE again IS NOT NULL;
";

/// Questions and findings that may wait for the thread; more are left out.
const WAITING_MAX: usize = 16_384;

/// Findings written in one transaction.
const BATCH_MAX: usize = 1024;

/// How long a finding may wait for others to be written with.
const GATHER: Duration = Duration::from_millis(200);

/// How often what is of no more use is removed.
const TIDY_EVERY: Duration = Duration::from_secs(3600);

/// The most that the file may grow to, in pages of 4 KiB: pins are on the same disk.
const PAGES_MAX: i64 = 512 * 1024;

/// After how long what was due is due again where nothing was found, in seconds.
const TRY_AGAIN: i64 = 3600;

/// How long to wait for another process that reads the file.
const BUSY_TIME: Duration = Duration::from_secs(2);

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

enum Job {
    Find { kind: &'static str, destination: String, answer: oneshot::Sender<Option<Finding>> },
    Keep { kind: &'static str, destination: String, finding: Finding },
    Due { kind: &'static str, most: usize, answer: oneshot::Sender<Vec<String>> },
}

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
        let connection = match connect(&path) {
            Ok(connection) => connection,
            Err(Unusable::Content(reason)) => {
                tracing::warn!("{}: {reason}: put aside, destinations are asked again", path.display());
                put_aside(&path).map_err(|error| at(&path, &error))?;
                connect(&path).map_err(|unusable| unusable.at(&path))?
            }
            Err(unusable) => return Err(unusable.at(&path)),
        };
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let keeper = Keeper { connection, path: path.clone(), waiting, tidied: None, complained: false };
        thread::Builder::new()
            .name("findings".to_owned())
            .spawn(move || keeper.run())
            .map_err(|error| at(&path, &error))?;
        Ok(Self { jobs })
    }

    /// What was found last.
    pub fn find(&self, kind: &'static str, destination: &str) -> BoxFuture<'_, Option<Finding>> {
        let (answer, answered) = oneshot::channel();
        let asked = self.jobs.try_send(Job::Find { kind, destination: destination.to_owned(), answer });
        Box::pin(async move {
            asked.ok()?;
            answered.await.ok().flatten()
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
        let _ = self.jobs.try_send(Job::Keep { kind, destination: destination.to_owned(), finding });
    }
}

/// The findings that the daemon keeps, for a command to read.
pub struct Reader {
    connection: Mutex<Connection>,
}

impl Reader {
    /// Opens the file in a state directory; `None` where there is none that can be used.
    pub fn open(directory: &Path) -> Option<Self> {
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(directory.join(FILE_NAME), flags).ok()?;
        connection.busy_timeout(BUSY_TIME).ok()?;
        connection.pragma_update(None, "trusted_schema", false).ok()?;
        // Closing would remove the log, which is the daemon's.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok()?;
        (identity(&connection).ok()? == (APPLICATION_ID, VERSION)).then(|| Self { connection: Mutex::new(connection) })
    }

    /// What was found last.
    pub fn find(&self, kind: &str, destination: &str) -> Option<Finding> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        find(&connection, kind, destination).ok().flatten()
    }
}

struct Keeper {
    connection: Connection,
    path: PathBuf,
    waiting: Receiver<Job>,
    tidied: Option<Instant>,
    complained: bool,
}

impl Keeper {
    fn run(mut self) {
        let mut unwritten = Vec::new();
        let mut since = Instant::now();
        loop {
            let wait = if unwritten.is_empty() { TIDY_EVERY } else { GATHER.saturating_sub(since.elapsed()) };
            match self.waiting.recv_timeout(wait) {
                Ok(Job::Find { kind, destination, answer }) => {
                    // What waits to be written is known already.
                    let fresh = unwritten.iter().rev().find(|(k, d, _)| (*k, d) == (kind, &destination));
                    let found = fresh.map(|(_, _, finding): &(_, _, Finding)| finding.clone());
                    let _ = answer.send(found.or_else(|| self.find(kind, &destination)));
                }
                Ok(Job::Keep { kind, destination, finding }) => {
                    if unwritten.is_empty() {
                        since = Instant::now();
                    }
                    unwritten.push((kind, destination, finding));
                }
                Ok(Job::Due { kind, most, answer }) => {
                    self.write(&mut unwritten);
                    let due = due(&self.connection, kind, now(), most);
                    let _ = answer.send(due.unwrap_or_else(|error| {
                        self.complain(Err(error));
                        Vec::new()
                    }));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.write(&mut unwritten);
                    return;
                }
            }
            if unwritten.len() >= BATCH_MAX || !unwritten.is_empty() && since.elapsed() >= GATHER {
                self.write(&mut unwritten);
            }
            if self.tidied.is_none_or(|tidied| tidied.elapsed() >= TIDY_EVERY) {
                self.tidied = Some(Instant::now());
                let tidied = tidy(&self.connection, now());
                self.complain(tidied);
            }
        }
    }

    fn find(&mut self, kind: &str, destination: &str) -> Option<Finding> {
        let found = find(&self.connection, kind, destination);
        match found {
            Ok(found) => found,
            Err(error) => {
                self.complain(Err(error));
                None
            }
        }
    }

    fn write(&mut self, unwritten: &mut Vec<(&'static str, String, Finding)>) {
        let written = write(&mut self.connection, unwritten);
        self.complain(written);
        unwritten.clear();
    }

    /// Once, until it goes well again: a full disk is told elsewhere too.
    fn complain(&mut self, done: rusqlite::Result<()>) {
        match done {
            Ok(()) => self.complained = false,
            Err(error) if !self.complained => {
                tracing::warn!("{}: {error}: what is found of destinations is not kept", self.path.display());
                self.complained = true;
            }
            Err(_) => {}
        }
    }
}

/// Why a file cannot be used.
#[derive(Debug)]
enum Unusable {
    /// It is damaged, or of another program or version: another one takes its place.
    Content(String),
    /// The system does not let us, which may pass; what is in it must not be lost over that.
    System(String),
}

impl Unusable {
    fn at(self, path: &Path) -> StoreError {
        let (Self::Content(reason) | Self::System(reason)) = self;
        StoreError::Database { path: path.display().to_string(), reason }
    }
}

fn connect(path: &Path) -> Result<Connection, Unusable> {
    filesystem::private_file(path).map_err(|error| Unusable::System(error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    prepare(Connection::open_with_flags(path, flags)).map_err(|error| match (&error, error.sqlite_error_code()) {
        (rusqlite::Error::InvalidQuery, _) => Unusable::Content("it is of another program or version".to_owned()),
        (_, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)) => Unusable::Content(error.to_string()),
        _ => Unusable::System(error.to_string()),
    })
}

fn prepare(connection: rusqlite::Result<Connection>) -> rusqlite::Result<Connection> {
    let connection = connection?;
    connection.busy_timeout(BUSY_TIME)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update_and_check(None, "max_page_count", PAGES_MAX, |_| Ok(()))?;
    match identity(&connection)? {
        (0, 0) => {
            connection.execute_batch(SCHEMA)?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", VERSION)?;
        }
        (APPLICATION_ID, VERSION) => {}
        _ => return Err(rusqlite::Error::InvalidQuery),
    }
    // A file that is damaged shows it here, most often.
    find(&connection, "", "")?;
    Ok(connection)
}

/// Whose file it is, and of which version.
fn identity(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get(0));
    Ok((number("application_id")?, number("user_version")?))
}

fn find(connection: &Connection, kind: &str, destination: &str) -> rusqlite::Result<Option<Finding>> {
    let query = "SELECT value, found, until, keep, again FROM findings WHERE kind = ?1 AND destination = ?2";
    let mut statement = connection.prepare_cached(query)?;
    let row = statement.query_row(params![kind, destination], |row| {
        Ok(Finding {
            value: row.get(0)?,
            found: row.get(1)?,
            until: row.get(2)?,
            keep: row.get(3)?,
            again: row.get(4)?,
        })
    });
    row.optional()
}

fn due(connection: &Connection, kind: &str, now: i64, most: usize) -> rusqlite::Result<Vec<String>> {
    // Their turn comes again an hour later where the look fails, so that those that fail do not keep others from theirs.
    let query = "UPDATE findings SET again = ?2 + ?4 WHERE kind = ?1 AND destination IN \
                 (SELECT destination FROM findings WHERE kind = ?1 AND again <= ?2 ORDER BY again LIMIT ?3) \
                 RETURNING destination";
    let mut statement = connection.prepare_cached(query)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![kind, now, most, TRY_AGAIN], |row| row.get(0))?;
    rows.collect()
}

fn write(connection: &mut Connection, findings: &[(&'static str, String, Finding)]) -> rusqlite::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    {
        let insert = "INSERT OR REPLACE INTO findings (kind, destination, value, found, until, keep, again) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut statement = transaction.prepare_cached(insert)?;
        for (kind, destination, Finding { value, found, until, keep, again }) in findings {
            statement.execute(params![kind, destination, value, found, until, keep, again])?;
        }
    }
    transaction.commit()
}

/// Removes what is of no more use, and of the rest what is too much.
fn tidy(connection: &Connection, now: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM findings WHERE keep < ?1", [now])?;
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    if number("page_count")? - number("freelist_count")? > PAGES_MAX / 10 * 9 {
        let surplus = "DELETE FROM findings WHERE (kind, destination) IN (SELECT kind, destination FROM findings \
                       ORDER BY keep LIMIT (SELECT count(*) / 10 FROM findings))";
        connection.execute(surplus, [])?;
    }
    Ok(())
}

/// Gives the file another name, `findings.sqlite3.old`; its log is of no use to anybody.
fn put_aside(path: &Path) -> io::Result<()> {
    let beside = |suffix: &str| {
        let mut name = path.to_owned().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    fs::rename(path, beside(".old"))?;
    for log in ["-wal", "-shm"].map(beside) {
        match fs::remove_file(&log) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn at(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Database { path: path.display().to_string(), reason: error.to_string() }
}

/// Unix time in seconds; 0 where the clock stands before 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(value: &str, keep: i64) -> Finding {
        Finding { value: value.to_owned(), found: 1, until: 2, keep, again: None }
    }

    async fn eventually(findings: &Findings, destination: &str, expected: Option<&Finding>) {
        for _ in 0..200 {
            if findings.find("probe", destination).await.as_ref() == expected {
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
        assert_eq!(findings.find("probe", "a.example").await, None);
        findings.keep("probe", "a.example", finding("old", i64::MAX));
        findings.keep("probe", "a.example", kept.clone());
        // Known at once, on disk a moment later.
        assert_eq!(findings.find("probe", "a.example").await, Some(kept.clone()));
        assert_eq!(findings.find("published", "a.example").await, None);
        let reader = Reader::open(directory.path()).unwrap();
        while reader.find("probe", "a.example").as_ref() != Some(&kept) {
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
            assert!(findings.find("probe", "a.example").await.is_some());
        }
        let directory = tempfile::tempdir().unwrap();
        let newer = Connection::open(directory.path().join(FILE_NAME)).unwrap();
        newer.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        newer.pragma_update(None, "user_version", VERSION + 1).unwrap();
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

    #[test]
    fn what_is_of_no_more_use_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = connect(&directory.path().join(FILE_NAME)).unwrap();
        let rows = [
            ("probe", "old.example".to_owned(), finding("x", 99)),
            ("probe", "new.example".to_owned(), finding("x", 100)),
        ];
        write(&mut connection, &rows).unwrap();
        tidy(&connection, 100).unwrap();
        assert_eq!(find(&connection, "probe", "old.example").unwrap(), None);
        assert!(find(&connection, "probe", "new.example").unwrap().is_some());
    }
}
