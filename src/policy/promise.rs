//! What a destination's publications promise, to a Postfix that can or cannot check it.

use super::in_force::InForce;
use crate::{
    nexthop::Destination,
    probe::{MtaSts, Published, Tlsa},
};

/// What a destination publishes of the TLS of its mail servers, as far as this Postfix can hold it to that.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Promise {
    /// Nothing.
    Nothing,
    /// TLSA records (RFC 7672), and MX records that DNSSEC secures. (TLSA records behind insecure MX records promise nothing:
    /// Postfix's `dane` then checks the records of whatever host the MX record names, and no policy asks for that and for
    /// TLS at once.)
    Dane(Extent),
    /// TLSA records, or an MTA-STS policy in force, that this Postfix cannot check: that there is TLS is known all the same.
    Unchecked(Extent),
    /// An MTA-STS policy in force (RFC 8461).
    MtaSts {
        /// The names that certificates must bear, as the `match` attribute has them.
        names: String,
    },
    /// Of some hosts it is not to be told now, and why. Postfix, which can check it, asks again host by host.
    SomeUnknown(String),
    /// Not to be told now, and why.
    Unknown(String),
}

/// How far a destination's hosts have TLSA records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// Every host that has addresses has some that can be used.
    EveryHost,
    /// Some have.
    SomeHosts,
    /// There are records, none of which can be used: they ask for TLS without proof (RFC 7672 section 2.2).
    Unusable,
}

/// What was published, as far as a Postfix can hold a destination to it. DANE comes before MTA-STS wherever it can be checked
/// (RFC 8461 section 2), and what cannot be told is never taken for nothing.
pub fn promise(published: &Published, in_force: &InForce) -> Promise {
    let dane_usable = in_force.dane_usable && published.postfix_sees_dane != Some(false);
    let extent = match &published.tlsa {
        Tlsa::Present { mx_secure: true, every_host: true } => Some(Extent::EveryHost),
        Tlsa::Present { mx_secure: true, every_host: false } => Some(Extent::SomeHosts),
        Tlsa::Unusable { mx_secure: true } => Some(Extent::Unusable),
        Tlsa::SomeUnknown { reason, others_bound } => {
            let sees = published.postfix_sees_dane == Some(true);
            return match &published.mta_sts {
                MtaSts::Unknown { reason } => Promise::Unknown(reason.clone()),
                _ if dane_usable && !sees => Promise::Unknown(reason.clone()),
                // As where it is known that some have none: only those that have records may get the mail.
                MtaSts::Policy(policy) if dane_usable && policy.is_enforced() => Promise::Dane(Extent::EveryHost),
                _ if dane_usable => Promise::SomeUnknown(reason.clone()),
                MtaSts::Policy(policy) if policy.is_enforced() => enforced(&policy.names(), in_force),
                // Whatever the unknown ones have, what is asked without DANE is asked of all or of none.
                _ if *others_bound => Promise::Unchecked(Extent::EveryHost),
                _ => Promise::Nothing,
            };
        }
        Tlsa::Unknown { reason } => return Promise::Unknown(reason.clone()),
        // Where the resolver hides DNSSEC, Postfix behind it sees no records either.
        Tlsa::Present { mx_secure: false, .. }
        | Tlsa::Unusable { mx_secure: false }
        | Tlsa::Absent
        | Tlsa::Unsupported => None,
    };
    match (extent, &published.mta_sts) {
        // What only some hosts have, or nobody can use, leaves the others to the policy. No level asks for both: of some
        // hosts' records and the policy's names the records, since DANE goes before.
        (Some(Extent::SomeHosts), MtaSts::Policy(policy)) if dane_usable && policy.is_enforced() => {
            Promise::Dane(Extent::EveryHost)
        }
        (Some(Extent::Unusable), MtaSts::Policy(policy))
            if dane_usable && policy.is_enforced() && in_force.has_authorities =>
        {
            Promise::MtaSts { names: policy.names() }
        }
        (Some(Extent::EveryHost), _) if dane_usable => Promise::Dane(Extent::EveryHost),
        // There may be a policy that asks more of the hosts that have no records, or none that can be used.
        (_, MtaSts::Unknown { reason }) => Promise::Unknown(reason.clone()),
        (Some(extent), _) if dane_usable => Promise::Dane(extent),
        (_, MtaSts::Policy(policy)) if policy.is_enforced() => enforced(&policy.names(), in_force),
        (Some(extent), _) => Promise::Unchecked(extent),
        (None, _) => Promise::Nothing,
    }
}

/// An MTA-STS policy in force, to a Postfix that can or cannot verify certificates.
fn enforced(names: &str, in_force: &InForce) -> Promise {
    match in_force.has_authorities {
        true => Promise::MtaSts { names: names.to_owned() },
        false => Promise::Unchecked(Extent::EveryHost),
    }
}

/// What Postfix is told of the policy behind [`Promise::MtaSts`] for its reports on TLS.
pub fn report(published: &Published, destination: &Destination) -> Option<String> {
    match &published.mta_sts {
        MtaSts::Policy(policy) => Some(policy.report(destination.host())),
        MtaSts::Absent { .. } | MtaSts::Unknown { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls_policy::{CipherGrade, Protocols, TlsLevel};
    use std::time::Duration;

    fn in_force(dane_usable: bool, has_authorities: bool) -> InForce {
        let (level, ciphers) = (TlsLevel::May, CipherGrade::Medium);
        InForce { level, protocols: Protocols::default(), ciphers, dane_usable, has_authorities }
    }

    fn published(tlsa: Tlsa, sees: Option<bool>, mode: Option<&str>) -> Published {
        let mta_sts = match mode {
            None => MtaSts::Absent { reason: "none".to_owned() },
            Some("unknown") => MtaSts::Unknown { reason: "SERVFAIL".to_owned() },
            Some(mode) => {
                let policy = format!("version: STSv1\nmode: {mode}\nmx: mx.example\nmx: *.example\nmax_age: 86400\n");
                let held = serde_json::json!({ "id": "1", "policy": policy, "fetched": 1 });
                MtaSts::Policy(serde_json::from_value(held).unwrap())
            }
        };
        Published { tlsa, postfix_sees_dane: sees, mta_sts, lifetime: Duration::ZERO }
    }

    #[test]
    fn dane_comes_before_mta_sts_where_it_can_be_checked() {
        use Extent::{EveryHost, SomeHosts, Unusable};
        let present = |mx_secure, every_host| Tlsa::Present { mx_secure, every_host };
        let unknown = || Tlsa::Unknown { reason: "no answer".to_owned() };
        let some_unknown = |others_bound| Tlsa::SomeUnknown { reason: "no answer".to_owned(), others_bound };
        let names = || Promise::MtaSts { names: "mx.example:.example".to_owned() };
        let (not_known, servfail) = (Promise::Unknown("no answer".to_owned()), Promise::Unknown("SERVFAIL".to_owned()));
        let by_host = Promise::SomeUnknown("no answer".to_owned());
        for (tlsa, mode, expected, without_dane) in [
            (present(true, true), None, Promise::Dane(EveryHost), Promise::Unchecked(EveryHost)),
            (present(true, true), Some("enforce"), Promise::Dane(EveryHost), names()),
            (present(true, true), Some("unknown"), Promise::Dane(EveryHost), servfail.clone()),
            (present(true, false), None, Promise::Dane(SomeHosts), Promise::Unchecked(SomeHosts)),
            (present(true, false), Some("enforce"), Promise::Dane(EveryHost), names()),
            (Tlsa::Unusable { mx_secure: true }, None, Promise::Dane(Unusable), Promise::Unchecked(Unusable)),
            (Tlsa::Unusable { mx_secure: true }, Some("enforce"), names(), names()),
            (present(false, true), None, Promise::Nothing, Promise::Nothing),
            (present(false, true), Some("enforce"), names(), names()),
            (Tlsa::Unusable { mx_secure: false }, None, Promise::Nothing, Promise::Nothing),
            (Tlsa::Absent, None, Promise::Nothing, Promise::Nothing),
            (Tlsa::Absent, Some("testing"), Promise::Nothing, Promise::Nothing),
            (Tlsa::Absent, Some("enforce"), names(), names()),
            (Tlsa::Absent, Some("unknown"), servfail.clone(), servfail.clone()),
            (Tlsa::Unsupported, Some("enforce"), names(), names()),
            (present(true, false), Some("unknown"), servfail.clone(), servfail.clone()),
            (Tlsa::Unusable { mx_secure: true }, Some("unknown"), servfail.clone(), servfail.clone()),
            (some_unknown(false), Some("testing"), by_host.clone(), Promise::Nothing),
            (some_unknown(true), None, by_host.clone(), Promise::Unchecked(EveryHost)),
            (some_unknown(false), Some("enforce"), Promise::Dane(EveryHost), names()),
            (some_unknown(true), Some("enforce"), Promise::Dane(EveryHost), names()),
            (some_unknown(true), Some("unknown"), servfail.clone(), servfail.clone()),
            (unknown(), Some("enforce"), not_known.clone(), not_known),
        ] {
            let told = |dane_usable, sees| promise(&published(tlsa.clone(), sees, mode), &in_force(dane_usable, true));
            assert_eq!(told(true, Some(true)), expected, "{tlsa:?} {mode:?}");
            // Where it is not known what Postfix sees, nothing is left to it that it has to see.
            let unseen = match matches!(tlsa, Tlsa::SomeUnknown { .. }) && mode != Some("unknown") {
                true => Promise::Unknown("no answer".to_owned()),
                false => expected,
            };
            assert_eq!(told(true, None), unseen, "{tlsa:?} {mode:?}");
            assert_eq!(told(false, None), without_dane, "{tlsa:?} {mode:?}");
            // As if it could not, where its resolver shows it nothing.
            assert_eq!(told(true, Some(false)), without_dane, "{tlsa:?} {mode:?}");
        }
    }

    #[test]
    fn names_are_asked_for_only_where_certificates_can_be_verified() {
        let published = published(Tlsa::Absent, None, Some("enforce"));
        assert_eq!(promise(&published, &in_force(true, false)), Promise::Unchecked(Extent::EveryHost));
    }

    #[test]
    fn a_policy_is_told_for_reports() {
        let published = published(Tlsa::Absent, None, Some("enforce"));
        let told = report(&published, &Destination::new("Example.COM:26").unwrap()).unwrap();
        assert_eq!(
            told,
            "policy_type=sts policy_domain=example.com { policy_string = version: STSv1 } { policy_string = mode: enforce } \
             { policy_string = mx: mx.example } { policy_string = mx: *.example } { policy_string = max_age: 86400 } \
             { mx_host_pattern = mx.example } { mx_host_pattern = *.example }"
        );
    }
}
