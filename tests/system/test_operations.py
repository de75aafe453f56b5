# SPDX-License-Identifier: Apache-2.0
"""Each row of the table of docs/operations.md: makes the symptom happen, and looks for the sentence that it promises."""

import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("support", "allocator"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
from control_plane import lb, network, prefix  # noqa: E402
from lab import ROOT, Lab, can_connect, wait_until  # noqa: E402


def rows():
    """symptom: pattern of what is shown, <...> being anything."""
    found = {}
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        for line in file.read().partition("## Troubleshooting")[2].splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("| ") and len(cells) == 3 and "`" in cells[1]:
                words = re.split(r"<[^>]*>", cells[1].strip("`"))
                found[cells[0]] = ".*".join(map(re.escape, words))
    return found


class Table:
    def __init__(self):
        self.rows, self.seen = rows(), set()

    def expect(self, symptom, look, timeout=40):
        """`look` gives what a program shows; it is asked until it shows what the row says."""
        pattern, last = self.rows[symptom], []

        def shown():
            last[:] = [look()]
            return re.search(pattern, last[0], re.DOTALL)
        try:
            wait_until(f"'{symptom}'", shown, timeout, step=0.2)
        except AssertionError:
            print(f"{symptom}: no '{pattern}' in:\n{last}", file=sys.stderr)
            raise
        self.seen.add(symptom)
        print(f"ok {symptom}", flush=True)


def run(lab, program, *options):
    done = subprocess.run([lab.program(program), *options], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def restart_nats(lab, *options):
    lab.nats.kill()
    port = lab.url.rsplit(":", 1)[1]
    lab.nats = lab.start(f"nats-{lab.count()}", ["nats-server", "-a", "127.0.0.1", "-p", port, *options])
    wait_until("nats-server is up", lambda: can_connect(int(port)))


def without_a_bus(lab, table):
    table.expect("no program reaches the bus", lambda: run(lab, "ilb", "get", "lb", "-s", "nats://127.0.0.1:1"))
    table.expect("a key file is not accepted",
                 lambda: run(lab, "ilb", "get", "lb", "--nkey", os.path.join(ROOT, "examples", "network.yaml")))
    table.expect("an agent does not start", lambda: run(lab, "ilb-agent", "--node", "a name", "--check"))


def bus_that_refuses(lab, table):
    lab.start_nats()
    table.expect("every request fails at once", lambda: lab.ilb("get", "lb", check=False).stderr)
    restart_nats(lab, "--user", "somebody", "--pass", "else")
    table.expect("the bus refuses the login", lambda: lab.ilb("get", "lb", check=False).stderr)
    restart_nats(lab)
    allocator = lab.start_allocator()
    table.expect("the allocator waits", allocator.log)
    restart_nats(lab, "-js", "-sd", os.path.join(lab.directory, "store"))
    lab.wait_serving()


def objects(lab, table):
    def describe(name):
        return lab.ilb("describe", f"lb/{name}").stdout

    lab.apply(lb("web", ip="10.0.0.1"))
    table.expect("not Ready: NetworkNotFound", lambda: describe("web"))
    lab.apply(network("net") + prefix("p", "10.9.0.0/31") + "".join(lb(name, pool="p") for name in "abc"))
    table.expect("not Ready: PrefixExhausted", lambda: describe("c"))
    table.expect("not Ready: NoDestinations", lambda: describe("web"))
    table.expect("not Ready: NoNodes", lambda: describe("web"))
    table.expect("apply is refused for an address", lambda: lab.ilb(
        "apply", "-f", "-", text_input=lb("other", ip="10.0.0.1"), check=False).stderr)
    table.expect("a Network cannot be deleted",
                 lambda: lab.ilb("delete", "network", "net", check=False).stderr)
    table.expect("a script waits in vain", lambda: lab.ilb(
        "wait", "lb/web", "--for=ready", "--timeout=300ms", check=False).stderr)


def nodes(lab, table):
    node = lab.node("node-1")
    network_of_node = lab.namespace("default_net", directory=node.netns_dir)
    agent = node.start_agent()

    def shown():
        return lab.ilb("nodes", "-o", "yaml").stdout

    table.expect("connections to an address time out", shown)
    table.expect("machines of a node that has died still get connections", shown)
    network_of_node.nft("flush", "ruleset")
    table.expect("somebody flushed nftables", shown)
    agent.popen.send_signal(signal.SIGSTOP)
    table.expect("a node is Unknown", lambda: lab.ilb("describe", "lb/web").stdout)
    agent.kill()
    blocked = os.path.join(lab.directory, "a-file")
    open(blocked, "x", encoding="ascii").close()
    other = lab.start("agent-without-disk", [
        lab.program("ilb-agent"), "--server", lab.url, "--node", "node-1", "--netns-dir", node.netns_dir,
        "--state-dir", blocked])
    table.expect("a node would boot without its state", other.log)


def main():
    table = Table()
    with Lab() as lab:
        for step in (without_a_bus, bus_that_refuses, objects, nodes):
            step(lab, table)
    missing = set(table.rows) - table.seen
    assert table.rows and not missing, f"rows that nothing backs: {missing}"


main()
