#!/usr/bin/env python3
"""Makes the PDFs of this corpus, and their manifest pdf.toml.

Needs from Debian: libreoffice-writer ghostscript groff qpdf poppler-utils fonts-dejavu-core; from PyPI: reportlab
pikepdf pypdf pillow.
"""

import io
import json
import subprocess
import tempfile
from pathlib import Path

import pikepdf
import pypdf
import reportlab
from pikepdf import Array, Dictionary, Name, String
from PIL import Image, ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen import canvas

HERE = Path(__file__).resolve().parent.parent
WORK = Path(tempfile.mkdtemp())
ENTRIES = []
REPORTLAB = f"ReportLab {reportlab.__version__}"
PIKEPDF = f"pikepdf {pikepdf.__version__}"


class Document:
    """A document, and what is expected of it."""

    def __init__(self, name, by):
        self.name, self.by = name, by
        self.texts, self.unread, self.protected = [], [], None
        ENTRIES.append(self)

    def text(self, place, found, at=None):
        """Expects a text; `at` is where in the document it stands."""
        self.texts.append((place, found, at))
        return found

    def unreadable(self, place, reason):
        self.unread.append((place, reason))


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, **more).stdout


def version(*command):
    return run(*command).decode().splitlines()[0]


def drawn(document, **more):
    """A new canvas that is saved as the document."""
    return canvas.Canvas(str(HERE / document.name), pagesize=A4, invariant=1, **more)


def fonts_and_places():
    doc = Document("fonts.pdf", REPORTLAB)
    page = drawn(doc)
    pdfmetrics.registerFont(TTFont("DejaVu", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))
    for index, font in enumerate(["Helvetica", "Helvetica-Bold", "Times-Roman", "Courier", "DejaVu"]):
        page.setFont(font, 11)
        text = doc.text(f"body in {font}", f"skrifttype-{index}-4c7e blåbærgrød", "page 1")
        page.drawString(60, 780 - 20 * index, text)
    page.setFont("DejaVu", 11)
    page.drawString(60, 660, doc.text("letters outside Latin-1", "Łódź Ελλάδα Москва-91be", "page 1"))
    line = page.beginText(60, 630)
    line.setFont("Helvetica", 11)
    for part in ["6101", "90-", "00", "05 delt-i-stumper-77d2"]:
        line.textOut(part)
    page.drawText(line)
    doc.text("pieces of one line", "610190-0005 delt-i-stumper-77d2", "page 1")
    page.setFont("Helvetica", 11)
    for x, cell in [(60, "Anna-celle-5d1a"), (200, "celle-to-8e0b"), (340, "celle-tre-c1f2")]:
        page.drawString(x, 600, cell)
    doc.text("cells of a row", "Anna-celle-5d1a\tcelle-to-8e0b\tcelle-tre-c1f2", "page 1")
    page.drawString(60, 570, "delt over to linjer: 610190-")
    page.drawString(60, 556, "0006 slut-2b6e")
    doc.text("a number over two lines", "610190-\n0006 slut-2b6e", "page 1")
    line = page.beginText(60, 530)
    line.setTextRenderMode(3)
    line.textOut(doc.text("invisible text", "usynlig-03fd", "page 1"))
    page.drawText(line)
    page.saveState()
    page.rotate(90)
    page.drawString(300, -500, doc.text("turned text", "paa hoejkant 90d3", "page 1"))
    page.restoreState()
    page.beginForm("form")
    page.setFont("Times-Roman", 10)
    page.drawString(0, 0, doc.text("form XObject", "genbrugt-form-a3c5", "page 1"))
    page.endForm()
    page.translate(60, 500)
    page.doForm("form")
    page.bookmarkPage("first")
    page.addOutlineEntry(doc.text("bookmark", "bogmaerke-6e94 æøå", "bookmarks"), "first")
    page.showPage()
    page.setFont("Helvetica", 11)
    page.drawString(60, 780, doc.text("second page", "side-to-b0b7", "page 2"))
    page.setTitle(doc.text("title", "titel-1a9c ø", 'properties > property "Title"'))
    page.setAuthor(doc.text("author", "forfatter-e2d8", 'properties > property "Author"'))
    page.setSubject(doc.text("subject", "emne-77b1", 'properties > property "Subject"'))
    page.setKeywords(doc.text("keywords", "noegleord-5f20", 'properties > property "Keywords"'))
    page.save()
    return doc


def form():
    doc = Document("form.pdf", REPORTLAB)
    page = drawn(doc)
    page.drawString(60, 790, "Skema")
    fields = page.acroForm
    fields.textfield(
        name=doc.text("field's name", "felt-navn-d9a1", 'form field "felt-navn-d9a1"'),
        tooltip=doc.text("field's tooltip", "felt-hjaelp-42cc", 'form field "felt-navn-d9a1"'),
        value=doc.text("field's value", "felt-vaerdi-8b3e", 'form field "felt-navn-d9a1"'),
        x=60, y=700, width=200, height=20,
    )
    fields.choice(
        name="valg", value="valg-b-0f6d", x=60, y=660, width=200, height=20,
        options=["valg-a-91e0", "valg-b-0f6d"],
    )
    doc.text("choice that is not chosen", "valg-a-91e0", 'form field "valg"')
    doc.text("choice", "valg-b-0f6d", 'form field "valg"')
    fields.checkbox(name="kryds", tooltip=doc.text("check box", "kryds-hjaelp-70aa"), x=60, y=620)
    page.save()


XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdfx="http://ns.adobe.com/pdfx/1.3/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:title>
<pdfx:MSIP_Label_00000000-0000-4000-8000-000000000001_Name>%s</pdfx:MSIP_Label_00000000-0000-4000-8000-000000000001_Name>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def everything(base):
    """What ReportLab does not make, put into its document by another library."""
    doc = Document("everything.pdf", PIKEPDF)
    with pikepdf.open(HERE / base.name) as pdf:
        root, page = pdf.Root, pdf.pages[0]

        def file(name, content, description):
            stream = pikepdf.Stream(pdf, content.encode())
            stream.Type = Name.EmbeddedFile
            return pdf.make_indirect(Dictionary(
                Type=Name.Filespec, F=String(name), UF=String(name), Desc=String(description),
                EF=Dictionary(F=pdf.make_indirect(stream)),
            ))

        named = file(doc.text("attachment's name", "bilag-et-3c0d.txt", "file name"),
                     doc.text("attachment", "bilag-indhold-66f1", 'attachment "bilag-et-3c0d.txt" > line 1'),
                     doc.text("attachment's description", "bilag-om-e771", "description of an attachment"))
        root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array([String("a"), named])))
        root.AF = Array([file("tilhoerer.txt", doc.text("associated file", "tilhoerer-02d4",
                                                        'attachment "tilhoerer.txt" > line 1'), "x")])
        rich = '<?xml version="1.0"?><body xmlns="http://www.w3.org/1999/xhtml"><p>%s</p></body>'
        annotations = [
            Dictionary(Subtype=Name.Text, Contents=String(doc.text("comment", "kommentar-f0c8 ø", "comment on page 1")),
                       T=String(doc.text("comment's author", "kommentator-91d7", "comment on page 1"))),
            Dictionary(Subtype=Name.Highlight,
                       RC=String(rich % doc.text("rich text", "rig-kommentar-c05b", "comment on page 1"))),
            Dictionary(Subtype=Name.Popup, Contents=String(doc.text("popup", "popup-27ae", "comment on page 1"))),
            Dictionary(Subtype=Name.Link, A=Dictionary(
                S=Name.URI, URI=String(doc.text("link", "https://eksempel.invalid/link-5a13", "comment on page 1")))),
            Dictionary(Subtype=Name.FileAttachment, FS=file("paahaeftet.txt", doc.text(
                "file attachment annotation", "paahaeftet-b84c", 'attachment "paahaeftet.txt" > line 1'), "y")),
        ]
        look = pikepdf.Stream(pdf, ("BT /F1 10 Tf 2 4 Td (%s) Tj ET" % doc.text(
            "appearance of an annotation", "fritekst-d3f9", "page 1")).encode())
        look.update(Dictionary(Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 200, 20],
                               Resources=Dictionary(Font=page.Resources.Font)))
        annotations.append(Dictionary(Subtype=Name.FreeText, Contents=String("x"),
                                      AP=Dictionary(N=pdf.make_indirect(look))))
        for index, annotation in enumerate(annotations):
            annotation.update(Dictionary(Type=Name.Annot, Rect=[300, 100 + 30 * index, 500, 120 + 30 * index]))
        page.Annots = Array([pdf.make_indirect(annotation) for annotation in annotations])
        # A layer that is off, and glyphs that stand for another text.
        group = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(doc.text("layer's name", "lag-1c77", "layer"))))
        root.OCProperties = Dictionary(OCGs=Array([group]), D=Dictionary(OFF=Array([group])))
        page.Resources.Properties = Dictionary(MC0=group)
        off, span = "slukket-lag-88e2", "610190-0007 erstattet-4e5f"
        page.contents_add((
            "/OC /MC0 BDC BT /F1 10 Tf 60 300 Td (%s) Tj ET EMC\n"
            "/Span <</ActualText (%s)>> BDC BT /F1 10 Tf 60 280 Td (&&&) Tj ET EMC\n"
            "BT /F1 10 Tf 60 260 Td [(610190) -30 (-0) 20 (008) -400 (%s)] TJ ET\n"
            % (doc.text("layer that is off", off, "page 1"), doc.text("replacement text", span, "page 1"),
               "taet-9b6d")).encode())
        doc.text("pieces of one TJ", "610190-0008 taet-9b6d", "page 1")
        root.StructTreeRoot = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
        root.StructTreeRoot.K = pdf.make_indirect(Dictionary(
            Type=Name.StructElem, S=Name.Figure, P=root.StructTreeRoot,
            Alt=String(doc.text("alternative text", "alt-tekst-60c3", "alternative text"))))
        data = ("<xfa:datasets xmlns:xfa='http://www.xfa.org/schema/xfa-data/1.0/'><xfa:data><navn>%s</navn></xfa:data>"
                "</xfa:datasets>" % doc.text("XFA", "xfa-data-ad41", "form"))
        root.AcroForm = Dictionary(Fields=Array([]), XFA=Array([String("datasets"), pikepdf.Stream(pdf, data.encode())]))
        root.OpenAction = Dictionary(S=Name.JavaScript, JS=String("app.alert('%s')" % doc.text(
            "script", "skript-7d08", "script")))
        root.Perms = Dictionary(DocMDP=pdf.make_indirect(Dictionary(
            Type=Name.Sig, Reason=String(doc.text("signature's reason", "grund-9f35", "signature")))))
        metadata = pikepdf.Stream(pdf, (XMP % (doc.text("XMP", "xmp-titel-b12e", "properties"), "Fortroligt")).encode())
        metadata.update(Dictionary(Type=Name.Metadata, Subtype=Name.XML))
        root.Metadata = pdf.make_indirect(metadata)
        pdf.docinfo["/Sagsnummer"] = String(
            doc.text("property of its own", "egenskab-3fd2", 'properties > property "Sagsnummer"'))
        pdf.save(HERE / doc.name, object_stream_mode=pikepdf.ObjectStreamMode.generate, static_id=True,
                 compress_streams=True)


def pictures():
    doc = Document("scan.pdf", REPORTLAB)
    page = drawn(doc)
    image = Image.new("RGB", (200, 60), "white")
    ImageDraw.Draw(image).text((10, 20), "610190-0009", "black")
    jpeg, png = io.BytesIO(), io.BytesIO()
    image.convert("L").save(jpeg, "JPEG")
    image.save(png, "PNG")
    (WORK / "scan.jpg").write_bytes(jpeg.getvalue())
    (WORK / "scan.png").write_bytes(png.getvalue())
    page.drawImage(str(WORK / "scan.jpg"), 60, 500, 400, 120)
    page.showPage()
    page.drawImage(str(WORK / "scan.png"), 60, 500, 400, 120)
    page.showPage()
    page.drawString(60, 500, doc.text("page with text", "efter-scan-d70b", "page 3"))
    page.save()
    doc.unreadable("page 1 > picture", "a picture (JPEG) is not read")
    doc.unreadable("page 2", "a picture is not read")


def encrypted():
    ways = {
        "rc4-40": pikepdf.Encryption(owner="", user="", R=2, aes=False, metadata=False),
        "rc4-128": pikepdf.Encryption(owner="", user="", R=3, aes=False, metadata=False),
        "aes-128": pikepdf.Encryption(owner="", user="", R=4),
        "aes-256": pikepdf.Encryption(owner="", user="", R=6),
        "password": pikepdf.Encryption(owner="kongeligt", user="hemmeligt", R=6),
    }
    for name, encryption in ways.items():
        doc = Document(f"{name}.pdf", PIKEPDF)
        text = f"krypteret-{name}-58ba"
        page = canvas.Canvas(str(WORK / "plain.pdf"), invariant=1)
        page.drawString(60, 700, text)
        page.setTitle(f"titel-{name}-58ba")
        page.save()
        with pikepdf.open(WORK / "plain.pdf") as pdf:
            pdf.save(HERE / doc.name, encryption=encryption)
        if name == "password":
            doc.protected = "PDF with a password"
        else:
            doc.text("encrypted page", text, "page 1")
            doc.text("encrypted title", f"titel-{name}-58ba", 'properties > property "Title"')


def updated():
    doc = Document("updated.pdf", f"pypdf {pypdf.__version__}")
    page = canvas.Canvas(str(WORK / "plain.pdf"), invariant=1)
    page.drawString(60, 700, doc.text("page of the first revision", "foerste-udgave-0b4d", "page 1"))
    page.save()
    writer = pypdf.PdfWriter(WORK / "plain.pdf", incremental=True)
    writer.add_metadata({"/Subject": doc.text("property of the second revision", "anden-udgave-e5a9",
                                              'properties > property "Subject"')})
    writer.write(HERE / doc.name)
    # The same with an end that leads nowhere.
    doc = Document("broken.pdf", "a gateway that cut it")
    page = canvas.Canvas(str(WORK / "plain.pdf"), invariant=1)
    page.drawString(60, 700, doc.text("page of a file without its end", "uden-ende-f8c6", "page 1"))
    page.save()
    content = (WORK / "plain.pdf").read_bytes()
    (HERE / doc.name).write_bytes(b"junk before it\n" + content[: content.rindex(b"xref", 0, content.rindex(b"startxref"))])


FODT = """<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
 office:version="1.3" office:mimetype="application/vnd.oasis.opendocument.text">
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="pm1"><style:header>
<text:p>{header}</text:p></style:header></style:master-page></office:master-styles>
<office:automatic-styles><style:page-layout style:name="pm1"><style:header-style/></style:page-layout>
</office:automatic-styles><office:body><office:text>
<text:p>{body}<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>
<text:p>{note}</text:p></text:note-body></text:note></text:p>
<text:p>CPR <text:span>6101</text:span>90-00<text:span>10</text:span> ombrudt-4d0e</text:p>
<table:table><table:table-column table:number-columns-repeated="2"/>
<table:table-row><table:table-cell><text:p>celle-venstre-25fc</text:p></table:table-cell>
<table:table-cell><text:p>celle-hoejre-9d71</text:p></table:table-cell></table:table-row></table:table>
</office:text></office:body></office:document>"""


def libreoffice():
    doc = Document("libreoffice.pdf", version("soffice", "--version").rsplit(" ", 1)[0][:40])
    texts = {
        "header": doc.text("header", "sidehoved-1ac3 ø", "page 1"),
        "body": doc.text("body", "broedtekst-77e5 blåbær", "page 1"),
        "note": doc.text("footnote", "fodnote-c2b9", "page 1"),
    }
    doc.text("spans", "CPR 610190-0010 ombrudt-4d0e", "page 1")
    doc.text("cells", "celle-venstre-25fc\tcelle-hoejre-9d71", "page 1")
    (WORK / "libreoffice.fodt").write_text(FODT.format(**texts))
    run("soffice", f"-env:UserInstallation=file://{WORK}/profile", "--headless", "--convert-to", "pdf", "--outdir",
        str(HERE), str(WORK / "libreoffice.fodt"))


def other_programs():
    doc = Document("ghostscript.pdf", "Ghostscript " + version("gs", "--version"))
    script = (b"/Times-Roman findfont 12 scalefont setfont 72 700 moveto (%s) show "
              b"72 680 moveto (610190) show (-0011) show showpage")
    (WORK / "a.ps").write_bytes(b"%!PS\n" + script % doc.text("page", "ghostscript-30fa", "page 1").encode())
    doc.text("pieces of one line", "610190-0011", "page 1")
    run("gs", "-q", "-sDEVICE=pdfwrite", "-o", str(HERE / doc.name), str(WORK / "a.ps"))
    doc = Document("groff.pdf", version("groff", "-v"))
    text = doc.text("page", "groff-9ce1", "page 1") + "\n.br\n" + doc.text("ligatures", "effektiv finale 610190-0012", "page 1")
    (HERE / doc.name).write_bytes(run("groff", "-Tpdf", "-ms", input=f".LP\n{text}\n".encode()))
    doc = Document("cairo.pdf", "cairo, by pdftocairo " + subprocess.run(
        ["pdftocairo", "-v"], capture_output=True, text=True).stderr.split()[2])
    page = canvas.Canvas(str(WORK / "plain.pdf"), invariant=1)
    page.setFont("DejaVu", 12)
    page.drawString(60, 700, doc.text("page", "cairo-5f8d blåbær 610190-0013", "page 1"))
    page.save()
    run("pdftocairo", "-pdf", str(WORK / "plain.pdf"), str(HERE / doc.name))
    doc = Document("linearized.pdf", version("qpdf", "--version"))
    page = canvas.Canvas(str(WORK / "plain.pdf"), invariant=1)
    page.drawString(60, 700, doc.text("page", "lineariseret-77c4", "page 1"))
    page.save()
    run("qpdf", "--linearize", "--object-streams=generate", str(WORK / "plain.pdf"), str(HERE / doc.name))


def manifest():
    lines = ["# Made by make/pdf.py."]
    for doc in ENTRIES:
        place = f'attachment "{doc.name}"'
        lines += ["", "[[document]]", f"file = {json.dumps(doc.name)}", f"by = {json.dumps(doc.by)}",
                  'media-type = "application/pdf"']
        if doc.protected:
            lines.append(f"protected = {json.dumps(doc.protected)}")
        for what, found, at in doc.texts:
            lines += ["[[document.text]]", f"place = {json.dumps(what)}",
                      f"found = {json.dumps(found, ensure_ascii=False)}"]
            if at:
                lines.append(f"at = {json.dumps(f'{place} > {at}', ensure_ascii=False)}")
        for what, reason in doc.unread:
            lines += ["[[document.unreadable]]", f"place = {json.dumps(f'{place} > {what}')}",
                      f"reason = {json.dumps(reason)}"]
    (HERE / "pdf.toml").write_text("\n".join(lines) + "\n")


def main():
    base = fonts_and_places()
    form()
    everything(base)
    pictures()
    encrypted()
    updated()
    libreoffice()
    other_programs()
    manifest()


main()
