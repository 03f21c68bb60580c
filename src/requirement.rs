//! What is asked of the channel to a destination: a requirement, and the TLS versions it speaks of.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A TLS protocol version, oldest first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub enum TlsVersion {
    /// TLS 1.0 (RFC 2246), deprecated by RFC 8996.
    #[serde(rename = "1.0")]
    V1_0,
    /// TLS 1.1 (RFC 4346), deprecated by RFC 8996.
    #[serde(rename = "1.1")]
    V1_1,
    /// TLS 1.2 (RFC 5246).
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    V1_3,
}

impl TlsVersion {
    /// The name that Postfix and OpenSSL use: `TLSv1.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "TLSv1",
            Self::V1_1 => "TLSv1.1",
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }

    /// Reads the name that Postfix and OpenSSL use; `None` for any other word.
    pub fn from_postfix(name: &str) -> Option<Self> {
        [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3].into_iter().find(|version| {
            version.as_str().eq_ignore_ascii_case(name)
                || (*version == Self::V1_0 && name.eq_ignore_ascii_case("TLSv1.0"))
        })
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a message asks of the channel that carries it on.
///
/// Ordered by strictness: an authenticated channel satisfies whoever asked for an encrypted one. The order is
/// total only for comparison's sake; use [`Requirement::and`] to combine two, since `authenticated` with TLS 1.2
/// and `encrypt` with TLS 1.3 together ask for `authenticated` with TLS 1.3.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Requirement {
    /// TLS of at least this version, or no delivery.
    Encrypt(TlsVersion),
    /// As `Encrypt`, and the server proven by DANE, MTA-STS or a verified certificate.
    Authenticated(TlsVersion),
}

impl Requirement {
    /// The least TLS version.
    pub fn min_tls(self) -> TlsVersion {
        match self {
            Self::Encrypt(version) | Self::Authenticated(version) => version,
        }
    }

    /// The weakest requirement that satisfies both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let version = self.min_tls().max(other.min_tls());
        match (self, other) {
            (Self::Encrypt(_), Self::Encrypt(_)) => Self::Encrypt(version),
            _ => Self::Authenticated(version),
        }
    }

    /// The word without the version: `encrypt` or `authenticated`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Encrypt(_) => "encrypt",
            Self::Authenticated(_) => "authenticated",
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
