//! Pins on one host: SQLite, one writer, group commit.
//!
//! One thread owns the connection. Whatever is asked while it waits for the disk goes into its next transaction, so
//! that a hundred messages at once cost two syncs and not a hundred. Lookups never reach it: they read the index,
//! which follows the disk (after the commit, before the answer) and never runs ahead of it.
//!
//! Other processes write too (`segl pins`): the thread looks twice a second whether the database changed and reads
//! it again if so. Where it cannot be read, lookups fail until it can. Where the files were deleted or replaced,
//! everything that was known goes into what is there now: no accident of the file system loosens a pin.

use super::{
    BoxFuture, Departed, Pin, PinStore, Sighted, StoreError,
    database::{Database, FILE_NAME, Fault, Options, Write},
    index::Index,
};
use crate::{nexthop::Destination, requirement::Requirement};
use std::{
    collections::HashMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// Writes that may wait for the writer; more are refused, and their messages with them for now.
const WAITING_MAX: usize = 8192;

/// Writes in one transaction.
const BATCH_MAX: usize = 1024;

/// How often to look whether another process has changed the database, or whether it can be read again.
const WATCH_EVERY: Duration = Duration::from_millis(500);

/// Something to write, and who waits for it.
struct Job {
    write: Write,
    done: oneshot::Sender<Result<usize, StoreError>>,
}

/// The pins of one host.
pub struct SqliteStore {
    index: Arc<Index>,
    path: PathBuf,
    jobs: SyncSender<Job>,
    writer: JoinHandle<()>,
}

impl SqliteStore {
    /// Opens the store in a state directory, makes it where it is missing, and reads every pin.
    ///
    /// # Errors
    /// When the directory is in memory or not ours, or the database cannot be read.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(directory, Options::default())
    }

    /// As [`SqliteStore::open`], for tests that need to weaken it.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with(directory: &Path, options: Options) -> Result<Self, StoreError> {
        let path = directory.join(FILE_NAME);
        let index = Arc::new(Index::new());
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let mut writer = Writer {
            directory: directory.to_owned(),
            path: path.clone(),
            options,
            database: None,
            index: index.clone(),
            waiting,
            watched: Instant::now(),
            complained: None,
        };
        writer.reopen()?;
        let writer = std::thread::Builder::new().name("pins".to_owned()).spawn(move || writer.run()).map_err(
            |error: io::Error| StoreError::Database { path: path.display().to_string(), reason: error.to_string() },
        )?;
        Ok(Self { index, path: directory.join(FILE_NAME), jobs, writer })
    }

    /// Waits until everything asked so far is written and the database is closed. Dropping the store does not wait.
    pub fn close(self) {
        drop(self.jobs);
        // A panic of the writer has been logged where it happened.
        let _ = self.writer.join();
    }

    fn unreadable(&self) -> StoreError {
        StoreError::Database { path: self.path.display().to_string(), reason: "cannot be read for now".to_owned() }
    }

    fn submit(&self, write: Write) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async move {
            let (done, answer) = oneshot::channel();
            self.jobs.try_send(Job { write, done }).map_err(|error| match error {
                TrySendError::Full(_) => StoreError::Unavailable("too many writes wait for the disk"),
                TrySendError::Disconnected(_) => StoreError::Unavailable("the writer is gone"),
            })?;
            answer.await.unwrap_or(Err(StoreError::Unavailable("the writer gave up on this write")))
        })
    }
}

impl PinStore for SqliteStore {
    fn pin(&self, pins: Vec<Pin>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.submit(Write::Pin(pins)).await.map(|_| ()) })
    }

    fn strictest(&self, destination: &Destination) -> Result<Option<Requirement>, StoreError> {
        self.index.strictest(destination).map_err(|_| self.unreadable())
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Pin>, StoreError>> {
        Box::pin(async { self.index.list().map_err(|_| self.unreadable()) })
    }

    fn release(&self, departed: Vec<Departed>) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.submit(Write::Release(departed))
    }

    fn sighted(&self, sighted: Vec<Sighted>) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.submit(Write::Sighted(sighted))
    }
}

/// The one thread that writes.
struct Writer {
    directory: PathBuf,
    path: PathBuf,
    options: Options,
    database: Option<Database>,
    index: Arc<Index>,
    waiting: Receiver<Job>,
    watched: Instant,
    complained: Option<String>,
}

impl Writer {
    fn run(mut self) {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.serve())) {
                Ok(()) => {
                    if let Some(database) = &self.database {
                        database.fold();
                    }
                    return;
                }
                Err(_) => {
                    // Nothing is certain after a bug: those who wait are told so by their dropped channels, and
                    // everything is read again.
                    self.database = None;
                    self.index.mark_unreadable();
                    tracing::error!("store {}: the writer failed; opening the database again", self.path.display());
                }
            }
        }
    }

    /// Returns when nobody can ask any more.
    fn serve(&mut self) {
        loop {
            let due = WATCH_EVERY.saturating_sub(self.watched.elapsed());
            match self.waiting.recv_timeout(due) {
                Ok(first) => {
                    let mut batch = vec![first];
                    batch.extend(self.waiting.try_iter().take(BATCH_MAX - 1));
                    self.write(batch);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if self.watched.elapsed() >= WATCH_EVERY {
                self.watch();
                self.watched = Instant::now();
            }
        }
    }

    fn write(&mut self, batch: Vec<Job>) {
        let outcome = self.commit(&batch);
        match outcome {
            Ok(counts) => {
                for (job, count) in batch.into_iter().zip(counts) {
                    // Whoever does not wait any more has refused the message: a pin too many, which goes in time.
                    let _ = job.done.send(Ok(count));
                }
            }
            Err(error) => {
                for job in batch {
                    let _ = job.done.send(Err(error.clone()));
                }
            }
        }
    }

    fn commit(&mut self, batch: &[Job]) -> Result<Vec<usize>, StoreError> {
        if self.database.is_none() {
            self.reopen()?;
        }
        let Some(database) = &mut self.database else {
            return Err(StoreError::Unavailable("the database is closed"));
        };
        match database.commit(batch.iter().map(|job| &job.write)) {
            Ok((counts, changes)) => {
                self.index.apply(changes);
                if let Err(fault) = database.still_there() {
                    // What was just written went into a file that nobody will find again. The index has it, and
                    // reopening writes whatever the index has.
                    self.complain(&fault.at(&self.path));
                    self.reopen()?;
                }
                Ok(counts)
            }
            Err(fault) => {
                let broken = fault.broken;
                let error = fault.at(&self.path);
                if broken {
                    self.complain(&error);
                    // The batch has failed whatever comes of this.
                    let _ = self.reopen();
                }
                Err(error)
            }
        }
    }

    /// Looks whether the database is still there, still readable, and still what the index says.
    fn watch(&mut self) {
        let Some(database) = &mut self.database else {
            let _ = self.reopen();
            return;
        };
        let outcome = database.still_there().and_then(|()| {
            if database.changed_elsewhere()? || !self.index.readable() {
                self.index.replace(database.rows()?);
            }
            Ok(())
        });
        match outcome {
            Ok(()) => self.recovered(),
            Err(fault) => {
                self.complain(&fault.at(&self.path));
                let _ = self.reopen();
            }
        }
    }

    /// Opens the database anew, and puts back what the index knows and the database does not.
    fn reopen(&mut self) -> Result<(), StoreError> {
        if let Some(database) = self.database.take() {
            database.abandon();
        }
        match self.load() {
            Ok(database) => {
                self.database = Some(database);
                self.recovered();
                Ok(())
            }
            Err(error) => {
                self.index.mark_unreadable();
                self.complain(&error);
                Err(error)
            }
        }
    }

    fn load(&self) -> Result<Database, StoreError> {
        let mut database = Database::open(&self.directory, self.options)?;
        let failed = |fault: Fault| fault.at(&self.path);
        database.changed_elsewhere().map_err(failed)?;
        let mut on_disk = database.rows().map_err(failed)?;
        let missing = missing(self.index.last_known(), &on_disk);
        if !missing.is_empty() {
            tracing::warn!("store {}: {} pins were missing and are put back", self.path.display(), missing.len());
            database.commit([&Write::Pin(missing)]).map_err(failed)?;
            on_disk = database.rows().map_err(failed)?;
        }
        self.index.replace(on_disk);
        Ok(database)
    }

    /// Says what is wrong, once for each different thing.
    fn complain(&mut self, error: &StoreError) {
        let text = error.to_string();
        if self.complained.as_ref() != Some(&text) {
            tracing::error!("{text}");
            self.complained = Some(text);
        }
    }

    fn recovered(&mut self) {
        if self.complained.take().is_some() {
            tracing::info!("store {}: in order again", self.path.display());
        }
    }
}

/// The pins that are known and weaker or missing on disk.
fn missing(known: Vec<Pin>, on_disk: &[Pin]) -> Vec<Pin> {
    let on_disk: HashMap<_, _> = on_disk.iter().map(|pin| ((&pin.scope, &pin.holder), pin)).collect();
    let lost = |pin: &Pin| match on_disk.get(&(&pin.scope, &pin.holder)) {
        Some(found) => found.requirement.and(pin.requirement) != found.requirement,
        None => true,
    };
    known.into_iter().filter(lost).collect()
}

#[cfg(test)]
mod tests;
