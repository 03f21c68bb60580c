//! Pieces of text -> findings -> verdict. Pure: no file, no network, no clock but the one that is passed in.

use crate::level::{Category, Level};
use std::{collections::BTreeSet, sync::Arc};

/// What was found in one message, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The highest level of any finding.
    pub level: Level,
    /// The categories found, in [`Category::ALL`]'s order.
    pub categories: BTreeSet<Category>,
    /// What was found, one per rule and place, surest first.
    pub findings: Vec<Finding>,
    /// Parts that were not read (from the document), so that nothing is vouched for that was not seen.
    pub unreadable: Vec<crate::message::Unreadable>,
}

/// One rule that found something at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule's id: `dk.cpr`.
    pub rule: Arc<str>,
    /// Its category.
    pub category: Category,
    /// The level that it gives the message.
    pub level: Level,
    /// Where: [`crate::message::Piece::place`] or a header field.
    pub part: String,
    /// How many different values.
    pub count: usize,
    /// How sure, 0.0 to 1.0.
    pub confidence: f32,
    /// The first value with all but its beginning hidden: `0101••-••••`.
    pub masked: String,
    /// Why the confidence is what it is, in plain words.
    pub why: String,
}
