# SPDX-License-Identifier: Apache-2.0
"""P1, P7, P8, A7: everything but the kernel is killed, stopped and cut off at random while the LoadBalancers of two
tenants with the same addresses change and their clients connect.

test_chaos.py [SECONDS [SERVERS]]; ILB_SEED replays the faults and the changes of a run.

Clients must notice nothing; afterwards all nodes hold the newest state, and it is what was acknowledged.
"""

import collections
import json
import os
import queue
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import clock  # noqa: E402
from churn import Caller  # noqa: E402
from faults import FaultyLab, Listener, schedule, show  # noqa: E402
from lab import skip, wait_until  # noqa: E402
from nats_client import NoResponders  # noqa: E402
from protobuf import Status  # noqa: E402
from tenant import Tenant  # noqa: E402

# name: LoadBalancers that are steady, routed, rings, and that come and go
TENANTS = {"default": (30, 8, 4, 8), "other": (10, 4, 2, 4)}
SHARED, HAIRPINS = "(?!self|stamp).*", "self[46]"  # a node turns back only to destinations of its own
CONVERGED_S = 90  # a node that missed the last change asks within 45 s


class Statuses:
    """What the agents say, in the order of their own clocks: the bus may deliver late what a stopped server held."""

    def __init__(self, lab):
        self.heard = collections.defaultdict(list)
        self.listener = Listener(lab, {"ilb.v1.status.>": self.take})

    def take(self, message):
        status = Status(message.data)
        self.heard[status.node, status.net].append(status)

    def check(self):
        for where, said in self.heard.items():
            newest = 0
            for status in sorted(said, key=lambda s: (s.applied_at, s.revision)):
                assert status.revision >= newest, f"{where} went back from revision {newest} to {status.revision}"
                newest = status.revision


# What must hold

def clients_noticed_nothing(run):
    clients = [client for tenant in run.tenants for client in tenant.clients]
    failures = [failure for client in clients for failure in client.failures]
    n_new, n_kept, n_retransmits = (sum(getattr(client, name) for client in clients)
                                    for name in ("n_new", "n_kept", "n_retransmits"))
    print(f"# {n_new} new connections, {n_kept} exchanges on open ones, {len(failures)} failed, "
          f"{n_retransmits} segments were sent again")
    assert not failures, "\n".join(failures[:20])
    assert n_new > 100 and n_retransmits <= n_new / 1000, "packets were lost"


def all_serve_and_are_level(run):
    wait_until("the allocators are level", lambda: are_level(run), timeout=CONVERGED_S, step=0.2)
    for tenant in run.tenants:
        wait_until("what was deleted is gone", lambda t=tenant: not t.comers.left(t.load_balancers()), step=0.5,
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
    for tenant in run.tenants:
        fresh.host("my-network", tenant.name_space)
    run.lab.seat("agent-node-fresh")
    fresh.start_agent()
    try:
        wait_until("every node holds the same", lambda: said_the_same(run), timeout=CONVERGED_S, step=0.5)
    except AssertionError as error:
        raise AssertionError(f"{error}: (node, net, revision, digest, refused): {run.said}") from error
    for tenant in run.tenants:
        compare_kernels(tenant, fresh)


def said_the_same(run):
    run.caller.call("get", "network/my-network")
    if run.caller.client:
        run.caller.client.publish("ilb.v1.roll")
    last = [said[-1] for said in list(run.statuses.heard.values())]
    run.said = [(s.node, s.net, s.revision, s.digest, s.n_refused) for s in last]
    return (len(last) == len(run.lab.nodes) * len(run.tenants) and all(s.n_refused == 0 for s in last)
            and len({(s.net, s.digest) for s in last}) == len(run.tenants))


def compare_kernels(tenant, fresh):
    newest = elements(tenant.inside(fresh), SHARED)
    assert len(newest) > 500, newest
    for node in tenant.lab.nodes:
        where = f"{tenant.token} on {node.name}"
        check_same(f"{where} and a fresh one", elements(tenant.inside(node), SHARED), newest)
        own = {address for machine in tenant.machines if machine.node is node for address in machine.addresses}
        hairpins = {f'self{e[4]} {{"concat": [{mark}, "{ip}", "{ip}"]}}' for e, mark, ip in slots(newest) if ip in own}
        check_same(f"hairpins of {where}", elements(tenant.inside(node), HAIRPINS), hairpins)


def check_same(what, have, want):
    assert have == want, f"{what} differ in {len(have ^ want)} elements: {sorted(have ^ want)[:20]}"


def slots(lines):
    """(line, mark, destination) of each slot."""
    for line in lines:
        if line.startswith("slot"):
            key, destination = json.loads(line.split(" ", 1)[1])
            yield line, key["concat"][0], destination


def elements(inside, pattern):
    """The elements of our maps and sets whose name matches, without their counters."""
    listing = json.loads(inside.nft("-j", "list", "table", "inet", "ilb"))
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
    for tenant in run.tenants:
        for monitor in tenant.monitors:
            clock.check(monitor)


def nothing_acknowledged_is_lost(run):
    for tenant in run.tenants:
        counts = ", ".join(f"{w.n_acknowledged} of {w.n_tried}" for w in tenant.writers)
        print(f"# {tenant.name_space}: acknowledged {counts}")
        tenant.check_writers()


def no_address_twice(run):
    for tenant in run.tenants:
        holders = collections.defaultdict(list)
        for name, item in tenant.load_balancers().items():
            for address in item["status"]["addresses"]:
                holders[address.get("ip")].append((name, item["metadata"]["resourceVersion"]))
        holders.pop(None, None)
        twice = {address: names for address, names in holders.items() if len(names) > 1}
        assert not twice, f"{tenant.name_space}: address: [(holder, revision)]: {twice}"
        assert len(holders) >= tenant.n_addresses(), holders


def every_replica_holds_the_same(run):
    """Each is asked while the others are away."""
    answers = set()
    for chosen in run.lab.allocators:
        others = [other for other in run.lab.allocators if other is not chosen]
        for other in others:
            other.kill()
        everything = [tenant.caller.must("list", kind)["items"] for tenant in run.tenants
                      for kind in ("network", "lb", "nic", "prefix", "loadbalancerrouting")]
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
        leader, log = wait_until("JetStream answers", lambda: read_log(run.caller), step=0.5, timeout=CONVERGED_S)
        logs[leader] = log
        if len(logs) == len(run.lab.servers):
            break
        run.caller.client.request("$JS.API.STREAM.LEADER.STEPDOWN.KV_ilb")
        time.sleep(0.5)  # an election; the next leader may be the same
    if len({json.dumps(log) for log in logs.values()}) > 1:
        copies = [(leader, len(log), differences(log, logs)) for leader, log in logs.items()]
        version = run.caller.client.info["version"]
        skip(f"nats-server {version}: the servers' copies of the log differ: {copies}")  # docs/ilb-allocator.8


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


CHECKS = [clients_noticed_nothing, all_serve_and_are_level, the_servers_hold_one_log, every_node_holds_the_newest,
          no_revision_went_backwards, nothing_acknowledged_is_lost, no_address_twice, every_replica_holds_the_same]


class Run:
    """One cloud, from its first fault to what is left of it."""

    def __init__(self, lab, seed):
        self.lab, self.seed = lab, seed
        self.tenants = [Tenant(lab, name_space, *numbers) for name_space, numbers in TENANTS.items()]

    def prepare(self, n_servers):
        lab = self.lab
        for number in (1, 2, 3):
            node = lab.node(f"node-{number}")
            for tenant in self.tenants:
                tenant.settle(node)
            lab.seat(f"agent-{node.name}")
        lab.start_servers(n_servers)
        lab.start_allocators(2, "--replicas", str(n_servers))
        self.caller = Caller(lab)
        wait_until("the allocators serve", lambda: are_level_before(self), timeout=60)
        self.statuses = Statuses(lab)
        for tenant in self.tenants:
            tenant.declare()
            tenant.start_monitors()
        for node in lab.nodes:
            node.start_agent()
        wait_until("every node forwards", lambda: said_the_same(self), step=0.2)

    def suffer(self, faults):
        over = threading.Event()
        for tenant in self.tenants:
            tenant.start(over, self.seed)
        self.lab.suffer(faults)
        over.set()
        for tenant in self.tenants:
            tenant.end()


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
