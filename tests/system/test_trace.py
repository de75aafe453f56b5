# SPDX-License-Identifier: Apache-2.0
"""P11: what `ilb trace` says of 1000 random flows is what their packets do. ILB_SEED repeats a run."""

import concurrent.futures
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, nic_manifest, wait_until  # noqa: E402
from traffic import Server, ask_tcp, ask_udp  # noqa: E402

N_FLOWS = int(os.environ.get("ILB_FLOWS", "1000"))
NETWORK = """apiVersion: networking.ironcore.dev/v1alpha1
kind: Network
metadata: {name: my-network}
---
"""
# name: (ports, more of the spec)
LBS = {
    "plain": (["TCP 80", "UDP 53"], ""),
    "pinned": (["TCP 80", "UDP 80"], "  sessionAffinity: ClientIP\n"),
    "ranges": (["TCP 9000-9030", "UDP 9000-9100"], ""),
}


def port_lines(ports):
    lines = []
    for port in ports:
        protocol, numbers = port.split()
        first, _, last = numbers.partition("-")
        lines.append(f"  - protocol: {protocol}\n    port: {first}\n" +
                     (f"    endPort: {last}\n" if last else ""))
    return "".join(lines)


def vips_of(number):
    return f"10.200.0.{number}", f"fd00:200::{number}"


def manifest(number, name, ports, more):
    v4, v6 = vips_of(number)
    return f"""apiVersion: networking.ironcore.dev/v1alpha1
kind: LoadBalancer
metadata: {{name: {name}}}
spec:
  type: Internal
  ipFamilies: [IPv4, IPv6]
  ips: [{{ip: {v4}}}, {{ip: "{v6}"}}]
  networkRef: {{name: my-network}}
  networkInterfaceSelector: {{matchLabels: {{app: web}}}}
  ports:
{port_lines(ports)}{more}---
"""


def numbers(ports, protocol):
    for port in ports:
        kind, span = port.split()
        first, _, last = span.partition("-")
        if kind == protocol:
            yield from range(int(first), int(last or first) + 1)


def set_up(lab):
    lab.start_nats()
    lab.start_allocator()
    node = lab.node("node-1")
    node.host("my-network")
    machines = [node.machine(f"b{i}") for i in range(3)]
    client = node.machine("client")
    tcp = sorted({n for ports, _ in LBS.values() for n in numbers(ports, "TCP")})
    udp = sorted({n for ports, _ in LBS.values() for n in numbers(ports, "UDP")})
    for machine in machines:
        lab.stack.callback(Server(machine, tcp=tcp, udp=udp).close)
    node.start_agent()
    lab.wait_serving()
    lab.apply(NETWORK + "".join(nic_manifest(machine) for machine in machines) +
              "".join(manifest(i, name, *LBS[name]) for i, name in enumerate(LBS, 1)))
    for name in LBS:
        lab.wait_ready(name)
    return client, machines


def random_flow(rng, client, used):
    number = rng.randrange(len(LBS)) + 1
    ports, _ = list(LBS.values())[number - 1]
    protocol, family = rng.choice(["TCP", "UDP"]), rng.randrange(2)
    port = rng.choice(list(numbers(ports, protocol))) if rng.randrange(10) else 7
    source_port = rng.choice([n for n in range(20000, 30000) if n not in used])
    used.add(source_port)
    return protocol, client.addresses[family], source_port, vips_of(number)[family], port


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def trace(lab, flow):
    protocol, source, source_port, vip, port = flow
    return lab.ilb("trace", "--network", "my-network", "--protocol", protocol.lower(),
                   "--from", endpoint(source, source_port), "--to", endpoint(vip, port)).stdout


def send(client, flow):
    """The name of who answered, None: refused."""
    protocol, _, source_port, vip, port = flow
    try:
        if protocol == "TCP":
            return ask_tcp(client, vip, port, source_port=source_port)[0]
        return ask_udp(client, vip, port, source_port=source_port)[0]
    except ConnectionRefusedError:
        return None


def main():
    seed = int(os.environ.get("ILB_SEED", time.time_ns() % 1000000))
    rng, used = random.Random(seed), set()
    print(f"ILB_SEED={seed}")
    with Lab() as lab:
        client, machines = set_up(lab)
        for name in ("ipv4.icmp_ratelimit", "ipv6.icmp.ratelimit"):  # refusals in a row
            client.network.run("sysctl", "-qw", f"net.{name}=0")
        flows = [random_flow(rng, client, used) for _ in range(N_FLOWS)]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            traces = list(pool.map(lambda flow: trace(lab, flow), flows))
        answers = {}
        for flow, said in zip(flows, traces):
            name = send(client, flow)
            answers[name] = answers.get(name, 0) + 1
            homes = [machine.name for machine in machines
                     if any(word.strip("[].,:()") == address or word.startswith((
                         f"{address}:", f"[{address}]"))
                         for word in said.split() for address in machine.addresses)]
            assert homes == ([name] if name else []), f"{flow}: {name} answered, but:\n{said}"
        assert set(answers) == {None, *(machine.name for machine in machines)}, answers
        wait_until("programs still run", lambda: all(p.alive() for p in lab.processes))
    print(f"ok P11 {N_FLOWS} flows: {answers}")


main()
