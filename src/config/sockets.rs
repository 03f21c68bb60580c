//! `[sockets]`: where Postfix reaches us.

use super::{
    reader::Section,
    value::{Parsed, path, quoted, text},
};
use std::{fmt, net::IpAddr, os::unix::ffi::OsStrExt, path::PathBuf};
use toml::de::DeValue;

/// Longest path of a UNIX-domain socket, in bytes: `sun_path` holds 108 with the final null (unix(7)).
const SOCKET_PATH_MAX: usize = 107;
/// Longest host name, in bytes.
const HOST_MAX: usize = 255;

/// Sockets. `unix:/path` (or a bare path) and `inet:host:port`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sockets {
    /// The milter.
    pub milter: SocketAddress,
    /// The TLS policy map.
    pub socketmap: SocketAddress,
}

/// One socket address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SocketAddress {
    /// A UNIX-domain socket.
    Unix(PathBuf),
    /// TCP, `host:port`, an IPv6 address in brackets.
    Inet(String),
}

/// As it is written in the configuration.
impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Inet(address) => write!(f, "inet:{address}"),
        }
    }
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            milter: SocketAddress::Unix("/var/spool/postfix/segl/milter.sock".into()),
            socketmap: SocketAddress::Unix("/var/spool/postfix/segl/socketmap.sock".into()),
        }
    }
}

impl Sockets {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        let sockets = Self {
            milter: section.value("milter", default.milter, address),
            socketmap: section.value("socketmap", default.socketmap, address),
        };
        if sockets.milter == sockets.socketmap {
            section.fault("socketmap", "must not be the same as milter: each speaks its own protocol".to_owned());
        }
        sockets
    }
}

fn address(value: &DeValue<'_>) -> Parsed<SocketAddress> {
    let text = text(value)?;
    let wrong = || format!("{}: write unix:/absolute/path or inet:host:port", quoted(text));
    if let Some(address) = text.strip_prefix("inet:") {
        return match address.rsplit_once(':') {
            Some((host, port)) if is_host(host) && port.parse().is_ok_and(|port: u16| port != 0) => {
                Ok(SocketAddress::Inet(address.to_owned()))
            }
            _ => Err(format!("{}: write inet:host:port, as in inet:127.0.0.1:8891 or inet:[::1]:8891", quoted(text))),
        };
    }
    let written = text.strip_prefix("unix:").unwrap_or(text);
    let path = path(&DeValue::String(written.into())).map_err(|_| wrong())?;
    match path.as_os_str().as_bytes().len() {
        0..=SOCKET_PATH_MAX => Ok(SocketAddress::Unix(path)),
        length => Err(format!("a socket's path cannot be longer than {SOCKET_PATH_MAX} bytes, and this has {length}")),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(literal) = host.strip_prefix('[') {
        return literal.strip_suffix(']').is_some_and(|address| matches!(address.parse(), Ok(IpAddr::V6(_))));
    }
    (1..=HOST_MAX).contains(&host.len())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}
