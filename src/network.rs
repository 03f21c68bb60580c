//! IP networks in CIDR form (RFC 4632, RFC 4291 section 2.3).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// One network: `192.0.2.0/24`, `2001:db8::/32`; an address alone is a network of its own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is no network, and what to write instead.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// No address.
    #[error("no IP network: write an address and a prefix length, as in 192.0.2.0/24 or 2001:db8::/32")]
    NoAddress,
    /// A prefix length that is no number or longer than the address.
    #[error("prefix length must be a number from 0 to {0}")]
    Prefix(u8),
    /// Bits are set after the prefix, so that it is not clear which network is meant.
    #[error("address bits are set after the prefix: write {0}")]
    HostBits(Network),
}

impl Network {
    /// Whether an address is in this network. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) counts as the IPv4
    /// address that it stands for.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => masked_v4(address, self.prefix) == network,
            (IpAddr::V6(network), IpAddr::V6(address)) => masked_v6(address, self.prefix) == network,
            _ => false,
        }
    }
}

fn masked_v4(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn masked_v6(address: Ipv6Addr, prefix: u8) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    Ipv6Addr::from_bits(address.to_bits() & mask)
}

impl From<IpAddr> for Network {
    /// The network of one address.
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `address/prefix` or `address`, an IPv6 address with brackets or without, as in Postfix's `mynetworks`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let address: IpAddr = bare.parse().map_err(|_| NetworkError::NoAddress)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= width).ok_or(NetworkError::Prefix(width))?
            }
            Some(_) => return Err(NetworkError::Prefix(width)),
        };
        // Addresses are compared in their canonical form, so a network of mapped addresses must be in it too.
        let (address, prefix) = match address.to_canonical() {
            IpAddr::V4(v4) if address.is_ipv6() && prefix >= 96 => (IpAddr::V4(v4), prefix - 96),
            _ => (address, prefix),
        };
        let network = match address {
            IpAddr::V4(v4) => IpAddr::V4(masked_v4(v4, prefix)),
            IpAddr::V6(v6) => IpAddr::V6(masked_v6(v6, prefix)),
        };
        let meant = Self { address: network, prefix };
        if network == address { Ok(meant) } else { Err(NetworkError::HostBits(meant)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
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
    fn contains_its_own_addresses_alone() {
        for (text, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("[::1]/128", "::1", "::2"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::1"),
            ("::ffff:192.0.2.0/120", "192.0.2.7", "192.0.3.7"),
        ] {
            assert!(network(text).contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network(text).contains(outside.parse().unwrap()), "{text} {outside}");
        }
    }

    #[test]
    fn says_what_to_write() {
        for (text, error) in [
            ("", NetworkError::NoAddress),
            ("example.dk", NetworkError::NoAddress),
            ("192.0.2/24", NetworkError::NoAddress),
            ("[192.0.2.0/24", NetworkError::NoAddress),
            ("192.0.2.0/33", NetworkError::Prefix(32)),
            ("192.0.2.0/", NetworkError::Prefix(32)),
            ("192.0.2.0/+8", NetworkError::Prefix(32)),
            ("::/129", NetworkError::Prefix(128)),
            ("127.0.0.1/8", NetworkError::HostBits(network("127.0.0.0/8"))),
        ] {
            assert_eq!(text.parse::<Network>(), Err(error), "{text}");
        }
        assert_eq!(
            "127.0.0.1/8".parse::<Network>().unwrap_err().to_string(),
            "address bits are set after the prefix: write 127.0.0.0/8"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,50}") {
            let _ = text.parse::<Network>();
        }

        #[test]
        fn what_is_shown_is_read_again(bits in any::<u128>(), prefix in 0u8..=128) {
            let network = Network { address: IpAddr::V6(masked_v6(Ipv6Addr::from_bits(bits), prefix)), prefix };
            prop_assume!(network.address.to_canonical() == network.address);
            prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
        }

        #[test]
        fn contains_agrees_with_counting_equal_bits(a in any::<u32>(), b in any::<u32>(), prefix in 0u8..=32) {
            let network = Network { address: IpAddr::V4(masked_v4(a.into(), prefix)), prefix };
            let equal_bits = (a ^ b).leading_zeros();
            prop_assert_eq!(network.contains(IpAddr::V4(b.into())), equal_bits >= u32::from(prefix));
        }
    }
}
