//! `[log]`: what is written to the log and the message.

use super::{
    reader::Section,
    value::{Word, boolean, word},
};

/// What is written to the log and the message.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// Where to.
    pub target: LogTarget,
    /// Whether tagged mail gets the header `X-Segl`.
    pub header: bool,
    /// Whether that header names level and categories too; recipients see it.
    pub header_categories: bool,
    /// Whether whole addresses stand in the log instead of domains alone.
    pub addresses: bool,
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogTarget {
    /// Standard error, with priorities where it is the journal's.
    #[default]
    Stderr,
    /// syslog(3), facility mail.
    Syslog,
}

impl Word for LogTarget {
    const WORDS: &'static [(&'static str, Self)] = &[("stderr", Self::Stderr), ("syslog", Self::Syslog)];
}

impl Default for Log {
    fn default() -> Self {
        Self { target: LogTarget::Stderr, header: true, header_categories: false, addresses: false }
    }
}

impl Log {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        Self {
            target: section.value("target", default.target, word),
            header: section.value("header", default.header, boolean),
            header_categories: section.value("header-categories", default.header_categories, boolean),
            addresses: section.value("addresses", default.addresses, boolean),
        }
    }
}
