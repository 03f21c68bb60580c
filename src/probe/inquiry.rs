//! One destination, looked at from beginning to end.

use super::{
    Capability, HostDane, HostReport, HostState, MtaSts, Published, Report, Tlsa,
    ad::PostfixDns,
    address::{self, Refusal},
    binding::{Binding, Verdict},
    capability,
    connect::connect,
    dane::{self, Found},
    dns::{Answer, Dns, DnsFailure, Records, Security, is_host_name},
    flights::{Finding, Flights, Inquire, Progress},
    history::{self, History, LetGo},
    manner::{HostLookup, Manner, Manners},
    mx::{self, Host, Hosts, Route},
    native,
    prober::can_be_said,
    smtp::{self, Offer},
    starttls::{HandshakeError, Trust},
    turns::Turns,
};
use crate::{clock::unix_time, network::Network, nexthop::Destination, requirement::TlsVersion};
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, join_all},
    stream,
};
use std::{collections::HashMap, io, net::IpAddr, sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::timeout};

/// How many connections one destination gets at once.
const CONNECTIONS: usize = 4;

/// Why a certificate proves nothing that is good.
const NO_AUTHORITIES: &str =
    "Postfix has no certificate authorities to verify its certificate by (smtp_tls_CApath, smtp_tls_CAfile)";

/// Where servers speak TLS from the start (RFC 8314 section 3).
pub(super) const TLS_PORT: u16 = 465;

/// How to look.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The name in EHLO; empty: that of [`Manner`].
    pub(super) helo: String,
    pub(super) port: u16,
    pub(super) step_time: Duration,
    pub(super) max_time: Duration,
    pub(super) max_hosts: usize,
    pub(super) max_addresses: usize,
    pub(super) allowed: Vec<Network>,
    pub(super) lifetimes: Lifetimes,
    pub(super) let_go: LetGo,
}

/// How long results are believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) found: Duration,
    pub(super) negative: Duration,
    pub(super) failure: Duration,
}

impl Lifetimes {
    /// What is unknown is asked again soonest, DANE included.
    fn of(&self, capability: &Capability, tlsa: &Tlsa) -> Duration {
        let by_tlsa = if matches!(tlsa, Tlsa::Unknown { .. }) { self.failure } else { self.found };
        let by_capability = match capability {
            Capability::Authenticated { .. } | Capability::Encrypted { .. } => self.found,
            Capability::Cleartext { .. } | Capability::Undeliverable { .. } => self.negative,
            Capability::Unknown { .. } => self.failure,
        };
        by_capability.min(by_tlsa)
    }
}

/// The real thing.
pub(super) struct Inquiry {
    pub(super) dns: Arc<dyn Dns>,
    pub(super) postfix_dns: Arc<PostfixDns>,
    /// What the destination publishes besides.
    pub(super) published: Flights<Published>,
    pub(super) trust: Trust,
    pub(super) manners: Arc<dyn Manners>,
    pub(super) turns: Turns,
    pub(super) settings: Settings,
}

impl Inquire<Report> for Inquiry {
    fn inquire<'a>(
        &'a self,
        destination: &'a Destination,
        before: Option<Arc<Report>>,
        progress: Progress<'a, Report>,
    ) -> BoxFuture<'a, Report> {
        Box::pin(async move {
            let before = before.and_then(|before| before.history);
            let report = self.look(destination, &|report| progress(self.dated(report, before))).await;
            let report = self.dated(report, before);
            if before.is_some() && report.history.is_none() {
                tracing::warn!(
                    "{destination}: {} probes in a row found no TLS: other mail is no longer held to it there",
                    self.settings.let_go.probes
                );
            }
            report
        })
    }
}

impl Inquiry {
    /// A report with what it makes of the destination's history.
    fn dated(&self, report: Report, before: Option<History>) -> Report {
        // As long as not all hosts have answered, TLS may still be found.
        let history = match report.exhaustive || report.outlives() {
            true => history::next(before, &report.capability, self.settings.let_go, unix_time()),
            false => before,
        };
        Report { history, ..report }
    }

    async fn look(&self, destination: &Destination, progress: Progress<'_, Report>) -> Report {
        let manner = &self.manner();
        if let Some(reason) = &manner.cannot_vouch {
            return self.verdict(Capability::Unknown { reason: reason.clone() });
        }
        let port = match mx::port(destination, self.settings.port).await {
            Ok(TLS_PORT) if !manner.wraps(TLS_PORT) => {
                let reason = "port 465 speaks TLS from the start, and no transport has smtp_tls_wrappermode".to_owned();
                return self.verdict(Capability::Unknown { reason });
            }
            Ok(port) => port,
            Err(reason) => return self.verdict(Capability::Unknown { reason }),
        };
        let Hosts { hosts, complete, mx_secure, domains } =
            match mx::route(&*self.dns, manner, destination, self.settings.max_hosts).await {
                Route::Hosts(hosts) => hosts,
                Route::Nowhere(reason) => return self.verdict(Capability::Undeliverable { reason }),
                Route::Unknown(reason) => return self.verdict(Capability::Unknown { reason }),
            };
        // Asked anew each time: interfaces come and go.
        let own = match address::own() {
            Ok(own) => own,
            Err(error) => {
                let reason = format!("this host's own addresses cannot be told: {error}");
                return self.verdict(Capability::Unknown { reason });
            }
        };
        let resolved = join_all(hosts.iter().map(|host| addresses(&*self.dns, manner, host))).await;
        let mut whole = complete;
        let mut reports = Vec::new();
        for (host, answer) in hosts.iter().zip(&resolved) {
            whole &= self.targets(host, answer, manner, port, &own, &mut reports);
        }
        leave_out_ourselves(&hosts, &mut reports);

        // Each host's records are asked for once, while others are already contacted.
        let bonds: HashMap<&str, _> = hosts
            .iter()
            .zip(&resolved)
            .map(|(host, answer)| (host.name.as_str(), self.bond(host, answer, port, &domains).shared()))
            .collect();
        let dane = async {
            let bonds = join_all(hosts.iter().filter_map(|host| bonds.get(host.name.as_str()).cloned())).await;
            let found: Vec<Found> = bonds.iter().map(|bond| bond.found.clone()).collect();
            let tlsa = dane::fold(&found, complete, mx_secure);
            let sees = match tlsa {
                Tlsa::Present { .. } | Tlsa::Unusable { .. } => {
                    // Where MX records are not secure Postfix need not see them so.
                    let mx_of = if mx_secure { domains.first().map(String::as_str) } else { None };
                    match dane::base_domain(found.iter()) {
                        Some(base_domain) => self.postfix_dns.sees_dane(destination, port, base_domain, mx_of).await,
                        None => None,
                    }
                }
                _ => None,
            };
            (bonds, tlsa, sees)
        };
        let contacts = async {
            let waiting: Vec<_> = reports
                .iter()
                .enumerate()
                .filter(|(_, report)| report.state == HostState::Unknown && report.address.is_some())
                .filter_map(|(n, report)| {
                    let (report, bond) = (report.clone(), bonds.get(report.host.as_str())?.clone());
                    Some(async move { (n, self.contact(report, manner, port, &*bond.await).await) }.boxed())
                })
                .collect();
            let mut answers = stream::iter(waiting).buffer_unordered(CONNECTIONS);
            let mut so_far = reports.clone();
            while let Some((n, report)) = answers.next().await {
                so_far[n] = report;
                let tlsa = Tlsa::Unknown { reason: "not all of DNS has answered yet".to_owned() };
                // DANE proves nothing yet, so that there may be better to come.
                progress(Report { exhaustive: false, ..self.report(so_far.clone(), whole, false, tlsa) });
            }
            so_far
        };
        // Half of the time that there is in all: what is heard of the hosts must not be lost over it.
        let published = self.published.ask(destination, self.settings.max_time / 2);
        let ((bonds, tlsa, postfix_sees_dane), mut reports, published) = tokio::join!(dane, contacts, published);
        for report in reports.iter_mut().filter(|report| report.dane == HostDane::Unknown) {
            let bond = hosts.iter().zip(&bonds).find(|(host, _)| host.name == report.host);
            report.dane = bond.map_or(HostDane::Unknown, |(_, bond)| bond.without_certificate());
        }
        let dane_counts = manner.checks_dane && postfix_sees_dane != Some(false);
        if !dane_counts {
            // What DANE says against a host with TLS does not keep Postfix from it.
            for report in reports.iter_mut().filter(|report| report.tls.is_some()) {
                report.state = HostState::Tls;
            }
        }
        if !manner.has_authorities {
            // Nor can it be asked of Postfix that it verify one: it would defer all mail.
            for report in reports.iter_mut().filter(|report| report.verified) {
                report.verified = false;
                report.error.get_or_insert(NO_AUTHORITIES.to_owned());
            }
        }
        // DANE goes before MTA-STS (RFC 8461 section 2).
        if let MtaSts::Policy(policy) = &published.mta_sts
            && policy.is_enforced()
            && manner.has_authorities
            && !(mx_secure && dane_counts && matches!(tlsa, Tlsa::Present { .. }))
        {
            capability::hold(&mut reports, policy);
        }
        Report { postfix_sees_dane, ..self.report(reports, whole, mx_secure && dane_counts, tlsa) }
    }

    /// What binds a host.
    async fn bond(
        &self,
        host: &Host,
        addresses: &Result<Answer<IpAddr>, DnsFailure>,
        port: u16,
        domains: &[String],
    ) -> Arc<Bond> {
        let found = dane::of_host(&*self.dns, &host.name, addresses, port).await;
        let binding = match &found {
            Found::Usable { records, base_domain } => {
                let names = std::iter::once(base_domain).chain(domains).cloned().collect();
                Some(Arc::new(Binding { records: records.clone(), names }))
            }
            _ => None,
        };
        Arc::new(Bond { found, binding })
    }

    fn report(&self, hosts: Vec<HostReport>, complete: bool, dane_proves: bool, tlsa: Tlsa) -> Report {
        let capability = capability::fold(&hosts, complete, dane_proves);
        let exhaustive =
            complete && !hosts.iter().any(|host| matches!(host.state, HostState::Unknown | HostState::Refused));
        let lifetime = self.settings.lifetimes.of(&capability, &tlsa);
        Report { capability, exhaustive, hosts, tlsa, postfix_sees_dane: None, history: None, lifetime }
    }

    /// A report about a destination without hosts.
    fn verdict(&self, capability: Capability) -> Report {
        let (tlsa, exhaustive) = match &capability {
            Capability::Unknown { reason } => (Tlsa::Unknown { reason: reason.clone() }, false),
            _ => (Tlsa::Absent, true),
        };
        let lifetime = self.settings.lifetimes.of(&capability, &tlsa);
        Report { capability, exhaustive, hosts: Vec::new(), tlsa, postfix_sees_dane: None, history: None, lifetime }
    }

    /// What is to be done for one host: a report for each of its addresses, in state unknown where it is still to be
    /// contacted. Says whether these are all its addresses.
    fn targets(
        &self,
        host: &Host,
        answer: &Result<Answer<IpAddr>, DnsFailure>,
        manner: &Manner,
        port: u16,
        own: &[IpAddr],
        reports: &mut Vec<HostReport>,
    ) -> bool {
        let report = |address, state, error: String| HostReport {
            host: host.name.clone(),
            address,
            state,
            starttls: None,
            tls: None,
            key_exchange: None,
            verified: false,
            name_proven: host.proven,
            in_policy: false,
            dane: HostDane::Unknown,
            error: Some(error),
        };
        let addresses = match answer {
            Ok(Answer::Records(records)) => &records.data,
            Ok(Answer::NoData) => {
                reports.push(report(None, HostState::Absent, "it has no address".to_owned()));
                return true;
            }
            Ok(Answer::NoName) => {
                reports.push(report(None, HostState::Absent, "no such host".to_owned()));
                return true;
            }
            Err(failure) => {
                reports.push(report(None, HostState::Unknown, failure.to_string()));
                return true;
            }
        };
        let limit = self.settings.max_addresses.max(1);
        let mut addresses = addresses.clone();
        manner.sort(&mut addresses);
        for address in addresses.iter().take(limit) {
            let (state, error) = match address::refusal(*address, own, &self.settings.allowed) {
                _ if !manner.uses(*address) => {
                    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
                    (HostState::NoRoute, format!("Postfix does not use {family} (inet_protocols)"))
                }
                None if manner.discards_starttls && !manner.wraps(port) => {
                    let error = "Postfix asks no server for TLS (smtp_discard_ehlo_keywords has starttls)";
                    (HostState::Cleartext, error.to_owned())
                }
                None => (HostState::Unknown, "no answer yet".to_owned()),
                Some(refusal @ Refusal::Own(_)) => (HostState::Ourselves, refusal.to_string()),
                Some(refusal @ Refusal::NotPublic { .. }) => (HostState::Refused, refusal.to_string()),
            };
            reports.push(report(Some(*address), state, error));
        }
        addresses.iter().filter(|address| manner.uses(**address)).count() <= limit
    }

    /// How Postfix does it now, with the name to say in EHLO.
    fn manner(&self) -> Manner {
        let mut manner = self.manners.manner();
        if !self.settings.helo.is_empty() {
            manner.helo.clone_from(&self.settings.helo);
        } else if !can_be_said(&manner.helo) {
            let reason = format!("smtp_helo_name `{}` cannot be given in EHLO", manner.helo.escape_default());
            manner.cannot_vouch.get_or_insert(reason);
        }
        manner
    }

    /// Connects to a host and speaks SMTP until TLS may begin; `Err` with the report where it comes to none.
    async fn ask_for_tls(
        &self,
        mut report: HostReport,
        manner: &Manner,
        port: u16,
    ) -> Result<(TcpStream, HostReport), HostReport> {
        let Some(address) = report.address else { return Err(report) };
        let step_time = self.settings.step_time;
        let stream = match timeout(step_time, connect((address, port).into(), manner)).await {
            Err(_) => {
                let error = format!("connect: no answer within {}s", step_time.as_secs());
                return Err(ended(report, HostState::Unknown, error));
            }
            Ok(Err(error)) => {
                return Err(ended(report, state_of(error.system()), without_number(&error.to_string())));
            }
            Ok(Ok(stream)) => stream,
        };
        if manner.wraps(port) {
            return Ok((stream, report));
        }
        match smtp::ask_for_tls(stream, &manner.helo, step_time).await {
            Err(error) => {
                report.starttls = error.offered();
                Err(ended(report, HostState::Unknown, error.to_string()))
            }
            Ok(Offer::Absent) => {
                report.starttls = Some(false);
                Err(ended(report, HostState::Cleartext, "STARTTLS is not offered".to_owned()))
            }
            Ok(Offer::Refused(reply)) => {
                report.starttls = Some(true);
                let error = format!("STARTTLS is offered and refused: \"{reply}\"");
                Err(ended(report, HostState::Unknown, error))
            }
            Ok(Offer::Granted(stream)) => {
                report.starttls = Some(true);
                Ok((stream, report))
            }
        }
    }

    /// Contacts a host, once nobody else does.
    async fn contact(&self, report: HostReport, manner: &Manner, port: u16, bond: &Bond) -> HostReport {
        let Some(address) = report.address else { return report };
        let _turn = self.turns.wait(address).await;
        let step_time = self.settings.step_time;
        let (stream, mut report) = match self.ask_for_tls(report, manner, port).await {
            Ok(granted) => granted,
            Err(report) => return report,
        };
        let error = match self.trust.handshake(stream, &report.host, bond.binding.as_ref(), step_time).await {
            Ok(handshake) => {
                report.tls = Some(handshake.version);
                report.verified = handshake.verified.is_ok();
                (report.state, report.dane, report.error) = match handshake.dane {
                    None => (HostState::Tls, bond.without_certificate(), handshake.verified.err()),
                    Some(Verdict::Matches) => (HostState::Tls, HostDane::Matches, handshake.verified.err()),
                    Some(Verdict::Mismatch(why)) => {
                        (HostState::DaneMismatch, HostDane::Mismatch, Some(format!("DANE: {why}")))
                    }
                    Some(Verdict::Undecided(why)) => {
                        (HostState::Unknown, HostDane::Unknown, Some(format!("DANE: {why}")))
                    }
                };
                return report;
            }
            Err(error) => error,
        };
        match error {
            HandshakeError::TooOld => ended(report, HostState::Cleartext, error.to_string()),
            HandshakeError::Inconclusive(_) => ended(report, HostState::Unknown, error.to_string()),
            HandshakeError::OddCertificate { version, .. } => unchecked(report, bond, version, error.to_string()),
            HandshakeError::Incompatible(_) => self.ask_older(report, manner, port, bond, error).await,
        }
    }

    /// Connects once more to a host with which rustls could not shake hands, and which may speak what OpenSSL does.
    async fn ask_older(
        &self,
        report: HostReport,
        manner: &Manner,
        port: u16,
        bond: &Bond,
        error: HandshakeError,
    ) -> HostReport {
        let failed = ended(report.clone(), HostState::Unknown, error.to_string());
        let Ok((stream, mut report)) = self.ask_for_tls(report, manner, port).await else { return failed };
        let base_domain = bond.binding.as_ref().and_then(|binding| binding.names.first());
        let name = base_domain.unwrap_or(&report.host).clone();
        match self.trust.ask_older(stream, &name, self.settings.step_time).await {
            Ok(older) => {
                report.key_exchange = Some(older.exchange);
                let error = format!("cipher {}: only OpenSSL speaks it, the certificate was not checked", older.cipher);
                unchecked(report, bond, TlsVersion::V1_2, error)
            }
            Err(error @ HandshakeError::TooOld) => ended(report, HostState::Cleartext, error.to_string()),
            Err(_) => failed,
        }
    }
}

/// A report of how it ended.
fn ended(report: HostReport, state: HostState, error: String) -> HostReport {
    HostReport { state, error: Some(error), ..report }
}

/// A report of TLS with a certificate that could not be checked. Where TLSA records bind it, Postfix checks it against
/// them, and what comes of that is not known.
fn unchecked(report: HostReport, bond: &Bond, version: TlsVersion, error: String) -> HostReport {
    let state = if bond.binding.is_some() { HostState::Unknown } else { HostState::Tls };
    let dane = bond.without_certificate();
    HostReport { tls: Some(version), dane, ..ended(report, state, error) }
}

/// What the TLSA records of a host bind it to.
struct Bond {
    found: Found,
    /// There where there are usable ones.
    binding: Option<Arc<Binding>>,
}

impl Bond {
    /// What can be said without having seen a certificate.
    fn without_certificate(&self) -> HostDane {
        match self.found {
            Found::Unusable { .. } => HostDane::Unusable,
            Found::Absent | Found::NoHost => HostDane::Absent,
            Found::Usable { .. } | Found::Unchecked | Found::Unknown(_) => HostDane::Unknown,
        }
    }
}

/// The addresses of a host, found where Postfix finds them.
pub(super) async fn addresses(dns: &dyn Dns, manner: &Manner, host: &Host) -> Result<Answer<IpAddr>, DnsFailure> {
    // Postfix takes an address for a host's name, in MX records too.
    if let Ok(address) = host.name.parse::<IpAddr>() {
        let records = Records { data: vec![address], security: Security::Insecure, canonical: host.name.clone() };
        return Ok(Answer::Records(records));
    }
    if !is_host_name(&host.name) {
        return Ok(Answer::NoName);
    }
    match manner.host_lookup {
        HostLookup::Dns => dns.addresses(&host.name).await,
        // Postfix sees no DANE there, whatever DNSSEC says.
        HostLookup::Native => native::addresses(&host.name, Security::Unchecked).await,
        HostLookup::DnsThenNative => match dns.addresses(&host.name).await {
            Ok(Answer::NoData | Answer::NoName) => native::addresses(&host.name, Security::Insecure).await,
            found => found,
        },
    }
}

/// Postfix delivers to no host that is this server, nor to one that is no more preferred than it (RFC 5321 section
/// 5.1; Postfix `smtp_truncate_self()`).
fn leave_out_ourselves(hosts: &[Host], reports: &mut [HostReport]) {
    let preference = |name: &str| hosts.iter().find(|host| host.name == name).map(|host| host.preference);
    let ours = reports.iter().filter(|report| report.state == HostState::Ourselves);
    let Some(ours) = ours.filter_map(|report| preference(&report.host)).min() else { return };
    for report in reports.iter_mut().filter(|report| report.state != HostState::Ourselves) {
        if preference(&report.host) >= Some(ours) {
            report.state = HostState::Ourselves;
            report.error = Some("no more preferred than this server itself".to_owned());
        }
    }
}

fn state_of(error: &io::Error) -> HostState {
    match error.kind() {
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported => {
            HostState::NoRoute
        }
        _ => HostState::Unknown,
    }
}

/// What the system said, without its number.
pub(super) fn plainly(error: &io::Error) -> String {
    without_number(&error.to_string())
}

fn without_number(text: &str) -> String {
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{probe::Proof, requirement::TlsVersion::V1_3};

    fn host(name: &str, preference: u16) -> Host {
        Host { name: name.to_owned(), preference, proven: false }
    }

    fn report(host: &str, state: HostState) -> HostReport {
        HostReport {
            host: host.to_owned(),
            address: Some([192, 0, 2, 1].into()),
            state,
            starttls: None,
            tls: None,
            key_exchange: None,
            verified: false,
            name_proven: false,
            in_policy: false,
            dane: HostDane::Unknown,
            error: None,
        }
    }

    #[test]
    fn hosts_no_more_preferred_than_ourselves_are_left_out() {
        use HostState::{Absent, Ourselves, Unknown};
        let hosts = [host("better", 5), host("us", 10), host("peer", 10), host("worse", 20)];
        let mut reports = [
            report("better", Unknown),
            report("us", Unknown),
            report("us", Ourselves),
            report("peer", Unknown),
            report("worse", Absent),
        ];
        leave_out_ourselves(&hosts, &mut reports);
        let states: Vec<_> = reports.iter().map(|report| report.state).collect();
        assert_eq!(states, [Unknown, Ourselves, Ourselves, Ourselves, Ourselves]);

        let mut none_ours = [report("better", Unknown), report("worse", Absent)];
        leave_out_ourselves(&hosts, &mut none_ours);
        assert_eq!(none_ours, [report("better", Unknown), report("worse", Absent)]);
    }

    #[test]
    fn what_is_unknown_is_asked_again_soonest() {
        let [found, negative, failure] = [300, 200, 100].map(Duration::from_secs);
        let lifetimes = Lifetimes { found, negative, failure };
        let reason = String::new;
        let unknown_tlsa = Tlsa::Unknown { reason: reason() };
        for (capability, expected) in [
            (Capability::Authenticated { how: Proof::Pkix, version: V1_3 }, found),
            (Capability::Encrypted { version: V1_3 }, found),
            (Capability::Cleartext { reason: reason() }, negative),
            (Capability::Undeliverable { reason: reason() }, negative),
            (Capability::Unknown { reason: reason() }, failure),
        ] {
            let present = Tlsa::Present { mx_secure: true, every_host: true };
            for tlsa in [present, Tlsa::Unusable { mx_secure: true }, Tlsa::Absent, Tlsa::Unsupported] {
                assert_eq!(lifetimes.of(&capability, &tlsa), expected, "{capability:?} {tlsa:?}");
            }
            assert_eq!(lifetimes.of(&capability, &unknown_tlsa), failure, "{capability:?}");
        }
    }

    #[test]
    fn a_missing_route_is_told_from_a_missing_server() {
        use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable};
        for (kind, state) in [
            (NetworkUnreachable, HostState::NoRoute),
            (AddrNotAvailable, HostState::NoRoute),
            (ConnectionRefused, HostState::Unknown),
            (HostUnreachable, HostState::Unknown),
        ] {
            assert_eq!(state_of(&io::Error::from(kind)), state, "{kind:?}");
        }
    }
}
