#!/usr/bin/env python3
"""Makes picture.png: text that only a program for pictures can read. Needs Pillow 10.1 or later."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LINES = ["Scannet journal", "Patientens CPR-nr. er", "610190-0005"]

picture = Image.new("L", (900, 300), 255)
draw = ImageDraw.Draw(picture)
font = ImageFont.load_default(size=56)
for number, line in enumerate(LINES):
    draw.text((40, 30 + 85 * number), line, fill=0, font=font)
picture.save(Path(__file__).parent.parent / "picture.png", optimize=True)
