//! Addresses as trivial-rewrite(8) and cleanup(8) see them: taken apart, completed, quoted again for table lookups.

use super::Unresolved;

/// The longest address taken, in bytes (Postfix: `line_length_limit` 2048).
const ADDRESS_MAX: usize = 2048;

/// An address that is complete: with a domain, and the local part without quotes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Address {
    /// The local part, unquoted.
    pub(super) local: String,
    /// The domain, or an address literal in brackets.
    pub(super) domain: String,
}

/// How incomplete addresses are completed, and extensions cut off: parameters of main.cf.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// append_at_myorigin
    pub(super) append_at_myorigin: bool,
    /// append_dot_mydomain
    pub(super) append_dot_mydomain: bool,
    /// myorigin
    pub(super) origin: String,
    /// mydomain
    pub(super) mydomain: String,
    /// recipient_delimiter: each character is one.
    pub(super) delimiters: String,
    /// owner_request_special
    pub(super) owner_request_special: bool,
    /// double_bounce_sender
    pub(super) double_bounce_sender: String,
}

impl Address {
    /// Takes one address in the form of the SMTP envelope, with or without angle brackets.
    pub(super) fn parse(text: &str, rules: &Rules) -> Result<Self, Unresolved> {
        let bare = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
        Self::complete(bare, rules)
    }

    /// Takes the comma-separated addresses on the right side of an alias (virtual(5)).
    ///
    /// Of RFC 5322 that is less than Postfix reads: groups, comments and phrases without angle brackets are refused.
    pub(super) fn parse_list(text: &str, rules: &Rules) -> Result<Vec<Self>, Unresolved> {
        let wrong = || Unresolved(format!("alias result `{}` is not understood", text.escape_debug()));
        let elements = split_unquoted(text, ',').ok_or_else(wrong)?;
        let mut addresses = Vec::new();
        for element in elements.into_iter().map(str::trim).filter(|element| !element.is_empty()) {
            let bare = match split_unquoted(element, '<').ok_or_else(wrong)?.as_slice() {
                [bare] => *bare,
                [_phrase, bare] => bare.strip_suffix('>').ok_or_else(wrong)?,
                _ => return Err(wrong()),
            };
            addresses.push(Self::complete(bare, rules)?);
        }
        if addresses.is_empty() { Err(wrong()) } else { Ok(addresses) }
    }

    /// Unquotes, then completes as `rewrite_tree` does in the local context (`src/trivial-rewrite/rewrite.c`).
    fn complete(external: &str, rules: &Rules) -> Result<Self, Unresolved> {
        let wrong = |reason: &str| Err(Unresolved(format!("address `{}` {reason}", external.escape_debug())));
        if external.len() > ADDRESS_MAX {
            return Err(Unresolved(format!("address longer than {ADDRESS_MAX} bytes")));
        }
        if external.chars().any(char::is_control) {
            return wrong("has control characters");
        }
        let Some((local, domain)) = unquote(external) else {
            return wrong("is not understood");
        };
        if local.is_empty() {
            return wrong("has no local part");
        }
        let mut domain = match domain {
            Some(domain) => domain.to_owned(),
            None if local.contains(['@', '%', '!']) => return wrong("routes by its local part"),
            None if rules.append_at_myorigin && !rules.origin.is_empty() => rules.origin.clone(),
            None => return wrong("has no domain"),
        };
        if !domain.starts_with('[') {
            if rules.append_dot_mydomain && !domain.contains('.') && !rules.mydomain.is_empty() {
                domain = format!("{domain}.{}", rules.mydomain);
            }
            domain.truncate(domain.strip_suffix('.').unwrap_or(&domain).len());
        }
        if !valid_domain(&domain) {
            return wrong("has no valid domain");
        }
        Ok(Self { local, domain })
    }

    /// The domain in lower case, as match lists compare it.
    pub(super) fn folded_domain(&self) -> String {
        self.domain.to_lowercase()
    }

    /// Whether the domain is an address literal, `[192.0.2.1]`.
    pub(super) fn is_literal(&self) -> bool {
        self.domain.starts_with('[')
    }

    /// Whether the local part would route mail on, were the domain our own (`user%other.example@our.example`).
    pub(super) fn routes(&self) -> bool {
        self.local.contains(['@', '%', '!'])
    }

    /// Unquoted, as Postfix's internal form.
    pub(super) fn internal(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// Quoted where that is needed, as it stands in tables.
    pub(super) fn external(&self) -> String {
        format!("{}@{}", quote(&self.local), self.domain)
    }

    /// One and the same for Postfix's tables, which fold case.
    pub(super) fn folded(&self) -> String {
        self.internal().to_lowercase()
    }

    /// Without its extension, and the extension with its delimiter; `None` where there is none
    /// (`src/global/split_addr.c`).
    pub(super) fn split_extension(&self, rules: &Rules) -> Option<(Self, String)> {
        let is = |name: &str| !name.is_empty() && self.local.eq_ignore_ascii_case(name);
        if is("postmaster") || is("mailer-daemon") || is(&rules.double_bounce_sender) {
            return None;
        }
        let lower = self.local.to_ascii_lowercase();
        let of_a_list = lower.starts_with("owner-") || lower.strip_suffix("-request").is_some_and(|s| !s.is_empty());
        if rules.owner_request_special && rules.delimiters.contains('-') && of_a_list {
            return None;
        }
        let at = self.local.find(|c| rules.delimiters.contains(c)).filter(|at| *at > 0)?;
        let (bare, extension) = self.local.split_at(at);
        Some((Self { local: bare.to_owned(), domain: self.domain.clone() }, extension.to_owned()))
    }
}

/// Splits at a separator outside quotes; `None` for what is beyond us: an open quote, comments, groups, routes.
pub(super) fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | ')' | ';' => return None,
            _ if c == separator => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted && !escaped).then_some(parts)
}

/// The local part without quotes, and the domain after the last `@` outside quotes (`src/global/quote_822_local.c`);
/// `None` where specials of RFC 5322 stand outside quotes.
fn unquote(external: &str) -> Option<(String, Option<&str>)> {
    let (mut local, mut quoted, mut escaped, mut domain) = (String::new(), false, false, None);
    for (at, c) in external.char_indices() {
        if escaped {
            escaped = false;
            local.push(c);
            continue;
        }
        match c {
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => local.push(c),
            // A second one makes the domain invalid.
            '@' => {
                domain = Some(&external[at + 1..]);
                break;
            }
            '<' | '>' | '(' | ')' | ',' | ';' | ':' | '[' | ']' => return None,
            _ if c.is_whitespace() => return None,
            _ => local.push(c),
        }
    }
    (!quoted && !escaped).then_some((local, domain))
}

/// The local part as it stands in tables: as it is when it is a dot-string, else quoted.
pub(super) fn quote(local: &str) -> String {
    let special = |c: char| c == ' ' || c.is_ascii_control() || "()<>@,;:\\\"[]".contains(c);
    let dot_string = !(local.is_empty()
        || local.starts_with('.')
        || local.ends_with('.')
        || local.contains("..")
        || local.contains(special));
    if dot_string {
        return local.to_owned();
    }
    let escaped: String = local
        .chars()
        .flat_map(|c| matches!(c, '"' | '\\' | '\r').then_some('\\').into_iter().chain(std::iter::once(c)))
        .collect();
    format!("\"{escaped}\"")
}

/// A host name or a literal that Postfix would take (`src/util/valid_hostname.c`, `src/global/valid_mailhost_addr.c`).
fn valid_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']')) {
        let v6 = literal.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("ipv6:")).map(|_| &literal[5..]);
        return match v6 {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => literal.parse::<std::net::Ipv4Addr>().is_ok(),
        };
    }
    // All digits and dots is an address without brackets, which Postfix refuses or brackets by resolve_numeric_domain.
    let numeric = domain.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || !c.is_ascii();
    !numeric && domain.len() <= 255 && domain.split('.').all(|label| !label.is_empty() && label.chars().all(letter))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(in super::super) fn rules() -> Rules {
        Rules {
            append_at_myorigin: true,
            append_dot_mydomain: false,
            origin: "mx.example".into(),
            mydomain: "example".into(),
            delimiters: "+-".into(),
            owner_request_special: true,
            double_bounce_sender: "double-bounce".into(),
        }
    }

    #[test]
    fn takes_addresses_apart_and_completes_them() {
        for (text, expected) in [
            ("<a@b.example>", Some("a@b.example")),
            ("a@B.example.", Some("a@B.example")),
            ("a", Some("a@mx.example")),
            ("\"a b\"@c.example", Some("\"a b\"@c.example")),
            ("\"a@b\"@c.example", Some("\"a@b\"@c.example")),
            ("\"a\\\"b\"@c.example", Some("\"a\\\"b\"@c.example")),
            ("\"plain\"@c.example", Some("plain@c.example")),
            ("æ@rødgrød.example", Some("æ@rødgrød.example")),
            ("a!b@c.example", Some("a!b@c.example")),
            ("a@[192.0.2.1]", Some("a@[192.0.2.1]")),
            ("a@[IPv6:2001:db8::1]", Some("a@[IPv6:2001:db8::1]")),
            ("a@localhost", Some("a@localhost")),
            ("", None),
            ("<>", None),
            ("@b.example", None),
            ("@x.example:a@b.example", None),
            ("a@b@c.example", None),
            ("a!b", None),
            ("a%b", None),
            ("\"a@b\"", None),
            ("\"a@b.example", None),
            ("a b@c.example", None),
            ("a@b..example", None),
            ("a@", None),
            ("a@b c.example", None),
            ("a@192.0.2.1", None),
            ("a@[192.0.2]", None),
            ("a@[example.dk]", None),
            ("a\n@b.example", None),
            ("a\\", None),
        ] {
            let address = Address::parse(text, &rules()).ok().map(|address| address.external());
            assert_eq!(address.as_deref(), expected, "{text}");
        }
        let dotted = Rules { append_dot_mydomain: true, ..rules() };
        assert_eq!(Address::parse("a@host", &dotted).unwrap().external(), "a@host.example");
        assert!(Address::parse("a", &Rules { append_at_myorigin: false, ..rules() }).is_err());
        assert!(Address::parse(&format!("{}@b.example", "a".repeat(ADDRESS_MAX)), &rules()).is_err());
    }

    #[test]
    fn reads_lists_of_aliases() {
        for (text, expected) in [
            ("a@b.example", Some("a@b.example")),
            ("a@b.example, c ,,d@e.example,", Some("a@b.example c@mx.example d@e.example")),
            ("Somebody <a@b.example>, \"x, y\" <c@d.example>", Some("a@b.example c@d.example")),
            ("\"a, b\"@c.example", Some("\"a, b\"@c.example")),
            ("", None),
            (" , ", None),
            ("a@b.example c@d.example", None),
            ("a@b.example (comment)", None),
            ("list: a@b.example;", None),
            (":include:/x", None),
            ("\"|program arguments\"", Some("\"|program arguments\"@mx.example")),
            ("<a@b.example> x", None),
            ("<a@b.example", None),
            ("\"open, a@b.example", None),
            ("a@b.example, <>", None),
        ] {
            let addresses = Address::parse_list(text, &rules()).ok();
            let addresses = addresses.map(|all| all.iter().map(Address::external).collect::<Vec<_>>().join(" "));
            assert_eq!(addresses.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn cuts_extensions_as_postfix_does() {
        for (local, expected) in [
            ("user+ext", Some(("user", "+ext"))),
            ("user+a+b", Some(("user", "+a+b"))),
            ("user-x+y", Some(("user", "-x+y"))),
            ("user+", Some(("user", "+"))),
            ("+x", None),
            ("user", None),
            ("owner-list", None),
            ("List-Request", None),
            ("-request", None),
            ("mailer-daemon", None),
            ("double-bounce", None),
        ] {
            let address = Address { local: local.into(), domain: "b.example".into() };
            let split = address.split_extension(&rules());
            let split = split.as_ref().map(|(bare, extension)| (bare.local.as_str(), extension.as_str()));
            assert_eq!(split, expected, "{local}");
        }
    }

    proptest! {
        #[test]
        fn quoting_is_undone_by_unquoting(local in "[ -~æø]{1,20}") {
            let address = Address { local: local.clone(), domain: "b.example".into() };
            let again = Address::parse(&address.external(), &rules());
            prop_assert_eq!(again.ok(), Some(address));
        }

        #[test]
        fn nothing_is_too_strange_to_be_refused(text in "\\PC{0,40}") {
            let _ = Address::parse(&text, &rules());
            let _ = Address::parse_list(&text, &rules());
        }
    }
}
