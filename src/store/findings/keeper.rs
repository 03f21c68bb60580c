//! The one thread that has the file of findings open.

use super::{
    Finding,
    file::{File, Key, is_damage, put_aside},
};
use crate::{clock::unix_time, store::StoreError};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// From how many findings on they are written without waiting for more.
const BATCH: usize = 1024;

/// How long a finding may wait for others to be written with.
const GATHER: Duration = Duration::from_millis(200);

/// How long to wait before what failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Findings that may wait to be written while that fails; more are left out, and found again when they are asked for.
const UNWRITTEN_MAX: usize = 65_536;

/// How often what is of no more use is removed.
const TIDY_EVERY: Duration = Duration::from_secs(3600);

/// What the thread is asked to do.
pub(super) enum Job {
    Find { key: Key, answer: oneshot::Sender<Result<Option<Finding>, StoreError>> },
    Keep { key: Key, finding: Finding },
    Due { kind: &'static str, most: usize, answer: oneshot::Sender<Vec<String>> },
}

pub(super) struct Keeper {
    path: PathBuf,
    waiting: Receiver<Job>,
    /// None while it cannot be opened.
    file: Option<File>,
    /// Known already to whoever asks.
    unwritten: HashMap<Key, Finding>,
    /// When it is next written; `None` where there is nothing to write.
    write_at: Option<Instant>,
    open_at: Instant,
    tidy_at: Instant,
    complained: bool,
    /// Whether the last findings could not be written.
    failing: bool,
}

impl Keeper {
    pub(super) fn new(path: PathBuf, file: File, waiting: Receiver<Job>) -> Self {
        let now = Instant::now();
        Self {
            path,
            waiting,
            file: Some(file),
            unwritten: HashMap::new(),
            write_at: None,
            open_at: now,
            tidy_at: now,
            complained: false,
            failing: false,
        }
    }

    pub(super) fn run(mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.serve())).is_err() {
            // Whoever waits is told so by the dropped channel.
            tracing::error!("{}: its keeper failed; opening the file again", self.path.display());
            self.file = None;
        }
    }

    /// Returns when nobody can ask any more.
    fn serve(&mut self) {
        loop {
            let wait = self.write_at.unwrap_or(self.tidy_at).min(self.tidy_at);
            match self.waiting.recv_timeout(wait.saturating_duration_since(Instant::now())) {
                Ok(Job::Find { key, answer }) => {
                    let _ = answer.send(self.find(&key));
                }
                Ok(Job::Keep { key, finding }) => self.keep(key, finding),
                Ok(Job::Due { kind, most, answer }) => {
                    self.write();
                    let due = self.with_file(|file| file.due(kind, unix_time(), most));
                    let _ = answer.send(due.unwrap_or_default());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.write();
                    return;
                }
            }
            if self.write_at.is_some_and(|at| at <= Instant::now()) {
                self.write();
            }
            if self.tidy_at <= Instant::now() {
                self.tidy_at = Instant::now() + TIDY_EVERY;
                let _ = self.with_file(|file| file.tidy(unix_time()));
            }
        }
    }

    fn find(&mut self, key: &Key) -> Result<Option<Finding>, StoreError> {
        match self.unwritten.get(key) {
            Some(finding) => Ok(Some(finding.clone())),
            None => self.with_file(|file| file.find(key.0, &key.1)),
        }
    }

    fn keep(&mut self, key: Key, finding: Finding) {
        if self.unwritten.len() < UNWRITTEN_MAX || self.unwritten.contains_key(&key) {
            self.unwritten.insert(key, finding);
        }
        let now = Instant::now();
        let at = *self.write_at.get_or_insert(now + GATHER);
        if self.unwritten.len() >= BATCH && !self.failing {
            self.write_at = Some(at.min(now));
        }
    }

    /// What cannot be written waits for the next time.
    fn write(&mut self) {
        self.write_at = None;
        if self.unwritten.is_empty() {
            return;
        }
        if self.file.as_ref().is_some_and(|file| !file.is_at(&self.path)) {
            tracing::warn!("{}: removed or replaced while it was open; opening it again", self.path.display());
            self.file = None;
            self.open_at = Instant::now();
        }
        let unwritten = std::mem::take(&mut self.unwritten);
        self.failing = self.with_file(|file| file.write(unwritten.iter())).is_err();
        if self.failing {
            self.unwritten = unwritten;
            self.write_at = Some(Instant::now() + RETRY_AFTER);
        }
    }

    /// Does something with the file, which is opened where it must be; one that turns out to be damaged is put aside for a
    /// new one.
    fn with_file<T>(&mut self, mut act: impl FnMut(&mut File) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let done = match self.try_with_file(&mut act) {
            Err(Fault::Damage(reason)) => {
                self.put_aside(&reason);
                self.try_with_file(&mut act)
            }
            done => done,
        };
        let done = done.map_err(|fault| match fault {
            Fault::Store(error) => error,
            Fault::Damage(reason) => self.error(&reason),
        });
        match &done {
            // A file that can be read need not be one that can be written.
            Ok(_) if self.failing => {}
            Ok(_) => self.complained = false,
            // Once, until it goes well again.
            Err(error) if !self.complained => {
                self.complained = true;
                tracing::warn!("{error}: what is found of destinations may be neither kept nor read");
            }
            Err(_) => {}
        }
        done
    }

    fn try_with_file<T>(&mut self, act: &mut impl FnMut(&mut File) -> rusqlite::Result<T>) -> Result<T, Fault> {
        if self.file.is_none() {
            if Instant::now() < self.open_at {
                return Err(Fault::Store(self.error("cannot be opened")));
            }
            self.open_at = Instant::now() + RETRY_AFTER;
            self.file = Some(File::open(&self.path).map_err(Fault::Store)?);
        }
        let Some(file) = &mut self.file else { return Err(Fault::Store(self.error("cannot be opened"))) };
        act(file).map_err(|error| {
            if is_damage(&error) {
                Fault::Damage(error.to_string())
            } else {
                Fault::Store(self.error(&error.to_string()))
            }
        })
    }

    /// Not another file that has taken its name meanwhile.
    fn put_aside(&mut self, reason: &str) {
        let Some(file) = self.file.take() else { return };
        let is_it = file.is_at(&self.path);
        drop(file);
        self.open_at = Instant::now();
        if is_it && let Err(error) = put_aside(&self.path, reason) {
            tracing::warn!("{error}");
        }
    }

    fn error(&self, reason: &str) -> StoreError {
        StoreError::Database { path: self.path.display().to_string(), reason: reason.to_owned() }
    }
}

enum Fault {
    Store(StoreError),
    /// No trying again mends it.
    Damage(String),
}
