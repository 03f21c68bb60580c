//! What Postfix does without us.

use crate::tls_policy::{CipherGrade, Protocols, TlsLevel};

/// What Postfix does at a destination when no table names it: main.cf, and what the asking service overrides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InForce {
    /// The level.
    pub level: TlsLevel,
    /// smtp_tls_mandatory_protocols: what counts from level `encrypt` on. (smtp_tls_protocols counts at `may`, where a
    /// server that has none of them gets the mail in the clear: no answer of ours is weaker than that.)
    pub protocols: Protocols,
    /// smtp_tls_mandatory_ciphers.
    pub ciphers: CipherGrade,
    /// Whether this configuration can do DANE at all. Where it cannot, Postfix takes `dane` for `may` and refuses
    /// `dane-only` (`src/smtp/smtp_tls_policy.c`, dane_init).
    pub dane_usable: bool,
    /// Whether it has any certificate authorities to verify a server's certificate by. Where it has none, levels `verify` and
    /// `secure` stop all mail.
    pub has_authorities: bool,
}

impl InForce {
    /// What is no weaker than either; for services of which any may be the one that asks.
    ///
    /// # Errors
    /// When their levels prove servers in different ways, so that one answer cannot hold for both.
    pub fn and(self, other: Self) -> Result<Self, String> {
        let Some(level) = self.level.and(other.level) else {
            return Err(format!(
                "TLS levels {} and {} are both in force and no one policy keeps both",
                self.level, other.level
            ));
        };
        // The one that relies on DANE decides whether `dane` means anything.
        let relies = |one: &Self| matches!(one.level, TlsLevel::Dane | TlsLevel::DaneOnly);
        let dane_usable = match (relies(&self), relies(&other)) {
            (true, false) => self.dane_usable,
            (false, true) => other.dane_usable,
            (true, true) => self.dane_usable || other.dane_usable,
            (false, false) => self.dane_usable && other.dane_usable,
        };
        Ok(Self {
            level,
            protocols: self.protocols.and(other.protocols),
            ciphers: self.ciphers.max(other.ciphers),
            dane_usable,
            has_authorities: self.has_authorities && other.has_authorities,
        })
    }
}
