# SPDX-License-Identifier: Apache-2.0
"""P1, P7, P8: everything but the kernel is killed, stopped and cut off at random while LoadBalancers change and
clients connect. test_chaos.py [SECONDS [SERVERS]]; ILB_SEED replays the faults and the changes of a run.

Clients must notice nothing; afterwards all nodes hold the newest state, and it is what was acknowledged.
"""

import collections
import json
import os
import queue
import re
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import clock  # noqa: E402
from churn import Caller, Changer, Comers, Thing, interface, load_balancer, routing  # noqa: E402
from faults import FaultyLab, Listener, schedule, show  # noqa: E402
from lab import skip, wait_until  # noqa: E402
from nats_client import NoResponders  # noqa: E402
from protobuf import Status  # noqa: E402
from traffic import Connection, Server  # noqa: E402

N_STEADY, N_ROUTED, N_RINGS, N_COMERS = 30, 8, 4, 8
N_SERVERS_PER_NODE = 2
SHARED, HAIRPINS = "(?!self|stamp).*", "self[46]"  # a node turns back only to destinations of its own
CONVERGED_S = 90  # a node that missed the last change asks within 45 s
TCP_INFO_RETRANSMITS = 100  # tcpi_total_retrans


def steady(i):
    return [f"10.251.0.{i + 1}", f"fd00:251::{i + 1:x}"]


def routed(i):
    return [f"10.252.0.{i + 1}"]


def ring(i):
    return [f"10.253.0.{i + 1}"]


class Clients(threading.Thread):
    """A machine whose connections must all succeed, new ones and those that it keeps open."""

    def __init__(self, machine, over):
        super().__init__(daemon=True)
        self.machine, self.over = machine, over
        self.vips = [vip for i in range(N_STEADY) for vip in steady(i)]
        self.vips += [ips[0] for n, vips in ((N_ROUTED, routed), (N_RINGS, ring)) for ips in map(vips, range(n))]
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
            act()
        except OSError as error:
            self.failures.append(f"{begin} {self.machine.name}: {what}: {error!r}")

    def ask_anew(self, vip):
        self.n_new += 1
        with Connection(self.machine, vip, 8080, timeout=20) as connection:
            connection.ask()
            info = connection.socket.getsockopt(6, 11, 104)  # IPPROTO_TCP, TCP_INFO
            self.n_retransmits += struct.unpack_from("I", info, TCP_INFO_RETRANSMITS)[0]


class Statuses:
    """What the agents say, in the order of their own clocks: the bus may deliver late what a stopped server held."""

    def __init__(self, lab):
        self.heard = collections.defaultdict(list)
        self.listener = Listener(lab, {"ilb.v1.status.>": self.take})

    def take(self, message):
        status = Status(message.data)
        self.heard[status.node].append(status)

    def check(self):
        for node, said in self.heard.items():
            newest = 0
            for status in sorted(said, key=lambda s: (s.applied_at, s.revision)):
                assert status.revision >= newest, f"{node} went back from revision {newest} to {status.revision}"
                newest = status.revision


def build(lab):
    for number in (1, 2, 3):
        node = lab.node(f"node-{number}")
        node.host("my-network")
        node.client = node.machine(f"client-{number}")
        lab.servers_of_tenants += [Server(node.machine(f"web-{number}-{i}"), udp=())
                                   for i in range(N_SERVERS_PER_NODE)]
        lab.seat(f"agent-node-{number}")


def declare(caller, machines):
    """All that is there before the first fault."""
    network = "apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\nmetadata: {name: my-network}\n---\n"
    prefix = ("apiVersion: ipam.ironcore.dev/v1alpha1\nkind: Prefix\nmetadata: {name: pool}\n"
              "spec: {prefix: 10.254.0.0/28}\n---\n")
    text = network + prefix + "".join(interface(m, "app: web, ring: inside") for m in machines)
    text += "".join(load_balancer(f"steady-{i}", steady(i), selector="app: web") for i in range(N_STEADY))
    text += "".join(load_balancer(f"ring-{i}", ring(i), selector="ring: inside") for i in range(N_RINGS))
    first = machines[0].addresses[:1]
    for i in range(N_ROUTED):
        text += load_balancer(f"routed-{i}", routed(i)) + routing(f"routed-{i}", first)
    caller.must("apply", text + clock.manifest())


def start_writers(lab, seed, over, machines):
    ipv4 = [machine.addresses[0] for machine in machines]
    routings = [Thing(f"loadbalancerrouting/routed-{i}", ipv4[:1],
                      lambda ips, version, i=i: routing(f"routed-{i}", ips, version),
                      lambda item: sorted(d["ip"] for d in item.get("destinations", [])))
                for i in range(N_ROUTED)]
    # The first server stays in the ring: a LoadBalancer without destinations refuses, and should.
    rings = [Thing(f"nic/{m.name}", "inside",
                   lambda where, version, m=m: interface(m, f"app: web, ring: {where}", version),
                   lambda item: item["metadata"]["labels"]["ring"]) for m in machines[1:]]
    ticks = clock.thing()
    writers = [
        Changer(lab, over, seed, routings,
                lambda chance, _: sorted(chance.sample(ipv4, chance.randint(1, len(ipv4))))),
        Changer(lab, over, seed, rings, lambda chance, _: chance.choice(["inside", "outside"])),
        Changer(lab, over, seed, [ticks], lambda _, port: port + 1, pause=0.1),
        Comers(lab, over, seed, "pool", N_COMERS)]
    for writer in writers:
        writer.start()
    return writers, [*routings, *rings, ticks]


def end(threads, over):
    over.set()
    for thread in threads:
        thread.join()
        if getattr(thread, "raised", None):
            raise thread.raised


# What must hold

def clients_noticed_nothing(run):
    failures = [failure for client in run.clients for failure in client.failures]
    n_new, n_kept, n_retransmits = (sum(getattr(client, name) for client in run.clients)
                                    for name in ("n_new", "n_kept", "n_retransmits"))
    print(f"# {n_new} new connections, {n_kept} exchanges on open ones, {len(failures)} failed, "
          f"{n_retransmits} segments were sent again")
    assert not failures, "\n".join(failures[:20])
    assert n_new > 100 and n_retransmits <= n_new / 1000, "packets were lost"


def all_serve_and_are_level(run):
    wait_until("the allocators are level", lambda: are_level(run), timeout=CONVERGED_S, step=0.2)
    comers = run.writers[-1]
    wait_until("what was deleted is gone", lambda: not comers.left(load_balancers(run.caller)), step=0.5,
               timeout=CONVERGED_S)


def are_level(run):
    answers = ask_all(run.caller, "$SRV.STATS.ilb-allocator", len(run.lab.allocators))
    said = [answer.json["data"] for answer in answers]
    return (len(said) == len(run.lab.allocators) and all(data["state"] == "Ready" for data in said)
            and len({data["sequence"] for data in said}) == 1)


def ask_all(caller, subject, count):
    answers = []
    caller.call("get", "network/my-network")  # so that there is a connection
    try:
        waiting = caller.client.ask(subject)
        while len(answers) < count:
            answers.append(waiting.get(timeout=1))
    except (queue.Empty, OSError, AttributeError):
        pass
    return answers


def every_node_holds_the_newest(run):
    """Another node that knows of no past is told all anew: it shows what the newest is."""
    fresh = run.lab.node("node-fresh")
    fresh.host("my-network")
    run.lab.seat("agent-node-fresh")
    fresh.start_agent()
    try:
        wait_until("every node holds the same", lambda: said_the_same(run), timeout=CONVERGED_S, step=0.5)
    except AssertionError as error:
        raise AssertionError(f"{error}: (node, revision, digest, refused): {run.said}") from error
    newest = elements(fresh, SHARED)
    assert len(newest) > 1000, newest
    for node in run.lab.nodes:
        check_same(f"{node.name} and a fresh one", elements(node, SHARED), newest)
        own = {address for machine in run.machines if machine.node is node for address in machine.addresses}
        hairpins = {f'self{e[4]} {{"concat": [{mark}, "{ip}", "{ip}"]}}' for e, mark, ip in slots(newest) if ip in own}
        check_same(f"hairpins of {node.name}", elements(node, HAIRPINS), hairpins)


def said_the_same(run):
    run.caller.call("get", "network/my-network")
    if run.caller.client:
        run.caller.client.publish("ilb.v1.roll")
    last = [said[-1] for said in list(run.statuses.heard.values())]
    run.said = [(s.node, s.revision, s.digest, s.n_refused) for s in last]
    return (len(last) == len(run.lab.nodes) and len({s.digest for s in last}) == 1
            and all(s.n_refused == 0 for s in last))


def check_same(what, have, want):
    assert have == want, f"{what} differ in {len(have ^ want)} elements: {sorted(have ^ want)[:20]}"


def slots(lines):
    """(line, mark, destination) of each slot."""
    for line in lines:
        if line.startswith("slot"):
            key, destination = json.loads(line.split(" ", 1)[1])
            yield line, key["concat"][0], destination


def elements(node, pattern):
    """The elements of our maps and sets whose name matches, without their counters."""
    listing = json.loads(node.networks["my-network"].nft("-j", "list", "table", "inet", "ilb"))
    found = set()
    for item in listing["nftables"]:
        for kind in ("map", "set"):
            if kind in item and re.fullmatch(pattern, item[kind]["name"]):
                found |= {f"{item[kind]['name']} {json.dumps(plain(e))}" for e in item[kind].get("elem", [])}
    return found


def plain(element):
    if isinstance(element, list):
        return [plain(e) for e in element]
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def no_revision_went_backwards(run):
    run.statuses.check()
    for monitor in run.monitors:
        clock.check(monitor)


def nothing_acknowledged_is_lost(run):
    counts = ", ".join(f"{w.n_acknowledged} of {w.n_tried}" for w in run.writers)
    print(f"# acknowledged: {counts}")
    for thing in run.things:
        thing.check(run.caller)
    run.writers[-1].check(load_balancers(run.caller))
    assert all(writer.n_acknowledged > 5 for writer in run.writers), counts


def load_balancers(caller):
    answer = caller.must("list", "lb")
    assert "continue" not in answer
    return {item["metadata"]["name"]: item for item in answer["items"]}


def no_address_twice(run):
    items = load_balancers(run.caller)
    holders = collections.defaultdict(list)
    for name, item in items.items():
        for address in item["status"]["addresses"]:
            holders[address.get("ip")].append((name, item["metadata"]["resourceVersion"]))
    holders.pop(None, None)
    twice = {address: names for address, names in holders.items() if len(names) > 1}
    assert not twice, f"address: [(holder, revision)]: {twice}"
    assert len(holders) >= 2 * N_STEADY + N_ROUTED + N_RINGS, holders


def every_replica_holds_the_same(run):
    """Each is asked while the others are away."""
    answers = set()
    for chosen in run.lab.allocators:
        others = [other for other in run.lab.allocators if other is not chosen]
        for other in others:
            other.kill()
        everything = [run.caller.must("list", kind)["items"] for kind in ("lb", "nic", "prefix", "loadbalancerrouting")]
        for item in (item for items in everything for item in items):
            item.pop("status", None)  # gathered from the nodes
        answers.add(json.dumps(everything, sort_keys=True))
        for other in others:
            other.restart()
        wait_until("all serve again", lambda: are_level(run))
    assert len(answers) == 1


def the_servers_hold_one_log(run):
    """What is stored, asked of one server after the other: replicas of a stream that differ are not ours to mend."""
    logs = {}
    for _ in range(12 if len(run.lab.servers) > 1 else 1):
        leader, log = wait_until("JetStream answers", lambda: read_log(run.caller), step=0.5)
        logs[leader] = log
        if len(logs) == len(run.lab.servers):
            break
        run.caller.client.request("$JS.API.STREAM.LEADER.STEPDOWN.KV_ilb")
        time.sleep(0.5)  # an election; the next leader may be the same
    if len({json.dumps(log) for log in logs.values()}) > 1:
        copies = [(leader, len(log), differences(log, logs)) for leader, log in logs.items()]
        sentence = f"the servers' copies of the log differ: {copies}"
        if run.caller.client.info["version"].startswith("2.9."):
            skip(f"nats-server 2.9: {sentence}")  # docs/ilb-allocator.8, --replicas
        raise AssertionError(sentence)


def differences(log, logs):
    """Sequences that this copy has and another has not, or has otherwise."""
    return sorted({record[0] for other in logs.values() for record in log if record not in other})[:20]


def read_log(caller):
    """(leader, [[sequence, subject, bytes]...]); None while there is no leader, or none that knows itself."""
    try:
        caller.call("get", "network/my-network")
        ask = caller.client.request
        info = ask("$JS.API.STREAM.INFO.KV_ilb").json
        state, records = info["state"], []
        for sequence in range(state["first_seq"], state["last_seq"] + 1):
            answer = ask("$JS.API.STREAM.MSG.GET.KV_ilb", json.dumps({"seq": sequence})).json
            if "message" in answer:
                records.append([sequence, answer["message"]["subject"], answer["message"].get("data", "")])
        return info["cluster"]["leader"] if "cluster" in info else "alone", records
    except (KeyError, AttributeError, OSError, queue.Empty, NoResponders):
        return None


CHECKS = [clients_noticed_nothing, all_serve_and_are_level, the_servers_hold_one_log, every_node_holds_the_newest, no_revision_went_backwards,
          nothing_acknowledged_is_lost, no_address_twice, every_replica_holds_the_same]


class Run:
    """One cloud, from its first fault to what is left of it."""

    def __init__(self, lab, seed):
        self.lab, self.seed, self.over = lab, seed, threading.Event()
        lab.servers_of_tenants = []

    def prepare(self, n_servers):
        lab = self.lab
        build(lab)
        lab.start_servers(n_servers)
        lab.start_allocators(2, "--replicas", str(n_servers))
        self.caller = Caller(lab)
        wait_until("the allocators serve", lambda: are_level_before(self), timeout=60)
        self.machines = [server.machine for server in lab.servers_of_tenants]
        declare(self.caller, self.machines)
        self.monitors = [clock.start_monitor(lab, node.name, node.networks["my-network"]) for node in lab.nodes]
        self.statuses = Statuses(lab)
        for node in lab.nodes:
            node.start_agent()
        wait_until("every node forwards", lambda: len(self.statuses.heard) == 3 and said_the_same(self), step=0.2)

    def suffer(self, faults):
        self.clients = [Clients(node.client, self.over) for node in self.lab.nodes]
        self.writers, self.things = start_writers(self.lab, self.seed, self.over, self.machines)
        for client in self.clients:
            client.start()
        self.lab.suffer(faults)
        end([*self.clients, *self.writers], self.over)


def are_level_before(run):
    """As are_level(), before there is anything to get."""
    if run.caller.client is None:
        run.caller.call("list", "networks")
    return are_level(run)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 25
    n_servers = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    seed = int(os.environ.get("ILB_SEED") or time.time())
    print(f"# ILB_SEED={seed} test_chaos.py {seconds:g} {n_servers}")
    with FaultyLab() as lab:
        run = Run(lab, seed)
        run.prepare(n_servers)
        faults = schedule(seed, seconds, sorted(lab.victims))
        show(faults)
        run.suffer(faults)
        failed = False
        for check in CHECKS:
            try:
                check(run)
                print(f"ok {check.__name__}", flush=True)
            except AssertionError as error:
                failed = True
                print(f"not ok {check.__name__}\n# {error}", flush=True)
        assert not failed, f"ILB_SEED={seed} replays it"


main()
