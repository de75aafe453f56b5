# SPDX-License-Identifier: Apache-2.0
"""A9, D25, D26, P1, P2, P3, P4, P7, P8, P14 with whole programs and real packets: what users notice of everything that
may happen to the control plane, which is nothing. test_survival.py [ID...]: one cloud, a case each.
"""

import contextlib
import json
import os
import random
import re
import signal
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import clock  # noqa: E402
from churn import Caller, Changer, Comers, interface, load_balancer, manifest, routing  # noqa: E402
from commits import Commits  # noqa: E402
from lab import Lab, wait_until  # noqa: E402
from nats_client import Client  # noqa: E402
from protobuf import Status, field, fields  # noqa: E402
from small_cloud import (NET, ROUTED, TOKEN, V4, V6, VIPS, WAIT_S, Talk, boot, build, can_ask, choices,  # noqa: E402
                         connection_to, current, forget, move, namespace, nodes, reasons, restart_agent, table,
                         unnoticed, wait_current)
from traffic import Connection, Server, ask_tcp  # noqa: E402

IPAM = "ipam.ironcore.dev/v1alpha1"
NEW = "9.9.9"
N_BULK = 1000
P7_SECONDS = 8


def a9_the_same_flow_goes_to_the_same_destination(lab):
    """On both nodes, after a restart of the agent, after the connection table is lost."""
    one, two = lab.nodes
    move(lab, one)
    expected = choices(lab.wanderer)
    assert set(expected.values()) == {"web-1", "web-2", "web-3"}, expected
    move(lab, two)
    assert choices(lab.wanderer) == expected, "another node chooses differently"
    restart_agent(lab, two)
    assert choices(lab.wanderer) == expected, "it changed with a restart"
    namespace(two).run("conntrack", "-F")
    assert choices(lab.wanderer) == expected, "it changed with the connection table"


def d25_connections_survive_a_fail_over_without_connection_tracking(lab):
    """Node 1 loses its agent and its connection table; then node 2, which never saw the connections, takes over."""
    one, two = lab.nodes
    move(lab, one)
    with contextlib.ExitStack() as stack:
        flows = [stack.enter_context(Connection(lab.wanderer, vip, 8080)) for vip in VIPS * 10]
        began = [flow.ask() for flow in flows]
        assert len(set(began)) > 2, began
        one.agent.kill()
        namespace(one).run("conntrack", "-F")
        assert [flow.ask() for flow in flows] == began, "a connection changed with the connection table"
        with lab.wanderer.moving(two):
            for node in lab.nodes:
                namespace(node).run("conntrack", "-F")
        assert [flow.ask() for flow in flows] == began, "a connection changed with the node"
    one.agent.restart()
    wait_current(lab)


def d26_instances_agree_whatever_the_order_of_their_backends(lab):
    """One node is told destination by destination, the other, with nothing kept, all at once and in another order."""
    one, two = lab.nodes
    ips = [address for machine in lab.webs for address in machine.addresses]
    lab.apply(load_balancer("routed", ROUTED))
    for order in (ips[4:], ips[2:], ips):
        lab.apply(routing("routed", order))
        wait_current(lab)
    move(lab, one)
    expected = choices(lab.wanderer, ROUTED)
    assert set(expected.values()) == {"web-1", "web-2", "web-3"}, expected

    two.agent.kill()
    forget(two)
    lab.apply(routing("routed", [ips[i] for i in (3, 5, 1, 4, 0, 2)]))
    restart_agent(lab, two)
    wait_current(lab)
    move(lab, two)
    assert choices(lab.wanderer, ROUTED) == expected, "it depends on the order"
    assert set(choices(lab.wanderer, ROUTED, range(22000, 22020)).values()) == set(expected.values())
    for machine in (lab.wanderer, one.client):  # the reply comes from the VIP, and the client was seen as itself
        assert all(ask_tcp(machine, vip, 8080)[1] in machine.addresses for vip in ROUTED)
    lab.ilb("delete", "lb", "routed")
    lab.ilb("wait", "lb/routed", "--for=deleted")


def p1_a_killed_agent_loses_nothing_and_adopts(lab):
    """Not one transaction: nothing in the kernel is touched, since nothing had changed."""
    wait_current(lab)
    commits = [Commits(namespace(node)) for node in lab.nodes]
    before = [table(node) for node in lab.nodes]
    with unnoticed(*(node.client for node in lab.nodes)):
        for node in lab.nodes:
            restart_agent(lab, node)
        wait_current(lab)
    assert [c.forget() for c in commits] == [0, 0], "the kernel was written to"
    assert [table(node) for node in lab.nodes] == before
    lab.apply(load_balancer("web", VIPS, ports=[8080, 8081], selector="app: web"))  # and it goes on from there
    for node in lab.nodes:
        wait_until("the change is there", lambda n=node: can_ask(n.client, V4, 8081))
    assert all(c.forget() > 0 for c in commits)
    lab.apply(load_balancer("web", VIPS, selector="app: web"))


def p2_without_nats_the_last_good_state_forwards(lab):
    """A node boots while nobody is there; the status says how old what it serves is, until somebody confirms it."""
    one = lab.nodes[0]
    wait_current(lab)
    for process in (one.agent, *lab.allocators, lab.nats):
        process.kill()
    boot(one)
    assert not can_ask(one.client, V4, 8080)
    one.agent.restart()
    for vip in VIPS:
        wait_until("it forwards", lambda v=vip: can_ask(one.client, v, 8080))
    lab.nats.restart()
    sentence = wait_until("its status", lambda: recalled(lab, one), WAIT_S)
    assert f"of {time.strftime('%Y-', time.gmtime())}" in sentence, sentence
    for allocator in lab.allocators:
        allocator.restart()
    wait_until("it is confirmed", lambda: current(lab) and "StateRecalled" not in reasons(lab, one), WAIT_S, 0.2)


def recalled(lab, node):
    """What its status says of state from the disk."""
    client = lab.try_client()
    if client is None:
        return None
    with client:
        said = client.subscribe(f"ilb.v1.status.{node.name}.{TOKEN}")
        client.publish("ilb.v1.roll")
        with contextlib.suppress(Exception):
            return Status(said.get(timeout=2).data).conditions.get("StateRecalled")
    return None


def p4_edits_of_others_are_repaired_and_reported(lab):
    one = lab.nodes[0]

    def listing():
        return namespace(one).run("nft", "-s", "list", "table", "inet", "ilb", check=False).stdout

    wanted = listing()
    for words in (["flush", "map", "inet", "ilb", "slot4"], ["add", "element", "inet", "ilb", "vip4", "{ 10.1.2.3 }"],
                  ["flush", "ruleset"]):
        namespace(one).nft(*words)
        wait_until(f"{words} is repaired", lambda: listing() == wanted)
        assert ask_tcp(one.client, V4, 8080)
    wait_until("it is reported", lambda: "TableRepaired" in reasons(lab, one))


def p7_whatever_happens_nothing_goes_back_and_no_address_is_given_twice(lab):
    """Replicas are killed, stopped and started; node 2 loses messages, gets them twice and in another order."""
    chance = random.Random(lab.seed)
    lab.apply(f"apiVersion: {IPAM}\nkind: Prefix\nmetadata: {{name: pool}}\nspec: {{prefix: 10.241.0.0/29}}\n")
    monitors = [clock.start_monitor(lab, node.name, namespace(node)) for node in lab.nodes]
    over, ticks = threading.Event(), clock.thing()
    writers = [Changer(lab, over, lab.seed, [ticks], lambda _, port: port + 1, pause=0.05),
               Comers(lab, over, lab.seed, "pool", 6)]
    with Client(lab.url) as client:
        said = client.subscribe("ilb.v1.status.>")
        with unnoticed(lab.nodes[0].client, lab.nodes[1].client):
            lab.bad_bus.bad = True
            for writer in writers:
                writer.start()
            trouble_replicas(lab, chance)
            over.set()
            for writer in writers:
                writer.join()
                assert not writer.raised, writer.raised
        lab.bad_bus.bad = False
        lab.bad_bus.drop()  # so that the node compares at once
        lab.wait_serving()
        wait_current(lab)
        statuses = [Status(said.get().data) for _ in range(said.qsize())]
    bus = lab.bad_bus
    print(f"# {ticks.possible[-1] - clock.FIRST_PORT} ticks; {bus.n_lost} messages lost, {bus.n_twice} doubled, "
          f"{bus.n_late} late")
    assert min(bus.n_lost, bus.n_twice, bus.n_late) > 3, "the bus was not bad enough"
    for monitor in monitors:
        clock.check(monitor, least=2)
    for node in lab.nodes:
        revisions = [s.revision for s in sorted(statuses, key=lambda s: s.applied_at) if s.node == node.name]
        assert revisions == sorted(revisions) and len(revisions) > 3, f"{node.name}: {revisions}"
    caller = Caller(lab)
    ticks.check(caller)
    check_addresses(caller, writers[-1])


def trouble_replicas(lab, chance):
    """One of three is missing at any moment, each in another way."""
    lab.start_allocator()
    end = time.monotonic() + P7_SECONDS
    while time.monotonic() < end:
        victim, how = chance.choice(lab.allocators), chance.choice(["KILL", "TERM", "STOP"])
        victim.popen.send_signal(getattr(signal, f"SIG{how}"))
        time.sleep(chance.uniform(0.1, 1))
        if how == "STOP":
            victim.popen.send_signal(signal.SIGCONT)
        else:
            victim.restart()
    lab.allocators.pop().kill(signal.SIGTERM)  # the third goes for good


def check_addresses(caller, comers):
    items = {item["metadata"]["name"]: item for item in caller.must("list", "lb")["items"]}
    comers.check(items)
    held = [address["ip"] for item in items.values() for address in item["status"]["addresses"] if "ip" in address]
    assert len(held) == len(set(held)), sorted(held)
    caller.must("delete", " ".join(f"lb/{name}" for name in items if name.startswith("e")))
    wait_until("they are gone", lambda: not [i for i in caller.must("list", "lb")["items"]
                                             if i["metadata"]["name"].startswith("e")], WAIT_S, 0.2)


def p8_a_connection_survives_the_upgrade_of_every_program(lab):
    """One TCP connection, used all the time, from before the first upgrade until after the last."""
    one, two = lab.nodes
    flow = connection_to(one.client, "web-2")
    with Talk(flow) as talk, unnoticed(one.client, two.client):
        upgraded = [upgrade(lab, program) for program in ("ilb-agent", "ilb-allocator")]
        lab.nats.restart()
        for number, allocator in enumerate(lab.allocators):
            switch(allocator, upgraded[1])
            lab.wait_serving()
            expected = sorted([NEW] * (number + 1) + [version(lab)] * (1 - number))
            wait_until("old and new replicas serve", lambda e=expected: replicas(lab) == e)
            lab.apply(clock.manifest(9000 + number))
            wait_current(lab)
        for node in lab.nodes:
            switch(node.agent, upgraded[0])
            wait_until("it says its version", lambda n=node: nodes(lab).get(n.name, {}).get("version") == NEW)
            wait_current(lab)
        lab.nats.restart()
        wait_current(lab)
    assert not talk.failure and talk.seen == {"web-2"} and talk.n > 50, (talk.failure, talk.seen, talk.n)
    lab.apply(clock.manifest())


def version(lab):
    """As long as NEW: "0.1.0"."""
    return lab.ilb("version").stdout.split()[1]


def upgrade(lab, program):
    """A build that calls itself another version."""
    with open(lab.program(program), "rb") as file:
        code = file.read()
    code, n = re.subn(rb"(?<![0-9.])" + re.escape(version(lab)).encode() + rb"(?![0-9.])", NEW.encode(), code)
    assert n > 0
    path = os.path.join(lab.directory, program)
    with open(path, "wb") as file:
        file.write(code)
    os.chmod(path, 0o755)
    return path


def switch(process, path):
    """The old ends in order, as systemd does it, and the new begins."""
    process.kill(signal.SIGTERM)
    process.command[0] = path
    process.restart()


def replicas(lab):
    """The versions of those that serve and have read all of the log."""
    done = lab.ilb("status", "-o", "json", check=False)
    rows = json.loads(done.stdout)["replicas"] if done.returncode == 0 else []
    return sorted(r["version"] for r in rows if (r["state"], r["behind"]) == ("Ready", 0))


def p14_foreign_state_is_left_alone(lab):
    """A firewall, addresses and routes of others: the same before and after, and in force meanwhile."""
    one = lab.nodes[0]
    inside = one.host("guarded")
    machine, client = one.machine("web-guarded", "guarded"), one.machine("client-guarded", "guarded")
    lab.stack.callback(Server(machine, udp=()).close)
    inside.nft("add table inet firewall; "
               "add chain inet firewall forward { type filter hook forward priority 0; }; "
               "add rule inet firewall forward tcp dport 8081 counter drop; add table ip ilb")
    inside.ip("address add 10.55.0.1/24 dev lo", f"address add {V6}/128 dev lo",
              "route add local 10.55.7.0/24 dev lo table local proto static")
    before = foreign(inside)
    one.agent.restart()
    text = (manifest("Network", "guarded", "") + interface(machine, "app: guarded")
            + load_balancer("guarded", VIPS, [8080, 8081], "app: guarded")).replace(NET, "guarded")
    lab.apply(text)
    lab.wait_ready("guarded")
    for vip in VIPS:
        assert ask_tcp(client, vip, 8080)[0] == "web-guarded"
    lab.ilb("delete", "lb", "guarded")
    lab.ilb("wait", "lb/guarded", "--for=deleted")
    wait_until("it is as it was", lambda: foreign(inside) == before)
    wait_current(lab)


def foreign(inside):
    return [inside.nft("-s", "list", "ruleset"),
            *(inside.run("ip", *words).stdout for words in (
                ("-4", "route", "show", "table", "all"), ("-6", "route", "show", "table", "all"), ("address",)))]


def p3_one_that_the_kernel_refuses_holds_back_no_other(lab):
    """A broken allocator gives one of a thousand the address of another: 999 forward, one is reported with the reason.
    The next comparison mends it. Adopting the thousand touches nothing."""
    vips = [f"10.242.{i // 250}.{i % 250 + 1}" for i in range(N_BULK)]
    for first in range(0, N_BULK, N_BULK // 4):
        lab.apply("".join(load_balancer(f"bulk-{i}", [vips[i]], selector="app: web")
                          for i in range(first, first + N_BULK // 4)))
    lab.wait_ready(f"bulk-{N_BULK - 1}", timeout="120s")
    wait_current(lab)
    with Client(lab.url) as client:
        said = client.subscribe(f"ilb.v1.status.*.{TOKEN}")
        client.publish(f"ilb.v1.state.{TOKEN}", forged(lab, client, "bulk-700", vips[700], vips[499]))
        statuses = {}

        def both_refuse():
            while not said.empty():
                status = Status(said.get().data)
                if status.n_refused:
                    statuses[status.node] = status
            return len(statuses) == 2

        wait_until("both nodes refuse it", both_refuse)
    for status in statuses.values():
        assert status.n_refused == 1 and "File exists" in "".join(status.refusals.values()), status.refusals
    shown = wait_until("it is reported", lambda: refusal(lab, "bulk-700"), WAIT_S, 0.2)
    assert "File exists" in shown, shown
    assert not refusal(lab, "bulk-499")
    for i in (0, 499, 699, 701, N_BULK - 1):
        for node in lab.nodes:
            assert ask_tcp(node.client, vips[i], 8080)
    lab.nats.restart()
    wait_until("it is mended", lambda: not refusal(lab, "bulk-700"), WAIT_S, 0.2)
    wait_until("it forwards", lambda: can_ask(lab.nodes[0].client, vips[700], 8080))
    wait_current(lab)

    commits = [Commits(namespace(node)) for node in lab.nodes]
    for node in lab.nodes:
        restart_agent(lab, node)
    wait_current(lab)
    assert [c.forget() for c in commits] == [0, 0], "the kernel was written to"


def refusal(lab, name):
    """What the LoadBalancer's conditions say of nodes that refuse it."""
    conditions = Caller(lab).get(f"loadbalancer/{name}")["status"]["conditions"]
    return next((c["message"] for c in conditions if c.get("reason") == "NodeRefused"), None)


def forged(lab, client, name, vip, other):
    """A change of one LoadBalancer as an allocator would publish it, at the newest revision, but with another VIP."""
    deltas = client.subscribe(f"ilb.v1.state.{TOKEN}")
    client.flush()
    lab.apply(load_balancer(name, [vip], [8080, 8082], selector="app: web"))
    delta = deltas.get(timeout=WAIT_S)
    assert delta.headers["Ilb-Changed"] == f"default/{name}", delta.headers
    wait_current(lab)
    lab.apply(manifest("Network", "unrelated", ""))  # whose revision no change of ours has
    revision = int(delta.headers["Ilb-Rev"])
    changed = {3: revision + 1, 4: revision}
    return b"".join(field(number, replace_once(value, packed(vip), packed(other)) if number == 9 else changed.get(number, value))
                    for number, value in fields(delta.data))


def packed(address):
    return bytes(map(int, address.split(".")))


def replace_once(value, old, new):
    assert value.count(old) == 1
    return value.replace(old, new)


CASES = [a9_the_same_flow_goes_to_the_same_destination, d25_connections_survive_a_fail_over_without_connection_tracking,
         d26_instances_agree_whatever_the_order_of_their_backends, p1_a_killed_agent_loses_nothing_and_adopts,
         p2_without_nats_the_last_good_state_forwards, p4_edits_of_others_are_repaired_and_reported,
         p8_a_connection_survives_the_upgrade_of_every_program,
         p7_whatever_happens_nothing_goes_back_and_no_address_is_given_twice, p14_foreign_state_is_left_alone,
         p3_one_that_the_kernel_refuses_holds_back_no_other]


def attempt(case, lab):
    begin = time.monotonic()
    title = case.__name__.partition("_")[0].upper() + " " + case.__name__.partition("_")[2]
    try:
        case(lab)
        print(f"ok {title}\n# {time.monotonic() - begin:.1f} s", flush=True)
        return True
    except Exception:  # pylint: disable=broad-except  # whatever it is, the case failed and the next one runs
        traceback.print_exc()
        print(f"not ok {title}", flush=True)
        return False


def main():
    chosen = [case for case in CASES if not sys.argv[1:] or case.__name__.partition("_")[0].upper() in sys.argv[1:]]
    seed = int(os.environ.get("ILB_SEED") or time.time())
    print(f"# ILB_SEED={seed}")
    with Lab() as lab:
        lab.seed = seed
        build(lab)
        passed = [attempt(case, lab) for case in chosen]
        assert all(passed), f"{passed.count(False)} of {len(passed)} failed"


main()
