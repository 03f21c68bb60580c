//! `[level.confidential]` and `[level.sensitive]`: what each level asks.

use super::{
    reader::Section,
    value::{Parsed, Word, mismatch, quoted, word},
};
use crate::requirement::TlsVersion;
use toml::de::DeValue;

/// What each level asks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Levels {
    /// For confidential messages.
    pub confidential: LevelRules,
    /// For sensitive messages.
    pub sensitive: LevelRules,
}

/// What one level asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LevelRules {
    /// The channel.
    pub require: Require,
    /// The least TLS version; never below 1.2.
    pub min_tls: TlsVersion,
    /// When a destination cannot.
    pub if_unmet: IfUnmet,
    /// When it is not known whether a destination can.
    pub if_unknown: IfUnknown,
}

/// The channel asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Require {
    /// Forced TLS.
    Encrypt,
    /// Forced TLS with a proven server.
    Authenticated,
}

/// What becomes of a message that a destination cannot receive encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IfUnmet {
    /// Refused for good (550 5.7.10).
    Reject,
    /// Refused for now (450 4.7.10).
    Defer,
}

/// What becomes of a message of whose destination it is not known whether it can.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IfUnknown {
    /// Accepted and pinned: it leaves encrypted or waits.
    Accept,
    /// Refused for now (450 4.7.10).
    Defer,
}

impl Word for Require {
    const WORDS: &'static [(&'static str, Self)] =
        &[("encrypt", Self::Encrypt), ("authenticated", Self::Authenticated)];
}

impl Word for IfUnmet {
    const WORDS: &'static [(&'static str, Self)] = &[("reject", Self::Reject), ("defer", Self::Defer)];
}

impl Word for IfUnknown {
    const WORDS: &'static [(&'static str, Self)] = &[("accept", Self::Accept), ("defer", Self::Defer)];
}

impl Default for LevelRules {
    fn default() -> Self {
        Self {
            require: Require::Encrypt,
            min_tls: TlsVersion::V1_2,
            if_unmet: IfUnmet::Reject,
            if_unknown: IfUnknown::Accept,
        }
    }
}

impl Levels {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            confidential: LevelRules::read(&section.section("confidential")),
            sensitive: LevelRules::read(&section.section("sensitive")),
        }
    }
}

impl LevelRules {
    fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        Self {
            require: section.value("require", default.require, word),
            min_tls: section.value("min-tls", default.min_tls, min_tls),
            if_unmet: section.value("if-unmet", default.if_unmet, word),
            if_unknown: section.value("if-unknown", default.if_unknown, word),
        }
    }
}

/// RFC 8996 deprecates TLS 1.0 and 1.1, and supervisory authorities count 1.2 as the minimum.
fn min_tls(value: &DeValue<'_>) -> Parsed<TlsVersion> {
    let wanted = "\"1.2\" or \"1.3\"";
    match value.as_str() {
        Some("1.2") => Ok(TlsVersion::V1_2),
        Some("1.3") => Ok(TlsVersion::V1_3),
        Some("1.0" | "1.1") => Err(format!("must be {wanted}: TLS 1.0 and 1.1 are deprecated (RFC 8996)")),
        Some(other) => Err(format!("must be {wanted}, not {}", quoted(other))),
        None => Err(mismatch(&format!("{wanted}, in quotes"), value)),
    }
}
