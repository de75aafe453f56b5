# SPDX-License-Identifier: Apache-2.0
"""A cloud in network namespaces: nodes, Networks, machines, a real nats-server and our programs.

Everything that a Lab made is gone when its `with` block ends, however it ends. Nothing outside is
touched: namespaces are files below the lab's own directory, servers listen on free ports.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from nats_client import Client

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("ILB_BUILD", os.path.join(ROOT, "build", "dev"))
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SKIP = 77
GATEWAY4, GATEWAY6 = "169.254.1.1", "fe80::1"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIP)


def wait_until(what, condition, timeout=30, step=0.02):
    """Waits for a condition, and says what did not come true."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain: {what}")
        time.sleep(step)


def run(*command, check=True, text_input=None):
    done = subprocess.run(command, input=text_input, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}: "
                             f"{done.stdout}{done.stderr}")
    return done


class Namespace:
    """A network namespace that a file holds, as `ip netns` does, in a directory of our choice."""

    def __init__(self, path):
        self.path = path
        open(path, "x", encoding="ascii").close()
        run("unshare", f"--net={path}", "true")
        self.ip("link set lo up")
        # No router advertisements and no waiting for duplicate addresses: the lab is ours alone.
        with self:
            for name, value in (("ipv6/conf/default/accept_dad", 0),
                                ("ipv6/conf/all/accept_dad", 0),
                                ("ipv6/conf/default/accept_ra", 0)):
                write_sysctl(name, value)

    def remove(self):
        subprocess.run(["umount", self.path], check=False, capture_output=True)
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def command(self, *command):
        return ["nsenter", f"--net={self.path}", *command]

    def run(self, *command, **options):
        return run(*self.command(*command), **options)

    def ip(self, *lines):
        """Lines of `ip`, in one process."""
        self.run("ip", "-force", "-batch", "-", text_input="\n".join(lines) + "\n")

    def nft(self, *words):
        return self.run("nft", *words).stdout

    def forward(self):
        with self:
            for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                write_sysctl(name, 1)

    def settled(self, device):
        """Whether the device has its link-local address, and all its IPv6 addresses can be used.

        On a busy machine that may take seconds, in which neighbours get no answer.
        """
        with self, open("/proc/thread-self/net/if_inet6", encoding="ascii") as file:
            rows = [line.split() for line in file]
        rows = [(address, int(flags, 16)) for address, _, _, _, flags, name in rows
                if name == device]
        tentative = 0x40
        return (any(address.startswith("fe80") for address, _ in rows) and
                not any(flags & tentative for _, flags in rows))

    def __enter__(self):
        """This thread's sockets are made inside, until the block ends."""
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        enter(self.path)
        return self

    def __exit__(self, *_):
        if LIBC.setns(self.outside, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(self.outside)



def enter(path):
    fd = os.open(path, os.O_RDONLY)
    if LIBC.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {path}")
    os.close(fd)


def write_sysctl(name, value):
    with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
        file.write(str(value))


class Machine:
    """A machine of a tenant: a namespace with one interface, routed through its Network's."""

    def __init__(self, lab, name, network, addresses):
        self.name, self.network, self.addresses = name, network, addresses
        self.lab, self.server = lab, None
        self.namespace = lab.namespace(f"machine-{name}-{lab.count()}")
        self.port = port = f"p{lab.count()}"  # the Network's end of its cable
        lab.join(self.namespace, "eth0", network, port)
        lines = []
        for address in addresses:
            lines.append(f"address add {address} dev eth0")
        self.namespace.ip(*lines,
                          f"route add {GATEWAY4} dev eth0",
                          f"route add default via {GATEWAY4} dev eth0 onlink",
                          f"route add default via {GATEWAY6} dev eth0")
        network.ip(f"address add {GATEWAY4}/32 dev {port}",
                   f"address add {GATEWAY6}/64 dev {port} scope link nodad",
                   *[f"route add {address} dev {port}" for address in addresses])
        wait_until(f"{name} has its addresses", lambda: self.namespace.settled("eth0") and
                   network.settled(port))

    def serve(self, tcp=(), udp=(), mode=None):
        """Starts a server that answers with the machine's name and the client's address.
        With a mode ("200 OK", "slow"), it can be changed by behave()."""
        words = []
        if mode:
            self.mode_path = os.path.join(self.lab.directory, f"mode-{self.name}")
            self.behave(mode)
            words = [self.mode_path]
        command = self.namespace.command(
            sys.executable, os.path.join(HERE, "webserver.py"), self.name,
            ",".join(map(str, tcp)), ",".join(map(str, udp)), *words)
        self.server = self.lab.start(f"server-{self.name}", command)
        wait_until(f"{self.name} serves", lambda: "ready" in self.server.log())
        return self

    def behave(self, mode):
        with open(self.mode_path + ".new", "w", encoding="ascii") as file:
            file.write(mode)
        os.rename(self.mode_path + ".new", self.mode_path)

    def stop(self):
        self.server.kill()

    def connect(self, address, port, timeout=5):
        """One TCP exchange: gives (who answered, the client's address as it saw it)."""
        with self.namespace:
            connection = socket.create_connection((address, port), timeout)
        with connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = read_all(connection)
        return parse_answer(answer.partition(b"\r\n\r\n")[2])

    def exchange(self, address, port, timeout=5):
        """One UDP exchange on a socket of its own."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with self.namespace:
            datagram = socket.socket(family, socket.SOCK_DGRAM)
        with datagram:
            datagram.settimeout(timeout)
            datagram.connect((address, port))
            datagram.send(b"who are you?")
            return parse_answer(datagram.recv(1500))

    def ping(self, address):
        return self.namespace.run("ping", "-c1", "-W2", address, check=False).returncode == 0


def read_all(connection):
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data


def parse_answer(data):
    name, client = data.decode().split()
    return name, client


class Process:
    def __init__(self, name, command, log_path, env=None):
        self.name, self.log_path, self.command, self.env = name, log_path, command, env
        with open(log_path, "ab") as log:
            self.popen = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env,
                                          start_new_session=True)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def alive(self):
        return self.popen.poll() is None

    def kill(self, number=signal.SIGKILL, timeout=20):
        """With what it started itself, such as the parts of a shell's pipe."""
        if self.alive():
            os.killpg(self.popen.pid, number)
        return self.popen.wait(timeout)

    def restart(self, env=None):
        """As it was started; the log goes on in the same file."""
        self.kill()
        self.__init__(self.name, self.command, self.log_path, env or self.env)


class Node:
    """A node of the cloud: a directory of namespaces, an agent, and a place on the underlay."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.number, self.agent = lab, name, number, None
        self.directory = os.path.join(lab.directory, name)
        self.netns_dir = os.path.join(self.directory, "netns")
        os.makedirs(self.netns_dir)
        self.networks = {}

    def start_agent(self, *options):
        state = os.path.join(self.directory, "state")
        os.makedirs(state, exist_ok=True)
        self.agent = self.lab.start(f"agent-{self.name}", [
            self.lab.program("ilb-agent"), "--server", self.lab.url, "--node", self.name,
            "--netns-dir", self.netns_dir, "--state-dir", state, *options])
        return self.agent

    def host(self, name, name_space="default", source=True):
        """The namespace of a Network on this node, routed to the other nodes by the underlay. With a
        source it has an address of its own on lo, where checks come from."""
        token = f"{name_space}_{name}".replace(".", "_")
        network = self.lab.namespace(token, directory=self.netns_dir)
        network.forward()
        key = self.lab.network_key(name, name_space)
        self.networks[key] = network
        addresses = self.lab.address_index(key)
        self.lab.uplink(network, f"10.{addresses}.{self.number}.0/24",
                        f"fd00:{addresses}:{self.number}::/64", self.lab.network_index(key))
        if source:
            network.ip(f"address add 10.{addresses}.{self.number}.1/32 dev lo",
                       f"address add fd00:{addresses}:{self.number}::1/128 dev lo")
        return network

    def machine(self, name, network="my-network", host=None):
        """A machine of a Network (its key) on this node, with an IPv4 and an IPv6 address."""
        host = host or 10 + sum(1 for m in self.lab.machines if m.network is self.networks[network])
        index = self.lab.address_index(network)
        machine = Machine(self.lab, name, self.networks[network],
                          [f"10.{index}.{self.number}.{host}",
                           f"fd00:{index}:{self.number}::{host:x}"])
        machine.node = self
        self.lab.machines.append(machine)
        return machine


class Lab:
    def __init__(self, keep=False):
        self.stack = contextlib.ExitStack()
        self.counter = 0
        self.machines, self.nodes, self.network_names, self.processes = [], [], [], []
        self.underlays, self.same_addresses = {}, {}
        self.url, self.nats, self.allocators = None, None, []
        self.keep = keep

    def __enter__(self):
        if os.geteuid() != 0:
            skip("network namespaces need root")
        self.directory = tempfile.mkdtemp(prefix="ilb-lab.")
        self.stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(1))
        return self

    def __exit__(self, kind, value, trace):
        if kind and not issubclass(kind, SystemExit):
            self.show_logs()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the clean-up is not interrupted
        for process in reversed(self.processes):
            process.popen.send_signal(signal.SIGCONT)
            process.kill()
        self.stack.close()

    def show_logs(self):
        for process in self.processes:
            if process.log():
                print(f"--- log of {process.name}\n{process.log()[-4000:]}", file=sys.stderr)

    def count(self):
        self.counter += 1
        return self.counter

    def program(self, name):
        """Ours, or the one that ILB_PROGRAM_<name> names: ./check compat mixes versions."""
        other = os.environ.get(f"ILB_PROGRAM_{name}".replace("-", "_"))
        if other:
            return other
        for path in (os.path.join(BUILD, "root", "usr", "sbin", name),
                     os.path.join(BUILD, "root", "usr", "bin", name),
                     os.path.join(BUILD, "allocator", name), os.path.join(BUILD, "agent", name),
                     os.path.join(BUILD, "cli", name)):
            if os.access(path, os.X_OK):
                return path
        raise AssertionError(f"{name} is not built below {BUILD}")

    # Processes

    def start(self, name, command, env=None):
        log_path = os.path.join(self.directory, f"{name}.log")
        process = Process(name, command, log_path, env)
        self.processes.append(process)
        return process

    def start_nats(self):
        """A nats-server with JetStream on a port that is free, and stays its own over restarts."""
        store = os.path.join(self.directory, "jetstream")
        port = free_port()
        self.nats = self.start("nats-server", ["nats-server", "-a", "127.0.0.1", "-p", str(port),
                                               "-js", "-sd", store])
        self.url = f"nats://127.0.0.1:{port}"
        wait_until("nats-server is up", lambda: can_connect(port))
        return self.nats

    def try_client(self):
        """A client of the first server that answers, None when none does."""
        for url in self.url.split(","):
            with contextlib.suppress(OSError, ValueError):
                return Client(url, timeout=1)
        return None

    def start_allocator(self, *options):
        name = f"allocator-{len(self.allocators)}"
        process = self.start(name, [self.program("ilb-allocator"), "--server", self.url, *options])
        self.allocators.append(process)
        return process

    def ilb(self, *words, check=True, text_input=None):
        """Our own command line, as a user types it."""
        env = dict(os.environ, NATS_URL=self.url)
        done = subprocess.run([self.program("ilb"), *words], input=text_input, env=env,
                              capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"ilb {' '.join(words)}: exit {done.returncode}: "
                                 f"{done.stdout}{done.stderr}")
        return done

    def apply(self, manifest, name_space="default"):
        return self.ilb("apply", "-n", name_space, "-f", "-", text_input=manifest).stdout

    def get(self, reference, name_space="default"):
        """An object as JSON, None when there is none."""
        done = self.ilb("get", reference, "-n", name_space, "-o", "json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_serving(self):
        wait_until("an allocator serves",
                   lambda: self.ilb("get", "networks", check=False).returncode == 0)

    def wait_ready(self, name, name_space="default", timeout="30s"):
        return self.ilb("wait", f"loadbalancer/{name}", "-n", name_space, "--for=ready",
                        "--timeout", timeout)

    # Topology

    def namespace(self, name, directory=None):
        namespace = Namespace(os.path.join(directory or self.directory, name))
        self.stack.callback(namespace.remove)
        return namespace

    def join(self, a, port_a, b, port_b):
        """A cable between two namespaces."""
        run("ip", "link", "add", port_a, "netns", a.path, "type", "veth", "peer", "name", port_b,
            "netns", b.path)
        a.ip(f"link set {port_a} up")
        b.ip(f"link set {port_b} up")

    def node(self, name):
        node = Node(self, name, len(self.nodes) + 1)
        self.nodes.append(node)
        return node

    @staticmethod
    def network_key(name, name_space):
        return name if name_space == "default" else f"{name_space}/{name}"

    def address_index(self, key):
        """Networks have addresses of their own, unless `same_addresses` says whose they share."""
        return self.network_index(self.same_addresses.get(key, key))

    def network_index(self, name):
        if name not in self.network_names:
            self.network_names.append(name)
        return self.network_names.index(name) + 1

    def uplink(self, network, prefix4, prefix6, index):
        """Joins a Network's namespace to the router that stands for the overlay of that Network."""
        if index not in self.underlays:
            self.underlays[index] = self.namespace(f"underlay-{index}")
            self.underlays[index].forward()
        router, port = self.underlays[index], f"n{self.count()}"
        self.join(network, "uplink", router, port)
        network.ip("address add 169.254.0.2/30 dev uplink",
                   "address add fe80::2/64 dev uplink nodad",
                   "route add default via 169.254.0.1 dev uplink",
                   "route add default via fe80::1 dev uplink")
        router.ip(f"address add 169.254.0.1/30 dev {port}",
                  f"address add fe80::1/64 dev {port} nodad",
                  f"route add {prefix4} via 169.254.0.2 dev {port}",
                  f"route add {prefix6} via fe80::2 dev {port}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def can_connect(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as s:
        return s.recv(5) == b"INFO "
    return False


def example(name):
    """A manifest of examples/."""
    with open(os.path.join(ROOT, "examples", name), encoding="utf-8") as file:
        return file.read()


def nic_manifest(machine, labels="app: web", network="my-network"):
    """The NetworkInterface of a machine."""
    ips = "\n".join(f"  - ip: {address}" for address in machine.addresses)
    return f"""apiVersion: networking.ironcore.dev/v1alpha1
kind: NetworkInterface
metadata:
  name: {machine.name}
  labels: {{{labels}}}
spec:
  networkRef:
    name: {network}
  nodeRef:
    name: {machine.node.name}
  ips:
{ips}
---
"""
