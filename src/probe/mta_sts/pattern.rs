//! The names that a policy allows its mail servers (RFC 8461 sections 3.2 and 4.1).

use std::{borrow::Cow, fmt};

/// The longest domain name, in characters (RFC 1035 section 2.3.4).
const NAME_MAX: usize = 253;

/// The longest label of one.
const LABEL_MAX: usize = 63;

/// One `mx` of a policy: `mx.example.com`, or `*.example.com`, in lower case. It consists of letters, digits, hyphens and
/// dots behind the asterisk, so that it can stand in a line of Postfix's.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Pattern<'a>(Cow<'a, str>);

/// The patterns of one policy, in one text, since of many domains they are held in memory: separated by what no pattern has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Patterns(Box<str>);

/// What separates patterns, and names in Postfix's `match=`.
const SEPARATOR: char = ':';

impl Patterns {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Pattern<'_>> {
        self.0.split(SEPARATOR).filter(|text| !text.is_empty()).map(|text| Pattern(Cow::Borrowed(text)))
    }

    /// Writes them as Postfix's `match=`: see [`super::policy::Policy::postfix_match`].
    pub(super) fn postfix_match(&self) -> String {
        // An asterisk is the first label of a wildcard, and nowhere else.
        self.0.chars().filter(|c| *c != '*').collect()
    }
}

impl<'a> FromIterator<Pattern<'a>> for Patterns {
    fn from_iter<I: IntoIterator<Item = Pattern<'a>>>(patterns: I) -> Self {
        let mut text = String::new();
        for pattern in patterns {
            if !text.is_empty() {
                text.push(SEPARATOR);
            }
            text.push_str(&pattern.0);
        }
        Self(text.into())
    }
}

impl Pattern<'_> {
    /// Reads `["*."] Domain`, Domain as in RFC 5321 section 4.1.2; `None` for anything else. An asterisk may stand for the
    /// whole first label only. A single label is refused too: nothing on the internet has such a name, and Postfix would
    /// read some of them (`hostname`, `nexthop`) as what they say (`smtp_tls_secure_cert_match`).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (wildcard, domain) = parts(text);
        let fits = text.len() <= NAME_MAX && domain.split('.').all(is_label) && (wildcard || domain.contains('.'));
        fits.then(|| Self(Cow::Owned(text.to_ascii_lowercase())))
    }

    /// Whether it allows an MX host: `*.example.com` allows `mx.example.com`, and neither `example.com` nor
    /// `a.mx.example.com` (section 4.1). A trailing dot of the host does not count.
    pub(crate) fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match parts(&self.0) {
            (false, domain) => host.eq_ignore_ascii_case(domain),
            (true, domain) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain))
            }
        }
    }
}

/// Whether it stands for every name with one label more, and the domain.
fn parts(text: &str) -> (bool, &str) {
    text.strip_prefix("*.").map_or((false, text), |domain| (true, domain))
}

/// `Let-dig [Ldh-str]` (RFC 5321 section 4.1.2).
fn is_label(label: &str) -> bool {
    (1..=LABEL_MAX).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Pattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_what_is_a_pattern() {
        let longest_label = format!("{}.example", "a".repeat(LABEL_MAX));
        for good in ["mx.example.com", "*.example.com", "MX-1.Example.COM", "*.test", "1.2.example", &longest_label] {
            assert_eq!(Pattern::parse(good).map(|p| p.to_string()), Some(good.to_ascii_lowercase()), "{good}");
        }
        let long_label = format!("{}.example", "a".repeat(LABEL_MAX + 1));
        let long_name = "a.".repeat(126) + "ab";
        for bad in [
            "",
            ".",
            "*",
            "*.",
            "**.example",
            "*.*.example",
            "a.*.example",
            "mx*.example.com",
            "*mx.example.com",
            ".example.com",
            "example.com.",
            "a..b",
            "-a.example",
            "a-.example",
            "a_b.example",
            "m\u{f8}x.example",
            "mx.example.com:25",
            "[192.0.2.1]",
            "2001:db8::1",
            "a b.example",
            "hostname",
            "nexthop",
            "dot-nexthop",
            "mx",
            "mx.example.com\n",
            "a/b.example",
            &long_label,
            &long_name,
        ] {
            assert_eq!(Pattern::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_wildcard_is_one_label() {
        for (pattern, host, expected) in [
            ("mx.example.com", "mx.example.com", true),
            ("mx.example.com", "MX.Example.Com.", true),
            ("mx.example.com", "a.mx.example.com", false),
            ("mx.example.com", "mx.example.com.evil.example", false),
            ("*.example.com", "mail.example.com", true),
            ("*.Example.com", "MAIL.example.com.", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "foo.bar.example.com", false),
            ("*.example.com", "mailexample.com", false),
            ("*.example.com", "", false),
            ("*.example.com", ".", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(host), expected, "{pattern} {host}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_reads_as_it_is_written(text in "(\\*\\.)?[a-zA-Z0-9.-]{1,30}") {
            if let Some(pattern) = Pattern::parse(&text) {
                prop_assert_eq!(Pattern::parse(&pattern.to_string()), Some(pattern.clone()));
                let element = Patterns::from_iter([pattern.clone()]).postfix_match();
                prop_assert!(element.contains('.') && !element.contains(['*', ':', ' ', ',', '\n']));
            }
        }

        #[test]
        fn a_wildcard_allows_its_domain_with_a_label(domain in "[a-z]{1,5}(\\.[a-z]{1,5}){0,3}", label in "[a-z0-9]{1,5}") {
            let pattern = Pattern::parse(&format!("*.{domain}")).unwrap();
            let host = format!("{label}.{domain}");
            prop_assert!(pattern.matches(&host));
            prop_assert!(!pattern.matches(&domain) || domain.split_once('.').is_some_and(|(_, rest)| rest == domain));
            let deeper = format!("x.{host}");
            prop_assert!(!pattern.matches(&deeper));
        }
    }
}
