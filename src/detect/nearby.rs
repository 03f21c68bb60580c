//! Evidence around candidates: the words of each list, in the order of their places.

use super::{rule::Side, words::MAX_WORD};
use std::{cell::Cell, ops::Range, ptr};

/// Words of a list looked at on one side of a candidate: enough for the few different ones that count.
const LOOKED_AT: usize = 32;

/// How far apart two places of a word are between which others of it may be left out, in bytes.
const SPARSE: usize = 40;

/// The most different words of one list that count together.
pub(super) const MAX_MOST: usize = 10;

/// A word of a list, where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) written: &'a str,
}

/// The words of every list in a stretch of text, each list's in the order of their beginnings.
#[derive(Debug, Default)]
pub(super) struct Nearby<'a> {
    lists: Vec<Vec<Word<'a>>>,
    /// By list: where the last candidate stood. The next one is mostly not far behind it.
    looked_at: Vec<Cell<usize>>,
}

impl<'a> Nearby<'a> {
    /// Room for so many lists.
    pub(super) fn new(lists: usize) -> Self {
        Self { lists: vec![Vec::new(); lists], looked_at: vec![Cell::new(0); lists] }
    }

    pub(super) fn clear(&mut self) {
        self.lists.iter_mut().for_each(Vec::clear);
    }

    /// Adds a word, which mostly begins behind those that are known.
    pub(super) fn push(&mut self, list: usize, word: Word<'a>) {
        let words = &mut self.lists[list];
        let later = words.iter().rev().take_while(|known| known.start > word.start).count();
        match later {
            0 => words.push(word),
            _ => words.insert(words.len() - later, word),
        }
    }

    /// The same, where a word that is repeated again and again may be left out between its first and its last place, within
    /// [`SPARSE`] bytes.
    pub(super) fn push_sparsely(&mut self, list: usize, word: Word<'a>) {
        let repeats = |known: &Word<'_>| is_same(known.written, word.written) && word.start < known.start + SPARSE;
        if let [.., first, last] = self.lists[list].as_mut_slice()
            && repeats(first)
            && repeats(last)
        {
            *last = word;
            return;
        }
        self.push(list, word);
    }

    /// Forgets what ends before this place.
    pub(super) fn forget_before(&mut self, at: usize) {
        self.lists.iter_mut().for_each(|words| words.retain(|word| word.end >= at));
    }

    pub(super) fn list(&self, list: usize) -> &[Word<'a>] {
        &self.lists[list]
    }

    /// The words of a list, and which of them is the first that begins at a place or after it.
    fn from(&self, list: usize, place: usize) -> (&[Word<'a>], usize) {
        let words = self.list(list);
        let mut at = self.looked_at[list].get().min(words.len());
        while at > 0 && words[at - 1].start >= place {
            at -= 1;
        }
        at += words[at..].iter().take_while(|word| word.start < place).count();
        self.looked_at[list].set(at);
        (words, at)
    }

    /// Gathers up to `most` different words of a list at most `distance` from a candidate and not within it, nearest first.
    pub(super) fn near(&self, list: usize, range: &Range<usize>, around: &Around<'_>, few: &mut Few<'a>) {
        let (words, first_within) = self.from(list, range.start);
        let within = words[first_within..].iter().take_while(|word| word.start < range.end).count();
        near(&words[..first_within], &words[first_within + within..], range, around, few);
    }
}

/// A few different words, nearest first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Few<'a> {
    words: [&'a str; MAX_MOST],
    count: usize,
}

impl<'a> Few<'a> {
    pub(super) fn words(&self) -> &[&'a str] {
        &self.words[..self.count]
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
    }

    pub(super) fn first(&self, most: usize) -> Self {
        Self { words: self.words, count: self.count.min(most) }
    }

    pub(super) fn push(&mut self, word: &'a str) {
        if self.count < MAX_MOST && !self.words().iter().any(|known| is_same(known, word)) {
            self.words[self.count] = word;
            self.count += 1;
        }
    }
}

/// Whether two words are the same: mostly they are the very same word of a list, or begin or end otherwise.
fn is_same(one: &str, other: &str) -> bool {
    let ends = |word: &str| (word.len(), word.bytes().next(), word.bytes().next_back());
    ptr::eq(one, other) || ends(one) == ends(other) && one == other
}

/// What is asked for around a candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// In bytes.
    pub(super) distance: usize,
    pub(super) side: Side,
    pub(super) most: usize,
    /// A word that does not count: the candidate's own.
    pub(super) own: Option<&'a str>,
}

/// The same of words that begin before a candidate and behind it.
fn near<'a>(before: &[Word<'a>], after: &[Word<'a>], range: &Range<usize>, around: &Around<'_>, few: &mut Few<'a>) {
    few.clear();
    let before = if around.side == Side::After { &[] } else { before };
    let after = if around.side == Side::Before { &[] } else { after };
    let (mut before, mut after) = (before.iter().rev().take(LOOKED_AT), after.iter().take(LOOKED_AT));
    // What reaches into the candidate is not before it, and what is too far has nothing nearer behind it, but for the
    // difference in the words' lengths.
    let mut next_before = || loop {
        let word = before.next()?;
        match range.start.checked_sub(word.end) {
            Some(gap) if gap <= around.distance => return Some((gap, word.written)),
            Some(gap) if gap > around.distance + MAX_WORD => return None,
            _ => {}
        }
    };
    let mut next_after = || {
        let word = after.next()?;
        let gap = word.start - range.end;
        (gap <= around.distance).then_some((gap, word.written))
    };
    let (mut one_before, mut one_after) = (next_before(), next_after());
    while few.count < around.most {
        let word = match (one_before, one_after) {
            (Some((gap, word)), other) if other.is_none_or(|(other, _)| gap <= other) => {
                one_before = next_before();
                word
            }
            (_, Some((_, word))) => {
                one_after = next_after();
                word
            }
            _ => break,
        };
        if !around.own.is_some_and(|own| is_same(own, word)) {
            few.push(word);
        }
    }
}

/// Whether a candidate lies within one of the words.
pub(super) fn cover(words: &[Word<'_>], range: &Range<usize>) -> bool {
    let after = words.partition_point(|word| word.start <= range.start);
    words[after.saturating_sub(LOOKED_AT)..after].iter().any(|word| word.end >= range.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nearby(words: &[(usize, usize, &'static str)]) -> Nearby<'static> {
        let mut nearby = Nearby::new(1);
        for &(start, end, written) in words {
            nearby.push(0, Word { start, end, written });
        }
        nearby
    }

    #[test]
    fn the_nearest_different_words_are_near() {
        let nearby = nearby(&[(0, 3, "a"), (4, 6, "b"), (30, 33, "b"), (10, 20, "c"), (34, 36, "d")]);
        for (side, distance, most, own, expected) in [
            (Side::Either, 100, 10, None, &["c", "b", "d", "a"][..]),
            (Side::Either, 100, 2, Some("c"), &["b", "d"]),
            (Side::Either, 8, 10, None, &["c", "b"]),
            (Side::Before, 100, 10, None, &["c", "b", "a"]),
            (Side::After, 100, 10, None, &["b", "d"]),
            (Side::Either, 100, 1, None, &["c"]),
            (Side::After, 4, 1, None, &[]),
        ] {
            let around = Around { distance, side, most, own };
            let mut few = Few::default();
            nearby.near(0, &(22..25), &around, &mut few);
            assert_eq!(few.words(), expected, "{side:?} {distance} {most}");
        }
        assert!(cover(nearby.list(0), &(12..15)));
        assert!(!cover(nearby.list(0), &(8..15)));
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
            let around = Around { distance, side: Side::Either, most: 1, own: None };
            let mut few = Few::default();
            nearby(&words).near(0, &range, &around, &mut few);
            prop_assert_eq!(!few.words().is_empty(), slow);
        }
    }
}
