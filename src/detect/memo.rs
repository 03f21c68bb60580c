//! What the words of a text were found to be: most of a text's words have stood in it, or in a text before it, already.
//!
//! A word here is what stands between ASCII signs; whatever is found within it depends on its letters alone.

use std::sync::{Mutex, PoisonError};

/// Words remembered at a time, of each list of words, and each thread that searches: as many as half of a processor's second
/// cache has room for, since to find out what a word is takes several looks into memory that lies farther off.
const BITS: u32 = 15;

/// The longest word that is remembered, in bytes.
pub(super) const MAX_LETTERS: usize = 24;

/// The most that is found within a word that is remembered.
const MAX_INSIDE: usize = 4;

/// Memories that are kept for later texts.
const KEPT: usize = 8;

/// The letters of a word, and zeroes behind them, which are no letters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Letters([u64; MAX_LETTERS / 8]);

impl Letters {
    /// The first `length` bytes of `text`, of at least [`MAX_LETTERS`].
    pub(super) fn of(text: &[u8; MAX_LETTERS], length: usize) -> Self {
        let mut letters = Self::default();
        for (at, (eight, word)) in text.chunks_exact(8).zip(&mut letters.0).enumerate() {
            let here = length.saturating_sub(8 * at).min(8) as u32;
            let mask = u64::MAX.checked_shr(64 - 8 * here).unwrap_or(0);
            *word = eight.try_into().map_or(0, u64::from_le_bytes) & mask;
        }
        letters
    }

    /// One after the other: together they would have to wait until all are written.
    fn are(&self, other: Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
    }

    fn slot(self) -> usize {
        const ODD: [u64; MAX_LETTERS / 8] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9];
        let mixed = self.0.iter().zip(ODD).fold(0, |mixed, (letters, odd)| mixed ^ letters.wrapping_mul(odd));
        (mixed >> (64 - BITS)) as usize
    }
}

/// Something found within a word: its number, and where it stands there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Inside {
    pub(super) number: u32,
    pub(super) start: u8,
    pub(super) length: u8,
}

/// How what is found may go on behind a word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Beyond {
    /// In no way.
    Nothing,
    /// What begins with it, from this place of the trie on.
    From(u32),
    /// It has to be searched anew, and all that is within the word as well.
    Unknown,
}

/// A set of signs, in which some more are said to be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs(u64);

impl Signs {
    pub(super) const ALL: Self = Self(u64::MAX);

    fn bit(sign: u8) -> u64 {
        1 << (sign & 63)
    }
}

impl FromIterator<u8> for Signs {
    fn from_iter<I: IntoIterator<Item = u8>>(signs: I) -> Self {
        Self(signs.into_iter().fold(0, |set, sign| set | Self::bit(sign)))
    }
}

/// A word, and whether more is known of it than that nothing is found with it. Of most words no more is looked at.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
struct Entry {
    letters: Letters,
    /// The signs behind it with which more has to be looked at.
    matters: Signs,
}

/// What is known of a word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The signs behind it with which something may go on that begins with it, and the place of the trie.
    signs: Signs,
    place: u32,
    /// Those with which something may go on that begins within it.
    inner: Signs,
    count: u8,
    inside: [Inside; MAX_INSIDE],
}

impl Known {
    /// Adds what is found within it; it is not remembered that there is more than there is room for.
    pub(super) fn add(&mut self, inside: Inside) {
        match self.inside.get_mut(usize::from(self.count)) {
            Some(place) => {
                *place = inside;
                self.count += 1;
            }
            None => self.inner = Signs::ALL,
        }
    }

    /// Remembers that something that begins with it may go on with one of these signs.
    pub(super) fn go_on_from(&mut self, place: u32, signs: Signs) {
        (self.place, self.signs) = (place, signs);
    }

    /// Remembers that something that begins within it may go on with one of these signs.
    pub(super) fn go_on_within(&mut self, signs: Signs) {
        self.inner.0 |= signs.0;
    }

    /// How something may go on where this sign stands behind it.
    #[inline]
    pub(super) fn beyond(&self, sign: u8) -> Beyond {
        let bit = Signs::bit(sign);
        if self.inner.0 & bit != 0 {
            Beyond::Unknown
        } else if self.signs.0 & bit != 0 {
            Beyond::From(self.place)
        } else {
            Beyond::Nothing
        }
    }

    /// The signs behind it with which more is to be said than that nothing is found.
    fn matters(&self) -> Signs {
        if self.count > 0 { Signs::ALL } else { Signs(self.signs.0 | self.inner.0) }
    }

    /// What is found within it, in the order in which it was added.
    pub(super) fn inside(&self) -> &[Inside] {
        &self.inside[..usize::from(self.count)]
    }
}

/// The words of some texts.
pub(super) struct Memo {
    entries: Box<[Entry]>,
    known: Box<[Known]>,
}

impl Memo {
    fn new() -> Self {
        Self { entries: vec![Entry::default(); 1 << BITS].into(), known: vec![Known::default(); 1 << BITS].into() }
    }

    /// What is known of a word, which is found out where it is not; none where nothing is found with it, if this sign stands
    /// behind it.
    #[inline]
    pub(super) fn of(&mut self, letters: Letters, sign: u8, find_out: impl FnOnce() -> Known) -> Option<&Known> {
        let slot = letters.slot();
        let entry = &mut self.entries[slot];
        if !entry.letters.are(letters) {
            let known = find_out();
            *entry = Entry { letters, matters: known.matters() };
            self.known[slot] = known;
        }
        (entry.matters.0 & Signs::bit(sign) != 0).then(|| &self.known[slot])
    }
}

/// Memories that no search uses now.
#[derive(Default)]
pub(super) struct Memos(Mutex<Vec<Memo>>);

impl Memos {
    pub(super) fn take(&self) -> Memo {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_else(Memo::new)
    }

    pub(super) fn give_back(&self, memo: Memo) {
        let mut memos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memos.len() < KEPT {
            memos.push(memo);
        }
    }
}
