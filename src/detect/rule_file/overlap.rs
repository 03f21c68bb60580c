//! How much a pattern can cost, told from the pattern alone. A match is tried wherever one can begin; where one can begin
//! within another, and a third within that, every byte of a text that was written for it is read once for each of them.

use regex_automata::{
    nfa::thompson::{Compiler, Config, NFA, State, WhichCaptures},
    util::primitives::StateID,
};
use regex_syntax::hir::{Hir, Look, literal::Literal};
use std::mem;

/// Bytes of a match's beginning that are compared with what one that began earlier may hold there, where it can begin in
/// too many ways to go through them.
const COMPARED: usize = 4;

/// How many matches of the pattern, whole or not, can go on at one byte of a text at most; `beginnings` are how every match
/// begins, where that can be said.
///
/// A bound, not the number: two that can go on at once are taken to do so, whatever others do.
pub(super) fn most_at_once(pattern: &Hir, beginnings: Option<&[Literal]>) -> Option<usize> {
    let config = Config::new().utf8(false).which_captures(WhichCaptures::None);
    let nfa = Compiler::new().configure(config).build_from_hir(pattern).ok()?;
    let mut walk = Walk { nfa: &nfa, seen: vec![0; nfa.states().len()], round: 0 };
    let places = walk.places();
    let begins_word = pattern.properties().look_set_prefix().contains(Look::WordAscii)
        && places.first().is_some_and(|first| !first.bytes.any(is_no_letter));
    let can_begin = |at: &usize| {
        let later = &places[*at..];
        if begins_word && !places[at - 1].bytes.any(is_no_letter) {
            return false;
        }
        let fits = |begin: &Literal| begin.as_bytes().iter().zip(later).all(|(byte, place)| place.bytes.has(*byte));
        match beginnings {
            Some(beginnings) => beginnings.iter().any(fits),
            None => places.iter().zip(later).take(COMPARED).all(|(first, later)| first.bytes.meets(&later.bytes)),
        }
    };
    let distances: Vec<usize> = (1..places.len()).filter(can_begin).collect();
    // Those that go on at once stand as far apart as two can.
    let nearest = distances.iter().find(|at| {
        let Some(beginnings) = beginnings else { return true };
        let last = |byte| !begins_word || is_no_letter(byte);
        let from = walk.step(&places[**at - 1].states, last);
        beginnings.iter().any(|begin| walk.can_go_on(&from, begin.as_bytes()))
    });
    Some(1 + nearest.map_or(0, |nearest| distances.len().min((places.len() - 1) / nearest)))
}

/// What can stand before a word.
fn is_no_letter(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && byte != b'_'
}

/// A set of bytes.
#[derive(Clone, Copy, Default)]
struct Bytes([u64; 4]);

impl Bytes {
    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte / 64)] |= 1 << (byte % 64);
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte / 64)] >> (byte % 64) & 1 == 1
    }

    fn any(&self, is: impl Fn(u8) -> bool) -> bool {
        (0..=u8::MAX).any(|byte| self.has(byte) && is(byte))
    }

    fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).any(|(own, other)| own & other != 0)
    }
}

/// A place of a match: the states in which its byte is read, and the bytes that may stand there.
struct Place {
    states: Vec<StateID>,
    bytes: Bytes,
}

/// A walk through an automaton.
struct Walk<'n> {
    nfa: &'n NFA,
    /// By state: in which round it was seen last.
    seen: Vec<usize>,
    round: usize,
}

impl Walk<'_> {
    /// Every place, as many as the longest match has bytes.
    fn places(&mut self) -> Vec<Place> {
        let mut places = Vec::new();
        let mut states = vec![self.nfa.start_anchored()];
        while !states.is_empty() {
            let mut bytes = Bytes::default();
            let next = self.step(&states, |byte| {
                bytes.insert(byte);
                true
            });
            if !next.is_empty() {
                places.push(Place { states, bytes });
            }
            states = next;
        }
        places
    }

    /// Whether these bytes can be read from these states on.
    fn can_go_on(&mut self, from: &[StateID], bytes: &[u8]) -> bool {
        let mut states = from.to_vec();
        for &expected in bytes {
            if states.is_empty() {
                return false;
            }
            states = self.step(&states, |byte| byte == expected);
        }
        !states.is_empty()
    }

    /// The states behind one byte that `takes` wants.
    fn step(&mut self, from: &[StateID], mut takes: impl FnMut(u8) -> bool) -> Vec<StateID> {
        self.round += 1;
        let (mut here, mut behind) = (from.to_vec(), Vec::new());
        while let Some(id) = here.pop() {
            if mem::replace(&mut self.seen[id.as_usize()], self.round) == self.round {
                continue;
            }
            let mut read = |start: u8, end: u8, to: StateID| {
                // Each byte is asked for: the places are told of them.
                if (start..=end).filter(|byte| takes(*byte)).count() > 0 {
                    behind.push(to);
                }
            };
            match self.nfa.state(id) {
                State::ByteRange { trans } => read(trans.start, trans.end, trans.next),
                State::Sparse(sparse) => sparse.transitions.iter().for_each(|to| read(to.start, to.end, to.next)),
                State::Dense(dense) => {
                    for (byte, &to) in (0..=u8::MAX).zip(&*dense.transitions).filter(|(_, to)| **to != StateID::ZERO) {
                        read(byte, byte, to);
                    }
                }
                State::Look { next, .. } | State::Capture { next, .. } => here.push(*next),
                State::Union { alternates } => here.extend(alternates.iter()),
                State::BinaryUnion { alt1, alt2 } => here.extend([*alt1, *alt2]),
                State::Fail | State::Match { .. } => {}
            }
        }
        behind.sort_unstable();
        behind.dedup();
        behind
    }
}

#[cfg(test)]
mod tests {
    use super::super::compile::literals;
    use super::*;
    use regex_syntax::ParserBuilder;

    #[test]
    fn matches_that_overlap_are_counted() {
        for (pattern, most) in [
            ("sag-[0-9]{6}", 1),
            ("aaa[a-z]{0,250}Q", 251),
            ("aab[a-z]{0,250}Q", 85),
            (r"\baaa[a-z]{0,250}Q", 1),
            (r"\baaa[a-z ]{0,250}Q", 64),
            ("[a-z][0-9a-z]{0,200}Q", 202),
            (r"\b[a-z][0-9a-z]{0,200}Q", 1),
            (r"\b(pay|wage)\b[^.]{0,40}[0-9]", 12),
            ("[A-Z][0-9]{2}", 1),
            ("a([a-z]{0,99}Q)?", 100),
        ] {
            let parsed = ParserBuilder::new().unicode(false).utf8(false).case_insensitive(true).build().parse(pattern);
            let parsed = parsed.unwrap();
            assert_eq!(most_at_once(&parsed, literals(&parsed).literals()), Some(most), "{pattern}");
        }
    }
}
