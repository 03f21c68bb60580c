//! What is known of Postfix's tables while recipients are followed, and what must be asked next.
//!
//! Recipients are followed by plain functions over what is known. One that needs something else notes it and stops;
//! when all recipients have been followed as far as that goes, everything noted is asked at once, a run of postmap(1)
//! for each table, and they are followed again. So a message of a thousand recipients costs as many runs as one.

use super::{
    Unresolved,
    tables::{Kind, Tables, kind},
};
use crate::postfix::postconf::split_list;
use futures_util::future::{join, join_all};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::Arc,
};

/// The most keys that are asked for one message's sake, in all rounds together.
const KEYS_MAX: usize = 1_000_000;

/// The most keys in one run of postmap(1), whose answer is bounded too.
const KEYS_PER_RUN: usize = 10_000;

/// The most names in one question for accounts: they are arguments.
const USERS_PER_RUN: usize = 500;

/// How deep files in lists may name files.
const FILE_DEPTH_MAX: usize = 5;

/// Why a recipient is not followed to the end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Stop {
    /// Something must be asked first, and is noted.
    Wanted,
    /// It cannot be.
    Unresolved(Unresolved),
}

impl From<Unresolved> for Stop {
    fn from(reason: Unresolved) -> Self {
        Self::Unresolved(reason)
    }
}

/// That it cannot be followed, and why.
pub(super) fn unresolved<T>(reason: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Unresolved(Unresolved(reason.into())))
}

/// A key to be looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Key {
    /// The key.
    pub(super) text: String,
    /// A part of an address, not asked of tables of patterns.
    pub(super) partial: bool,
    /// An address of which the extension was cut off.
    pub(super) bare: bool,
}

impl Key {
    pub(super) fn whole(text: impl Into<String>) -> Self {
        Self { text: text.into(), partial: false, bare: false }
    }

    pub(super) fn partial(text: impl Into<String>) -> Self {
        Self { text: text.into(), partial: true, bare: false }
    }
}

/// What was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Found {
    /// The value.
    pub(super) value: String,
    /// Whether the key that has it was one without its extension.
    pub(super) bare: bool,
}

/// What is to be asked next.
#[derive(Debug, Default)]
struct Wanted {
    keys: BTreeMap<String, BTreeSet<String>>,
    files: BTreeSet<String>,
    users: BTreeSet<String>,
}

/// Everything asked so far for one message.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    known: HashMap<String, HashMap<String, Option<String>>>,
    failed: BTreeMap<String, String>,
    files: HashMap<String, Result<Arc<str>, String>>,
    users: HashMap<String, Result<bool, String>>,
    lists: HashMap<String, Arc<[Pattern]>>,
    wanted: Wanted,
    keys: usize,
}

impl Lookups {
    /// Why tables could not be asked.
    pub(super) fn failures(&self) -> impl Iterator<Item = &str> {
        self.failed.values().map(String::as_str)
    }

    /// Asks for everything noted. What fails is known to have failed.
    pub(super) async fn fetch(&mut self, tables: &impl Tables, config_directory: &Path) {
        let Wanted { keys, files, users } = std::mem::take(&mut self.wanted);
        let mut runs: Vec<(String, Vec<String>)> = Vec::new();
        for (table, keys) in keys {
            self.keys += keys.len();
            let keys: Vec<String> = keys.into_iter().collect();
            runs.extend(keys.chunks(KEYS_PER_RUN).map(|keys| (table.clone(), keys.to_vec())));
        }
        let users: Vec<String> = users.into_iter().collect();
        let queries = runs.iter().map(|(table, keys)| tables.query(config_directory, table, keys));
        let reads = files.iter().map(|path| tables.file(path));
        let accounts = users.chunks(USERS_PER_RUN).map(|names| tables.users(names));
        let (answers, (texts, accounts)) = join(join_all(queries), join(join_all(reads), join_all(accounts))).await;
        for ((table, keys), answer) in runs.into_iter().zip(answers) {
            match answer {
                Ok(mut found) => {
                    let known = self.known.entry(table).or_default();
                    known.extend(keys.into_iter().map(|key| {
                        let value = found.remove(&key);
                        (key, value)
                    }));
                }
                Err(reason) => drop(self.failed.insert(table, reason)),
            }
        }
        self.files.extend(files.into_iter().zip(texts.into_iter().map(|text| text.map(Arc::from))));
        for (names, answer) in users.chunks(USERS_PER_RUN).zip(accounts) {
            let exists = |name: &String| match &answer {
                Ok(found) => Ok(found.contains(name)),
                Err(reason) => Err(reason.clone()),
            };
            self.users.extend(names.iter().map(|name| (name.clone(), exists(name))));
        }
    }

    /// The first of the keys that a table has; each key is asked of all tables before the next
    /// (`src/global/maps.c`, maps_find).
    pub(super) fn find(&mut self, tables: &[&str], keys: &[Key]) -> Result<Option<Found>, Stop> {
        self.note(tables, keys)?;
        for key in keys {
            for table in tables {
                if key.partial && kind(table) == Kind::Pattern {
                    continue;
                }
                let Some(Some(value)) = self.known.get(*table).map(|known| known.get(&key.text).cloned().flatten())
                else {
                    continue;
                };
                if key.partial && kind(table) == Kind::Either {
                    return unresolved(format!("{table} has a part of an address, and may or may not be asked for it"));
                }
                if value.is_empty() {
                    return unresolved(format!("{table} has an empty value"));
                }
                return Ok(Some(Found { value, bare: key.bare }));
            }
        }
        Ok(None)
    }

    /// Notes what may be looked up soon, so that it is asked with what is looked up now.
    pub(super) fn foresee(&mut self, tables: &[&str], keys: &[Key]) {
        // Whatever stands in the way is told where it is looked up.
        let _ = self.note(tables, keys);
    }

    /// Notes what of these is not known yet, all of it at once.
    fn note(&mut self, tables: &[&str], keys: &[Key]) -> Result<(), Stop> {
        let mut missing = false;
        for table in tables {
            if !table.contains(':') {
                return unresolved(format!("`{table}` is no type:table"));
            }
            if let Some(reason) = self.failed.get(*table) {
                return unresolved(reason.clone());
            }
            let known = self.known.get(*table);
            let is_known = |key: &Key| known.is_some_and(|known| known.contains_key(&key.text));
            let asked = keys.iter().filter(|key| !(key.partial && kind(table) == Kind::Pattern));
            for key in asked.filter(|key| !is_known(key)) {
                missing = true;
                self.wanted.keys.entry((*table).to_owned()).or_default().insert(key.text.clone());
            }
        }
        match missing {
            true if self.keys > KEYS_MAX => unresolved(format!("more than {KEYS_MAX} keys to look up")),
            true => Err(Stop::Wanted),
            false => Ok(()),
        }
    }

    /// The text of a file.
    pub(super) fn file(&mut self, path: &str) -> Result<Arc<str>, Stop> {
        match self.files.get(path) {
            Some(Ok(text)) => Ok(Arc::clone(text)),
            Some(Err(reason)) => unresolved(reason.clone()),
            None => {
                self.wanted.files.insert(path.to_owned());
                Err(Stop::Wanted)
            }
        }
    }

    /// Whether there is an account of that name.
    pub(super) fn user_exists(&mut self, name: &str) -> Result<bool, Stop> {
        match self.users.get(name) {
            Some(Ok(exists)) => Ok(*exists),
            Some(Err(reason)) => unresolved(reason.clone()),
            None => {
                self.wanted.users.insert(name.to_owned());
                Err(Stop::Wanted)
            }
        }
    }

    /// Whether a list of main.cf holds a domain (`src/util/match_list.c`, `src/util/match_ops.c`).
    ///
    /// `parents`: `None` for a list of plain strings; else whether the entry `example` matches `sub.example`, or only
    /// the entry `.example` does.
    pub(super) fn list_has(&mut self, list: &str, parents: Option<Parents>, domain: &str) -> Result<bool, Stop> {
        let patterns = self.patterns(list)?;
        let below = |parent: &str| domain.strip_suffix(parent).is_some_and(|child| !child.is_empty());
        let dotted = |parent: &str| below(parent) && domain[..domain.len() - parent.len()].ends_with('.');
        for Pattern { text, wanted } in patterns.iter() {
            let matches = if is_table(text) {
                let keys = match parents {
                    None => vec![Key::whole(domain)],
                    Some(parents) => domain_keys(Key::whole(domain), parents),
                };
                self.find(&[text], &keys)?.is_some()
            } else {
                domain == text
                    || match parents {
                        None => false,
                        Some(Parents::Plain) => dotted(text),
                        Some(Parents::Dotted) => text.starts_with('.') && below(text),
                    }
            };
            if matches {
                return Ok(*wanted);
            }
        }
        Ok(false)
    }

    /// The patterns of a list, files read in; those that are no tables in lower case.
    fn patterns(&mut self, list: &str) -> Result<Arc<[Pattern]>, Stop> {
        if let Some(patterns) = self.lists.get(list) {
            return Ok(Arc::clone(patterns));
        }
        let mut patterns = Vec::new();
        let mut todo = vec![(list.to_owned(), true, 0)];
        while let Some((list, wanted, depth)) = todo.pop() {
            // What a file holds stands where the file's name stands: the rest of the list waits behind it.
            let mut rest = split_list(&list).into_iter();
            while let Some(word) = rest.next() {
                if word.starts_with('#') {
                    break;
                }
                let pattern = word.trim_start_matches('!');
                let wanted_here = wanted ^ ((word.len() - pattern.len()) % 2 == 1);
                if pattern.is_empty() {
                    return unresolved("a list of main.cf has `!` without a pattern");
                }
                if !pattern.starts_with('/') {
                    let text = if is_table(pattern) { pattern.to_owned() } else { pattern.to_lowercase() };
                    patterns.push(Pattern { text, wanted: wanted_here });
                    continue;
                }
                if depth == FILE_DEPTH_MAX {
                    return unresolved(format!("{pattern}: files more than {FILE_DEPTH_MAX} deep"));
                }
                let text = self.file(pattern)?;
                todo.push((rest.collect::<Vec<_>>().join(" "), wanted, depth));
                let lines = text.lines().filter(|line| !line.starts_with('#')).rev();
                todo.extend(lines.map(|line| (line.to_owned(), wanted_here, depth + 1)));
                break;
            }
        }
        let patterns: Arc<[Pattern]> = patterns.into();
        self.lists.insert(list.to_owned(), Arc::clone(&patterns));
        Ok(patterns)
    }
}

#[derive(Debug)]
struct Pattern {
    text: String,
    wanted: bool,
}

/// How parent domains are written (postconf(5) parent_domain_matches_subdomains).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Parents {
    /// `example`
    Plain,
    /// `.example`
    Dotted,
}

/// The key of a domain, then its parents as partial keys.
pub(super) fn domain_keys(domain: Key, parents: Parents) -> Vec<Key> {
    let full = domain.text.clone();
    let mut keys = vec![domain];
    let mut name = full.as_str();
    // The first character is passed over, so that a leading dot is not found again.
    while let Some(dot) = name.char_indices().skip(1).find(|(_, c)| *c == '.').map(|(at, _)| at) {
        name = match parents {
            Parents::Plain => &name[dot + 1..],
            Parents::Dotted => &name[dot..],
        };
        if !name.is_empty() {
            keys.push(Key::partial(name));
        }
    }
    keys
}

/// MATCH_DICTIONARY in `src/util/match_list.c`.
fn is_table(pattern: &str) -> bool {
    !pattern.starts_with('[') && pattern.contains(':')
}

#[cfg(test)]
mod tests {
    use super::{super::tables::tests::Fake, *};

    /// Asks until everything is known that the question needs.
    async fn settled<T>(fake: &Fake, mut ask: impl FnMut(&mut Lookups) -> Result<T, Stop>) -> Result<T, Stop> {
        let mut lookups = Lookups::default();
        loop {
            match ask(&mut lookups) {
                Err(Stop::Wanted) => lookups.fetch(fake, Path::new("/")).await,
                settled => return settled,
            }
        }
    }

    fn texts(keys: Vec<Key>) -> Vec<String> {
        keys.into_iter().map(|key| key.text).collect()
    }

    #[test]
    fn parent_domains_are_written_in_two_ways() {
        let keys = |parents| texts(domain_keys(Key::whole("a.b.c"), parents));
        assert_eq!(keys(Parents::Plain), ["a.b.c", "b.c", "c"]);
        assert_eq!(keys(Parents::Dotted), ["a.b.c", ".b.c", ".c"]);
        assert_eq!(texts(domain_keys(Key::whole("æ.b"), Parents::Dotted)), ["æ.b", ".b"]);
        assert_eq!(texts(domain_keys(Key::whole("host"), Parents::Plain)), ["host"]);
    }

    #[tokio::test]
    async fn lists_match_as_postfix_matches() {
        let fake = Fake {
            tables: [
                ("hash:/t", vec![("in.table", "x"), ("parent", "x"), (".dotted", "x")]),
                ("regexp:/r", vec![("parent", "x")]),
            ]
            .into(),
            files: [
                ("/f", "# comment, not.this\nin.file, second.file\n!not.file all\n/g\n"),
                ("/g", "/f\n"),
                ("/h", "deep"),
            ]
            .into(),
            ..Fake::default()
        };
        for (list, parents, domain, expected) in [
            ("a.example, B.example", None, "b.example", Some(true)),
            ("a.example", None, "sub.a.example", Some(false)),
            ("a.example", Some(Parents::Plain), "sub.a.example", Some(true)),
            ("a.example", Some(Parents::Plain), "suba.example", Some(false)),
            ("a.example", Some(Parents::Dotted), "sub.a.example", Some(false)),
            (".a.example", Some(Parents::Dotted), "sub.a.example", Some(true)),
            (".a.example", Some(Parents::Dotted), "a.example", Some(false)),
            ("!a.example b.example a.example", None, "a.example", Some(false)),
            ("!!a.example", None, "a.example", Some(true)),
            ("hash:/t", None, "in.table", Some(true)),
            ("hash:/t", None, "sub.parent", Some(false)),
            ("hash:/t", Some(Parents::Plain), "sub.parent", Some(true)),
            ("hash:/t", Some(Parents::Dotted), "sub.parent", Some(false)),
            ("hash:/t", Some(Parents::Dotted), "sub.dotted", Some(true)),
            ("regexp:/r", Some(Parents::Plain), "sub.parent", Some(false)),
            ("regexp:/r", Some(Parents::Plain), "parent", Some(true)),
            ("!hash:/t in.table", None, "in.table", Some(false)),
            ("hash:/missing", None, "a", None),
            ("a.example hash:/missing", None, "a.example", Some(true)),
            ("x /h y", None, "deep", Some(true)),
            ("x /h y", None, "y", Some(true)),
            ("!/h deep", None, "deep", Some(false)),
            ("/f", None, "x", None),
            ("/missing", None, "x", None),
            ("x # y", None, "y", Some(false)),
            ("!", None, "x", None),
            ("[192.0.2.1]", None, "[192.0.2.1]", Some(true)),
        ] {
            let has = settled(&fake, |lookups| lookups.list_has(list, parents, domain)).await;
            assert_eq!(has.ok(), expected, "{list} {parents:?} {domain}");
        }
    }

    #[tokio::test]
    async fn tables_of_patterns_are_asked_for_whole_addresses_only() {
        let entries = vec![("a@b", "whole"), ("@b", "part")];
        let fake = Fake {
            tables: [("regexp:/r", entries.clone()), ("hash:/h", entries.clone()), ("mysql:/m", entries)].into(),
            ..Fake::default()
        };
        let find = async |tables: &[&str], keys: &[Key]| {
            let found = settled(&fake, |lookups| lookups.find(tables, keys)).await;
            found.map(|found| found.map(|found| found.value))
        };
        let (whole, part) = (Key::whole("a@b"), Key::partial("@b"));
        assert_eq!(find(&["regexp:/r"], std::slice::from_ref(&whole)).await, Ok(Some("whole".to_owned())));
        assert_eq!(find(&["regexp:/r"], std::slice::from_ref(&part)).await, Ok(None));
        assert_eq!(find(&["regexp:/r", "hash:/h"], std::slice::from_ref(&part)).await, Ok(Some("part".to_owned())));
        assert!(find(&["proxy:mysql:/m"], std::slice::from_ref(&part)).await.is_err());
        assert_eq!(find(&["mysql:/m"], &[Key::partial("@c"), whole]).await, Ok(Some("whole".to_owned())));
        assert!(find(&["mysql:/m"], &[part]).await.is_err());
        assert!(find(&["notype"], &[Key::whole("x")]).await.is_err());
    }
}
