//! Name servers of knot and unbound, on loopback.

use crate::{
    process::{Process, free_port, run, until},
    smtp::Servers,
};
use std::{fmt::Write, fs, path::Path};

/// Records of the zones `signed.test` and `plain.test`: `@` is the zone.
const RECORDS: &str = "
null.@ MX 0 .
nullish.@ MX 10 .
nullish.@ MX 20 h1.@
implicit.@ A 127.0.1.1
own.@ MX 10 mx.own.@
mx.own.@ A 127.0.1.1
alias.@ CNAME h1.@
viaalias.@ MX 10 alias.@
aliased.@ CNAME d1.@
circle.@ CNAME elcric.@
elcric.@ CNAME circle.@
viacircle.@ MX 10 circle.@
nothing.@ TXT text
halfdead.@ MX 10 gone.@
halfdead.@ MX 20 h2.@
dead.@ MX 10 gone.@
dead.@ MX 20 nothing.@
half.@ MX 10 h4.@
half.@ MX 20 h2.@
halfclosed.@ MX 10 h20.@
halfclosed.@ MX 20 h4.@
pit.@ MX 10 h10.@
pit.@ MX 20 h1.@
private.@ MX 10 in.private.@
in.private.@ A 10.0.0.5
numeric.@ MX 10 127.0.1.1.
failing.@ MX 10 mx.servfail.test.
mixed.@ MX 10 h22.@
mixed.@ MX 20 h3.@
bound.@ MX 10 mx.bound.@
mx.bound.@ A 127.0.1.6
several.@ A 127.0.1.4
several.@ A 127.0.1.1
";

/// Knot with a root zone that holds `signed.test`, delegates `plain.test` unsigned, `bogus.test` with a DS record
/// that matches nothing, and `servfail.test` to a zone that is not there. Signed, or as all of it looks behind a
/// resolver that strips DNSSEC. Gives its port.
pub(crate) fn knot(directory: &Path, name: &str, signed: bool, servers: &Servers) -> (Process, u16) {
    let home = directory.join(name);
    fs::create_dir_all(home.join("db")).unwrap();
    let digest = "ab".repeat(32);
    let soa = "@ 60 SOA ns.test. admin.test. 1 3600 600 86400 60\n@ 60 NS ns.test.\n$TTL 60\n";
    let mut root = format!("$ORIGIN .\n{soa}{}", zone("signed.test."));
    root += "ns.test. A 127.0.0.1\nplain.test. NS ns.test.\nservfail.test. NS ns.test.\nbogus.test. NS ns.test.\n";
    if signed {
        writeln!(root, "bogus.test. DS 4711 13 2 {digest}").unwrap();
    }
    let smtp_port = servers.port;
    for (peer, record) in &servers.tlsa {
        writeln!(root, "_{smtp_port}._tcp.h{}.signed.test. TLSA {record}", *peer as u8).unwrap();
    }
    writeln!(root, "_{smtp_port}._tcp.mx.bound.signed.test. TLSA 3 1 1 {digest}").unwrap();
    writeln!(root, "_{smtp_port}._tcp.h2.signed.test. TLSA 1 1 1 {digest}").unwrap();
    root += "crossed.signed.test. MX 10 h1.plain.test.\n";
    let plain = format!("$ORIGIN plain.test.\n{soa}{}crossed MX 10 h1.signed.test.\n", zone("plain.test."));
    let bogus = format!("$ORIGIN bogus.test.\n{soa}@ MX 10 h1.signed.test.\n");
    for (file, text) in [("root", root), ("plain", plain), ("bogus", bogus)] {
        fs::write(home.join(file), text).unwrap();
    }
    let port = free_port();
    let at = home.display();
    let (signing, policy) = if signed { ("on", "dnssec-policy: p") } else { ("off", "") };
    let config = format!(
        r#"
server:
  rundir: "{at}"
  listen: 127.0.0.1@{port}
database:
  storage: "{at}/db"
policy:
  - id: p
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: "{at}"
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
zone:
  - domain: .
    file: root
    dnssec-signing: {signing}
    {policy}
  - domain: plain.test
    file: plain
  - domain: bogus.test
    file: bogus
  - domain: servfail.test
    file: absent
"#,
    );
    let file = home.join("knot.conf");
    fs::write(&file, config).unwrap();
    let process = Process::start("knotd", &["-c", file.to_str().unwrap()]);
    until("knotd", || {
        let answer = kdig(port, &[".", "SOA", "+dnssec"]);
        answer.contains("SOA") && answer.contains("RRSIG") == signed
    });
    (process, port)
}

fn zone(zone: &str) -> String {
    let mut text = RECORDS.replace('@', zone);
    for n in 1..=40 {
        writeln!(text, "d{n}.{zone} MX 10 h{n}.{zone}\nh{n}.{zone} A 127.0.1.{n}").unwrap();
    }
    for n in 0..30 {
        writeln!(text, "crowd.{zone} MX {n} m{n}.crowd.{zone}\nm{n}.crowd.{zone} A 127.0.1.4").unwrap();
    }
    text
}

/// The answer section to a question asked of a server on loopback.
pub(crate) fn kdig(port: u16, question: &[&str]) -> String {
    let port = port.to_string();
    let how = ["@127.0.0.1", "-p", &port, "+noall", "+answer", "+time=1", "+retry=0"];
    String::from_utf8_lossy(&run("kdig", &[&how[..], question].concat()).stdout).into_owned()
}

/// A validating recursive resolver in front of knot. Gives its port.
pub(crate) fn unbound(directory: &Path, knot: u16, trust_anchor: &Path) -> (Process, u16) {
    let port = free_port();
    let mut config = format!(
        r#"
server:
  interface: 127.0.0.1@{port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{at}"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-file: "{anchor}"
  local-zone: "test." nodefault
remote-control:
  control-enable: no
"#,
        at = directory.display(),
        anchor = trust_anchor.display(),
    );
    for zone in [".", "plain.test", "bogus.test", "servfail.test"] {
        writeln!(config, "stub-zone:\n  name: \"{zone}\"\n  stub-addr: 127.0.0.1@{knot}").unwrap();
    }
    let file = directory.join("unbound.conf");
    fs::write(&file, config).unwrap();
    let process = Process::start("unbound", &["-c", file.to_str().unwrap()]);
    until("unbound", || kdig(port, &["d1.signed.test", "MX"]).contains("h1.signed.test"));
    (process, port)
}
