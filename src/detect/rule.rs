//! A rule, ready for use: what `rule_file` reads and the engine runs.

use super::{identifier::Identifier, language::Language, words::Word};
use crate::level::{Category, Level};
use jiff::civil::Date;
use regex_automata::meta::Regex;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

/// A score, in thousandths: sums of what rule files write are exact.
pub(super) type Score = i32;

/// Certainty.
pub(super) const CERTAIN: Score = 1000;

/// Rules, and the lists of words that their contexts and exceptions use.
#[derive(Clone, Debug, Default)]
pub(super) struct Pack {
    pub(super) rules: Vec<Rule>,
    pub(super) lists: Vec<List>,
}

/// A list of words, which any number of rules may use.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    pub(super) words: Vec<Word>,
}

/// Its place among the lists.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct ListId(pub(super) usize);

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) id: Arc<str>,
    pub(super) category: Category,
    pub(super) level: Level,
    /// Candidates below it are no findings.
    pub(super) threshold: Score,
    /// Different values that the message must hold.
    pub(super) min_count: usize,
    pub(super) matcher: Matcher,
    pub(super) context: Vec<Context>,
    /// A candidate that lies within one of these is none.
    pub(super) except: Option<ListId>,
    pub(super) examples: Examples,
    pub(super) origin: Origin,
}

/// What a rule looks for.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    /// Numbers whose arithmetic is known.
    Identifier {
        identifier: &'static Identifier,
        /// By the identifier's forms.
        base: Vec<Score>,
        checksum: Score,
    },
    /// Words.
    Terms(Vec<Terms>),
    /// A regular expression.
    Pattern {
        regex: Regex,
        base: Score,
        inside: bool,
        /// The language that it belongs to; none for any.
        language: Option<Language>,
        /// How every match begins; none where that can be in too many ways.
        beginnings: Vec<Word>,
    },
    /// Tags in the subject, by their key (`marks::key`), and as the rule writes them.
    SubjectTag(BTreeMap<String, String>),
    /// A header field whose value is one of these.
    Header { field: String, values: Vec<Word> },
    /// MSIP labels of these names.
    Label(Vec<Word>),
}

/// Words that are worth the same.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) words: Vec<Word>,
    pub(super) base: Score,
}

/// Evidence that raises or lowers a candidate's score.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) evidence: Evidence,
    /// For each different word, up to `most`.
    pub(super) weight: Score,
    pub(super) most: usize,
    /// How far from the candidate, in bytes; none: anywhere in the message.
    pub(super) distance: Option<usize>,
    pub(super) side: Side,
}

/// What a context looks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Evidence {
    /// A word of a list.
    Words(ListId),
    /// A number that a rule of this category found.
    Category(Category),
    /// Another term of the same rule.
    SameRule,
    /// What the model says of the text as a whole: the weight counts by its share, from -1 to 1.
    Letter,
}

/// On which side of a candidate its context stands.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Side {
    #[default]
    Either,
    Before,
    After,
}

/// What a rule must and must not find.
#[derive(Clone, Debug)]
pub(super) struct Examples {
    pub(super) today: Date,
    pub(super) found: Vec<String>,
    pub(super) not_found: Vec<String>,
}

/// Where a rule stands.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) file: String,
    pub(super) line: usize,
}
