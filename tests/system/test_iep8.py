# SPDX-License-Identifier: Apache-2.0
"""A1, A2, A8, D1, D2, R1, M8 through the whole system: the manifest of IEP-8 on three nodes, TCP and UDP,
IPv4 and IPv6, and back to status.ips. Then each of the three processes is killed and started again."""

import collections
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, example, nic_manifest, wait_until  # noqa: E402

VIPS = ["10.0.0.1", "2607:f0d0:1002:51::4"]
N = 600


def with_udp(manifest):
    """The example with a UDP port beside its TCP port."""
    return manifest.replace("    port: 8080\n", "    port: 8080\n  - protocol: UDP\n    port: 5353\n")


def check_spread(what, spread, n, n_destinations):
    """Every destination within 4 sigma of its share."""
    p = 1 / n_destinations
    sigma = math.sqrt(n * p * (1 - p))
    assert len(spread) == n_destinations, f"{what}: {spread}"
    for name, count in spread.items():
        assert abs(count - n * p) <= 4 * sigma, f"{what}: {name} got {count} of {n}: {spread}"


def exchange(client, vip, n):
    tcp, udp = collections.Counter(), collections.Counter()
    for _ in range(n):
        for spread, ask in ((tcp, lambda: client.connect(vip, 8080)),
                            (udp, lambda: client.exchange(vip, 5353))):
            name, seen = ask()
            assert seen in client.addresses, f"{name} saw {seen}, not the client"
            spread[name] += 1
    return tcp, udp


def a1_a2_every_destination_takes_its_share(lab):
    for vip in VIPS:
        tcp, udp = exchange(lab.nodes[0].client, vip, N)
        check_spread(f"TCP {vip}", tcp, N, 3)
        check_spread(f"UDP {vip}", udp, N, 3)


def every_node_balances(lab):
    for node in lab.nodes:
        for vip in VIPS:
            tcp, udp = exchange(node.client, vip, 20)
            assert sum(tcp.values()) == sum(udp.values()) == 20


def a8_not_from_another_network_nor_the_node(lab):
    for vip in VIPS:
        try:
            lab.stranger.connect(vip, 8080, timeout=1)
            raise AssertionError(f"{vip} answered in another Network")
        except OSError:
            pass
        other = lab.nodes[0].networks["other-network"]
        assert other.run("ping", "-c1", "-W1", vip, check=False).returncode != 0, \
            f"{vip} answers a ping in another Network"


def d1_d2_ping(lab):
    for vip in VIPS:
        for _ in range(2):
            assert lab.nodes[1].client.ping(vip), f"{vip} does not answer ping"


def status_is_the_examples(lab):
    """Heartbeats of agents that were just started may still be on their way."""
    everywhere = {"total": 3, "programmed": 3}
    wait_until("all three nodes forward it", lambda: lab.get(
        "loadbalancer/my-loadbalancer")["status"]["nodes"] == everywhere)
    status = lab.get("loadbalancer/my-loadbalancer")["status"]
    assert [entry["ip"] for entry in status["ips"]] == VIPS, status
    assert status["destinations"]["total"] == 6, status  # an IPv4 and an IPv6 address each


def restart_of_each_process(lab):
    before = lab.get("loadbalancer/my-loadbalancer")
    for process in (lab.allocators[0], lab.nodes[0].agent, lab.nats):
        process.restart()
        exchange(lab.nodes[0].client, VIPS[0], 20)
        lab.wait_ready("my-loadbalancer", timeout="60s")
        after = lab.get("loadbalancer/my-loadbalancer")
        assert after["spec"] == before["spec"]
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        status_is_the_examples(lab)
        every_node_balances(lab)


def status_shows_replicas_and_store(lab):
    status = json.loads(lab.ilb("status", "-o", "json").stdout)
    assert [(r["state"], r["behind"]) for r in status["replicas"]] == [("Ready", 0)], status
    assert status["store"]["copies"] == 1 and status["store"]["sequence"] > 3, status
    assert "power failure" in lab.ilb("status").stdout


def nodes(lab):
    """Name -> (state of the node, state of my-network there)."""
    said = json.loads(lab.ilb("nodes", "-o", "json").stdout)
    return {node["name"]: (node["state"], network["state"]) for node in said for network in node["networks"]
            if network["name"] == "default_my-network"}


def nodes_that_are_silent_are_unknown(lab):
    well = {node.name: ("Alive", "Current") for node in lab.nodes}
    wait_until("all nodes are current", lambda: nodes(lab) == well)
    lab.nodes[2].agent.kill()
    silent = wait_until("node-3 is silent", lambda: silence(lab))
    assert silent["status"] == "Unknown" and silent["message"].startswith("node-3 has not reported since 2"), silent
    assert nodes(lab) == dict(well, **{"node-3": ("Unknown", "Current")})
    assert "Unknown" in lab.ilb("nodes").stdout
    every_node_balances(lab)  # what is in its kernel goes on
    lab.nodes[2].agent.restart()
    wait_until("all nodes are current", lambda: nodes(lab) == well and not silence(lab))


def silence(lab):
    conditions = lab.get("loadbalancer/my-loadbalancer")["status"]["conditions"]
    return next((c for c in conditions if c["type"] == "NodesReporting"), None)


def d1_d2_r1_without_destinations(lab):
    for node in lab.nodes:
        lab.ilb("delete", "nic", node.web.name)
        lab.ilb("wait", f"nic/{node.web.name}", "--for=deleted")
    d1_d2_ping(lab)
    for vip in VIPS:
        try:
            lab.nodes[0].client.connect(vip, 8080)
            raise AssertionError("connected to a load balancer without destinations")
        except ConnectionRefusedError:
            pass


def m8_nothing_is_left(lab):
    lab.ilb("delete", "lb", "my-loadbalancer")
    lab.ilb("wait", "lb/my-loadbalancer", "--for=deleted")
    for node in lab.nodes:
        network = node.networks["my-network"]
        assert "ilb" not in network.nft("list", "tables"), "a table is left"
        for family in ("-4", "-6"):
            routes = network.run("ip", family, "route", "show", "table", "all").stdout
            assert not any(vip in routes for vip in VIPS), f"a route is left: {routes}"


FOR_OPERATORS = (status_shows_replicas_and_store, nodes_that_are_silent_are_unknown)


def main():
    with Lab() as lab:
        for name in ("node-1", "node-2", "node-3"):
            lab.node(name).host("my-network")
        lab.nodes[0].host("other-network")
        for node in lab.nodes:
            node.web = node.machine(f"web-{node.number}").serve(tcp=[8080], udp=[5353])
            node.client = node.machine(f"client-{node.number}")
        lab.stranger = lab.nodes[0].machine("stranger", network="other-network")
        lab.start_nats()
        for node in lab.nodes:  # before the allocator: they wait
            node.start_agent()
        lab.start_allocator()
        lab.wait_serving()
        lab.apply(example("network.yaml"))
        lab.apply(with_udp(example("iep-8.yaml")))
        for node in lab.nodes:
            lab.apply(nic_manifest(node.web))
        lab.wait_ready("my-loadbalancer")
        steps = [status_is_the_examples, a1_a2_every_destination_takes_its_share, every_node_balances,
                 a8_not_from_another_network_nor_the_node, d1_d2_ping, restart_of_each_process,
                 status_shows_replicas_and_store, nodes_that_are_silent_are_unknown,
                 d1_d2_r1_without_destinations, m8_nothing_is_left]
        if any(name.startswith("ILB_PROGRAM_") for name in os.environ):
            # Versions are mixed: what is younger than one of them cannot be asked for.
            steps = [step for step in steps if step not in FOR_OPERATORS]
        for step in steps:
            step(lab)
            print(f"ok {step.__name__}", flush=True)


main()
