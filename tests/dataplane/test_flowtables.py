#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_flowtables.py ID...: flows that skip the rules, with packets; where the kernel can."""

import os
import re
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))

# pylint: disable=wrong-import-position
from bulk import Background, connect, listener, receive_bytes, send_bytes, transfer
from cases import main, start, test
from dataplane import V4, V6, load_balancer
from lab import GATEWAY4, GATEWAY6, skip, wait_until
from traffic import Connection, Stream, ask_tcp

SIZE = int(os.environ.get("ILB_TRANSFER_BYTES", "100000000"))
PORTS = ["TCP 8080", "TCP 9000", "UDP 5353"]


def start_offloading(lab, **options):
    site = start(lab, **options)
    if "FlowtableUnsupported" in site.balance(ports=PORTS)["conditions"]:
        skip("the kernel has no flowtables (CONFIG_NF_FLOW_TABLE)")
    return site


def offloaded(site, *words):
    return site.entries_of("OFFLOAD", *words)


def pair(site, vip, number=1):
    """Both ends of a connection through the VIP."""
    machine = site.machines[number - 1]
    with listener(machine, machine.addresses[vip == V6], 9000) as server:
        return connect(site.client, server, vip, 9000)


def warm(site, client, server, vip):
    """Until the connection is offloaded."""
    def is_offloaded():
        for a, b in ((client, server), (server, client)) * 6:
            a.sendall(b"x")
            assert b.recv(1) == b"x"
        return offloaded(site, f"dst={vip} ", "dport=9000")
    wait_until("the connection is offloaded", is_offloaded)


def count_forwarded(site):
    site.namespace.run("nft", "-f", "-", text_input="""
        table inet count { chain forward {
            type filter hook forward priority 10;
            tcp dport 9000 counter
            tcp sport 9000 counter
        }
        }""")


def forwarded(site):
    listing = site.namespace.nft("list", "table", "inet", "count")
    return sum(int(n) for n in re.findall(r"bytes (\d+)", listing))


@test("O1")
def a_large_file_skips_the_rules(lab):
    site = start_offloading(lab, n_destinations=1)
    for vip in (V4, V6):
        count_forwarded(site)
        client, server = pair(site, vip)
        with client, server:
            transfer(client, server, SIZE // 2)
            assert offloaded(site, f"dst={vip} ", "dport=9000"), "not offloaded"
            transfer(server, client, SIZE // 2)
        assert forwarded(site) < SIZE / 10, f"{forwarded(site)} of {SIZE} bytes met the rules"
        site.namespace.nft("delete", "table", "inet", "count")
    assert site.namespace.nft("list", "set", "inet", "ilb", "acct_original")


@test("O2")
def a_path_of_different_sizes(lab):
    site = start_offloading(lab, n_destinations=1)
    site.namespace.ip(f"link set {port_of(site, site.client)} mtu 9000")
    site.client.namespace.ip("link set eth0 mtu 9000")
    # The destination claims to take what its link does not: only the path's messages help.
    machine = site.machines[0]
    machine.namespace.ip(f"route change default via {GATEWAY4} dev eth0 onlink advmss 8960",
                         f"route change default via {GATEWAY6} dev eth0 advmss 8940")
    for vip in (V4, V6):
        client, server = pair(site, vip)
        with client, server:
            warm(site, client, server, vip)
            transfer(client, server, SIZE // 20)
            transfer(server, client, SIZE // 20)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@test("O3")
def ends_of_connections_pass(lab):
    site = start_offloading(lab, n_destinations=1)
    for vip in (V4, V6):
        client, server = pair(site, vip)
        with client, server:  # half-closed: the other direction goes on
            warm(site, client, server, vip)
            client.shutdown(socket.SHUT_WR)
            assert server.recv(1) == b"", "no end came"
            transfer(server, client, 1 << 20)
            server.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b"", "no end came"
        for near, far in ((0, 1), (1, 0)):
            ends = pair(site, vip)
            warm(site, *ends, vip)
            reset(ends[near])
            try:
                assert ends[far].recv(1) == b"?", "no reset came"
            except ConnectionResetError:
                pass
            ends[far].close()
        wait_until("nothing is offloaded", lambda v=vip: not offloaded(site, f"dst={v} "))


def replug(site, machine, port):
    """The machine's cable is taken away, and another one put in, with the same names."""
    site.namespace.ip(f"link delete {port}")
    site.lab.join(machine.namespace, "eth0", site.namespace, port)
    machine.namespace.ip(*[f"address add {address} dev eth0" for address in machine.addresses],
                         f"route add {GATEWAY4} dev eth0",
                         f"route add default via {GATEWAY4} dev eth0 onlink",
                         f"route add default via {GATEWAY6} dev eth0")
    site.namespace.ip(f"address add {GATEWAY4}/32 dev {port}",
                      f"address add {GATEWAY6}/64 dev {port} scope link nodad",
                      *[f"route add {address} dev {port}" for address in machine.addresses])


def port_of(site, machine):
    return site.namespace.run("ip", "route", "get",
                              machine.addresses[0]).stdout.partition(" dev ")[2].split()[0]


def flowtable_devices(site):
    listing = site.namespace.nft("list", "flowtable", "inet", "ilb", "ft")
    return re.findall(r'"?([\w-]+)"?', listing.partition("devices = {")[2].partition("}")[0])


@test("O4")
def ports_come_and_go_during_a_transfer(lab):
    site = start_offloading(lab, n_destinations=2)
    site.balance(1, ports=PORTS)
    for vip in (V4, V6):
        client, server = pair(site, vip)
        with client, server:
            warm(site, client, server, vip)
            receiving = Background(receive_bytes, server, SIZE // 4)
            sending = Background(send_bytes, client, SIZE // 4)
            for machine in (site.machines[1], site.machines[0], site.client):
                port = port_of(site, machine)
                replug(site, machine, port)
                wait_until(f"{port} is offloaded from",
                           lambda p=port: p in flowtable_devices(site))
            assert sending.result() == receiving.result(), "what arrived is not what was sent"


@test("O5")
def a_vanished_device_fails_nothing(lab):
    site = start_offloading(lab, n_destinations=1)
    for i in range(10):
        other = site.machine(f"v{i}", f"10.1.1.{i + 1}", f"fd01::1:{i + 1}")
        port = port_of(site, other)
        if i % 2:
            wait_until("it is offloaded from", lambda p=port: p in flowtable_devices(site))
        site.namespace.ip(f"link delete {port}")
        status = site.balance(1, ports=[*PORTS, f"TCP {1000 + i}"])
        assert status["n_refused"] == 0 and "FlowtableFailed" not in status["conditions"], status
    assert "FlowtableUnsupported" not in status["conditions"]
    assert ask_tcp(site.client, V4, 8080)[0] == "b1"


@test("O6-M1")
def offloaded_connections_drain(lab):
    site = start_offloading(lab)
    options = {"ports": PORTS, "extra": ["drain 3"]}
    site.balance(**options)
    flows = [Connection(site.client, vip, 8080) for _ in range(6) for vip in (V4, V6)]
    for _ in range(15):
        homes = [flow.ask()[0] for flow in flows]
    wait_until("all are offloaded", lambda: [flow.ask() for flow in flows] and
               len(offloaded(site, "dport=8080")) == len(flows))
    gone = homes[0]
    number = int(gone[1:])
    begin = time.monotonic()
    site.balance(*[i for i in (1, 2, 3) if i != number], **options)
    assert [flow.ask()[0] for flow in flows] == homes, "running flows went elsewhere"
    leaving = [flow for flow, home in zip(flows, homes) if home == gone]
    wait_until("they are cut", lambda: all(cut(flow) for flow in leaving))
    assert time.monotonic() - begin >= 3, "cut before the drain was over"
    for flow, home in zip(flows, homes):
        assert home == gone or flow.ask()[0] == home, f"a flow to {home} was cut"
        flow.reset()


def cut(flow):
    flow.socket.settimeout(0.5)
    try:
        flow.ask()
    except OSError:
        return True
    return False


@test("O6-M2")
def offloaded_datagrams_move(lab):
    site = start_offloading(lab, n_destinations=2)
    old, new = site.servers
    for vip in (V4, V6):
        site.balance(1, ports=PORTS)
        stream = Stream(site.client, vip, 5353, 0.01)
        try:
            wait_until("offloaded", lambda v=vip: offloaded(site, "udp", f"dst={v} "))
            site.balance(2, ports=PORTS)
            begin = time.monotonic()
            new.datagrams.clear()
            wait_until("the new one is served", lambda: new.datagrams, step=0.005)
            assert time.monotonic() - begin < 1, "moved late"
            old.datagrams.clear()
            wait_until("offloaded again", lambda v=vip: offloaded(site, "udp", f"dst={v} "))
            assert not old.datagrams, "a datagram reached the old destination"
        finally:
            stream.close()
        site.apply(load_balancer(ports=PORTS))


@test("D26")
def what_is_offloaded_is_counted(lab):
    """Bytes of LoadBalancers are what was sent, within headers, also of connections that ended."""
    site = start_offloading(lab, n_destinations=1)
    sent = [0, 0]  # from the client, to it
    for vip in (V4, V6):
        count_forwarded(site)
        client, server = pair(site, vip)
        with client, server:
            for direction, size in ((0, SIZE // 4), (1, SIZE // 8)):
                ends = (client, server) if direction == 0 else (server, client)
                transfer(*ends, size)
                sent[direction] += size
                check_count(site, sent)
            assert offloaded(site, f"dst={vip} ", "dport=9000"), "not offloaded"
        assert forwarded(site) < SIZE / 10, "not offloaded"
        site.namespace.nft("delete", "table", "inet", "count")
    site.namespace.run("conntrack", "-F")
    check_count(site, sent)
    # One that nobody looked at while it lived: its end alone tells what it carried.
    client, server = pair(site, V4)
    with client, server:
        transfer(client, server, SIZE // 8)
        sent[0] += SIZE // 8
        site.namespace.run("conntrack", "-F")
    check_count(site, sent)
    counted = site.worker.count(site.net)["lbs"]["default/lb-1"]
    assert counted["live"] <= 1 and counted["connections"] >= 3, counted
    assert sum(row["sums"][0]["bytes"] for row in counted["destinations"].values()) == \
        counted["sums"][0]["bytes"], counted


def check_count(site, sent):
    count = site.worker.count(site.net)
    assert count["offloads"] and not count["missed"], count
    sums = count["lbs"]["default/lb-1"]["sums"]
    for direction in (0, 1):
        data = sums[direction]["bytes"]
        # Acknowledgements of the other direction count here, too: packets without data.
        most = sent[direction] + 80 * sums[direction]["packets"]
        assert sent[direction] <= data <= most, (direction, sent, sums)


main()
