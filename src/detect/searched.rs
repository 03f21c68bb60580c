//! What words stand in the texts of a message, kept so that each text is searched once: for what stands around candidates, and
//! for what stands anywhere.

use super::{
    block::blocks,
    lists::{Found, Lists, Mark},
    words::MAX_WORD,
};
use std::ops::Range;

/// Bytes of text whose words are kept, in all; others are searched whenever they are asked for.
const KEPT: usize = 2 * 1024 * 1024;

/// The words of a message's texts.
pub(super) struct Searched<'a, L> {
    lists: Option<&'a Lists<L>>,
    /// By text: the words in it, in the order of their beginnings, if they were asked for and are kept.
    marks: Vec<Option<Vec<Mark>>>,
    /// Bytes of text whose words may yet be kept.
    room: usize,
}

impl<'a, L: Copy> Searched<'a, L> {
    /// Nothing yet of so many texts.
    pub(super) fn new(lists: Option<&'a Lists<L>>, texts: usize) -> Self {
        Self { lists, marks: vec![None; texts], room: KEPT }
    }

    /// Every word that begins in a range of a text, which is given with its number among the texts, and ends there, in the order
    /// of their beginnings.
    pub(super) fn find(&mut self, number: usize, text: &str, range: Range<usize>, mut take: impl FnMut(Found<'a, L>)) {
        let Some(lists) = self.lists else { return };
        if self.marks[number].is_none() && text.len() <= self.room {
            self.room -= text.len();
            let mut marks = Vec::new();
            search(lists, text, 0..text.len(), |mark| marks.push(mark));
            self.marks[number] = Some(marks);
        }
        match &self.marks[number] {
            Some(marks) => {
                let first = marks.partition_point(|mark| (mark.start as usize) < range.start);
                let here = marks[first..].iter().take_while(|mark| (mark.start as usize) < range.end);
                here.filter(|mark| mark.end as usize <= range.end).for_each(|mark| take(lists.found(*mark)));
            }
            None => search(lists, text, range, |mark| take(lists.found(mark))),
        }
    }
}

fn search<L: Copy>(lists: &Lists<L>, text: &str, range: Range<usize>, mut take: impl FnMut(Mark)) {
    for block in blocks(text, range, MAX_WORD) {
        lists.find(text, block.start..block.overlap, |mark| {
            if block.has(mark.start as usize) {
                take(mark);
            }
        });
    }
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
