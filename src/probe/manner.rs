//! How Postfix contacts destinations, as far as it decides what comes of it: a probe that did otherwise would tell of a
//! server that Postfix never speaks with.

use super::inquiry::TLS_PORT;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How destinations are contacted. The default is how Postfix does it where its configuration says nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manner {
    /// The name given in EHLO (`smtp_helo_name`), where the probe's own configuration has none.
    pub helo: String,
    /// Whether IPv4 is used (`inet_protocols`).
    pub ipv4: bool,
    /// Whether IPv6 is.
    pub ipv6: bool,
    /// Whether IPv6 goes before IPv4 (`smtp_address_preference`), where not all addresses are looked at.
    pub ipv6_first: bool,
    /// The address from which IPv4 connections are made (`smtp_bind_address`); `None`: the system's choice.
    pub source4: Option<Ipv4Addr>,
    /// The same for IPv6 (`smtp_bind_address6`).
    pub source6: Option<Ipv6Addr>,
    /// Whether there is no connection from any other address (`smtp_bind_address_enforce`).
    pub source_enforced: bool,
    /// Whether MX records are asked for (not where `disable_dns_lookups`, `smtp_dns_support_level` say so).
    pub uses_mx: bool,
    /// Where the addresses of hosts are found (`smtp_host_lookup`).
    pub host_lookup: HostLookup,
    /// Where TLS begins without STARTTLS (`smtp_tls_wrappermode`).
    pub wrapper: Wrapper,
    /// Whether STARTTLS counts as not offered (`smtp_discard_ehlo_keywords`).
    pub discards_starttls: bool,
    /// Whether TLSA records are checked (`smtp_dns_support_level` and what goes with it): only then do they prove or refute a
    /// server.
    pub checks_dane: bool,
    /// Whether there are certificate authorities to verify the names of an MTA-STS policy by (`smtp_tls_CApath`).
    pub has_authorities: bool,
    /// Why nothing that a probe finds could be said of Postfix; nobody is contacted then.
    pub cannot_vouch: Option<String>,
}

/// Where the addresses of hosts are found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HostLookup {
    /// In DNS.
    Dns,
    /// In DNS, and where that has none as for [`Self::Native`].
    DnsThenNative,
    /// As the system finds them, /etc/hosts included (nsswitch.conf(5)).
    Native,
}

/// Where TLS begins without STARTTLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wrapper {
    /// Nowhere: what listens at port 465 is not understood.
    Never,
    /// At port 465: transports differ, and such a server is of use to one of them only. Whichever delivers to a server of
    /// the other kind delivers nothing, in clear or otherwise.
    TlsPort,
    /// Everywhere.
    Always,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            helo: String::new(),
            ipv4: true,
            ipv6: true,
            ipv6_first: false,
            source4: None,
            source6: None,
            source_enforced: false,
            uses_mx: true,
            host_lookup: HostLookup::Dns,
            wrapper: Wrapper::Never,
            discards_starttls: false,
            checks_dane: true,
            has_authorities: true,
            cannot_vouch: None,
        }
    }
}

impl Manner {
    /// Whether an address is of a family that is used.
    pub(super) fn uses(&self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.ipv4 } else { self.ipv6 }
    }

    /// Sorts addresses in the order in which they are contacted, those that are not at the end.
    pub(super) fn sort(&self, addresses: &mut [IpAddr]) {
        addresses.sort_by_key(|address| (!self.uses(*address), address.is_ipv6() != self.ipv6_first));
    }

    /// The address from which this one is contacted; `None`: the system's choice.
    pub(super) fn source(&self, address: IpAddr) -> Option<IpAddr> {
        if address.is_ipv4() { self.source4.map(IpAddr::V4) } else { self.source6.map(IpAddr::V6) }
    }

    /// Whether TLS begins at once at this port.
    pub(super) fn wraps(&self, port: u16) -> bool {
        match self.wrapper {
            Wrapper::Never => false,
            Wrapper::TlsPort => port == TLS_PORT,
            Wrapper::Always => true,
        }
    }
}

/// Who knows how Postfix contacts destinations now; its configuration may change while this program runs.
pub trait Manners: Send + Sync {
    /// How it does so now. Asked at the beginning of each inquiry.
    fn manner(&self) -> Manner;
}

/// It never changes.
impl Manners for Manner {
    fn manner(&self) -> Manner {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_used_come_first_then_those_preferred() {
        let all: Vec<IpAddr> =
            ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"].map(|text| text.parse().unwrap()).to_vec();
        let [a, b, c, d] = all[..] else { panic!() };
        for (ipv4, ipv6, ipv6_first, expected) in [
            (true, true, false, [a, c, b, d]),
            (true, true, true, [b, d, a, c]),
            (true, false, true, [a, c, b, d]),
            (false, true, false, [b, d, a, c]),
        ] {
            let manner = Manner { ipv4, ipv6, ipv6_first, ..Manner::default() };
            let mut sorted = all.clone();
            manner.sort(&mut sorted);
            assert_eq!(sorted, expected, "{ipv4} {ipv6} {ipv6_first}");
        }
    }

    #[test]
    fn where_tls_begins_at_once() {
        for (wrapper, expected) in
            [(Wrapper::Never, [false, false]), (Wrapper::TlsPort, [false, true]), (Wrapper::Always, [true, true])]
        {
            let manner = Manner { wrapper, ..Manner::default() };
            assert_eq!([25, 465].map(|port| manner.wraps(port)), expected, "{wrapper:?}");
        }
    }
}
