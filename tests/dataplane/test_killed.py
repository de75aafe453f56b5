#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_killed.py ID...: a data plane that is killed at each step of an apply, with packets.

Each step is one message to the kernel (worker_tool's "die"). After it the namespace forwards as
before or as wanted, never anything else, and the one that is started next brings it to what is
wanted.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

# pylint: disable=wrong-import-position
from cases import main, refuse_without_limit, start, test
from dataplane import V4, V6, Worker, load_balancer
from traffic import ask_tcp, ask_udp

MAX_STEPS = 200


def elements(site):
    """What decides where packets go: the elements of the maps and sets, but the stamp and counts."""
    listings = [site.namespace.run("nft", "-s", "list", "table", "inet", name, check=False).stdout
                for name in ("ilb", "ilb_stand_in")]
    alive = [listing for listing in listings if "hook prerouting" in listing]
    assert len(alive) <= 1, "two tables forward"
    listing = "".join(alive)
    found = {}
    for kind, name, body in re.findall(r"\t(map|set) (\w+) {(.*?)\n\t}", listing, re.S):
        if name == "stamp" or name.startswith("acct"):
            continue
        inside = body.partition("elements = {")[2].partition("}")[0]
        inside = re.sub(r"counter packets \d+ bytes \d+", "counter", inside)
        found[name] = (kind, sorted(" ".join(item.split()) for item in inside.split(",")
                                    if item.strip()))
    return {name: value for name, value in found.items() if value[1]}


def answers(site, vips):
    """Who answers on TCP and UDP, per VIP; None: refused, or nobody."""
    found = {}
    for vip in vips:
        for ask, port in ((ask_tcp, 8080), (ask_udp, 5353)):
            try:
                found[vip, port] = ask(site.client, vip, port, timeout=2, impatient=True)[0]
            except OSError:
                found[vip, port] = None
    return found


def restart(site):
    site.worker = Worker(site.lab, os.path.dirname(site.namespace.path))
    site.worker.open(site.net)


def state(site, vips):
    return elements(site), answers(site, vips)


def kill_at_each_step(site, old, new, change, vips=(V4, V6), stride=1):
    """`old` and `new`: snapshots. `change(step)` starts the way to the new one, and dies there."""
    refuse_without_limit(site)
    site.apply(*new, snapshot=True)
    wanted = state(site, vips)
    site.apply(*old, snapshot=True)
    before = state(site, vips)
    assert before != wanted
    for step in range(1, MAX_STEPS, stride):
        change(step)
        if not site.worker.died():
            break
        site.worker.kill()
        middle = state(site, vips)
        assert middle[0] in (before[0], wanted[0]), f"step {step}: neither the old nor the new"
        check_answers(step, middle[1], before[1], wanted[1])
        restart(site)
        status = site.apply(*new, snapshot=True)
        assert status["n_refused"] == 0 and state(site, vips) == wanted, f"step {step}"
        site.apply(*old, snapshot=True)
        assert elements(site) == before[0], f"step {step}: there is no way back"
        assert "ilb_stand_in" not in site.namespace.nft("list", "tables"), f"step {step}"
    assert 2 < step < MAX_STEPS - stride, step
    print(f"killed at {step - 1} steps")


def by_difference(site, *lbs, **options):
    """The usual change of a running data plane."""
    def change(step):
        site.worker.die_at(step)
        site.worker.start_apply(site.net, *lbs, **options)
    return change


def check_answers(step, middle, before, wanted):
    """Each VIP and port as before or as wanted: routes and flows follow the rules."""
    for place, name in middle.items():
        assert name in (before[place], wanted[place]), \
            f"step {step}: {place} is answered by {name}, not {before[place]} or {wanted[place]}"


def one_each(site, numbers):
    """A LoadBalancer with one destination, so that who answers is certain."""
    return load_balancer(destinations=site.addresses(*numbers))


@test("killed-change")
def while_a_destination_is_replaced(lab):
    site = start(lab, n_destinations=2)
    old, new = one_each(site, [1]), one_each(site, [2])
    kill_at_each_step(site, [old], [new], by_difference(site, new))


@test("killed-remove")
def while_a_load_balancer_is_removed(lab):
    site = start(lab, n_destinations=1)
    vips = ("10.96.0.2", "fd96::2")
    stays = one_each(site, [1])
    goes = load_balancer(2, vips=vips, destinations=site.addresses(1))
    kill_at_each_step(site, [stays, goes], [stays],
                      by_difference(site, removed=[2]), (V4, V6, *vips))


@test("killed-first")
def while_the_first_is_made(lab):
    site = start(lab, n_destinations=1)
    new = one_each(site, [1])
    kill_at_each_step(site, [], [new], by_difference(site, new))


@test("killed-last")
def while_the_last_is_removed(lab):
    site = start(lab, n_destinations=1)
    old = one_each(site, [1])
    kill_at_each_step(site, [old], [], by_difference(site, removed=[1]))


@test("killed-rewrite")
def while_another_state_is_taken_over(lab):
    site = start(lab, n_destinations=2)
    old, new = one_each(site, [1]), one_each(site, [2])

    def start_again(step):
        # What is in the kernel is of a former process, and not what is wanted.
        site.worker.kill()
        restart(site)
        site.worker.die_at(step)
        site.worker.start_apply(site.net, new, snapshot=True)

    kill_at_each_step(site, [old], [new], start_again)


@test("killed-large")
def while_a_large_table_is_replaced(lab):
    """In two steps, by way of a stand-in: each killed point leaves one that forwards."""
    site = start(lab, n_destinations=2)
    old, new = [load_balancer(destinations=site.addresses(i), extra=["size 4096"]) for i in (1, 2)]

    def start_again(step):
        site.worker.kill()
        restart(site)
        site.worker.die_at(step)
        site.worker.start_apply(site.net, new, snapshot=True)

    kill_at_each_step(site, [old], [new], start_again, stride=7)


main()
