//! Limits of the process.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io;

/// Raises the number of files that may be open at once to the most that the administrator allows (the hard limit;
/// systemd's `LimitNOFILE=`), and says how many that is. Every connection and every spooled message needs one, and
/// the soft limit is customarily 1024 for the sake of programs that use select(2), which this one does not.
///
/// # Errors
/// When the system refuses (getrlimit(2)).
pub fn raise_open_files() -> io::Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_are_allowed() {
        let hard = raise_open_files().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
    }
}
