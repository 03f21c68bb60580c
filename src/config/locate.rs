//! Where a key stands in a configuration file: for faults that show only when what the key names is used.

use super::reader;
use std::{fs, path::Path};

/// The line of a key, as faults name it (`[probe] ca-file`), counted from 1. `None` where the file does not have it.
pub fn line_of(path: &Path, key: &str) -> Option<usize> {
    let (section, key) = match key.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?,
        None => ("", key),
    };
    reader::line_of(&fs::read_to_string(path).ok()?, section, key)
}

/// Puts file and line before every line of a text that begins with the name of a key: `segl.toml:3: [probe] ca-file: …`.
pub fn located(path: &Path, text: &str) -> String {
    let line = |text: &str| {
        let end = text.find("] ").map(|end| end + 2)?;
        let length = text[end..].find(|next: char| !next.is_ascii_lowercase() && next != '-').unwrap_or(0);
        let key = text.starts_with('[').then(|| &text[..end + length])?;
        Some(match line_of(path, key) {
            Some(line) => format!("{}:{line}: {text}", path.display()),
            None => format!("{}: {text}", path.display()),
        })
    };
    text.lines().map(|text| line(text).unwrap_or_else(|| text.to_owned())).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_however_they_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("segl.toml");
        fs::write(&path, "mode = 'enforce'\ndetect.rules = ['/x']\n\n[probe]\nca-file = '/y'\n").unwrap();
        for (key, line) in [
            ("mode", Some(1)),
            ("[detect] rules", Some(2)),
            ("[probe] ca-file", Some(5)),
            ("[probe] trust-anchor", None),
            ("[store] directory", None),
        ] {
            assert_eq!(line_of(&path, key), line, "{key}");
        }
        let name = path.display();
        assert_eq!(
            located(&path, "[probe] ca-file: /y: not there\nsomething [else] again"),
            format!("{name}:5: [probe] ca-file: /y: not there\nsomething [else] again")
        );
        assert_eq!(located(&path, "[store] directory /z is"), format!("{name}: [store] directory /z is"));
    }
}
