//! A TOML text read section by section, key by key, so that every fault is told at once: each section asks for the
//! keys that it knows, and what nobody asked for is unknown.

use super::{
    fault::{Fault, Lines, syntax},
    value::{self, Parsed, mismatch, quoted},
};
use crate::printable::Printable;
use std::{cell::RefCell, collections::BTreeMap};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The most faults told at once.
const FAULTS_MAX: usize = 100;
/// Longest name for which a similar one is looked for, in bytes: the comparison takes the product of both lengths.
const SIMILAR_MAX: usize = 64;
/// How alike (0 to 1) two names must be for the one to be taken for a slip of the other.
const SIMILAR: f64 = 0.7;

/// A key that some section asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Known {
    /// The section: `probe`, `level.confidential`; empty for what stands above all sections.
    pub(super) section: String,
    /// The key or, for a section in a section, its name.
    pub(super) key: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Section,
    Value,
    /// A section whose keys the administrator makes up.
    Map,
}

/// What all sections of one text share.
struct Shared {
    lines: Lines,
    faults: RefCell<Vec<Fault>>,
    known: RefCell<Vec<Known>>,
}

/// One section of the text, or the place where it would stand.
pub(super) struct Section<'a> {
    path: String,
    table: Option<&'a DeTable<'a>>,
    line: usize,
    shared: &'a Shared,
}

/// Reads a text by asking for its sections and keys.
///
/// # Errors
/// With every fault of the text, by line.
pub(super) fn read<T>(text: &str, ask: impl FnOnce(&Section<'_>) -> T) -> Result<T, Vec<Fault>> {
    read_and_list(text, ask).0
}

/// The keys that are asked for.
#[cfg(test)]
pub(super) fn known<T>(ask: impl FnOnce(&Section<'_>) -> T) -> Vec<Known> {
    read_and_list("", ask).1
}

fn read_and_list<T>(text: &str, ask: impl FnOnce(&Section<'_>) -> T) -> (Result<T, Vec<Fault>>, Vec<Known>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let shared = Shared { lines: Lines::new(text), faults: RefCell::default(), known: RefCell::default() };
    let read = match errors.is_empty() {
        true => {
            let section = Section { path: String::new(), table: Some(root.get_ref()), line: 1, shared: &shared };
            let read = ask(&section);
            shared.unknown("", root.get_ref());
            Some(read)
        }
        // What the parser made of a broken text says little about what was meant.
        false => {
            shared.faults.borrow_mut().extend(errors.iter().map(|error| syntax(error, text, &shared.lines)));
            None
        }
    };
    let mut faults = shared.faults.into_inner();
    let read = match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ => {
            faults.sort_by_key(|fault| fault.line);
            faults.dedup();
            if let Some(more) = faults.len().checked_sub(FAULTS_MAX + 1) {
                faults.truncate(FAULTS_MAX);
                let line = faults.last().map_or(1, |fault| fault.line);
                let message = format!("{} more faults follow", more + 1);
                faults.push(Fault { line, key: String::new(), message });
            }
            Err(faults)
        }
    };
    (read, shared.known.into_inner())
}

/// The line of a key.
pub(super) fn line_of(text: &str, section: &str, key: &str) -> Option<usize> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut table = root.get_ref();
    for part in section.split('.').filter(|part| !part.is_empty()) {
        match table.iter().find(|(name, _)| **name.get_ref() == *part)?.1.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => return None,
        }
    }
    let (name, _) = table.iter().find(|(name, _)| **name.get_ref() == *key)?;
    Some(Lines::new(text).line(name.span().start))
}

/// Section and key as a fault names them.
fn name(section: &str, key: &str) -> String {
    match section {
        "" => key.to_owned(),
        _ => format!("[{section}] {key}"),
    }
}

fn join(section: &str, key: &str) -> String {
    match section {
        "" => key.to_owned(),
        _ => format!("{section}.{key}"),
    }
}

impl Shared {
    fn fault(&self, line: usize, key: String, message: String) {
        let message = Printable(&message).to_string();
        self.faults.borrow_mut().push(Fault { line, key, message });
    }

    fn ask(&self, section: &str, key: &str, kind: Kind) {
        self.known.borrow_mut().push(Known { section: section.to_owned(), key: key.to_owned(), kind });
    }

    /// Tells of every key that nobody asked for.
    fn unknown(&self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let known = self.known.borrow();
            let found = known.iter().find(|known| known.section == section && known.key == **key.get_ref());
            match (found.map(|known| known.kind), value.get_ref()) {
                (Some(Kind::Section), DeValue::Table(inner)) => {
                    drop(known);
                    self.unknown(&join(section, key.get_ref()), inner);
                }
                (Some(_), _) => {}
                (None, value) => {
                    let what = if value.is_table() { "unknown section" } else { "unknown key" };
                    // Nobody reads hundreds of these, and each takes time.
                    let meant = match self.faults.borrow().len() < FAULTS_MAX {
                        true => instead(&known, section, key.get_ref()),
                        false => String::new(),
                    };
                    let message = format!("{what}{meant}");
                    self.fault(self.lines.line(key.span().start), name(section, &shown(key.get_ref())), message);
                }
            }
        }
    }
}

/// A key as a fault shows it: as it is where it is one that TOML lets stand without quotes.
fn shown(key: &str) -> String {
    let is_bare = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if key.len() <= SIMILAR_MAX && key.bytes().all(is_bare) { key.to_owned() } else { quoted(key) }
}

/// What was probably meant.
fn instead(known: &[Known], section: &str, key: &str) -> String {
    if key.len() > SIMILAR_MAX {
        return String::new();
    }
    let as_written = |known: &Known| match known.kind {
        Kind::Section | Kind::Map => format!("[{}]", join(&known.section, &known.key)),
        Kind::Value => known.key.clone(),
    };
    let meant = key.to_lowercase().replace('_', "-");
    let is_here = known.iter().any(|known| known.key == meant && known.section == section);
    if let Some(elsewhere) = known.iter().find(|known| known.key == meant).filter(|_| !is_here) {
        return match elsewhere.section.as_str() {
            "" if elsewhere.kind == Kind::Value => format!(": {meant} stands above all sections"),
            "" => format!(": did you mean {}?", as_written(elsewhere)),
            other => format!(": {meant} belongs under [{other}]"),
        };
    }
    let here = known.iter().filter(|known| known.section == section);
    let likeness = |known: &Known| strsim::normalized_damerau_levenshtein(&meant, &known.key);
    let nearest = here.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|nearest| likeness(nearest) >= SIMILAR) {
        Some(nearest) => format!(": did you mean {}?", as_written(nearest)),
        None => String::new(),
    }
}

impl<'a> Section<'a> {
    /// A section in this one; where the text has none, its keys have their defaults.
    pub(super) fn section(&self, key: &'static str) -> Section<'a> {
        self.shared.ask(&self.path, key, Kind::Section);
        let (table, line) = match self.entry(key) {
            Some((line, DeValue::Table(table))) => (Some(table), line),
            Some((line, other)) => {
                self.shared.fault(
                    line,
                    name(&self.path, key),
                    mismatch(&format!("a section: write [{}]", join(&self.path, key)), other),
                );
                (None, line)
            }
            None => (None, self.line),
        };
        Section { path: join(&self.path, key), table, line, shared: self.shared }
    }

    /// The value of a key, or its default.
    pub(super) fn value<T>(&self, key: &'static str, default: T, parse: impl FnOnce(&DeValue<'_>) -> Parsed<T>) -> T {
        self.shared.ask(&self.path, key, Kind::Value);
        let Some((line, value)) = self.entry(key) else {
            return default;
        };
        self.keep(line, key, parse(value)).unwrap_or(default)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The values of a list, or its default.
    pub(super) fn list<T>(
        &self,
        key: &'static str,
        default: Vec<T>,
        parse: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> Vec<T> {
        self.shared.ask(&self.path, key, Kind::Value);
        match self.entry(key) {
            None => default,
            Some((_, DeValue::Array(values))) => {
                let parsed = values.iter().map(|value| self.keep(self.line_of(value), key, parse(value.get_ref())));
                // All of them first: one fault must not hide the next.
                let parsed: Vec<Option<T>> = parsed.collect();
                parsed.into_iter().collect::<Option<_>>().unwrap_or(default)
            }
            Some((line, other)) => {
                self.shared.fault(line, name(&self.path, key), mismatch("a list, as in [\"…\", \"…\"]", other));
                default
            }
        }
    }

    /// A section whose keys the administrator makes up.
    pub(super) fn map<T>(
        &self,
        key: &'static str,
        parse_key: impl Fn(&str) -> Parsed<String>,
        parse: impl Fn(&DeValue<'_>) -> Parsed<T>,
    ) -> BTreeMap<String, T> {
        self.shared.ask(&self.path, key, Kind::Map);
        let mut map = BTreeMap::new();
        let table = match self.entry(key) {
            None => return map,
            Some((_, DeValue::Table(table))) => table,
            Some((line, other)) => {
                let wanted = format!("a section: write [{}]", join(&self.path, key));
                self.shared.fault(line, name(&self.path, key), mismatch(&wanted, other));
                return map;
            }
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(inner, _)| inner.span().start);
        for (inner, value) in entries {
            let line = self.shared.lines.line(inner.span().start);
            let path = name(&join(&self.path, key), &shown(inner.get_ref()));
            let both = parse_key(inner.get_ref()).and_then(|key| Ok((key, parse(value.get_ref())?)));
            match both {
                Err(message) => self.shared.fault(line, path, message),
                Ok((key, value)) => {
                    if map.insert(key, value).is_some() {
                        self.shared.fault(line, path, "stands here twice, written differently".to_owned());
                    }
                }
            }
        }
        map
    }

    /// Tells of a fault that lies in how a key goes with others.
    pub(super) fn fault(&self, key: &'static str, message: String) {
        let line = self.entry(key).map_or(self.line, |(line, _)| line);
        self.shared.fault(line, name(&self.path, key), message);
    }

    fn keep<T>(&self, line: usize, key: &str, parsed: Parsed<T>) -> Option<T> {
        parsed.map_err(|message| self.shared.fault(line, name(&self.path, key), message)).ok()
    }

    fn entry(&self, key: &str) -> Option<(usize, &'a DeValue<'a>)> {
        let (key, value) = self.table?.iter().find(|(name, _)| **name.get_ref() == *key)?;
        Some((self.shared.lines.line(key.span().start), value.get_ref()))
    }

    fn line_of(&self, value: &Spanned<DeValue<'_>>) -> usize {
        self.shared.lines.line(value.span().start)
    }
}

/// A key of a map that needs only to be one word.
pub(super) fn one_word(key: &str) -> Parsed<String> {
    match key.is_empty() || key.chars().any(|c| c.is_whitespace() || c.is_control()) {
        true => Err(format!("{} must be one word", value::quoted(key))),
        false => Ok(key.to_owned()),
    }
}
