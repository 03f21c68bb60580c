//! The file that findings are kept in.

use super::{FILE_NAME, Finding};
use crate::store::{StoreError, filesystem};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, config::DbConfig, params};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// Version of the schema; a file of another version is put aside.
pub(super) const VERSION: i64 = 2;

/// Marks the file as Segl's (`PRAGMA application_id`): "SegF" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x5365_6746;

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

/// The most that the file may grow to, in pages of 4 KiB: pins are on the same disk.
const PAGES_MAX: i64 = 512 * 1024;

/// After how long what was due is due again where nothing was found, in seconds.
const TRY_AGAIN: i64 = 3600;

/// How long to wait for another process that reads the file.
const BUSY_TIME: Duration = Duration::from_secs(2);

/// A finding and where it belongs: its kind, its destination.
pub(super) type Key = (&'static str, String);

/// The open file.
pub(super) struct File {
    connection: Connection,
    /// Device and inode.
    identity: (u64, u64),
}

impl File {
    /// Opens the file; makes it where it is missing. One that is damaged, or of another program or version, is put aside
    /// for a new one, and its reason told.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        match Self::open_as_it_is(path) {
            Err(Unusable::Content(reason)) => {
                put_aside(path, &reason)?;
                Self::open_as_it_is(path)
            }
            other => other,
        }
        .map_err(|unusable| unusable.at(path))
    }

    fn open_as_it_is(path: &Path) -> Result<Self, Unusable> {
        let connection = connect(path)?;
        let metadata = fs::metadata(path).map_err(|error| Unusable::System(error.to_string()))?;
        Ok(Self { connection, identity: (metadata.dev(), metadata.ino()) })
    }

    /// Whether the path still names this file: what is written to one without a name is lost.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity)
    }

    pub(super) fn find(&self, kind: &str, destination: &str) -> rusqlite::Result<Option<Finding>> {
        find(&self.connection, kind, destination)
    }

    /// The destinations of a kind that are to be looked at again by `now`, the longest due first.
    pub(super) fn due(&self, kind: &str, now: i64, most: usize) -> rusqlite::Result<Vec<String>> {
        // Their turn comes again an hour later where the look fails, so that those that fail do not keep others from theirs.
        let query = "UPDATE findings SET again = ?2 + ?4 WHERE kind = ?1 AND destination IN \
                     (SELECT destination FROM findings WHERE kind = ?1 AND again <= ?2 ORDER BY again LIMIT ?3) \
                     RETURNING destination";
        let mut statement = self.connection.prepare_cached(query)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![kind, now, most, TRY_AGAIN], |row| row.get(0))?;
        rows.collect()
    }

    /// Writes all or none.
    pub(super) fn write<'a>(&mut self, findings: impl Iterator<Item = (&'a Key, &'a Finding)>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let insert = "INSERT OR REPLACE INTO findings (kind, destination, value, found, until, keep, again) \
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let mut statement = transaction.prepare_cached(insert)?;
            for ((kind, destination), Finding { value, found, until, keep, again }) in findings {
                statement.execute(params![kind, destination, value, found, until, keep, again])?;
            }
        }
        transaction.commit()
    }

    /// Removes what is of no more use, and of the rest what is too much.
    pub(super) fn tidy(&self, now: i64) -> rusqlite::Result<()> {
        self.connection.execute("DELETE FROM findings WHERE keep < ?1", [now])?;
        let number = |pragma: &str| self.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        if number("page_count")? - number("freelist_count")? > PAGES_MAX / 10 * 9 {
            let surplus = "DELETE FROM findings WHERE (kind, destination) IN (SELECT kind, destination FROM findings \
                           ORDER BY keep LIMIT (SELECT count(*) / 10 FROM findings))";
            self.connection.execute(surplus, [])?;
        }
        Ok(())
    }
}

/// Opens the file of a state directory as the daemon has it, to read only; `None` where there is none that can be used.
pub(super) fn open_to_read(directory: &Path) -> Option<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(directory.join(FILE_NAME), flags).ok()?;
    connection.busy_timeout(BUSY_TIME).ok()?;
    connection.pragma_update(None, "trusted_schema", false).ok()?;
    // Closing would remove the log, which is the daemon's.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).ok()?;
    (identity(&connection).ok()? == (APPLICATION_ID, VERSION)).then_some(connection)
}

/// Whether a fault lies in the file, so that no trying again mends it.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
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
    prepare(Connection::open_with_flags(path, flags)).map_err(|error| match error {
        rusqlite::Error::InvalidQuery => Unusable::Content("it is of another program or version".to_owned()),
        error if is_damage(&error) => Unusable::Content(error.to_string()),
        error => Unusable::System(error.to_string()),
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

pub(super) fn find(connection: &Connection, kind: &str, destination: &str) -> rusqlite::Result<Option<Finding>> {
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

/// Gives the file another name, `findings.sqlite3.old`; its log is of no use to anybody.
pub(super) fn put_aside(path: &Path, reason: &str) -> Result<(), StoreError> {
    tracing::warn!("{}: {reason}: put aside, destinations are asked again", path.display());
    let beside = |suffix: &str| {
        let mut name = path.to_owned().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    fs::rename(path, beside(".old")).map_err(|error| at(path, &error))?;
    for log in ["-wal", "-shm"].map(beside) {
        match fs::remove_file(&log) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&log, &error)),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn at(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Database { path: path.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(value: &str, keep: i64) -> Finding {
        Finding { value: value.to_owned(), found: 1, until: 2, keep, again: None }
    }

    #[test]
    fn what_is_of_no_more_use_goes() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = File::open(&directory.path().join(FILE_NAME)).unwrap();
        let rows = [
            (("probe", "old.example".to_owned()), finding("x", 99)),
            (("probe", "new.example".to_owned()), finding("x", 100)),
        ];
        file.write(rows.iter().map(|(key, finding)| (key, finding))).unwrap();
        file.tidy(100).unwrap();
        assert_eq!(file.find("probe", "old.example").unwrap(), None);
        assert!(file.find("probe", "new.example").unwrap().is_some());
    }
}
