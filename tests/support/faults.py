# SPDX-License-Identifier: Apache-2.0
"""A lab whose control plane hangs on a switch, each process on a port of its own, and a schedule of what goes wrong.

Forwarding of the tenants does not pass the switch: whatever happens here must not reach their packets.
"""

import contextlib
import random
import signal
import threading
import time

from lab import Lab, wait_until
from traffic import INSIDE

# How long each kind lasts, in seconds. Longer than an allocator waits for a node (5 s), or much shorter.
LENGTHS = {"kill": (0.0, 3.0), "stop": (0.3, 8.0), "cut": (0.3, 8.0)}
KINDS = sorted(LENGTHS)
BUS_PORT = 4222


class Fault:
    def __init__(self, at, victim, kind, length):
        self.at, self.victim, self.kind, self.length = at, victim, kind, length

    def __str__(self):
        return f"{self.at:6.1f} s {self.kind:4} {self.victim} for {self.length:.1f} s"


def schedule(seed, seconds, victims):
    """The same faults for the same arguments. A victim has a second to itself between two of them."""
    chance = random.Random(seed)
    free_at = dict.fromkeys(victims, 0.0)
    faults, now = [], 1.0
    while now < seconds:
        victim, kind = chance.choice(victims), chance.choice(KINDS)
        length = chance.uniform(*LENGTHS[kind])
        if free_at[victim] <= now:
            faults.append(Fault(now, victim, kind, length))
            free_at[victim] = now + length + 1
        now += chance.uniform(0.2, 1.5)
    return faults


class Seat:
    """A place on the switch: a namespace with one interface, and the port that can be cut."""

    def __init__(self, lab, name, number):
        self.address, self.port, self.switch = f"10.99.0.{number}", f"s{number}", lab.switch
        self.namespace = lab.namespace(f"seat-{name}")
        lab.join(self.namespace, "eth0", lab.switch, self.port)
        self.namespace.ip(f"address add {self.address}/24 dev eth0")
        lab.switch.ip(f"link set {self.port} master br0")

    def cut(self):
        self.switch.ip(f"link set {self.port} down")

    def mend(self):
        self.switch.ip(f"link set {self.port} up")


class FaultyLab(Lab):
    """Processes whose name has a seat run there. lab.url names all nats-servers."""

    def __enter__(self):
        super().__enter__()
        self.switch = self.namespace("switch")
        self.switch.ip("link add br0 type bridge", "link set br0 up")
        self.seats, self.victims, self.servers = {}, {}, []
        self.people = self.seat("people")
        return self

    def seat(self, name):
        self.seats[name] = Seat(self, name, len(self.seats) + 1)
        return self.seats[name]

    def start(self, name, command, env=None):
        if name in self.seats:
            command = self.seats[name].namespace.command(*command)
        process = super().start(name, command, env)
        if name in self.seats:
            self.victims[name] = process
        return process

    def start_servers(self, count):
        """One nats-server, or a cluster."""
        seats = [self.seat(f"nats-{i}") for i in range(count)]
        routes = ",".join(f"nats://{seat.address}:6222" for seat in seats)
        for i, seat in enumerate(seats):
            command = ["nats-server", "-a", seat.address, "-p", str(BUS_PORT), "-js",
                       "-sd", f"{self.directory}/jetstream-{i}"]
            if count > 1:
                command += ["--cluster_name", "c", "--server_name", f"s{i}",
                            "--cluster", f"nats://{seat.address}:6222", "--routes", routes]
            self.servers.append(self.start(f"nats-{i}", command))
        self.url = ",".join(f"nats://{seat.address}:{BUS_PORT}" for seat in seats)
        wait_until("a nats-server is up", self.try_client)

    def start_allocators(self, count, *options):
        for i in range(count):
            self.seat(f"allocator-{i}")
            self.start_allocator(*options)

    def try_client(self):
        with INSIDE, self.people.namespace:
            return super().try_client()

    # Faults

    def begin(self, fault):
        process = self.victims[fault.victim]
        if fault.kind == "cut":
            self.seats[fault.victim].cut()
        elif fault.kind == "stop":
            process.popen.send_signal(signal.SIGSTOP)
        else:
            process.kill()

    def end(self, fault):
        process = self.victims[fault.victim]
        if fault.kind == "cut":
            self.seats[fault.victim].mend()
        elif fault.kind == "stop":
            process.popen.send_signal(signal.SIGCONT)
        else:
            process.restart()

    def suffer(self, faults):
        """Returns when all of them are over."""
        begin = time.monotonic()
        steps = [(fault.at, self.begin, fault) for fault in faults]
        steps += [(fault.at + fault.length, self.end, fault) for fault in faults]
        for at, act, fault in sorted(steps, key=lambda step: step[0]):
            time.sleep(max(0, begin + at - time.monotonic()))
            act(fault)


class Listener:
    """Subscriptions that stand again after every loss of the connection."""

    def __init__(self, lab, subjects):
        self.lab, self.subjects, self.over = lab, subjects, threading.Event()
        self.client = None
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while not self.over.is_set():
            with contextlib.suppress(Exception):  # whatever breaks: there will be another
                self.client = self.lab.try_client()
                for subject, take in self.subjects.items():
                    self.client.subscribe(subject, take)
                while not self.over.wait(0.5) and self.client.thread.is_alive():
                    self.client.flush()
            self.over.wait(0.2)
            if self.client:
                with contextlib.suppress(OSError):
                    self.client.close()

    def close(self):
        self.over.set()
        self.thread.join()


def show(faults):
    for fault in faults:
        print(f"# {fault}", flush=True)


__all__ = ["Fault", "FaultyLab", "Listener", "schedule", "show"]
