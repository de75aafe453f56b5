# SPDX-License-Identifier: Apache-2.0
"""Metrics of both daemons: what they say next to what was sent, and what a real Prometheus makes of
them with the alert rules and the dashboard of examples/monitoring."""

import concurrent.futures
import json
import os
import re
import shutil
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from bulk import connect, listener, transfer  # noqa: E402
from lab import ROOT, Lab, example, free_port, nic_manifest, run, wait_until  # noqa: E402
from metrics import scrape  # noqa: E402

EXAMPLES = os.path.join(ROOT, "examples", "monitoring")
LB = {"namespace": "default", "network": "my-network", "loadbalancer": "my-loadbalancer"}
VIP = "10.0.0.1"
PAYLOAD = 300000


def build(lab):
    lab.start_nats()
    lab.allocator_port, lab.agent_port = free_port(), free_port()
    lab.start_allocator("--metrics", f"127.0.0.1:{lab.allocator_port}")
    lab.node_1 = lab.node("n1")
    lab.node_1.host("my-network")
    lab.client = lab.node_1.machine("client")
    lab.web = lab.node_1.machine("web").serve(tcp=[8080])
    lab.node_1.start_agent("--metrics", f"127.0.0.1:{lab.agent_port}")
    lab.wait_serving()
    lab.apply(example("network.yaml"))
    lab.apply(nic_manifest(lab.web))
    lab.apply(example("iep-8.yaml").replace("  ports:", "  healthCheck: {intervalSeconds: 2, timeoutSeconds: 1}\n  ports:"))
    lab.wait_ready("my-loadbalancer")


def has_tool():
    """Prometheus is in packages.txt; where it is not installed, the rest is still tested."""
    return shutil.which("promtool") and shutil.which("prometheus")


def answers(lab):
    try:
        return lab.client.connect(VIP, 8080)
    except OSError:
        return None


def connections_and_bytes_are_those_that_were(lab):
    before = scrape(lab.agent_port)
    for _ in range(25):
        lab.client.connect(VIP, 8080)
    lab.web.stop()
    with listener(lab.web, lab.web.addresses[0], 8080) as server:
        ends = connect(lab.client, server, VIP, 8080)
        with ends[0], ends[1]:
            transfer(*ends, PAYLOAD)
    after = scrape(lab.agent_port)
    lab.web.serve(tcp=[8080])
    wait_until("it answers again", lambda: answers(lab))  # its check may have failed meanwhile
    grown = lambda name, **labels: after(name, **LB, **labels) - before(name, **LB, **labels)
    assert grown("ilb_agent_loadbalancer_connections_total") == 26
    sent = grown("ilb_agent_loadbalancer_bytes_total", direction="original")
    packets = grown("ilb_agent_loadbalancer_packets_total", direction="original")
    assert PAYLOAD <= sent <= PAYLOAD + 26 * 200 + 80 * packets, (sent, packets)
    assert after.types["ilb_agent_loadbalancer_bytes_total"] == "counter"


def gauges_say_how_it_is(lab):
    agent, allocator = scrape(lab.agent_port), scrape(lab.allocator_port)
    network = {"namespace": "default", "network": "my-network"}
    assert agent("ilb_agent_networks") == agent("ilb_agent_nats_connected") == 1
    assert agent("ilb_agent_info", node="n1") == 1
    assert agent("ilb_agent_network_open", **network) == 1
    assert agent("ilb_agent_network_addresses", **network) == 2
    assert agent("ilb_agent_network_loadbalancers", **network) == 1
    assert agent("ilb_agent_network_conntrack_entries", **network) > 20
    assert agent("ilb_agent_network_conntrack_limit", **network) > 1000
    assert agent("ilb_agent_program_seconds_count") >= 1
    assert agent("ilb_agent_nft_transactions_total") >= 1
    assert agent("process_resident_memory_bytes") > 1 << 20
    assert allocator("ilb_allocator_objects", kind="loadbalancer") == 1
    assert allocator("ilb_allocator_nodes", state="alive") == 1
    assert allocator("ilb_allocator_store_state", state="Ready") == 1
    assert allocator("ilb_allocator_requests_total", verb="apply", code="200") == 3
    assert allocator("ilb_allocator_commit_seconds_count") >= 4
    usage = {state: allocator("ilb_allocator_prefix_addresses", prefix="my-lb-prefix-v6", state=state)
             for state in ("used", "free")}
    assert usage["used"] > 0 and usage["used"] + usage["free"] == 2 ** 64, usage
    wait_until("the change is seen to be programmed", lambda: scrape(lab.allocator_port)(
        "ilb_allocator_publish_to_programmed_seconds_count") >= 1)
    wait_until("checks are counted", lambda: scrape(lab.agent_port)(
        "ilb_agent_health_checks_total", result="success") >= 1)


def each_is_documented(lab):
    with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as file:
        documented = set(re.findall(r"^\| `([a-z_]+)` \|", file.read(), re.MULTILINE))
    served = {name for port in (lab.agent_port, lab.allocator_port) for name in scrape(port).types}
    assert documented == served, documented ^ served


def failures_are_counted(lab):
    before = scrape(lab.allocator_port)("ilb_allocator_requests_total", verb="apply", code="422")
    lab.ilb("apply", "-f", "-", check=False, text_input=example("iep-8.yaml").replace("8080", "0"))
    assert scrape(lab.allocator_port)("ilb_allocator_requests_total", verb="apply",
                                      code="422") == before + 1
    lab.node_1.networks["my-network"].nft("flush", "table", "inet", "ilb")
    wait_until("the repair is counted", lambda: scrape(lab.agent_port)(
        "ilb_agent_network_repairs_total", network="my-network") == 1)
    assert scrape(lab.agent_port)("ilb_agent_network_condition", reason="TableRepaired") == 1
    assert scrape(lab.agent_port).all("ilb_agent_loadbalancer_connections_total")[0] >= 26


def nobody_can_hold_it_up(lab):
    """Others that ask, or only begin to, and somebody who asks for nonsense."""
    silent = [socket.create_connection(("127.0.0.1", lab.agent_port)) for _ in range(4)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(lambda _: scrape(lab.agent_port).text, range(40)))
    assert all("ilb_agent_loadbalancers_left_out" in text for text in texts)
    for connection in silent:
        connection.close()
    try:
        scrape(lab.agent_port, "/other")
        raise AssertionError("/other is there")
    except urllib.error.HTTPError as error:
        assert error.code == 404


def promtool_agrees(lab):
    for port in (lab.agent_port, lab.allocator_port):
        run("promtool", "check", "metrics", text_input=scrape(port).text)
    run("promtool", "check", "config", "--syntax-only", os.path.join(EXAMPLES, "prometheus.yml"))
    rules = os.path.join(lab.directory, "ilb.rules.yml")
    shutil.copy(os.path.join(EXAMPLES, "ilb.rules.yml"), rules)
    run("promtool", "check", "rules", rules)
    test = os.path.join(lab.directory, "test.yml")
    shutil.copy(os.path.join(ROOT, "tests", "system", "ilb.rules.test.yml"), test)
    run("promtool", "test", "rules", test)


def start_prometheus(lab):
    lab.prometheus_port = free_port()
    config = os.path.join(lab.directory, "prometheus.yml")
    with open(config, "w", encoding="ascii") as file:
        json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                   "rule_files": ["ilb.rules.yml"],
                   "scrape_configs": [
                       {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                       for job, port in (("ilb-agent", lab.agent_port),
                                         ("ilb-allocator", lab.allocator_port))]}, file)
    lab.start("prometheus", ["prometheus", f"--config.file={config}",
                             f"--storage.tsdb.path={lab.directory}/tsdb",
                             f"--web.listen-address=127.0.0.1:{lab.prometheus_port}"])


def query(lab, expression):
    words = urllib.parse.urlencode({"query": expression})
    url = f"http://127.0.0.1:{lab.prometheus_port}/api/v1/query?{words}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{expression}: {error.read().decode()}") from error
    except OSError:
        return []  # it has not come up yet


def dashboard_queries():
    with open(os.path.join(EXAMPLES, "grafana-dashboard.json"), encoding="utf-8") as file:
        board = json.load(file)
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m") \
                .replace("$namespace", ".*").replace("$network", ".*").replace("$loadbalancer", ".*")


def a_real_prometheus_reads_them(lab):
    wait_until("Prometheus has scraped both", lambda: len(query(lab, "up == 1")) == 2)
    wait_until("rates can be had", lambda: query(
        lab, "rate(ilb_agent_loadbalancer_bytes_total[1m])") and query(
        lab, "rate(ilb_allocator_requests_total[1m])"))
    queries = list(dashboard_queries())
    assert len(queries) > 25
    for title, expression in queries:
        assert query(lab, expression), f"panel '{title}' has no series: {expression}"
    firing = query(lab, 'ALERTS{alertstate="firing",alertname!="IlbTableChangedByOthers"}')
    assert not firing, firing


def main():
    with Lab() as lab:
        build(lab)
        if has_tool():
            promtool_agrees(lab)
            start_prometheus(lab)
        connections_and_bytes_are_those_that_were(lab)
        gauges_say_how_it_is(lab)
        each_is_documented(lab)
        nobody_can_hold_it_up(lab)
        failures_are_counted(lab)
        if has_tool():
            a_real_prometheus_reads_them(lab)
        else:
            print("skipped: no Prometheus is installed (packages.txt)")


main()
