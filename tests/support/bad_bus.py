# SPDX-License-Identifier: Apache-2.0
"""A way to a nats-server that loses messages, doubles them and delivers them late, both ways, as long as it is told to.

NATS itself does none of that on one connection; a fail-over, an overrun and two publishers at once do.
Source: docs.nats.io/reference/reference-protocols/nats-protocol.
"""

import contextlib
import random
import socket
import threading

MESSAGES = (b"MSG", b"HMSG", b"PUB", b"HPUB")
LOST, TWICE, LATE = 0.15, 0.15, 0.15
LATE_FRAMES = 4  # that overtake, at most


def frames(file):
    """(whether it is a message, its bytes) of each line of the protocol."""
    while line := file.readline():
        words = line.split()
        if words and words[0] in MESSAGES:
            yield True, line + file.read(int(words[-1]) + 2)
        else:
            yield False, line


class BadBus:
    """`url` leads to the server of `lab`. Harmless while not `bad`."""

    def __init__(self, lab, seed):
        self.upstream, self.chance, self.bad = lab.url, random.Random(seed), False
        self.n_lost, self.n_twice, self.n_late = 0, 0, 0
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"nats://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()
        lab.stack.callback(self.close)

    def accept(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                self.join(self.listener.accept()[0])

    def join(self, client):
        host, port = self.upstream.removeprefix("nats://").split(":")
        try:
            server = socket.create_connection((host, int(port)), 5)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        self.sockets |= {client, server}
        for a, b in ((client, server), (server, client)):
            threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, source, target):
        late = []  # [frames to let pass, bytes]
        with contextlib.suppress(OSError), source.makefile("rb") as file:
            for is_message, frame in frames(file):
                for passing in self.treat(frame, late) if is_message and self.bad else [frame]:
                    target.sendall(passing)
                for item in late:
                    item[0] -= 1
                for item in [item for item in late if item[0] < 0 or not self.bad]:
                    late.remove(item)
                    target.sendall(item[1])
        self.end(source, target)

    def treat(self, frame, late):
        """What of it passes now."""
        fate = self.chance.random()
        if fate < LOST:
            self.n_lost += 1
            return []
        if fate < LOST + TWICE:
            self.n_twice += 1
            return [frame, frame]
        if fate < LOST + TWICE + LATE:
            self.n_late += 1
            late.append([self.chance.randint(1, LATE_FRAMES), frame])
            return []
        return [frame]

    def end(self, *sockets):
        for end in sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self.sockets.discard(end)

    def drop(self):
        """Cuts all connections; who was connected comes back by itself."""
        self.end(*list(self.sockets))

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop()
