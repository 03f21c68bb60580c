//! Beside postfix-mta-sts-resolver: what its daemon says of every kind of destination of the small internet, and what Segl
//! does. Where the two differ, the difference is named and asserted (docs/destinations.md).

use super::{
    options,
    post::with,
    up,
    world::{self, told, told_by},
};
use crate::support::lab::{Lab, PATIENCE, SEGL_TOML, wait_until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
};

/// The resolver's socket, in the lab.
const SOCKET: &str = "/run/lab/resolver.sock";

const RESOLVER: &str = "socketmap:unix:/run/lab/resolver.sock:postfix";

/// How many keys are asked for at a time.
const AT_ONCE: usize = 8;

/// Why the two may say different things.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Difference {
    /// Segl knows of DANE, which comes before MTA-STS (RFC 8461 section 2).
    Dane,
    /// Where DNS does not say whether something is published, Segl lets mail wait; the resolver takes it that nothing is.
    DnsFails,
    /// The resolver takes texts for records and policies that the grammar does not allow (RFC 8461 section 3).
    Grammar,
    /// A host in brackets is where the administrator sends mail, of whatever domain: Segl looks for no policy of its name.
    Brackets,
}

const DIFFERENCES: &[(&str, Difference)] = &[
    ("tlsa-good.signed.test", Difference::Dane),
    ("tlsa-rollover.signed.test", Difference::Dane),
    ("tlsa-ta.signed.test", Difference::Dane),
    ("tlsa-ta-cert.signed.test", Difference::Dane),
    ("tlsa-ta-wrongname.signed.test", Difference::Dane),
    ("tlsa-ta-nochain.signed.test", Difference::Dane),
    ("tlsa-ee-wrongname.signed.test", Difference::Dane),
    ("tlsa-ee-expired.signed.test", Difference::Dane),
    ("tlsa-bad.signed.test", Difference::Dane),
    ("tlsa-cleartext.signed.test", Difference::Dane),
    ("tlsa-unusable.signed.test", Difference::Dane),
    ("tlsa-unusable-type.signed.test", Difference::Dane),
    ("tlsa-unusable-digest.signed.test", Difference::Dane),
    ("tlsa-half.signed.test", Difference::Dane),
    ("tlsa-onebad.signed.test", Difference::Dane),
    ("tlsa-gone.signed.test", Difference::Dane),
    ("tlsa-cname.signed.test", Difference::Dane),
    ("tlsa-cname-alias.signed.test", Difference::Dane),
    ("tlsa-doubt.signed.test", Difference::Dane),
    ("both-dane-good.signed.test", Difference::Dane),
    ("both-dane-bad.signed.test", Difference::Dane),
    ("servfail.plain.test", Difference::DnsFails),
    ("bogus.test", Difference::DnsFails),
    ("stale.test", Difference::DnsFails),
    ("tlsa-servfail.signed.test", Difference::DnsFails),
    ("tlsa-bogus.signed.test", Difference::DnsFails),
    ("sts-servfail.plain.test", Difference::DnsFails),
    ("sts-bad-txt.plain.test", Difference::Grammar),
    ("[sts-enforce.plain.test]", Difference::Brackets),
    ("[sts-enforce.plain.test]:587", Difference::Brackets),
];

/// Ways of writing a next-hop, and what is none of a domain.
const KEYS: &[&str] = &[
    "STS-Enforce.Plain.Test",
    "sts-enforce.plain.test.",
    "sts-enforce.plain.test:587",
    "[sts-enforce.plain.test]",
    "[sts-enforce.plain.test]:587",
    ".plain.test",
    ".sts-enforce.plain.test",
    "[192.0.2.101]",
    "nowhere.plain.test",
];

/// The resolver's daemon in the lab, until it is stopped or the lab ends.
struct Resolver<'a> {
    lab: &'a Lab,
    child: Child,
}

impl<'a> Resolver<'a> {
    /// Starts it as its authors do, but for a policy's being asked about again each second (`cache_grace`).
    fn start(lab: &'a Lab) -> Self {
        let oracles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles");
        let output = Command::new(oracles.join("install")).stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "tests/oracles/install failed");
        let python = String::from_utf8(output.stdout).unwrap();
        let (configuration, log) = ("/run/lab/resolver.yml", lab.file("/run/lab/resolver.log"));
        fs::write(lab.file(configuration), format!("path: {SOCKET}\ncache_grace: 1\n")).unwrap();
        let _ = fs::remove_file(lab.file(SOCKET));
        let daemon = oracles.join("mta_sts_daemon.py");
        let words = ["env", "SSL_CERT_FILE=/etc/segl/lab-ca.pem", python.trim(), "-B", daemon.to_str().unwrap()];
        let mut command = lab.command("mta", words.into_iter().chain([configuration]));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let child = command.spawn().unwrap();
        let resolver = Self { lab, child };
        let up = wait_until(PATIENCE, || lab.file(SOCKET).exists());
        assert!(up, "the resolver does not listen: {}", fs::read_to_string(log).unwrap());
        resolver
    }

    /// Ends it, and what it remembers with it.
    fn stop(mut self) {
        // nsenter(1) has forked: its child is the daemon.
        let parent = self.child.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
        kill(Pid::from_raw(children.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
        self.child.wait().unwrap();
    }

    fn says(&self, key: &str) -> String {
        in_order(&told_by(RESOLVER, self.lab, key))
    }
}

/// An answer with its names in order: the resolver's come in any.
fn in_order(answer: &str) -> String {
    let words = answer.split(' ').map(|word| match word.strip_prefix("match=") {
        Some(names) => {
            let mut names: Vec<&str> = names.split(':').collect();
            names.sort_unstable();
            format!("match={}", names.join(":"))
        }
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn says_the_same_but_for_named_differences() {
    let lab = up(&with(&options(true), &["smtp_dns_support_level=dnssec", "smtp_tls_security_level=may"]));
    let _segl = lab.start_segl(SEGL_TOML);
    let resolver = Resolver::start(&lab);
    let keys: Vec<&str> = world::domains().chain(KEYS.iter().copied()).collect();
    assert!(keys.iter().filter(|key| key.starts_with("sts-")).count() > 25, "{keys:?}");
    let differences: BTreeMap<&str, Difference> = DIFFERENCES.iter().copied().collect();
    assert!(differences.keys().all(|key| keys.contains(key)), "{differences:?}");

    let answers = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for keys in keys.chunks(keys.len().div_ceil(AT_ONCE)) {
            let (lab, resolver, answers) = (&lab, &resolver, &answers);
            scope.spawn(move || {
                for key in keys {
                    let both = (in_order(&told(lab, key)), resolver.says(key));
                    answers.lock().unwrap().insert(*key, both);
                }
            });
        }
    });
    let mut wrong = Vec::new();
    for (key, (ours, theirs)) in answers.into_inner().unwrap() {
        let difference = differences.get(key);
        println!("{key}: {ours} | {theirs} | {difference:?}");
        let holds_to_a_policy = theirs.starts_with("secure match=");
        let as_named = match difference {
            None => ours == theirs,
            Some(Difference::Dane) => {
                ["dane", "dane-only"].contains(&&*ours)
                    && (theirs == "-" || key.starts_with("both-") && holds_to_a_policy)
            }
            Some(Difference::DnsFails) => ours == "TEMP" && theirs == "-",
            Some(Difference::Grammar | Difference::Brackets) => ours == "-" && holds_to_a_policy,
        };
        if !as_named {
            wrong.push(format!("{key}: Segl says {ours}, the resolver {theirs} ({difference:?})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Both hold what they have seen, whatever DNS and the policy host say afterwards; and what Segl has seen is on disk.
#[test]
fn a_policy_that_was_seen_outlives_a_restart_here_alone() {
    let lab = up(&options(true));
    let mut segl = lab.start_segl(SEGL_TOML);
    let resolver = Resolver::start(&lab);
    let domain = "sts-switch.plain.test";
    let policy = "secure match=mx.sts-switch.plain.test servername=hostname";
    let both = |resolver: &Resolver<'_>| (told(&lab, domain), resolver.says(domain));
    assert_eq!(both(&resolver), (policy.to_owned(), policy.to_owned()));

    // Someone in the network takes away the record and the policy host.
    lab.set_behaviour("mta-sts.sts-switch", &json!({"listen": false}));
    let zone = lab.zone("plain.test");
    let without: Vec<&str> = zone.lines().filter(|line| !line.starts_with("_mta-sts.sts-switch ")).collect();
    assert!(without.len() < zone.lines().count());
    lab.dns("edit", "plain.test", &(without.join("\n") + "\n"));
    thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(both(&resolver), (policy.to_owned(), policy.to_owned()));

    segl.restart();
    resolver.stop();
    let resolver = Resolver::start(&lab);
    assert_eq!(both(&resolver), (policy.to_owned(), "-".to_owned()));
}
