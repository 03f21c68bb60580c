//! `https://mta-sts.DOMAIN/.well-known/mta-sts.txt` (RFC 8461 section 3.3).
//!
//! Who has mail sent to a domain chooses which host this machine contacts for its policy, so that this client contacts
//! addresses only that a probe may contact ([`address`]), and each step is bounded in time and bytes. The certificate is
//! verified for the host's name against the same roots as those of mail servers.

use super::{error::FetchError, http, policy::Policy};
use crate::{
    network::Network,
    probe::{
        address,
        dns::{Answer, Dns},
        inquiry::plainly,
        starttls::{TLS_BYTES_MAX, Trust, TrustError, describe},
    },
};
use futures_util::future::BoxFuture;
use nix::errno::Errno;
use rustls::pki_types::ServerName;
use std::{io, net::IpAddr, sync::Arc, time::Duration};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

/// The port of HTTPS.
pub(in crate::probe) const PORT: u16 = 443;

/// The most that a server may send in one connection, in bytes: a handshake, a header, and a policy in small pieces.
const BYTES_MAX: u64 = 2 * TLS_BYTES_MAX;

/// Fetches policies; the seam at which the rest is tested without a network.
pub(in crate::probe) trait Fetch: Send + Sync {
    /// The policy that a domain publishes now. Takes a bounded time.
    fn fetch<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<Policy, FetchError>>;
}

/// How to fetch.
#[derive(Clone, Debug)]
pub(in crate::probe) struct Settings {
    /// [`PORT`] everywhere but in tests.
    pub(in crate::probe) port: u16,
    /// How long one step may take: connecting, the handshake, the header of the answer, its body.
    pub(in crate::probe) step_time: Duration,
    /// How long all of them may take together, names and every address included (RFC 8461 section 3.3 suggests a minute).
    pub(in crate::probe) total_time: Duration,
    /// How many addresses of the host are tried.
    pub(in crate::probe) max_addresses: usize,
    /// `allow-private`.
    pub(in crate::probe) allowed: Vec<Network>,
}

/// The real thing.
pub(in crate::probe) struct Fetcher {
    dns: Arc<dyn Dns>,
    /// `None` where there is no root to verify a certificate by.
    tls: Option<TlsConnector>,
    settings: Settings,
}

impl Fetcher {
    /// A client that finds hosts by `dns` and trusts whom `trust` trusts.
    ///
    /// # Errors
    /// Where rustls cannot be set up.
    pub(in crate::probe) fn new(dns: Arc<dyn Dns>, trust: &Trust, settings: Settings) -> Result<Self, TrustError> {
        let tls = trust.demanding()?.map(|mut config| {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            TlsConnector::from(Arc::new(config))
        });
        Ok(Self { dns, tls, settings })
    }

    async fn policy(&self, domain: &str) -> Result<Policy, FetchError> {
        let host = format!("mta-sts.{domain}");
        let addresses = match self.dns.addresses(&host).await? {
            Answer::Records(records) => records.data,
            Answer::NoData | Answer::NoName => return Err(FetchError::NoHost),
        };
        let stream = self.connect(&addresses).await?;
        let body = self.get(stream, &host).await?;
        Ok(Policy::parse(&body)?)
    }

    /// A connection to the first address that answers; what comes after is up to the server that does.
    async fn connect(&self, addresses: &[IpAddr]) -> Result<TcpStream, FetchError> {
        const STEP: &str = "connect";
        // Asked anew each time: interfaces come and go.
        let own = address::own()
            .map_err(|error| FetchError::OurOwn(format!("its own addresses cannot be told: {}", plainly(&error))))?;
        let mut last = FetchError::NoHost;
        for address in addresses.iter().take(self.settings.max_addresses.max(1)) {
            if let Some(refusal) = address::refusal(*address, &own, &self.settings.allowed) {
                last = refusal.into();
                continue;
            }
            let limit = self.settings.step_time;
            match timeout(limit, TcpStream::connect((*address, self.settings.port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) if is_ours(&error) => return Err(FetchError::OurOwn(plainly(&error))),
                Ok(Err(error)) => last = FetchError::Network { step: STEP, reason: plainly(&error) },
                Err(_) => last = FetchError::TimedOut { step: STEP, limit },
            }
        }
        Err(last)
    }

    async fn get(&self, stream: TcpStream, host: &str) -> Result<Vec<u8>, FetchError> {
        let no_roots = || FetchError::Certificate("there are no root certificates to verify it by".to_owned());
        let connector = self.tls.as_ref().ok_or_else(no_roots)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|error| FetchError::Tls(error.to_string()))?;
        let limit = self.settings.step_time;
        let (reader, writer) = tokio::io::split(stream);
        let bounded = tokio::io::join(reader.take(BYTES_MAX), writer);
        match timeout(limit, connector.connect(name, bounded)).await {
            Err(_) => Err(FetchError::TimedOut { step: "TLS handshake", limit }),
            Ok(Err(error)) => Err(judge(&error)),
            Ok(Ok(tls)) => http::get(tls, host, limit).await,
        }
    }
}

/// Whether a connection was not even tried, for want of files or memory.
fn is_ours(error: &io::Error) -> bool {
    let known = error.raw_os_error().map(Errno::from_raw);
    matches!(known, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM))
}

impl Fetch for Fetcher {
    fn fetch<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<Policy, FetchError>> {
        Box::pin(async move {
            let limit = self.settings.total_time;
            let policy = timeout(limit, self.policy(domain)).await;
            policy.unwrap_or(Err(FetchError::TimedOut { step: "policy", limit }))
        })
    }
}

/// Whether a handshake failed for the certificate.
fn judge(error: &io::Error) -> FetchError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(error)) => FetchError::Certificate(describe(error)),
        Some(error) => FetchError::Tls(error.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => FetchError::Tls("connection closed".to_owned()),
        None => FetchError::Tls(plainly(error)),
    }
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
