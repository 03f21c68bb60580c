//! Destination -> what it can do, asked of DNS and of its mail servers, remembered.
//!
//! ```text
//! prober       what is asked about destinations
//! flights      one inquiry at a time for each, answers remembered, askers never held longer than they wish
//! shelf        what was found before the program was started
//! inquiry      what a destination can do: MX hosts, their addresses, each of them contacted, DANE looked for
//! publications what it publishes: DANE, MTA-STS
//! mx, dns      next-hop -> hosts -> addresses, with what DNSSEC says of them
//! services     service name -> port
//! address      which addresses may be contacted
//! manner       how Postfix does all this, which its configuration decides
//! connect      a connection from the address that Postfix takes
//! native       addresses as the system finds them, where Postfix asks it
//! turns        one connection to an address at a time
//! smtp, reply  greeting, EHLO, STARTTLS
//! starttls     the handshake: version, and whether the certificate verifies
//! hello        what a server answers with whom rustls cannot shake hands
//! dane, tlsa   which TLSA records bind the hosts
//! binding, certificate   whether a certificate is one to which they bind it
//! ad           whether Postfix's own resolver would show it that there is DANE
//! mta_sts      whether the domain has a policy on who may receive its mail
//! capability   what all of that amounts to
//! history      how long it has had TLS
//! ```

mod ad;
mod address;
mod binding;
mod capability;
mod certificate;
mod connect;
mod dane;
mod dns;
mod flights;
mod hello;
mod history;
mod inquiry;
mod manner;
mod mta_sts;
mod mx;
mod native;
mod prober;
mod publications;
mod reply;
mod services;
mod shelf;
mod smtp;
mod starttls;
mod tlsa;
mod turns;

pub use ad::resolvers_validate;
pub use hello::KeyExchange;
pub use history::History;
pub use manner::{HostLookup, Manner, Manners, Wrapper};
pub use mta_sts::{Held as StsPolicy, Standing as MtaSts};
pub use prober::{Assess, Prober, ProberError};
pub use shelf::{Keep, Kept};

use crate::requirement::TlsVersion;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, time::Duration};

/// What a destination can do, as far as is known.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// TLS of this version, and the server can be proven.
    Authenticated {
        /// By what.
        how: Proof,
        /// The best version that was negotiated with a server that can be proven.
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

impl Capability {
    /// The word used in logs and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Authenticated { .. } => "authenticated",
            Self::Encrypted { .. } => "encrypted",
            Self::Cleartext { .. } => "cleartext",
            Self::Undeliverable { .. } => "undeliverable",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Why, where it is anything short of TLS.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Authenticated { .. } | Self::Encrypted { .. } => None,
            Self::Cleartext { reason } | Self::Undeliverable { reason } | Self::Unknown { reason } => Some(reason),
        }
    }
}

/// By what a server can be proven.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// A certificate to which secure TLSA records bind the host, which a secure MX record names (RFC 7672).
    Dane,
    /// A certificate verified for the name of an MX host that the domain's MTA-STS policy names (RFC 8461).
    MtaSts,
    /// A certificate verified against the system's roots for the MX host's name, where that name can be relied on:
    /// see [`HostReport::name_proven`].
    Pkix,
    /// By the administrator's own policy, which Postfix is told.
    Administrator,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dane => "dane",
            Self::MtaSts => "mta-sts",
            Self::Pkix => "pkix",
            Self::Administrator => "administrator",
        })
    }
}

/// Whether a destination's hosts have TLSA records (RFC 6698, RFC 7672) that its mail can be held to.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tlsa {
    /// At least one host has secure and usable ones.
    Present {
        /// Whether the MX records are secure too, or none are asked for. Where they are not, Postfix's `dane-only`
        /// defers all mail ("non DNSSEC destination"), while its `dane` checks the records all the same
        /// (`smtp_tls_dane_insecure_mx_policy`; Postfix `src/smtp/smtp_tls_policy.c`).
        mx_secure: bool,
        /// Whether every host that has addresses has secure and usable ones. Where not, Postfix's `dane-only` passes
        /// over those that have none.
        every_host: bool,
    },
    /// Hosts have secure ones, of which none can be used, and no host has any that can: mail is bound to TLS, to be
    /// had without proof (RFC 7672 section 2.2). Postfix's `dane` is `encrypt` there, and its `dane-only` defers.
    Unusable {
        /// As for [`Self::Present`].
        mx_secure: bool,
    },
    /// No host has, and that is certain.
    Absent,
    /// The resolver at hand strips DNSSEC, so that nobody behind it, Postfix included, can see DANE; or Postfix finds the
    /// hosts without DNS ([`HostLookup::Native`]), and looks for none.
    Unsupported,
    /// Of some hosts it is not to be told now. The MX records are secure: Postfix's `dane`, where Postfix sees that they are,
    /// passes over the hosts of which it cannot tell, and delivers to the others.
    SomeUnknown {
        /// Why, of one of them.
        reason: String,
        /// Whether each of the others has secure ones, be it that they cannot be used.
        others_bound: bool,
    },
    /// Not to be told now; never to be taken for absence.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// What a destination publishes of the TLS of its mail servers.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Published {
    /// Whether the hosts have TLSA records.
    pub tlsa: Tlsa,
    /// As for [`Report::postfix_sees_dane`].
    pub postfix_sees_dane: Option<bool>,
    /// Whether the domain has an MTA-STS policy (RFC 8461).
    pub mta_sts: MtaSts,
    /// How long this may be believed, from when it was found.
    pub lifetime: Duration,
}

/// All that a probe of one destination learnt.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The verdict over all hosts.
    pub capability: Capability,
    /// Whether every host that there is has been heard. Where not, `capability` may only get better: whoever asks for
    /// more than it says (another version, proof) does not know yet that it is not to be had.
    pub exhaustive: bool,
    /// What each address of each MX host said, in order of preference.
    pub hosts: Vec<HostReport>,
    /// Whether the hosts have TLSA records.
    pub tlsa: Tlsa,
    /// Where `tlsa` is [`Tlsa::Present`]: whether Postfix can see that, for which the name servers of /etc/resolv.conf
    /// must call the answers authentic (AD). Where it cannot, it takes the destination for one without DANE: its
    /// `dane` is `may`, its `dane-only` defers all mail, and nothing here counts as proven or refuted by DANE. `None`
    /// where that is not known.
    pub postfix_sees_dane: Option<bool>,
    /// Since when it has been held to TLS, where it is.
    pub history: Option<History>,
    /// How long this may be believed, from when it was found.
    pub lifetime: Duration,
}

impl Report {
    /// A report that says nothing but why nothing is known.
    pub fn unknown(reason: impl Into<String>, lifetime: Duration) -> Self {
        let reason = reason.into();
        Self {
            capability: Capability::Unknown { reason: reason.clone() },
            exhaustive: false,
            hosts: Vec::new(),
            tlsa: Tlsa::Unknown { reason },
            postfix_sees_dane: None,
            history: None,
            lifetime,
        }
    }
}

/// What one address of one MX host said.
#[derive(Clone, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostReport {
    /// The MX host's name (or the bracketed host, or an address literal).
    pub host: String,
    /// The address contacted; `None` where there was none to contact.
    pub address: Option<IpAddr>,
    /// What became of it.
    pub state: HostState,
    /// Whether STARTTLS was offered; `None` where it did not come that far.
    pub starttls: Option<bool>,
    /// The TLS version negotiated.
    pub tls: Option<TlsVersion>,
    /// How keys are exchanged, where rustls speaks no cipher that the server does: then all that is known is that
    /// OpenSSL could shake hands with it, and its certificate was not looked at.
    pub key_exchange: Option<KeyExchange>,
    /// Whether the certificate verified against the system's roots for the host's name.
    pub verified: bool,
    /// Whether the host's name can be relied on, so that a certificate for it proves something about the
    /// destination: the next-hop itself or below it, or from an MX record that DNSSEC secures. Whoever forges an
    /// unsigned MX record names a host of his own, with a good certificate (RFC 7672 section 1.3.2).
    pub name_proven: bool,
    /// Whether an MTA-STS policy in force names it.
    #[serde(default)]
    pub in_policy: bool,
    /// What its TLSA records say of the certificate.
    pub dane: HostDane,
    /// What went wrong, in words.
    pub error: Option<String>,
}

/// What the TLSA records of a host say of the certificate that it showed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostDane {
    /// One of them matches.
    Matches,
    /// None of them does.
    Mismatch,
    /// None of them can be used: they ask for TLS, and for no proof.
    Unusable,
    /// It has none that bind.
    Absent,
    /// Not to be told: it showed no certificate, or there was no telling whether it has any.
    Unknown,
}

/// What became of one address of one MX host.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostState {
    /// TLS was negotiated.
    Tls,
    /// TLS was negotiated, and its TLSA records do not match its certificate: Postfix that does DANE delivers nothing
    /// there, and defers the mail where all hosts are such.
    DaneMismatch,
    /// TLS was negotiated, and the server is not proven to be one that the domain's MTA-STS policy names: Postfix is told to
    /// deliver nothing there.
    PolicyMismatch,
    /// It answered, and has no TLS that counts.
    Cleartext,
    /// There is no such host, or it has no address: Postfix goes on to the next.
    Absent,
    /// It is this server itself, or no more preferred than it, so that Postfix does not deliver there.
    Ourselves,
    /// This machine has no way to this kind of address (no IPv6, say).
    NoRoute,
    /// The address may not be contacted.
    Refused,
    /// Not to be told now.
    Unknown,
}
