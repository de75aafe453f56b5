# SPDX-License-Identifier: Apache-2.0
"""Tenants who change their LoadBalancers all the time, and remember what was acknowledged.

Each object has one writer, who names the resourceVersion it changes: a request that was lost for seconds
and is found again cannot undo a later one. So what may be in the store at the end is known exactly: what
was acknowledged last, or a later change whose answer never came.
"""

import contextlib
import random
import threading
import time

NETWORKING = "networking.ironcore.dev/v1alpha1"
ANSWER_S = 6  # allocators answer within 4


def manifest(kind, name, body, version=None, labels=None):
    head = f"apiVersion: {NETWORKING}\nkind: {kind}\nmetadata:\n  name: {name}\n"
    if labels:
        head += f"  labels: {{{labels}}}\n"
    if version:
        head += f'  resourceVersion: "{version}"\n'
    return head + body + "---\n"


def load_balancer(name, ips, ports=(8080,), selector=None, version=None):
    """`ips`: literal addresses, or the name of a Prefix."""
    if isinstance(ips, str):
        families, lines = ["IPv4"], [f"  - ephemeral: {{prefixTemplate: {{spec: {{prefixRef: {{name: {ips}}}}}}}}}\n"]
    else:
        families = ["IPv6" if ":" in ip else "IPv4" for ip in ips]
        lines = [f'  - ip: "{ip}"\n' for ip in ips]
    body = (f"spec:\n  type: Internal\n  networkRef: {{name: my-network}}\n"
            f"  ipFamilies: [{', '.join(families)}]\n  ips:\n{''.join(lines)}")
    if selector:
        body += f"  networkInterfaceSelector: {{matchLabels: {{{selector}}}}}\n"
    items = ", ".join(f"{{port: {port}, targetPort: 8080}}" for port in ports)
    return manifest("LoadBalancer", name, body + f"  ports: [{items}]\n", version)


def routing(name, ips, version=None):
    items = "".join(f'- ip: "{ip}"\n' for ip in ips)
    body = f"networkRef:\n  name: my-network\ndestinations:\n{items}"
    return manifest("LoadBalancerRouting", name, body, version)


def interface(machine, labels, version=None):
    ips = "".join(f'  - ip: "{ip}"\n' for ip in machine.addresses)
    body = (f"spec:\n  networkRef: {{name: my-network}}\n  nodeRef: {{name: {machine.node.name}}}\n"
            f"  ips:\n{ips}")
    return manifest("NetworkInterface", machine.name, body, version, labels)


class Caller:
    """Requests to whichever allocator answers, over whichever server is there."""

    def __init__(self, lab, name_space="default"):
        self.lab, self.name_space, self.client = lab, name_space, None

    def call(self, verb, body):
        """The answer, None when none came: then nobody knows what was done."""
        try:
            if self.client is None or not self.client.thread.is_alive():
                self.client = self.lab.try_client()
            if self.client is None:
                time.sleep(0.1)
                return {"ok": False, "code": 0}
            return self.client.request(f"ilb.v1.{verb}.{self.name_space}", body, {"Accept": "application/json"},
                                       timeout=ANSWER_S).json
        except Exception:  # pylint: disable=broad-except  # whatever broke, there is no answer
            self.close()
            time.sleep(0.1)
            return None

    def get(self, reference):
        """The object, None when there is none; waits until somebody knows."""
        while True:
            answer = self.call("get", reference)
            if answer and answer["ok"]:
                return answer["items"][0]
            if answer and answer["code"] == 404:
                return None

    def must(self, verb, body):
        """For what may be said twice: asks again while the answer is "not now"."""
        end = time.monotonic() + 30
        while True:
            answer = self.call(verb, body)
            if answer and answer["ok"]:
                return answer
            assert (answer is None or answer["code"] in (0, 503)) and time.monotonic() < end, answer

    def close(self):
        if self.client:
            with contextlib.suppress(OSError):
                self.client.close()
        self.client = None


def is_unsure(answer):
    """Whether nobody knows what was done: there was no answer, or it says so (allocator/api.c)."""
    return answer is None or (answer["code"] == 503 and "may be stored" in answer["reason"])


class Thing:
    """An object that changes. `write(value, version)` is its manifest, `read(item)` the value in it."""

    def __init__(self, reference, value, write, read):
        self.reference, self.write, self.read = reference, write, read
        self.possible, self.version = [value], None

    def change(self, caller, value):
        """True when it was acknowledged."""
        if self.version is None:
            self.version = caller.get(self.reference)["metadata"]["resourceVersion"]
        answer = caller.call("apply", self.write(value, self.version))
        if answer and answer["ok"]:
            self.possible = [value]
            self.version = answer["items"][0]["metadata"]["resourceVersion"]
            return True
        if is_unsure(answer):
            self.possible.append(value)
        elif answer["code"] not in (0, 409, 503):
            raise AssertionError(f"{self.reference}: {answer}")
        self.version = None  # look again
        return False

    def check(self, caller):
        found = self.read(caller.get(self.reference))
        assert found in self.possible, f"{self.reference}: {found} is stored, acknowledged: {self.possible}"


class Writer(threading.Thread):
    """Does `step(caller)` again and again until it is told to end; what it raised is kept."""

    def __init__(self, lab, over, pause=0.02, name_space="default"):
        super().__init__(daemon=True)
        self.caller, self.over, self.pause = Caller(lab, name_space), over, pause
        self.n_acknowledged, self.n_tried, self.raised = 0, 0, None

    def run(self):
        try:
            while not self.over.wait(self.pause):
                self.n_tried += 1
                self.n_acknowledged += bool(self.step())
        except BaseException as error:  # pylint: disable=broad-except
            self.raised = error

    def step(self):
        raise NotImplementedError


class Changer(Writer):
    """Gives one of its things another value, chosen at random."""

    def __init__(self, lab, over, seed, things, choose, **options):
        super().__init__(lab, over, **options)
        self.things, self.choose, self.chance = things, choose, random.Random(seed)

    def step(self):
        thing = self.chance.choice(self.things)
        return thing.change(self.caller, self.choose(self.chance, thing.possible[-1]))


class Comers(Writer):
    """LoadBalancers that come and go, and share the addresses of a small Prefix."""

    def __init__(self, lab, over, seed, prefix, most, **options):
        super().__init__(lab, over, **options)
        self.chance, self.prefix, self.most = random.Random(seed), prefix, most
        self.number, self.holders, self.gone, self.unknown = 0, {}, [], []

    def step(self):
        if len(self.holders) >= self.most or (self.holders and self.chance.random() < 0.3):
            return self.remove(self.chance.choice(sorted(self.holders)))
        return self.create()

    def create(self):
        self.number += 1
        name = f"e{self.number}"
        answer = self.caller.call("apply", load_balancer(name, self.prefix, selector="app: web"))
        if is_unsure(answer):
            self.unknown.append(name)
            return False
        if not answer["ok"]:
            assert answer["code"] in (0, 503), answer
            return False
        address = answer["items"][0]["status"]["addresses"][0].get("ip")
        if address:  # else the Prefix is full of those that are going
            other = next((n for n, held in self.holders.items() if held == address), None)
            assert other is None, f"{address} was given to {name} while {other} has it"
        self.holders[name] = address
        return True

    def remove(self, name):
        answer = self.caller.call("delete", f"lb/{name}")
        del self.holders[name]
        if answer and answer["ok"]:
            self.gone.append(name)
            return True
        self.unknown.append(name)
        return False

    def check(self, items):
        """`items`: every LoadBalancer there is, by name."""
        for name, address in self.holders.items():
            assert name in items, f"{name} was acknowledged and is not there"
            now = items[name]["status"]["addresses"][0].get("ip")
            assert address in (None, now), f"{name} had {address}, and has {now}"

    def left(self, items):
        """What was deleted and is still there: the nodes have not let go yet."""
        return [name for name in self.gone if name in items]


__all__ = ["Caller", "Changer", "Comers", "Thing", "Writer", "interface", "load_balancer", "manifest", "routing"]
