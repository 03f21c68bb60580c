//! What Postfix is told for a destination: one line of a TLS policy table (postconf(5) smtp_tls_policy_maps).
//!
//! A policy replaces the level of main.cf, upwards and downwards alike (Postfix `src/smtp/smtp_tls_policy.c`), so an
//! answer is made of two things: what the mail requires, and what is in force without us. It is never weaker than
//! either. Where no policy can be both, the answer is a temporary failure, and Postfix defers.

use crate::{
    requirement::Requirement,
    tls_policy::{CipherGrade, PostfixVersion, Protocols, TlsLevel},
};

/// What Postfix does at a destination when no table names it: main.cf, and what the asking service overrides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InForce {
    /// The level.
    pub level: TlsLevel,
    /// smtp_tls_mandatory_protocols: what counts from level `encrypt` on. (smtp_tls_protocols counts at `may`, where a
    /// server that has none of them gets the mail in the clear: no answer of ours is weaker than that.)
    pub protocols: Protocols,
    /// smtp_tls_mandatory_ciphers.
    pub ciphers: CipherGrade,
    /// Whether this configuration can do DANE at all. Where it cannot, Postfix takes `dane` for `may` and refuses
    /// `dane-only` (`src/smtp/smtp_tls_policy.c`, dane_init).
    pub dane_usable: bool,
}

impl InForce {
    /// What is no weaker than either; for services of which any may be the one that asks.
    ///
    /// # Errors
    /// When their levels prove servers in different ways, so that one answer cannot hold for both.
    pub fn and(self, other: Self) -> Result<Self, String> {
        let Some(level) = self.level.and(other.level) else {
            return Err(format!(
                "TLS levels {} and {} are both in force and no one policy keeps both",
                self.level, other.level
            ));
        };
        // The one that relies on DANE decides whether `dane` means anything.
        let relies = |one: &Self| matches!(one.level, TlsLevel::Dane | TlsLevel::DaneOnly);
        let dane_usable = match (relies(&self), relies(&other)) {
            (true, false) => self.dane_usable,
            (false, true) => other.dane_usable,
            (true, true) => self.dane_usable || other.dane_usable,
            (false, false) => self.dane_usable && other.dane_usable,
        };
        Ok(Self {
            level,
            protocols: self.protocols.and(other.protocols),
            ciphers: self.ciphers.max(other.ciphers),
            dane_usable,
        })
    }
}

impl InForce {
    /// Whether the answer depends on what the destination publishes.
    pub fn depends_on_tlsa(&self, requirement: Requirement) -> bool {
        self.dane_usable && (self.level == TlsLevel::Dane || matches!(requirement, Requirement::Authenticated(_)))
    }
}

/// Whether a destination publishes DANE TLSA records (RFC 7672).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tlsa {
    /// The MX RRset is secure, and so are addresses and usable TLSA records of every MX host.
    Present,
    /// Proven not so. (An insecure MX RRset whose hosts have TLSA records counts as this: Postfix's `dane` then
    /// checks the records of whatever host the MX record names, and no policy asks for that and for TLS at once.)
    Absent,
    /// Not looked up, or not to be told now.
    Unknown,
}

/// The answer to one lookup.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// A line of the policy table.
    Policy(String),
    /// Nothing to say: the level in force stands.
    NotFound,
    /// No answer now, and why: Postfix defers.
    Temp(String),
}

/// The grade asked for where a weaker one is in force.
const LEAST_GRADE: CipherGrade = CipherGrade::Medium;

/// A verified certificate for the MX host's name, or for the next-hop's own.
///
/// Level `verify` because its names are what the probe looked at: the host as the MX record names it. Where DNS is
/// not signed, who can forge the MX record can choose that name, so the level is not called `secure`, whose meaning
/// is a name that does not come from DNS (TLS_README, "Secure server certificate verification"). `secure` as it comes
/// asks for the next-hop's name in the certificate, which few mail hosts have. The two levels differ in nothing but
/// the names matched by default.
const VERIFIED: &str = "verify match=hostname:nexthop:dot-nexthop";

/// What Postfix is told.
///
/// - No requirement: nothing.
/// - `none`, `may`, `encrypt` in force: `encrypt`; when authentication is asked for, `dane-only` where the destination
///   has TLSA records and this Postfix does DANE, else a verified certificate.
/// - `dane` in force: `dane-only` where there are TLSA records or where that is not known (Postfix looks them up
///   itself, securely, and defers when there are none); where there are none, as for `may`, which `dane` then is.
///   Where this Postfix is not set up for DANE, `dane` is `may` too.
/// - `fingerprint`, `dane-only`, `verify`, `secure` in force: that level. No `match` is given, so that the names and
///   fingerprints of main.cf, or of the service that asks, go on to count.
/// - Always: TLS versions allowed by both, ciphers of at least grade medium. `exclude`, `servername` and the like are
///   left to main.cf.
///
/// Each attribute used is older than any Postfix supported; `protocols` is written as this version understands it.
pub fn answer(
    requirement: Option<Requirement>,
    in_force: &Result<InForce, String>,
    version: PostfixVersion,
    tlsa: Tlsa,
) -> Answer {
    let Some(requirement) = requirement else {
        return Answer::NotFound;
    };
    let in_force = match in_force {
        Ok(in_force) => in_force,
        Err(reason) => return Answer::Temp(one_line(reason)),
    };
    let Some(protocols) = in_force.protocols.attribute(requirement.min_tls(), version) else {
        return Answer::Temp(format!(
            "{} or newer is required, and smtp_tls_mandatory_protocols allows none of these",
            requirement.min_tls()
        ));
    };
    let level = level(requirement, in_force, tlsa);
    let ciphers = in_force.ciphers.max(LEAST_GRADE).as_str();
    Answer::Policy(format!("{level} protocols={protocols} ciphers={ciphers}"))
}

fn level(requirement: Requirement, in_force: &InForce, tlsa: Tlsa) -> &'static str {
    let from_nothing = || match requirement {
        Requirement::Encrypt(_) => "encrypt",
        Requirement::Authenticated(_) if in_force.dane_usable && tlsa == Tlsa::Present => "dane-only",
        Requirement::Authenticated(_) => VERIFIED,
    };
    match in_force.level {
        TlsLevel::None | TlsLevel::May | TlsLevel::Encrypt => from_nothing(),
        TlsLevel::Dane if in_force.dane_usable && tlsa != Tlsa::Absent => "dane-only",
        TlsLevel::Dane => from_nothing(),
        TlsLevel::Fingerprint | TlsLevel::DaneOnly | TlsLevel::Verify | TlsLevel::Secure => in_force.level.as_str(),
    }
}

/// A reason goes into a socketmap reply, which has one line (socketmap_table(5)).
fn one_line(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_MAX).collect()
}

/// The longest reason sent, in characters; a socketmap reply has at most 100,000 bytes.
const REASON_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requirement::TlsVersion;
    use proptest::prelude::*;

    const V3_7: PostfixVersion = PostfixVersion::new(3, 7, 11);
    const V3_5: PostfixVersion = PostfixVersion::new(3, 5, 25);
    const ENCRYPT: Option<Requirement> = Some(Requirement::Encrypt(TlsVersion::V1_2));
    const AUTHENTICATED: Option<Requirement> = Some(Requirement::Authenticated(TlsVersion::V1_2));

    fn in_force(level: TlsLevel) -> InForce {
        let protocols = Protocols::parse(">=TLSv1").unwrap();
        InForce { level, protocols, ciphers: CipherGrade::Medium, dane_usable: true }
    }

    fn told(requirement: Option<Requirement>, in_force: InForce, version: PostfixVersion, tlsa: Tlsa) -> String {
        match answer(requirement, &Ok(in_force), version, tlsa) {
            Answer::Policy(policy) => policy,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn no_requirement_says_nothing() {
        assert_eq!(answer(None, &Ok(in_force(TlsLevel::Secure)), V3_7, Tlsa::Unknown), Answer::NotFound);
        assert_eq!(answer(None, &Err("unknown".into()), V3_7, Tlsa::Unknown), Answer::NotFound);
    }

    #[test]
    fn level_follows_requirement_and_what_is_in_force() {
        use TlsLevel as L;
        use Tlsa::{Absent, Present, Unknown};
        let verified = "verify match=hostname:nexthop:dot-nexthop";
        for (level, tlsa, encrypt, authenticated) in [
            (L::None, Absent, "encrypt", verified),
            (L::May, Absent, "encrypt", verified),
            (L::May, Unknown, "encrypt", verified),
            (L::May, Present, "encrypt", "dane-only"),
            (L::Encrypt, Absent, "encrypt", verified),
            (L::Fingerprint, Present, "fingerprint", "fingerprint"),
            (L::Dane, Present, "dane-only", "dane-only"),
            (L::Dane, Unknown, "dane-only", "dane-only"),
            (L::Dane, Absent, "encrypt", verified),
            (L::DaneOnly, Absent, "dane-only", "dane-only"),
            (L::Verify, Present, "verify", "verify"),
            (L::Secure, Present, "secure", "secure"),
        ] {
            let rest = " protocols=>=TLSv1.2 ciphers=medium";
            assert_eq!(told(ENCRYPT, in_force(level), V3_7, tlsa), format!("{encrypt}{rest}"), "{level} {tlsa:?}");
            let told = told(AUTHENTICATED, in_force(level), V3_7, tlsa);
            assert_eq!(told, format!("{authenticated}{rest}"), "{level} {tlsa:?}");
        }
    }

    #[test]
    fn dane_without_dnssec_is_may() {
        let crippled = InForce { dane_usable: false, ..in_force(TlsLevel::Dane) };
        assert!(told(ENCRYPT, crippled, V3_7, Tlsa::Present).starts_with("encrypt "));
        assert!(told(AUTHENTICATED, crippled, V3_7, Tlsa::Present).starts_with("verify "));
    }

    #[test]
    fn protocols_and_ciphers_keep_what_is_in_force() {
        for (mandatory, least, modern, old) in [
            ("", TlsVersion::V1_2, ">=TLSv1.2", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1"),
            (">=TLSv1", TlsVersion::V1_2, ">=TLSv1.2", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1"),
            (">=tlsv1.3", TlsVersion::V1_2, ">=TLSv1.3", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2"),
            (">=TLSv1.2", TlsVersion::V1_3, ">=TLSv1.3", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2"),
            (">=0x0304", TlsVersion::V1_2, ">=TLSv1.3", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2"),
            ("!SSLv2, !SSLv3, !TLSv1", TlsVersion::V1_2, ">=TLSv1.2", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1"),
            (
                "!SSLv2 !SSLv3 !TLSv1.2",
                TlsVersion::V1_2,
                ">=TLSv1.2:!TLSv1.2",
                "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.2",
            ),
            ("TLSv1.2", TlsVersion::V1_2, ">=TLSv1.2:!TLSv1.3", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.3"),
            ("TLSv1.2 TLSv1.3", TlsVersion::V1_2, ">=TLSv1.2", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1"),
            ("<=TLSv1.2", TlsVersion::V1_2, ">=TLSv1.2:<=TLSv1.2", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1:!TLSv1.3"),
            (">=TLSv1:<=0305", TlsVersion::V1_2, ">=TLSv1.2:<=0305", "!SSLv2:!SSLv3:!TLSv1:!TLSv1.1"),
        ] {
            let protocols = Protocols::parse(mandatory).unwrap();
            assert_eq!(protocols.attribute(least, V3_7).as_deref(), Some(modern), "{mandatory}");
            assert_eq!(protocols.attribute(least, V3_5).as_deref(), Some(old), "{mandatory}");
        }
        for (grade, told_grade) in [("null", "medium"), ("export", "medium"), ("low", "medium"), ("HIGH", "high")] {
            let in_force = InForce { ciphers: CipherGrade::parse(grade).unwrap(), ..in_force(TlsLevel::May) };
            assert!(told(ENCRYPT, in_force, V3_7, Tlsa::Absent).ends_with(&format!(" ciphers={told_grade}")));
        }
    }

    #[test]
    fn what_cannot_be_kept_is_temporary() {
        for (mandatory, least) in [
            ("<=TLSv1.1", TlsVersion::V1_2),
            ("TLSv1", TlsVersion::V1_2),
            ("<=TLSv1.2", TlsVersion::V1_3),
            ("!TLSv1.2 !TLSv1.3", TlsVersion::V1_2),
            (">=0305", TlsVersion::V1_2),
        ] {
            let in_force = InForce { protocols: Protocols::parse(mandatory).unwrap(), ..in_force(TlsLevel::May) };
            let answer = answer(Some(Requirement::Encrypt(least)), &Ok(in_force), V3_7, Tlsa::Absent);
            assert!(matches!(&answer, Answer::Temp(reason) if reason.contains("required")), "{mandatory}: {answer:?}");
        }
        let unknown = answer(ENCRYPT, &Err("level `halfdane`\nis unknown\0".into()), V3_7, Tlsa::Absent);
        assert_eq!(unknown, Answer::Temp("level `halfdane` is unknown ".into()));
        for wrong in ["TLSv9", "!TLS", ">=", ">=TLSv2", "<=xyz", "TLSv1.2,foo", ">=12345"] {
            assert!(Protocols::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!((TlsLevel::parse("halfdane"), CipherGrade::parse("invalid")), (None, None));
    }

    #[test]
    fn services_together_are_as_strict_as_the_strictest() {
        use TlsLevel as L;
        for (one, two, both) in [
            (L::None, L::May, Some(L::May)),
            (L::May, L::Secure, Some(L::Secure)),
            (L::Encrypt, L::Dane, Some(L::Dane)),
            (L::Dane, L::DaneOnly, Some(L::DaneOnly)),
            (L::Verify, L::Secure, Some(L::Secure)),
            (L::Fingerprint, L::Fingerprint, Some(L::Fingerprint)),
            (L::Fingerprint, L::Secure, None),
            (L::Fingerprint, L::Dane, None),
            (L::DaneOnly, L::Secure, None),
            (L::Dane, L::Verify, None),
        ] {
            assert_eq!(in_force(one).and(in_force(two)).ok().map(|both| both.level), both, "{one} {two}");
            assert_eq!(in_force(two).and(in_force(one)).ok().map(|both| both.level), both, "{two} {one}");
        }
        let narrow = InForce { protocols: Protocols::parse("<=TLSv1.2").unwrap(), ..in_force(L::May) };
        let high = InForce { ciphers: CipherGrade::High, ..in_force(L::May) };
        let both = narrow.and(high).unwrap();
        assert_eq!(told(ENCRYPT, both, V3_7, Tlsa::Absent), "encrypt protocols=>=TLSv1.2:<=TLSv1.2 ciphers=high");
    }

    /// A second reading of Postfix's rules, made to judge answers: which deliveries would a policy or a level allow?
    mod oracle {
        use std::collections::BTreeMap;

        /// One way that a delivery can go.
        #[derive(Clone, Copy, Debug)]
        pub(super) struct Delivery {
            /// TLS minor version; `None` is cleartext.
            pub(super) tls: Option<u32>,
            pub(super) verified_host: bool,
            pub(super) verified_nexthop: bool,
            pub(super) fingerprint: bool,
            pub(super) tlsa_published: bool,
            pub(super) tlsa_matches: bool,
        }

        pub(super) fn protocol_allowed(list: &str, minor: u32) -> bool {
            let names: BTreeMap<_, _> =
                [("tlsv1", 0), ("tlsv1.1", 1), ("tlsv1.2", 2), ("tlsv1.3", 3), ("sslv2", 98), ("sslv3", 99)].into();
            let bound = |text: &str| match names.get(text) {
                Some(minor) => minor + 0x301,
                None => u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a bound"),
            };
            let list = list.to_lowercase();
            let words: Vec<&str> = list.split(|c: char| ", :".contains(c)).filter(|w| !w.is_empty()).collect();
            let floor = words.iter().rev().find_map(|w| w.strip_prefix(">=")).map_or(0, bound);
            let ceiling = words.iter().rev().find_map(|w| w.strip_prefix("<=")).map_or(0xffff, bound);
            let named = |words: Vec<&str>| words.iter().any(|w| *names.get(w).expect("a name") == minor);
            let excluded = named(words.iter().filter_map(|w| w.strip_prefix('!')).collect());
            let plain: Vec<&str> = words.iter().copied().filter(|w| !w.starts_with(['!', '>', '<'])).collect();
            let included = plain.is_empty() || named(plain);
            (floor..=ceiling).contains(&(minor + 0x301)) && !excluded && included
        }

        pub(super) fn allowed(level: &str, matches: &str, dane: bool, protocols: &str, delivery: Delivery) -> bool {
            let level = match level {
                "dane" if !dane || !delivery.tlsa_published => "may",
                "dane" => "dane-only",
                "dane-only" if !dane || !delivery.tlsa_published => return false,
                other => other,
            };
            let Some(minor) = delivery.tls else {
                return matches!(level, "none" | "may");
            };
            let by_name = matches.split(':').any(|name| match name {
                "hostname" => delivery.verified_host,
                "nexthop" | "dot-nexthop" => delivery.verified_nexthop,
                other => panic!("match={other}"),
            });
            let proven = match level {
                "none" => return false,
                // Cleartext is allowed here, so a version is no condition of its own.
                "may" => return true,
                "encrypt" => true,
                "fingerprint" => delivery.fingerprint,
                "dane-only" => delivery.tlsa_matches,
                "verify" | "secure" => by_name,
                other => panic!("level {other}"),
            };
            proven && protocol_allowed(protocols, minor)
        }

        /// Takes a policy line apart as smtp(8) does, refusing what it refuses.
        pub(super) fn parse(policy: &str, modern: bool) -> (String, BTreeMap<String, String>) {
            assert!(policy.is_ascii() && !policy.contains(|c: char| c.is_control()) && policy.len() < 1000);
            let mut words = policy.split([' ', ',']).filter(|word| !word.is_empty());
            let level = words.next().expect("a level").to_owned();
            let mut attributes = BTreeMap::new();
            for word in words {
                let (name, value) = word.split_once('=').expect("name=value");
                assert!(["protocols", "ciphers", "match"].contains(&name) && !value.is_empty(), "{word}");
                assert!(name != "match" || level == "verify" || level == "secure", "{policy}");
                assert!(modern || !(value.contains('<') || value.contains('>')), "{policy}");
                assert!(attributes.insert(name.to_owned(), value.to_owned()).is_none(), "{word} twice");
            }
            (level, attributes)
        }
    }

    fn any_protocols() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec!["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "SSLv3", "SSLv2"]);
        let bound = prop::sample::select(vec!["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "0303", "0x304", "0305"]);
        let word = prop_oneof![
            3 => bound.clone().prop_map(|bound| format!(">={bound}")),
            1 => bound.prop_map(|bound| format!("<={bound}")),
            2 => name.clone().prop_map(|name| format!("!{name}")),
            1 => name.prop_map(str::to_owned),
        ];
        (prop::collection::vec(word, 0..4), prop::sample::select(vec![", ", " ", ":"]))
            .prop_map(|(words, separator)| words.join(separator))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn an_answer_allows_no_delivery_that_either_side_forbids(
            level in prop::sample::select(TlsLevel::ALL.to_vec()),
            list in any_protocols(),
            grade in prop::sample::select(CipherGrade::ALL.to_vec()),
            dane_usable: bool,
            authenticated: bool,
            least in prop::sample::select(vec![TlsVersion::V1_2, TlsVersion::V1_3]),
            modern: bool,
            tlsa in prop::sample::select(vec![Tlsa::Present, Tlsa::Absent, Tlsa::Unknown]),
        ) {
            let requirement =
                if authenticated { Requirement::Authenticated(least) } else { Requirement::Encrypt(least) };
            let in_force = InForce { level, protocols: Protocols::parse(&list).unwrap(), ciphers: grade, dane_usable };
            let version = if modern { V3_7 } else { V3_5 };
            let possible = (least as u32..=3).any(|minor| oracle::protocol_allowed(&list, minor));
            let policy = match answer(Some(requirement), &Ok(in_force), version, tlsa) {
                Answer::Policy(policy) => policy,
                other => {
                    prop_assert!(!possible && matches!(other, Answer::Temp(_)), "{:?}", other);
                    return Ok(());
                }
            };
            prop_assert!(possible, "{} although nothing is left", policy);
            let (told, attributes) = oracle::parse(&policy, modern);
            let told_grade = CipherGrade::parse(&attributes["ciphers"]).unwrap();
            prop_assert!(told_grade >= grade && told_grade >= CipherGrade::Medium);
            // Where the answer gives no names, those in force count: nexthop for `secure`, host for `verify`.
            let default_match = |level: &str| if level == "secure" { "nexthop" } else { "hostname" };
            let matched = attributes.get("match").map_or(default_match(&told), String::as_str);
            let tls_versions = [None, Some(0), Some(1), Some(2), Some(3)];
            let mut deliverable = false;
            for (tls, bits) in tls_versions.into_iter().flat_map(|tls| (0u8..32).map(move |bits| (tls, bits))) {
                let delivery = oracle::Delivery {
                    tls,
                    verified_host: bits & 1 != 0,
                    verified_nexthop: bits & 2 != 0,
                    fingerprint: bits & 4 != 0,
                    tlsa_published: bits & 8 != 0,
                    tlsa_matches: bits & 16 != 0,
                };
                let status_wrong = match tlsa {
                    Tlsa::Present => !delivery.tlsa_published,
                    Tlsa::Absent => delivery.tlsa_published,
                    Tlsa::Unknown => false,
                };
                if status_wrong || !oracle::allowed(&told, matched, dane_usable, &attributes["protocols"], delivery) {
                    continue;
                }
                deliverable = true;
                prop_assert!(tls.is_some_and(|minor| minor >= least as u32), "{} takes {:?}", policy, delivery);
                let proven = delivery.verified_host || delivery.verified_nexthop || delivery.fingerprint
                    || delivery.tlsa_published && delivery.tlsa_matches;
                prop_assert!(!authenticated || proven, "{} takes {:?}", policy, delivery);
                // `none` forbids TLS; that is no strength.
                let before = if level == TlsLevel::None { "may" } else { level.as_str() };
                prop_assert!(
                    oracle::allowed(before, default_match(before), dane_usable, &list, delivery),
                    "{} takes {:?} that {} {} does not", policy, delivery, before, list
                );
            }
            let hopeless = told == "dane-only" && (!dane_usable || tlsa == Tlsa::Absent);
            prop_assert!(deliverable || hopeless, "{} can deliver nothing", policy);
            prop_assert!(!hopeless || level == TlsLevel::DaneOnly, "{} stops mail without need", policy);
        }
    }
}
