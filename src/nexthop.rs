//! Postfix next-hops, which are what TLS policies and pins are keyed by.
//!
//! A next-hop is the recipient's domain, or verbatim what `transport_maps` or `relayhost` say, brackets and port
//! included (`[relay.example]:587`); relayhost and transport tables may give a list, and Postfix then asks for
//! the policy of each element (Postfix `src/smtp/smtp_connect.c`).

use serde::{Serialize, Serializer};
use std::{fmt, sync::Arc};

/// One next-hop, folded so that each way of writing it is the same key: lower case, internationalised labels as
/// A-labels, no trailing dot; brackets and port kept.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Destination(Arc<str>);

/// The longest next-hop taken, in bytes; Postfix's socketmap client sends keys up to 10,000, no host name is
/// longer than 255.
pub const DESTINATION_MAX: usize = 1024;

/// A destination that is not to be understood as a next-hop.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DestinationError {
    /// Nothing, or only white space and separators.
    #[error("empty next-hop")]
    Empty,
    /// Longer than [`DESTINATION_MAX`].
    #[error("next-hop longer than {DESTINATION_MAX} bytes")]
    TooLong,
    /// Control characters or white space inside.
    #[error("next-hop with a control character or white space")]
    IllegalCharacter,
}

impl Destination {
    /// Folds one next-hop (no list).
    pub fn new(nexthop: &str) -> Result<Self, DestinationError> {
        let nexthop = nexthop.trim();
        if nexthop.is_empty() {
            return Err(DestinationError::Empty);
        }
        if nexthop.len() > DESTINATION_MAX {
            return Err(DestinationError::TooLong);
        }
        if nexthop.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(DestinationError::IllegalCharacter);
        }
        Ok(Self(fold(nexthop)))
    }

    /// Splits what Postfix gives as next-hop (`{rcpt_host}`, `relayhost`, `smtp_fallback_relay`) into its elements:
    /// Postfix separates them by commas and white space (CHARS_COMMA_SP in `src/util/sys_defs.h`).
    pub fn split(nexthops: &str) -> Result<Vec<Self>, DestinationError> {
        let elements = nexthops.split([',', ' ', '\t', '\r', '\n']).filter(|element| !element.is_empty());
        let destinations = elements.map(Self::new).collect::<Result<Vec<_>, _>>()?;
        if destinations.is_empty() { Err(DestinationError::Empty) } else { Ok(destinations) }
    }

    /// The folded key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Postfix looks MX records up for it: a name without brackets (smtp(8), transport(5)).
    pub fn uses_mx(&self) -> bool {
        !self.0.starts_with('[')
    }

    /// The host or domain without brackets, `IPv6:` prefix and port.
    pub fn host(&self) -> &str {
        split_port(&self.0).0
    }

    /// The port or service name, where one is given.
    pub fn port(&self) -> Option<&str> {
        split_port(&self.0).1
    }
}

/// Splits `[host]:port`, `host:port`, `[ipv6:addr]`, `[addr]` and `host`.
fn split_port(key: &str) -> (&str, Option<&str>) {
    if let Some(rest) = key.strip_prefix('[') {
        let (host, after) = rest.split_once(']').unwrap_or((rest, ""));
        return (host.strip_prefix("ipv6:").unwrap_or(host), after.strip_prefix(':').filter(|port| !port.is_empty()));
    }
    match key.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !host.contains(':') => (host, Some(port).filter(|p| !p.is_empty())),
        _ => (key, None),
    }
}

fn fold(nexthop: &str) -> Arc<str> {
    let (host, _) = split_port(nexthop);
    // As most are written, and every lookup comes by here.
    if !host.ends_with('.') && nexthop.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return nexthop.into();
    }
    let start = host.as_ptr() as usize - nexthop.as_ptr() as usize;
    let (before, after) = (&nexthop[..start], &nexthop[start + host.len()..]);
    // A name that IDNA refuses is kept in lower case: it is then at least the same key each time.
    let folded = match host.is_ascii() {
        true => host.to_ascii_lowercase(),
        false => idna::domain_to_ascii(host).unwrap_or_else(|_| host.to_lowercase()),
    };
    let folded = match folded.trim_end_matches('.') {
        "" => folded.as_str(),
        relative => relative,
    };
    format!("{}{folded}{}", before.to_ascii_lowercase(), after.to_ascii_lowercase()).into()
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Destination {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(nexthop: &str) -> String {
        Destination::new(nexthop).unwrap().as_str().to_owned()
    }

    #[test]
    fn folds_every_way_of_writing_to_one_key() {
        for (written, folded) in [
            ("Example.DK", "example.dk"),
            ("example.dk.", "example.dk"),
            ("[Relay.Example]:587", "[relay.example]:587"),
            ("[relay.example.]:Submission", "[relay.example]:submission"),
            ("rødgrød.example", "xn--rdgrd-vuad.example"),
            ("RØDGRØD.example", "xn--rdgrd-vuad.example"),
            ("[rødgrød.example]:25", "[xn--rdgrd-vuad.example]:25"),
            ("[IPv6:2001:DB8::1]:25", "[ipv6:2001:db8::1]:25"),
            ("host.example:25", "host.example:25"),
            ("[192.0.2.1]", "[192.0.2.1]"),
        ] {
            assert_eq!(key(written), folded, "{written}");
        }
    }

    #[test]
    fn splits_host_and_port() {
        for (written, host, port, mx) in [
            ("example.dk", "example.dk", None, true),
            ("example.dk:26", "example.dk", Some("26"), true),
            ("[example.dk]", "example.dk", None, false),
            ("[example.dk]:smtp", "example.dk", Some("smtp"), false),
            ("[IPv6:2001:db8::1]:25", "2001:db8::1", Some("25"), false),
            ("[2001:db8::1]", "2001:db8::1", None, false),
        ] {
            let destination = Destination::new(written).unwrap();
            assert_eq!((destination.host(), destination.port(), destination.uses_mx()), (host, port, mx), "{written}");
        }
    }

    #[test]
    fn splits_lists_as_postfix_does() {
        let list = Destination::split("[a.example]:587, B.example\tc.example,").unwrap();
        let keys: Vec<_> = list.iter().map(Destination::as_str).collect();
        assert_eq!(keys, ["[a.example]:587", "b.example", "c.example"]);
        assert_eq!(Destination::split(" , "), Err(DestinationError::Empty));
    }

    #[test]
    fn refuses_what_is_no_nexthop() {
        assert_eq!(Destination::new(""), Err(DestinationError::Empty));
        assert_eq!(Destination::new("a b"), Err(DestinationError::IllegalCharacter));
        assert_eq!(Destination::new("a\0b"), Err(DestinationError::IllegalCharacter));
        assert_eq!(Destination::new(&"a".repeat(DESTINATION_MAX + 1)), Err(DestinationError::TooLong));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{1,40}") {
            if let Ok(once) = Destination::new(&text)
                && let Ok(twice) = Destination::new(once.as_str()) {
                    prop_assert_eq!(once, twice);
                }
        }
    }
}
