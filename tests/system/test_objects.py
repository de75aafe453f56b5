# SPDX-License-Identifier: Apache-2.0
"""Objects as a user sees them with `ilb`: usage of prefixes, selectors, pages, conflicts, deletion, dry run, watch,
explain. Cases D15 to D18 and D35 of the reference, as they translate. No root; a node is a page of Python.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("support", "allocator"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
from control_plane import ControlPlane, FakeNode, address_of, lb, main, network, prefix  # noqa: E402
from lab import wait_until  # noqa: E402


def refused(lab, manifest, *words):
    """The manifest is refused with these words, exit status 3."""
    done = lab.ilb("apply", "-f", "-", text_input=manifest, check=False)
    assert done.returncode == 3, done
    for word in words:
        assert word in done.stderr, f"no '{word}' in: {done.stderr}"


def names(lab, *words):
    return lab.ilb("get", *words, "-o", "name").stdout.split()


def table(lab, *words):
    """The rows of a table, each a dictionary."""
    lines = [re.split(r"\s{2,}", line) for line in lab.ilb("get", *words).stdout.splitlines()]
    return [dict(zip(lines[0], row)) for row in lines[1:]]


def prefixes_show_size_used_free_largest_and_waiters():
    with ControlPlane() as lab:
        lab.serve()
        lab.apply(network("net") + prefix("pool", "10.0.0.0/29") + prefix("none", "10.1.0.0/24"))
        lab.apply("".join(lb(f"l{i}", pool="pool") for i in range(3)))
        pool, = (row for row in table(lab, "prefixes") if row["NAME"] == "pool")
        wanted = {"PREFIX": "10.0.0.0/29", "PHASE": "Allocated", "SIZE": "8", "USED": "3", "FREE": "5",
                  "LARGEST-FREE": "/30", "WAITERS": "0"}
        assert {k: pool[k] for k in wanted} == wanted, pool
        lab.apply("".join(lb(f"l{i}", pool="pool") for i in range(3, 10)))
        pool, = (row for row in table(lab, "prefixes") if row["NAME"] == "pool")
        assert (pool["USED"], pool["FREE"], pool["LARGEST-FREE"], pool["WAITERS"]) == ("8", "0", "-", "2")
        assert [r["READY"] for r in table(lab, "lb") if r["NAME"] == "l9"] == ["PrefixExhausted"]


def selectors_choose():
    with ControlPlane() as lab:
        lab.serve()
        lab.apply(network("net") + "".join(
            lb(f"l{i}", f"10.0.0.{i + 1}", labels=f"{{app: {'web' if i < 2 else 'db'}, rank: n{i}}}")
            for i in range(4)))
        assert names(lab, "lb", "-l", "app=web") == ["loadbalancer/l0", "loadbalancer/l1"]
        assert names(lab, "lb", "-l", "app=db,rank!=n2") == ["loadbalancer/l3"]
        assert names(lab, "lb", "-l", "rank in (n0,n3)") == ["loadbalancer/l0", "loadbalancer/l3"]
        done = lab.ilb("get", "lb", "-l", "a=b=c", check=False)
        assert done.returncode == 2 and done.stderr, done


def large_lists_are_whole():
    with ControlPlane() as lab:
        lab.serve()
        wanted = [f"network/n{i:04}" for i in range(6000)]
        for start in range(0, 6000, 2000):
            lab.apply("".join(network(name.split("/")[1]) for name in wanted[start:start + 2000]))
        assert names(lab, "networks") == wanted


def versions_that_do_not_match_conflict():
    with ControlPlane() as lab:
        lab.serve()
        lab.apply(network("net") + lb("a", "10.0.0.1"))
        version = int(lab.get("lb/a")["metadata"]["resourceVersion"])
        refused(lab, lb("a", "10.0.0.1", port=81, version=version - 1), "has been modified",
                f"is {version}, not {version - 1}", "get it again")
        assert lab.get("lb/a")["spec"]["ports"][0]["port"] == 80
        lab.apply(lb("a", "10.0.0.1", port=81, version=version))
        refused(lab, lb("a", "10.0.0.1", port=82, version=version), "has been modified")
        # What get shows can be applied again.
        shown = lab.ilb("get", "lb/a", "-o", "yaml").stdout
        assert lab.apply(shown) == "loadbalancer/a unchanged\n"
        assert lab.get("lb/a")["spec"]["ports"][0]["port"] == 81


def what_is_being_deleted_says_so():
    with ControlPlane() as lab:
        client = lab.serve()
        node = FakeNode(client, "node-1", ["default_net"])
        deltas = client.subscribe("ilb.v1.state.default_net")
        client.flush()
        lab.apply(network("net") + lb("a", "10.0.0.1"))
        node.apply(deltas.get(timeout=5), ["10.0.0.1"])
        wait_until("the node serves it", lambda: lab.get("lb/a")["status"]["nodes"]["programmed"] == 1)
        assert lab.ilb("delete", "lb/a").stdout == "loadbalancer/a deleting\n"
        refused(lab, lb("a", "10.0.0.1"), "is being deleted", "apply it again when it is gone")
        refused(lab, lb("b", "10.0.0.1"), "default/a")
        assert table(lab, "lb/a")[0]["READY"] == "Deleting"
        done = lab.ilb("delete", "network/net", check=False)
        assert done.returncode == 3 and "in use by LoadBalancer default/a" in done.stderr, done
        node.apply(deltas.get(timeout=5))
        wait_until("it is gone", lambda: lab.get("lb/a") is None)
        lab.apply(lb("b", "10.0.0.1"))
        node.die()


def p9_dry_run_shows_what_would_be_and_changes_nothing():
    with ControlPlane() as lab:
        client = lab.serve()
        state = client.subscribe("ilb.v1.state.>")
        client.flush()
        lab.apply(network("net") + prefix("pool", "10.0.0.0/29") + lb("a", pool="pool"))
        state.get(timeout=5)  # may come after the answer
        bus = [state, client.subscribe("$KV.ilb.>")]
        client.flush()
        before = lab.ilb("get", "lb", "-o", "json").stdout
        manifest = lb("a", pool="pool", port=81) + lb("b", pool="pool") + network("net")
        shown = lab.ilb("apply", "--dry-run", "-f", "-", text_input=manifest).stdout
        assert shown == ("loadbalancer/a configured (dry run) 10.0.0.0\n"
                         "loadbalancer/b created (dry run) 10.0.0.1\n"
                         "network/net unchanged (dry run)\n"), shown
        done = lab.ilb("apply", "--dry-run", "-f", "-", check=False,
                       text_input=lb("c", "10.0.0.0") + lb("d", pool="pool", port=0))
        assert done.returncode == 3 and "must be between 1 and 65535" in done.stderr, done
        done = lab.ilb("apply", "--dry-run", "-f", "-", check=False, text_input=lb("c", "10.0.0.0"))
        assert done.returncode == 3 and "default/a" in done.stderr, done
        assert lab.ilb("get", "lb", "-o", "json").stdout == before
        client.flush()
        assert all(waiting.empty() for waiting in bus)
        lab.apply(lb("c", pool="pool"))  # and the address was not taken
        assert address_of(lab.get("lb/c")) == "10.0.0.1"


def watch_shows_what_is_selected():
    with ControlPlane() as lab:
        lab.serve()
        lab.apply(network("net") + lb("a", "10.0.0.1", labels="{app: web}"))
        watch = lab.start("watch", [lab.program("ilb"), "get", "lb", "-w", "-l", "app=web", "-o", "name"],
                          env=dict(os.environ, NATS_URL=lab.url))
        wait_until("what is there is shown", lambda: "loadbalancer/a" in watch.log())
        lab.apply(lb("b", "10.0.0.2", labels="{app: db}"))
        lab.apply(lb("c", "10.0.0.3", labels="{app: web}"))
        wait_until("what is created is shown", lambda: "loadbalancer/c" in watch.log())
        assert "loadbalancer/b" not in watch.log(), watch.log()


def every_field_is_explained():
    with ControlPlane() as lab:
        lab.url = "nats://127.0.0.1:1"  # nobody is asked
        shown = lab.ilb("explain", "loadbalancer.spec.ips").stdout
        for words in ("KIND:     LoadBalancer", "FIELD:    ips <[]Object>", "ephemeral\t<Object>"):
            assert words in shown, shown
        for kind in ("network", "networkinterface", "lb", "loadbalancerrouting", "prefix"):
            assert "FIELDS:" in lab.ilb("explain", kind).stdout
        done = lab.ilb("explain", "lb.spec.nonsense", check=False)
        assert done.returncode == 1 and "networkInterfaceSelector" in done.stderr, done


def d15_created_again_deleted_and_missing():
    """Reads back as it was; again is unchanged; missing says so; the name can be used anew."""
    with ControlPlane() as lab:
        lab.serve()
        lab.apply(network("net"))
        assert lab.apply(lb("a", "10.0.0.1")) == "loadbalancer/a created\n"
        first = lab.get("lb/a")
        assert address_of(first) == "10.0.0.1"
        assert first["spec"]["ports"] == [{"protocol": "TCP", "port": 80}], first["spec"]["ports"]
        assert lab.apply(lb("a", "10.0.0.1")) == "loadbalancer/a unchanged\n"
        assert lab.get("lb/a")["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        lab.ilb("delete", "lb/a")
        wait_until("it is gone", lambda: lab.get("lb/a") is None)
        for verb in ("get", "delete"):
            done = lab.ilb(verb, "lb/a", check=False)
            assert done.returncode == 1 and "not found" in done.stderr, done
        assert lab.apply(lb("a", "10.0.0.1")) == "loadbalancer/a created\n"
        assert lab.get("lb/a")["metadata"]["uid"] != first["metadata"]["uid"]


def d16_lists_follow():
    """TCP and UDP of one port, IPv4 and IPv6, side by side; a list grows, shrinks, and may be empty."""
    with ControlPlane() as lab:
        lab.serve()
        assert names(lab, "lb") == []
        six = lb("c", "fd00::1").replace("IPv4", "IPv6")
        both = lb("a", "10.0.0.1").replace("[{port: 80}]", "[{port: 80}, {protocol: UDP, port: 80}]")
        lab.apply(network("net") + both + lb("b", "10.0.0.2") + six)
        assert names(lab, "lb") == ["loadbalancer/a", "loadbalancer/b", "loadbalancer/c"]
        assert [address_of(lab.get(f"lb/{name}")) for name in "abc"] == ["10.0.0.1", "10.0.0.2", "fd00::1"]
        for name in "abc":
            lab.ilb("delete", f"lb/{name}")
        wait_until("the list is empty", lambda: names(lab, "lb") == [])


def d17_ports_that_are_none_are_refused():
    with ControlPlane() as lab:
        lab.serve()
        lab.apply(network("net"))
        good = lb("a", "10.0.0.1")
        for ports, words in (("[{port: invalid}]", "spec.ports[0].port"),
                             ("[{protocol: ICMP, port: 80}]", "spec.ports[0].protocol: Unsupported value"),
                             ("[{protocol: UDP, port: 65536}]", "must be between 1 and 65535"),
                             ("[{port: 80}, {protocol: TCP, port: 80}]", "spec.ports[1]")):
            refused(lab, good.replace("[{port: 80}]", ports), words)
        lab.apply(good.replace("[{port: 80}]", "[{protocol: TCP, port: 80}, {protocol: UDP, port: 80}]"))


def routing(destinations):
    ips = "".join(f"- {{ip: {ip}, targetRef: {{name: node-1}}}}\n" for ip in destinations)
    return ("apiVersion: networking.ironcore.dev/v1alpha1\nkind: LoadBalancerRouting\nmetadata: {name: a}\n"
            f"networkRef: {{name: net}}\ndestinations:\n{ips or '  []'}\n---\n")


def d18_destinations_come_go_and_come_again():
    with ControlPlane() as lab:
        lab.serve()
        bare = lb("a", "10.0.0.1").replace("  networkInterfaceSelector: {matchLabels: {app: web}}\n", "")
        lab.apply(network("net") + bare)
        for destinations in (["10.1.0.1"], ["10.1.0.1", "10.1.0.2"], ["10.1.0.2"], [], ["10.1.0.1"]):
            answer = lab.apply(routing(destinations))
            assert re.fullmatch("loadbalancerrouting/a (created|configured)\n", answer), answer
            assert lab.apply(routing(destinations)) == "loadbalancerrouting/a unchanged\n"
            wait_until(f"{len(destinations)} destinations", lambda n=len(destinations): lab.get(
                "lb/a")["status"]["destinations"]["total"] == n)
        lab.ilb("delete", "loadbalancerrouting/a")
        done = lab.ilb("delete", "loadbalancerrouting/a", check=False)
        assert done.returncode == 1 and "not found" in done.stderr, done
        assert "created" in lab.apply(routing(["10.1.0.1"]))


def d35_a_replaced_entry_gets_another_address():
    """An address is allocated on creation; a replaced entry releases it; deleting releases all."""
    def used(lab):
        return [row["USED"] for row in table(lab, "prefixes")]

    with ControlPlane() as lab:
        lab.serve()
        lab.apply(network("net") + prefix("one", "10.0.0.0/29") + prefix("two", "10.0.1.0/29"))
        lab.apply(lb("a", pool="one"))
        assert address_of(lab.get("lb/a")) == "10.0.0.0" and used(lab) == ["1", "0"]
        lab.apply(lb("a", pool="two"))
        assert address_of(lab.get("lb/a")) == "10.0.1.0"
        wait_until("the old one is released", lambda: used(lab) == ["0", "1"])
        lab.apply(lb("b", pool="one"))
        assert address_of(lab.get("lb/b")) == "10.0.0.0"
        for name in ("lb/a", "lb/b"):
            lab.ilb("delete", name)
        wait_until("everything is released", lambda: used(lab) == ["0", "0"])


if __name__ == "__main__":
    main(prefixes_show_size_used_free_largest_and_waiters, selectors_choose, large_lists_are_whole,
         versions_that_do_not_match_conflict, what_is_being_deleted_says_so,
         p9_dry_run_shows_what_would_be_and_changes_nothing, watch_shows_what_is_selected,
         every_field_is_explained, d15_created_again_deleted_and_missing, d16_lists_follow,
         d17_ports_that_are_none_are_refused, d18_destinations_come_go_and_come_again,
         d35_a_replaced_entry_gets_another_address)
