//! A text as a linear model sees it: which words, pairs of words and groups of letters stand in it, and how often.

use crate::detect::fold::fold_into;

/// Features are numbered by a hash of so many bits.
pub(super) const BITS: u32 = 17;
pub(super) const FEATURES: usize = 1 << BITS;

/// Bytes of a text that are looked at.
pub const MAX_TEXT: usize = 16 * 1024;

/// Bytes of a word that are looked at.
const MAX_WORD: usize = 40;

/// Counts whose logarithms are at hand.
const FEW: usize = 16;

/// Lengths of the groups of letters within a word and its ends, in bytes.
const SHORTEST: usize = 3;
const LONGEST: usize = 5;

/// The two kinds of feature; each is weighed by itself, so that the many groups do not drown the few words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Words and pairs of words.
    Word,
    /// Groups of letters.
    Group,
}

/// How often each feature stands in a text.
#[derive(Default)]
pub struct Features {
    /// Made when there is a text: many a message is not asked about.
    counts: Vec<u16>,
    /// The features that are there, in the order in which they came, each with its kind.
    there: Vec<(u32, Kind)>,
    folded: Vec<u8>,
}

impl std::fmt::Debug for Features {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Features").field("there", &self.there.len()).finish_non_exhaustive()
    }
}

impl Features {
    /// Forgets the text before, and looks at these: together [`MAX_TEXT`] bytes of them.
    pub fn read<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        self.counts.resize(FEATURES, 0);
        for (feature, _) in self.there.drain(..) {
            self.counts[feature as usize] = 0;
        }
        let mut room = MAX_TEXT;
        for text in texts {
            let mut end = text.len().min(room);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            room -= end;
            let mut folded = std::mem::take(&mut self.folded);
            folded.clear();
            fold_into(&text[..end], &mut folded);
            self.words(&folded);
            self.folded = folded;
        }
    }

    fn words(&mut self, folded: &[u8]) {
        let mut before = 0;
        for word in words(folded) {
            let hash = whole(word);
            self.add(hash, Kind::Word);
            self.add(pair(before, hash), Kind::Word);
            groups(word, |group| self.add(group, Kind::Group));
            before = hash;
        }
    }

    fn add(&mut self, hash: u32, kind: Kind) {
        // The kinds share the numbers: which of them a number stands for matters little.
        let feature = hash >> (32 - BITS);
        let count = &mut self.counts[feature as usize];
        if *count == 0 {
            self.there.push((feature, kind));
        }
        *count = count.saturating_add(1);
    }

    /// Each feature that is there, its kind, and its weight before that of the model: the logarithm of how often, so that
    /// the tenth time says less than the first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Kind, f32)> {
        let few: [f32; FEW] = std::array::from_fn(logarithm);
        self.there.iter().map(move |&(feature, kind)| {
            let count = usize::from(self.counts[feature as usize]);
            (feature as usize, kind, few.get(count).copied().unwrap_or_else(|| logarithm(count)))
        })
    }
}

fn logarithm(count: usize) -> f32 {
    1.0 + (count as f32).ln()
}

/// The words of a folded text that are not within an address; a digit is any digit.
pub(super) fn words(folded: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_address = |token: &&[u8]| token.contains(&b'@') || token.windows(3).any(|three| three == b"://");
    folded
        .split(|byte| *byte == b' ')
        .filter(move |token| !is_address(token))
        .flat_map(|token| token.split(|byte| !byte.is_ascii_alphanumeric() && byte.is_ascii()))
        .filter(|word| !word.is_empty())
        .map(|word| &word[..word.len().min(MAX_WORD)])
}

/// The features of a word by itself, as indexes into a model's tables.
pub(super) fn of_word(word: &[u8], mut take: impl FnMut(usize, Kind)) {
    let index = |hash: u32| (hash >> (32 - BITS)) as usize;
    take(index(whole(word)), Kind::Word);
    groups(word, |group| take(index(group), Kind::Group));
}

const SEED: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// FNV-1a, with the bits mixed at the end, since the upper ones are used.
fn step(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(PRIME)
}

fn finish(hash: u32) -> u32 {
    (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d)
}

/// A digit is any digit.
fn sign(byte: u8) -> u8 {
    if byte.is_ascii_digit() { b'0' } else { byte }
}

fn pair(before: u32, word: u32) -> u32 {
    finish(before.rotate_left(13) ^ word.wrapping_mul(5))
}

/// The hash of a word.
fn whole(word: &[u8]) -> u32 {
    finish(word.iter().fold(SEED, |hash, &byte| step(hash, sign(byte))))
}

/// The hashes of its groups of letters, a space before and after it.
fn groups(word: &[u8], mut take: impl FnMut(u32)) {
    // Behind the word is room for the longest group that would begin with its last letter.
    let mut spaced = [b' '; MAX_WORD + 2 + LONGEST];
    let length = word.len().min(MAX_WORD) + 2;
    spaced[1..length - 1].iter_mut().zip(word).for_each(|(place, byte)| *place = sign(*byte));
    for (start, group) in spaced.windows(LONGEST).take(length - SHORTEST + 1).enumerate() {
        let mut hash = SEED ^ 0x5a5a;
        for (count, &letter) in (1..).zip(group) {
            hash = step(hash, letter);
            if count >= SHORTEST && start + count <= length {
                take(finish(hash));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_is_its_words_and_their_letters() {
        let mut features = Features::default();
        features.read(["Hej, hej 12"].into_iter());
        // " hej ": 3 of three, 2 of four, 1 of five; " 00 ": 2 of three, 1 of four. Words: hej, 12; pairs: 3.
        assert_eq!(features.iter().count(), 9 + 5);
        assert!(features.iter().any(|(_, kind, weight)| kind == Kind::Word && weight > 1.0));
        let first: Vec<_> = features.iter().map(|(feature, ..)| feature).collect();
        features.read(["hej", "HEJ 99"].into_iter());
        features.read(["hej. HEJ 99"].into_iter());
        assert_eq!(features.iter().map(|(feature, ..)| feature).collect::<Vec<_>>(), first);
    }

    #[test]
    fn addresses_are_not_read() {
        let text = b"write to anna.hansen@gmail.example or see https://example.org/her-cancer today";
        let read: Vec<_> = words(text).map(|word| std::str::from_utf8(word).unwrap()).collect();
        assert_eq!(read, ["write", "to", "or", "see", "today"]);
    }

    proptest! {
        #[test]
        fn any_text_has_features(text in any::<String>()) {
            let mut features = Features::default();
            features.read([text.as_str()].into_iter());
            prop_assert!(features.iter().all(|(feature, _, weight)| feature < FEATURES && weight >= 1.0));
        }
    }
}
