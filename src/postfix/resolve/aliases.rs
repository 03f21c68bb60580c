//! The right side of an alias (aliases(5)), and the lines of a file that it includes (`src/local/token.c`).

use super::{
    Unresolved,
    address::{Address, Rules, split_unquoted},
};

/// What an alias sends mail to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// Another address.
    Address(Address),
    /// `|program argument…`: the program.
    Command(String),
    /// A file on this host.
    File,
    /// `:include:/path`: a file of further targets.
    Include(String),
}

/// Reads comma-separated targets. Less than Postfix reads: comments, groups and white space where no quotes are around it
/// are refused.
pub(super) fn targets(text: &str, rules: &Rules) -> Result<Vec<Target>, Unresolved> {
    // An alias may hold somebody's address, which is nothing for a log.
    let wrong = || Unresolved("an alias is not understood".to_owned());
    let mut targets = Vec::new();
    for element in split_unquoted(text, ',').ok_or_else(wrong)?.into_iter().map(str::trim) {
        if element.is_empty() {
            continue;
        }
        let (path_like, spaced) = match element.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(quoted) => (unescape(quoted).ok_or_else(wrong)?, false),
            None => (element.to_owned(), element.contains(char::is_whitespace)),
        };
        let include = path_like.get(..INCLUDE.len()).filter(|start| start.eq_ignore_ascii_case(INCLUDE));
        let target = match path_like.chars().next() {
            Some('|' | '/' | '~') | None if spaced => return Err(wrong()),
            Some('|') => Target::Command(path_like[1..].split_whitespace().next().unwrap_or_default().to_owned()),
            Some('/' | '~') => Target::File,
            _ if include.is_some() && spaced => return Err(wrong()),
            _ if include.is_some() => Target::Include(path_like[INCLUDE.len()..].trim_matches('"').to_owned()),
            _ => {
                targets.extend(Address::parse_list(element, rules)?.into_iter().map(Target::Address));
                continue;
            }
        };
        targets.push(target);
    }
    Ok(targets)
}

const INCLUDE: &str = ":include:";

/// The lines of an included file that hold targets.
pub(super) fn included(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

/// What stands between quotes; `None` where a quote in it ends them.
fn unescape(quoted: &str) -> Option<String> {
    let (mut text, mut escaped) = (String::new(), false);
    for c in quoted.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                text.push(c);
            }
            '\\' => escaped = true,
            '"' => return None,
            _ => text.push(c),
        }
    }
    (!escaped).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{super::address::tests::rules, *};
    use proptest::prelude::*;

    fn shown(text: &str) -> Option<String> {
        let show = |target: &Target| match target {
            Target::Address(address) => address.external(),
            Target::Command(program) => format!("|{program}"),
            Target::File => "file".to_owned(),
            Target::Include(path) => format!("<{path}"),
        };
        Some(targets(text, &rules()).ok()?.iter().map(show).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn reads_what_aliases_hold() {
        for (text, expected) in [
            ("bo", Some("bo@mx.example")),
            ("bo, eva@x.example,,Ib <ib@y.example>", Some("bo@mx.example eva@x.example ib@y.example")),
            ("\\bo", Some("bo@mx.example")),
            ("\"|/usr/bin/list post 'a, b' (c)\", bo", Some("|/usr/bin/list bo@mx.example")),
            ("|/usr/bin/list", Some("|/usr/bin/list")),
            ("\"| /usr/bin/list x\"", Some("|/usr/bin/list")),
            ("/var/mail/archive", Some("file")),
            ("\"/var/mail/two words\"", Some("file")),
            ("~/mail", Some("file")),
            (":include:/etc/list, bo", Some("</etc/list bo@mx.example")),
            ("\":INCLUDE:/etc/a list\"", Some("</etc/a list")),
            (":include:\"/etc/list\"", Some("</etc/list")),
            ("\"a b\"@x.example", Some("\"a b\"@x.example")),
            ("", Some("")),
            (" , ", Some("")),
            ("bo eva", None),
            ("|/usr/bin/list post", None),
            ("/var/mail/a bo@x.example", None),
            (":include:/etc/list bo", None),
            ("bo (comment)", None),
            ("\"open, bo", None),
            ("\"a\" \"b\"", None),
            ("list: bo;", None),
        ] {
            assert_eq!(shown(text).as_deref(), expected, "{text}");
        }
        let lines: Vec<&str> = included("# no\nbo\n eva, ib\n\n#x\n").collect();
        assert_eq!(lines, ["bo", " eva, ib", ""]);
    }

    proptest! {
        #[test]
        fn nothing_is_too_strange_to_be_refused(text in "\\PC{0,40}") {
            let _ = targets(&text, &rules());
        }

        #[test]
        fn addresses_are_read_as_in_other_tables(text in "[a-z\"\\\\@. <>,]{0,30}") {
            let ours: Option<Vec<_>> = targets(&text, &rules()).ok().and_then(|targets| {
                targets.into_iter().map(|t| if let Target::Address(a) = t { Some(a) } else { None }).collect()
            });
            if let Some(ours) = ours.filter(|ours| !ours.is_empty()) {
                prop_assert_eq!(Some(ours), Address::parse_list(&text, &rules()).ok());
            }
        }
    }
}
