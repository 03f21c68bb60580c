//! Times in which Postfix does not ask us: told in the log when they begin and when they end, so that a report can name
//! them.

use super::{
    postconf::{PostfixFacts, split_list},
    transport::policy_maps,
};
use crate::config::SocketAddress;
use jiff::Timestamp;
use std::{path::Path, sync::Arc};
use tokio::sync::watch;

/// Which parameters of main.cf do not name us.
pub fn missing(facts: &PostfixFacts, milter: &SocketAddress) -> Vec<&'static str> {
    let mut missing = Vec::new();
    for name in ["smtpd_milters", "non_smtpd_milters"] {
        let written = facts.parameter(name).unwrap_or_default();
        if !split_list(written).into_iter().any(|element| is_ours(element, milter, &facts.queue_directory)) {
            missing.push(name);
        }
    }
    if !policy_maps(facts, None).ours {
        missing.push("smtp_tls_policy_maps");
    }
    missing
}

/// Whether an element of a list of milters is our socket: `unix:segl/milter.sock`, `{ inet:localhost:8891, … }`.
fn is_ours(element: &str, milter: &SocketAddress, queue_directory: &Path) -> bool {
    let element = element.trim_start_matches('{').trim_end_matches('}');
    let address = split_list(element).first().copied().unwrap_or_default();
    match (milter, address.split_once(':')) {
        (SocketAddress::Unix(path), Some(("unix" | "local", written))) => {
            // Where Postfix is chrooted, an absolute path begins at the queue directory too.
            Path::new(written) == path || queue_directory.join(written.trim_start_matches('/')) == *path
        }
        // A host may be written in several ways; the port tells enough.
        (SocketAddress::Inet(ours), Some(("inet", written))) => {
            written.rsplit([':', '@']).any(|part| ours.rsplit(':').next() == Some(part))
        }
        _ => false,
    }
}

/// Tells in the log of every beginning and end, for as long as facts come.
pub async fn tell(mut facts: watch::Receiver<Option<Arc<PostfixFacts>>>, milter: SocketAddress) {
    let mut spell = Spell::default();
    loop {
        let now = facts.borrow_and_update().clone();
        if let Some(line) = now.and_then(|facts| spell.line(&missing(&facts, &milter), Timestamp::now())) {
            tracing::warn!("{line}");
        }
        if facts.changed().await.is_err() {
            return;
        }
    }
}

/// A time without protection, as far as it is known.
#[derive(Debug, Default)]
struct Spell {
    /// Since when, and what was missing.
    running: Option<(Timestamp, Vec<&'static str>)>,
}

impl Spell {
    /// What is to be said now, if anything has changed.
    fn line(&mut self, missing: &[&'static str], now: Timestamp) -> Option<String> {
        let shown = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        match (&self.running, missing.is_empty()) {
            (None, true) => None,
            (Some((_, before)), false) if before == missing => None,
            (Some((since, _)), true) => {
                let line = format!("unprotected until={} since={}: Postfix asks Segl again", shown(now), shown(*since));
                self.running = None;
                Some(line)
            }
            (running, false) => {
                let since = running.as_ref().map_or(now, |(since, _)| *since);
                self.running = Some((since, missing.to_vec()));
                let names = missing.join(",");
                Some(format!(
                    "unprotected since={} missing={names}: main.cf does not name Segl there, and mail passes by",
                    shown(since)
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::postconf::tests::facts;
    use super::*;

    const ALL: &str = "smtpd_milters = inet:localhost:8892, unix:segl/milter.sock\n\
                       non_smtpd_milters = { unix:/segl/milter.sock, default_action = tempfail }\n\
                       smtp_tls_policy_maps = socketmap:unix:segl/socketmap.sock:tls\n";

    async fn missing_in(main: &str, milter: &str) -> Vec<&'static str> {
        let main = format!("queue_directory = /var/spool/postfix\n{main}");
        let (facts, _directory) = facts(&main, "smtp unix - - n - - smtp\n").await;
        let milter = match milter.strip_prefix("inet:") {
            Some(address) => SocketAddress::Inet(address.to_owned()),
            None => SocketAddress::Unix(milter.into()),
        };
        missing(&facts, &milter)
    }

    #[tokio::test]
    async fn our_socket_is_told_from_others() {
        let path = "/var/spool/postfix/segl/milter.sock";
        assert_eq!(missing_in(ALL, path).await, [""; 0]);
        assert_eq!(missing_in("", path).await, ["smtpd_milters", "non_smtpd_milters", "smtp_tls_policy_maps"]);
        let other = ALL.replace("segl/milter.sock", "opendkim/opendkim.sock");
        assert_eq!(missing_in(&other, path).await, ["smtpd_milters", "non_smtpd_milters"]);
        let other = ALL.replace("sock:tls", "sock:postfix");
        assert_eq!(missing_in(&other, path).await, ["smtp_tls_policy_maps"]);
        let inet = "smtpd_milters = inet:127.0.0.1:8891\nnon_smtpd_milters = inet:8891@localhost\n";
        assert_eq!(missing_in(inet, "inet:[::1]:8891").await, ["smtp_tls_policy_maps"]);
        assert_eq!(missing_in(inet, "inet:[::1]:8892").await.len(), 3);
    }

    #[test]
    fn each_change_is_told_once_with_its_times() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let mut spell = Spell::default();
        assert_eq!(spell.line(&[], at(0)), None);
        assert_eq!(
            spell.line(&["smtpd_milters"], at(1)).unwrap(),
            "unprotected since=2027-01-15T08:00:01Z missing=smtpd_milters: main.cf does not name Segl there, and mail \
             passes by"
        );
        assert_eq!(spell.line(&["smtpd_milters"], at(2)), None);
        let more = spell.line(&["smtpd_milters", "smtp_tls_policy_maps"], at(3)).unwrap();
        assert!(more.starts_with("unprotected since=2027-01-15T08:00:01Z missing=smtpd_milters,smtp_tls_policy_maps:"));
        assert_eq!(
            spell.line(&[], at(4)).unwrap(),
            "unprotected until=2027-01-15T08:00:04Z since=2027-01-15T08:00:01Z: Postfix asks Segl again"
        );
        assert_eq!(spell.line(&[], at(5)), None);
    }
}
