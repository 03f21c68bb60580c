//! Evidence around candidates: the words of each list, in the order of their places.

use super::rule::Side;
use std::ops::Range;

/// Words of a list looked at on one side of a candidate: enough for the few different ones that count.
const LOOKED_AT: usize = 32;

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
}

impl<'a> Nearby<'a> {
    /// Room for so many lists.
    pub(super) fn new(lists: usize) -> Self {
        Self { lists: vec![Vec::new(); lists] }
    }

    pub(super) fn clear(&mut self) {
        self.lists.iter_mut().for_each(Vec::clear);
    }

    /// Adds a word, which mostly begins behind those that are known.
    pub(super) fn push(&mut self, list: usize, word: Word<'a>) {
        let words = &mut self.lists[list];
        let later = words.iter().rev().take_while(|known| known.start > word.start).count();
        words.insert(words.len() - later, word);
    }

    /// Forgets what ends before this place.
    pub(super) fn forget_before(&mut self, at: usize) {
        self.lists.iter_mut().for_each(|words| words.retain(|word| word.end >= at));
    }

    pub(super) fn list(&self, list: usize) -> &[Word<'a>] {
        &self.lists[list]
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

    pub(super) fn first(&self, most: usize) -> Self {
        Self { words: self.words, count: self.count.min(most) }
    }

    pub(super) fn push(&mut self, word: &'a str) {
        if self.count < MAX_MOST && !self.words().contains(&word) {
            self.words[self.count] = word;
            self.count += 1;
        }
    }
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

/// Up to `most` different words at most `distance` from a candidate and not within it, nearest first.
pub(super) fn near<'a>(words: &[Word<'a>], range: &Range<usize>, around: &Around<'_>) -> Few<'a> {
    let mut few = Few::default();
    if words.is_empty() {
        return few;
    }
    let (mut before, mut after) = (&words[..0], &words[..0]);
    if around.side != Side::After {
        before = &words[..words.partition_point(|word| word.start < range.start)];
        before = &before[before.len().saturating_sub(LOOKED_AT)..];
    }
    if around.side != Side::Before {
        after = &words[words.partition_point(|word| word.start < range.end)..];
        after = &after[..after.len().min(LOOKED_AT)];
    }
    // What reaches into the candidate is not before it.
    let mut before = before
        .iter()
        .rev()
        .filter_map(|word| Some((range.start.checked_sub(word.end)?, word.written)))
        .filter(|(gap, _)| *gap <= around.distance)
        .peekable();
    let mut after = after
        .iter()
        .map(|word| (word.start - range.end, word.written))
        .take_while(|(gap, _)| *gap <= around.distance)
        .peekable();
    while few.count < around.most {
        let nearer = match (before.peek(), after.peek()) {
            (Some((before, _)), Some((after, _))) => before <= after,
            (before, _) => before.is_some(),
        };
        let Some((_, word)) = (if nearer { before.next() } else { after.next() }) else { break };
        if around.own != Some(word) {
            few.push(word);
        }
    }
    few
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
            assert_eq!(near(nearby.list(0), &(22..25), &around).words(), expected, "{side:?} {distance} {most}");
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
            prop_assert_eq!(!near(nearby(&words).list(0), &range, &around).words().is_empty(), slow);
        }
    }
}
