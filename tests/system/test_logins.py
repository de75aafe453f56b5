# SPDX-License-Identifier: Apache-2.0
"""How programs log in: credentials over TLS with certificates on both sides, and a user with a password, which nobody gets to
see. nkeys: test_permissions.py."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, can_connect, example, free_port, nic_manifest, wait_until  # noqa: E402
from nkeys import Authority, Operator, write_secret  # noqa: E402

SECRET = "correct-horse-battery"


def start_nats(lab, name, text):
    port = free_port()
    path = write_secret(os.path.join(lab.directory, f"{name}.conf"),
                        f"listen: 127.0.0.1:{port}\njetstream {{ store_dir: {lab.directory}/{name} }}\n{text}")
    lab.url = f"nats://127.0.0.1:{port}"
    nats = lab.start(name, ["nats-server", "-c", path])
    wait_until(f"{name} is up", lambda: can_connect(port))
    return nats


def start_all(lab, options):
    """An allocator and an agent. @options: a function of a program's name."""
    node = lab.nodes[0]
    state = os.path.join(node.directory, f"state-{lab.count()}")
    os.mkdir(state)
    return [lab.start(f"allocator-{lab.count()}", [lab.program("ilb-allocator"), *options("allocator")]),
            lab.start(f"agent-{lab.count()}", [lab.program("ilb-agent"), "--node", node.name, "--netns-dir", node.netns_dir,
                                               "--state-dir", state, *options("agent")])]


def ilb(lab, options, *words, text_input=None):
    return subprocess.run([lab.program("ilb"), *words, *options], input=text_input, capture_output=True, text=True, check=False)


def work(lab, node, options):
    """From a manifest to a connection."""
    wait_until("an allocator serves", lambda: ilb(lab, options, "get", "lb").returncode == 0)
    done = ilb(lab, options, "apply", "-f", "-",
               text_input=example("network.yaml") + "---\n" + example("iep-8.yaml") + "---\n" + nic_manifest(node.web))
    assert done.returncode == 0, done.stderr
    done = ilb(lab, options, "wait", "lb/my-loadbalancer", "--for=ready", "--timeout=60s")
    assert done.returncode == 0, done.stderr
    assert node.client.connect("10.0.0.1", 8080)[0] == "web"


def refused(lab, *logins):
    """(options, what is said of them), side by side."""
    def one(login):
        done = ilb(lab, login[0], "get", "lb")
        assert done.returncode == 1 and "cannot reach NATS" in done.stderr and login[1] in done.stderr, done.stderr
    with ThreadPoolExecutor() as pool:
        list(pool.map(one, logins))


def credentials_over_tls(lab, node):
    ours, theirs = Authority(lab.directory), Authority(lab.directory, "stranger")
    operator, other = Operator(lab.directory), Operator(lab.directory)
    certificate, key = ours.issue("server", "IP:127.0.0.1")
    start_nats(lab, "nats-tls", operator.configuration + f"tls {{ cert_file: {certificate}\n key_file: {key}\n"
               f" ca_file: {ours.certificate}\n verify: true }}\n")

    def options(name, operator=operator, issuer=ours, trusted=ours):
        certificate, key = issuer.issue(f"{name}-{lab.count()}", f"DNS:{name}")
        return ["--server", lab.url, "--creds", operator.credentials(f"{name}-{lab.count()}"), "--tlsca", trusted.certificate,
                "--tlscert", certificate, "--tlskey", key]
    processes = start_all(lab, options)
    work(lab, node, options("ilb"))
    logins = [(options("ilb", operator=other), "uthorization"), (options("ilb", issuer=theirs), ""),
              (options("ilb", trusted=theirs), ""), (options("ilb")[:6], ""), (options("ilb")[:4], "")]
    certificate, key = ours.issue("node-7", "DNS:node-7")  # a node that poses as the server
    start_nats(lab, "nats-of-a-node", operator.configuration + f"tls {{ cert_file: {certificate}\n key_file: {key} }}\n")
    refused(lab, *logins, (options("ilb"), "mismatch"))
    for process in processes:
        process.kill()


def command_line_of(process):
    with open(f"/proc/{process.popen.pid}/cmdline", encoding="utf-8") as file:
        return file.read()


def passwords_are_not_shown(lab, node):
    """Not by ps(1), in logs, in what `ilb` says, or in the status of objects and programs."""
    start_nats(lab, "nats-password", f"authorization {{ user: ilb, password: {SECRET} }}\n")
    lab.url = lab.url.replace("nats://", f"nats://ilb:{SECRET}@")
    options = ["--server", lab.url]
    processes = start_all(lab, lambda _: options)
    work(lab, node, options)
    watcher = lab.start("ilb-watch", [lab.program("ilb"), "get", "lb", "-w", "-s", lab.url])
    wait_until("ilb watches", lambda: "my-loadbalancer" in watcher.log())
    for process in (*processes, watcher):
        assert "***@127.0.0.1" in command_line_of(process), command_line_of(process)
        assert SECRET not in command_line_of(process)
    shown = [process.log() for process in (*processes, watcher)]
    for words in (["status"], ["nodes", "-o", "yaml"], ["get", "lb", "-o", "json"], ["describe", "lb/my-loadbalancer"]):
        shown.append(ilb(lab, options, *words).stdout)
    shown.append(ilb(lab, ["--server", lab.url.rpartition(":")[0] + ":1"], "get", "lb").stderr)
    assert "***@127.0.0.1:1" in shown[-1], shown[-1]
    assert not any(SECRET in text for text in shown), [text for text in shown if SECRET in text]
    refused(lab, (["--server", lab.url.replace(SECRET, "wrong")], "uthorization"))


def main():
    with Lab() as lab:
        node = lab.node("node-1")
        node.host("my-network")
        node.web, node.client = node.machine("web").serve(tcp=[8080]), node.machine("client")
        for step in (credentials_over_tls, passwords_are_not_shown):
            step(lab, node)
            print(f"ok {step.__name__}", flush=True)


main()
