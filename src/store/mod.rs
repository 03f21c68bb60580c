//! What must outlive a crash. Pins first: "destination D needs at least R for message Q".

pub mod claim;
pub mod database;
pub mod filesystem;
pub mod findings;
mod index;
pub mod sqlite;

use crate::{
    envelope::QueueId,
    level::{Category, Level},
    nexthop::{Destination, DestinationError},
    requirement::Requirement,
};
use std::{fmt, future::Future, pin::Pin as BoxPin};

/// What a pin holds on to.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Scope {
    /// One next-hop.
    Destination(Destination),
    /// Every next-hop: for a message of which Postfix's own tools could not say where it goes.
    Everywhere,
}

/// How [`Scope::Everywhere`] is written. A next-hop spelt like this (Postfix has none) means everywhere as well,
/// which is never weaker.
const EVERYWHERE: &str = "*";

impl Scope {
    /// Reads a next-hop, or `*` for every next-hop.
    ///
    /// # Errors
    /// When it is no next-hop.
    pub fn parse(text: &str) -> Result<Self, DestinationError> {
        Destination::new(text).map(Self::from)
    }
}

impl From<Destination> for Scope {
    fn from(destination: Destination) -> Self {
        if destination.as_str() == EVERYWHERE { Self::Everywhere } else { Self::Destination(destination) }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination(destination) => destination.fmt(f),
            Self::Everywhere => f.pad(EVERYWHERE),
        }
    }
}

/// For whom a pin is held.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Holder {
    /// A tagged message: the pin goes when the message has left the queue.
    Message(QueueId),
    /// The administrator (`segl pins add`): the pin goes when the administrator says so (`segl pins remove`).
    Administrator,
}

/// How [`Holder::Administrator`] is written: no queue ID, since those are letters and digits.
const ADMINISTRATOR: &str = "-";

impl Holder {
    /// Reads what `Display` writes: a queue ID, or `-` for the administrator.
    pub fn parse(text: &str) -> Option<Self> {
        if text == ADMINISTRATOR { Some(Self::Administrator) } else { QueueId::parse(text).map(Self::Message) }
    }

    /// The message, where it is one.
    pub fn message(&self) -> Option<&QueueId> {
        match self {
            Self::Message(queue_id) => Some(queue_id),
            Self::Administrator => None,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(queue_id) => queue_id.fmt(f),
            Self::Administrator => f.pad(ADMINISTRATOR),
        }
    }
}

/// One pin. Every pin that is stored is live: a pin ends by being removed, never by the clock alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pin {
    /// On what.
    pub scope: Scope,
    /// For whom.
    pub holder: Holder,
    /// What at least.
    pub requirement: Requirement,
    /// How confidential the message is; `None` for the administrator's pins.
    pub level: Level,
    /// What the message holds.
    pub categories: Vec<Category>,
    /// When it was last written, Unix time in milliseconds.
    pub created: i64,
    /// When it lapses where neither the mail log nor the queue can be read, Unix time in seconds; of no meaning for
    /// the administrator's pins.
    pub until: i64,
    /// Whether the message has been seen in the queue since then.
    pub seen: bool,
}

impl Pin {
    /// The pin that satisfies both of two for the same scope and holder: stricter, longer, and as new as the newer.
    #[must_use]
    pub fn merged(self, other: &Self) -> Self {
        let mut categories = self.categories;
        categories.extend(&other.categories);
        categories.sort_unstable();
        categories.dedup();
        // Having been seen says something about the message that wrote the newer of the two: a queue ID can be
        // used again.
        let seen = match self.created.cmp(&other.created) {
            std::cmp::Ordering::Less => other.seen,
            std::cmp::Ordering::Equal => self.seen && other.seen,
            std::cmp::Ordering::Greater => self.seen,
        };
        Self {
            scope: self.scope,
            holder: self.holder,
            requirement: self.requirement.and(other.requirement),
            level: self.level.max(other.level),
            categories,
            created: self.created.max(other.created),
            until: self.until.max(other.until),
            seen,
        }
    }
}

/// A message that has left the queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Departed {
    /// Which one.
    pub queue_id: QueueId,
    /// The moment for which that is known, Unix time in milliseconds: pins written later stay, since they are those
    /// of another message with the same queue ID.
    pub as_of: i64,
}

/// A message that was seen in the queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sighted {
    /// Which one.
    pub queue_id: QueueId,
    /// The moment for which that is known, Unix time in milliseconds: pins written later are not concerned.
    pub as_of: i64,
    /// Until when its pins now live where nothing can be read, Unix time in seconds; never shortens.
    pub until: i64,
}

/// Why a store did not do as asked. Every one of these is temporary for the mail concerned.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no (disk full, unreadable, locked by somebody else).
    #[error("store {path}: {reason}")]
    Database {
        /// The file.
        path: String,
        /// What it said.
        reason: String,
    },
    /// There is no database.
    #[error("store {path}: no such file; the daemon makes it when it first starts (segl run)")]
    Missing {
        /// The file.
        path: String,
    },
    /// Another process keeps its pins there.
    #[error("state directory {directory}: another process keeps its pins there; is segl running already?")]
    InUse {
        /// Which directory.
        directory: String,
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
    /// Writing one twice changes nothing but to make it stricter and longer ([`Pin::merged`]). The write goes on
    /// when the future is dropped.
    ///
    /// # Errors
    /// When it is not certain that the pins are on disk: refuse the message for now.
    fn pin(&self, pins: Vec<Pin>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The strictest requirement that any live pin puts on this destination, by memory alone.
    ///
    /// # Errors
    /// When the pins on disk could not be read: the answer is then "temporary failure", never "no pin".
    fn strictest(&self, destination: &Destination) -> Result<Option<Requirement>, StoreError>;

    /// Every pin, oldest first.
    ///
    /// # Errors
    /// When the pins on disk could not be read.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Pin>, StoreError>>;

    /// Removes the pins of these messages, since they have left the queue. Says how many rows went.
    ///
    /// # Errors
    /// When it is not certain that they are removed; they may be released again.
    fn release(&self, departed: Vec<Departed>) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// Notes that these messages are in the queue. Says how many rows changed.
    ///
    /// # Errors
    /// When it is not certain that it was noted.
    fn sighted(&self, sighted: Vec<Sighted>) -> BoxFuture<'_, Result<usize, StoreError>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::TlsVersion;
    use proptest::prelude::*;

    fn pin() -> impl Strategy<Value = Pin> {
        let version = prop_oneof![Just(TlsVersion::V1_2), Just(TlsVersion::V1_3)];
        let requirement = (any::<bool>(), version).prop_map(|(authenticated, version)| {
            if authenticated { Requirement::Authenticated(version) } else { Requirement::Encrypt(version) }
        });
        let categories = proptest::sample::subsequence(Category::ALL.to_vec(), 0..3);
        (requirement, categories, 0..3_i64, 0..3_i64, any::<bool>()).prop_map(
            |(requirement, categories, created, until, seen)| Pin {
                scope: Scope::Everywhere,
                holder: Holder::Administrator,
                requirement,
                level: if categories.is_empty() { Level::None } else { Level::Confidential },
                categories,
                created,
                until,
                seen,
            },
        )
    }

    proptest! {
        #[test]
        fn merging_is_idempotent_commutative_and_never_weaker(a in pin(), b in pin()) {
            prop_assert_eq!(a.clone().merged(&a), a.clone());
            let both = a.clone().merged(&b);
            prop_assert_eq!(&both, &b.clone().merged(&a));
            prop_assert_eq!(&both.clone().merged(&a).requirement, &both.requirement);
            for one in [&a, &b] {
                prop_assert_eq!(both.requirement.and(one.requirement), both.requirement);
                prop_assert!(both.created >= one.created && both.until >= one.until && both.level >= one.level);
                prop_assert!(one.categories.iter().all(|category| both.categories.contains(category)));
            }
        }
    }

    #[test]
    fn scope_and_holder_read_what_they_write() {
        for text in ["*", "example.dk", "[relay.example]:587"] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Scope::parse("*").unwrap(), Scope::Everywhere);
        for text in ["-", "4bXyZ1", "B33FC996097"] {
            assert_eq!(Holder::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Holder::parse("-").unwrap(), Holder::Administrator);
        assert_eq!(Holder::parse(""), None);
    }
}
