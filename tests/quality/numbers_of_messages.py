"""Numbers for the messages of tests/corpus/detect, which hold placeholders: `{{dk.cpr}}`, `{{iban.de spaced}}`. Made anew
for each message from its id, so that no one's number stands in the project, and every run sees the same.

Numbers are drawn at random in the form that their country writes and kept when python-stdnum, which has nothing to do
with Segl, takes them for valid; what it does not know is computed here.
"""

import datetime
import importlib
import random
import re

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# How a number is written: ddmmyy a date of birth, else d a digit, l a letter, x either; the rest is itself.
# name: (layout, module of python-stdnum)
DRAWN = {
    "dk.cpr": ("ddmmyy-0ddd", "dk.cpr"),
    "se.personnummer": ("yymmdd-dddd", "se.personnummer"),
    "no.fodselsnummer": ("ddmmyy 0dddd", "no.fodselsnummer"),
    "fi.hetu": ("ddmmyy-dddx", "fi.hetu"),
    "nl.bsn": ("ddddddddd", "nl.bsn"),
    "be.nn": ("yy.mm.dd-ddd.dd", "be.nn"),
    "de.idnr": ("dd ddd ddd ddd", "de.idnr"),
    "fr.nir": ("1 yy mm dd ddd ddd dd", "fr.nir"),
    "gb.nhs": ("ddd ddd dddd", "gb.nhs"),
    "ie.pps": ("dddddddl", "ie.pps"),
    "at.vnr": ("dddd ddmmyy", "at.vnr"),
    "ch.ahv": ("756.dddd.dddd.dd", "ch.ssn"),
    "it.codicefiscale": ("llllllyylddlddd", "it.codicefiscale"),
    "es.dni": ("ddddddddl", "es.dni"),
    "es.nie": ("Xdddddddl", "es.nie"),
    "pt.nif": ("2dddddddd", "pt.nif"),
    "pl.pesel": ("yymmddddddd", "pl.pesel"),
    "card": ("4ddd dddd dddd dddd", "luhn"),
    "orgnr.se": ("55dddd-dddd", "se.orgnr"),
    "orgnr.no": ("9dd ddd ddd", "no.orgnr"),
    "cvr": ("dddddddd", "dk.cvr"),
    "kvk": ("dddddddd", None),
    "siren": ("ddd ddd ddd", "fr.siren"),
    "siret": ("ddd ddd ddd ddddd", "fr.siret"),
    "ean13": ("57ddddddddddd", "ean"),
    "isbn": ("978-87-dddd-ddd-d", "isbn"),
    "de.svnr": None, "de.kvnr": None, "gb.nino": None, "lu.matricule": None, "se.samordningsnummer": None,
    "no.dnummer": None, "imei": None, "account.dk": ("dddd dddddddddd", None), "account.se": ("6ddd-ddd ddd ddd", None),
    "account.no": None,
}
PHONES = {
    "dk": "2d dd dd dd", "no": "4dd dd ddd", "se": "070-ddd dd dd", "de": "0171 ddddddd", "fr": "06 dd dd dd dd",
    "nl": "06-dddddddd", "gb": "07700 900ddd", "be": "0470 dd dd dd", "ie": "085 ddd dddd", "fi": "040 ddd dddd",
    "ch": "079 ddd dd dd", "es": "6dd ddd ddd", "lu": "621 ddd ddd", "at": "0660 ddddddd",
}
PASSPORTS = {"dk": "2dddddddd", "no": "ddddddddd", "se": "lldddddd", "fr": "ddllddddd", "de": "Cdddddddd"}


def birth(generator):
    """A day between 1935 and 2011."""
    start = datetime.date(1935, 1, 1)
    return start + datetime.timedelta(days=generator.randrange(28_000))


def written(layout, generator):
    born = birth(generator)
    dated = layout
    for sign, part in (("yy", f"{born.year % 100:02}"), ("mm", f"{born.month:02}")):
        dated = dated.replace(sign, part)
    if "mm" in layout:
        # The day stands where `dd` stands next to the month.
        at = layout.index("mm")
        before = layout[:at].rstrip(" .-")
        if before.endswith("dd"):
            place = len(before) - 2
        else:
            place = at + layout[at:].index("dd")
        dated = dated[:place] + f"{born.day:02}" + dated[place + 2:]
    out = []
    for sign in dated:
        if sign == "d":
            out.append(str(generator.randrange(10)))
        elif sign == "l":
            out.append(generator.choice(LETTERS))
        elif sign == "x":
            out.append(generator.choice("0123456789ABCDEFHJKLMNPRSTUVWXY"))
        else:
            out.append(sign)
    return "".join(out)


def valid(module, number):
    if module is None:
        return True
    known = importlib.import_module(f"stdnum.{module}")
    compact = re.sub(r"[ .-]", "", number) if module not in ("fi.hetu", "se.personnummer") else number
    try:
        known.validate(compact)
    except Exception:
        return False
    return True


def drawn(kind, generator):
    layout, module = DRAWN[kind]
    if kind == "it.codicefiscale":
        return codice_fiscale(generator)
    for _ in range(1_000_000):
        number = written(layout, generator)
        if valid(module, number):
            return number
    raise ValueError(kind)


def codice_fiscale(generator):
    from stdnum.it import codicefiscale
    consonants = "BCDFGLMNPRSTVZ"
    born = birth(generator)
    start = "".join(generator.choice(consonants) for _ in range(6))
    start += f"{born.year % 100:02}{'ABCDEHLMPRST'[born.month - 1]}{born.day:02}{generator.choice('ABCDEFGH')}{generator.randrange(100, 999)}"
    return start + codicefiscale.calc_check_digit(start)


def luhn_digit(digits):
    from stdnum import luhn
    return luhn.calc_check_digit(digits)


def computed(kind, generator):
    digits = lambda count: "".join(str(generator.randrange(10)) for _ in range(count))
    born = birth(generator)
    if kind == "de.svnr":
        # Verband, birth, first letter of the name, serial, check digit (VKVV section 4).
        area, letter, serial = f"{generator.choice([2, 4, 10, 12, 24, 53, 65]):02}", generator.choice(LETTERS), f"{generator.randrange(50):02}"
        body = area + born.strftime("%d%m%y") + f"{LETTERS.index(letter) + 1:02}" + serial
        weighted = (int(digit) * weight for digit, weight in zip(body, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)))
        check = sum(sum(map(int, str(product))) for product in weighted) % 10
        return f"{area} {born.strftime('%d%m%y')} {letter} {serial}{check}"
    if kind == "de.kvnr":
        letter, body = generator.choice(LETTERS), digits(8)
        weighted = (int(digit) * weight for digit, weight in zip(f"{LETTERS.index(letter) + 1:02}" + body, (1, 2) * 5))
        return letter + body + str(sum(sum(map(int, str(product))) for product in weighted) % 10)
    if kind == "gb.nino":
        return f"{generator.choice(['AB', 'CE', 'JG', 'PR', 'SX', 'NW'])} {digits(2)} {digits(2)} {digits(2)} {generator.choice('ABCD')}"
    if kind == "lu.matricule":
        from stdnum import verhoeff
        body = born.strftime("%Y%m%d") + digits(3)
        return body + luhn_digit(body) + verhoeff.calc_check_digit(body)
    if kind == "se.samordningsnummer":
        body = f"{born.year % 100:02}{born.month:02}{born.day + 60:02}" + digits(3)
        return f"{body[:6]}-{body[6:]}{luhn_digit(body)}"
    if kind == "no.dnummer":
        while True:
            body = [int(digit) for digit in f"{born.day + 40:02}{born.month:02}{born.year % 100:02}{digits(3)}"]
            first = -sum(a * b for a, b in zip(body, (3, 7, 6, 1, 8, 9, 4, 5, 2))) % 11
            second = -sum(a * b for a, b in zip(body + [first], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))) % 11
            if first < 10 and second < 10:
                number = "".join(map(str, body + [first, second]))
                return f"{number[:6]} {number[6:]}"
    if kind == "imei":
        body = "35" + digits(12)
        return body + luhn_digit(body)
    if kind == "account.no":
        while True:
            body = digits(10)
            check = -sum(int(digit) * weight for digit, weight in zip(body, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2))) % 11
            if check < 10:
                return f"{body[:4]}.{body[4:6]}.{body[6:]}{check}"
    raise ValueError(kind)


def iban(country, generator):
    from stdnum import iban as known, numdb
    signs = {"n": "0123456789", "a": LETTERS, "c": "0123456789"}
    structure = numdb.get("iban").info(country.upper() + "00")[0][1]["bban"]
    for _ in range(100_000):
        bban = "".join(
            generator.choice(signs[kind])
            for length, kind in re.findall(r"([1-9][0-9]*)!([nac])", structure) for _ in range(int(length)))
        number = country.upper() + known.calc_check_digits(country.upper() + "00" + bban) + bban
        if known.is_valid(number, check_country=False):
            return " ".join(number[at:at + 4] for at in range(0, len(number), 4))
    raise ValueError(country)


def fill(placeholder, generator):
    """The number for what stands between the braces."""
    kind, _, how = placeholder.partition(" ")
    if kind == "decoy.digits":
        return str(generator.randrange(1, 10)) + "".join(str(generator.randrange(10)) for _ in range(int(how) - 1))
    if kind == "decoy.date10":
        return birth(generator).strftime("%d%m%y") + "".join(str(generator.randrange(10)) for _ in range(4))
    if kind.startswith("iban."):
        number = iban(kind[5:], generator)
    elif kind.startswith("phone."):
        number = written_plain(PHONES.get(kind[6:], "0ddd ddd ddd"), generator)
    elif kind.startswith("passport."):
        number = written_plain(PASSPORTS.get(kind[9:], "lldddddd"), generator)
    elif DRAWN.get(kind):
        number = drawn(kind, generator)
    else:
        number = computed(kind, generator)
    if how == "compact":
        return re.sub(r"[ .-]", "", number)
    if how == "spaced":
        return re.sub(r"[ .-]", " ", number)
    return number


def written_plain(layout, generator):
    return "".join(
        str(generator.randrange(10)) if sign == "d" else generator.choice(LETTERS) if sign == "l" else sign for sign in layout)


def filled(text, key):
    """The text with its placeholders filled; the same for the same key."""
    generator = random.Random(key)
    return re.sub(r"\{\{([^}]*)\}\}", lambda found: fill(found[1], generator), text)
