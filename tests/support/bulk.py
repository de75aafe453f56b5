# SPDX-License-Identifier: Apache-2.0
"""Large transfers over TCP, with a digest of what arrived."""

import hashlib
import os
import socket
import threading

from traffic import IP_FREEBIND, IPV6_FREEBIND, open_socket

BLOCK = os.urandom(1 << 20)


def send_bytes(connection, n_bytes):
    """Gives the digest of what was sent."""
    digest = hashlib.sha1()
    while n_bytes:
        block = BLOCK[:n_bytes]
        connection.sendall(block)
        digest.update(block)
        n_bytes -= len(block)
    return digest.hexdigest()


def receive_bytes(connection, n_bytes):
    """Gives the digest of what came, which may be less when the other end closed."""
    digest = hashlib.sha1()
    while n_bytes:
        block = connection.recv(min(n_bytes, 1 << 18))
        if not block:
            break
        digest.update(block)
        n_bytes -= len(block)
    return digest.hexdigest()


class Background(threading.Thread):
    """A thread whose failure is the failure of who asks for its result."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.call = (function, *arguments)
        self.value, self.error = None, None
        self.start()

    def run(self):
        try:
            self.value = self.call[0](*self.call[1:])
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def result(self, timeout=120):
        self.join(timeout)
        if self.error:
            raise self.error
        assert not self.is_alive(), "still at it"
        return self.value


def listener(machine, address, port, kind=socket.SOCK_STREAM):
    server = open_socket(machine, kind, address)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if server.family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    else:
        server.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    server.bind((address, port))
    server.settimeout(60)
    if kind == socket.SOCK_STREAM:
        server.listen(16)
    return server


def connect(machine, own_server, address, port):
    """A connection through a VIP: gives both ends."""
    client = open_socket(machine, socket.SOCK_STREAM, address)
    client.settimeout(60)
    client.connect((address, port))
    server, _ = own_server.accept()
    server.settimeout(60)
    return client, server


def transfer(sender, receiver, n_bytes):
    """All of it, and intact."""
    receiving = Background(receive_bytes, receiver, n_bytes)
    sent = send_bytes(sender, n_bytes)
    assert receiving.result() == sent, "what arrived is not what was sent"
