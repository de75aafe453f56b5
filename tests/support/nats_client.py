# SPDX-License-Identifier: Apache-2.0
"""A NATS client that fits on a page, so that tests speak to our programs with nothing of ours in between.

One thread reads; messages wait in queues. Enough of the protocol for tests: headers, queue groups, requests.
Source: docs.nats.io/reference/reference-protocols/nats-protocol.
"""

import itertools
import json
import queue
import socket
import threading


class Message:
    def __init__(self, subject, reply, headers, data):
        self.subject, self.reply, self.headers, self.data = subject, reply, headers, data

    @property
    def text(self):
        return self.data.decode()

    @property
    def json(self):
        return json.loads(self.data)


class NoResponders(Exception):
    """Nobody serves the subject."""


class Client:
    def __init__(self, url, timeout=5, inbox="_INBOX"):
        login, _, address = url.removeprefix("nats://").rpartition("@")
        host, port = address.split(":")
        self.timeout = timeout
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.info = json.loads(self.file.readline()[len(b"INFO "):])
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        self.queues = {}
        options = {"verbose": False, "headers": True, "no_responders": True}
        if login:
            options["user"], options["pass"] = login.split(":")
        self.send(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        self.inbox = f"{inbox}.test{id(self):x}"
        self.errors = []
        self.replies = {}
        self.pongs = queue.Queue()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        self.subscribe(f"{self.inbox}.*", self.on_reply)
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.thread.join()

    def send(self, data):
        with self.lock:
            self.socket.sendall(data)

    def flush(self):
        """Returns when the server has read everything sent so far."""
        self.send(b"PING\r\n")
        self.pongs.get(timeout=self.timeout)

    def read(self):
        try:
            while line := self.file.readline():
                self.on_line(line.rstrip(b"\r\n"))
        except OSError:
            pass  # closed, by us or the server

    def on_line(self, line):
        word, *rest = line.split(b" ")
        if word == b"PING":
            self.send(b"PONG\r\n")
        elif word == b"PONG":
            self.pongs.put(True)
        elif word == b"-ERR":
            self.errors.append(line.decode())
        elif word in (b"MSG", b"HMSG"):
            n_sizes = 2 if word == b"HMSG" else 1
            *names, = (part.decode(errors="replace") for part in rest[:-n_sizes])
            sizes = [int(part) for part in rest[-n_sizes:]]
            body = self.file.read(sizes[-1])
            self.file.read(2)
            head = sizes[0] if word == b"HMSG" else 0
            self.deliver(names, parse_headers(body[:head]), body[head:])

    def deliver(self, names, headers, data):
        message = Message(names[0], names[2] if len(names) > 2 else None, headers, data)
        take = self.queues.get(int(names[1]))
        if take:
            take(message)

    def subscribe(self, subject, take=None, group=None):
        """Messages go to `take`, or wait in the queue that is given back."""
        waiting = queue.Queue()
        number = next(self.numbers)
        self.queues[number] = take or waiting.put
        self.send(f"SUB {subject} {group or ''} {number}\r\n".encode())
        return waiting

    def publish(self, subject, data=b"", headers=None, reply=""):
        data = data.encode() if isinstance(data, str) else data
        if headers is None:
            self.send(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")
            return
        head = b"NATS/1.0\r\n" + b"".join(f"{k}: {v}\r\n".encode() for k, v in headers.items()) + b"\r\n"
        self.send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}\r\n".encode()
                  + head + data + b"\r\n")

    def on_reply(self, message):
        waiting = self.replies.get(message.subject)
        if waiting:
            waiting.put(message)

    def ask(self, subject, data=b"", headers=None):
        """Asks, and gives the queue that answers will come to."""
        inbox = f"{self.inbox}.{next(self.numbers)}"
        self.replies[inbox] = queue.Queue()
        self.publish(subject, data, headers, inbox)
        return self.replies[inbox]

    def request(self, subject, data=b"", headers=None, timeout=None):
        message = self.ask(subject, data, headers).get(timeout=timeout or self.timeout)
        if message.headers.get("status") == "503" and not message.data:
            raise NoResponders(subject)
        return message


def parse_headers(head):
    lines = head.decode(errors="replace").split("\r\n")
    headers = {}
    status = lines[0].removeprefix("NATS/1.0").strip()
    if status:
        headers["status"] = status.split(" ")[0]
    for line in lines[1:]:
        if ":" in line:
            name, value = line.split(":", 1)
            headers[name] = value.strip()
    return headers
