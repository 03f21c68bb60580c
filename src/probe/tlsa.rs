//! TLSA records (RFC 6698) as SMTP uses them (RFC 7672).

use super::certificate::{Certificate, key_content};
use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector, TLSA};
use sha2::Digest;

/// One TLSA record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TlsaRecord(TLSA);

/// What a record that can be used is about (RFC 6698 section 2.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Usage {
    /// DANE-TA(2): a certificate above the server's own.
    TrustAnchor,
    /// DANE-EE(3): the server's own certificate.
    EndEntity,
}

/// What a DANE-TA(2) record holds in full, so that the server need not send it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Anchor<'a> {
    /// `2 0 0`: a certificate.
    Certificate(&'a [u8]),
    /// `2 1 0`: a SubjectPublicKeyInfo.
    Key(&'a [u8]),
}

impl TlsaRecord {
    pub(super) fn new(record: TLSA) -> Self {
        Self(record)
    }

    /// Whether SMTP can use it: usage 2 or 3, a known selector, and a digest of the right length, or a whole
    /// certificate or key (RFC 7672 section 3.1).
    pub(super) fn is_usable(&self) -> bool {
        let Self(tlsa) = self;
        let data = tlsa.cert_data.as_slice();
        self.usage().is_some()
            && match (tlsa.selector, tlsa.matching) {
                (Selector::Full, Matching::Raw) => Certificate::parse(data).is_some(),
                (Selector::Spki, Matching::Raw) => key_content(data).is_some(),
                (Selector::Full | Selector::Spki, Matching::Sha256) => data.len() == 32,
                (Selector::Full | Selector::Spki, Matching::Sha512) => data.len() == 64,
                _ => false,
            }
    }

    /// What it is about; `None` where SMTP does not use it.
    pub(super) fn usage(&self) -> Option<Usage> {
        match self.0.cert_usage {
            CertUsage::DaneTa => Some(Usage::TrustAnchor),
            CertUsage::DaneEe => Some(Usage::EndEntity),
            _ => None,
        }
    }

    /// Whether a certificate, given as DER, is the one that the record describes, whatever its usage.
    pub(super) fn matches(&self, certificate: &[u8]) -> bool {
        let Self(tlsa) = self;
        let selected = match tlsa.selector {
            Selector::Full => certificate,
            Selector::Spki => match Certificate::parse(certificate) {
                Some(parts) => parts.key,
                None => return false,
            },
            _ => return false,
        };
        match tlsa.matching {
            Matching::Raw => tlsa.cert_data == selected,
            Matching::Sha256 => tlsa.cert_data == sha2::Sha256::digest(selected).as_slice(),
            Matching::Sha512 => tlsa.cert_data == sha2::Sha512::digest(selected).as_slice(),
            _ => false,
        }
    }

    /// The trust anchor that it holds, where it holds one in full.
    pub(super) fn anchor(&self) -> Option<Anchor<'_>> {
        let Self(tlsa) = self;
        match (tlsa.cert_usage, tlsa.selector, tlsa.matching) {
            (CertUsage::DaneTa, Selector::Full, Matching::Raw) => Some(Anchor::Certificate(&tlsa.cert_data)),
            (CertUsage::DaneTa, Selector::Spki, Matching::Raw) => Some(Anchor::Key(&tlsa.cert_data)),
            _ => None,
        }
    }

    /// Whether another record is about the same by a stronger digest: then this one does not count (RFC 7671 section
    /// 9; Postfix `tls_dane_digests`).
    pub(super) fn yields_to(&self, other: &Self) -> bool {
        let (Self(this), Self(other)) = (self, other);
        (this.cert_usage, this.selector) == (other.cert_usage, other.selector)
            && (this.matching, other.matching) == (Matching::Sha256, Matching::Sha512)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage::*, Matching::*, Selector::*};
    use rcgen::{CertificateParams, KeyPair, PublicKeyData};

    fn certificate() -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["mx.example".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().der().to_vec(), key.subject_public_key_info())
    }

    #[test]
    fn only_some_tlsa_records_are_usable() {
        let record = |usage, selector, matching, length| TLSA::new(usage, selector, matching, vec![0; length]);
        let (whole, key) = certificate();
        for (tlsa, expected) in [
            (record(DaneEe, Spki, Sha256, 32), true),
            (record(DaneTa, Full, Sha512, 64), true),
            (record(DaneEe, Full, Raw, 0), false),
            (record(DaneEe, Full, Raw, 700), false),
            (TLSA::new(DaneEe, Full, Raw, whole.clone()), true),
            (TLSA::new(DaneTa, Spki, Raw, key.clone()), true),
            (TLSA::new(DaneTa, Full, Raw, key), false),
            (TLSA::new(DaneTa, Spki, Raw, whole), false),
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

    #[test]
    fn matches_a_certificate_or_its_key_by_any_digest() {
        let (whole, key) = certificate();
        let (other, _) = certificate();
        for (selector, data) in [(Full, &whole), (Spki, &key)] {
            for (matching, data) in [
                (Raw, data.clone()),
                (Sha256, sha2::Sha256::digest(data).to_vec()),
                (Sha512, sha2::Sha512::digest(data).to_vec()),
            ] {
                let record = TlsaRecord::new(TLSA::new(DaneEe, selector, matching, data.clone()));
                assert!(record.is_usable() && record.matches(&whole) && !record.matches(&other), "{record:?}");
                assert!(!record.matches(&key) && !record.matches(b""));
                let cut = TlsaRecord::new(TLSA::new(DaneEe, selector, matching, data[1..].to_vec()));
                assert!(!cut.matches(&whole));
            }
        }
        // The digest of a certificate is not that of its key.
        let crossed = TLSA::new(DaneEe, Spki, Sha256, sha2::Sha256::digest(&whole).to_vec());
        assert!(!TlsaRecord::new(crossed).matches(&whole));
    }

    #[test]
    fn the_stronger_digest_counts_where_it_is_about_the_same() {
        let record = |usage, selector, matching| TlsaRecord::new(TLSA::new(usage, selector, matching, Vec::new()));
        let weak = record(DaneEe, Spki, Sha256);
        for (other, yields) in [
            (record(DaneEe, Spki, Sha512), true),
            (record(DaneEe, Spki, Sha256), false),
            (record(DaneEe, Spki, Raw), false),
            (record(DaneEe, Full, Sha512), false),
            (record(DaneTa, Spki, Sha512), false),
        ] {
            assert_eq!(weak.yields_to(&other), yields, "{other:?}");
            assert!(!other.yields_to(&weak));
        }
    }
}
