//! Attached files are read in processes of their own, so that a reader that hangs, crashes, eats memory or does what
//! a stranger's file tells it to costs the file that it was reading, and nothing else.
//!
//! | what | file |
//! |---|---|
//! | what program and worker say to each other | `protocol` |
//! | the worker: takes requests, reads, answers as it finds | `serve` |
//! | what a worker may not do any more before its first request | `fence`, `calls` |
//! | the program's side of one worker | `child` |
//! | all workers of the program | `pool` |
//! | pictures, by a program of the administrator's choice | `picture` |
//!
//! What a worker answers is as little trusted as the file that it reads.

mod calls;
mod child;
mod fence;
mod picture;
mod pool;
mod protocol;
mod serve;
#[cfg(test)]
mod tests;

use crate::config;
use std::{ffi::OsString, path::PathBuf, time::Duration};

pub use fence::{Fence, FenceError};
pub use picture::run_behind_fence;
pub use pool::{MessageReader, Pool};
pub use serve::{ServeError, serve};

/// How workers are run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The program that is a worker.
    pub program: Program,
    /// Workers at once, and so messages at once whose attachments are read.
    pub workers: usize,
    /// The program that reads pictures, where there is one.
    pub pictures: Option<PictureReader>,
}

/// A program and its arguments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    /// The program's file.
    pub path: PathBuf,
    /// The arguments behind its name.
    pub arguments: Vec<OsString>,
}

impl Program {
    /// This very program, even where its file has been replaced since it was started.
    fn itself(arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self { path: "/proc/self/exe".into(), arguments: arguments.into_iter().collect() }
    }
}

/// A program that reads the text in pictures: the picture on its standard input, the text on its standard output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PictureReader {
    /// The program, behind the fence.
    pub program: Program,
    /// How long it may take for one picture.
    pub time: Duration,
    /// The largest picture, in bytes.
    pub size: usize,
}

impl Settings {
    /// What the configuration asks for.
    pub fn new(config: &config::Documents) -> Self {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let pictures = config.image_reader.split_first().map(|(program, arguments)| {
            let seconds = config.image_time.as_secs().saturating_add(1).to_string();
            let memory = config.image_memory.to_string();
            let before = words(&["read-worker", "--memory", &memory, "--time", &seconds, "--run", program, "--"]);
            PictureReader {
                program: Program::itself(before.into_iter().chain(arguments.iter().map(OsString::from))),
                time: config.image_time,
                size: config.image_size,
            }
        });
        let memory = config.worker_memory.to_string();
        Self {
            program: Program::itself(words(&["read-worker", "--memory", &memory])),
            workers: config.workers,
            pictures,
        }
    }
}
