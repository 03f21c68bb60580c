//! The TXT records at `_mta-sts.DOMAIN`, which say that there is a policy, and which one (RFC 8461 section 3.1).

use std::fmt;

/// The longest identifier of a policy, in characters.
const ID_MAX: usize = 32;

/// What the record begins with: its version.
const VERSION: &[u8] = b"v=STSv1";

/// Why the records of a domain name no policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum NoRecord {
    /// None of them is of MTA-STS.
    None,
    /// More than one is, so that none of them counts.
    Several(usize),
    /// The one that is cannot be read.
    Malformed(Fault),
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// A field is not `name=value`, or holds characters that none may.
    Field,
    /// The identifier is not of 1 to 32 letters and digits.
    Id,
    /// There is no identifier.
    NoId,
}

impl fmt::Display for NoRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no MTA-STS record"),
            Self::Several(count) => write!(f, "{count} MTA-STS records instead of one"),
            Self::Malformed(fault) => write!(f, "malformed MTA-STS record: {fault}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Field => "a field is not name=value",
            Self::Id => "its id is not of 1 to 32 letters and digits",
            Self::NoId => "it has no id",
        })
    }
}

/// The identifier of the policy that a domain announces, out of all TXT records at the name, the strings of each put
/// together.
///
/// A record counts where it begins with `v=STSv1` and a semicolon, with or without white space between, which the text
/// of the section leaves out and its grammar allows.
///
/// # Errors
/// Where senders are to take it that there is no policy: there is not exactly one such record, or it does not follow the
/// grammar. None of that ends a policy that is already held (section 3.3).
pub(crate) fn announced<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Result<String, NoRecord> {
    let mut fields = records.into_iter().filter_map(after_version);
    let Some(first) = fields.next() else { return Err(NoRecord::None) };
    match fields.count() {
        0 => id(first).map_err(NoRecord::Malformed),
        more => Err(NoRecord::Several(more + 1)),
    }
}

/// The fields of a record of MTA-STS, `None` for any other.
fn after_version(record: &[u8]) -> Option<&[u8]> {
    trim_start(record.strip_prefix(VERSION)?).strip_prefix(b";")
}

/// `fields = *WSP field *(*WSP ";" *WSP field) [*WSP ";" *WSP]`, in any order. Of a name that comes twice the first counts
/// (section 3.2, of both record and policy).
fn id(fields: &[u8]) -> Result<String, Fault> {
    let mut fields: Vec<&[u8]> = fields.split(|byte| *byte == b';').collect();
    // White space stands around semicolons, of which one may end the record.
    let last = fields.pop().map(trim_start).filter(|last| !last.is_empty());
    let mut found = None;
    for field in fields.into_iter().map(|field| trim_end(trim_start(field))).chain(last) {
        let equals = field.iter().position(|byte| *byte == b'=').ok_or(Fault::Field)?;
        let (name, value) = (&field[..equals], &field[equals + 1..]);
        if name == b"id" && found.is_none() {
            found = Some(text_of_id(value).ok_or(Fault::Id)?);
        } else if !is_name(name) || !is_value(value) {
            return Err(Fault::Field);
        }
    }
    found.ok_or(Fault::NoId)
}

fn text_of_id(value: &[u8]) -> Option<String> {
    let fits = (1..=ID_MAX).contains(&value.len()) && value.iter().all(u8::is_ascii_alphanumeric);
    fits.then(|| value.iter().copied().map(char::from).collect())
}

/// `(ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".")`.
fn is_name(name: &[u8]) -> bool {
    name.len() <= 32
        && name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
}

/// `1*(%x21-3A / %x3C / %x3E-7E)`: printable, without space, semicolon and equals sign.
fn is_value(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| byte.is_ascii_graphic() && !b";=".contains(byte))
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_space(*byte)).unwrap_or(bytes.len());
    &bytes[start..]
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// `WSP` of RFC 5234.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Result<String, NoRecord> {
        announced([text.as_bytes()])
    }

    #[test]
    fn reads_the_identifier() {
        let longest = "a".repeat(ID_MAX);
        for (text, expected) in [
            ("v=STSv1; id=20160831085700Z;", "20160831085700Z"),
            ("v=STSv1;id=a", "a"),
            ("v=STSv1; \t id=20160831085700Z  \t; ", "20160831085700Z"),
            ("v=STSv1 ;\tid=a", "a"),
            ("v=STSv1; more=x:<y>; id=a; a.b-c_d=2", "a"),
            ("v=STSv1; id=a; id=b", "a"),
            ("v=STSv1; id=a; id=not-one", "a"),
            ("v=STSv1; ID=b; id=a", "a"),
            (&format!("v=STSv1; id={longest}"), &longest),
        ] {
            assert_eq!(of(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_malformed_is_told() {
        let long_id = format!("v=STSv1; id={}", "a".repeat(ID_MAX + 1));
        let long_name = format!("v=STSv1; id=a; {}=1", "a".repeat(33));
        for (text, fault) in [
            ("v=STSv1;", Fault::NoId),
            ("v=STSv1; ", Fault::NoId),
            ("v=STSv1; ext=1", Fault::NoId),
            ("v=STSv1; Id=a", Fault::NoId),
            ("v=STSv1; id=", Fault::Id),
            ("v=STSv1; id=a=b", Fault::Id),
            ("v=STSv1; id=a b", Fault::Id),
            ("v=STSv1; id=a; more=b ", Fault::Field),
            ("v=STSv1; id=test-123", Fault::Id),
            ("v=STSv1; id=not-one; id=a", Fault::Id),
            (&long_id, Fault::Id),
            ("v=STSv1; id", Fault::Field),
            ("v=STSv1;;", Fault::Field),
            ("v=STSv1;; id=a", Fault::Field),
            ("v=STSv1; id=a;;", Fault::Field),
            ("v=STSv1; id=a ", Fault::Id),
            ("v=STSv1; id =a", Fault::Field),
            ("v=STSv1; id=a; more=", Fault::Field),
            ("v=STSv1; id=a; more=b c", Fault::Field),
            ("v=STSv1; id=a; more==", Fault::Field),
            ("v=STSv1; id=a; 1%=a", Fault::Field),
            ("v=STSv1; id=a; _x=a", Fault::Field),
            ("v=STSv1; id=a; more=\u{e6}", Fault::Field),
            ("v=STSv1; id=a;\r\n", Fault::Field),
            (&long_name, Fault::Field),
        ] {
            assert_eq!(of(text), Err(NoRecord::Malformed(fault)), "{text:?}");
        }
    }

    #[test]
    fn exactly_one_counts_and_others_do_not_disturb_it() {
        let (spf, sts, other): (&[u8], &[u8], &[u8]) = (b"v=spf1 -all", b"v=STSv1; id=a", b"v=STSv1; id=b");
        let records = |texts: &[&'static [u8]]| announced(texts.iter().copied());
        assert_eq!(records(&[]), Err(NoRecord::None));
        assert_eq!(records(&[spf]), Err(NoRecord::None));
        assert_eq!(records(&[spf, sts, b"\xff\x00"]), Ok("a".to_owned()));
        assert_eq!(records(&[sts, other]), Err(NoRecord::Several(2)));
        assert_eq!(records(&[sts, sts, spf, b"v=STSv1;?"]), Err(NoRecord::Several(3)));
        // Not of this version, so not one of them.
        for stranger in
            ["v=STSv1", "v=STSv10; id=b", "v=STSv2; id=b", "V=STSv1; id=b", " v=STSv1; id=b", "v = STSv1; id=b"]
        {
            assert_eq!(of(stranger), Err(NoRecord::None), "{stranger}");
            assert_eq!(announced([stranger.as_bytes(), sts]), Ok("a".to_owned()), "{stranger}");
        }
    }

    #[test]
    fn says_why_in_words() {
        for (none, said) in [
            (NoRecord::None, "no MTA-STS record"),
            (NoRecord::Several(2), "2 MTA-STS records instead of one"),
            (NoRecord::Malformed(Fault::NoId), "malformed MTA-STS record: it has no id"),
        ] {
            assert_eq!(none.to_string(), said);
        }
    }

    proptest! {
        #[test]
        fn whatever_follows_the_grammar_is_read(
            id in "[a-zA-Z0-9]{1,32}",
            before in proptest::collection::vec("[a-z][a-z0-9_.-]{0,31}=[!-:<>-~]{1,20}", 0..4),
            after in proptest::collection::vec("[A-Z][a-z0-9_.-]{0,31}=[!-:<>-~]{1,20}", 0..4),
            delimiter in "[ \t]{0,3};[ \t]{0,3}",
            end: bool,
        ) {
            prop_assume!(before.iter().all(|field| !field.starts_with("id=")));
            let mut fields = vec!["v=STSv1".to_owned()];
            fields.extend(before);
            fields.push(format!("id={id}"));
            fields.extend(after);
            let record = fields.join(&delimiter) + if end { &delimiter } else { "" };
            prop_assert_eq!(announced([record.as_bytes()]), Ok(id));
        }

        #[test]
        fn what_is_read_is_an_identifier(rest in "[ -~\t]{0,40}") {
            if let Ok(id) = announced([format!("v=STSv1;{rest}").as_bytes()]) {
                prop_assert!((1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
                let field = format!("id={id}");
                prop_assert!(rest.contains(&field));
            }
        }
    }
}
