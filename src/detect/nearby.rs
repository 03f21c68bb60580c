//! Evidence around candidates: the words of each list, in the order of their places.

use super::rule::{ListId, Side};
use std::{collections::BTreeMap, ops::Range};

/// Words of a list looked at on one side of a candidate: enough for the few different ones that count.
const LOOKED_AT: usize = 32;

/// A word of a list, where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) written: &'a str,
}

/// All that lies around a cluster of candidates.
#[derive(Default)]
pub(super) struct Nearby<'a> {
    lists: BTreeMap<ListId, Places<'a>>,
}

/// Places of words in the order of their ends, and the same in that of their starts.
#[derive(Default)]
pub(super) struct Places<'a> {
    by_end: Vec<Word<'a>>,
    by_start: Vec<Word<'a>>,
}

impl<'a> Nearby<'a> {
    /// From words in any order.
    pub(super) fn of(words: impl Iterator<Item = (ListId, Word<'a>)>) -> Self {
        let mut lists: BTreeMap<ListId, Places<'a>> = BTreeMap::new();
        for (list, word) in words {
            lists.entry(list).or_default().by_end.push(word);
        }
        for places in lists.values_mut() {
            places.sort();
        }
        Self { lists }
    }

    pub(super) fn list(&self, list: ListId) -> Option<&Places<'a>> {
        self.lists.get(&list)
    }
}

impl<'a> Places<'a> {
    /// From words in any order.
    pub(super) fn of(words: Vec<Word<'a>>) -> Self {
        let mut places = Self { by_end: words, by_start: Vec::new() };
        places.sort();
        places
    }

    fn sort(&mut self) {
        self.by_end.sort_by_key(|word| word.end);
        self.by_start.clone_from(&self.by_end);
        self.by_start.sort_by_key(|word| word.start);
    }

    /// Up to `most` different words at most `distance` from a candidate and not within it, nearest first.
    pub(super) fn near(&self, range: &Range<usize>, distance: usize, side: Side, most: usize) -> Vec<&'a str> {
        let last_before = self.by_end.partition_point(|word| word.end <= range.start);
        let first_after = self.by_start.partition_point(|word| word.start < range.end);
        let before = self.by_end[..last_before].iter().rev().map(|word| (range.start - word.end, word.written));
        let after = self.by_start[first_after..].iter().map(|word| (word.start - range.end, word.written));
        let mut near: Vec<(usize, &'a str)> = Vec::new();
        if side != Side::After {
            near.extend(before.take(LOOKED_AT).take_while(|(gap, _)| *gap <= distance));
        }
        if side != Side::Before {
            near.extend(after.take(LOOKED_AT).take_while(|(gap, _)| *gap <= distance));
        }
        near.sort_by_key(|(gap, _)| *gap);
        let mut different: Vec<&'a str> = Vec::new();
        for (_, word) in near {
            if !different.contains(&word) {
                different.push(word);
            }
            if different.len() == most {
                break;
            }
        }
        different
    }

    /// Whether a candidate lies within one of the words.
    pub(super) fn cover(&self, range: &Range<usize>, longest: usize) -> bool {
        let first = self.by_end.partition_point(|word| word.end < range.end);
        self.by_end[first..]
            .iter()
            .take_while(|word| word.end <= range.start + longest)
            .take(LOOKED_AT)
            .any(|word| word.start <= range.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(words: &[(usize, usize, &'static str)]) -> Places<'static> {
        Places::of(words.iter().map(|&(start, end, written)| Word { start, end, written }).collect())
    }

    #[test]
    fn the_nearest_different_words_are_near() {
        let places = places(&[(0, 3, "a"), (4, 6, "b"), (10, 20, "c"), (30, 33, "b"), (34, 36, "d")]);
        for (side, distance, most, expected) in [
            (Side::Either, 100, 10, &["c", "b", "d", "a"][..]),
            (Side::Either, 8, 10, &["c", "b"]),
            (Side::Before, 100, 10, &["c", "b", "a"]),
            (Side::After, 100, 10, &["b", "d"]),
            (Side::Either, 100, 1, &["c"]),
            (Side::After, 4, 1, &[]),
        ] {
            assert_eq!(places.near(&(22..25), distance, side, most), expected, "{side:?} {distance} {most}");
        }
        assert!(places.cover(&(12..15), 100));
        assert!(!places.cover(&(8..15), 100));
    }

    proptest! {
        #[test]
        fn words_are_near_as_a_slow_search_says(
            words in prop::collection::vec((0_usize..100, 1_usize..9), 0..20), start in 0_usize..100, length in 1_usize..9,
            distance in 0_usize..40,
        ) {
            let range = start..start + length;
            let words: Vec<_> = words.into_iter().map(|(start, length)| (start, start + length, "a")).collect();
            let slow = words.iter().any(|&(start, end, _)| {
                end <= range.start && range.start - end <= distance || start >= range.end && start - range.end <= distance
            });
            prop_assert_eq!(!places(&words).near(&range, distance, Side::Either, 1).is_empty(), slow);
        }
    }
}
