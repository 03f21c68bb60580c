//! Which layouts a run of digits can be the first of, told from the few signs around it: a table, made once, so that a run
//! is offered to the two or three layouts that have a chance and not to hundreds.

use super::{
    Finder, KINDS,
    layout::{Layout, white},
};
use std::{ops::Range, sync::LazyLock};

/// The longest first run of any layout.
const MAX_FIRST: usize = 20;

/// More digits than this behind the first sign are not told apart.
const MAX_NEXT: usize = 15;

/// Lengths of first runs that kinds with a function of their own can ask for.
const MAX_RUN: usize = 63;

/// What follows a run of digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Follow {
    Nothing,
    Letter,
    White,
    Hyphen,
    /// A hyphen with white space on some side of it.
    WideHyphen,
    Dot,
    Slash,
    Other,
}

const FOLLOWS: [Follow; 8] = [
    Follow::Nothing,
    Follow::Letter,
    Follow::White,
    Follow::Hyphen,
    Follow::WideHyphen,
    Follow::Dot,
    Follow::Slash,
    Follow::Other,
];

/// What stands around a run of digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    pub(super) length: usize,
    pub(super) letter_before: bool,
    pub(super) follow: Follow,
    /// Digits behind what follows, up to [`MAX_NEXT`].
    pub(super) next: usize,
}

impl Around {
    pub(super) fn of(text: &[u8], run: &Range<usize>) -> Self {
        let end = run.end;
        let (follow, from) = match text.get(end) {
            None => (Follow::Nothing, end),
            Some(b' ' | b'\t' | b'\r' | b'\n') => {
                let at = end + white(text, end);
                match text.get(at) {
                    Some(b'-') => (Follow::WideHyphen, at + 1 + white(text, at + 1)),
                    _ => (Follow::White, at),
                }
            }
            Some(b'-') => match white(text, end + 1) {
                0 => (Follow::Hyphen, end + 1),
                white => (Follow::WideHyphen, end + 1 + white),
            },
            Some(b'.') => (Follow::Dot, end + 1),
            Some(b'/') => (Follow::Slash, end + 1),
            Some(byte) if byte.is_ascii_alphabetic() => (Follow::Letter, end + 1),
            Some(_) => (Follow::Other, end + 1),
        };
        let digits = text.get(from..).unwrap_or_default();
        let next = digits.iter().take(MAX_NEXT).take_while(|byte| byte.is_ascii_digit()).count();
        let letter_before = run.start.checked_sub(1).is_some_and(|before| text[before].is_ascii_alphabetic());
        Self { length: run.len(), letter_before, follow, next }
    }

    fn cell(self) -> Option<usize> {
        let row = (self.length.checked_sub(1)? * 2 + usize::from(self.letter_before)) * FOLLOWS.len();
        (self.length <= MAX_FIRST).then_some((row + self.follow as usize) * (MAX_NEXT + 1) + self.next)
    }
}

/// A kind, and one of its layouts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) kind: usize,
    pub(super) layout: &'static Layout,
    /// How much of the layout's pattern stands before the first digits.
    pub(super) before: usize,
    /// The entry before it is of the same pattern: what was read for it need not be read again.
    pub(super) same_pattern: bool,
}

pub(super) struct Table {
    /// Where each cell's entries begin, and at last where they end.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// By the length of the first run: the kinds with a function of their own.
    own: Vec<Vec<usize>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(Table::build);

impl Table {
    pub(super) fn get() -> &'static Self {
        &TABLE
    }

    fn build() -> Self {
        let mut table = Self { starts: vec![0], entries: Vec::new(), own: vec![Vec::new(); MAX_RUN + 1] };
        let entries: Vec<Entry> = KINDS
            .iter()
            .enumerate()
            .flat_map(|(kind, known)| {
                let layouts = match known.finder {
                    Finder::Written { layouts, .. } => layouts,
                    Finder::Own { .. } => &[],
                };
                layouts.iter().map(move |layout| Entry { kind, layout, before: layout.before(), same_pattern: false })
            })
            .collect();
        for length in 1..=MAX_FIRST {
            let those: Vec<_> = entries.iter().filter(|entry| entry.layout.first_run() == length).collect();
            for letter_before in [false, true] {
                for follow in FOLLOWS {
                    for next in 0..=MAX_NEXT {
                        let around = Around { length, letter_before, follow, next };
                        let fitting =
                            those.iter().filter(|entry| entry.layout.may_fit(&around)).map(|entry| **entry).collect();
                        table.entries.extend(by_pattern(fitting));
                        // There are some hundreds of layouts.
                        table.starts.push(table.entries.len() as u32);
                    }
                }
            }
        }
        for (length, own) in table.own.iter_mut().enumerate() {
            let starts =
                |kind: &usize| matches!(KINDS[*kind].finder, Finder::Own { starts, .. } if starts >> length & 1 == 1);
            own.extend((0..KINDS.len()).filter(starts));
        }
        table
    }

    /// The layouts that may fit, those of each kind together and in their order.
    pub(super) fn layouts(&self, around: Around) -> &[Entry] {
        let Some(cell) = around.cell() else { return &[] };
        &self.entries[self.starts[cell] as usize..self.starts[cell + 1] as usize]
    }

    /// The kinds with a function of their own that a first run of this length may begin.
    pub(super) fn own(&self, length: usize) -> &[usize] {
        self.own.get(length).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Puts layouts of the same pattern together, where each kind has one layout only; else each kind's stay together, in their
/// order.
fn by_pattern(mut entries: Vec<Entry>) -> Vec<Entry> {
    let is_one = |pair: &[Entry]| pair[0].kind != pair[1].kind;
    if entries.windows(2).all(is_one) {
        entries.sort_by_key(|entry| entry.layout.pattern);
        for at in 1..entries.len() {
            entries[at].same_pattern = entries[at].layout.pattern == entries[at - 1].layout.pattern;
        }
    }
    entries
}
