#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_services.py ID...: protocols, weights, ports and sources of LoadBalancers, with packets."""

import collections
import os
import select
import socket
import sys
import types

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

# pylint: disable=wrong-import-position
import sctp
from cases import expect_refused, families, main, refuse_without_limit, start, test
from dataplane import V4, V6, load_balancer
from traffic import ask_tcp, ask_udp


def expect_shares(counts, weights, name):
    """Within four standard deviations of a fair draw."""
    total = sum(counts.values())
    for home, weight in weights.items():
        share = weight / sum(weights.values())
        sigma = (total * share * (1 - share)) ** 0.5
        assert abs(counts[home] - total * share) <= 4 * sigma, f"{name}: {dict(counts)}"


def associate(client, servers, vip, source_port):
    """INIT and INIT ACK of one association through the VIP. Gives the server's name."""
    client.send(vip, source_port, 9899, 0, sctp.INIT)
    ready = select.select([server.socket for server in servers], [], [], 5)[0]
    assert len(ready) == 1, f"an INIT reached {len(ready)} destinations"
    server = next(server for server in servers if server.socket is ready[0])
    init, sender = server.receive()
    assert init.intact, "the checksum is wrong at the destination"
    assert (init.source_port, init.port) == (source_port, 9900), "the port is not translated"
    server.send(sender, 9900, source_port, init.initiate_tag, sctp.INIT_ACK)
    answer, peer = client.receive()
    assert answer.intact, "the checksum is wrong at the client"
    assert (answer.kind, answer.source_port, answer.port) == (sctp.INIT_ACK, 9899, source_port)
    assert peer == vip, f"the answer comes from {peer}"
    return server.name, sender


@test("A2-SCTP")
def spreads_sctp(lab):
    site = start(lab)
    site.balance(ports=["SCTP 9899 to 9900"])
    for vip, address in families(site):
        client = sctp.Endpoint(site.client, vip)
        servers = [sctp.Endpoint(machine, vip) for machine in site.machines]
        answers = [associate(client, servers, vip, port) for port in range(20000, 20300)]
        assert {sender for _, sender in answers} == {address}, "the source was changed"
        counts = collections.Counter(name for name, _ in answers)
        expect_shares(counts, {"b1": 1, "b2": 1, "b3": 1}, vip)
        for endpoint in (client, *servers):
            endpoint.close()


@test("A3")
def weights_decide_the_shares(lab):
    site = start(lab, n_destinations=4)
    weights = {"b1": 1, "b2": 2, "b3": 3, "b4": 0}
    site.apply(load_balancer(destinations=[
        f"{address} weight {weights[machine.name]}"
        for machine in site.machines for address in machine.addresses]))
    for vip in (V4, V6):
        for ask, port in ((ask_tcp, 8080), (ask_udp, 5353)):
            counts = collections.Counter(ask(site.client, vip, port)[0] for _ in range(400))
            assert counts["b4"] == 0, "weight 0 got something"
            expect_shares(counts, {"b1": 1, "b2": 2, "b3": 3}, f"{vip} {port}")


@test("A4")
def ranges_of_ports_beside_single_ones(lab):
    site = start(lab, n_destinations=1)
    refuse_without_limit(site)
    open_tcp = (1, 80, 8000, 8005, 8010, 9000, 9050, 9100, 65535)
    open_udp = (1, 17, 40, 65500, 65535)
    closed_tcp, closed_udp = (2, 79, 81, 7999, 8011, 8999, 9101, 65534), (41, 65499, 8000)
    site.serve(site.machines[0], tcp=open_tcp + closed_tcp, udp=open_udp + closed_udp)
    site.balance(ports=["TCP 1", "TCP 80", "TCP 8000-8010", "TCP 9000-9100", "TCP 65535",
                        "UDP 1-40", "UDP 65500-65535"])
    for vip in (V4, V6):
        for ask, opened, closed in ((ask_tcp, open_tcp, closed_tcp),
                                    (ask_udp, open_udp, closed_udp)):
            for port in opened:
                assert ask(site.client, vip, port)[0] == "b1", f"{vip} {port}"
            for port in closed:
                expect_refused(f"{vip} {port}", lambda v=vip, p=port, a=ask: a(site.client, v, p))


@test("A6")
def a_family_without_destinations_refuses(lab):
    site = start(lab)
    site.apply(load_balancer(destinations=[machine.addresses[0] for machine in site.machines]))
    assert ask_tcp(site.client, V4, 8080) and ask_udp(site.client, V4, 5353)
    expect_refused("TCP", lambda: ask_tcp(site.client, V6, 8080))
    expect_refused("UDP", lambda: ask_udp(site.client, V6, 5353))


@test("target-port")
def the_destination_listens_on_another_port(lab):
    site = start(lab)
    for i, machine in enumerate(site.machines):
        server = site.serve(machine, tcp=(8443,), udp=(5300,))
        server.name = f"target-{i}"
    site.balance(ports=["TCP 80 to 8443", "UDP 53 to 5300", "TCP 8080"])
    for vip, address in families(site):
        for _ in range(20):
            for ask, port in ((ask_tcp, 80), (ask_udp, 53)):
                name, client = ask(site.client, vip, port)
                assert name.startswith("target-") and client == address, (name, client)
            assert ask_tcp(site.client, vip, 8080)[0].startswith("b")
        expect_refused("the target port", lambda v=vip: ask_tcp(site.client, v, 8443))
    site.balance(ports=["TCP 80 to 8080"])
    assert ask_tcp(site.client, V4, 80)[0].startswith("b"), "another target port, live"


@test("source-ranges")
def only_clients_of_the_ranges_are_served(lab):
    site = start(lab)
    refuse_without_limit(site)
    other = site.machine("c2", "10.1.0.12", "fd01::12")
    ranges = ["source 10.1.0.8/30", "source fd01::8/126"]
    site.balance(extra=ranges)
    for vip in (V4, V6):
        for ask, port in ((ask_tcp, 8080), (ask_udp, 5353)):
            for _ in range(20):
                assert ask(site.client, vip, port), "a client inside"
            expect_refused("outside", lambda v=vip, a=ask, p=port: a(other, v, p))
    site.balance(extra=[*ranges, "source 10.1.0.12/32", "source fd01::12/128"])
    assert ask_tcp(other, V4, 8080) and ask_udp(other, V6, 5353), "a range more, live"
    site.balance()
    assert ask_tcp(other, V6, 8080) and ask_udp(other, V4, 5353), "no ranges any more"


@test("output")
def the_namespace_itself_is_a_client(lab):
    site = start(lab)
    site.balance()
    inside = types.SimpleNamespace(namespace=site.namespace)
    # Over IPv6 a client without an address of global scope would get ::1 or a link's own.
    site.namespace.ip("address add fd01::ff/128 dev lo nodad")
    for vip in (V4, V6):
        for ask, port in ((ask_tcp, 8080), (ask_udp, 5353)):
            assert {ask(inside, vip, port)[0] for _ in range(60)} == {"b1", "b2", "b3"}
        expect_refused("unused port", lambda v=vip: ask_tcp(inside, v, 81))
        try:
            ask_udp(inside, vip, 82)
        except (ConnectionRefusedError, PermissionError):
            continue  # send() itself fails where the refusal stands in the output hook
        raise AssertionError("an unused port answered")


class Ear:
    """Sees which transport packets arrive at a machine."""

    def __init__(self, machine):
        with machine.namespace:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self.socket.setblocking(False)

    def ports(self):
        """(protocol, destination port) of what came in."""
        found = set()
        while True:
            try:
                data, (_, protocol, direction, *_) = self.socket.recvfrom(2048)
            except BlockingIOError:
                return found
            if direction == socket.PACKET_OUTGOING or protocol not in (0x0800, 0x86dd):
                continue
            kind, at = (data[9], (data[0] & 15) * 4) if protocol == 0x0800 else (data[6], 40)
            if kind in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
                found.add((kind, int.from_bytes(data[at + 2:at + 4], "big")))


@test("D28")
def unlisted_ports_are_never_forwarded(lab):
    site = start(lab)
    refuse_without_limit(site)
    ears = [Ear(machine) for machine in site.machines]
    site.balance(ports=["TCP 8080", "UDP 5353", "TCP 9000-9100"])
    closed = [(ask_tcp, port) for port in (1, 81, 5353, 8079, 8081, 8999, 9101, 65535)]
    closed += [(ask_udp, port) for port in (1, 53, 8080, 9000, 5352, 5354, 65535)]
    for vip in (V4, V6):
        for ask, port in closed:
            expect_refused(f"{vip} {port}", lambda v=vip, a=ask, p=port: a(site.client, v, p))
        assert ask_tcp(site.client, vip, 8080) and ask_udp(site.client, vip, 5353)
        assert site.client.ping(vip), "answered, and not by a destination"
    listed = {(socket.IPPROTO_TCP, 8080), (socket.IPPROTO_UDP, 5353)}
    for ear in ears:
        strangers = {(kind, port) for kind, port in ear.ports() - listed if port < 30000}
        assert not strangers, f"forwarded: {strangers}"
        ear.socket.close()


main()
