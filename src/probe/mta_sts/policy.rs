//! The policy file (RFC 8461 section 3.2).

use super::pattern::{Pattern, Patterns};
use std::{collections::HashSet, fmt, time::Duration};

/// The longest time for which a policy may be held: a year (RFC 8461 section 3.2).
pub(crate) const MAX_AGE_MAX: Duration = Duration::from_secs(31_557_600);

/// The most patterns that one policy may have. The largest mail services publish a dozen; one line of Postfix's holds
/// these many of the longest.
pub(crate) const PATTERNS_MAX: usize = 128;

/// The longest name of a field, in characters.
const NAME_MAX: usize = 32;

/// What a domain asks of those who send mail to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Policy {
    /// What is to become of mail to a server that does not fit.
    pub(crate) mode: Mode,
    /// The names that its mail servers may have; empty only where the mode is `none`.
    pub(crate) mx: Patterns,
    /// For how long it may be held, in seconds.
    max_age: u32,
}

/// What is to become of mail to a server that does not fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// It is not delivered.
    Enforce,
    /// It is delivered, and reported (RFC 8460).
    Testing,
    /// There is no policy, and this is how that is said.
    None,
}

/// Why a text is no policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum PolicyError {
    /// A line, counted from 1, and what is wrong with it.
    Line(usize, Fault),
    /// A field that every policy must have, or every one that asks for something.
    Missing(&'static str),
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It is not UTF-8.
    Encoding,
    /// It is not `name: value`, or holds control characters.
    Field,
    /// It names a version other than STSv1.
    Version,
    /// It names a mode that there is not.
    Mode,
    /// It is no number of seconds.
    MaxAge,
    /// It is no name of a mail server.
    Mx,
    /// It is one pattern more than [`PATTERNS_MAX`].
    TooMany,
}

impl Policy {
    /// Reads a policy, which the caller has bounded in size.
    ///
    /// Lines end with LF or CRLF, the last one need not. Names and values count as they are written, in their case; a field
    /// that is not known is passed over, and so is any but the first of a field other than `mx`. Fields come in any order.
    /// Two things are read that the grammar does not have: an empty line, since many files end with one, and a `max_age`
    /// above the highest, which counts as that.
    ///
    /// # Errors
    /// Where a sender is to take it that there is no policy, since it cannot be known what the domain asks for.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, PolicyError> {
        let (mut version, mut mode, mut max_age) = (false, None, None);
        let mut mx = Vec::new();
        let mut seen = HashSet::new();
        for (line, number) in body.split(|byte| *byte == b'\n').zip(1..) {
            let wrong = |fault| PolicyError::Line(number, fault);
            let line = std::str::from_utf8(line).map_err(|_| wrong(Fault::Encoding))?;
            let line = line.strip_suffix('\r').unwrap_or(line).trim_end_matches(is_space);
            if line.is_empty() {
                continue;
            }
            let (name, value) = field(line).ok_or_else(|| wrong(Fault::Field))?;
            match name {
                "version" if !version => {
                    version = value == "STSv1";
                    if !version {
                        return Err(wrong(Fault::Version));
                    }
                }
                "mode" if mode.is_none() => mode = Some(Mode::parse(value).ok_or_else(|| wrong(Fault::Mode))?),
                "max_age" if max_age.is_none() => {
                    max_age = Some(seconds(value).ok_or_else(|| wrong(Fault::MaxAge))?);
                }
                "mx" => {
                    let pattern = Pattern::parse(value).ok_or_else(|| wrong(Fault::Mx))?;
                    if seen.insert(pattern.clone()) {
                        mx.push(pattern);
                    }
                    if mx.len() > PATTERNS_MAX {
                        return Err(wrong(Fault::TooMany));
                    }
                }
                _ => {}
            }
        }
        if !version {
            return Err(PolicyError::Missing("version"));
        }
        let mode = mode.ok_or(PolicyError::Missing("mode"))?;
        let max_age = max_age.ok_or(PolicyError::Missing("max_age"))?;
        if mx.is_empty() && mode != Mode::None {
            return Err(PolicyError::Missing("mx"));
        }
        // Of many domains it is held in memory: no more than it takes.
        Ok(Self { mode, mx: mx.into_iter().collect(), max_age: u32::try_from(max_age.as_secs()).unwrap_or(u32::MAX) })
    }

    /// For how long it may be held, at most [`MAX_AGE_MAX`].
    pub(crate) fn max_age(&self) -> Duration {
        Duration::from_secs(u64::from(self.max_age))
    }

    /// Whether an MX host may receive the domain's mail (section 4.1).
    pub(crate) fn allows(&self, host: &str) -> bool {
        self.mx.iter().any(|pattern| pattern.matches(host))
    }

    /// The names as Postfix's policy attribute `match=` takes them for level `secure`: `mx.example.com:.example.net`.
    ///
    /// Postfix holds the certificate's names to this, not the host's from the MX record; either way only a server that
    /// proves to have one of these names gets the mail. A name is itself. A wildcard is written as the domain with a dot
    /// before it, the only form that Postfix has (`smtp_tls_secure_cert_match` in postconf(5)), which takes names of any
    /// depth below the domain, so that it allows a little more than the policy: `a.b.example.net`, whose owner the domain's
    /// owner chose. postfix-mta-sts-resolver and postfix-tlspol write the same. Empty only where the mode is `none`: then
    /// there is nothing to hold mail to.
    pub(crate) fn postfix_match(&self) -> String {
        self.mx.postfix_match()
    }
}

/// The policy as the file that it could have come from, which [`Policy::parse`] reads.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version: STSv1\nmode: {}\n", self.mode)?;
        for pattern in self.mx.iter() {
            writeln!(f, "mx: {pattern}")?;
        }
        writeln!(f, "max_age: {}", self.max_age)
    }
}

impl Mode {
    fn parse(word: &str) -> Option<Self> {
        [Self::Enforce, Self::Testing, Self::None].into_iter().find(|mode| mode.word() == word)
    }

    /// The word of the policy file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl std::error::Error for PolicyError {}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number, fault) => write!(f, "line {number}: {fault}"),
            Self::Missing(field) => write!(f, "there is no {field}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "not UTF-8",
            Self::Field => "not `name: value`",
            Self::Version => "not version STSv1",
            Self::Mode => "mode is none of enforce, testing and none",
            Self::MaxAge => "max_age is no number of seconds",
            Self::Mx => "mx is no name of a mail server",
            Self::TooMany => return write!(f, "more than {PATTERNS_MAX} mx"),
        })
    }
}

/// A line in its two parts, without the white space that may stand before and after the value: `name ":" *WSP value`.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim_start_matches(is_space);
    let fits = name.len() <= NAME_MAX
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        && !value.is_empty()
        && !value.chars().any(char::is_control);
    fits.then_some((name, value))
}

/// `1*10(DIGIT)`, no more than the highest.
fn seconds(digits: &str) -> Option<Duration> {
    let fits = digits.len() <= 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = fits.then(|| digits.parse().ok()).flatten()?;
    Some(Duration::from_secs(seconds).min(MAX_AGE_MAX))
}

/// `WSP` of RFC 5234.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = "version: STSv1\nmode: enforce\nmx: mx1.example.com\nmx: *.example.net\nmax_age: 604800\n";

    fn policy(mode: Mode, mx: &[&str], max_age: u64) -> Policy {
        let mx = mx.iter().map(|text| Pattern::parse(text).unwrap()).collect::<Patterns>();
        Policy { mode, mx, max_age: u32::try_from(max_age).unwrap() }
    }

    #[test]
    fn reads_policies() {
        let highest = MAX_AGE_MAX.as_secs();
        for (text, expected) in [
            (GOOD, policy(Mode::Enforce, &["mx1.example.com", "*.example.net"], 604_800)),
            // CRLF, no white space, no end of the last line, another order.
            ("max_age:1\r\nmx:a.example\r\nmode:testing\r\nversion:STSv1", policy(Mode::Testing, &["a.example"], 1)),
            // White space around values, mixed line ends.
            ("version:\t STSv1 \t\r\nmode: none \nmax_age:  0\t\n", policy(Mode::None, &[], 0)),
            // `mx` may stand there in mode none.
            ("version: STSv1\nmode: none\nmx: a.example\nmax_age: 5", policy(Mode::None, &["a.example"], 5)),
            // Unknown fields, UTF-8 among them, and names in another case, which are unknown.
            (
                "version: STSv1\nmode: none\nMode: x\nmax_age: 5\nx-1.y_z: bl\u{e5}b\u{e6}r  og: mere\nMX: -",
                policy(Mode::None, &[], 5),
            ),
            // The first of each counts, whatever the next say.
            (
                "version: STSv1\nversion: STSv2\nmode: enforce\nmode: none\nmax_age: 7\nmax_age: x\nmx: a.example\n",
                policy(Mode::Enforce, &["a.example"], 7),
            ),
            // Names come in any case, and one that comes twice is one.
            (
                "version: STSv1\nmode: enforce\nmx: A.Example\nmx: a.example\nmax_age: 7",
                policy(Mode::Enforce, &["a.example"], 7),
            ),
            // Beyond the grammar.
            ("\nversion: STSv1\n\r\nmode: none\n \nmax_age: 5\n\n", policy(Mode::None, &[], 5)),
            ("version: STSv1\nmode: none\nmax_age: 31557601", policy(Mode::None, &[], highest)),
            ("version: STSv1\nmode: none\nmax_age: 9999999999", policy(Mode::None, &[], highest)),
            ("version: STSv1\nmode: none\nmax_age: 0031557600", policy(Mode::None, &[], highest)),
        ] {
            assert_eq!(Policy::parse(text.as_bytes()), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let line = PolicyError::Line;
        for (text, expected) in [
            ("", PolicyError::Missing("version")),
            ("\n\n", PolicyError::Missing("version")),
            ("mode: none\nmax_age: 0", PolicyError::Missing("version")),
            ("Version: STSv1\nmode: none\nmax_age: 0", PolicyError::Missing("version")),
            ("version: STSv1\nmax_age: 0\nmx: a.example", PolicyError::Missing("mode")),
            ("version: STSv1\nmode: none", PolicyError::Missing("max_age")),
            ("version: STSv1\nmode: enforce\nmax_age: 0", PolicyError::Missing("mx")),
            ("version: STSv1\nmode: testing\nmax_age: 0", PolicyError::Missing("mx")),
            ("version: STSv2\nversion: STSv1", line(1, Fault::Version)),
            ("version: STSv10", line(1, Fault::Version)),
            ("version: stsv1", line(1, Fault::Version)),
            ("version: STSv1\nmode: Enforce", line(2, Fault::Mode)),
            ("version: STSv1\nmode: report", line(2, Fault::Mode)),
            ("version: STSv1\nmode: enforce x", line(2, Fault::Mode)),
            ("max_age: -1", line(1, Fault::MaxAge)),
            ("max_age: +1", line(1, Fault::MaxAge)),
            ("max_age: 1 2", line(1, Fault::MaxAge)),
            ("max_age: 1e3", line(1, Fault::MaxAge)),
            ("max_age: \u{0661}", line(1, Fault::MaxAge)),
            ("max_age: 01234567890", line(1, Fault::MaxAge)),
            ("version: STSv1\r\n\r\nmx: *.*.example", line(3, Fault::Mx)),
            ("mx: *", line(1, Fault::Mx)),
            ("mx: mx.example.com.", line(1, Fault::Mx)),
            ("mx: a.example, b.example", line(1, Fault::Mx)),
            ("mx: a.example:b.example", line(1, Fault::Mx)),
            ("mx: m\u{f8}x.example", line(1, Fault::Mx)),
            ("mx: hostname", line(1, Fault::Mx)),
            ("mx:", line(1, Fault::Field)),
            ("x: ", line(1, Fault::Field)),
            ("version", line(1, Fault::Field)),
            (": x", line(1, Fault::Field)),
            (" version: STSv1", line(1, Fault::Field)),
            ("version : STSv1", line(1, Fault::Field)),
            ("_x: y", line(1, Fault::Field)),
            ("a12345678901234567890123456789012: x", line(1, Fault::Field)),
            ("x: a\u{0}b", line(1, Fault::Field)),
            ("x: a\tb", line(1, Fault::Field)),
            ("version: STSv1\rmode: none", line(1, Fault::Field)),
            ("version: STSv1\r\r\n", line(1, Fault::Field)),
            ("\u{feff}version: STSv1", line(1, Fault::Field)),
            ("<!DOCTYPE html>", line(1, Fault::Field)),
        ] {
            assert_eq!(Policy::parse(text.as_bytes()), Err(expected), "{text:?}");
        }
        assert_eq!(Policy::parse(b"version: STSv1\nx: \xff"), Err(line(2, Fault::Encoding)));
        assert_eq!(line(2, Fault::Mode).to_string(), "line 2: mode is none of enforce, testing and none");
        assert_eq!(PolicyError::Missing("mx").to_string(), "there is no mx");
    }

    #[test]
    fn bounds_the_patterns() {
        let with = |count: usize| {
            let mx: String = (0..count).map(|number| format!("mx: mx{number}.example\n")).collect();
            Policy::parse(format!("version: STSv1\nmode: enforce\nmax_age: 1\n{mx}").as_bytes())
        };
        assert_eq!(with(PATTERNS_MAX).map(|policy| policy.mx.iter().count()), Ok(PATTERNS_MAX));
        assert_eq!(with(PATTERNS_MAX + 1), Err(PolicyError::Line(4 + PATTERNS_MAX, Fault::TooMany)));
    }

    #[test]
    fn is_written_for_postfix() {
        let policy = Policy::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(policy.postfix_match(), "mx1.example.com:.example.net");
        assert!(policy.allows("mx1.example.com") && policy.allows("a.example.net"));
        assert!(
            !policy.allows("example.net") && !policy.allows("a.b.example.net") && !policy.allows("mx2.example.com")
        );
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(
            mode in prop_oneof![Just(Mode::Enforce), Just(Mode::Testing), Just(Mode::None)],
            mx in proptest::collection::hash_set("(\\*\\.)?[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){1,3}", 1..10),
            max_age in 0..=MAX_AGE_MAX.as_secs(),
        ) {
            let mx: Vec<_> = mx.iter().map(String::as_str).collect();
            let policy = policy(mode, &mx, max_age);
            let text = policy.to_string();
            prop_assert_eq!(Policy::parse(text.as_bytes()), Ok(policy.clone()));
            prop_assert_eq!(Policy::parse(text.replace('\n', "\r\n").as_bytes()), Ok(policy));
        }

        #[test]
        fn never_panics_and_never_exceeds_its_bounds(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(policy) = Policy::parse(&body) {
                prop_assert!(policy.max_age() <= MAX_AGE_MAX && policy.mx.iter().count() <= PATTERNS_MAX);
            }
        }
    }
}
