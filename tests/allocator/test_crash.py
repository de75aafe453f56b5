# SPDX-License-Identifier: Apache-2.0
"""A thousand concurrent applies while allocators and nats-server are killed (-9) at random moments (P7)."""

import os
import queue
import random
import threading
import time

from control_plane import ControlPlane, address_of, done, lb, main, network, prefix, wait_until
from lab import can_connect
from nats_client import Client
from test_replicas import digests_agree, in_threads, states, stored_addresses

N_WRITERS, N_EACH, WINDOW = 8, 125, 10
NATS_SHARE = 0.3  # of the kills
KILL_SECONDS = 15  # a slow machine may come to nothing while it is killed all the time


class Writer:
    """Applies its LoadBalancers, many at once, each again and again until it is acknowledged."""

    def __init__(self, cloud, number, acknowledged):
        self.cloud, self.client, self.acknowledged = cloud, None, acknowledged
        self.names = [f"l{number}-{i}" for i in range(N_EACH)]

    def connect(self):
        """A client; the one before, unless its server died."""
        while not self.client or not self.client.thread.is_alive():
            try:
                self.client = Client(self.cloud.url)
            except (OSError, ValueError, queue.Empty):
                time.sleep(0.02)
        return self.client

    def gather(self, answers):
        """Takes what is answered; nothing more is to be expected from a server that is gone."""
        end = time.monotonic() + 5
        for name, answer in answers.items():
            while time.monotonic() < end:
                try:
                    message = answer.get(timeout=0.05)
                except queue.Empty:
                    if not self.client.thread.is_alive():
                        break
                    continue
                if message.data.startswith(b'{"ok":true'):
                    self.acknowledged[name] = address_of(message.json["items"][0])
                break

    def run(self):
        end = time.monotonic() + 60
        while missing := [n for n in self.names if n not in self.acknowledged][:WINDOW]:
            assert time.monotonic() < end, f"not acknowledged: {missing}"
            client = self.connect()
            try:
                self.gather({name: client.ask("ilb.v1.apply.default", lb(name, pool="pool"),
                                              {"Accept": "application/json"})
                             for name in missing})
            except OSError:
                continue


def killer(cloud, chance, over):
    """Kills one after the other. A server gets the time to come up that it needs, and little more; at last, peace."""
    end = time.monotonic() + KILL_SECONDS
    port = int(cloud.url.rsplit(":", 1)[1])
    while not over.wait(chance.uniform(0.05, 0.3)) and time.monotonic() < end:
        if chance.random() < NATS_SHARE:
            cloud.nats.restart()
            wait_until("nats-server is up", lambda: can_connect(port))
        else:
            chance.choice(cloud.allocators).restart()


def p7_everything_killed_under_a_thousand_applies_loses_nothing():
    seed = int(os.environ.get("ILB_SEED", time.time()))
    print(f"# seed {seed}")
    with ControlPlane() as cloud:
        client = cloud.serve(replicas=3)
        done(client, "apply", network("net") + prefix("pool", "10.0.0.0/20"))
        acknowledged, over = {}, threading.Event()
        kills = threading.Thread(target=killer, args=(cloud, random.Random(seed), over))
        begin = time.monotonic()
        kills.start()
        try:
            in_threads(N_WRITERS, lambda n: Writer(cloud, n, acknowledged).run())
        finally:
            over.set()
            kills.join()
        print(f"# {len(acknowledged)} applies in {time.monotonic() - begin:.1f} s")
        client = cloud.client()
        wait_until("all serve", lambda: len(states(client)) == 3, timeout=60)
        stored = stored_addresses(client)
        assert len(stored) == N_WRITERS * N_EACH, len(stored)
        assert len(set(stored.values())) == len(stored), "an address is held twice"
        assert stored == acknowledged, {n: (a, stored.get(n)) for n, a in acknowledged.items()
                                        if stored.get(n) != a}
        digests_agree(cloud)
        done(client, "apply", lb("after", pool="pool"))  # and it takes changes as before


if __name__ == "__main__":
    main(p7_everything_killed_under_a_thousand_applies_loses_nothing)
