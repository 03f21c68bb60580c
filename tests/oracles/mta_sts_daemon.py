"""Runs the daemon of postfix-mta-sts-resolver, for benches/socketmap.rs and tests/scenarios/resolver.rs.

    mta_sts_daemon.py CONFIGURATION [--policies FILE] [--dns PORT] [--disable-uvloop]

--policies fills its internal cache beforehand: a line of JSON for each domain, [DOMAIN, ID, {"version": ..., "mode": ...,
"mx": [...], "max_age": ...}]. --dns: the port of a DNS server on the loopback, instead of those of /etc/resolv.conf. Nothing
else of the daemon is changed.
"""

import argparse
import functools
import json
import sys
import time

import aiodns
from postfix_mta_sts_resolver import daemon, utils
from postfix_mta_sts_resolver.base_cache import CacheEntry
from postfix_mta_sts_resolver.internal_cache import InternalLRUCache


def filled(path):
    with open(path, encoding='utf-8') as lines:
        policies = [json.loads(line) for line in lines]
    cache = InternalLRUCache(max(len(policies), 10_000))
    for domain, policy_id, policy in policies:
        # Its coroutine `set` waits for nothing.
        try:
            cache.set(domain, CacheEntry(time.time(), policy_id, policy)).send(None)
        except StopIteration:
            pass
    return cache


parser = argparse.ArgumentParser()
parser.add_argument('configuration')
parser.add_argument('--policies')
parser.add_argument('--dns', type=int)
parser.add_argument('--disable-uvloop', action='store_true')
options = parser.parse_args()
if options.policies:
    cache = filled(options.policies)
    utils.create_cache = lambda kind, options: cache
if options.dns:
    aiodns.DNSResolver = functools.partial(aiodns.DNSResolver, nameservers=['127.0.0.1'], udp_port=options.dns)
sys.argv = [sys.argv[0], '--config', options.configuration, '--verbosity', 'warn']
if options.disable_uvloop:
    sys.argv.append('--disable-uvloop')
sys.exit(daemon.main())
