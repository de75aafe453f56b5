# SPDX-License-Identifier: Apache-2.0
"""test_hostile.py [SECONDS]: hostile traffic at every entrance, by someone with a connection to NATS that may do anything, and
by destinations. None of the three programs dies or leaks, logs stay short, and afterwards service is right.

Nearly right and random bytes on every subject, messages that are right and lie, answers to what agents and people ask,
records in the store, floods, health checks answered with anything, the ports of metrics. ILB_SEED repeats a run."""

import contextlib
import multiprocessing
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import hostile  # noqa: E402
from hostile import Garbage, Server  # noqa: E402
from lab import Lab, example, free_port, nic_manifest, wait_until  # noqa: E402
from nats_client import Client  # noqa: E402

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 6
SEED = int(os.environ.get("ILB_SEED", random.randrange(1 << 32)))
NET, NODE = "default_my-network", "node-1"
NETS = [NET, "default_nothing", "hostile_net", "x_" + "y" * 200]
NODES = [NODE, "node-2", "evil-1", "e" * 200]
VERBS = ["apply", "delete", "get", "list", "dryrun", "frobnicate"]
HEADERS = ["Accept", "Ilb-Selector", "Ilb-Limit", "Ilb-Continue", "Ilb-Min-Rev", "Ilb-Epoch", "Nats-Service-Error-Code", "Ilb-Health"]
MANNERS = ["garbage", "endless", "slow", "silent", "number", "reset"]
RECORDS_MAX = 400  # in the store, of ours: it keeps them
LOG_MAX = 100_000  # bytes
CHECK = "  healthCheck: {protocol: HTTP, port: 8080, path: /, intervalSeconds: 2, timeoutSeconds: 1,\n" \
        "    healthyThreshold: 1, unhealthyThreshold: 1}\n"


class Attacker:
    """Sends what its kinds of attack make up, until told to stop: a process of its own."""

    def __init__(self, lab, seed, kinds):
        self.chance = random.Random(seed)
        self.garbage = Garbage(self.chance)
        self.kinds, self.url = kinds, lab.url
        self.n_records, self.heard = 0, []
        self.many = [self.chance.randbytes(4) for _ in range(5000)]
        self.shared = multiprocessing.Value("Q", 0)
        self.stopping = multiprocessing.Event()
        self.process = multiprocessing.Process(target=self.run, daemon=True)
        self.process.start()

    @property
    def n_sent(self):
        return self.shared.value

    def run(self):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the lab is not ours to clean up
        while not self.stopping.is_set():
            with contextlib.suppress(OSError, queue.Empty), Client(self.url, timeout=20) as client:
                client.subscribe("ilb.v1.state.*", self.hear)
                while not self.stopping.is_set():
                    for _ in range(200):
                        getattr(self, self.chance.choice(self.kinds))(client)
                    self.shared.value += 200
                    client.flush()  # NATS drops clients that do not read

    def hear(self, message):
        if len(self.heard) < 1000:
            self.heard.append(message)

    def stop(self):
        self.stopping.set()
        self.process.join()

    def send(self, client, subject, body):
        """With and without a reply, with and without headers."""
        headers = None
        if self.chance.randrange(3) == 0:
            value = self.garbage.like("request").translate(None, b"\r\n\0")[:80].decode(errors="replace")
            headers = {self.chance.choice(HEADERS): value}
        reply = self.chance.choice(["", "", client.inbox + ".nobody", "ilb.v1.state." + NET])
        client.publish(subject, body, headers, reply)

    def pick(self, items):
        return self.chance.choice(items)

    # Entrances

    def requests(self, client):
        """Of people. Objects of `default` are only asked for: who may delete them is the server's to say."""
        name_space = self.pick(["hostile", "hostile", "default", "Bad_Name"])
        verb = self.pick(VERBS[2:] if name_space == "default" else VERBS)
        body = self.garbage.like("manifest") if self.chance.random() < 0.5 else \
            self.garbage.like("request").split(b"\n", 5)[-1]
        self.send(client, f"ilb.v1.{verb}.{name_space}", body)

    def node_messages(self, client):
        word = self.pick(["alive", "sync", "status", "snap", "note", "probe"])
        subject = f"ilb.v1.{word}.{self.pick(NODES)}"
        if word in ("status", "snap", "note"):
            subject += f".{self.pick(NETS)}"
        self.send(client, subject, self.garbage.like("codec", 1))

    def network_messages(self, client):
        subject = self.pick([f"ilb.v1.state.{self.pick(NETS)}", f"ilb.v1.health.{self.pick(NETS)}.{self.pick(NODES)}",
                             "ilb.v1.roll", "ilb.v1.traffic.default", "$SRV.PING", "$SRV.STATS.ilb-allocator", "ilb.v1.event.default.loadbalancer.x"])
        self.send(client, subject, self.garbage.like("codec", 1))

    def lies(self, client):
        """Well-formed, and wrong."""
        node, net, revision = self.pick(NODES), self.pick(NETS), self.pick([0, 1, 1 << 40, (1 << 64) - 1])
        vips = self.pick([[b"\x0a\0\0\x63"], [b"\x0a\0\0\1", b"\x0a\0\0\2"], [b"\x0a\0\0"], [b"\x7f\0\0\1"], [bytes(16)], []])
        many = self.many[:self.pick([1, 1, 1, 1, 5000])]
        subject, make = self.pick([
            (f"ilb.v1.state.{NET}", lambda: hostile.desired(net, revision, hostile.lb(1, vips), previous=revision and revision - 1)),
            (f"ilb.v1.state.{NET}", lambda: hostile.desired(NET, revision, hostile.lb(revision & 0xffffff, vips, many))),
            (f"ilb.v1.state.{NET}", lambda: hostile.desired(NET, revision, removed=[bytes(16)] * self.pick([1, 50000]))),
            (f"ilb.v1.alive.{node}", lambda: hostile.alive(self.pick(NODES[1:]), NETS)),
            (f"ilb.v1.alive.{node}", lambda: hostile.alive(node, [f"default_n{i}" for i in range(self.pick([1, 4096, 5000]))])),
            (f"ilb.v1.status.{node}.{net}", lambda: hostile.status(node, net, revision)),
            (f"ilb.v1.health.{net}.{node}", lambda: hostile.health(node, net, many, dead=self.pick([True, False]))),
            (f"ilb.v1.health.{NET}.{NODE}", lambda: hostile.health(NODE, NET, [b"\x0a\x01\x01\x0a", b"\x0a\x01\x01\x0b"], dead=True)),
        ])
        self.send(client, subject, make())

    def old_state(self, client):
        """What allocators said before."""
        if self.heard:
            client.publish(f"ilb.v1.state.{NET}", self.pick(self.heard).data)

    def floods(self, client):
        """Some thousands of one kind at once, as fast as NATS takes them."""
        if self.chance.randrange(20):
            return
        subject = self.pick([f"ilb.v1.state.{NET}", f"ilb.v1.alive.{self.pick(NODES)}", "ilb.v1.get.default", "ilb.v1.roll",
                             f"ilb.v1.snap.{NODE}.{NET}", f"ilb.v1.sync.{NODE}", f"ilb.v1.health.{NET}.evil-1"])
        body = self.pick([b"", b"lb/my-loadbalancer", self.garbage.like("codec", 1)[:500], hostile.alive("evil-1", NETS)])
        reply = client.inbox + ".nobody"
        client.send((f"PUB {subject} {reply} {len(body)}\r\n".encode() + body + b"\r\n") * 3000)

    def records(self, client):
        """Of the store, which whoever may write to it may write."""
        if self.n_records >= RECORDS_MAX:
            return
        self.n_records += 1
        key = self.pick(["loadbalancer.hostile.x", "network.hostile.net", "prefix.hostile.p", "nonsense", "a.b.c.d.e"])
        client.publish(f"$KV.{self.pick(['ilb', 'ilb-status'])}.{key}{self.chance.randrange(50)}", self.garbage.like("store"))


class Impostor:
    """Answers questions of agents and people before the allocators do."""

    SUBJECTS = ["ilb.v1.snap.*.*", "ilb.v1.sync.*", "ilb.v1.get.*", "ilb.v1.list.*", "ilb.v1.apply.*", "$SRV.STATS.>", "ilb.v1.probe.*"]

    def __init__(self, lab, seed):
        self.chance = random.Random(seed)
        self.garbage = Garbage(self.chance)
        self.client = Client(lab.url, timeout=20)
        self.n_sent = 0
        for subject in self.SUBJECTS:
            self.client.subscribe(subject, self.answer)
        self.client.flush()

    def answers(self, subject):
        word = subject.split(".")[2]
        if word != "snap":
            name, skip = ("codec", 1) if word in ("sync", "probe") else ("answer", 1)
            return [self.garbage.like(name, skip)]
        net = subject.split(".")[4]

        def part(i, n, revision=7):
            return hostile.desired(net, revision, hostile.lb(i, [b"\x0a\0\0\x63"]), part=i, n_parts=n, snapshot=True)
        return self.chance.choice([
            [part(1, 3)], [part(2, 2)], [part(1, 2), part(1, 2)], [part(1, 2), part(2, 2, 8)], [part(1, (1 << 32) - 1)],
            [hostile.desired("hostile_net", 7, snapshot=True)], [self.garbage.like("codec", 1)], []])

    def answer(self, message):
        if not message.reply or self.chance.randrange(2):
            return
        headers = self.chance.choice([None, None, {"Nats-Service-Error-Code": "503"}, {"Ilb-Health": "1"}])
        for body in self.answers(message.subject):
            self.client.publish(message.reply, body, headers)
            self.n_sent += 1

    def stop(self):
        self.client.close()


class People:
    """Those who use `ilb` meanwhile, and are answered by impostors: it may fail, and ends by itself."""

    WORDS = [["get", "lb"], ["get", "lb", "-o", "wide"], ["get", "networkinterfaces", "-o", "yaml"], ["nodes"], ["status"],
             ["describe", "lb/my-loadbalancer"], ["trace", "--network", "my-network", "--from", "10.1.1.50", "--to", "10.0.0.1:8080"],
             ["get", "lb", "-w"]]

    def __init__(self, lab, seed):
        self.lab, self.chance = lab, random.Random(seed)
        self.problems, self.n_ran = [], 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        env = dict(os.environ, NATS_URL=self.lab.url)
        while not self.stopping.is_set():
            words = self.chance.choice(self.WORDS)
            process = subprocess.Popen([self.lab.program("ilb"), *words], env=env, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True, errors="replace")
            try:
                said = process.communicate(timeout=2 if "-w" in words else 60)[1]
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                said = process.communicate(timeout=60)[1]
            self.n_ran += 1
            if process.returncode not in (0, 1, 3, 4, -signal.SIGINT, 130) or is_ill(said):
                self.problems.append((words, process.returncode, said[-3000:]))

    def stop(self):
        self.stopping.set()
        self.thread.join()


def is_ill(text):
    return any(sign in text for sign in ("Sanitizer", "runtime error:", "ssertion", "require("))


def poke_metrics(lab, ports, stopping):
    """Anything but a request of HTTP, and clients that never end theirs."""
    chance = random.Random(SEED)
    garbage, kept = Garbage(chance), []
    while ports and not stopping.wait(0.02):
        with contextlib.suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", chance.choice(ports)), 1)
            connection.settimeout(0.2)
            connection.sendall(chance.choice([b"GET /metrics HTTP/1.1\r\n", b"GET ", b"", b"GET /metrics HTTP/1.1\r\n\r\n"])
                               + garbage.like("request"))
            kept = [*kept[-200:], connection]


def metrics_options(lab, program):
    """Where the program can be asked for metrics: (options, ports)."""
    shown = subprocess.run([lab.program(program), "--help"], capture_output=True, text=True, check=True).stdout
    if "--metrics" not in shown:
        return [], []
    port = free_port()
    return ["--metrics", f"127.0.0.1:{port}"], [port]


def prepare(lab):
    lab.start_nats()
    options, lab.ports = metrics_options(lab, "ilb-allocator")
    lab.start_allocator(*options)
    lab.wait_serving()
    node = lab.node(NODE)
    options, ports = metrics_options(lab, "ilb-agent")
    lab.ports += ports
    node.start_agent(*options)
    node.host("my-network")
    node.client = node.machine("client")
    good = [node.machine(f"web-{i}").serve(tcp=[8080]) for i in range(2)]
    bad = [node.machine(f"bad-{manner}") for manner in MANNERS]
    lab.servers = [Server(machine, 8080, manner) for machine, manner in zip(bad, MANNERS)]
    lab.apply(example("network.yaml") + "---\n" + example("iep-8.yaml").replace("  ports:", CHECK + "  ports:") + "---\n" +
              "".join(map(nic_manifest, good + bad)))
    lab.wait_ready("my-loadbalancer")
    expect_good(node)
    return node


def answering(node):
    seen = set()
    for address in ("10.0.0.1", "2607:f0d0:1002:51::4"):
        for _ in range(12):
            try:
                seen.add(node.client.connect(address, 8080, timeout=2)[0])
            except (OSError, ValueError) as error:
                seen.add(type(error).__name__)
    return seen


def expect_good(node, timeout=90):
    last = []

    def is_good():
        last[:] = [answering(node)]
        return last[0] == {"web-0", "web-1"}
    try:
        wait_until("the two healthy servers answer, and no others", is_good, timeout, step=0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}: {last}") from None


def attack(lab):
    """Everybody at once. Gives what should have been refused."""
    stopping = threading.Event()
    poker = threading.Thread(target=poke_metrics, args=[lab, lab.ports, stopping], daemon=True)
    poker.start()
    kinds = ["requests", "node_messages", "network_messages", "lies", "old_state", "records", "floods"]
    attackers = [Attacker(lab, SEED + i, kinds) for i in range(2)] + [Attacker(lab, SEED + 7, ["lies", "network_messages"])]
    others = [Impostor(lab, SEED), People(lab, SEED)]
    begin = time.monotonic()
    while time.monotonic() < begin + SECONDS:
        time.sleep(0.2)
        for process in lab.processes:
            assert process.alive(), f"{process.name} died: {process.log()[-3000:]}"
    stopping.set()
    for one in (*attackers, *others, poker):
        one.join() if one is poker else one.stop()
    people = others[1]
    print(f"# sent {sum(one.n_sent for one in attackers)} messages and {others[0].n_sent} answers; "
          f"ilb ran {people.n_ran} times", flush=True)
    assert not people.problems, people.problems[:3]


def service_is_right(lab, node):
    """Nobody has to do anything for it."""
    lab.wait_serving()
    wait_until("liars are dead", lambda: not any(one["name"] != NODE and one["state"] == "Alive" for one in
                                                nodes(lab)), 30, step=0.5)
    expect_good(node)
    lab.apply(example("iep-8.yaml").replace("my-loadbalancer", "another").replace("10.0.0.1", "10.0.0.2"))
    lab.wait_ready("another", timeout="90s")
    lab.wait_ready("my-loadbalancer", timeout="90s")


def nodes(lab):
    with Client(lab.url, timeout=20) as client:
        answer = client.request("ilb.v1.nodes", b"", {"Accept": "application/json"})
    return answer.json["items"]


def logs_are_short(lab, node):
    """The first refusal of each kind is told, and no more of them."""
    for process in (lab.allocators[0], node.agent):
        log = process.log()
        assert len(log) < LOG_MAX, f"{process.name}: {len(log)} bytes of log: {log[-3000:]}"
        assert not is_ill(log), log
        assert "further ones are only counted" in log, log
    for kind in ("change of state", "snapshot", "answer to a sync", "message of health"):
        n = node.agent.log().count(f"a {kind} was refused") + node.agent.log().count(f"an {kind} was refused")
        assert n <= 1, f"{kind}: told {n} times"


def all_end_well(lab, node):
    """Where the build has the leak sanitizer, it has the last word."""
    for server in lab.servers:
        server.stop()
    for process in (node.agent, lab.allocators[0]):
        with open(f"/proc/{process.popen.pid}/status", encoding="ascii") as file:
            peak = next(line.split()[1] for line in file if line.startswith("VmHWM"))
        code = process.kill(signal.SIGTERM, timeout=60)
        assert code == 0, f"{process.name}: exit {code}: {process.log()[-5000:]}"
        assert not is_ill(process.log()), process.log()
        print(f"# {process.name}: at most {int(peak) // 1024} MB", flush=True)


def main():
    print(f"# ILB_SEED={SEED}", flush=True)
    with Lab() as lab:
        node = prepare(lab)
        attack(lab)
        print("ok nobody_dies", flush=True)
        for step in (service_is_right, logs_are_short, all_end_well):
            step(*([lab, node]))
            print(f"ok {step.__name__}", flush=True)


main()
