# SPDX-License-Identifier: Apache-2.0
"""C8: a thousand checks come evenly over the interval, each once, and never more than so many at a time."""

import os
import socket
import sys
import threading
import time
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, wait_until  # noqa: E402

N, INTERVAL, TIMEOUT = 1000, 3, 1
AT_A_TIME = 256  # ATTEMPTS_MAX
MANIFEST = f"""apiVersion: networking.ironcore.dev/v1alpha1
kind: Network
metadata: {{name: my-network}}
---
apiVersion: networking.ironcore.dev/v1alpha1
kind: LoadBalancer
metadata: {{name: lb}}
spec:
  type: Internal
  networkRef: {{name: my-network}}
  ipFamilies: [IPv4]
  ips: [{{ip: 10.0.0.1}}]
  ports: [{{port: 8080}}]
  healthCheck: {{protocol: TCP, port: 8080, intervalSeconds: {INTERVAL}, timeoutSeconds: {TIMEOUT}}}
---
apiVersion: networking.ironcore.dev/v1alpha1
kind: LoadBalancerRouting
metadata: {{name: lb}}
networkRef: {{name: my-network}}
destinations:
"""


class Server:
    """Listens on all addresses, and notes when each was asked."""

    def __init__(self, machine):
        machine.namespace.ip("route add local 10.200.0.0/16 dev lo")
        machine.network.ip(f"route add 10.200.0.0/16 via {machine.addresses[0]} dev {machine.port} onlink")
        self.asked = []  # (time, address)
        with machine.namespace:
            self.socket = socket.create_server(("", 8080), backlog=1024)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            try:
                self.asked.append((time.monotonic(), connection.getsockname()[0]))
            except OSError:
                pass  # reset before we looked
            connection.close()


def n_sockets(agent):
    directory = f"/proc/{agent.popen.pid}/fd"
    return sum(os.readlink(os.path.join(directory, name)).startswith("socket:")
               for name in os.listdir(directory) if os.path.lexists(os.path.join(directory, name)))


def most_sockets(agent, seconds):
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            most = max(most, n_sockets(agent))
        except FileNotFoundError:
            pass  # closed while we looked
        time.sleep(0.01)
    return most


def c8_spread_over_the_interval(lab, server):
    """Exactly so in the tenths of one interval, wherever it begins."""
    begin = time.monotonic() + 0.1
    time.sleep(INTERVAL + 0.5)
    asked = [(at - begin, address) for at, address in server.asked if begin <= at < begin + INTERVAL]
    tenths = Counter(int(at * 10 / INTERVAL) for at, _ in asked)
    counts = [tenths[i] for i in range(10)]
    print(f"   {counts}", flush=True)
    # 100 each at random is 100 +- 10; a machine under load bunches some.
    assert max(counts) <= 2 * N / 10 and min(counts) >= N / 40, counts
    distinct = len({address for _, address in asked})
    assert distinct >= 0.98 * N and len(asked) <= 1.02 * N, f"{len(asked)} checks of {distinct}"


def c8_so_many_at_a_time(lab, server):
    """None is answered, and each lasts a second: more are due than may run."""
    agent = lab.nodes[0].agent
    before = n_sockets(agent)
    server.machine.namespace.nft("add table inet hole; add chain inet hole in { type filter hook prerouting "
                                 "priority -500; policy drop; }")
    most = most_sockets(agent, INTERVAL + TIMEOUT) - before
    print(f"   {most} sockets at most", flush=True)
    assert AT_A_TIME / 2 < most <= AT_A_TIME + 8, most


def main():
    with Lab() as lab:
        node = lab.node("node-1")
        node.host("my-network")
        machine = node.machine("web")
        server = Server(machine)
        server.machine = machine
        lab.start_nats()
        node.start_agent()
        lab.start_allocator()
        lab.wait_serving()
        lab.apply(MANIFEST + "".join(f'- ip: "10.200.{i >> 8}.{i & 255}"\n' for i in range(1, N + 1)))
        wait_until("all were checked", lambda: len({address for _, address in server.asked}) == N)
        time.sleep(INTERVAL)  # each has found its place
        for step in (c8_spread_over_the_interval, c8_so_many_at_a_time):
            begin = time.monotonic()
            step(lab, server)
            print(f"ok {step.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)


main()
