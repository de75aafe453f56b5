#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_load.py ID...: thousands of LoadBalancers at once."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

# pylint: disable=wrong-import-position
from cases import main, start, test
from dataplane import V4, Worker, load_balancer
from traffic import Callers

N = int(os.environ.get("ILB_LOAD", 1000))
MEMORY_KB = 64 << 10


def crowd(number):
    """A LoadBalancer of its own address with 16 destinations: 256 slots."""
    return load_balancer(number, vips=[f"10.97.{number >> 8}.{number & 255}"],
                         destinations=[f"10.98.{i}.{number % 250 + 1}" for i in range(16)])


def peak_memory_kb(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def is_sanitized(process):
    with open(f"/proc/{process.pid}/maps", encoding="utf-8") as file:
        return "asan" in file.read()


@test("P6")
def thousands_at_once_disturb_no_connection_and_take_bounded_memory(lab):
    site = start(lab)
    own = load_balancer(destinations=site.addresses())
    site.apply(own)
    with Callers(site.client, V4, 8080) as during_load:
        status = site.apply(own, *(crowd(number) for number in range(2, N + 2)), snapshot=True)
    assert len(status["addresses"]) == N + 2, len(status["addresses"])
    peak = peak_memory_kb(site.worker.process)
    if not is_sanitized(site.worker.process):
        assert peak < MEMORY_KB, f"{peak} KB for {N} LoadBalancers"
    with Callers(site.client, V4, 8080) as during_removal:
        site.apply(own, snapshot=True)
    for callers in (during_load, during_removal):
        assert callers.answers and not callers.failures, callers.failures
    assert "10.97." not in site.namespace.nft("list", "set", "inet", "ilb", "vip4")


@test("P6-again")
def a_large_table_is_replaced_without_disturbance_in_bounded_memory(lab):
    site = start(lab)
    lbs = [load_balancer(destinations=site.addresses()), *map(crowd, range(2, N // 4))]
    site.apply(*lbs, snapshot=True)
    site.worker.kill()
    site.worker = Worker(lab, os.path.dirname(site.namespace.path))
    site.worker.open(site.net)
    with Callers(site.client, V4, 8080) as callers:
        status = site.apply(*lbs[:-1], snapshot=True)
    assert len(status["addresses"]) == len(lbs), status["addresses"]
    assert callers.answers and not callers.failures, callers.failures
    if not is_sanitized(site.worker.process):
        peak = peak_memory_kb(site.worker.process)
        assert peak < MEMORY_KB / 4, f"{peak} KB for {len(lbs)} LoadBalancers"
    assert site.namespace.nft("list", "tables").split() == ["table", "inet", "ilb"]


main()
