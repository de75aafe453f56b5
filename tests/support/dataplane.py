# SPDX-License-Identifier: Apache-2.0
"""The data plane alone, without bus and allocator: drives worker_tool (tests/dataplane)."""

import contextlib
import json
import os
import queue
import subprocess
import threading

from lab import BUILD, Machine, wait_until
from traffic import Server

V4, V6 = "10.96.0.1", "fd96::1"


def load_balancer(number=1, vips=(V4, V6), ports=("TCP 8080", "UDP 5353"), destinations=(),
                  extra=()):
    """Lines as tests/support/some_lb.h reads them."""
    lines = [f"name default/lb-{number}", f"number {number}"]
    lines += [f"vip {vip}" for vip in vips]
    lines += [f"port {port}" for port in ports]
    lines += [f"destination {destination}" for destination in destinations]
    return "\n".join([*lines, *extra]) + "\n"


class Worker:
    """A data plane of its own process, that ends with the lab."""

    def __init__(self, lab, netns_dir, node="n1"):
        tool = os.path.join(BUILD, "tests", "dataplane", "worker_tool")
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([tool, node, netns_dir], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        lab.stack.callback(self.stop)
        self.reports = queue.Queue()
        self.revision = 0
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.reports.put(json.loads(line))

    def say(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines))
        self.process.stdin.flush()

    def expect(self, net, *outcomes, timeout=30):
        """The next report with one of the outcomes; others of the Network are passed over."""
        while True:
            report = self.reports.get(timeout=timeout)
            if report.get("net") == net and report["outcome"] in (*outcomes, "failed"):
                assert report["outcome"] in outcomes, report["sentence"]
                return report

    def die_at(self, number):
        """Before the number-th message to the kernel from now on."""
        self.say(f"die {number}")

    def died(self):
        """Whether it does before its next report."""
        while True:
            with contextlib.suppress(queue.Empty):
                self.reports.get(timeout=0.01)
                return False
            if self.process.poll() is not None:
                self.thread.join()
                return self.reports.empty()

    def open(self, net):
        self.say(f"open {net}")
        self.expect(net, "opened")

    def start_apply(self, net, *lbs, removed=(), snapshot=False):
        self.revision += 1
        self.say(f"apply {net} {self.revision} {'snapshot' if snapshot else 'change'}")
        for lb in lbs:
            self.say("lb", lb.rstrip("\n"), "end")
        self.say(*[f"removed {number}" for number in removed], "go")

    def apply(self, net, *lbs, removed=(), snapshot=False):
        """Gives the status once it is in the kernel."""
        self.start_apply(net, *lbs, removed=removed, snapshot=snapshot)
        status = self.expect(net, "applied")["status"]
        assert status["revision"] == self.revision
        return status

    def count(self, net, destinations=True, timeout=30):
        """What the Network's LoadBalancers carry, by name."""
        self.say(f"count {net} {'all' if destinations else 'lbs'}")
        while True:
            report = self.reports.get(timeout=timeout)
            if report["outcome"] == "counted":
                return report["count"]

    def stop(self):
        """Ends it in order, so that sanitizers have their say."""
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.thread.join()
        self.process.stdout.close()
        assert code == 0, f"worker_tool ended with {code}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.thread.join()
        self.process.stdout.close()


class Site:
    """A Network's namespace on one node, with a client and destinations on routed ports."""

    def __init__(self, lab, worker, net, netns_dir, n_destinations=3):
        self.lab, self.worker, self.net = lab, worker, net
        self.namespace = lab.namespace(net, directory=netns_dir)
        self.namespace.forward()
        self.client = self.machine("c", "10.1.0.9", "fd01::9")
        self.machines = [self.machine(f"b{i}", f"10.1.0.{i}", f"fd01::{i}")
                         for i in range(1, n_destinations + 1)]
        self.servers = [self.serve(machine) for machine in self.machines]
        worker.open(net)

    def machine(self, name, *addresses):
        return Machine(self.lab, name, self.namespace, list(addresses))

    def serve(self, machine, **ports):
        server = Server(machine, **ports)
        self.lab.stack.callback(server.close)
        return server

    def addresses(self, *numbers):
        """Of the destinations with these numbers, from 1; of all when none is given."""
        chosen = [self.machines[i - 1] for i in numbers] if numbers else self.machines
        return [address for machine in chosen for address in machine.addresses]

    def apply(self, *lbs, **options):
        return self.worker.apply(self.net, *lbs, **options)

    def balance(self, *numbers, **options):
        """One LoadBalancer on the destinations with these numbers."""
        return self.apply(load_balancer(destinations=self.addresses(*numbers), **options))

    def entries(self):
        """Lines of the connection tracking table."""
        return self.namespace.run("conntrack", "-L").stdout.splitlines()

    def entries_of(self, *words):
        return [line for line in self.entries() if all(word in line for word in words)]

    def wait_no_entries(self, *words):
        wait_until(f"no entry with {words}", lambda: not self.entries_of(*words))
