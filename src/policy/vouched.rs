//! What a destination can do by the administrator's word, which comes before any probe.

use crate::{
    config::Destinations,
    nexthop::Destination,
    probe::{Capability, Proof, Report, Tlsa},
    requirement::TlsVersion,
    tls_policy::TlsLevel,
};
use std::time::Duration;

/// What is known without a probe: a policy of `[destinations.fixed]` that asks for TLS says that there is TLS, and Postfix
/// holds it to that; a destination of `never-probe` is unknown. `None` where a probe has to tell.
pub fn vouched(destinations: &Destinations, destination: &Destination) -> Option<Report> {
    let level = destinations.fixed(destination).map(|line| line.level);
    // Whatever version is asked for, Postfix is told to insist on it.
    let version = TlsVersion::V1_3;
    let capability = match level {
        Some(TlsLevel::Encrypt) => Capability::Encrypted { version },
        Some(TlsLevel::Fingerprint | TlsLevel::DaneOnly | TlsLevel::Verify | TlsLevel::Secure) => {
            Capability::Authenticated { how: Proof::Administrator, version }
        }
        Some(TlsLevel::None | TlsLevel::May | TlsLevel::Dane) | None => {
            if !destinations.is_never_probed(destination) {
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
        for (destination, word) in [
            ("a.example", Some("encrypted")),
            ("b.example", Some("authenticated")),
            ("c.example", None),
            ("d.example", None),
            ("e.example", None),
            ("never.example", Some("unknown")),
            ("both.example", Some("encrypted")),
        ] {
            let report = vouched(&destinations, &Destination::new(destination).unwrap());
            assert_eq!(report.map(|report| report.capability.word()), word, "{destination}");
        }
    }
}
