//! What words stand in the texts of a message, kept so that each text is searched once: for what stands around candidates, and
//! for what stands anywhere.

use super::{
    block::{Block, blocks},
    lists::{Found, Lists, Mark},
    words::MAX_WORD,
};
use std::{iter, ops::Range};

/// Words that are kept, of all texts together: those of some megabytes of an ordinary text. A text with more is searched
/// whenever it is asked for.
const KEPT: usize = 1024 * 1024;

/// The words of a message's texts.
pub(super) struct Searched<'a, L> {
    lists: Option<&'a Lists<L>>,
    texts: Vec<Text>,
    /// Words that may yet be kept.
    room: usize,
}

/// What is known of a text.
enum Text {
    /// It was not searched.
    New,
    /// The words in it, in the order of their beginnings.
    Kept(Vec<Mark>),
    /// There are too many.
    NotKept,
}

impl<'a, L: Copy> Searched<'a, L> {
    /// Nothing yet of so many texts.
    pub(super) fn new(lists: Option<&'a Lists<L>>, texts: usize) -> Self {
        Self { lists, texts: iter::repeat_with(|| Text::New).take(texts).collect(), room: KEPT }
    }

    /// Every word that begins in a range of a text, which is given with its number among the texts, and ends there, in the order
    /// of their beginnings.
    pub(super) fn find(&mut self, number: usize, text: &str, range: Range<usize>, mut take: impl FnMut(Found<'a, L>)) {
        let Some(lists) = self.lists else { return };
        if matches!(self.texts[number], Text::New) {
            self.texts[number] = keep(lists, text, &mut self.room).map_or(Text::NotKept, Text::Kept);
        }
        match &self.texts[number] {
            Text::Kept(marks) => {
                let first = marks.partition_point(|mark| (mark.start as usize) < range.start);
                let here = marks[first..].iter().take_while(|mark| (mark.start as usize) < range.end);
                here.filter(|mark| mark.end as usize <= range.end).for_each(|mark| take(lists.found(*mark)));
            }
            _ => {
                for block in blocks(text, range, MAX_WORD) {
                    search(lists, text, &block, |mark| take(lists.found(mark)));
                }
            }
        }
    }
}

/// The words of a text, if there is room for them.
fn keep<L: Copy>(lists: &Lists<L>, text: &str, room: &mut usize) -> Option<Vec<Mark>> {
    let mut marks = Vec::new();
    for block in blocks(text, 0..text.len(), MAX_WORD) {
        search(lists, text, &block, |mark| marks.push(mark));
        if marks.len() > *room {
            return None;
        }
    }
    *room -= marks.len();
    Some(marks)
}

/// Marks the words that begin in a block.
fn search<L: Copy>(lists: &Lists<L>, text: &str, block: &Block, mut take: impl FnMut(Mark)) {
    lists.find(text, block.start..block.overlap, |mark| {
        if block.has(mark.start as usize) {
            take(mark);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::words::Word;

    #[test]
    fn what_is_kept_is_what_a_search_finds() {
        let words = ["syg*", "er syg", "*gdom", "læge"].map(|word| (Word::parse(word).unwrap(), ()));
        let lists = Lists::build(words).unwrap();
        let text = "Hun er syg, læge; sygdom ".repeat(6_000);
        let (mut kept, mut not_kept) = (Searched::new(Some(&lists), 1), Searched::new(Some(&lists), 1));
        not_kept.room = 0;
        for range in [0..text.len(), 0..0, 78..70_018, 65_520..65_598, 65_520..65_524] {
            let found = |searched: &mut Searched<'_, ()>| {
                let mut found = Vec::new();
                searched.find(0, &text, range.clone(), |Found { start, end, word, .. }| {
                    found.push((start, end, word.folded().to_owned()));
                });
                found
            };
            assert_eq!(found(&mut kept), found(&mut not_kept), "{range:?}");
            assert_eq!(found(&mut kept).is_empty(), range.len() < 5, "{range:?}");
        }
    }
}
