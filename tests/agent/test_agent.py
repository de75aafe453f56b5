#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ilb-agent with a real nats-server and real namespaces; a program plays the allocator.

One test a function; each prints its name. An agent, a server and a player are made anew for each.
"""

import os
import re
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import lab as labs  # noqa: E402
from nats_client import Client  # noqa: E402
from protobuf import field, fields  # noqa: E402
from hostile import desired, lb  # noqa: E402

NET = "default_net"
VIP = "10.9.0.1"


class Player:
    """The program that plays the allocator of one Network, and what it heard."""

    def __init__(self, lab, net=NET):
        self.lines, self.mark = [], 0
        self.process = subprocess.Popen(
            [os.path.join(labs.BUILD, "tests", "agent", "play_allocator"), lab.url, net],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.stack.callback(self.stop)
        threading.Thread(target=self.read, daemon=True).start()
        self.wait_for("bus connected")

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def stop(self):
        self.process.kill()
        self.process.wait()

    def say(self, *orders):
        """Gives orders, and waits until the last is done. What was heard before is forgotten."""
        self.mark = len(self.lines)
        for order in orders:
            self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        labs.wait_until(f"'{orders[-1]}' is done",
                        lambda: self.lines[self.mark:].count("ok") == len(orders))

    def wait_for(self, pattern, timeout=20):
        """A line that matches, heard since the last order."""
        def find():
            return next((line for line in self.lines[self.mark:] if re.search(pattern, line)), None)
        try:
            return labs.wait_until(f"'{pattern}' is heard", find, timeout)
        except AssertionError:
            print("heard:", *self.lines[-20:], sep="\n  ", file=sys.stderr)
            raise

    def heard(self, pattern):
        return [line for line in self.lines[self.mark:] if re.search(pattern, line)]


class Bench:
    """A lab with one agent, whose Network is one namespace with a destination in it."""

    def __init__(self, lab):
        self.lab = lab
        self.netns_dir = os.path.join(lab.directory, "netns")
        self.state_dir = os.path.join(lab.directory, "state")
        os.mkdir(self.netns_dir)
        self.agent, self.network = None, None

    def start_agent(self, *options):
        self.agent = self.lab.start("agent", [
            self.lab.program("ilb-agent"), "--server", self.lab.url, "--node", "Node-1",
            "--netns-dir", self.netns_dir, "--state-dir", self.state_dir, *options])

    def host(self, net=NET):
        self.network = self.lab.namespace(net, directory=self.netns_dir)
        self.network.forward()

    def serves(self, vip):
        """Whether the table leads packets for the address somewhere."""
        done = self.network.run("nft", "list", "set", "inet", "ilb", "vip4", check=False)
        return vip in done.stdout

    def wait_serves(self, vip):
        labs.wait_until(f"{vip} is served", lambda: self.serves(vip))

    def ruleset(self):
        return self.network.run("nft", "-a", "list", "table", "inet", "ilb").stdout

    def end_agent(self):
        """On SIGTERM it ends by itself, with every handle closed."""
        assert self.agent.kill(labs.signal.SIGTERM) == 0, "SIGTERM is not a failure"


def test_waits_for_everything(lab, bench):
    """Started before NATS, before the directory of namespaces, before the allocator."""
    lab.start_nats()
    lab.nats.kill()
    os.rmdir(bench.netns_dir)
    bench.start_agent()
    labs.wait_until("it runs", lambda: "looking for Networks" in bench.agent.log())
    os.mkdir(bench.netns_dir)
    bench.host()
    labs.wait_until("it sees the namespace", lambda: "served from now on" in bench.agent.log())
    lab.nats.restart()
    labs.wait_until("it is connected", lambda: "NATS: connected" in bench.agent.log())
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    player.wait_for(rf"^status node-1 .*revision=1 .*\[{VIP}\]")
    player.wait_for(f"^alive node-1 {NET}$")
    bench.wait_serves(VIP)


def test_changes(lab, bench):
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1,10.1.0.2", "parts 3", "put b 10.9.0.2 80 10.1.0.1",
               "put c 10.9.0.3 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=3 .*\[10.9.0.1 10.9.0.2 10.9.0.3\]")
    player.say("put b 10.9.0.22 80 10.1.0.1")
    player.wait_for(r"^status .*revision=4 .*\[10.9.0.1 10.9.0.3 10.9.0.22\]")
    bench.wait_serves("10.9.0.22")
    player.say("remove b", "again")
    player.wait_for(r"^status .*revision=5 .*\[10.9.0.1 10.9.0.3\]")
    player.say("lose", "remove c", "put a 10.9.0.11 80 10.1.0.1")
    player.wait_for(r"^snap node-1 [67]$")  # 7: a comparison came first
    player.wait_for(r"^status .*revision=7 .*\[10.9.0.11\]")
    assert len(player.heard("^snap")) == 1, "one question for one gap"


def test_lost_at_the_end(lab, bench):
    """The last change is lost: nothing tells but the comparison, here after a reconnect."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    player.say("lose", "put a 10.9.0.11 80 10.1.0.1")
    lab.nats.restart()
    player.wait_for("^sync node-1 stale$")
    player.wait_for(r"^status .*revision=2 .*\[10.9.0.11\]")
    bench.wait_serves("10.9.0.11")
    player.say("put a 10.9.0.12 80 10.1.0.1")
    lab.nats.restart()
    player.wait_for("^sync node-1 fresh$")
    player.wait_for(r"^status .*revision=3 .*\[10.9.0.12\]")


def test_refused_question(lab, bench):
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1", "refuse")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    # More often, where the machine was so busy that an answer came too late.
    assert len(player.heard("^snap")) >= 2, "asked again after 503"


def test_another_store(lab, bench):
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1", "put b 10.9.0.2 80 10.1.0.1",
               "put c 10.9.0.3 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*epoch=1 revision=3 ")
    player.say("epoch 2", "put z 10.9.0.9 80 10.1.0.1")
    player.wait_for(r"^status .*epoch=2 revision=1 .*\[10.9.0.9\]")
    labs.wait_until("the old state is gone", lambda: not bench.serves("10.9.0.2"))


def test_hostile_messages(lab, bench):
    """Each is refused, counted, and logged once for its kind; nothing changes."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    before = bench.ruleset()
    other = "0a0b6f746865725f6e6574" + "1210" + 16 * "01" + "1805" + "2001" + "3801" + "4001"
    for body in ("00", "ff" * 100, "0a", "0aff01", "1a" * 50, other, "08" + "80" * 20, "4a00" * 90):
        player.say(f"raw ilb.v1.state.{NET} {body}")
        player.say(f"raw ilb.v1.state.default_elsewhere {body}")
    player.say("put b 10.9.0.2 80 10.1.0.1")
    player.wait_for(r"^status .*revision=2 .*\[10.9.0.1 10.9.0.2\]")
    assert bench.agent.log().count("a change of state was refused") == 1, bench.agent.log()
    player.say("remove b")
    labs.wait_until("only ours is there", lambda: not bench.serves("10.9.0.2"))
    # Handles, and the revision in the stamp, are as many changes further.
    strip = re.compile(r" # handle \d+|0x00000002 : 0x[0-9a-f]+")
    assert strip.sub("", bench.ruleset()) == strip.sub("", before), "nothing else changed"


def scrape_refused(port):
    """Kind of message -> how many were refused."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        found = re.findall(r'refused_total\{kind="(\w+)"\} (\d+)', answer.read().decode())
    return {kind: int(number) for kind, number in found}


def test_nothing_is_trusted(lab, bench):
    """Of a Network that is not hosted, of an older revision, with addresses outside their family, with huge counts:
    each is refused, counted, and logged once for its kind, though it says the epoch and a next revision that are right."""
    lab.start_nats()
    player = Player(lab)
    player.say("epoch 1", *[f"put {name} 10.9.0.{i} 80 10.1.0.1" for i, name in enumerate("abc", 1)])
    bench.host()
    port = labs.free_port()
    bench.start_agent("--metrics", f"127.0.0.1:{port}")
    player.wait_for(r"^status .*epoch=1 revision=3 ")
    before, epoch = bench.ruleset(), b"\1" + bytes(15)

    def change(lb, net=NET, revision=4):
        return desired(net, revision, lb, previous=revision - 1, epoch=epoch)
    vip, many = b"\x0a\x09\0\x63", [bytes([10, 2, i >> 8, i & 255]) for i in range(1, 4098)]
    hostile = {
        "is of the Network": [change(lb(9, [vip]), net="default_elsewhere")],
        "older": [change(lb(9, [vip]), revision=2), change(lb(9, [vip]), revision=1)],
        "family": [change(lb(9, vips)) for vips in (
            [b"\x0a\x09\0"], [bytes(5)], [bytes(17)], [b""], [vip, b"\x0a\x09\0\x64"], [b"\x7f\0\0\1"], [bytes(4)],
            [bytes(10) + b"\xff\xff" + vip], [b"\xfe\x80" + bytes(13) + b"\1"])] +
        [change(lb(9, [vip], [address])) for address in (b"\xe0\0\0\1", bytes(16), b"\xff" * 4, b"\x0a\1\0")],
        "at most": [change(lb(9, [vip], many)), change(lb(9, [vip] * 300))],
    }
    with Client(lab.url) as client:
        for body in sum(hostile.values(), []):
            client.publish(f"ilb.v1.state.{NET}", body)
            client.publish("ilb.v1.state.default_elsewhere", body)
        client.flush()
    n = sum(map(len, hostile.values()))
    labs.wait_until("each is counted", lambda: scrape_refused(port)["older"] == 2 and
                    scrape_refused(port)["state"] == n - 2)
    assert bench.agent.log().count("a change of state was refused") == 1, bench.agent.log()
    assert bench.agent.log().count("a message of older state was refused") == 1, bench.agent.log()
    assert bench.ruleset() == before, "nothing was programmed"
    player.say("put d 10.9.0.9 80 10.1.0.1")
    player.wait_for(r"^status .*revision=4 ")


def test_killed_and_back(lab, bench):
    """Forwarding outlives kill -9, and coming back touches nothing when nothing changed."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    player.say("put b 10.9.0.2 80 10.1.0.1")
    player.wait_for(r"^status .*revision=2 ")
    before = bench.ruleset()
    bench.agent.kill()
    assert bench.ruleset() == before, "what is programmed stays"
    player.say("parts 1")
    bench.agent.restart()
    player.wait_for(r"^sync node-1 fresh$")
    player.wait_for(r"^status .*revision=2 ")
    assert not player.heard("^snap"), "what is on disk was confirmed, nothing had to be fetched"
    assert bench.ruleset() == before, "handles too: nothing was written anew"
    bench.agent.kill()
    player.say("remove a")
    bench.agent.restart()
    player.wait_for(r"^status .*revision=3 .*\[10.9.0.2\]")
    labs.wait_until("the removed one is gone", lambda: not bench.serves(VIP))


def test_what_was_mended_is_kept(lab, bench):
    """Told something wrong at a revision, and mended at the same: a restart does not go back to what was wrong."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    with Client(lab.url) as client:
        deltas = client.subscribe(f"ilb.v1.state.{NET}")
        client.flush()
        player.say("again")
        data = deltas.get(timeout=5).data.replace(bytes([10, 9, 0, 1]), bytes([10, 9, 0, 7]))
        client.publish(f"ilb.v1.state.{NET}", b"".join(
            field(number, {3: 2, 4: 1}.get(number, value)) for number, value in fields(data)))
    player.wait_for(r"^status .*revision=2 .*\[10.9.0.7\]")
    player.say("lose", "put b 10.9.0.2 80 10.1.0.1")
    lab.nats.restart()
    player.wait_for("^sync node-1 stale$")
    player.wait_for(r"^status .*revision=2 .*\[10.9.0.1 10.9.0.2\]")
    before = bench.ruleset()
    bench.agent.kill()
    player.say("parts 1")
    bench.agent.restart()
    player.wait_for("^sync node-1 fresh$")
    player.wait_for(r"^status .*revision=2 .*\[10.9.0.1 10.9.0.2\]")
    assert not player.heard("^snap"), "what was wrong was on disk"
    assert bench.ruleset() == before, "handles too: nothing was written anew"


def test_boot_without_nats(lab, bench):
    """P2: what is on disk is served, and the status says so as soon as somebody hears it."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1", "put b 10.9.0.2 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=2 ")
    player.say("remove b")
    player.wait_for(r"^status .*revision=3 ")
    bench.agent.kill()
    player.stop()
    lab.nats.kill()
    bench.network.remove()  # and everything in it, as a reboot does
    bench.host()
    bench.agent.restart()
    bench.wait_serves(VIP)
    assert not bench.serves("10.9.0.2")
    assert "from this node's disk is served" in bench.agent.log()
    lab.nats.restart()
    player = Player(lab)
    player.wait_for(r"^status .*revision=3 .*StateRecalled")
    player.say("epoch 2", "put a 10.9.0.11 80 10.1.0.1")
    player.wait_for(r"^status .*revision=1 .*\[10.9.0.11\]")
    assert "StateRecalled" not in player.heard(r"^status .*10.9.0.11")[-1]


def test_boot_with_nats(lab, bench):
    """A machine that was off while things changed: an allocator is asked before anything is programmed."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    bench.agent.kill()
    player.say("put a 10.9.0.11 80 10.1.0.1")
    bench.network.remove()
    bench.host()
    monitor = lab.start("monitor", bench.network.command("nft", "monitor"))

    def is_watched():
        bench.network.run("nft", "add table inet probe; delete table inet probe")
        return "table inet probe" in monitor.log()
    labs.wait_until("the monitor runs", is_watched)
    bench.agent.restart()
    player.wait_for(r"^status .*revision=2 .*\[10.9.0.11\]")
    labs.wait_until("the new one was programmed", lambda: "10.9.0.11" in monitor.log())
    assert not re.search(rf"{re.escape(VIP)}\b", monitor.log()), monitor.log()
    monitor.kill()


def test_roll(lab, bench):
    """An allocator that starts anew hears at once how the nodes are."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    player.stop()
    Player(lab).wait_for(r"^status .*revision=1 ", timeout=5)


def test_torn_file(lab, bench):
    """A crash of the machine left half a record: what was whole before it is served."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    player.say("put b 10.9.0.2 80 10.1.0.1")
    player.wait_for(r"^status .*revision=2 ")
    bench.agent.kill()
    path = os.path.join(bench.state_dir, f"{NET}.recall")
    os.truncate(path, os.path.getsize(path) - 3)
    lab.nats.kill()
    bench.network.remove()
    bench.host()
    bench.agent.restart()
    bench.wait_serves(VIP)
    assert not bench.serves("10.9.0.2")
    lab.nats.restart()
    player.wait_for(r"^sync node-1 stale$")
    player.wait_for(r"^status .*revision=2 .*\[10.9.0.1 10.9.0.2\]")


def test_unwritable_state_dir(lab, bench):
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.state_dir = "/proc/nothing"
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    player.say("put b 10.9.0.2 80 10.1.0.1")
    player.wait_for(r"^status .*revision=2 ")
    assert bench.agent.log().count("its state is not kept on disk") == 1, bench.agent.log()


def test_namespace_goes_and_comes(lab, bench):
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    bench.network.remove()
    player.say("parts 1")
    player.wait_for("^alive node-1$")
    player.say("put a 10.9.0.11 80 10.1.0.1")  # nobody subscribes to it now
    bench.host()
    bench.wait_serves("10.9.0.11")
    player.wait_for(f"^alive node-1 {NET}$")
    # Another of the same name, in a moment.
    bench.network.remove()
    bench.host()
    bench.wait_serves("10.9.0.11")


def test_ends_on_sigterm(lab, bench):
    """With all of it in use; a second signal is not needed."""
    lab.start_nats()
    player = Player(lab)
    player.say(f"put a {VIP} 80 10.1.0.1")
    bench.host()
    bench.start_agent()
    player.wait_for(r"^status .*revision=1 ")
    begin = time.monotonic()
    bench.end_agent()
    assert time.monotonic() - begin < 5
    assert bench.serves(VIP), "what is programmed stays"


TESTS = [value for name, value in sorted(globals().items()) if name.startswith("test_")]


def main():
    chosen = sys.argv[1:]
    for test in TESTS:
        if chosen and test.__name__ not in chosen:
            continue
        print(test.__name__, flush=True)
        with labs.Lab() as lab:
            bench = Bench(lab)
            test(lab, bench)
            if bench.agent.alive():
                bench.end_agent()
            log = bench.agent.log()
            assert "ERROR: " not in log and "runtime error" not in log, log


if __name__ == "__main__":
    main()
