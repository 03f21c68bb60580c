//! The lab does what the other tests rely on: every recipient server behaves as its name says towards a plain Postfix,
//! and nothing of a lab outlives it or reaches the host.

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::Command,
    sync::{LazyLock, OnceLock},
};
use support::lab::{Lab, Message, Options, PATIENCE, SEGL_TOML, SmtpResult, wait_until};

/// What of the host must not change.
static HOST: LazyLock<Vec<String>> = LazyLock::new(host);

/// A Postfix at Debian's level, `may`.
fn may() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LazyLock::force(&HOST);
    LAB.get_or_init(|| Lab::up(&Options::default()))
}

/// A Postfix at level `encrypt`, and at `dane-only` for three destinations.
fn encrypt() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LazyLock::force(&HOST);
    let main_cf = [
        "smtp_tls_security_level=encrypt",
        "smtp_dns_support_level=dnssec",
        "smtp_tls_policy_maps=inline:{{tlsa-good.signed.test=dane-only},{tlsa-bad.signed.test=dane-only},\
         {no-tlsa.signed.test=dane-only},{tls11.plain.test=encrypt protocols=>=TLSv1.2},{verified.plain.test=secure match=.verified.plain.test},\
         {wrongname.plain.test=secure match=.wrongname.plain.test},\
         {selfsigned.plain.test=secure match=.selfsigned.plain.test}}",
    ];
    LAB.get_or_init(|| Lab::up(&Options { main_cf: &main_cf, ..Options::default() }))
}

fn send(lab: &Lab, to: &str, body: &str) -> SmtpResult {
    lab.send(&Message { from: "anna@sender.test", to: &[to], subject: "Lab", body })
}

/// Sends and has it accepted: the queue ID.
fn accepted(lab: &Lab, to: &str, body: &str) -> String {
    let result = send(lab, to, body);
    assert_eq!(result.code, Some(250), "{to}: {result:?}");
    result.queue_id.unwrap_or_else(|| panic!("{to}: no queue ID in {}", result.text))
}

/// Sends, waits until that server has the message, and says over which TLS it came.
fn delivered(lab: &Lab, to: &str, server: &str) -> Option<String> {
    let body = format!("needle for {to} {server}");
    accepted(lab, to, &body);
    let mut tls = None;
    lab.expect(&format!("{server} receives what is sent to {to}"), || {
        let all = lab.received(server);
        let found = all.iter().find(|one| String::from_utf8_lossy(&one.data).contains(&body));
        found.inspect(|one| tls.clone_from(&one.tls)).is_some()
    });
    assert_eq!(lab.seen_in_the_clear(server, &body), tls.is_none(), "{to}");
    tls
}

/// Sends, and waits until Postfix defers it for a reason with these words.
fn deferred(lab: &Lab, to: &str, reason: &str) {
    let id = accepted(lab, to, "waits");
    lab.expect(&format!("{to} is deferred: {reason}"), || {
        lab.delay_reason(&id).is_some_and(|said| said.contains(reason))
    });
    lab.text_of(&["postsuper", "-d", &id]);
}

/// Sends, and waits until Postfix gives it back for a reason with these words.
fn bounced(lab: &Lab, to: &str, reason: &str) {
    let id = accepted(lab, to, "comes back");
    let bounce = |line: &str| line.contains(&id) && line.contains("status=bounced") && line.contains(reason);
    lab.expect(&format!("{to} is bounced: {reason}"), || lab.mail_log().lines().any(bounce));
}

const TLS13: Option<&str> = Some("TLSv1.3");
const TLS12: Option<&str> = Some("TLSv1.2");

#[test]
fn at_level_may_each_server_gets_mail_over_the_tls_that_it_has() {
    for (to, server, tls) in [
        ("x@tls13.plain.test", "tls13", TLS13),
        ("x@tls12.plain.test", "tls12", TLS12),
        // Postfix lowers OpenSSL's security level so far that TLS 1.1 is spoken.
        ("x@tls11.plain.test", "tls11", Some("TLSv1.1")),
        ("x@verified.plain.test", "verified", TLS13),
        ("x@selfsigned.plain.test", "selfsigned", TLS13),
        ("x@wrongname.plain.test", "wrongname", TLS13),
        ("x@cleartext.plain.test", "cleartext", None),
        ("x@starttls-breaks.plain.test", "starttls-breaks", None),
        ("x@starttls-garbage.plain.test", "starttls-garbage", None),
        ("x@half.plain.test", "half-cleartext", None),
        ("x@implicit.plain.test", "implicit", TLS13),
        ("x@cname.plain.test", "cname", TLS13),
        ("x@rødgrød.plain.test", "idn", TLS13),
        ("x@xn--rdgrd-vuad.plain.test", "idn", TLS13),
        ("x@[192.0.2.119]", "smart1", TLS13),
        ("x@smart2.plain.test", "smart2", TLS13),
        ("x@fallback.plain.test", "fallback", None),
        ("x@six.plain.test", "six", TLS13),
        ("x@tlsa-good.signed.test", "tlsa-good", TLS13),
        ("x@tlsa-bad.signed.test", "tlsa-bad", TLS13),
        ("x@tlsa-unusable.signed.test", "tlsa-unusable", TLS13),
        ("x@tlsa-cleartext.signed.test", "tlsa-cleartext", None),
        ("x@no-tlsa.signed.test", "no-tlsa", TLS13),
    ] {
        assert_eq!(delivered(may(), to, server).as_deref(), tls, "{to}");
    }
}

#[test]
fn where_nothing_can_be_delivered_mail_waits_or_comes_back() {
    deferred(may(), "x@tarpit.plain.test", "timed out while receiving the initial server greeting");
    deferred(may(), "x@closed.plain.test", "Connection refused");
    deferred(may(), "x@servfail.plain.test", "Host not found, try again");
    deferred(may(), "x@bogus.test", "Host not found, try again");
    deferred(may(), "x@private.plain.test", "unreachable");
    bounced(may(), "x@nullmx.plain.test", "nullMX");
    bounced(may(), "x@loopback.plain.test", "loops back to myself");
    bounced(may(), "x@no-host.plain.test", "Host not found");
    bounced(may(), "x@no-domain.plain.test", "Host or domain name not found");
}

#[test]
fn at_level_encrypt_nothing_leaves_in_the_clear() {
    let lab = encrypt();
    for (to, server, tls) in [
        ("x@tls13.plain.test", "tls13", TLS13),
        ("x@tls12.plain.test", "tls12", TLS12),
        ("x@half.plain.test", "half-tls", TLS13),
        ("x@verified.plain.test", "verified", TLS13),    // secure
        ("x@tlsa-good.signed.test", "tlsa-good", TLS13), // dane-only
    ] {
        assert_eq!(delivered(lab, to, server).as_deref(), tls, "{to}");
    }
    for (to, reason) in [
        ("x@cleartext.plain.test", "TLS is required, but was not offered"),
        ("x@tlsa-cleartext.signed.test", "TLS is required, but was not offered"),
        ("x@starttls-breaks.plain.test", "Cannot start TLS"),
        ("x@starttls-garbage.plain.test", "Cannot start TLS"),
        ("x@tls11.plain.test", "Cannot start TLS"), // TLS 1.2 or later
        ("x@selfsigned.plain.test", "Server certificate not"), // secure: not trusted
        ("x@wrongname.plain.test", "Server certificate not verified"), // secure
        ("x@tlsa-bad.signed.test", "Server certificate not"), // dane-only
        ("x@no-tlsa.signed.test", "no TLSA records found"), // dane-only
    ] {
        deferred(lab, to, reason);
    }
    assert!(!lab.seen_in_the_clear("cleartext", "waits"));
}

#[test]
fn tls11_is_spoken_where_the_client_allows_it() {
    let words = ["openssl", "s_client", "-starttls", "smtp", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect"];
    let output = may().run_with_input(&[&words[..], &["192.0.2.103:25"]].concat(), b"QUIT\r\n");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Protocol  : TLSv1.1") || text.contains("Protocol: TLSv1.1"), "{text}");
}

#[test]
fn posttls_finger_agrees_on_certificates_and_dane() {
    let finger = |level: &str, domain: &str| {
        let output = may().run(&["posttls-finger", "-c", "-F", "/etc/segl/lab-ca.pem", "-l", level, domain]);
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    for (level, domain, status) in [
        ("secure", "verified.plain.test", "Verified TLS connection established"),
        ("encrypt", "verified.plain.test", "Trusted TLS connection established"),
        ("encrypt", "selfsigned.plain.test", "Untrusted TLS connection established"),
        ("secure", "selfsigned.plain.test", "Untrusted TLS connection established"),
        ("secure", "wrongname.plain.test", "hostname mismatch"),
        ("dane-only", "tlsa-good.signed.test", "Verified TLS connection established"),
        ("dane-only", "tlsa-bad.signed.test", "Untrusted TLS connection established"),
        ("dane-only", "no-tlsa.signed.test", "no TLSA records found"),
    ] {
        let said = finger(level, domain);
        assert!(said.contains(status), "{level} {domain}: {said}");
    }
}

#[test]
fn the_resolver_validates() {
    let ask = |name: &str, kind: &str| {
        may().text_of(&["kdig", "@192.0.2.2", "+dnssec", "+noall", "+header", "+answer", name, kind])
    };
    for (name, kind) in [("tlsa-good.signed.test", "MX"), ("_25._tcp.mx.tlsa-good.signed.test", "TLSA"), ("test", "NS")]
    {
        let said = ask(name, kind);
        assert!(said.contains("NOERROR") && said.contains(" ad") && said.contains("RRSIG"), "{said}");
    }
    let said = ask("tls13.plain.test", "MX");
    assert!(said.contains("NOERROR") && !said.contains(" ad") && said.contains("mx.tls13"), "{said}");
    for name in ["bogus.test", "servfail.plain.test"] {
        let said = ask(name, "MX");
        assert!(said.contains("SERVFAIL"), "{said}");
    }
    let said = ask("no-domain.signed.test", "MX");
    assert!(said.contains("NXDOMAIN") && said.contains(" ad"), "{said}");
}

#[test]
fn starttls_and_replies_can_be_switched_while_servers_run() {
    let lab = Lab::up(&Options { main_cf: &["smtp_connection_cache_on_demand=no"], ..Options::default() });
    assert_eq!(delivered(&lab, "one@switch.plain.test", "switch").as_deref(), TLS13);
    lab.set_starttls("switch", false);
    assert_eq!(delivered(&lab, "two@switch.plain.test", "switch"), None);
    lab.set_starttls("switch", true);
    lab.set_behaviour("switch", &serde_json::json!({"tls": ["1.2", "1.2"]}));
    assert_eq!(delivered(&lab, "three@switch.plain.test", "switch").as_deref(), TLS12);

    lab.set_behaviour("tls13", &serde_json::json!({"replies": {"RCPT": "450 4.2.1 busy"}}));
    deferred(&lab, "x@tls13.plain.test", "busy");
    lab.set_behaviour("closed", &serde_json::json!({"listen": true}));
    assert_eq!(delivered(&lab, "x@closed.plain.test", "closed").as_deref(), TLS13);
    lab.set_behaviour("closed", &serde_json::json!({"listen": false}));
    deferred(&lab, "x@closed.plain.test", "Connection refused");
}

#[test]
fn zones_can_be_changed_while_the_resolver_runs() {
    let lab = Lab::up(&Options::default());
    let id = accepted(&lab, "x@servfail.plain.test", "waits for DNS");
    lab.expect("mail waits for DNS", || lab.delay_reason(&id).is_some_and(|said| said.contains("try again")));
    lab.dns("heal", "servfail.plain.test", "");
    lab.expect("mail leaves when DNS answers", || lab.received("servfail").len() == 1);
    lab.dns("break", "servfail.plain.test", "");
    deferred(&lab, "y@servfail.plain.test", "try again");

    for (zone, from, to, recipient, server) in [
        ("plain.test", "MX 10 mx.tls13\n", "MX 10 mx.tls12\n", "x@tls13.plain.test", "tls12"),
        ("signed.test", "MX 10 mx.no-tlsa\n", "MX 10 mx.tlsa-good\n", "x@no-tlsa.signed.test", "tlsa-good"),
    ] {
        lab.dns("edit", zone, &lab.zone(zone).replace(from, to));
        assert!(delivered(&lab, recipient, server).is_some());
    }
    let said = lab.text_of(&["kdig", "@192.0.2.2", "+dnssec", "no-tlsa.signed.test", "MX"]);
    assert!(said.contains(" ad") && said.contains("10 mx.tlsa-good.signed.test."), "{said}");
}

#[test]
fn mail_from_a_stranger_and_from_sendmail_reaches_local_users() {
    let lab = may();
    let message = b"From: <x@tls13.plain.test>\r\nSubject: from outside\r\n\r\nHello.\r\n";
    let result = lab.send_many("recipients", "x@tls13.plain.test", &["anna@sender.test"], message, 1, 1);
    assert_eq!(result.code, Some(250), "{result:?}");
    let result = lab.send_many("recipients", "x@tls13.plain.test", &["y@cleartext.plain.test"], message, 1, 1);
    assert_eq!((result.code, result.stage.as_str()), (Some(454), "RCPT"), "{result:?}");
    let output = lab.sendmail("anna@sender.test", &["bo", "s@tls12.plain.test"], b"Subject: by hand\n\nHello.\n");
    assert!(output.status.success(), "{output:?}");
    lab.expect("local users have their mail", || {
        lab.mailbox("anna").contains("from outside") && lab.mailbox("bo").contains("by hand")
    });
    lab.expect("mail from sendmail leaves", || {
        lab.received("tls12").iter().any(|one| one.to == ["s@tls12.plain.test"] && one.from == "anna@sender.test")
    });
}

#[test]
fn servers_take_bursts_and_several_messages_per_connection() {
    let lab = may();
    let client = |server: &str, count: &str, sessions: &str| {
        let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/send.py");
        let words = ["/usr/bin/python3", "-B", program, "--json", "--server", server, "--to", "burst@x.example"];
        lab.text_of(&[&words[..], &["--count", count, "--sessions", sessions]].concat())
    };
    client("192.0.2.120", "8", "50");
    let burst: Vec<_> = lab.received("smart2").into_iter().filter(|one| one.to == ["burst@x.example"]).collect();
    assert_eq!(burst.len(), 400);
    let connections: BTreeSet<u32> = burst.iter().map(|one| one.connection).collect();
    assert_eq!(connections.len(), 50);
    lab.expect("each session is recorded", || {
        let ended = lab.sessions("smart2").into_iter().filter(|session| connections.contains(&session.connection));
        ended.filter(|session| session.messages == 8 && session.tls.is_none()).count() == 50
    });

    let message = b"Subject: burst\r\n\r\n.leading dot\r\n..two\r\n";
    let result = lab.send_many("mta", "anna@sender.test", &["b@selfsigned.plain.test"], message, 20, 10);
    assert_eq!(result.code, Some(250), "{result:?}");
    let of_burst = || -> Vec<_> {
        lab.received("selfsigned").into_iter().filter(|one| one.to == ["b@selfsigned.plain.test"]).collect()
    };
    lab.expect("200 messages arrive", || of_burst().len() == 200);
    assert!(
        of_burst()
            .iter()
            .all(|one| one.tls.as_deref() == TLS13 && one.data.ends_with(b"\r\n\r\n.leading dot\r\n..two\r\n"))
    );
}

#[test]
fn postfix_is_a_default_installation_in_its_usual_places() {
    let lab = may();
    assert_eq!(
        lab.text_of(&["postconf", "-h", "config_directory", "queue_directory"]),
        "/etc/postfix\n/var/spool/postfix\n"
    );
    assert_eq!(lab.text_of(&["postconf", "-h", "smtpd_milters", "smtp_tls_policy_maps"]), "\n\n");
    assert!(lab.text_of(&["postconf", "-F", "smtp/inet/chroot"]).ends_with("= y\n"));
    assert_eq!(lab.text_of(&["stat", "-c", "%U:%G %a", "/var/spool/postfix/segl"]), "_segl:postfix 2750\n");
    assert!(!lab.text_of(&["stat", "-f", "-c", "%T", "/var/lib/segl"]).contains("tmpfs"));
    // The group postdrop is enough to ask for the queue, without postqueue's set-group-ID bit.
    let as_segl = ["setpriv", "--reuid=_segl", "--regid=_segl", "--groups=adm,postdrop", "--no-new-privs"];
    deferred(lab, "q@closed.plain.test", "Connection refused");
    let id = accepted(lab, "q@closed.plain.test", "waits");
    assert!(lab.text_of(&[&as_segl[..], &["postqueue", "-j"]].concat()).contains(&id));
    assert!(lab.text_of(&[&as_segl[..], &["tail", "-n1", "/var/log/mail.log"]].concat()).contains("postfix/"));
    lab.text_of(&["postsuper", "-d", &id]);
}

#[test]
fn without_chroot_and_with_segl_s_lines() {
    let lab = Lab::up(&Options { chroot: false, segl: true, ..Options::default() });
    assert!(lab.text_of(&["postconf", "-F", "*/*/chroot"]).lines().all(|line| line.ends_with("= n")));
    assert_eq!(lab.text_of(&["postconf", "-h", "smtpd_milters"]), "unix:segl/milter.sock\n");
    // Segl does not run: nothing is taken. Postfix 3.10 says so at once, 3.7 at the first command.
    let result = send(&lab, "x@tls13.plain.test", "too early");
    let said = (result.code, result.stage.as_str());
    assert!(said == (Some(451), "MAIL") || said == (Some(421), "connect"), "{result:?}");
    lab.postconf(&["smtpd_milters=", "smtp_tls_policy_maps="]);
    assert_eq!(delivered(&lab, "x@tls13.plain.test", "tls13").as_deref(), TLS13);
}

/// Stands for the daemon: takes connections on both sockets, says who it is, and ends with SIGTERM.
const STAND_IN: &str = r#"#!/usr/bin/python3
import os, signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
sockets = []
for name in ("milter", "socketmap"):
    path = f"/var/spool/postfix/segl/{name}.sock"
    if os.path.exists(path):
        os.unlink(path)
    sockets.append(socket.socket(socket.AF_UNIX))
    sockets[-1].bind(path)
    os.chmod(path, 0o660)
    sockets[-1].listen(64)
os.system("id >&2")
print(" ".join(sys.argv[1:]), open("/etc/segl/segl.toml").readline().strip(), file=sys.stderr, flush=True)
open("/var/lib/segl/state", "a").close()
signal.sigwait([signal.SIGTERM])
"#;

#[test]
fn a_daemon_runs_as_its_user_and_can_be_killed_and_started_again() {
    let lab = Lab::up(&Options::default());
    fs::write(lab.file("/run/lab/bin/segl"), STAND_IN).unwrap();
    lab.text_of(&["chmod", "755", "/run/lab/bin/segl"]);
    let mut segl = lab.start_segl(SEGL_TOML);
    segl::config::Config::load(&lab.file("/etc/segl/segl.toml")).unwrap();
    lab.expect("it says who it is", || segl.stderr().contains("run -c /etc/segl/segl.toml mode = \"enforce\""));
    let said = segl.stderr();
    assert!(said.contains("(_segl)") && said.contains("(postdrop)") && said.contains("(adm)"), "{said}");
    assert!(!said.contains("(postfix)"), "{said}");
    let socket = "/var/spool/postfix/segl/socketmap.sock";
    assert_eq!(lab.text_of(&["stat", "-c", "%U:%G %a", socket]), "_segl:postfix 660\n");

    let first = segl.pid();
    segl.kill9();
    assert!(!Path::new(&format!("/proc/{first}")).exists());
    segl.start();
    assert_ne!(segl.pid(), first);
    assert!(segl.terminate().success());
    segl.start();
    segl.restart();
    drop(segl);
    let traced = lab.start_segl_under(&["strace", "-D", "-f", "-o", "/run/lab/trace"], SEGL_TOML);
    let command = fs::read_to_string(format!("/proc/{}/cmdline", traced.pid())).unwrap();
    assert!(!command.starts_with("strace"), "{command}");
    lab.expect("it is traced", || {
        fs::read_to_string(lab.file("/run/lab/trace")).is_ok_and(|trace| trace.contains("bind("))
    });
    drop(traced);
}

/// The namespaces that hold a lab: those of its first process, and its hosts'.
fn namespaces(lab: &Lab) -> BTreeSet<u64> {
    let kinds = ["mnt", "net", "pid_for_children", "uts", "ipc"].map(|kind| format!("/proc/{}/ns/{kind}", lab.init()));
    let hosts = ["mta", "dns", "recipients"].map(|host| format!("/proc/{}/root/run/netns/{host}", lab.init()));
    kinds
        .iter()
        .chain(&hosts)
        .map(|path| fs::metadata(path).unwrap_or_else(|error| panic!("{path}: {error}")).ino())
        .collect()
}

/// Processes, as seen by the host, that are in one of these namespaces: each with the time of its start, since numbers of
/// processes and of namespaces are given out again.
fn inhabitants(namespaces: &BTreeSet<u64>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let path = process.path();
        let inside = ["mnt", "net", "pid", "uts", "ipc"]
            .iter()
            .any(|kind| fs::metadata(path.join("ns").join(kind)).is_ok_and(|file| namespaces.contains(&file.ino())));
        if inside && let Some(started) = started(&path) {
            found.push((path.display().to_string(), started));
        }
    }
    found
}

/// When a process began, in ticks since boot (proc(5), field 22 of stat); none when it has ended.
fn started(process: &Path) -> Option<String> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    (fields.next()? != "Z").then(|| fields.nth(18).map(str::to_owned))?
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()
}

#[test]
fn a_lab_whose_parent_is_killed_leaves_nothing() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab");
    // The script itself, and its supervisor: the one that the kernel kills the init for.
    for victim in ["up", "supervisor"] {
        let lab = Lab::up(&Options::default());
        let namespaces = namespaces(&lab);
        let processes = inhabitants(&namespaces);
        assert!(processes.len() > 10, "{processes:?}");
        let scratch = directory.join(lab.id());
        let pid = match victim {
            "up" => lab.up_process(),
            _ => fs::read_to_string(scratch.join("supervisor")).unwrap().trim().parse().unwrap(),
        };
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        let left = || processes.iter().filter(|(path, start)| started(Path::new(path)).as_ref() == Some(start)).count();
        assert!(wait_until(PATIENCE, || left() == 0), "{} of {processes:?} live on", left());
        assert!(!mounts().contains(lab.id()));
        if victim == "up" {
            assert!(scratch.exists(), "nobody was left to remove it");
        }
        drop(lab);
        drop(Lab::up(&Options::default()));
        assert!(!scratch.exists(), "the next lab removes what dead ones left");
    }
}

#[test]
fn a_lab_ends_with_the_process_that_wanted_it() {
    // A shell stands for the test's process: it holds the pipe and is killed.
    let id = format!("killed-{}", std::process::id());
    let script = format!("{0}/tests/lab/up --tied --id {id} < <(exec sleep 1000) & wait", env!("CARGO_MANIFEST_DIR"));
    let scratch = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab").join(&id);
    let mut shell = Command::new("setsid").args(["bash", "-c", &script]).spawn().unwrap();
    assert!(wait_until(PATIENCE, || scratch.join("init").exists()), "the lab comes up");
    let session = shell.id().cast_signed();
    // The whole session at once: shell, script and the pipe's other end.
    kill(Pid::from_raw(-session), Signal::SIGKILL).unwrap();
    shell.wait().unwrap();
    let lives = || {
        Command::new("flock").arg("-n").arg(scratch.join("lock")).arg("true").status().map(|status| !status.success())
    };
    assert!(wait_until(PATIENCE, || !lives().unwrap_or(true)), "its processes die");
    drop(Lab::up(&Options::default()));
    assert!(!scratch.exists());
}

#[test]
fn scripts_bring_a_lab_up_and_down_by_hand() {
    let id = format!("hand-{}", std::process::id());
    let script = |name: &str, arguments: &[&str]| {
        let path = format!("{}/tests/lab/{name}", env!("CARGO_MANIFEST_DIR"));
        let output = Command::new(path).args(["--id", &id]).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    assert!(script("up", &["smtpd_banner=$myhostname by hand"]).0);
    let (again, said) = script("up", &[]);
    assert!(!again && said.contains("is up already"), "{said}");
    let (sent, said) = script("send", &["--to", "x@tls13.plain.test", "--subject", "by hand"]);
    assert!(sent && said.contains("< 220 mail.sender.test by hand") && said.contains("queued as"), "{said}");
    assert!(wait_until(PATIENCE, || script("received", &["tls13"])
        .1
        .contains("TLSv1.3 TLS_AES_256_GCM_SHA384; Subject: by hand")));
    assert!(script("control", &["switch", "starttls=none"]).1.contains(r#""starttls": "none""#));
    assert!(!script("control", &["switch", "starttls=perhaps"]).0);
    assert!(script("in", &["mta", "hostname"]).1.contains("mail.sender.test"));
    let (down, said) = script("down", &[]);
    assert!(down, "{said}");
    assert!(!Path::new(env!("CARGO_MANIFEST_DIR")).join("target/lab").join(&id).exists());
    assert!(!script("in", &["mta", "true"]).0);
}

/// The host's files that a lab has copies of, each with what it is; and the host's name.
fn host() -> Vec<String> {
    let script = "find /etc/postfix /var/spool/postfix /var/lib/postfix /etc/aliases* /etc/passwd /etc/group \
                  /etc/resolv.conf /etc/hosts /etc/mailname /etc/segl /var/lib/segl -printf '%p %i %m %u %s %T@ %C@\\n' \
                  2>/dev/null | sort; hostname; ip netns list; \
                  ip -oneline address | grep -F -e 192.0.2. -e 2001:db8: -e wire";
    let output = Command::new("sh").args(["-c", script]).output().unwrap_or_else(|error| panic!("sh: {error}"));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn the_host_is_as_it_was() {
    LazyLock::force(&HOST);
    let lab = Lab::up(&Options { segl: true, ..Options::default() });
    lab.postconf(&["smtpd_banner=$myhostname"]);
    assert!(lab.text_of(&["cat", "/etc/passwd"]).contains("anna:"));
    assert_eq!(host(), *HOST);
    // The host's own namespaces do not have its mounts.
    assert!(!mounts().contains(lab.id()));
}
