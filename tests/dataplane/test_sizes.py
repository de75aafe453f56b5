#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_sizes.py ID...: narrow paths, fragments and datagrams that come at once, with packets."""

import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

# pylint: disable=wrong-import-position
from bulk import Background, connect, listener, transfer
from cases import families, main, start, test
from dataplane import V4, V6, load_balancer
from lab import GATEWAY4, GATEWAY6, Machine
from traffic import open_socket

NARROW = 1300


class FarMachine(Machine):
    """A machine behind a router of its own, with a narrow link between the two.

    It offers segments as large as if the link were not narrow: only messages from mid-path can
    tell its peers.
    """

    # pylint: disable-next=super-init-not-called
    def __init__(self, site, name, address4, address6):
        self.name, self.network, self.addresses = name, site.namespace, [address4, address6]
        self.lab = site.lab
        self.namespace = site.lab.namespace(f"far-{name}")
        self.router = site.lab.namespace(f"router-{name}")
        self.router.forward()
        site.lab.join(self.namespace, "eth0", self.router, "narrow")
        site.lab.join(self.router, "wide", site.namespace, f"far-{name}")
        self.namespace.ip(f"link set eth0 mtu {NARROW}", f"address add {address4} dev eth0",
                          f"address add {address6} dev eth0",
                          f"route add {GATEWAY4} dev eth0",
                          f"route add default via {GATEWAY4} dev eth0 onlink advmss 1460",
                          f"route add default via {GATEWAY6} dev eth0 advmss 1440")
        # The router's messages need addresses that lead somewhere.
        self.router.ip(f"link set narrow mtu {NARROW}",
                       f"address add {GATEWAY4}/32 dev narrow",
                       f"address add {GATEWAY6}/64 dev narrow nodad",
                       f"route add {address4} dev narrow", f"route add {address6} dev narrow",
                       "address add 169.254.9.2/30 dev wide", "address add fe80::2/64 dev wide nodad",
                       "address add fd09::2/64 dev wide nodad",
                       "route add default via 169.254.9.1", "route add default via fd09::1")
        site.namespace.ip(f"address add 169.254.9.1/30 dev far-{name}",
                          f"address add fd09::1/64 dev far-{name} nodad",
                          f"route add {address4} via 169.254.9.2",
                          f"route add {address6} via fd09::2")


def learned(machine, address):
    """Whether the machine knows how narrow the path to the address is."""
    return f"mtu {NARROW}" in machine.namespace.run("ip", "route", "get", address).stdout


def exchange(client, server_machine, vip, address):
    """Both directions through the VIP, more than a window each."""
    with listener(server_machine, address, 9000) as server:
        ends = connect(client, server, vip, 9000)
        with ends[0], ends[1]:
            transfer(ends[0], ends[1], 1 << 20)
            transfer(ends[1], ends[0], 1 << 20)


@test("R4-client")
def a_destination_learns_of_a_narrow_path_to_a_client(lab):
    site = start(lab, n_destinations=1)
    far = FarMachine(site, "c", "10.1.0.77", "fd01::77")
    site.balance(ports=["TCP 9000"])
    b1 = site.machines[0]
    for vip, address, back in zip((V4, V6), b1.addresses, far.addresses):
        exchange(far, b1, vip, address)
        assert learned(b1, back), f"{address} was not told"


@test("R4-destination")
def a_client_learns_of_a_narrow_path_to_a_destination(lab):
    site = start(lab, n_destinations=1)
    far = FarMachine(site, "b", "10.1.0.77", "fd01::77")
    site.apply(load_balancer(ports=["TCP 9000"], destinations=far.addresses))
    for vip, address in zip((V4, V6), far.addresses):
        exchange(site.client, far, vip, address)
        assert learned(site.client, vip), f"the client was not told about {vip}"
        assert not learned(site.client, address), "it was told about the destination itself"


@test("R5")
def fragmented_datagrams_arrive_both_ways(lab):
    site = start(lab)
    site.balance(ports=["UDP 5000"])
    for i, (vip, address) in enumerate(families(site)):
        servers = [listener(machine, machine.addresses[i], 5000, socket.SOCK_DGRAM)
                   for machine in site.machines]
        answering = [Background(echo, server) for server in servers]
        for size in (1473, 4000, 9000, 60000):
            payload = os.urandom(size)
            with open_socket(site.client, socket.SOCK_DGRAM, vip) as client:
                client.settimeout(10)
                client.connect((vip, 5000))
                client.send(payload)
                assert client.recv(65536) == address.encode() + payload, f"{vip} {size}"
        for server, thread in zip(servers, answering):
            end_echo(site, server, thread)


def echo(server):
    while True:
        data, client = server.recvfrom(65536)
        if data == b"end":
            return
        server.sendto(client[0].encode() + data, client)


def end_echo(site, server, thread):
    address = server.getsockname()[0]
    with open_socket(site.client, socket.SOCK_DGRAM, address) as client:
        client.sendto(b"end", (address, 5000))
    thread.result()
    server.close()


def send_at_once(client, vip):
    """Two datagrams of one socket from two threads, as a resolver asks for A and AAAA."""
    barrier = threading.Barrier(2)

    def send(payload):
        barrier.wait()
        client.sendto(payload, (vip, 5353))

    senders = [Background(send, payload) for payload in (b"A", b"AAAA")]
    for sender in senders:
        sender.result()


@test("R7")
def two_first_datagrams_at_once_are_both_answered(lab):
    site = start(lab)
    site.balance()
    for vip in (V4, V6):
        for _ in range(300):
            with open_socket(site.client, socket.SOCK_DGRAM, vip) as client:
                client.settimeout(5)
                client.bind(("", 0))  # or the two race for the socket's port, which IPv6 loses
                send_at_once(client, vip)
                answers = {client.recv(4096) for _ in range(2)}
                assert len(answers) == 1, f"one socket, two destinations: {answers}"


main()
