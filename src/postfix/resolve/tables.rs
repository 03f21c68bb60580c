//! The edge to Postfix's lookup tables, asked through `postmap -q`, and to what else decides where mail goes: files that
//! main.cf and aliases(5) name, and the accounts of this host.

use crate::postfix::tool;
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{io::AsyncReadExt, sync::Semaphore};

const POSTMAP: &str = "/usr/sbin/postmap";
const GETENT: &str = "/usr/bin/getent";

/// How many tools run at once, for all messages together.
const RUNS_AT_ONCE: usize = 16;

/// The largest file that is read, in bytes.
const FILE_MAX: u64 = 4 * 1024 * 1024;

/// Where tables, files and accounts are asked.
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

    /// The text of a file that a list of main.cf or an alias names.
    ///
    /// # Errors
    /// When it cannot be read or is too large.
    fn file(&self, path: &str) -> impl Future<Output = Result<String, String>> + Send;

    /// Those of the names that are accounts of this host.
    ///
    /// # Errors
    /// When it cannot be told.
    fn users(&self, names: &[String]) -> impl Future<Output = Result<BTreeSet<String>, String>> + Send;
}

/// Tables as postmap(1) reads them, accounts as getent(1) knows them.
#[derive(Clone, Debug)]
pub struct Postmap {
    program: PathBuf,
    running: Arc<Semaphore>,
}

impl Default for Postmap {
    fn default() -> Self {
        Self { program: POSTMAP.into(), running: Arc::new(Semaphore::new(RUNS_AT_ONCE)) }
    }
}

impl Postmap {
    async fn run<A: AsRef<std::ffi::OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Result<tool::Output, String> {
        let _running = self.running.acquire().await.map_err(|error| error.to_string())?;
        tool::run(program, arguments, input).await.map_err(|error| error.to_string())
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
        let output = self.run(&self.program, arguments, input.as_bytes()).await?;
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

    /// getent(1) takes a name of digits for a number: then it answers with another name, which counts as none.
    async fn users(&self, names: &[String]) -> Result<BTreeSet<String>, String> {
        let possible = |name: &&String| !name.is_empty() && !name.contains(|c: char| c.is_control() || c == ':');
        let asked: Vec<&str> = names.iter().filter(possible).map(String::as_str).collect();
        if asked.is_empty() {
            return Ok(BTreeSet::new());
        }
        let output = self.run(Path::new(GETENT), ["passwd", "--"].iter().chain(&asked), b"").await?;
        // 2: one of them is unknown.
        if !matches!(output.status.code(), Some(0 | 2)) || !output.stderr.is_empty() {
            return Err(format!("getent ended with {}: {}", output.status, output.stderr));
        }
        let found = output.stdout.lines().filter_map(|line| line.split(':').next());
        Ok(found.filter(|name| asked.contains(name)).map(str::to_owned).collect())
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
pub(super) enum Kind {
    /// An index: every key is asked for.
    Fixed,
    /// Patterns, or a program that answers: only whole addresses are asked for.
    Pattern,
    /// One or the other by settings that we do not see (SQL, LDAP, pipemap …).
    Either,
}

pub(super) fn kind(table: &str) -> Kind {
    let table = table.strip_prefix("proxy:").unwrap_or(table);
    match table.split(':').next().unwrap_or_default() {
        "hash" | "btree" | "cdb" | "dbm" | "lmdb" | "sdbm" | "texthash" | "inline" | "static" | "environ" | "unix" => {
            Kind::Fixed
        }
        "regexp" | "pcre" | "cidr" | "tcp" | "socketmap" | "fail" => Kind::Pattern,
        _ => Kind::Either,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Tables that a test wrote: each by its name, with its entries; `bad:` ones fail.
    #[derive(Debug, Default)]
    pub(in super::super) struct Fake {
        pub(in super::super) tables: HashMap<&'static str, Vec<(&'static str, &'static str)>>,
        pub(in super::super) files: HashMap<&'static str, &'static str>,
        pub(in super::super) users: Vec<&'static str>,
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

        async fn users(&self, names: &[String]) -> Result<BTreeSet<String>, String> {
            self.runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(names.iter().filter(|name| self.users.contains(&name.as_str())).cloned().collect())
        }
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

    #[tokio::test]
    async fn accounts_are_told_from_names_and_numbers() {
        let names = ["root", "0", "-x", "--help", "nobody-of-that-name", "a:b", "", "postfix", "*"].map(str::to_owned);
        let found = Postmap::default().users(&names).await;
        assert_eq!(found, Ok(["postfix".to_owned(), "root".to_owned()].into()));
        assert_eq!(Postmap::default().users(&[]).await, Ok(BTreeSet::new()));
    }
}
