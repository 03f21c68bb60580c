//! `[detect]`: how messages are read and judged.

use super::{
    reader::Section,
    size,
    value::{Word, bytes, duration, path, word},
};
use std::{path::PathBuf, time::Duration};

/// Bounds of `max-message`, in bytes.
const MESSAGE_MIN: u64 = 1024;
const MESSAGE_MAX: u64 = 2 << 30;
/// Bounds of `receive-memory` and `read-memory`, in bytes.
const MEMORY_MIN: u64 = 1 << 20;
const MEMORY_MAX: u64 = 1 << 40;
/// Bounds of `max-time`; Postfix waits 300 s for the answer to a message's content (`milter_content_timeout`).
const TIME_MIN: Duration = Duration::from_millis(100);
const TIME_MAX: Duration = Duration::from_secs(240);

/// How many times a message's length its texts take at most while they are read, and how many times the limit on text.
/// Measured with texts of 95 MB written to be costly, where the limit is 32 MiB: 285 MiB in all, the program included.
const COPIES_OF_MESSAGE: usize = 3;
const COPIES_OF_TEXT: usize = 6;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How messages are read and judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Detect {
    /// Directories of rule files, read in this order; a later rule of the same id replaces an earlier one.
    pub rules: Vec<PathBuf>,
    /// The largest message read, in bytes; a larger one is unreadable as a whole.
    pub max_message: usize,
    /// Memory for all messages while they are received, in bytes.
    pub receive_memory: usize,
    /// Memory for all messages while they are read, in bytes.
    pub read_memory: usize,
    /// From this size on a message waits in an unlinked file instead of memory, in bytes.
    pub spool_above: usize,
    /// The longest that one message may take to read.
    pub max_time: Duration,
    /// What a message counts as of which some part could not be read.
    pub unreadable: CountsAs,
    /// What a message counts as of which some part was left unread because of a limit.
    pub limit: LimitCountsAs,
    /// What a message counts as of which some part is encrypted from end to end.
    pub protected: CountsAs,
}

/// What content counts as that was left unread because of a limit: whoever writes a message can reach every limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LimitCountsAs {
    /// Confidential.
    Confidential,
    /// Sensitive.
    Sensitive,
}

impl Word for LimitCountsAs {
    const WORDS: &'static [(&'static str, Self)] =
        &[("confidential", Self::Confidential), ("sensitive", Self::Sensitive)];
}

/// What content counts as that was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CountsAs {
    /// Nothing: it is listed and logged.
    Ignore,
    /// Confidential.
    Confidential,
    /// Sensitive.
    Sensitive,
}

impl Word for CountsAs {
    const WORDS: &'static [(&'static str, Self)] =
        &[("ignore", Self::Ignore), ("confidential", Self::Confidential), ("sensitive", Self::Sensitive)];
}

impl Default for Detect {
    fn default() -> Self {
        Self {
            rules: vec!["/usr/share/segl/rules".into(), "/etc/segl/rules.d".into()],
            max_message: 100 * MIB,
            receive_memory: 128 * MIB,
            read_memory: 320 * MIB,
            spool_above: MIB,
            max_time: Duration::from_secs(30),
            unreadable: CountsAs::Ignore,
            limit: LimitCountsAs::Confidential,
            protected: CountsAs::Ignore,
        }
    }
}

impl Detect {
    /// How many bytes of memory reading a message is reckoned to take that is so long, where so much text is read of it: the
    /// message itself, and what is decoded of it, either an attachment (which is as long at most) or a text with its
    /// copies, of which no more is made than is kept.
    pub fn memory_to_read(&self, length: usize, text: usize) -> usize {
        let of_text = length.saturating_mul(COPIES_OF_MESSAGE).min(text.saturating_mul(COPIES_OF_TEXT));
        length.saturating_add(length.max(of_text))
    }

    pub(super) fn read(section: &Section<'_>) -> Self {
        let default = Self::default();
        let memory = |key, default| section.value(key, default, |value| bytes(value, MEMORY_MIN..=MEMORY_MAX));
        let detect = Self {
            rules: section.list("rules", default.rules, path),
            max_message: section.value("max-message", default.max_message, |v| bytes(v, MESSAGE_MIN..=MESSAGE_MAX)),
            receive_memory: memory("receive-memory", default.receive_memory),
            read_memory: memory("read-memory", default.read_memory),
            spool_above: section.value("spool-above", default.spool_above, |value| bytes(value, 0..=MESSAGE_MAX)),
            max_time: section.value("max-time", default.max_time, |value| {
                duration(
                    value,
                    TIME_MIN..=TIME_MAX,
                    "Postfix waits 300s for the answer to a message (milter_content_timeout)",
                )
            }),
            unreadable: section.value("unreadable", default.unreadable, word),
            limit: section.value("limit", default.limit, word),
            protected: section.value("protected", default.protected, word),
        };
        if detect.rules.is_empty() {
            section.fault("rules", "must name a directory: without rules nothing is ever found".to_owned());
        }
        // A message that alone is larger than the memory for all would wait for ever.
        let written = |bytes: usize| size::written(bytes as u64);
        if detect.read_memory < detect.max_message {
            let least = written(detect.max_message);
            section.fault(
                "read-memory",
                format!("must not be less than max-message ({least}): no message of that size could be read"),
            );
        }
        if detect.receive_memory < detect.spool_above {
            let least = written(detect.spool_above);
            section.fault(
                "receive-memory",
                format!("must not be less than spool-above ({least}): no message of that size could be received"),
            );
        }
        detect
    }
}
