#!/usr/bin/env python3
"""Makes the Office Open XML documents of this corpus, and ooxml.toml, which says what stands where in them.

Needs python-docx, openpyxl, python-pptx and XlsxWriter from PyPI, and LibreOffice (Debian: libreoffice-writer-nogui,
-calc-nogui, -impress-nogui). Usage: make/ooxml.py, from anywhere.
"""

import datetime
import io
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import zipfile
import zlib

import docx
import openpyxl
import pptx
import xlsxwriter
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.enum.shapes import PROG_ID
from pptx.util import Inches

HERE = pathlib.Path(__file__).resolve().parent.parent
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
TYPES = "application/vnd.openxmlformats-officedocument."
WORD = TYPES + "wordprocessingml."
DOCX = WORD + "document"
XLSX = TYPES + "spreadsheetml.sheet"
PPTX = TYPES + "presentationml.presentation"
DOCUMENTS = []


def png(shade):
    """A picture of one grey point."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes([0, shade]))) + chunk(b"IEND", b"")


def document(file, by, media_type, texts, unreadable=()):
    """Notes what stands where: `texts` holds (place, found, words after the document's own place or None)."""
    DOCUMENTS.append((file, by, media_type, texts, unreadable))


def manifest():
    def quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n") + '"'

    lines = ["# Made by make/ooxml.py."]
    for file, by, media_type, texts, unreadable in DOCUMENTS:
        own = f'attachment "{file}"'
        lines += ["", "[[document]]", f"file = {quoted(file)}", f"by = {quoted(by)}", f"media-type = {quoted(media_type)}"]
        for place, found, at in texts:
            lines += ["[[document.text]]", f"place = {quoted(place)}", f"found = {quoted(found)}"]
            if at is not None:
                lines.append(f"at = {quoted(own + (' > ' + at if at else ''))}")
        for place, reason in unreadable:
            lines += ["[[document.unreadable]]", f"place = {quoted(own + ' > ' + place)}", f"reason = {quoted(reason)}"]
    (HERE / "ooxml.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def package(file, parts):
    """Writes an archive, the same one each time."""
    with zipfile.ZipFile(HERE / file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)


def unpacked(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def relationships(*rows, base=OFFICE + "/relationships"):
    body = ""
    for identity, kind, target, *mode in rows:
        kind = kind if kind.startswith("http") else f"{base}/{kind}"
        external = ' TargetMode="External"' if mode else ""
        body += f'<Relationship Id="{identity}" Type="{kind}" Target="{target}"{external}/>'
    return f'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{body}</Relationships>'


def content_types(overrides, **defaults):
    body = "".join(f'<Default Extension="{name}" ContentType="{kind}"/>' for name, kind in defaults.items())
    body += "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in overrides.items())
    return f'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{body}</Types>'


RELS = "application/vnd.openxmlformats-package.relationships+xml"
W = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    f'xmlns:r="{OFFICE}/relationships" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
)


def p(*runs):
    return "<w:p>" + "".join(run if run.startswith("<") else f'<w:r><w:t xml:space="preserve">{run}</w:t></w:r>' for run in runs) + "</w:p>"


def cell_book(text):
    book = openpyxl.Workbook()
    book.active["B2"] = text
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def python_docx():
    made = docx.Document()
    made.core_properties.title = "titel-01a7"
    made.core_properties.author = "Frida Forfatter-01b2"
    made.core_properties.keywords = "nøgleord-01c9"
    made.core_properties.comments = "beskrivelse-01d4"
    made.add_heading("overskrift-01e3")
    paragraph = made.add_paragraph("hovedtekst-01f8 nr. 61019")
    paragraph.add_run("0-00").bold = True
    paragraph.add_run("05-01a1")
    table = made.add_table(rows=2, cols=2)
    for index, text in enumerate(["610191", "0005-02a1", "celle-02b2", "celle-02c3"]):
        table.cell(index // 2, index % 2).text = text
    inner = table.cell(1, 1).add_table(rows=1, cols=1)
    inner.cell(0, 0).text = "indre-celle-02d4"
    section = made.sections[0]
    section.header.paragraphs[0].text = "sidehoved-02e5"
    section.footer.paragraphs[0].text = "sidefod-02f6"
    section.different_first_page_header_footer = True
    section.first_page_header.paragraphs[0].text = "forsidehoved-03a7"
    commented = made.add_paragraph("kommenteret-03b8")
    made.add_comment(commented.runs, text="kommentar-03c9", author="Kaj Kommentator-03d1", initials="KK")
    picture = made.add_paragraph().add_run().add_picture(io.BytesIO(png(1)))
    picture._inline.docPr.set("descr", "billedtekst-03e2")
    made.save(HERE / "python-docx.docx")
    document("python-docx.docx", "python-docx 1.2.0", DOCX + ".document", [
        ("title", "titel-01a7", "properties"),
        ("author", "Frida Forfatter-01b2", "properties"),
        ("keywords", "nøgleord-01c9", "properties"),
        ("description", "beskrivelse-01d4", "properties"),
        ("heading", "overskrift-01e3", ""),
        ("body", "hovedtekst-01f8", ""),
        ("number over runs", "610190-0005-01a1", ""),
        ("number over cells", "610191\t0005-02a1", ""),
        ("cell", "celle-02b2\tcelle-02c3", ""),
        ("cell of an inner table", "indre-celle-02d4", ""),
        ("header", "sidehoved-02e5", "header"),
        ("footer", "sidefod-02f6", "footer"),
        ("first header", "forsidehoved-03a7", "header"),
        ("commented text", "kommenteret-03b8", ""),
        ("comment", "kommentar-03c9", "comments"),
        ("comment's author", "Kaj Kommentator-03d1", "authors"),
        ("alternative text", "billedtekst-03e2", "alternative text"),
    ], [('picture "image1.png"', "a picture"), ('picture "thumbnail.jpeg"', "a picture")])


def word_like():
    """Everything that Word writes and that no library does, in the form in which Word writes it."""
    box = "<w:txbxContent>" + p("tekstboks-04a1") + "</w:txbxContent>"
    shape = (
        '<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wp:anchor><wp:positionH relativeFrom="page">'
        '<wp:posOffset>914400</wp:posOffset></wp:positionH><wp:docPr id="1" name="Tekstfelt 2" descr="figurtekst-04b2"/>'
        f"<a:graphic><a:graphicData><wps:wsp><wps:txbx>{box}</wps:txbx></wps:wsp></a:graphicData></a:graphic>"
        "</wp:anchor></w:drawing></mc:Choice>"
        f'<mc:Fallback><w:pict><v:shape id="t"><v:textbox>{box}</v:textbox></v:shape></w:pict></mc:Fallback>'
        "</mc:AlternateContent></w:r>"
    )
    only_old = (
        '<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing/></mc:Choice><mc:Fallback><w:pict>'
        f'<v:shape alt="gammel-figur-04c3"><v:textbox><w:txbxContent>{p("kun-gammel-04d4")}</w:txbxContent></v:textbox>'
        '<v:textpath string="ordkunst-04e5"/></v:shape></w:pict></mc:Fallback></mc:AlternateContent></w:r>'
    )
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:helpText w:val="hjælpetekst-04f6"/></w:ffData></w:fldChar></w:r>'
        '<w:r><w:instrText xml:space="preserve"> MERGEFIELD feltkode-05a1 </w:instrText></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>feltresultat-05b2</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    changed = (
        "<w:r><w:t>nu 6101</w:t></w:r>"
        '<w:del w:id="1" w:author="Rikke Retter-05c3"><w:r><w:delText>92-0005-05d4</w:delText></w:r></w:del>'
        '<w:ins w:id="2" w:author="Rikke Retter-05c3"><w:r><w:t>93-0005-05e5</w:t></w:r></w:ins>'
    )
    graphic = '<w:r><w:drawing><wp:inline><a:graphic><a:graphicData>{}</a:graphicData></a:graphic></wp:inline></w:drawing></w:r>'
    body = (
        p("side-et-05f6 610194-", shape, "0005-06a1")
        + p(only_old)
        + p("<w:r><w:br/><w:lastRenderedPageBreak/></w:r>", "side-to-06b2")
        + p(field)
        + p(changed)
        + p('<w:hyperlink r:id="link"><w:r><w:t>linktekst-06c3</w:t></w:r></w:hyperlink>')
        + p('<w:r><w:t>6101</w:t></w:r><w:r><w:t>95</w:t><w:noBreakHyphen/><w:t>0005-06d4</w:t></w:r>')
        + p('<w:r><w:rPr><w:vanish/></w:rPr><w:t>skjult-06e5</w:t></w:r>')
        + p('<m:oMath><m:f><m:num><m:r><m:t>brøk-06f6</m:t></m:r></m:num><m:den/></m:f></m:oMath>')
        + '<w:sdt><w:sdtPr><w:alias w:val="feltnavn-07a1"/><w:dropDownList>'
        '<w:listItem w:displayText="valg-07b2" w:value="1"/></w:dropDownList></w:sdtPr>'
        f'<w:sdtContent>{p("indholdskontrol-07c3")}</w:sdtContent></w:sdt>'
        + p('<w:r><w:footnoteReference w:id="2"/></w:r>', graphic.format('<c:chart r:id="chart"/>'), graphic.format('<dgm:relIds r:dm="data"/>'))
        + '<w:altChunk r:id="chunk"/>'
    )
    note = '<w:{0} {1}><w:{2} w:id="2">{3}</w:{2}></w:{0}>'
    chart = (
        f'<c:chartSpace {W}><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>diagramtitel-07d4</a:t></a:r></a:p></c:rich></c:tx></c:title>'
        "<c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:f>Ark1!$B$1</c:f><c:strCache><c:pt><c:v>serie-07e5</c:v></c:pt></c:strCache></c:strRef></c:tx>"
        "<c:cat><c:strRef><c:strCache><c:pt><c:v>kategori-07f6</c:v></c:pt></c:strCache></c:strRef></c:cat></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>"
    )
    points = '<dgm:ptLst><dgm:pt><dgm:t><a:bodyPr/><a:p><a:r><a:t>smartart-08a1</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst>'
    label = "MSIP_Label_6f0b7f3e-0000-4000-8000-000000000001"
    custom = (
        '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" '
        'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes">'
        f'<property name="{label}_Name"><vt:lpwstr>Fortroligt</vt:lpwstr></property>'
        '<property name="Sagsnummer"><vt:lpwstr>egenskab-08b2</vt:lpwstr></property></Properties>'
    )
    app = (
        '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties">'
        "<Pages>2</Pages><Company>firma-08c3</Company><Manager>leder-08d4</Manager></Properties>"
    )
    labels = (
        '<clbl:labelList xmlns:clbl="http://schemas.microsoft.com/office/2020/mipLabelMetadata">'
        '<clbl:label id="{6f0b7f3e-0000-4000-8000-000000000001}" enabled="1" method="Privileged" siteId="{6f0b7f3e-0000-4000-8000-000000000002}"/>'
        "</clbl:labelList>"
    )
    overrides = {
        "/word/document.xml": "application/vnd.ms-word.document.macroEnabled.main+xml",
        "/word/footnotes.xml": WORD + "footnotes+xml",
        "/word/endnotes.xml": WORD + "endnotes+xml",
        "/word/settings.xml": WORD + "settings+xml",
        "/word/numbering.xml": WORD + "numbering+xml",
        "/word/glossary/document.xml": WORD + "document.glossary+xml",
        "/word/charts/chart1.xml": TYPES + "drawingml.chart+xml",
        "/word/diagrams/data1.xml": TYPES + "drawingml.diagramData+xml",
        "/word/diagrams/drawing1.xml": "application/vnd.ms-office.drawingml.diagramDrawing+xml",
        "/word/header9.xml": WORD + "header+xml",
        "/docProps/app.xml": TYPES + "extended-properties+xml",
        "/docProps/custom.xml": TYPES + "custom-properties+xml",
        "/docMetadata/LabelInfo.xml": "application/vnd.ms-office.classificationlabels+xml",
    }
    package("word-like.docm", {
        "[Content_Types].xml": content_types(overrides, rels=RELS, xml="application/xml", html="text/html", txt="text/plain",
                                             bin="application/vnd.ms-office.vbaProject", xlsx=XLSX + ".sheet"),
        "_rels/.rels": relationships(("r1", "officeDocument", "word/document.xml"), ("r2", "extended-properties", "docProps/app.xml"),
                                     ("r3", "custom-properties", "docProps/custom.xml"),
                                     ("r4", "http://schemas.microsoft.com/office/2020/02/relationships/classificationlabels", "docMetadata/LabelInfo.xml")),
        "word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": relationships(
            ("f", "footnotes", "footnotes.xml"), ("e", "endnotes", "endnotes.xml"), ("s", "settings", "settings.xml"),
            ("n", "numbering", "numbering.xml"), ("g", "glossaryDocument", "glossary/document.xml"),
            ("chart", "chart", "charts/chart1.xml"), ("data", "diagramData", "diagrams/data1.xml"),
            ("drawing", "http://schemas.microsoft.com/office/2007/relationships/diagramDrawing", "diagrams/drawing1.xml"),
            ("chunk", "aFChunk", "/word/afchunk1.html"), ("chunk2", "aFChunk", "/word/afchunk2.txt"),
            ("xml", "customXml", "../customXml/item1.xml"), ("book", "package", "embeddings/Ark-i-Word.xlsx"),
            ("vba", "http://schemas.microsoft.com/office/2006/relationships/vbaProject", "vbaProject.bin"),
            ("link", "hyperlink", "https://www.example.com/linkmål-08e5", True)),
        "word/footnotes.xml": note.format("footnotes", W, "footnote", p("fodnote-08f6")),
        "word/endnotes.xml": note.format("endnotes", W, "endnote", p("slutnote-09a1")),
        "word/settings.xml": f'<w:settings {W}><w:docVars><w:docVar w:name="navn" w:val="dokumentvariabel-09b2"/></w:docVars></w:settings>',
        "word/numbering.xml": f'<w:numbering {W}><w:abstractNum><w:lvl><w:lvlText w:val="Bilag-09c3 %1."/></w:lvl></w:abstractNum></w:numbering>',
        "word/glossary/document.xml": f"<w:glossaryDocument {W}><w:docParts><w:docPart><w:docPartBody>{p('byggeblok-09d4')}</w:docPartBody></w:docPart></w:docParts></w:glossaryDocument>",
        "word/charts/chart1.xml": chart,
        "word/diagrams/data1.xml": f"<dgm:dataModel {W}>{points}</dgm:dataModel>",
        "word/diagrams/drawing1.xml": f"<dsp:drawing xmlns:dsp=\"http://schemas.microsoft.com/office/drawing/2008/diagram\" {W}><a:p><a:r><a:t>smartart-08a1</a:t></a:r></a:p><a:p><a:r><a:t>kun-tegnet-09e5</a:t></a:r></a:p></dsp:drawing>",
        "word/header9.xml": f"<w:hdr {W}>{p('løst-sidehoved-09f6')}</w:hdr>",
        "word/afchunk1.html": "<html><body><p>indsat-html-0aa1</p></body></html>",
        "word/afchunk2.txt": "indsat-tekst-0ab2",
        "word/embeddings/Ark-i-Word.xlsx": cell_book("ark-i-word-0ac3"),
        "word/vbaProject.bin": bytes(range(256)) * 2,
        "word/note.txt": "løs-fil-0ad4",
        "customXml/item1.xml": '<sag id="attribut-0ae5"><navn>egen-xml-0af6</navn></sag>',
        "docProps/app.xml": app,
        "docProps/custom.xml": custom,
        "docMetadata/LabelInfo.xml": labels,
    })
    document("word-like.docm", "hand, as Word writes it", "application/vnd.ms-word.document.macroenabled.12", [
        ("body", "side-et-05f6", ""),
        ("paragraph around a text box", "610194-0005-06a1", ""),
        ("text box", "tekstboks-04a1", "text box 1"),
        ("alternative text", "figurtekst-04b2", "alternative text"),
        ("text box of old programs", "kun-gammel-04d4", "text box 2"),
        ("alternative text of old programs", "gammel-figur-04c3", "alternative text"),
        ("WordArt", "ordkunst-04e5", "alternative text"),
        ("form field's help", "hjælpetekst-04f6", "other text"),
        ("field code", "feltkode-05a1", "field codes"),
        ("field result", "feltresultat-05b2", "page 2"),
        ("second page", "side-to-06b2", "page 2"),
        ("inserted text", "610193-0005-05e5", "page 2"),
        ("deleted text", "610192-0005-05d4", "before changes"),
        ("author of changes", "Rikke Retter-05c3", "authors"),
        ("hyperlink's text", "linktekst-06c3", "page 2"),
        ("hyperlink's target", "linkmål-08e5", "links"),
        ("non-breaking hyphen", "610195-0005-06d4", "page 2"),
        ("hidden text", "skjult-06e5", "page 2"),
        ("formula", "brøk-06f6", "page 2"),
        ("content control's name", "feltnavn-07a1", "other text"),
        ("content control's choices", "valg-07b2", "other text"),
        ("content control", "indholdskontrol-07c3", "page 2"),
        ("footnote", "fodnote-08f6", "footnotes"),
        ("endnote", "slutnote-09a1", "endnotes"),
        ("document variable", "dokumentvariabel-09b2", "settings > other text"),
        ("numbering", "Bilag-09c3", "numbering > other text"),
        ("building block", "byggeblok-09d4", "building blocks"),
        ("chart title", "diagramtitel-07d4", "chart"),
        ("chart series", "serie-07e5", "chart"),
        ("chart category", "kategori-07f6", "chart"),
        ("SmartArt", "smartart-08a1", "diagram"),
        ("SmartArt as drawn", "kun-tegnet-09e5", "diagram"),
        ("part without a relationship", "løst-sidehoved-09f6", "header"),
        ("chunk of HTML", "indsat-html-0aa1", None),
        ("chunk of text", "indsat-tekst-0ab2", None),
        ("embedded workbook", "ark-i-word-0ac3", 'embedded file "Ark-i-Word.xlsx" > sheet "Sheet" > B2'),
        ("unknown file", "løs-fil-0ad4", None),
        ("attribute of custom XML", "attribut-0ae5", "custom XML"),
        ("custom XML", "egen-xml-0af6", "custom XML"),
        ("company", "firma-08c3", "properties"),
        ("manager", "leder-08d4", "properties"),
        ("custom property", "Sagsnummer\tegenskab-08b2", "properties"),
    ], [('macros "vbaProject.bin"', "content of type")])


def strict():
    """A strict document whose parts have names of their own."""
    ns = 'xmlns:x="http://purl.oclc.org/ooxml/wordprocessingml/main"'
    base = "http://purl.oclc.org/ooxml/officeDocument/relationships"
    text = "<x:p><x:r><x:t>{}</x:t></x:r></x:p>"
    package("strict.docx", {
        "[Content_Types].xml": content_types({"/Brev/Indhold.XML": WORD + "document.main+xml"}, rels=RELS, xml="application/xml"),
        "_rels/.rels": relationships(("r1", "officeDocument", "Brev/indhold.xml"), base=base),
        "Brev/Indhold.XML": f"<x:document {ns}><x:body>{text.format('streng-tekst-0ba1')}</x:body></x:document>",
        "Brev/_rels/indhold.xml.rels": relationships(("h", "header", "top%20tekst.xml"), base=base),
        "Brev/top tekst.xml": f"<x:hdr {ns}>{text.format('streng-sidehoved-0bb2')}</x:hdr>",
    })
    document("strict.docx", "hand, in the strict form", DOCX + ".document", [
        ("body", "streng-tekst-0ba1", ""),
        ("header", "streng-sidehoved-0bb2", "header"),
    ])


def with_openpyxl():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Løn 2024"
    sheet.append(["navn-0ca1", "CPR-nr.", "dato"])
    sheet.append(["Anna-0cb2", 101905678 + 600000000 - 0, datetime.date(1990, 1, 1)])
    sheet["B2"] = 6101960005
    sheet["B2"].number_format = "000000-0000"
    sheet["C2"].number_format = "ddmmyy"
    sheet["B3"] = 1019600
    sheet["B3"].number_format = "00000000"
    sheet["C3"] = 6101970005
    sheet["C3"].number_format = "#,##0"
    sheet["D3"] = 6101980005
    sheet["D3"].number_format = ";;;"
    sheet["E3"] = 0.25
    sheet["E3"].number_format = '0.0%'
    sheet["F3"] = True
    sheet["G3"] = '="formeltekst-0cc3"&A1'
    sheet["H3"] = "linje et\nlinje-to-0cd4"
    sheet["B2"].comment = Comment("cellekommentar-0ce5", "Kaj-0cf6")
    sheet["XFD1048576"] = "sidste-celle-0da1"
    sheet.row_dimensions[5].hidden = True
    sheet["A5"] = "skjult-række-0db2"
    sheet.column_dimensions["J"].hidden = True
    sheet["J1"] = "skjult-kolonne-0dc3"
    sheet.oddHeader.left.text = "udskriftshoved-0dd4"
    sheet.oddFooter.right.text = "udskriftsfod-0de5"
    rule = DataValidation(type="list", formula1='"valg-0df6,andet"', promptTitle="spørgsmål-0ea1", prompt="vejledning-0eb2", error="fejl-0ec3")
    sheet.add_data_validation(rule)
    rule.add("A9")
    for state in ["hidden", "veryHidden"]:
        other = book.create_sheet(f"Ark-{state}")
        other["C4"] = f"i-{state}-0ed4"
        other.sheet_state = state
    data = book.create_sheet("Data")
    for row in [["kolonne-0ee5", "tal-0ef6"], ["kategori-0fa1", 3]]:
        data.append(row)
    data.add_table(Table(displayName="Tabel_0fb2", ref="A1:B2"))
    book.defined_names["område_0fc3"] = DefinedName("område_0fc3", attr_text="Data!$A$1")
    chart = BarChart()
    chart.title = "diagram-0fd4"
    chart.add_data(Reference(data, min_col=2, min_row=1, max_row=2), titles_from_data=True)
    data.add_chart(chart, "D1")
    book.properties.title = "bogtitel-0fe5"
    book.save(HERE / "openpyxl.xlsx")
    sheet = 'sheet "Løn 2024"'
    document("openpyxl.xlsx", "openpyxl 3.1.5", XLSX + ".sheet", [
        ("shared string", "navn-0ca1", f"{sheet} > A1"),
        ("number with a hyphen", "610196-0005", f"{sheet} > B2"),
        ("cells side by side", "Anna-0cb2\t610196-0005\t010190", f"{sheet} > A2"),
        ("leading zero", "01019600", f"{sheet} > B3"),
        ("thousands", "6,101,970,005", f"{sheet} > C3"),
        ("plain number beside thousands", "6101970005", f"{sheet} > C3"),
        ("number that is not shown", "6101980005", f"{sheet} > D3"),
        ("percent", "25.0%", f"{sheet} > E3"),
        ("boolean", "TRUE", f"{sheet} > F3"),
        ("formula", "formeltekst-0cc3", f"{sheet} > formulas > G3"),
        ("line in a cell", "linje et linje-to-0cd4", f"{sheet} > H3"),
        ("comment", "cellekommentar-0ce5", f"{sheet} > comments > B2"),
        ("comment's author", "Kaj-0cf6", f"{sheet} > comments"),
        ("last cell", "sidste-celle-0da1", f"{sheet} > XFD1048576"),
        ("hidden row", "skjult-række-0db2", f"{sheet} > A5"),
        ("hidden column", "skjult-kolonne-0dc3", f"{sheet} > J1"),
        ("print header", "udskriftshoved-0dd4", f"{sheet} > header"),
        ("print footer", "udskriftsfod-0de5", f"{sheet} > footer"),
        ("list of a validation", "valg-0df6", f"{sheet} > rules and names"),
        ("prompt's title", "spørgsmål-0ea1", f"{sheet} > rules and names"),
        ("prompt", "vejledning-0eb2", f"{sheet} > rules and names"),
        ("error of a validation", "fejl-0ec3", f"{sheet} > rules and names"),
        ("hidden sheet", "i-hidden-0ed4", 'sheet "Ark-hidden" > C4'),
        ("very hidden sheet", "i-veryHidden-0ed4", 'sheet "Ark-veryHidden" > C4'),
        ("sheet's name", "Ark-veryHidden", "workbook"),
        ("table's name", "Tabel_0fb2", 'sheet "Data" > table'),
        ("defined name", "område_0fc3", "workbook"),
        ("chart title", "diagram-0fd4", 'sheet "Data" > chart'),
        ("title", "bogtitel-0fe5", "properties"),
    ])


def with_xlsxwriter():
    for constant_memory in [False, True]:
        name = "xlsxwriter-inline.xlsx" if constant_memory else "xlsxwriter.xlsx"
        book = xlsxwriter.Workbook(HERE / name, {"constant_memory": constant_memory, "date_1904": True})
        sheet = book.add_worksheet("Ark1")
        bold = book.add_format({"bold": True})
        sheet.write("A1", "streng-1aa1")
        sheet.write_rich_string("B1", "6101", bold, "99-", "0005-1ab2")
        sheet.write_datetime("A2", datetime.datetime(1990, 1, 31), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_formula("B2", "=A1&A1", None, "formelresultat-1ac3")
        sheet.write_number("C2", 4571000000000000)
        sheet.write_string("D2", "tekst-1ad4", book.add_format({"num_format": '"nr. "@'}))
        sheet.write_url("A3", "https://www.example.com/1ae5", string="linktekst-1af6", tip="linktip-1ba1")
        sheet.insert_textbox("E5", "tekstboks-1bb2")
        sheet.write_comment("C1", "kommentar-1bc3")
        sheet.insert_image("H9", "prik.png", {"image_data": io.BytesIO(png(2)), "description": "billedtekst-1bd4"})
        sheet.set_header("&C&\"Arial,Bold\"&14 hoved-1be5")
        chart = book.add_chart({"type": "column"})
        chart.add_series({"values": "=Ark1!$C$2:$C$2", "name": "serie-1bf6"})
        chart.set_title({"name": "diagramark-1ca1"})
        chartsheet = book.add_chartsheet("Diagram")
        chartsheet.set_chart(chart)
        book.set_properties({"company": "firma-1cb2"})
        book.set_custom_property("Egen", "egenskab-1cc3")
        book.set_custom_property("MSIP_Label_6f0b7f3e-0000-4000-8000-000000000001_Enabled", "true")
        book.close()
        sheet = 'sheet "Ark1"'
        document(name, "XlsxWriter 3.3.1", XLSX + ".sheet", [
            ("string", "streng-1aa1", f"{sheet} > A1"),
            ("rich string", "610199-0005-1ab2", f"{sheet} > B1"),
            ("date since 1904", "1990-01-31", f"{sheet} > A2"),
            ("result of a formula", "formelresultat-1ac3", f"{sheet} > B2"),
            ("sixteen digits", "4571000000000000", f"{sheet} > C2"),
            ("text with a format", "nr. tekst-1ad4", f"{sheet} > D2"),
            ("link's text", "linktekst-1af6", f"{sheet} > A3"),
            ("link's target", "https://www.example.com/1ae5", "links"),
            ("link's tip", "linktip-1ba1", f"{sheet} > rules and names"),
            ("text box", "tekstboks-1bb2", f"{sheet} > drawing"),
            *([] if constant_memory else [("comment", "kommentar-1bc3", f"{sheet} > comments > C1")]),
            ("alternative text", "billedtekst-1bd4", f"{sheet} > drawing > alternative text"),
            ("print header", "hoved-1be5", f"{sheet} > header"),
            ("series of a chart sheet", "serie-1bf6", 'sheet "Diagram" > chart'),
            ("title of a chart sheet", "diagramark-1ca1", 'sheet "Diagram" > chart'),
            ("company", "firma-1cb2", "properties"),
            ("custom property", "Egen\tegenskab-1cc3", "properties"),
        ], [(f'{sheet} > picture "image1.png"', "a picture")])


def excel_like():
    """What Excel writes and no library does."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    book = f'xmlns="{main}" xmlns:r="{OFFICE}/relationships"'
    threaded = 'xmlns="http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"'
    sheet_types = TYPES + "spreadsheetml."
    package("excel-like.xlsm", {
        "[Content_Types].xml": content_types({
            "/xl/workbook.xml": "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
            "/xl/worksheets/sheet1.xml": sheet_types + "worksheet+xml",
            "/xl/sharedStrings.xml": sheet_types + "sharedStrings+xml",
            "/xl/externalLinks/externalLink1.xml": sheet_types + "externalLink+xml",
            "/xl/pivotCache/pivotCacheDefinition1.xml": sheet_types + "pivotCacheDefinition+xml",
            "/xl/pivotCache/pivotCacheRecords1.xml": sheet_types + "pivotCacheRecords+xml",
            "/xl/threadedComments/threadedComment1.xml": "application/vnd.ms-excel.threadedcomments+xml",
            "/xl/persons/person.xml": "application/vnd.ms-excel.person+xml",
            "/xl/connections.xml": sheet_types + "connections+xml",
        }, rels=RELS, xml="application/xml", vml=TYPES + "vmlDrawing"),
        "_rels/.rels": relationships(("r1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook {book}><fileSharing userName="reserveret-1da1"/><sheets><sheet name="Ark" sheetId="7" r:id="s"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relationships(
            ("s", "worksheet", "worksheets/sheet1.xml"), ("ss", "sharedStrings", "sharedStrings.xml"),
            ("x", "externalLink", "externalLinks/externalLink1.xml"), ("pc", "pivotCacheDefinition", "pivotCache/pivotCacheDefinition1.xml"),
            ("p", "http://schemas.microsoft.com/office/2017/10/relationships/person", "persons/person.xml"), ("c", "connections", "connections.xml")),
        "xl/worksheets/sheet1.xml": f'<worksheet {book}><sheetData><row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row><row r="4"><c r="C4" t="s"><v>1</v></c><c t="s"><v>9</v></c></row></sheetData>'
            f'<scenarios><scenario name="scenarie-1db2"><inputCells r="A1" val="scenarieværdi-1dc3"/></scenario></scenarios></worksheet>',
        "xl/worksheets/_rels/sheet1.xml.rels": relationships(
            ("t", "http://schemas.microsoft.com/office/2017/10/relationships/threadedComment", "../threadedComments/threadedComment1.xml"),
            ("v", "vmlDrawing", "../drawings/vmlDrawing1.vml")),
        "xl/sharedStrings.xml": f'<sst {book}><si><t>første-1dd4</t></si><si><r><t>_x0036_101</t></r><r><t>89-0005-1de5</t></r><rPh sb="0" eb="1"><t>udtale-1df6</t></rPh></si><si><t>glemt-1ea1</t></si></sst>',
        "xl/externalLinks/externalLink1.xml": f'<externalLink {book}><externalBook><sheetNames><sheetName val="fremmed-ark-1eb2"/></sheetNames><sheetDataSet><sheetData sheetId="0"><row r="1"><cell r="A1" t="str"><v>fremmed-værdi-1ec3</v></cell></row></sheetData></sheetDataSet></externalBook></externalLink>',
        "xl/pivotCache/pivotCacheDefinition1.xml": f'<pivotCacheDefinition {book} refreshedBy="Peter-1ed4"><cacheFields><cacheField name="felt-1ee5"><sharedItems><s v="pivotværdi-1ef6"/></sharedItems></cacheField></cacheFields></pivotCacheDefinition>',
        "xl/pivotCache/_rels/pivotCacheDefinition1.xml.rels": relationships(("r", "pivotCacheRecords", "pivotCacheRecords1.xml")),
        "xl/pivotCache/pivotCacheRecords1.xml": f'<pivotCacheRecords {book}><r><s v="pivotpost-1fa1"/><n v="6101880005"/></r></pivotCacheRecords>',
        "xl/threadedComments/threadedComment1.xml": f'<ThreadedComments {threaded}><threadedComment ref="B3" personId="1" id="2"><text>tråd-1fb2</text></threadedComment></ThreadedComments>',
        "xl/persons/person.xml": f'<personList {threaded}><person displayName="Person-1fc3" id="1" userId="person-1fd4@example.com"/></personList>',
        "xl/connections.xml": f'<connections {book}><connection name="forbindelse-1fe5"><dbPr connection="DSN=x" command="SELECT 1 /* forespørgsel-1ff6 */"/></connection></connections>',
        "xl/drawings/vmlDrawing1.vml": '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:x="urn:schemas-microsoft-com:office:excel"><v:shape><v:textbox><div>knap-2aa1<br></div></v:textbox><x:ClientData ObjectType="Button"><x:Anchor>1, 2, 3</x:Anchor></x:ClientData></v:shape></xml>',
    })
    document("excel-like.xlsm", "hand, as Excel writes it", "application/vnd.ms-excel.sheet.macroenabled.12", [
        ("cells without references", "første-1dd4\t610189-0005-1de5", 'sheet "Ark" > A1'),
        ("cell after them", "610189-0005-1de5", 'sheet "Ark" > C4'),
        ("pronunciation", "udtale-1df6", "strings > pronunciation"),
        ("string of no cell", "glemt-1ea1", "strings of no cell"),
        ("scenario", "scenarie-1db2", 'sheet "Ark" > rules and names'),
        ("value of a scenario", "scenarieværdi-1dc3", 'sheet "Ark" > rules and names'),
        ("who reserved the file", "reserveret-1da1", "workbook"),
        ("sheet of an external link", "fremmed-ark-1eb2", "external link"),
        ("value of an external link", "fremmed-værdi-1ec3", "external link"),
        ("pivot cache", "pivotværdi-1ef6", "pivot table"),
        ("pivot field", "felt-1ee5", "pivot table"),
        ("pivot record", "pivotpost-1fa1\t6101880005", "pivot table"),
        ("who refreshed it", "Peter-1ed4", "pivot table"),
        ("threaded comment", "tråd-1fb2", 'sheet "Ark" > comments > B3'),
        ("person", "Person-1fc3", "people"),
        ("person's address", "person-1fd4@example.com", "people"),
        ("connection", "forbindelse-1fe5", "connections"),
        ("query", "forespørgsel-1ff6", "connections"),
        ("button", "knap-2aa1", 'sheet "Ark" > drawing > other text'),
    ], [('sheet "Ark"', "the strings of 1 cells are missing")])


def python_pptx():
    made = pptx.Presentation()
    layout = made.slide_layouts[5]
    slides = [made.slides.add_slide(layout) for _ in range(3)]
    for number, slide in enumerate(slides, 1):
        slide.shapes.title.text = f"titel-{number}-2ba1"
    first, second, third = slides
    box = first.shapes.add_textbox(Inches(1), Inches(2), Inches(3), Inches(1))
    box.text_frame.text = "tekstboks-2bb2 6101"
    run = box.text_frame.paragraphs[0].add_run()
    run.text = "87-0005-2bc3"
    run.font.bold = True
    box.text_frame.paragraphs[0].runs[-1].hyperlink.address = "https://www.example.com/2bd4"
    table = first.shapes.add_table(1, 2, Inches(1), Inches(3), Inches(4), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "610186", "0005-2be5"
    first.notes_slide.notes_text_frame.text = "noter-2bf6"
    second._element.set("show", "0")
    picture = second.shapes.add_picture(io.BytesIO(png(3)), Inches(1), Inches(1))
    picture._element.nvPicPr.cNvPr.set("descr", "billedtekst-2ca1")
    data = CategoryChartData()
    data.categories = ["kategori-2cb2"]
    data.add_series("serie-2cc3", (1.5,))
    third.shapes.add_chart(XL_CHART_TYPE.PIE, Inches(1), Inches(1), Inches(3), Inches(3), data)
    third.shapes.add_ole_object(io.BytesIO(cell_book("indlejret-2cd4")), PROG_ID.XLSX, Inches(1), Inches(5), icon_file=io.BytesIO(png(4)))
    # The third slide is shown first.
    ids = made.slides._sldIdLst
    ids.insert(0, ids[2])
    made.core_properties.subject = "emne-2ce5"
    stream = io.BytesIO()
    made.save(stream)
    parts = unpacked(stream.getvalue())
    parts["ppt/comments/comment1.xml"] = (
        '<p:cmLst xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"><p:cm authorId="0"><p:text>diaskommentar-2cf6</p:text></p:cm></p:cmLst>'
    )
    rels = "ppt/slides/_rels/slide1.xml.rels"
    row = f'<Relationship Id="rIdC" Type="{OFFICE}/relationships/comments" Target="../comments/comment1.xml"/></Relationships>'
    parts[rels] = parts[rels].replace(b"</Relationships>", row.encode())
    row = f'<Override PartName="/ppt/comments/comment1.xml" ContentType="{TYPES}presentationml.comments+xml"/></Types>'
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(b"</Types>", row.encode())
    parts["ppt/slideMasters/slideMaster1.xml"] = parts["ppt/slideMasters/slideMaster1.xml"].replace(b"Click to edit Master title style", b"master-2da1")
    package("python-pptx.pptx", parts)
    document("python-pptx.pptx", "python-pptx 1.0.2", PPTX + ".presentation", [
        ("first slide shown", "titel-3-2ba1", "slide 1"),
        ("title", "titel-1-2ba1", "slide 2"),
        ("text box", "tekstboks-2bb2", "slide 2"),
        ("number over runs", "610187-0005-2bc3", "slide 2"),
        ("number over cells", "610186\t0005-2be5", "slide 2"),
        ("link's target", "https://www.example.com/2bd4", "links"),
        ("notes", "noter-2bf6", "slide 2 > notes"),
        ("comment", "diaskommentar-2cf6", "slide 2 > comments"),
        ("hidden slide", "titel-2-2ba1", "slide 3"),
        ("alternative text", "billedtekst-2ca1", "slide 3 > alternative text"),
        ("chart category", "kategori-2cb2", "slide 1 > chart"),
        ("chart series", "serie-2cc3", "slide 1 > chart"),
        ("workbook of a chart", "kategori-2cb2", None),
        ("embedded workbook", "indlejret-2cd4", None),
        ("master", "master-2da1", None),
        ("subject", "emne-2ce5", "properties"),
    ], [('picture "thumbnail.jpeg"', "a picture"), ('slide 3 > picture "image1.png"', "a picture"), ('slide 1 > picture "image2.png"', "a picture")])


def libreoffice():
    version = subprocess.run(["soffice", "--version"], capture_output=True, text=True, check=True).stdout
    by = "LibreOffice " + re.search(r"\d+\.\d+", version)[0]
    with tempfile.TemporaryDirectory() as folder:
        for source, target, media_type, texts, unreadable in [
            ("word-like.docm", "libreoffice.docx", DOCX + ".document", [
                ("body", "side-et-05f6", ""), ("paragraph around a text box", "610194-0005-06a1", ""),
                ("text box", "tekstboks-04a1", None), ("field result", "feltresultat-05b2", ""),
                ("inserted text", "610193-0005-05e5", ""), ("deleted text", "610192-0005-05d4", "before changes"),
                ("hyperlink's text", "linktekst-06c3", ""), ("non-breaking hyphen", "610195-0005-06d4", ""),
                ("hidden text", "skjult-06e5", ""), ("content control", "indholdskontrol-07c3", ""),
                ("footnote", "fodnote-08f6", "footnotes"), ("company", "firma-08c3", "properties"),
                ("custom property", "Sagsnummer\tegenskab-08b2", "properties"),
                ("chart", "diagramtitel-07d4", "chart"),
            ], None),
            ("python-docx.docx", "libreoffice-table.docx", DOCX + ".document", [
                ("number over runs", "610190-0005-01a1", ""), ("number over cells", "610191\t0005-02a1", ""),
                ("cell of an inner table", "indre-celle-02d4", ""), ("header", "sidehoved-02e5", "header"),
                ("footer", "sidefod-02f6", "footer"), ("first header", "forsidehoved-03a7", "header"),
                ("comment", "kommentar-03c9", "comments"), ("comment's author", "Kaj Kommentator-03d1", "authors"),
                ("alternative text", "billedtekst-03e2", "alternative text"),
                ("title", "titel-01a7", "properties"),
            ], None),
            ("openpyxl.xlsx", "libreoffice.xlsx", XLSX + ".sheet", [
                ("cells side by side", "Anna-0cb2\t610196-0005\t010190", 'sheet "Løn 2024" > A2'),
                ("leading zero", "01019600", 'sheet "Løn 2024" > B3'),
                ("result of a formula", "formeltekst-0cc3navn-0ca1", 'sheet "Løn 2024" > G3'),
                ("comment", "cellekommentar-0ce5", 'sheet "Løn 2024" > comments > B2'),
                ("last cell", "sidste-celle-0da1", 'sheet "Løn 2024" > XFD1048576'),
                ("print header", "udskriftshoved-0dd4", 'sheet "Løn 2024" > header'),
                ("prompt", "vejledning-0eb2", 'sheet "Løn 2024" > rules and names'),
                ("hidden sheet", "i-hidden-0ed4", 'sheet "Ark-hidden" > C4'),
                ("chart title", "diagram-0fd4", 'sheet "Data" > chart'),
            ], None),
            ("xlsxwriter.xlsx", "libreoffice-drawing.xlsx", XLSX + ".sheet", [
                ("rich string", "610199-0005-1ab2", 'sheet "Ark1" > B1'),
                ("date since 1904", "1990-01-31", 'sheet "Ark1" > A2'),
                ("text box", "tekstboks-1bb2", 'sheet "Ark1" > drawing'),
                ("alternative text", "billedtekst-1bd4", 'sheet "Ark1" > drawing > alternative text'),
            ], None),
            ("python-pptx.pptx", "libreoffice.pptx", PPTX + ".presentation", [
                ("first slide shown", "titel-3-2ba1", "slide 1"), ("number over runs", "610187-0005-2bc3", "slide 2"),
                ("number over cells", "610186\t0005-2be5", "slide 2"), ("notes", "noter-2bf6", "slide 2 > notes"),
                ("hidden slide", "titel-2-2ba1", "slide 3"), ("comment", "diaskommentar-2cf6", "slide 2 > comments"),
                ("alternative text", "billedtekst-2ca1", "slide 3 > alternative text"),
                ("chart category", "kategori-2cb2", "slide 1 > chart"),
            ], None),
        ]:
            suffix = pathlib.Path(target).suffix[1:]
            subprocess.run(["soffice", "--headless", f"-env:UserInstallation=file://{folder}/profile", "--convert-to", suffix,
                            "--outdir", folder, str(HERE / source)], check=True, capture_output=True)
            shutil.copy(pathlib.Path(folder) / (pathlib.Path(source).stem + "." + suffix), HERE / target)
            document(target, by, media_type, texts, UNREADABLE.get(target, ()))


# Pictures that LibreOffice stores, by document.
UNREADABLE = {
    "libreoffice-table.docx": [('picture "image1.png"', "a picture")],
    "libreoffice-drawing.xlsx": [('sheet "Ark1" > picture "image1.png"', "a picture")],
    "libreoffice.pptx": [('slide 1 > picture "image1.png"', "a picture"), ('slide 3 > picture "image2.png"', "a picture")],
}

if __name__ == "__main__":
    python_docx()
    word_like()
    strict()
    with_openpyxl()
    with_xlsxwriter()
    excel_like()
    python_pptx()
    libreoffice()
    manifest()
