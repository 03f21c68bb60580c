//! Terms that are repeated again and again, of which not every one need be judged.

use super::scoring::Candidate;
use std::ptr;

/// So near, in bytes, that what stands around one mostly stands around the other.
const NEAR: usize = 80;

/// Terms that are told apart at a time; where two share a place, all of both are judged.
const PLACES: usize = 256;

/// A term that stood somewhere: its rule, its word, its beginning.
#[derive(Clone, Copy)]
struct Stood<'a> {
    rule: usize,
    word: &'a str,
    at: usize,
}

/// Where each term stood last.
struct Last<'a>(Vec<Option<Stood<'a>>>);

impl<'a> Last<'a> {
    fn new() -> Self {
        Self(vec![None; PLACES])
    }

    fn place(term: &Candidate<'a>) -> Option<(usize, Stood<'a>)> {
        let word = term.word?;
        Some(((word.len() * 31 + term.rule) % PLACES, Stood { rule: term.rule, word, at: term.range.start }))
    }

    fn of(&self, term: &Candidate<'a>) -> Option<usize> {
        let (place, stood) = Self::place(term)?;
        let same = |last: &Stood<'_>| last.rule == stood.rule && ptr::eq(last.word, stood.word);
        self.0[place].filter(same).map(|last| last.at)
    }

    fn set(&mut self, term: &Candidate<'a>) {
        if let Some((place, stood)) = Self::place(term) {
            self.0[place] = Some(stood);
        }
    }
}

/// Which terms, in the order of their beginnings, stand between two others of the same rule and word that are at most
/// [`NEAR`] bytes apart, the first of which is judged: what stands around them stands around those as well, on the one side
/// or the other.
pub(super) fn repeated(terms: &[Candidate<'_>]) -> Vec<bool> {
    let mut later = Last::new();
    let mut next: Vec<Option<usize>> = Vec::with_capacity(terms.len());
    for term in terms.iter().rev() {
        next.push(later.of(term));
        later.set(term);
    }
    let mut judged = Last::new();
    let repeats = terms.iter().zip(next.into_iter().rev()).map(|(term, next)| {
        let repeats = judged.of(term).zip(next).is_some_and(|(before, next)| next - before <= NEAR);
        if !repeats {
            judged.set(term);
        }
        repeats
    });
    repeats.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::scoring::Shape;

    #[test]
    fn what_stands_between_two_others_is_repeated() {
        let terms = |of: &[(&'static str, usize)]| -> Vec<Candidate<'static>> {
            let term = |&(word, start): &(&'static str, usize)| Candidate {
                rule: 1,
                word: Some(word),
                range: start..start + 1,
                score: 0,
                shape: Shape::Term,
            };
            of.iter().map(term).collect()
        };
        for (of, expected) in [
            (&[("a", 0), ("a", 20), ("a", 40), ("a", 60), ("a", 80), ("a", 100)][..], &[0, 1, 1, 1, 0, 0][..]),
            (&[("a", 0), ("bb", 5), ("a", 10), ("bb", 15), ("a", 20), ("bb", 25)], &[0, 0, 1, 1, 0, 0]),
            (&[("a", 0), ("a", 10), ("a", 100), ("a", 110), ("a", 120)], &[0, 0, 0, 1, 0]),
            (&[("a", 0), ("bb", 5)], &[0, 0]),
            (&[], &[]),
        ] {
            let expected: Vec<bool> = expected.iter().map(|repeated| *repeated == 1).collect();
            assert_eq!(repeated(&terms(of)), expected, "{of:?}");
        }
    }
}
