//! Which addresses a probe may contact.
//!
//! Whoever writes to us, or is written to, chooses the MX record that is asked for; it must not make this host
//! knock on doors that only this host can reach. So only addresses of the public internet are contacted (the IANA
//! special-purpose address registries, RFC 6890), and those that the administrator has listed.

use crate::network::Network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address that is not contacted, and why.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Refusal {
    /// One of this host's own.
    #[error("{0} is an address of this host")]
    Own(IpAddr),
    /// Not of the public internet.
    #[error(
        "{address} is {kind} and is not contacted; if mail goes there, add \"{}\" to allow-private in [probe]",
        Network::from(*address)
    )]
    NotPublic {
        /// The address.
        address: IpAddr,
        /// What kind of address it is.
        kind: &'static str,
    },
}

/// Whether an address may not be contacted, given this host's own addresses and the administrator's list, which
/// goes before everything else.
pub(super) fn refusal(address: IpAddr, own: &[IpAddr], allowed: &[Network]) -> Option<Refusal> {
    let canonical = address.to_canonical();
    if allowed.iter().any(|network| network.contains(canonical)) {
        return None;
    }
    if let Some(kind) = special(canonical) {
        return Some(Refusal::NotPublic { address: canonical, kind });
    }
    own.iter().any(|own| own.to_canonical() == canonical).then_some(Refusal::Own(canonical))
}

/// The kind of a special-purpose address; `None` for one of the public internet.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "an address of \"this network\"",
        [127, ..] => "a loopback address",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [100, 64..=127, ..] => "a carrier's shared address",
        [169, 254, ..] => "a link-local address",
        [192, 0, 0, _] => "a protocol assignment",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "a documentation address",
        [192, 88, 99, _] => "a 6to4 relay address",
        [198, 18..=19, ..] => "a benchmarking address",
        [224..=239, ..] => "a multicast address",
        [255, 255, 255, 255] => "the broadcast address",
        [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let embedded = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "the unspecified address",
        [0, 0, 0, 0, 0, 0, 0, 1] => "a loopback address",
        // Mapped, or translated by NAT64 (RFC 6052): the IPv4 address within is the one contacted.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            return special_v4(embedded(high, low));
        }
        [0x64, 0xff9b, 1, ..] => "a local translation address",
        [0xfc00..=0xfdff, ..] => "a private address",
        [0xfe80..=0xfebf, ..] => "a link-local address",
        [0xfec0..=0xfeff, ..] => "a site-local address",
        [0xff00..=0xffff, ..] => "a multicast address",
        [0x2001, 0, ..] => "a Teredo address",
        [0x2001, 2, 0, ..] => "a benchmarking address",
        [0x2001, 0x10..=0x2f, ..] => "an ORCHID",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => "a documentation address",
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => return special_v4(embedded(high, low)),
        [0x2000..=0x3fff, ..] => return None,
        // Only 2000::/3 is global unicast (IANA IPv6 address space); ::/96 held the IPv4-compatible addresses.
        _ => "a reserved address",
    })
}

/// The addresses of this host's interfaces.
///
/// # Errors
/// What getifaddrs(3) said.
pub(super) fn own() -> std::io::Result<Vec<IpAddr>> {
    let interfaces = nix::ifaddrs::getifaddrs()?;
    Ok(interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_what_is_not_of_the_public_internet() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.5",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "::192.0.2.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:2f::1",
            "2001:db8::1",
            "3fff::1",
            "2002:a00:1::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "5f00::1",
            "4000::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            let refused = refusal(address(text), &[], &[]);
            assert!(matches!(refused, Some(Refusal::NotPublic { .. })), "{text}: {refused:?}");
        }
    }

    #[test]
    fn contacts_the_public_internet() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:4860:4860::8888",
            "2002:808:808::1",
            "2a00:1450::1",
            "2001:db7::",
            "2001:db9::",
            "2001:30::1",
            "2000::",
            "3ffe::1",
        ] {
            assert_eq!(refusal(address(text), &[], &[]), None, "{text}");
        }
    }

    #[test]
    fn the_administrators_list_goes_before_all_else() {
        let allowed: Vec<Network> = vec!["10.1.0.0/16".parse().unwrap(), "::1/128".parse().unwrap()];
        let own = [address("10.1.0.1"), address("8.8.8.8")];
        assert_eq!(refusal(address("10.1.2.3"), &[], &allowed), None);
        assert_eq!(refusal(address("::ffff:10.1.2.3"), &[], &allowed), None);
        assert_eq!(refusal(address("10.1.0.1"), &own, &allowed), None);
        assert_eq!(refusal(address("::1"), &own, &allowed), None);
        assert!(refusal(address("10.2.0.1"), &[], &allowed).is_some());
        // An IPv6 address that hides a listed IPv4 address is not thereby listed.
        assert!(refusal(address("64:ff9b::10.1.2.3"), &[], &allowed).is_some());
    }

    #[test]
    fn refuses_our_own_addresses_in_either_form() {
        let own = [address("8.8.8.8"), address("2a00::1")];
        assert_eq!(refusal(address("::ffff:8.8.8.8"), &own, &[]), Some(Refusal::Own(address("8.8.8.8"))));
        assert_eq!(refusal(address("2a00::1"), &own, &[]), Some(Refusal::Own(address("2a00::1"))));
        assert_eq!(refusal(address("2a00::2"), &own, &[]), None);
    }

    #[test]
    fn names_the_entry_to_write() {
        let said = refusal(address("10.0.0.5"), &[], &[]).unwrap().to_string();
        assert!(said.contains("add \"10.0.0.5/32\" to allow-private"), "{said}");
        let said = refusal(address("fd00::1"), &[], &[]).unwrap().to_string();
        assert!(said.contains("add \"fd00::1/128\" to allow-private"), "{said}");
    }

    #[test]
    fn finds_this_hosts_addresses() {
        assert!(own().unwrap().contains(&address("127.0.0.1")));
    }

    proptest! {
        // The standard library's own predicates, where they are stable, are the oracle.
        #[test]
        fn refuses_whatever_the_standard_library_knows_as_special(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_unspecified() {
                prop_assert!(special_v4(v4).is_some());
                prop_assert!(special(IpAddr::V6(v4.to_ipv6_mapped())).is_some());
            }
        }

        #[test]
        fn refuses_whatever_the_standard_library_knows_as_special_v6(top in 0xfc00u16..=0xffff, rest: [u16; 7]) {
            let v6 = Ipv6Addr::new(top, rest[0], rest[1], rest[2], rest[3], rest[4], rest[5], rest[6]);
            if v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast() {
                prop_assert!(special_v6(v6).is_some());
            }
        }
    }
}
