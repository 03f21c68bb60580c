//! How long a destination has had TLS, and since when it has none: by which it is held to TLS, and let go.

use super::Capability;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Seconds in a day.
const DAY: i64 = 24 * 3600;

/// When a destination that had TLS is let go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct LetGo {
    /// After so many probes in a row that found none.
    pub(super) probes: u32,
    /// And no sooner than this after the first of them.
    pub(super) time: Duration,
}

/// That a destination was found to have TLS, and has not been let go since.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct History {
    /// When it was first found, Unix time in seconds, to the day.
    pub since: i64,
    /// How many probes in a row have found none, all hosts having answered.
    pub without: u32,
    /// When the first of these was, Unix time in seconds.
    pub without_since: Option<i64>,
}

/// What becomes of a destination's history with another probe, at Unix time `now` in seconds.
pub(super) fn next(before: Option<History>, found: &Capability, rule: LetGo, now: i64) -> Option<History> {
    match (found, before) {
        (Capability::Authenticated { .. } | Capability::Encrypted { .. }, before) => {
            let since = before.map_or(now - now.rem_euclid(DAY), |history| history.since);
            Some(History { since, without: 0, without_since: None })
        }
        (Capability::Cleartext { .. }, Some(history)) => {
            // A clock that was set back makes the wait longer, never shorter.
            let first = history.without_since.unwrap_or(now).min(now);
            let without = history.without.saturating_add(1);
            let waited = u64::try_from(now - first).unwrap_or(0);
            let over = without >= rule.probes && waited >= rule.time.as_secs();
            (!over).then_some(History { without, without_since: Some(first), ..history })
        }
        // Nothing was learnt of its TLS.
        (Capability::Cleartext { .. } | Capability::Undeliverable { .. } | Capability::Unknown { .. }, before) => {
            before
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::TlsVersion;
    use proptest::prelude::*;

    const RULE: LetGo = LetGo { probes: 3, time: Duration::from_secs(3600) };

    fn found(word: char) -> Capability {
        let reason = String::new();
        match word {
            't' => Capability::Encrypted { version: TlsVersion::V1_2 },
            'c' => Capability::Cleartext { reason },
            'u' => Capability::Unknown { reason },
            'n' => Capability::Undeliverable { reason },
            other => panic!("{other}"),
        }
    }

    /// Whether a destination is held after these probes, each so many seconds after the one before.
    fn held(probes: &str, seconds: i64) -> bool {
        let mut history = None;
        for (word, time) in probes.chars().zip((0..).map(|n| 1_000_000 + n * seconds)) {
            history = next(history, &found(word), RULE, time);
        }
        history.is_some()
    }

    #[test]
    fn is_let_go_by_so_many_probes_over_so_long() {
        for (probes, seconds, expected) in [
            ("", 1, false),
            ("c", 1, false),
            ("t", 1, true),
            ("tcc", 3600, true),
            ("tccc", 3600, false),
            ("tccc", 1799, true),
            ("tccc", 1800, false),
            ("tccccccccc", 300, true),
            ("tuuuuuuuuunnnnn", 3600, true),
            ("tccutcc", 3600, true),
            ("tcucnc", 3600, false),
            ("tccct", 3600, true),
            // A clock that runs backwards.
            ("tccccccccc", -3600, true),
        ] {
            assert_eq!(held(probes, seconds), expected, "{probes} {seconds}");
        }
    }

    proptest! {
        #[test]
        fn never_is_let_go_by_fewer_probes_or_sooner(words in "t[tcun]{0,12}", seconds in prop::sample::select(vec![1_i64, 900, 1800, 4000])) {
            let last = words.rfind('t').unwrap();
            let without: Vec<usize> = words[last..].char_indices().filter(|(_, word)| *word == 'c').map(|(at, _)| at).collect();
            let over = without.iter().enumerate().any(|(n, at)| n >= 2 && (at - without[0]) as i64 * seconds >= 3600);
            prop_assert_eq!(held(&words, seconds), !over);
        }
    }
}
