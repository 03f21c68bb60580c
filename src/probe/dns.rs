//! What the probe asks of DNS, and what an answer is worth.
//!
//! Only a server's own word counts as absence: NXDOMAIN, or an answer without the record (RFC 2308). SERVFAIL, a
//! timeout, a referral, a signature that does not verify are failures, which pass.
//!
//! # DNSSEC
//! Answers are validated here, since only that shows whether TLSA records bind. hickory calls an answer bogus both
//! when it was tampered with and when the resolver it asks leaves the signatures out, as old and small forwarders
//! do; behind such a resolver every domain would be bogus. So when an answer does not validate, the root's SOA
//! record is asked for: where even that does not validate, this resolver strips DNSSEC, and answers are taken
//! unvalidated, as Postfix takes them (`Security::Unchecked`, asked again after [`RETEST`]). Where it does
//! validate, bogus is bogus, and stays so while the program runs: a resolver that once showed signatures and then
//! does not is an attack or a fault.
//!
//! Names that only the organisation's own servers know (`mail.corp.internal`) are no part of the signed tree: the root proves
//! that they do not exist. They are named in the configuration, and taken for unsigned.

use super::tlsa::TlsaRecord;
use crate::config::DomainSet;
use futures_util::future::BoxFuture;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts, ServerOrderingStrategy},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        dnssec::{Proof, TrustAnchors},
        op::ResponseCode,
        rr::{Name, RData, Record, RecordType},
    },
};
use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The longest chain of CNAME records followed.
const CNAMES_MAX: usize = 8;

/// After how long a resolver that strips DNSSEC is tested again.
const RETEST: Duration = Duration::from_secs(60);

/// How long hickory itself may hold an answer: the probe's own cache decides how long results are believed.
const POSITIVE_TTL_MAX: Duration = Duration::from_secs(3600);

/// The same for the absence of a record.
const NEGATIVE_TTL_MAX: Duration = Duration::from_secs(30);

/// The longest host name, in characters (RFC 1035 section 2.3.4).
const NAME_MAX: usize = 253;

/// An answer that DNS stands by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Answer<T> {
    /// There are such records.
    Records(Records<T>),
    /// The name exists, without such a record.
    NoData,
    /// There is no such name.
    NoName,
}

/// The records of one name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Records<T> {
    /// The records' data, in the order in which they came.
    pub(super) data: Vec<T>,
    /// What DNSSEC says of them and of the aliases that led to them.
    pub(super) security: Security,
    /// The name that they belong to, when aliases are followed.
    pub(super) canonical: String,
}

/// What DNSSEC says of an answer, least first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Security {
    /// Nothing: the resolver at hand strips it.
    Unchecked,
    /// The zone is provably unsigned.
    Insecure,
    /// Signed, from the root on.
    Secure,
}

/// One MX record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mx {
    /// Lower is tried first.
    pub(super) preference: u16,
    /// The host, in lower case, without trailing dot; empty for the root (RFC 7505).
    pub(super) host: String,
}

/// Why DNS gave no answer; may be another in a moment.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("DNS, {kind} {name}: {reason}")]
pub(super) struct DnsFailure {
    /// What was asked.
    pub(super) kind: String,
    /// Of whom.
    pub(super) name: String,
    /// What went wrong.
    pub(super) reason: String,
}

/// What the probe asks of DNS. Names come without trailing dot and are always absolute.
pub(super) trait Dns: Send + Sync {
    /// The MX records of a domain.
    fn mx<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<Answer<Mx>, DnsFailure>>;
    /// The addresses of a host, of both families.
    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Answer<IpAddr>, DnsFailure>>;
    /// The TLSA records of a name such as `_25._tcp.mx.example`.
    fn tlsa<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<TlsaRecord>, DnsFailure>>;
    /// The TXT records of a name, the strings of each put together (RFC 7208 section 3.3, RFC 8461 section 3.1).
    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<Vec<u8>>, DnsFailure>>;
}

/// Why there is no resolver.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolverError {
    /// The file of trust anchors.
    #[error("trust-anchor: {path}: {reason}")]
    TrustAnchor {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// /etc/resolv.conf.
    #[error("/etc/resolv.conf: {0}")]
    System(String),
    /// hickory would not.
    #[error("DNS resolver: {0}")]
    Build(String),
}

/// hickory's resolver, twice: one that validates, and one for where that cannot be done.
pub(super) struct Resolver {
    validating: TokioResolver,
    plain: TokioResolver,
    /// Domains that are in no public DNS, where nothing can be validated.
    private: DomainSet,
    path: Mutex<PathState>,
    /// Held by whoever tests the path, so that it is tested once.
    testing: tokio::sync::Mutex<()>,
}

/// What is known of the way to the DNS servers.
#[derive(Clone, Copy, Debug)]
enum PathState {
    Untested,
    Validates,
    Strips(Instant),
}

impl Resolver {
    /// A resolver that asks these servers (none: those of /etc/resolv.conf) and trusts the root's keys, or those of
    /// a file. What it hears of private domains is taken as it comes, for one of an unsigned zone.
    pub(super) fn new(
        nameservers: &[SocketAddr],
        trust_anchor: Option<&Path>,
        private: DomainSet,
    ) -> Result<Self, ResolverError> {
        let (config, options) = if nameservers.is_empty() {
            system()?
        } else {
            let servers = nameservers.iter().copied().map(nameserver).collect();
            (ResolverConfig::from_parts(None, Vec::new(), servers), ResolverOpts::default())
        };
        let anchors = match trust_anchor {
            None => TrustAnchors::default(),
            Some(path) => {
                let wrong = |reason: String| ResolverError::TrustAnchor { path: path.display().to_string(), reason };
                let anchors = TrustAnchors::from_file(path).map_err(|error| wrong(error.to_string()))?;
                if anchors.is_empty() {
                    return Err(wrong("no DNSKEY record of the root in it".to_owned()));
                }
                anchors
            }
        };
        let build = |validate: bool| {
            let mut options = options.clone();
            options.validate = validate;
            options.edns0 = true;
            // One server after the other in their order, as the C library asks them: of servers that differ in what they
            // know of DNSSEC the first counts, and not whichever is quicker.
            options.num_concurrent_reqs = 1;
            options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
            // As Postfix with smtp_host_lookup = dns: /etc/hosts does not count.
            options.use_hosts_file = ResolveHosts::Never;
            options.positive_max_ttl = Some(POSITIVE_TTL_MAX);
            options.negative_max_ttl = Some(NEGATIVE_TTL_MAX);
            let mut builder = TokioResolver::builder_with_config(config.clone(), TokioRuntimeProvider::default())
                .with_options(options);
            if validate {
                builder = builder.with_trust_anchor(Arc::new(anchors.clone()));
            }
            builder.build().map_err(|error| ResolverError::Build(error.to_string()))
        };
        Ok(Self {
            validating: build(true)?,
            plain: build(false)?,
            private,
            path: Mutex::new(PathState::Untested),
            testing: tokio::sync::Mutex::new(()),
        })
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Answer<RData>, DnsFailure> {
        let failure = |reason: String| DnsFailure { kind: kind.to_string(), name: name.to_owned(), reason };
        let query = host_name(name).ok_or_else(|| failure("no host name".to_owned()))?;
        if self.private.contains(name) {
            let answer = look_up(&self.plain, &query, kind, false).await;
            return answer.map(Answer::insecure).map_err(|fault| failure(fault.to_string()));
        }
        if self.known_to_strip() == Some(true) {
            return look_up(&self.plain, &query, kind, false).await.map_err(|fault| failure(fault.to_string()));
        }
        match look_up(&self.validating, &query, kind, true).await {
            Ok(answer) => {
                if matches!(&answer, Answer::Records(records) if records.security == Security::Secure) {
                    self.shows_signatures();
                }
                Ok(answer)
            }
            Err(fault) if fault.concerns_dnssec() && self.strips_dnssec().await => {
                look_up(&self.plain, &query, kind, false).await.map_err(|fault| failure(fault.to_string()))
            }
            Err(fault) => Err(failure(fault.to_string())),
        }
    }

    /// What is known of the path without testing it; `None` when it is to be tested.
    fn known_to_strip(&self) -> Option<bool> {
        match *self.path.lock().unwrap_or_else(PoisonError::into_inner) {
            PathState::Validates => Some(false),
            PathState::Strips(since) if since.elapsed() < RETEST => Some(true),
            PathState::Untested | PathState::Strips(_) => None,
        }
    }

    /// Notes that the path is one on which answers validate, so that it is no longer tested.
    fn shows_signatures(&self) {
        *self.path.lock().unwrap_or_else(PoisonError::into_inner) = PathState::Validates;
    }

    /// Whether the DNS servers withhold what validation needs; one test at a time, which others await.
    async fn strips_dnssec(&self) -> bool {
        let _turn = self.testing.lock().await;
        if let Some(known) = self.known_to_strip() {
            return known;
        }
        let found = match look_up(&self.validating, &Name::root(), RecordType::SOA, true).await {
            Ok(_) => PathState::Validates,
            Err(fault) if fault.concerns_dnssec() => PathState::Strips(Instant::now()),
            // The servers do not answer at all: nothing is learnt.
            Err(_) => return false,
        };
        let before = std::mem::replace(&mut *self.path.lock().unwrap_or_else(PoisonError::into_inner), found);
        let strips = matches!(found, PathState::Strips(_));
        if strips && matches!(before, PathState::Untested) {
            tracing::warn!("the DNS servers strip DNSSEC: answers are not validated, DANE cannot be seen");
        }
        strips
    }
}

impl Dns for Resolver {
    fn mx<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<Answer<Mx>, DnsFailure>> {
        Box::pin(async move {
            Ok(self.ask(domain, RecordType::MX).await?.filter_map(|data| match data {
                RData::MX(mx) => Some(Mx { preference: mx.preference, host: printed(&mx.exchange) }),
                _ => None,
            }))
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Answer<IpAddr>, DnsFailure>> {
        Box::pin(async move {
            let ip = |data| match data {
                RData::A(a) => Some(IpAddr::V4(a.0)),
                RData::AAAA(aaaa) => Some(IpAddr::V6(aaaa.0)),
                _ => None,
            };
            let (v4, v6) = tokio::join!(self.ask(host, RecordType::A), self.ask(host, RecordType::AAAA));
            merge(v4.map(|answer| answer.filter_map(ip)), v6.map(|answer| answer.filter_map(ip)))
        })
    }

    fn tlsa<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<TlsaRecord>, DnsFailure>> {
        Box::pin(async move {
            Ok(self.ask(name, RecordType::TLSA).await?.filter_map(|data| match data {
                RData::TLSA(tlsa) => Some(TlsaRecord::new(tlsa)),
                _ => None,
            }))
        })
    }

    fn txt<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Answer<Vec<u8>>, DnsFailure>> {
        Box::pin(async move {
            Ok(self.ask(name, RecordType::TXT).await?.filter_map(|data| match data {
                RData::TXT(txt) => Some(txt.txt_data.concat()),
                _ => None,
            }))
        })
    }
}

impl<T> Answer<T> {
    /// The same of a zone that is not signed.
    fn insecure(self) -> Self {
        match self {
            Self::Records(records) => Self::Records(Records { security: Security::Insecure, ..records }),
            none => none,
        }
    }

    fn filter_map<U>(self, map: impl FnMut(T) -> Option<U>) -> Answer<U> {
        match self {
            Self::Records(Records { data, security, canonical }) => {
                Answer::Records(Records { data: data.into_iter().filter_map(map).collect(), security, canonical })
            }
            Self::NoData => Answer::NoData,
            Self::NoName => Answer::NoName,
        }
    }
}

/// The answers for both address families in one. One family that is found is enough, as for Postfix
/// (`src/smtp/smtp_addr.c`); where neither is, a failure of either leaves it open.
fn merge(
    v4: Result<Answer<IpAddr>, DnsFailure>,
    v6: Result<Answer<IpAddr>, DnsFailure>,
) -> Result<Answer<IpAddr>, DnsFailure> {
    match (v4, v6) {
        (Ok(Answer::Records(mut v4)), Ok(Answer::Records(v6))) => {
            v4.data.extend(v6.data);
            // Either family's security obliges: whether TLSA records exist is asked when any address is secure.
            v4.security = v4.security.max(v6.security);
            Ok(Answer::Records(v4))
        }
        (Ok(Answer::Records(found)), _) | (_, Ok(Answer::Records(found))) => Ok(Answer::Records(found)),
        (Err(failure), _) | (_, Err(failure)) => Err(failure),
        (Ok(Answer::NoName), Ok(_)) | (Ok(_), Ok(Answer::NoName)) => Ok(Answer::NoName),
        (Ok(Answer::NoData), Ok(Answer::NoData)) => Ok(Answer::NoData),
    }
}

/// Why a lookup gave no answer.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{}", words(.0))]
    Net(NetError),
    #[error("chain of more than {CNAMES_MAX} aliases")]
    TooManyAliases,
    #[error("an answer without what was asked for")]
    Besides,
    #[error("a referral instead of an answer: the server does not resolve")]
    Referral,
    #[error("the server says {}", rcode(*.0))]
    Code(ResponseCode),
    #[error("DNSSEC validation failed")]
    Bogus,
}

impl Fault {
    /// Whether a server that knows nothing of DNSSEC would fail so.
    fn concerns_dnssec(&self) -> bool {
        use ResponseCode::{FormErr, NotImp, Refused};
        matches!(
            self,
            Self::Bogus
                | Self::Net(NetError::Dns(
                    DnsError::ResponseCode(FormErr | NotImp | Refused) | DnsError::DnssecBogus | DnsError::Nsec { .. }
                ))
        )
    }
}

/// The name of a response code as every tool writes it (IANA, "DNS RCODEs").
pub(super) fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::NotAuth => "NOTAUTH".to_owned(),
        other => format!("response code {}", u16::from(other)),
    }
}

fn words(error: &NetError) -> String {
    match error {
        NetError::Timeout => "no answer".to_owned(),
        NetError::Dns(DnsError::DnssecBogus | DnsError::Nsec { .. }) => "DNSSEC validation failed".to_owned(),
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the server says {}", rcode(*code)),
        other => other.to_string(),
    }
}

async fn look_up(
    resolver: &TokioResolver,
    name: &Name,
    kind: RecordType,
    validated: bool,
) -> Result<Answer<RData>, Fault> {
    let error = match resolver.lookup(name.clone(), kind).await {
        Ok(lookup) => return select(lookup.answers(), name, kind, validated),
        Err(error) => error,
    };
    let none = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => none,
        // Absence whose proof counts as insecure (NSEC3 with too many iterations, RFC 9276) is absence.
        NetError::Dns(DnsError::Nsec { proof: Proof::Insecure, ref response, .. }) => {
            return match response.response_code {
                ResponseCode::NXDomain => Ok(Answer::NoName),
                ResponseCode::NoError => Ok(Answer::NoData),
                code => Err(Fault::Code(code)),
            };
        }
        error => return Err(Fault::Net(error)),
    };
    match none.response_code {
        ResponseCode::NXDomain => Ok(Answer::NoName),
        ResponseCode::NoError if none.soa.is_none() && none.ns.is_some() => Err(Fault::Referral),
        // hickory says the same at the end of a chain of aliases that is too long, or a circle.
        ResponseCode::NoError if none.authorities.is_none() => {
            match resolver.lookup(name.clone(), RecordType::CNAME).await {
                Ok(_) => Err(Fault::TooManyAliases),
                Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Ok(Answer::NoData),
                Err(error) => Err(Fault::Net(error)),
            }
        }
        ResponseCode::NoError => Ok(Answer::NoData),
        code => Err(Fault::Code(code)),
    }
}

/// Follows the aliases from `name` through an answer and takes the records at their end: what else a server put
/// into its answer does not count.
fn select(answers: &[Record], name: &Name, kind: RecordType, validated: bool) -> Result<Answer<RData>, Fault> {
    let mut owner = name.clone();
    let mut security = if validated { Security::Secure } else { Security::Unchecked };
    let mut count = |record: &Record| -> Result<(), Fault> {
        match record.proof {
            _ if !validated => {}
            Proof::Secure => {}
            Proof::Insecure => security = Security::Insecure,
            Proof::Bogus | Proof::Indeterminate => return Err(Fault::Bogus),
        }
        Ok(())
    };
    for _ in 0..=CNAMES_MAX {
        let mut data = Vec::new();
        for record in answers.iter().filter(|record| record.record_type() == kind && record.name == owner) {
            count(record)?;
            data.push(record.data.clone());
        }
        if !data.is_empty() {
            return Ok(Answer::Records(Records { data, security, canonical: printed(&owner) }));
        }
        let alias = answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == owner => Some((record, target.0.clone())),
            _ => None,
        });
        let (record, target) = alias.ok_or(Fault::Besides)?;
        count(record)?;
        owner = target;
    }
    Err(Fault::TooManyAliases)
}

/// A host name as an absolute name; `None` for what is none.
fn host_name(host: &str) -> Option<Name> {
    if !is_host_name(host) {
        return None;
    }
    let mut name = Name::from_ascii(host).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// Whether a text can be a host's or domain's name: letters, digits, hyphens and underscores between dots, as
/// Postfix's `valid_hostname()` has it.
pub(super) fn is_host_name(host: &str) -> bool {
    host.len() <= NAME_MAX
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

/// A name in lower case without trailing dot; what is not ASCII in it is escaped.
fn printed(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn nameserver(address: SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    server.connections.iter_mut().for_each(|connection: &mut ConnectionConfig| connection.port = address.port());
    server
}

fn system() -> Result<(ResolverConfig, ResolverOpts), ResolverError> {
    let (config, options) =
        hickory_resolver::system_conf::read_system_conf().map_err(|error| ResolverError::System(error.to_string()))?;
    Ok((ResolverConfig::from_parts(None, Vec::new(), config.name_servers().to_vec()), options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::rdata::{A, CNAME, MX};
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        host_name(text).unwrap()
    }

    fn record(owner: &str, data: RData, proof: Proof) -> Record {
        let mut record = Record::from_rdata(name(owner), 60, data);
        record.proof = proof;
        record
    }

    fn alias(owner: &str, target: &str, proof: Proof) -> Record {
        record(owner, RData::CNAME(CNAME(name(target))), proof)
    }

    fn a(owner: &str, last: u8, proof: Proof) -> Record {
        record(owner, RData::A(A::new(192, 0, 2, last)), proof)
    }

    fn found(answer: Result<Answer<RData>, Fault>) -> (usize, Security, String) {
        match answer {
            Ok(Answer::Records(records)) => (records.data.len(), records.security, records.canonical),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn takes_the_records_of_the_name_and_no_others() {
        use Proof::{Insecure, Secure};
        let answers = [
            a("mx.example", 1, Secure),
            a("other.example", 2, Insecure),
            a("mx.example", 3, Secure),
            record("mx.example", RData::MX(MX::new(1, name("x.example"))), Insecure),
        ];
        let (count, security, canonical) = found(select(&answers, &name("MX.example"), RecordType::A, true));
        assert_eq!((count, security, canonical.as_str()), (2, Security::Secure, "mx.example"));
        let stranger = [a("other.example", 2, Secure)];
        assert!(matches!(select(&stranger, &name("mx.example"), RecordType::A, true), Err(Fault::Besides)));
        assert!(matches!(select(&[], &name("mx.example"), RecordType::A, true), Err(Fault::Besides)));
    }

    #[test]
    fn a_chain_is_as_secure_as_its_weakest_link() {
        use Proof::{Bogus, Indeterminate, Insecure, Secure};
        for (first, second, last, expected) in [
            (Secure, Secure, Secure, Some(Security::Secure)),
            (Insecure, Secure, Secure, Some(Security::Insecure)),
            (Secure, Insecure, Secure, Some(Security::Insecure)),
            (Secure, Secure, Insecure, Some(Security::Insecure)),
            (Secure, Bogus, Secure, None),
            (Secure, Secure, Indeterminate, None),
        ] {
            // In no particular order, as servers may send them.
            let answers = [
                a("c.example", 1, last),
                alias("b.example", "c.example", second),
                alias("a.example", "b.example", first),
            ];
            let answer = select(&answers, &name("a.example"), RecordType::A, true);
            match expected {
                Some(security) => assert_eq!(found(answer), (1, security, "c.example".to_owned())),
                None => assert!(matches!(answer, Err(Fault::Bogus))),
            }
            let unchecked = select(&answers, &name("a.example"), RecordType::A, false);
            assert_eq!(found(unchecked).1, Security::Unchecked);
        }
    }

    #[test]
    fn circles_and_long_chains_end() {
        let circle =
            [alias("a.example", "b.example", Proof::Insecure), alias("b.example", "a.example", Proof::Insecure)];
        assert!(matches!(select(&circle, &name("a.example"), RecordType::A, true), Err(Fault::TooManyAliases)));
        let chain = |length: usize| {
            let mut answers: Vec<_> =
                (0..length).map(|n| alias(&format!("n{n}"), &format!("n{}", n + 1), Proof::Insecure)).collect();
            answers.push(a(&format!("n{length}"), 1, Proof::Insecure));
            select(&answers, &name("n0"), RecordType::A, true)
        };
        assert_eq!(found(chain(CNAMES_MAX)).0, 1);
        assert!(matches!(chain(CNAMES_MAX + 1), Err(Fault::TooManyAliases)));
    }

    #[test]
    fn one_family_of_addresses_is_enough_and_a_failure_is_no_absence() {
        let records = |last: u8, security| {
            let data = vec![IpAddr::from([192, 0, 2, last])];
            Ok(Answer::Records(Records { data, security, canonical: "mx.example".to_owned() }))
        };
        let failure = || DnsFailure { kind: "A".to_owned(), name: "mx.example".to_owned(), reason: "x".to_owned() };
        let both = merge(records(1, Security::Insecure), records(2, Security::Secure));
        let Ok(Answer::Records(both)) = both else { panic!("{both:?}") };
        assert_eq!((both.data.len(), both.security), (2, Security::Secure));
        for other in [Ok(Answer::NoData), Ok(Answer::NoName), Err(failure())] {
            assert!(matches!(merge(records(1, Security::Secure), other.clone()), Ok(Answer::Records(_))));
            assert!(matches!(merge(other, records(1, Security::Secure)), Ok(Answer::Records(_))));
        }
        for none in [Ok(Answer::NoData), Ok(Answer::NoName)] {
            assert_eq!(merge(none.clone(), Err(failure())), Err(failure()));
            assert_eq!(merge(Err(failure()), none), Err(failure()));
        }
        assert_eq!(merge(Ok(Answer::NoData), Ok(Answer::NoData)), Ok(Answer::NoData));
        assert_eq!(merge(Ok(Answer::NoName), Ok(Answer::NoName)), Ok(Answer::NoName));
    }

    #[test]
    fn knows_host_names() {
        for good in ["example", "mx-1.example.dk", "_25._tcp.mx.example", "xn--rdgrd-vuad.example", "1.example"] {
            assert!(is_host_name(good), "{good}");
        }
        let long = "a.".repeat(127);
        let label = "a".repeat(64);
        for bad in ["", ".", "a..b", ".a", "a.", "a b", "rød.dk", "a\\046b", "-a.dk", "a-.dk", "a/b", &long, &label] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_name_server_keeps_its_port() {
        let server = nameserver("[2001:db8::53]:5353".parse().unwrap());
        assert_eq!(server.ip, "2001:db8::53".parse::<IpAddr>().unwrap());
        assert!(server.connections.len() == 2 && server.connections.iter().all(|c| c.port == 5353));
    }

    proptest! {
        #[test]
        fn every_host_name_is_a_dns_name(text in "[a-zA-Z0-9_.-]{1,80}") {
            prop_assert_eq!(host_name(&text).is_some(), is_host_name(&text));
        }
    }
}
