# SPDX-License-Identifier: Apache-2.0
"""A real nats-server and real allocators, with nodes that are a page of Python: no namespaces, no root."""

import contextlib
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, wait_until  # noqa: E402
from nats_client import Client, NoResponders  # noqa: E402
from protobuf import field, fields, fixed64  # noqa: E402

NETWORKING = "networking.ironcore.dev/v1alpha1"
IPAM = "ipam.ironcore.dev/v1alpha1"


class ControlPlane(Lab):
    """Everything is gone when the `with` block ends, however it ends."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="ilb-control-plane.")
        self.stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        return self

    def client(self, url=None):
        return self.stack.enter_context(Client(url or self.url))

    def serve(self, replicas=1):
        """Starts it all, and gives a client once all allocators serve."""
        self.start_nats()
        self.nats_started = time.monotonic()
        for _ in range(replicas):
            self.start_allocator()
        client = self.client()
        for allocator in self.allocators:
            wait_until("the allocator serves", lambda log=allocator.log: "store=ready" in log())
        return client


def network(name):
    return f"apiVersion: {NETWORKING}\nkind: Network\nmetadata:\n  name: {name}\n---\n"


def prefix(name, block):
    return (f"apiVersion: {IPAM}\nkind: Prefix\nmetadata:\n  name: {name}\n"
            f"spec:\n  prefix: {block}\n---\n")


def lb(name, ip=None, pool=None, net="net", labels=None, version=None, port=80):
    """A LoadBalancer with a literal address, or one from a Prefix."""
    source = (f"  - ip: {ip}\n" if ip else
              f"  - ephemeral: {{prefixTemplate: {{spec: {{prefixRef: {{name: {pool}}}}}}}}}\n")
    return (f"apiVersion: {NETWORKING}\nkind: LoadBalancer\nmetadata:\n  name: {name}\n"
            + (f"  labels: {labels}\n" if labels else "")
            + (f"  resourceVersion: \"{version}\"\n" if version else "")
            + f"spec:\n  type: Internal\n  networkRef: {{name: {net}}}\n  ipFamilies: [IPv4]\n  ips:\n"
            + source
            + "  networkInterfaceSelector: {matchLabels: {app: web}}\n"
            + f"  ports: [{{port: {port}}}]\n---\n")


def call(client, verb, body, name_space="default", headers=None):
    """A request for a JSON answer."""
    headers = dict(headers or {}, Accept="application/json")
    return client.request(f"ilb.v1.{verb}.{name_space}", body, headers).json


def done(client, verb, body, **options):
    """As call(), for one that must succeed."""
    answer = call(client, verb, body, **options)
    assert answer["ok"], answer
    return answer


def get(client, reference):
    """The object, None when there is none."""
    answer = call(client, "get", reference)
    assert answer["ok"] or answer["code"] == 404, answer
    return answer["items"][0] if answer["ok"] else None


def address_of(item, index=0):
    return item["status"]["addresses"][index].get("ip")


class FakeNode:
    """Says that it is alive, and what it has applied when it is told to."""

    def __init__(self, client, name, nets, version="0.1.0"):
        self.client, self.name, self.nets, self.version = client, name, nets, version
        self.boot = uuid.uuid4().bytes
        self.gone = threading.Event()
        self.thread = threading.Thread(target=self.beat, daemon=True)
        self.thread.start()

    def beat(self):
        message = field(1, self.name) + field(2, self.boot) + field(3, self.version)
        message += b"".join(field(4, net) for net in self.nets)
        while not self.gone.is_set():
            with contextlib.suppress(OSError):
                self.client.publish(f"ilb.v1.alive.{self.name}", message)
            self.gone.wait(0.5)

    def apply(self, delta, addresses=()):
        """Reports that the delta (a message of ilb.v1.state) is in the kernel."""
        net = delta.subject.rsplit(".", 1)[1]
        message = (field(1, self.name) + field(2, net)
                   + field(3, uuid.UUID(delta.headers["Ilb-Epoch"]).bytes)
                   + field(4, int(delta.headers["Ilb-Rev"])) + fixed64(5, 4711))
        message += b"".join(field(6, bytes(map(int, a.split(".")))) for a in addresses)
        self.client.publish(f"ilb.v1.status.{self.name}.{net}", message)

    def die(self):
        self.gone.set()
        self.thread.join()


def main(*tests):
    """Runs the tests one after the other; speaks TAP."""
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__name__}", flush=True)
        except Exception:  # whatever it is, the test failed and the next one runs
            traceback.print_exc()
            print(f"not ok {number} - {test.__name__}", flush=True)
            failed += 1
    sys.exit(1 if failed else 0)


__all__ = ["ControlPlane", "FakeNode", "NoResponders", "address_of", "call", "done", "field", "fields",
           "fixed64", "get", "lb", "main", "network", "prefix", "wait_until"]
