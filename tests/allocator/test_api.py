# SPDX-License-Identifier: Apache-2.0
"""What people ask of one allocator, and what they are answered."""

import base64
import json
import queue
import signal
import time

from control_plane import (ControlPlane, address_of, call, done, get, lb, main, network, prefix,
                           wait_until)
from lab import example


def iep8_gets_its_addresses():
    with ControlPlane() as cloud:
        client = cloud.serve()
        answer = client.request("ilb.v1.apply.default",
                                example("iep-8.yaml") + "\n---\n" + example("network.yaml"))
        assert answer.text.startswith("ok 4 objects: 4 created\n"), answer.text
        item = get(client, "loadbalancer/my-loadbalancer")
        assert address_of(item, 0) == "10.0.0.1", item
        assert address_of(item, 1) == "2607:f0d0:1002:51::4", item
        again = client.request("ilb.v1.apply.default", example("iep-8.yaml"))
        assert again.text.startswith("ok 1 object: 1 unchanged\n"), again.text


def first_line(client, subject, body):
    message = client.request(subject, body)
    line = message.text.split("\n")[0]
    if line.startswith("error: "):
        assert line.split()[1] == message.headers["Nats-Service-Error-Code"], (line, message.headers)
        assert message.headers["Nats-Service-Error"] in line, (line, message.headers)
    else:
        assert "Nats-Service-Error-Code" not in message.headers, message.headers
    return line


def bad_requests_get_a_sentence_and_change_nothing():
    with ControlPlane() as cloud:
        client = cloud.serve()
        done(client, "apply", network("net") + lb("a", "10.0.0.1"))
        before = client.request("ilb.v1.list.default", "loadbalancers").data
        rows = [
            ("apply.default", "", "error: 400", "--force-stdin"),
            ("apply.default", "!nil!", "error: 400", "--force-stdin"),
            ("apply.default", "{", "error: 400", ""),
            ("apply.default", "kind: Gateway", "error: 422", ""),
            ("apply.default", network("x") + lb("b", "10.0.0.300"), "error: 422",
             "spec.ips[0].ip: Invalid value"),
            ("apply.default", network("x") + lb("b", "10.0.0.1"), "error: 422",
             "LoadBalancer default/a"),
            ("apply.default", lb("a", "10.0.0.1", net="other"), "error: 422", "networkRef"),
            ("apply.default", lb("a", "10.0.0.2", version=1), "error: 409", "resourceVersion"),
            ("apply.team", network("x").replace("name: x", "name: x\n  namespace: other"),
             "error: 422", "namespace"),
            ("get.default", "lb/none", "error: 404", "lb/none".replace("lb", "loadbalancer")),
            ("get.default", "a", "error: 400", "KIND/NAME"),
            ("delete.default", "lb/none", "error: 404", ""),
            ("delete.default", "network/net", "error: 409", "LoadBalancer default/a"),
            ("list.default", "things", "error: 400", "no such kind"),
            ("list.default", "lb selector=((", "error: 400", "selector"),
            ("aply.default", "x", "error: 400", "apply, delete, get, list, dryrun"),
            ("apply", "x", "error: 400", "ilb.v1.VERB.NAMESPACE"),
        ]
        for subject, body, line, more in rows:
            first = first_line(client, f"ilb.v1.{subject}", body)
            text = client.request(f"ilb.v1.{subject}", body).text
            assert first.startswith(line) and more in text, (subject, body, text)
        assert client.request("ilb.v1.list.default", "loadbalancers").data == before
        assert get(client, "network/x") is None


def kill_and_restart_keeps_everything():
    with ControlPlane() as cloud:
        client = cloud.serve()
        manifest = network("net") + prefix("pool", "10.0.0.0/24")
        done(client, "apply", manifest + "".join(lb(f"l{i}", pool="pool") for i in range(20)))

        def stored():
            return [(i["metadata"], i["spec"], address_of(i))
                    for i in call(client, "list", "loadbalancers")["items"]]

        before = stored()
        assert len({address for _, _, address in before}) == 20, before
        cloud.allocators[0].restart()
        wait_until("it serves again", lambda: cloud.allocators[0].log().count("store=ready") == 2)
        assert stored() == before
        item = done(client, "apply", lb("more", pool="pool"))["items"][0]
        assert address_of(item) not in {address for _, _, address in before}, item


def an_answer_outlives_the_server():
    """nats-server is killed and comes back: the allocator goes on by itself."""
    with ControlPlane() as cloud:
        client = cloud.serve()
        done(client, "apply", network("net"))
        cloud.nats.restart()
        wait_until("it is connected again", lambda: cloud.allocators[0].log().count("nats=connected") == 2)
        client = cloud.client()
        wait_until("changes are taken", lambda: call(client, "apply", network("two"))["ok"])
        assert get(client, "network/net") and get(client, "network/two")


def dry_run_shows_and_keeps_nothing():
    with ControlPlane() as cloud:
        client = cloud.serve()
        done(client, "apply", network("net") + prefix("pool", "10.0.0.0/30"))
        sequence = sequence_of(client)
        states = client.subscribe("ilb.v1.state.*")
        answer = done(client, "dryrun", lb("a", pool="pool") + lb("b", pool="pool"))
        assert [address_of(i) for i in answer["items"]] == ["10.0.0.0", "10.0.0.1"], answer
        assert [r["outcome"] for r in answer["results"]] == ["created", "created"], answer
        assert "dry run" in client.request("ilb.v1.dryrun.default", lb("a", pool="pool")).text
        assert get(client, "lb/a") is None
        assert sequence_of(client) == sequence
        done(client, "apply", lb("c", pool="pool"))
        delta = states.get(timeout=5)
        assert delta.headers["Ilb-Changed"] == "default/c", delta.headers
        assert address_of(get(client, "lb/c")) == "10.0.0.0"


def sequence_of(client):
    return client.request("$SRV.STATS.ilb-allocator").json["data"]["sequence"]


def lists_have_pages_and_selectors():
    with ControlPlane() as cloud:
        client = cloud.serve()
        for start in range(0, 3000, 500):
            done(client, "apply", "".join(network(f"n{i:04}") for i in range(start, start + 500)))
        for body, headers in (("networks limit=700", {}), ("networks", {"Ilb-Limit": "700"}),
                              ("networks", {})):
            names, pages, after = [], 0, {}
            while True:
                message = client.request("ilb.v1.list.default", body,
                                         {**headers, **after, "Accept": "application/json"})
                assert len(message.data) < 600 << 10, len(message.data)
                answer = message.json
                names += [i["metadata"]["name"] for i in answer["items"]]
                pages += 1
                if "continue" not in answer:
                    break
                assert message.headers["Ilb-Continue"] == answer["continue"]
                after = {"Ilb-Continue": answer["continue"]}
            assert names == [f"n{i:04}" for i in range(3000)], (len(names), pages)
            assert pages > 1
        text = client.request("ilb.v1.list.default", "networks limit=2").text
        assert text.startswith("ok 2 networks, more with continue=n0001\n"), text[:80]
        done(client, "apply", network("net") + lb("a", "10.0.0.1", labels="{tier: one}")
             + lb("b", "10.0.0.2", labels="{tier: two}"))
        chosen = done(client, "list", "lb selector=tier!=one")["items"]
        assert [i["metadata"]["name"] for i in chosen] == ["b"], chosen


def every_change_is_an_event():
    with ControlPlane() as cloud:
        client = cloud.serve()
        events = client.subscribe("ilb.v1.event.default.loadbalancer.>")
        done(client, "apply", network("net") + lb("a.b", "10.0.0.1").replace("a.b", "a"))
        first = events.get(timeout=5)
        assert first.subject == "ilb.v1.event.default.loadbalancer.a", first.subject
        assert first.json["type"] == "ADDED" and address_of(first.json["object"]) == "10.0.0.1"
        done(client, "apply", lb("a", "10.0.0.2"))
        wait_for_event(events, lambda e: e["type"] == "MODIFIED"
                       and e["object"]["metadata"]["generation"] == 2)
        done(client, "delete", "lb/a")
        gone = wait_for_event(events, lambda e: e["type"] == "DELETED")
        assert gone["object"]["metadata"]["name"] == "a"
        try:
            raise AssertionError(events.get(timeout=0.5).text)
        except queue.Empty:
            pass


def wait_for_event(events, condition):
    while True:
        event = events.get(timeout=15).json
        if condition(event):
            return event


def status_is_mirrored_to_its_bucket():
    with ControlPlane() as cloud:
        client = cloud.serve()
        done(client, "apply", network("net") + lb("a", "10.0.0.1"))

        def mirrored():
            answer = client.request("$JS.API.STREAM.MSG.GET.KV_ilb-status", json.dumps(
                {"last_by_subj": "$KV.ilb-status.loadbalancer.default.a"})).json
            return "message" in answer and json.loads(base64.b64decode(answer["message"]["data"]))

        def headers():
            answer = client.request("$JS.API.STREAM.MSG.GET.KV_ilb-status", json.dumps(
                {"last_by_subj": "$KV.ilb-status.loadbalancer.default.a"})).json
            return base64.b64decode(answer["message"].get("hdrs", "")).decode()

        def limit(size):
            config = client.request("$JS.API.STREAM.INFO.KV_ilb-status").json["config"]
            config["max_msg_size"] = size
            answer = client.request("$JS.API.STREAM.UPDATE.KV_ilb-status", json.dumps(config)).json
            assert "error" not in answer, answer

        wait_until("the status is in the bucket", mirrored)
        # Later the allocator is sure of the nodes, which changes the status by itself.
        wait_until("it is sure", lambda: time.monotonic() - cloud.nats_started > 6)
        limit(10)  # the server refuses what is put
        watched = client.subscribe("$KV.ilb-status.loadbalancer.default.a")
        done(client, "apply", lb("a", "10.0.0.1", port=81))
        while json.loads(watched.get(timeout=5).data)["observedGeneration"] != 2:
            pass
        assert mirrored()["observedGeneration"] == 1
        limit(-1)
        wait_until("what was refused is put again", lambda: mirrored()["observedGeneration"] == 2)
        limit(10)
        done(client, "delete", "loadbalancer/a")
        while watched.get(timeout=5).data:
            pass
        assert mirrored(), "the server refused the removal"
        limit(-1)
        wait_until("it is removed again", lambda: "DEL" in headers())


def it_waits_for_jetstream():
    with ControlPlane() as cloud:
        cloud.start_nats()
        cloud.nats.kill()
        bare = [w for w in cloud.nats.command if w != "-js"]
        cloud.nats.__init__("nats-server", bare, cloud.nats.log_path)
        allocator = cloud.start_allocator()
        wait_until("it says what is missing", lambda: "JetStream" in allocator.log())
        assert allocator.log().count("store=waiting") == 1, allocator.log()
        cloud.nats.kill()
        cloud.nats.__init__("nats-server", bare + ["-js"], cloud.nats.log_path)
        wait_until("it serves", lambda: "store=ready" in allocator.log())


def terminates_cleanly():
    with ControlPlane() as cloud:
        client = cloud.serve()
        done(client, "apply", network("net"))
        asked = [client.ask("ilb.v1.apply.default", network(f"n{i}")) for i in range(200)]
        assert cloud.allocators[0].kill(signal.SIGTERM) == 0, cloud.allocators[0].log()
        assert len(asked) == 200


def any_client_finds_the_service():
    with ControlPlane() as cloud:
        client = cloud.serve()
        done(client, "apply", network("net"))
        ping = client.request("$SRV.PING").json
        info = client.request(f"$SRV.INFO.ilb-allocator.{ping['id']}").json
        stats = client.request("$SRV.STATS.ilb-allocator").json
        assert ping["name"] == info["name"] == stats["name"] == "ilb-allocator"
        assert info["endpoints"][0]["subject"] == "ilb.v1.apply.*" and info["description"]
        assert stats["endpoints"][0]["num_requests"] == 1, stats
        assert stats["data"]["state"] == "Ready", stats


if __name__ == "__main__":
    main(iep8_gets_its_addresses, bad_requests_get_a_sentence_and_change_nothing,
         kill_and_restart_keeps_everything, an_answer_outlives_the_server,
         dry_run_shows_and_keeps_nothing, lists_have_pages_and_selectors, every_change_is_an_event,
         status_is_mirrored_to_its_bucket, it_waits_for_jetstream, terminates_cleanly,
         any_client_finds_the_service)
