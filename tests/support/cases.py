# SPDX-License-Identifier: Apache-2.0
"""Cases of packet tests: each is a function of a fresh Lab, known by the ids of what it shows."""

import os
import sys
import time

from dataplane import V4, V6, Site, Worker
from lab import Lab, write_sysctl

TESTS = {}


def test(*ids):
    """The ids are those of the acceptance list; a case may show several promises."""
    def register(function):
        for name in ids:
            TESTS[name] = function
        return function
    return register


def main():
    """Runs the cases of the command line, or each once."""
    for name in sys.argv[1:] or {function: name for name, function in TESTS.items()}.values():
        print(f"{name}: {TESTS[name].__name__}", flush=True)
        with Lab() as lab:
            TESTS[name](lab)


def start(lab, **options):
    """The usual setup: one Network, a client and three destinations."""
    netns_dir = os.path.join(lab.directory, "netns")
    os.makedirs(netns_dir)
    return Site(lab, Worker(lab, netns_dir), "default_net", netns_dir, **options)


def two_sites(lab, **options):
    """Two Networks, or two nodes, with the same addresses everywhere."""
    one = start(lab, **options)
    netns_dir = os.path.dirname(one.namespace.path)
    two = Site(lab, one.worker, "default_other", netns_dir, **options)
    for server in two.servers:
        server.name = f"other-{server.name}"
    return one, two


def refuse_without_limit(site):
    """Many refusals in a row: the kernel's own limit of ICMP messages is not what is tested."""
    with site.namespace:
        for name in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
            write_sysctl(name, 0)


def families(site):
    """(VIP, the client's address) of both families."""
    return zip((V4, V6), site.client.addresses)


def expect_refused(what, ask):
    begin = time.monotonic()
    try:
        answer = ask()
    except ConnectionRefusedError:
        assert time.monotonic() - begin < 1, f"{what}: refused late"
        return
    raise AssertionError(f"{what}: answered {answer}")
