//! Destination -> what it can do, asked of DNS and of its mail servers, remembered.

use crate::requirement::TlsVersion;
use serde::Serialize;
use std::{net::IpAddr, time::Duration};

/// What a destination can do, as far as is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Capability {
    /// TLS of this version, and the server can be proven.
    Authenticated {
        /// By what.
        how: Proof,
        /// The best version that was negotiated.
        version: TlsVersion,
    },
    /// TLS of this version; the server cannot be proven.
    Encrypted {
        /// The best version that was negotiated.
        version: TlsVersion,
    },
    /// Its mail servers answer, and none of them offers TLS of a version that Segl counts.
    Cleartext {
        /// Why, in words that a log line can bear.
        reason: String,
    },
    /// No mail can be delivered there at all: null MX (RFC 7505), no such domain.
    Undeliverable {
        /// Why.
        reason: String,
    },
    /// Not to be told now: DNS failed, nobody answered, the budget ran out.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// By what a server can be proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A certificate verified against the system's roots for the MX host's name.
    Pkix,
}

/// All that a probe of one destination learnt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// The verdict over all hosts.
    pub capability: Capability,
    /// What each address of each MX host said, in order of preference.
    pub hosts: Vec<HostReport>,
    /// How long this may be believed.
    pub lifetime: Duration,
}

/// What one address of one MX host said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostReport {
    /// The MX host's name (or the bracketed host, or an address literal).
    pub host: String,
    /// The address contacted; `None` where there was none to contact.
    pub address: Option<IpAddr>,
    /// Whether STARTTLS was offered; `None` where it did not come that far.
    pub starttls: Option<bool>,
    /// The TLS version negotiated.
    pub tls: Option<TlsVersion>,
    /// Whether the certificate verified against the system's roots for the host's name.
    pub verified: bool,
    /// What went wrong, in words.
    pub error: Option<String>,
}
