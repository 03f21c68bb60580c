//! The daemon's state, as commands read and change it: under the name of its owner.

use super::exit;
use segl::{
    config::Config,
    store::{StoreError, filesystem::owner},
};
use std::{ffi::CString, io, path::Path};

/// A command that failed: the exit code and why.
pub(super) type Failure = (u8, String);

/// Reads the configuration, then becomes the owner of the state directory where we are root: files that root makes
/// there would lock the daemon out.
pub(super) fn prepared(config: &Path) -> Result<Config, Failure> {
    let config = Config::load(config).map_err(|error| (super::exit_code(&error), error.to_string()))?;
    become_owner(&config.store.directory).map_err(|error| {
        (exit::NO_PERMISSION, format!("{}: cannot act as its owner: {error}", config.store.directory.display()))
    })?;
    Ok(config)
}

fn become_owner(directory: &Path) -> io::Result<()> {
    use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgroups, setresgid, setresuid};
    if !geteuid().is_root() {
        return Ok(());
    }
    let (uid, gid) = match owner(directory) {
        Ok((uid, gid)) => (Uid::from_raw(uid), Gid::from_raw(gid)),
        // Whoever opens the database says it better.
        Err(_) => return Ok(()),
    };
    if uid.is_root() {
        return Ok(());
    }
    match User::from_uid(uid)? {
        Some(user) => initgroups(&CString::new(user.name)?, gid)?,
        None => setgroups(&[gid])?,
    }
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    Ok(())
}

/// The exit code for what the store said.
pub(super) fn store_failure(error: StoreError) -> Failure {
    let code = match error {
        StoreError::Missing { .. } => exit::NO_INPUT,
        StoreError::Database { .. } => exit::IO,
        StoreError::Unavailable(_) | StoreError::InUse { .. } => exit::TEMPORARY,
    };
    (code, error.to_string())
}
