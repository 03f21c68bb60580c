//! Lines to standard error: to the journal with their priority, to anything else with a word for it.

use super::{Priority, Sink};
use nix::sys::stat::fstat;
use std::{
    env,
    io::{self, Write},
};

/// Standard error.
pub(super) struct Stderr {
    /// Whether the journal reads it, which takes `<4>` before a line for its priority (sd-daemon(3)).
    journal: bool,
}

impl Stderr {
    pub(super) fn new() -> Self {
        let variable = env::var("JOURNAL_STREAM").unwrap_or_default();
        let journal = fstat(io::stderr()).is_ok_and(|stat| names(&variable, stat.st_dev, stat.st_ino));
        Self { journal }
    }
}

/// Whether `JOURNAL_STREAM` names this file by device and inode (systemd.exec(5)): standard error may have been
/// redirected since.
fn names(variable: &str, device: u64, inode: u64) -> bool {
    let parts = variable.split_once(':').map(|(device, inode)| (device.parse(), inode.parse()));
    parts == Some((Ok(device), Ok(inode)))
}

fn text(journal: bool, priority: Priority, line: &str) -> String {
    match journal {
        true => format!("<{}>{line}\n", priority as u8),
        false if priority == Priority::Info => format!("{line}\n"),
        false => format!("segl: {}{line}\n", priority.label()),
    }
}

impl Sink for Stderr {
    fn write(&self, priority: Priority, line: &str) {
        // In one piece, so that lines of different threads do not mix. There is nobody to be told if it fails.
        let _ = io::stderr().lock().write_all(text(self.journal, priority, line).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::File, os::unix::fs::MetadataExt, process::Command};

    #[test]
    fn tells_the_priority_to_whom_it_concerns() {
        for (journal, priority, expected) in [
            (true, Priority::Info, "<6>told\n"),
            (true, Priority::Warning, "<4>told\n"),
            (true, Priority::Error, "<3>told\n"),
            (false, Priority::Info, "told\n"),
            (false, Priority::Warning, "segl: warning: told\n"),
            (false, Priority::Error, "segl: error: told\n"),
        ] {
            assert_eq!(text(journal, priority, "told"), expected);
        }
    }

    #[test]
    fn reads_journal_stream() {
        assert!(names("9:1234", 9, 1234));
        for other in ["", "9", "9:", "9:1235", "8:1234", ":", "9:1234:1"] {
            assert!(!names(other, 9, 1234), "{other}");
        }
    }

    /// Runs in a process of its own, with a file as its standard error.
    #[test]
    #[ignore = "run by the_journal_is_known_by_its_file"]
    fn writes_a_warning() {
        let _log = super::super::init(crate::config::LogTarget::Stderr).unwrap();
        tracing::warn!("pins are near");
    }

    #[test]
    fn the_journal_is_known_by_its_file() {
        let directory = tempfile::tempdir().unwrap();
        for (named, expected) in [(true, "<4>pins are near\n"), (false, "segl: warning: pins are near\n")] {
            let path = directory.path().join(named.to_string());
            let file = File::create(&path).unwrap();
            let metadata = file.metadata().unwrap();
            let inode = if named { metadata.ino() } else { 1 };
            let output = Command::new(env::current_exe().unwrap())
                .args(["--exact", "daemon::log::stderr::tests::writes_a_warning", "--ignored"])
                .env("JOURNAL_STREAM", format!("{}:{inode}", metadata.dev()))
                .stderr(file)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        }
    }
}
