//! Postfix's version, on which the syntax of policies depends.

use std::fmt;

/// Postfix's version, `mail_version`: `3.7.11`, or `3.11-20250101` for a development snapshot.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PostfixVersion {
    major: u16,
    minor: u16,
    patch: u16,
    /// False for a snapshot or release candidate, which comes before the release whose number it bears.
    released: bool,
}

impl PostfixVersion {
    /// A release.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch, released: true }
    }

    /// Reads `mail_version`; `None` for what is no version.
    pub fn parse(text: &str) -> Option<Self> {
        let (numbers, suffix) = match text.split_once('-') {
            Some((numbers, suffix)) => (numbers, Some(suffix)),
            None => (text, None),
        };
        let mut numbers = numbers.split('.').map(|number| match number.bytes().all(|b| b.is_ascii_digit()) {
            true => number.parse::<u16>().ok(),
            false => None,
        });
        let (major, minor) = (numbers.next()??, numbers.next()??);
        let patch = numbers.next().unwrap_or(Some(0))?;
        match numbers.next() {
            Some(_) => None,
            None => Some(Self { major, minor, patch, released: suffix.is_none() }),
        }
    }

    /// Whether this is that release or a later one. A snapshot may lack what its release has.
    pub fn at_least(self, major: u16, minor: u16, patch: u16) -> bool {
        self >= Self::new(major, minor, patch)
    }

    /// Whether `protocols` may be written as bounds, `>=TLSv1.2` (Postfix 3.6, TLS_README).
    pub(super) fn has_protocol_bounds(self) -> bool {
        self.at_least(3, 6, 0)
    }
}

impl fmt::Display for PostfixVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}{}", self.major, self.minor, self.patch, if self.released { "" } else { "-snapshot" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        for (text, version) in [
            ("3.7.11", Some((3, 7, 11, true))),
            ("3.10", Some((3, 10, 0, true))),
            ("3.11-20250101", Some((3, 11, 0, false))),
            ("3.8.0-RC1", Some((3, 8, 0, false))),
            ("3.11-20250101-nonprod", Some((3, 11, 0, false))),
            ("", None),
            ("3", None),
            ("3.", None),
            ("3.x", None),
            ("3.7.11.2", None),
            ("3.+7", None),
            ("99999.1", None),
        ] {
            let expected =
                version.map(|(major, minor, patch, released)| PostfixVersion { major, minor, patch, released });
            assert_eq!(PostfixVersion::parse(text), expected, "{text}");
        }
        let snapshot = PostfixVersion::parse("3.6-20210101").unwrap();
        assert!(!snapshot.at_least(3, 6, 0) && snapshot.at_least(3, 5, 99));
        assert!(PostfixVersion::new(3, 10, 3).at_least(3, 9, 8));
    }
}
