//! One daemon for one state directory: two of them, with sockets of their own, would let go of each other's pins.

use super::{StoreError, filesystem};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

/// The name of the file that is locked, in the state directory. It holds nothing and stays.
const FILE_NAME: &str = "lock";

/// How long to wait for one that is just ending.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often to look meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The right to keep pins in a state directory, until it is dropped or the process ends, however it ends (flock(2)).
#[derive(Debug)]
pub struct Claim {
    _lock: Flock<File>,
}

impl Claim {
    /// Claims a state directory, and makes it where it is missing.
    ///
    /// # Errors
    /// When another process has claimed it, or the directory is not ours.
    pub fn take(directory: &Path) -> Result<Self, StoreError> {
        Self::take_within(directory, PATIENCE)
    }

    fn take_within(directory: &Path, patience: Duration) -> Result<Self, StoreError> {
        let path = directory.join(FILE_NAME);
        let failed =
            |error: io::Error| StoreError::Database { path: path.display().to_string(), reason: error.to_string() };
        filesystem::private_directory(directory).map_err(failed)?;
        filesystem::private_file(&path).map_err(failed)?;
        let open = OpenOptions::new().write(true).custom_flags(nix::libc::O_NOFOLLOW).open(&path);
        let mut file = open.map_err(failed)?;
        let end = Instant::now() + patience;
        loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(Self { _lock: lock }),
                Err((returned, Errno::EWOULDBLOCK)) if Instant::now() < end => {
                    file = returned;
                    sleep(LOOK_EVERY);
                }
                Err((_, Errno::EWOULDBLOCK)) => {
                    return Err(StoreError::InUse { directory: directory.display().to_string() });
                }
                Err((_, error)) => return Err(failed(error.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = Claim::take_within(directory.path(), Duration::ZERO).unwrap();
        let second = Claim::take_within(directory.path(), Duration::from_millis(100)).unwrap_err();
        assert!(second.to_string().contains("is segl running already?"), "{second}");
        drop(first);
        Claim::take_within(directory.path(), Duration::ZERO).unwrap();
        let missing = Claim::take_within(Path::new("/no/such/place"), Duration::ZERO).unwrap_err();
        assert!(matches!(missing, StoreError::Database { .. }), "{missing}");
    }
}
