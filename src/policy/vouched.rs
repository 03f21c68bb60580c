//! What a destination can do by the administrator's word, which comes before any probe.

use crate::{
    config::Destinations,
    nexthop::Destination,
    probe::{Capability, Proof, Report, Tlsa},
    requirement::{Requirement, TlsVersion},
    tls_policy::TlsLevel,
};
use std::time::Duration;

/// What is known without a probe: a policy of `[destinations.fixed]` that asks for TLS says that there is TLS, and Postfix
/// holds it to that; a destination of `never-probe` is unknown. `None` where a probe has to tell, as it has where more is
/// required than that policy asks.
pub fn vouched(destinations: &Destinations, destination: &Destination, requirement: Requirement) -> Option<Report> {
    let level = destinations.fixed(destination).map(|line| line.level);
    let is_probed = !destinations.is_never_probed(destination);
    // Whatever version is asked for, Postfix is told to insist on it.
    let version = TlsVersion::V1_3;
    let capability = match level {
        Some(TlsLevel::Encrypt) if is_probed && matches!(requirement, Requirement::Authenticated(_)) => return None,
        Some(TlsLevel::Encrypt) => Capability::Encrypted { version },
        Some(TlsLevel::Fingerprint | TlsLevel::DaneOnly | TlsLevel::Verify | TlsLevel::Secure) => {
            Capability::Authenticated { how: Proof::Administrator, version }
        }
        Some(TlsLevel::None | TlsLevel::May | TlsLevel::Dane) | None => {
            if is_probed {
                return None;
            }
            Capability::Unknown { reason: "[destinations] never-probe names it".to_owned() }
        }
    };
    let exhaustive = !matches!(capability, Capability::Unknown { .. });
    let tlsa = Tlsa::Unknown { reason: "it was not asked".to_owned() };
    Some(Report { capability, exhaustive, tlsa, ..Report::unknown("", Duration::ZERO) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_administrators_word_comes_before_a_probe() {
        let text = "[destinations]\nnever-probe = ['never.example', 'both.example']\n[destinations.fixed]\n\
                    'a.example' = 'encrypt'\n'b.example' = 'secure match=x.example'\n'c.example' = 'may'\n\
                    'd.example' = 'dane'\n'both.example' = 'encrypt'\n";
        let destinations = Config::parse(text).unwrap().destinations;
        for (destination, word, where_proof_is_required) in [
            ("a.example", Some("encrypted"), None),
            ("b.example", Some("authenticated"), Some("authenticated")),
            ("c.example", None, None),
            ("d.example", None, None),
            ("e.example", None, None),
            ("never.example", Some("unknown"), Some("unknown")),
            ("both.example", Some("encrypted"), Some("encrypted")),
        ] {
            for (requirement, word) in [
                (Requirement::Encrypt(TlsVersion::V1_2), word),
                (Requirement::Authenticated(TlsVersion::V1_2), where_proof_is_required),
            ] {
                let report = vouched(&destinations, &Destination::new(destination).unwrap(), requirement);
                assert_eq!(report.map(|report| report.capability.word()), word, "{destination} {requirement}");
            }
        }
    }
}
