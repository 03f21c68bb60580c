//! Looks at a domain, with a zone and a policy host in memory.

use super::*;
use super::{error::FetchError, policy::Policy};
use crate::probe::{
    dns::{DnsFailure, Mx, Records, Security},
    tlsa::TlsaRecord,
};
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicUsize, Ordering};

const DAY: i64 = 24 * 3600;
const NOW: i64 = 2_000_000_000;

/// One domain, `example.dk`: by default it announces policy `a` and serves it.
struct Domain {
    txt: Result<Answer<Vec<u8>>, DnsFailure>,
    policy: Result<Policy, FetchError>,
    fetched: AtomicUsize,
}

impl Default for Domain {
    fn default() -> Self {
        Self { txt: texts(&["v=STSv1; id=a"]), policy: Ok(policy("enforce")), fetched: AtomicUsize::new(0) }
    }
}

impl Dns for Domain {
    fn mx<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<Mx>, DnsFailure>> {
        unreachable!("a policy needs no MX records")
    }
    fn addresses<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<IpAddr>, DnsFailure>> {
        unreachable!("it is for the client to find the host")
    }
    fn tlsa<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Answer<TlsaRecord>, DnsFailure>> {
        unreachable!("a policy needs no TLSA records")
    }
    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<Vec<u8>>, DnsFailure>> {
        assert_eq!(name, "_mta-sts.example.dk");
        Box::pin(async { self.txt.clone() })
    }
}

impl Fetch for Domain {
    fn fetch<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<Policy, FetchError>> {
        assert_eq!(domain, "example.dk");
        self.fetched.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { self.policy.clone() })
    }
}

impl Domain {
    async fn look(&self, held: Option<&Held>) -> Finding {
        look(self, self, "example.dk", held, NOW).await
    }

    fn fetches(&self) -> usize {
        self.fetched.load(Ordering::Relaxed)
    }
}

fn texts(texts: &[&str]) -> Result<Answer<Vec<u8>>, DnsFailure> {
    let data = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    Ok(Answer::Records(Records { data, security: Security::Insecure, canonical: "x".to_owned() }))
}

fn servfail() -> DnsFailure {
    DnsFailure { kind: "TXT".to_owned(), name: "x".to_owned(), reason: "SERVFAIL".to_owned() }
}

fn policy(mode: &str) -> Policy {
    let text = format!("version: STSv1\nmode: {mode}\nmx: mx.example.dk\nmax_age: 604800\n");
    Policy::parse(text.as_bytes()).unwrap()
}

fn held(id: &str, mode: &str, fetched: i64) -> Held {
    Held { id: id.into(), policy: policy(mode), fetched }
}

#[tokio::test]
async fn fetches_what_is_announced_for_the_first_time() {
    for mode in ["enforce", "testing", "none"] {
        let domain = Domain { policy: Ok(policy(mode)), ..Domain::default() };
        let finding = domain.look(None).await;
        assert_eq!(finding.held(), Some(&held("a", mode, NOW)));
        assert_eq!(finding.enforced().is_some(), mode == "enforce");
        assert_eq!(finding.kept_because, None);
        assert_eq!(domain.fetches(), 1);
    }
}

#[tokio::test]
async fn fetches_again_only_for_another_identifier_or_ahead_of_expiry() {
    for (id, age, fetches) in [("a", 0, 0), ("a", DAY - 1, 0), ("a", DAY, 1), ("a", 8 * DAY, 1), ("b", 0, 1)] {
        let domain = Domain { policy: Ok(policy("testing")), ..Domain::default() };
        let before = held(id, "enforce", NOW - age);
        let finding = domain.look(Some(&before)).await;
        assert_eq!(domain.fetches(), fetches, "{id} {age}");
        let expected = if fetches == 0 { before } else { held("a", "testing", NOW) };
        assert_eq!(finding.held(), Some(&expected), "{id} {age}");
    }
}

#[tokio::test]
async fn a_record_that_is_gone_or_broken_ends_nothing() {
    let reason = "malformed MTA-STS record: its id is not of 1 to 32 letters and digits";
    for (txt, said) in [
        (Ok(Answer::NoName), "no MTA-STS record"),
        (Ok(Answer::NoData), "no MTA-STS record"),
        (texts(&["v=spf1 -all"]), "no MTA-STS record"),
        (texts(&["v=STSv1; id=a", "v=STSv1; id=b"]), "2 MTA-STS records instead of one"),
        (texts(&["v=STSv1; id=-"]), reason),
    ] {
        let domain = Domain { txt, ..Domain::default() };
        let before = held("a", "enforce", NOW - 3 * DAY);
        let finding = domain.look(Some(&before)).await;
        assert_eq!((finding.held(), finding.kept_because.as_deref()), (Some(&before), Some(said)));
        let finding = domain.look(None).await;
        assert_eq!(finding.standing, Standing::Absent { reason: said.to_owned() });
        let expired = held("a", "enforce", NOW - 7 * DAY);
        assert_eq!(domain.look(Some(&expired)).await, finding);
        assert_eq!(domain.fetches(), 0);
    }
}

#[tokio::test]
async fn a_failure_of_dns_is_no_absence() {
    let domain = Domain { txt: Err(servfail()), ..Domain::default() };
    let reason = "DNS, TXT x: SERVFAIL".to_owned();
    assert_eq!(domain.look(None).await.standing, Standing::Unknown { reason: reason.clone() });
    let before = held("a", "enforce", NOW - 3 * DAY);
    let finding = domain.look(Some(&before)).await;
    assert_eq!((finding.held(), finding.kept_because.as_ref()), (Some(&before), Some(&reason)));
    assert_eq!(domain.fetches(), 0);
}

#[tokio::test]
async fn a_fetch_that_asked_nobody_is_no_absence() {
    for error in [FetchError::Dns(servfail()), FetchError::OurOwn("Too many open files".to_owned())] {
        let domain = Domain { policy: Err(error.clone()), ..Domain::default() };
        let reason = format!("MTA-STS policy a: {error}");
        assert_eq!(domain.look(None).await.standing, Standing::Unknown { reason });
    }
}

#[tokio::test]
async fn a_policy_that_cannot_be_fetched_is_none_unless_one_is_held() {
    let domain = Domain { policy: Err(FetchError::NotFound(404)), ..Domain::default() };
    let reason = "MTA-STS policy a: no policy file (status 404)".to_owned();
    assert_eq!(domain.look(None).await.standing, Standing::Absent { reason: reason.clone() });
    for (id, age) in [("b", 0), ("a", 3 * DAY)] {
        let before = held(id, "enforce", NOW - age);
        let finding = domain.look(Some(&before)).await;
        assert_eq!((finding.held(), finding.kept_because.as_deref()), (Some(&before), Some(reason.as_str())));
    }
    let expired = held("a", "enforce", NOW - 7 * DAY);
    assert_eq!(domain.look(Some(&expired)).await.standing, Standing::Absent { reason });
}

#[tokio::test]
async fn mode_none_ends_a_policy_and_is_itself_held() {
    let domain = Domain { txt: texts(&["v=STSv1; id=b"]), policy: Ok(policy("none")), ..Domain::default() };
    let finding = domain.look(Some(&held("a", "enforce", NOW - DAY))).await;
    assert_eq!((finding.held(), finding.enforced()), (Some(&held("b", "none", NOW)), None));
    assert_eq!(domain.look(finding.held()).await, finding);
    assert_eq!(domain.fetches(), 1);
}

#[tokio::test]
async fn what_is_no_domain_has_no_policy() {
    let domain = Domain::default();
    let long = format!("{}dk", "a.".repeat(125));
    for odd in ["", "192.0.2.1", "2001:db8::1", "[192.0.2.1]", "a b.dk", "a..dk", "r\u{f8}d.dk", "-a.dk", &long] {
        let finding = look(&domain, &domain, odd, None, NOW).await;
        assert!(matches!(finding.standing, Standing::Absent { .. }), "{odd}: {finding:?}");
    }
}
