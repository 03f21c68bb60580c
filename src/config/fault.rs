//! What is wrong in a configuration file, and where.

use super::value::quoted;
use serde::Serialize;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One fault.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Fault {
    /// The line, counted from 1.
    pub line: usize,
    /// Section and key: `[probe] reply-budget`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// `12: [probe] reply-budget: …`, to be read behind the file's name and a colon.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.line, self.message),
            key => write!(f, "{}: {key}: {}", self.line, self.message),
        }
    }
}

/// Why a configuration cannot be used. Its text is one line per fault: `segl.toml:12: [probe] reply-budget: …`.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is wrong.
    Wrong {
        /// The file.
        path: PathBuf,
        /// Every fault in it, by line.
        faults: Vec<Fault>,
    },
}

impl ConfigError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. } | Self::Wrong { path, .. } => path,
        }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Wrong { path, faults } => {
                for (number, fault) in faults.iter().enumerate() {
                    let end_of_line = if number == 0 { "" } else { "\n" };
                    write!(f, "{end_of_line}{}:{fault}", path.display())?;
                }
                Ok(())
            }
        }
    }
}

/// Byte offsets -> lines.
pub(super) struct Lines {
    ends: Vec<usize>,
}

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        Self { ends: text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect() }
    }

    /// The line in which the byte stands, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.ends.partition_point(|end| *end < offset) + 1
    }
}

/// What the TOML parser says, as a fault.
pub(super) fn syntax(error: &toml::de::Error, text: &str, lines: &Lines) -> Fault {
    let span = error.span().unwrap_or_default();
    // The parser's words name what it expected; the text at fault tells the reader where.
    let line = lines.line(span.start);
    let at_fault = text.get(span).unwrap_or_default().lines().next().unwrap_or_default().trim();
    let what = error.message().lines().collect::<Vec<_>>().join(", ");
    let message = match at_fault {
        "" => format!("not TOML: {what}"),
        _ => format!("not TOML: {what}, at {}", quoted(at_fault)),
    };
    Fault { line, key: String::new(), message }
}
