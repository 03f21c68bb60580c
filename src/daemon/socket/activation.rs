//! Sockets passed by the service manager (sd_listen_fds(3), systemd.socket(5)).

use super::bind::{Bound, SocketError};
use listenfd::ListenFd;
use std::{collections::BTreeMap, env, process};

/// The sockets that were passed, by name (`FileDescriptorName=`).
#[derive(Debug, Default)]
pub struct Activation {
    passed: BTreeMap<String, Bound>,
}

impl Activation {
    /// Takes the sockets that the environment tells of, which must have these names. To be called once, before there
    /// are threads: it removes `LISTEN_PID` and `LISTEN_FDS` from the environment, so that no child believes that it
    /// got them.
    ///
    /// # Errors
    /// When a socket has no name of these, a name comes twice, or it is not a listening stream socket.
    pub fn from_env(names: &[&str]) -> Result<Self, SocketError> {
        // Those of a parent process are none of ours.
        let for_us = env::var("LISTEN_PID").is_ok_and(|pid| pid.parse() == Ok(process::id()));
        if !for_us {
            return Ok(Self::default());
        }
        let given = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut descriptors = ListenFd::from_env();
        let mut given = given.split(':');
        let mut passed = BTreeMap::new();
        for index in 0..descriptors.len() {
            let name = given.next().unwrap_or_default();
            let known = names.join("\" or \"");
            if !names.contains(&name) {
                return Err(SocketError::Activation(format!(
                    "a socket is named {name:?}: write FileDescriptorName=\"{known}\" in its unit"
                )));
            }
            if passed.insert(name.to_owned(), take(&mut descriptors, index, name)?).is_some() {
                return Err(SocketError::Activation(format!("two sockets are named {name:?}: give one ListenStream=")));
            }
        }
        Ok(Self { passed })
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Bound> {
        self.passed.remove(name)
    }
}

fn take(descriptors: &mut ListenFd, index: usize, name: &str) -> Result<Bound, SocketError> {
    if let Ok(Some(listener)) = descriptors.take_unix_listener(index) {
        return Ok(Bound::Unix(listener));
    }
    match descriptors.take_tcp_listener(index) {
        Ok(Some(listener)) => Ok(Bound::Tcp(listener)),
        _ => Err(SocketError::Activation(format!("{name:?} is no stream socket: use ListenStream= in its unit"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SocketAddress;
    use crate::daemon::socket::Listener;
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        os::{
            fd::OwnedFd,
            unix::net::{UnixListener, UnixStream},
        },
        process::{Command, Output},
    };
    use tokio::io::AsyncWriteExt;

    /// Runs in a process of its own, to which a shell has passed two sockets.
    #[tokio::test]
    #[ignore = "run by the tests below"]
    async fn greets_on_what_it_got() {
        let mut activation = Activation::from_env(&["milter", "socketmap"]).map_err(|e| e.to_string()).unwrap();
        let elsewhere = SocketAddress::Unix("/nonexistent/segl.sock".into());
        for name in ["milter", "socketmap"] {
            let mut listener = Listener::open(name, &elsewhere, &mut activation, 1).unwrap();
            listener.accept().await.unwrap().write_all(name.as_bytes()).await.unwrap();
        }
        assert!(env::var_os("LISTEN_FDS").is_none(), "children would believe that they got the sockets");
    }

    /// Passes the sockets as descriptors 3 and 4, in the way of a service manager.
    fn activated(first: OwnedFd, second: OwnedFd, pid: &str, names: &str) -> Output {
        let script = format!(
            "exec 3<&0 4<&1 1>&2 </dev/null; LISTEN_PID={pid} LISTEN_FDS=2 LISTEN_FDNAMES={names} exec \"$0\" \
             --exact daemon::socket::activation::tests::greets_on_what_it_got --ignored --nocapture"
        );
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).arg(env::current_exe().unwrap());
        shell.stdin(first).stdout(second).output().unwrap()
    }

    fn sockets(directory: &tempfile::TempDir) -> (TcpListener, UnixListener) {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        (tcp, UnixListener::bind(directory.path().join("map.sock")).unwrap())
    }

    #[test]
    fn takes_each_socket_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let (tcp, unix) = sockets(&directory);
        let mut over_tcp = TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let mut over_unix = UnixStream::connect(directory.path().join("map.sock")).unwrap();
        let output = activated(tcp.into(), unix.into(), "$$", "milter:socketmap");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (mut milter, mut socketmap) = (String::new(), String::new());
        over_tcp.read_to_string(&mut milter).unwrap();
        over_unix.read_to_string(&mut socketmap).unwrap();
        assert_eq!((milter.as_str(), socketmap.as_str()), ("milter", "socketmap"));
        // What the service manager made is not ours to remove.
        assert!(directory.path().join("map.sock").exists());
        over_unix.flush().unwrap();
    }

    #[test]
    fn says_what_is_wrong_with_the_units() {
        for (pid, names, said) in [
            ("$$", "milter:segl.socket", "write FileDescriptorName=\\\"milter\\\" or \\\"socketmap\\\" in its unit"),
            ("$$", "milter", "a socket is named \\\"\\\""),
            ("$$", "milter:milter", "two sockets are named \\\"milter\\\""),
            // Passed to another process: the configured path is bound, which cannot be here.
            ("1", "milter:socketmap", "No such file or directory"),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let (tcp, unix) = sockets(&directory);
            let output = activated(tcp.into(), unix.into(), pid, names);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && stderr.contains(said), "{names}: {stderr}");
        }
    }
}
