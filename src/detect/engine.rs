//! Texts and rules -> findings. Each text is passed over a fixed number of times, whatever is in it:
//!
//! 1. every run of digits is offered to every identifier; every word of the term lists is found by one automaton; every
//!    pattern is searched. What fits is a *candidate*, with the score that its shape is worth;
//! 2. candidates that lie together are scored together: the words around them raise or lower their scores;
//! 3. candidates that reach their rule's threshold are counted, each different value once.

use super::{
    Finding,
    digits::{self, Runs},
    fold::fold_into,
    identifier::{Hit, Identifier},
    rule::{CERTAIN, Matcher, Rule, Score, Side},
    rule_file::MAX_PATTERN_MATCH,
    words::{Found, Lists, MAX_WORD},
};
use crate::message::{Document, Unreadable};
use jiff::civil::Date;
use regex_automata::Input;
use std::{
    collections::{BTreeMap, HashSet},
    fmt::Write,
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
    sync::Arc,
    time::Instant,
};

/// Findings listed at most; a message with more has its level and categories from all of them.
pub(super) const MAX_FINDINGS: usize = 1000;

/// Different values told apart for one finding; a count of this many means "at least".
const MAX_VALUES: usize = 1000;

/// Bytes of text searched at once, and between two looks at the clock.
const BLOCK: usize = 64 * 1024;

/// The longest run of digits that can be the first of a number of a known kind.
const MAX_RUN: usize = 63;

/// Runs of digits between two looks at the clock.
const RUNS: usize = 4096;

/// The list that a word belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListId {
    rule: usize,
    list: usize,
}

/// Rules and the automata made of their words.
pub(super) struct Engine {
    pub(super) rules: Vec<Rule>,
    /// By the length of the first run of digits: rules and their kinds of number.
    identifiers: Vec<Vec<(usize, &'static Identifier)>>,
    terms: Option<Lists<ListId>>,
    contexts: Option<Lists<ListId>>,
    has_patterns: bool,
    /// The greatest distance of any context, in bytes.
    reach: usize,
}

impl Engine {
    /// Builds the automata.
    ///
    /// # Errors
    /// If the word lists are too long for them.
    pub(super) fn build(rules: Vec<Rule>) -> Result<Self, aho_corasick::BuildError> {
        let mut identifiers = vec![Vec::new(); MAX_RUN + 1];
        let (mut terms, mut contexts) = (Vec::new(), Vec::new());
        for (rule, known) in rules.iter().enumerate() {
            match &known.matcher {
                Matcher::Identifier { identifier, .. } => {
                    for (length, starting) in identifiers.iter_mut().enumerate() {
                        if identifier.starts_with(length) {
                            starting.push((rule, *identifier));
                        }
                    }
                }
                Matcher::Terms(groups) => {
                    for (list, group) in groups.iter().enumerate() {
                        terms.extend(group.words.iter().map(|word| (word.clone(), ListId { rule, list })));
                    }
                }
                _ => {}
            }
            for (list, context) in known.context.iter().enumerate() {
                contexts.extend(context.words.iter().map(|word| (word.clone(), ListId { rule, list })));
            }
        }
        let has_patterns = rules.iter().any(|rule| matches!(rule.matcher, Matcher::Pattern { .. }));
        let contexts_of = |rule: &Rule| rule.context.iter().filter_map(|context| context.distance).max();
        let reach = rules.iter().filter_map(contexts_of).max().unwrap_or(0);
        Ok(Self {
            reach,
            identifiers,
            terms: Lists::build(terms)?,
            contexts: Lists::build(contexts)?,
            has_patterns,
            rules,
        })
    }

    /// Searches every piece of the document.
    pub(super) fn inspect(
        &self,
        document: &Document,
        today: Date,
        deadline: Instant,
    ) -> (Vec<Finding>, Option<Unreadable>) {
        let mut inspection = Inspection {
            engine: self,
            document,
            today,
            deadline,
            tallies: BTreeMap::new(),
            message_words: None,
            folded: Vec::new(),
        };
        let mut late = None;
        for (place, piece) in document.pieces.iter().enumerate() {
            if inspection.piece(place, &piece.text).is_err() {
                late = Some(Unreadable { place: piece.place.clone(), reason: "limit: time".to_owned() });
                break;
            }
        }
        (inspection.findings(), late)
    }
}

/// The deadline has passed.
struct Late;

struct Inspection<'a> {
    engine: &'a Engine,
    document: &'a Document,
    today: Date,
    deadline: Instant,
    /// By rule and place.
    tallies: BTreeMap<(usize, usize), Tally>,
    /// Which lists have a word anywhere in the message; looked up when first asked for.
    message_words: Option<HashSet<(usize, usize)>>,
    folded: Vec<u8>,
}

/// What one rule found at one place.
struct Tally {
    values: HashSet<u64>,
    score: Score,
    masked: String,
    why: String,
    /// Where the surest value stands, in bytes.
    at: usize,
}

/// Something of the right shape.
struct Candidate {
    rule: usize,
    range: Range<usize>,
    score: Score,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    Number { form: usize, checksum: bool },
    Term,
    Pattern,
}

/// Candidates whose surroundings overlap.
struct Cluster {
    candidates: Vec<Candidate>,
    range: Range<usize>,
}

/// A context word near some candidate.
struct Near<'a> {
    start: usize,
    end: usize,
    list: ListId,
    word: &'a str,
}

impl Inspection<'_> {
    fn piece(&mut self, place: usize, text: &str) -> Result<(), Late> {
        self.identifiers(place, text)?;
        self.terms(place, text)?;
        self.patterns(place, text)
    }

    fn clock(&self) -> Result<(), Late> {
        if Instant::now() > self.deadline { Err(Late) } else { Ok(()) }
    }

    fn identifiers(&mut self, place: usize, text: &str) -> Result<(), Late> {
        let engine = self.engine;
        let mut cluster = Cluster::empty();
        for (count, run) in Runs::of(text.as_bytes()).enumerate() {
            if count % RUNS == 0 {
                self.clock()?;
            }
            for &(rule, identifier) in engine.identifiers.get(run.len()).into_iter().flatten() {
                let Some(Hit { range, form, checksum }) = identifier.at(text.as_bytes(), &run, self.today) else {
                    continue;
                };
                let Matcher::Identifier { base, checksum: bonus, .. } = &engine.rules[rule].matcher else { continue };
                let score = base[form] + if checksum { *bonus } else { 0 };
                let shape = Shape::Number { form, checksum };
                self.candidate(place, text, &mut cluster, Candidate { rule, range, score, shape })?;
            }
        }
        self.score(place, text, cluster)
    }

    fn terms(&mut self, place: usize, text: &str) -> Result<(), Late> {
        let Some(terms) = &self.engine.terms else { return Ok(()) };
        let mut folded = Vec::new();
        let mut cluster = Cluster::empty();
        for block in blocks(text, MAX_WORD) {
            self.clock()?;
            folded.clear();
            fold_into(&text[block.start..block.overlap], &mut folded);
            for Found { start, end, list, .. } in terms.find(text, &folded, block.start) {
                // What begins in the overlap is found in the next block.
                if start >= block.end {
                    continue;
                }
                let Matcher::Terms(groups) = &self.engine.rules[list.rule].matcher else { continue };
                let score = groups[list.list].base;
                let candidate = Candidate { rule: list.rule, range: start..end, score, shape: Shape::Term };
                self.candidate(place, text, &mut cluster, candidate)?;
            }
        }
        self.score(place, text, cluster)
    }

    fn patterns(&mut self, place: usize, text: &str) -> Result<(), Late> {
        if !self.engine.has_patterns {
            return Ok(());
        }
        for (rule, known) in self.engine.rules.iter().enumerate() {
            let Matcher::Pattern { regex, base, inside } = &known.matcher else { continue };
            let mut cluster = Cluster::empty();
            let mut from = 0;
            for block in blocks(text, MAX_PATTERN_MATCH) {
                self.clock()?;
                let input = Input::new(text).span(from.max(block.start)..block.overlap);
                for found in regex.find_iter(input) {
                    if found.start() >= block.end {
                        break;
                    }
                    from = found.end();
                    let range = found.range();
                    if !inside && digits::setting(text.as_bytes(), &range) == digits::Setting::Piece {
                        continue;
                    }
                    let candidate = Candidate { rule, range, score: *base, shape: Shape::Pattern };
                    self.candidate(place, text, &mut cluster, candidate)?;
                }
            }
            self.score(place, text, cluster)?;
        }
        Ok(())
    }

    /// Adds a candidate to the cluster; scores the cluster first if the candidate lies too far from it.
    fn candidate(&mut self, place: usize, text: &str, cluster: &mut Cluster, candidate: Candidate) -> Result<(), Late> {
        let far = candidate.range.start > cluster.range.end + self.engine.reach;
        if far || candidate.range.start > cluster.range.start + BLOCK {
            let full = std::mem::replace(cluster, Cluster::empty());
            self.score(place, text, full)?;
            self.clock()?;
        }
        if cluster.candidates.is_empty() {
            cluster.range = candidate.range.clone();
        }
        cluster.range.start = cluster.range.start.min(candidate.range.start);
        cluster.range.end = cluster.range.end.max(candidate.range.end);
        cluster.candidates.push(candidate);
        Ok(())
    }

    /// Scores the candidates of a cluster by the words around them and counts those that are findings.
    fn score(&mut self, place: usize, text: &str, cluster: Cluster) -> Result<(), Late> {
        if cluster.candidates.is_empty() {
            return Ok(());
        }
        let engine = self.engine;
        let mut folded = std::mem::take(&mut self.folded);
        let mut near: Vec<Near<'_>> = Vec::new();
        if let Some(contexts) = &engine.contexts {
            let margin = engine.reach + MAX_WORD;
            let start = floor(text, cluster.range.start.saturating_sub(margin));
            let end = floor(text, (cluster.range.end + margin).min(text.len()));
            folded.clear();
            fold_into(&text[start..end], &mut folded);
            let found = contexts.find(text, &folded, start);
            near.extend(found.map(|found| Near {
                start: found.start,
                end: found.end,
                list: found.list,
                word: &found.word.written,
            }));
        }
        for candidate in cluster.candidates {
            self.weigh(place, text, candidate, &near);
        }
        self.folded = folded;
        Ok(())
    }

    fn weigh(&mut self, place: usize, text: &str, candidate: Candidate, near: &[Near<'_>]) {
        let rule = &self.engine.rules[candidate.rule];
        let mut score = candidate.score;
        // The context lists that apply, each with the word near the candidate that did it.
        let mut applied: Vec<(Score, Option<&str>)> = Vec::new();
        for (list, context) in rule.context.iter().enumerate() {
            let (applies, word) = match context.distance {
                Some(distance) => {
                    let list = ListId { rule: candidate.rule, list };
                    let word = nearest(near, list, &candidate.range, distance, context.side);
                    (word.is_some(), word)
                }
                None => (self.message_has(candidate.rule, list), None),
            };
            if applies {
                score += context.weight;
                applied.push((context.weight, word));
            }
        }
        if score < rule.threshold {
            return;
        }
        let value = &text.as_bytes()[candidate.range.clone()];
        let rule_index = candidate.rule;
        let tally = self.tallies.entry((rule_index, place)).or_insert_with(|| Tally {
            values: HashSet::new(),
            score: 0,
            masked: String::new(),
            why: String::new(),
            at: 0,
        });
        if tally.values.len() < MAX_VALUES {
            tally.values.insert(key(value));
        }
        let score = score.min(CERTAIN);
        if score > tally.score {
            tally.score = score;
            tally.masked = match &rule.matcher {
                Matcher::Identifier { identifier, .. } => identifier.mask(value),
                _ => digits::mask(value, 2),
            };
            tally.why = why(rule, &candidate, &applied);
            tally.at = candidate.range.start;
        }
    }

    /// Whether a word of this list stands anywhere in the message.
    fn message_has(&mut self, rule: usize, list: usize) -> bool {
        let (engine, document) = (self.engine, self.document);
        let words = self.message_words.get_or_insert_with(|| {
            let mut words = HashSet::new();
            let mut folded = Vec::new();
            let Some(contexts) = &engine.contexts else { return words };
            for piece in &document.pieces {
                for block in blocks(&piece.text, MAX_WORD) {
                    folded.clear();
                    fold_into(&piece.text[block.start..block.overlap], &mut folded);
                    let found = contexts.find(&piece.text, &folded, block.start);
                    words.extend(found.map(|found| (found.list.rule, found.list.list)));
                }
            }
            words
        });
        words.contains(&(rule, list))
    }

    fn findings(self) -> Vec<Finding> {
        let mut values: BTreeMap<usize, HashSet<u64>> = BTreeMap::new();
        for (&(rule, _), tally) in &self.tallies {
            if self.engine.rules[rule].min_count > 1 {
                values.entry(rule).or_default().extend(&tally.values);
            }
        }
        let enough = |rule: usize| {
            let different = values.get(&rule).map_or(1, HashSet::len);
            different >= self.engine.rules[rule].min_count.min(MAX_VALUES)
        };
        let tallies = self.tallies.into_iter().filter(|((rule, _), _)| enough(*rule));
        let findings = tallies.map(|((rule, place), tally)| {
            let rule = &self.engine.rules[rule];
            Finding {
                rule: Arc::clone(&rule.id),
                category: rule.category,
                level: rule.level,
                part: self.document.pieces[place].place_of(tally.at),
                count: tally.values.len(),
                confidence: tally.score as f32 / CERTAIN as f32,
                masked: tally.masked,
                why: tally.why,
            }
        });
        findings.collect()
    }
}

impl Cluster {
    fn empty() -> Self {
        Self { candidates: Vec::new(), range: 0..0 }
    }
}

/// The word of this list that stands nearest to a candidate, at most `distance` away and not within it.
fn nearest<'a>(near: &[Near<'a>], list: ListId, range: &Range<usize>, distance: usize, side: Side) -> Option<&'a str> {
    let first = near.partition_point(|word| word.end + distance < range.start);
    near[first..]
        .iter()
        // Words come in the order of their ends, and none is longer than this.
        .take_while(|word| word.end <= range.end + distance + MAX_WORD)
        .filter(|word| word.list.rule == list.rule && word.list.list == list.list)
        .filter_map(|word| {
            let gap = if word.end <= range.start && side != Side::After {
                range.start - word.end
            } else if word.start >= range.end && side != Side::Before {
                word.start - range.end
            } else {
                return None;
            };
            (gap <= distance).then_some((gap, word.word))
        })
        .min_by_key(|(gap, _)| *gap)
        .map(|(_, word)| word)
}

/// The value's identity: letters and digits, whatever stands between them.
fn key(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for byte in value.iter().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()) {
        byte.to_ascii_lowercase().hash(&mut hasher);
    }
    hasher.finish()
}

/// Why the confidence is what it is.
fn why(rule: &Rule, candidate: &Candidate, applied: &[(Score, Option<&str>)]) -> String {
    let points = |score: Score| f64::from(score) / f64::from(CERTAIN);
    let mut why = match (candidate.shape, &rule.matcher) {
        (Shape::Number { form, checksum }, Matcher::Identifier { identifier, base, checksum: bonus }) => {
            let mut why = format!("written form {} {:.2}", identifier.forms[form], points(base[form]));
            if checksum && let Some(name) = identifier.checksum {
                let _ = write!(why, ", {name} fits {:+.2}", points(*bonus));
            }
            why
        }
        (Shape::Term, _) => format!("a listed word {:.2}", points(candidate.score)),
        _ => format!("the pattern {:.2}", points(candidate.score)),
    };
    for (weight, word) in applied {
        // Writing to a string cannot fail.
        let _ = match word {
            Some(word) => write!(why, ", near “{word}” {:+.2}", points(*weight)),
            None => write!(why, ", by words elsewhere in the message {:+.2}", points(*weight)),
        };
    }
    why
}

/// A part of a text, and how far to look beyond it for what begins in it.
struct Block {
    start: usize,
    end: usize,
    overlap: usize,
}

/// Cuts a text between characters.
fn blocks(text: &str, overlap: usize) -> impl Iterator<Item = Block> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let start = at;
        let end = floor(text, (start + BLOCK).min(text.len()));
        at = end;
        Some(Block { start, end, overlap: floor(text, (end + overlap).min(text.len())) })
    })
}

/// The character boundary at or before a place.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
