"""The messages of tests/corpus/detect: read from their files, and written as mail."""

import tomllib
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from numbers_of_messages import filled

CORPUS = Path(__file__).resolve().parent.parent / "corpus" / "detect"
LANGUAGES = ["da", "en", "de", "fr", "nl", "sv", "no"]
PARTS = ["training", "dev", "test"]


def read(part, languages=LANGUAGES, corpus=CORPUS):
    """Every message of a part, each with its language."""
    for language in languages:
        for path in sorted((corpus / part / language).glob("*.toml")):
            with open(path, "rb") as file:
                for message in tomllib.load(file)["message"]:
                    yield {"language": language, **message}


def mail(message):
    """A message as it comes over SMTP, with numbers in the place of the placeholders."""
    text = lambda name: filled(message.get(name, ""), f"{message['id']} {name}").strip("\n")
    made = EmailMessage(policy=SMTP)
    made["From"] = "afsender@sender.invalid"
    made["To"] = "modtager@receiver.invalid"
    made["Subject"] = " ".join(text("subject").split())
    body, html = text("body"), text("html")
    if body or not html:
        made.set_content(body or " ")
        if html:
            made.add_alternative(html, subtype="html")
    else:
        made.set_content(html, subtype="html")
    if "attachment" in message:
        name = message.get("attachment-name", "attachment.txt")
        subtype = "csv" if name.endswith(".csv") else "plain"
        made.add_attachment(text("attachment"), subtype=subtype, filename=name)
    return made.as_bytes()
