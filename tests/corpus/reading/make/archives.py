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


def main():
    for old in ENTRIES:
        (HERE / old.file).unlink(missing_ok=True)
    zips()
    bombs()
    compressed()
    tars()
    seven_zips()
    head = "# Made by make/archives.py.\n\n"
    (HERE / "archives.toml").write_text(head + "\n".join(entry.toml() for entry in ENTRIES))
    shutil.rmtree(WORK)


main()
