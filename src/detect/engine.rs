//! Texts and rules -> findings. Each text is passed over a fixed number of times, whatever is in it, a block at a time:
//!
//! 1. every word of the lists is found in one pass (`searched`);
//! 2. every run of digits is offered to every identifier that it can begin, every pattern is searched: what fits is a
//!    *candidate*, with the score that its shape is worth, and the words around it raise or lower that;
//! 3. so it is with the terms, one block later, since numbers that follow them count as well;
//! 4. candidates that reach their rule's threshold are counted, each different value once.

use super::{
    Finding,
    block::{BLOCK, Block, blocks, floor},
    digits::{self, Runs},
    identifier::{Hit, Identifier},
    language::{CommonWords, Languages},
    letter::{Judged, Letter},
    lists::{Found, Lists},
    model::Model,
    nearby::{Few, Nearby, Word},
    repeated::repeated,
    rule::{CERTAIN, Evidence, List, ListId, Matcher, Pack, Rule, Score},
    rule_file::MAX_PATTERN_MATCH,
    scoring::{Candidate, Possible, Shape, Surroundings, Whole, applied, weigh, why},
    searched::Searched,
    spread::{Series, Spread},
    values::{Values, key},
    words::MAX_WORD,
};
use crate::{
    level::Category,
    message::{Document, Unreadable},
};
use jiff::civil::Date;
use regex_automata::{Anchored, Input};
use std::{collections::BTreeMap, iter, mem, ops::Range, sync::Arc, time::Instant};

/// Findings listed at most; a message with more has its level and categories from all of them.
pub(super) const MAX_FINDINGS: usize = 1000;

/// Different values told apart for one finding; a count of this many means "at least".
const MAX_VALUES: usize = 1000;

/// How often values that are known already are judged again, in search of the surest.
const MAX_AGAIN: usize = 100;

/// Candidates, and runs of digits, between two looks at the clock.
const BETWEEN_LOOKS: usize = 4096;

/// The distance of a context, in bytes, from which a few bytes more or less are nothing.
const FAR: usize = 100;

/// The longest number with all that may stand within it, in bytes.
const MAX_NUMBER: usize = 256;

/// What a word stands for.
#[derive(Clone, Copy, Debug)]
enum Stands {
    /// A term of this rule, of this group of its terms.
    Term { rule: usize, group: usize },
    /// A word of a list that contexts or exceptions use.
    List(ListId),
    /// How the matches of a pattern begin, by its place among the patterns.
    Beginning(usize),
}

/// Rules, and their words by where they count.
pub(super) struct Engine {
    pub(super) rules: Vec<Rule>,
    pub(super) lists: Vec<List>,
    /// By list: whether all that ask for it look so far that the places of a repeated word may be thinned out.
    sparse: Vec<bool>,
    /// By rule: the most that its contexts can add.
    gains: Vec<Score>,
    /// By the kind of number: the rules that want it.
    identifiers: Vec<Vec<usize>>,
    /// The rules that are patterns.
    patterns: Vec<usize>,
    /// Terms, the beginnings of patterns, and the lists of contexts and exceptions.
    words: Option<Lists<Stands>>,
    /// By list: whether it counts near candidates, and whether it counts in the whole message.
    nearby: Vec<bool>,
    anywhere: Vec<bool>,
    common_words: CommonWords,
    model: Model,
    /// Some rule weighs what the model says.
    asks_model: bool,
    /// There are terms or patterns that are looked for with the words.
    seeks_words: bool,
    /// The greatest distance of any context, in bytes.
    reach: usize,
}

impl Engine {
    /// Prepares rules for use.
    pub(super) fn build(Pack { rules, lists }: Pack) -> Self {
        let mut identifiers = vec![Vec::new(); Identifier::all().count()];
        let (mut patterns, mut words) = (Vec::new(), Vec::new());
        let (mut nearby, mut anywhere) = (vec![false; lists.len()], vec![false; lists.len()]);
        let mut sparse = vec![true; lists.len()];
        for (rule, known) in rules.iter().enumerate() {
            match &known.matcher {
                Matcher::Identifier { identifier, .. } => identifiers[identifier.index()].push(rule),
                Matcher::Pattern { beginnings, .. } => {
                    let stands = Stands::Beginning(patterns.len());
                    words.extend(beginnings.iter().map(|beginning| (beginning.clone(), stands)));
                    patterns.push(rule);
                }
                Matcher::Terms(groups) => {
                    for (group, known) in groups.iter().enumerate() {
                        words.extend(known.words.iter().map(|word| (word.clone(), Stands::Term { rule, group })));
                    }
                }
                _ => {}
            }
            for context in &known.context {
                if let Evidence::Words(list) = context.evidence {
                    match context.distance {
                        Some(distance) => {
                            nearby[list.0] = true;
                            sparse[list.0] &= distance >= FAR;
                        }
                        None => anywhere[list.0] = true,
                    }
                }
            }
            if let Some(list) = known.except {
                nearby[list.0] = true;
                sparse[list.0] = false;
            }
        }
        let seeks_words = !words.is_empty();
        for (list, known) in lists.iter().enumerate().filter(|(list, _)| nearby[*list] || anywhere[*list]) {
            words.extend(known.words.iter().map(|word| (word.clone(), Stands::List(ListId(list)))));
        }
        let distances = |rule: &Rule| rule.context.iter().filter_map(|context| context.distance).max();
        Self {
            reach: rules.iter().filter_map(distances).max().unwrap_or(0),
            gains: rules.iter().map(Rule::gain).collect(),
            common_words: CommonWords::new(),
            model: Model::shipped(),
            asks_model: rules.iter().any(Rule::asks_model),
            words: Lists::build(words),
            seeks_words,
            identifiers,
            patterns,
            sparse,
            nearby,
            anywhere,
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
        let languages = self.common_words.languages(document.pieces.iter().map(|piece| piece.text.as_str()));
        let mut inspection = Inspection {
            engine: self,
            document,
            today,
            deadline,
            whole: WholeMessage {
                engine: self,
                document,
                languages,
                place: 0,
                letter: Letter::new(&self.common_words),
                searched: Searched::new(self.words.as_ref(), document.pieces.len()),
                words: None,
            },
            here: iter::repeat_with(|| None).take(self.rules.len()).collect(),
            tallies: BTreeMap::new(),
            numbers: Nearby::new(Category::ALL.len()),
            terms: Nearby::new(self.rules.len()),
            candidates: Vec::new(),
            patterns_from: Vec::new(),
            looks: 0,
        };
        let mut late = None;
        for (place, piece) in document.pieces.iter().enumerate() {
            let in_time = inspection.piece(place, &piece.text);
            inspection.close(place);
            if in_time.is_err() {
                late = Some(Unreadable { place: piece.place.clone(), reason: "limit: time".to_owned() });
                break;
            }
        }
        let mut letter = mem::replace(&mut inspection.whole.letter, Letter::new(&self.common_words));
        let judged = inspection.findings();
        let mut findings = letter.settle(&self.model, document, judged);
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
    whole: WholeMessage<'a>,
    /// By rule: what it found in this piece.
    here: Vec<Option<Tally>>,
    /// The same of the pieces before, by rule and place.
    tallies: BTreeMap<(usize, usize), Tally>,
    /// Numbers found in this piece, by category.
    numbers: Nearby<'a>,
    /// Terms of this piece, by rule: those of the block that is scored, and of those beside it.
    terms: Nearby<'a>,
    /// The numbers at a run of digits, none between two of them.
    candidates: Vec<Candidate<'a>>,
    /// By pattern: where the search goes on.
    patterns_from: Vec<usize>,
    /// Candidates and runs of digits since the last look at the clock.
    looks: usize,
}

/// What one rule found at one place.
struct Tally {
    values: Values,
    /// How often a known value was judged again.
    again: usize,
    score: Score,
    masked: String,
    why: String,
    /// Where the surest value stands, in bytes.
    at: usize,
}

/// A block of a piece, with the words that stand in it and around it.
struct Stretch<'a> {
    block: Block,
    /// By list, when they were asked for.
    words: Option<Nearby<'a>>,
    /// By rule: the contexts that can count here, when they were asked for.
    possible: Vec<Option<Possible<'a>>>,
    /// The terms that begin in the block.
    terms: Vec<Candidate<'a>>,
    /// The places in the block where a pattern may match, by the pattern's place among all.
    beginnings: Vec<(usize, usize)>,
}

impl<'a> Inspection<'a> {
    fn piece(&mut self, place: usize, text: &'a str) -> Result<(), Late> {
        self.numbers.clear();
        self.terms.clear();
        self.whole.place = place;
        self.patterns_from = vec![0; self.engine.patterns.len()];
        let mut runs = Runs::of(text.as_bytes()).peekable();
        let mut spread = Spread::default();
        let mut before: Option<Stretch<'a>> = None;
        for block in blocks(text, 0..text.len(), MAX_WORD) {
            self.clock()?;
            let (start, end, is_last) = (block.start, block.end, block.end == text.len());
            let mut stretch = Stretch {
                block,
                words: None,
                possible: iter::repeat_with(|| None).take(self.engine.rules.len()).collect(),
                terms: Vec::new(),
                beginnings: Vec::new(),
            };
            if self.engine.seeks_words {
                self.find_words(text, &mut stretch);
            }
            while let Some(run) = runs.next_if(|run| run.start < end) {
                self.look()?;
                for series in spread.take(text.as_bytes(), &run) {
                    self.series(place, text, &series, &mut stretch)?;
                }
                self.run(place, text, &run, &mut stretch);
            }
            if is_last {
                for series in spread.finish(text.as_bytes()) {
                    self.series(place, text, &series, &mut stretch)?;
                }
            }
            self.patterns(place, text, &mut stretch)?;
            if let Some(before) = before.replace(stretch) {
                self.terms(place, text, before)?;
            }
            self.numbers.forget_before(start.saturating_sub(BLOCK + self.engine.reach));
        }
        before.map_or(Ok(()), |last| self.terms(place, text, last))
    }

    /// Puts away what was found in a piece.
    fn close(&mut self, place: usize) {
        let found = self.here.iter_mut().enumerate();
        self.tallies.extend(found.filter_map(|(rule, tally)| Some(((rule, place), tally.take()?))));
    }

    fn clock(&self) -> Result<(), Late> {
        if Instant::now() > self.deadline { Err(Late) } else { Ok(()) }
    }

    /// Looks at the clock now and then.
    fn look(&mut self) -> Result<(), Late> {
        self.looks += 1;
        if self.looks.is_multiple_of(BETWEEN_LOOKS) { self.clock() } else { Ok(()) }
    }

    /// Finds the words that stand in a block and as far around it as any context reaches.
    fn find_words(&mut self, text: &'a str, stretch: &mut Stretch<'a>) {
        let engine = self.engine;
        let words = stretch.words.insert(Nearby::new(engine.lists.len()));
        let margin = engine.reach + MAX_WORD + MAX_NUMBER;
        let from = floor(text, stretch.block.start.saturating_sub(margin));
        let to = floor(text, (stretch.block.end + margin).min(text.len()));
        let languages = self.whole.languages;
        self.whole.searched.find(self.whole.place, text, from..to, |Found { start, end, word, list }| match list {
            Stands::List(list) => {
                if !engine.nearby[list.0] {
                    return;
                }
                let word = Word { start, end, written: &word.written };
                if engine.sparse[list.0] { words.push_sparsely(list.0, word) } else { words.push(list.0, word) }
            }
            Stands::Beginning(pattern) => {
                if stretch.block.has(start) && stretch.beginnings.last() != Some(&(pattern, start)) {
                    stretch.beginnings.push((pattern, start));
                }
            }
            Stands::Term { rule, group } => {
                let Rule { matcher: Matcher::Terms(groups), category, .. } = &engine.rules[rule] else { return };
                // A password is one in whatever language the rest is.
                let counts = *category == Category::Credentials || languages.allow(word.language);
                if stretch.block.has(start) && counts {
                    let (score, word) = (groups[group].base, Some(&*word.written));
                    let candidate = Candidate { rule, word, range: start..end, score, shape: Shape::Term };
                    stretch.terms.push(candidate);
                }
            }
        });
    }

    /// Offers digits, and letters among them, that stand apart, put together.
    fn series(&mut self, place: usize, text: &'a str, series: &Series, stretch: &mut Stretch<'a>) -> Result<(), Late> {
        for run in Runs::of(&series.text) {
            self.look()?;
            let mut candidates = mem::take(&mut self.candidates);
            self.numbers_at(&series.text, &run, &mut candidates);
            for mut candidate in candidates.drain(..) {
                candidate.range = series.range(&candidate.range);
                if series.has_letters() {
                    self.stands_apart(&mut candidate);
                }
                self.number(place, text, candidate, stretch);
            }
            self.candidates = candidates;
        }
        Ok(())
    }

    /// Judges a number as one whose letters and digits stand apart.
    fn stands_apart(&self, candidate: &mut Candidate<'a>) {
        if let Matcher::Identifier { identifier, base, .. } = &self.engine.rules[candidate.rule].matcher
            && let Shape::Number { form, .. } = &mut candidate.shape
        {
            let apart = identifier.apart(*form);
            candidate.score += base[apart] - base[*form];
            *form = apart;
        }
    }

    fn run(&mut self, place: usize, text: &'a str, run: &Range<usize>, stretch: &mut Stretch<'a>) {
        let mut candidates = mem::take(&mut self.candidates);
        self.numbers_at(text.as_bytes(), run, &mut candidates);
        for candidate in candidates.drain(..) {
            self.number(place, text, candidate, stretch);
        }
        self.candidates = candidates;
    }

    /// The numbers of every kind that begin with this run of digits, as far as their rules can come to a finding.
    fn numbers_at(&self, text: &[u8], run: &Range<usize>, candidates: &mut Vec<Candidate<'a>>) {
        let engine = self.engine;
        let wanted = |kind: usize| !engine.identifiers[kind].is_empty();
        Identifier::starting(text, run, self.today, wanted, |kind, Hit { range, form, checksum }| {
            for &rule in &engine.identifiers[kind] {
                let Matcher::Identifier { base, checksum: bonus, .. } = &engine.rules[rule].matcher else { continue };
                let score = base[form] + if checksum { *bonus } else { 0 };
                if score + engine.gains[rule] >= engine.rules[rule].threshold {
                    let shape = Shape::Number { form, checksum };
                    candidates.push(Candidate { rule, word: None, range: range.clone(), score, shape });
                }
            }
        });
    }

    fn number(&mut self, place: usize, text: &'a str, candidate: Candidate<'a>, stretch: &mut Stretch<'a>) {
        if stretch.words.is_none() {
            self.find_words(text, stretch);
        }
        if self.judge(place, text, &candidate, stretch) {
            let Range { start, end } = candidate.range;
            let category = self.engine.rules[candidate.rule].category;
            // A pattern sees bytes, and may end within a letter.
            let written = &text[floor(text, start)..floor(text, end)];
            self.numbers.push(category as usize, Word { start, end, written });
        }
    }

    fn patterns(&mut self, place: usize, text: &'a str, stretch: &mut Stretch<'a>) -> Result<(), Late> {
        let engine = self.engine;
        let end = |from: usize| floor(text, (from + MAX_PATTERN_MATCH).min(text.len()));
        for (pattern, start) in mem::take(&mut stretch.beginnings) {
            let Matcher::Pattern { regex, .. } = &engine.rules[engine.patterns[pattern]].matcher else { continue };
            self.look()?;
            let input = Input::new(text).span(start..end(start)).anchored(Anchored::Yes);
            if start >= self.patterns_from[pattern]
                && let Some(found) = regex.find(input)
            {
                self.pattern(place, text, pattern, found.range(), stretch);
            }
        }
        for (pattern, &rule) in engine.patterns.iter().enumerate() {
            let known = &engine.rules[rule];
            let Matcher::Pattern { regex, base, beginnings, .. } = &known.matcher else { continue };
            if !beginnings.is_empty() {
                continue;
            }
            self.clock()?;
            let spans = match known.needs(*base) {
                Some((list, distance)) => self.around(text, stretch, list, distance),
                None => iter::once(stretch.block.start..stretch.block.end).collect(),
            };
            for span in spans {
                let from = self.patterns_from[pattern].max(floor(text, span.start));
                for found in regex.find_iter(Input::new(text).span(from..end(span.end).max(from))) {
                    if found.start() >= stretch.block.end {
                        break;
                    }
                    self.look()?;
                    self.pattern(place, text, pattern, found.range(), stretch);
                }
            }
        }
        Ok(())
    }

    /// The parts of a block that lie near a word of a list.
    fn around(&mut self, text: &'a str, stretch: &mut Stretch<'a>, list: ListId, distance: usize) -> Vec<Range<usize>> {
        if stretch.words.is_none() {
            self.find_words(text, stretch);
        }
        let reach = distance + MAX_PATTERN_MATCH;
        let mut spans: Vec<Range<usize>> = Vec::new();
        for word in stretch.words.iter().flat_map(|words| words.list(list.0)) {
            let start = word.start.saturating_sub(reach).max(stretch.block.start);
            let end = (word.end + distance).min(stretch.block.end);
            match spans.last_mut() {
                Some(last) if start <= last.end => last.end = last.end.max(end),
                _ if start < end => spans.push(start..end),
                _ => {}
            }
        }
        spans
    }

    /// Takes a match.
    fn pattern(&mut self, place: usize, text: &'a str, pattern: usize, range: Range<usize>, stretch: &mut Stretch<'a>) {
        let rule = self.engine.patterns[pattern];
        let Matcher::Pattern { base, inside, language, .. } = self.engine.rules[rule].matcher else { return };
        self.patterns_from[pattern] = range.end;
        if !self.whole.languages.allow(language) {
            return;
        }
        if inside || digits::setting(text.as_bytes(), &range) != digits::Setting::Piece {
            let candidate = Candidate { rule, word: None, range, score: base, shape: Shape::Pattern };
            self.number(place, text, candidate, stretch);
        }
    }

    /// Scores the terms of a block.
    fn terms(&mut self, place: usize, text: &'a str, mut stretch: Stretch<'a>) -> Result<(), Late> {
        self.terms.forget_before(stretch.block.start.saturating_sub(self.engine.reach));
        for Candidate { rule, word, range, .. } in &stretch.terms {
            if let Some(written) = *word {
                self.terms.push_sparsely(*rule, Word { start: range.start, end: range.end, written });
            }
        }
        let terms = mem::take(&mut stretch.terms);
        for (candidate, repeated) in terms.iter().zip(repeated(&terms)) {
            self.look()?;
            if !repeated {
                self.judge(place, text, candidate, &mut stretch);
            }
        }
        Ok(())
    }

    /// Counts a candidate, if it is a finding.
    fn judge(&mut self, place: usize, text: &str, candidate: &Candidate<'a>, stretch: &mut Stretch<'a>) -> bool {
        let engine = self.engine;
        let rule = &engine.rules[candidate.rule];
        let Some(words) = &stretch.words else { return false };
        let possible = stretch.possible[candidate.rule].get_or_insert_with(|| rule.possible(words));
        if candidate.score + possible.gain < rule.threshold {
            return false;
        }
        let value = &text.as_bytes()[candidate.range.clone()];
        if let Some(tally) = &mut self.here[candidate.rule]
            && tally.values.contains(&key(value))
        {
            // It could be surer only.
            tally.again += 1;
            if tally.score >= CERTAIN || tally.again > MAX_AGAIN {
                return true;
            }
        }
        let around = Surroundings { words, terms: &self.terms, numbers: &self.numbers };
        let Some(score) = weigh(rule, possible, candidate, &around, &mut self.whole) else { return false };
        // The names of hosts and mailboxes say nothing.
        if candidate.word.is_some() && digits::is_embedded(text.as_bytes(), &candidate.range) {
            return false;
        }
        let tally = self.here[candidate.rule].get_or_insert_with(|| Tally {
            values: Values::default(),
            again: 0,
            score: 0,
            masked: String::new(),
            why: String::new(),
            at: 0,
        });
        if tally.values.len() < MAX_VALUES {
            tally.values.insert(key(value));
        }
        if score > tally.score {
            tally.score = score;
            tally.at = candidate.range.start;
            tally.masked = digits::mask(value, digits::SHOWN);
            let applied = applied(rule, candidate, &around, &mut self.whole);
            tally.why = why(rule, candidate, &applied, |against| {
                self.whole.letter.words(&engine.model, self.document, place, against)
            });
        }
        true
    }

    fn findings(self) -> Vec<Judged> {
        let mut values: BTreeMap<usize, Values> = BTreeMap::new();
        for (&(rule, _), tally) in &self.tallies {
            if self.engine.rules[rule].min_count > 1 {
                values.entry(rule).or_default().extend(&tally.values);
            }
        }
        let enough = |rule: usize| {
            let different = values.get(&rule).map_or(1, Values::len);
            different >= self.engine.rules[rule].min_count.min(MAX_VALUES)
        };
        let tallies = self.tallies.into_iter().filter(|((rule, _), _)| enough(*rule));
        let findings = tallies.map(|((rule, place), tally)| {
            let rule = &self.engine.rules[rule];
            let finding = Finding {
                rule: Arc::clone(&rule.id),
                category: rule.category,
                level: rule.level,
                part: self.document.pieces[place].place_of(tally.at),
                count: tally.values.len(),
                confidence: tally.score.min(CERTAIN) as f32 / CERTAIN as f32,
                masked: tally.masked,
                why: tally.why,
            };
            Judged { finding, score: tally.score, asks_model: rule.asks_model(), place }
        });
        findings.collect()
    }
}

/// What is known of the message as a whole.
struct WholeMessage<'a> {
    engine: &'a Engine,
    document: &'a Document,
    languages: Languages,
    /// The piece that is searched.
    place: usize,
    letter: Letter<'a>,
    searched: Searched<'a, Stands>,
    /// The different words of each list that stand anywhere in the message; looked up when first asked for.
    words: Option<BTreeMap<ListId, Few<'a>>>,
}

impl<'a> Whole<'a> for WholeMessage<'a> {
    fn words(&mut self, list: ListId, most: usize) -> Few<'a> {
        let (engine, document, languages) = (self.engine, self.document, self.languages);
        let searched = &mut self.searched;
        let words = self.words.get_or_insert_with(|| {
            let mut words: BTreeMap<ListId, Few<'a>> = BTreeMap::new();
            for (place, piece) in document.pieces.iter().enumerate() {
                searched.find(place, &piece.text, 0..piece.text.len(), |Found { word, list, .. }| {
                    if let Stands::List(list) = list
                        && engine.anywhere[list.0]
                        && languages.allow(word.language)
                    {
                        words.entry(list).or_default().push(&word.written);
                    }
                });
            }
            words
        });
        words.get(&list).map(|words| words.first(most)).unwrap_or_default()
    }

    fn share(&mut self, at: usize) -> f32 {
        self.letter.share(&self.engine.model, self.document, self.place, at)
    }

    fn most_share(&self) -> f32 {
        self.letter.most_share(self.place)
    }
}
