"""Makes the documents of default-password.toml: workbooks that are encrypted with the password that Excel tries by
itself. Needs openpyxl and msoffcrypto-tool from PyPI; standard encryption is written here, after [MS-OFFCRYPTO] 2.3.4.
"""

import hashlib
import io
import pathlib
import struct

import compound_file
import openpyxl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from msoffcrypto.format.ooxml import OOXMLFile

HERE = pathlib.Path(__file__).resolve().parent.parent
PASSWORD = "VelvetSweatshop"


def workbook(text):
    book = openpyxl.Workbook()
    book.active.title = "Ark"
    book.active["B2"] = text
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def agile(package):
    file = io.BytesIO()
    OOXMLFile(io.BytesIO(package)).encrypt(PASSWORD, file)
    return file.getvalue()


def standard(package):
    salt, verifier = bytes(range(16)), bytes(range(100, 116))
    digest = hashlib.sha1(salt + PASSWORD.encode("utf-16-le")).digest()
    for count in range(50000):
        digest = hashlib.sha1(struct.pack("<I", count) + digest).digest()
    digest = hashlib.sha1(digest + struct.pack("<I", 0)).digest()
    padded = bytes(byte ^ 0x36 for byte in digest.ljust(64, b"\0"))
    encryptor = Cipher(algorithms.AES(hashlib.sha1(padded).digest()[:16]), modes.ECB()).encryptor()
    encrypt = lambda data: encryptor.update(data + b"\0" * (-len(data) % 16))
    provider = "Microsoft Enhanced RSA and AES Cryptographic Provider\0".encode("utf-16-le")
    header = struct.pack("<8I", 0x24, 0, 0x660E, 0x8004, 128, 0x18, 0, 0) + provider
    info = struct.pack("<HHII", 3, 2, 0x24, len(header)) + header
    info += struct.pack("<I", 16) + salt + encrypt(verifier) + struct.pack("<I", 20)
    info += encrypt(hashlib.sha1(verifier).digest())
    return compound_file.write(
        {"EncryptionInfo": info, "EncryptedPackage": struct.pack("<Q", len(package)) + encrypt(package)}
    )


manifest = []
for name, by, make in [("agile", "msoffcrypto-tool 6.1", agile), ("standard", "make/default_password.py", standard)]:
    text = f"standardkodeord-{name}"
    file = f"default-password-{name}.xlsx"
    (HERE / file).write_bytes(make(workbook(text)))
    manifest.append(
        f'''[[document]]
file = "{file}"
by = "{by}"
media-type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
[[document.text]]
place = "cell"
found = "{text}"
at = "attachment \\"{file}\\" > sheet \\"Ark\\" > B2"
'''
    )
(HERE / "default-password.toml").write_text("\n".join(manifest))
