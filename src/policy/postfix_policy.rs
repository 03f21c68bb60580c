//! What Postfix is told for a destination: one line of a TLS policy table (postconf(5) smtp_tls_policy_maps).
//!
//! A policy replaces the level of main.cf, upwards and downwards alike (Postfix `src/smtp/smtp_tls_policy.c`), so an
//! answer is made of two things: what the mail requires, and what is in force without us. It is never weaker than
//! either. Where no policy can be both, the answer is a temporary failure, and Postfix defers.

use super::{
    in_force::InForce,
    promise::{Extent, Promise},
};
use crate::{
    requirement::Requirement,
    tls_policy::{CipherGrade, PolicyLine, PostfixVersion, TlsLevel},
};

/// What an answer is made of.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the destination's pins ask.
    pub requirement: Option<Requirement>,
    /// The administrator's own policy for the destination.
    pub fixed: Option<&'a PolicyLine>,
    /// What the destination publishes.
    pub promise: &'a Promise,
    /// How far mail is held that no pin holds.
    pub held: Held,
    /// What is in force without us, or why that is not known.
    pub in_force: &'a Result<InForce, String>,
    /// Who asks.
    pub version: PostfixVersion,
}

/// How far mail is held that no pin holds.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Held {
    /// Not at all.
    #[default]
    Not,
    /// To what the destination publishes.
    ToPromise,
    /// And to TLS.
    ToTls,
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
/// - The administrator's own policy for the destination comes before everything; a requirement can only make it stricter.
/// - `fingerprint`, `dane-only`, `verify`, `secure` in force: that level, whatever is published. No `match` is given, so that
///   the names and fingerprints of main.cf, or of the service that asks, go on to count.
/// - What the destination publishes, where mail is held to it, and always for a requirement's sake: `dane-only` where every
///   host has TLSA records; `dane` where only some have or none can be used, which Postfix then tells apart host by host, and
///   where TLS is required the stricter of what that can be; the names of an MTA-STS policy. Where it cannot be told, mail
///   that is held to it waits, unless some host is known to have nothing and Postfix can tell the rest itself.
/// - Else a requirement asks for `encrypt`, or for a verified certificate; at `dane` in force for `dane-only`, where it is not
///   known that there are no TLSA records (Postfix looks them up itself, securely, and defers when there are none).
/// - A requirement narrows TLS versions to those allowed by both, and ciphers to grade medium or better. `exclude`,
///   `servername` and the like are left to main.cf.
///
/// Each attribute used is older than any Postfix supported; `protocols` is written as this version understands it.
pub fn answer(question: &Question<'_>) -> Answer {
    let Question { requirement, fixed, promise, held, in_force, version } = *question;
    let published = held != Held::Not && *promise != Promise::Nothing;
    if requirement.is_none() && fixed.is_none() && held < Held::ToTls && !published {
        return Answer::NotFound;
    }
    let in_force = match in_force {
        Ok(in_force) => in_force,
        Err(reason) => return Answer::Temp(one_line(reason)),
    };
    let level = match fixed {
        Some(line) => by_administrator(line, question, in_force),
        None => match level(question, in_force) {
            Ok(Some(level)) => level,
            Ok(None) => return Answer::NotFound,
            Err(reason) => return Answer::Temp(one_line(&reason)),
        },
    };
    let written = fixed.and_then(|line| line.protocols.as_ref());
    let Some(requirement) = requirement else {
        let protocols = written.map(|(protocols, _)| format!(" protocols={protocols}")).unwrap_or_default();
        let ciphers = fixed.and_then(|line| line.ciphers).map(|grade| format!(" ciphers={}", grade.as_str()));
        return Answer::Policy(format!("{level}{protocols}{}", ciphers.unwrap_or_default()));
    };
    let allowed = written.map_or(in_force.protocols, |(_, protocols)| *protocols);
    let Some(protocols) = allowed.attribute(requirement.min_tls(), version) else {
        let by = if written.is_some() { "[destinations.fixed]" } else { "smtp_tls_mandatory_protocols" };
        return Answer::Temp(format!("{} or newer is required, and {by} allows none of these", requirement.min_tls()));
    };
    let ciphers = fixed.and_then(|line| line.ciphers).unwrap_or(in_force.ciphers).max(LEAST_GRADE).as_str();
    Answer::Policy(format!("{level} protocols={protocols} ciphers={ciphers}"))
}

/// The level and names of the administrator's policy, or what a requirement makes of them.
fn by_administrator(line: &PolicyLine, question: &Question<'_>, in_force: &InForce) -> String {
    let as_written = || format!("{}{}", line.level, line.names());
    let Some(requirement) = question.requirement else { return as_written() };
    let dane = in_force.dane_usable;
    match line.level {
        TlsLevel::None | TlsLevel::May => from_nothing(requirement, dane, question.promise),
        TlsLevel::Encrypt => match requirement {
            Requirement::Encrypt(_) => as_written(),
            Requirement::Authenticated(_) => from_nothing(requirement, dane, question.promise),
        },
        // What is not known is looked up by Postfix, which defers where there is nothing.
        TlsLevel::Dane if dane && matches!(question.promise, Promise::Unknown(_) | Promise::SomeUnknown(_)) => {
            TlsLevel::DaneOnly.to_string()
        }
        TlsLevel::Dane => from_nothing(requirement, dane, question.promise),
        TlsLevel::Fingerprint | TlsLevel::DaneOnly | TlsLevel::Verify | TlsLevel::Secure => as_written(),
    }
}

/// Whether the answer depends on what the destination publishes.
pub fn depends_on_promise(
    requirement: Option<Requirement>,
    fixed: Option<&PolicyLine>,
    held: Held,
    in_force: &Result<InForce, String>,
) -> bool {
    let Ok(in_force) = in_force else { return false };
    let level = fixed.map_or(in_force.level, |line| line.level);
    let decided = matches!(level, TlsLevel::Fingerprint | TlsLevel::DaneOnly | TlsLevel::Verify | TlsLevel::Secure);
    match requirement {
        _ if decided => false,
        None => fixed.is_none() && held != Held::Not,
        Some(_) if held != Held::Not => true,
        Some(requirement) => {
            matches!(requirement, Requirement::Authenticated(_)) || in_force.dane_usable && level == TlsLevel::Dane
        }
    }
}

/// What a requirement asks of a destination that nothing else holds: the strongest that it publishes.
fn from_nothing(requirement: Requirement, dane_usable: bool, promise: &Promise) -> String {
    match (promise, requirement) {
        (Promise::Dane(Extent::EveryHost | Extent::SomeHosts), _) if dane_usable => TlsLevel::DaneOnly.to_string(),
        (Promise::MtaSts { names }, _) => by_names(names),
        (_, Requirement::Encrypt(_)) => TlsLevel::Encrypt.to_string(),
        (_, Requirement::Authenticated(_)) => VERIFIED.to_owned(),
    }
}

/// The names of an MTA-STS policy, asked of a server that is told which name is meant (RFC 8461 section 4; postconf(5)
/// smtp_tls_servername).
fn by_names(names: &str) -> String {
    format!("secure match={names} servername=hostname")
}

/// The level where the administrator has no policy of his own; `None` where that in force stands. `Err` with the reason where
/// mail must wait.
fn level(question: &Question<'_>, in_force: &InForce) -> Result<Option<String>, String> {
    let Question { requirement, held, promise, .. } = *question;
    let unchecked;
    let promise = match promise {
        Promise::Dane(extent) if !in_force.dane_usable => {
            unchecked = Promise::Unchecked(*extent);
            &unchecked
        }
        promise => promise,
    };
    let in_force_dane = in_force.level == TlsLevel::Dane && in_force.dane_usable;
    match in_force.level {
        TlsLevel::None | TlsLevel::May | TlsLevel::Encrypt | TlsLevel::Dane => {}
        TlsLevel::Fingerprint | TlsLevel::DaneOnly | TlsLevel::Verify | TlsLevel::Secure => {
            return Ok(requirement.map(|_| in_force.level.to_string()));
        }
    }
    let dane_only = || Ok(Some(TlsLevel::DaneOnly.to_string()));
    if let Some(requirement) = requirement {
        return match promise {
            // Hosts of which Postfix cannot tell are passed over, and so are those that have no records.
            Promise::SomeUnknown(_) if held != Held::Not && in_force.dane_usable => dane_only(),
            Promise::Unknown(reason) | Promise::SomeUnknown(reason) if held != Held::Not => Err(reason.clone()),
            Promise::Unknown(_) | Promise::SomeUnknown(_) if in_force_dane => dane_only(),
            promise => Ok(Some(from_nothing(requirement, in_force.dane_usable, promise))),
        };
    }
    let to_tls = held == Held::ToTls;
    let encrypt = || Ok(Some(TlsLevel::Encrypt.to_string()));
    // A table's answer replaces main.cf's level, so that `dane` is not to be answered where `encrypt` is in force.
    let opportunistic = !to_tls && in_force.level != TlsLevel::Encrypt;
    match promise {
        Promise::SomeUnknown(_) if opportunistic && held == Held::Not => Ok(None),
        Promise::SomeUnknown(_) if opportunistic && in_force_dane => Ok(None),
        Promise::SomeUnknown(_) if opportunistic && in_force.dane_usable => Ok(Some(TlsLevel::Dane.to_string())),
        Promise::Unknown(reason) | Promise::SomeUnknown(reason) => Err(reason.clone()),
        Promise::MtaSts { names } => Ok(Some(by_names(names))),
        Promise::Dane(_) | Promise::Unchecked(_) if held == Held::Not => Ok(None),
        Promise::Dane(Extent::EveryHost) => dane_only(),
        Promise::Dane(Extent::SomeHosts) if !opportunistic => dane_only(),
        Promise::Dane(_) if in_force_dane && opportunistic => Ok(None),
        Promise::Dane(_) if opportunistic => Ok(Some(TlsLevel::Dane.to_string())),
        Promise::Dane(_) | Promise::Unchecked(Extent::EveryHost | Extent::Unusable) => encrypt(),
        Promise::Unchecked(Extent::SomeHosts) | Promise::Nothing => {
            if to_tls {
                encrypt()
            } else {
                Ok(None)
            }
        }
    }
}

/// What is told besides to a Postfix that reports on TLS (RFC 8460; `smtp_tlsrpt_enable`, 3.10 and later, before which these
/// attributes are an error): the policy that the answer rests on.
pub fn for_tls_reports(answer: Answer, question: &Question<'_>, report: impl FnOnce() -> Option<String>) -> Answer {
    let Answer::Policy(policy) = answer else { return answer };
    let Promise::MtaSts { names } = question.promise else { return Answer::Policy(policy) };
    match report() {
        Some(report) if question.version.at_least(3, 10, 0) && policy.starts_with(&by_names(names)) => {
            Answer::Policy(format!("{policy} {report}"))
        }
        _ => Answer::Policy(policy),
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
    use crate::{requirement::TlsVersion, tls_policy::Protocols};
    use proptest::prelude::*;

    const V3_7: PostfixVersion = PostfixVersion::new(3, 7, 11);
    const V3_5: PostfixVersion = PostfixVersion::new(3, 5, 25);
    const ENCRYPT: Option<Requirement> = Some(Requirement::Encrypt(TlsVersion::V1_2));
    const AUTHENTICATED: Option<Requirement> = Some(Requirement::Authenticated(TlsVersion::V1_2));

    fn in_force(level: TlsLevel) -> InForce {
        let protocols = Protocols::parse(">=TLSv1").unwrap();
        InForce { level, protocols, ciphers: CipherGrade::Medium, dane_usable: true, has_authorities: true }
    }

    const PUBLISHED: Promise = Promise::Dane(Extent::EveryHost);

    fn sts() -> Promise {
        Promise::MtaSts { names: "mx.example:.example".to_owned() }
    }

    fn unknown() -> Promise {
        Promise::Unknown("DNS fails".to_owned())
    }

    fn some_unknown() -> Promise {
        Promise::SomeUnknown("DNS fails".to_owned())
    }

    fn ask(
        requirement: Option<Requirement>,
        in_force: &Result<InForce, String>,
        version: PostfixVersion,
        promise: &Promise,
        held: Held,
    ) -> Answer {
        answer(&Question { requirement, fixed: None, promise, held, in_force, version })
    }

    fn word(answer: Answer) -> String {
        match answer {
            Answer::Policy(policy) => policy,
            other => format!("{other:?}"),
        }
    }

    fn told(requirement: Option<Requirement>, in_force: InForce, version: PostfixVersion, promise: &Promise) -> String {
        word(ask(requirement, &Ok(in_force), version, promise, Held::Not))
    }

    #[test]
    fn nothing_asked_says_nothing() {
        for in_force in [Ok(in_force(TlsLevel::Secure)), Ok(in_force(TlsLevel::May)), Err("unknown".to_owned())] {
            for promise in [PUBLISHED, sts(), unknown(), Promise::Nothing] {
                assert_eq!(ask(None, &in_force, V3_7, &promise, Held::Not), Answer::NotFound);
            }
            assert_eq!(ask(None, &in_force, V3_7, &Promise::Nothing, Held::ToPromise), Answer::NotFound);
        }
    }

    #[test]
    fn level_follows_requirement_promise_and_what_is_in_force() {
        use TlsLevel as L;
        let verified = "verify match=hostname:nexthop:dot-nexthop";
        let names = "secure match=mx.example:.example servername=hostname";
        let (some, unusable) = (Promise::Dane(Extent::SomeHosts), Promise::Dane(Extent::Unusable));
        for (level, promise, encrypt, authenticated) in [
            (L::None, Promise::Nothing, "encrypt", verified),
            (L::May, Promise::Nothing, "encrypt", verified),
            (L::May, unknown(), "encrypt", verified),
            (L::May, PUBLISHED, "dane-only", "dane-only"),
            (L::May, some.clone(), "dane-only", "dane-only"),
            (L::May, unusable.clone(), "encrypt", verified),
            (L::May, sts(), names, names),
            (L::Encrypt, Promise::Nothing, "encrypt", verified),
            (L::Fingerprint, PUBLISHED, "fingerprint", "fingerprint"),
            (L::Dane, PUBLISHED, "dane-only", "dane-only"),
            (L::Dane, some, "dane-only", "dane-only"),
            (L::Dane, unusable, "encrypt", verified),
            (L::Dane, unknown(), "dane-only", "dane-only"),
            (L::Dane, some_unknown(), "dane-only", "dane-only"),
            (L::Dane, Promise::Nothing, "encrypt", verified),
            (L::Dane, sts(), names, names),
            (L::DaneOnly, Promise::Nothing, "dane-only", "dane-only"),
            (L::Verify, PUBLISHED, "verify", "verify"),
            (L::Secure, sts(), "secure", "secure"),
        ] {
            let rest = " protocols=>=TLSv1.2 ciphers=medium";
            assert_eq!(
                told(ENCRYPT, in_force(level), V3_7, &promise),
                format!("{encrypt}{rest}"),
                "{level} {promise:?}"
            );
            let told = told(AUTHENTICATED, in_force(level), V3_7, &promise);
            assert_eq!(told, format!("{authenticated}{rest}"), "{level} {promise:?}");
        }
    }

    #[test]
    fn other_mail_is_held_to_what_is_published() {
        use Extent::{EveryHost, SomeHosts, Unusable};
        use TlsLevel as L;
        let names = "secure match=mx.example:.example servername=hostname";
        let (nothing, temp) = ("NotFound", "Temp(\"DNS fails\")");
        for (level, promise, published, to_tls) in [
            (L::May, Promise::Nothing, nothing, "encrypt"),
            (L::May, unknown(), temp, temp),
            (L::May, sts(), names, names),
            (L::May, Promise::Dane(EveryHost), "dane-only", "dane-only"),
            (L::May, Promise::Dane(SomeHosts), "dane", "dane-only"),
            (L::May, Promise::Dane(Unusable), "dane", "encrypt"),
            (L::May, some_unknown(), "dane", temp),
            (L::Encrypt, some_unknown(), temp, temp),
            (L::Dane, some_unknown(), nothing, temp),
            (L::DaneOnly, some_unknown(), nothing, nothing),
            (L::May, Promise::Unchecked(EveryHost), "encrypt", "encrypt"),
            (L::May, Promise::Unchecked(SomeHosts), nothing, "encrypt"),
            (L::May, Promise::Unchecked(Unusable), "encrypt", "encrypt"),
            // Never weaker than main.cf.
            (L::Encrypt, Promise::Dane(SomeHosts), "dane-only", "dane-only"),
            (L::Encrypt, Promise::Dane(Unusable), "encrypt", "encrypt"),
            (L::Dane, Promise::Dane(EveryHost), "dane-only", "dane-only"),
            (L::Dane, Promise::Dane(SomeHosts), nothing, "dane-only"),
            (L::Dane, Promise::Dane(Unusable), nothing, "encrypt"),
            (L::Dane, sts(), names, names),
            // Postfix's `dane` is `may` where it sees no records.
            (L::Dane, Promise::Unchecked(EveryHost), "encrypt", "encrypt"),
            (L::Dane, Promise::Unchecked(Unusable), "encrypt", "encrypt"),
            (L::Dane, Promise::Unchecked(SomeHosts), nothing, "encrypt"),
            (L::DaneOnly, sts(), nothing, nothing),
            (L::Secure, unknown(), nothing, nothing),
        ] {
            for (held, expected) in [(Held::ToPromise, published), (Held::ToTls, to_tls)] {
                let told = word(ask(None, &Ok(in_force(level)), V3_7, &promise, held));
                assert_eq!(told, expected, "{level} {promise:?} {held:?}");
            }
        }
        let crippled = Ok(InForce { dane_usable: false, ..in_force(L::May) });
        assert_eq!(word(ask(None, &crippled, V3_7, &PUBLISHED, Held::ToPromise)), "encrypt");
        let broken = Err("unknown".to_owned());
        assert_eq!(word(ask(None, &broken, V3_7, &PUBLISHED, Held::ToPromise)), "Temp(\"unknown\")");
        // What cannot be told holds confidential mail too, where other mail would wait.
        assert_eq!(word(ask(ENCRYPT, &Ok(in_force(L::May)), V3_7, &unknown(), Held::ToPromise)), temp);
        let tagged = word(ask(ENCRYPT, &Ok(in_force(L::May)), V3_7, &some_unknown(), Held::ToPromise));
        assert!(tagged.starts_with("dane-only "), "{tagged}");
    }

    #[test]
    fn the_administrators_word_comes_first_and_a_requirement_tightens_it() {
        let rest = " protocols=>=TLSv1.2 ciphers=medium";
        for (line, plain, encrypt, authenticated) in [
            ("may", "may", "encrypt", "verify match=hostname:nexthop:dot-nexthop"),
            ("encrypt", "encrypt", "encrypt", "verify match=hostname:nexthop:dot-nexthop"),
            (
                "secure match=mx.example",
                "secure match=mx.example",
                "secure match=mx.example",
                "secure match=mx.example",
            ),
            ("dane-only", "dane-only", "dane-only", "dane-only"),
            ("dane", "dane", "dane-only", "dane-only"),
        ] {
            let fixed = PolicyLine::parse(line).unwrap();
            let ask = |requirement| {
                let in_force = Ok(in_force(TlsLevel::Secure));
                let (promise, held) = (&unknown(), Held::ToPromise);
                word(answer(&Question {
                    requirement,
                    fixed: Some(&fixed),
                    promise,
                    held,
                    in_force: &in_force,
                    version: V3_7,
                }))
            };
            assert_eq!(ask(None), plain);
            assert_eq!(ask(ENCRYPT), format!("{encrypt}{rest}"), "{line}");
            assert_eq!(ask(AUTHENTICATED), format!("{authenticated}{rest}"), "{line}");
        }
        let fixed = PolicyLine::parse("encrypt protocols=>=TLSv1.3 ciphers=high").unwrap();
        let in_force = Ok(in_force(TlsLevel::May));
        let ask = |requirement| {
            let (promise, held) = (&Promise::Nothing, Held::Not);
            word(answer(&Question {
                requirement,
                fixed: Some(&fixed),
                promise,
                held,
                in_force: &in_force,
                version: V3_7,
            }))
        };
        assert_eq!(ask(None), "encrypt protocols=>=TLSv1.3 ciphers=high");
        assert_eq!(ask(ENCRYPT), "encrypt protocols=>=TLSv1.3 ciphers=high");
    }

    #[test]
    fn reports_go_to_those_who_can_read_them() {
        let promise = sts();
        for (version, expected) in [("3.9.1", false), ("3.10.0", true), ("3.11.7", true)] {
            let version = PostfixVersion::parse(version).unwrap();
            let in_force = Ok(in_force(TlsLevel::May));
            let question = Question {
                requirement: None,
                fixed: None,
                promise: &promise,
                held: Held::ToPromise,
                in_force: &in_force,
                version,
            };
            let told = word(for_tls_reports(answer(&question), &question, || Some("policy_type=sts".to_owned())));
            assert_eq!(told.ends_with(" policy_type=sts"), expected, "{version}: {told}");
        }
    }

    #[test]
    fn dane_without_dnssec_is_may() {
        let crippled = InForce { dane_usable: false, ..in_force(TlsLevel::Dane) };
        assert!(told(ENCRYPT, crippled, V3_7, &PUBLISHED).starts_with("encrypt "));
        assert!(told(AUTHENTICATED, crippled, V3_7, &PUBLISHED).starts_with("verify "));
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
            assert!(told(ENCRYPT, in_force, V3_7, &Promise::Nothing).ends_with(&format!(" ciphers={told_grade}")));
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
            let answer = ask(Some(Requirement::Encrypt(least)), &Ok(in_force), V3_7, &Promise::Nothing, Held::Not);
            assert!(matches!(&answer, Answer::Temp(reason) if reason.contains("required")), "{mandatory}: {answer:?}");
        }
        let unknown = ask(ENCRYPT, &Err("level `halfdane`\nis unknown\0".into()), V3_7, &Promise::Nothing, Held::Not);
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
        assert_eq!(told(ENCRYPT, both, V3_7, &Promise::Nothing), "encrypt protocols=>=TLSv1.2:<=TLSv1.2 ciphers=high");
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
            pub(super) tlsa: Tlsa,
            /// Its certificate bears a name of the MTA-STS policy.
            pub(super) verified_policy: bool,
        }

        /// The TLSA records of the host.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub(super) enum Tlsa {
            None,
            Unusable,
            Matching,
            Mismatch,
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
            let level = match (level, delivery.tlsa) {
                ("dane", tlsa) if !dane || tlsa == Tlsa::None => "may",
                ("dane", Tlsa::Unusable) => "encrypt",
                ("dane", _) => "dane-only",
                ("dane-only", tlsa) if !dane || matches!(tlsa, Tlsa::None | Tlsa::Unusable) => return false,
                (other, _) => other,
            };
            let Some(minor) = delivery.tls else {
                return matches!(level, "none" | "may");
            };
            let by_name = matches.split(':').any(|name| match name {
                "hostname" => delivery.verified_host,
                "nexthop" | "dot-nexthop" => delivery.verified_nexthop,
                "mx.example" | ".example" => delivery.verified_policy,
                other => panic!("match={other}"),
            });
            let proven = match level {
                "none" => return false,
                // Cleartext is allowed here, so a version is no condition of its own.
                "may" => return true,
                "encrypt" => true,
                "fingerprint" => delivery.fingerprint,
                "dane-only" => delivery.tlsa == Tlsa::Matching,
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
                assert!(["protocols", "ciphers", "match", "servername"].contains(&name) && !value.is_empty(), "{word}");
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
        fn an_answer_allows_no_delivery_that_anything_forbids(
            level in prop::sample::select(TlsLevel::ALL.to_vec()),
            list in any_protocols(),
            grade in prop::sample::select(CipherGrade::ALL.to_vec()),
            dane_usable: bool,
            authenticated in any::<Option<bool>>(),
            least in prop::sample::select(vec![TlsVersion::V1_2, TlsVersion::V1_3]),
            modern: bool,
            promise in any_promise(),
            held in prop::sample::select(vec![Held::Not, Held::ToPromise, Held::ToTls]),
        ) {
            let requirement = authenticated.map(|authenticated| {
                if authenticated { Requirement::Authenticated(least) } else { Requirement::Encrypt(least) }
            });
            let protocols = Protocols::parse(&list).unwrap();
            let in_force = InForce { level, protocols, ciphers: grade, dane_usable, has_authorities: true };
            let version = if modern { V3_7 } else { V3_5 };
            // What Postfix cannot check, it does not see.
            let dane_seen = dane_usable && !matches!(promise, Promise::Unchecked(_));
            let possible = (least as u32..=3).any(|minor| oracle::protocol_allowed(&list, minor));
            let before = if level == TlsLevel::None { "may" } else { level.as_str() };
            let (told, attributes) = match ask(requirement, &Ok(in_force), version, &promise, held) {
                Answer::Policy(policy) => oracle::parse(&policy, modern),
                Answer::NotFound => {
                    prop_assert!(requirement.is_none());
                    (before.to_owned(), [].into())
                }
                Answer::Temp(_) => {
                    let waits = held != Held::Not && matches!(promise, Promise::Unknown(_) | Promise::SomeUnknown(_));
                    prop_assert!(waits || requirement.is_some() && !possible);
                    return Ok(());
                }
            };
            prop_assert!(requirement.is_none() || possible, "{} although nothing is left", told);
            if let Some(told_grade) = attributes.get("ciphers").and_then(|grade| CipherGrade::parse(grade)) {
                prop_assert!(told_grade >= grade && told_grade >= CipherGrade::Medium);
            }
            // Where the answer gives no names, those in force count: nexthop for `secure`, host for `verify`.
            let default_match = |level: &str| if level == "secure" { "nexthop" } else { "hostname" };
            let matched = attributes.get("match").map_or(default_match(&told), String::as_str);
            let protocols = attributes.get("protocols").unwrap_or(&list);
            let tls_versions = [None, Some(0), Some(1), Some(2), Some(3)];
            let tlsas = [oracle::Tlsa::None, oracle::Tlsa::Unusable, oracle::Tlsa::Matching, oracle::Tlsa::Mismatch];
            let worlds = tls_versions.into_iter().flat_map(|tls| tlsas.map(|tlsa| (tls, tlsa)));
            let (mut deliverable, mut otherwise) = (false, false);
            for ((tls, tlsa), bits) in worlds.flat_map(|world| (0u8..16).map(move |bits| (world, bits))) {
                let delivery = oracle::Delivery {
                    tls,
                    verified_host: bits & 1 != 0,
                    verified_nexthop: bits & 2 != 0,
                    fingerprint: bits & 4 != 0,
                    tlsa,
                    verified_policy: bits & 8 != 0,
                };
                let usable = matches!(tlsa, oracle::Tlsa::Matching | oracle::Tlsa::Mismatch);
                let possible_world = match promise {
                    Promise::Dane(Extent::EveryHost) | Promise::Unchecked(Extent::EveryHost) => usable,
                    Promise::Dane(Extent::SomeHosts) | Promise::Unchecked(Extent::SomeHosts) => true,
                    Promise::Dane(Extent::Unusable) | Promise::Unchecked(Extent::Unusable) => !usable,
                    Promise::Nothing | Promise::MtaSts { .. } => tlsa == oracle::Tlsa::None,
                    Promise::Unknown(_) | Promise::SomeUnknown(_) => true,
                };
                if !possible_world {
                    continue;
                }
                let least = if requirement.is_some() { least as u32 } else { 0 };
                otherwise |= tls.is_some_and(|minor| minor >= least && oracle::protocol_allowed(&list, minor))
                    && oracle::allowed(before, default_match(before), dane_seen, &list, delivery);
                if !oracle::allowed(&told, matched, dane_seen, protocols, delivery) {
                    continue;
                }
                deliverable = true;
                let about = format!("{told} {attributes:?} takes {delivery:?}");
                if requirement.is_some() {
                    prop_assert!(tls.is_some_and(|minor| minor >= least), "{}", about);
                }
                let proven = delivery.verified_host || delivery.verified_nexthop || delivery.fingerprint
                    || tlsa == oracle::Tlsa::Matching || delivery.verified_policy;
                prop_assert!(authenticated != Some(true) || proven, "{}", about);
                // `none` forbids TLS; that is no strength. A version is none either, where cleartext is allowed.
                prop_assert!(
                    oracle::allowed(before, default_match(before), dane_seen, &list, delivery)
                        // The names of a published policy are narrower than what `verify` and `secure` would take.
                        || delivery.verified_policy && matched != default_match(before),
                    "{} that {} {} does not", about, before, list
                );
                let strong = ["fingerprint", "dane-only", "verify", "secure"].contains(&before);
                if held != Held::Not && !strong {
                    let kept = match &promise {
                        Promise::Nothing => true,
                        Promise::MtaSts { .. } => delivery.verified_policy,
                        Promise::Unknown(_) => false,
                        Promise::Dane(_) if !dane_seen => true,
                        Promise::Dane(_) | Promise::SomeUnknown(_) => oracle::allowed("dane", matched, true, &list, delivery),
                        Promise::Unchecked(Extent::SomeHosts) => true,
                        Promise::Unchecked(_) => tls.is_some(),
                    };
                    prop_assert!(kept, "{} that {:?} does not", about, promise);
                    prop_assert!(held != Held::ToTls || tls.is_some(), "{}", about);
                }
            }
            prop_assert!(deliverable || !otherwise, "{} can deliver nothing, and {} could", told, before);
        }
    }

    fn any_promise() -> impl Strategy<Value = Promise> {
        let extent = prop::sample::select(vec![Extent::EveryHost, Extent::SomeHosts, Extent::Unusable]);
        prop_oneof![
            Just(Promise::Nothing),
            extent.clone().prop_map(Promise::Dane),
            extent.prop_map(Promise::Unchecked),
            Just(sts()),
            Just(unknown()),
            Just(some_unknown()),
        ]
    }
}
