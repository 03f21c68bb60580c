//! Finding every word of many lists in one pass over a text.
//!
//! Where a word of the text begins, a trie of all words is walked; within it, a trie of those that may stand there (`*syg*`),
//! where the next letters are such as one of them begins with.

use super::{
    fold::fold_into,
    memo::{Beyond, Inside, Known, Letters, MAX_LETTERS, Memos},
    tokens::{Tokens, is_letter},
    trie::Trie,
    words::Word,
};
use std::{collections::BTreeSet, ops::Range};

/// Many lists of words, searched at once. `L` says which list a word belongs to.
pub(super) struct Lists<L> {
    all: Trie,
    /// Those that may begin within another word.
    inner: Trie,
    inner_first: FirstLetters,
    /// By a byte: whether some word begins with it.
    first: [bool; 256],
    /// The ASCII signs that stand in words.
    signs: Vec<u8>,
    /// By their numbers in the tries, where the words that look the same, folded, begin, and at last where they end.
    alike: Vec<u32>,
    words: Vec<(Word, L)>,
    memos: Memos,
}

/// A word found: its number among all, and its place in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    word: u32,
    pub(super) start: u32,
    pub(super) end: u32,
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
        let (mut all, mut inner) = (Vec::new(), Vec::new());
        let (mut first, mut inner_first, mut alike) = ([false; 256], FirstLetters::default(), vec![0]);
        for those in words.chunk_by(|(one, _), (other, _)| one.folded() == other.folded()) {
            let folded = those[0].0.folded().as_bytes();
            // Rule files are bounded far below the greatest of these numbers.
            let (number, start) = (all.len() as u32, alike[all.len()]);
            all.push((folded, number));
            first[usize::from(folded[0])] = true;
            if those.iter().any(|(word, _)| word.is_open_left()) {
                inner.push((folded, number));
                inner_first.add(folded);
            }
            alike.push(start + those.len() as u32);
        }
        let signs = BTreeSet::from_iter(all.iter().flat_map(|(folded, _)| *folded).filter(|byte| !is_letter(**byte)));
        let signs = signs.into_iter().copied().collect();
        let (all, inner) = (Trie::build(&all), Trie::build(&inner));
        (!words.is_empty()).then_some(Self {
            all,
            inner,
            inner_first,
            first,
            signs,
            alike,
            words,
            memos: Memos::default(),
        })
    }

    /// The word that was marked.
    pub(super) fn found(&self, Mark { word, start, end }: Mark) -> Found<'_, L> {
        let (word, list) = &self.words[word as usize];
        Found { start: start as usize, end: end as usize, word, list: *list }
    }

    /// Marks every word that begins in a range of a text and ends there, in the order of their beginnings. The text is less than
    /// 4 GiB long.
    pub(super) fn find(&self, text: &str, range: Range<usize>, mut take: impl FnMut(Mark)) {
        let Range { start: offset, end } = range;
        let length = end - offset;
        let mut padded = Vec::with_capacity(length + MAX_LETTERS);
        fold_into(&text[range], &mut padded);
        padded.resize(length + MAX_LETTERS, 0);
        let folded = &padded[..length];
        let mut found = Vec::new();
        let mut memo = self.memos.take();
        let mut done = 0;
        for Range { start, end } in Tokens::of(folded) {
            self.signs(folded, done..start, &mut found);
            done = end;
            let letters = match padded[start..].first_chunk() {
                Some(first) if end - start <= MAX_LETTERS => Letters::of(first, end - start),
                _ => {
                    (start..end).for_each(|at| self.at(folded, at, &mut found));
                    continue;
                }
            };
            let Some(known) = memo.of(letters, padded[end], || self.find_out(&folded[start..end])) else {
                continue;
            };
            match known.beyond(padded[end]) {
                Beyond::Nothing => {}
                Beyond::From(place) => {
                    let first = found.len();
                    self.all.walk(place, &folded[end..], |number, length| {
                        found.push(Place { number, start, end: end + length });
                    });
                    found[first..].reverse();
                }
                Beyond::Unknown => {
                    (start..end).for_each(|at| self.at(folded, at, &mut found));
                    continue;
                }
            }
            found.extend(known.inside().iter().map(|inside| {
                let start = start + usize::from(inside.start);
                Place { number: inside.number, start, end: start + usize::from(inside.length) }
            }));
            if !found.is_empty() {
                self.take(text, offset, &mut found, &mut take);
            }
        }
        self.signs(folded, done..length, &mut found);
        self.take(text, offset, &mut found, &mut take);
        self.memos.give_back(memo);
    }

    /// What begins with the signs between two words.
    fn signs(&self, folded: &[u8], range: Range<usize>, found: &mut Vec<Place>) {
        for at in range {
            if self.first[usize::from(folded[at])] {
                self.at(folded, at, found);
            }
        }
    }

    /// What begins at a place.
    fn at(&self, folded: &[u8], at: usize, found: &mut Vec<Place>) {
        let rest = &folded[at..];
        let first = found.len();
        let place = |number, length| found.push(Place { number, start: at, end: at + length });
        if begins(folded, at) {
            if self.first[usize::from(folded[at])] {
                self.all.beginnings(rest, place);
            }
        } else if self.inner_first.has(rest) {
            self.inner.beginnings(rest, place);
        }
        found[first..].reverse();
    }

    /// What is found within a word, and whether something may begin there and go on behind it.
    fn find_out(&self, word: &[u8]) -> Known {
        let mut known = Known::default();
        let mut here = Vec::new();
        for at in 0..word.len() {
            let rest = &word[at..];
            let trie = match begins(word, at) {
                true if self.first[usize::from(rest[0])] => &self.all,
                false if self.inner_first.may_begin(rest) => &self.inner,
                _ => continue,
            };
            let end = trie.walk(trie.root(), rest, |number, length| here.push((number, length)));
            if let Some(place) = end {
                let signs = self.signs.iter().copied().filter(|sign| trie.goes_on(place, *sign)).collect();
                if at == 0 { known.go_on_from(place, signs) } else { known.go_on_within(signs) }
            }
            for (number, length) in here.drain(..).rev() {
                known.add(Inside { number, start: at as u8, length: length as u8 });
            }
        }
        known
    }

    fn take(&self, text: &str, offset: usize, found: &mut Vec<Place>, take: &mut impl FnMut(Mark)) {
        for Place { number, start, end } in found.drain(..) {
            let (start, end) = (offset + start, offset + end);
            for word in self.alike[number as usize]..self.alike[number as usize + 1] {
                if self.words[word as usize].0.fits(text, start, end) {
                    take(Mark { word, start: start as u32, end: end as u32 });
                }
            }
        }
    }
}

/// Where words that look the same, folded, stand in what is searched.
struct Place {
    number: u32,
    start: usize,
    end: usize,
}

/// Whether a word may begin at a place, as far as can be told from what stands before it.
fn begins(folded: &[u8], at: usize) -> bool {
    match folded[..at].last() {
        None => true,
        Some(byte) if byte.is_ascii() => !byte.is_ascii_alphanumeric(),
        Some(_) => !ends_in_letter(&folded[..at]),
    }
}

/// Whether a text whose last byte is not ASCII ends in a letter or digit; within a character, in none.
fn ends_in_letter(text: &[u8]) -> bool {
    let end = text.len();
    (1..=4.min(end))
        .find_map(|length| str::from_utf8(&text[end - length..]).ok())
        .is_some_and(|last| last.ends_with(char::is_alphanumeric))
}

/// What words begin with: a set of their first three bytes, in which some more are said to be.
struct FirstLetters {
    three: Vec<u64>,
    /// What one or two letters that end a word may be the whole of, or go on with a sign from, as [`Self::last`] has them.
    last: Vec<u64>,
}

impl FirstLetters {
    const BITS: u32 = 16;

    fn add(&mut self, word: &[u8]) {
        let any = |at: usize| word.get(at).map_or(0..=u8::MAX, |&letter| letter..=letter);
        let is_at_end = |length: usize| word.get(length).is_none_or(|next| !is_letter(*next));
        for (one, two) in any(0).flat_map(|one| any(1).map(move |two| (one, two))) {
            if is_at_end(2) {
                set(&mut self.last, Self::last(&[one, two]));
            }
            for three in any(2) {
                set(&mut self.three, Self::bit(one, two, three));
            }
        }
        if is_at_end(1) {
            set(&mut self.last, Self::last(&word[..1]));
        }
    }

    fn has(&self, text: &[u8]) -> bool {
        let letter = |at: usize| text.get(at).copied().unwrap_or(0);
        is_set(&self.three, Self::bit(letter(0), letter(1), letter(2)))
    }

    /// Whether one of them may begin with what is left of a word of the text, or be within it, whatever sign stands behind.
    fn may_begin(&self, rest: &[u8]) -> bool {
        match rest.len() {
            0..=2 => is_set(&self.last, Self::last(rest)),
            _ => self.has(rest),
        }
    }

    fn bit(one: u8, two: u8, three: u8) -> usize {
        let letters = u32::from_le_bytes([one, two, three, 0]);
        (letters.wrapping_mul(0x9e37_79b1) >> (32 - Self::BITS)) as usize
    }

    /// Exactly: a letter is no zero.
    fn last(rest: &[u8]) -> usize {
        let letter = |at: usize| rest.get(at).copied().map_or(0, usize::from);
        letter(0) << 8 | letter(1)
    }
}

fn set(bits: &mut [u64], bit: usize) {
    bits[bit >> 6] |= 1 << (bit & 63);
}

fn is_set(bits: &[u64], bit: usize) -> bool {
    bits[bit >> 6] >> (bit & 63) & 1 == 1
}

impl Default for FirstLetters {
    fn default() -> Self {
        Self { three: vec![0; 1 << (Self::BITS - 6)], last: vec![0; 1 << (16 - 6)] }
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
        lists.find(text, 0..text.len(), |mark| all.push(lists.found(mark)));
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
        let lists = Lists::build([(Word::parse("*sygdom*").unwrap(), ())]).unwrap();
        for text in ["s", "sygdo", "x sy", "xsy", "xsygdo"] {
            assert_eq!(all(&lists, text).len(), 0, "{text}");
        }
        assert_eq!(all(&lists, "xsygdom").len(), 1);
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
        /// An automaton finds the same, where it is asked whether each of its matches fits; and so does a second search, of which
        /// all words are known.
        #[test]
        fn an_automaton_finds_the_same(
            words in prop::collection::vec(
                "[*]?[abø]{3,9}[*]?|[ab]{2}|[*]?[ab]{1,3}[. -][ab]{1,3}[*]?|[*]?[.»-][ab]{3}|[ab]{20,30}[*]?", 1..12,
            ),
            text in "[abø .»-]{0,60}|([abø]{1,3}[ .»-]{1,2}){0,12}|([ab]{20,30}[ -]){0,3}",
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
            expected.sort_unstable();
            let lists = Lists::build(words.into_iter().enumerate().map(|(at, word)| (word, at))).unwrap();
            for _ in 0..2 {
                let all = all(&lists, &text);
                prop_assert!(all.is_sorted_by_key(|found| found.start));
                let mut found: Vec<_> = all.iter().map(|found| (found.start, found.end, found.list)).collect();
                found.sort_unstable();
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
