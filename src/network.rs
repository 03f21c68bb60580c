//! IP networks in CIDR form (RFC 4632, RFC 4291 section 2.3), as administrators write them.

use serde::Deserialize;
use std::{fmt, net::IpAddr, str::FromStr};

/// An IP network: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq)]
#[serde(try_from = "String")]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

/// Why a text is no network; names the text and what to write instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// No IP address before the slash.
    #[error("`{0}` is no network: write an address and a prefix length, as in \"192.0.2.0/24\" or \"2001:db8::/32\"")]
    Malformed(String),
    /// A prefix length that the address family does not have.
    #[error("`{text}` is no network: the prefix length of this address is 0 to {longest}")]
    Prefix {
        /// What was written.
        text: String,
        /// The longest there is.
        longest: u8,
    },
    /// Bits beyond the prefix are set, so that it is not clear what was meant.
    #[error("`{text}` has bits beyond its prefix: write \"{network}\" for the network, or the address alone")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that it lies in.
        network: Network,
    },
    /// An IPv4 network in IPv6 dress.
    #[error("`{0}` is IPv4 mapped to IPv6: write the IPv4 network")]
    Mapped(String),
}

impl Network {
    /// Whether the address lies in this network. An IPv4-mapped IPv6 address counts as the IPv4 address that it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => (base.to_bits() ^ address.to_bits()) & self.mask_v4() == 0,
            (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits() ^ address.to_bits()) & self.mask_v6() == 0,
            _ => false,
        }
    }

    fn mask_v4(&self) -> u32 {
        u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0)
    }

    fn mask_v6(&self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0)
    }

    fn truncated(self) -> Self {
        let base = match self.base {
            IpAddr::V4(base) => IpAddr::V4((base.to_bits() & self.mask_v4()).into()),
            IpAddr::V6(base) => IpAddr::V6((base.to_bits() & self.mask_v6()).into()),
        };
        Self { base, ..self }
    }
}

impl From<IpAddr> for Network {
    /// The network of one address.
    fn from(address: IpAddr) -> Self {
        let base = address.to_canonical();
        Self { base, prefix: if base.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `address/length` or `address`; an IPv6 address may stand in brackets, as in Postfix's `mynetworks`.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let malformed = || NetworkError::Malformed(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let base: IpAddr = match bare {
            Some(inner) => IpAddr::V6(inner.parse().map_err(|_| malformed())?),
            None => address.parse().map_err(|_| malformed())?,
        };
        if base.to_canonical() != base {
            return Err(NetworkError::Mapped(text.to_owned()));
        }
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match length {
            None => longest,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|prefix| *prefix <= longest)
                .ok_or_else(|| NetworkError::Prefix { text: text.to_owned(), longest })?,
            Some(_) => return Err(malformed()),
        };
        let network = Self { base, prefix };
        if network.truncated() != network {
            return Err(NetworkError::HostBits { text: text.to_owned(), network: network.truncated() });
        }
        Ok(network)
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn contains_its_addresses_and_no_others() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.6/31", "192.0.2.7", "192.0.2.8"),
            ("[2001:db8::]/32", "2001:db8:ffff::", "2001:db9::"),
            ("::1/128", "::1", "::2"),
        ] {
            assert!(network(text).contains(inside.parse().unwrap()), "{inside} in {text}");
            assert!(!network(text).contains(outside.parse().unwrap()), "{outside} in {text}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_to_write() {
        for (text, said) in [
            ("", "write an address"),
            ("10/8", "write an address"),
            ("10.0.0.0/", "write an address"),
            ("10.0.0.0/+8", "write an address"),
            ("10.0.0.0/33", "0 to 32"),
            ("::/129", "0 to 128"),
            ("::/4294967296", "0 to 128"),
            ("10.0.0.1/8", "write \"10.0.0.0/8\""),
            ("2001:db8::1/32", "write \"2001:db8::/32\""),
            ("::ffff:10.0.0.0/104", "write the IPv4 network"),
            ("[10.0.0.0]/8", "write an address"),
        ] {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(text), "{error}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_counting_addresses(base: u32, prefix in 0u8..=32, address: u32) {
            let size = 1u64 << (32 - prefix);
            let first = u64::from(base) / size * size;
            let network = Network { base: IpAddr::V4((first as u32).into()), prefix };
            let inside = (first..first + size).contains(&u64::from(address));
            prop_assert_eq!(network.contains(IpAddr::V4(address.into())), inside);
            prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
        }

        #[test]
        fn never_panics(text in "[0-9a-f:./\\[\\]]{0,24}") {
            let _ = text.parse::<Network>();
        }
    }
}
