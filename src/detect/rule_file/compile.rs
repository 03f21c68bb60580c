//! Rules as they stand in files -> rules ready for use, or what is wrong with them.

use super::{
    overlap,
    raw::{
        RawContext, RawExamples, RawIdentifier, RawList, RawPattern, RawProfile, RawRule, RawTag, RawTerms, RawWord,
        RawWords,
    },
};
use crate::{
    detect::{
        fold::fold,
        identifier::Identifier,
        language::Language,
        marks,
        nearby::MAX_MOST,
        rule::{CERTAIN, Context, Evidence, Examples, List, ListId, Matcher, Origin, Rule, Score, Side, Terms},
        words::{Word, phrases},
    },
    level::Level,
};
use jiff::civil::{Date, date};
use regex_automata::{meta::Regex, util::syntax};
use regex_syntax::hir::{
    Hir, Look,
    literal::{Extractor, Seq},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
};

/// The greatest distance of a context, in bytes: around every candidate this much text is searched.
const MAX_DISTANCE: usize = 1000;

/// The longest match of a pattern, in bytes.
pub(in crate::detect) const MAX_PATTERN_MATCH: usize = 256;

/// The most memory that the automaton of one pattern may take, in bytes: its size bounds the time per byte of text.
const MAX_PATTERN_SIZE: usize = 128 * 1024;

/// The most matches of a pattern that may go on at one byte of a text: so often it may be read, which is 5 MB a second or
/// more.
const MAX_AT_ONCE: usize = 64;

/// Letters by which the matches of a pattern are looked for, in bytes.
const LONGEST_BEGINNING: usize = 4;
const SHORTEST_BEGINNING: usize = 2;

/// The signs of a class that are tried each by itself: the letters, of both cases.
const MAX_CLASS: usize = 52;

/// The most ways in which the matches of a pattern may begin, where small letters and capitals are different.
const MAX_BEGINNINGS: usize = 50_000;

/// On which day examples hold that name none.
const EXAMPLES_TODAY: Date = date(2026, 1, 1);

/// A number between 0 and 1, in thousandths.
fn score(name: &str, value: f64) -> Result<Score, String> {
    if (0.0..=1.0).contains(&value) {
        Ok((value * f64::from(CERTAIN)).round() as Score)
    } else {
        Err(format!("`{name}` is {value}: write a number from 0.0 to 1.0"))
    }
}

/// The most words of one list, and of all rules and lists, their alternatives written out: so many take 200 MB.
const MAX_LIST: usize = 50_000;
const MAX_WORDS: usize = 1_000_000;

/// What is wrong with a table of a file, and where that stands.
pub(super) struct Wrong {
    pub(super) reason: String,
    /// In bytes; none for the table as a whole.
    pub(super) at: Option<usize>,
    /// The file, by its place among all, where it is not the table's own.
    pub(super) file: Option<usize>,
}

impl From<String> for Wrong {
    fn from(reason: String) -> Self {
        Self { reason, at: None, file: None }
    }
}

/// A profile, and its file by its place among all.
struct Profile {
    file: usize,
    context: Vec<RawContext>,
}

/// Lists and profiles, and the rules that name them.
#[derive(Default)]
pub(super) struct Compiler {
    /// Words of all of them.
    words: usize,
    lists: Vec<List>,
    names: HashMap<String, ListId>,
    profiles: HashMap<String, Profile>,
}

impl Compiler {
    pub(super) fn into_lists(self) -> Vec<List> {
        self.lists
    }

    /// Adds to the list of this id.
    pub(super) fn list(&mut self, raw: &RawList) -> Result<(), Wrong> {
        check_id(&raw.id)?;
        let mut words = raw.words.compile()?;
        self.count(words.len())?;
        for word in &mut words {
            word.capital = raw.capital;
        }
        match self.names.get(&raw.id) {
            Some(list) => self.lists[list.0].words.extend(words),
            None => {
                let list = self.own_list(words);
                self.names.insert(raw.id.clone(), list);
            }
        }
        Ok(())
    }

    /// Counts words, which must not become too many.
    fn count(&mut self, words: usize) -> Result<(), String> {
        self.words += words;
        if self.words > MAX_WORDS {
            return Err(format!("there are more than {MAX_WORDS} words in all rules: leave out some alternatives"));
        }
        Ok(())
    }

    fn own_list(&mut self, words: Vec<Word>) -> ListId {
        self.lists.push(List { words });
        ListId(self.lists.len() - 1)
    }

    /// Takes a profile of the file that has this place among all.
    pub(super) fn profile(&mut self, raw: RawProfile, file: usize) {
        self.profiles.insert(raw.id, Profile { file, context: raw.context });
    }

    pub(super) fn rule(&mut self, mut raw: RawRule, origin: Origin) -> Result<Rule, Wrong> {
        check_id(&raw.id)?;
        for (name, text) in [("description", &raw.description), ("source", &raw.source)] {
            if text.trim().is_empty() {
                let reason = format!("`{name}` is empty: say in plain words what is looked for and by which law");
                return Err(reason.into());
            }
        }
        let level = raw.level.unwrap_or_else(|| raw.category.default_level());
        if level == Level::None {
            return Err("`level` is none: write confidential or sensitive, or leave it out".to_owned().into());
        }
        if raw.min_count == 0 {
            return Err("`min-count` is 0: write 1 or more".to_owned().into());
        }
        let (matcher, scored) = raw.matcher()?;
        if let Matcher::Terms(groups) = &matcher {
            self.count(groups.iter().map(|group| group.words.len()).sum())?;
        }
        let mut context = Vec::new();
        for own in mem::take(&mut raw.context) {
            context.push(self.context(&own)?);
        }
        if let Some(id) = &raw.profile {
            // Taken out and put back, since its lists become ours.
            let (id, profile) = self.profiles.remove_entry(id).ok_or_else(|| format!("`profile`: there is no {id}"))?;
            let compiled = profile.context.iter().map(|raw| self.context(raw)).collect::<Result<Vec<_>, _>>();
            let file = Some(profile.file);
            self.profiles.insert(id.clone(), profile);
            context.extend(compiled.map_err(|Wrong { reason, at, .. }| Wrong {
                reason: format!("profile {id}: {reason}"),
                at,
                file: file.filter(|_| at.is_some()),
            })?);
        }
        // What can add most comes first, since many a candidate is out of the running when that does not stand there.
        context.sort_by_key(|context| Reverse(context.most_gain()));
        if !scored && !context.is_empty() {
            return Err("`context` has no use in a rule about marks".to_owned().into());
        }
        let except = raw.except.as_ref().map(RawWords::compile).transpose()?;
        self.count(except.as_ref().map_or(0, Vec::len))?;
        let except = except.map(|words| self.own_list(words));
        Ok(Rule {
            threshold: score("threshold", raw.threshold)?.max(1),
            id: raw.id.into(),
            category: raw.category,
            level,
            min_count: raw.min_count,
            matcher,
            context,
            except,
            examples: raw.examples.compile()?,
            origin,
        })
    }

    fn context(&mut self, raw: &RawContext) -> Result<Context, Wrong> {
        if !(-1.0..=1.0).contains(&raw.weight) || raw.weight == 0.0 {
            let reason = format!("`weight` is {}: write a number from -1.0 to 1.0 that is not 0", raw.weight);
            return Err(reason.into());
        }
        if raw.distance.is_some_and(|distance| distance > MAX_DISTANCE) {
            let reason = format!("`distance` is greater than {MAX_DISTANCE}: leave it out for the whole message");
            return Err(reason.into());
        }
        if raw.distance.is_none() && raw.side != Side::Either {
            return Err("`side` needs a `distance`: anywhere in the message there is no side".to_owned().into());
        }
        if !(1..=MAX_MOST).contains(&raw.most) {
            return Err(format!("`most` is {}: write a number from 1 to {MAX_MOST}", raw.most).into());
        }
        let evidence = match (&raw.words, &raw.list, raw.category, raw.same_rule, raw.model) {
            (Some(words), None, None, false, false) => {
                let words = words.compile()?;
                self.count(words.len())?;
                Evidence::Words(self.own_list(words))
            }
            (None, Some(id), None, false, false) => {
                Evidence::Words(*self.names.get(id).ok_or_else(|| format!("`list`: there is no list {id}"))?)
            }
            (None, None, Some(category), false, false) => Evidence::Category(category),
            (None, None, None, true, false) => Evidence::SameRule,
            (None, None, None, false, true) => Evidence::Letter,
            _ => {
                let reason = "a context is one thing: write words, list, category, same-rule or model";
                return Err(reason.to_owned().into());
            }
        };
        if raw.distance.is_none() && !matches!(evidence, Evidence::Words(_) | Evidence::Letter) {
            return Err("`distance` is missing: only words count in the whole message".to_owned().into());
        }
        let weight = (raw.weight * f64::from(CERTAIN)).round() as Score;
        Ok(Context { evidence, weight, most: raw.most, distance: raw.distance, side: raw.side })
    }
}

fn check_id(id: &str) -> Result<(), String> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    if id.is_empty() || !id.bytes().all(known) {
        return Err(format!("`id` is `{}`: write lower-case letters, digits, dots and hyphens", id.escape_debug()));
    }
    Ok(())
}

impl RawWords {
    /// Words to look for, their alternatives written out.
    pub(super) fn compile(&self) -> Result<Vec<Word>, Wrong> {
        self.each(phrases)
    }

    /// Whole values, in which a bracket is a bracket.
    fn values(&self) -> Result<Vec<Word>, Wrong> {
        self.each(|value| Ok(vec![value.to_owned()]))
    }

    fn each(&self, phrases: impl Fn(&str) -> Result<Vec<String>, String>) -> Result<Vec<Word>, Wrong> {
        if self.0.is_empty() {
            return Err("a list of words is empty: write some, or leave the list out".to_owned().into());
        }
        let mut words = Vec::new();
        for raw in &self.0 {
            raw.add(&phrases, &mut words).map_err(|reason| Wrong { reason, at: Some(raw.at), file: None })?;
        }
        Ok(words)
    }
}

impl RawWord {
    /// Adds what it stands for to a list.
    fn add(&self, phrases: impl Fn(&str) -> Result<Vec<String>, String>, words: &mut Vec<Word>) -> Result<(), String> {
        let language = self.language.as_deref().map(Language::named).transpose()?.flatten();
        for phrase in phrases(&self.written)? {
            let mut word = Word::parse(&phrase)?;
            word.language = language;
            words.push(word);
        }
        if words.len() > MAX_LIST {
            return Err(format!("a list has more than {MAX_LIST} words: leave out some alternatives"));
        }
        Ok(())
    }
}

impl RawRule {
    /// The one thing that the rule looks for, and whether it is scored.
    fn matcher(&self) -> Result<(Matcher, bool), Wrong> {
        let mut matchers = Vec::new();
        if let Some(raw) = &self.identifier {
            matchers.push((raw.compile()?, true));
        }
        if let Some(raw) = &self.terms {
            matchers.push((Matcher::Terms(raw.iter().map(RawTerms::compile).collect::<Result<_, _>>()?), true));
        }
        if let Some(raw) = &self.pattern {
            matchers.push((raw.compile()?, true));
        }
        if let Some(raw) = &self.subject_tag {
            matchers.push((raw.compile()?, false));
        }
        if let Some(raw) = &self.header {
            let field = raw.field.trim().to_owned();
            if field.is_empty() || !field.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
                return Err(format!("`{}` is no name of a header field", raw.field).into());
            }
            matchers.push((Matcher::Header { field, values: raw.values.values()? }, false));
        }
        if let Some(raw) = &self.label {
            matchers.push((Matcher::Label(raw.names.values()?), false));
        }
        match (matchers.pop(), matchers.is_empty()) {
            (Some(matcher), true) => Ok(matcher),
            _ => {
                let reason = "a rule looks for one thing: write exactly one of identifier, terms, pattern, subject-tag, \
                              header and label";
                Err(reason.to_owned().into())
            }
        }
    }
}

impl RawIdentifier {
    fn compile(&self) -> Result<Matcher, String> {
        let identifier = Identifier::all().find(|kind| kind.name == self.validator).ok_or_else(|| {
            let known: Vec<_> = Identifier::all().map(|kind| kind.name).collect();
            format!("validator `{}` is not known: there are {}", self.validator, known.join(", "))
        })?;
        let forms = identifier.forms;
        if let Some(unknown) = self.base.keys().find(|form| !forms.contains(&form.as_str())) {
            return Err(format!("`base.{unknown}`: {} has the forms {}", self.validator, forms.join(", ")));
        }
        let base = forms.iter().map(|&form| {
            let value = self.base.get(form).ok_or_else(|| format!("`base.{form}` is missing: say what it is worth"))?;
            score(form, *value)
        });
        if self.checksum != 0.0 && identifier.checksum.is_none() {
            return Err(format!("`checksum`: {} without its checksum is none, so it adds nothing", self.validator));
        }
        let checksum = score("checksum", self.checksum)?;
        Ok(Matcher::Identifier { identifier, base: base.collect::<Result<_, _>>()?, checksum })
    }
}

impl RawTerms {
    fn compile(&self) -> Result<Terms, Wrong> {
        Ok(Terms { words: self.words.compile()?, base: score("base", self.base)? })
    }
}

impl RawPattern {
    fn compile(&self) -> Result<Matcher, String> {
        let slow = |reason: &str| format!("the pattern would be slow: {reason}");
        let options = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true).nest_limit(50);
        let parsed = syntax::parse_with(&self.regex, &options)
            .map_err(|error| format!("the pattern cannot be read (only ASCII is allowed in classes): {error}"))?;
        match (parsed.properties().minimum_len(), parsed.properties().maximum_len()) {
            (None | Some(0), _) => return Err("the pattern matches nothing or the empty text".to_owned()),
            (_, None) => return Err(slow("a repetition has no end: instead of * and + write {0,40} and {1,40}")),
            (_, Some(longest)) if longest > MAX_PATTERN_MATCH => {
                return Err(slow(&format!("it matches {longest} bytes: {MAX_PATTERN_MATCH} at most")));
            }
            _ => {}
        }
        let regex = Regex::builder()
            .configure(
                Regex::config()
                    .utf8_empty(false)
                    .nfa_size_limit(Some(MAX_PATTERN_SIZE))
                    .onepass_size_limit(Some(MAX_PATTERN_SIZE)),
            )
            .build_from_hir(&parsed)
            .map_err(|error| match error.size_limit() {
                Some(_) => slow("it is too large: shorten its repetitions and alternatives"),
                None => error.to_string(),
            })?;
        let literals = literals(&parsed);
        let at_once = overlap::most_at_once(&parsed, literals.literals());
        if let Some(at_once) = at_once.filter(|at_once| *at_once > MAX_AT_ONCE) {
            return Err(slow(&format!(
                "a match can begin within another so often that a text can be read {at_once} times, {MAX_AT_ONCE} at most: \
                 shorten its repetitions, or begin it with \\b or with signs that it does not hold further on"
            )));
        }
        let language = self.language.as_deref().map(Language::named).transpose()?.flatten();
        let (base, beginnings) = (score("base", self.base)?, beginnings(&parsed, &literals));
        Ok(Matcher::Pattern { regex, base, inside: self.inside, language, beginnings })
    }
}

/// How every match of a pattern begins, where that can be said.
pub(super) fn literals(pattern: &Hir) -> Seq {
    Extractor::new()
        .limit_literal_len(LONGEST_BEGINNING)
        .limit_class(MAX_CLASS)
        .limit_total(MAX_BEGINNINGS)
        .extract(pattern)
}

/// The same as words, folded; none where there are too many ways, or one is too short to look for.
fn beginnings(pattern: &Hir, literals: &Seq) -> Vec<Word> {
    let folded = literals.literals().unwrap_or_default().iter().map(|literal| {
        // The last letter may be cut.
        fold(literal.as_bytes().utf8_chunks().next().map_or("", |chunk| chunk.valid()))
    });
    let folded: BTreeSet<String> = folded.collect();
    let begins_word = pattern.properties().look_set_prefix().contains(Look::WordAscii);
    let shortest = if begins_word { SHORTEST_BEGINNING } else { SHORTEST_BEGINNING + 1 };
    if folded.iter().any(|beginning| beginning.len() < shortest) {
        return Vec::new();
    }
    folded.iter().map(|beginning| Word::beginning(beginning, begins_word)).collect()
}

impl RawTag {
    fn compile(&self) -> Result<Matcher, Wrong> {
        let tags = self.words.0.iter().map(|RawWord { written, at, .. }| match marks::key(written) {
            key if key.len() < 2 => {
                Err(Wrong { reason: format!("`{written}` is too short for a tag"), at: Some(*at), file: None })
            }
            key => Ok((key, written.clone())),
        });
        match tags.collect::<Result<BTreeMap<_, _>, _>>()? {
            tags if tags.is_empty() => Err("a list of words is empty".to_owned().into()),
            tags => Ok(Matcher::SubjectTag(tags)),
        }
    }
}

impl RawExamples {
    fn compile(self) -> Result<Examples, String> {
        if self.found.is_empty() {
            return Err("`examples.found` is empty: show at least one text that the rule must find".to_owned());
        }
        let today = match self.today {
            None => EXAMPLES_TODAY,
            Some(text) => text.parse().map_err(|_| format!("`examples.today` is `{text}`: write \"2026-01-31\""))?,
        };
        Ok(Examples { today, found: self.found, not_found: self.not_found })
    }
}
