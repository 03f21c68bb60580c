"""Makes the documents of ole.toml, and the manifest itself.

Needs LibreOffice (soffice) for .doc, .xls and .ppt, and from PyPI olefile and, for the encrypted one,
msoffcrypto-tool. No free
program writes .msg, winmail.dat, .xlsb or rights-managed files: those are written here, after the published
specifications [MS-OXMSG], [MS-OXTNEF], [MS-OXRTFCP], [MS-XLSB].
"""

import base64
import io
import json
import pathlib
import random
import struct
import subprocess
import tempfile
import uuid
import zipfile
import zlib

import compound_file
import olefile

HERE = pathlib.Path(__file__).resolve().parent.parent
NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
        "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
        "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
        "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
        "draw": "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0",
        "fo": "urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0",
        "xlink": "http://www.w3.org/1999/xlink",
        "dc": "http://purl.org/dc/elements/1.1/",
        "meta": "urn:oasis:names:tc:opendocument:xmlns:meta:1.0",
        "number": "urn:oasis:names:tc:opendocument:xmlns:datastyle:1.0",
        "presentation": "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0",
        "svg": "urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0",
        "form": "urn:oasis:names:tc:opendocument:xmlns:form:1.0",
        "of": "urn:oasis:names:tc:opendocument:xmlns:of:1.2",
    }.items()
)
LABEL = "MSIP_Label_0f1e2d3c-0000-4000-8000-000000000001_Name"
PIXEL = base64.b64encode(
    b"\x89PNG\r\n\x1a\n"
    + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [
            (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"\0\x7f")),
            (b"IEND", b""),
        ]
    )
).decode()


def meta(mark):
    return f"""<office:meta><dc:title>titel-{mark}</dc:title><dc:subject>emne-{mark}</dc:subject>
<dc:description>beskrivelse-{mark}</dc:description><meta:keyword>stikord-{mark}</meta:keyword>
<meta:initial-creator>forfatter-{mark}</meta:initial-creator>
<meta:user-defined meta:name="{LABEL}" meta:value-type="string">fortrolig-{mark}</meta:user-defined>
<meta:user-defined meta:name="Sagsnummer" meta:value-type="string">brugeregenskab-{mark}</meta:user-defined></office:meta>"""


def note(kind, mark):
    return f"""<text:note text:id="{kind}1" text:note-class="{kind}"><text:note-citation>1</text:note-citation>
<text:note-body><text:p>{mark}</text:p></text:note-body></text:note>"""


COMMENT = """<office:annotation{attributes}><dc:creator>{author}</dc:creator><dc:date>2024-01-01T00:00:00</dc:date>
<text:p>{text}</text:p></office:annotation>"""

WRITER = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.text">
{meta("7d01")}
<office:automatic-styles>
<style:style style:name="hidden" style:family="text"><style:text-properties text:display="none"/></style:style>
<style:style style:name="bold" style:family="text"><style:text-properties fo:font-weight="bold"/></style:style>
<style:style style:name="frame" style:family="graphic"><style:graphic-properties style:wrap="none"/></style:style>
<style:page-layout style:name="page"><style:header-style/><style:footer-style/></style:page-layout>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="page">
<style:header><text:p>sidehoved-7d02</text:p></style:header><style:footer><text:p>sidefod-7d03</text:p></style:footer>
</style:master-page></office:master-styles>
<office:body><office:text>
<text:tracked-changes><text:changed-region text:id="ct1"><text:deletion><office:change-info>
<dc:creator>retter-7d04</dc:creator><dc:date>2024-01-01T00:00:00</dc:date></office:change-info>
<text:p>slettet-7d05</text:p></text:deletion></text:changed-region></text:tracked-changes>
<text:h text:outline-level="1">overskrift-7d06</text:h>
<text:p>hovedtekst-7d07 blåbærgrød €<text:change text:change-id="ct1"/> fod{note("footnote", "fodnote-7d08")} slut{note("endnote", "slutnote-7d09")}</text:p>
<text:p>delt 6101<text:span text:style-name="bold">90-0005</text:span> over formater</text:p>
<text:p>kommenteret{COMMENT.format(attributes="", author="kommentator-7d0a", text="kommentar-7d0b")} her</text:p>
<text:p><text:span text:style-name="hidden">skjult-7d0c</text:span></text:p>
<text:p><text:a xlink:type="simple" xlink:href="https://example.org/adresse-7d0d">linktekst-7d0e</text:a></text:p>
<text:p><text:bookmark text:name="bogmaerke-7d0f"/>bogmærke</text:p>
<text:list><text:list-item><text:p>punkt-7d10</text:p></text:list-item></text:list>
<table:table table:name="t"><table:table-column table:number-columns-repeated="2"/>
<table:table-row><table:table-cell><text:p>celle-7d11</text:p></table:table-cell><table:table-cell><text:p>620190</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell><text:p/></table:table-cell><table:table-cell><text:p>celle-7d12</text:p></table:table-cell></table:table-row>
</table:table>
<text:p><draw:frame draw:style-name="frame" draw:name="ramme" text:anchor-type="paragraph" svg:width="6cm"><draw:text-box fo:min-height="1cm">
<text:p>tekstboks-7d13</text:p></draw:text-box></draw:frame></text:p>
<text:p><draw:frame draw:name="billede" text:anchor-type="paragraph" svg:width="1cm" svg:height="1cm"><svg:desc>billedtekst-7d14</svg:desc>
<draw:image><office:binary-data>{PIXEL}</office:binary-data></draw:image></draw:frame></text:p>
</office:text></office:body></office:document>"""


def cell(value, kind="string", extra=""):
    attribute = "office:string-value" if kind == "string" else "office:value"
    if kind == "date":
        attribute = "office:date-value"
    shown = value if kind == "string" else ""
    return f'<table:table-cell office:value-type="{kind}" {attribute}="{value}" {extra}><text:p>{shown}</text:p></table:table-cell>'


CALC = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.spreadsheet">
{meta("8e01")}
<office:automatic-styles>
<number:number-style style:name="nz"><number:number number:decimal-places="0" number:min-integer-digits="10"/></number:number-style>
<number:number-style style:name="nc"><number:number number:decimal-places="0" number:min-integer-digits="10"><number:embedded-text number:position="4">-</number:embedded-text></number:number></number:number-style>
<number:date-style style:name="nd"><number:day number:style="long"/><number:text>-</number:text><number:month number:style="long"/><number:text>-</number:text><number:year number:style="long"/></number:date-style>
<style:style style:name="zeros" style:family="table-cell" style:data-style-name="nz"/>
<style:style style:name="cpr" style:family="table-cell" style:data-style-name="nc"/>
<style:style style:name="date" style:family="table-cell" style:data-style-name="nd"/>
<style:style style:name="hiddensheet" style:family="table"><style:table-properties table:display="false"/></style:style>
<style:page-layout style:name="page"><style:header-style/><style:footer-style/></style:page-layout>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Default" style:page-layout-name="page">
<style:header><text:p>sidehoved-8e02</text:p></style:header><style:footer><text:p>sidefod-8e03</text:p></style:footer>
</style:master-page></office:master-styles>
<office:body><office:spreadsheet>
<table:table table:name="løn 8e04">
<table:table-row>{cell("celle-8e05")}{cell("blåbærgrød-8e06")}<table:table-cell/>{cell("celle-8e07")}</table:table-row>
<table:table-row>{cell("101900005", "float", 'table:style-name="zeros"')}{cell("6201900005", "float", 'table:style-name="cpr"')}{cell("2024-12-31", "date", 'table:style-name="date"')}{cell("6301900005", "float")}</table:table-row>
<table:table-row><table:table-cell table:formula="of:=&quot;formel&quot;&amp;&quot;-8e08&quot;" office:value-type="string" office:string-value="formel-8e08"><text:p>formel-8e08</text:p></table:table-cell>{cell("0.5", "float")}</table:table-row>
<table:table-row table:number-rows-repeated="8"><table:table-cell/></table:table-row>
<table:table-row><table:table-cell/><table:table-cell office:value-type="string">{COMMENT.format(attributes="", author="kommentator", text="kommentar-8e09")}<text:p>celle-8e0a</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell office:value-type="string"><text:p><text:a xlink:type="simple" xlink:href="https://example.org/adresse-8e0b">linktekst-8e0c</text:a></text:p></table:table-cell></table:table-row>
<table:shapes><draw:frame draw:name="ramme" svg:width="6cm" svg:height="2cm" svg:x="9cm" svg:y="9cm"><draw:text-box><text:p>tekstboks-8e0d</text:p></draw:text-box></draw:frame>
<draw:frame draw:name="billede" svg:width="1cm" svg:height="1cm"><draw:image><office:binary-data>{PIXEL}</office:binary-data></draw:image><svg:desc>billedtekst-8e0e</svg:desc></draw:frame></table:shapes>
</table:table>
<table:table table:name="skjult" table:style-name="hiddensheet"><table:table-row>{cell("celle-8e0f")}</table:table-row></table:table>
</office:spreadsheet></office:body></office:document>"""


def slide(number, body, notes):
    return f"""<draw:page draw:name="side{number}" draw:master-page-name="Default">
<draw:frame presentation:class="title" svg:width="20cm" svg:height="3cm" svg:x="1cm" svg:y="1cm"><draw:text-box><text:p>{body}</text:p></draw:text-box></draw:frame>
{"" if number > 1 else SHAPES}
<presentation:notes><draw:frame presentation:class="notes" svg:width="10cm" svg:height="5cm" svg:x="1cm" svg:y="15cm"><draw:text-box><text:p>{notes}</text:p></draw:text-box></draw:frame></presentation:notes>
</draw:page>"""


SHAPES = f"""<draw:frame svg:width="10cm" svg:height="3cm" svg:x="1cm" svg:y="5cm"><draw:text-box><text:p>tekstboks-9f01</text:p></draw:text-box></draw:frame>
<draw:frame svg:width="10cm" svg:height="3cm" svg:x="1cm" svg:y="9cm"><table:table><table:table-column/><table:table-column/><table:table-row><table:table-cell><text:p>celle-9f02</text:p></table:table-cell><table:table-cell><text:p>celle-9f03</text:p></table:table-cell></table:table-row></table:table></draw:frame>
<draw:frame draw:name="billede" svg:width="1cm" svg:height="1cm"><draw:image><office:binary-data>{PIXEL}</office:binary-data></draw:image><svg:desc>billedtekst-9f04</svg:desc></draw:frame>
{COMMENT.format(attributes=' svg:x="1cm" svg:y="1cm"', author="kommentator-9f05", text="kommentar-9f06")}"""

IMPRESS = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.presentation">
{meta("9f07")}
<office:automatic-styles><style:page-layout style:name="page"><style:page-layout-properties fo:page-width="28cm" fo:page-height="21cm"/></style:page-layout></office:automatic-styles>
<office:master-styles><style:master-page style:name="Default" style:page-layout-name="page">
<draw:frame svg:width="10cm" svg:height="1cm" svg:x="1cm" svg:y="19cm"><draw:text-box><text:p>master-9f08</text:p></draw:text-box></draw:frame>
</style:master-page></office:master-styles>
<office:body><office:presentation>
{slide(1, "overskrift-9f09 blåbærgrød", "noter-9f0a")}{slide(2, "overskrift-9f0b 610190-0005", "noter-9f0c")}
</office:presentation></office:body></office:document>"""


# Messages.

def compressed_rtf(text):
    """Literals only, but for the end ([MS-OXRTFCP] 3.2)."""
    content, position = b"", 207
    for at in range(0, len(text), 8):
        part = text[at : at + 8]
        content += (b"\0" if len(part) == 8 else bytes([1 << len(part)])) + part
        position += len(part)
    end = struct.pack(">H", position % 4096 << 4)
    content += end if len(text) % 8 else b"\1" + end
    check = zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return struct.pack("<IIII", len(content) + 12, len(text), 0x75465A4C, check) + content


def storage(properties, header, names=()):
    """The streams of one object ([MS-OXMSG] 2.4)."""
    streams, fixed = {}, header
    for (tag, kind), value in properties.items():
        if kind in (0x03, 0x0B):
            fixed += struct.pack("<HHIII", kind, tag, 6, value, 0)
        elif kind == 0x40:
            fixed += struct.pack("<HHIQ", kind, tag, 6, value)
        else:
            data = {0x1F: lambda: value.encode("utf-16-le"), 0x1E: lambda: value.encode("cp1252"), 0x102: lambda: value}[kind]()
            streams[f"__substg1.0_{tag:04X}{kind:04X}"] = data
            fixed += struct.pack("<HHIII", kind, tag, 6, len(data) + {0x1F: 2, 0x1E: 1, 0x102: 0}[kind], 0)
    streams["__properties_version1.0"] = fixed
    return streams


def attachment(properties, content):
    streams = storage(properties, bytes(8))
    streams.update(content)
    return streams


def names(given):
    """The names of properties from 0x8000 on ([MS-OXMSG] 2.2.3)."""
    entries, strings = b"", b""
    for index, name in enumerate(given):
        entries += struct.pack("<IHH", len(strings), 2 << 1 | 1, index)
        text = name.encode("utf-16-le")
        strings += struct.pack("<I", len(text)) + text + bytes(-len(text) % 4)
    return {"__substg1.0_00020102": b"", "__substg1.0_00030102": entries, "__substg1.0_00040102": strings}


def message(mark, unicode, header):
    text = 0x1F if unicode else 0x1E
    properties = {
        (0x001A, text): "IPM.Note",
        (0x0037, text): f"emne-{mark}01 blåbærgrød",
        (0x0036, 0x03): 2,
        (0x3FFD, 0x03): 1252,
        (0x3FDE, 0x03): 65001,
        (0x1000, text): f"brødtekst-{mark}02\r\nCPR 610190-0005\r\n",
        (0x1013, 0x102): f"<html><body><p>html-{mark}03 <b>bl&aring;</b>bær</p></body></html>".encode(),
        (0x1009, 0x102): compressed_rtf(b"{\\rtf1\\ansi rtf-" + mark.encode() + b"04 {\\b fed} tekst\\par}"),
        (0x007D, text): f"Received: from hoved-{mark}05.example\r\nX-Sag: felt-{mark}06\r\n",
        (0x0C1A, text): f"afsender-{mark}07",
        (0x0C1F, text): f"afsender-{mark}08@example.org",
        (0x0E04, text): f"modtager-{mark}09",
        (0x3A42, 0x40): 116444736000000000 + 864000000000 * 7305,
        (0x8000, text): f"{LABEL}=fortrolig-{mark}0a",
        (0x8001, text): f"egetfelt-{mark}0b",
    }
    return storage(properties, header)


def msg(unicode):
    mark, text = ("a1", 0x1F) if unicode else ("b2", 0x1E)
    root = message(mark, unicode, struct.pack("<8xIIII8x", 2, 3, 2, 3))
    root["__nameid_version1.0"] = names(["msip_labels", "Sagsfelt"])
    root["__recip_version1.0_#00000000"] = storage(
        {(0x3001, text): f"modtagernavn-{mark}0c", (0x3003, text): f"modtager-{mark}0d@example.org", (0x0C15, 0x03): 1}, bytes(8))
    named = {(0x3707, text): f"bilag {mark}0e æøå.txt", (0x3704, text): f"BILAG~1.TXT", (0x370E, text): "text/plain", (0x3705, 0x03): 1}
    root["__attach_version1.0_#00000000"] = attachment(named | {(0x3701, 0x102): f"bilagstekst-{mark}0f".encode()}, {})
    inner = message(mark[::-1], unicode, bytes(24))
    root["__attach_version1.0_#00000001"] = attachment(
        {(0x3001, text): f"videresendt {mark}10", (0x3705, 0x03): 5}, {"__substg1.0_3701000D": inner})
    root["__attach_version1.0_#00000002"] = attachment(
        {(0x3707, text): f"sky {mark}11.docx", (0x3705, 0x03): 7}, {})
    return compound_file.write(root)


def tnef():
    def attribute(level, kind, data):
        return struct.pack("<BII", level, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)

    def padded(data):
        return struct.pack("<I", len(data)) + data + bytes(-len(data) % 4)

    def properties(given):
        data = struct.pack("<I", len(given))
        for tag, kind, name, value in given:
            data += struct.pack("<HH", kind, tag)
            if tag >= 0x8000:
                data += uuid.uuid5(uuid.NAMESPACE_DNS, "example.org").bytes_le
                data += struct.pack("<I", 1) + padded(name.encode("utf-16-le") + b"\0\0")
            if kind == 0x03:
                data += struct.pack("<I", value)
                continue
            data += struct.pack("<I", 1) + padded(value)
        return data

    def wide(text):
        return text.encode("utf-16-le") + b"\0\0"

    def stream(parts):
        return struct.pack("<IH", 0x223E9F78, 1) + b"".join(parts)

    inner = stream([
        attribute(1, 0x00089006, struct.pack("<I", 0x10000)),
        attribute(1, 0x00018004, b"indre emne-c30b\0"),
        attribute(1, 0x00069003, properties([(0x1000, 0x1E, None, b"indre tekst-c30c\0")])),
    ])
    return stream([
        attribute(1, 0x00089006, struct.pack("<I", 0x10000)),
        attribute(1, 0x00069007, struct.pack("<II", 1252, 0)),
        attribute(1, 0x00018004, "emne-c301 blåbær\0".encode("cp1252")),
        attribute(1, 0x0002800C, "brødtekst-c302\0".encode("cp1252")),
        attribute(1, 0x00069003, properties([
            (0x0E1D, 0x1F, None, wide("normalt emne-c303")),
            (0x1009, 0x102, None, compressed_rtf(b"{\\rtf1\\ansi rtf-c304\\par}")),
            (0x1013, 0x102, None, b"<p>html-c305</p>"),
            (0x3FDE, 0x03, None, 65001),
            (0x8000, 0x1F, "msip_labels", wide(f"{LABEL}=fortrolig-c306")),
        ])),
        attribute(1, 0x00069004, struct.pack("<I", 1) + properties([(0x3001, 0x1F, None, wide("modtager-c307"))])),
        attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0)),
        attribute(2, 0x0006800F, b"bilagstekst-c308"),
        attribute(2, 0x00018010, b"BILAG~1.TXT\0"),
        attribute(2, 0x00069005, properties([(0x3707, 0x1F, None, wide("bilag c309 æøå.txt")), (0x370E, 0x1E, None, b"text/plain\0")])),
        attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0)),
        attribute(2, 0x00018010, b"tomt c30d.txt\0"),
        attribute(2, 0x00069002, struct.pack("<HIHHI", 1, 0xFFFFFFFF, 0, 0, 0)),
        attribute(2, 0x00018010, b"videresendt c30a\0"),
        attribute(2, 0x00069005, properties([
            (0x3705, 0x03, None, 5),
            (0x3701, 0x0D, None, bytes.fromhex("0703020000000000c000000000000046") + inner),
        ])),
    ])


# Workbooks in the binary format of Excel 2007 ([MS-XLSB]).

def xlsb():
    def number(value, most):
        out = b""
        for _ in range(most):
            out += bytes([value & 0x7F | (0x80 if value > 0x7F else 0)])
            value >>= 7
            if not value:
                break
        return out

    def record(kind, data=b""):
        head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return head + number(len(data), 4) + data

    def string(text):
        return struct.pack("<I", len(text)) + text.encode("utf-16-le")

    def row(index):
        return record(0, struct.pack("<II", index, 0) + bytes(9))

    def at(column, style=0):
        return struct.pack("<II", column, style)

    workbook = record(131) + record(143)
    workbook += record(156, struct.pack("<II", 0, 1) + string("rId1") + string("løn d401"))
    workbook += record(156, struct.pack("<II", 1, 2) + string("rId2") + string("skjult"))
    workbook += record(144) + record(132)
    styles = record(278) + record(615, struct.pack("<I", 1)) + record(44, struct.pack("<H", 164) + string("000000\\-0000")) + record(616)
    styles += record(617, struct.pack("<I", 3))
    for fmt in (0, 164, 14):
        styles += record(47, struct.pack("<HHHHH", 0, fmt, 0, 0, 0) + bytes(6))
    styles += record(618) + record(279)
    shared = record(159, struct.pack("<II", 1, 1)) + record(19, b"\0" + string("delt-d402 blåbærgrød")) + record(160)
    first = record(129) + record(148, struct.pack("<IIII", 0, 11, 0, 3)) + record(145)
    first += row(0) + record(7, at(0) + struct.pack("<I", 0)) + record(6, at(1) + string("celle-d403"))
    first += row(1) + record(5, at(1, 1) + struct.pack("<d", 6101900005)) + record(2, at(3, 2) + struct.pack("<I", 45657 << 2 | 2))
    first += row(11) + record(8, at(1) + string("formel-d404") + struct.pack("<HI", 0, 0) + struct.pack("<I", 0))
    first += record(146)
    first += record(479, struct.pack("<H", 0) + string("&Lsidehoved-d405") + string("&Csidefod-d406") + struct.pack("<IIII", *[0xFFFFFFFF] * 4)) + record(480)
    first += record(130)
    second = record(129) + record(148, struct.pack("<IIII", 0, 0, 0, 0)) + record(145) + row(0) + record(6, at(0) + string("celle-d407")) + record(146) + record(130)
    comments = record(628) + record(630) + record(632, string("kommentator-d408")) + record(631) + record(633)
    comments += record(635, struct.pack("<IIIII", 0, 11, 11, 1, 1) + bytes(16)) + record(637, b"\0" + string("kommentar-d409")) + record(636)
    comments += record(634) + record(629)
    relationship = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

    def relationships(given):
        return '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">' + "".join(
            f'<Relationship Id="{id_}" Type="{relationship}/{kind}" Target="{target}"/>' for id_, kind, target in given) + "</Relationships>"

    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": relationships([("rId1", "officeDocument", "xl/workbook.bin")]),
        "xl/workbook.bin": workbook,
        "xl/_rels/workbook.bin.rels": relationships([
            ("rId1", "worksheet", "worksheets/sheet1.bin"), ("rId2", "worksheet", "worksheets/sheet2.bin"),
            ("rId3", "styles", "styles.bin"), ("rId4", "sharedStrings", "sharedStrings.bin")]),
        "xl/styles.bin": styles,
        "xl/sharedStrings.bin": shared,
        "xl/worksheets/sheet1.bin": first,
        "xl/worksheets/_rels/sheet1.bin.rels": relationships([("rId1", "comments", "../comments1.bin"), ("rId2", "drawing", "../drawings/drawing1.xml")]),
        "xl/worksheets/sheet2.bin": second,
        "xl/comments1.bin": comments,
        "xl/drawings/drawing1.xml": '<xdr:wsDr xmlns:xdr="x" xmlns:a="a"><xdr:sp><xdr:txBody><a:p><a:r><a:t>tekst</a:t></a:r><a:r><a:t>boks-d40a</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>',
        "docProps/core.xml": '<cp:coreProperties xmlns:cp="c" xmlns:dc="d"><dc:title>titel-d40b</dc:title></cp:coreProperties>',
        "docProps/custom.xml": f'<Properties xmlns:vt="v"><property pid="2" name="{LABEL}"><vt:lpwstr>fortrolig-d40c</vt:lpwstr></property></Properties>',
        "xl/vbaProject.bin": compound_file.write({"VBA": {"dir": b"\1"}}),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content)
    return file.getvalue()


def encrypted():
    from msoffcrypto.format.ooxml import OOXMLFile

    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>")
        archive.writestr("word/document.xml", "<w:document xmlns:w='w'/>")
    out = io.BytesIO()
    OOXMLFile(plain).encrypt("kodeord", out)
    return out.getvalue()


def native(name, content):
    """A file as the packager wraps it ([MS-OLEDS] 2.3.6)."""
    path = b"C:\\" + name + b"\0"
    data = struct.pack("<H", 2) + name + b"\0" + path + struct.pack("<HHI", 0, 3, len(path)) + path
    data += struct.pack("<I", len(content)) + content
    return struct.pack("<I", len(data)) + data


def without_thumbnail(document):
    """The small picture of the first slide is far larger than the rest of a presentation."""
    file = olefile.OleFileIO(document)
    streams = {path[0]: file.openstream(path).read() for path in file.listdir()}
    summary = streams["\x05SummaryInformation"]
    start = struct.unpack_from("<I", summary, 44)[0]
    count = struct.unpack_from("<I", summary, start + 4)[0]
    listed = [struct.unpack_from("<II", summary, start + 8 + 8 * index) for index in range(count)]
    for index, (tag, offset) in enumerate(listed):
        if tag == 17:
            assert offset == max(offset for _, offset in listed)
            kept = summary[: start + offset] + struct.pack("<II", 0, 0)
            # The picture becomes an empty value of no type.
            streams["\x05SummaryInformation"] = kept
            return compound_file.write(streams)
    return document


SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Office.Common/Save/Document">
<prop oor:name="GenerateThumbnail" oor:op="fuse"><value>false</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="ODFRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>"""


def libreoffice():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # Formulas are to be worked out.
        (folder / "profile" / "user").mkdir(parents=True)
        (folder / "profile" / "user" / "registrymodifications.xcu").write_text(SETTINGS)
        for source, content, targets in [
            ("text.fodt", WRITER, [("libreoffice.doc", "doc:MS Word 97")]),
            ("sheet.fods", CALC, [("libreoffice.xls", "xls:MS Excel 97")]),
            ("slides.fodp", IMPRESS, [("libreoffice.ppt", "ppt:MS PowerPoint 97")]),
        ]:
            (folder / source).write_text(content, encoding="utf-8")
            for target, convert in targets:
                subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", convert,
                                "--outdir", folder / "out", folder / source], check=True, capture_output=True)
                result = folder / "out" / (source.split(".")[0] + "." + target.split(".")[-1])
                (HERE / target).write_bytes(without_thumbnail(result.read_bytes()))


def expected(version):
    """What is to be found where: file, who made it, media type, texts (kind of place, text, place), unreadable, protected."""
    office = f"LibreOffice {version}"

    def properties(mark, place=""):
        return [(kind, f"{name}-{mark}", place + " > properties") for kind, name in [
            ("title", "titel"), ("subject", "emne"), ("author", "forfatter"), ("keywords", "stikord"), ("description", "beskrivelse"),
            ("label", "fortrolig"), ("user-defined property", "brugeregenskab")]]

    def mails(mark):
        inner = f' > attachment "videresendt {mark}10"'
        back = mark[::-1]
        return [
            ("subject", f"emne-{mark}01 blåbærgrød", " > subject"),
            ("body", f"brødtekst-{mark}02", " > text"),
            ("HTML body", f"html-{mark}03 blåbær", " > text (HTML)"),
            ("RTF body", f"rtf-{mark}04 fed tekst", " > text (RTF)"),
            ("transport headers", f"hoved-{mark}05.example", " > header fields"),
            ("transport headers", f"felt-{mark}06", " > header fields"),
            ("sender", f"afsender-{mark}07", " > properties"),
            ("sender's address", f"afsender-{mark}08@example.org", " > properties"),
            ("recipients", f"modtager-{mark}09", " > properties"),
            ("sensitivity", "Sensitivity: private", " > properties"),
            ("birthday", "1990-01-01", " > properties"),
            ("label", f"fortrolig-{mark}0a", ' > properties > "msip_labels"'),
            ("named property", f"egetfelt-{mark}0b", ' > properties > "Sagsfelt"'),
            ("recipient", f"modtagernavn-{mark}0c", " > recipients"),
            ("recipient's address", f"modtager-{mark}0d@example.org", " > recipients"),
            ("attachment's name", f"bilag {mark}0e æøå.txt", " > file name"),
            ("attachment", f"bilagstekst-{mark}0f", f' > attachment "bilag {mark}0e æøå.txt" > line 1'),
            ("message within", f"emne-{back}01 blåbærgrød", inner + " > subject"),
            ("message within", f"brødtekst-{back}02", inner + " > text"),
            ("message within", f"egetfelt-{back}0b", inner + ' > properties > "Sagsfelt"'),
        ]

    sheet = ' > sheet "løn 8e04"'
    binary = ' > sheet "løn d401"'
    return [
        ("libreoffice.doc", office, "application/msword", [
            ("heading", "overskrift-7d06", ""), ("body", "hovedtekst-7d07 blåbærgrød €", ""), ("number over runs", "610190-0005", ""),
            ("deleted text", "slettet-7d05", ""), ("hidden text", "skjult-7d0c", ""), ("link", "linktekst-7d0e", ""), ("list", "punkt-7d10", ""),
            ("table", "celle-7d11\t620190\t\n", ""), ("table", "celle-7d12", ""), ("footnote", "fodnote-7d08", " > footnotes"),
            ("endnote", "slutnote-7d09", " > endnotes"), ("header", "sidehoved-7d02", " > headers and footers"),
            ("footer", "sidefod-7d03", " > headers and footers"), ("comment", "kommentar-7d0b", " > comments"),
            ("text box", "tekstboks-7d13", " > text boxes"), ("address of a link", "adresse-7d0d", " > fields"),
            ("bookmark", "bogmaerke-7d0f", " > names > bookmarks"), ("author of a change", "retter-7d04", " > names > authors"),
            ("author of a comment", "kommentator-7d0a", " > names > authors of comments"),
        ] + properties("7d01"), [(" > picture 1", "a picture")], None),
        ("libreoffice.xls", office, "application/vnd.ms-excel", [
            ("cell", "celle-8e05", sheet + " > A1"), ("cell", "blåbærgrød-8e06", sheet + " > B1"), ("cell after a gap", "celle-8e07", sheet + " > D1"),
            ("number with leading zeros", "0101900005", sheet + " > A2"), ("number with a sign in it", "620190-0005", sheet + " > B2"),
            ("date", "31-12-2024", sheet + " > C2"), ("number", "6301900005", sheet + " > D2"), ("formula", "formel", sheet + " > formulas"),
            ("cell with a comment", "celle-8e0a", sheet + " > B12"), ("comment", "kommentar-8e09", sheet + " > comments > B12"),
            ("link", "linktekst-8e0c", sheet + " > A13"), ("address of a link", "adresse-8e0b", sheet + " > links"),
            ("text box", "tekstboks-8e0d", sheet + " > text boxes"), ("header", "sidehoved-8e02", sheet + " > header"),
            ("footer", "sidefod-8e03", sheet + " > footer"), ("hidden sheet", "celle-8e0f", ' > sheet "skjult" > A1'),
            ("sheet's name", "løn 8e04", " > names > sheets"),
        ] + properties("8e01"), [(" > picture 1", "a picture")], None),
        ("libreoffice.ppt", office, "application/vnd.ms-powerpoint", [
            ("title", "overskrift-9f09 blåbærgrød", " > slide 1"), ("text box", "tekstboks-9f01", " > slide 1"), ("table", "celle-9f02", " > slide 1"),
            ("table", "celle-9f03", " > slide 1"), ("title", "overskrift-9f0b 610190-0005", " > slide 2"), ("notes", "noter-9f0a", " > notes"),
            ("notes", "noter-9f0c", " > notes"), ("comment", "kommentar-9f06", " > other texts > comment"),
            ("author of a comment", "kommentator-9f05", " > other texts > comment"),
        ] + properties("9f07"), [(" > picture 1", "a picture")], None),
        ("unicode.msg", "make/ole.py", "application/vnd.ms-outlook", mails("a1"), [(' > attachment "sky a111.docx"', "is only linked to")], None),
        ("code-page.msg", "make/ole.py", "application/vnd.ms-outlook", mails("b2"), [(' > attachment "sky b211.docx"', "is only linked to")], None),
        ("winmail.dat", "make/ole.py", "application/ms-tnef", [
            ("subject", "emne-c301 blåbær", " > subject"), ("body", "brødtekst-c302", " > text"), ("property", "normalt emne-c303", " > properties"),
            ("HTML body", "html-c305", " > text (HTML)"), ("RTF body", "rtf-c304", " > text (RTF)"), ("label", "fortrolig-c306", ' > properties > "msip_labels"'),
            ("recipient", "modtager-c307", " > recipients"), ("attachment's name", "bilag c309 æøå.txt", " > file name"),
            ("attachment", "bilagstekst-c308", ' > attachment "bilag c309 æøå.txt" > line 1'),
            ("message within", "indre emne-c30b", ' > attachment "videresendt c30a" > subject'),
            ("message within", "indre tekst-c30c", ' > attachment "videresendt c30a" > text'),
        ], [(' > attachment "tomt c30d.txt"', "has no content")], None),
        ("binary.xlsb", "make/ole.py", "application/vnd.ms-excel.sheet.binary.macroenabled.12", [
            ("shared string", "delt-d402 blåbærgrød", binary + " > A1"), ("cell", "celle-d403", binary + " > B1"),
            ("number with a sign in it", "610190-0005", binary + " > B2"), ("date", "31-12-2024", binary + " > D2"),
            ("formula", "formel-d404", binary + " > B12"), ("header", "sidehoved-d405", binary + " > header"),
            ("footer", "sidefod-d406", binary + " > footer"), ("hidden sheet", "celle-d407", ' > sheet "skjult" > A1'),
            ("author of a comment", "kommentator-d408", binary + " > comments > authors"),
            ("comment", "kommentar-d409", binary + " > comments > B12"), ("text box over runs", "tekstboks-d40a", binary + " > drawing"),
            ("sheet's name", "løn d401", " > names > sheets"), ("title", "titel-d40b", " > properties"), ("label", "fortrolig-d40c", " > properties"),
        ], [("", "macros are not read")], None),
        ("packager.doc", "make/ole.py", "application/msword", [
            ("embedded file", "pakket tekst-e504", ' > embedded file "pakke e503.txt" > line 1'),
            ("embedded file's name", "pakke e503.txt", ' > embedded file "pakke e503.txt" > name'),
            ("file in an object", "indlejret tekst-e502", ' > object 1 > embedded file "indlejret e501.txt" > line 1'),
        ], [], None),
        ("password.docx", "msoffcrypto-tool 6.1", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", [], [], "Office with a password"),
        ("rights-managed.doc", "make/ole.py", "application/msword", [], [], "rights management"),
        ("drawing.vsd", "make/ole.py", "application/vnd.visio", [], [("", "a Visio drawing is not read")], None),
    ]


def manifest(version):
    lines = ["# Made by make/ole.py, which says after which specification where no program was to be had."]
    for file, by, media_type, texts, unreadable, protected in expected(version):
        here = f'attachment "{file}"'
        lines += ["", "[[document]]", f"file = {quoted(file)}", f"by = {quoted(by)}", f"media-type = {quoted(media_type)}"]
        if protected:
            lines.append(f"protected = {quoted(protected)}")
        for place, found, at in texts:
            lines += ["[[document.text]]", f"place = {quoted(place)}", f"found = {quoted(found)}"]
            lines.append(f"at = {quoted(here + at)}")
        for place, reason in unreadable:
            lines += ["[[document.unreadable]]", f"place = {quoted(here + place)}", f"reason = {quoted(reason)}"]
    return "\n".join(lines) + "\n"


def quoted(text):
    """As TOML has strings; those of JSON are such."""
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    libreoffice()
    own = {
        "unicode.msg": msg(True),
        "code-page.msg": msg(False),
        "winmail.dat": tnef(),
        "binary.xlsb": xlsb(),
        "password.docx": encrypted(),
        "rights-managed.doc": compound_file.write({"\x09DRMContent": random.Random(1).randbytes(100), "WordDocument": b"y" * 100}),
        "packager.doc": compound_file.write({"ObjectPool": {"_1": {"\x01Ole10Native": native(b"indlejret e501.txt", b"indlejret tekst-e502")}}, "\x01Ole10Native": native(b"pakke e503.txt", b"pakket tekst-e504")}),
        "drawing.vsd": compound_file.write({"VisioDocument": b"x" * 100}),
    }
    for name, content in own.items():
        (HERE / name).write_bytes(content)
    version = subprocess.run(["soffice", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    (HERE / "ole.toml").write_text(manifest(".".join(version.split(".")[:2])), encoding="utf-8")
