# SPDX-License-Identifier: Apache-2.0
"""test_other_clients.py nats|npm: programs that are not ours publish the same manifests.

tests/support/other_clients.sh fetches both where it can; the test is skipped where it cannot."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from lab import Lab, ROOT, example, skip, wait_until  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "iep-8.yaml")
NETWORK = os.path.join(ROOT, "examples", "network.yaml")

SCRIPT = """
import { connect } from "@nats-io/transport-node";
import { readFileSync } from "node:fs";
const nc = await connect({ servers: process.argv[2] });
const ask = (verb, body) => nc.request(`ilb.v1.${verb}.default`, body, { timeout: 5000 });
for (const file of process.argv.slice(3))
  console.log((await ask("apply", readFileSync(file))).string());
console.log((await ask("get", "loadbalancer/my-loadbalancer")).string());
console.log("code", (await ask("apply", "kind: Nonsense")).headers?.get("Nats-Service-Error-Code"));
await nc.close();
"""


def nats_cli(lab, program):
    def nats(*words, **options):
        return subprocess.run([program, "--server", lab.url, *words], capture_output=True,
                              text=True, check=True, **options).stdout

    answer = nats("req", "ilb.v1.apply.default", example("network.yaml"), "--raw")
    assert answer.startswith("ok"), answer
    answer = nats("req", "ilb.v1.apply.default", example("iep-8.yaml"), "--raw")
    assert answer.startswith("ok"), answer
    assert "loadbalancer/my-loadbalancer created" in answer, answer
    answer = nats("req", "ilb.v1.get.default", "loadbalancer/my-loadbalancer", "--raw")
    assert "2607:f0d0:1002:51::4" in answer, answer
    answer = nats("req", "ilb.v1.apply.default", "", "--raw", stdin=subprocess.DEVNULL)
    assert answer.startswith("error: 400"), answer
    answer = nats("req", "ilb.v1.list.default", "loadbalancer", "--raw")
    assert "name: my-loadbalancer" in answer, answer
    stored = nats("kv", "get", "ilb", "loadbalancer.default.my-loadbalancer", "--raw")
    assert "2607:f0d0:1002:51::4" in stored, stored
    nats("req", "ilb.v1.delete.default", "loadbalancer/my-loadbalancer", "--raw")
    wait_until("the load balancer is gone",
               lambda: lab.get("loadbalancer/my-loadbalancer") is None)


def npm_client(lab, directory):
    script = os.path.join(lab.directory, "client.mjs")
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    os.symlink(os.path.join(directory, "node_modules"),
               os.path.join(lab.directory, "node_modules"))
    done = subprocess.run(["node", script, lab.url, NETWORK, EXAMPLE], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "loadbalancer/my-loadbalancer created" in done.stdout, done.stdout
    assert "2607:f0d0:1002:51::4" in done.stdout, done.stdout
    assert "code 400" in done.stdout or "code 422" in done.stdout, done.stdout


def main():
    client = sys.argv[1]
    fetched = subprocess.run([os.path.join(ROOT, "tests", "support", "other_clients.sh"), client],
                             capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        skip(fetched.stderr.strip().splitlines()[-1])
    with Lab() as lab:
        lab.start_nats()
        lab.start_allocator()
        lab.wait_serving()
        (nats_cli if client == "nats" else npm_client)(lab, fetched.stdout.strip())
        print(f"ok {client}")


main()
