//! `segl.toml`: what the administrator decides. Names are kebab-case; a key that is not known is an error.
//!
//! Each section has a file, and there each key is named once, with its default and its bounds. What a [`Config`]
//! holds has been parsed and is within its bounds; nothing has to be validated again.

mod advice;
mod destinations;
mod detect;
mod documents;
mod domains;
mod duration;
mod evidence;
mod fault;
mod level;
mod locate;
mod log;
mod marks;
mod organisation;
mod postfix;
mod probe;
mod reader;
pub mod rules;
mod size;
mod sockets;
mod store;
mod submitted;
mod value;

pub use self::{
    advice::Advice,
    destinations::{Baseline, Destinations},
    detect::{CountsAs, Detect, LimitCountsAs},
    documents::Documents,
    domains::DomainSet,
    evidence::Evidence,
    fault::{ConfigError, Fault},
    level::{IfUnknown, IfUnmet, LevelRules, Levels, Require},
    locate::{line_of, located},
    log::{Log, LogTarget},
    marks::{MarkLevel, Marks},
    organisation::{Language, Organisation},
    postfix::{Postfix, TransportLeads},
    probe::Probe,
    sockets::{SocketAddress, Sockets},
    store::Store,
    submitted::Submitted,
};

use self::{
    reader::Section,
    value::{Word, word},
};
use std::{fs::File, io::Read, path::Path};

/// The largest configuration file read, in bytes.
pub const FILE_MAX: usize = 1024 * 1024;

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Whether Segl acts or only says what it would do.
    pub mode: Mode,
    /// Who we are.
    pub organisation: Organisation,
    /// Where Postfix reaches us.
    pub sockets: Sockets,
    /// What each level asks.
    pub level: Levels,
    /// Which mail is ours to refuse.
    pub submitted: Submitted,
    /// What is asked of destinations.
    pub destinations: Destinations,
    /// How messages are read and judged.
    pub detect: Detect,
    /// How attached files are read.
    pub documents: Documents,
    /// How the sender marks a message.
    pub marks: Marks,
    /// How destinations are probed.
    pub probe: Probe,
    /// Where state lives.
    pub store: Store,
    /// Which Postfix this is.
    pub postfix: Postfix,
    /// Where Postfix's log is read.
    pub evidence: Evidence,
    /// What is written to the log and the message.
    pub log: Log,
}

/// Whether Segl acts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// Tag, log and record; refuse nothing, require nothing.
    #[default]
    Observe,
    /// Refuse, pin and require.
    Enforce,
}

impl Word for Mode {
    const WORDS: &'static [(&'static str, Self)] = &[("observe", Self::Observe), ("enforce", Self::Enforce)];
}

impl Config {
    /// Reads and validates a configuration file.
    ///
    /// # Errors
    /// When the file cannot be read, is larger than [`FILE_MAX`] or no UTF-8; else with every fault in it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |reason: String| ConfigError::Unreadable { path: path.to_owned(), reason };
        let wrong = |faults| ConfigError::Wrong { path: path.to_owned(), faults };
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let mut bytes = Vec::new();
        let limit = FILE_MAX as u64 + 1;
        file.take(limit).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
        if bytes.len() > FILE_MAX {
            return Err(unreadable(format!("larger than {FILE_MAX} bytes, too large for a configuration file")));
        }
        let text = str::from_utf8(&bytes).map_err(|error| wrong(vec![not_utf8(&bytes, error.valid_up_to())]))?;
        Self::parse(text).map_err(wrong)
    }

    /// Reads and validates the text of a configuration file.
    ///
    /// # Errors
    /// With every fault in it, by line.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        reader::read(text, Self::read)
    }

    fn read(top: &Section<'_>) -> Self {
        let default = Self::default();
        Self {
            mode: top.value("mode", default.mode, word),
            organisation: Organisation::read(&top.section("organisation")),
            sockets: Sockets::read(&top.section("sockets")),
            level: Levels::read(&top.section("level")),
            submitted: Submitted::read(&top.section("submitted")),
            destinations: Destinations::read(&top.section("destinations")),
            detect: Detect::read(&top.section("detect")),
            documents: Documents::read(&top.section("documents")),
            marks: Marks::read(&top.section("marks")),
            probe: Probe::read(&top.section("probe")),
            store: Store::read(&top.section("store")),
            postfix: Postfix::read(&top.section("postfix")),
            evidence: Evidence::read(&top.section("evidence")),
            log: Log::read(&top.section("log")),
        }
    }
}

fn not_utf8(bytes: &[u8], valid_up_to: usize) -> Fault {
    let line = bytes.iter().take(valid_up_to).filter(|byte| **byte == b'\n').count() + 1;
    Fault { line, key: String::new(), message: "not UTF-8: save the file in this encoding".to_owned() }
}

#[cfg(test)]
mod tests;
