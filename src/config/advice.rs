//! What is legal in a configuration but unwise.

use super::{Config, IfUnknown, IfUnmet, LevelRules, Mode, Require, SocketAddress, Sockets};
use crate::{network::Network, requirement::TlsVersion};
use serde::Serialize;
use std::{net::IpAddr, path::Path, time::Duration};

/// `maximal_queue_lifetime` of Postfix where main.cf does not say otherwise.
const QUEUE_LIFETIME: Duration = Duration::from_secs(5 * 24 * 3600);
/// From here on a destination that has begun to offer TLS is refused too long.
const NEGATIVE_LIFETIME_LONG: Duration = Duration::from_secs(3600);

/// One piece of advice.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Advice {
    /// What it is about: `[organisation] internal-domains`, or a thing outside of the configuration.
    pub about: String,
    /// What follows from it, and what to do.
    pub text: String,
}

impl Advice {
    /// Advice about something.
    pub fn new(about: impl Into<String>, text: impl Into<String>) -> Self {
        Self { about: about.into(), text: text.into() }
    }
}

impl Config {
    /// What is legal but unwise, as far as the configuration alone tells.
    pub fn advice(&self) -> Vec<Advice> {
        let mut advice = Vec::new();
        let mut say = |holds: bool, about: &str, text: &str| {
            if holds {
                advice.push(Advice::new(about, text));
            }
        };
        say(
            self.mode == Mode::Observe,
            "mode",
            "observe: nothing is refused and no TLS is required; set mode = \"enforce\" when the log shows what you expect",
        );
        say(
            self.organisation.internal_domains.is_empty(),
            "[organisation] internal-domains",
            "empty: mail among your own people counts as mail that leaves; name your domains",
        );
        say(
            self.organisation.contact.is_empty(),
            "[organisation] contact",
            "empty: who is refused is not told where to turn to",
        );
        let (confidential, sensitive) = (&self.level.confidential, &self.level.sensitive);
        let weaker = sensitive.min_tls < confidential.min_tls
            || (sensitive.require == Require::Encrypt && confidential.require == Require::Authenticated);
        say(weaker, "[level.sensitive]", "asks less of the channel than [level.confidential]");
        for (section, rules) in [("[level.confidential]", confidential), ("[level.sensitive]", sensitive)] {
            let LevelRules { min_tls, if_unmet, if_unknown, .. } = *rules;
            say(
                min_tls == TlsVersion::V1_3,
                &format!("{section} min-tls"),
                "1.3: a destination whose best is TLS 1.2 counts as one that cannot",
            );
            say(
                if_unmet == IfUnmet::Defer,
                &format!("{section} if-unmet"),
                "defer: a sender whose program tries again by itself does not learn that the message cannot leave",
            );
            say(
                if_unknown == IfUnknown::Defer,
                &format!("{section} if-unknown"),
                "defer: a program that does not try again by itself shows an error for each destination not seen lately",
            );
        }
        say(
            self.submitted.networks.iter().any(is_everyone),
            "[submitted] networks",
            "holds the whole internet: mail from strangers counts as submitted and is refused to them",
        );
        let loopback = ["127.0.0.1", "::1"].map(|address| address.parse::<IpAddr>());
        let reaches = |network: &Network| loopback.iter().flatten().any(|address| network.contains(*address));
        say(
            self.probe.allow_private.iter().any(reaches),
            "[probe] allow-private",
            "holds loopback addresses: a stranger's MX record can make Segl speak to this host's own services",
        );
        let lab = "is for a lab: destinations on the internet are judged by it too";
        say(self.probe.port != 25, "[probe] port", lab);
        say(self.probe.trust_anchor.is_some(), "[probe] trust-anchor", lab);
        say(self.probe.ca_file.is_some(), "[probe] ca-file", lab);
        say(
            self.probe.negative_lifetime > NEGATIVE_LIFETIME_LONG,
            "[probe] negative-lifetime",
            "longer than 1h: confidential mail is refused that long to a destination that has begun to offer TLS",
        );
        let Sockets { milter, socketmap } = &self.sockets;
        for (key, address) in [("milter", milter), ("socketmap", socketmap)] {
            say(
                !is_local(address),
                &format!("[sockets] {key}"),
                "can be reached from other hosts, and asks nobody who he is: let a firewall admit your mail servers alone",
            );
        }
        say(
            self.store.pin_lifetime <= QUEUE_LIFETIME,
            "[store] pin-lifetime",
            "not longer than 5d, Postfix's maximal_queue_lifetime unless main.cf says otherwise: a pin could lapse before its message has left",
        );
        say(
            self.evidence.mail_log == Path::new(""),
            "[evidence] mail-log",
            "empty: that a message has left is learnt from the queue alone, or not before pin-lifetime is over",
        );
        say(
            self.log.header_categories,
            "[log] header-categories",
            "true: recipients read in X-Segl what kind of data was found",
        );
        say(self.log.addresses, "[log] addresses", "true: the log holds personal data (who writes to whom)");
        advice
    }
}

/// Whether a network holds the whole of IPv4, or all of IPv6 that is in use (2000::/3).
fn is_everyone(network: &Network) -> bool {
    let ends = [["1.1.1.1", "223.255.255.254"], ["2000::1", "3fff::1"]];
    ends.iter().any(|ends| ends.iter().all(|end| end.parse().is_ok_and(|address| network.contains(address))))
}

fn is_local(address: &SocketAddress) -> bool {
    let SocketAddress::Inet(address) = address else {
        return true;
    };
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host).trim_matches(['[', ']']);
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is advised beyond what is advised for a sound configuration, which is nothing.
    fn about(text: &str) -> Vec<String> {
        let sound =
            "mode = 'enforce'\norganisation = { internal-domains = ['example.org'], contact = '+45 00000000' }\n";
        let advice = Config::parse(&format!("{sound}{text}")).unwrap().advice();
        advice.into_iter().map(|advice| advice.about).collect()
    }

    #[test]
    fn advises_where_it_is_needed() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            ("level.confidential.require = 'authenticated'", &["[level.sensitive]"]),
            ("level.confidential.min-tls = '1.3'", &["[level.sensitive]", "[level.confidential] min-tls"]),
            ("level.sensitive.require = 'authenticated'", &[]),
            (
                "level.sensitive = { if-unmet = 'defer', if-unknown = 'defer' }",
                &["[level.sensitive] if-unmet", "[level.sensitive] if-unknown"],
            ),
            ("submitted.networks = ['0.0.0.0/0']", &["[submitted] networks"]),
            ("submitted.networks = ['::/0']", &["[submitted] networks"]),
            ("submitted.networks = ['10.0.0.0/8', '2001:db8::/32']", &[]),
            ("probe.allow-private = ['127.0.0.0/8']", &["[probe] allow-private"]),
            ("probe.allow-private = ['10.0.0.0/8']", &[]),
            (
                "probe = { port = 2525, ca-file = '/a', trust-anchor = '/b' }",
                &["[probe] port", "[probe] trust-anchor", "[probe] ca-file"],
            ),
            ("probe.negative-lifetime = '2h'", &["[probe] negative-lifetime"]),
            ("sockets = { milter = 'inet:0.0.0.0:8891', socketmap = 'inet:[::1]:8892' }", &["[sockets] milter"]),
            ("sockets = { milter = 'inet:localhost:8891', socketmap = 'inet:mail:8892' }", &["[sockets] socketmap"]),
            ("store.pin-lifetime = '5d'", &["[store] pin-lifetime"]),
            ("evidence.mail-log = ''", &["[evidence] mail-log"]),
            ("log = { header-categories = true, addresses = true }", &["[log] header-categories", "[log] addresses"]),
        ] {
            assert_eq!(about(text), expected, "{text}");
        }
    }

    #[test]
    fn advises_on_what_is_shipped() {
        let advice = Config::default().advice();
        let about: Vec<_> = advice.iter().map(|advice| advice.about.as_str()).collect();
        assert_eq!(about, ["mode", "[organisation] internal-domains", "[organisation] contact"]);
    }
}
