# SPDX-License-Identifier: Apache-2.0
"""C1 to C11: servers that are killed, stopped, slow, that answer 503 or vanish behind a packet filter;
agents and NATS that die. Everything is seen from clients on three nodes. P11: `ilb trace` knows of health."""

import contextlib
import json
import os
import re
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, nic_manifest, wait_until  # noqa: E402

VIP = "10.0.0.1"
INTERVAL, TIMEOUT, FALL = 2, 1, 2
DETECTED = INTERVAL * FALL + TIMEOUT + 2  # and 2 s for a machine under load
ALL = {"web-1", "web-2", "web-3"}


def manifest(extra=""):
    return f"""apiVersion: networking.ironcore.dev/v1alpha1
kind: Network
metadata:
  name: my-network
---
apiVersion: networking.ironcore.dev/v1alpha1
kind: LoadBalancer
metadata:
  name: my-loadbalancer
spec:
  type: Internal
  networkRef:
    name: my-network
  ipFamilies: [IPv4]
  ips:
  - ip: {VIP}
  networkInterfaceSelector:
    matchLabels:
      app: web
  ports:
  - protocol: TCP
    port: 8080
  - protocol: TCP
    port: 9090
  healthCheck:
    protocol: HTTP
    port: 8080
    path: /healthy
    intervalSeconds: {INTERVAL}
    timeoutSeconds: {TIMEOUT}
    healthyThreshold: 1
    unhealthyThreshold: {FALL}
{extra}"""


def answering(node, n=24, timeout=1):
    """Who answers new connections of this node's client; "refused" and other errors are answers, too."""
    seen = set()
    for _ in range(n):
        try:
            seen.add(node.client.connect(VIP, 8080, timeout=timeout)[0])
        except ConnectionRefusedError:
            seen.add("refused")
        except OSError as error:
            seen.add(f"{type(error).__name__} {error}")
    return seen


def expect(lab, who, timeout=DETECTED):
    """All nodes send to these and no others, soon. Gives the seconds that took."""
    begin = time.monotonic()
    for node in lab.nodes:
        last = []

        def arrived(node=node, last=last):
            last[:] = [answering(node)]
            return last[0] == who
        try:
            wait_until(f"{node.name} sends to {who}", arrived, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}: it sends to {last}") from None
    return time.monotonic() - begin


def everybody_is_served(lab):
    """No connection fails, at this moment. Machines under load are slow: that is no failure."""
    for node in lab.nodes:
        seen = answering(node, 8, timeout=5)
        assert seen <= ALL, f"{node.name}: {seen}"


def hold_connections(machine):
    """Port 9090 takes connections, and says nothing on them."""
    holder = ("import socket, signal; s = socket.create_server(('', 9090), backlog=512); "
              "print('ready', flush=True); signal.pause()")
    process = machine.lab.start(f"holder-{machine.name}",
                                machine.namespace.command(sys.executable, "-c", holder))
    wait_until(f"{machine.name} holds connections", lambda: "ready" in process.log())


def serve(machine):
    machine.serve(tcp=[8080], mode="200 OK")


def reason(node, machine):
    """The last that the agent said of it."""
    lines = re.findall(rf"destination={re.escape(machine.addresses[0])} port=8080: (.*)",
                       node.agent.log())
    return lines[-1] if lines else None


def becomes(node, text):
    wait_until(f"{node.web.name} is '{text}'", lambda: reason(node, node.web) == text, DETECTED)


def said(lab, status, reason, **counts):
    """What the allocators say of it, soon: the condition, and how many are how."""
    def arrived():
        status_now = lab.get("loadbalancer/my-loadbalancer")["status"]
        condition = [c for c in status_now["conditions"] if c["type"] == "DestinationsAvailable"][0]
        return ((condition["status"], condition["reason"]) == (status, reason) and
                {name: status_now["destinations"][name] for name in counts} == counts)
    wait_until(f"status says {status} {reason} {counts}", arrived, DETECTED)


def described(lab, machine):
    """The line of `ilb describe` about it."""
    shown = lab.ilb("describe", "loadbalancer/my-loadbalancer").stdout
    return [line for line in shown.splitlines() if line.split()[:1] == machine.addresses[:1]][0]


def p11_trace(lab, node, stages, n=6):
    """`ilb trace` has these words among its stages, and says who answers new connections."""
    client = node.client

    def say(port):
        return lab.ilb("trace", "--network", "my-network", "--to", f"{VIP}:8080",
                       "--from", f"{client.addresses[0]}:{port}").stdout
    wait_until(f"trace says {stages}", lambda: all(stage in say(1) for stage in stages), DETECTED)
    for _ in range(n):
        with client.namespace:
            sock = socket.socket()
        with sock:
            sock.settimeout(5)
            sock.bind((client.addresses[0], 0))
            port = sock.getsockname()[1]
            outcome = say(port).splitlines()[-1]
            try:
                sock.connect((VIP, 8080))
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = sock.makefile().read().partition("\n\n")[2].split()[0]
                home = [other.web for other in lab.nodes if other.web.name == answer][0].addresses[0]
                assert outcome == f"forwarded: to {home} port 8080", f"{answer}: {outcome}"
            except ConnectionRefusedError:
                assert outcome.endswith("refused with a TCP reset"), outcome


def c1_nobody_listens_yet(lab):
    expect(lab, {"refused"})
    said(lab, "False", "AllUnhealthy", total=3, ready=0, unhealthy=3)
    for node in lab.nodes:
        becomes(node, "unhealthy: ConnectionRefused")
        serve(node.web)
    expect(lab, ALL)


def c9_checks_come_from_the_address_on_lo(lab):
    for node in lab.nodes:
        # The last has no address of its own: the port's, never the VIP, which is on lo, too.
        source = "asked by 169.254.1.1" if node is lab.nodes[-1] else f"asked by 10.1.{node.number}.1"
        wait_until("checks come from the namespace's own address",
                   lambda node=node, source=source: source in node.web.server.log())
    for row in json.loads(lab.ilb("nodes", "-o", "json").stdout):
        reasons = {condition["reason"] for condition in row["networks"][0]["conditions"]}
        assert ("NoSourceAddress" in reasons) == (row["name"] == "node-3"), (row["name"], reasons)


def c2_a_server_is_killed(lab):
    web = lab.nodes[0].web
    web.stop()
    took = expect(lab, {"web-2", "web-3"})
    print(f"   out everywhere after {took:.2f} s", flush=True)
    serve(web)
    expect(lab, ALL)


def c2_a_server_is_stopped_and_its_connections_are_cut(lab):
    """Established connections end when the destination is found dead, so that clients notice."""
    web = lab.nodes[1].web
    with lab.nodes[0].client.namespace:
        kept = []
        for _ in range(24):
            kept.append(socket.create_connection((VIP, 9090), 5))
    web.server.popen.send_signal(signal.SIGSTOP)
    expect(lab, {"web-1", "web-3"})
    becomes(lab.nodes[1], "unhealthy: Timeout")
    cut = 0
    for connection in kept:
        with connection, contextlib.suppress(TimeoutError):
            connection.settimeout(0.5)
            try:
                connection.sendall(b"are you there?")
                connection.recv(100)
            except (ConnectionResetError, BrokenPipeError):
                cut += 1
    assert 0 < cut < len(kept), f"{cut} of {len(kept)} connections were cut"
    web.server.popen.send_signal(signal.SIGCONT)
    expect(lab, ALL)


def c7_reasons(lab):
    """One refuses, one says nothing, and one is not there: each has its reason."""
    refuses, slow, hole = lab.nodes
    refuses.web.behave("503 Service Unavailable")
    slow.web.behave("slow")
    hole.web.namespace.nft("add table inet hole; add chain inet hole in { type filter hook input "
                           "priority 0; policy drop; }")
    becomes(refuses, "unhealthy: HTTPStatus 503")
    becomes(slow, "unhealthy: Timeout")
    becomes(hole, "unhealthy: Timeout")
    expect(lab, {"refused"})
    refuses.web.behave("302 Found")
    slow.web.behave("200 OK")
    hole.web.namespace.nft("delete table inet hole")
    becomes(refuses, "healthy: HTTPStatus 302")
    expect(lab, ALL)
    refuses.web.behave("200 OK")


def c11_agents_and_nats_die(lab):
    """What was known goes on to count, and everything is back when they are."""
    for process in (lab.nodes[0].agent, lab.nats):
        process.kill()
        end = time.monotonic() + 6  # a silent node is asked about within 4.4 s
        while time.monotonic() < end:
            everybody_is_served(lab)
        process.restart()
        everybody_is_served(lab)
        expect(lab, ALL)


def c11_the_agent_that_comes_back_takes_nothing_out(lab):
    lab.nodes[0].agent.restart()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        everybody_is_served(lab)


def agents_that_start_are_told_what_is_known(lab):
    """Who checks web-3 is dead, and nobody but the allocator remembers what it said. Nor does a node
    forget what it found out itself before it was restarted."""
    lab.nodes[2].web.behave("503 Service Unavailable")
    lab.nodes[0].web.behave("503 Service Unavailable")
    expect(lab, {"web-2"})
    lab.nodes[2].agent.kill()
    lab.nodes[0].agent.restart()
    wait_until("it serves", lambda: "served from now on" in lab.nodes[0].agent.log().rpartition(
        "its namespace has appeared")[2])
    end = time.monotonic() + 3
    while time.monotonic() < end:
        seen = answering(lab.nodes[0], 8, timeout=5)
        assert seen == {"web-2"}, seen
    lab.nodes[2].agent.restart()
    for node in lab.nodes:
        node.web.behave("200 OK")
    expect(lab, ALL)


def c3_c5_all_down_and_back(lab):
    """They still answer, so that nothing but their health can be the reason for a refusal."""
    for node in lab.nodes:
        node.web.behave("503 Service Unavailable")
    expect(lab, {"refused"})
    begin = time.monotonic()
    assert answering(lab.nodes[0], 10) == {"refused"}
    assert time.monotonic() - begin < 1, "refusals are not at once"
    p11_trace(lab, lab.nodes[0], ["no healthy IPv4 destination: refused"], n=1)
    said(lab, "False", "AllUnhealthy", ready=0, unhealthy=3)
    for node in lab.nodes:
        node.web.behave("200 OK")
    expect(lab, ALL)


def c4_fail_open(lab):
    lab.apply(manifest("  whenAllUnhealthy: FailOpen\n"))
    for node in lab.nodes:
        node.web.behave("503 Service Unavailable")
    for node in lab.nodes:
        becomes(node, "unhealthy: HTTPStatus 503")
    wait_until("it is said", lambda: "no healthy destination" in lab.nodes[0].agent.log())
    said(lab, "True", "FailOpen", ready=0, unhealthy=3)
    expect(lab, ALL)
    p11_trace(lab, lab.nodes[0], ["503, kept: none is healthy", "forwarded: to "])
    lab.nodes[1].web.behave("200 OK")
    expect(lab, {"web-2"})
    p11_trace(lab, lab.nodes[2], [f"health: {lab.nodes[node].web.addresses[0]} unhealthy: HTTPStatus "
                                  "503, left out" for node in (0, 2)])
    for node in lab.nodes:
        node.web.behave("200 OK")
    expect(lab, ALL)


def checked(node):
    """How often the agent has asked the server of its node."""
    source = "169.254.1.1" if node.name == "node-3" else f"10.1.{node.number}.1"
    return node.web.server.log().splitlines().count(f"asked by {source}")


def another_check_takes_nothing_out(lab):
    """Nor do its first failures: it is believed after as many as any other."""
    before = {node: checked(node) for node in lab.nodes}
    for node in lab.nodes:
        node.web.behave("503 Service Unavailable")
    lab.apply(manifest().replace("path: /healthy", "path: /other").replace(
        f"unhealthyThreshold: {FALL}", "unhealthyThreshold: 6"))
    wait_until("the new check has failed", lambda: all(
        checked(node) >= before[node] + 2 for node in lab.nodes))
    everybody_is_served(lab)
    for node in lab.nodes:
        node.web.behave("200 OK")
    end = time.monotonic() + 4
    while time.monotonic() < end:
        everybody_is_served(lab)


def main():
    with Lab() as lab:
        for name in ("node-1", "node-2", "node-3"):
            lab.node(name).host("my-network", source=name != "node-3")
        for node in lab.nodes:
            node.web = node.machine(f"web-{node.number}")
            node.client = node.machine(f"client-{node.number}")
            hold_connections(node.web)
        lab.start_nats()
        for node in lab.nodes:
            node.start_agent()
        lab.start_allocator()
        lab.wait_serving()
        lab.apply(manifest())
        for node in lab.nodes:
            lab.apply(nic_manifest(node.web).replace("\n".join(
                f"  - ip: {address}" for address in node.web.addresses),
                f"  - ip: {node.web.addresses[0]}"))
        wait_until("all nodes serve it", lambda: lab.get("loadbalancer/my-loadbalancer")["status"].get(
            "nodes") == {"total": 3, "programmed": 3})
        for step in (c1_nobody_listens_yet, c9_checks_come_from_the_address_on_lo,
                     c2_a_server_is_killed, c2_a_server_is_stopped_and_its_connections_are_cut,
                     c7_reasons, agents_that_start_are_told_what_is_known, c3_c5_all_down_and_back, c4_fail_open,
                     another_check_takes_nothing_out, c11_agents_and_nats_die,
                     c11_the_agent_that_comes_back_takes_nothing_out):
            begin = time.monotonic()
            step(lab)
            print(f"ok {step.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)


main()
