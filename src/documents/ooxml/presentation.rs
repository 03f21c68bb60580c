//! The part that a presentation begins with (ECMA-376 part 1, 19.2): the order of the slides.

use super::{
    generic::{Attributes, Generic},
    room::Room,
};
use crate::{
    documents::xml::{Node, walk},
    message::{Fault, Reading, within},
};
use std::io::Read;

/// Slides that are put in order; more are read in the order of their relationships.
const MAX_SLIDES: usize = 100_000;

/// Gives the ids of the slides' relationships in the order in which they are shown.
pub(super) fn read(source: impl Read, home: &str, reading: &mut Reading<'_>) -> (Vec<String>, Result<(), Fault>) {
    let mut slides = Vec::new();
    let mut generic = Generic::new(Attributes::Known);
    let mut room = Room::of(reading, 0);
    let result = walk(source, home, reading, |node, _| {
        if let Node::Open(element) = &node
            && element.name() == "sldId"
            && slides.len() < MAX_SLIDES
        {
            // One `id` is the slide's own, a number; the other one, in another namespace, the relationship's.
            let ids = element.attributes().filter(|(name, _)| *name == "id");
            slides.extend(ids.map(|(_, id)| id.into_owned()).filter(|id| id.parse::<u64>().is_err()));
        }
        generic.take(&node, &mut room)
    });
    reading.piece(generic.into_text().into_piece(within(home, "presentation")));
    (slides, result)
}
