//! A set of words as a trie: which of them a text begins with is told by walking from one letter to the next.
//!
//! The nodes stand in one array (a *double array*: J. Aoe, An efficient digital search algorithm by using a double-array
//! structure, 1989): the node that follows by a letter stands where the node before it says, exclusive-or the letter, and
//! carries the letter, so that a step is one look into memory and one comparison. No two nodes say the same place, so that a
//! letter never leads to the follower of another node. Where only one word goes on, the rest of it is compared at once.

use std::{array, collections::VecDeque, iter, ops::Range};

/// Nodes that stand together: as many as a byte has values.
const BLOCK: usize = 256;

/// Blocks that are looked through for a place for followers before a new one is begun. More make the array smaller, and
/// slower to build.
const OPEN: usize = 8;

/// Where no node stands: a byte that is in no text in UTF-8.
const NO_LETTER: u8 = 0xff;

/// A place where nothing stands.
const NOWHERE: u32 = REST - 1;

/// No word ends here.
const NONE: u32 = 0xff_ffff;

/// A set of words, each with a number.
pub(super) struct Trie {
    nodes: Vec<Node>,
    /// Where the nodes of first letters stand.
    root: u32,
    /// The rests of words, each with a byte behind it that is no letter, and then its number.
    rests: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Node {
    /// Where the nodes that follow stand, or the rest of the only word that goes on.
    base: u32,
    /// The number of the word that ends here, and the letter that leads here.
    word: u32,
}

/// The bit of places that are within the rest of a word.
const REST: u32 = 1 << 31;

/// Bytes of a word's number behind its rest.
const WIDTH: usize = 3;

impl Node {
    /// Nothing follows, whatever led here.
    const FREE: Self = Self::new(NOWHERE, NONE, NO_LETTER);

    const fn new(base: u32, word: u32, letter: u8) -> Self {
        Self { base, word: word << 8 | letter as u32 }
    }

    fn letter(self) -> u8 {
        self.word as u8
    }

    fn word(self) -> u32 {
        self.word >> 8
    }
}

impl Trie {
    /// Prepares a set of different words in the order of their letters, none of them empty; each with a number below 2^24 - 1,
    /// and together less than 2^31 bytes, which is far beyond what rule files may hold.
    pub(super) fn build(words: &[(&[u8], u32)]) -> Self {
        debug_assert!(words.iter().all(|(letters, number)| !letters.is_empty() && *number < NONE));
        let mut builder = Builder::default();
        let root = builder.followers(words, 0..words.len(), 0);
        while let Some((at, depth, range)) = builder.waiting.pop() {
            builder.nodes[at].base = builder.followers(words, range, depth);
        }
        Self { nodes: builder.nodes, root, rests: builder.rests }
    }

    /// The numbers and lengths of all words that `text` begins with, the shortest first.
    #[inline]
    pub(super) fn beginnings(&self, text: &[u8], take: impl FnMut(u32, usize)) {
        self.walk(self.root, text, take);
    }

    /// The same for a text that goes on from a place where another walk ended. The place where this one ends with the text,
    /// if words go on so.
    #[inline]
    pub(super) fn walk(&self, from: u32, text: &[u8], mut take: impl FnMut(u32, usize)) -> Option<u32> {
        let mut place = from;
        for (depth, &letter) in text.iter().enumerate() {
            if place & REST != 0 {
                return self.walk_alone(place, &text[depth..], |number, length| take(number, depth + length));
            }
            let node = self.nodes.get((place ^ u32::from(letter)) as usize).filter(|node| node.letter() == letter)?;
            if node.word() != NONE {
                take(node.word(), depth + 1);
            }
            place = node.base;
        }
        (place != NOWHERE).then_some(place)
    }

    /// The same where only one word goes on.
    fn walk_alone(&self, from: u32, text: &[u8], mut take: impl FnMut(u32, usize)) -> Option<u32> {
        let mut rest = self.rest(from);
        let mut letters = text.iter();
        loop {
            match rest {
                [NO_LETTER, number @ ..] => {
                    let number = number.iter().take(WIDTH).rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
                    take(number, text.len() - letters.as_slice().len());
                    return None;
                }
                [letter, after @ ..] => match letters.next() {
                    None => return Some(from + text.len() as u32),
                    Some(other) if other == letter => rest = after,
                    Some(_) => return None,
                },
                [] => return None,
            }
        }
    }

    /// Whether a walk that goes on from a place can take this letter.
    pub(super) fn goes_on(&self, from: u32, letter: u8) -> bool {
        if from & REST != 0 {
            return self.rest(from).first() == Some(&letter);
        }
        self.nodes.get((from ^ u32::from(letter)) as usize).is_some_and(|node| node.letter() == letter)
    }

    /// Where walks begin.
    pub(super) fn root(&self) -> u32 {
        self.root
    }

    fn rest(&self, place: u32) -> &[u8] {
        self.rests.get((place & !REST) as usize..).unwrap_or_default()
    }
}

#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    rests: Vec<u8>,
    /// The last blocks, which may have room.
    open: VecDeque<Block>,
    /// Nodes whose followers have no place yet: where they stand, how deep, and their words.
    waiting: Vec<(usize, usize, Range<usize>)>,
}

/// A block that is being filled.
struct Block {
    start: usize,
    free: Letters,
    /// The places that no node says.
    unsaid: Letters,
}

impl Builder {
    /// Makes the nodes by which some of the words go on, which are alike up to `depth` and longer; says where they stand.
    fn followers(&mut self, words: &[(&[u8], u32)], range: Range<usize>, depth: usize) -> u32 {
        let group = |words: &[(&[u8], u32)]| words.partition_point(|(letters, _)| letters[depth] <= words[0].0[depth]);
        let mut groups = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let end = start + group(&words[start..range.end]);
            groups.push((words[start].0[depth], start..end));
            start = end;
        }
        let base = self.base(&Letters::of(groups.iter().map(|(letter, _)| *letter)));
        for (letter, Range { start, end }) in groups {
            let (letters, number) = words[start];
            let at = base ^ usize::from(letter);
            let ends = letters.len() == depth + 1;
            self.nodes[at] = if end - start == 1 {
                // A word that goes on is found at its end.
                let (rest, number) = if ends { (NOWHERE, number) } else { (REST | self.rests.len() as u32, NONE) };
                if !ends {
                    self.rests.extend_from_slice(&letters[depth + 1..]);
                    self.rests.push(NO_LETTER);
                    self.rests.extend_from_slice(&words[start].1.to_le_bytes()[..WIDTH]);
                }
                Node::new(rest, number, letter)
            } else {
                self.waiting.push((at, depth + 1, start + usize::from(ends)..end));
                Node::new(0, if ends { number } else { NONE }, letter)
            };
        }
        base as u32
    }

    /// A place from which every letter leads to one that is free.
    fn base(&mut self, letters: &Letters) -> usize {
        if let Some((at, base)) = self.open.iter().enumerate().find_map(|(at, block)| Some((at, block.base(letters)?)))
        {
            return self.open[at].take(base, letters);
        }
        let mut block = Block { start: self.nodes.len(), free: Letters::ALL, unsaid: Letters::ALL };
        self.nodes.resize(self.nodes.len() + BLOCK, Node::FREE);
        let base = block.take(0, letters);
        if self.open.len() == OPEN {
            self.open.pop_front();
        }
        self.open.push_back(block);
        base
    }
}

impl Block {
    /// The first place that would do.
    fn base(&self, letters: &Letters) -> Option<u8> {
        let fitting = letters.iter().fold(self.unsaid, |fitting, letter| fitting.and(self.free.exchanged(letter)));
        fitting.iter().next()
    }

    fn take(&mut self, base: u8, letters: &Letters) -> usize {
        self.unsaid.remove(base);
        letters.iter().for_each(|letter| self.free.remove(base ^ letter));
        self.start + usize::from(base)
    }
}

/// A set of bytes.
#[derive(Clone, Copy)]
struct Letters([u64; 4]);

impl Letters {
    const ALL: Self = Self([u64::MAX; 4]);

    fn of(letters: impl Iterator<Item = u8>) -> Self {
        let mut set = [0; 4];
        letters.for_each(|letter| set[usize::from(letter >> 6)] |= 1 << (letter & 63));
        Self(set)
    }

    fn remove(&mut self, letter: u8) {
        self.0[usize::from(letter >> 6)] &= !(1 << (letter & 63));
    }

    fn and(self, other: Self) -> Self {
        Self(array::from_fn(|at| self.0[at] & other.0[at]))
    }

    /// Those that are in this set when exclusive-or `by`.
    fn exchanged(self, by: u8) -> Self {
        /// Bits whose place has a 0 at each of its six binary digits.
        const LOW: [u64; 6] = [
            0x5555_5555_5555_5555,
            0x3333_3333_3333_3333,
            0x0f0f_0f0f_0f0f_0f0f,
            0x00ff_00ff_00ff_00ff,
            0x0000_ffff_0000_ffff,
            0x0000_0000_ffff_ffff,
        ];
        Self(array::from_fn(|at| {
            let mut bits = self.0[at ^ usize::from(by >> 6)];
            for (digit, low) in LOW.iter().enumerate().filter(|(digit, _)| by >> digit & 1 == 1) {
                let distance = 1 << digit;
                bits = (bits & low) << distance | bits >> distance & low;
            }
            bits
        }))
    }

    fn iter(self) -> impl Iterator<Item = u8> {
        (0..=3).zip(self.0).flat_map(|(high, mut bits)| {
            iter::from_fn(move || {
                let low = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (low < 64).then_some(high << 6 | low as u8)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn beginnings(trie: &Trie, text: &[u8]) -> Vec<(u32, usize)> {
        let mut found = Vec::new();
        trie.beginnings(text, |word, length| found.push((word, length)));
        found
    }

    #[test]
    fn a_text_begins_with_words() {
        let words: [(&[u8], u32); 5] = [(b"a", 7), (b"abc", 1), (b"abcd", 2), (b"ac", 9), ("å b".as_bytes(), 3)];
        let trie = Trie::build(&words);
        for (text, expected) in [
            ("", &[][..]),
            ("a", &[(7, 1)]),
            ("ab", &[(7, 1)]),
            ("abcd", &[(7, 1), (1, 3), (2, 4)]),
            ("abce", &[(7, 1), (1, 3)]),
            ("acid", &[(7, 1), (9, 2)]),
            ("å bil", &[(3, 4)]),
            ("å", &[]),
            ("b", &[]),
            ("\0", &[]),
        ] {
            assert_eq!(beginnings(&trie, text.as_bytes()), expected, "{text}");
        }
        assert!(beginnings(&trie, &[0xff; 3]).is_empty());
        assert!(beginnings(&Trie::build(&[]), b"a").is_empty());
    }

    #[test]
    fn sets_are_exchanged() {
        let set = [0, 1, 5, 63, 64, 130, 255];
        for by in 0..=u8::MAX {
            let exchanged: BTreeSet<u8> = Letters::of(set.into_iter()).exchanged(by).iter().collect();
            assert_eq!(exchanged, set.iter().map(|letter| letter ^ by).collect(), "{by}");
        }
    }

    proptest! {
        #[test]
        fn words_are_found_as_a_slow_search_finds_them(
            words in prop::collection::btree_set("[ab\0øé ]{1,6}|[a-e]{1,4}", 0..200), text in "[ab\0øé ]{0,9}|[a-e]{0,6}",
        ) {
            let numbered: Vec<_> = words.iter().zip(0..).map(|(word, number)| (word.as_bytes(), number)).collect();
            let trie = Trie::build(&numbered);
            let slow = numbered.iter().filter(|(word, _)| text.as_bytes().starts_with(word));
            let mut slow: Vec<_> = slow.map(|(word, number)| (*number, word.len())).collect();
            slow.sort_by_key(|(_, length)| *length);
            prop_assert_eq!(beginnings(&trie, text.as_bytes()), slow.clone());

            // In two steps.
            let (one, other) = text.as_bytes().split_at(text.len() / 2);
            let mut found = Vec::new();
            let place = trie.walk(trie.root(), one, |word, length| found.push((word, length)));
            prop_assert!(other.first().is_none_or(|letter| place.is_some() || !trie.goes_on(NOWHERE, *letter)));
            if let Some(place) = place {
                let goes_on = other.first().is_some_and(|letter| trie.goes_on(place, *letter));
                let before = found.len();
                trie.walk(place, other, |word, length| found.push((word, one.len() + length)));
                prop_assert!(goes_on || found.len() == before);
            }
            prop_assert_eq!(found, slow);
        }
    }
}
