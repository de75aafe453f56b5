# SPDX-License-Identifier: Apache-2.0
"""`ilb top` and the services protocol: what agents say of the traffic, summed up over nodes."""

import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, example, nic_manifest, wait_until  # noqa: E402
from nats_client import Client  # noqa: E402

VIP = "10.0.0.1"


def build(lab):
    lab.start_nats()
    lab.start_allocator()
    for number in (1, 2):
        node = lab.node(f"n{number}")
        node.host("my-network")
        node.client = node.machine(f"c{number}")
        node.start_agent()
    web = lab.nodes[0].machine("web").serve(tcp=[8080])
    lab.wait_serving()
    lab.apply(example("network.yaml"))
    lab.apply(nic_manifest(web))
    lab.apply(example("iep-8.yaml"))
    lab.wait_ready("my-loadbalancer")
    wait_until("both nodes forward it", lambda: lab.get("loadbalancer/my-loadbalancer")[
        "status"]["nodes"] == {"total": 2, "programmed": 2})
    lab.web = web


def top(lab, *words):
    return lab.ilb("top", "--once", "--interval", "1s", *words)


def rows(lab, *words):
    return json.loads(top(lab, "-o", "json", *words).stdout)


class Load(threading.Thread):
    """Connections from both nodes until it is told to stop."""

    def __init__(self, lab):
        super().__init__()
        self.lab, self.stopping, self.count = lab, False, 0
        self.start()

    def run(self):
        while not self.stopping:
            for node in self.lab.nodes:
                node.client.connect(VIP, 8080)
                self.count += 1
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.join()


def rates_are_those_of_all_nodes(lab):
    assert rows(lab)[0]["bytesPerSecond"] == [0, 0]
    with Load(lab) as load:
        wait_until("some connections", lambda: load.count > 5)
        before, started = load.count, time.monotonic()
        row = rows(lab)[0]
        rate = (load.count - before) / (time.monotonic() - started)
    assert row["loadbalancer"] == "my-loadbalancer" and row["network"] == "my-network"
    assert row["nodes"] == 2, row
    assert rate / 3 < row["connectionsPerSecond"] < rate * 3, (rate, row)
    assert row["bytesPerSecond"][0] > 100 and row["packetsPerSecond"][1] > 5, row
    destinations = {destination["address"]: destination for destination in row["destinations"]}
    assert set(destinations) == {lab.web.addresses[0]}, row
    assert destinations[lab.web.addresses[0]]["live"] == row["live"] >= 10, row
    table = top(lab, "lb/my-loadbalancer").stdout
    assert "LOADBALANCER" in table and "my-network/my-loadbalancer" in table
    assert lab.web.addresses[0] in table
    assert rows(lab, "other") == []


def who_asks_wrongly_is_told(lab):
    done = lab.ilb("top", "network/x", check=False)
    assert done.returncode == 2 and "LoadBalancers" in done.stderr
    done = lab.ilb("top", "--once", "-n", "nowhere", check=False)
    assert done.returncode == 1 and "no agent answers" in done.stderr, done.stderr


def hostile_questions_are_counted(client):
    for body in (b"a b", b"x" * 300, b"\x00", b"../x", b'{"a": 1}'):
        client.publish("ilb.v1.traffic.default", body, reply="_INBOX.nobody")
    client.publish("ilb.v1.traffic.default", b"")


def the_services_are_found(lab):
    client = Client(lab.url)
    hostile_questions_are_counted(client)

    def answers(subject):
        found, inbox = [], f"_INBOX.gathering.{time.monotonic_ns()}"
        client.subscribe(inbox, lambda message: found.append(message.json))
        client.publish(subject, reply=inbox)
        time.sleep(0.5)  # whoever is there has answered by then
        return found

    agents = wait_until("both agents answer", lambda: (lambda found: len(found) == 2 and found)(
        answers("$SRV.PING.ilb-agent")))
    assert {agent["id"] for agent in agents} == {"n1", "n2"}
    assert {service["name"] for service in answers("$SRV.PING")} == {"ilb-agent", "ilb-allocator"}
    stats, = answers("$SRV.STATS.ilb-agent.n1")
    assert stats["type"] == "io.nats.micro.v1.stats_response"
    assert stats["data"]["networks"] == stats["data"]["served"] == 1
    endpoint, = stats["endpoints"]
    assert endpoint["num_requests"] >= 10 and endpoint["num_errors"] >= 6, endpoint
    info, = answers("$SRV.INFO.ilb-agent.n2")
    assert info["endpoints"][0]["subject"] == "ilb.v1.traffic.*"
    client.close()


def main():
    with Lab() as lab:
        build(lab)
        rates_are_those_of_all_nodes(lab)
        who_asks_wrongly_is_told(lab)
        the_services_are_found(lab)


main()
