# SPDX-License-Identifier: Apache-2.0
"""What someone hostile sends: bytes that are nearly right, messages that are right and lie, and servers that answer health
checks with anything at all."""

import os
import socket
import threading

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus")
HUGE = 1000 * 1000  # a little less than NATS takes
STRANGE = [b"", b"\0", b"\xff" * 8, b"-1", b"18446744073709551616", b"%s%n", b"\n\n", b"{", b"]", b"\xf0\x9f\x92\xa3"]


class Garbage:
    """@chance: a random.Random; the same seed gives the same bytes."""

    def __init__(self, chance):
        self.chance, self.known = chance, {}

    def kept(self, name, skip=0):
        """One of a fuzzer's kept inputs, without what chooses among readers in front of it."""
        if name not in self.known:
            folder = os.path.join(CORPUS, name)
            self.known[name] = [open(os.path.join(folder, file), "rb").read() for file in sorted(os.listdir(folder))]
        return self.chance.choice(self.known[name])[skip:]

    def mutate(self, data):
        data = bytearray(data)
        for _ in range(self.chance.choice([0, 1, 1, 2, 5, 20])):
            place = self.chance.randrange(len(data) + 1)
            deed = self.chance.randrange(5)
            if deed == 0:
                data[place:place] = self.chance.choice(STRANGE)
            elif deed == 1:
                del data[place:place + self.chance.randrange(1, 9)]
            elif deed == 2:
                data[place:place] = data[self.chance.randrange(len(data) + 1):][:64]
            elif data:
                data[place % len(data)] ^= 1 << self.chance.randrange(8)
        return bytes(data)

    def like(self, name, skip=0):
        """Nearly one of the kept inputs; seldom nothing like it."""
        kind = self.chance.randrange(40)
        if kind == 0:
            return self.chance.randbytes(self.chance.randrange(2000))
        if kind == 1:
            return ((self.kept(name, skip) or b"x") * self.chance.randrange(1, 2000))[:HUGE]
        return self.mutate(self.kept(name, skip))[:HUGE]


# Protobuf, enough of it to lie: a number or bytes a field.

def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(*fields):
    """(number, value) pairs."""
    return b"".join(field(number, value) for number, value in fields)


def lb(number, vips, destinations=(b"\x0a\x01\x01\x0a",)):
    return message((1, bytes([number % 251 + 1]) * 16), (2, b"hostile/lb"), (3, 1), (4, number), (5, 1), (6, 1),
                   *((7, vip) for vip in vips), (8, message((1, 6), (2, 80), (3, 80), (4, 80))),
                   *((9, message((1, address), (2, 1))) for address in destinations))


def desired(net, revision, *lbs, previous=0, epoch=b"\x66" * 16, part=1, n_parts=1, snapshot=False, removed=()):
    return message((1, net.encode()), (2, epoch), (3, revision), (4, previous), (5, int(snapshot)), (7, part), (8, n_parts),
                   *((9, one) for one in lbs), *((10, uid) for uid in removed))


def alive(node, nets, boot=b"\x66" * 16):
    return message((1, node.encode()), (2, boot), (3, b"6.6.6"), *((4, net.encode()) for net in nets))


def status(node, net, revision=1):
    return message((1, node.encode()), (2, net.encode()), (3, b"\x66" * 16), (4, revision), (6, b"\x0a\0\0\1"))


def health(node, net, addresses=(), dead=False):
    verdicts = [(6, message((1, address), (3, 0), (4, 1), (5, b"Hostile"))) for address in addresses]
    return message((1, node.encode()), (2, net.encode()), (3, b"\x66" * 16), (4, 1), (5, int(dead)), *verdicts)


class Server:
    """A destination that answers each connection as one of these does, on `port` of a machine."""

    def garbage(self, connection):
        connection.sendall(os.urandom(4096))

    def endless(self, connection):
        for _ in range(1000):
            connection.sendall(b"HTTP/1.1 " + b" " * 65536)

    def slow(self, connection):
        for byte in b"HTTP/1.1 200 OK\r\n" * 100:
            connection.sendall(bytes([byte]))
            self.stopped.wait(0.3)

    def silent(self, connection):
        self.stopped.wait(10)

    def number(self, connection):
        connection.sendall(b"HTTP/1.1 99999999999999999999 OK\r\n\r\n")

    def reset(self, connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def __init__(self, machine, port, manner):
        self.stopped, self.manner = threading.Event(), getattr(self, manner)
        with machine.namespace:
            self.socket = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                connection.recv(4096)
                self.manner(connection)
            except OSError:
                pass  # the check has its own end

    def stop(self):
        self.stopped.set()
        self.socket.close()
