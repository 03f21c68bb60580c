#!/usr/bin/python3
"""The lab's small internet as one table: recipient servers, their behaviour, and the zones that lead to them.

    internet.py configuration DIR  write knot's and unbound's configuration to DIR
    internet.py signed           the zones that need keys, made by keymgr(8) between these two steps
    internet.py zones DIR PKI    write the zone files and the trust anchor to DIR
    internet.py names KIND       host names for the certificate of that kind
    internet.py addresses        addresses of the recipients' namespace
    internet.py ready            wait until resolver, recipients and Postfix answer (run in the mta namespace)
"""

import socket
import subprocess
import struct
import sys
import time
from pathlib import Path
from typing import NamedTuple

RESOLVER = "192.0.2.2"
AUTHORITY = "192.0.2.53"
MTA = "192.0.2.25"
TTL = 2  # seconds: a change must reach every cache within the time a test waits

SIGNED = [".", "test", "signed.test", "bogus.test"]
UNSIGNED = ["plain.test", "sender.test", "servfail.plain.test", "2.0.192.in-addr.arpa"]


class Server(NamedTuple):
    """One recipient server. The behaviour can be changed while it runs (see recipients.py)."""

    number: int
    hosts: list  # names that lead to it
    tls: tuple = ("1.2", "1.3")  # least and greatest version
    starttls: str = "offer"  # offer | none | refuse | close | garbage
    cert: str = "self"  # self | ca | wrong-name
    greeting: str = "220"  # 220 | never | any other reply
    listen: bool = True
    six: bool = False

    @property
    def address(self):
        return f"2001:db8::{self.number}" if self.six else f"192.0.2.{self.number}"


def mx(name, zone="plain.test"):
    return [f"mx.{name}.{zone}"]


SERVERS = {
    "tls13": Server(101, mx("tls13"), tls=("1.3", "1.3")),
    "tls12": Server(102, mx("tls12"), tls=("1.2", "1.2")),
    "tls11": Server(103, mx("tls11"), tls=("1.1", "1.1")),
    "verified": Server(104, mx("verified"), cert="ca"),
    "selfsigned": Server(105, mx("selfsigned")),
    "wrongname": Server(106, mx("wrongname"), cert="wrong-name"),
    "cleartext": Server(107, mx("cleartext"), starttls="none"),
    "starttls-breaks": Server(108, mx("starttls-breaks"), starttls="close"),
    "starttls-garbage": Server(109, mx("starttls-garbage"), starttls="garbage"),
    "tarpit": Server(110, mx("tarpit"), greeting="never"),
    "closed": Server(111, mx("closed"), listen=False),
    "half-cleartext": Server(112, ["mx1.half.plain.test"], starttls="none"),
    "half-tls": Server(113, ["mx2.half.plain.test"]),
    "switch": Server(114, mx("switch")),
    "implicit": Server(115, ["implicit.plain.test"]),
    "cname": Server(116, mx("cname")),
    "servfail": Server(117, mx("servfail")),
    "idn": Server(118, mx("xn--rdgrd-vuad")),
    "smart1": Server(119, ["smart1.plain.test"], cert="ca"),
    "smart2": Server(120, ["smart2.plain.test"], cert="ca"),
    "fallback": Server(121, ["fallback.plain.test"], starttls="none"),
    "six": Server(122, mx("six"), six=True),
    "tlsa-good": Server(131, mx("tlsa-good", "signed.test")),
    "tlsa-bad": Server(132, mx("tlsa-bad", "signed.test")),
    "tlsa-unusable": Server(133, mx("tlsa-unusable", "signed.test")),
    "tlsa-cleartext": Server(134, mx("tlsa-cleartext", "signed.test"), starttls="none"),
    "no-tlsa": Server(135, mx("no-tlsa", "signed.test")),
    "bogus": Server(136, ["mx.bogus.test"]),
}

# Zone files, relative to the zone; the A and AAAA records of the servers are added to them.
RECORDS = {
    "plain.test": """
tls13             MX 10 mx.tls13
tls12             MX 10 mx.tls12
tls11             MX 10 mx.tls11
verified          MX 10 mx.verified
selfsigned        MX 10 mx.selfsigned
wrongname         MX 10 mx.wrongname
cleartext         MX 10 mx.cleartext
starttls-breaks   MX 10 mx.starttls-breaks
starttls-garbage  MX 10 mx.starttls-garbage
tarpit            MX 10 mx.tarpit
closed            MX 10 mx.closed
nullmx            MX 0 .
half              MX 10 mx1.half
half              MX 20 mx2.half
switch            MX 10 mx.switch
cname             MX 10 alias.cname
alias.cname       CNAME mx.cname
xn--rdgrd-vuad    MX 10 mx.xn--rdgrd-vuad
six               MX 10 mx.six
loopback          MX 10 mx.loopback
mx.loopback       A 127.0.0.1
private           MX 10 mx.private
mx.private        A 10.0.0.1
no-host           MX 10 mx.no-host
*.many            MX 10 mx.tls13
servfail          NS ns.test.
""",
    "servfail.plain.test": "@ MX 10 mx.servfail.plain.test.\n",
    "signed.test": """
tlsa-good              MX 10 mx.tlsa-good
_25._tcp.mx.tlsa-good  TLSA 3 1 1 {digest}
tlsa-bad               MX 10 mx.tlsa-bad
_25._tcp.mx.tlsa-bad   TLSA 3 1 1 {other_digest}
tlsa-unusable          MX 10 mx.tlsa-unusable
_25._tcp.mx.tlsa-unusable TLSA 1 1 1 {digest}
tlsa-cleartext         MX 10 mx.tlsa-cleartext
_25._tcp.mx.tlsa-cleartext TLSA 3 1 1 {digest}
no-tlsa                MX 10 mx.no-tlsa
""",
    "bogus.test": "@ MX 10 mx\n",
    "sender.test": f"@ MX 10 mail\nmail A {MTA}\n",
    ".": f"ns.test. A {AUTHORITY}\ntest. NS ns.test.\n2.0.192.in-addr.arpa. NS ns.test.\n",
    "test": f"ns A {AUTHORITY}\nsigned NS ns\nbogus NS ns\nplain NS ns\nsender NS ns\n",
    "2.0.192.in-addr.arpa": f"{MTA.rsplit('.', 1)[1]} PTR mail.sender.test.\n",
}


def file_of(zone):
    return "root.zone" if zone == "." else f"{zone}.zone"


def zone_of(host):
    """The zone that holds a server's name: the longest that fits."""
    fits = [zone for zone in RECORDS if host == zone or host.endswith("." + zone)]
    return max(fits, key=len)


def delegation_signers(zone, directory):
    """DS records (SHA-256) of a zone whose keys are in keymgr's database."""
    answer = subprocess.run(
        ["keymgr", "-c", f"{directory}/knot.conf", f"{zone}.", "ds"], check=True, capture_output=True, text=True
    )
    return [line for line in answer.stdout.splitlines() if line.split()[4] == "2"]


def zones(directory, pki):
    directory = Path(directory)
    digest = (Path(pki) / "self.spki.sha256").read_text().strip()
    other = digest[2:] + digest[:2]
    text = {}
    for zone, records in RECORDS.items():
        origin = "." if zone == "." else f"{zone}."
        text[zone] = f"$ORIGIN {origin}\n$TTL {TTL}\n@ SOA ns.test. hostmaster.test. 1 60 60 3600 {TTL}\n@ NS ns.test.\n"
        text[zone] += records.format(digest=digest, other_digest=other)
    for server in SERVERS.values():
        for host in server.hosts:
            text[zone_of(host)] += f"{host}. {'AAAA' if server.six else 'A'} {server.address}\n"
        if not server.six:
            text["2.0.192.in-addr.arpa"] += f"{server.number} PTR {server.hosts[0]}.\n"
    text["."] += "\n".join(delegation_signers("test", directory)) + "\n"
    text["test"] += "\n".join(delegation_signers("signed.test", directory)) + "\n"
    for line in delegation_signers("bogus.test", directory):
        name, kind, tag, algorithm, digest_type, value = line.split()
        text["test"] += f"{name} {kind} {tag} {algorithm} {digest_type} {value[2:]}{value[:2]}\n"
    for zone, content in text.items():
        # The server has no data for this zone, and so answers SERVFAIL, until `tests/lab/dns heal` renames it.
        suffix = ".off" if zone == "servfail.plain.test" else ""
        (directory / (file_of(zone) + suffix)).write_text(content)
    anchor = subprocess.run(
        ["keymgr", "-c", str(directory / "knot.conf"), ".", "dnskey"], check=True, capture_output=True, text=True
    )
    owner, rest = anchor.stdout.split("DNSKEY", 1)
    (directory / "anchor.key").write_text(f"{owner.strip()} 172800 IN DNSKEY{rest}")


def knot_conf(directory):
    lines = f"""server:
  rundir: /run/lab/knot
  listen: {AUTHORITY}@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 2
log:
  - target: /var/log/knot.log
    any: info
database:
  storage: {directory}
  journal-db-max-size: 64M
  kasp-db-max-size: 32M
  timer-db-max-size: 16M
  catalog-db-max-size: 16M
control:
  listen: /run/lab/knot/knot.sock
policy:
  - id: lab
    manual: on
    single-type-signing: on
template:
  - id: default
    storage: {directory}
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    semantic-checks: off
zone:
"""
    for zone in SIGNED + UNSIGNED:
        lines += f"  - domain: {zone if zone == '.' else zone + '.'}\n    file: {file_of(zone)}\n"
        if zone in SIGNED:
            lines += "    dnssec-signing: on\n    dnssec-policy: lab\n"
    return lines


def unbound_conf(directory):
    return f"""server:
  interface: {RESOLVER}
  access-control: 192.0.2.0/24 allow
  do-daemonize: yes
  pidfile: /run/lab/unbound.pid
  logfile: /var/log/unbound.log
  use-syslog: no
  username: ""
  chroot: ""
  directory: {directory}
  num-threads: 1
  do-ip6: no
  module-config: "validator iterator"
  trust-anchor-file: {directory}/anchor.key
  root-hints: {directory}/root.hints
  local-zone: "test." nodefault
  local-zone: "2.0.192.in-addr.arpa." nodefault
  qname-minimisation: no
  cache-max-negative-ttl: {TTL}
  infra-host-ttl: 1
  infra-keep-probing: yes
remote-control:
  control-enable: yes
  control-interface: /run/lab/unbound.sock
  control-use-cert: no
"""


def configuration(directory):
    directory = Path(directory)
    (directory / "knot.conf").write_text(knot_conf(directory))
    (directory / "unbound.conf").write_text(unbound_conf(directory))
    (directory / "root.hints").write_text(f". 3600 NS ns.test.\nns.test. 3600 A {AUTHORITY}\n")


def ask(name, kind):
    """One query to the resolver with DO set: (rcode, AD, answers)."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = struct.pack(">HHHHHH", 4711, 0x0100, 1, 0, 0, 1) + labels + b"\0" + struct.pack(">HH", kind, 1)
    query += b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.3)
        sock.connect((RESOLVER, 53))
        sock.send(query)
        answer = sock.recv(4096)
    _, flags, _, answers, _, _ = struct.unpack(">HHHHHH", answer[:12])
    return flags & 15, bool(flags & 0x20), answers


def attempt(what, last):
    """Repeats `what` until it is true; OSError counts as not yet."""
    end = time.monotonic() + 30
    while True:
        try:
            if what():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            sys.exit(f"lab: {last}")
        time.sleep(0.02)


def answered(address):
    """Whether an SMTP server says something; 421 too, which is what Postfix says while its milter is down."""
    with socket.create_connection((address, 25), timeout=2) as sock:
        return sock.recv(3) in (b"220", b"421")


def ready():
    def signed():
        return ask("_25._tcp.mx.tlsa-good.signed.test", 52) == (0, True, 2)  # with its signature

    def unsigned():
        rcode, authentic, answers = ask("tls13.plain.test", 15)
        return (rcode, authentic) == (0, False) and answers > 0

    attempt(signed, "the resolver has no secure answer for signed.test (var/log/knot.log, unbound.log)")
    attempt(unsigned, "the resolver has no answer for plain.test (var/log/knot.log, unbound.log)")
    attempt(lambda: answered(SERVERS["tls13"].address), "the recipients do not answer (var/log/recipients.log)")
    attempt(lambda: answered("127.0.0.1"), "Postfix does not answer (var/log/mail.log)")


def main():
    match sys.argv[1:]:
        case ["configuration", directory]:
            configuration(directory)
        case ["signed"]:
            print(*SIGNED, sep="\n")
        case ["zones", directory, pki]:
            zones(directory, pki)
        case ["names", kind]:
            print(*(host for server in SERVERS.values() if server.cert == kind for host in server.hosts), sep="\n")
        case ["addresses"]:
            print(*(f"{server.address}/{64 if server.six else 24}" for server in SERVERS.values()), sep="\n")
        case ["ready"]:
            ready()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
