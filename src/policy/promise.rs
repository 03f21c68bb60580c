//! What a destination's publications promise, to a Postfix that can or cannot check it.

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
    /// TLSA records that this Postfix cannot check: that there is TLS is known all the same.
    DaneUnchecked(Extent),
    /// An MTA-STS policy in force (RFC 8461).
    MtaSts {
        /// The names that certificates must bear, as the `match` attribute has them.
        names: String,
    },
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
pub fn promise(published: &Published, dane_usable: bool) -> Promise {
    let dane_usable = dane_usable && published.postfix_sees_dane != Some(false);
    let extent = match &published.tlsa {
        Tlsa::Present { mx_secure: true, every_host: true } => Some(Extent::EveryHost),
        Tlsa::Present { mx_secure: true, every_host: false } => Some(Extent::SomeHosts),
        Tlsa::Unusable { mx_secure: true } => Some(Extent::Unusable),
        Tlsa::Unknown { reason } => return Promise::Unknown(reason.clone()),
        // Where the resolver hides DNSSEC, Postfix behind it sees no records either.
        Tlsa::Present { mx_secure: false, .. }
        | Tlsa::Unusable { mx_secure: false }
        | Tlsa::Absent
        | Tlsa::Unsupported => None,
    };
    match (extent, &published.mta_sts) {
        (Some(extent), _) if dane_usable => Promise::Dane(extent),
        (_, MtaSts::Policy(policy)) if policy.is_enforced() => Promise::MtaSts { names: policy.names() },
        (_, MtaSts::Unknown { reason }) => Promise::Unknown(reason.clone()),
        (Some(extent), _) => Promise::DaneUnchecked(extent),
        (None, _) => Promise::Nothing,
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
    use std::time::Duration;

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
        let names = || Promise::MtaSts { names: "mx.example:.example".to_owned() };
        let (not_known, servfail) = (Promise::Unknown("no answer".to_owned()), Promise::Unknown("SERVFAIL".to_owned()));
        for (tlsa, mode, usable, expected, without_dane) in [
            (present(true, true), None, true, Promise::Dane(EveryHost), Promise::DaneUnchecked(EveryHost)),
            (present(true, true), Some("enforce"), true, Promise::Dane(EveryHost), names()),
            (present(true, true), Some("unknown"), true, Promise::Dane(EveryHost), servfail.clone()),
            (present(true, false), None, true, Promise::Dane(SomeHosts), Promise::DaneUnchecked(SomeHosts)),
            (Tlsa::Unusable { mx_secure: true }, Some("enforce"), true, Promise::Dane(Unusable), names()),
            (present(false, true), None, true, Promise::Nothing, Promise::Nothing),
            (present(false, true), Some("enforce"), true, names(), names()),
            (Tlsa::Unusable { mx_secure: false }, None, true, Promise::Nothing, Promise::Nothing),
            (Tlsa::Absent, None, true, Promise::Nothing, Promise::Nothing),
            (Tlsa::Absent, Some("testing"), true, Promise::Nothing, Promise::Nothing),
            (Tlsa::Absent, Some("enforce"), true, names(), names()),
            (Tlsa::Absent, Some("unknown"), true, servfail.clone(), servfail),
            (Tlsa::Unsupported, Some("enforce"), true, names(), names()),
            (unknown(), Some("enforce"), true, not_known.clone(), not_known),
        ] {
            assert_eq!(promise(&published(tlsa.clone(), None, mode), usable), expected, "{tlsa:?} {mode:?}");
            assert_eq!(promise(&published(tlsa.clone(), None, mode), false), without_dane, "{tlsa:?} {mode:?}");
            // As if it could not, where its resolver shows it nothing.
            assert_eq!(promise(&published(tlsa.clone(), Some(false), mode), usable), without_dane, "{tlsa:?} {mode:?}");
        }
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
