# SPDX-License-Identifier: Apache-2.0
"""A control plane and a node that holds many LoadBalancers, for measurements of whole programs."""

import contextlib
import os
import sys

from measure import ROOT

sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
from churn import load_balancer, routing  # noqa: E402
from lab import wait_until  # noqa: E402
from nats_client import Client  # noqa: E402

PER_APPLY = 500
STATUS = "ilb.v1.status.node-1.default_my-network"


def vip(number):
    return f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def destination(number):
    return f"10.{200 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def cpu_s(process):
    """Processor time of all its threads, also of those that have ended."""
    with open(f"/proc/{process.popen.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Cloud:
    """nats-server, ilb-allocator and ilb-agent; `size` LoadBalancers, all of them programmed."""

    def __init__(self, lab, size, n_destinations):
        print(f"loading {size} LoadBalancers", file=sys.stderr)
        self.size, self.n_destinations = size, n_destinations
        lab.start_nats()
        self.allocator = lab.start_allocator()
        self.client = Client(lab.url, timeout=30)
        self.node = lab.node("node-1")
        self.network = self.node.host("my-network")
        self.statuses = self.client.subscribe(STATUS)
        wait_until("the allocator serves", self.load)
        self.node.start_agent()
        wait_until("all are programmed", lambda: self.n_served() == size, timeout=600, step=0.2)

    def load(self):
        with contextlib.suppress(Exception):
            self.apply("apiVersion: networking.ironcore.dev/v1alpha1\nkind: Network\n"
                       "metadata: {name: my-network}\n")
            for first in range(0, self.size, PER_APPLY):
                numbers = range(first, min(first + PER_APPLY, self.size))
                self.apply("".join(load_balancer(f"l{i}", [vip(i + 1)], [80]) + self.routing(i, 0) for i in numbers))
            return True
        return False

    def routing(self, number, turn):
        """All destinations are those of this LoadBalancer alone, but for the last: it is another in each turn."""
        first = number * (self.n_destinations - 1) + 1
        return routing(f"l{number}", [destination(first + i) for i in range(self.n_destinations - 1)]
                       + [f"10.99.0.{turn % 2 + 1}"])

    def apply(self, text):
        answer = self.client.request("ilb.v1.apply.default", text)
        assert answer.data.startswith(b"ok "), answer.data[:300]

    def n_served(self):
        listing = self.client.request("ilb.v1.nodes", "", {"Accept": "application/json"}).json
        return max((n.get("addresses", 0) for node in listing["items"] for n in node["networks"]), default=0)
