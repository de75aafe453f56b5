# SPDX-License-Identifier: Apache-2.0
"""systemd/nats-server.conf with a real nats-server: our programs work with the rights it gives them, each with an nkey
of its own, and everything else is refused to each identity."""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import ROOT, Lab, can_connect, example, nic_manifest, wait_until  # noqa: E402
from nats_client import Client  # noqa: E402
from nkeys import make_nkey  # noqa: E402

NET, OTHER = "default_my-network", "default_other-network"
INBOX = {"ALLOCATOR": "_INBOX", "NODE_1": "_INBOX_agent.node-1", "TENANT": "_INBOX_tenant.default"}

# identity: what it may publish and subscribe to, and what it may not
NODE_1 = {
    "publish": ["ilb.v1.alive.node-1", "ilb.v1.sync.node-1", f"ilb.v1.status.node-1.{NET}",
                f"ilb.v1.snap.node-1.{NET}", f"ilb.v1.health.{NET}.node-1",
                f"ilb.v1.note.node-1.{NET}"],
    "subscribe": [f"ilb.v1.state.{NET}", "ilb.v1.roll", "ilb.v1.traffic.default", "$SRV.STATS.ilb-agent.node-1", f"ilb.v1.health.{NET}.*", "ilb.v1.probe.node-1"],
    "no publish": [f"ilb.v1.health.{NET}.node-2", f"ilb.v1.health.{OTHER}.node-1", "ilb.v1.probe.node-2",
                   "ilb.v1.alive.node-2", "ilb.v1.sync.node-2", f"ilb.v1.status.node-2.{NET}",
                   f"ilb.v1.status.node-1.{OTHER}", f"ilb.v1.snap.node-1.{OTHER}", f"ilb.v1.state.{NET}",
                   "ilb.v1.roll", "ilb.v1.nodes", "ilb.v1.apply.default", "ilb.v1.get.default", "$KV.ilb.x",
                   "$JS.API.STREAM.INFO.KV_ilb", "$JS.API.STREAM.DELETE.KV_ilb", "_INBOX.x",
                   "_INBOX_agent.node-2.x", "$SRV.PING", f"ilb.v1.note.node-2.{NET}",
                   f"ilb.v1.note.node-1.{OTHER}", "ilb.v1.log.default.loadbalancer.x", "ilb.v1.traffic.default"],
    "no subscribe": [f"ilb.v1.health.{OTHER}.*", "ilb.v1.probe.*", f"ilb.v1.state.{OTHER}", "ilb.v1.state.*", "ilb.v1.>", ">", "ilb.v1.apply.default",
                     "ilb.v1.event.>", "_INBOX.>", "_INBOX_agent.>", "_INBOX_agent.node-2.>",
                     f"ilb.v1.snap.*.{NET}", "$KV.>", "$SRV.>", "$SRV.*", "$SRV.STATS.ilb-allocator",
                     "ilb.v1.traffic.other", "ilb.v1.log.>", f"ilb.v1.note.*.{NET}"],
}
TENANT = {
    "publish": [f"ilb.v1.{verb}.default" for verb in ("apply", "delete", "get", "list", "dryrun", "traffic")],
    "subscribe": ["ilb.v1.event.default.>", "ilb.v1.event.default.loadbalancer.x", "ilb.v1.log.default.>"],
    "no publish": ["ilb.v1.apply.other", "ilb.v1.traffic.other", "ilb.v1.log.default.loadbalancer.x", "ilb.v1.get.other", f"ilb.v1.state.{NET}", "ilb.v1.state.default",
                   "ilb.v1.sync.default", "ilb.v1.alive.default", f"ilb.v1.snap.node-1.{NET}",
                   f"ilb.v1.status.node-1.{NET}", "ilb.v1.roll", "ilb.v1.nodes", "ilb.v1.event.default.loadbalancer.x",
                   "$KV.ilb.x", "$JS.API.INFO", "_INBOX.x"],
    "no subscribe": ["ilb.v1.event.other.>", "ilb.v1.log.other.>", "ilb.v1.traffic.default", "ilb.v1.event.>", "ilb.v1.>", f"ilb.v1.state.{NET}",
                     "ilb.v1.apply.default", "_INBOX.>", "_INBOX_tenant.>", "_INBOX_tenant.other.>",
                     "_INBOX_agent.>", "$KV.>"],
}
ALLOCATOR = {
    "publish": [f"ilb.v1.state.{NET}", "ilb.v1.roll", f"ilb.v1.health.{NET}.node-1", "ilb.v1.probe.node-1",
                "_INBOX_agent.node-1.x", "_INBOX_tenant.default.x"],
    "subscribe": ["ilb.v1.apply.*", "ilb.v1.status.*.*"],
    "no publish": ["ilb.v1.apply.default", f"ilb.v1.status.node-1.{NET}", "$SYS.REQ.SERVER.PING", "else"],
    "no subscribe": [">", "_INBOX_agent.>", "_INBOX_tenant.>", "$SYS.>"],
}


def configure(lab, port):
    """The shipped file with keys of ours, another port and store; beside each nkey a password for the clients below."""
    with open(os.path.join(ROOT, "systemd", "nats-server.conf"), encoding="utf-8") as file:
        text = file.read()
    text = text.replace("0.0.0.0:4222", f"127.0.0.1:{port}").replace("/var/lib/nats", lab.directory + "/jetstream")
    for name in re.findall(r"^KEY_(\w+):", text, re.MULTILINE):
        public = make_nkey(os.path.join(lab.directory, f"{name}.nk"))
        text = re.sub(rf"^KEY_{name}: \w+$", f"KEY_{name}: {public}", text, flags=re.MULTILINE)
    text = re.sub(r"\{ nkey: \$KEY_(\w+)(.*)\}", r"\g<0>\n      { user: \1, password: secret\2}", text)
    path = os.path.join(lab.directory, "nats-server.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def start_nats(lab):
    lab.start_nats()  # for its port
    lab.nats.kill()
    port = int(lab.url.rsplit(":", 1)[1])
    lab.nats = lab.start("nats-server-with-accounts", ["nats-server", "-c", configure(lab, port)])
    wait_until("nats-server is up", lambda: can_connect(port))


def as_user(lab, name):
    """Environment of a program that logs in with the nkey of an identity."""
    return dict(os.environ, NATS_URL=lab.url, NATS_NKEY=os.path.join(lab.directory, f"{name}.nk"))


def ilb(lab, name, *words, text_input=None, check=True):
    env = dict(as_user(lab, name), NATS_INBOX_PREFIX=INBOX.get(name, "_INBOX"))
    done = subprocess.run([lab.program("ilb"), *words], input=text_input, env=env, capture_output=True,
                          text=True, check=False)
    assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done


def programs_work(lab):
    node = lab.node("node-1")
    node.host("my-network")
    web, client = node.machine("web").serve(tcp=[8080]), node.machine("client")
    lab.start("allocator", [lab.program("ilb-allocator")], as_user(lab, "ALLOCATOR"))
    os.mkdir(os.path.join(node.directory, "state"))
    lab.start("agent", [lab.program("ilb-agent"), "--node", "node-1", "--netns-dir", node.netns_dir,
                        "--state-dir", os.path.join(node.directory, "state")], as_user(lab, "NODE_1"))
    wait_until("an allocator serves", lambda: ilb(lab, "TENANT", "get", "lb", check=False).returncode == 0)
    ilb(lab, "TENANT", "apply", "-f", "-",
        text_input=example("network.yaml") + "---\n" + example("iep-8.yaml") + "---\n" + nic_manifest(web))
    ilb(lab, "TENANT", "wait", "lb/my-loadbalancer", "--for=ready", "--timeout=60s")
    assert client.connect("10.0.0.1", 8080)[0] == "web"
    assert "my-loadbalancer" in ilb(lab, "TENANT", "top", "--once", "--interval", "100ms").stdout
    for process in lab.processes:
        if process.name in ("allocator", "agent"):
            assert "ermissions" not in process.log(), f"{process.name}: {process.log()}"
    assert "Permissions Violation" not in lab.nats.log(), lab.nats.log()


def check_one(lab, name, rights):
    """Each single publish and subscription, by what the server says to it."""
    inbox = INBOX[name]
    url = lab.url.replace("nats://", f"nats://{name}:secret@")
    with Client(url, inbox=inbox) as client:
        for verb in ("publish", "subscribe"):
            for subject in rights[verb]:
                getattr(client, verb)(subject)
            client.flush()
            assert not client.errors, f"{name} may {verb}: {client.errors}"
        for verb in ("publish", "subscribe"):
            for subject in rights[f"no {verb}"]:
                client.errors.clear()
                getattr(client, verb)(subject)
                client.flush()
                assert any("Permissions Violation" in error for error in client.errors), \
                    f"{name} may {verb} {subject}: {client.errors}"


def nothing_else(lab):
    for name, rights in (("ALLOCATOR", ALLOCATOR), ("NODE_1", NODE_1), ("TENANT", TENANT)):
        check_one(lab, name, rights)


def strangers_are_not_let_in(lab):
    for url in (lab.url, lab.url.replace("nats://", "nats://NODE_1:wrong@")):
        try:
            Client(url).close()
            raise AssertionError(f"{url} was let in")
        except Exception as error:  # the server closes the connection, at one moment or another
            assert not isinstance(error, AssertionError), error
    done = subprocess.run([lab.program("ilb"), "get", "lb"], env=dict(os.environ, NATS_URL=lab.url),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "uthorization" in done.stderr, done.stderr


def another_namespace_is_refused_with_a_sentence(lab):
    done = ilb(lab, "TENANT", "get", "lb", "-n", "other", check=False)
    assert done.returncode == 1 and "ermissions" in done.stderr, done.stderr


def answers_hold_one_namespace(lab):
    """Whatever a tenant asks for, nothing of another namespace is in the answer; an operator sees all."""
    others = "\n---\n".join(example(name).replace("my-network", "secret").replace("my-loadbalancer", "secret-lb")
                            for name in ("network.yaml", "iep-8.yaml"))
    ilb(lab, "ADMIN", "apply", "-n", "team", "-f", "-", text_input=others)
    lab.nodes[0].host("secret", "team")
    wait_until("the operator sees both", lambda: {NET, "team_secret"} == {
        network["name"] for item in json.loads(ilb(lab, "ADMIN", "nodes", "-o", "json").stdout)
        for network in item["networks"]})
    with Client(lab.url.replace("nats://", "nats://TENANT:secret@"), inbox=INBOX["TENANT"]) as client:
        nodes = client.request("ilb.v1.list.default", b"nodes", {"Accept": "application/json"}).json["items"]
        assert [(item["name"], [network["name"] for network in item["networks"]]) for item in nodes] == \
            [("node-1", [NET])], nodes
        for body in ("nodes", "events", "events for=lb/secret-lb", "networks", "lb", "prefixes"):
            text = client.request("ilb.v1.list.default", body.encode()).text
            assert text.startswith("ok ") and "secret" not in text and "team" not in text, (body, text)
        for subject, body in (("list", "destinations loadbalancer=secret-lb"), ("get", "lb/secret-lb"),
                              ("get", "network/secret")):
            text = client.request(f"ilb.v1.{subject}.default", body.encode()).text
            assert text.startswith("error: 404"), (body, text)
        carried = client.request("ilb.v1.traffic.default", b"").json
        assert carried["net"] == NET, carried
    with Client(lab.url.replace("nats://", "nats://ADMIN:secret@")) as client:
        text = client.request("ilb.v1.list.nobody", b"nodes").text
        assert text.startswith("ok 0 nodes"), text
    done = ilb(lab, "TENANT", "nodes", check=False)
    assert done.returncode == 1 and "ermissions" in done.stderr, (done.stdout, done.stderr)


def answers_go_to_inboxes_alone(lab):
    """Allocators may write to the store, and agents answer wherever they are asked to: nobody borrows these rights by
    the subject that an answer is to be sent to. A purge is what a PURGE does with any JSON."""
    targets = ("$KV.ilb.x", "$KV.ilb-status.x", "$JS.API.STREAM.PURGE.KV_ilb", f"ilb.v1.state.{NET}", "ilb.v1.log.team.network.secret")
    with Client(lab.url.replace("nats://", "nats://ADMIN:secret@")) as admin, \
            Client(lab.url.replace("nats://", "nats://TENANT:secret@"), inbox=INBOX["TENANT"]) as tenant:
        heard = [admin.subscribe(target) for target in targets]
        before = admin.request("$JS.API.STREAM.INFO.KV_ilb").json["state"]
        for target in targets:
            for subject, body in (("list", b"networks"), ("get", b""), ("traffic", b"")):
                tenant.publish(f"ilb.v1.{subject}.default", body, {"Accept": "application/json"}, reply=target)
        tenant.request("ilb.v1.list.default", b"networks")  # requests are answered in their order
        tenant.request("ilb.v1.traffic.default")
        admin.flush()
        assert all(queue.empty() for queue in heard), [queue.get().subject for queue in heard if not queue.empty()]
        after = admin.request("$JS.API.STREAM.INFO.KV_ilb").json["state"]
        assert (before["messages"], before["last_seq"]) == (after["messages"], after["last_seq"]), (before, after)


def main():
    with Lab() as lab:
        start_nats(lab)
        for step in (programs_work, nothing_else, strangers_are_not_let_in,
                     another_namespace_is_refused_with_a_sentence, answers_hold_one_namespace,
                     answers_go_to_inboxes_alone):
            step(lab)
            print(f"ok {step.__name__}", flush=True)


main()
