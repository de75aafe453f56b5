# SPDX-License-Identifier: Apache-2.0
"""A cloud of two nodes and two allocators whose parts can be asked, killed and made to forget, and users of it.

The second node is on a bad bus, harmless until it is told otherwise (bad_bus.py).
"""

import contextlib
import json
import os
import queue
import threading

import clock
from bad_bus import BadBus
from churn import interface, load_balancer, manifest
from lab import wait_until
from nats_client import Client, NoResponders
from protobuf import Status
from traffic import Callers, Connection, Server, ask_tcp
from wanderer import Wanderer

NET, TOKEN = "my-network", "default_my-network"
V4, V6 = VIPS = ["10.240.0.1", "fd00:240::1"]
ROUTED = ["10.240.0.2", "fd00:240::2"]
WAIT_S = 60  # a node that missed something asks within 45 s by itself


def build(lab):
    one, two = lab.node("node-1"), lab.node("node-2")
    for node in (one, two):
        node.host(NET)
        node.client = node.machine(f"client-{node.number}")
    lab.webs = [one.machine("web-1"), two.machine("web-2"), two.machine("web-3")]
    for machine in lab.webs:
        lab.stack.callback(Server(machine, udp=()).close)
    lab.wanderer = Wanderer(lab, [one, two])
    lab.start_nats()
    lab.start_allocator()
    lab.start_allocator()
    lab.bad_bus = BadBus(lab, lab.seed)
    one.start_agent()
    lab.url, url = lab.bad_bus.url, lab.url
    two.start_agent()
    lab.url = url
    lab.wait_serving()
    lab.apply(manifest("Network", NET, "") + "".join(interface(machine, "app: web") for machine in lab.webs)
              + load_balancer("web", VIPS, selector="app: web") + clock.manifest())
    for name in ("web", "clock"):
        lab.wait_ready(name)
    wait_until("both nodes are current", lambda: current(lab), WAIT_S, 0.2)


def nodes(lab):
    """What the allocators know of my-network: node -> its row of `ilb nodes`."""
    done = lab.ilb("nodes", "-o", "json", check=False)
    rows = json.loads(done.stdout) if done.returncode == 0 else []
    return {node["name"]: dict(net, version=node["version"], node_state=node["state"])
            for node in rows for net in node["networks"] if net["name"] == TOKEN}


def reasons(lab, node):
    """Of its conditions."""
    return [condition["reason"] for condition in nodes(lab)[node.name].get("conditions", [])]


def current(lab):
    """Both nodes hold the newest state, as allocators say that have all read all of the log."""
    rows = nodes(lab) if level(lab) else {}
    return len(rows) == 2 and all((r["node_state"], r["state"]) == ("Alive", "Current") for r in rows.values())


def level(lab):
    with contextlib.suppress(OSError, AttributeError, KeyError, TypeError, ValueError, queue.Empty, NoResponders), \
            lab.try_client() as client:
        sequence = client.request("$JS.API.STREAM.INFO.KV_ilb").json["state"]["last_seq"]
        answers = client.ask("$SRV.STATS.ilb-allocator")
        said = [answers.get(timeout=1).json["data"] for _ in lab.allocators]
        return all(data["state"] == "Ready" and data["sequence"] >= sequence for data in said)
    return False


def wait_current(lab):
    wait_until("both nodes are current", lambda: current(lab), WAIT_S, 0.2)


def namespace(node):
    return node.networks[NET]


def table(node):
    """Ours, with the handles of its parts, without what packets count."""
    return namespace(node).run("nft", "-a", "-s", "list", "table", "inet", "ilb", check=False).stdout


def choices(machine, vips=tuple(VIPS), ports=range(21000, 21020)):
    """Who answers each 5-tuple."""
    return {(vip, port): ask_tcp(machine, vip, 8080, source_port=port)[0] for vip in vips for port in ports}


def move(lab, node):
    if lab.wanderer.at is not node:
        lab.wanderer.move(node)


def restart_agent(lab, node):
    """Killed, and back until it has said how its Network is, confirmed by an allocator."""
    with Client(lab.url) as client:
        said = client.subscribe(f"ilb.v1.status.{node.name}.{TOKEN}")
        client.flush()
        node.agent.restart()
        while "StateRecalled" in Status(said.get(timeout=WAIT_S).data).conditions:
            pass


@contextlib.contextmanager
def unnoticed(*machines):
    """While the block lasts every new connection succeeds, and those that are open go on with whom they began."""
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(Callers(machine, vip, 8080)) for machine in machines for vip in VIPS]
        kept = [stack.enter_context(Connection(machine, vip, 8080)) for machine in machines for vip in VIPS]
        began = [connection.ask() for connection in kept]
        yield
        begun = [len(c.answers) for c in callers]
        wait_until("connections are made", lambda: all(len(c.answers) > n + 20 for c, n in zip(callers, begun)))
        assert [connection.ask() for connection in kept] == began
    failures = [failure for c in callers for failure in c.failures]
    assert not failures, failures


def can_ask(machine, vip, port):
    with contextlib.suppress(OSError):
        return ask_tcp(machine, vip, port, timeout=1)
    return None


def forget(node):
    """As a reboot does: nothing in the kernel, nothing on disk."""
    boot(node)
    state = os.path.join(node.directory, "state")
    for name in os.listdir(state):
        os.unlink(os.path.join(state, name))


def boot(node):
    """What the kernel had is gone."""
    namespace(node).nft("flush", "ruleset")
    for address in (*VIPS, *ROUTED, clock.VIP):
        namespace(node).run("ip", "route", "delete", "local", address, "table", "local", check=False)
    namespace(node).run("conntrack", "-F")


def connection_to(machine, name):
    """One that `name`, on another node, has answered."""
    while True:
        connection = Connection(machine, V4, 8080)
        if connection.ask()[0] == name:
            return connection
        connection.reset()


class Talk:
    """One connection, in use for as long as the block lasts."""

    def __init__(self, connection):
        self.connection, self.n, self.seen, self.failure = connection, 0, set(), None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.over.wait(0.02):
                self.seen.add(self.connection.ask()[0])
                self.n += 1
        except OSError as error:
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.connection.reset()
