//! One TOML value -> what it stands for, or what is wrong with it and what to write instead.

use super::{duration, size};
use crate::{nexthop::Destination, printable::Printable};
use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};
use toml::de::DeValue;

/// A value, or what is wrong with it.
pub(super) type Parsed<T> = Result<T, String>;

/// Longest text of the administrator's that is repeated in a fault, in characters.
const QUOTED_MAX: usize = 60;

/// The text between backticks, on one line and of bounded length.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_MAX) {
        None => format!("`{}`", Printable(text)),
        Some((end, _)) => format!("`{}…`", Printable(&text[..end])),
    }
}

/// What a value is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    }
}

pub(super) fn mismatch(wanted: &str, value: &DeValue<'_>) -> String {
    format!("must be {wanted}, not {}", kind(value))
}

/// Any text.
pub(super) fn text<'a>(value: &'a DeValue<'_>) -> Parsed<&'a str> {
    value.as_str().ok_or_else(|| mismatch("text in quotes", value))
}

/// Text of one line, at most `max` bytes.
pub(super) fn line(value: &DeValue<'_>, max: usize) -> Parsed<String> {
    let text = text(value)?;
    if text.len() > max {
        return Err(format!("must not be longer than {max} bytes, and this has {}", text.len()));
    }
    match text.chars().any(char::is_control) {
        true => Err("must be one line without control characters".to_owned()),
        false => Ok(text.to_owned()),
    }
}

pub(super) fn boolean(value: &DeValue<'_>) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| mismatch("true or false, without quotes", value))
}

/// A whole number in a range.
pub(super) fn number<T>(value: &DeValue<'_>, range: RangeInclusive<T>) -> Parsed<T>
where
    T: TryFrom<i128> + PartialOrd + std::fmt::Display,
{
    let integer = value.as_integer().ok_or_else(|| mismatch("a whole number without quotes", value))?;
    let parsed =
        i128::from_str_radix(integer.as_str(), integer.radix()).ok().and_then(|number| T::try_from(number).ok());
    parsed.filter(|number| range.contains(number)).ok_or_else(|| {
        format!("must be between {} and {}, not {}", range.start(), range.end(), quoted(integer.as_str()))
    })
}

/// A duration in a range; `why` says why the range is what it is, and may be empty.
pub(super) fn duration(value: &DeValue<'_>, range: RangeInclusive<Duration>, why: &str) -> Parsed<Duration> {
    let wanted = "a whole number and ms, s, m, h or d in quotes, as in \"90s\"";
    let text = value.as_str().ok_or_else(|| mismatch(wanted, value))?;
    let parsed = duration::parse(text).ok_or_else(|| format!("must be {wanted}, not {}", quoted(text)))?;
    if range.contains(&parsed) {
        return Ok(parsed);
    }
    let (least, most) = (duration::written(*range.start()), duration::written(*range.end()));
    let because = if why.is_empty() { String::new() } else { format!(": {why}") };
    Err(format!("must be between {least} and {most}, not {}{because}", quoted(text)))
}

/// A size in bytes in a range.
pub(super) fn bytes(value: &DeValue<'_>, range: RangeInclusive<u64>) -> Parsed<usize> {
    let wanted = "a number of bytes, or text as in \"100MiB\"";
    let (parsed, written) = match value {
        DeValue::String(text) => (size::parse(text), &**text),
        DeValue::Integer(integer) => (u64::from_str_radix(integer.as_str(), integer.radix()).ok(), integer.as_str()),
        other => return Err(mismatch(wanted, other)),
    };
    let parsed = parsed.ok_or_else(|| format!("must be {wanted} (KiB, MiB, GiB), not {}", quoted(written)))?;
    if !range.contains(&parsed) {
        let (least, most) = (size::written(*range.start()), size::written(*range.end()));
        return Err(format!("must be between {least} and {most}, not {}", quoted(written)));
    }
    usize::try_from(parsed).map_err(|_| format!("{} is more than this machine can address", quoted(written)))
}

/// Words that stand for the values of an enumeration.
pub(super) trait Word: Copy + 'static {
    /// Every word and its value.
    const WORDS: &'static [(&'static str, Self)];
}

pub(super) fn word<W: Word>(value: &DeValue<'_>) -> Parsed<W> {
    let all = || W::WORDS.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let text = value.as_str().ok_or_else(|| mismatch(&format!("one of {}", all()), value))?;
    let known = W::WORDS.iter().find(|(word, _)| *word == text);
    known.map(|(_, value)| *value).ok_or_else(|| format!("must be one of {}, not {}", all(), quoted(text)))
}

/// The absolute path of a file or directory.
pub(super) fn path(value: &DeValue<'_>) -> Parsed<PathBuf> {
    let text = text(value)?;
    if text.contains('\0') {
        return Err("a path cannot hold a null character".to_owned());
    }
    match text.starts_with('/') {
        true => Ok(PathBuf::from(text)),
        false => Err(format!("must be an absolute path, not {}", quoted(text))),
    }
}

/// An absolute path, or an empty text for none.
pub(super) fn optional_path(value: &DeValue<'_>) -> Parsed<Option<PathBuf>> {
    match text(value)? {
        "" => Ok(None),
        _ => path(value).map(Some),
    }
}

/// `address` or `address:port` with 53 as the port where none is given; an IPv6 address with a port in brackets.
pub(super) fn name_server(value: &DeValue<'_>) -> Parsed<SocketAddr> {
    let text = text(value)?;
    let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
    let address = address.ok().or_else(|| text.parse().ok()).filter(|address| address.port() != 0);
    address.ok_or_else(|| {
        format!(
            "{}: write an address, or address:port, as in \"192.0.2.1\", \"192.0.2.1:53\", \"[2001:db8::1]:53\"",
            quoted(text)
        )
    })
}

/// Longest domain name in its text form, in bytes (RFC 1035 section 2.3.4).
const DOMAIN_MAX: usize = 253;
/// Longest label, in bytes (RFC 1035 section 2.3.4).
const LABEL_MAX: usize = 63;

/// A domain name in the form in which next-hops are compared: lower case, A-labels, no trailing dot.
pub(super) fn domain(text: &str) -> Parsed<String> {
    let refuse = |why: &str| Err(format!("{} is no domain: {why}", quoted(text)));
    if text.contains('@') {
        return refuse("write what stands after the @");
    }
    if text.contains('*') {
        return refuse("write a leading dot for every subdomain, as in \".example.org\"");
    }
    if text.contains(['[', ']', ':', '/']) {
        return refuse("write the name alone, without brackets, port or scheme");
    }
    let folded = match Destination::new(text) {
        Ok(folded) if text.trim() == text => folded,
        _ => return refuse("write a name as in \"example.org\""),
    };
    let name = folded.as_str();
    let label_is_valid = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > DOMAIN_MAX || !name.split('.').all(label_is_valid) {
        return refuse("write a name of letters, digits and hyphens, as in \"example.org\"");
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return refuse("an address is none");
    }
    Ok(name.to_owned())
}
