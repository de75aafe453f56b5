# SPDX-License-Identifier: Apache-2.0
"""`ilb events`: what happens to objects is told once, found again from any replica, and bounded."""

import datetime
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, example, nic_manifest, wait_until  # noqa: E402
from hostile import message  # noqa: E402
from nats_client import Client  # noqa: E402

LB = "loadbalancer/my-loadbalancer"


def build(lab):
    lab.start_nats()
    lab.start_allocator()
    lab.start_allocator()
    lab.node_1 = lab.node("n1")
    lab.node_1.host("my-network")
    lab.web = lab.node_1.machine("web").serve(tcp=[8080])
    lab.node_1.start_agent()
    lab.wait_serving()


def events(lab, about=None, name_space="default"):
    words = ["--for", about] if about else []
    return json.loads(lab.ilb("events", "-n", name_space, "-o", "json", *words).stdout)


def reasons(lab, about=None):
    return [event["reason"] for event in events(lab, about)]


def the_life_of_a_load_balancer(lab):
    lab.apply(example("iep-8.yaml"))  # before its Network is there
    wait_until("it is told that the Network is missing", lambda: any(
        event["type"] == "Warning" and "my-network" in event["message"]
        for event in events(lab, LB)))
    lab.apply(example("network.yaml"))
    lab.apply(nic_manifest(lab.web))
    lab.wait_ready("my-loadbalancer")
    wait_until("it is told that it is ready", lambda: "Ready" in str(events(lab, LB)))
    found = events(lab, LB)
    assert found[0]["reason"] == "Created" and found[0]["type"] == "Normal", found
    assert all(event["object"] == LB for event in found), found
    seconds = [datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp() for event in found]
    assert all(b > a - 1 for a, b in zip(seconds, seconds[1:])), seconds  # clocks of several programs
    lab.apply(example("iep-8.yaml").replace("port: 8080", "port: 8081"))
    wait_until("the change is told", lambda: "Configured" in reasons(lab, LB))
    described = lab.ilb("describe", LB).stdout
    assert "events:" in described and "Configured" in described, described


def what_a_node_says(lab):
    lab.node_1.networks["my-network"].nft("flush", "table", "inet", "ilb")
    repaired = lambda: [event for event in events(lab, "network/my-network")
                        if event["reason"] == "TableRepaired"]
    wait_until("the repair is told", repaired)
    event, = repaired()
    assert event["node"] == "n1" and event["type"] == "Warning" and "was changed by '" in event["message"], event


def each_is_kept_once_and_by_all(lab):
    """The store of JetStream decides, so whichever replica answers says the same, as soon as it has heard."""
    lists = []

    def agree():
        lists[:] = [events(lab) for _ in range(8)]
        return all(one == lists[0] for one in lists)
    wait_until("all replicas say the same", agree)
    keys = [(event["object"], event["reason"], event["time"], event["message"]) for event in lists[0]]
    assert len(keys) == len(set(keys)), keys
    before = lists[0]
    for allocator in lab.allocators:
        allocator.kill()
    lab.start_allocator()
    lab.wait_serving()
    wait_until("a new allocator knows what happened before", lambda: events(lab)[:len(before)] == before)


def they_are_followed(lab):
    process = subprocess.Popen(
        [lab.program("ilb"), "events", "-w", "--for", "prefix/new", "-o", "json"],
        env=dict(os.environ, NATS_URL=lab.url), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().strip() == "[]"
        lab.apply("apiVersion: ipam.ironcore.dev/v1alpha1\nkind: Prefix\nmetadata: {name: other}\n"
                  "spec: {ipFamily: IPv4, prefix: 10.7.0.0/24}\n---\n"
                  "apiVersion: ipam.ironcore.dev/v1alpha1\nkind: Prefix\nmetadata: {name: new}\n"
                  "spec: {ipFamily: IPv4, prefix: 10.8.0.0/24}\n")
        event = json.loads(process.stdout.readline())
        assert event["reason"] == "Created" and event["object"] == "prefix/new", event
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def note(node, net, name):
    return message((1, node.encode()), (2, net.encode()), (3, 1795000000000), (4, 1), (5, f"loadbalancer/{name}".encode()),
                   (6, b"Lie"), (7, b"it is not so"))


def lies_about_networks_of_others(lab):
    """Only who hosts a Network is heard about it: told first, so that the log names it."""
    with Client(lab.url) as client:
        client.publish("ilb.v1.note.n1.default_theirs", note("n1", "default_theirs", "web"))
        client.flush()
    wait_until("it is refused", lambda: any("does not host" in allocator.log() for allocator in lab.allocators))
    assert "Lie" not in reasons(lab)


def hostile_notes(lab):
    before = {event["object"] for event in events(lab)}
    with Client(lab.url) as client:
        for subject in ("ilb.v1.note.n1.default_my-network", "ilb.v1.note.n9.default_a", "ilb.v1.note.a.b"):
            for body in (b"", b"\xff" * 100, b"\n\x02n1\x12\x12default_my-network*\x06lb/*.>2\x01x",
                         b"x" * 900000, note("n1", "default_my-network", "x" * 300)):
                client.publish(subject, body)
        client.publish("ilb.v1.log.default.network.x", b"not json")
        client.publish("ilb.v1.log.default.network.x", b"[" * 5000)
        client.flush()
    lab.apply("apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\nmetadata: {name: last}\n")
    wait_until("it goes on", lambda: reasons(lab, "network/last") == ["Created"])
    assert {event["object"] for event in events(lab)} == before | {"network/last"}


def the_stream_is_removed(lab):
    """Nothing but what had happened is lost: it is made anew, and followed from its beginning."""
    with Client(lab.url) as client:
        assert client.request("$JS.API.STREAM.DELETE.ilb-log").json["success"]
    wait_until("that is noticed", lambda: all(
        "lost or made anew" in allocator.log() for allocator in lab.allocators if allocator.alive()))
    assert LB not in [event["object"] for event in events(lab)]
    lab.apply("apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\nmetadata: {name: later}\n")
    wait_until("what happens is told", lambda: reasons(lab, "network/later") == ["Created"])


def wrong_usage_has_a_sentence(lab):
    for words, sentence in ((["--for", "web"], "KIND/NAME"), (["--for", "pod/x"], "no such kind"),
                            (["x"], "--for KIND/NAME chooses")):
        done = lab.ilb("events", *words, check=False)
        assert done.returncode == 2 and done.stderr, (words, done)
        assert sentence in done.stderr or "kind" in done.stderr, done.stderr


def main():
    with Lab() as lab:
        build(lab)
        the_life_of_a_load_balancer(lab)
        what_a_node_says(lab)
        they_are_followed(lab)
        lies_about_networks_of_others(lab)
        hostile_notes(lab)
        wrong_usage_has_a_sentence(lab)
        each_is_kept_once_and_by_all(lab)
        the_stream_is_removed(lab)


main()
