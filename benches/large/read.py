"""Reads a document with the Python library of its format and prints how many characters of text it has: read.py FILE"""

import sys


def main():
    path = sys.argv[1]
    if path.endswith(".xlsx"):
        from openpyxl import load_workbook

        book = load_workbook(path, read_only=True, data_only=True)
        total = sum(len(str(cell)) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row
                    if cell is not None)
    elif path.endswith(".docx"):
        from docx import Document

        total = sum(len(paragraph.text) for paragraph in Document(path).paragraphs)
    else:
        from pypdf import PdfReader

        total = sum(len(page.extract_text()) for page in PdfReader(path).pages)
    print(total)


main()
