//! Reads a message and says what is in it, by the rules of one configuration.

use crate::{
    config::{Config, rules::read_rule_files},
    detect::{RuleSet, Verdict},
    message::{self, Limits, Unread},
    postfix::judge::Inspect,
};
use jiff::Zoned;
use std::{sync::Arc, time::Instant};

/// The rules of one configuration, ready for use.
pub struct Reader {
    rules: RuleSet,
    config: Arc<Config>,
}

impl Reader {
    /// Reads the rule files that the configuration names.
    ///
    /// # Errors
    /// With every fault; each names file, line and rule.
    pub fn load(config: &Arc<Config>) -> Result<Self, Vec<String>> {
        let files = read_rule_files(&config.detect.rules).map_err(|error| vec![format!("[detect] rules: {error}")])?;
        let rules =
            RuleSet::parse(&files).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
        Ok(Self { rules, config: Arc::clone(config) })
    }
}

impl Inspect for Reader {
    fn inspect(&self, message: &[u8], deadline: Instant) -> Verdict {
        let document = message::read(message, &Limits::default(), deadline, &Unread);
        let mut verdict = self.rules.inspect(&document, Zoned::now().date(), &self.config.marks, deadline);
        verdict.count_unreadable(self.config.detect.unreadable);
        verdict
    }
}
