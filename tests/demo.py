# SPDX-License-Identifier: Apache-2.0
"""The story that ./demo tells. Every claim that it prints was checked; one that does not hold ends it
with exit code 1. Everything it made is gone at the end, also after Ctrl-C."""

import collections
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support"))
from lab import Lab, example, nic_manifest, wait_until  # noqa: E402

REQUESTS = 300  # from each client, to both VIPs in turn


def say(text=""):
    print(text, flush=True)


def chapter(title):
    say(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}")


def claim(text, holds):
    """Prints a claim that was checked, and ends the story when it does not hold."""
    if not holds:
        say(f"  FAILED: {text}")
        sys.exit(1)
    say(f"  ok: {text}")


def show(text):
    for line in text.rstrip().splitlines():
        say(f"    {line}")


def build_cloud(lab):
    chapter("Three nodes, each hosting the Network my-network")
    lab.start_nats()
    for name in ("node-1", "node-2", "node-3"):
        lab.node(name).host("my-network")
    lab.nodes[0].host("other-network")
    for node in lab.nodes:
        node.web = node.machine(f"web-{node.number}").serve(tcp=[8080])
        node.client = node.machine(f"client-{node.number}")
    lab.stranger = lab.nodes[0].machine("stranger", network="other-network")
    lab.start_allocator()
    for node in lab.nodes:
        node.start_agent()
    lab.wait_serving()
    say(f"  nats-server at {lab.url}, one ilb-allocator, three ilb-agents,")
    say("  and on each node a machine that serves the web and a client.")
    claim("before there is a load balancer, clients reach machines by their own addresses",
          all(node.client.connect(address, 8080)[0] == lab.nodes[2].web.name
              for node in lab.nodes for address in lab.nodes[2].web.addresses))


def apply_manifests(lab):
    chapter("The manifest of IEP-8")
    show(lab.apply(example("network.yaml")))
    show(lab.apply("".join(nic_manifest(node.web) for node in lab.nodes)))
    show(lab.apply(example("iep-8.yaml")))
    begin = time.monotonic()
    show(lab.wait_ready("my-loadbalancer").stdout)
    seconds = time.monotonic() - begin
    status = wait_until("all three nodes forward it", lambda: on_all_nodes(lab))
    show(lab.ilb("get", "loadbalancers").stdout)
    say("    status:")
    show("\n".join("  " + line for line in yaml_section(
        lab.ilb("get", "loadbalancer", "my-loadbalancer", "-o", "yaml").stdout, "status")))
    lab.vips = [entry["ip"] for entry in status["ips"]]
    claim(f"it was Ready after {seconds:.2f} s, now on {status['nodes']['programmed']} of "
          f"{status['nodes']['total']} nodes", status["nodes"] == {"total": 3, "programmed": 3})
    claim("status.ips is what the manifest's own status says: " + ", ".join(lab.vips),
          lab.vips == ["10.0.0.1", "2607:f0d0:1002:51::4"])


def on_all_nodes(lab):
    """The status of the load balancer once every node of the lab is in it and has it."""
    n_nodes = len(lab.nodes)
    status = lab.get("loadbalancer/my-loadbalancer")["status"]
    return status if status["nodes"] == {"total": n_nodes, "programmed": n_nodes} else None


def yaml_section(text, name):
    """The lines below a top-level member of YAML text."""
    lines, inside = [], False
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            inside = True
        elif inside and not line.startswith((" ", "-")):
            inside = False
        elif inside:
            lines.append(line)
    return lines


def send(client, vips, n_requests):
    """Requests to the VIPs in turn: how many each destination answered."""
    spread = collections.Counter()
    for i in range(n_requests):
        name, seen = client.connect(vips[i % len(vips)], 8080)
        if seen not in client.addresses:
            claim(f"{name} sees the client's own address and not {seen}", False)
        spread[name] += 1
    return spread


def balance(lab):
    chapter(f"{REQUESTS} HTTP requests from a client on each node, to both VIPs")
    for node in lab.nodes:
        spread = send(node.client, lab.vips, REQUESTS)
        bars = "  ".join(f"{name} {count}" for name, count in sorted(spread.items()))
        claim(f"{node.client.name}: {bars}; none failed, each saw the client's own address",
              sum(spread.values()) == REQUESTS and len(spread) == 3
              and all(40 < count < 160 for count in spread.values()))
    claim("both VIPs answer ping", all(lab.nodes[0].client.ping(vip) for vip in lab.vips))


def change_destinations(lab):
    chapter("One destination more")
    extra = lab.nodes[0].machine("web-4").serve(tcp=[8080])
    extra_client = lab.nodes[2].client
    show(lab.apply(nic_manifest(extra)))
    wait_until("web-4 takes part", lambda: "web-4" in send(extra_client, lab.vips, 20))
    spread = send(extra_client, lab.vips, REQUESTS)
    claim("  ".join(f"{name} {count}" for name, count in sorted(spread.items()))
          + ": web-4 takes its share", len(spread) == 4 and spread["web-4"] > 30)

    chapter("One destination less")
    show(lab.ilb("delete", "networkinterface", "web-2").stdout)
    lab.ilb("wait", "networkinterface/web-2", "--for=deleted")
    lab.nodes[1].web.stop()
    for node in lab.nodes:
        spread = send(node.client, lab.vips, 100)
        claim(f"{node.client.name}: " + "  ".join(
            f"{name} {count}" for name, count in sorted(spread.items()))
              + "; web-2 is stopped, and not one request failed", "web-2" not in spread)


def isolate(lab):
    chapter("Visible nowhere else")
    for vip in lab.vips:
        claim(f"{vip} does not answer from another Network on the same node",
              not reaches(lab.stranger, vip))
    for node in lab.nodes:
        claim(f"the other Network's namespace is empty of rules on {node.name}"
              if "other-network" in node.networks else f"{node.name} hosts only my-network",
              "other-network" not in node.networks
              or "ilb" not in node.networks["other-network"].nft("list", "tables"))


def reaches(machine, vip):
    try:
        machine.connect(vip, 8080, timeout=1)
        return True
    except OSError:
        return False


def survive(lab):
    chapter("Nothing depends on us to keep forwarding")
    for process in [*lab.allocators, lab.nats, *(node.agent for node in lab.nodes)]:
        process.kill()
    claim("allocator, nats-server and all agents are killed: 300 requests, none failed",
          sum(send(lab.nodes[0].client, lab.vips, REQUESTS).values()) == REQUESTS)
    for process in [lab.nats, *lab.allocators, *(node.agent for node in lab.nodes)]:
        process.restart()
    lab.wait_ready("my-loadbalancer", timeout="60s")
    claim("started again, the load balancer is Ready with the same addresses",
          [entry["ip"] for entry in
           lab.get("loadbalancer/my-loadbalancer")["status"]["ips"]] == lab.vips)


def clean_up(lab):
    chapter("And gone")
    show(lab.ilb("delete", "loadbalancer", "my-loadbalancer").stdout)
    show(lab.ilb("wait", "loadbalancer/my-loadbalancer", "--for=deleted").stdout)
    claim("no rule and no route of ours is left in any namespace",
          all("ilb" not in network.nft("list", "tables")
              and all(vip not in network.run("ip", "route", "show", "table", "all").stdout
                      for vip in lab.vips)
              for node in lab.nodes for network in node.networks.values()))


def main():
    with Lab() as lab:
        for step in (build_cloud, apply_manifests, balance, change_destinations, isolate,
                     survive, clean_up):
            step(lab)
    say("\nEverything above was checked, and everything the demo made is removed.")


main()
