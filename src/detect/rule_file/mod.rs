//! The rule-file format: TOML -> rules, or every fault with its file, line and rule.
//!
//! ```toml
//! [[rule]]
//! id = "dk.cpr"                      # a rule of a later file replaces one of the same id
//! category = "national-id"           # gives the level, unless `level` says otherwise
//! description = "…"                  # in plain words, for people
//! source = "…"                       # the law or the authority
//! threshold = 0.5                    # the score from which a candidate is a finding
//! min-count = 1                      # different values that the message must hold
//!
//! # One of these:
//! identifier = { validator = "dk.cpr", base = { hyphen = 0.6, … }, checksum = 0.25 }
//! terms = [{ words = { da = ["kræft*"], en = ["cancer"] }, base = 0.5 }]
//! pattern = { regex = "sag-[0-9]{6}", base = 0.5, language = "da" }   # without `language`, in messages in any
//! subject-tag = { words = ["fortroligt"] }
//! header = { field = "Sensitivity", values = ["private"] }
//! label = { names = ["confidential*"] }
//!
//! except = { da = ["kræftens bekæmpelse"] }   # a candidate within one of these is none
//! profile = "about-a-person"         # the contexts of a profile, besides these:
//!
//! # Evidence near a candidate that changes its score.
//! [[rule.context]]
//! words = { da = ["cpr*"] }          # a list, or lists by language; or one of these instead:
//! # list = "person"                  # a list that stands by itself
//! # category = "national-id"         # a number that a rule of this category found
//! # same-rule = true                 # another term of the same rule
//! # model = true                     # whether the text reads like one about a person: the weight, or its share, or less
//! weight = 0.3
//! most = 1                           # how many different words count, each with the weight
//! distance = 60                      # in bytes; left out: anywhere in the message
//! side = "either"                    # or "before" or "after" the candidate
//!
//! [rule.examples]                    # run by `segl check`, without the model
//! found = ["CPR 010157-5678"]
//! not-found = ["ordre 0101575678"]
//! today = "2057-12-31"               # the date on which they hold
//!
//! # Words that several rules use. Lists of the same id in several files are one list.
//! [[list]]
//! id = "person"
//! words = { da = ["patienten"] }
//! capital = false                    # true: a word counts only where it begins with a capital letter
//!
//! # Contexts that several rules use. A profile of a later file replaces one of the same id.
//! [[profile]]
//! id = "about-a-person"
//! context = [{ list = "person", weight = 0.2, distance = 120 }]
//! ```
//!
//! Terms under a language count in messages that are, as far as can be told, in that language or one like it. In a word, a
//! star stands for more letters before or after it, and brackets hold alternatives: `(her|his) (arrest|trial)*`.

mod compile;
mod overlap;
mod raw;
#[cfg(test)]
mod tests;

use super::{
    RuleFault,
    rule::{Origin, Pack, Rule},
};
use compile::{Compiler, Wrong};
use raw::{RawList, RawProfile, RawRule};
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

pub(super) use compile::MAX_PATTERN_MATCH;

/// Reads files in order; a later rule of the same id replaces an earlier one.
pub(super) fn parse(files: &[(String, String)]) -> Result<Pack, Vec<RuleFault>> {
    let mut faults = Vec::new();
    let mut compiler = Compiler::default();
    let mut readers = Vec::new();
    for (index, (file, text)) in files.iter().enumerate() {
        let reader = Reader { file, text };
        let here = reader.tables(Which::Shared, &mut faults);
        for list in here.lists {
            if let Err(wrong) = compiler.list(&list.value) {
                faults.push(reader.wrong(list.line, Some(&list.value.id), wrong));
            }
        }
        let mut ids = Ids::default();
        for Table { line, value } in here.profiles {
            let twice = ids.twice(&value.id, line);
            faults.extend(twice.map(|reason| reader.fault(line, None, format!("profile {}: {reason}", value.id))));
            compiler.profile(value, index);
        }
        readers.push(reader);
    }
    // Rules last: the lists and profiles that they name may stand in any file. Each file is read once more for them, since
    // all of them as they are written take more memory than all that is made of them.
    let mut rules: Vec<Rule> = Vec::new();
    for reader in &readers {
        let mut ids = Ids::default();
        for Table { line, value } in reader.tables(Which::Rules, &mut faults).rules {
            let id = value.id.clone();
            faults.extend(ids.twice(&id, line).map(|reason| reader.fault(line, Some(&id), reason)));
            match compiler.rule(value, Origin { file: reader.file.to_owned(), line }) {
                Ok(rule) => match rules.iter_mut().find(|known| known.id == rule.id) {
                    Some(known) => *known = rule,
                    None => rules.push(rule),
                },
                Err(wrong) => faults.push(match wrong.file.and_then(|file| readers.get(file)) {
                    // Of a profile that stands elsewhere.
                    Some(elsewhere) => elsewhere.wrong(1, None, wrong),
                    None => reader.wrong(line, Some(&id), wrong),
                }),
            }
        }
    }
    // In the order of the files and their lines; what is wrong with a file as a whole was found twice.
    faults.sort_by_key(|fault| (files.iter().position(|(file, _)| *file == fault.file), fault.line));
    faults.dedup();
    if faults.is_empty() { Ok(Pack { rules, lists: compiler.into_lists() }) } else { Err(faults) }
}

/// The ids of one kind of table in a file, and their lines: what stands in one file twice is a slip, while a later file
/// replaces what an earlier one says.
#[derive(Default)]
struct Ids(HashMap<String, usize>);

impl Ids {
    /// Takes an id; what is wrong if it was there before.
    fn twice(&mut self, id: &str, line: usize) -> Option<String> {
        let first = self.0.insert(id.to_owned(), line)?;
        Some(format!("this id stands in line {first} already: give one of them another"))
    }
}

/// A table of a file, and its line.
struct Table<T> {
    line: usize,
    value: T,
}

/// What is taken from a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Which {
    /// Lists and profiles.
    Shared,
    Rules,
}

/// What a file holds.
#[derive(Default)]
struct Tables {
    rules: Vec<Table<RawRule>>,
    lists: Vec<Table<RawList>>,
    profiles: Vec<Table<RawProfile>>,
}

struct Reader<'a> {
    file: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn fault(&self, line: usize, rule: Option<&str>, reason: String) -> RuleFault {
        RuleFault { file: self.file.to_owned(), line, rule: rule.map(str::to_owned), reason }
    }

    /// The same at its own line, where that is known.
    fn wrong(&self, table: usize, rule: Option<&str>, Wrong { reason, at, .. }: Wrong) -> RuleFault {
        self.fault(at.map_or(table, |at| self.line(at)), rule, reason)
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
    }

    fn syntax(&self, rule: Option<&str>, error: &toml::de::Error, otherwise: usize) -> RuleFault {
        let line = error.span().map_or(otherwise, |span| self.line(span.start));
        self.fault(line, rule, error.message().trim_end().replace('\n', "; "))
    }

    fn tables(&self, which: Which, faults: &mut Vec<RuleFault>) -> Tables {
        let mut tables = Tables::default();
        let table = match DeTable::parse(self.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                faults.push(self.syntax(None, &error, 1));
                return tables;
            }
        };
        for (key, value) in table {
            let line = self.line(key.span().start);
            let name = key.get_ref().as_ref();
            if name == "rule" && which == Which::Shared || matches!(name, "list" | "profile") && which == Which::Rules {
                continue;
            }
            if !matches!(name, "rule" | "list" | "profile") {
                let reason = format!("`{name}` is not known here: write [[rule]], [[list]] or [[profile]]");
                faults.push(self.fault(line, None, reason));
                continue;
            }
            let DeValue::Array(array) = value.into_inner() else {
                faults.push(self.fault(line, None, format!("write [[{name}]], with double brackets")));
                continue;
            };
            for value in array {
                let read = match name {
                    "rule" => self.table(value).map(|table| tables.rules.push(table)),
                    "list" => self.table(value).map(|table| tables.lists.push(table)),
                    _ => self.table(value).map(|table| tables.profiles.push(table)),
                };
                faults.extend(read.err());
            }
        }
        tables
    }

    fn table<T: DeserializeOwned>(&self, value: Spanned<DeValue<'_>>) -> Result<Table<T>, RuleFault> {
        let line = self.line(value.span().start);
        let id = value.get_ref().get("id").and_then(|id| id.get_ref().as_str()).map(str::to_owned);
        T::deserialize(ValueDeserializer::from(value))
            .map(|value| Table { line, value })
            .map_err(|error| self.syntax(id.as_deref(), &error, line))
    }
}
