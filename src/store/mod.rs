//! What must outlive a crash. Pins first: "destination D needs at least R for message Q".

use crate::{envelope::QueueId, nexthop::Destination, requirement::Requirement};
use std::{fmt, future::Future, pin::Pin as BoxPin};

/// What a pin holds on to.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// One next-hop.
    Destination(Destination),
    /// Every next-hop: for a message of which Postfix's own tools could not say where it goes.
    Everywhere,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(destination) => destination.fmt(f),
            Self::Everywhere => f.pad("*"),
        }
    }
}

/// One pin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// For whom.
    pub scope: Scope,
    /// For which message.
    pub queue_id: QueueId,
    /// What at least.
    pub requirement: Requirement,
    /// When it was written, Unix time in milliseconds.
    pub created: i64,
    /// When it lapses where neither the mail log nor the queue can be read, Unix time in seconds.
    pub until: i64,
}

/// Why a store did not do as asked. Every one of these is temporary for the mail concerned.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no (disk full, unreadable, locked by somebody else).
    #[error("store {path}: {reason}")]
    Database {
        /// The file.
        path: String,
        /// What it said.
        reason: String,
    },
    /// The writer is gone or its queue is full.
    #[error("store: {0}")]
    Unavailable(&'static str),
}

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = BoxPin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where pins live.
pub trait PinStore: Send + Sync {
    /// Writes the pins of one message, all or none, and returns once they are on disk and every lookup sees them.
    /// Writing one twice changes nothing but to make it stricter and longer.
    fn pin(&self, pins: Vec<Pin>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The strictest requirement that any live pin puts on this destination, by memory alone.
    ///
    /// # Errors
    /// When the pins on disk could not be read: the answer is then "temporary failure", never "no pin".
    fn strictest(&self, destination: &Destination) -> Result<Option<Requirement>, StoreError>;

    /// Every pin, oldest first.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Pin>, StoreError>>;

    /// Removes every pin of these messages, since they have left the queue. Says how many rows went.
    fn release(&self, queue_ids: Vec<QueueId>) -> BoxFuture<'_, Result<usize, StoreError>>;
}
