//! The pins in memory: what a lookup reads, without a disk and without waiting for one another.
//!
//! Lookups read two things: one atomic word (is the store readable, and what holds everywhere) and the strictest
//! requirement of one destination, in one of many shards. Changes go through one lock that no lookup takes; they
//! keep for every scope how many pins ask for what, so that a destination with thousands of pins costs no more to
//! change than one with two.

use super::{Holder, Pin, Scope};
use crate::{
    nexthop::Destination,
    requirement::{Requirement, TlsVersion},
};
use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU8, Ordering},
    },
};

/// Lookups and changes of different destinations meet in one lock once in so many cases.
const SHARDS: usize = 64;

/// How many different requirements there are.
const KINDS: usize = 8;

/// The state in which nothing may be concluded from the index.
const UNREADABLE: u8 = u8::MAX;
/// The state in which no pin holds everywhere.
const NOTHING_EVERYWHERE: u8 = KINDS as u8;

/// One row that was changed on disk.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// This row is now there, whatever was there before.
    Put(Pin),
    /// This row is gone.
    Gone(Scope, Holder),
}

/// Nothing may be concluded: the pins on disk could not be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Unreadable;

/// The word that every lookup reads, alone on its cache line, since it hardly ever changes.
#[repr(align(64))]
struct State(AtomicU8);

#[repr(align(64))]
struct Shard(RwLock<HashMap<Destination, Requirement>>);

#[derive(Default)]
struct Rows {
    scopes: HashMap<Scope, Tally>,
    readable: bool,
}

/// The pins of one scope.
#[derive(Default)]
struct Tally {
    pins: HashMap<Holder, Pin>,
    counts: [u32; KINDS],
}

/// All pins, for reading.
pub(super) struct Index {
    state: State,
    shards: Vec<Shard>,
    rows: Mutex<Rows>,
}

fn kind(requirement: Requirement) -> u8 {
    let version = match requirement.min_tls() {
        TlsVersion::V1_0 => 0,
        TlsVersion::V1_1 => 1,
        TlsVersion::V1_2 => 2,
        TlsVersion::V1_3 => 3,
    };
    match requirement {
        Requirement::Encrypt(_) => version,
        Requirement::Authenticated(_) => 4 + version,
    }
}

fn of_kind(kind: u8) -> Requirement {
    let version = match kind % 4 {
        0 => TlsVersion::V1_0,
        1 => TlsVersion::V1_1,
        2 => TlsVersion::V1_2,
        _ => TlsVersion::V1_3,
    };
    if kind < 4 { Requirement::Encrypt(version) } else { Requirement::Authenticated(version) }
}

/// Which shard a destination is in: any cheap mixture of its first bytes and its length will do.
fn shard_of(destination: &Destination) -> usize {
    let bytes = destination.as_str().as_bytes();
    let mut first = [0; 8];
    let taken = bytes.len().min(first.len());
    first[..taken].copy_from_slice(&bytes[..taken]);
    let mixed = (u64::from_le_bytes(first) ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 58) as usize % SHARDS
}

impl Tally {
    fn put(&mut self, pin: Pin) {
        self.counts[usize::from(kind(pin.requirement))] += 1;
        if let Some(old) = self.pins.insert(pin.holder.clone(), pin) {
            self.counts[usize::from(kind(old.requirement))] -= 1;
        }
    }

    fn remove(&mut self, holder: &Holder) {
        if let Some(old) = self.pins.remove(holder) {
            self.counts[usize::from(kind(old.requirement))] -= 1;
        }
    }

    fn strictest(&self) -> Option<Requirement> {
        let present = (0_u8..).zip(self.counts).filter(|(_, count)| *count > 0);
        present.map(|(kind, _)| of_kind(kind)).reduce(Requirement::and)
    }
}

impl Index {
    /// An index that is not readable yet.
    pub(super) fn new() -> Self {
        let shards = std::iter::repeat_with(|| Shard(RwLock::default())).take(SHARDS).collect();
        Self { state: State(AtomicU8::new(UNREADABLE)), shards, rows: Mutex::default() }
    }

    /// The strictest requirement on this destination.
    pub(super) fn strictest(&self, destination: &Destination) -> Result<Option<Requirement>, Unreadable> {
        let everywhere = match self.state.0.load(Ordering::Acquire) {
            UNREADABLE => return Err(Unreadable),
            NOTHING_EVERYWHERE => None,
            kind => Some(of_kind(kind)),
        };
        let shard = self.shards[shard_of(destination)].0.read().unwrap_or_else(PoisonError::into_inner);
        let here = shard.get(destination).copied();
        drop(shard);
        Ok(match (here, everywhere) {
            (Some(here), Some(everywhere)) => Some(here.and(everywhere)),
            (here, everywhere) => here.or(everywhere),
        })
    }

    // A panic elsewhere leaves the state unreadable until everything has been replaced, so that a poisoned lock
    // says nothing that is not known.
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every pin, oldest first, also while the index is unreadable.
    pub(super) fn last_known(&self) -> Vec<Pin> {
        let rows = self.rows();
        let mut pins: Vec<Pin> = rows.scopes.values().flat_map(|tally| tally.pins.values().cloned()).collect();
        drop(rows);
        pins.sort_by(|a, b| (a.created, &a.holder, &a.scope).cmp(&(b.created, &b.holder, &b.scope)));
        pins
    }

    /// Every pin, oldest first.
    pub(super) fn list(&self) -> Result<Vec<Pin>, Unreadable> {
        if self.readable() { Ok(self.last_known()) } else { Err(Unreadable) }
    }

    /// Whether lookups get an answer.
    pub(super) fn readable(&self) -> bool {
        self.state.0.load(Ordering::Acquire) != UNREADABLE
    }

    /// Lets lookups fail until [`Index::replace`].
    pub(super) fn mark_unreadable(&self) {
        let mut rows = self.rows();
        rows.readable = false;
        self.state.0.store(UNREADABLE, Ordering::Release);
    }

    /// Takes over what a transaction changed.
    pub(super) fn apply(&self, changes: Vec<Change>) {
        let mut rows = self.rows();
        for change in changes {
            let scope = match change {
                Change::Put(pin) => {
                    let scope = pin.scope.clone();
                    rows.scopes.entry(scope.clone()).or_default().put(pin);
                    scope
                }
                Change::Gone(scope, holder) => {
                    if let Some(tally) = rows.scopes.get_mut(&scope) {
                        tally.remove(&holder);
                    }
                    scope
                }
            };
            self.publish(&mut rows, scope);
        }
    }

    fn publish(&self, rows: &mut Rows, scope: Scope) {
        let strictest = rows.scopes.get(&scope).and_then(Tally::strictest);
        if strictest.is_none() {
            rows.scopes.remove(&scope);
        }
        match scope {
            Scope::Everywhere => self.publish_state(rows),
            Scope::Destination(destination) => {
                let shard = &self.shards[shard_of(&destination)];
                let mut shard = shard.0.write().unwrap_or_else(PoisonError::into_inner);
                match strictest {
                    Some(requirement) => shard.insert(destination, requirement),
                    None => shard.remove(&destination),
                };
            }
        }
    }

    fn publish_state(&self, rows: &Rows) {
        let everywhere = rows.scopes.get(&Scope::Everywhere).and_then(Tally::strictest);
        let state = match (rows.readable, everywhere) {
            (false, _) => UNREADABLE,
            (true, None) => NOTHING_EVERYWHERE,
            (true, Some(requirement)) => kind(requirement),
        };
        self.state.0.store(state, Ordering::Release);
    }

    /// Takes over everything that is on disk, and is readable from then on.
    pub(super) fn replace(&self, pins: Vec<Pin>) {
        let mut scopes: HashMap<Scope, Tally> = HashMap::new();
        for pin in pins {
            scopes.entry(pin.scope.clone()).or_default().put(pin);
        }
        let mut shards = vec![HashMap::new(); SHARDS];
        for (scope, tally) in &scopes {
            if let (Scope::Destination(destination), Some(strictest)) = (scope, tally.strictest()) {
                shards[shard_of(destination)].insert(destination.clone(), strictest);
            }
        }
        let mut rows = self.rows();
        for (old, new) in self.shards.iter().zip(shards) {
            *old.0.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
        *rows = Rows { scopes, readable: true };
        self.publish_state(&rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{envelope::QueueId, level::Level};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn pin(scope: &str, holder: &str, requirement: Requirement) -> Pin {
        Pin {
            scope: Scope::parse(scope).unwrap(),
            holder: Holder::parse(holder).unwrap(),
            requirement,
            level: Level::Confidential,
            categories: Vec::new(),
            created: 0,
            until: 0,
            seen: false,
        }
    }

    fn strictest(index: &Index, destination: &str) -> Option<Requirement> {
        index.strictest(&Destination::new(destination).unwrap()).unwrap()
    }

    #[test]
    fn every_requirement_has_a_kind_of_its_own() {
        for number in 0..KINDS as u8 {
            assert_eq!(kind(of_kind(number)), number);
        }
    }

    #[test]
    fn is_unreadable_until_it_is_filled_and_after_it_is_said() {
        let index = Index::new();
        let destination = Destination::new("a.example").unwrap();
        let requirement = Requirement::Encrypt(TlsVersion::V1_2);
        assert_eq!(index.strictest(&destination), Err(Unreadable));
        index.apply(vec![Change::Put(pin("*", "A", requirement))]);
        assert_eq!(index.strictest(&destination), Err(Unreadable));
        index.replace(vec![pin("a.example", "A", requirement)]);
        assert_eq!(index.strictest(&destination), Ok(Some(requirement)));
        index.mark_unreadable();
        assert_eq!(index.strictest(&destination), Err(Unreadable));
        assert!(index.list().is_err());
        index.apply(vec![Change::Gone(Scope::Everywhere, Holder::Administrator)]);
        assert_eq!(index.strictest(&destination), Err(Unreadable));
        assert_eq!(index.last_known().len(), 1);
    }

    #[test]
    fn what_holds_everywhere_adds_to_what_holds_here() {
        let index = Index::new();
        index.replace(vec![
            pin("a.example", "A", Requirement::Authenticated(TlsVersion::V1_2)),
            pin("*", "B", Requirement::Encrypt(TlsVersion::V1_3)),
        ]);
        assert_eq!(strictest(&index, "a.example"), Some(Requirement::Authenticated(TlsVersion::V1_3)));
        assert_eq!(strictest(&index, "b.example"), Some(Requirement::Encrypt(TlsVersion::V1_3)));
        index.apply(vec![Change::Gone(Scope::Everywhere, Holder::Message(QueueId::parse("B").unwrap()))]);
        assert_eq!(strictest(&index, "a.example"), Some(Requirement::Authenticated(TlsVersion::V1_2)));
        assert_eq!(strictest(&index, "b.example"), None);
    }

    type Model = BTreeMap<(String, String), Requirement>;

    proptest! {
        #[test]
        fn agrees_with_a_table_that_is_searched_from_end_to_end(
            steps in prop::collection::vec((0..4_usize, 0..4_usize, 0..KINDS as u8, 0..10_u8), 0..80),
        ) {
            let scopes = ["a.example", "b.example", "[a.example]", "*"];
            let holders = ["A", "B", "C", "-"];
            let index = Index::new();
            index.replace(Vec::new());
            let mut model = Model::new();
            for (scope, holder, number, action) in steps {
                let (scope, holder) = (scopes[scope], holders[holder]);
                let key = (scope.to_owned(), holder.to_owned());
                match action {
                    0..=5 => {
                        model.insert(key, of_kind(number));
                        index.apply(vec![Change::Put(pin(scope, holder, of_kind(number)))]);
                    }
                    6..=8 => {
                        model.remove(&key);
                        let holder = Holder::parse(holder).unwrap();
                        index.apply(vec![Change::Gone(Scope::parse(scope).unwrap(), holder)]);
                    }
                    _ => {
                        let pins = model.iter().map(|((scope, holder), requirement)| pin(scope, holder, *requirement));
                        index.replace(pins.collect());
                    }
                }
                for destination in &scopes[..3] {
                    let of_model = model.iter().filter(|((scope, _), _)| scope == destination || scope == "*");
                    let expected = of_model.map(|(_, requirement)| *requirement).reduce(Requirement::and);
                    prop_assert_eq!(strictest(&index, destination), expected);
                }
                prop_assert_eq!(index.last_known().len(), model.len());
            }
        }
    }
}
