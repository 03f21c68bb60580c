"""Judges numbers with python-stdnum, for tests/detect_stdnum.rs.

    stdnum_oracle.py cpr YYYY-MM-DD   a number a line -> the date of birth, or the reason why it is none
    stdnum_oracle.py module NAME      a number a line -> valid, with the date of birth where it tells one, or the reason why
                                      it is none; NAME is the module, as in pl.pesel
    stdnum_oracle.py luhn             a number a line -> valid or invalid
    stdnum_oracle.py iban             a number a line -> valid, or the reason why it is none
    stdnum_oracle.py iban-make COUNT  COUNT valid numbers of every country that it knows
    stdnum_oracle.py judge MODULES YYYY-MM-DD
                                      a number a line -> valid by one of these modules (se.personnummer,be.nn), or why
                                      the last says it is not
    stdnum_oracle.py complete MODULES YYYY-MM-DD SIGNS
                                      a number with question marks a line -> with signs that make it valid, or nothing
"""

import datetime
import importlib
import itertools
import random
import re
import sys

from stdnum import iban, luhn, numdb, verhoeff
from stdnum.dk import cpr
from stdnum.exceptions import ValidationError


def judge_cpr(number, today):
    try:
        if len(number) != 10 or not number.isdigit():
            return 'InvalidFormat'
        born = cpr.get_birth_date(number)
        return 'future' if born > today else '%s %d' % (born, cpr.checksum(number))
    except ValidationError as error:
        return type(error).__name__


def judge_with(module, number):
    try:
        module.validate(number)
    except ValidationError as error:
        return type(error).__name__
    try:
        return 'valid %s' % module.get_birth_date(number)
    except (AttributeError, ValidationError):
        return 'valid'


def judge_iban(number):
    try:
        iban.validate(number, check_country=False)
        return 'valid'
    except ValidationError as error:
        return type(error).__name__


def make_ibans(count):
    generator = random.Random(1)
    signs = {'n': '0123456789', 'a': 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'}
    signs['c'] = signs['n'] + signs['a']
    for first in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ':
        for second in 'ABCDEFGHIJKLMNOPQRSTUVWXYZ':
            country = first + second
            properties = numdb.get('iban').info(country + '00')[0][1]
            structure = properties.get('bban') if properties else None
            if not structure:
                continue
            for _ in range(count):
                bban = ''.join(
                    generator.choice(signs[kind])
                    for length, kind in re.findall(r'([1-9][0-9]*)!([nac])', structure)
                    for _ in range(int(length)))
                number = country + 'xx' + bban
                number = country + iban.calc_check_digits(number) + bban
                iban.validate(number, check_country=False)
                print(number)


class Matricule:
    """Luxembourg's, of which only the parts are known."""

    @staticmethod
    def validate(number):
        datetime.datetime.strptime(number[:8], '%Y%m%d')
        luhn.validate(number[:12])
        verhoeff.validate(number[:11] + number[12:])


def named(names, today):
    """The modules of these names, whose today is this day."""
    class Date(datetime.date):
        @classmethod
        def today(cls):
            return cls(today.year, today.month, today.day)

    datetime.date = Date
    return [Matricule if name == 'lu.matricule' else importlib.import_module('stdnum.' + name)
            for name in names.split(',')]


def judge_any(modules, number):
    for module in modules:
        try:
            module.validate(number)
            return 'valid'
        except (ValidationError, ValueError) as error:
            reason = type(error).__name__
    return reason


def complete(modules, number, signs):
    parts = number.split('?')
    for chosen in itertools.product(signs, repeat=len(parts) - 1):
        completed = ''.join(part + sign for part, sign in zip(parts, (*chosen, '')))
        if judge_any(modules, completed) == 'valid':
            return completed
    return ''


def main():
    what = sys.argv[1]
    if what in ('judge', 'complete'):
        modules = named(sys.argv[2], datetime.date.fromisoformat(sys.argv[3]))
        for line in sys.stdin:
            number = line.rstrip('\n')
            print(judge_any(modules, number) if what == 'judge' else complete(modules, number, sys.argv[4]))
        return
    if what == 'iban-make':
        make_ibans(int(sys.argv[2]))
        return
    if what == 'cpr':
        today = datetime.date.fromisoformat(sys.argv[2])
        judge = lambda number: judge_cpr(number, today)
    elif what == 'module':
        module = importlib.import_module('stdnum.' + sys.argv[2])
        judge = lambda number: judge_with(module, number)
    elif what == 'luhn':
        judge = lambda number: 'valid' if luhn.is_valid(number) else 'invalid'
    else:
        judge = judge_iban
    for line in sys.stdin:
        print(judge(line.rstrip('\n')))


main()
