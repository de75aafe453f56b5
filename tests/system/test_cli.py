# SPDX-License-Identifier: Apache-2.0
"""The command line with a real allocator: describe, diff, get -w, trace, wait, decode, completion. No root, no nodes."""

import json
import os
import pty
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("support", "allocator"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
from control_plane import ControlPlane, FakeNode, lb, main, network  # noqa: E402
from lab import ROOT, wait_until  # noqa: E402

NIC = """apiVersion: networking.ironcore.dev/v1alpha1
kind: NetworkInterface
metadata:
  name: web-1
  labels: {app: web}
spec:
  networkRef: {name: net}
  nodeRef: {name: node-1}
  ips: [{ip: 10.1.0.10}]
---
"""


def serve(lab):
    client = lab.serve()
    lab.apply(network("net") + NIC + lb("web", ip="10.0.0.1"))
    return client


def describe():
    with ControlPlane() as lab:
        serve(lab)
        shown = lab.ilb("describe", "lb/web").stdout
        for words in ("Name:         web", "Kind:         LoadBalancer", "networkRef:", "10.0.0.1",
                      "10.1.0.10", "node-1", "Ready", "Programmed", "conditions:"):
            assert words in shown, f"no '{words}' in:\n{shown}"
        shown = lab.ilb("describe", "network/net", "nic/web-1").stdout
        assert "Kind:         Network\n" in shown and "Kind:         NetworkInterface" in shown, shown
        done = lab.ilb("describe", "lb/nonsense", check=False)
        assert done.returncode == 1 and "nonsense" in done.stderr, done.stderr
        assert lab.ilb("describe", "lb", check=False).returncode == 2
        contexts(lab)


def contexts(lab):
    """Neither options nor the environment say where NATS is."""
    home = os.path.join(lab.directory, "home")
    env = {"XDG_CONFIG_HOME": home, "PATH": os.environ["PATH"]}

    def ilb(*words, **more):
        return subprocess.run([lab.program("ilb"), *words], env=dict(env, **more), capture_output=True,
                              text=True, check=False)
    assert ilb("context", "ls").stdout == ""
    assert ilb("context", "add", "lab", "-s", lab.url.replace("//", "//me:secret@")).returncode == 0
    assert ilb("context", "add", "nowhere", "-s", "nats://127.0.0.1:1").returncode == 0
    assert ilb("get", "lb", "--context", "lab").returncode == 0
    assert ilb("get", "lb", "--context", "lab", NATS_URL="nats://127.0.0.1:1").returncode == 0
    assert ilb("context", "select", "nowhere").returncode == 0
    assert "127.0.0.1:1" in ilb("get", "lb").stderr
    assert ilb("get", "lb", NATS_URL=lab.url).returncode == 0
    assert ilb("get", "lb", "-s", lab.url).returncode == 0
    assert "no context 'other'" in ilb("get", "lb", "--context", "other").stderr
    shown = ilb("context", "ls").stdout + ilb("context", "show", "lab").stdout
    assert "* nowhere" in shown and "***@" in shown and "secret" not in shown, shown
    assert ilb("context", "rm", "nowhere").returncode == 0
    assert "*" not in ilb("context", "ls").stdout.replace("***", "")
    assert ilb("context", "frobnicate").returncode == 2


def diff():
    with ControlPlane() as lab:
        serve(lab)
        stored = network("net") + NIC + lb("web", ip="10.0.0.1")
        same = lab.ilb("diff", "-f", "-", text_input=stored)
        assert same.stdout == "", same.stdout
        version = lab.get("lb/web")["metadata"]["resourceVersion"]
        done = lab.ilb("diff", "-f", "-", check=False,
                       text_input=stored.replace("port: 80", "port: 8080") + lb("new", ip="10.0.0.2"))
        assert done.returncode == 5, done
        for words in ("--- stored/loadbalancer/web", "+++ wanted/loadbalancer/web", "-    port: 80\n",
                      "+    port: 8080\n", "--- stored/loadbalancer/new", "+  name: new\n"):
            assert words in done.stdout, f"no '{words}' in:\n{done.stdout}"
        shown = lab.ilb("apply", "--dry-run", "-f", os.path.join(ROOT, "examples")).stdout
        assert "network/my-network created" in shown and "loadbalancer/my-loadbalancer created" in shown, shown
        assert "network/net" not in done.stdout and "uid" not in done.stdout, done.stdout
        assert lab.get("lb/web")["metadata"]["resourceVersion"] == version, "diff changed something"
        assert lab.get("lb/new") is None
        done = lab.ilb("diff", "-f", "-", check=False, text_input=lb("bad", ip="127.0.0.1"))
        assert done.returncode == 3 and "spec.ips[0].ip" in done.stderr, done


def get_watch():
    with ControlPlane() as lab:
        serve(lab)
        watch = lab.start("watch", [lab.program("ilb"), "get", "lb", "-w", "-o", "name"],
                          env=dict(os.environ, NATS_URL=lab.url))
        other = lab.start("watch-one", [lab.program("ilb"), "get", "lb/web", "-w"],
                          env=dict(os.environ, NATS_URL=lab.url))
        for process in (watch, other):
            wait_until(f"{process.name} shows what is there", lambda p=process: "web" in p.log())
        lab.apply(lb("later", ip="10.0.0.3"))
        wait_until("what is created is shown", lambda: "loadbalancer/later" in watch.log())
        lab.ilb("delete", "lb", "web")
        wait_until("what is deleted is shown", lambda: "(deleted)   web" in other.log())
        assert "later" not in other.log(), other.log()
        assert watch.alive() and other.alive()


def trace():
    with ControlPlane() as lab:
        serve(lab)
        shown = lab.ilb("trace", "--network", "net", "--from", "10.1.0.99:1234", "--to",
                        "10.0.0.1:80").stdout
        assert "10.1.0.10" in shown, shown


def wait():
    """Whoever looks at a terminal is told what is waited for, and only they."""
    with ControlPlane() as lab:
        lab.serve()
        lab.apply(network("net"))
        ours, theirs = pty.openpty()
        env = dict(os.environ, NATS_URL=lab.url)
        command = [lab.program("ilb"), "wait", "network/net", "--for=deleted"]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=theirs) as seen, \
                subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as unseen:
            assert os.read(ours, 200) == b"waiting for network/net: it still exists ...\r\n"
            lab.ilb("delete", "network", "net")
            assert seen.communicate(timeout=30) == (b"network/net deleted\n", None)
            assert unseen.communicate(timeout=30) == (b"network/net deleted\n", b"")
        os.close(ours)
        os.close(theirs)


def decode():
    with ControlPlane() as lab:
        client = serve(lab)
        message = client.request("ilb.v1.snap.node-1.default_net")
        shown = decoded(lab, message.data, "-o", "json")
        assert '"name": "default/web"' in shown and '"10.1.0.10"' in shown, shown
        node = FakeNode(client, "node-1", ["default_net"])
        heard = []
        client.subscribe("ilb.v1.alive.*", heard.append)
        wait_until("it is alive", lambda: heard)
        node.die()
        shown = decoded(lab, heard[0].data, heard[0].subject)
        assert "node: node-1\n" in shown and "- default_net\n" in shown, shown
        assert decoded(lab, heard[0].data + b"\n", "alive") == shown, "natscli's newline"
        bad = subprocess.run([lab.program("ilb"), "decode", "status"], input=b"\xff", check=False,
                             capture_output=True)
        assert bad.returncode == 1 and bad.stderr, bad


def decoded(lab, data, *words):
    return subprocess.run([lab.program("ilb"), "decode", *words], input=data, check=True,
                          capture_output=True).stdout.decode()


def status():
    """Every replica with its version and how far behind the log it is: also one of another version, that lags."""
    with ControlPlane() as lab:
        client = serve(lab)
        stats = client.request("$SRV.STATS.ilb-allocator").json
        slow = dict(stats, id="slow", version="0.0.9", data=dict(stats["data"], sequence=stats["data"]["sequence"] - 2))
        other = lab.client()
        other.subscribe("$SRV.STATS.ilb-allocator", lambda m: other.publish(m.reply, json.dumps(slow)))
        other.flush()
        shown = json.loads(lab.ilb("status", "-o", "json").stdout)["replicas"]
        assert sorted((r["version"], r["state"], r["behind"]) for r in shown) == [
            ("0.0.9", "Ready", 2), (stats["version"], "Ready", 0)], shown
        table = lab.ilb("status").stdout
        assert "0.0.9" in table and "BEHIND" in table.upper(), table


def completion():
    """What bash offers behind a few beginnings."""
    with ControlPlane() as lab:
        ilb = lab.program("ilb")
        env = {"XDG_CONFIG_HOME": lab.directory, "PATH": f"{os.path.dirname(ilb)}:{os.environ['PATH']}"}
        for name in ("prod", "prod-2", "test", "$(exit)"):
            subprocess.run([ilb, "context", "add", name, "-s", "nats://127.0.0.1:1"], env=env, check=True)
        offers(ilb, env)


def offers(ilb, env):
    for words, index, wanted in (
            (["ilb", "de"], 1, {"delete", "describe", "decode"}),
            (["ilb", "describe", "loadb"], 2, {"loadbalancer", "loadbalancerrouting"}),
            (["ilb", "get", "-o", "j"], 3, {"json"}),
            (["ilb", "apply", "--dr"], 2, {"--dry-run"}),
            (["ilb", "context", "s"], 2, {"select", "show"}),
            (["ilb", "context", "rm", "pro"], 3, {"prod", "prod-2"}),
            (["ilb", "get", "--context", ""], 3, {"prod", "prod-2", "test"}),
            (["ilb", "wait", "--for", ""], 3, {"ready", "deleted"}),
            (["ilb", "events", "--for", "netw"], 3, {"network", "networkinterface"}),
            (["ilb", "decode", "T"], 2, set()),
            (["ilb", "delete", "--dr"], 2, set()),
            (["ilb", "apply", "-f", "/etc/host"], 3, {"/etc/hosts", "/etc/hostname"})):
        line = " ".join(words)
        script = (f"source <({ilb} completion bash); COMP_WORDS=({line}); COMP_CWORD={index}; _ilb; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        offered = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True, env=env)
        assert wanted <= set(offered.stdout.split()), f"{line}: {offered.stdout}"
        assert wanted or not offered.stdout.split(), f"{line}: {offered.stdout}"
    assert subprocess.run([ilb, "completion", "fish"], check=False,
                          capture_output=True).returncode == 2


main(describe, diff, get_watch, trace, wait, decode, status, completion)
