# SPDX-License-Identifier: Apache-2.0
"""The first two chunks of SCTP associations on raw sockets: few kernels have SCTP sockets."""

import os
import socket
import struct

from traffic import INSIDE, family_of

PROTOCOL, INIT, INIT_ACK = 132, 1, 2


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = crc32c_table()


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def packet(source_port, port, tag, kind):
    """An SCTP packet with one INIT or INIT ACK. Source: RFC 9260, sections 3.1 and 3.3.2."""
    body = os.urandom(4) + struct.pack(">IHHI", 65536, 1, 1, 1)
    cookie = b"\0\x07\0\x08cook" if kind == INIT_ACK else b""
    chunk = struct.pack(">BBH", kind, 0, 4 + len(body) + len(cookie)) + body + cookie
    head = struct.pack(">HHI", source_port, port, tag)
    return head + struct.pack("<I", crc32c(head + b"\0\0\0\0" + chunk)) + chunk


class Packet:
    def __init__(self, data):
        self.source_port, self.port, self.tag = struct.unpack(">HHI", data[:8])
        self.intact = struct.unpack("<I", data[8:12])[0] == crc32c(
            data[:8] + b"\0\0\0\0" + data[12:])
        self.kind, self.initiate_tag = data[12], struct.unpack(">I", data[16:20])[0]


class Endpoint:
    """Sends and receives the SCTP packets of a machine."""

    def __init__(self, machine, address, timeout=5):
        self.name, self.family = machine.name, family_of(address)
        # A kernel that has SCTP would abort associations that it knows nothing about.
        machine.namespace.run("nft", "-f", "-", text_input=f"""
            add table inet quiet
            add chain inet quiet output {{ type filter hook output priority 0; }}
            add rule inet quiet output meta l4proto {PROTOCOL} @th,96,8 6 drop
            """)
        with INSIDE, machine.namespace:
            self.socket = socket.socket(self.family, socket.SOCK_RAW, PROTOCOL)
        self.socket.settimeout(timeout)

    def send(self, address, *fields):
        self.socket.sendto(packet(*fields), (address, 0))

    def receive(self):
        """(packet, address of its sender)"""
        data, sender = self.socket.recvfrom(2048)
        if self.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4:]
        return Packet(data), sender[0]

    def close(self):
        self.socket.close()
