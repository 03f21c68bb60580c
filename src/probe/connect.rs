//! A connection as Postfix makes it: from the address that it is told (Postfix `src/smtp/smtp_connect.c`,
//! `smtp_connect_addr()`).

use super::manner::Manner;
use std::{io, net::SocketAddr};
use tokio::net::{TcpSocket, TcpStream};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The source address is not to be had.
    #[error("bind to {source_address} (smtp_bind_address_enforce): {error}")]
    Bind {
        /// Which.
        source_address: std::net::IpAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The server is not to be reached.
    #[error("connect: {0}")]
    Connect(io::Error),
}

impl ConnectError {
    /// What the system said.
    pub(super) fn system(&self) -> &io::Error {
        match self {
            Self::Bind { error, .. } | Self::Connect(error) => error,
        }
    }
}

/// Connects to a server; takes as long as the system does.
pub(super) async fn connect(server: SocketAddr, manner: &Manner) -> Result<TcpStream, ConnectError> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(ConnectError::Connect)?;
    if let Some(source_address) = manner.source(server.ip())
        && let Err(error) = socket.bind((source_address, 0).into())
    {
        if manner.source_enforced {
            return Err(ConnectError::Bind { source_address, error });
        }
        // As Postfix, which warns and connects from whatever address the system chooses.
        tracing::debug!("bind to {source_address}: {error}");
    }
    socket.connect(server).await.map_err(ConnectError::Connect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::net::TcpListener;

    /// An address of which no machine has any (RFC 5737).
    const NOBODYS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

    #[tokio::test]
    async fn comes_from_the_address_that_it_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        for (source4, source_enforced, seen) in [
            (None, false, Some(Ipv4Addr::LOCALHOST)),
            (Some(Ipv4Addr::new(127, 0, 0, 9)), false, Some(Ipv4Addr::new(127, 0, 0, 9))),
            (Some(NOBODYS), false, Some(Ipv4Addr::LOCALHOST)),
            (Some(NOBODYS), true, None),
        ] {
            let manner = Manner { source4, source_enforced, ..Manner::default() };
            let connected = connect(server, &manner).await;
            match seen {
                Some(seen) => {
                    let (_, client) = listener.accept().await.unwrap();
                    assert_eq!(client.ip(), seen, "{source4:?}");
                }
                None => {
                    let error = connected.unwrap_err();
                    assert!(error.to_string().starts_with("bind to 192.0.2.1"), "{error}");
                    assert_eq!(error.system().kind(), io::ErrorKind::AddrNotAvailable);
                }
            }
        }
    }
}
