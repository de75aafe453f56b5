# SPDX-License-Identifier: Apache-2.0
"""Whatever is wrong with what people send gets a sentence, and changes nothing."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, example  # noqa: E402

LB = example("iep-8.yaml")

# name: manifest, what the answer must say
REFUSED = {
    "malformed": (LB + "\n  - [", ["line"]),
    "unknown-field": (LB.replace("  type: Internal", "  type: Internal\n  colour: red"),
                      ["spec.colour", "nknown field", "line"]),
    "unknown-kind": (LB.replace("kind: LoadBalancer", "kind: Gateway"), ["Gateway"]),
    "public": (LB.replace("Internal", "Public"),
               ['spec.type: Unsupported value: "Public": only "Internal" load balancers are served']),
    "virtual-ip": ("apiVersion: networking.ironcore.dev/v1alpha1\nkind: VirtualIP\n"
                   "metadata: {name: x}\nspec: {type: Public, ipFamily: IPv4}\n", ["VirtualIP"]),
    "port": (LB.replace("8080", "70000"),
             ["spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535"]),
    "all-at-once": (LB.replace("8080", "0").replace("Internal", "Public").replace(
        "10.0.0.1", "127.0.0.1"), ["spec.ports[0].port", "spec.type", "spec.ips[0].ip"]),
    "duplicate-key": (LB.replace("\nspec:", "\nkind: LoadBalancer\nspec:"), ["kind", "uplicate"]),
    "both-spellings": (LB.replace("- ip: 10.0.0.1", "- ip: 10.0.0.1\n    value: 10.0.0.1", 1),
                       ["spec.ips[0]"]),
    "other-namespace": (LB.replace("name: my-loadbalancer",
                                   "name: my-loadbalancer\n  namespace: other"), ["namespace"]),
    "deep": ("a: " + "[" * 100 + "]" * 100, ["line"]),
    "bomb": ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", ["line"]),
    "not-utf8": ("kind: \udcff\udcfe\n", []),
    "empty": ("", []),
}


def refuses(lab):
    for name, (manifest, wanted) in REFUSED.items():
        path = os.path.join(lab.directory, f"{name}.yaml")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(manifest)
        done = lab.ilb("apply", "-f", path, check=False)
        assert done.returncode == 3, f"{name}: exit {done.returncode}: {done.stdout}{done.stderr}"
        for words in wanted:
            assert words in done.stderr, f"{name}: no '{words}' in: {done.stderr}"
        assert done.stderr.strip(), f"{name}: no sentence"


def nothing_changed(lab):
    for kind in ("loadbalancers", "networks", "prefixes", "networkinterfaces", "loadbalancerroutings"):
        assert lab.ilb("get", kind, "-o", "name").stdout == "", kind
    assert all(process.alive() for process in lab.processes)


def missing_objects_and_servers(lab):
    done = lab.ilb("get", "lb", "nonsense", check=False)
    assert done.returncode == 1 and "nonsense" in done.stderr, done.stderr
    done = lab.ilb("delete", "lb", "nonsense", check=False)
    assert done.returncode != 0 and "nonsense" in done.stderr, done.stderr
    done = lab.ilb("apply", "-f", "/nonexistent", check=False)
    assert done.returncode == 1 and "/nonexistent" in done.stderr, done.stderr
    done = lab.ilb("wait", "lb/nonsense", "--for=ready", "--timeout=300ms", check=False)
    assert done.returncode == 4 and "does not exist" in done.stderr, done.stderr
    done = lab.ilb("frobnicate", check=False)
    assert done.returncode == 2, done.stderr


def main():
    with Lab() as lab:
        lab.start_nats()
        lab.start_allocator()
        lab.wait_serving()
        for step in (refuses, missing_objects_and_servers, nothing_changed):
            step(lab)
            print(f"ok {step.__name__}", flush=True)


main()
