//! What a destination publishes, in words.

use segl::probe::{Published, Tlsa};

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
        Tlsa::Unsupported => ("unsupported", "cannot be seen: the DNS servers strip DNSSEC".to_owned()),
        Tlsa::Unknown { reason } => ("unknown", format!("unknown: {reason}")),
    }
}

/// What is published, a line for each thing.
pub(crate) fn lines(published: &Published) -> Vec<String> {
    vec![format!("DANE: {}", dane(&published.tlsa).1)]
}
