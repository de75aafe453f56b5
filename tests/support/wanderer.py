# SPDX-License-Identifier: Apache-2.0
"""A machine that moves from node to node with its addresses and its open connections, as a live migration does."""

import contextlib

from lab import GATEWAY4, GATEWAY6, wait_until

OWN_LINK = "fe80::99"


class Wanderer:
    def __init__(self, lab, nodes, network="my-network"):
        self.name, self.lab, self.network = "wanderer", lab, network
        index = lab.network_index(network)
        self.addresses = [f"10.{index}.99.1", f"fd00:{index}:99::1"]
        self.underlay = lab.underlays[index]
        self.namespace = lab.namespace("machine-wanderer")
        self.namespace.ip(*(f"address add {address} dev lo" for address in self.addresses))
        self.at = None
        for node in nodes:
            self.plug(node)
        self.move(nodes[0])

    def plug(self, node):
        """An interface that leads there."""
        inside, device = node.networks[self.network], self.device(node)
        self.lab.join(self.namespace, device, inside, "wanderer")
        self.namespace.ip(f"address add {OWN_LINK}/64 dev {device} nodad")
        inside.ip(f"address add {GATEWAY4}/32 dev wanderer",
                  f"address add {GATEWAY6}/64 dev wanderer scope link nodad")
        wait_until(f"the wanderer is plugged into {node.name}", lambda: self.namespace.settled(device) and
                   inside.settled("wanderer"))

    @staticmethod
    def device(node):
        return f"eth{node.number}"

    def move(self, node):
        with self.moving(node):
            pass

    @contextlib.contextmanager
    def moving(self, node):
        """It is cut off for as long as the block lasts."""
        ipv4, ipv6 = self.addresses
        self.namespace.ip("route replace blackhole default", "route replace blackhole ::/0")
        if self.at:
            self.at.networks[self.network].ip(f"route delete {ipv4}", f"route delete {ipv6}")
        self.at = node
        node.networks[self.network].ip(f"route replace {ipv4} dev wanderer",
                                       f"route replace {ipv6} via {OWN_LINK} dev wanderer")
        port = self.port_of(node)
        self.underlay.ip(f"route replace {ipv4} via 169.254.0.2 dev {port}",
                         f"route replace {ipv6} via fe80::2 dev {port}")
        yield
        device = self.device(node)
        self.namespace.ip(f"route replace default via {GATEWAY4} dev {device} onlink",
                          f"route replace ::/0 via {GATEWAY6} dev {device}")

    def port_of(self, node):
        """Of the underlay."""
        prefix = f"10.{self.lab.network_index(self.network)}.{node.number}.0/24"
        words = self.underlay.run("ip", "route", "show", prefix).stdout.split()
        return words[words.index("dev") + 1]
