# SPDX-License-Identifier: Apache-2.0
"""Ways from a client to a server through a router, each in three namespaces of its own."""

import subprocess

from measure import Group, Missing, program, start
from peers import Haproxy, Peer, destination, vip


class Routing(Peer):
    """No load balancer: connections go to the destinations themselves."""

    name = "plain routing"

    def load(self, n_lbs, n_destinations):
        self.n_lbs, self.n_destinations = n_lbs, n_destinations


class Conntrack(Routing):
    name = "conntrack only"

    def load(self, n_lbs, n_destinations):
        super().load(n_lbs, n_destinations)
        self.group.run("nft", "add table inet t; add chain inet t c { type filter hook prerouting "
                       "priority 0; }; add rule inet t c ct state invalid drop")


class OneRule(Peer):
    """The least that network address translation costs: one rule, one destination."""

    name = "one DNAT rule"

    def load(self, n_lbs, n_destinations):
        self.n_lbs, self.n_destinations = n_lbs, n_destinations
        self.group.run("nft", "add table inet t; add chain inet t c { type nat hook prerouting "
                       "priority dstnat; }; add rule inet t c ip daddr 10.0.0.0/16 dnat ip to "
                       + destination(1, n_destinations, 0))


class Path:
    """Client and server of a peer, joined by it."""

    def __init__(self, peer, n_lbs, n_destinations):
        self.peer = peer
        self.client, self.server = Group(), Group()
        self.join("c", self.client, 1)
        self.join("s", self.server, 2)
        self.client.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535")
        self.server.run("ip", "route", "add", "local", "10.128.0.0/9", "dev", "lo")
        self.router("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.router("ip", "route", "add", "10.128.0.0/9", "via", "192.168.2.2")
        peer.load(n_lbs, n_destinations)
        if isinstance(peer, Routing):
            first, stride = destination(1, n_destinations, 0), n_destinations
        else:
            first, stride = vip(1), 1
        self.target = f"{self.client.anchor.pid} {self.server.anchor.pid} {first} {stride} {n_lbs}"

    def router(self, *command):
        return self.peer.group.run(*command)

    def join(self, device, group, net):
        self.router("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0",
                    "netns", str(group.anchor.pid))
        self.router("ip", "address", "add", f"192.168.{net}.1/24", "dev", device)
        self.router("ip", "link", "set", device, "up")
        group.run("ip", "address", "add", f"192.168.{net}.2/24", "dev", "eth0")
        group.run("ip", "link", "set", "eth0", "up")
        group.run("ip", "route", "add", "default", "via", f"192.168.{net}.1")

    def end(self):
        for group in (self.client, self.server, self.peer.group):
            group.end()


class Loops:
    def __init__(self, *options):
        self.process = start(program("loops"), *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)

    def cpu_us(self, protocol, path, n):
        """Of one connection."""
        before = path.peer.group.cpu_us() if isinstance(path.peer, Haproxy) else 0
        self.process.stdin.write(f"{protocol} {path.target} {n}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise Missing(f"{path.peer.name}: a connection failed")
        after = path.peer.group.cpu_us() if isinstance(path.peer, Haproxy) else 0
        return (int(answer) / 1000 + after - before) / n
