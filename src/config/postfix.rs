//! `[postfix]`: which Postfix this is, and what it cannot tell us itself.

use super::{
    reader::{Section, one_word},
    value::{Word, optional_path, word},
};
use std::{collections::BTreeMap, path::PathBuf};

/// Which Postfix this is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Postfix {
    /// Postfix's configuration directory; none: the one that postconf takes by itself.
    pub config_directory: Option<PathBuf>,
    /// Transports of master.cf of which only you can say where they lead (pipe, your own daemons).
    pub transports: BTreeMap<String, TransportLeads>,
}

/// Where a transport leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TransportLeads {
    /// Mail stays on this host.
    Stays,
    /// Mail leaves it.
    Leaves,
}

impl Word for TransportLeads {
    const WORDS: &'static [(&'static str, Self)] = &[("stays", Self::Stays), ("leaves", Self::Leaves)];
}

impl Postfix {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            config_directory: section.value("config-directory", None, optional_path),
            transports: section.map("transports", one_word, word),
        }
    }
}
