#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_packets.py ID...: the data plane's promises, with real packets in real namespaces.

Without ids all run; other promises are in the files beside this one.
"""

import collections
import os
import socket
import sys
import time
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

# pylint: disable=wrong-import-position
from cases import expect_refused, families, main, start, test, two_sites
from dataplane import V4, V6, Worker, load_balancer
from lab import wait_until
from traffic import Callers, Connection, Stream, ask_tcp, ask_udp

SIGMA = (600 / 3 * 2 / 3) ** 0.5


def expect_even(answers, client_address):
    counts = collections.Counter(name for name, _ in answers)
    assert {client for _, client in answers} == {client_address}, "the source was changed"
    assert len(counts) == 3 and sum(counts.values()) == 600, counts
    for name, count in counts.items():
        assert abs(count - 200) <= 4 * SIGMA, f"{name} got {count} of 600: {counts}"


@test("A1")
def spreads_tcp_over_ipv4(lab):
    site = start(lab)
    site.balance()
    expect_even([ask_tcp(site.client, V4, 8080) for _ in range(600)], site.client.addresses[0])


@test("A2")
def spreads_ipv6_and_udp(lab):
    site = start(lab)
    site.balance()
    expect_even([ask_tcp(site.client, V6, 8080) for _ in range(600)], site.client.addresses[1])
    for vip, address in families(site):
        expect_even([ask_udp(site.client, vip, 5353) for _ in range(600)], address)


@test("A5")
def one_port_two_protocols_two_load_balancers(lab):
    site = start(lab)
    for machine in site.machines[:2]:
        site.serve(machine, tcp=(53,), udp=(53,))
    site.apply(load_balancer(1, ports=["TCP 53"], destinations=site.addresses(1)),
               load_balancer(2, ports=["UDP 53"], destinations=site.addresses(2)))
    for vip in (V4, V6):
        assert {ask_tcp(site.client, vip, 53)[0] for _ in range(20)} == {"b1"}
        assert {ask_udp(site.client, vip, 53)[0] for _ in range(20)} == {"b2"}
    site.apply(removed=[2])
    assert ask_tcp(site.client, V4, 53)[0] == "b1"


@test("A7")
def networks_with_the_same_addresses_never_cross(lab):
    one, two = two_sites(lab)
    one.balance()
    two.balance()
    for vip in (V4, V6):
        for _ in range(50):
            assert not ask_tcp(one.client, vip, 8080)[0].startswith("other-")
            assert ask_tcp(two.client, vip, 8080)[0].startswith("other-")
            assert not ask_udp(one.client, vip, 5353)[0].startswith("other-")
            assert ask_udp(two.client, vip, 5353)[0].startswith("other-")
    one.apply(removed=[1])
    assert "inet ilb" not in one.namespace.nft("list", "tables")
    assert ask_tcp(two.client, V4, 8080)[0].startswith("other-")


def destinations_of(site, ports):
    """Which destination each source port leads to."""
    answers = {}
    for port in ports:
        for vip in (V4, V6):
            name, _ = ask_tcp(site.client, vip, 8080, source_port=port)
            answers[vip, port] = name.removeprefix("other-")
    return answers


@test("A9")
def the_same_flow_goes_to_the_same_destination(lab):
    ports = range(20000, 20040)
    one, two = two_sites(lab)
    one.balance()
    two.balance(3)
    two.balance(2, 3)
    two.balance(3, 1, 2)
    expected = destinations_of(one, ports)
    assert len(set(expected.values())) == 3
    assert destinations_of(two, ports) == expected, "another node chooses differently"
    one.namespace.run("conntrack", "-F")
    assert destinations_of(one, ports) == expected, "it changed with the connection table"
    one.worker.kill()
    one.worker = Worker(lab, os.path.dirname(one.namespace.path))
    one.worker.open(one.net)
    one.apply(load_balancer(destinations=reversed(one.addresses())), snapshot=True)
    assert destinations_of(one, ports) == expected, "it changed with a restart"


@test("H1")
def a_destination_reaches_itself(lab):
    site = start(lab, n_destinations=1)
    site.balance()
    for vip in (V4, V6):
        for _ in range(20):
            assert ask_tcp(site.machines[0], vip, 8080) == ("b1", vip)
            assert ask_udp(site.machines[0], vip, 5353) == ("b1", vip)


@test("H4", "H5")
def a_destination_is_a_client_like_others(lab):
    site = start(lab)
    site.balance()
    b1 = site.machines[0]
    for vip, address in zip((V4, V6), b1.addresses):
        answers = [ask_tcp(b1, vip, 8080) for _ in range(300)]
        assert {name for name, _ in answers} == {"b1", "b2", "b3"}
        for name, client in answers:
            assert client == (vip if name == "b1" else address), (name, client)


@test("R1")
def no_destination_refuses_at_once(lab):
    site = start(lab)
    site.apply(load_balancer())
    for vip in (V4, V6):
        expect_refused(f"TCP {vip}", lambda vip=vip: ask_tcp(site.client, vip, 8080))
        expect_refused(f"UDP {vip}", lambda vip=vip: ask_udp(site.client, vip, 5353))


@test("R2")
def an_unused_port_refuses_at_once(lab):
    site = start(lab)
    site.balance()
    for vip in (V4, V6):
        expect_refused(f"TCP {vip}", lambda vip=vip: ask_tcp(site.client, vip, 81))
        expect_refused(f"UDP {vip}", lambda vip=vip: ask_udp(site.client, vip, 82))


@test("R3")
def pings_are_answered(lab):
    site = start(lab)
    site.balance()
    assert all(site.client.ping(vip) for vip in (V4, V6))
    site.apply(load_balancer())
    assert all(site.client.ping(vip) for vip in (V4, V6)), "without destinations"
    site.apply(removed=[1])
    assert not any(site.client.ping(vip) for vip in (V4, V6)), "after it is gone"


@test("R3-link")
def clients_on_a_shared_link_find_a_vip_in_its_subnet(lab):
    """By ARP and by neighbour discovery: nobody has a route to it."""
    site = start(lab, n_destinations=1)
    shared = lab.namespace("shared")
    lab.join(shared, "eth0", site.namespace, "shared0")
    shared.ip("address add 10.5.0.2/24 dev eth0", "address add fd05::2/64 dev eth0 nodad",
              "address add fd06::2/64 dev eth0 nodad")
    site.namespace.ip("address add 10.5.0.1/24 dev shared0",
                      "address add fd05::1/64 dev shared0 nodad")
    client = types.SimpleNamespace(namespace=shared)

    def is_answered(vip):
        try:
            return ask_tcp(client, vip, 8080, timeout=1)[0] == "b1"
        except OSError:
            return False

    site.balance(vips=["10.5.0.100", "fd05::100"])
    for vip in ("10.5.0.100", "fd05::100"):
        wait_until(f"{vip} is found", lambda vip=vip: is_answered(vip))
    site.balance(vips=["10.5.0.100", "fd06::100"])
    assert not is_answered("fd05::100") and not is_answered("fd06::100")
    site.namespace.ip("address add fd06::1/64 dev shared0 nodad")
    wait_until("fd06::100 is found, too", lambda: is_answered("fd06::100"))
    site.apply(snapshot=True)
    assert "::100" not in site.namespace.run("ip", "-6", "address").stdout


def answered(connection):
    try:
        return connection.ask()[0]
    except OSError:
        return None


@test("M1")
def a_removed_destination_drains(lab):
    drain_s = 4
    site = start(lab)
    site.balance(extra=[f"drain {drain_s}"])
    flows = [Connection(site.client, vip, 8080) for _ in range(50) for vip in (V4, V6)]
    homes = [flow.ask()[0] for flow in flows]
    n_accepted = len(site.servers[0].clients)
    begin = time.monotonic()
    site.balance(2, 3, extra=[f"drain {drain_s}"])
    others = {ask_tcp(site.client, vip, 8080)[0] for _ in range(100) for vip in (V4, V6)}
    assert others == {"b2", "b3"}, others
    assert [flow.ask()[0] for flow in flows] == homes, "running flows went elsewhere"
    assert time.monotonic() - begin < drain_s, "this machine is too slow for the test"
    wait_until("flows to b1 are cut", lambda: all(
        answered(flow) is None for flow, home in zip(flows, homes) if home == "b1"),
        timeout=drain_s + 10)
    assert time.monotonic() - begin >= drain_s, "cut before the drain was over"
    for flow, home in zip(flows, homes):
        assert home == "b1" or answered(flow) == home, f"a flow to {home} was cut"
        flow.reset()
    assert len(site.servers[0].clients) == n_accepted, "new flows went to b1"


@test("M1-back")
def a_destination_that_comes_back_keeps_its_flows(lab):
    site = start(lab)
    site.balance(1, extra=["drain 1"])
    with Connection(site.client, V4, 8080) as flow:
        flow.ask()
        site.balance(2, extra=["drain 1"])
        site.balance(1, 2, extra=["drain 1"])
        end = time.monotonic() + 3  # past the end of the drain that is void
        while time.monotonic() < end:
            assert flow.ask()[0] == "b1"
            time.sleep(0.05)


def move_stream(site, old, new):
    """Replaces server `old` by `new` under the traffic of a Stream."""
    wait_until("the old one is served", lambda: old.datagrams)
    begin = time.monotonic()
    site.balance(site.servers.index(new) + 1)
    new.datagrams.clear()
    wait_until("the new one is served", lambda: new.datagrams, timeout=5, step=0.005)
    took = time.monotonic() - begin
    assert took < 1, f"moved after {took:.2f} s"
    # What was on its way may have made an entry after the first clean-up: the second ends it.
    while True:
        n_old, n_new = len(old.datagrams), len(new.datagrams)
        wait_until("more datagrams", lambda n=n_new: len(new.datagrams) > n + 3,
                   step=0.005)
        if len(old.datagrams) == n_old:
            return
        assert time.monotonic() - begin < 1.5, "datagrams still reach the old destination"


@test("M2")
def udp_moves_with_its_destination(lab):
    site = start(lab)
    site.balance(1)
    for vip, old, new in ((V4, 0, 1), (V6, 1, 2)):
        stream = Stream(site.client, vip, 5353)
        try:
            move_stream(site, site.servers[old], site.servers[new])
        finally:
            stream.close()


@test("M3")
def udp_reaches_a_destination_that_comes_later(lab):
    site = start(lab)
    streams = [Stream(site.client, vip, 5353, 0.02) for vip in (V4, V6)]
    try:
        site.apply(load_balancer(vips=["10.96.0.9"]))
        site.apply(load_balancer())
        wait_until("some were refused", lambda: all(s.n_refused > 1 for s in streams))
        site.balance(1)
        wait_until("both families arrive", lambda: len(site.servers[0].datagrams) > 10, timeout=2)
    finally:
        for stream in streams:
            stream.close()


@test("M4")
def udp_is_never_stale(lab):
    repeats = int(os.environ.get("ILB_REPEATS", "20"))
    site = start(lab)
    site.balance(1)
    streams = [Stream(site.client, vip, 5353, 0.003) for vip in (V4, V6) for _ in range(4)]
    try:
        for i in range(repeats):
            old, new = site.servers[i % 2], site.servers[(i + 1) % 2]
            move_stream(site, old, new)
            time.sleep(0.0137 * (i % 7))
    finally:
        for stream in streams:
            stream.close()


@test("M6")
def a_rolling_replacement_fails_no_connection(lab):
    site = start(lab, n_destinations=6)
    site.balance(1, 2, 3)
    with Callers(site.client, V4, 8080) as callers4, Callers(site.client, V6, 8080) as callers6:
        for _ in range(5):
            for step in ((2, 3, 4), (3, 4, 5), (4, 5, 6), (5, 6, 1), (6, 1, 2), (1, 2, 3)):
                n = len(callers4.answers)
                site.balance(*step)
                wait_until("calls go on", lambda n=n: len(callers4.answers) > n + 5)
    assert not callers4.failures and not callers6.failures, (callers4.failures, callers6.failures)
    assert len(set(callers4.answers)) == 6


@test("M8")
def nothing_is_left_of_a_deleted_load_balancer(lab):
    site = start(lab)
    before = site.namespace.run("ip", "route", "show", "table", "all").stdout
    site.balance()
    streams = [Stream(site.client, vip, 5353, 0.005) for vip in (V4, V6)]
    flows = [Connection(site.client, vip, 8080) for _ in range(20) for vip in (V4, V6)]
    with Callers(site.client, V4, 8080) as callers:
        wait_until("traffic", lambda: len(callers.answers) > 20)
        status = site.apply(removed=[1])
    assert status["addresses"] == []
    assert site.namespace.nft("list", "ruleset") == ""
    assert site.namespace.run("ip", "route", "show", "table", "all").stdout == before
    for flow in flows:
        flow.reset()
    for stream in streams:
        stream.close()
    for vip in (V4, V6):
        site.wait_no_entries(f"dst={vip} ")


class Sniffer:
    """Counts the TCP resets that a machine receives."""

    def __init__(self, machine):
        with machine.namespace:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.socket.setblocking(False)

    def resets(self):
        n = 0
        while True:
            try:
                packet, (_, _, direction, *_) = self.socket.recvfrom(2048)
            except BlockingIOError:
                return n
            tcp = packet[14 + (packet[14] & 15) * 4:]
            n += direction != socket.PACKET_OUTGOING and packet[23] == 6 and bool(tcp[13] & 4)


def checksum(data):
    total = sum(data[i] << 8 | data[i + 1] for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def send_stray_ack(machine, source, destination):
    """A TCP segment far out of the window, from (address, port) to (address, port)."""
    ports = source[1].to_bytes(2, "big") + destination[1].to_bytes(2, "big")
    header = ports + os.urandom(8) + b"\x50\x10\x10\x00" + b"\0\0" + b"\0\0"
    pseudo = socket.inet_aton(source[0]) + socket.inet_aton(destination[0]) + b"\0\x06\0\x14"
    header = header[:16] + checksum(pseudo + header).to_bytes(2, "big") + header[18:]
    with machine.namespace:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    with raw:
        raw.sendto(header, (destination[0], 0))


@test("R6")
def invalid_packets_are_dropped(lab):
    site = start(lab, n_destinations=1)
    site.balance()
    with Connection(site.client, V4, 8080) as flow:
        flow.ask()
        sniffer = Sniffer(site.client)
        client = (site.client.addresses[0], flow.socket.getsockname()[1])
        for _ in range(20):
            send_stray_ack(site.client, client, (V4, 8080))
            send_stray_ack(site.machines[0], (site.machines[0].addresses[0], 8080), client)
        for _ in range(3):
            assert flow.ask()[0] == "b1", "the connection was cut"
        assert sniffer.resets() == 0


@test("S1")
def affinity_keeps_a_client_at_one_destination(lab):
    site = start(lab)
    for machine in site.machines:
        site.serve(machine, tcp=(80, 443), udp=(443,))
    site.balance(ports=["TCP 80", "TCP 443", "UDP 443"], extra=["affinity ClientIP"])
    for vip in (V4, V6):
        answers = {ask(site.client, vip, port)[0] for _ in range(34)
                   for ask, port in ((ask_tcp, 80), (ask_tcp, 443), (ask_udp, 443))}
        assert len(answers) == 1, answers
    homes = set()
    for i in range(20, 40):
        other = site.machine(f"c{i}", f"10.1.0.{i}", f"fd01::{i:x}")
        homes.add(ask_tcp(other, V4, 80)[0])
    assert len(homes) > 1, "all clients at one destination"


@test("P1")
def a_killed_worker_loses_nothing_and_adopts(lab):
    site = start(lab)
    site.balance()
    with Callers(site.client, V4, 8080) as callers:
        wait_until("traffic", lambda: len(callers.answers) > 50)
        before = site.namespace.nft("-a", "-s", "list", "table", "inet", "ilb")
        for destinations in ((), (2, 3)):  # the same state, and another
            site.worker.kill()
            site.worker = Worker(lab, os.path.dirname(site.namespace.path))
            site.worker.open(site.net)
            site.apply(load_balancer(destinations=site.addresses(*destinations)), snapshot=True)
            if not destinations:
                after = site.namespace.nft("-a", "-s", "list", "table", "inet", "ilb")
                assert after == before, "the table was touched"
            n = len(callers.answers)
            wait_until("traffic", lambda n=n: len(callers.answers) > n + 50)
    assert not callers.failures, callers.failures
    assert set(callers.answers[-20:]) == {"b2", "b3"}


@test("P1-leftovers")
def what_went_while_nobody_looked_is_cleaned_up(lab):
    site = start(lab)
    other = load_balancer(2, vips=["10.96.0.2"], destinations=site.addresses(1))
    site.apply(load_balancer(destinations=site.addresses(1)), other, snapshot=True)
    streams = [Stream(site.client, vip, 5353, 0.01) for vip in (V4, V6, "10.96.0.2")]
    try:
        with Connection(site.client, V4, 8080) as flow:
            flow.ask()
            site.worker.kill()
            site.worker = Worker(lab, os.path.dirname(site.namespace.path))
            site.worker.open(site.net)
            site.apply(load_balancer(destinations=site.addresses(2), extra=["drain 2"]),
                       snapshot=True)
            n = len(site.servers[1].datagrams)
            wait_until("both families moved", lambda: len(site.servers[1].datagrams) > n + 5)
            assert flow.ask()[0] == "b1", "the connection is drained, not cut"
            wait_until("it is cut after the drain", lambda: answered(flow) is None)
        site.wait_no_entries("mark=513")
    finally:
        for stream in streams:
            stream.close()


@test("P1-drain")
def a_drain_goes_on_after_an_adoption(lab):
    site = start(lab)
    site.balance(1, extra=["drain 3"])
    with Connection(site.client, V4, 8080) as flow:
        flow.ask()
        site.balance(2, extra=["drain 3"])
        assert flow.ask()[0] == "b1"
        site.worker.kill()
        site.worker = Worker(lab, os.path.dirname(site.namespace.path))
        site.worker.open(site.net)
        site.apply(load_balancer(destinations=site.addresses(2), extra=["drain 3"]), snapshot=True)
        assert flow.ask()[0] == "b1", "the connection is drained, not cut"
        wait_until("it is cut after the drain", lambda: answered(flow) is None)


@test("P3-move")
def an_address_may_move_within_one_change(lab):
    site = start(lab, n_destinations=2)

    def at(number, vip):
        return load_balancer(number, vips=[f"10.98.0.{vip}"], ports=["TCP 8080", "TCP 9000-9100"],
                             destinations=site.addresses(number)[:1])

    site.apply(at(1, 1), at(2, 2), snapshot=True)
    # Both let go of an address, and the first wants what the second still has.
    status = site.apply(at(1, 2), at(2, 3))
    assert status["n_refused"] == 0, status["refusals"]
    assert [ask_tcp(site.client, f"10.98.0.{i}", 8080)[0] for i in (2, 3)] == ["b1", "b2"]
    # Who lets go is named last, with the same ports and with others.
    status = site.apply(load_balancer(3, vips=["10.98.0.2"], destinations=site.addresses(2)[:1]),
                        at(1, 4))
    assert status["n_refused"] == 0, status["refusals"]
    assert [ask_tcp(site.client, f"10.98.0.{i}", 8080)[0] for i in (4, 2)] == ["b1", "b2"]
    status = site.apply(load_balancer(4, vips=["10.98.0.4"], ports=["TCP 80"],
                                      destinations=site.addresses(2)[:1]), at(1, 5))
    assert status["n_refused"] == 0, status["refusals"]
    vips = site.namespace.nft("list", "set", "inet", "ilb", "vip4")
    assert all(f"10.98.0.{i}" in vips for i in (2, 3, 4, 5)), vips


@test("P3-swap")
def addresses_may_be_exchanged_within_one_change(lab):
    site = start(lab, n_destinations=3)

    def at(number, vip):
        return load_balancer(number, vips=[f"10.98.0.{vip}", f"fd98::{vip}"],
                             ports=["TCP 8080", "TCP 9000-9100"],
                             destinations=site.addresses(min(number, 3)))

    site.apply(*[at(i, i) for i in (1, 2, 3)], snapshot=True)
    with Callers(site.client, "10.98.0.1", 8080) as callers:
        for shift in (1, 2, 0, 2, 1):
            holders = [(i + shift) % 3 + 1 for i in range(3)]
            status = site.apply(*[at(i + 1, vip) for i, vip in enumerate(holders)])
            assert status["n_refused"] == 0, status["refusals"]
            for i, vip in enumerate(holders):
                assert ask_tcp(site.client, f"10.98.0.{vip}", 8080)[0] == f"b{i + 1}"
                assert ask_tcp(site.client, f"fd98::{vip}", 8080)[0] == f"b{i + 1}"
    assert callers.answers  # one that is open when its address moves is cut
    # One that is refused for reasons of its own holds back none of those that exchange theirs,
    site.apply(*[at(i, i) for i in (1, 2, 3)])
    status = site.apply(at(1, 2), at(2, 1), at(4, 3))
    assert status["n_refused"] == 1, status["refusals"]
    for vip, name in ((2, "b1"), (1, "b2"), (3, "b3")):
        assert ask_tcp(site.client, f"10.98.0.{vip}", 8080)[0] == name
    # also where each of them could do so without the other.
    def other_port(number, vip):
        return load_balancer(number, vips=[f"10.98.0.{vip}", f"fd98::{vip}"],
                             ports=["TCP 7070" if number == 2 else "UDP 5353"],
                             destinations=site.addresses(number))
    site.apply(other_port(1, 2), other_port(2, 1))
    site.apply(other_port(1, 1), other_port(2, 2))
    vips = site.namespace.nft("list", "set", "inet", "ilb", "vip4")
    assert all(f"10.98.0.{i}" in vips for i in (1, 2, 3)), vips


@test("P1-dead")
def what_was_dead_is_not_adopted_as_alive(lab):
    site = start(lab, n_destinations=1)
    address = site.addresses(1)[0]
    site.apply(load_balancer(destinations=[f"{address} dead"]), snapshot=True)
    site.worker.kill()
    site.worker = Worker(lab, os.path.dirname(site.namespace.path))
    site.worker.open(site.net)
    site.apply(load_balancer(destinations=[address]), snapshot=True)
    assert ask_tcp(site.client, V4, 8080)[0] == "b1", "it is back, and refused for ever"


@test("P1-name")
def what_another_name_has_left_is_not_adopted(lab):
    site = start(lab, n_destinations=1)
    lb = load_balancer(destinations=[f"{address} node n2" for address in site.addresses(1)])
    site.apply(lb, snapshot=True)
    site.worker.kill()
    site.worker = Worker(lab, os.path.dirname(site.namespace.path), node="n2")
    site.worker.open(site.net)
    site.apply(lb, snapshot=True)
    for vip in (V4, V6):
        assert ask_tcp(site.machines[0], vip, 8080) == ("b1", vip), "it is here, and not known to be"


@test("P3")
def one_that_the_kernel_refuses_holds_back_no_other(lab):
    site = start(lab, n_destinations=1)
    lbs = [load_balancer(i, vips=[f"10.97.{i // 250}.{i % 250 + 1}"], ports=["TCP 8080"],
                         destinations=site.addresses(1)[:1]) for i in range(1, 1001)]
    # The address and port of the 500th again, for another LoadBalancer: the kernel knows one.
    lbs[699] = load_balancer(700, vips=["10.97.2.1"], ports=["TCP 8080"],
                             destinations=site.addresses(1)[:1])
    status = site.apply(*lbs, snapshot=True)
    assert status["n_refused"] == 1 and len(status["addresses"]) == 999, status["refusals"]
    assert "File exists" in status["refusals"]["700"]
    for i in (1, 500, 699, 701, 1000):
        assert ask_tcp(site.client, f"10.97.{i // 250}.{i % 250 + 1}", 8080)[0] == "b1"
    status = site.apply(removed=[500])
    assert status["n_refused"] == 0, "it is tried again when its place is free"
    assert ask_tcp(site.client, "10.97.2.1", 8080)[0] == "b1"


@test("P4")
def edits_of_others_are_repaired(lab):
    site = start(lab)
    site.balance()

    def listing():
        return site.namespace.run("nft", "-s", "list", "table", "inet", "ilb", check=False).stdout

    wanted = listing()
    with Callers(site.client, V6, 8080) as callers:
        for words in (["flush", "ruleset"], ["flush", "map", "inet", "ilb", "slot4"],
                      ["add", "element", "inet", "ilb", "vip4", "{ 10.1.2.3 }"],
                      ["delete", "table", "inet", "ilb"]):
            site.namespace.nft(*words)
            report = site.worker.expect(site.net, "changed")
            assert "was changed by" in report["status"]["conditions"]["TableRepaired"]
            # One edit may be noticed in two parts, and the report be of the first.
            wait_until(f"{words} is repaired", lambda: listing() == wanted)
            assert ask_tcp(site.client, V4, 8080)
    assert callers.answers
    site.namespace.nft("add", "table", "inet", "other")
    status = site.balance(1)
    assert "TableRepaired" not in status["conditions"]


@test("P14")
def foreign_state_is_left_alone(lab):
    site = start(lab)
    site.namespace.nft("add", "table", "inet", "firewall")
    site.namespace.nft("add", "chain", "inet", "firewall", "input",
                       "{ type filter hook input priority 0; }")
    site.namespace.nft("add", "rule", "inet", "firewall", "input", "tcp", "dport", "22", "drop")
    site.namespace.nft("add", "table", "ip", "ilb")
    site.namespace.ip("address add 10.55.0.1/24 dev lo", f"address add {V6}/128 dev lo",
                      "route add local 10.55.7.0/24 dev lo table local proto static")

    def state():
        return [site.namespace.nft("list", "ruleset"),
                *[site.namespace.run("ip", *words).stdout for words in (
                    ("-4", "route", "show", "table", "all"),
                    ("-6", "route", "show", "table", "all"), ("address",))]]

    before = state()
    site.balance()
    assert ask_tcp(site.client, V4, 8080) and ask_tcp(site.client, V6, 8080)
    assert "tcp dport 22 drop" in site.namespace.nft("list", "table", "inet", "firewall")
    site.apply(removed=[1])
    assert state() == before


@test("O8")
def a_kernel_without_flowtables_is_reported(lab):
    site = start(lab)
    done = site.namespace.run("nft", "-c", "-f", "-", check=False, text_input="""
        table inet probe {
            flowtable f { hook ingress priority 0; devices = { lo }; }
            chain c { type filter hook forward priority 0; flow add @f
            }
        }""")
    conditions = site.balance()["conditions"]
    assert ("FlowtableUnsupported" in conditions) == (done.returncode != 0), conditions
    assert ask_tcp(site.client, V4, 8080)


@test("conditions")
def what_is_wrong_is_said(lab):
    site = start(lab)
    assert "ForwardingDisabled" not in site.balance()["conditions"]
    site.namespace.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    report = site.worker.expect(site.net, "changed")
    assert "net.ipv4.ip_forward" in report["status"]["conditions"]["ForwardingDisabled"]
    site.namespace.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    report = site.worker.expect(site.net, "changed")
    assert "ForwardingDisabled" not in report["status"]["conditions"]


@test("count")
def what_load_balancers_carry_is_known(lab):
    site = start(lab)
    site.balance(1, 2, ports=["TCP 8080", "UDP 5353", "TCP 20000-20099"])
    counted = lambda **options: site.worker.count(site.net, **options)["lbs"]["default/lb-1"]
    assert counted()["connections"] == 0
    for _ in range(10):
        assert ask_tcp(site.client, V4, 8080) and ask_tcp(site.client, V6, 8080)
    lb = counted()
    assert lb["connections"] == 20, lb
    destinations = lb["destinations"]
    assert sum(row["live"] for row in destinations.values()) == lb["live"] == 20, lb
    assert set(destinations) <= set(site.addresses(1, 2)), destinations
    for direction in (0, 1):  # SYN, ACK, request, FIN ... of each; headers, at least
        assert 20 * 3 <= lb["sums"][direction]["packets"] <= 20 * 12, lb
        assert lb["sums"][direction]["bytes"] >= 52 * lb["sums"][direction]["packets"], lb
    # Without a destination the class is another, so all elements of svc are written anew.
    before = counted()
    site.balance(ports=["TCP 8080"])
    site.balance(1, ports=["TCP 8080"])
    assert counted()["connections"] == before["connections"]
    assert counted()["sums"][0]["bytes"] == before["sums"][0]["bytes"]
    assert ask_tcp(site.client, V4, 8080)
    assert counted(destinations=False)["connections"] == before["connections"] + 1
    site.apply(removed=[1])
    assert site.worker.count(site.net)["lbs"] == {}
    assert site.worker.count("other")["networks"] == 0


main()
