//! The envelope of a message as Postfix tells it: queue ID, direction, recipients.

use serde::Serialize;
use std::fmt;

/// A Postfix queue ID, short or long form (`enable_long_queue_ids`).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct QueueId(String);

/// The longest queue ID taken; Postfix's own are far shorter.
const QUEUE_ID_MAX: usize = 100;

impl QueueId {
    /// Takes what Postfix sent as macro `i`; `None` unless it is made of the letters and digits that queue IDs
    /// are made of (Postfix `src/global/mail_queue.h`).
    pub fn parse(text: &str) -> Option<Self> {
        let valid = !text.is_empty() && text.len() <= QUEUE_ID_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric());
        valid.then(|| Self(text.to_owned()))
    }

    /// The queue ID as Postfix writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a message came to this server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// From our own people: authenticated, from a configured network, or by sendmail(1). May be refused.
    Submitted,
    /// From outside. Never refused for what it holds.
    Inbound,
}

impl Direction {
    /// The word used in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Inbound => "inbound",
        }
    }
}
