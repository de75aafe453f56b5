# SPDX-License-Identifier: Apache-2.0
"""Several allocators at once, killed at any moment, and nodes that listen to them (P7, P13, D34, M8)."""

import json
import os
import queue
import random
import threading
import time

from control_plane import (ControlPlane, FakeNode, address_of, call, done, fields, get, lb, main, network,
                           prefix, wait_until)
from lab import can_connect


def in_threads(count, work):
    """Runs work(0) ... work(count - 1) at once; what one of them raises is raised here."""
    raised = []

    def one(number):
        try:
            work(number)
        except BaseException as error:  # pylint: disable=broad-except
            raised.append(error)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def stored_addresses(client):
    """Name -> address of every LoadBalancer that has one, as it is in the log."""
    addresses, after = {}, {}
    while True:
        answer = done(client, "list", "loadbalancers", headers=after)
        for item in answer["items"]:
            if address_of(item):
                addresses[item["metadata"]["name"]] = address_of(item)
        if "continue" not in answer:
            return addresses
        after = {"Ilb-Continue": answer["continue"]}


def p13_d34_addresses_are_distinct_when_the_prefix_is_full():
    with ControlPlane() as cloud:
        client = cloud.serve(replicas=2)
        done(client, "apply", network("net") + prefix("pool", "10.0.0.0/26"))

        def create(number):
            own = cloud.client()
            for i in range(25):
                done(own, "apply", lb(f"l{number}-{i}", pool="pool"))

        in_threads(4, create)
        addresses = stored_addresses(client)
        assert len(set(addresses.values())) == len(addresses) == 64, addresses
        waiting = [i for i in done(client, "list", "lb")["items"] if not address_of(i)]
        assert len(waiting) == 36
        # One goes, and the oldest that waits is served, with nobody asking.
        victim = next(iter(addresses))
        done(client, "delete", f"lb/{victim}")
        wait_until("the address has another holder",
                   lambda: len(stored_addresses(client)) == 64
                   and victim not in stored_addresses(client))
        assert addresses[victim] in stored_addresses(client).values()


def p7_killed_at_any_moment_nothing_acknowledged_is_lost():
    seed = int(os.environ.get("ILB_SEED", time.time()))
    print(f"# seed {seed}")
    chance = random.Random(seed)
    with ControlPlane() as cloud:
        client = cloud.serve(replicas=3)
        done(client, "apply", network("net") + prefix("pool", "10.0.0.0/20"))
        acknowledged, over = {}, threading.Event()

        def write(number):
            own = cloud.client()
            for i in range(150):
                name = f"l{number}-{i}"
                try:
                    answer = call(own, "apply", lb(name, pool="pool"))
                except queue.Empty:  # the replica died with the request
                    continue
                if answer["ok"]:
                    acknowledged[name] = address_of(answer["items"][0])

        def kill():
            while not over.wait(chance.uniform(0.1, 0.5)):
                victim = chance.choice(cloud.allocators)
                victim.restart()

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            in_threads(4, write)
        finally:
            over.set()
            killer.join()
        wait_until("all serve", lambda: len(states(client)) == 3)
        stored = stored_addresses(client)
        assert len(set(stored.values())) == len(stored), stored
        lost = {n: a for n, a in acknowledged.items() if stored.get(n) != a}
        assert not lost, lost
        assert len(acknowledged) > 100, len(acknowledged)
        digests_agree(cloud)


def states(client):
    """What the replicas that are ready say of themselves."""
    answers, found = client.ask("$SRV.STATS.ilb-allocator"), []
    try:
        while True:
            data = answers.get(timeout=0.3).json["data"]
            if data["state"] == "Ready":
                found.append(data)
    except queue.Empty:
        return found


def digests_agree(cloud):
    """Every replica answers a list with the same bytes: each is alone for a moment."""
    answers = set()
    for chosen in cloud.allocators:
        for other in cloud.allocators:
            if other is not chosen:
                other.kill()
        client = cloud.client()
        answers.add(json.dumps(sorted(stored_addresses(client).items())))
        for other in cloud.allocators:
            if other is not chosen:
                other.restart()
        wait_until("all serve again", lambda c=client: len(states(c)) == len(cloud.allocators))
    assert len(answers) == 1


def record_of(client, key):
    """A record as it is stored."""
    import base64
    answer = client.request("$JS.API.STREAM.MSG.GET.KV_ilb",
                            json.dumps({"last_by_subj": f"$KV.ilb.{key}"})).json
    return base64.b64decode(answer["message"]["data"]).decode()


def what_nobody_published_is_published_by_whoever_is_there():
    """A change that is in the log, while who committed it is gone."""
    with ControlPlane() as cloud:
        client = cloud.serve(replicas=2)
        done(client, "apply", network("net") + lb("a", "10.0.0.1"))
        deltas = client.subscribe("ilb.v1.state.default_net")
        events = client.subscribe("ilb.v1.event.default.loadbalancer.a")
        record = record_of(client, "loadbalancer.default.a").replace('"port":80', '"port":81')
        ack = client.request("$KV.ilb.loadbalancer.default.a", record).json
        delta = deltas.get(timeout=5)
        while int(delta.headers["Ilb-Rev"]) < ack["seq"]:  # of the apply before
            delta = deltas.get(timeout=5)
        assert int(delta.headers["Ilb-Rev"]) == ack["seq"], (delta.headers, ack)
        assert delta.headers["Ilb-Changed"] == "default/a"
        assert get(client, "lb/a")["spec"]["ports"][0]["port"] == 81
        event = event_of(events, ack["seq"])
        assert event["type"] == "MODIFIED" and event["object"]["spec"]["ports"][0]["port"] == 81
        ack = client.request("$KV.ilb.loadbalancer.default.a", b"", {"KV-Operation": "DEL"}).json
        event = event_of(events, ack["seq"])
        assert event["type"] == "DELETED" and event["object"]["metadata"]["name"] == "a"
        ack = client.request("$KV.ilb.loadbalancer.default.a", record).json
        assert event_of(events, ack["seq"])["type"] == "ADDED"


def event_of(events, sequence):
    """The event of the record at that sequence."""
    while True:
        event = events.get(timeout=5)
        if event.headers.get("Ilb-Rev") == str(sequence):
            return event.json


def a_record_that_is_no_object_is_skipped():
    with ControlPlane() as cloud:
        client = cloud.serve()
        done(client, "apply", network("net") + lb("a", "10.0.0.1"))
        for record in (b"", b"{", b"\xff\xfe", b"[]", b'{"kind":"Network"}'):
            client.request("$KV.ilb.loadbalancer.default.a", record)
        wait_until("it is gone", lambda: get(client, "lb/a") is None)
        done(client, "apply", lb("b", "10.0.0.1"))  # so its address is free
        cloud.allocators[0].restart()
        wait_until("it serves again", lambda: cloud.allocators[0].log().count("store=ready") == 2)
        assert get(client, "lb/a") is None and get(client, "lb/b")


def snapshots_come_in_parts_and_follow_deltas():
    with ControlPlane() as cloud:
        client = cloud.serve(replicas=2)
        done(client, "apply", network("net"))
        for start in range(0, 4000, 1000):
            done(client, "apply", "".join(lb(f"l{i}-{'x' * 40}", f"10.0.{i // 250}.{i % 250 + 1}")
                                          for i in range(start, start + 1000)))
        wait_until("snapshots are given", lambda: "Ilb-Part" in client.request(
            "ilb.v1.snap.node-1.default_net").headers)  # both replicas have read everything
        answers = client.ask("ilb.v1.snap.node-1.default_net")
        names, parts, count = set(), 0, None
        while count is None or parts < count:
            message = answers.get(timeout=5)
            parts += 1
            assert message.headers["Ilb-Part"].split("/")[0] == str(parts), message.headers
            count = int(message.headers["Ilb-Part"].split("/")[1])
            assert len(message.data) <= (256 << 10) + 1024, len(message.data)
            names |= {dict(fields(value))[2] for number, value in fields(message.data)
                      if number == 9}
        assert len(names) == 4000 and count > 1, (len(names), count)
        revision = message.headers["Ilb-Rev"]
        late = client.request("ilb.v1.snap.node-1.default_net", b"",
                              {"Ilb-Min-Rev": str(int(revision) + 1)})
        assert late.headers["Nats-Service-Error-Code"] == "503", late.headers
        empty = client.request("ilb.v1.snap.node-1.default_none")
        assert empty.headers["Ilb-Part"] == "1/1" and int(empty.headers["Ilb-Rev"]) >= int(revision)


def m8_addresses_are_held_until_every_live_node_has_let_go():
    with ControlPlane() as cloud:
        client = cloud.serve()
        deltas = client.subscribe("ilb.v1.state.default_net")
        one, two = (FakeNode(client, n, ["default_net"]) for n in ("node-1", "node-2"))
        done(client, "apply", network("net") + lb("a", "10.0.0.1"))
        created = deltas.get(timeout=5)
        one.apply(created, ["10.0.0.1"])
        wait_until("one of two nodes has it", lambda: nodes_of(client, "a") == (2, 1))
        assert get(client, "lb/a")["status"]["ips"] == [{"ip": "10.0.0.1"}]
        two.apply(created, ["10.0.0.1"])
        wait_until("both have it", lambda: nodes_of(client, "a") == (2, 2))

        wait_until("the allocator knows who is alive", lambda: knows_nodes(cloud))
        done(client, "delete", "lb/a")
        withdrawn = deltas.get(timeout=5)
        one.apply(withdrawn)
        time.sleep(1.5)  # long enough for an allocator that does not wait
        refused = call(client, "apply", lb("b", "10.0.0.1"))
        assert refused["code"] == 422 and "default/a" in json.dumps(refused), refused
        assert call(client, "apply", lb("a", "10.0.0.1"))["code"] == 409
        two.apply(withdrawn)
        wait_until("it is gone", lambda: get(client, "lb/a") is None, timeout=3)
        done(client, "apply", lb("b", "10.0.0.1"))

        # A node that is dead holds nothing up.
        two.apply(deltas.get(timeout=5), ["10.0.0.1"])
        two.die()
        done(client, "delete", "lb/b")
        one.apply(deltas.get(timeout=5))
        wait_until("it is gone", lambda: get(client, "lb/b") is None, timeout=15)
        one.die()


def nodes_of(client, name):
    nodes = get(client, f"lb/{name}")["status"]["nodes"]
    return nodes["total"], nodes["programmed"]


def knows_nodes(cloud):
    """An allocator that has just begun to listen confirms nothing for 5 s."""
    return time.monotonic() - cloud.nats_started > 6


def without_quorum_reads_go_on_and_changes_are_refused():
    with ControlPlane() as cloud:
        servers = start_cluster(cloud)
        allocator = cloud.start_allocator("--replicas", "3")
        wait_until("the allocator serves", lambda: "store=ready" in allocator.log(), timeout=60)
        client = cloud.client()
        done(client, "apply", network("net"))
        servers[1].kill()
        servers[2].kill()
        begin = time.monotonic()
        answer = call(client, "apply", network("two"))
        assert answer["code"] == 503 and time.monotonic() - begin < 4, answer
        assert get(client, "network/net")
        begin = time.monotonic()
        answer = call(client, "apply", network("three"))
        assert answer["code"] == 503 and "nothing was changed" in answer["reason"], answer
        assert time.monotonic() - begin < 1
        for server in servers[1:]:
            server.restart()
        wait_until("changes are taken again", lambda: call(client, "apply", network("two"))["ok"],
                   timeout=60)
        assert get(client, "network/three") is None


def start_cluster(cloud):
    import socket
    probes = [socket.socket() for _ in range(6)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    routes = ",".join(f"nats://127.0.0.1:{port}" for port in ports[3:])
    servers = []
    for i in range(3):
        directory = os.path.join(cloud.directory, f"server-{i}")
        servers.append(cloud.start(f"nats-server-{i}", [
            "nats-server", "-a", "127.0.0.1", "-p", str(ports[i]), "-js", "-sd", directory,
            "--cluster_name", "c", "--server_name", f"s{i}",
            "--cluster", f"nats://127.0.0.1:{ports[3 + i]}", "--routes", routes]))
    cloud.url = f"nats://127.0.0.1:{ports[0]}"
    for port in ports[:3]:
        wait_until("nats-server is up", lambda p=port: can_connect(p))
    return servers


if __name__ == "__main__":
    main(p13_d34_addresses_are_distinct_when_the_prefix_is_full,
         p7_killed_at_any_moment_nothing_acknowledged_is_lost,
         what_nobody_published_is_published_by_whoever_is_there,
         a_record_that_is_no_object_is_skipped, snapshots_come_in_parts_and_follow_deltas,
         m8_addresses_are_held_until_every_live_node_has_let_go,
         without_quorum_reads_go_on_and_changes_are_refused)
