//! `[store]`: where state lives.

use super::{
    reader::Section,
    value::{duration, path},
};
use std::{path::PathBuf, time::Duration};

/// Bounds of `pin-lifetime`.
const PIN_LIFETIME_MIN: Duration = Duration::from_secs(60);
const PIN_LIFETIME_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Where state lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// The directory of the databases and the spool; not a memory file system.
    pub directory: PathBuf,
    /// How long a pin lives where neither the mail log nor the queue can be read; must be longer than Postfix's
    /// `maximal_queue_lifetime`.
    pub pin_lifetime: Duration,
}

impl Default for Store {
    fn default() -> Self {
        Self { directory: "/var/lib/segl".into(), pin_lifetime: Duration::from_secs(14 * 24 * 3600) }
    }
}

impl Store {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        Self {
            directory: section.value("directory", default.directory, path),
            pin_lifetime: section.value("pin-lifetime", default.pin_lifetime, |value| {
                let why = "a pin must outlive its message in the queue (maximal_queue_lifetime, 5d by default)";
                duration(value, PIN_LIFETIME_MIN..=PIN_LIFETIME_MAX, why)
            }),
        }
    }
}
