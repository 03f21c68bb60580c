//! Rule files: from directories into memory. What is in them is read by [`crate::detect::RuleSet::parse`].

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The directory of the administrator's own rules: it need not exist.
const OWN_RULES: &str = "/etc/segl/rules.d";

/// The largest rule file, in bytes.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The most rule files of all directories together.
const MAX_FILES: usize = 1000;

/// Why rule files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RuleFilesError {
    /// A directory or a file is missing or cannot be read.
    #[error(
        "{path}: {reason}; give detect.rules the directories of rule files that you want, or install what is missing"
    )]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// There are more files or bytes than anyone writes.
    #[error("{path}: {reason}")]
    TooMuch {
        /// Where.
        path: PathBuf,
        /// Which bound.
        reason: String,
    },
}

/// Reads every `*.toml` of the directories: the directories in the order given, the files of each by name.
///
/// # Errors
/// If a directory is missing (`/etc/segl/rules.d` may be) or a file cannot be read as UTF-8: rules that are left out in
/// silence would let mail pass.
pub fn read_rule_files(directories: &[PathBuf]) -> Result<Vec<(String, String)>, RuleFilesError> {
    let mut files = Vec::new();
    for directory in directories {
        let unreadable = |reason| RuleFilesError::Unreadable { path: directory.clone(), reason };
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound && directory == Path::new(OWN_RULES) => continue,
            Err(error) => return Err(unreadable(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(unreadable)?.path();
            // Editors' back-up files and hidden files are none.
            let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        if files.len() + paths.len() > MAX_FILES {
            let reason = format!("more than {MAX_FILES} rule files");
            return Err(RuleFilesError::TooMuch { path: directory.clone(), reason });
        }
        paths.sort();
        for path in paths {
            let text = read(&path)?;
            files.push((path.display().to_string(), text));
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<String, RuleFilesError> {
    let unreadable = |reason| RuleFilesError::Unreadable { path: path.to_owned(), reason };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE {
        let reason = format!("a rule file of more than {MAX_FILE} bytes");
        return Err(RuleFilesError::TooMuch { path: path.to_owned(), reason });
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, name: &str, text: &[u8]) {
        fs::write(directory.join(name), text).unwrap();
    }

    #[test]
    fn files_come_in_the_order_of_directories_and_names() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(first.path(), "b.toml", b"b");
        write(first.path(), "a.toml", b"a");
        write(first.path(), "a.toml~", b"no");
        write(first.path(), ".a.toml", b"no");
        write(first.path(), "README", b"no");
        write(second.path(), "0.toml", b"0");
        let directories = [first.path().to_owned(), second.path().to_owned()];
        let files = read_rule_files(&directories).unwrap();
        assert_eq!(files.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["a", "b", "0"]);
        assert!(files[0].0.ends_with("/a.toml"));
    }

    #[test]
    fn nothing_is_left_out_in_silence() {
        assert!(read_rule_files(&["/nonexistent/rules".into()]).is_err());
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "a.toml", b"\xff");
        let error = read_rule_files(&[directory.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains("a.toml"), "{error}");
        write(directory.path(), "a.toml", &vec![b' '; MAX_FILE as usize + 1]);
        assert!(read_rule_files(&[directory.path().to_owned()]).is_err());
    }
}
