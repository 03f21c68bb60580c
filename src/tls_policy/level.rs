//! TLS security levels, by which Postfix says how far it trusts a destination.

use std::fmt;

/// A TLS security level (postconf(5) smtp_tls_security_level). `halfdane` is a word of Postfix's log only.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TlsLevel {
    /// No TLS.
    None,
    /// TLS where it is offered.
    May,
    /// TLS, or no delivery.
    Encrypt,
    /// TLS with a certificate of a known fingerprint.
    Fingerprint,
    /// DANE where there are TLSA records, else `may`.
    Dane,
    /// DANE, or no delivery.
    DaneOnly,
    /// A verified certificate whose name matches smtp_tls_verify_cert_match.
    Verify,
    /// A verified certificate whose name matches smtp_tls_secure_cert_match.
    Secure,
}

impl TlsLevel {
    pub(crate) const ALL: [Self; 8] = [
        Self::None,
        Self::May,
        Self::Encrypt,
        Self::Fingerprint,
        Self::Dane,
        Self::DaneOnly,
        Self::Verify,
        Self::Secure,
    ];

    /// The word in main.cf and in policy tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::May => "may",
            Self::Encrypt => "encrypt",
            Self::Fingerprint => "fingerprint",
            Self::Dane => "dane",
            Self::DaneOnly => "dane-only",
            Self::Verify => "verify",
            Self::Secure => "secure",
        }
    }

    /// Reads the word, in either case as Postfix does; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(word))
    }

    /// The weakest level that is no weaker than either; `None` where two ways of proving a server meet.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        let (weaker, stronger) = if self.rank() <= other.rank() { (self, other) } else { (other, self) };
        let comparable = weaker.rank() <= Self::Encrypt.rank()
            || weaker == stronger
            || (weaker, stronger) == (Self::Dane, Self::DaneOnly)
            || (weaker, stronger) == (Self::Verify, Self::Secure);
        comparable.then_some(stronger)
    }

    fn rank(self) -> usize {
        self as usize
    }
}

impl fmt::Display for TlsLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
