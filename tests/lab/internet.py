#!/usr/bin/python3
"""The lab's small internet as one table: recipient servers, their behaviour, and the zones that lead to them.

    internet.py plan DIR         write knot's and unbound's configuration to DIR/dns, and what `init` needs to DIR/plan:
                                 batch.HOST (commands of ip(8) for its addresses), names.KIND (host names for the
                                 certificate of that kind) and signed (zones that need keys, made by keymgr(8))
    internet.py zones DIR        write the zone files and the trust anchor to DIR/dns, when keys and certificates are made
    internet.py ready            wait until resolver, recipients and Postfix answer (run in the mta namespace)
"""

import base64
import hashlib
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

RESOLVER = "192.0.2.2"
AUTHORITY = "192.0.2.53"
MTA = "192.0.2.25"
DEAD = "192.0.2.98"  # nobody has it, and nobody says so: what is sent there is lost (see init)
DEAD_NETWORK = "198.51.100"  # the same for each of its addresses
STRANGER = "192.0.2.99"  # of the recipients' namespace
CERTS = ["self", "ca", "wrong-name", "chain", "chain-wrong-name", "expired", "rsa"]  # kinds of certificate
TTL = 2  # seconds: a change must reach every cache within the time a test waits

SIGNED = [".", "test", "signed.test", "bogus.test"]
# The server has no data for these, and so answers SERVFAIL, until `tests/lab/dns heal`.
BROKEN = ["servfail.plain.test", "_mta-sts.sts-servfail.plain.test", "_tcp.mx.tlsa-servfail.signed.test"]
# Not signed by the server, that is: the text of stale.test holds its signatures, and _tcp.mx.tlsa-bogus should be signed.
UNSIGNED = ["plain.test", "sender.test", "2.0.192.in-addr.arpa", "_tcp.mx.tlsa-bogus.signed.test", "stale.test", *BROKEN]


class Server(NamedTuple):
    """One recipient server. The behaviour can be changed while it runs (see recipients.py)."""

    number: int
    hosts: list  # names that lead to it
    tls: tuple = ("1.2", "1.3")  # least and greatest version
    starttls: str = "offer"  # offer | none | refuse | close | garbage | inject | wrap
    cert: str = "self"  # self | ca | wrong-name | chain | chain-wrong-name | expired | rsa
    greeting: str = "220"  # 220 | never | flood | stream | any other reply
    listen: bool = True
    six: bool = False
    port: int = 25
    wait: float = 0  # seconds before the greeting
    ciphers: str = ""  # as OpenSSL writes them; none: its own choice
    replies: dict = {}  # in place of what it would answer

    @property
    def address(self):
        return f"2001:db8::{self.number}" if self.six else f"192.0.2.{self.number}"


class Policy(NamedTuple):
    """What one MTA-STS policy host says. It can be changed while it runs (see policies.py)."""

    number: int
    domain: str
    policy: str
    cert: str = "ca"
    status: int = 200
    type: str = "text/plain"
    location: str = ""
    padding: int = 0  # bytes of further lines
    pace: float = 0  # seconds between the bytes of an answer that never ends
    chunked: bool = False
    listen: bool = True
    aliases: list = []  # further names that lead to it

    @property
    def address(self):
        return f"192.0.2.{self.number}"

    @property
    def hosts(self):
        return [f"mta-sts.{self.domain}", *self.aliases]


def mx(name, zone="plain.test"):
    return [f"mx.{name}.{zone}"]


def sts(mode, *hosts):
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {host}" for host in hosts), "max_age: 604800"]
    return "".join(f"{line}\r\n" for line in lines)


WELL_KNOWN = "https://mta-sts.{}/.well-known/mta-sts.txt"
# Domains whose mail goes to the server `sts`, by an MX host each.
STS_GOOD = """
sts-enforce sts-switch sts-mismatch sts-wildcard sts-host-selfsigned sts-host-wrongname sts-host-expired sts-host-closed
sts-host-gone sts-host-loopback sts-host-private sts-host-dead sts-redirect sts-oversize sts-slow sts-type sts-404
sts-chunked sts-two-txt sts-bad-txt sts-bad-policy sts-no-txt sts-servfail sts-cname sub.sts-enforce
""".split()
# Those with a TXT record as it should be.
STS_TXT = """
sts-enforce sts-switch sts-testing sts-none sts-mismatch sts-wildcard sts-selfsigned sts-wrongname sts-expired
sts-cleartext sts-half sts-host-selfsigned sts-host-wrongname sts-host-expired sts-host-closed sts-host-gone
sts-host-loopback sts-host-private sts-host-dead sts-redirect sts-oversize sts-slow sts-type sts-404 sts-chunked
sts-bad-policy
""".split()
# A client that follows the redirect, or the CNAME, finds that domain's MX host here.
ENFORCE = ["mx.sts-enforce.plain.test", "mx.sts-redirect.plain.test", "mx.sts-cname.plain.test"]


def good(number, name, mode="enforce", **rest):
    """A policy with nothing wrong in it but what `rest` says."""
    return Policy(number, f"{name}.plain.test", sts(mode, f"mx.{name}.plain.test"), **rest)


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
    # DANE
    "tlsa-rollover": Server(137, mx("tlsa-rollover", "signed.test")),
    "tlsa-ta": Server(138, mx("tlsa-ta", "signed.test"), cert="chain"),
    "tlsa-ta-cert": Server(139, mx("tlsa-ta-cert", "signed.test"), cert="chain"),
    "tlsa-ta-wrongname": Server(140, mx("tlsa-ta-wrongname", "signed.test"), cert="chain-wrong-name"),
    "tlsa-ta-nochain": Server(141, mx("tlsa-ta-nochain", "signed.test"), cert="ca"),
    "tlsa-ee-wrongname": Server(142, mx("tlsa-ee-wrongname", "signed.test"), cert="wrong-name"),
    "tlsa-ee-expired": Server(143, mx("tlsa-ee-expired", "signed.test"), cert="expired"),
    "tlsa-unusable-type": Server(144, mx("tlsa-unusable-type", "signed.test")),
    "tlsa-unusable-digest": Server(145, mx("tlsa-unusable-digest", "signed.test")),
    "tlsa-half-signed": Server(146, ["mx1.tlsa-half.signed.test"]),
    "tlsa-half-plain": Server(147, ["mx2.tlsa-half.plain.test"]),
    "tlsa-onebad-bad": Server(148, ["mx1.tlsa-onebad.signed.test"]),
    "tlsa-onebad-good": Server(149, ["mx2.tlsa-onebad.signed.test"]),
    "tlsa-gone": Server(150, ["mx2.tlsa-gone.signed.test"]),
    "tlsa-cname": Server(151, mx("tlsa-cname", "signed.test")),
    "tlsa-cname-alias": Server(152, mx("tlsa-cname-alias", "signed.test")),
    "tlsa-insecure-mx": Server(153, mx("tlsa-insecure-mx", "signed.test")),
    "tlsa-servfail": Server(154, mx("tlsa-servfail", "signed.test")),
    "tlsa-bogus": Server(155, mx("tlsa-bogus", "signed.test")),
    "tlsa-slow": Server(156, mx("tlsa-slow", "signed.test")),
    "stale": Server(157, ["mx.stale.test"]),
    "both-dane-good": Server(158, mx("both-dane-good", "signed.test"), cert="ca"),
    "both-dane-bad": Server(159, mx("both-dane-bad", "signed.test"), cert="ca"),
    # TLS and the talk before it
    "static-rsa": Server(160, mx("static-rsa"), tls=("1.2", "1.2"), cert="rsa", ciphers="AES128-GCM-SHA256"),
    "dhe": Server(161, mx("dhe"), tls=("1.2", "1.2"), cert="rsa", ciphers="DHE-RSA-AES128-GCM-SHA256"),
    "starttls-inject": Server(162, mx("starttls-inject"), starttls="inject"),
    "banner-flood": Server(163, mx("banner-flood"), greeting="flood"),
    "banner-stream": Server(164, mx("banner-stream"), greeting="stream"),
    "late": Server(165, mx("late"), wait=3),
    "helo-only": Server(166, mx("helo-only"), replies={"EHLO": "502 5.5.1 no such command"}),
    "greeting-4xx": Server(167, mx("greeting-4xx"), greeting="421 4.3.2 come back later"),
    "greeting-5xx": Server(168, mx("greeting-5xx"), greeting="554 5.3.2 no mail here"),
    "smtps": Server(169, ["smtps.plain.test"], starttls="wrap", cert="ca", port=465),
    "expired": Server(170, mx("expired"), cert="expired"),
    # MTA-STS
    "sts": Server(171, [f"mx.{name}.plain.test" for name in STS_GOOD], cert="ca"),
    "sts-selfsigned": Server(172, mx("sts-selfsigned") + mx("sts-testing") + mx("sts-none")),
    "sts-wrongname": Server(173, mx("sts-wrongname"), cert="wrong-name"),
    "sts-expired": Server(174, mx("sts-expired"), cert="expired"),
    "sts-cleartext": Server(175, mx("sts-cleartext"), starttls="none"),
    "sts-half-unlisted": Server(176, ["mx1.sts-half.plain.test"]),
    "sts-half-listed": Server(177, ["mx2.sts-half.plain.test"], cert="ca"),
}

POLICIES = {
    "mta-sts.sts-enforce": Policy(
        201, "sts-enforce.plain.test", sts("enforce", *ENFORCE), aliases=["mta-sts.sts-cname.plain.test"]
    ),
    "mta-sts.sts-switch": good(202, "sts-switch"),
    "mta-sts.sts-testing": good(203, "sts-testing", mode="testing"),
    "mta-sts.sts-none": Policy(204, "sts-none.plain.test", sts("none")),
    "mta-sts.sts-mismatch": Policy(205, "sts-mismatch.plain.test", sts("enforce", "mx.another.example")),
    "mta-sts.sts-wildcard": Policy(206, "sts-wildcard.plain.test", sts("enforce", "*.sts-wildcard.plain.test")),
    "mta-sts.sts-selfsigned": good(207, "sts-selfsigned"),
    "mta-sts.sts-wrongname": good(208, "sts-wrongname"),
    "mta-sts.sts-expired": good(209, "sts-expired"),
    "mta-sts.sts-cleartext": good(210, "sts-cleartext"),
    "mta-sts.sts-half": Policy(211, "sts-half.plain.test", sts("enforce", "mx2.sts-half.plain.test")),
    "mta-sts.sts-host-selfsigned": good(212, "sts-host-selfsigned", cert="self"),
    "mta-sts.sts-host-wrongname": good(213, "sts-host-wrongname", cert="wrong-name"),
    "mta-sts.sts-host-expired": good(214, "sts-host-expired", cert="expired"),
    "mta-sts.sts-host-closed": good(215, "sts-host-closed", listen=False),
    "mta-sts.sts-redirect": good(216, "sts-redirect", status=302, location=WELL_KNOWN.format("sts-enforce.plain.test")),
    "mta-sts.sts-oversize": good(217, "sts-oversize", padding=100_000),
    "mta-sts.sts-slow": good(218, "sts-slow", pace=0.5),
    "mta-sts.sts-type": good(219, "sts-type", type="text/html"),
    "mta-sts.sts-404": good(220, "sts-404", status=404),
    "mta-sts.sts-chunked": good(221, "sts-chunked", chunked=True),
    "mta-sts.sts-two-txt": good(222, "sts-two-txt"),
    "mta-sts.sts-bad-txt": good(223, "sts-bad-txt"),
    "mta-sts.sts-bad-policy": Policy(224, "sts-bad-policy.plain.test", "version: STSv1\r\nmode: enforce\r\nmx mx\r\n"),
    "mta-sts.sts-no-txt": good(225, "sts-no-txt"),
    "mta-sts.sts-servfail": good(226, "sts-servfail"),
    "mta-sts.both-dane-good": Policy(227, "both-dane-good.signed.test", sts("enforce", "mx.another.example")),
    "mta-sts.both-dane-bad": Policy(228, "both-dane-bad.signed.test", sts("enforce", "mx.both-dane-bad.signed.test")),
}

# Signed once, with a key that is gone; the signatures ended with January 2025.
STALE = """
@ MX 10 mx
@ DNSKEY 257 3 13 PGW4KC0qfD+QTMNGfj6ndXigFS6Wb8aNdcjLyLkC+viv7qHsHZlxQcpdeWXXrWhO/dmfVTMog+i9RAMrvMFDuQ==
@ RRSIG DNSKEY 13 2 2 20250201000000 20250101000000 30022 stale.test. 8CG3yeThEJmrIMNHABYKSjQz3xUijjP8aaKMNr80oKurMeeCSX2J/Ll+hAVtL5p4fwgLTFXg5RViMeQSjsDydQ==
@ RRSIG SOA 13 2 2 20250201000000 20250101000000 30022 stale.test. Vh7Gs1dom5wxfxivemb5n+F4NDbPEfsJ1xanXk//WhXDauOpAxyp6ZhUVXQWsZ4bmdG84KSd7rKo28v61jB2lQ==
@ RRSIG NS 13 2 2 20250201000000 20250101000000 30022 stale.test. aaCGvVlNb64tp25ic+lHrT8YM2HTqGYV0IxE4TmksnanlViWES4+5rQhGug9lEWwLvkvQwB25YU3DdKWBXdBGg==
@ RRSIG MX 13 2 2 20250201000000 20250101000000 30022 stale.test. QAqISX7kEZ+EDNz1V574ANX8ylj/xyJI2V3j6Vh5OonMOREUX4HXK+aLxqoDlh1fzFXzvAviAK7NpivoY2kOKA==
mx RRSIG A 13 3 2 20250201000000 20250101000000 30022 stale.test. McIEeniaENE6OAquK69Q9amtkFZZvuL0HHl+Rl0WHEgYnajuSXVtLFH7BdA2zEPUgFvt2APtmdKrJARwNQGX6A==
"""
STALE_DS = "stale DS 30022 13 2 e1d0fe20e4d2ae00985008a65f9f62b0cbfa494c1b3db41ddb1ca57c6a8a1ec5"

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
static-rsa        MX 10 mx.static-rsa
dhe               MX 10 mx.dhe
starttls-inject   MX 10 mx.starttls-inject
banner-flood      MX 10 mx.banner-flood
banner-stream     MX 10 mx.banner-stream
late              MX 10 mx.late
helo-only         MX 10 mx.helo-only
greeting-4xx      MX 10 mx.greeting-4xx
greeting-5xx      MX 10 mx.greeting-5xx
expired           MX 10 mx.expired
*.dead            MX 10 mx.dead
mx.dead           A {dead}
slowdns           NS ns.dead
ns.dead           A {dead}
tlsa-insecure-mx  MX 10 mx.tlsa-insecure-mx.signed.test.
"""
    + "".join(f"*.{n}.dead MX 10 mx.{n}.dead\nmx.{n}.dead A {DEAD_NETWORK}.{n}\n" for n in range(50))
    + "".join(f"{name} MX 10 mx.{name}\n" for name in STS_GOOD)
    + "".join(f'_mta-sts.{name} TXT "v=STSv1; id=1;"\n' for name in STS_TXT)
    + """
sts-selfsigned        MX 10 mx.sts-selfsigned
sts-testing           MX 10 mx.sts-testing
sts-none              MX 10 mx.sts-none
sts-wrongname         MX 10 mx.sts-wrongname
sts-expired           MX 10 mx.sts-expired
sts-cleartext         MX 10 mx.sts-cleartext
sts-half              MX 10 mx1.sts-half
sts-half              MX 20 mx2.sts-half
mta-sts.sts-host-loopback A 127.0.0.1
mta-sts.sts-host-private A 10.0.0.1
mta-sts.sts-host-dead A {dead}
_mta-sts.sts-two-txt  TXT "v=STSv1; id=1;"
_mta-sts.sts-two-txt  TXT "v=STSv1; id=2;"
_mta-sts.sts-bad-txt  TXT "v=STSv1; id=not one;"
_mta-sts.sts-servfail NS ns.test.
_mta-sts.sts-cname    CNAME _mta-sts.sts-enforce
mta-sts.sts-cname     CNAME mta-sts.sts-enforce
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
tlsa-rollover          MX 10 mx.tlsa-rollover
_25._tcp.mx.tlsa-rollover TLSA 3 1 1 {other_digest}
_25._tcp.mx.tlsa-rollover TLSA 3 1 1 {digest}
tlsa-ta                MX 10 mx.tlsa-ta
_25._tcp.mx.tlsa-ta    TLSA 2 1 1 {ca_digest}
tlsa-ta-cert           MX 10 mx.tlsa-ta-cert
_25._tcp.mx.tlsa-ta-cert TLSA 2 0 1 {ca_cert_digest}
tlsa-ta-wrongname      MX 10 mx.tlsa-ta-wrongname
_25._tcp.mx.tlsa-ta-wrongname TLSA 2 1 1 {ca_digest}
tlsa-ta-nochain        MX 10 mx.tlsa-ta-nochain
_25._tcp.mx.tlsa-ta-nochain TLSA 2 1 1 {ca_digest}
tlsa-ee-wrongname      MX 10 mx.tlsa-ee-wrongname
_25._tcp.mx.tlsa-ee-wrongname TLSA 3 1 1 {digest}
tlsa-ee-expired        MX 10 mx.tlsa-ee-expired
_25._tcp.mx.tlsa-ee-expired TLSA 3 1 1 {digest}
tlsa-unusable-type     MX 10 mx.tlsa-unusable-type
_25._tcp.mx.tlsa-unusable-type TLSA 3 1 9 {digest}
tlsa-unusable-digest   MX 10 mx.tlsa-unusable-digest
_25._tcp.mx.tlsa-unusable-digest TLSA 3 1 1 00112233
tlsa-half              MX 10 mx1.tlsa-half
tlsa-half              MX 20 mx2.tlsa-half.plain.test.
_25._tcp.mx1.tlsa-half TLSA 3 1 1 {digest}
tlsa-onebad            MX 10 mx1.tlsa-onebad
tlsa-onebad            MX 20 mx2.tlsa-onebad
_25._tcp.mx1.tlsa-onebad TLSA 3 1 1 {other_digest}
_25._tcp.mx2.tlsa-onebad TLSA 3 1 1 {digest}
tlsa-gone              MX 10 mx1.tlsa-gone
tlsa-gone              MX 20 mx2.tlsa-gone
_25._tcp.mx2.tlsa-gone TLSA 3 1 1 {digest}
tlsa-cname             MX 10 alias.tlsa-cname
alias.tlsa-cname       CNAME mx.tlsa-cname
_25._tcp.mx.tlsa-cname TLSA 3 1 1 {digest}
tlsa-cname-alias       MX 10 alias.tlsa-cname-alias
alias.tlsa-cname-alias CNAME mx.tlsa-cname-alias
_25._tcp.alias.tlsa-cname-alias TLSA 3 1 1 {digest}
_25._tcp.mx.tlsa-insecure-mx TLSA 3 1 1 {digest}
tlsa-servfail          MX 10 mx.tlsa-servfail
_tcp.mx.tlsa-servfail  NS ns.test.
tlsa-doubt             MX 10 mx.tlsa-servfail
tlsa-doubt             MX 20 mx.no-tlsa
tlsa-bogus             MX 10 mx.tlsa-bogus
_tcp.mx.tlsa-bogus     NS ns.test.
_tcp.mx.tlsa-bogus     DS 4711 13 2 {digest}
tlsa-slow              MX 10 mx.tlsa-slow
_tcp.mx.tlsa-slow      NS ns.dead.plain.test.
both-dane-good         MX 10 mx.both-dane-good
_25._tcp.mx.both-dane-good TLSA 3 1 1 {digest}
_mta-sts.both-dane-good TXT "v=STSv1; id=1;"
both-dane-bad          MX 10 mx.both-dane-bad
_25._tcp.mx.both-dane-bad TLSA 3 1 1 {other_digest}
_mta-sts.both-dane-bad TXT "v=STSv1; id=1;"
""",
    "_tcp.mx.tlsa-servfail.signed.test": "_25 TLSA 3 1 1 {digest}\n",
    "_tcp.mx.tlsa-bogus.signed.test": "_25 TLSA 3 1 1 {digest}\n",
    "_mta-sts.sts-servfail.plain.test": '@ TXT "v=STSv1; id=1;"\n',
    "stale.test": STALE,
    "bogus.test": "@ MX 10 mx\n",
    "sender.test": f"@ MX 10 mail\nmail A {MTA}\n",
    ".": f"ns.test. A {AUTHORITY}\ntest. NS ns.test.\n2.0.192.in-addr.arpa. NS ns.test.\n",
    "test": f"ns A {AUTHORITY}\nsigned NS ns\nbogus NS ns\nstale NS ns\n{STALE_DS}\nplain NS ns\nsender NS ns\n",
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


def certificate(path):
    """A certificate's DER."""
    return base64.b64decode("".join(path.read_text().split("-----")[2].split()))


def public_key(der):
    """The SubjectPublicKeyInfo in a certificate: of a P-256 key it always is 91 bytes that begin with these."""
    start = der.index(bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107"))
    return der[start : start + 91]


def values_of(pki):
    """What stands in braces in RECORDS."""
    ca = certificate(pki / "ca-certificate.pem")
    digest = hashlib.sha256(public_key(certificate(pki / "self.pem"))).hexdigest()
    return {
        "digest": digest,
        "other_digest": digest[2:] + digest[:2],
        "ca_digest": hashlib.sha256(public_key(ca)).hexdigest(),
        "ca_cert_digest": hashlib.sha256(ca).hexdigest(),
        "dead": DEAD,
    }


def zones(lab):
    directory = lab / "dns"
    values = values_of(lab / "pki")
    text = {}
    for zone, records in RECORDS.items():
        origin = "." if zone == "." else f"{zone}."
        text[zone] = f"$ORIGIN {origin}\n$TTL {TTL}\n@ SOA ns.test. hostmaster.test. 1 60 60 3600 {TTL}\n@ NS ns.test.\n"
        text[zone] += records.format(**values)
    for server in SERVERS.values():
        for host in server.hosts:
            text[zone_of(host)] += f"{host}. {'AAAA' if server.six else 'A'} {server.address}\n"
        if not server.six:
            text["2.0.192.in-addr.arpa"] += f"{server.number} PTR {server.hosts[0]}.\n"
    for policy in POLICIES.values():
        text[zone_of(policy.domain)] += f"mta-sts.{policy.domain}. A {policy.address}\n"
    text["."] += "\n".join(delegation_signers("test", directory)) + "\n"
    text["test"] += "\n".join(delegation_signers("signed.test", directory)) + "\n"
    for line in delegation_signers("bogus.test", directory):
        name, kind, tag, algorithm, digest_type, value = line.split()
        text["test"] += f"{name} {kind} {tag} {algorithm} {digest_type} {value[2:]}{value[:2]}\n"
    for zone, content in text.items():
        suffix = ".off" if zone in BROKEN else ""
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


def addresses():
    """Per host, the commands that give it its addresses, and that make the dead ones dead: to a machine that nobody has."""
    of_hosts = {
        "mta": [f"{MTA}/24", "2001:db8::25/64"],
        "dns": [f"{RESOLVER}/24", f"{AUTHORITY}/24"],
        "recipients": [f"{STRANGER}/24"],
    }
    of_hosts["recipients"] += [f"{server.address}/{64 if server.six else 24}" for server in SERVERS.values()]
    of_hosts["recipients"] += [f"{policy.address}/24" for policy in POLICIES.values()]
    for host, own in of_hosts.items():
        yield host, [
            "link set lo up",
            *(f"address add {address} dev wire0{' nodad' if ':' in address else ''}" for address in own),
            "link set wire0 up",
            f"neigh add {DEAD} lladdr 02:00:00:00:00:98 dev wire0 nud permanent",
            f"route add {DEAD_NETWORK}.0/24 via {DEAD}",
        ]


def plan(lab):
    dns, directory = lab / "dns", lab / "plan"
    (dns / "knot.conf").write_text(knot_conf(dns))
    (dns / "unbound.conf").write_text(unbound_conf(dns))
    (dns / "root.hints").write_text(f". 3600 NS ns.test.\nns.test. 3600 A {AUTHORITY}\n")
    (directory / "signed").write_text("\n".join(SIGNED) + "\n")
    for host, commands in addresses():
        (directory / f"batch.{host}").write_text("\n".join(commands) + "\n")
    for kind in CERTS:
        hosts = (host for host in [*SERVERS.values(), *POLICIES.values()] if host.cert == kind)
        (directory / f"names.{kind}").write_text(",".join(f"DNS:{name}" for host in hosts for name in host.hosts))


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
        case ["plan", lab]:
            plan(Path(lab))
        case ["zones", lab]:
            zones(Path(lab))
        case ["ready"]:
            ready()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
