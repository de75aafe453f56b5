#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_affinity.py ID...: which destination a client or a flow stays with, with packets."""

import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

# pylint: disable=wrong-import-position
from cases import main, start, test, two_sites
from dataplane import V4, V6, load_balancer
from lab import wait_until, write_sysctl
from traffic import Connection, Stream, ask_tcp, ask_udp

CLIENT_IP = ["affinity ClientIP"]
FRESH_PORTS = itertools.count(23000)


def homes_of(client, vip, n=40):
    """Where new flows of this client go: new, so never from a port that it has had."""
    return {ask(client, vip, port, source_port=next(FRESH_PORTS))[0]
            for _ in range(n // 2) for ask, port in ((ask_tcp, 8080), (ask_udp, 5353))}


@test("S3")
def affinity_is_switched_live(lab):
    site = start(lab)
    for _ in range(2):
        site.balance()
        assert all(len(homes_of(site.client, vip)) == 3 for vip in (V4, V6)), "spread"
        with Connection(site.client, V4, 8080) as flow:
            home = flow.ask()
            site.balance(extra=CLIENT_IP)
            assert all(len(homes_of(site.client, vip)) == 1 for vip in (V4, V6)), "pinned"
            assert flow.ask() == home, "a running flow was moved"


@test("S4")
def a_pinned_destination_that_drains_is_not_chosen_again(lab):
    site = start(lab)
    site.balance(extra=CLIENT_IP)
    for vip in (V4, V6):
        home = homes_of(site.client, vip).pop()
        others = [i for i in (1, 2, 3) if f"b{i}" != home]
        with Connection(site.client, vip, 8080) as flow:
            assert flow.ask()[0] == home
            site.balance(*others, extra=CLIENT_IP)
            assert flow.ask()[0] == home, "it drains"
            after = homes_of(site.client, vip, 100)
            assert len(after) == 1 and home not in after, (home, after)
            assert flow.ask()[0] == home, "it still drains"
        site.balance(extra=CLIENT_IP)
        assert homes_of(site.client, vip) == {home}, "back, as if it had never been away"


@test("S7")
def a_client_has_the_same_home_on_every_node(lab):
    one, two = two_sites(lab)
    one.balance(extra=CLIENT_IP)
    two.balance(3, extra=CLIENT_IP)
    two.balance(2, 3, 1, extra=CLIENT_IP)
    homes = []
    for i in range(20, 36):
        addresses = f"10.1.0.{i}", f"fd01::{i:x}"
        clients = [site.machine(f"c{i}", *addresses) for site in (one, two)]
        for vip in (V4, V6):
            pair = [homes_of(client, vip, 6) for client in clients]
            pair = [{name.removeprefix("other-") for name in names} for names in pair]
            assert pair[0] == pair[1] and len(pair[0]) == 1, (addresses, pair)
            homes.append(pair[0].pop())
    assert len(set(homes)) == 3, homes


PORTS = range(21000, 21040)


def udp_homes(site, ports=PORTS, vips=(V4, V6)):
    return {(vip, port): ask_udp(site.client, vip, 5353, source_port=port)[0]
            for vip in vips for port in ports}


def age_out(site):
    """Waits until the kernel has forgotten all flows to the VIPs, by itself."""
    with site.namespace:
        for name in ("udp_timeout", "udp_timeout_stream"):
            write_sysctl(f"netfilter/nf_conntrack_{name}", 1)
    for vip in (V4, V6):
        wait_until("entries age", lambda v=vip: not site.entries_of(f"dst={v} "), timeout=60)


@test("D10", "D11", "D12", "D13")
def flows_keep_their_destination_after_they_aged(lab):
    site = start(lab, n_destinations=6)
    with site.namespace:
        for name in ("udp_timeout", "udp_timeout_stream"):
            write_sysctl(f"netfilter/nf_conntrack_{name}", 1)
    site.balance()
    before = udp_homes(site)
    assert len(set(before.values())) == 6
    age_out(site)
    assert udp_homes(site) == before, "the same flow goes elsewhere once it has aged"
    site.balance(2, 4, 5, 6)
    age_out(site)
    after = udp_homes(site)
    assert not {"b1", "b3"} & set(after.values()), "a removed one is chosen"
    kept = [flow for flow, home in before.items() if home not in ("b1", "b3")]
    moved = [flow for flow in kept if after[flow] != before[flow]]
    assert len(moved) <= 2 + len(kept) // 50, f"{len(moved)} of {len(kept)} moved without need"


@test("D14")
def a_removed_destination_is_replaced_at_once(lab):
    site = start(lab)
    site.balance()
    before = udp_homes(site)
    site.balance(2, 3)
    after = udp_homes(site)  # nothing has aged
    assert "b1" in before.values() and "b1" not in after.values()


@test("D32")
def ports_change_live_and_lost_state_is_made_anew(lab):
    site = start(lab, n_destinations=1)
    site.serve(site.machines[0], tcp=(80,))
    site.balance(ports=["TCP 80"])
    site.balance(ports=["TCP 80", "TCP 8080", "UDP 5353"])
    for vip in (V4, V6):
        assert ask_tcp(site.client, vip, 8080) and ask_udp(site.client, vip, 5353)
    wanted = site.namespace.nft("-s", "list", "table", "inet", "ilb")
    for words in (["delete", "table", "inet", "ilb"],
                  ["delete", "element", "inet", "ilb", "svc4", f"{{ {V4} . tcp . 8080 }}"],
                  ["flush", "chain", "inet", "ilb", "ipv6_first"]):
        site.namespace.nft(*words)
        report = site.worker.expect(site.net, "changed")
        assert "TableRepaired" in report["status"]["conditions"], words
        assert site.namespace.nft("-s", "list", "table", "inet", "ilb") == wanted, words
        for vip in (V4, V6):
            assert ask_tcp(site.client, vip, 8080)[0] == "b1", words


@test("D33")
def another_networks_destinations_are_another_matter(lab):
    one, two = two_sites(lab, n_destinations=2)
    one.balance(1)
    two.apply(load_balancer(1, vips=["10.96.0.7", "fd96::7"], destinations=two.addresses()))
    streams = [Stream(one.client, vip, 5353, 0.01) for vip in (V4, V6)]
    try:
        with Connection(one.client, V4, 8080) as flow:
            assert flow.ask()[0] == "b1"
            two.balance(2)
            two.apply(removed=[1])
            assert flow.ask()[0] == "b1", "cut by what happened to the other Network"
        n = len(one.servers[0].datagrams)
        wait_until("datagrams go on", lambda: len(one.servers[0].datagrams) > n + 10)
    finally:
        for stream in streams:
            stream.close()
    assert not two.servers[0].datagrams and not two.servers[1].datagrams
    assert {ask_tcp(one.client, vip, 8080)[0] for vip in (V4, V6)} == {"b1"}


@test("M9")
def a_change_of_members_moves_few_flows(lab):
    n, ports = 5, range(22000, 22300)
    site = start(lab, n_destinations=n)
    site.apply(load_balancer(destinations=site.addresses(), extra=["size 1024"]))
    before = udp_homes(site, ports)
    site.apply(load_balancer(destinations=site.addresses(1, 2, 4, 5), extra=["size 1024"]))
    without = udp_homes(site, ports)
    moved = [flow for flow in before if before[flow] != without[flow]]
    needless = [flow for flow in moved if before[flow] != "b3"]
    assert "b3" not in without.values()
    # 1 % of the slots, and four standard deviations of a draw of flows among them.
    share = len(before) / 100
    assert len(needless) <= share + 4 * share ** 0.5, f"{len(needless)} moved without need"
    share = len(before) * (1 / n + 0.01)
    assert len(moved) <= share + 4 * share ** 0.5, f"{len(moved)} of {len(before)} moved"
    site.apply(load_balancer(destinations=site.addresses(), extra=["size 1024"]))
    site.namespace.run("conntrack", "-F")
    assert udp_homes(site, ports) == before, "adding undoes what removing did"


main()
