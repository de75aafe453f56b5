# SPDX-License-Identifier: Apache-2.0
"""How connections end: links that go down (NIC presence), destinations that die or are removed under
traffic (M1), and a backend that calls its own VIP while it is unhealthy (H6)."""

import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import GATEWAY4, GATEWAY6, Lab, nic_manifest, wait_until, write_sysctl  # noqa: E402
from traffic import Connection, Server, Stream, ask_tcp, ask_udp  # noqa: E402

PLAIN, CHECKED, ALONE, ALONE6 = "10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00:1:ffff::3"
HEALTH = 7070  # a port of its own: what is unhealthy goes on to answer
DETECTED = 2 + 1 + 2  # interval, time-out, and 2 s for a machine under load
DRAIN = 4


def manifest(name, ips, app, checked):
    check = f"""  healthCheck:
    port: {HEALTH}
    intervalSeconds: 2
    timeoutSeconds: 1
    healthyThreshold: 5
    unhealthyThreshold: 1
"""
    addresses = "".join(f"  - ip: {ip}\n" for ip in ips)
    return f"""apiVersion: networking.ironcore.dev/v1alpha1
kind: LoadBalancer
metadata:
  name: {name}
spec:
  type: Internal
  networkRef:
    name: my-network
  ipFamilies: [{"IPv4, IPv6" if len(ips) > 1 else "IPv4"}]
  ips:
{addresses}  networkInterfaceSelector:
    matchLabels:
      {app}: "yes"
  drainSeconds: {DRAIN}
  ports:
  - protocol: TCP
    port: 8080
  - protocol: UDP
    port: 5353
{check if checked else ""}---
"""


class Health:
    """A port that says that the machine is well, for as long as it is open."""

    def __init__(self, machine):
        self.machine, self.server = machine, None
        self.well()

    def well(self):
        self.server = Server(self.machine, tcp=(HEALTH,), udp=())

    def ill(self):
        self.server.close()


def who(client, vip, n=30, timeout=1.0):
    """Who answers n new connections."""
    seen = set()
    for _ in range(n):
        try:
            seen.add(ask_tcp(client, vip, 8080, timeout=timeout)[0])
        except OSError as error:
            seen.add(type(error).__name__)
    return seen


def becomes(lab, vip, names, timeout=DETECTED):
    for client in lab.clients:
        wait_until(f"{client.name} reaches {names} at {vip}", lambda c=client: who(c, vip) == names, timeout)


def connect_to(client, vip, name, n=60):
    """A connection that ended up there."""
    for _ in range(n):
        connection = Connection(client, vip, 8080)
        if connection.ask()[0] == name:
            return connection
        connection.reset()
    raise AssertionError(f"no connection came to {name}")


class Probing:
    """Short connections one after the other, each with when it began and whether it came to anything."""

    def __init__(self, client, vip):
        self.client, self.vip, self.failed = client, vip, []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped.is_set():
            begin = time.monotonic()
            try:
                ask_tcp(self.client, self.vip, 8080, timeout=0.2)
            except OSError:
                self.failed.append(begin)

    def stop(self):
        self.stopped.set()
        self.thread.join()


def plug(machine):
    """The link is up again, with the routes that went with it."""
    machine.network.ip(f"link set {machine.port} up", f"address replace {GATEWAY4}/32 dev {machine.port}",
                       f"address replace {GATEWAY6}/64 dev {machine.port} scope link nodad",
                       *[f"route replace {address} dev {machine.port}" for address in machine.addresses])


def links_down_are_left_at_once(lab):
    """Of LoadBalancers with and without a check, on all nodes, with established connections cut."""
    machine = lab.webs[0]
    kept = [connect_to(client, vip, "web-1") for client in lab.clients for vip in (PLAIN, CHECKED)]
    probing = [Probing(client, vip) for client in lab.clients for vip in (PLAIN, CHECKED)]
    time.sleep(0.3)
    begin = time.monotonic()
    machine.network.ip(f"link set {machine.port} down")
    time.sleep(1.5)
    for one in probing:
        one.stop()
        assert all(failed > begin - 0.3 for failed in one.failed), "failures before"
    late = max((failed - begin for one in probing for failed in one.failed), default=0)
    print(f"   the last connection that went there began {late * 1000:.0f} ms after", flush=True)
    assert late < 0.5, f"clients were sent there {late:.2f} s after the link went down"
    for connection in kept:
        with connection:
            connection.socket.settimeout(1)
            try:
                answer = connection.ask()
            except TimeoutError:
                raise AssertionError("a client hangs on a connection to nowhere") from None
            except OSError:
                continue
            raise AssertionError(f"answered {answer}")
    shown = lab.ilb("describe", "lb/plain").stdout
    assert [line.split()[3:6:2] for line in shown.splitlines()
            if line.split()[:1] == machine.addresses[:1]] == [["Unhealthy", "LinkDown"]], shown
    wait_until("it is told", lambda: re.search(r"DestinationUnhealthy .*10.1.1.10 is unhealthy: LinkDown",
                                               lab.ilb("events", "--for", "lb/plain").stdout))


def links_up_are_back_at_once(lab):
    """Where it is checked with the first success, not after healthyThreshold of them."""
    machine = lab.webs[0]
    plug(machine)
    begin = time.monotonic()
    becomes(lab, PLAIN, {"web-1", "web-2", "web-3"})
    becomes(lab, CHECKED, {"web-1", "web-2", "web-3"})
    took = time.monotonic() - begin
    print(f"   back after {took:.1f} s", flush=True)
    assert took < 8, "five successes were waited for"


def links_gone_are_left_and_replaced(lab):
    """The machine's cable is pulled and another plugged in."""
    machine = lab.webs[0]
    machine.network.ip(f"link delete {machine.port}")
    becomes(lab, PLAIN, {"web-2", "web-3"})
    lab.join(machine.namespace, "eth0", machine.network, machine.port)
    machine.namespace.ip(*[f"address add {address} dev eth0" for address in machine.addresses],
                         f"route add {GATEWAY4} dev eth0", f"route add default via {GATEWAY4} dev eth0 onlink",
                         f"route add default via {GATEWAY6} dev eth0")
    plug(machine)
    wait_until("it is settled", lambda: machine.namespace.settled("eth0") and
               machine.network.settled(machine.port))
    becomes(lab, PLAIN, {"web-1", "web-2", "web-3"})
    becomes(lab, CHECKED, {"web-1", "web-2", "web-3"}, 15)


def open_many(client, vip, n=100):
    """Connections by the destination that they came to."""
    flows = {}
    for _ in range(n):
        connection = Connection(client, vip, 8080)
        flows.setdefault(connection.ask()[0], []).append(connection)
    assert len(flows) == 3 and min(map(len, flows.values())) > 10, {name: len(flows[name]) for name in flows}
    return flows


def count_alive(connections):
    alive = 0
    for connection in connections:
        connection.socket.settimeout(1)
        try:
            connection.ask()
            alive += 1
        except TimeoutError:
            raise AssertionError("a connection hangs") from None
        except OSError:
            pass
    return alive


def close_all(flows):
    for connections in flows.values():
        for connection in connections:
            connection.reset()


def m1_destination_dies_under_100_flows(lab):
    """Its flows are cut as soon as it is found out, UDP moves at once; nobody else's are."""
    flows = open_many(lab.clients[1], CHECKED)
    streams = [Stream(lab.clients[1], CHECKED, 5353, 0.05) for _ in range(30)]
    server = lab.servers[0]
    wait_until("some came to it", lambda: server.datagrams)
    lab.health[0].ill()
    becomes(lab, CHECKED, {"web-2", "web-3"})
    found = time.monotonic()
    wait_until("flows to the dead destination are cut", lambda: count_alive(flows["web-1"]) == 0, 3)
    assert count_alive(flows["web-2"]) == len(flows["web-2"]), "flows were cut that had nothing to do with it"
    assert count_alive(flows["web-3"]) == len(flows["web-3"])
    time.sleep(2)  # an entry that a packet made while the rules changed goes after a second
    late = [t - found for t, _ in server.datagrams if t > found + 1.2]
    assert not late, f"datagrams reached it {late[-1]:.1f} s after it was found dead"
    for stream in streams:
        stream.close()
    close_all(flows)
    lab.health[0].well()
    becomes(lab, CHECKED, {"web-1", "web-2", "web-3"}, 15)


def m1_destination_is_removed_under_100_flows(lab):
    """It drains, also though nobody checks it any more; at the end of the drain the rest is cut."""
    flows = open_many(lab.clients[1], CHECKED)
    lab.ilb("delete", "nic/web-1")
    becomes(lab, CHECKED, {"web-2", "web-3"}, 2)
    removed = time.monotonic()
    finishing = flows["web-1"].pop()
    while time.monotonic() < removed + DRAIN - 1.5:
        assert finishing.ask()[0] == "web-1"
        assert count_alive(flows["web-1"]) == len(flows["web-1"]), "flows were cut while it drained"
        assert "web-1" not in who(lab.clients[1], CHECKED, 10)
    finishing.socket.close()
    wait_until("the rest is cut", lambda: count_alive(flows["web-1"]) == 0, 5)
    took = time.monotonic() - removed
    assert took > DRAIN - 1.5, f"cut after {took:.1f} s"
    assert count_alive(flows["web-2"]) == len(flows["web-2"])
    close_all(flows)
    lab.apply(nic_manifest(lab.webs[0], 'web: "yes", alone: "yes"'))
    becomes(lab, CHECKED, {"web-1", "web-2", "web-3"}, 15)


def refused_at_once(ask):
    begin = time.monotonic()
    try:
        answer = ask()
    except ConnectionRefusedError:
        return time.monotonic() - begin < 0.5
    except OSError:
        return False
    raise AssertionError(f"answered {answer}")


def h6_an_unhealthy_backend_calls_its_own_vip(lab):
    """Alone behind it: served while it is well, refused at once while it is not, never left hanging."""
    machine = lab.webs[0]
    with machine.network:  # the kernel's own limit of port unreachables is not what is tested
        for name in ("ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"):
            write_sysctl(name, 0)
    for vip in (ALONE, ALONE6):
        wait_until(f"it reaches itself at {vip}", lambda v=vip: who(machine, v, 1) == {"web-1"}, 15)
    kept = [Connection(machine, vip, 8080) for vip in (ALONE, ALONE6)]
    for connection in kept:
        assert connection.ask()[0] == "web-1"
    lab.health[0].ill()
    for vip in (ALONE, ALONE6):
        wait_until(f"{vip} refuses", lambda v=vip: who(machine, v, 1) == {"ConnectionRefusedError"}, DETECTED)
        begin = time.monotonic()
        for _ in range(3):
            assert refused_at_once(lambda v=vip: ask_tcp(machine, v, 8080)), f"TCP to {vip} is left hanging"
        assert refused_at_once(lambda v=vip: ask_udp(machine, v, 5353)), f"UDP to {vip} is left hanging"
    wait_until("its own connections are cut", lambda: count_alive(kept) == 0, 3)
    print(f"   cut {time.monotonic() - begin:.2f} s after the first refusal", flush=True)
    lab.health[0].well()
    for vip in (ALONE, ALONE6):
        wait_until(f"it reaches itself at {vip} again", lambda v=vip: who(machine, v, 1) == {"web-1"}, 15)


def build(lab):
    for name in ("node-1", "node-2"):
        lab.node(name).host("my-network")
    lab.webs = [lab.nodes[0].machine("web-1"), lab.nodes[0].machine("web-2"), lab.nodes[1].machine("web-3")]
    lab.clients = [node.machine(f"client-{node.number}") for node in lab.nodes]
    lab.servers = [Server(web) for web in lab.webs]
    lab.health = [Health(web) for web in lab.webs]
    lab.start_nats()
    for node in lab.nodes:
        node.start_agent()
    lab.start_allocator()
    lab.wait_serving()
    lab.apply("apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\nmetadata:\n  name: my-network\n---\n" +
              manifest("plain", [PLAIN], "web", False) + manifest("checked", [CHECKED], "web", True) +
              manifest("alone", [ALONE, ALONE6], "alone", True))
    for web in lab.webs:
        lab.apply(nic_manifest(web, 'web: "yes", alone: "yes"' if web.name == "web-1" else 'web: "yes"'))
    for name in ("plain", "checked", "alone"):
        lab.wait_ready(name)
    for vip in (PLAIN, CHECKED):
        becomes(lab, vip, {"web-1", "web-2", "web-3"}, 15)


def main():
    with Lab() as lab:
        build(lab)
        for step in (links_down_are_left_at_once, links_up_are_back_at_once, links_gone_are_left_and_replaced,
                     m1_destination_dies_under_100_flows, m1_destination_is_removed_under_100_flows,
                     h6_an_unhealthy_backend_calls_its_own_vip):
            begin = time.monotonic()
            step(lab)
            print(f"ok {step.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
        for server in lab.servers + [health.server for health in lab.health]:
            server.close()


main()
