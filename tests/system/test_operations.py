# SPDX-License-Identifier: Apache-2.0
"""Each row of the table of docs/operations.md: makes the symptom happen, and looks for the sentence that it promises.

Rows share a lab, and come in the order in which that costs least. One that this machine cannot have says so."""

import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("support", "allocator"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
from control_plane import FakeNode, lb, network, prefix  # noqa: E402
from lab import ROOT, Lab, can_connect, run as must_run, wait_until, write_sysctl  # noqa: E402
from nats_client import Client  # noqa: E402


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


    def leave_out(self, symptom, why):
        assert symptom in self.rows
        self.seen.add(symptom)
        print(f"ok {symptom} # SKIP {why}", flush=True)


def run(lab, program, *options):
    done = subprocess.run([lab.program(program), *options], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def configure_nats(lab, text):
    """Starts the server anew with this configuration."""
    path = os.path.join(lab.directory, f"nats-{lab.count()}.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    restart_nats(lab, "-c", path)


def restart_nats(lab, *options):
    lab.nats.kill()
    port = lab.url.rsplit(":", 1)[1]
    lab.nats = lab.start(f"nats-{lab.count()}", ["nats-server", "-a", "127.0.0.1", "-p", port, *options])
    wait_until("nats-server is up", lambda: can_connect(int(port)))


def without_a_bus(lab, table):
    table.expect("a key file is not accepted",
                 lambda: run(lab, "ilb", "get", "lb", "--nkey", os.path.join(ROOT, "examples", "network.yaml")))
    table.expect("a file of credentials is not accepted", lambda: run(lab, "ilb", "get", "lb", "--creds", "/nowhere/a.creds"))
    table.expect("a context is not there", lambda: run(lab, "ilb", "get", "lb", "--context", "nowhere"))
    table.expect("an agent does not start", lambda: run(lab, "ilb-agent", "--node", "a name", "--check"))


def bus_that_refuses(lab, table):
    """Each of these takes as long as our patience does, so they are looked at together."""
    few = side_server(lab, "authorization { users: [{ user: a, password: b, permissions: {"
                           " publish: ['ilb.v1.alive.*'], subscribe: ['_INBOX.>'] }}] }").replace("//", "//a:b@")
    other = side_server(lab, "authorization { user: somebody, password: else }")
    certificate, with_tls = tls_server(lab)
    with ThreadPoolExecutor() as pool:
        asked = {symptom: pool.submit(run, lab, "ilb", "get", "lb", "-s", url) for symptom, url in (
            ("no program reaches the bus", "nats://127.0.0.1:1"), ("the bus refuses the login", other),
            ("the bus refuses a request", few), ("the certificate of the bus is not trusted", with_tls))}
    for symptom, shown in asked.items():
        table.expect(symptom, shown.result)
    shown = run(lab, "ilb", "get", "lb", "-s", with_tls, "--tlsca", certificate)
    assert "no ilb-allocator" in shown, shown  # it was the certificate
    node = lab.node("node-0")
    lab.namespace("default_net", directory=node.netns_dir)
    lab.url = few
    agent = node.start_agent()
    table.expect("a node gets no state of its Network", agent.log)
    agent.kill()


def bus_without_a_store(lab, table):
    lab.start_nats()
    table.expect("every request fails at once", lambda: lab.ilb("get", "lb", check=False).stderr)
    restart_nats(lab)
    allocator = lab.start_allocator()
    table.expect("the allocator waits", allocator.log)
    allocator.kill()


def side_server(lab, text):
    """One more nats-server with this configuration; gives its URL."""
    path = os.path.join(lab.directory, f"nats-{lab.count()}.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lab.start(f"nats-{port}", ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-c", path])
    wait_until("nats-server is up", lambda: can_connect(port))
    return f"nats://127.0.0.1:{port}"


def tls_server(lab):
    key, certificate = (os.path.join(lab.directory, name) for name in ("key.pem", "certificate.pem"))
    must_run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate)
    return certificate, side_server(lab, f"tls {{ cert_file: {certificate}, key_file: {key} }}")


def store_that_fails(lab, table):
    """Full, gone, and not as allocators make it."""
    configure_nats(lab, f"jetstream {{ store_dir: {lab.directory}/small, max_file_store: 20KB }}")
    allocator = lab.start_allocator()
    lab.wait_serving()

    def fill():
        lab.ilb("apply", "-f", "-", check=False, text_input="".join(network(f"n{lab.count()}") for _ in range(50)))
        return lab.ilb("status", check=False).stdout
    table.expect("changes are refused, reads are answered", fill)
    allocator.kill()
    restart_nats(lab, "-js", "-sd", os.path.join(lab.directory, "store"))
    allocator = lab.start_allocator()
    lab.wait_serving()
    with Client(lab.url) as bus:
        assert bus.request("$JS.API.STREAM.DELETE.KV_ilb").json["success"]
        table.expect("the store is gone", lambda: lab.ilb("status", check=False).stderr)
        allocator.kill()
        made = bus.request("$JS.API.STREAM.CREATE.KV_ilb", '{"name": "KV_ilb", "subjects": ["$KV.ilb.>"], "num_replicas": 1,'
                           ' "retention": "limits", "discard": "new", "max_msgs_per_subject": 1, "storage": "memory",'
                           ' "allow_rollup_hdrs": true}').json
        assert "error" not in made, made
        allocator = lab.start_allocator()
        lab.wait_serving()
        table.expect("the store forgets", lambda: lab.ilb("status", check=False).stdout)
        allocator.kill()
        bus.request("$JS.API.STREAM.DELETE.KV_ilb")
    lab.start_allocator()
    lab.wait_serving()


def objects(lab, table):
    def describe(name):
        return lab.ilb("describe", f"lb/{name}").stdout

    lab.apply(lb("web", ip="10.0.0.1"))
    table.expect("not Ready: NetworkNotFound", lambda: describe("web"))
    lab.apply(network("net") + prefix("p", "10.9.0.0/31") + "".join(lb(name, pool="p") for name in "abc"))
    lab.apply(lb("orphan", pool="missing"))
    table.expect("not Ready: PrefixNotFound", lambda: describe("orphan"))
    table.expect("not Ready: PrefixExhausted", lambda: describe("c"))
    table.expect("not Ready: NoDestinations", lambda: describe("web"))
    table.expect("not Ready: NoNodes", lambda: describe("web"))
    table.expect("apply is refused for an address", lambda: lab.ilb(
        "apply", "-f", "-", text_input=lb("other", ip="10.0.0.1"), check=False).stderr)
    table.expect("a manifest is refused", lambda: lab.ilb(
        "apply", "-f", "-", text_input=lb("bad", ip="10.0.0.9", port=0), check=False).stderr)
    table.expect("a Network cannot be deleted",
                 lambda: lab.ilb("delete", "network", "net", check=False).stderr)
    table.expect("a script waits in vain", lambda: lab.ilb(
        "wait", "lb/web", "--for=ready", "--timeout=300ms", check=False).stderr)


def shown_nodes(lab):
    return lab.ilb("nodes").stdout


def make_mischief(space):
    """What is wrong around the table of a Network before the agent looks for the first time."""
    with space:
        write_sysctl("ipv4/conf/all/rp_filter", 1)
        if os.path.exists("/proc/sys/net/bridge"):
            write_sysctl("bridge/bridge-nf-call-iptables", 0)
    space.ip("link add br0 type bridge", *(line for port in ("p1", "p2") for line in (
        f"link add {port} type veth peer name {port}-peer", f"link set {port} master br0", f"link set {port} up")))


def surroundings(lab, table, space):
    for symptom in ("connections to an address time out", "connections through one of two links time out",
                    "connections between two machines of a bridge hang", "a dead node is not found"):
        table.expect(symptom, lambda: shown_nodes(lab))
    symptom = "established connections are slower than elsewhere"
    if "FlowtableUnsupported" in shown_nodes(lab):
        table.expect(symptom, lambda: shown_nodes(lab))
    else:
        table.leave_out(symptom, "this kernel has flowtables")
    fill_conntrack(lab, table, space)
    space.nft("flush", "ruleset")
    table.expect("somebody flushed nftables", lambda: shown_nodes(lab))


def fill_conntrack(lab, table, space):
    symptom = "new connections fail now and then"
    with open("/proc/sys/net/netfilter/nf_conntrack_max", encoding="ascii") as file:
        most = int(file.read())
    if most > 300000:
        table.leave_out(symptom, f"{most} connections would take too long")
        return
    with space, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        for number in range(most * 83 // 100):
            datagram.sendto(b"", (f"127.0.{1 + number // 60000}.1", 1024 + number % 60000))
    table.expect(symptom, lambda: shown_nodes(lab))


NIC = """apiVersion: networking.ironcore.dev/v1alpha1
kind: NetworkInterface
metadata: {name: web-1, labels: {app: web}}
spec: {networkRef: {name: net}, nodeRef: {name: node-1}, ips: [{ip: 10.1.0.10}]}
---
"""


def health(lab, table):
    check = "  healthCheck: {protocol: TCP, port: 80, intervalSeconds: 2, timeoutSeconds: 1, unhealthyThreshold: 1}\n---\n"
    lab.apply(NIC + lb("web", ip="10.0.0.1").replace("---\n", check))
    table.expect("not Ready: AllUnhealthy", lambda: lab.ilb("describe", "lb/web").stdout)
    table.expect("a destination gets no connections", lambda: lab.ilb("describe", "lb/web").stdout)


def nodes(lab, table):
    node = lab.node("node-1")
    space = lab.namespace("default_net", directory=node.netns_dir)
    make_mischief(space)
    agent = node.start_agent()
    surroundings(lab, table, space)
    health(lab, table)
    with Client(lab.url) as bus:
        twin = FakeNode(bus, "node-1", ["default_net"])
        table.expect("a node is never done", lambda: shown_nodes(lab))
        twin.die()
        other = FakeNode(bus, "node-2", [], version="0.0.1")
        table.expect("an upgrade was not finished", lambda: shown_nodes(lab))
        other.die()
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
        for step in (without_a_bus, bus_that_refuses, bus_without_a_store, store_that_fails, objects, nodes):
            step(lab, table)
    missing = set(table.rows) - table.seen
    assert table.rows and not missing, f"rows that nothing backs: {missing}"


main()
