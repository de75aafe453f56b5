# SPDX-License-Identifier: Apache-2.0
"""What nftables of a namespace tells of its transactions, as they are done. Source: linux/netfilter/nf_tables.h."""

import socket
import struct
import time

NETLINK_NETFILTER, GROUP_NFTABLES = 12, 7
NEW_GENERATION = 10 << 8 | 15  # NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, SO_RCVBUFFORCE = 270, 1, 33


def messages(data):
    """The kind of each message."""
    position = 0
    while position < len(data):
        size, kind = struct.unpack_from("IH", data, position)
        yield kind
        position += (size + 3) & ~3


class Commits:
    def __init__(self, namespace):
        with namespace:
            self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.socket.bind((0, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, GROUP_NFTABLES)
        self.socket.settimeout(5)

    def wait(self):
        """The time of the next one."""
        while True:
            data = self.socket.recv(1 << 20)
            now = time.perf_counter()
            if NEW_GENERATION in messages(data):
                return now

    def forget(self):
        """How many there were since the last call or wait(). OSError when they were too many to tell."""
        count = 0
        self.socket.setblocking(False)
        try:
            while True:
                count += sum(kind == NEW_GENERATION for kind in messages(self.socket.recv(1 << 20)))
        except BlockingIOError:
            return count
        finally:
            self.socket.settimeout(5)
