//! TLSA records (RFC 6698) as SMTP uses them (RFC 7672).

use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector, TLSA};

/// One TLSA record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TlsaRecord(TLSA);

impl TlsaRecord {
    pub(super) fn new(record: TLSA) -> Self {
        Self(record)
    }

    /// Whether SMTP can use it: usage 2 or 3, a known selector, and a digest of the right length (RFC 7672 section 3.1).
    pub(super) fn is_usable(&self) -> bool {
        let Self(tlsa) = self;
        matches!(tlsa.cert_usage, CertUsage::DaneTa | CertUsage::DaneEe)
            && matches!(tlsa.selector, Selector::Full | Selector::Spki)
            && match tlsa.matching {
                Matching::Raw => !tlsa.cert_data.is_empty(),
                Matching::Sha256 => tlsa.cert_data.len() == 32,
                Matching::Sha512 => tlsa.cert_data.len() == 64,
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_some_tlsa_records_are_usable() {
        use {CertUsage::*, Matching::*, Selector::*};
        let record = |usage, selector, matching, length| TLSA::new(usage, selector, matching, vec![0; length]);
        for (tlsa, expected) in [
            (record(DaneEe, Spki, Sha256, 32), true),
            (record(DaneTa, Full, Sha512, 64), true),
            (record(DaneEe, Full, Raw, 700), true),
            (record(DaneEe, Full, Raw, 0), false),
            (record(DaneEe, Spki, Sha256, 31), false),
            (record(DaneEe, Spki, Sha512, 32), false),
            (record(PkixEe, Spki, Sha256, 32), false),
            (record(PkixTa, Spki, Sha256, 32), false),
            (record(DaneEe, Selector::Unassigned(7), Sha256, 32), false),
            (record(DaneEe, Spki, Matching::Unassigned(7), 32), false),
        ] {
            assert_eq!(TlsaRecord::new(tlsa.clone()).is_usable(), expected, "{tlsa}");
        }
    }
}
