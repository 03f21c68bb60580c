//! What a destination's publications promise, to a Postfix that can or cannot check it.

use crate::probe::{Published, Tlsa};

/// What a destination publishes of the TLS of its mail servers, as far as this Postfix can hold it to that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Promise {
    /// Nothing.
    Nothing,
    /// TLSA records (RFC 7672), and MX records that DNSSEC secures. (TLSA records behind insecure MX records promise nothing:
    /// Postfix's `dane` then checks the records of whatever host the MX record names, and no policy asks for that and for
    /// TLS at once.)
    Dane(Extent),
    /// TLSA records that this Postfix cannot check: that there is TLS is known all the same.
    DaneUnchecked(Extent),
    /// An MTA-STS policy in force (RFC 8461).
    MtaSts {
        /// The names that certificates must bear, as the `match` attribute has them.
        names: String,
        /// The `policy_type` and what follows it, for TLSRPT.
        report: String,
    },
    /// Not to be told now, and why.
    Unknown(String),
}

/// How far a destination's hosts have TLSA records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// Every host that has addresses has some that can be used.
    EveryHost,
    /// Some have.
    SomeHosts,
    /// There are records, none of which can be used: they ask for TLS without proof (RFC 7672 section 2.2).
    Unusable,
}

/// What was published, as far as a Postfix can hold a destination to it. DANE comes before MTA-STS wherever it can be checked
/// (RFC 8461 section 2).
pub fn promise(published: &Published, dane_usable: bool) -> Promise {
    let extent = match &published.tlsa {
        Tlsa::Present { mx_secure: true, every_host: true } => Extent::EveryHost,
        Tlsa::Present { mx_secure: true, every_host: false } => Extent::SomeHosts,
        Tlsa::Unusable { mx_secure: true } => Extent::Unusable,
        Tlsa::Unknown { reason } => return Promise::Unknown(reason.clone()),
        // Where the resolver hides DNSSEC, Postfix behind it sees no records either.
        Tlsa::Present { mx_secure: false, .. }
        | Tlsa::Unusable { mx_secure: false }
        | Tlsa::Absent
        | Tlsa::Unsupported => return Promise::Nothing,
    };
    if dane_usable { Promise::Dane(extent) } else { Promise::DaneUnchecked(extent) }
}
