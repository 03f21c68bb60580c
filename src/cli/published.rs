//! What a destination publishes, in words.

use segl::{
    postfix::{postconf::PostfixFacts, transport::why_no_dane},
    probe::{MtaSts, Published, Tlsa},
};

/// A word for programs and a sentence for people.
pub(crate) fn dane(tlsa: &Tlsa) -> (&'static str, String) {
    match tlsa {
        Tlsa::Present { mx_secure: true, every_host: true } => ("present", "TLSA records".to_owned()),
        Tlsa::Present { mx_secure: true, every_host: false } => {
            ("present", "TLSA records, though not known of every mail server".to_owned())
        }
        Tlsa::Present { mx_secure: false, .. } => {
            ("insecure-mx", "TLSA records, but the MX records are not signed".to_owned())
        }
        Tlsa::Unusable { .. } => ("unusable", "TLSA records, none of which can be used".to_owned()),
        Tlsa::Absent => ("absent", "no TLSA records".to_owned()),
        Tlsa::Unsupported => {
            ("unsupported", "cannot be seen: the DNS servers strip DNSSEC, or Postfix does not ask them".to_owned())
        }
        Tlsa::SomeUnknown { reason, .. } => ("unknown", format!("unknown of some hosts: {reason}")),
        Tlsa::Unknown { reason } => ("unknown", format!("unknown: {reason}")),
    }
}

/// A word for programs and a sentence for people.
pub(crate) fn mta_sts(standing: &MtaSts) -> (&'static str, String) {
    match standing {
        MtaSts::Policy(policy) => {
            (policy.mode(), format!("{}, for {}", policy.mode(), policy.names().replace(':', ", ")))
        }
        MtaSts::Absent { reason } => ("absent", format!("no policy ({reason})")),
        MtaSts::Unknown { reason } => ("unknown", format!("unknown: {reason}")),
    }
}

/// What is published, a line for each thing, and whether the Postfix here can hold mail to it.
pub(crate) fn lines(published: &Published, facts: Option<&PostfixFacts>) -> Vec<String> {
    let mut dane = format!("DANE: {}", dane(&published.tlsa).1);
    let bind = matches!(published.tlsa, Tlsa::Present { mx_secure: true, .. } | Tlsa::Unusable { mx_secure: true });
    if bind && let Some(why) = facts.and_then(why_no_dane) {
        dane.push_str(&format!("; Postfix does not check them: {why}"));
    } else if published.postfix_sees_dane == Some(false) {
        dane.push_str("; Postfix cannot see them: the DNS servers of /etc/resolv.conf do not validate");
    }
    vec![dane, format!("MTA-STS: {}", mta_sts(&published.mta_sts).1)]
}
