# SPDX-License-Identifier: Apache-2.0
"""A LoadBalancer whose only port grows with each change: the kernel's own notifications tell whether a node was ever
given an older state over a newer one."""

import re

from churn import Thing, load_balancer

VIP = "10.250.0.1"
FIRST_PORT = 10000


def manifest(port=FIRST_PORT, version=None):
    return load_balancer("clock", [VIP], [port], "app: web", version)


def thing():
    return Thing("lb/clock", FIRST_PORT, manifest, lambda item: item["spec"]["ports"][0]["port"])


def start_monitor(lab, name, namespace):
    """What the kernel gets to hold, as it says itself."""
    return lab.start(f"monitor-{name}", namespace.command(
        "sh", "-c", f"nft -nn monitor new elements | grep --line-buffered -F '{VIP} '"))


def check(monitor, least=4):
    """`monitor`: of start_monitor(); `least`: how many states it must have seen."""
    ports = [int(port) for port in re.findall(rf"svc4 \{{ {re.escape(VIP)} \. \w+ \. (\d+)", monitor.log())]
    assert ports == sorted(ports), f"{monitor.name}: the kernel was given old state: {ports}"
    assert len(ports) >= least, f"{monitor.name} saw {ports}"
