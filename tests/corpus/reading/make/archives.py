#!/usr/bin/env python3
"""Makes the archives, the protected files and the odd mails of this corpus, and their manifest archives.toml.

Needs from Debian: zip p7zip-full bzip2 xz-utils zstd genisoimage openssl gnupg age sharutils; py7zr from PyPI.
Keys and passwords are made anew in each run and thrown away.
"""

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
WORK = Path(tempfile.mkdtemp())
ENTRIES = []


def word(label):
    """A word that stands nowhere else."""
    return f"{label}-{hashlib.sha256(label.encode()).hexdigest()[:6]}"


def run(*command, data=None, cwd=WORK, env=None):
    result = subprocess.run(command, input=data, cwd=cwd, capture_output=True, env={**os.environ, **(env or {})})
    if result.returncode != 0:
        sys.exit(f"{command}: {result.stderr.decode(errors='replace')}")
    return result.stdout


def version(*command):
    return run(*command).decode(errors="replace").strip().splitlines()[0]


class Document:
    """One file of the corpus and what is expected of it."""

    def __init__(self, file, by, data, media_type=None):
        self.file, self.by, self.media_type = file, by, media_type
        self.texts, self.unreadables, self.how = [], [], None
        (HERE / file).write_bytes(data)
        ENTRIES.append(self)

    def place(self, *within):
        return " > ".join([f'attachment "{self.file}"', *within])

    def text(self, kind, found, *within):
        self.texts.append((kind, found, self.place(*within) if within else None))
        return self

    def text_at(self, kind, found, at):
        self.texts.append((kind, found, at))
        return self

    def unreadable(self, reason, *within):
        self.unreadables.append((self.place(*within), reason))
        return self

    def protected(self, how):
        self.how = how
        return self

    def toml(self):
        # JSON strings are TOML strings.
        s = lambda text: json.dumps(text, ensure_ascii=False)
        lines = ["[[document]]", f"file = {s(self.file)}", f"by = {s(self.by)}"]
        if self.media_type:
            lines.append(f"media-type = {s(self.media_type)}")
        if self.how:
            lines.append(f"protected = {s(self.how)}")
        for kind, found, at in self.texts:
            lines += ["[[document.text]]", f"place = {s(kind)}", f"found = {s(found)}"]
            if at:
                lines.append(f"at = {s(at)}")
        for place, reason in self.unreadables:
            lines += ["[[document.unreadable]]", f"place = {s(place)}", f"reason = {s(reason)}"]
        return "\n".join(lines) + "\n"


def name(text):
    return f'"{text}"'


def tree(label):
    """A folder `mappe` with a letter in it, for the programs that pack; gives the words of the name and the letter."""
    folder = WORK / label / "mappe"
    folder.mkdir(parents=True, exist_ok=True)
    file, letter = word(f"navn {label}") + " løn.txt", word(f"brev-{label}")
    (folder / file).write_text(f"Kære Anna. {letter} æøå\n" * 40)
    return WORK / label, f"mappe/{file}", letter


def packed(document, member, letter):
    document.text("member's name", member)
    return document.text("member", letter, name(member), "line 1")


def zips():
    zip_by = "Info-ZIP " + run("zip", "-v").decode().splitlines()[1].split()[3]
    p7 = "7-Zip (p7zip) 16.02"
    cwd, member, letter = tree("zip-deflate")
    run("zip", "-qr", "-z", "x.zip", "mappe", cwd=cwd, data=(word("kommentar-zip") + "\n.\n").encode())
    d = packed(Document("deflate.zip", zip_by, (cwd / "x.zip").read_bytes()), member, letter)
    d.text("archive's comment", word("kommentar-zip"))

    cwd, member, letter = tree("zip-stored")
    run("zip", "-qr0", "x.zip", "mappe", cwd=cwd)
    packed(Document("stored.zip", zip_by, (cwd / "x.zip").read_bytes()), member, letter)

    cwd, member, letter = tree("zip-bzip2")
    run("zip", "-qr", "-Z", "bzip2", "x.zip", "mappe", cwd=cwd)
    packed(Document("bzip2.zip", zip_by, (cwd / "x.zip").read_bytes()), member, letter)

    for method in ["Deflate64", "LZMA"]:
        cwd, member, letter = tree(f"zip-{method.lower()}")
        run("7z", "a", "-tzip", f"-mm={method}", "x.zip", "mappe", cwd=cwd)
        packed(Document(f"{method.lower()}.zip", p7, (cwd / "x.zip").read_bytes()), member, letter)
    cwd, member, letter = tree("zip-ppmd")
    run("7z", "a", "-tzip", "-mm=PPMd", "x.zip", "mappe", cwd=cwd)
    d = Document("ppmd.zip", p7, (cwd / "x.zip").read_bytes()).text("member's name", member)
    d.unreadable("its compression method (98) is not read", name(member))

    # Streamed: data descriptors, and lengths of 64 bits.
    cwd, member, letter = tree("zip-streamed")
    streamed = run("zip", "-qr", "-fz", "-", "mappe", cwd=cwd)
    packed(Document("streamed.zip", zip_by, streamed), member, letter)
    # The same without its directory: a download that broke off.
    cwd, member, letter = tree("zip-cut")
    cut = run("zip", "-qr", "-", "mappe", cwd=cwd)
    packed(Document("no-directory.zip", zip_by, cut[: cut.index(b"PK\x01\x02")]), member, letter)

    for method, flag in [("zipcrypto", "-mem=ZipCrypto"), ("aes", "-mem=AES256")]:
        cwd, member, letter = tree(f"zip-{method}")
        run("7z", "a", "-tzip", flag, "-pglemt", "x.zip", "mappe", cwd=cwd)
        d = Document(f"{method}.zip", p7, (cwd / "x.zip").read_bytes()).protected("zip with a password")
        d.text("name of an encrypted member", member)

    python = "Python's zipfile"
    cwd, member, letter = tree("zip-sfx")
    run("zip", "-qr", "x.zip", "mappe", cwd=cwd)
    stub = b"MZ" + bytes(0x3A) + struct.pack("<I", 0x40) + b"PE\0\0" + bytes(200)
    d = Document("self-extracting.exe", zip_by, stub + (cwd / "x.zip").read_bytes())
    packed(d, member, letter).unreadable("a program (Windows) is not read")

    cwd, member, letter = tree("zip-picture")
    run("zip", "-qr", "x.zip", "mappe", cwd=cwd)
    d = Document("picture-and-archive.gif", zip_by, b"GIF89a" + bytes(30) + (cwd / "x.zip").read_bytes())
    packed(d, member, letter).unreadable("a picture (GIF) is not read")

    # Names in code page 850 and in windows-1252, as older programs write them; two members of one name; one that the
    # directory does not name; comments.
    def raw(names_and_data, listed=None):
        out, central = io.BytesIO(), io.BytesIO()
        for index, (raw_name, data) in enumerate(names_and_data):
            packed_data = zlib.compressobj(9, zlib.DEFLATED, -15)
            body = packed_data.compress(data) + packed_data.flush()
            head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0x21, zlib.crc32(data), len(body), len(data), len(raw_name), 0)
            if listed is None or index in listed:
                central.write(b"PK\1\2" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, out.tell()))
                central.write(raw_name)
            out.write(b"PK\3\4" + head + raw_name + body)
        start, count = out.tell(), len(names_and_data) if listed is None else len(listed)
        out.write(central.getvalue())
        out.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(central.getvalue()), start, 0))
        return out.getvalue()

    pages = raw([
        ((word("dos") + " løn æ.txt").encode("cp850"), word("brev-dos").encode()),
        ((word("windows") + " løn æ.txt").encode("cp1252"), word("brev-windows").encode()),
        ((word("uni") + " løn æ.txt").encode(), word("brev-uni").encode()),
    ])
    d = Document("code-pages.zip", python, pages)
    for page in ["dos", "windows", "uni"]:
        d.text(f"member's name, {page}", word(page) + " løn æ.txt").text(f"member, {page}", word(f"brev-{page}"))
    twice = raw([(b"brev.txt", word("to-gange-1").encode()), (b"brev.txt", word("to-gange-2").encode())])
    Document("one-name-twice.zip", python, twice).text("member", word("to-gange-1")).text("member", word("to-gange-2"))
    hidden = raw([(b"a.txt", word("opført").encode()), (b"b.txt", word("skjult").encode())], listed=[0])
    Document("not-in-directory.zip", python, hidden).text("member", word("opført")).text("hidden member", word("skjult"))

    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("mappe/inderst.txt", word("inderst"))
    gz = gzip.compress(inner.getvalue(), mtime=0)
    outer = io.BytesIO()
    with tarfile.open(fileobj=outer, mode="w:xz") as t:
        info = tarfile.TarInfo("midte.zip.gz")
        info.size = len(gz)
        t.addfile(info, io.BytesIO(gz))
    d = Document("nested.tar.xz", "Python's tarfile, gzip, zipfile", outer.getvalue())
    d.text("member of a zip in a gzip in a tar in an xz", word("inderst"),
           name("nested.tar"), name("midte.zip.gz"), name("midte.zip"), name("mappe/inderst.txt"), "line 1")


def bombs():
    python = "Python's zipfile"
    # Zips of zips of zeros, each layer within the ratio.
    data = bytes(4 << 20)
    big = io.BytesIO()
    with zipfile.ZipFile(big, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("nul.bin", data)
    d = Document("zeros.zip", python, big.getvalue())
    d.unreadable("limit: expands to more than 200 times its length", name("nul.bin"))
    # Members that share their data.
    data = os.urandom(500)
    out, central = io.BytesIO(), io.BytesIO()
    head = lambda n: struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0x21, zlib.crc32(data), len(data), len(data), n, 0)
    out.write(b"PK\3\4" + head(5) + b"a.txt" + data)
    for other in [b"a.txt", b"b.txt", b"c.txt"]:
        central.write(b"PK\1\2" + struct.pack("<H", 20) + head(5) + struct.pack("<HHHII", 0, 0, 0, 0, 0) + other)
    start = out.tell()
    out.write(central.getvalue() + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 3, 3, len(central.getvalue()), start, 0))
    Document("overlapping.zip", python, out.getvalue()).unreadable(
        "limit: members of an archive that overlap", name("b.txt"))
    members = io.BytesIO()
    with zipfile.ZipFile(members, "w", zipfile.ZIP_STORED) as z:
        for index in range(1100):
            z.writestr(f"{index}", "x")
    d = Document("members.zip", python, gzip.compress(members.getvalue(), 9, mtime=0))
    d.unreadable("limit: more than 1000 parts", name("content"), name("998"))
    d = Document("zeros.gz", "Python's gzip", gzip.compress(bytes(8 << 20), 9, mtime=0))
    d.unreadable("limit: expands to more than 200 times its length")
    for file, data in [("zeros.bz2", bz2.compress(bytes(8 << 20))), ("zeros.xz", lzma.compress(bytes(8 << 20)))]:
        d = Document(file, "Python's bz2 and lzma", data)
        d.unreadable("limit: expands to more than 200 times its length")


def compressed():
    letter = lambda kind: (word(f"brev-{kind}") + " Kære Anna. æøå\n") * 20
    cwd = WORK / "gz"
    cwd.mkdir()
    file = word("navn-gzip") + ".txt"
    (cwd / file).write_text(letter("gzip"))
    run("gzip", file, cwd=cwd)
    d = Document("brev.gz", version("gzip", "--version"), (cwd / f"{file}.gz").read_bytes())
    d.text("name in the header", file, "names", "line 1")
    d.text("content", word("brev-gzip"), name(file), "line 1")
    two = gzip.compress(letter("gzip-1").encode(), mtime=0) + gzip.compress(letter("gzip-2").encode(), mtime=0)
    d = Document("two-members.txt.gz", "Python's gzip", two)
    d.text("first member", word("brev-gzip-1"), name("two-members.txt"), "line 1")
    d.text("second member", word("brev-gzip-2"), name("two-members.txt"), "line 21")
    for program, ending in [("bzip2", "bz2"), ("xz", "xz"), ("zstd", "zst")]:
        data = run(program, "-c", data=letter(program).encode())
        data += run(program, "-c", data=letter(program + "-igen").encode())
        d = Document(f"brev.txt.{ending}", version(program, "--version") if program != "bzip2" else "bzip2 1.0.8", data)
        d.text("content", word(f"brev-{program}"), name("brev.txt"), "line 1")
        d.text("content of the second stream", word(f"brev-{program}-igen"))


def tars():
    gnu = version("tar", "--version")
    for form in ["v7", "ustar", "gnu", "pax"]:
        cwd, member, letter = tree(f"tar-{form}")
        run("tar", f"--format={form}", "-cf", "x.tar", "mappe", cwd=cwd)
        # Two archives of ten blocks each would be mostly zeros.
        data = (cwd / "x.tar").read_bytes().rstrip(b"\0") + bytes(1024)
        data += bytes(-len(data) % 512)
        packed(Document(f"{form}.tar", gnu, data), member, letter)
    for form in ["gnu", "pax"]:
        cwd = WORK / f"tar-long-{form}"
        long = "/".join([word(f"lang-{form}")] * 12)
        (cwd / long).mkdir(parents=True)
        (cwd / long / "brev.txt").write_text(word(f"brev-lang-{form}"))
        with open(cwd / "sparse.txt", "wb") as sparse:
            sparse.write(b"Et langt brev.\n" * 5000)
            sparse.seek(200_000)
            sparse.write(word(f"hul-{form}").encode())
        (cwd / "link").symlink_to(word(f"lænke-{form}"))
        run("tar", f"--format={form}", "-S", "-cf", "x.tar", long.split("/")[0], "link", "sparse.txt", cwd=cwd)
        data = gzip.compress((cwd / "x.tar").read_bytes(), mtime=0)
        d = Document(f"long-names-{form}.tgz", gnu, data)
        d.text("long name", long + "/brev.txt").text("content", word(f"brev-lang-{form}"))
        d.text("target of a link", word(f"lænke-{form}")).text("sparse file", word(f"hul-{form}"))
    Document("brev.cpio", "GNU cpio", run("cpio", "-o", "-H", "newc", "--quiet", data=b"mappe\n", cwd=WORK / "tar-v7")
             ).unreadable("an archive (cpio) is not read")
    run("genisoimage", "-quiet", "-o", "x.iso", "mappe", cwd=WORK / "tar-v7")
    Document("disc.iso", "genisoimage", (WORK / "tar-v7" / "x.iso").read_bytes()[:40_000]).unreadable(
        "an image of a disc (ISO 9660) is not read")


def seven_zips():
    p7 = "7-Zip (p7zip) 16.02"
    for method in ["LZMA", "LZMA2", "PPMd", "BZip2", "Deflate", "Copy"]:
        cwd, member, letter = tree(f"7z-{method.lower()}")
        run("7z", "a", f"-m0={method}", "-ms=on", "x.7z", "mappe", cwd=cwd)
        packed(Document(f"{method.lower()}.7z", p7, (cwd / "x.7z").read_bytes()), member, letter)
    cwd, member, letter = tree("7z-solid")
    for index in range(20):
        (cwd / "mappe" / f"{index}.txt").write_text(word(f"massiv-{index}"))
    run("7z", "a", "-ms=on", "-mf=BCJ2", "x.7z", "mappe", cwd=cwd)
    d = packed(Document("solid.7z", p7, (cwd / "x.7z").read_bytes()), member, letter)
    for index in range(20):
        d.text("member of a solid block", word(f"massiv-{index}"), name(f"mappe/{index}.txt"), "line 1")
    cwd, member, letter = tree("7z-encrypted")
    run("7z", "a", "-pglemt", "-mhe=off", "x.7z", "mappe", cwd=cwd)
    d = Document("encrypted.7z", p7, (cwd / "x.7z").read_bytes()).protected("7z with a password")
    d.text("name of an encrypted member", member)
    run("7z", "a", "-pglemt", "-mhe=on", "y.7z", "mappe", cwd=cwd)
    Document("encrypted-names.7z", p7, (cwd / "y.7z").read_bytes()).protected("7z with a password")
    import py7zr
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w") as z:
        z.writestr(word("brev-py7zr"), "løn.txt")
    d = Document("py7zr.7z", "py7zr " + py7zr.__version__, buffer.getvalue())
    d.text("member", word("brev-py7zr"), name("løn.txt"), "line 1")


def smime():
    by = version("openssl", "version")
    cwd = WORK / "smime"
    cwd.mkdir()
    subject = "/CN=Ingen Kendt/emailAddress=ingen@example.org"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj",
        subject, "-days", "36500", cwd=cwd)
    head = "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    letter = lambda kind: (head + f"Kære Anna. {word(kind)} æøå\r\n" * 3).encode()
    sign = ["-sign", "-signer", "cert.pem", "-inkey", "key.pem", "-md", "sha256"]
    cms = lambda *more, data: run("openssl", "cms", *more, data=data, cwd=cwd)
    mail = "message/rfc822"

    # A signed message as Outlook and Thunderbird send it (detached), and the opaque kind; DER, BER, PEM.
    detached = cms(*sign, "-text", "-stream", data=letter("smime-løst").split(b"\r\n\r\n", 1)[1])
    Document("signed-detached.eml", by, detached, mail).text("signed text", word("smime-løst"))
    opaque = cms(*sign, "-nodetach", data=letter("smime-lukket"))
    Document("signed-opaque.eml", by, opaque, mail).text_at(
        "signed text", word("smime-lukket"), 'attachment "signed-opaque.eml" > attachment "smime.p7m" > signed content > text')
    streamed = cms(*sign, "-nodetach", "-stream", "-outform", "DER", data=letter("smime-ber"))
    Document("signed-ber.p7m", by, streamed, "application/pkcs7-mime").text(
        "signed text", word("smime-ber"), "signed content", "text")
    pem = cms(*sign, "-nodetach", "-outform", "PEM", data=letter("smime-pem"))
    Document("signed.pem", by, pem).text("signed text", word("smime-pem"), "CMS", "signed content", "text")
    # A document that was signed as a file.
    file = cms(*sign, "-nodetach", "-binary", "-outform", "DER", data=zipfile_of(word("smime-fil")))
    Document("kontrakt.zip.p7m", by, file).text("signed file", word("smime-fil"), "signed content", name("a.txt"), "line 1")
    signature = cms(*sign, "-binary", "-outform", "DER", data=letter("smime-andetsteds"))
    Document("smime.p7s", by, signature, "application/pkcs7-signature")
    # A signature by its type, a letter by its content.
    hides = cms(*sign, "-nodetach", "-outform", "DER", data=letter("smime-gemt"))
    Document("hides.p7s", by, hides, "application/pkcs7-signature").text("hidden text", word("smime-gemt"))
    twice = cms(*sign, "-nodetach", data=cms(*sign, "-nodetach", data=letter("smime-to-gange")))
    Document("signed-twice.eml", by, twice, mail).text("signed text", word("smime-to-gange"))

    encrypt = ["-encrypt", "-aes256"]
    for kind, more in [("enveloped", []), ("enveloped-ber", ["-stream"]), ("auth-enveloped", ["-aes-256-gcm"])]:
        data = cms("-encrypt", *(more if "-aes-256-gcm" in more else ["-aes256", *more]), "cert.pem", data=letter(kind))
        Document(f"{kind}.eml", by, data, mail).protected("S/MIME")
    data = cms(*encrypt, "-outform", "DER", "cert.pem", data=letter("enveloped-der"))
    Document("enveloped.p7m", by, data, "application/octet-stream").protected("S/MIME")
    within = cms(*encrypt, "cert.pem", data=cms(*sign, "-nodetach", data=letter("i-hinanden")))
    Document("signed-in-enveloped.eml", by, within, mail).protected("S/MIME")
    outside = cms(*sign, "-nodetach", data=cms(*encrypt, "cert.pem", data=letter("i-hinanden")))
    Document("enveloped-in-signed.eml", by, outside, mail).protected("S/MIME")
    old = run("openssl", "smime", *encrypt, "cert.pem", data=letter("smime-gammel"), cwd=cwd)
    Document("enveloped-pkcs7.eml", by, old, mail).protected("S/MIME")
    # Some builds of openssl have no zlib.
    def der(tag, content):
        length = len(content).to_bytes(4, "big")
        return bytes([tag, 0x84]) + length + content
    compressed = zlib.compress(letter("smime-pakket"))
    algorithm = der(0x30, der(6, bytes.fromhex("2a864886f70d0109100308")))
    inner = der(0x30, der(6, bytes.fromhex("2a864886f70d010701")) + der(0xA0, der(4, compressed)))
    data = der(0x30, der(6, bytes.fromhex("2a864886f70d0109100109")) + der(0xA0, der(0x30, der(2, b"\0") + algorithm + inner)))
    Document("compressed.p7z", "Python's zlib", data, "application/pkcs7-mime").text(
        "compressed text", word("smime-pakket"), "compressed content", "text")

    for file, more in [("certificate.cer", ["x509", "-in", "cert.pem", "-outform", "DER"]),
                       ("keys.p12", ["pkcs12", "-export", "-in", "cert.pem", "-inkey", "key.pem", "-passout", "pass:glemt"]),
                       ("certificate.p7b", ["crl2pkcs7", "-nocrl", "-certfile", "cert.pem", "-outform", "DER"])]:
        Document(file, by, run("openssl", *more, cwd=cwd))
    Document("certificate.pem", by, (cwd / "cert.pem").read_bytes())


def zipfile_of(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("a.txt"), text)
    return out.getvalue()


def message(body, content_type="text/plain; charset=utf-8", more=""):
    head = f"From: Anna <anna@example.org>\r\nTo: ingen@example.org\r\nSubject: brev\r\nMIME-Version: 1.0\r\n"
    body = body if isinstance(body, bytes) else body.replace("\n", "\r\n").encode()
    return f"{head}Content-Type: {content_type}\r\n{more}\r\n".encode() + body


def openpgp():
    by = version("gpg", "--version")
    home = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    home.chmod(0o700)
    env = {"GNUPGHOME": str(home)}
    gpg = lambda *more, data=b"": run("gpg", "--batch", "--quiet", "--trust-model", "always", *more, data=data, env=env)
    gpg("--passphrase", "", "--quick-gen-key", f"{word('nøgle')} <ingen@example.org>", "rsa2048", "sign,cert", "never")
    fingerprint = gpg("--list-keys", "--with-colons").decode().split("fpr:::::::::")[1].split(":")[0]
    gpg("--passphrase", "", "--quick-add-key", fingerprint, "rsa2048", "encr", "never")
    to = ["-r", "ingen@example.org"]
    letter = lambda kind: f"Kære Anna. {word(kind)} æøå\n".encode() * 5
    Document("brev.txt.gpg", by, gpg("-e", *to, data=letter("pgp"))).protected("PGP")
    Document("brev.txt.asc", by, gpg("-ea", *to, data=letter("pgp"))).protected("PGP")
    symmetric = gpg("-c", "--pinentry-mode", "loopback", "--passphrase", "glemt", data=letter("pgp"))
    Document("password.gpg", by, symmetric).protected("PGP")
    for algorithm in ["uncompressed", "zip", "zlib", "bzip2"]:
        d = Document(f"signed-{algorithm}.gpg", by, gpg("-s", "--compress-algo", algorithm, data=letter(f"pgp-{algorithm}")))
        d.text("signed text", word(f"pgp-{algorithm}"))
    armoured = gpg("-sa", "--set-filename", word("pgp-navn") + ".txt", data=letter("pgp-signeret")).decode()
    Document("signed.eml", by, message(f"Hej\n\n{armoured}\nfarvel {word('pgp-omkring')}"), "message/rfc822").text(
        "signed text", word("pgp-signeret")).text("text around", word("pgp-omkring")).text("name", word("pgp-navn"))
    clear = gpg("--clearsign", data=letter("pgp-klar")).decode()
    Document("clearsigned.eml", by, message(clear), "message/rfc822").text("signed text", word("pgp-klar"))
    inline = gpg("-ea", *to, data=letter("pgp")).decode()
    body = f"Hej {word('pgp-før')}\n\n{inline}\n{word('pgp-efter')}\n"
    d = Document("inline.eml", by, message(body), "message/rfc822").protected("PGP")
    d.text("text before", word("pgp-før")).text("text after", word("pgp-efter"))
    html = "<p>" + body.replace("\n", "<br>\n") + "</p>"
    d = Document("inline-html.eml", by, message(html, "text/html; charset=utf-8"), "message/rfc822").protected("PGP")
    d.text("text before", word("pgp-før")).text("text after", word("pgp-efter"))
    mime = message(f"""--b
Content-Type: application/pgp-encrypted
Content-Description: {word("pgp-mime-version")}

Version: 1

--b
Content-Type: application/octet-stream; name="encrypted.asc"

{inline}
--b--
""", 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b')
    Document("pgp-mime.eml", by, mime, "message/rfc822").protected("PGP")
    # An armour around a letter: nothing of it is encrypted.
    fake = base64.encodebytes(letter("pgp-falsk") * 3).decode()
    fake = f"-----BEGIN PGP MESSAGE-----\n\n{fake}-----END PGP MESSAGE-----\n"
    Document("not-encrypted.eml", "by hand", message(fake), "message/rfc822").text("text in an armour", word("pgp-falsk"))
    Document("public-key.gpg", by, gpg("--export")).text("user id", word("nøgle"), "user id")
    Document("public-key.asc", by, gpg("--export", "-a"))
    Document("detached.sig", by, gpg("-b", data=letter("pgp")))
    run("age-keygen", "-o", "age.key")
    recipient = run("age-keygen", "-y", "age.key").decode().strip()
    age = "age " + version("age", "--version")
    Document("brev.txt.age", age, run("age", "-r", recipient, data=letter("age"))).protected("age")
    armoured = run("age", "-a", "-r", recipient, data=letter("age")).decode()
    Document("age.eml", age, message("Se her:\n" + armoured), "message/rfc822").protected("age")
    run("gpgconf", "--kill", "all", env=env)
    shutil.rmtree(home)


def mails():
    by = "by hand"
    mail = "message/rfc822"
    encoded = lambda kind: run("uuencode", word(f"uu-navn-{kind}") + ".txt", data=f"Kære Anna. {word(f'uu-{kind}')}\n".encode() * 9)
    by_uu = version("uuencode", "--version")
    text = lambda kind: encoded(kind).decode()
    body = f"Hej {word('uu-før')}\n\n{text('brev')}\nfarvel {word('uu-efter')}\n"
    d = Document("uuencoded.eml", by_uu, message(body), mail)
    for kind in ["uu-før", "uu-brev", "uu-navn-brev", "uu-efter"]:
        d.text(kind, word(kind))
    d = Document("x-uuencode.eml", by_uu, message(text("del"), 'application/octet-stream; name="a.txt"',
                 "Content-Transfer-Encoding: x-uuencode\r\n"), mail)
    d.text("uuencoded part", word("uu-del"))
    with_base64 = run("uuencode", "-m", "a.txt", data=f"Kære Anna. {word('uu-base64')}\n".encode() * 9).decode()
    Document("uuencode-base64.eml", by_uu, message(with_base64), mail).text("uuencoded file", word("uu-base64"))
    data = zipfile_of(word("yenc-zip"))
    yenc = b"".join(bytes([61, (b + 106) % 256]) if (b + 42) % 256 in (0, 10, 13, 61) else bytes([(b + 42) % 256]) for b in data)
    yenc = b"=ybegin line=1000 size=%d name=a.zip\r\n%s\r\n=yend size=%d\r\n" % (len(data), yenc, len(data))
    Document("yenc.eml", by, message(yenc), mail).text("file in yEnc", word("yenc-zip"))
    Document("binhex.eml", by, message("(This file must be converted with BinHex 4.0)\n\n:$f*TEQKPH!\n"), mail).unreadable(
        "a file in BinHex is not read", "text", "BinHex")

    number = "610190-0005"
    flowed = f"{word('flydende')} har nummer 610190- \n0005\n"
    Document("flowed.eml", by, message(flowed, "text/plain; charset=utf-8; format=flowed; delsp=yes"), mail).text(
        "flowed", number).text("flowed", word("flydende"))
    quoted = f"> {word('citeret')} har nummer 610190-\n> 0005\n"
    Document("quoted.eml", by, message(quoted), mail).text("quoted", "610190-\n0005").text("quoted", word("citeret"))
    printable = "=\n".join([f"k=C3=A6re {word('uden-qp')[:12]}", word("uden-qp")[12:] + " farvel"])
    Document("undeclared-qp.eml", by, message(printable), mail).text("undeclared quoted-printable", word("uden-qp"))
    lines = base64.encodebytes(f"Kære Anna. {word('uden-base64')}\n".encode() * 5).decode()
    Document("undeclared-base64.eml", by, message(lines), mail).text("undeclared base64", word("uden-base64"))
    returned = message(f"Kunne ikke leveres. {word('retur')}\n\n--x\nContent-Type: application/zip\n\n" +
                       base64.encodebytes(zipfile_of(word("retur-zip")) + bytes(200)).decode() + "--x--\n")
    Document("returned.eml", by, returned, mail).text("text", word("retur")).text("attachment in a text", word("retur-zip"))
    typed = message(f"{word('forkert-type')} æ", 'application/octet-stream; name="brev.txt"')
    Document("octet-stream.eml", by, typed, mail).text("text of the wrong type", word("forkert-type"))
    part = "Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(word("grænse").encode()).decode()
    broken = message(f"--anden\n{part}--anden--\n", "multipart/mixed; boundary=en")
    place = "message (multipart/mixed)"
    Document("wrong-boundary.eml", by, broken, mail).text("part", word("grænse")).unreadable(
        "its boundary never comes; read by the one that its lines have", place)
    Document("carriage-returns.eml", by, message(f"--b\n{part}--b--\n".replace(word("grænse"), word("grænse")),
             "multipart/mixed; boundary=b").replace(b"\r\n", b"\r"), mail).text("part", word("grænse"))
    names = message(f"""--b
Content-Disposition: attachment; filename*0*=utf-8''{word("navn-a")}%20l%C3%B8; filename*1="n.txt"

a
--b
Content-Disposition: attachment; filename="=?utf-8?q?{word("navn-b")}_l=C3=B8?=
 =?utf-8?q?n.txt?="

b
--b--
""", "multipart/mixed; boundary=b")
    Document("names.eml", by, names, mail).text("RFC 2231", word("navn-a") + " løn.txt").text(
        "RFC 2047", word("navn-b") + " løn.txt")


def main():
    for old in ENTRIES:
        (HERE / old.file).unlink(missing_ok=True)
    zips()
    bombs()
    compressed()
    tars()
    seven_zips()
    smime()
    openpgp()
    mails()
    head = "# Made by make/archives.py.\n\n"
    (HERE / "archives.toml").write_text(head + "\n".join(entry.toml() for entry in ENTRIES))
    shutil.rmtree(WORK)


main()
