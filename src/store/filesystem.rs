//! Where state may live: on a disk, in a directory that is ours alone.

use nix::sys::statfs::{FsType, TMPFS_MAGIC, statfs};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// RAMFS_MAGIC of Linux `include/uapi/linux/magic.h`, which libc does not name.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);

/// Whether this path lies in a file system that forgets everything at the next boot (tmpfs, ramfs).
///
/// # Errors
/// When the path does not exist or the system does not say (statfs(2)).
pub fn memory_file_system(path: &Path) -> io::Result<bool> {
    let kind = statfs(path)?.filesystem_type();
    Ok(kind == TMPFS_MAGIC || kind == RAMFS_MAGIC)
}

/// Makes the state directory where it is missing (its parent must be there) and closes it to everybody but us.
///
/// # Errors
/// When it cannot be made, is no directory, or belongs to another user.
pub fn private_directory(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            // The name of the new directory must be as durable as what will be in it.
            if let Some(parent) = path.parent() {
                sync_directory(parent)?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let metadata = fs::metadata(path)?;
    if !metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    let us = nix::unistd::geteuid();
    if metadata.uid() != us.as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("belongs to user {}, but this is user {us}: run as its owner, or chown it", metadata.uid()),
        ));
    }
    restrict(path, metadata.permissions(), 0o700)
}

/// The user and group that a file or directory belongs to.
///
/// # Errors
/// When it is not there.
pub fn owner(path: &Path) -> io::Result<(u32, u32)> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.uid(), metadata.gid()))
}

/// Makes a file of mode 0600 where it is missing, and closes it to everybody but us.
///
/// # Errors
/// When it cannot be made or is no regular file.
pub fn private_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("is no regular file"));
    }
    restrict(path, metadata.permissions(), 0o600)
}

fn restrict(path: &Path, permissions: Permissions, most: u32) -> io::Result<()> {
    let mode = permissions.mode() & 0o7777;
    if mode & !most == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode & most))
}

/// Waits until the names in a directory are on disk (fsync(2) of the directory).
///
/// # Errors
/// When the directory cannot be opened or synced.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn tells_memory_from_disk() {
        assert!(memory_file_system(Path::new("/dev/shm")).unwrap());
        assert!(!memory_file_system(Path::new("/proc/self")).unwrap());
        assert!(memory_file_system(Path::new("/no/such/path")).is_err());
    }

    #[test]
    fn directory_and_file_are_ours_alone() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("state");
        private_directory(&directory).unwrap();
        assert_eq!(mode(&directory), 0o700);
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        private_directory(&directory).unwrap();
        assert_eq!(mode(&directory), 0o700);

        let file = directory.join("file");
        fs::write(&file, "kept").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        private_file(&file).unwrap();
        assert_eq!((mode(&file), fs::read_to_string(&file).unwrap().as_str()), (0o600, "kept"));

        assert!(private_directory(&file).is_err());
        assert!(private_file(&directory).is_err());
        let link = directory.join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(private_file(&link).is_err());
    }
}
