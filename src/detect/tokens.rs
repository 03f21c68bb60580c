//! Where the words of a folded text stand: what lies between ASCII signs. They are told apart 64 bytes at a time, since a
//! word's length cannot be foretold, and the processor would stumble at the end of each.

use std::ops::Range;

/// Bytes looked at together.
const CHUNK: usize = 64;

/// The words of a folded text, in their order.
pub(super) struct Tokens<'t> {
    folded: &'t [u8],
    /// The start of the chunk that is looked at.
    chunk: usize,
    /// By the bytes of the chunk that are not behind the last word's end: whether they are of letters.
    letters: u64,
}

impl<'t> Tokens<'t> {
    pub(super) fn of(folded: &'t [u8]) -> Self {
        Self { folded, chunk: 0, letters: letters(folded) }
    }

    /// Goes to the next chunk; whether there is one.
    fn next_chunk(&mut self) -> bool {
        if self.folded.len() - self.chunk <= CHUNK {
            return false;
        }
        self.chunk += CHUNK;
        self.letters = letters(&self.folded[self.chunk..]);
        true
    }
}

impl Iterator for Tokens<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        while self.letters == 0 {
            if !self.next_chunk() {
                return None;
            }
        }
        let first = self.letters.trailing_zeros();
        let start = self.chunk + first as usize;
        let mut signs = !self.letters & u64::MAX << first;
        while signs == 0 && self.next_chunk() {
            signs = !self.letters;
        }
        let end = match signs.trailing_zeros() {
            64 => {
                self.letters = 0;
                self.folded.len()
            }
            sign => {
                self.letters &= u64::MAX << sign;
                self.chunk + sign as usize
            }
        };
        Some(start..end)
    }
}

/// Which of the first bytes may be of letters or digits, a bit for each.
fn letters(folded: &[u8]) -> u64 {
    let mut is_letter = [0_u8; CHUNK];
    match folded.first_chunk::<CHUNK>() {
        Some(whole) => is_letter = whole.map(|byte| u8::from(self::is_letter(byte))),
        None => is_letter.iter_mut().zip(folded).for_each(|(flag, byte)| *flag = u8::from(self::is_letter(*byte))),
    }
    // Eight flags become eight bits: each is moved to a place of its own of the uppermost byte.
    is_letter
        .as_chunks::<8>()
        .0
        .iter()
        .rev()
        .fold(0, |bits, eight| bits << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}

/// Whether a byte of a folded text may be of a letter or digit.
pub(super) fn is_letter(byte: u8) -> bool {
    byte.wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10 || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_stand_between_signs(text in "[aå0 .]{0,40}|[a ]{60,200}|a{60,140}") {
            let bytes = text.as_bytes();
            let mut slow = Vec::new();
            let mut start = 0;
            for word in bytes.split(|byte| !is_letter(*byte)) {
                if !word.is_empty() {
                    slow.push(start..start + word.len());
                }
                start += word.len() + 1;
            }
            prop_assert_eq!(Tokens::of(bytes).collect::<Vec<_>>(), slow);
        }
    }

    #[test]
    fn folded_letters_are_letters() {
        for byte in 0..=u8::MAX {
            let expected = !byte.is_ascii() || byte.is_ascii_digit() || byte.is_ascii_lowercase();
            assert_eq!(is_letter(byte), expected, "{byte}");
        }
    }
}
