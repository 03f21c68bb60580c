//! The pins on disk: one SQLite file, written so that a commit that returned has survived a power cut.
//!
//! WAL with `synchronous=FULL` syncs the log at each commit (<https://www.sqlite.org/pragma.html#pragma_synchronous>);
//! NORMAL would not. Administrators can read the file with sqlite3(1).

use super::{Departed, Holder, Pin, Scope, Sighted, StoreError, filesystem, index::Change};
use crate::{
    level::{Category, Level},
    requirement::{Requirement, TlsVersion},
};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Transaction, TransactionBehavior, config::DbConfig, params};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

/// The name of the file in the state directory.
pub const FILE_NAME: &str = "pins.sqlite3";

/// Marks the file as Segl's (`PRAGMA application_id`): "Segl" in ASCII.
const APPLICATION_ID: i64 = 0x5365_676c;

/// How long to wait for another process (`segl pins`, sqlite3) to finish its transaction.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// What the write-ahead log is cut back to after a checkpoint, in bytes.
const LOG_MAX: i64 = 4 * 1024 * 1024;

/// What brings the schema from each version to the next; the version is the number of those applied
/// (`PRAGMA user_version`).
const MIGRATIONS: &[&str] = &["
    CREATE TABLE pins (
        scope       TEXT NOT NULL,     -- a next-hop, or * for all
        holder      TEXT NOT NULL,     -- a queue ID, or - for the administrator
        requirement TEXT NOT NULL CHECK (requirement IN ('encrypt', 'authenticated')),
        min_tls     TEXT NOT NULL CHECK (min_tls IN ('TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3')),
        level       TEXT NOT NULL,
        categories  TEXT NOT NULL,     -- separated by commas
        created     INTEGER NOT NULL,  -- Unix time in milliseconds
        until       INTEGER NOT NULL,  -- Unix time in seconds
        seen        INTEGER NOT NULL CHECK (seen IN (0, 1)),
        PRIMARY KEY (scope, holder)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX pins_holder ON pins (holder);
"];

const COLUMNS: &str = "scope, holder, requirement, min_tls, level, categories, created, until, seen";

/// How far a commit waits for the disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Synchronous {
    /// Until what was committed survives a power cut.
    #[default]
    Full,
    /// Not at all: for tests that show that such a store is found out.
    Off,
}

/// What tests may ask for and nobody else.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// How far a commit waits for the disk.
    pub synchronous: Synchronous,
    /// Whether the state directory may be in memory.
    pub memory_file_system: bool,
}

/// Something to write.
#[derive(Clone, Debug)]
pub enum Write {
    /// Pins of one message.
    Pin(Vec<Pin>),
    /// Messages that have left the queue.
    Release(Vec<Departed>),
    /// Messages that are in the queue.
    Sighted(Vec<Sighted>),
    /// Every pin on this scope, whoever holds it.
    Remove(Scope),
}

/// Why a database did not do as asked.
#[derive(Debug)]
pub(super) struct Fault {
    /// What it said, and what to do.
    pub(super) reason: String,
    /// Whether the connection is of no more use: open the file again and read everything anew.
    pub(super) broken: bool,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let advice = match code {
            Some(ErrorCode::DiskFull) => "; free space on that file system, nothing needs a restart",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "; another process keeps it locked",
            Some(ErrorCode::ReadOnly) => "; the file or its file system does not let us write",
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                "; hold the queue (postsuper -h ALL), move the file away with its -wal and -shm files and restart; the \
                 pins of what is queued are lost with it, so require TLS everywhere (segl pins add '*') before letting \
                 the queue go (postsuper -H ALL), and until that mail has left"
            }
            _ => "",
        };
        let harmless = [ErrorCode::DiskFull, ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked, ErrorCode::ReadOnly];
        Self { reason: format!("{error}{advice}"), broken: !code.is_some_and(|code| harmless.contains(&code)) }
    }
}

impl Fault {
    fn broken(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), broken: true }
    }

    pub(super) fn at(self, path: &Path) -> StoreError {
        StoreError::Database { path: path.display().to_string(), reason: self.reason }
    }
}

/// What makes a file the same file: device and inode.
type Identity = (u64, u64);

/// An open database of pins.
pub struct Database {
    connection: Connection,
    path: PathBuf,
    /// The database, its write-ahead log, and the log's index.
    files: Vec<(PathBuf, Identity)>,
    version: i64,
}

impl Database {
    /// Opens the database in a state directory for reading and writing; makes both where they are missing.
    ///
    /// # Errors
    /// When the directory is in memory or not ours, or the file is no database of this or an earlier version.
    pub fn open(directory: &Path, options: Options) -> Result<Self, StoreError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| Fault::broken(error.to_string()).at(&path)
        };
        filesystem::private_directory(directory).map_err(at(directory))?;
        let directory = directory.canonicalize().map_err(at(directory))?;
        if !options.memory_file_system && filesystem::memory_file_system(&directory).map_err(at(&directory))? {
            let reason = "is in a memory file system, which forgets pins at the next boot: set [store] directory to \
                          a directory on disk";
            return Err(Fault::broken(reason).at(&directory));
        }
        let path = directory.join(FILE_NAME);
        filesystem::private_file(&path).map_err(at(&path))?;
        let database = Self::connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .and_then(|database| database.prepare_for_writing(options))
            .map_err(|fault| fault.at(&path))?;
        filesystem::sync_directory(&directory).map_err(at(&directory))?;
        Ok(database)
    }

    /// Opens the database in a state directory for reading; makes nothing.
    ///
    /// # Errors
    /// When it is missing, cannot be read, or is no database of this version.
    pub fn open_read_only(directory: &Path) -> Result<Self, StoreError> {
        let path = existing(directory)?;
        let database = Self::connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|fault| fault.at(&path))?;
        match database.schema_version() {
            Ok(version) if version == MIGRATIONS.len() as i64 => Ok(database),
            Ok(0) => Err(StoreError::Missing { path: path.display().to_string() }),
            Ok(version) => {
                let reason = format!("is of the older version {version}: start the daemon, which brings it forward");
                Err(Fault::broken(reason).at(&path))
            }
            Err(fault) => Err(fault.at(&path)),
        }
    }

    /// Opens the database in a state directory for reading and writing where it exists already.
    ///
    /// # Errors
    /// As [`Database::open`], and when it is missing.
    pub fn open_existing(directory: &Path) -> Result<Self, StoreError> {
        existing(directory)?;
        Self::open(directory, Options::default())
    }

    fn connect(path: &Path, access: OpenFlags) -> Result<Self, Fault> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let before = identity(path)?;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIME)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        // Closing would delete the log by name, which is somebody else's when the files were replaced meanwhile.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let files = vec![(path.to_owned(), before)];
        Ok(Self { connection, path: path.to_owned(), files, version: 0 })
    }

    fn number(&self, pragma: &str) -> Result<i64, Fault> {
        Ok(self.connection.pragma_query_value(None, pragma, |row| row.get(0))?)
    }

    /// The version of the schema, 0 for an empty file.
    fn schema_version(&self) -> Result<i64, Fault> {
        let application = self.number("application_id")?;
        let version = self.number("user_version")?;
        let tables: i64 = self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if application != APPLICATION_ID && (application, version, tables) != (0, 0, 0) {
            return Err(Fault::broken("is a database of some other program"));
        }
        let known = MIGRATIONS.len() as i64;
        if version > known {
            return Err(Fault::broken(format!(
                "is of version {version}, written by a newer Segl; this one knows up to {known}: install the newer \
                 one again"
            )));
        }
        Ok(version)
    }

    fn prepare_for_writing(mut self, options: Options) -> Result<Self, Fault> {
        let before = self.schema_version()?;
        let mode: String = self.connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(Fault::broken(format!("cannot keep a write-ahead log here (journal_mode={mode})")));
        }
        let synchronous = match options.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Off => "OFF",
        };
        self.connection.pragma_update(None, "synchronous", synchronous)?;
        // On systems where fsync(2) leaves data in the drive's cache (macOS); elsewhere these mean nothing.
        self.connection.pragma_update(None, "fullfsync", true)?;
        self.connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        self.connection.pragma_update_and_check(None, "journal_size_limit", LOG_MAX, |_| Ok(()))?;
        if before < MIGRATIONS.len() as i64 {
            self.migrate()?;
        }
        // Reading makes the log and its index, so that it is known from now on which files must stay there.
        self.connection.query_row("SELECT count(*) FROM pins WHERE scope = ''", [], |_| Ok(()))?;
        for suffix in ["-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            let path = PathBuf::from(path);
            let identity = identity(&path)?;
            self.files.push((path, identity));
        }
        self.still_there()?;
        Ok(self)
    }

    fn migrate(&mut self) -> Result<(), Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been quicker.
        let done: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        for migration in MIGRATIONS.iter().skip(done.max(0) as usize) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
        Ok(transaction.commit()?)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the files under their names are still those that were opened: what is written into a file that was
    /// deleted or replaced is lost.
    pub(super) fn still_there(&self) -> Result<(), Fault> {
        for (path, opened) in &self.files {
            if identity(path)? != *opened {
                return Err(Fault::broken(format!("{} was replaced while in use", path.display())));
            }
        }
        Ok(())
    }

    /// Writes the log back into the database, so that the one file holds everything; for an orderly end, and no harm
    /// if it does not come to it.
    pub(super) fn fold(&self) {
        let folded = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = folded {
            tracing::warn!("store {}: its log was not written back: {error}", self.path.display());
        }
    }

    /// Closes a database with which something is wrong. Where it was deleted or replaced and its log was not, the
    /// log goes too: SQLite would take it for the log of whatever has the name now.
    pub(super) fn abandon(self) {
        let Self { connection, files, .. } = self;
        drop(connection);
        let same = |(path, opened): &(PathBuf, Identity)| identity(path).is_ok_and(|now| now == *opened);
        let Some((database, rest)) = files.split_first() else { return };
        if same(database) {
            return;
        }
        for file in rest.iter().filter(|file| same(file)) {
            if let Err(error) = fs::remove_file(&file.0) {
                tracing::warn!("store {}: cannot remove it: {error}", file.0.display());
            }
        }
    }

    /// Whether another process has written since the last call (or since this was opened).
    pub(super) fn changed_elsewhere(&mut self) -> Result<bool, Fault> {
        let version = self.number("data_version")?;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }

    /// Every pin, oldest first.
    ///
    /// # Errors
    /// When the file cannot be read, or a row is not to be understood.
    pub fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.rows().map_err(|fault| fault.at(&self.path))
    }

    pub(super) fn rows(&self) -> Result<Vec<Pin>, Fault> {
        let query = format!("SELECT {COLUMNS} FROM pins ORDER BY created, holder, scope");
        let mut statement = self.connection.prepare_cached(&query)?;
        let mut rows = statement.query([])?;
        let mut pins = Vec::new();
        while let Some(row) = rows.next()? {
            pins.push(pin_of(row)?);
        }
        Ok(pins)
    }

    /// Does all of this in one transaction, and says how many rows each changed.
    ///
    /// # Errors
    /// When it is not certain that all of it is on disk.
    pub fn write(&mut self, writes: &[Write]) -> Result<Vec<usize>, StoreError> {
        let path = self.path.clone();
        let (counts, _) = self.commit(writes).map_err(|fault| fault.at(&path))?;
        self.still_there().map_err(|fault| fault.at(&path))?;
        Ok(counts)
    }

    pub(super) fn commit<'a>(
        &mut self,
        writes: impl IntoIterator<Item = &'a Write>,
    ) -> Result<(Vec<usize>, Vec<Change>), Fault> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut counts = Vec::new();
        let mut changes = Vec::new();
        for write in writes {
            let before = changes.len();
            match write {
                Write::Pin(pins) => put(&transaction, pins, &mut changes)?,
                Write::Release(departed) => release(&transaction, departed, &mut changes)?,
                Write::Sighted(sighted) => note(&transaction, sighted, &mut changes)?,
                Write::Remove(scope) => remove(&transaction, scope, &mut changes)?,
            }
            counts.push(changes.len() - before);
        }
        transaction.commit()?;
        Ok((counts, changes))
    }
}

fn existing(directory: &Path) -> Result<PathBuf, StoreError> {
    let path = directory.join(FILE_NAME);
    match fs::metadata(&path) {
        Ok(_) => Ok(directory.canonicalize().map_or(path, |directory| directory.join(FILE_NAME))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::Missing { path: path.display().to_string() })
        }
        Err(error) => Err(Fault::broken(error.to_string()).at(&path)),
    }
}

fn identity(path: &Path) -> Result<Identity, Fault> {
    let metadata = fs::symlink_metadata(path)
        .map_err(|error| Fault::broken(format!("{} is not there any more: {error}", path.display())))?;
    Ok((metadata.dev(), metadata.ino()))
}

fn put(transaction: &Transaction<'_>, pins: &[Pin], changes: &mut Vec<Change>) -> Result<(), Fault> {
    let query = format!("SELECT {COLUMNS} FROM pins WHERE scope = ?1 AND holder = ?2");
    let mut find = transaction.prepare_cached(&query)?;
    let insert = format!("INSERT OR REPLACE INTO pins ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    let mut insert = transaction.prepare_cached(&insert)?;
    for pin in pins {
        // By its text, so that a next-hop spelt `*` is everywhere in memory as it is on disk.
        let scope = pin.scope.to_string();
        let holder = pin.holder.to_string();
        let mut rows = find.query(params![scope, holder])?;
        let merged = match rows.next()? {
            Some(row) => pin_of(row)?.merged(pin),
            None => Pin {
                scope: Scope::parse(&scope).map_err(|error| Fault::broken(error.to_string()))?,
                seen: false,
                ..pin.clone()
            },
        };
        drop(rows);
        let categories: Vec<&str> = merged.categories.iter().map(|category| category.as_str()).collect();
        insert.execute(params![
            scope,
            holder,
            merged.requirement.word(),
            merged.requirement.min_tls().as_str(),
            merged.level.as_str(),
            categories.join(","),
            merged.created,
            merged.until,
            merged.seen,
        ])?;
        changes.push(Change::Put(merged));
    }
    Ok(())
}

fn gone(row: &Row<'_>) -> Result<Change, Fault> {
    let (scope, holder): (String, String) = (row.get(0)?, row.get(1)?);
    let scope = Scope::parse(&scope).map_err(|error| damaged("scope", &scope, error))?;
    let holder = Holder::parse(&holder).ok_or_else(|| damaged("holder", &holder, "no queue ID"))?;
    Ok(Change::Gone(scope, holder))
}

fn release(transaction: &Transaction<'_>, departed: &[Departed], changes: &mut Vec<Change>) -> Result<(), Fault> {
    let mut delete =
        transaction.prepare_cached("DELETE FROM pins WHERE holder = ?1 AND created <= ?2 RETURNING scope, holder")?;
    for message in departed {
        let mut rows = delete.query(params![message.queue_id.as_str(), message.as_of])?;
        while let Some(row) = rows.next()? {
            changes.push(gone(row)?);
        }
    }
    Ok(())
}

fn remove(transaction: &Transaction<'_>, scope: &Scope, changes: &mut Vec<Change>) -> Result<(), Fault> {
    let mut delete = transaction.prepare_cached("DELETE FROM pins WHERE scope = ?1 RETURNING scope, holder")?;
    let mut rows = delete.query(params![scope.to_string()])?;
    while let Some(row) = rows.next()? {
        changes.push(gone(row)?);
    }
    Ok(())
}

fn note(transaction: &Transaction<'_>, sighted: &[Sighted], changes: &mut Vec<Change>) -> Result<(), Fault> {
    let update = format!(
        "UPDATE pins SET seen = 1, until = max(until, ?3) WHERE holder = ?1 AND created <= ?2 RETURNING {COLUMNS}"
    );
    let mut update = transaction.prepare_cached(&update)?;
    for message in sighted {
        let mut rows = update.query(params![message.queue_id.as_str(), message.as_of, message.until])?;
        while let Some(row) = rows.next()? {
            changes.push(Change::Put(pin_of(row)?));
        }
    }
    Ok(())
}

fn damaged(column: &str, value: &str, why: impl std::fmt::Display) -> Fault {
    Fault::broken(format!("row with {column} {value:?}, which is not to be understood ({why}): correct or delete it"))
}

fn pin_of(row: &Row<'_>) -> Result<Pin, Fault> {
    let text = |column| row.get::<_, String>(column);
    let (scope, holder, word, version) = (text(0)?, text(1)?, text(2)?, text(3)?);
    let (level, categories) = (text(4)?, text(5)?);
    let min_tls = TlsVersion::from_postfix(&version).ok_or_else(|| damaged("min_tls", &version, "no TLS version"))?;
    let requirement = match word.as_str() {
        "encrypt" => Requirement::Encrypt(min_tls),
        "authenticated" => Requirement::Authenticated(min_tls),
        _ => return Err(damaged("requirement", &word, "no requirement")),
    };
    let levels = [Level::None, Level::Confidential, Level::Sensitive];
    let category = |name: &str| {
        let found = Category::ALL.into_iter().find(|category| category.as_str() == name);
        found.ok_or_else(|| damaged("categories", &categories, "no category"))
    };
    Ok(Pin {
        scope: Scope::parse(&scope).map_err(|error| damaged("scope", &scope, error))?,
        holder: Holder::parse(&holder).ok_or_else(|| damaged("holder", &holder, "no queue ID"))?,
        requirement,
        level: levels
            .into_iter()
            .find(|known| known.as_str() == level)
            .ok_or_else(|| damaged("level", &level, "no level"))?,
        categories: categories.split(',').filter(|name| !name.is_empty()).map(category).collect::<Result<_, _>>()?,
        created: row.get(6)?,
        until: row.get(7)?,
        seen: row.get(8)?,
    })
}
