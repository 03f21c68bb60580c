//! Reads a message and says what is in it, by the rules of one configuration.

#[cfg(feature = "documents")]
use crate::worker::{Pool, Settings};
use crate::{
    config::{self, Config, rules::read_rule_files},
    detect::{RuleSet, Verdict},
    message::{self, Document, Limits, ReadAttachment, Unread},
    postfix::judge::Inspect,
};
use jiff::{Zoned, civil::Date};
use std::{io, sync::Arc, time::Instant};

/// The share of a message's time, in quarters, in which it must be read; what was read is judged in the rest.
const READING: u32 = 3;

/// Who reads what is attached.
#[derive(Clone, Debug)]
pub enum Attachments {
    /// Nobody.
    Unread,
    /// Worker processes.
    #[cfg(feature = "documents")]
    Workers(Arc<Pool>),
}

impl Attachments {
    /// What the configuration asks for, as far as this program has it.
    ///
    /// # Errors
    /// When the system refuses a thread.
    #[cfg(feature = "documents")]
    pub fn new(config: &config::Documents) -> io::Result<Self> {
        Ok(match config.read {
            true => Self::Workers(Arc::new(Pool::start(Settings::new(config))?)),
            false => Self::Unread,
        })
    }

    /// What the configuration asks for, as far as this program has it.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(feature = "documents"))]
    pub fn new(_: &config::Documents) -> io::Result<Self> {
        Ok(Self::Unread)
    }

    /// Starts a worker before one is wanted, so that the log says at once where none can be. Takes a moment.
    pub fn warm_up(&self) {
        match self {
            Self::Unread => {}
            #[cfg(feature = "documents")]
            Self::Workers(pool) => pool.warm_up(),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&dyn ReadAttachment) -> T) -> T {
        match self {
            Self::Unread => work(&Unread),
            #[cfg(feature = "documents")]
            Self::Workers(pool) => work(&pool.message()),
        }
    }
}

/// The rules of one configuration, ready for use.
pub struct Reader {
    rules: RuleSet,
    config: Arc<Config>,
    attachments: Attachments,
}

impl Reader {
    /// Reads the rule files that the configuration names.
    ///
    /// # Errors
    /// With every fault; each names file, line and rule.
    pub fn load(config: &Arc<Config>, attachments: Attachments) -> Result<Self, Vec<String>> {
        let files = read_rule_files(&config.detect.rules).map_err(|error| vec![format!("[detect] rules: {error}")])?;
        let rules =
            RuleSet::parse(&files).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        Ok(Self::new(rules, Arc::clone(config), attachments))
    }

    /// A reader with these rules.
    pub fn new(rules: RuleSet, config: Arc<Config>, attachments: Attachments) -> Self {
        Self { rules, config, attachments }
    }

    /// Reads a message and judges it as of `today`, until the deadline at the latest.
    pub fn read(&self, message: &[u8], today: Date, deadline: Instant) -> Verdict {
        let now = Instant::now();
        let until = now + deadline.saturating_duration_since(now) / 4 * READING;
        let limits = Limits::from(&self.config.documents);
        let mut verdict = self.attachments.with(|attachments| {
            let document: Document = message::read(message, &limits, until, attachments);
            self.rules.inspect(&document, today, &self.config.marks, deadline)
        });
        verdict.count_unread(&self.config.detect);
        verdict
    }
}

impl Inspect for Reader {
    fn inspect(&self, message: &[u8], deadline: Instant) -> Verdict {
        self.read(message, Zoned::now().date(), deadline)
    }
}
