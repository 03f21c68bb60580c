"""Reads TXT records and policies of MTA-STS with the parsers of postfix-mta-sts-resolver, for tests/mta_sts_oracle.rs.

A line of JSON for each text, ["record", TEXT] or ["policy", TEXT] -> a line of JSON: what the resolver takes it for, by
what it asks of what its parsers found, or null where it takes it for nothing. A record is its id, a policy is
[mode, max_age, [mx, ...]].
"""

import json
import sys

from postfix_mta_sts_resolver.utils import parse_mta_sts_policy, parse_mta_sts_record

YEAR = 31557600


def record(text):
    if not text.startswith('v=STSv1'):
        return None
    fields = parse_mta_sts_record(text)
    return fields.get('id') if fields.get('v') == 'STSv1' else None


def policy(text):
    fields = parse_mta_sts_policy(text)
    try:
        max_age = int(fields.get('max_age', ''))
    except ValueError:
        return None
    mode, mx = fields.get('mode'), fields['mx']
    taken = (
        fields.get('version') == 'STSv1'
        and 0 <= max_age <= YEAR
        and (mode == 'none' or (mode in ('enforce', 'testing') and mx))
    )
    return [mode, max_age, mx] if taken else None


for line in sys.stdin:
    kind, text = json.loads(line)
    print(json.dumps({'record': record, 'policy': policy}[kind](text)))
