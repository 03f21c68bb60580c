#!/usr/bin/env python3
"""Makes the OpenDocument and rich text documents, and the texts with a structure of their own, and odf.toml.

Needs odfpy, icalendar and vobject from PyPI; from Debian LibreOffice (soffice) and python3-uno, which Debian's own
Python runs.
"""

import base64
import csv
import email.message
import hashlib
import html
import io
import json
import mailbox
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree

import icalendar
import odf
import vobject
from odf import dc, draw, form, meta, office, presentation, style, svg, table, text
from odf.opendocument import (
    OpenDocumentDrawing,
    OpenDocumentPresentation,
    OpenDocumentSpreadsheet,
    OpenDocumentText,
)

HERE = Path(__file__).resolve().parent.parent
WORK = Path(tempfile.mkdtemp())
ENTRIES = []
OFFICE = None


def word(label):
    """A word that stands nowhere else."""
    return f"{label}-{hashlib.sha256(label.encode()).hexdigest()[:6]}"


def run(*command):
    result = subprocess.run(command, cwd=WORK, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{command}: {result.stderr}")
    return result.stdout


def soffice(*arguments):
    return run("soffice", f"-env:UserInstallation=file://{WORK}/profile", "--headless", *arguments)


def quote(value):
    return json.dumps(value, ensure_ascii=False)


def entry(file, by, texts, media_type=None, unreadable=(), protected=None):
    """A document in the manifest; texts are (place, word, the exact place or none)."""
    assert (HERE / file).stat().st_size < 100_000, file
    lines = ["[[document]]", f"file = {quote(file)}", f"by = {quote(by)}"]
    if media_type:
        lines.append(f"media-type = {quote(media_type)}")
    if protected:
        lines.append(f"protected = {quote(protected)}")
    for place, found, at in texts:
        lines += ["[[document.text]]", f"place = {quote(place)}", f"found = {quote(found)}"]
        if at is not None:
            at = f'attachment "{file}"' + (f" > {at}" if at else "")
            lines.append(f"at = {quote(at)}")
    for place, reason in unreadable:
        at = f'attachment "{file}"' + (f" > {place}" if place else "")
        lines += ["[[document.unreadable]]", f"place = {quote(at)}", f"reason = {quote(reason)}"]
    ENTRIES.append("\n".join(lines))


def png(shade):
    """A grey picture of one point."""

    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes([0, shade])))
        + chunk(b"IEND", b"")
    )


def picture(document, shade, title, description):
    frame = draw.Frame(width="1cm", height="1cm", anchortype="as-char")
    frame.addElement(draw.Image(href=document.addPicture(f"Pictures/{shade}.png", "image/png", png(shade))))
    frame.addElement(svg.Title(text=title))
    frame.addElement(svg.Desc(text=description))
    return frame


def properties(document, prefix):
    values = []
    for kind, element in [("title", dc.Title), ("subject", dc.Subject), ("description", dc.Description)]:
        values.append((f"property {kind}", word(f"{prefix}-{kind}"), "properties"))
        document.meta.addElement(element(text=values[-1][1]))
    values.append(("property keyword", word(f"{prefix}-keyword"), "properties"))
    document.meta.addElement(meta.Keyword(text=values[-1][1]))
    values.append(("user-defined property", word(f"{prefix}-userdefined"), "properties"))
    document.meta.addElement(meta.UserDefined(name="Journalnotat", valuetype="string", text=values[-1][1]))
    label = "MSIP_Label_3b1e0c5a-7a52-4a4f-9a11-5f2d6c1e8b90_Name"
    values.append(("sensitivity label", word(f"{prefix}-label"), "properties"))
    document.meta.addElement(meta.UserDefined(name=label, valuetype="string", text=values[-1][1]))
    return values


def annotation(note):
    element = office.Annotation()
    element.addElement(dc.Creator(text="Ida Eksempel"))
    element.addElement(dc.Date(text="2024-03-01T12:00:00"))
    element.addElement(text.P(text=note))
    return element


def text_document():
    document = OpenDocumentText()
    body = document.text
    texts = properties(document, "odt")
    add = texts.append

    changes = text.TrackedChanges()
    region = text.ChangedRegion(check_grammar=False)
    region.setAttrNS(odf.namespaces.TEXTNS, "id", "c1")
    deletion = text.Deletion()
    info = office.ChangeInfo()
    info.addElement(dc.Creator(text="Ida Eksempel"))
    info.addElement(dc.Date(text="2024-03-01T12:00:00"))
    deletion.addElement(info)
    deletion.addElement(text.P(text=word("odt-slettet")))
    region.addElement(deletion)
    changes.addElement(region)
    body.addElement(changes)
    add(("tracked change", word("odt-slettet"), "tracked changes"))

    forms = office.Forms()
    controls = form.Form(name="Form")
    controls.addElement(
        form.Textarea(id="control1", controlimplementation="ooo:com.sun.star.form.component.TextField",
                      name="felt", currentvalue=word("odt-kontrol"))
    )
    listbox = form.Listbox(id="control2", controlimplementation="ooo:com.sun.star.form.component.ListBox", name="liste")
    listbox.addElement(form.Option(label=word("odt-valg")))
    controls.addElement(listbox)
    forms.addElement(controls)
    body.addElement(forms)
    add(("form control", word("odt-kontrol"), "form control"))
    add(("choice of a form control", word("odt-valg"), "form control"))

    fields = text.UserFieldDecls()
    fields.addElement(text.UserFieldDecl(name="sag", valuetype="string", stringvalue=word("odt-felt")))
    body.addElement(fields)
    add(("user field", word("odt-felt"), "field"))

    body.addElement(text.H(outlinelevel=1, text=word("odt-overskrift")))
    add(("heading", word("odt-overskrift"), ""))

    paragraph = text.P(text="Vi skrev ")
    whole = word("odt-delt")
    paragraph.addElement(text.Span(text=whole[:4]))
    note = text.Note(noteclass="footnote")
    note.addElement(text.NoteCitation(text="1"))
    note_body = text.NoteBody()
    note_body.addElement(text.P(text=word("odt-fodnote")))
    note.addElement(note_body)
    paragraph.addElement(note)
    paragraph.addElement(annotation(word("odt-kommentar")))
    paragraph.addElement(text.Span(text=whole[4:]))
    end = text.Note(noteclass="endnote")
    end.addElement(text.NoteCitation(text="i"))
    end_body = text.NoteBody()
    end_body.addElement(text.P(text=word("odt-slutnote")))
    end.addElement(end_body)
    paragraph.addElement(end)
    body.addElement(paragraph)
    add(("paragraph, over a note and a comment", whole, ""))
    add(("footnote", word("odt-fodnote"), "footnote"))
    add(("endnote", word("odt-slutnote"), "endnote"))
    add(("comment", word("odt-kommentar"), "comment"))

    paragraph = text.P(text="Fødselsdag 61")
    paragraph.addElement(text.Span(text="0190"))
    paragraph.addText("-")
    paragraph.addElement(text.S(c=1))
    paragraph.addText("0005")
    paragraph.addElement(text.LineBreak())
    paragraph.addText(word("odt-linje"))
    paragraph.addElement(text.Tab())
    paragraph.addText("efter")
    body.addElement(paragraph)
    add(("spaces", "610190- 0005", ""))
    add(("line break", word("odt-linje") + "\tefter", ""))

    entries = text.List()
    item = text.ListItem()
    item.addElement(text.P(text=word("odt-punkt")))
    entries.addElement(item)
    body.addElement(entries)
    add(("list", word("odt-punkt"), ""))

    grid = table.Table(name="Tabel")
    grid.addElement(table.TableColumn(numbercolumnsrepeated=2))
    row = table.TableRow()
    for content in ["6101", word("odt-celle")]:
        cell = table.TableCell(valuetype="string")
        cell.addElement(text.P(text=content))
        row.addElement(cell)
    grid.addElement(row)
    body.addElement(grid)
    add(("cells side by side", "6101\t" + word("odt-celle"), ""))

    paragraph = text.P()
    frame = draw.Frame(width="4cm", height="2cm", anchortype="paragraph", name="Ramme")
    box = draw.TextBox(minheight="1cm")
    box.addElement(text.P(text=word("odt-ramme")))
    frame.addElement(box)
    paragraph.addElement(frame)
    paragraph.addElement(picture(document, 7, word("odt-billedtitel"), word("odt-billedtekst")))
    paragraph.addText(word("odt-ved-rammen"))
    body.addElement(paragraph)
    add(("text frame", word("odt-ramme"), "text frame"))
    add(("picture's title", word("odt-billedtitel"), "text frame"))
    add(("picture's description", word("odt-billedtekst"), "text frame"))
    add(("paragraph with a frame", word("odt-ved-rammen"), ""))

    paragraph = text.P()
    paragraph.addElement(text.HiddenText(condition="ooow:true", stringvalue=word("odt-skjult"), ishidden="true"))
    paragraph.addElement(text.AlphabeticalIndexMark(stringvalue=word("odt-indeks")))
    ruby = text.Ruby()
    ruby.addElement(text.RubyBase(text=word("odt-grund")))
    ruby.addElement(text.RubyText(text=word("odt-udtale")))
    paragraph.addElement(ruby)
    link = text.A(href="https://example.org/")
    link.addText(word("odt-link"))
    paragraph.addElement(link)
    body.addElement(paragraph)
    add(("hidden text", word("odt-skjult"), None))
    add(("index entry", word("odt-indeks"), None))
    add(("ruby base", word("odt-grund"), ""))
    add(("ruby text", word("odt-udtale"), "ruby"))
    add(("link", word("odt-link"), ""))

    section = text.Section(name="Afsnit", display="none")
    section.addElement(text.P(text=word("odt-skjult-afsnit")))
    body.addElement(section)
    add(("hidden section", word("odt-skjult-afsnit"), ""))

    layout = style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = style.MasterPage(name="Standard", pagelayoutname=layout)
    header, footer = style.Header(), style.Footer()
    header.addElement(text.P(text=word("odt-sidehoved")))
    footer.addElement(text.P(text=word("odt-sidefod")))
    master.addElement(header)
    master.addElement(footer)
    document.masterstyles.addElement(master)
    add(("header", word("odt-sidehoved"), "header"))
    add(("footer", word("odt-sidefod"), "footer"))
    return document, texts


def sheet_document():
    document = OpenDocumentSpreadsheet()
    texts = properties(document, "ods")
    add = texts.append
    validations = table.ContentValidations()
    validation = table.ContentValidation(
        name="v1", condition=f'of:cell-content-is-in-list("{word("ods-liste")}")', basecelladdress="$Løn.A1"
    )
    message = table.HelpMessage(title=word("ods-hjælp"), display="true")
    message.addElement(text.P(text=word("ods-hjælpetekst")))
    validation.addElement(message)
    validations.addElement(validation)
    document.spreadsheet.addElement(validations)
    add(("validity list", word("ods-liste"), "validity rule"))
    add(("validity help", word("ods-hjælptitel".replace("titel", "")), "validity rule"))
    add(("validity help text", word("ods-hjælpetekst"), "validity rule"))

    def cell(shown=None, **attributes):
        element = table.TableCell(**attributes)
        if shown is not None:
            element.addElement(text.P(text=shown))
        return element

    sheet = table.Table(name="Løn")
    add(("sheet's name", "Løn", None))
    sheet.addElement(table.TableColumn(numbercolumnsrepeated=16384))
    row = table.TableRow()
    row.addElement(cell("Navn", valuetype="string"))
    row.addElement(cell("cpr-nummer", valuetype="string"))
    sheet.addElement(row)
    # Up to row 11 there is nothing.
    empty = table.TableRow(numberrowsrepeated=10)
    empty.addElement(table.TableCell(numbercolumnsrepeated=16384))
    sheet.addElement(empty)
    row = table.TableRow()
    row.addElement(cell("Asta Eksempel", valuetype="string"))
    commented = cell(word("ods-celle"), valuetype="string")
    commented.addElement(annotation(word("ods-kommentar")))
    row.addElement(commented)
    row.addElement(table.TableCell(numbercolumnsrepeated=24))
    row.addElement(cell(word("ods-fjern"), valuetype="string"))
    add(("cell", word("ods-celle"), 'sheet "Løn" > B12'))
    add(("comment", word("ods-kommentar"), 'sheet "Løn" > comment at B12'))
    add(("cell after many empty ones", word("ods-fjern"), 'sheet "Løn" > AA12'))
    sheet.addElement(row)
    row = table.TableRow()
    row.addElement(cell("12,5 %", valuetype="percentage", value="0.125"))
    row.addElement(cell(None, valuetype="float", value="610190005"))
    row.addElement(cell(word("ods-ens"), valuetype="string", numbercolumnsrepeated=3))
    row.addElement(cell("6,10E+08", valuetype="float", value="610190006"))
    row.addElement(
        cell("1", valuetype="float", value="1", formula=f'of:=IF([.A1]="{word("ods-formel")}";1;0)')
    )
    add(("cell as shown", "12,5 %", 'sheet "Løn" > A13'))
    add(("cell whose text is missing", "610190005", 'sheet "Løn" > B13'))
    add(("repeated cell", word("ods-ens"), 'sheet "Løn" > C13'))
    add(("number shown rounded", "610190006", 'sheet "Løn" > value of F13'))
    add(("text in a formula", word("ods-formel"), 'sheet "Løn" > formula at G13'))
    sheet.addElement(row)
    same = table.TableRow(numberrowsrepeated=5)
    same.addElement(cell(word("ods-samme"), valuetype="string"))
    sheet.addElement(same)
    add(("repeated row", word("ods-samme"), 'sheet "Løn" > A14'))
    hidden = table.TableRow(visibility="collapse")
    hidden.addElement(cell(word("ods-skjult-række"), valuetype="string"))
    sheet.addElement(hidden)
    add(("hidden row", word("ods-skjult-række"), 'sheet "Løn" > A19'))
    rest = table.TableRow(numberrowsrepeated=1048557)
    rest.addElement(table.TableCell(numbercolumnsrepeated=16384))
    sheet.addElement(rest)
    document.spreadsheet.addElement(sheet)

    style_hidden = style.Style(name="hidden", family="table")
    style_hidden.addElement(style.TableProperties(display="false"))
    document.automaticstyles.addElement(style_hidden)
    secret = table.Table(name="Skjult ark", stylename=style_hidden)
    shapes = table.Shapes()
    shape = draw.Frame(width="4cm", height="1cm", x="1cm", y="1cm")
    box = draw.TextBox()
    box.addElement(text.P(text=word("ods-figur")))
    shape.addElement(box)
    shapes.addElement(shape)
    secret.addElement(shapes)
    row = table.TableRow()
    row.addElement(cell(word("ods-skjult-ark"), valuetype="string"))
    secret.addElement(row)
    document.spreadsheet.addElement(secret)
    add(("hidden sheet", word("ods-skjult-ark"), 'sheet "Skjult ark" > A1'))
    add(("text of a shape", word("ods-figur"), None))

    layout = style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = style.MasterPage(name="Default", pagelayoutname=layout)
    header = style.Header()
    header.addElement(text.P(text=word("ods-sidehoved")))
    master.addElement(header)
    document.masterstyles.addElement(master)
    add(("header", word("ods-sidehoved"), "header"))
    return document, texts


def slide_document():
    document = OpenDocumentPresentation()
    texts = properties(document, "odp")
    add = texts.append
    layout = style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = style.MasterPage(name="Standard", pagelayoutname=layout)
    frame = draw.Frame(width="4cm", height="1cm", x="1cm", y="1cm")
    box = draw.TextBox()
    box.addElement(text.P(text=word("odp-master")))
    frame.addElement(box)
    master.addElement(frame)
    document.masterstyles.addElement(master)
    add(("master page", word("odp-master"), None))
    document.presentation.addElement(presentation.FooterDecl(name="ftr1", text=word("odp-sidefod")))
    add(("footer", word("odp-sidefod"), "footer"))
    hidden = style.Style(name="hidden", family="drawing-page")
    hidden.addElement(style.DrawingPageProperties(visibility="hidden"))
    document.automaticstyles.addElement(hidden)

    for count in range(1, 4):
        attributes = {"stylename": hidden} if count == 3 else {}
        page = draw.Page(name=f"Dias {count}", masterpagename=master, **attributes)
        page.setAttrNS(odf.namespaces.PRESENTATIONNS, "use-footer-name", "ftr1")
        frame = draw.Frame(width="10cm", height="3cm", x="1cm", y="2cm")
        box = draw.TextBox()
        paragraph = text.P(text=word(f"odp-dias{count}")[:6])
        paragraph.addElement(text.Span(text=word(f"odp-dias{count}")[6:]))
        box.addElement(paragraph)
        frame.addElement(box)
        page.addElement(frame)
        notes = presentation.Notes()
        frame = draw.Frame(width="10cm", height="3cm", x="1cm", y="2cm")
        frame.setAttrNS(odf.namespaces.PRESENTATIONNS, "class", "notes")
        box = draw.TextBox()
        box.addElement(text.P(text=word(f"odp-note{count}")))
        frame.addElement(box)
        notes.addElement(frame)
        if count == 2:
            comment = annotation(word("odp-kommentar"))
            page.addElement(comment, check_grammar=False)
            grid_frame = draw.Frame(width="10cm", height="3cm", x="1cm", y="6cm")
            grid = table.Table()
            grid.addElement(table.TableColumn(numbercolumnsrepeated=2))
            row = table.TableRow()
            for content in ["6101", word("odp-celle")]:
                cell = table.TableCell()
                cell.addElement(text.P(text=content))
                row.addElement(cell)
            grid.addElement(row)
            grid_frame.addElement(grid)
            page.addElement(grid_frame)
            page.addElement(picture(document, 9, word("odp-billedtitel"), word("odp-billedtekst")))
        page.addElement(notes)
        document.presentation.addElement(page)
        add((f"slide {count}" + (", hidden" if count == 3 else ""), word(f"odp-dias{count}"), f"slide {count}"))
        add((f"notes of slide {count}", word(f"odp-note{count}"), f"notes of slide {count}"))
    add(("comment", word("odp-kommentar"), "comment of slide 2"))
    add(("cells side by side", "6101\t" + word("odp-celle"), "slide 2"))
    add(("picture's title", word("odp-billedtitel"), "slide 2"))
    add(("picture's description", word("odp-billedtekst"), "slide 2"))
    return document, texts


def drawing_document():
    document = OpenDocumentDrawing()
    layout = style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = style.MasterPage(name="Standard", pagelayoutname=layout)
    document.masterstyles.addElement(master)
    page = draw.Page(name="Skitse", masterpagename=master)
    rectangle = draw.Rect(width="4cm", height="2cm", x="1cm", y="1cm")
    rectangle.addElement(text.P(text=word("odg-figur")))
    page.addElement(rectangle)
    document.drawing.addElement(page)
    return document, [("text of a shape", word("odg-figur"), "page 1")]


def raw(path):
    """All that a document holds, for those who know nothing of it."""
    data = path.read_bytes()
    if data.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            data = b"\n".join(archive.read(name) for name in archive.namelist() if name.endswith(".xml"))
    return data.decode(errors="replace")


def held(path, texts):
    """Those of the texts that are in a document that another program wrote, wherever it put them."""
    content = html.unescape(re.sub(r"</?(text:span|text:s)\b[^>]*>", "", raw(path)))
    content = re.sub(r"\\u(\d+)\\?('[0-9a-f]{2})?\?? ?", lambda found: chr(int(found[1])), content)
    over = ["paragraph, over a note and a comment", "line break", "cells side by side"]

    def is_there(place, found):
        if path.suffix == ".html":
            # Where a tab is a space.
            return found in content and "\t" not in found
        return found in content or place in over and path.suffix != ".csv"

    kept = [(place, found, None) for place, found, _ in texts if is_there(place, found)]
    lost = [place for place, found, _ in texts if not is_there(place, found)]
    print(f"{path.name}: {len(kept)} texts; not in it: {', '.join(lost)}")
    return kept


def pictures(file):
    with zipfile.ZipFile(HERE / file) as archive:
        names = [name for name in archive.namelist() if name.startswith("Pictures/") and not name.endswith("/")]
    hide = lambda name: "".join("•" if c.isnumeric() else c for c in name) if sum(map(str.isnumeric, name)) >= 8 else name
    reason = lambda name: "a picture (PNG)" if name.endswith(".png") else "content of type"
    return [(f'picture "{hide(Path(name).name)}"', reason(name)) for name in names]


PASSWORD = r"""
import sys, time, uno
from com.sun.star.beans import PropertyValue
local = uno.getComponentContext()
resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
for _ in range(60):
    try:
        context = resolver.resolve("uno:socket,host=localhost,port=20023;urp;StarOffice.ComponentContext")
        break
    except Exception:
        time.sleep(1)
desktop = context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
def property_(name, value):
    made = PropertyValue()
    made.Name, made.Value = name, value
    return made
document = desktop.loadComponentFromURL("file://" + sys.argv[1], "_blank", 0, (property_("Hidden", True),))
document.storeToURL("file://" + sys.argv[2], (property_("Password", "hemmelig"),))
document.close(True)
desktop.terminate()
"""


def open_documents():
    version = "LibreOffice " + soffice("--version").split()[1].rsplit(".", 2)[0]
    odfpy = "odfpy 1.4"
    made = [
        ("text", text_document, "odt", ["odt", "ott", "fodt", "rtf", "html"]),
        ("sheet", sheet_document, "ods", ["ods", "ots", "fods", "csv", "html"]),
        ("slides", slide_document, "odp", ["odp", "otp", "fodp"]),
        ("drawing", drawing_document, "odg", ["odg", "fodg"]),
    ]
    for name, make, extension, conversions in made:
        document, texts = make()
        file = f"odfpy-{name}.{extension}"
        document.save(str(HERE / file))
        entry(file, odfpy, texts, unreadable=pictures(file))
        for conversion in conversions:
            out = WORK / "out"
            shutil.rmtree(out, ignore_errors=True)
            soffice("--convert-to", conversion, "--outdir", str(out), str(HERE / file))
            target = f"office-{name}.{conversion}" if conversion != "html" else f"office-{name}.{name}.html"
            shutil.copy(out / f"odfpy-{name}.{conversion}", HERE / target)
            is_package = zipfile.is_zipfile(HERE / target)
            kept = held(HERE / target, texts)
            unreadable = pictures(target) if is_package else PICTURES.get(target, [])
            entry(target, version, kept, unreadable=unreadable)
    server = subprocess.Popen(
        ["soffice", f"-env:UserInstallation=file://{WORK}/profile", "--headless", "--norestore",
         "--accept=socket,host=localhost,port=20023;urp;"],
        cwd=WORK,
    )
    for kind, name in [("odp", "slides"), ("ods", "sheet")]:
        if kind == "ods":
            server.wait(timeout=60)
            server = subprocess.Popen(
                ["soffice", f"-env:UserInstallation=file://{WORK}/profile", "--headless", "--norestore",
                 "--accept=socket,host=localhost,port=20023;urp;"],
                cwd=WORK,
            )
        target = HERE / f"office-password.{kind}"
        run("/usr/bin/python3", "-c", PASSWORD, str(HERE / f"odfpy-{name}.{kind}"), str(target))
        entry(target.name, version, [], protected="OpenDocument with a password")
    server.wait(timeout=60)


# Where LibreOffice writes pictures into a file that is no package.
PICTURES = {
    "office-text.fodt": [("embedded file 1", "a picture (PNG)")],
    "office-text.rtf": [("picture 1", "a picture (PNG)")],
    # Of a table the preview stands first.
    "office-slides.fodp": [("embedded file 1", "content of type"), ("embedded file 2", "a picture (PNG)")],
}


def rich_texts():
    """As Word and Outlook write it, by the specification."""
    w = word
    picture = png(3).hex()
    inner = f"Indlejret {w('rtf-objekt')}".encode()
    sized = lambda data: len(data).to_bytes(4, "little") + data
    package = b"\x02\x00note.txt\0C:\\note.txt\0\0\0\x03\0" + sized(b"C:\\tmp\\note.txt\0") + sized(inner)
    native = (0x501).to_bytes(4, "little") + (2).to_bytes(4, "little")
    native += sized(b"Package\0") + sized(b"") + sized(b"") + sized(package)
    part = w("rtf-delt")
    rtf = rf"""{{\rtf1\adeflang1025\ansi\ansicpg1252\uc1\adeff0\deff0\stshfdbch0\deflang1030\themelang1030\themelangfe0
{{\fonttbl{{\f0\fbidi \froman\fcharset0\fprq2{{\*\panose 02020603050405020304}}Times New Roman;}}{{\f1\fswiss\fcharset204 Arial Cyr;}}{{\f2\fcharset128 MS Mincho{{\*\falt MS Mincho}};}}}}
{{\colortbl;\red0\green0\blue0;}}{{\stylesheet{{\ql \f0\fs24 \snext0 Normal;}}{{\*\cs10 Default Paragraph Font;}}}}
{{\*\revtbl {{Unknown;}}{{{w('rtf-retter')};}}}}{{\*\rsidtbl \rsid1}}{{\*\generator Microsoft Word 11.0.0000;}}
{{\info{{\title {w('rtf-titel')}}}{{\author {w('rtf-forfatter')}}}{{\doccomm {w('rtf-bemærkning').replace('æ', chr(92) + "'e6")}}}{{\creatim\yr2024\mo3\dy1}}{{\*\company {w('rtf-firma')}}}}}
{{\*\userprops{{\propname MSIP_Label_3b1e0c5a-7a52-4a4f-9a11-5f2d6c1e8b90_Name}}\proptype30{{\staticval {w('rtf-mærkat').replace('æ', chr(92) + "'e6")}}}}}
\paperw11906\paperh16838\sectd{{\headerr \pard\plain {w('rtf-sidehoved')}\par }}{{\footer \pard\plain {w('rtf-sidefod')}\par }}
\pard\plain \f0\fs24 {{\rtlch\fcs1 \ltrch\fcs0 {part[:4]}}}{{\b {part[4:7]}}}{{\cs10\super \chftn {{\footnote \pard\plain {{\cs10\super \chftn }} {w('rtf-fodnote')}}}}}{part[7:]}\par
F\'f8dt \u248\'f8 {{\f1 \'cf\'f0\'e8\'e2\'e5\'f2}} {{\f2 \'93\'fa\'96\'7b}} {{\v {w('rtf-skjult')}}} {{\deleted\revauthdel1 {w('rtf-slettet')}}}\par
\trowd\cellx1000\cellx2000 6101\cell {w('rtf-celle')}\cell\row
\pard {{\field{{\*\fldinst {{ FILLIN "{w('rtf-felt')}" }}}}{{\fldrslt {{{w('rtf-feltværdi').replace('æ', chr(92) + "'e6")}}}}}}}\par
{{\field{{\*\fldinst FORMTEXT{{\*\formfield{{\fftype0{{\*\ffname Felt}}{{\*\ffdeftext {w('rtf-formular')}}}}}}}}}{{\fldrslt x}}}}
{{\*\atnid IE}}{{\*\atnauthor Ida Eksempel}}\chatn {{\*\annotation {{\*\atndate 1}}\pard\plain {w('rtf-kommentar')}}}\par
{{\shp{{\*\shpinst\shpleft1{{\sp{{\sn wzDescription}}{{\sv {w('rtf-billedtekst')}}}}}{{\shptxt \pard\plain {w('rtf-boks')}\par }}}}{{\shprslt{{\*\do\dptxbx{{\dptxbxtext gentaget}}}}}}}}
{{\*\shppict{{\pict{{\*\picprop{{\sp{{\sn pib}}{{\sv 1}}}}}}\picw26\pngblip
{picture}}}}}{{\nonshppict{{\pict\wmetafile8 0100}}}}
{{\object\objemb{{\*\objclass Package}}{{\*\objdata {native.hex()}}}{{\result {w('rtf-objekttekst')}}}}}\par }}"""
    (HERE / "word-like.rtf").write_bytes(rtf.encode("ascii"))
    entry(
        "word-like.rtf",
        "hand-made as Word 2003 writes it",
        [
            ("paragraph, over runs and a footnote", part, ""),
            ("code pages", "Født ø Привет 日本", ""),
            ("footnote", w("rtf-fodnote"), "footnote"),
            ("header", w("rtf-sidehoved"), "header"),
            ("footer", w("rtf-sidefod"), "footer"),
            ("title", w("rtf-titel"), "properties"),
            ("author", w("rtf-forfatter"), "properties"),
            ("comment of the document", w("rtf-bemærkning"), "properties"),
            ("company", w("rtf-firma"), "properties"),
            ("who changed it", w("rtf-retter"), "properties"),
            ("sensitivity label", w("rtf-mærkat"), "properties"),
            ("hidden text", w("rtf-skjult"), "hidden text"),
            ("tracked change", w("rtf-slettet"), "tracked changes"),
            ("cells side by side", "6101\t" + w("rtf-celle"), ""),
            ("field", w("rtf-felt"), "field"),
            ("result of a field", w("rtf-feltværdi"), ""),
            ("form field", w("rtf-formular"), "form control"),
            ("comment", w("rtf-kommentar"), "comment"),
            ("text box", w("rtf-boks"), "text box"),
            ("picture's description", w("rtf-billedtekst"), "description"),
            ("text in place of an object", w("rtf-objekttekst"), ""),
            ("embedded file", w("rtf-objekt"), 'attachment "note.txt" > line 1'),
        ],
        unreadable=[("picture 1", "a picture (PNG)")],
    )
    half = w("outlook-brev")
    rtf = rf"""{{\rtf1\ansi\ansicpg1252\fromhtml1 \fbidi \deff0{{\fonttbl{{\f0\fswiss Arial;}}}}{{\colortbl\red0\green0\blue0;}}\uc1\pard\plain\deftab360 \f0\fs24
{{\*\htmltag19 <html>}}{{\*\htmltag34 <head>}}{{\*\htmltag1 <style>p.x {{margin:0}}</style>}}{{\*\htmltag41 </head>}}{{\*\htmltag50 <body>}}
\htmlrtf {{\htmlrtf0 {{\*\htmltag64 <p class=x>}}\htmlrtf {{\htmlrtf0 F\'f8dt {half[:8]}{{\*\htmltag84 <b>}}\htmlrtf {{\b \htmlrtf0 {half[8:]}{{\*\htmltag92 </b>}}\htmlrtf }}\htmlrtf0 {{\*\htmltag84 &nbsp;}}{{\*\htmltag84 &#230;}}\htmlrtf\par}}\htmlrtf0
{{\*\htmltag72 </p>}}{{\*\mhtmltag64 <p>}}\htmlrtf}}\htmlrtf0 {{\*\htmltag58 </body>}}{{\*\htmltag27 </html>}}}}"""
    (HERE / "outlook-like.rtf").write_bytes(rtf.encode("ascii"))
    entry("outlook-like.rtf", "hand-made as Outlook wraps HTML", [("wrapped HTML", half, ""), ("umlauts", "Født", "")])


def tables():
    head = ["Navn", "cpr-nummer", "bemærkning"]
    for name, encoding, options, separator in [
        ("comma.csv", "utf-8", {}, ","),
        ("semicolon.csv", "utf-8-sig", {"delimiter": ";"}, ";"),
        ("western.csv", "windows-1252", {"delimiter": ";", "quoting": csv.QUOTE_ALL}, ";"),
        ("unicode.tsv", "utf-16", {"delimiter": "\t"}, "\t"),
        ("pipe.txt", "utf-8", {"delimiter": "|"}, "|"),
    ]:
        file = f"python-{name}"
        w = word(f"tabel-{name.split('.')[0]}")
        rows = [head, ["Asta Eksempel", "610190-0005", "føler sig rask"], ["Bo", w, f'siger "nej{separator}"\nog går'], ["", "", w + "x"]]
        stream = io.StringIO()
        csv.writer(stream, **options).writerows(rows)
        (HERE / file).write_bytes(stream.getvalue().encode(encoding))
        entry(
            file,
            f"Python {sys.version.split()[0]}, csv",
            [("cell", w, "B3"), ("cell", "610190-0005", "B2"), ("letters", "føler", "C2"), ("cell", w + "x", "C4"),
             ("line end in a cell", '" og går', "C3")],
        )


def cards():
    event = icalendar.Event()
    event.add("summary", "Møde om " + word("ics-emne"))
    event.add("description", "Første linje\nAnden linje, med " + word("ics-beskrivelse") + " " + "lang " * 30)
    event.add("location", word("ics-sted"))
    event.add("dtstart", datetime(2024, 3, 1, 12, tzinfo=timezone.utc))
    attendee = icalendar.vCalAddress("mailto:ida@example.org")
    attendee.params["CN"] = word("ics-deltager")
    event.add("attendee", attendee)
    attached = icalendar.vBinary(f"Bilag {word('ics-bilag')}".encode())
    attached.params["FMTTYPE"] = "text/plain"
    attached.params["X-FILENAME"] = "bilag.txt"
    event.add("attach", attached)
    rich = icalendar.vText(f"<html><body><p>Rig {word('ics-html')[:7]}<b>{word('ics-html')[7:]}</b></p></body></html>")
    rich.params["FMTTYPE"] = "text/html"
    event.add("x-alt-desc", rich)
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//example//da")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    (HERE / "icalendar.ics").write_bytes(calendar.to_ical())
    entry(
        "icalendar.ics",
        f"icalendar {icalendar.__version__}",
        [("summary", word("ics-emne"), None), ("description", word("ics-beskrivelse"), None),
         ("location", word("ics-sted"), None), ("attendee", word("ics-deltager"), None),
         ("attachment", word("ics-bilag"), 'attachment "bilag.txt" > line 1'),
         ("HTML", word("ics-html"), "x-alt-desc")],
        media_type="text/calendar",
    )
    card = vobject.vCard()
    card.add("n").value = vobject.vcard.Name(family="Eksempel", given=word("vcf-fornavn"))
    card.add("fn").value = word("vcf-navn")
    card.add("note").value = "En note; med\nflere linjer " + word("vcf-note")
    card.add("tel").value = "+45 00 00 00 00"
    photo = card.add("photo")
    photo.encoding_param = "b"
    photo.type_param = "PNG"
    photo.value = png(5)
    (HERE / "vobject.vcf").write_text(card.serialize())
    entry(
        "vobject.vcf",
        "vobject 0.9",
        [("name", word("vcf-fornavn"), None), ("full name", word("vcf-navn"), None), ("note", word("vcf-note"), None)],
        unreadable=[('"photo" 1', "a picture (PNG)")],
    )
    old = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:S=C3=B8;"
        + word("vcf-gammel")
        + "\r\nNOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:610190=\r\n-0005 =C3=A6 " + word("vcf-qp") + "\r\nEND:VCARD\r\n"
    )
    (HERE / "phone.vcf").write_bytes(old.encode())
    entry("phone.vcf", "hand-made as telephones write vCard 2.1",
          [("name", "Sø;" + word("vcf-gammel"), "line 3"), ("note", "610190-0005 æ " + word("vcf-qp"), "line 4")])


def structured_texts():
    python = f"Python {sys.version.split()[0]}"
    value = {"patient": {"navn": word("json-navn"), "numre": ["610190", "0005"], word("json-nøgle"): 610190.0005},
             "note": 'Ved "hjemmet"\nmed æ ' + word("json-note")}
    (HERE / "indented.json").write_text(json.dumps(value, indent=2, ensure_ascii=False))
    (HERE / "minified.json").write_text(json.dumps(value))
    texts = [("value", word("json-navn"), "line 3"), ("key", word("json-nøgle"), "line 8"), ("number", "610190.0005", "line 8"),
             ("escapes", '"hjemmet" med æ ' + word("json-note"), "line 10")]
    entry("indented.json", python, texts)
    entry("minified.json", python, [(place, found, "line 1") for place, found, _ in texts] + [("split number", "610190\t0005", "line 1")])

    attached = base64.b64encode(f"Bilag {word('xml-bilag')}".encode()).decode()
    cac, cbc = "urn:example:cac", "urn:example:cbc"
    ElementTree.register_namespace("cac", cac)
    ElementTree.register_namespace("cbc", cbc)
    invoice = ElementTree.Element("Invoice")
    ElementTree.SubElement(invoice, f"{{{cbc}}}ID").text = word("xml-faktura")
    party = ElementTree.SubElement(invoice, f"{{{cac}}}Party")
    ElementTree.SubElement(party, f"{{{cbc}}}CompanyID", schemeID=word("xml-attribut")).text = "DK00000000"
    note = ElementTree.SubElement(invoice, f"{{{cbc}}}Note")
    note.text = "cpr 6101"
    bold = ElementTree.SubElement(note, "b")
    bold.text, bold.tail = "90", "-0005 & æ " + word("xml-note")
    binary = ElementTree.SubElement(invoice, f"{{{cbc}}}EmbeddedDocumentBinaryObject", mimeCode="text/plain", filename="bilag.txt")
    binary.text = attached
    invoice.append(ElementTree.Comment(word("xml-kommentar")))
    for file, encoding in [("invoice.xml", "utf-8"), ("invoice-utf16.xml", "utf-16"), ("invoice-latin1.xml", "iso-8859-1")]:
        (HERE / file).write_bytes(ElementTree.tostring(invoice, encoding=encoding, xml_declaration=True))
        entry(file, f"{python}, ElementTree", [
            ("element", "ID: " + word("xml-faktura"), ""), ("attribute", word("xml-attribut"), "attributes"),
            ("mixed content", "cpr 610190-0005 & æ " + word("xml-note"), ""), ("comment", word("xml-kommentar"), "comment"),
            ("embedded file", word("xml-bilag"), 'attachment "bilag.txt" > line 1')])

    for file, encoding in [("utf16.txt", "utf-16"), ("utf16be.txt", "utf-16-be"), ("western.txt", "windows-1252"), ("mac.ini", "utf-8")]:
        w = word(f"tekst-{file.split('.')[0]}")
        (HERE / file).write_bytes(f"Kære alle\r\nfødt 610190-0005\r\n{w}\r\n".encode(encoding))
        entry(file, python, [("line", w, "line 3"), ("letters", "født 610190-0005", "line 2")])

    box = mailbox.mbox(WORK / "box.mbox")
    for count in [1, 2]:
        message = mailbox.mboxMessage(message_of(f"mbox-{count}"))
        message.set_from("ida@example.org", time.gmtime(0))
        box.add(message)
    box.close()
    shutil.copy(WORK / "box.mbox", HERE / "python.mbox")
    entry("python.mbox", f"{python}, mailbox",
          [("subject", word("mbox-2-emne"), "message 2 > subject"), ("body", word("mbox-1-brev"), "message 1 > text"),
           ("body", word("mbox-2-brev"), "message 2 > text")])
    (HERE / "message-without-name").write_bytes(bytes(message_of("eml")))
    entry("message-without-name", f"{python}, email", [("subject", word("eml-emne"), "subject"), ("body", word("eml-brev"), "text")],
          media_type="application/octet-stream")

    archive = email.message.EmailMessage()
    archive["From"], archive["Subject"] = "<Saved by a browser>", word("mht-emne")
    archive["MIME-Version"] = "1.0"
    archive.set_content(f"<html><body><p>Gemt {word('mht-side')}</p></body></html>", subtype="html")
    archive.make_related()
    archive.add_related(f"Ramme {word('mht-ramme')}".encode(), "text", "plain", cid="<1@example.org>")
    (HERE / "saved.mht").write_bytes(bytes(archive))
    entry("saved.mht", f"{python}, email", [("page", word("mht-side"), None), ("part", word("mht-ramme"), None)])
    page = f"<html><head><meta charset=iso-8859-1><title>{word('html-titel')}</title><body><p>født {word('html-side')}"
    (HERE / "page.html").write_bytes(page.encode("iso-8859-1"))
    entry("page.html", "hand-made as old editors write it", [("title", word("html-titel"), ""), ("body", "født " + word("html-side"), "")])


def message_of(prefix):
    message = email.message.EmailMessage()
    message["From"], message["To"] = "ida@example.org", "bo@example.org"
    message["Subject"], message["Message-ID"] = word(f"{prefix}-emne"), f"<{prefix}@example.org>"
    message["Date"] = "Fri, 01 Mar 2024 12:00:00 +0000"
    message.set_content(f"Kære Bo\n{word(f'{prefix}-brev')}\n")
    return message


open_documents()
rich_texts()
tables()
cards()
structured_texts()
(HERE / "odf.toml").write_text("# Made by make/odf_and_texts.py.\n\n" + "\n\n".join(ENTRIES) + "\n")
shutil.rmtree(WORK)
