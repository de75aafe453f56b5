# SPDX-License-Identifier: Apache-2.0
"""ilb and its peers, with one face: load LoadBalancers, change a destination, be gone.

Each serves a network namespace of its own. The LoadBalancers are those of bench/plenty.h: number i
has VIP 10.0.0.0 + i, port 80, and destinations from 10.128.0.0 + i * M.
"""

import http.client
import ipaddress
import json
import os
import select
import subprocess
import time

from measure import Group, Missing, need, program, wait_until

LOAD_LIMIT = 300  # seconds
VIPS = int(ipaddress.IPv4Address("10.0.0.0"))
DESTINATIONS = int(ipaddress.IPv4Address("10.128.0.0"))
PORT = 80


def vip(number):
    return str(ipaddress.IPv4Address(VIPS + number))


def destination(number, n_destinations, index):
    return str(ipaddress.IPv4Address(DESTINATIONS + number * n_destinations + index))


class Result:
    """Of a load or of some changes."""

    def __init__(self, wall_us, cpu_us, peak_kb):
        self.wall_us, self.cpu_us, self.peak_kb = wall_us, cpu_us, peak_kb


class Peer:
    name = "?"

    def __init__(self):
        self.group = Group()
        self.n_lbs = self.n_destinations = self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.group.end()

    def next_number(self):
        self.number = self.number % self.n_lbs + 1
        return self.number

    def change(self, n):
        """N times: a destination of one leaves and comes back."""
        walls, cpu = [], self.cpu_us()
        for _ in range(n):
            number = self.next_number()
            for step in (self.remove, self.add):
                start = time.monotonic()
                step(number)
                walls.append((time.monotonic() - start) * 1e6)
        return Result(walls, self.cpu_us() - cpu, self.group.peak_kb())

    def cpu_us(self):
        return self.group.cpu_us()

    def remove(self, number):
        raise NotImplementedError

    def add(self, number):
        raise NotImplementedError


class Ilb(Peer):
    """The worker of ilb-agent, driven by bench/ilb."""

    name = "ilb"

    def __init__(self):
        super().__init__()
        if not os.path.exists(program("ilb")):
            self.group.end()
            raise Missing(f"{program('ilb')} is not built")
        self.process = self.group.start(program("ilb"), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], LOAD_LIMIT * 2)[0]:
            raise Missing(f"{line}: no answer")
        answer = self.process.stdout.readline()
        if not answer:
            raise Missing(f"{line}: it ended with {self.process.wait()}")
        return Result(**json.loads(answer))

    def load(self, n_lbs, n_destinations):
        return self.ask(f"load {n_lbs} {n_destinations}")

    def change(self, n):
        return self.ask(f"change {n}")


class Chunks(Ilb):
    """The same elements, as text straight to libnftables."""

    name = "libnftables alone"

    def load(self, n_lbs, n_destinations):
        return self.ask(f"chunks {n_lbs} {n_destinations}")


class Nftlb(Peer):
    """Through its JSON configuration and its HTTP interface."""

    name = "nftlb"

    def __init__(self):
        need("nftlb")
        super().__init__()
        self.http = None

    def request(self, method, path, body=None, timeout=LOAD_LIMIT):
        with self.group.entered():
            connection = http.client.HTTPConnection("127.0.0.1", 5555, timeout=timeout)
            connection.connect()
        connection.request(method, path, body=json.dumps(body) if body else None,
                           headers={"Key": "bench"})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        if answer.status != 200 or "rror" in text[:200]:
            raise Missing(f"{method} {path}: {answer.status} {text[:200]}")
        return text

    def backend(self, number, index):
        return {"name": f"b{index}", "ip-addr": destination(number, self.n_destinations, index),
                "port": str(PORT), "weight": "1", "state": "up"}

    def farm(self, number):
        return {"name": f"lb{number}", "family": "ipv4", "virtual-addr": vip(number),
                "virtual-ports": str(PORT), "mode": "dnat", "protocol": "tcp",
                "scheduler": "hash", "sched-param": "srcip srcport", "state": "up",
                "backends": [self.backend(number, i) for i in range(self.n_destinations)]}

    def answers(self):
        if self.group.processes[-1].poll() is not None:
            raise Missing(f"nftlb ended with {self.group.processes[-1].returncode}")
        try:
            self.request("GET", "/farms/lb1/backends/b0", timeout=1)
        except (OSError, http.client.HTTPException):
            return False
        except Missing:
            pass
        return True

    def load(self, n_lbs, n_destinations):
        self.n_lbs, self.n_destinations = n_lbs, n_destinations
        with open(self.group.path("config.json"), "w", encoding="ascii") as file:
            json.dump({"farms": [self.farm(i + 1) for i in range(n_lbs)]}, file)
        start = time.monotonic()
        self.group.start("nftlb", "-k", "bench", "-H", "127.0.0.1", "-l", "3", "-L", "2",
                         "-c", self.group.path("config.json"),
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(f"nftlb loads {n_lbs} x {n_destinations}", self.answers, LOAD_LIMIT)
        return Result([(time.monotonic() - start) * 1e6], self.cpu_us(), self.group.peak_kb())

    def remove(self, number):
        self.request("DELETE", f"/farms/lb{number}/backends/b{self.n_destinations - 1}")

    def add(self, number):
        self.request("POST", "/farms", {"farms": [{
            "name": f"lb{number}", "backends": [self.backend(number, self.n_destinations - 1)]}]})


class Ovn(Peer):
    """A whole OVN by hand: two databases, northd, a switch in user space and its controller.

    Everything is in a directory and a namespace of its own, so the machine's own Open vSwitch, if
    it has one, is not touched. A logical switch with a port of this chassis has all LoadBalancers.
    """

    name = "OVN"

    def __init__(self):
        need("ovn-nbctl", "ovn-northd", "ovn-controller", "ovsdb-server", "ovs-vswitchd")
        super().__init__()
        directory = self.group.directory
        self.environment = os.environ | {name: directory for name in (
            "OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR",
            "OVN_RUNDIR", "OVN_LOGDIR", "OVN_DBDIR", "OVN_SYSCONFDIR")}
        self.environment |= {"OVN_NB_DB": self.socket("nb"), "OVN_SB_DB": self.socket("sb")}
        self.tools_us = 0
        try:
            self.start_databases()
            self.start_daemons()
        except Exception:
            self.group.end()
            raise

    def socket(self, name):
        return f"unix:{self.group.path(name)}.sock"

    def tool(self, *command, timeout=LOAD_LIMIT):
        """A command; its processor time is OVN's too."""
        before = os.times()
        output = self.group.run(*command, env=self.environment, timeout=timeout)
        after = os.times()
        self.tools_us += 1e6 * (after.children_user + after.children_system -
                                before.children_user - before.children_system)
        return output

    def daemon(self, *command):
        name = os.path.basename(command[0])
        process = self.group.start(*command, "-vconsole:off", env=self.environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        control = self.group.path(f"{name}.{process.pid}.ctl")
        wait_until(f"{name} starts", lambda: os.path.exists(control))

    def start_databases(self):
        for name, schema in (("nb", "/usr/share/ovn/ovn-nb.ovsschema"),
                             ("sb", "/usr/share/ovn/ovn-sb.ovsschema"),
                             ("ovs", "/usr/share/openvswitch/vswitch.ovsschema")):
            self.tool("ovsdb-tool", "create", self.group.path(f"{name}.db"), schema)
            self.daemon("ovsdb-server", self.group.path(f"{name}.db"),
                        f"--remote=p{self.socket(name)}")

    def start_daemons(self):
        local = self.socket("ovs")
        self.tool("ovs-vsctl", f"--db={local}", "--no-wait", "init", "--",
                  "set", "Open_vSwitch", ".", "external_ids:system-id=bench",
                  f"external_ids:ovn-remote={self.socket('sb')}",
                  "external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=127.0.0.1",
                  "external_ids:ovn-monitor-all=true")
        self.daemon("ovs-vswitchd", local, "--enable-dummy", "--disable-system")
        self.daemon("ovn-northd", f"--ovnnb-db={self.socket('nb')}",
                    f"--ovnsb-db={self.socket('sb')}")
        self.daemon("ovn-controller", local)
        self.tool("ovs-vsctl", f"--db={local}", "--may-exist", "add-br", "br-int", "--",
                  "set", "bridge", "br-int", "datapath_type=dummy", "fail-mode=secure", "--",
                  "add-port", "br-int", "port", "--", "set", "interface", "port", "type=dummy",
                  "external_ids:iface-id=port")
        self.tool("ovn-nbctl", "--wait=hv", "ls-add", "net", "--", "lsp-add", "net", "port", "--",
                  "lsp-set-addresses", "port", "02:00:00:00:00:01 10.255.0.1", "--",
                  "--id=@all", "create", "load_balancer_group", "name=all", "--",
                  "add", "logical_switch", "net", "load_balancer_group", "@all")

    def destinations(self, number, n):
        return ",".join(f"{destination(number, self.n_destinations, i)}:{PORT}"
                        for i in range(n))

    def load(self, n_lbs, n_destinations):
        self.n_lbs, self.n_destinations = n_lbs, n_destinations
        start, cpu = time.monotonic(), self.cpu_us()
        for first in range(1, n_lbs + 1, 200):
            line = []
            for number in range(first, min(first + 200, n_lbs + 1)):
                line += ["--", f"--id=@lb{number}", "create", "load_balancer", f"name=lb{number}",
                         "protocol=tcp",
                         f'vips:"{vip(number)}:{PORT}"="{self.destinations(number, n_destinations)}"',
                         "--", "add", "load_balancer_group", "all", "load_balancer", f"@lb{number}"]
            self.tool("ovn-nbctl", *line[1:], timeout=self.left(start))
        self.tool("ovn-nbctl", "--wait=hv", "sync", timeout=self.left(start))
        return Result([(time.monotonic() - start) * 1e6], self.cpu_us() - cpu,
                      self.group.peak_kb())

    @staticmethod
    def left(start):
        return max(1, LOAD_LIMIT - (time.monotonic() - start))

    def set(self, number, n):
        self.tool("ovn-nbctl", "--wait=hv", "set", "load_balancer", f"lb{number}",
                  f'vips:"{vip(number)}:{PORT}"="{self.destinations(number, n)}"')

    def remove(self, number):
        self.set(number, self.n_destinations - 1)

    def add(self, number):
        self.set(number, self.n_destinations)

    def cpu_us(self):
        return self.group.cpu_us() + self.tools_us


class Haproxy(Peer):
    """TCP mode, one process of one thread. It ends the connections, so it needs no rules."""

    name = "HAProxy"

    def __init__(self):
        need("haproxy")
        super().__init__()

    def section(self, number):
        yield f"listen lb{number}\n bind {vip(number)}:{PORT}\n balance source\n"
        for i in range(self.n_destinations):
            yield f" server s{i} {destination(number, self.n_destinations, i)}:{PORT}\n"

    def load(self, n_lbs, n_destinations):
        self.n_lbs, self.n_destinations = n_lbs, n_destinations
        self.group.run("ip", "route", "add", "local", "10.0.0.0/16", "dev", "lo")
        with open(self.group.path("config"), "w", encoding="ascii") as file:
            file.write(f"global\n nbthread 1\n maxconn 400\n stats socket {self.group.path('stats')}\n"
                       "defaults\n mode tcp\n timeout connect 5s\n timeout client 5s\n"
                       " timeout server 5s\n")
            for number in range(1, n_lbs + 1):
                file.writelines(self.section(number))
        start = time.monotonic()
        self.group.start("haproxy", "-db", "-f",
                         self.group.path("config"), stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        wait_until("HAProxy starts", self.listens, LOAD_LIMIT)
        return Result([(time.monotonic() - start) * 1e6], self.cpu_us(), self.group.peak_kb())

    def listens(self):
        if self.group.processes[-1].poll() is not None:
            raise Missing(f"haproxy ended with {self.group.processes[-1].returncode}")
        return self.group.run("ss", "-Hltn", "sport", f"= :{PORT}").count("\n") >= self.n_lbs
