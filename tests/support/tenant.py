# SPDX-License-Identifier: Apache-2.0
"""A tenant of the chaos test: a Network on every node, LoadBalancers of all kinds, who changes them, and users.

All tenants have the same names and addresses, each in a namespace of its own: if anything of one reached another, it
would work there, and be noticed.
"""

import struct
import threading
import time

import clock
from churn import Caller, Changer, Comers, Thing, interface, load_balancer, manifest, routing
from traffic import Connection, Server

NET = "my-network"
N_SERVERS_PER_NODE = 2
TCP_INFO_RETRANSMITS = 100  # tcpi_total_retrans


def steady(i):
    return [f"10.251.0.{i + 1}", f"fd00:251::{i + 1:x}"]


def routed(i):
    return [f"10.252.0.{i + 1}"]


def ring(i):
    return [f"10.253.0.{i + 1}"]


class Tenant:
    """`n_steady` LoadBalancers never change; the destinations of `n_routed` are listed, those of `n_rings` labelled,
    and change; `n_comers` at most come and go; and a clock."""

    def __init__(self, lab, name_space, n_steady, n_routed, n_rings, n_comers):
        self.lab, self.name_space = lab, name_space
        self.n_steady, self.n_routed, self.n_rings, self.n_comers = n_steady, n_routed, n_rings, n_comers
        self.network = lab.network_key(NET, name_space)
        self.token = f"{name_space}_{NET}"
        lab.same_addresses[self.network] = NET
        self.caller = Caller(lab, name_space)
        self.machines, self.client_machines = [], {}

    def settle(self, node):
        """Its machines on that node."""
        prefix = "" if self.name_space == "default" else f"{self.name_space}-"
        node.host(NET, self.name_space)
        self.client_machines[node] = node.machine(f"{prefix}client-{node.number}", self.network)
        for i in range(N_SERVERS_PER_NODE):
            machine = node.machine(f"{prefix}web-{node.number}-{i}", self.network)
            self.lab.stack.callback(Server(machine, udp=()).close)
            self.machines.append(machine)

    def inside(self, node):
        return node.networks[self.network]

    def vips(self):
        """Of those that always answer."""
        return [vip for n, ips in ((self.n_steady, steady), (self.n_routed, routed), (self.n_rings, ring))
                for i in range(n) for vip in ips(i)]

    def n_addresses(self):
        return len(self.vips()) + 1  # the clock's

    def declare(self):
        """All that is there before the first fault."""
        prefix = ("apiVersion: ipam.ironcore.dev/v1alpha1\nkind: Prefix\nmetadata: {name: pool}\n"
                  "spec: {prefix: 10.254.0.0/28}\n---\n")
        text = manifest("Network", NET, "") + prefix
        text += "".join(interface(m, "app: web, ring: inside") for m in self.machines)
        text += "".join(load_balancer(f"steady-{i}", steady(i), selector="app: web") for i in range(self.n_steady))
        text += "".join(load_balancer(f"ring-{i}", ring(i), selector="ring: inside") for i in range(self.n_rings))
        first = self.machines[0].addresses[:1]
        for i in range(self.n_routed):
            text += load_balancer(f"routed-{i}", routed(i)) + routing(f"routed-{i}", first)
        self.caller.must("apply", text + clock.manifest())

    def start_monitors(self):
        self.monitors = [clock.start_monitor(self.lab, f"{self.token}-{node.name}", self.inside(node))
                         for node in self.lab.nodes]

    def start(self, over, seed):
        """Clients, and those who change things, until `over` is set."""
        self.clients = [Clients(self, machine, over) for machine in self.client_machines.values()]
        self.start_writers(over, f"{seed} {self.name_space}")
        for thread in [*self.clients, *self.writers]:
            thread.start()

    def start_writers(self, over, seed):
        ipv4 = [machine.addresses[0] for machine in self.machines]
        routings = [Thing(f"loadbalancerrouting/routed-{i}", ipv4[:1],
                          lambda ips, version, i=i: routing(f"routed-{i}", ips, version),
                          lambda item: sorted(d["ip"] for d in item.get("destinations", [])))
                    for i in range(self.n_routed)]
        # The first server stays in the ring: a LoadBalancer without destinations refuses, and should.
        rings = [Thing(f"nic/{m.name}", "inside",
                       lambda where, version, m=m: interface(m, f"app: web, ring: {where}", version),
                       lambda item: item["metadata"]["labels"]["ring"]) for m in self.machines[1:]]
        ticks, options = clock.thing(), {"name_space": self.name_space}
        self.comers = Comers(self.lab, over, seed, "pool", self.n_comers, **options)
        self.writers = [
            Changer(self.lab, over, seed, routings,
                    lambda chance, _: sorted(chance.sample(ipv4, chance.randint(1, len(ipv4)))), **options),
            Changer(self.lab, over, seed, rings, lambda chance, _: chance.choice(["inside", "outside"]), **options),
            Changer(self.lab, over, seed, [ticks], lambda _, port: port + 1, pause=0.1, **options), self.comers]
        self.things = [*routings, *rings, ticks]

    def end(self):
        """Waits for all that start() began."""
        for thread in [*self.clients, *self.writers]:
            thread.join()

    def check_writers(self):
        """Nothing contradicted what they had been told, and all of it is still there."""
        for writer in self.writers:
            assert writer.raised is None, writer.raised
            assert writer.n_acknowledged > 5, f"{writer.n_acknowledged} of {writer.n_tried}"
        for thing in self.things:
            thing.check(self.caller)
        self.comers.check(self.load_balancers())

    def load_balancers(self):
        """All there are, by name."""
        answer = self.caller.must("list", "lb")
        assert "continue" not in answer
        return {item["metadata"]["name"]: item for item in answer["items"]}


class Clients(threading.Thread):
    """A machine whose connections must all succeed, new ones and those that it keeps open."""

    def __init__(self, tenant, machine, over):
        super().__init__(daemon=True)
        self.machine, self.over = machine, over
        self.vips, self.servers = tenant.vips(), {m.name for m in tenant.machines}
        self.n_new, self.n_kept, self.n_retransmits, self.failures = 0, 0, 0, []
        self.kept = [(vip, Connection(machine, vip, 8080, timeout=20)) for vip in self.vips[::7]]

    def run(self):
        while not self.over.wait(0.005):
            vip = self.vips[(self.n_new * 37 + self.machine.node.number) % len(self.vips)]
            self.attempt(f"new connection to {vip}", lambda v=vip: self.ask_anew(v))
            vip, connection = self.kept[self.n_new % len(self.kept)]
            self.attempt(f"open connection to {vip}", connection.ask)
            self.n_kept += 1

    def attempt(self, what, act):
        begin = time.strftime("%T")
        try:
            server, seen_as = act()
            if server not in self.servers or seen_as not in self.machine.addresses:
                self.failures.append(f"{begin} {self.machine.name}: {what}: {server} answered {seen_as}")
        except OSError as error:
            self.failures.append(f"{begin} {self.machine.name}: {what}: {error!r}")

    def ask_anew(self, vip):
        self.n_new += 1
        with Connection(self.machine, vip, 8080, timeout=20) as connection:
            answer = connection.ask()
            info = connection.socket.getsockopt(6, 11, 104)  # IPPROTO_TCP, TCP_INFO
            self.n_retransmits += struct.unpack_from("I", info, TCP_INFO_RETRANSMITS)[0]
            return answer
