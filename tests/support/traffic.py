# SPDX-License-Identifier: Apache-2.0
"""Traffic for packet tests: servers inside this process that say who they are, and clients.

A server's sockets are made in its machine's namespace and served by one thread of the test, so a
test sees every datagram and connection that arrived, without asking another process.
"""

import selectors
import socket
import struct
import threading
import time

INSIDE = threading.Lock()  # a Namespace remembers one way back
IP_FREEBIND, IPV6_FREEBIND = 15, 78
IP_RECVERR, IPV6_RECVERR = 11, 25


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def open_socket(machine, kind, address):
    """A socket for talking to `address`, in the machine's namespace."""
    with INSIDE, machine.namespace:
        return socket.socket(family_of(address), kind)


def hear_of_errors(sock):
    """"No route" from a router on the way ends it at once; else the kernel keeps that to itself."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


class Server:
    """Answers each line over TCP and each datagram with "NAME CLIENT-ADDRESS"."""

    def __init__(self, machine, tcp=(8080,), udp=(5353,)):
        self.name, self.machine = machine.name, machine
        self.clients = []    # addresses of TCP connections, in order
        self.datagrams = []  # (time, bytes)
        self.connections = set()
        self.selector = selectors.DefaultSelector()
        self.wakeup, self.waker = socket.socketpair()
        self.selector.register(self.wakeup, selectors.EVENT_READ, None)
        for address in machine.addresses:
            for port in tcp:
                self.listen(socket.SOCK_STREAM, address, port, self.accept)
            for port in udp:
                self.listen(socket.SOCK_DGRAM, address, port, self.answer_datagram)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def listen(self, kind, address, port, handler):
        server = open_socket(self.machine, kind, address)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # The kernel may still be looking whether another has this IPv6 address.
        if server.family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        else:
            server.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        server.bind((address, port))
        if kind == socket.SOCK_STREAM:
            server.listen(1024)
        self.selector.register(server, selectors.EVENT_READ, handler)

    def accept(self, server):
        connection, client = server.accept()
        self.clients.append(client[0])
        self.connections.add(connection)
        self.selector.register(connection, selectors.EVENT_READ, self.answer_line)

    def answer_line(self, connection):
        try:
            line = connection.recv(4096)
            if line:
                connection.sendall(f"{self.name} {connection.getpeername()[0]}\n".encode())
                return
        except OSError:
            pass  # reset by the client
        self.selector.unregister(connection)
        self.connections.discard(connection)
        connection.close()

    def answer_datagram(self, server):
        data, client = server.recvfrom(4096)
        self.datagrams.append((time.monotonic(), data))
        try:
            server.sendto(f"{self.name} {client[0]}".encode(), client)
        except OSError:
            pass  # the client went away

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    return
                key.data(key.fileobj)

    def close(self):
        self.waker.send(b"x")
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
        self.waker.close()


class Connection:
    """An open TCP connection; ask() says who is at the other end."""

    def __init__(self, machine, address, port, timeout=5, source_port=0, impatient=False):
        self.socket = open_socket(machine, socket.SOCK_STREAM, address)
        self.socket.settimeout(timeout)
        if impatient:
            hear_of_errors(self.socket)
        if source_port:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(("", source_port))
        try:
            self.socket.connect((address, port))
        except OSError:
            self.socket.close()
            raise

    def ask(self):
        """(server's name, our address as it sees it); OSError when the connection is cut."""
        self.socket.sendall(b"who?\n")
        answer = b""
        while not answer.endswith(b"\n"):
            chunk = self.socket.recv(4096)
            if not chunk:
                raise ConnectionResetError("closed")
            answer += chunk
        return tuple(answer.decode().split())

    def reset(self):
        """Closes without TIME_WAIT: the port can be used again at once."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reset()


def ask_tcp(machine, address, port, **options):
    with Connection(machine, address, port, **options) as connection:
        return connection.ask()


def ask_udp(machine, address, port, timeout=5, source_port=0, impatient=False):
    with open_socket(machine, socket.SOCK_DGRAM, address) as datagram:
        datagram.settimeout(timeout)
        if impatient:
            hear_of_errors(datagram)
        if source_port:
            datagram.bind(("", source_port))
        datagram.connect((address, port))
        datagram.send(b"who?")
        return tuple(datagram.recv(4096).decode().split())


class Stream:
    """A UDP client with one source port that sends all the time, as a voice call does."""

    def __init__(self, machine, address, port, interval=0.1):
        self.socket = open_socket(machine, socket.SOCK_DGRAM, address)
        self.socket.connect((address, port))
        self.interval, self.n_refused = interval, 0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.send, daemon=True)
        self.thread.start()

    def send(self):
        number = 0
        while not self.stopped.is_set():
            try:
                self.socket.send(b"%d" % number)
            except OSError:
                self.n_refused += 1  # or no route, while there is no destination
            number += 1
            time.sleep(self.interval)

    def close(self):
        self.stopped.set()
        self.thread.join()
        self.socket.close()


class Callers:
    """New TCP connections one after the other, for as long as the block lasts."""

    def __init__(self, machine, address, port):
        self.arguments = (machine, address, port)
        self.answers, self.failures = [], []

    def call(self):
        while not self.stopped.is_set():
            try:
                self.answers.append(ask_tcp(*self.arguments, timeout=3)[0])
            except OSError as error:
                self.failures.append(f"after {len(self.answers)} answers: {error!r}")

    def __enter__(self):
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.call, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
