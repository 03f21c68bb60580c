//! The content of a message while Postfix hands it over: bounded memory, then an unlinked file.
//!
//! All messages share one budget of memory. A message that gets none, or grows past its own share, waits in a file
//! of the state directory that has no name. Nobody ever waits for memory that somebody else holds, so that many
//! large messages at once slow each other down by disk writes alone and cannot lock each other out.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit in which the budget is counted, in bytes.
const UNIT: usize = 4096;

/// How much a spooled message gathers before it writes, in bytes; Postfix hands over at most 64 KiB at a time.
const WRITE_AT: usize = 128 * 1024;

/// The memory that all messages share while they are received.
#[derive(Clone, Debug)]
pub struct Budget {
    units: Arc<Semaphore>,
    spool_above: usize,
    max_message: usize,
    directory: PathBuf,
}

impl Budget {
    /// A budget of `memory` bytes. A message larger than `spool_above` bytes goes to a file in `directory`; one
    /// larger than `max_message` is not kept.
    pub fn new(memory: usize, spool_above: usize, max_message: usize, directory: &Path) -> Self {
        let units = Arc::new(Semaphore::new(memory.div_ceil(UNIT).min(Semaphore::MAX_PERMITS)));
        Self { units, spool_above, max_message, directory: directory.to_owned() }
    }

    /// Room for one message.
    pub fn content(&self) -> Content {
        Content { budget: self.clone(), held: None, memory: Vec::new(), file: None, length: 0, too_large: false }
    }
}

/// The content of one message so far.
#[derive(Debug)]
pub struct Content {
    budget: Budget,
    held: Option<OwnedSemaphorePermit>,
    memory: Vec<u8>,
    file: Option<File>,
    length: usize,
    too_large: bool,
}

impl Content {
    /// How long the message is, in bytes, kept or not.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether nothing has come yet.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether the message is larger than what is kept.
    pub fn too_large(&self) -> bool {
        self.too_large
    }

    /// Adds a piece.
    ///
    /// # Errors
    /// When the spool file cannot be written; the message is then to be refused for now.
    pub async fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        self.length = self.length.saturating_add(piece.len());
        if self.length > self.budget.max_message {
            self.too_large = true;
            self.memory = Vec::new();
            self.file = None;
            self.held = None;
        }
        if self.too_large {
            return Ok(());
        }
        let fits = self.file.is_none() && self.length <= self.budget.spool_above && self.reserve(self.length);
        self.memory.extend_from_slice(piece);
        if fits || (self.file.is_some() && self.memory.len() < WRITE_AT) {
            return Ok(());
        }
        self.spill().await
    }

    /// Holds memory for `bytes` in all; false where there is none to be had.
    fn reserve(&mut self, bytes: usize) -> bool {
        let wanted = bytes.div_ceil(UNIT);
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if wanted <= held {
            return true;
        }
        // Grow as the vector does, so that a large message asks seldom.
        let ahead = (wanted - held).max(held).min(self.budget.spool_above.div_ceil(UNIT).saturating_sub(held));
        let Ok(more) = u32::try_from(ahead.max(wanted - held)) else { return false };
        let Ok(permit) = self.budget.units.clone().try_acquire_many_owned(more) else { return false };
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        true
    }

    /// Writes what is in memory to the file and gives the memory back.
    async fn spill(&mut self) -> io::Result<()> {
        let memory = std::mem::take(&mut self.memory);
        let file = self.file.take();
        let directory = self.budget.directory.clone();
        let (file, mut memory) = tokio::task::spawn_blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => tempfile::tempfile_in(directory)?,
            };
            file.write_all(&memory)?;
            Ok::<_, io::Error>((file, memory))
        })
        .await
        .map_err(io::Error::other)??;
        self.file = Some(file);
        memory.clear();
        memory.shrink_to(WRITE_AT);
        self.memory = memory;
        self.held = None;
        Ok(())
    }

    /// The whole message. Blocks on the disk where it was spooled.
    ///
    /// # Errors
    /// When the spool file cannot be read back whole.
    pub fn into_bytes(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.file.take() {
            None => bytes = std::mem::take(&mut self.memory),
            Some(mut file) => {
                bytes.reserve_exact(self.length);
                file.seek(SeekFrom::Start(0))?;
                file.read_to_end(&mut bytes)?;
                bytes.extend_from_slice(&self.memory);
            }
        }
        if bytes.len() != self.length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a part of the message is not in the spool"));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn a_small_message_stays_in_memory_and_a_large_one_goes_to_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let budget = Budget::new(1 << 20, 10_000, 1 << 20, directory.path());
        run(async {
            let mut content = budget.content();
            content.append(&[1; 10_000]).await.unwrap();
            assert!(content.file.is_none());
            content.append(&[2]).await.unwrap();
            assert!(content.file.is_some());
            assert_eq!(budget.units.available_permits(), 256, "memory is given back");
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the file has no name");
            assert_eq!(content.into_bytes().unwrap(), [vec![1; 10_000], vec![2]].concat());
        });
    }

    #[test]
    fn without_memory_left_a_message_goes_to_a_file_at_once_and_nobody_waits() {
        let directory = tempfile::tempdir().unwrap();
        let budget = Budget::new(UNIT, 10_000, 1 << 20, directory.path());
        run(async {
            let (mut first, mut second) = (budget.content(), budget.content());
            first.append(&[1; 100]).await.unwrap();
            second.append(&[2; 100]).await.unwrap();
            assert!(first.file.is_none() && second.file.is_some());
            drop(first);
            assert_eq!(budget.units.available_permits(), 1);
            assert_eq!(second.into_bytes().unwrap(), [2; 100]);
        });
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let budget = Budget::new(1 << 20, 100, 1000, directory.path());
        run(async {
            let mut content = budget.content();
            for _ in 0..11 {
                content.append(&[0; 100]).await.unwrap();
            }
            assert!(content.too_large() && content.file.is_none() && content.memory.is_empty());
            assert_eq!(content.len(), 1100);
        });
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let budget = Budget::new(1 << 20, 10, 1000, Path::new("/nonexistent"));
        run(async {
            assert!(budget.content().append(&[0; 11]).await.is_err());
        });
    }

    proptest! {
        #[test]
        fn every_byte_comes_back_in_order(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..5000), 0..40), memory in 0usize..40_000, above in 0usize..50_000) {
            let directory = tempfile::tempdir().unwrap();
            let budget = Budget::new(memory, above, usize::MAX, directory.path());
            let bytes = run(async {
                let mut content = budget.content();
                for piece in &pieces {
                    content.append(piece).await.unwrap();
                }
                content.into_bytes().unwrap()
            });
            prop_assert_eq!(bytes, pieces.concat());
            prop_assert_eq!(budget.units.available_permits(), memory.div_ceil(UNIT));
        }
    }
}
