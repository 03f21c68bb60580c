//! What the hosts of a destination amount to: pure.
//!
//! One host with TLS is enough: Postfix at level `encrypt` passes over a host without it and tries the next
//! (Postfix `src/smtp/smtp_connect.c`). That no host has it is said only when every host that exists has answered.

use super::{Capability, HostDane, HostReport, HostState, Proof, StsPolicy};

/// Holds hosts to an MTA-STS policy in force, as Postfix is told to: it delivers to none whose certificate does not prove
/// that it is one of those that the policy names (RFC 8461 section 4).
pub(super) fn hold(hosts: &mut [HostReport], policy: &StsPolicy) {
    for host in hosts.iter_mut() {
        host.in_policy = policy.allows(&host.host);
        if host.state == HostState::Tls && !(host.verified && host.in_policy) {
            host.state = HostState::PolicyMismatch;
            let why = match (host.in_policy, host.error.take()) {
                (false, _) => "MTA-STS: the policy does not name it".to_owned(),
                (true, Some(error)) => format!("MTA-STS: {error}"),
                (true, None) => "MTA-STS: its certificate was not looked at".to_owned(),
            };
            host.error = Some(why);
        }
    }
}

/// Folds what the hosts said into one verdict; `complete` is whether these are all the addresses that there are,
/// `dane_proves` whether a certificate that matches TLSA records proves anything: MX records are secure, and Postfix
/// sees what DNSSEC says.
///
/// `Authenticated` by PKIX needs a certificate that verifies for the host's name *and* a name that can be relied on
/// ([`HostReport::name_proven`]): a certificate for a name learnt from an unsigned MX record proves nothing.
pub(super) fn fold(hosts: &[HostReport], complete: bool, dane_proves: bool) -> Capability {
    let best = |proven: &dyn Fn(&HostReport) -> bool| {
        let encrypted = hosts.iter().filter(|host| host.state == HostState::Tls);
        encrypted.filter(|host| proven(host)).filter_map(|host| host.tls).max()
    };
    if let Some(version) = best(&|host| dane_proves && host.dane == HostDane::Matches) {
        return Capability::Authenticated { how: Proof::Dane, version };
    }
    if let Some(version) = best(&|host| host.verified && host.in_policy) {
        return Capability::Authenticated { how: Proof::MtaSts, version };
    }
    if let Some(version) = best(&|host| host.verified && host.name_proven) {
        return Capability::Authenticated { how: Proof::Pkix, version };
    }
    if let Some(version) = best(&|_| true) {
        return Capability::Encrypted { version };
    }
    let reason = |state| summary(hosts, state);
    let open = [HostState::DaneMismatch, HostState::PolicyMismatch, HostState::Unknown, HostState::Refused];
    if let Some(reason) = open.into_iter().find_map(reason) {
        return Capability::Unknown { reason };
    }
    if !complete {
        return Capability::Unknown {
            reason: "it has more mail servers than are looked at, and none of those seen has TLS".to_owned(),
        };
    }
    if let Some(reason) = reason(HostState::Cleartext) {
        return Capability::Cleartext { reason };
    }
    if let Some(reason) = reason(HostState::NoRoute).or_else(|| reason(HostState::Ourselves)) {
        return Capability::Unknown { reason };
    }
    let reason = reason(HostState::Absent).unwrap_or_else(|| "it has no mail server".to_owned());
    Capability::Undeliverable { reason }
}

/// The first host in this state and why, and how many more there are; `None` when there is none.
fn summary(hosts: &[HostReport], state: HostState) -> Option<String> {
    let mut concerned = hosts.iter().filter(|host| host.state == state);
    let first = concerned.next()?;
    let address = first.address.map(|address| format!("[{address}]")).unwrap_or_default();
    let error = first.error.as_deref().unwrap_or("no TLS");
    let more = match concerned.count() {
        0 => String::new(),
        count => format!(" (and {count} more)"),
    };
    Some(format!("{}{address}: {error}{more}", first.host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::TlsVersion::{self, V1_2, V1_3};
    use HostState::{Absent, Cleartext, DaneMismatch, NoRoute, Ourselves, PolicyMismatch, Refused, Tls, Unknown};
    use proptest::prelude::*;

    fn host(state: HostState) -> HostReport {
        HostReport {
            host: "mx.example".to_owned(),
            address: Some([192, 0, 2, 1].into()),
            state,
            starttls: None,
            tls: None,
            key_exchange: None,
            verified: false,
            name_proven: false,
            in_policy: false,
            dane: HostDane::Unknown,
            error: Some(format!("{state:?}")),
        }
    }

    fn tls(version: TlsVersion, verified: bool, name_proven: bool) -> HostReport {
        HostReport { tls: Some(version), verified, name_proven, ..host(Tls) }
    }

    fn word(hosts: &[HostReport]) -> &'static str {
        fold(hosts, true, true).word()
    }

    #[test]
    fn one_host_with_tls_is_enough() {
        for others in [Cleartext, Absent, Ourselves, NoRoute, Refused, Unknown, DaneMismatch, PolicyMismatch] {
            assert_eq!(
                fold(&[host(others), tls(V1_2, false, true)], true, true),
                Capability::Encrypted { version: V1_2 }
            );
        }
        assert_eq!(
            fold(&[tls(V1_2, false, true), tls(V1_3, false, true)], true, true),
            Capability::Encrypted { version: V1_3 }
        );
    }

    #[test]
    fn proof_needs_a_certificate_and_a_name_to_rely_on() {
        assert_eq!(fold(&[tls(V1_3, true, false)], true, true), Capability::Encrypted { version: V1_3 });
        assert_eq!(fold(&[tls(V1_3, false, true)], true, true), Capability::Encrypted { version: V1_3 });
        assert_eq!(
            fold(&[tls(V1_3, false, true), tls(V1_2, true, true)], true, true),
            Capability::Authenticated { how: Proof::Pkix, version: V1_2 }
        );
    }

    #[test]
    fn dane_goes_before_certificates_where_it_proves_anything() {
        let dane = |dane, host| HostReport { dane, ..host };
        let matches = dane(HostDane::Matches, tls(V1_2, false, true));
        let certified = tls(V1_3, true, true);
        let authenticated = |how, version| Capability::Authenticated { how, version };
        let both = [certified.clone(), matches.clone()];
        assert_eq!(fold(&both, true, true), authenticated(Proof::Dane, V1_2));
        assert_eq!(fold(&both, true, false), authenticated(Proof::Pkix, V1_3));
        assert_eq!(fold(&[matches], true, false), Capability::Encrypted { version: V1_2 });
        for weak in [HostDane::Unusable, HostDane::Absent, HostDane::Unknown] {
            assert_eq!(fold(&[dane(weak, certified.clone())], true, true), authenticated(Proof::Pkix, V1_3));
            let encrypted = Capability::Encrypted { version: V1_3 };
            assert_eq!(fold(&[dane(weak, tls(V1_3, false, true))], true, true), encrypted);
        }
        // Whatever its certificate proves otherwise.
        let mismatch = HostReport { state: DaneMismatch, dane: HostDane::Mismatch, ..certified };
        let Capability::Unknown { reason } = fold(std::slice::from_ref(&mismatch), true, true) else { panic!() };
        assert!(reason.contains("mx.example[192.0.2.1]"), "{reason}");
        let other = tls(V1_2, false, true);
        assert_eq!(fold(&[mismatch, other], true, true), Capability::Encrypted { version: V1_2 });
    }

    #[test]
    fn an_mta_sts_policy_holds_hosts_to_its_names() {
        let text = "version: STSv1\nmode: enforce\nmx: mx.example\nmx: *.wild.example\nmax_age: 86400\n";
        let policy = serde_json::json!({ "id": "1", "policy": text, "fetched": 1 });
        let policy: StsPolicy = serde_json::from_value(policy).unwrap();
        for (name, state, verified, expected, how) in [
            ("mx.example", Tls, true, Tls, Some(Proof::MtaSts)),
            ("a.wild.example", Tls, true, Tls, Some(Proof::MtaSts)),
            ("mx.example", Tls, false, PolicyMismatch, None),
            ("other.example", Tls, true, PolicyMismatch, None),
            ("mx.example", Cleartext, false, Cleartext, None),
            ("mx.example", DaneMismatch, true, DaneMismatch, None),
        ] {
            let tls = (state == Tls).then_some(V1_3);
            let mut hosts = [HostReport { host: name.to_owned(), tls, verified, ..host(state) }];
            hold(&mut hosts, &policy);
            assert_eq!(hosts[0].state, expected, "{name} {verified}");
            let capability = fold(&hosts, true, true);
            assert_eq!(
                how,
                matches!(&capability, Capability::Authenticated { .. }).then_some(Proof::MtaSts),
                "{capability:?}"
            );
        }
    }

    #[test]
    fn without_tls_the_least_certain_host_decides() {
        for (states, expected) in [
            (vec![Cleartext], "cleartext"),
            (vec![Cleartext, Cleartext], "cleartext"),
            (vec![Cleartext, Absent], "cleartext"),
            (vec![Cleartext, NoRoute], "cleartext"),
            (vec![Cleartext, Ourselves], "cleartext"),
            (vec![Cleartext, Unknown], "unknown"),
            (vec![Cleartext, Refused], "unknown"),
            (vec![Absent, Unknown], "unknown"),
            (vec![Refused, Refused], "unknown"),
            (vec![NoRoute], "unknown"),
            (vec![Ourselves], "unknown"),
            (vec![Absent, Ourselves], "unknown"),
            (vec![Absent, NoRoute], "unknown"),
            (vec![DaneMismatch], "unknown"),
            (vec![DaneMismatch, Cleartext], "unknown"),
            (vec![PolicyMismatch], "unknown"),
            (vec![PolicyMismatch, Cleartext], "unknown"),
            (vec![DaneMismatch, Absent], "unknown"),
            (vec![Absent], "undeliverable"),
            (vec![], "undeliverable"),
        ] {
            let hosts: Vec<_> = states.iter().copied().map(host).collect();
            assert_eq!(word(&hosts), expected, "{states:?}");
        }
        assert_eq!(fold(&[host(Cleartext)], false, true).word(), "unknown");
        assert_eq!(fold(&[host(Absent)], false, true).word(), "unknown");
        assert_eq!(fold(&[tls(V1_3, false, false)], false, true).word(), "encrypted");
    }

    #[test]
    fn names_the_host_and_how_many_more() {
        let Capability::Unknown { reason } = fold(&[host(Refused), host(Unknown), host(Unknown)], true, true) else {
            panic!("not unknown");
        };
        assert_eq!(reason, "mx.example[192.0.2.1]: Unknown (and 1 more)");
    }

    fn any_host() -> impl Strategy<Value = HostReport> {
        let state = prop::sample::select(vec![
            Tls,
            DaneMismatch,
            PolicyMismatch,
            Cleartext,
            Absent,
            Ourselves,
            NoRoute,
            Refused,
            Unknown,
        ]);
        (state, prop::sample::select(vec![V1_2, V1_3]), any::<bool>(), any::<bool>()).prop_map(
            |(state, version, verified, proven)| {
                if state == Tls { tls(version, verified, proven) } else { host(state) }
            },
        )
    }

    proptest! {
        #[test]
        fn the_order_of_hosts_changes_no_verdict(mut hosts in prop::collection::vec(any_host(), 0..8), complete: bool) {
            let there = fold(&hosts, complete, true).word();
            hosts.reverse();
            prop_assert_eq!(there, fold(&hosts, complete, true).word());
        }

        #[test]
        fn never_says_cleartext_or_undeliverable_when_anything_is_open(
            hosts in prop::collection::vec(any_host(), 0..8), complete: bool
        ) {
            let open = !complete || hosts.iter().any(|host| matches!(host.state, Unknown | Refused | Tls | DaneMismatch | PolicyMismatch));
            if open {
                prop_assert!(!matches!(fold(&hosts, complete, true).word(), "cleartext" | "undeliverable"));
            }
        }

        #[test]
        fn one_more_host_never_takes_tls_away(hosts in prop::collection::vec(any_host(), 0..8), another in any_host()) {
            let rank = |hosts: &[HostReport]| ["encrypted", "authenticated"].iter().position(|w| *w == word(hosts));
            let before = rank(&hosts);
            let mut more = hosts;
            more.push(another);
            prop_assert!(rank(&more) >= before);
        }
    }
}
