//! Finding every word of many lists in one pass over a text.
//!
//! At each place where a word may begin, the first letters are looked up in a table of bits, which says no to nearly all of
//! them; what is left is compared. Words that may begin within another (`*syg*`) have a table of their own, which is asked at
//! every place. That is faster than an automaton of so many words, whose tables do not fit into the processor's caches, and
//! takes little memory.

use super::words::Word;
use std::collections::{BTreeMap, HashMap};

/// Letters by which words are looked up, in bytes.
const KEY: usize = 4;

/// Bits of the table that says no.
const FILTER_BITS: u32 = 16;

/// Many lists of words, searched at once. `L` says which list a word belongs to.
pub(super) struct Lists<L> {
    entries: Vec<Entry<L>>,
    /// Words that begin where a word begins.
    whole: Keys,
    /// The same of those that are shorter than a key.
    short: Keys,
    /// Words that may begin anywhere.
    inner: Keys,
    /// The same of those that are shorter than a key.
    short_inner: Keys,
}

/// The words that look the same, folded, and their lists.
struct Entry<L> {
    folded: Box<[u8]>,
    words: Vec<(Word, L)>,
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
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut entries: Vec<Entry<L>> = Vec::new();
        for (word, list) in words {
            let place = *places.entry(word.folded().to_owned()).or_insert(entries.len());
            if place == entries.len() {
                entries.push(Entry { folded: word.folded().as_bytes().into(), words: Vec::new() });
            }
            entries[place].words.push((word, list));
        }
        let keys = |is_inner: bool, is_short: bool| {
            let those = entries.iter().enumerate().filter(|(_, Entry { folded, words })| {
                words.iter().any(|(word, _)| word.is_open_left()) == is_inner && (folded.len() < KEY) == is_short
            });
            Keys::build(if is_short { SHORT } else { KEY }, those.map(|(at, entry)| (at, &*entry.folded)))
        };
        let tables = (keys(false, false), keys(false, true), keys(true, false), keys(true, true));
        let (whole, short, inner, short_inner) = tables;
        (!entries.is_empty()).then_some(Self { entries, whole, short, inner, short_inner })
    }

    /// Every word in `folded`, which is the folded text from byte `offset` of `text` on, in the order of their beginnings.
    pub(super) fn find(&self, text: &str, folded: &[u8], offset: usize) -> Vec<Found<'_, L>> {
        let mut found = Vec::new();
        let mut begins = true;
        for at in 0..folded.len() {
            let rest = &folded[at..];
            if let Some(key) = rest.first_chunk::<KEY>() {
                let key = u32::from_le_bytes(*key);
                if begins && self.whole.may_have(key) {
                    self.compare(&self.whole, key, text, rest, offset + at, &mut found);
                }
                if self.inner.may_have(key) {
                    self.compare(&self.inner, key, text, rest, offset + at, &mut found);
                }
            }
            if let [first, second, ..] = rest {
                let key = u32::from_le_bytes([*first, *second, 0, 0]);
                if begins && self.short.may_have(key) {
                    self.compare(&self.short, key, text, rest, offset + at, &mut found);
                }
                if self.short_inner.may_have(key) {
                    self.compare(&self.short_inner, key, text, rest, offset + at, &mut found);
                }
            }
            // After a letter that is not ASCII a word may begin, too, as far as can be told from its last byte.
            begins = !folded[at].is_ascii_alphanumeric();
        }
        found
    }

    fn compare<'a>(
        &'a self,
        keys: &Keys,
        key: u32,
        text: &str,
        rest: &[u8],
        start: usize,
        found: &mut Vec<Found<'a, L>>,
    ) {
        for &at in keys.of(key) {
            let Entry { folded, words } = &self.entries[at];
            if !rest.starts_with(folded) {
                continue;
            }
            let end = start + folded.len();
            let fitting = words.iter().filter(|(word, _)| word.fits(text, start, end));
            found.extend(fitting.map(|&(ref word, list)| Found { start, end, word, list }));
        }
    }
}

/// Letters of the words that are shorter than a key.
const SHORT: usize = 2;

/// Words by their first letters.
struct Keys {
    /// Whether there can be a word with such letters.
    bits: Vec<u64>,
    /// By the letters: the words' numbers.
    words: BTreeMap<u32, Vec<usize>>,
}

impl Keys {
    fn build<'a>(length: usize, words: impl Iterator<Item = (usize, &'a [u8])>) -> Self {
        let mut keys = Self { bits: vec![0; 1 << (FILTER_BITS - 6)], words: BTreeMap::new() };
        for (at, word) in words {
            let mut letters = [0; KEY];
            let length = length.min(word.len());
            letters[..length].copy_from_slice(&word[..length]);
            let key = u32::from_le_bytes(letters);
            let bit = bit(key);
            keys.bits[bit >> 6] |= 1 << (bit & 63);
            keys.words.entry(key).or_default().push(at);
        }
        keys
    }

    fn may_have(&self, key: u32) -> bool {
        let bit = bit(key);
        self.bits[bit >> 6] >> (bit & 63) & 1 != 0
    }

    fn of(&self, key: u32) -> &[usize] {
        self.words.get(&key).map(Vec::as_slice).unwrap_or_default()
    }
}

fn bit(key: u32) -> usize {
    (key.wrapping_mul(0x9e37_79b1) >> (32 - FILTER_BITS)) as usize
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
        lists.find(text, fold(text).as_bytes(), 0).iter().map(|found| found.word.written.clone()).collect()
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
    fn names_begin_with_a_capital() {
        let mut word = Word::parse("*sen").unwrap();
        word.capital = true;
        let lists = Lists::build([(word, ())]).unwrap();
        for (text, expected) in [("Anna Jensen", 1), ("ANNA JENSEN", 1), ("anna jensen", 0), ("Ås en", 0), ("Åsen", 1)]
        {
            assert_eq!(lists.find(text, fold(text).as_bytes(), 0).len(), expected, "{text}");
        }
    }

    proptest! {
        /// An automaton finds the same, where it is asked whether each of its matches fits.
        #[test]
        fn an_automaton_finds_the_same(
            words in prop::collection::vec("[*]?[abø]{3,6}[*]?|[ab]{2}|[ab]{1,3} [ab]{1,3}", 1..12),
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
            let mut found: Vec<_> = lists
                .find(&text, folded.as_bytes(), 0)
                .iter()
                .map(|found| (found.start, found.end, found.list))
                .collect();
            expected.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }
}
