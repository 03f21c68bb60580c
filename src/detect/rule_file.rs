//! The rule-file format: TOML -> rules, or every fault with its file, line and rule.
//!
//! ```toml
//! [[rule]]
//! id = "dk.cpr"                      # a later rule of the same id replaces an earlier one
//! category = "national-id"           # gives the level, unless `level` says otherwise
//! description = "…"                  # in plain words, for people
//! source = "…"                       # the law or the authority
//! threshold = 0.5                    # the score from which a candidate is a finding
//! min-count = 1                      # different values that the message must hold
//!
//! # One of these:
//! identifier = { validator = "dk.cpr", base = { hyphen = 0.6, … }, checksum = 0.25 }
//! terms = [{ words = { da = ["kræft*"], en = ["cancer"] }, base = 0.5 }]
//! pattern = { regex = "sag-[0-9]{6}", base = 0.5 }
//! subject-tag = { words = ["fortroligt"] }
//! header = { field = "Sensitivity", values = ["private"] }
//! label = { names = ["confidential*"] }
//!
//! # Words near a candidate that change its score; the weight of each list counts once.
//! [[rule.context]]
//! words = { da = ["cpr*"] }          # a list, or lists by language
//! weight = 0.3
//! distance = 60                      # in bytes; left out: anywhere in the message
//! side = "either"                    # or "before" or "after" the candidate
//!
//! [rule.examples]                    # run by `segl check`
//! found = ["CPR 010157-5678"]
//! not-found = ["ordre 0101575678"]
//! today = "2057-12-31"               # the date on which they hold
//! ```

use super::{
    RuleFault,
    identifier::Identifier,
    marks,
    rule::{CERTAIN, Context, Examples, Matcher, Origin, Rule, Score, Side, Terms},
    words::Word,
};
use crate::level::{Category, Level};
use jiff::civil::{Date, date};
use regex_automata::{meta::Regex, util::syntax};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer, value::SeqAccessDeserializer},
};
use std::collections::{BTreeMap, HashMap};
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

/// The greatest distance of a context, in bytes: around every candidate this much text is searched.
const MAX_DISTANCE: usize = 1000;

/// The longest match of a pattern, in bytes.
pub(super) const MAX_PATTERN_MATCH: usize = 256;

/// The most memory that the automaton of one pattern may take, in bytes: its size bounds the time per byte of text.
const MAX_PATTERN_SIZE: usize = 128 * 1024;

/// On which day examples hold that name none.
const EXAMPLES_TODAY: Date = date(2026, 1, 1);

/// Reads files in order; a later rule of the same id replaces an earlier one.
pub(super) fn parse(files: &[(String, String)]) -> Result<Vec<Rule>, Vec<RuleFault>> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut faults = Vec::new();
    for (file, text) in files {
        let mut here: HashMap<String, usize> = HashMap::new();
        let reader = Reader { file, text };
        for rule in reader.rules(&mut faults) {
            let (id, line) = (rule.id.to_string(), rule.origin.line);
            if let Some(first) = here.insert(id.clone(), line) {
                let reason = format!("this id stands in line {first} already: give one of them another");
                faults.push(reader.fault(line, Some(&id), reason));
            }
            match rules.iter_mut().find(|known| known.id == rule.id) {
                Some(known) => *known = rule,
                None => rules.push(rule),
            }
        }
    }
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn fault(&self, line: usize, rule: Option<&str>, reason: String) -> RuleFault {
        RuleFault { file: self.file.to_owned(), line, rule: rule.map(str::to_owned), reason }
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }

    fn syntax(&self, rule: Option<&str>, error: &toml::de::Error, otherwise: usize) -> RuleFault {
        let line = error.span().map_or(otherwise, |span| self.line(span.start));
        self.fault(line, rule, error.message().trim_end().replace('\n', "; "))
    }

    fn rules(&self, faults: &mut Vec<RuleFault>) -> Vec<Rule> {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                faults.push(self.syntax(None, &error, 1));
                return Vec::new();
            }
        };
        let mut rules = Vec::new();
        for (key, value) in table {
            let line = self.line(key.span().start);
            if key.get_ref() != "rule" {
                let reason = format!("`{}` is not known here: a rule file holds [[rule]] tables only", key.get_ref());
                faults.push(self.fault(line, None, reason));
                continue;
            }
            let DeValue::Array(array) = value.into_inner() else {
                faults.push(self.fault(line, None, "write [[rule]], with double brackets".to_owned()));
                continue;
            };
            for value in array {
                match self.rule(value) {
                    Ok(rule) => rules.push(rule),
                    Err(fault) => faults.push(fault),
                }
            }
        }
        rules
    }

    fn rule(&self, value: Spanned<DeValue<'_>>) -> Result<Rule, RuleFault> {
        let line = self.line(value.span().start);
        let id = value.get_ref().get("id").and_then(|id| id.get_ref().as_str()).map(str::to_owned);
        let id = id.as_deref();
        let raw =
            RawRule::deserialize(ValueDeserializer::from(value)).map_err(|error| self.syntax(id, &error, line))?;
        let origin = Origin { file: self.file.to_owned(), line };
        raw.compile(origin).map_err(|reason| self.fault(line, id, reason))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawRule {
    id: String,
    category: Category,
    level: Option<Level>,
    description: String,
    source: String,
    #[serde(default = "half")]
    threshold: f64,
    #[serde(default = "one")]
    min_count: usize,
    identifier: Option<RawIdentifier>,
    terms: Option<Vec<RawTerms>>,
    pattern: Option<RawPattern>,
    subject_tag: Option<RawTag>,
    header: Option<RawHeader>,
    label: Option<RawLabel>,
    #[serde(default)]
    context: Vec<RawContext>,
    examples: RawExamples,
}

fn half() -> f64 {
    0.5
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawIdentifier {
    validator: String,
    base: BTreeMap<String, f64>,
    #[serde(default)]
    checksum: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTerms {
    words: RawWords,
    base: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPattern {
    regex: String,
    base: f64,
    #[serde(default)]
    inside: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTag {
    words: RawWords,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawHeader {
    field: String,
    values: RawWords,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawLabel {
    names: RawWords,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawContext {
    words: RawWords,
    weight: f64,
    distance: Option<usize>,
    #[serde(default)]
    side: Side,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawExamples {
    found: Vec<String>,
    #[serde(default)]
    not_found: Vec<String>,
    today: Option<String>,
}

/// Words: a list, or lists by language.
struct RawWords(Vec<String>);

impl<'de> Deserialize<'de> for RawWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = RawWords;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of words, or lists by language, as in { da = [\"ord\"], en = [\"word\"] }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<RawWords, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(access)).map(RawWords)
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<RawWords, A::Error> {
                let lists: BTreeMap<String, Vec<String>> = BTreeMap::deserialize(MapAccessDeserializer::new(access))?;
                Ok(RawWords(lists.into_values().flatten().collect()))
            }
        }
        deserializer.deserialize_any(Words)
    }
}

impl RawWords {
    fn compile(&self) -> Result<Vec<Word>, String> {
        if self.0.is_empty() {
            return Err("a list of words is empty: write some, or leave the list out".to_owned());
        }
        self.0.iter().map(|word| Word::parse(word)).collect()
    }
}

/// A number between 0 and 1, in thousandths.
fn score(name: &str, value: f64) -> Result<Score, String> {
    if (0.0..=1.0).contains(&value) {
        Ok((value * f64::from(CERTAIN)).round() as Score)
    } else {
        Err(format!("`{name}` is {value}: write a number from 0.0 to 1.0"))
    }
}

impl RawRule {
    fn compile(self, origin: Origin) -> Result<Rule, String> {
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        if self.id.is_empty() || !self.id.bytes().all(known) {
            return Err(format!("`id` is `{}`: write lower-case letters, digits, dots and hyphens", self.id));
        }
        for (name, text) in [("description", &self.description), ("source", &self.source)] {
            if text.trim().is_empty() {
                return Err(format!("`{name}` is empty: say in plain words what is looked for and by which law"));
            }
        }
        let level = self.level.unwrap_or_else(|| self.category.default_level());
        if level == Level::None {
            return Err("`level` is none: write confidential or sensitive, or leave it out".to_owned());
        }
        if self.min_count == 0 {
            return Err("`min-count` is 0: write 1 or more".to_owned());
        }
        let (matcher, scored) = self.matcher()?;
        if !scored && !self.context.is_empty() {
            return Err("`context` has no use in a rule about marks".to_owned());
        }
        let context = self.context.iter().map(RawContext::compile).collect::<Result<_, _>>()?;
        Ok(Rule {
            threshold: score("threshold", self.threshold)?.max(1),
            id: self.id.into(),
            category: self.category,
            level,
            min_count: self.min_count,
            matcher,
            context,
            examples: self.examples.compile()?,
            origin,
        })
    }

    /// The one thing that the rule looks for, and whether it is scored.
    fn matcher(&self) -> Result<(Matcher, bool), String> {
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
                return Err(format!("`{}` is no name of a header field", raw.field));
            }
            matchers.push((Matcher::Header { field, values: raw.values.compile()? }, false));
        }
        if let Some(raw) = &self.label {
            matchers.push((Matcher::Label(raw.names.compile()?), false));
        }
        match (matchers.pop(), matchers.is_empty()) {
            (Some(matcher), true) => Ok(matcher),
            _ => {
                Err("a rule looks for one thing: write exactly one of identifier, terms, pattern, subject-tag, header \
                      and label"
                    .to_owned())
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
    fn compile(&self) -> Result<Terms, String> {
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
        Ok(Matcher::Pattern { regex, base: score("base", self.base)?, inside: self.inside })
    }
}

impl RawTag {
    fn compile(&self) -> Result<Matcher, String> {
        let tags = self.words.0.iter().map(|tag| match marks::key(tag) {
            key if key.len() < 2 => Err(format!("`{tag}` is too short for a tag")),
            key => Ok((key, tag.clone())),
        });
        match tags.collect::<Result<BTreeMap<_, _>, _>>()? {
            tags if tags.is_empty() => Err("a list of words is empty".to_owned()),
            tags => Ok(Matcher::SubjectTag(tags)),
        }
    }
}

impl RawContext {
    fn compile(&self) -> Result<Context, String> {
        if !(-1.0..=1.0).contains(&self.weight) || self.weight == 0.0 {
            return Err(format!("`weight` is {}: write a number from -1.0 to 1.0 that is not 0", self.weight));
        }
        if self.distance.is_some_and(|distance| distance > MAX_DISTANCE) {
            return Err(format!("`distance` is greater than {MAX_DISTANCE}: leave it out for the whole message"));
        }
        if self.distance.is_none() && self.side != Side::Either {
            return Err("`side` needs a `distance`: anywhere in the message there is no side".to_owned());
        }
        let weight = (self.weight * f64::from(CERTAIN)).round() as Score;
        Ok(Context { words: self.words.compile()?, weight, distance: self.distance, side: self.side })
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"[[rule]]
id = "own.case"
category = "criminal"
description = "Case numbers"
source = "ours"
pattern = { regex = "sag-[0-9]{6}", base = 0.6 }
examples = { found = ["Sag-123456"] }
"#;

    fn faults(text: &str) -> Vec<String> {
        match parse(&[("a.toml".to_owned(), text.to_owned())]) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_good_rule_is_read() {
        let rules = parse(&[("a.toml".to_owned(), GOOD.to_owned())]).unwrap();
        assert_eq!((rules.len(), &*rules[0].id, rules[0].level), (1, "own.case", Level::Sensitive));
        assert_eq!(rules[0].threshold, 500);
    }

    #[test]
    fn a_later_file_replaces_a_rule_and_one_file_may_not() {
        let later = GOOD.replace("[0-9]{6}", "[0-9]{7}").replace("criminal", "finance");
        let files = [("a.toml".to_owned(), GOOD.to_owned()), ("b.toml".to_owned(), later.clone())];
        let rules = parse(&files).unwrap();
        assert_eq!((rules.len(), rules[0].category), (1, Category::Finance));
        assert_eq!(rules[0].origin.file, "b.toml");
        assert_eq!(
            faults(&format!("{GOOD}{later}")),
            ["a.toml:8: rule own.case: this id stands in line 1 already: give one of them another"]
        );
    }

    /// Each fault names file, line and rule, and says what to do.
    #[test]
    fn bad_rules_are_refused() {
        let huge = (10..70).map(|number| format!("{number}[a-z]{{1,200}}")).collect::<Vec<_>>().join("|");
        for (from, to, fault) in [
            ("base = 0.6", "bse = 0.6", "a.toml:6: rule own.case: unknown field `bse`"),
            ("criminal", "crime", "a.toml:3: rule own.case: unknown variant `crime`"),
            ("description", "descripton", "a.toml:4: rule own.case: unknown field `descripton`"),
            ("source = \"ours\"", "", "a.toml:1: rule own.case: missing field `source`"),
            ("source = \"ours\"", "source = \" \"", "a.toml:1: rule own.case: `source` is empty"),
            ("own.case", "Own case", "a.toml:1: rule Own case: `id` is `Own case`"),
            ("[[rule]]", "[[rule]]\nlevel = \"none\"", "a.toml:1: rule own.case: `level` is none"),
            ("[[rule]]", "[[rule]]\nthreshold = 2.0", "a.toml:1: rule own.case: `threshold` is 2"),
            ("[[rule]]", "[[rule]]\nmin-count = 0", "a.toml:1: rule own.case: `min-count` is 0"),
            ("[[rule]]", "[[rules]]", "a.toml:1: `rules` is not known here"),
            ("[[rule]]", "[rule]", "a.toml:1: write [[rule]]"),
            ("found = [\"Sag-123456\"]", "found = []", "a.toml:1: rule own.case: `examples.found` is empty"),
            ("found =", "today = \"x\", found =", "a.toml:1: rule own.case: `examples.today` is `x`"),
            ("pattern", "# pattern", "a.toml:1: rule own.case: a rule looks for one thing"),
            ("[0-9]{6}", "[0-9]+", "a.toml:1: rule own.case: the pattern would be slow: a repetition has no end"),
            ("[0-9]{6}", "[0-9]{300}", "a.toml:1: rule own.case: the pattern would be slow: it matches 304 bytes"),
            ("sag-[0-9]{6}", &huge, "a.toml:1: rule own.case: the pattern would be slow: "),
            ("sag-[0-9]{6}", "(a?){6}", "a.toml:1: rule own.case: the pattern matches nothing"),
            ("sag-[0-9]{6}", "sag-[æ]", "a.toml:1: rule own.case: the pattern cannot be read"),
            ("sag-[0-9]{6}", "sag(", "a.toml:1: rule own.case: the pattern cannot be read"),
            ("\"own.case\"", "\"own.case", "a.toml:2: "),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let found = faults(&text);
            assert!(found.first().is_some_and(|found| found.starts_with(fault)), "{from} -> {to}: {found:?}");
        }
        for (matcher, fault) in [
            ("identifier = { validator = \"dk.cvr\", base = {} }", "validator `dk.cvr` is not known: there are "),
            ("identifier = { validator = \"iban\", base = { bare = 1.0 } }", "`base.bare`: iban has the forms"),
            ("identifier = { validator = \"iban\", base = { grouped = 1.0 } }", "`base.electronic` is missing"),
            (
                "identifier = { validator = \"iban\", base = { grouped = 1, electronic = 1, embedded = 1 }, checksum = 0.1 }",
                "`checksum`: iban without its checksum is none",
            ),
            ("terms = [{ words = [], base = 0.5 }]", "a list of words is empty"),
            ("terms = [{ words = { da = [\"a\"] }, base = 0.5 }]", "`a` is too short"),
            ("subject-tag = { words = [\"!\"] }", "`!` is too short for a tag"),
            ("header = { field = \"a b\", values = [\"x\"] }", "`a b` is no name of a header field"),
            (
                "terms = [{ words = [\"abc\"], base = 0.5 }]\ncontext = [{ words = [\"abc\"], weight = 0.0 }]",
                "`weight` is 0",
            ),
            (
                "terms = [{ words = [\"abc\"], base = 0.5 }]\ncontext = [{ words = [\"abc\"], weight = 0.1, distance = 5000 }]",
                "`distance` is greater than 1000",
            ),
            (
                "terms = [{ words = [\"abc\"], base = 0.5 }]\ncontext = [{ words = [\"abc\"], weight = 0.1, side = \"before\" }]",
                "`side` needs a `distance`",
            ),
            ("label = { names = [\"abc\"] }\ncontext = [{ words = [\"abc\"], weight = 0.1 }]", "`context` has no use"),
        ] {
            let text = GOOD.replace("pattern = { regex = \"sag-[0-9]{6}\", base = 0.6 }", matcher);
            let found = faults(&text);
            let fault = format!("a.toml:1: rule own.case: {fault}");
            assert!(found.first().is_some_and(|found| found.starts_with(&fault)), "{matcher}: {found:?}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let text = format!("{}{}", GOOD.replace("criminal", "crime"), GOOD.replace("own.case", "Own"));
        assert_eq!(faults(&text).len(), 2);
    }
}
