//! A socket of our own: bound, and its file removed when it is no longer needed.

use crate::config::SocketAddress;
use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket},
};
use std::{
    fs::{self, Permissions},
    io,
    net::TcpListener,
    os::{
        fd::AsRawFd,
        unix::{
            fs::{FileTypeExt, MetadataExt, PermissionsExt},
            net::UnixListener,
        },
    },
    path::{Path, PathBuf},
};

/// Mode of a socket's file: for the daemon's user, and for the group by which Postfix reaches it.
const MODE: u32 = 0o660;

/// Why a socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody listens there.
    #[error("{0}: another program listens there; is segl running already?")]
    InUse(String),
    /// Something else has that name.
    #[error("{}: exists and is no socket; remove it, or name another path", .0.display())]
    NoSocket(PathBuf),
    /// The system refuses.
    #[error("{address}: {action}: {error}")]
    Refused {
        /// The address as configured.
        address: String,
        /// What was being done.
        action: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// The service manager passed something else than was expected.
    #[error("socket activation: {0}")]
    Activation(String),
}

/// A listening socket of the standard library, not yet of a runtime.
#[derive(Debug)]
pub(super) enum Bound {
    Unix(UnixListener),
    Tcp(TcpListener),
}

/// The file of a UNIX-domain socket that this process made; removed when dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn made(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another process may have put its own there since.
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == (self.device, self.inode));
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Binds and listens.
///
/// # Errors
/// When somebody listens there already, or the system refuses.
pub(super) fn open(address: &SocketAddress) -> Result<(Bound, Option<SocketFile>), SocketError> {
    match address {
        SocketAddress::Unix(path) => {
            let (listener, file) = unix(path)?;
            Ok((Bound::Unix(listener), Some(file)))
        }
        SocketAddress::Inet(host_and_port) => match TcpListener::bind(host_and_port) {
            Ok(listener) => Ok((Bound::Tcp(listener), None)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(SocketError::InUse(address.to_string())),
            Err(error) => Err(SocketError::Refused { address: address.to_string(), action: "bind", error }),
        },
    }
}

fn unix(path: &Path) -> Result<(UnixListener, SocketFile), SocketError> {
    let address = || format!("unix:{}", path.display());
    let refused = |action| move |error: io::Error| SocketError::Refused { address: address(), action, error };
    remove_stale(path)?;
    let socket = stream_socket().map_err(|error| refused("socket")(error.into()))?;
    let name = UnixAddr::new(path).map_err(|error| refused("socket name")(error.into()))?;
    match bind(socket.as_raw_fd(), &name) {
        Err(Errno::EADDRINUSE) => return Err(SocketError::InUse(address())),
        Err(error) => return Err(refused("bind (its directory must be there and writable)")(error.into())),
        Ok(()) => {}
    }
    let file = SocketFile::made(path).map_err(refused("stat"))?;
    // Whatever the umask made of the mode, nobody can connect before listen(2).
    fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(refused("chmod"))?;
    listen(&socket, Backlog::MAXCONN).map_err(|error| refused("listen")(error.into()))?;
    Ok((UnixListener::from(socket), file))
}

fn stream_socket() -> nix::Result<std::os::fd::OwnedFd> {
    socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
}

/// Removes the socket that a killed process left behind: one on which nobody answers.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let address = || format!("unix:{}", path.display());
    let refused = |action, error: io::Error| SocketError::Refused { address: address(), action, error };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused("stat", error)),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SocketError::NoSocket(path.to_owned())),
        Ok(_) => {}
    }
    let client = stream_socket().map_err(|error| refused("socket", error.into()))?;
    let name = UnixAddr::new(path).map_err(|error| refused("socket name", error.into()))?;
    match connect(client.as_raw_fd(), &name) {
        Err(Errno::ECONNREFUSED) => match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(refused("remove what is left over", error)),
            _ => Ok(()),
        },
        Err(Errno::ENOENT) => Ok(()),
        // EAGAIN: its backlog is full. EPROTOTYPE: it takes datagrams. Either way somebody is there.
        Ok(()) | Err(Errno::EAGAIN | Errno::EINPROGRESS | Errno::EPROTOTYPE) => Err(SocketError::InUse(address())),
        Err(error) => Err(refused("see whether anybody listens", error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    fn unix_address(path: &Path) -> SocketAddress {
        SocketAddress::Unix(path.to_owned())
    }

    #[test]
    fn a_socket_has_its_mode_and_goes_with_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("milter.sock");
        let opened = open(&unix_address(&path)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o660);
        UnixStream::connect(&path).unwrap();
        drop(opened);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("milter.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let _opened = open(&unix_address(&path)).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn who_listens_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("milter.sock");
        let opened = open(&unix_address(&path)).unwrap();
        let error = open(&unix_address(&path)).unwrap_err();
        assert!(matches!(error, SocketError::InUse(_)), "{error}");
        let shown = error.to_string().replace(path.to_str().unwrap(), "/milter.sock");
        assert_eq!(shown, "unix:/milter.sock: another program listens there; is segl running already?");
        UnixStream::connect(&path).unwrap();
        drop(opened);

        let _datagrams = UnixDatagram::bind(&path).unwrap();
        assert!(matches!(open(&unix_address(&path)), Err(SocketError::InUse(_))));

        let (Bound::Tcp(taken), _) = open(&SocketAddress::Inet("127.0.0.1:0".to_owned())).unwrap() else { panic!() };
        let address = SocketAddress::Inet(taken.local_addr().unwrap().to_string());
        assert!(matches!(open(&address), Err(SocketError::InUse(_))));
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("milter.sock");
        fs::write(&path, "mine").unwrap();
        assert!(matches!(open(&unix_address(&path)), Err(SocketError::NoSocket(_))));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn the_socket_of_a_successor_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("milter.sock");
        let old = open(&unix_address(&path)).unwrap();
        // Beside each other for a moment, so that the successor cannot have the same inode.
        fs::rename(&path, directory.path().join("old.sock")).unwrap();
        let _new = open(&unix_address(&path)).unwrap();
        drop(old);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn says_what_the_system_refused() {
        let directory = tempfile::tempdir().unwrap();
        let error = open(&unix_address(&directory.path().join("none/milter.sock"))).unwrap_err().to_string();
        assert!(error.contains("bind (its directory must be there and writable)"), "{error}");
        let error = open(&SocketAddress::Inet("192.0.2.1:8891".to_owned())).unwrap_err().to_string();
        assert!(error.starts_with("inet:192.0.2.1:8891: bind: "), "{error}");
    }
}
