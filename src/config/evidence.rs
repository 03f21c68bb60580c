//! `[evidence]`: where Postfix's log is read.

use super::{reader::Section, value::optional_path};
use std::path::PathBuf;

/// Where Postfix's log is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The mail log; empty: it is not read.
    pub mail_log: PathBuf,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { mail_log: "/var/log/mail.log".into() }
    }
}

impl Evidence {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let mail_log =
            section.value("mail-log", Self::default().mail_log, |value| Ok(optional_path(value)?.unwrap_or_default()));
        Self { mail_log }
    }
}
