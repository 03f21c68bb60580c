//! Postfix's lookup tables, asked through `postmap -q`, and the lists of main.cf that may hold tables.

use super::Unresolved;
use crate::postfix::{postconf::split_list, tool};
use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    path::{Path, PathBuf},
};
use tokio::io::AsyncReadExt;

const POSTMAP: &str = "/usr/sbin/postmap";

/// The most table lookups (runs of postmap) for one recipient.
const RUNS_MAX: usize = 200;

/// The most keys for one recipient.
const KEYS_MAX: usize = 100_000;

/// The largest file of a list in main.cf that is read, in bytes.
const FILE_MAX: u64 = 4 * 1024 * 1024;

/// How deep files in lists may name files.
const FILE_DEPTH_MAX: usize = 5;

/// Where tables and files are asked: the edge to Postfix.
pub trait Tables: Send + Sync {
    /// The values of those keys that a table has.
    ///
    /// # Errors
    /// When the table cannot be opened or read, or the answer is not clear. Words for a log line.
    fn query(
        &self,
        config_directory: &Path,
        table: &str,
        keys: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, String>, String>> + Send;

    /// The text of a file that a list of main.cf names.
    ///
    /// # Errors
    /// When it cannot be read or is too large.
    fn file(&self, path: &str) -> impl Future<Output = Result<String, String>> + Send;
}

/// Tables as postmap(1) reads them.
#[derive(Clone, Debug)]
pub struct Postmap {
    program: PathBuf,
}

impl Default for Postmap {
    fn default() -> Self {
        Self { program: POSTMAP.into() }
    }
}

impl Tables for Postmap {
    /// Keys go through standard input: none is ever an argument or seen by a shell. Exit status 1 with nothing on
    /// standard error is "not found"; anything on standard error is a failure (but for one warning, below).
    async fn query(
        &self,
        config_directory: &Path,
        table: &str,
        keys: &[String],
    ) -> Result<BTreeMap<String, String>, String> {
        if let Some(key) = keys.iter().find(|key| key.is_empty() || key.chars().any(char::is_control)) {
            return Err(format!("`{}` is no key", key.escape_debug()));
        }
        let arguments =
            [Path::new("-c"), config_directory, Path::new("-q"), Path::new("-"), Path::new("--"), Path::new(table)];
        let input: String = keys.iter().flat_map(|key| [key.as_str(), "\n"]).collect();
        let output = tool::run(&self.program, arguments, input.as_bytes()).await.map_err(|error| error.to_string())?;
        // A parameter that stands twice in main.cf says nothing of the table: every tool and daemon warns of it and takes
        // the last one.
        let of_main = format!("postmap: warning: {}/main.cf, line ", config_directory.display());
        let complaints: Vec<&str> = output
            .stderr
            .lines()
            .filter(|line| !(line.starts_with(&of_main) && line.contains(": overriding earlier entry: ")))
            .collect();
        if !complaints.is_empty() {
            return Err(format!("{table}: {}", complaints.join("; ")));
        }
        match output.status.code() {
            Some(0) => {
                read_answers(&output.stdout, keys).ok_or_else(|| format!("{table}: postmap's answer is not clear"))
            }
            Some(1) if output.stdout.is_empty() => Ok(BTreeMap::new()),
            _ => Err(format!("{table}: postmap ended with {}", output.status)),
        }
    }

    async fn file(&self, path: &str) -> Result<String, String> {
        let read = async {
            let mut text = String::new();
            tokio::fs::File::open(path).await?.take(FILE_MAX + 1).read_to_string(&mut text).await?;
            Ok::<_, std::io::Error>(text)
        };
        let text = read.await.map_err(|error| format!("{path}: {error}"))?;
        if text.len() as u64 > FILE_MAX { Err(format!("{path}: larger than {FILE_MAX} bytes")) } else { Ok(text) }
    }
}

/// Reads `key<TAB>value` lines, which come in the order of the keys. A line that begins with none of the keys still
/// to come (a value of several lines, say) makes the whole answer unclear.
fn read_answers(output: &str, keys: &[String]) -> Option<BTreeMap<String, String>> {
    let mut answers = BTreeMap::new();
    let mut waiting = keys.iter();
    for line in output.lines() {
        let (key, value) = waiting.by_ref().find_map(|key| Some((key, line.strip_prefix(key)?.strip_prefix('\t')?)))?;
        answers.insert(key.clone(), value.to_owned());
    }
    Some(answers)
}

/// Whether a table takes parts of an address as keys (DICT_FLAG_FIXED and DICT_FLAG_PATTERN in `src/util/dict.h`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// An index: every key is asked for.
    Fixed,
    /// Patterns, or a program that answers: only whole addresses are asked for.
    Pattern,
    /// One or the other by settings that we do not see (SQL, LDAP, pipemap …).
    Either,
}

fn kind(table: &str) -> Kind {
    let table = table.strip_prefix("proxy:").unwrap_or(table);
    match table.split(':').next().unwrap_or_default() {
        "hash" | "btree" | "cdb" | "dbm" | "lmdb" | "sdbm" | "texthash" | "inline" | "static" | "environ" | "unix" => {
            Kind::Fixed
        }
        "regexp" | "pcre" | "cidr" | "tcp" | "socketmap" | "fail" => Kind::Pattern,
        _ => Kind::Either,
    }
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

/// Table lookups for one recipient: each key is asked of each table once.
pub(super) struct Lookups<'a, T> {
    tables: &'a T,
    config_directory: &'a Path,
    known: HashMap<String, HashMap<String, Option<String>>>,
    files: HashMap<String, String>,
    runs: usize,
    keys: usize,
}

impl<'a, T: Tables> Lookups<'a, T> {
    pub(super) fn new(tables: &'a T, config_directory: &'a Path) -> Self {
        Self { tables, config_directory, known: HashMap::new(), files: HashMap::new(), runs: 0, keys: 0 }
    }

    /// The first of the keys that a table has; each key is asked of all tables before the next
    /// (`src/global/maps.c`, maps_find).
    pub(super) async fn find(&mut self, tables: &[&str], keys: &[Key]) -> Result<Option<Found>, Unresolved> {
        self.load(tables, keys).await?;
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
                    return Err(Unresolved(format!("{table} has `{}`, and may or may not be asked for it", key.text)));
                }
                if value.is_empty() {
                    return Err(Unresolved(format!("{table} has an empty value for `{}`", key.text)));
                }
                return Ok(Some(Found { value, bare: key.bare }));
            }
        }
        Ok(None)
    }

    /// Asks the tables for many keys at once, so that what [`Self::find`] looks for later is known.
    pub(super) async fn load(&mut self, tables: &[&str], keys: &[Key]) -> Result<(), Unresolved> {
        for table in tables {
            let known = self.known.entry((*table).to_owned()).or_default();
            let mut missing: Vec<String> = keys
                .iter()
                .filter(|key| !(known.contains_key(&key.text) || key.partial && kind(table) == Kind::Pattern))
                .map(|key| key.text.clone())
                .collect();
            missing.sort_unstable();
            missing.dedup();
            if missing.is_empty() {
                continue;
            }
            if !table.contains(':') {
                return Err(Unresolved(format!("`{table}` is no type:table")));
            }
            self.runs += 1;
            self.keys += missing.len();
            if self.runs > RUNS_MAX || self.keys > KEYS_MAX {
                return Err(Unresolved(format!("more than {RUNS_MAX} table lookups or {KEYS_MAX} keys")));
            }
            let mut found = self.tables.query(self.config_directory, table, &missing).await.map_err(Unresolved)?;
            known.extend(missing.into_iter().map(|key| {
                let value = found.remove(&key);
                (key, value)
            }));
        }
        Ok(())
    }

    /// Whether a list of main.cf holds a domain (`src/util/match_list.c`, `src/util/match_ops.c`).
    ///
    /// `parents`: `None` for a list of plain strings; else whether the entry `example` matches `sub.example`, or only
    /// the entry `.example` does.
    pub(super) async fn list_has(
        &mut self,
        list: &str,
        parents: Option<Parents>,
        domain: &str,
    ) -> Result<bool, Unresolved> {
        let patterns = self.patterns(list).await?;
        let keys = match parents {
            None => vec![Key::whole(domain)],
            Some(parents) => domain_keys(Key::whole(domain), parents),
        };
        for pattern in patterns {
            let (pattern, wanted) = (pattern.text.as_str(), pattern.wanted);
            let matches = if is_table(pattern) {
                self.find(&[pattern], &keys).await?.is_some()
            } else {
                let pattern = pattern.to_lowercase();
                let below = |parent: &str| domain.strip_suffix(parent).is_some_and(|child| !child.is_empty());
                domain == pattern
                    || match parents {
                        None => false,
                        Some(Parents::Plain) => below(&format!(".{pattern}")),
                        Some(Parents::Dotted) => pattern.starts_with('.') && below(&pattern),
                    }
            };
            if matches {
                return Ok(wanted);
            }
        }
        Ok(false)
    }

    /// The patterns of a list, files read in.
    async fn patterns(&mut self, list: &str) -> Result<Vec<Pattern>, Unresolved> {
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
                    return Err(Unresolved("a list of main.cf has `!` without a pattern".to_owned()));
                }
                if !pattern.starts_with('/') {
                    patterns.push(Pattern { text: pattern.to_owned(), wanted: wanted_here });
                    continue;
                }
                if depth == FILE_DEPTH_MAX {
                    return Err(Unresolved(format!("{pattern}: files more than {FILE_DEPTH_MAX} deep")));
                }
                let text = match self.files.get(pattern) {
                    Some(text) => text.clone(),
                    None => {
                        let text = self.tables.file(pattern).await.map_err(Unresolved)?;
                        self.files.insert(pattern.to_owned(), text.clone());
                        text
                    }
                };
                todo.push((rest.collect::<Vec<_>>().join(" "), wanted, depth));
                let lines = text.lines().filter(|line| !line.starts_with('#')).rev();
                todo.extend(lines.map(|line| (line.to_owned(), wanted_here, depth + 1)));
                break;
            }
        }
        Ok(patterns)
    }
}

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
pub(super) mod tests {
    use super::*;

    /// Tables that a test wrote: each by its name, with its entries; `bad:` ones fail.
    #[derive(Debug, Default)]
    pub(in super::super) struct Fake {
        pub(in super::super) tables: HashMap<&'static str, Vec<(&'static str, &'static str)>>,
        pub(in super::super) files: HashMap<&'static str, &'static str>,
        pub(in super::super) runs: std::sync::atomic::AtomicUsize,
    }

    impl Tables for Fake {
        async fn query(&self, _: &Path, table: &str, keys: &[String]) -> Result<BTreeMap<String, String>, String> {
            self.runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let entries = self.tables.get(table).ok_or_else(|| format!("{table}: no such table"))?;
            let value = |key: &String| entries.iter().find(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| *v);
            Ok(keys.iter().filter_map(|key| Some((key.clone(), value(key)?.to_owned()))).collect())
        }

        async fn file(&self, path: &str) -> Result<String, String> {
            self.files.get(path).map(|text| (*text).to_owned()).ok_or_else(|| format!("{path}: no such file"))
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

    #[test]
    fn an_answer_that_is_not_clear_is_none() {
        let keys = ["a@b".to_owned(), "a b".to_owned(), "@b".to_owned()];
        let read = |output: &str| read_answers(output, &keys).map(|answers| answers.into_iter().collect::<Vec<_>>());
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read("a@b\tx\ty\n@b\tz\n"), Some(vec![pair("@b", "z"), pair("a@b", "x\ty")]));
        assert_eq!(read(""), Some(vec![]));
        for unclear in ["a@b\tx\nsecond line\n", "@b\tz\na@b\tx\n", "c\tx\n", "a@b\tx\na@b\ty\n", "a@b"] {
            assert_eq!(read(unclear), None, "{unclear}");
        }
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
            let mut lookups = Lookups::new(&fake, Path::new("/"));
            let has = lookups.list_has(list, parents, domain).await;
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
            let mut lookups = Lookups::new(&fake, Path::new("/"));
            lookups.find(tables, keys).await.map(|found| found.map(|found| found.value))
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

    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    #[tokio::test]
    async fn real_postmap_answers_and_fails_clearly() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        write(&path("main.cf"), "compatibility_level = 3.6\nmyhostname = mx.example\n");
        write(&path("master.cf"), "");
        write(&path("virtual"), "-x@b.example one\na@b.example two three\n@c.example\tfour\n\"a b\"@c.example five\n");
        write(&path("re"), "/^(.*)@r\\.example$/ $1@s.example\n");
        let hash = format!("hash:{}", path("virtual").display());
        let made = std::process::Command::new("/usr/sbin/postmap").arg("-c").arg(directory.path()).arg(&hash).status();
        assert!(made.unwrap().success());
        let query = async |table: &str, keys: &[&str]| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let found = Postmap::default().query(directory.path(), table, &keys).await;
            found.map(|found| found.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>())
        };
        for table in [hash.clone(), hash.replace("hash:", "texthash:")] {
            let keys =
                ["-x@b.example", "A@b.example", "none@b.example", "@c.example", "\"a b\"@c.example", "--", "$(id)"];
            let found = query(&table, &keys).await.unwrap();
            let expected = ["\"a b\"@c.example=five", "-x@b.example=one", "@c.example=four", "A@b.example=two three"];
            assert_eq!(found, expected, "{table}");
            assert_eq!(query(&table, &["none"]).await, Ok(vec![]));
        }
        let regexp = format!("regexp:{}", path("re").display());
        assert_eq!(
            query(&regexp, &["x@r.example", "y@q.example"]).await,
            Ok(vec!["x@r.example=x@s.example".to_owned()])
        );
        assert_eq!(
            query("inline:{ {a = b, c}, {d=e} }", &["a", "d"]).await,
            Ok(vec!["a=b, c".to_owned(), "d=e".to_owned()])
        );
        assert_eq!(query("static:smtp:[x]", &["a"]).await, Ok(vec!["a=smtp:[x]".to_owned()]));
        for wrong in ["hash:/nonexistent/table", "nosuchtype:/x", "fail:always", "-d", "static:"] {
            assert!(query(wrong, &["a"]).await.is_err(), "{wrong}");
        }
        for key in ["", "a\nb", "a\0"] {
            assert!(query(&hash, &[key]).await.unwrap_err().contains("is no key"), "{key:?}");
        }
    }
}
