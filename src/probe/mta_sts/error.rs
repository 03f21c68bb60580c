//! Why a policy could not be fetched.

use super::policy::PolicyError;
use crate::probe::{address::Refusal, dns::DnsFailure};
use std::time::Duration;

/// Why a policy could not be fetched, in words that a log line can bear. To whoever sends mail nearly all of them are one
/// (RFC 8461 section 3.3): what is held counts on, and where nothing is held, mail goes out as if there were no policy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(in crate::probe) enum FetchError {
    /// DNS gave no answer.
    #[error(transparent)]
    Dns(#[from] DnsFailure),
    /// There is no host of that name, or it has no address.
    #[error("no such host")]
    NoHost,
    /// All addresses that were tried may not be contacted; this is the last.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// This host failed, and nobody was asked.
    #[error("this host: {0}")]
    OurOwn(String),
    /// The network failed.
    #[error("{step}: {reason}")]
    Network {
        /// In which step.
        step: &'static str,
        /// What the system said.
        reason: String,
    },
    /// The server was too slow.
    #[error("{step}: not done within {}s", .limit.as_secs())]
    TimedOut {
        /// In which step.
        step: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// The server did not prove its name.
    #[error("{0}")]
    Certificate(String),
    /// There was no TLS for another reason.
    #[error("TLS handshake: {0}")]
    Tls(String),
    /// It did not speak HTTP, or sent a header without end.
    #[error("no HTTP: {0}")]
    Http(String),
    /// The connection ended before the answer did.
    #[error("the answer is cut short")]
    CutShort,
    /// There is no policy file (404, 410).
    #[error("no policy file (status {0})")]
    NotFound(u16),
    /// It points elsewhere, where no sender may follow (RFC 8461 section 3.3).
    #[error("a redirect (status {0})")]
    Redirect(u16),
    /// Any other status than 200.
    #[error("status {0}")]
    Status(u16),
    /// The file is not plain text.
    #[error("media type is not text/plain but `{}`", .0.escape_debug())]
    WrongType(String),
    /// It is compressed, which was not asked for.
    #[error("content encoding `{}`", .0.escape_debug())]
    Encoded(String),
    /// The file is larger than this, in bytes.
    #[error("the policy file is of more than {0} bytes")]
    TooLarge(usize),
    /// What was fetched is no policy.
    #[error("no policy: {0}")]
    NotAPolicy(#[from] PolicyError),
}

impl FetchError {
    /// Whether nothing was learnt of the domain's policy: DNS failed, or this host did.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Dns(_) | Self::OurOwn(_))
    }
}
