"""Makes the large documents of benches/documents.rs: make.py DIRECTORY

A workbook of more than a million cells, a document of 180,000 paragraphs, 200 pages of PDF, made by
openpyxl, python-docx (the paragraphs written into its container), and reportlab. What is there already stays.
"""

import random
import sys
from pathlib import Path

WORDS = """der og det at en den til er som på de med han af for ikke der var mig sig men et har om vi min havde ham hun
nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her alle vil blev kunne ind når være dog noget
journal borger sag møde aftale skole elev forælder læge klinik tid brev svar referat kontrakt løn timer uge måned""".split()

random.seed(1)


def sentence(words):
    return " ".join(random.choice(WORDS) for _ in range(words)).capitalize() + "."


def workbook(path):
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for name in ("2024", "2025"):
        sheet = book.create_sheet(name)
        for row in range(60_000):
            sheet.append([row, sentence(2), sentence(3), random.random() * 1e6, random.randint(0, 10**9), sentence(1),
                          sentence(4), row % 7, f"{row:06d}", random.choice(WORDS)])
    book.save(path)


def document(path):
    import zipfile

    from docx import Document

    empty = path.with_suffix(".empty")
    made = Document()
    made.add_paragraph("Begyndelse")
    made.save(empty)
    paragraph = "<w:p><w:pPr><w:spacing w:after=\"0\"/></w:pPr><w:r><w:t xml:space=\"preserve\">{}</w:t></w:r></w:p>"
    body = "".join(paragraph.format(sentence(40)) for _ in range(180_000))
    with zipfile.ZipFile(empty) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.infolist():
            data = source.read(member)
            if member.filename == "word/document.xml":
                text = data.decode()
                at = text.index("<w:sectPr")
                data = (text[:at] + body + text[at:]).encode()
            target.writestr(member.filename, data)
    empty.unlink()


def pages(path):
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    style = getSampleStyleSheet()["Normal"]
    story = []
    for _ in range(200):
        story += [Paragraph(sentence(90), style) for _ in range(6)]
        story.append(Table([[sentence(1) for _ in range(5)] for _ in range(6)]))
    SimpleDocTemplate(str(path), pagesize=A4).build(story)


def main():
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, make in (("large.xlsx", workbook), ("large.docx", document), ("large.pdf", pages)):
        path = directory / name
        if not path.exists():
            half = directory / f"half-{name}"
            make(half)
            half.rename(path)


main()
