# SPDX-License-Identifier: Apache-2.0
"""The section "Back up and restore" of docs/operations.md: its own `nats` commands, into an empty server."""

import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("support", "allocator"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
from control_plane import lb  # noqa: E402
from lab import ROOT, Lab, can_connect, example, nic_manifest, skip, wait_until  # noqa: E402

VIP = "10.0.0.1"


def commands():
    """{"backup": words, ...} of the lines of the document that begin with `nats stream`."""
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        section = file.read().partition("## Back up and restore")[2].partition("\n## ")[0]
    lines = re.findall(r"^nats stream (\w+) ([^#\n]*)", section, re.MULTILINE)
    return {verb: ["stream", verb, *rest.split()] for verb, rest in lines}


def nats(lab, program, words):
    words = [word.replace("/backup/", f"{lab.directory}/backup-") for word in words]
    done = subprocess.run([program, "--server", lab.url, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"nats {' '.join(words)}: {done.stdout}{done.stderr}"


def objects(lab):
    return {(kind, name): lab.get(f"{kind}/{name}") for kind, name in (
        ("network", "my-network"), ("loadbalancer", "my-loadbalancer"), ("prefix", "my-lb-prefix-v6"),
        ("networkinterface", "web"))}


def what_lasts(items):
    """Of each object, what is not derived from nodes."""
    return {key: (item["metadata"], item["spec"], [address.get("ip") for address in item["status"].get("addresses", [])])
            for key, item in items.items()}


def empty_server(lab):
    lab.nats.kill()
    port = lab.url.rsplit(":", 1)[1]
    shutil.rmtree(os.path.join(lab.directory, "jetstream"))
    lab.nats = lab.start("nats-empty", ["nats-server", "-a", "127.0.0.1", "-p", port, "-js", "-sd",
                                        os.path.join(lab.directory, "jetstream")])
    wait_until("nats-server is up", lambda: can_connect(int(port)))


def restore_all(lab, program, node, web, client):
    lab.start_nats()
    lab.start_allocator()
    lab.wait_serving()
    agent = node.start_agent()
    lab.apply(example("network.yaml") + "---\n" + example("iep-8.yaml") + "---\n" + nic_manifest(web))
    lab.wait_ready("my-loadbalancer")
    assert client.connect(VIP, 8080)[0] == "web"
    before = what_lasts(objects(lab))
    words = commands()
    nats(lab, program, words["backup"])
    lab.apply(lb("later", ip="10.0.0.7", net="my-network"))  # not in the backup
    lab.wait_ready("later")
    print("ok backup", flush=True)

    lab.allocators[-1].kill()
    empty_server(lab)
    assert client.connect(VIP, 8080)[0] == "web", "forwarding needs neither"
    nats(lab, program, words["restore"])
    lab.start_allocator()
    lab.wait_serving()
    assert what_lasts(objects(lab)) == before, f"{before}\n{objects(lab)}"
    assert lab.get("loadbalancer/later") is None
    print("ok restore into an empty server", flush=True)

    agent.kill()
    shutil.rmtree(os.path.join(node.directory, "state"))
    node.start_agent()
    lab.wait_ready("my-loadbalancer")
    network = node.networks["my-network"]
    wait_until("the node goes back, too", lambda: "10.0.0.7" not in network.nft("list", "ruleset"))
    assert client.connect(VIP, 8080)[0] == "web"
    lab.apply(lb("later", ip="10.0.0.7", net="my-network"))
    lab.wait_ready("later")
    print("ok everything as before", flush=True)


def main():
    fetched = subprocess.run([os.path.join(ROOT, "tests", "support", "other_clients.sh"), "nats"],
                             capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        skip(fetched.stderr.strip().splitlines()[-1])
    with Lab() as lab:
        node = lab.node("node-1")
        node.host("my-network")
        web, client = node.machine("web").serve(tcp=[8080]), node.machine("client")
        restore_all(lab, fetched.stdout.strip(), node, web, client)


main()
