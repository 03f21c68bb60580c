//! Finding every word of many lists in one pass over a text.
//!
//! The words are kept in three classes by their length, each sorted. At each place the first two letters tell which classes
//! can have a word there; then a table of bits, looked up by the first letters, says no to most of what is left; then a
//! binary search finds the word, and with it the shorter ones that it begins with. At places within a word only those words
//! are looked for that may begin there (`*syg*`). That is faster than an automaton of so many words, whose tables do not fit
//! into the processor's caches, and takes little memory.

use super::words::{MAX_WORD, Word};
use std::{collections::BTreeMap, ops::Range};

/// The fewest letters of the words of each class, in bytes: by so many they are looked up.
const CLASSES: [usize; 3] = [6, 4, 2];

/// Bits of the tables that say no.
const FILTER_BITS: u32 = 17;

/// Many lists of words, searched at once. `L` says which list a word belongs to.
pub(super) struct Lists<L> {
    /// By the first two letters: a bit for each class that has such words, and above it one for those that may begin within a
    /// word.
    pairs: Vec<u8>,
    classes: [Class; CLASSES.len()],
    /// Each entry's words stand together.
    words: Vec<(Word, L)>,
}

/// Words of similar length.
struct Class {
    letters: usize,
    /// Whether there can be a word with such first letters, and one that may begin within another.
    any: Bits,
    inner: Bits,
    /// By the first letters: where the entries stand.
    places: Places,
    /// In the order of their letters.
    entries: Vec<Entry>,
    /// The letters of all entries.
    letters_of_all: Vec<u8>,
}

/// The words that look the same, folded.
struct Entry {
    letters: Range<u32>,
    words: Range<u32>,
    /// The longest other entry of this class that this one begins with.
    shorter: Option<u32>,
}

/// A word found: its place in the text, itself, and its list.
pub(super) struct Found<'a, L> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) word: &'a Word,
    pub(super) list: L,
}

impl<L: Copy> Lists<L> {
    /// Prepares the tables; none where there are no words.
    pub(super) fn build(words: impl IntoIterator<Item = (Word, L)>) -> Option<Self> {
        let mut words: Vec<(Word, L)> = words.into_iter().collect();
        // Where words look the same, those that come first stay first.
        words.sort_by(|(one, _), (other, _)| one.folded().cmp(other.folded()));
        words.shrink_to_fit();
        let (mut pairs, mut classes) = (vec![0; 1 << 16], CLASSES.map(Class::new));
        let mut first = 0;
        for alike in words.chunk_by(|(one, _), (other, _)| one.folded() == other.folded()) {
            let folded = alike[0].0.folded().as_bytes();
            let class = CLASSES.iter().position(|fewest| folded.len() >= *fewest).unwrap_or(CLASSES.len() - 1);
            let is_inner = alike.iter().any(|(word, _)| word.is_open_left());
            pairs[pair(folded)] |= 1 << class | u8::from(is_inner) << class << INNER;
            // Rule files are bounded far below the greatest of these numbers.
            let end = first + alike.len() as u32;
            classes[class].add(folded, first..end, is_inner);
            first = end;
        }
        for class in &mut classes {
            class.finish();
        }
        (!words.is_empty()).then_some(Self { pairs, classes, words })
    }

    /// Every word in `folded`, which is the folded text from byte `offset` of `text` on, in the order of their beginnings, the
    /// longest first.
    pub(super) fn find<'a>(&'a self, text: &str, folded: &[u8], offset: usize, mut take: impl FnMut(Found<'a, L>)) {
        let mut begins = true;
        for at in 0..folded.len().saturating_sub(1) {
            let rest = &folded[at..];
            let there = self.pairs[pair(rest)] >> if begins { 0 } else { INNER } & CLASS_BITS;
            if there != 0 {
                for (index, class) in self.classes.iter().enumerate() {
                    if there >> index & 1 != 0 {
                        class.find(rest, begins, |Entry { letters, words, .. }| {
                            let (start, end) = (offset + at, offset + at + letters.len());
                            for (word, list) in &self.words[words.start as usize..words.end as usize] {
                                if word.fits(text, start, end) {
                                    take(Found { start, end, word, list: *list });
                                }
                            }
                        });
                    }
                }
            }
            // After a letter that is not ASCII a word may begin, too, as far as can be told from its last byte.
            begins = !folded[at].is_ascii_alphanumeric();
        }
    }
}

/// Where the bits of the words that may begin within another stand.
const INNER: u32 = 4;
const CLASS_BITS: u8 = (1 << CLASSES.len()) - 1;

fn pair(letters: &[u8]) -> usize {
    usize::from(letters[0]) << 8 | usize::from(letters[1])
}

impl Class {
    fn new(letters: usize) -> Self {
        Self {
            letters,
            any: Bits::new(),
            inner: Bits::new(),
            places: Places::default(),
            entries: Vec::new(),
            letters_of_all: Vec::new(),
        }
    }

    /// Adds the next entry in the order of letters.
    fn add(&mut self, folded: &[u8], words: Range<u32>, is_inner: bool) {
        let key = self.key(folded);
        self.any.set(key);
        if is_inner {
            self.inner.set(key);
        }
        // What begins this one stands before it, and is the last one or what that begins with.
        let mut shorter = self.entries.len().checked_sub(1);
        while let Some(at) = shorter.filter(|&at| !folded.starts_with(self.letters(&self.entries[at]))) {
            shorter = self.entries[at].shorter.map(|at| at as usize);
        }
        let start = self.letters_of_all.len() as u32;
        self.letters_of_all.extend_from_slice(folded);
        let letters = start..self.letters_of_all.len() as u32;
        self.entries.push(Entry { letters, words, shorter: shorter.map(|at| at as u32) });
    }

    fn finish(&mut self) {
        let mut ranges: BTreeMap<u64, Range<u32>> = BTreeMap::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let at = at as u32;
            ranges.entry(self.key(self.letters(entry))).or_insert(at..at).end = at + 1;
        }
        self.places = Places::build(ranges);
    }

    fn letters(&self, entry: &Entry) -> &[u8] {
        &self.letters_of_all[entry.letters.start as usize..entry.letters.end as usize]
    }

    /// The first letters as a number; 0 where there are too few.
    fn key(&self, folded: &[u8]) -> u64 {
        match folded.first_chunk::<8>() {
            Some(eight) => u64::from_le_bytes(*eight) & (u64::MAX >> (64 - 8 * self.letters)),
            None if folded.len() < self.letters => 0,
            None => folded[..self.letters].iter().rev().fold(0, |key, letter| key << 8 | u64::from(*letter)),
        }
    }

    /// Every entry that `rest` begins with, the longest first.
    fn find(&self, rest: &[u8], begins: bool, mut take: impl FnMut(&Entry)) {
        if rest.len() < self.letters {
            return;
        }
        let key = self.key(rest);
        if !if begins { &self.any } else { &self.inner }.has(key) {
            return;
        }
        let range = self.places.of(key);
        let entries = &self.entries[range.start as usize..range.end as usize];
        // The first letters are the same.
        let longest = &rest[self.letters..rest.len().min(MAX_WORD)];
        let after = entries.partition_point(|entry| &self.letters(entry)[self.letters..] <= longest);
        let mut at = after.checked_sub(1).map(|before| range.start as usize + before);
        while let Some(entry) = at.map(|at| &self.entries[at]) {
            if longest.starts_with(&self.letters(entry)[self.letters..]) {
                take(entry);
            }
            at = entry.shorter.map(|at| at as usize);
        }
    }
}

/// A set of keys, of which some more are said to be in it.
struct Bits(Vec<u64>);

impl Bits {
    fn new() -> Self {
        Self(vec![0; 1 << (FILTER_BITS - 6)])
    }

    fn set(&mut self, key: u64) {
        let bit = hash(key, FILTER_BITS);
        self.0[bit >> 6] |= 1 << (bit & 63);
    }

    fn has(&self, key: u64) -> bool {
        let bit = hash(key, FILTER_BITS);
        self.0[bit >> 6] >> (bit & 63) & 1 != 0
    }
}

fn hash(key: u64, bits: u32) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize
}

/// Ranges of entries by key: a table with open addresses.
#[derive(Default)]
struct Places {
    slots: Vec<(u64, Range<u32>)>,
    bits: u32,
}

impl Places {
    fn build(ranges: BTreeMap<u64, Range<u32>>) -> Self {
        // Half of the slots at most are taken.
        let bits = (2 * ranges.len()).next_power_of_two().trailing_zeros().max(1);
        let mut places = Self { slots: vec![(0, 0..0); 1 << bits], bits };
        for (key, range) in ranges {
            let slot = places.slot(key);
            places.slots[slot] = (key, range);
        }
        places
    }

    /// Where a key stands or would stand.
    fn slot(&self, key: u64) -> usize {
        let mut at = hash(key, self.bits);
        while !self.slots[at].1.is_empty() && self.slots[at].0 != key {
            at = (at + 1) % self.slots.len();
        }
        at
    }

    fn of(&self, key: u64) -> Range<u32> {
        if self.slots.is_empty() { 0..0 } else { self.slots[self.slot(key)].1.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::fold::fold;
    use aho_corasick::AhoCorasick;
    use proptest::prelude::*;

    fn found(words: &[&str], text: &str) -> Vec<String> {
        let words = words.iter().map(|word| (Word::parse(word).unwrap(), ()));
        let lists = Lists::build(words).unwrap();
        all(&lists, text).into_iter().map(|found| found.word.written.to_string()).collect()
    }

    fn all<'a, L: Copy>(lists: &'a Lists<L>, text: &str) -> Vec<Found<'a, L>> {
        let mut all = Vec::new();
        lists.find(text, fold(text).as_bytes(), 0, |found| all.push(found));
        all
    }

    #[test]
    fn words_stand_alone_and_stars_let_them_go_on() {
        for (word, text, expected) in [
            ("journal", "Journal 12", true),
            ("journal", "journalist", false),
            ("journal*", "journalist", true),
            ("journal*", "fagjournal", false),
            ("*journal", "fagjournal", true),
            ("*journal", "fagjournalen", false),
            ("*journal*", "fagjournalen", true),
            ("født", "FØDT", true),
            ("født", "afføðt", false),
            ("født", "«født»", true),
            ("born on", "born\non", true),
            ("cpr-nr", "CPR-NR.", true),
            ("cpr", "cpr-nr", true),
            ("syg", "øsyg", false),
            ("syg", "sygø", false),
            ("ki", "ki.", true),
            ("ki", "kilo", false),
            ("*syg*", "usygelig", true),
        ] {
            assert_eq!(found(&[word], text), if expected { vec![word] } else { vec![] }, "{word} in {text}");
        }
        assert_eq!(found(&["cpr", "cpr-nr", "cpr*", "*r-nr"], "cpr-nr"), ["cpr-nr", "cpr", "cpr*", "*r-nr"]);
    }

    #[test]
    fn a_text_may_end_within_a_word() {
        // One whose first letters stand in the table where none at all would.
        let key = |word: &str| u64::from_le_bytes(word.as_bytes()[..8].try_into().unwrap()) & (u64::MAX >> 16);
        let mut words = (0_u32..26_u32.pow(4)).map(|number| {
            let letter = |at: u32| char::from(b'a' + (number / 26_u32.pow(at) % 26) as u8);
            format!("ab{}{}{}{}zz", letter(0), letter(1), letter(2), letter(3))
        });
        let word = words.find(|word| hash(key(word), FILTER_BITS) == 0).unwrap();
        let lists = Lists::build([(Word::parse(&word).unwrap(), ())]).unwrap();
        for text in ["a", "ab", "ab0", "ab00000", "x ab12"] {
            assert_eq!(all(&lists, text).len(), 0, "{text}");
        }
        assert_eq!(all(&lists, &word).len(), 1);
    }

    #[test]
    fn names_begin_with_a_capital() {
        let mut word = Word::parse("*sen").unwrap();
        word.capital = true;
        let lists = Lists::build([(word, ())]).unwrap();
        for (text, expected) in [("Anna Jensen", 1), ("ANNA JENSEN", 1), ("anna jensen", 0), ("Ås en", 0), ("Åsen", 1)]
        {
            assert_eq!(all(&lists, text).len(), expected, "{text}");
        }
    }

    proptest! {
        /// An automaton finds the same, where it is asked whether each of its matches fits.
        #[test]
        fn an_automaton_finds_the_same(
            words in prop::collection::vec("[*]?[abø]{3,9}[*]?|[ab]{2}|[ab]{1,3} [ab]{1,3}", 1..12),
            text in "[abø .»-]{0,60}",
        ) {
            let words: Vec<_> = words.iter().filter_map(|word| Word::parse(word).ok()).collect();
            prop_assume!(!words.is_empty());
            let folded = fold(&text);
            let automaton = AhoCorasick::new(words.iter().map(Word::folded)).unwrap();
            let mut expected: Vec<_> = automaton
                .find_overlapping_iter(&folded)
                .filter(|found| words[found.pattern().as_usize()].fits(&text, found.start(), found.end()))
                .map(|found| (found.start(), found.end(), found.pattern().as_usize()))
                .collect();
            let lists = Lists::build(words.into_iter().enumerate().map(|(at, word)| (word, at))).unwrap();
            let mut found: Vec<_> =
                all(&lists, &text).iter().map(|found| (found.start, found.end, found.list)).collect();
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
