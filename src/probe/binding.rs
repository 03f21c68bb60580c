//! Whether a chain of certificates is what a host's TLSA records bind it to (RFC 7672 section 3.1): pure.

use super::{
    certificate::{Certificate, key_content, rsa_bits},
    starttls::{RSA_BITS_MIN, describe},
    tlsa::{Anchor, TlsaRecord, Usage},
};
use jiff::Timestamp;
use rustls::{
    CertificateError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, Der, ServerName, TrustAnchor, UnixTime},
};
use std::sync::Arc;

/// Certificates above a server's own that are looked at; real chains have three at most.
const CHAIN_MAX: usize = 16;

/// Trust anchors that are tried: each takes as long as verifying a chain.
const ANCHORS_MAX: usize = 64;

const NONE_MATCHES: &str = "its certificate matches none of its TLSA records";

/// What a host's certificates are held to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Binding {
    /// Its usable records; never empty.
    pub(super) records: Vec<TlsaRecord>,
    /// The names of which a certificate below a trust anchor must bear one (RFC 7672 sections 3.2.2 and 3.2.3): the
    /// TLSA base domain, which is also the name to ask for (SNI), then the next-hop domain and what it is an alias of.
    pub(super) names: Vec<String>,
}

/// What became of holding a chain to the records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// One record matches.
    Matches,
    /// None does, and Postfix would deliver nothing here; with the reason.
    Mismatch(String),
    /// WebPKI refuses what OpenSSL may take; with the reason.
    Undecided(String),
}

/// A chain as the server sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain<'a> {
    pub(super) end_entity: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
}

impl Chain<'_> {
    /// Whether any of its keys is an RSA key that rustls does not take for its length.
    fn has_short_key(&self) -> bool {
        let certificates = std::iter::once(self.end_entity).chain(self.intermediates);
        let mut bits =
            certificates.filter_map(|certificate| rsa_bits(key_content(Certificate::parse(certificate)?.key)?));
        bits.any(|bits| bits < RSA_BITS_MIN)
    }
}

impl Binding {
    /// Holds a chain to the records, of which any one is enough.
    pub(super) fn judge(&self, chain: Chain<'_>, now: UnixTime, provider: &Arc<CryptoProvider>) -> Verdict {
        let mut records: Vec<&TlsaRecord> = self.records.iter().collect();
        records.retain(|record| !self.records.iter().any(|other| record.yields_to(other)));
        let (own, above): (Vec<&TlsaRecord>, Vec<&TlsaRecord>) =
            records.into_iter().partition(|record| record.usage() == Some(Usage::EndEntity));
        // Name, dates and issuer do not count here: the record stands for them (RFC 7672 section 3.1.1).
        if own.iter().any(|record| record.matches(chain.end_entity)) {
            return Verdict::Matches;
        }
        if above.is_empty() {
            return Verdict::Mismatch(NONE_MATCHES.to_owned());
        }
        if chain.intermediates.len() > CHAIN_MAX {
            return Verdict::Undecided(format!("it sends more than {CHAIN_MAX} certificates above its own"));
        }
        let short = chain.has_short_key();
        let mut verdict = Verdict::Mismatch(NONE_MATCHES.to_owned());
        for anchor in anchors(&above, chain, now).into_iter().take(ANCHORS_MAX) {
            match anchor.and_then(|anchor| self.verify(anchor, chain, short, now, provider)) {
                Ok(()) => return Verdict::Matches,
                Err(undecided @ Verdict::Undecided(_)) => verdict = undecided,
                Err(why) if matches!(verdict, Verdict::Mismatch(_)) => verdict = why,
                Err(_) => {}
            }
        }
        verdict
    }

    /// Verifies the chain with one trust anchor, for any of the names.
    fn verify(
        &self,
        anchor: TrustAnchor<'static>,
        chain: Chain<'_>,
        short: bool,
        now: UnixTime,
        provider: &Arc<CryptoProvider>,
    ) -> Result<(), Verdict> {
        let short = short || rsa_bits(&anchor.subject_public_key_info).is_some_and(|bits| bits < RSA_BITS_MIN);
        let roots = Arc::new(RootCertStore { roots: vec![anchor] });
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        let verifier = verifier.map_err(|error| Verdict::Undecided(error.to_string()))?;
        let mut last = Verdict::Mismatch("its names cannot be in a certificate".to_owned());
        for name in self.names.iter().filter_map(|name| ServerName::try_from(name.as_str()).ok()) {
            match verifier.verify_server_cert(chain.end_entity, chain.intermediates, &name, &[], now) {
                Ok(_) => return Ok(()),
                Err(error) => last = weigh(&error, short),
            }
        }
        Err(last)
    }
}

/// The trust anchors that records of usage 2 make: each matching certificate above the server's own, and those that
/// the records hold in full.
fn anchors(records: &[&TlsaRecord], chain: Chain<'_>, now: UnixTime) -> Vec<Result<TrustAnchor<'static>, Verdict>> {
    let mut anchors = Vec::new();
    for record in records {
        let sent = chain.intermediates.iter().filter(|certificate| record.matches(certificate));
        let held = match record.anchor() {
            Some(Anchor::Certificate(held)) => Some(CertificateDer::from(held)),
            _ => None,
        };
        // The server's own certificate is no trust anchor of itself.
        let certificates = sent.cloned().chain(held).filter(|certificate| certificate != chain.end_entity);
        anchors.extend(certificates.map(|certificate| anchor(&certificate, now)));
        if let Some(Anchor::Key(key)) = record.anchor() {
            let names = std::iter::once(chain.end_entity).chain(chain.intermediates);
            anchors.extend(names.filter_map(|certificate| bare(key, certificate)).map(Ok));
        }
    }
    anchors
}

/// A certificate as trust anchor. WebPKI does not look at the dates of a trust anchor, OpenSSL does.
fn anchor(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<TrustAnchor<'static>, Verdict> {
    let parts = Certificate::parse(certificate);
    let now = i64::try_from(now.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    if let (Some(parts), Some(now)) = (parts, now)
        && !(parts.not_before..=parts.not_after).contains(&now)
    {
        return Err(Verdict::Mismatch("the certificate that its TLSA record names is not valid now".to_owned()));
    }
    let mut store = RootCertStore::empty();
    let refused = |reason: String| {
        Verdict::Undecided(format!("the certificate that its TLSA record names cannot be read: {reason}"))
    };
    store.add(certificate.clone().into_owned()).map_err(|error| refused(error.to_string()))?;
    store.roots.pop().ok_or_else(|| refused("it is none".to_owned()))
}

/// A bare key as the issuer that a certificate names.
fn bare(key: &[u8], issued: &CertificateDer<'_>) -> Option<TrustAnchor<'static>> {
    let subject = Certificate::parse(issued)?.issuer;
    Some(TrustAnchor {
        subject: Der::from(subject.to_vec()),
        subject_public_key_info: Der::from(key_content(key)?.to_vec()),
        name_constraints: None,
    })
}

/// What WebPKI's refusal says of what OpenSSL would do; `short` is whether a key is too short for WebPKI to verify a
/// signature with.
fn weigh(error: &rustls::Error, short: bool) -> Verdict {
    use CertificateError as E;
    let rustls::Error::InvalidCertificate(certificate) = error else { return Verdict::Undecided(error.to_string()) };
    let described = describe(certificate);
    match certificate {
        // Without a name of the modern kind OpenSSL looks at the common name.
        E::NotValidForNameContext { presented, .. } if presented.is_empty() => Verdict::Undecided(described),
        E::NotValidForName
        | E::NotValidForNameContext { .. }
        | E::Expired
        | E::ExpiredContext { .. }
        | E::NotValidYet
        | E::NotValidYetContext { .. }
        | E::UnknownIssuer => Verdict::Mismatch(described),
        E::BadSignature if !short => Verdict::Mismatch(described),
        _ => Verdict::Undecided(described),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::rdata::tlsa::{
        CertUsage::{self, DaneEe, DaneTa},
        Matching::{self, Raw, Sha256, Sha512},
        Selector::{self, Full, Spki},
        TLSA,
    };
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    use sha2::Digest;

    type Der = CertificateDer<'static>;

    /// A root, an authority below it, and certificates of that authority.
    struct Authority {
        root: Der,
        middle: Der,
        issuer: Issuer<'static, KeyPair>,
    }

    const PAST: i32 = 2001;
    const FUTURE: i32 = 2999;

    fn authority(end: i32) -> Authority {
        let params = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            params.not_before = rcgen::date_time_ymd(2000, 1, 1);
            params.not_after = rcgen::date_time_ymd(end, 1, 1);
            params
        };
        let (root, root_key) = (params("Root"), KeyPair::generate().unwrap());
        let root_certificate = root.self_signed(&root_key).unwrap().der().clone();
        let (middle, middle_key) = (params("Middle"), KeyPair::generate().unwrap());
        let middle_certificate = middle.signed_by(&middle_key, &Issuer::new(root, root_key)).unwrap().der().clone();
        Authority { root: root_certificate, middle: middle_certificate, issuer: Issuer::new(middle, middle_key) }
    }

    fn leaf(issuer: Option<&Issuer<'static, KeyPair>>, names: &[&str], end: i32) -> Der {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let made = match issuer {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        made.unwrap().der().clone()
    }

    fn record(usage: CertUsage, selector: Selector, matching: Matching, certificate: &Der) -> TlsaRecord {
        let data = match selector {
            Full => certificate.to_vec(),
            _ => Certificate::parse(certificate).unwrap().key.to_vec(),
        };
        let data = match matching {
            Sha256 => sha2::Sha256::digest(&data).to_vec(),
            Sha512 => sha2::Sha512::digest(&data).to_vec(),
            _ => data,
        };
        TlsaRecord::new(TLSA::new(usage, selector, matching, data))
    }

    fn judge(records: Vec<TlsaRecord>, end_entity: &Der, intermediates: &[&Der]) -> Verdict {
        let intermediates: Vec<Der> = intermediates.iter().map(|certificate| (*certificate).clone()).collect();
        let names = vec!["mx.example".to_owned(), "example.dk".to_owned()];
        let chain = Chain { end_entity, intermediates: &intermediates };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Binding { records, names }.judge(chain, UnixTime::now(), &provider)
    }

    fn mismatch(verdict: Verdict, why: &str) {
        assert!(matches!(&verdict, Verdict::Mismatch(reason) if reason.contains(why)), "{verdict:?}");
    }

    #[test]
    fn usage_3_is_about_the_servers_certificate_and_nothing_else() {
        let stranger = leaf(None, &["elsewhere.example"], PAST);
        for selector in [Full, Spki] {
            for matching in [Raw, Sha256, Sha512] {
                let of = |certificate| vec![record(DaneEe, selector, matching, certificate)];
                assert_eq!(judge(of(&stranger), &stranger, &[]), Verdict::Matches, "{selector:?} {matching:?}");
                let other = leaf(None, &["mx.example"], FUTURE);
                mismatch(judge(of(&stranger), &other, &[&stranger]), "none of its TLSA records");
            }
        }
    }

    #[test]
    fn usage_2_needs_chain_dates_and_a_name() {
        let ca = authority(FUTURE);
        let good = leaf(Some(&ca.issuer), &["mx.example"], FUTURE);
        for selector in [Full, Spki] {
            for matching in [Raw, Sha256, Sha512] {
                for anchor in [&ca.root, &ca.middle] {
                    let records = vec![record(DaneTa, selector, matching, anchor)];
                    let sent = [&ca.middle, &ca.root];
                    assert_eq!(judge(records, &good, &sent), Verdict::Matches, "{selector:?} {matching:?}");
                }
            }
        }
        let records = || vec![record(DaneTa, Spki, Sha256, &ca.root)];
        let sent = [&ca.middle, &ca.root];
        let for_the_domain = leaf(Some(&ca.issuer), &["example.dk"], FUTURE);
        assert_eq!(judge(records(), &for_the_domain, &sent), Verdict::Matches);
        mismatch(judge(records(), &leaf(Some(&ca.issuer), &["x.example"], FUTURE), &sent), "not for this name");
        mismatch(judge(records(), &leaf(Some(&ca.issuer), &["mx.example"], PAST), &sent), "expired");
        // The root that the digest is of is not sent.
        mismatch(judge(records(), &good, &[&ca.middle]), "none of its TLSA records");
        // It is sent, but the chain does not lead to it.
        mismatch(judge(records(), &leaf(None, &["mx.example"], FUTURE), &sent), "");
        let nameless = leaf(Some(&ca.issuer), &[], FUTURE);
        assert!(matches!(judge(records(), &nameless, &sent), Verdict::Undecided(_)));
    }

    #[test]
    fn a_trust_anchor_in_the_record_need_not_be_sent() {
        let ca = authority(FUTURE);
        let good = leaf(Some(&ca.issuer), &["mx.example"], FUTURE);
        for selector in [Full, Spki] {
            let of = |certificate| vec![record(DaneTa, selector, Raw, certificate)];
            assert_eq!(judge(of(&ca.root), &good, &[&ca.middle]), Verdict::Matches);
            assert_eq!(judge(of(&ca.middle), &good, &[]), Verdict::Matches);
            mismatch(judge(of(&authority(FUTURE).middle), &good, &[&ca.middle]), "");
        }
    }

    #[test]
    fn an_expired_trust_anchor_is_none() {
        let ca = authority(PAST);
        let good = leaf(Some(&ca.issuer), &["mx.example"], FUTURE);
        mismatch(judge(vec![record(DaneTa, Full, Sha256, &ca.middle)], &good, &[&ca.middle]), "not valid now");
    }

    #[test]
    fn usage_2_is_not_about_the_servers_own_certificate() {
        let own = leaf(None, &["mx.example"], FUTURE);
        for (selector, matching) in [(Full, Sha256), (Spki, Sha256), (Full, Raw)] {
            let records = vec![record(DaneTa, selector, matching, &own)];
            assert_ne!(judge(records, &own, &[&own]), Verdict::Matches, "{selector:?} {matching:?}");
        }
    }

    #[test]
    fn any_record_is_enough_save_for_weaker_digests() {
        let (old, new) = (leaf(None, &["mx.example"], FUTURE), leaf(None, &["mx.example"], FUTURE));
        let roll_over = || vec![record(DaneEe, Spki, Sha256, &old), record(DaneEe, Spki, Sha256, &new)];
        assert_eq!(judge(roll_over(), &old, &[]), Verdict::Matches);
        assert_eq!(judge(roll_over(), &new, &[]), Verdict::Matches);
        let ca = authority(FUTURE);
        let mixed = vec![record(DaneTa, Full, Sha256, &ca.root), record(DaneEe, Full, Sha256, &new)];
        assert_eq!(judge(mixed, &new, &[]), Verdict::Matches);
        let stronger = vec![record(DaneEe, Spki, Sha256, &new), record(DaneEe, Spki, Sha512, &old)];
        mismatch(judge(stronger, &new, &[]), "none of its TLSA records");
    }
}
