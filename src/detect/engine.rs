//! Texts and rules -> findings. Each text is passed over a fixed number of times, whatever is in it:
//!
//! 1. every run of digits is offered to every identifier; every word of the term lists is found in one pass; every
//!    pattern is searched. What fits is a *candidate*, with the score that its shape is worth;
//! 2. candidates that lie together are scored together: the words around them raise or lower their scores;
//! 3. candidates that reach their rule's threshold are counted, each different value once.

use super::{
    Finding,
    digits::{self, Runs},
    fold::fold_into,
    identifier::{Hit, Identifier},
    language::{CommonWords, Languages},
    letter::Letter,
    lists::{Found, Lists},
    model::Model,
    nearby::{Nearby, Places, Word},
    rule::{CERTAIN, Context, Evidence, List, ListId, Matcher, Pack, Rule, Score},
    rule_file::MAX_PATTERN_MATCH,
    spread::{Series, Spread},
    words::MAX_WORD,
};
use crate::{
    level::Category,
    message::{Document, Unreadable},
};
use jiff::civil::Date;
use regex_automata::Input;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
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

/// Different words of one list that are kept for the whole message.
const MAX_MOST: usize = 10;

/// Numbers found in one piece that count as evidence for what stands beside them.
const MAX_NUMBERS: usize = 10_000;

/// Runs of digits between two looks at the clock.
const RUNS: usize = 4096;

/// The group of terms that a word belongs to.
#[derive(Clone, Copy, Debug)]
struct TermId {
    rule: usize,
    group: usize,
}

/// Rules, and their words by where they count.
pub(super) struct Engine {
    pub(super) rules: Vec<Rule>,
    pub(super) lists: Vec<List>,
    /// By the kind of number: the rules that want it.
    identifiers: Vec<Vec<usize>>,
    terms: Option<Lists<TermId>>,
    /// The lists of contexts that have a distance, and of exceptions.
    nearby: Option<Lists<ListId>>,
    /// The lists of contexts that count in the whole message.
    anywhere: Option<Lists<ListId>>,
    common_words: CommonWords,
    model: Model,
    /// Some rule weighs what the model says.
    asks_model: bool,
    has_patterns: bool,
    /// The greatest distance of any context, in bytes.
    reach: usize,
}

impl Engine {
    /// Prepares rules for use.
    pub(super) fn build(Pack { rules, lists }: Pack) -> Self {
        let mut identifiers = vec![Vec::new(); Identifier::all().count()];
        let mut terms = Vec::new();
        let (mut nearby, mut anywhere) = (BTreeSet::new(), BTreeSet::new());
        for (rule, known) in rules.iter().enumerate() {
            match &known.matcher {
                Matcher::Identifier { identifier, .. } => identifiers[identifier.index()].push(rule),
                Matcher::Terms(groups) => {
                    for (group, known) in groups.iter().enumerate() {
                        terms.extend(known.words.iter().map(|word| (word.clone(), TermId { rule, group })));
                    }
                }
                _ => {}
            }
            for context in &known.context {
                if let Evidence::Words(list) = context.evidence {
                    if context.distance.is_some() {
                        nearby.insert(list)
                    } else {
                        anywhere.insert(list)
                    };
                }
            }
            nearby.extend(known.except);
        }
        let words_of = |used: BTreeSet<ListId>| {
            let lists = &lists;
            Lists::build(used.into_iter().flat_map(|id| lists[id.0].words.iter().map(move |word| (word.clone(), id))))
        };
        let distances = |rule: &Rule| rule.context.iter().filter_map(|context| context.distance).max();
        Self {
            reach: rules.iter().filter_map(distances).max().unwrap_or(0),
            has_patterns: rules.iter().any(|rule| matches!(rule.matcher, Matcher::Pattern { .. })),
            common_words: CommonWords::new(),
            model: Model::shipped(),
            asks_model: rules
                .iter()
                .any(|rule| rule.context.iter().any(|context| matches!(context.evidence, Evidence::Letter))),
            identifiers,
            terms: Lists::build(terms),
            nearby: words_of(nearby),
            anywhere: words_of(anywhere),
            lists,
            rules,
        }
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
            languages: self.common_words.languages(document.pieces.iter().map(|piece| piece.text.as_str())),
            letter: Letter::default(),
            tallies: BTreeMap::new(),
            message_words: None,
            lists_here: None,
            numbers: Vec::new(),
            folded: Vec::new(),
        };
        let mut late = None;
        for (place, piece) in document.pieces.iter().enumerate() {
            if inspection.piece(place, &piece.text).is_err() {
                late = Some(Unreadable { place: piece.place.clone(), reason: "limit: time".to_owned() });
                break;
            }
        }
        let mut letter = std::mem::take(&mut inspection.letter);
        let mut findings = inspection.findings();
        if findings.is_empty() && self.asks_model {
            findings.extend(letter.alone(&self.model, document));
        }
        (findings, late)
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
    languages: Languages,
    letter: Letter,
    /// The different words of each list that stand anywhere in the message; looked up when first asked for.
    message_words: Option<BTreeMap<ListId, Vec<&'a str>>>,
    /// The lists that have a word in this piece, by their numbers; looked up when first asked for.
    lists_here: Option<Vec<bool>>,
    /// What was found in this piece by rules about numbers.
    numbers: Vec<(Category, Range<usize>)>,
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
struct Candidate<'a> {
    rule: usize,
    /// The word, where it is one.
    word: Option<&'a str>,
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

/// A context that changed a score, by how much, and the words that did it.
struct Applied<'a> {
    context: &'a Context,
    weight: Score,
    words: Vec<&'a str>,
}

/// Candidates whose surroundings overlap.
struct Cluster<'a> {
    candidates: Vec<Candidate<'a>>,
    range: Range<usize>,
}

/// What lies around the candidates of a cluster.
struct Surroundings<'a> {
    words: Nearby<'a>,
    /// By rule: the terms of this cluster.
    terms: BTreeMap<usize, Places<'a>>,
    /// By category: the numbers of this piece.
    numbers: BTreeMap<Category, Places<'a>>,
}

impl<'a> Inspection<'a> {
    fn piece(&mut self, place: usize, text: &'a str) -> Result<(), Late> {
        self.numbers.clear();
        self.lists_here = None;
        self.identifiers(place, text)?;
        self.patterns(place, text)?;
        self.terms(place, text)
    }

    fn clock(&self) -> Result<(), Late> {
        if Instant::now() > self.deadline { Err(Late) } else { Ok(()) }
    }

    fn identifiers(&mut self, place: usize, text: &'a str) -> Result<(), Late> {
        let mut cluster = Cluster::empty();
        let mut spread = Spread::default();
        for (count, run) in Runs::of(text.as_bytes()).enumerate() {
            if count % RUNS == 0 {
                self.clock()?;
            }
            if let Some(series) = spread.take(text.as_bytes(), &run) {
                self.series(place, text, &series, &mut cluster)?;
            }
            self.run(text, text.as_bytes(), &run, |inspection, candidate| {
                inspection.candidate(place, text, &mut cluster, candidate)
            })?;
        }
        if let Some(series) = spread.finish() {
            self.series(place, text, &series, &mut cluster)?;
        }
        self.score(place, text, cluster)
    }

    /// Offers digits that stand apart, put together.
    fn series(&mut self, place: usize, text: &'a str, series: &Series, cluster: &mut Cluster<'a>) -> Result<(), Late> {
        for run in Runs::of(&series.text) {
            self.run(text, &series.text, &run, |inspection, candidate| {
                let range = series.range(&candidate.range);
                inspection.candidate(place, text, cluster, Candidate { range, ..candidate })
            })?;
        }
        Ok(())
    }

    /// Offers a run of digits, of the piece or of what was put together from it, to every kind of number that can begin with
    /// it.
    fn run(
        &mut self,
        piece: &str,
        text: &[u8],
        run: &Range<usize>,
        mut take: impl FnMut(&mut Self, Candidate<'a>) -> Result<(), Late>,
    ) -> Result<(), Late> {
        let engine = self.engine;
        let wanted = |kind: usize| !engine.identifiers[kind].is_empty();
        Identifier::starting(text, run, self.today, wanted, |kind, Hit { range, form, checksum }| {
            for &rule in &engine.identifiers[kind] {
                let Matcher::Identifier { base, checksum: bonus, .. } = &engine.rules[rule].matcher else { continue };
                let score = base[form] + if checksum { *bonus } else { 0 };
                let shape = Shape::Number { form, checksum };
                let candidate = Candidate { rule, word: None, range: range.clone(), score, shape };
                if self.can_be_found(&candidate, piece)? {
                    take(self, candidate)?;
                }
            }
            Ok(())
        })
    }

    /// Whether a candidate can reach its rule's threshold with the words that stand anywhere in the piece. Most cannot,
    /// and looking around each of them is what would take the time.
    fn can_be_found(&mut self, candidate: &Candidate<'a>, piece: &str) -> Result<bool, Late> {
        let rule = &self.engine.rules[candidate.rule];
        if candidate.score >= rule.threshold {
            return Ok(true);
        }
        let mut score = candidate.score;
        for context in rule.context.iter().filter(|context| context.weight > 0) {
            let may_apply = match (context.evidence, context.distance) {
                (Evidence::Words(list), Some(_)) => self.is_here(list, piece)?,
                _ => true,
            };
            if may_apply {
                score += context.weight * Score::try_from(context.most).unwrap_or(Score::MAX / CERTAIN);
            }
        }
        Ok(score >= rule.threshold)
    }

    /// Whether a word of this list stands in the piece.
    fn is_here(&mut self, list: ListId, piece: &str) -> Result<bool, Late> {
        if self.lists_here.is_none() {
            let engine = self.engine;
            let mut here = vec![false; engine.lists.len()];
            let mut folded = Vec::new();
            if let Some(lists) = &engine.nearby {
                for block in blocks(piece, MAX_WORD) {
                    self.clock()?;
                    folded.clear();
                    fold_into(&piece[block.start..block.overlap], &mut folded);
                    for found in lists.find(piece, &folded, block.start) {
                        here[found.list.0] = true;
                    }
                }
            }
            self.lists_here = Some(here);
        }
        Ok(self.lists_here.as_ref().is_none_or(|here| here[list.0]))
    }

    fn terms(&mut self, place: usize, text: &'a str) -> Result<(), Late> {
        let engine = self.engine;
        let Some(terms) = &engine.terms else { return Ok(()) };
        let mut folded = Vec::new();
        let mut cluster = Cluster::empty();
        for block in blocks(text, MAX_WORD) {
            self.clock()?;
            folded.clear();
            fold_into(&text[block.start..block.overlap], &mut folded);
            for Found { start, end, word, list: TermId { rule, group } } in terms.find(text, &folded, block.start) {
                // What begins in the overlap is found in the next block.
                if start >= block.end || !self.languages.allow(word.language) {
                    continue;
                }
                let Matcher::Terms(groups) = &engine.rules[rule].matcher else { continue };
                let (score, word) = (groups[group].base, Some(word.written.as_str()));
                let candidate = Candidate { rule, word, range: start..end, score, shape: Shape::Term };
                self.candidate(place, text, &mut cluster, candidate)?;
            }
        }
        self.score(place, text, cluster)
    }

    fn patterns(&mut self, place: usize, text: &'a str) -> Result<(), Late> {
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
                    let candidate = Candidate { rule, word: None, range, score: *base, shape: Shape::Pattern };
                    self.candidate(place, text, &mut cluster, candidate)?;
                }
            }
            self.score(place, text, cluster)?;
        }
        Ok(())
    }

    /// Adds a candidate to the cluster; scores the cluster first if the candidate lies too far from it.
    fn candidate(
        &mut self,
        place: usize,
        text: &'a str,
        cluster: &mut Cluster<'a>,
        candidate: Candidate<'a>,
    ) -> Result<(), Late> {
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
    fn score(&mut self, place: usize, text: &'a str, cluster: Cluster<'a>) -> Result<(), Late> {
        if cluster.candidates.is_empty() {
            return Ok(());
        }
        let engine = self.engine;
        let mut folded = std::mem::take(&mut self.folded);
        let mut words = Nearby::default();
        if let Some(lists) = &engine.nearby {
            let margin = engine.reach + MAX_WORD;
            let start = floor(text, cluster.range.start.saturating_sub(margin));
            let end = floor(text, (cluster.range.end + margin).min(text.len()));
            folded.clear();
            fold_into(&text[start..end], &mut folded);
            words =
                Nearby::of(lists.find(text, &folded, start).into_iter().map(|found| {
                    (found.list, Word { start: found.start, end: found.end, written: &found.word.written })
                }));
        }
        self.folded = folded;
        let mut terms: BTreeMap<usize, Vec<Word<'a>>> = BTreeMap::new();
        for Candidate { rule, word, range, .. } in &cluster.candidates {
            if let Some(written) = *word {
                terms.entry(*rule).or_default().push(Word { start: range.start, end: range.end, written });
            }
        }
        let mut numbers: BTreeMap<Category, Vec<Word<'a>>> = BTreeMap::new();
        for (category, range) in &self.numbers {
            let written = &text[range.clone()];
            numbers.entry(*category).or_default().push(Word { start: range.start, end: range.end, written });
        }
        let surroundings = Surroundings {
            words,
            terms: terms.into_iter().map(|(rule, words)| (rule, Places::of(words))).collect(),
            numbers: numbers.into_iter().map(|(category, words)| (category, Places::of(words))).collect(),
        };
        for candidate in cluster.candidates {
            self.weigh(place, text, candidate, &surroundings);
        }
        Ok(())
    }

    /// The words for which a context applies; empty where it does not.
    fn evidence(&mut self, context: &Context, candidate: &Candidate<'a>, around: &Surroundings<'a>) -> Vec<&'a str> {
        let Some(distance) = context.distance else {
            let Evidence::Words(list) = context.evidence else { return Vec::new() };
            return self.in_message(list, context.most);
        };
        let places = match context.evidence {
            Evidence::Words(list) => around.words.list(list),
            Evidence::Category(category) => around.numbers.get(&category),
            Evidence::SameRule => around.terms.get(&candidate.rule),
            Evidence::Letter => None,
        };
        let Some(places) = places else { return Vec::new() };
        let mut near = places.near(&candidate.range, distance, context.side, context.most + 1);
        near.retain(|word| Some(*word) != candidate.word);
        near.truncate(context.most);
        near
    }

    fn weigh(&mut self, place: usize, text: &str, candidate: Candidate<'a>, around: &Surroundings<'a>) {
        let engine = self.engine;
        let rule = &engine.rules[candidate.rule];
        let excepted = rule.except.and_then(|list| around.words.list(list));
        if excepted.is_some_and(|places| places.cover(&candidate.range, MAX_WORD)) {
            return;
        }
        let mut score = candidate.score;
        // The contexts that apply, each with the words that did it and what they are worth.
        let mut applied: Vec<Applied<'_>> = Vec::new();
        for context in &rule.context {
            let (weight, words) = match context.evidence {
                Evidence::Letter => {
                    let share = self.letter.share(&engine.model, self.document, place);
                    ((context.weight as f32 * share).round() as Score, Vec::new())
                }
                _ => {
                    let words = self.evidence(context, &candidate, around);
                    (context.weight * Score::try_from(words.len()).unwrap_or(0), words)
                }
            };
            if weight != 0 {
                score += weight;
                applied.push(Applied { context, weight, words });
            }
        }
        if score < rule.threshold {
            return;
        }
        let value = &text.as_bytes()[candidate.range.clone()];
        if matches!(rule.matcher, Matcher::Identifier { .. } | Matcher::Pattern { .. })
            && self.numbers.len() < MAX_NUMBERS
        {
            self.numbers.push((rule.category, candidate.range.clone()));
        }
        let tally = self.tallies.entry((candidate.rule, place)).or_insert_with(|| Tally {
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
            tally.why = why(rule, &candidate, &applied, |against| {
                let words = self.letter.words(&engine.model, self.document, place, against);
                (if against { "like a text for many" } else { "like a text about a person" }, words)
            });
            tally.at = candidate.range.start;
        }
    }

    /// Up to `most` different words of a list that stand anywhere in the message.
    fn in_message(&mut self, list: ListId, most: usize) -> Vec<&'a str> {
        let (engine, document, languages) = (self.engine, self.document, self.languages);
        let words = self.message_words.get_or_insert_with(|| {
            let mut words: BTreeMap<ListId, Vec<&'a str>> = BTreeMap::new();
            let mut folded = Vec::new();
            let Some(lists) = &engine.anywhere else { return words };
            for piece in &document.pieces {
                for block in blocks(&piece.text, MAX_WORD) {
                    folded.clear();
                    fold_into(&piece.text[block.start..block.overlap], &mut folded);
                    for found in lists.find(&piece.text, &folded, block.start) {
                        let known = words.entry(found.list).or_default();
                        let counts = languages.allow(found.word.language);
                        if counts && known.len() < MAX_MOST && !known.contains(&found.word.written.as_str()) {
                            known.push(&found.word.written);
                        }
                    }
                }
            }
            words
        });
        words.get(&list).map(|words| words.iter().copied().take(most).collect()).unwrap_or_default()
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

impl Cluster<'_> {
    fn empty() -> Self {
        Self { candidates: Vec::new(), range: 0..0 }
    }
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
fn why(
    rule: &Rule,
    candidate: &Candidate<'_>,
    applied: &[Applied<'_>],
    letter: impl Fn(bool) -> (&'static str, String),
) -> String {
    let points = |score: Score| f64::from(score) / f64::from(CERTAIN);
    let mut why = match (candidate.shape, &rule.matcher) {
        (Shape::Number { form, checksum }, Matcher::Identifier { identifier, base, checksum: bonus }) => {
            let mut why = format!("written form {} {:.2}", identifier.forms[form], points(base[form]));
            if checksum && let Some(name) = identifier.checksum {
                let _ = write!(why, ", {name} fits {:+.2}", points(*bonus));
            }
            why
        }
        (Shape::Term, _) => {
            format!("the listed word “{}” {:.2}", candidate.word.unwrap_or_default(), points(candidate.score))
        }
        _ => format!("the pattern {:.2}", points(candidate.score)),
    };
    for Applied { context, weight, words } in applied {
        let weight = points(*weight);
        let named = words.iter().map(|word| format!("“{word}”")).collect::<Vec<_>>().join(", ");
        // Writing to a string cannot fail.
        let _ = match (context.distance, context.evidence) {
            (_, Evidence::Letter) => {
                let (reads, words) = letter(weight < 0.0);
                write!(why, ", it reads {reads} ({words}) {weight:+.2}")
            }
            (None, _) => write!(why, ", in the message {named} {weight:+.2}"),
            // The number itself is not to be told.
            (_, Evidence::Category(category)) => write!(why, ", near a number ({category}) {weight:+.2}"),
            _ => write!(why, ", near {named} {weight:+.2}"),
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
