# SPDX-License-Identifier: Apache-2.0
"""An agent without an allocator: `ilb compile` makes its messages, any NATS client sends them."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, example, nic_manifest, wait_until  # noqa: E402
from nats_client import Client  # noqa: E402

NET = "default_my-network"
VIP = "10.0.0.1"


def compiled(lab, manifest, *options):
    done = subprocess.run([lab.program("ilb"), "compile", "-f", "-", "--network", "my-network", *options],
                          input=manifest.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def snapshot_then_change(lab):
    node = lab.node("node-1")
    network = node.host("my-network")
    web, client = node.machine("web").serve(tcp=[8080, 9090]), node.machine("client")
    lab.start_nats()
    bus = lab.stack.enter_context(Client(lab.url))
    manifest = example("network.yaml") + "---\n" + example("iep-8.yaml") + "---\n" + nic_manifest(web)
    snapshot = compiled(lab, manifest, "--revision", "7")
    assert snapshot == compiled(lab, manifest, "--revision", "7"), "not the same each time"
    bus.subscribe(f"ilb.v1.snap.*.{NET}", lambda message: bus.publish(message.reply, snapshot))
    node.start_agent()
    wait_until("the snapshot is in the kernel", lambda: VIP in network.run(
        "nft", "list", "ruleset", check=False).stdout)
    assert client.connect(VIP, 8080)[0] == "web"

    moved = manifest.replace("port: 8080", "port: 9090")
    bus.publish(f"ilb.v1.state.{NET}", compiled(lab, moved, "--revision", "8", "--follows", "7"))

    def answers():
        try:
            return client.connect(VIP, 9090)[0] == "web"
        except OSError:
            return False
    wait_until("the change is in the kernel", answers)


def refuses(lab):
    for words, wanted in (
            (["-f", "-"], "compile takes"),
            (["-f", "-", "--network", "my-network", "--revision", "0"], "--revision '0'"),
            (["-f", "-", "--network", "my-network", "--epoch", "x"], "--epoch 'x'"),
            (["-f", "-", "--network", "my-network", "--revision", "3", "--follows", "3"], "--follows '3'"),
            (["-f", "-", "--network", "My Network"], "'My Network' is not the name of a Network")):
        done = lab.ilb("compile", *words, check=False, text_input=example("network.yaml"))
        assert done.returncode == 2 and wanted in done.stderr, done
    done = lab.ilb("compile", "-f", "-", "--network", "my-network", check=False,
                   text_input=example("iep-8.yaml").replace("port: 8080", "port: 80800"))
    assert done.returncode == 3 and "80800" in done.stderr and not done.stdout, done


def main():
    with Lab() as lab:
        for step in (snapshot_then_change, refuses):
            step(lab)
            print(f"ok {step.__name__}", flush=True)


main()
