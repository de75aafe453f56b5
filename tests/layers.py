#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layers.py: who may include what (docs/architecture.md), and what else a compiler does not check.

layers.py [ROOT] prints a line per violation, and fails when there is one.
layers.py --self-test shows that each rule can fail.
"""
import contextlib
import fnmatch
import pathlib
import re
import sys
import tempfile

# folder: what its files may include of other folders: all of one, or single headers
FOLDERS = {
    "base": [],
    "messages": ["base/*"],
    "monitor": ["base/*", "messages/bus.h"],
    "ipam": ["base/*", "messages/desired.h", "messages/health.h", "messages/verdicts.h"],
    "dataplane": ["base/*", "messages/codec.h", "messages/desired.h", "messages/status.h"],
    "allocator": ["base/*", "messages/*", "monitor/*", "ipam/*"],
    "agent": ["base/*", "messages/*", "monitor/*", "dataplane/*"],
    "cli": ["base/*", "messages/*", "ipam/*", "dataplane/trace.h", "dataplane/slots.h"],
}

# header of a library: the files that may see it
LIBRARIES = {
    "nats*": ["messages/bus*.c", "messages/bus_private.h"],
    "*.pb-c.h": ["messages/codec*.c"],
    "protobuf-c/*": ["messages/codec*.c", "messages/wire.[ch]"],
    "uv.h": ["messages/bus*", "monitor/*", "allocator/*", "agent/*", "cli/*"],
    "yaml.h": ["ipam/*.c"],
    "jansson.h": ["ipam/*", "allocator/*", "cli/*"],
    "nftables/*": ["dataplane/*.c"],
    "netlink/*": ["dataplane/*"],
    "systemd/*": ["allocator/*.c", "agent/*.c"],
    "microhttpd.h": ["monitor/scrape.c"],
}

# function: what to do instead
FORBIDDEN = {
    **{name: "base/text.h parses strictly" for name in (
        "atof", "atoi", "atol", "atoll", "strtod", "strtol", "strtoll", "strtoul", "strtoull")},
    **{name: "write with snprintf() or base/text.h" for name in (
        "gets", "sprintf", "strcat", "strcpy", "vsprintf")},
    "alloca": "what the size decides belongs on the heap",
    "exit": "return to main()",
}

# module without a test of its own: why
UNTESTED = {
    "agent/agent.c": "one function per event: tests/agent/test_agent.py with a real nats-server and namespaces",
    "agent/attempt.c": "connections to real servers, killed, slow and hidden: tests/system/test_health.py",
    "agent/checks.c": "when what is checked: tests/system/test_health.py",
    "agent/digests.c": "the sums that test_reconcile.c compares with its model's",
    "agent/faults.c": "counts and logs once: tests/agent/test_agent.py, hostile messages",
    "agent/metrics.c": "tests/system/test_metrics.py: what a real Prometheus gets",
    "agent/metrics_networks.c": "tests/system/test_metrics.py: what a real Prometheus gets",
    "agent/metrics_traffic.c": "tests/system/test_metrics.py: what a real Prometheus gets",
    "agent/micro.c": "tests/system/test_top.py: nats micro finds the agents",
    "agent/network.c": "one Network's life: tests/agent/test_agent.py",
    "agent/probes.c": "questions about silent nodes: tests/system/test_dead_node.py",
    "agent/sockets.c": "a thread that goes into namespaces: tests/system/test_health.py",
    "agent/vitals.c": "what counts on a node, with real servers and other nodes: tests/system/test_health.py",
    "agent/vitals_asked.c": "what others are told of silent nodes: tests/system/test_dead_node.py, tests/simulation",
    "agent/vitals_judge.c": "what counts: tests/simulation, tests/system/test_health.py",
    "agent/vitals_links.c": "links that go down and come back: tests/system/test_health.py",
    "agent/vitals_wards.c": "the LoadBalancers that are judged: tests/simulation, tests/system/test_health.py",
    "agent/vitals_words.c": "what nodes tell each other: tests/simulation, tests/system/test_health.py",
    "allocator/allocator.c": "the loop: tests/allocator/test_api.py and test_replicas.py, with real servers",
    "allocator/api.c": "tests/allocator/test_api.py: requests to a real allocator",
    "allocator/events.c": "tests/allocator/test_api.py and test_replicas.py: events, also of who is gone",
    "allocator/journal.c": "tests/system/test_events.py: what happens to real objects and nodes",
    "allocator/notes.c": "tests/system/test_events.py: what real agents and hostile clients tell",
    "allocator/metrics.c": "tests/system/test_metrics.py: what a real Prometheus gets",
    "allocator/mirror.c": "tests/allocator/test_api.py: events, and what is in the bucket",
    "allocator/nodes.c": "tests/system/test_iep8.py: ilb nodes, with one that is silent",
    "allocator/outgoing.c": "tests/allocator/test_replicas.py: deltas and parts as agents read them",
    "allocator/pipeline.c": "tests/allocator/test_replicas.py: writers that compete and are killed",
    "allocator/publish.c": "tests/allocator/test_replicas.py: deltas, snapshots, whoever is there",
    "allocator/read.c": "tests/allocator/test_api.py: requests to a real allocator",
    "allocator/sentinel.c": "tests/system/test_health.py and test_dead_node.py: what is heard, who is dead",
    "allocator/micro.c": "tests/allocator/test_api.py: any client finds the service",
    "allocator/snapshots.c": "tests/allocator/test_replicas.py: snapshots in parts; bench/fleet, by the thousand",
    "allocator/store.c": "tests/allocator/test_replicas.py: a real store, killed, tampered with, without quorum",
    "allocator/world.c": "three calls to others; no test of the allocator passes without them",
    "allocator/write.c": "tests/allocator/test_api.py: requests to a real allocator",
    "cli/answer.c": "tests/system/test_bad_input.py: answers of a real allocator",
    "cli/apply.c": "tests/system: what the command does with a real allocator",
    "cli/compile.c": "tests/system/test_compile.py: an agent with nothing but what it makes",
    "cli/completion.c": "tests/system/test_cli.py: what bash offers",
    "cli/contexts.c": "tests/system/test_cli.py; the files are test_context.c's",
    "cli/decode.c": "tests/system/test_cli.py; what it prints is test_decoded.c's",
    "cli/describe.c": "tests/system/test_cli.py: what the command does with a real allocator",
    "cli/diff.c": "tests/system/test_cli.py: what the command does with a real allocator",
    "cli/delete.c": "tests/system: what the command does with a real allocator",
    "cli/events.c": "tests/system/test_events.py: what happens to real objects and nodes",
    "cli/explain.c": "prints what ipam/schema_explain.c gives",
    "cli/get.c": "tests/system: what the command does with a real allocator",
    "cli/list.c": "tests/allocator/test_replicas.py and tests/system: lists of real allocators",
    "cli/nodes.c": "tests/system/test_iep8.py: nodes that report, and one that does not",
    "cli/session.c": "tests/system: a real nats-server and allocator",
    "cli/status.c": "tests/system/test_iep8.py: what a real allocator and store say",
    "cli/top.c": "tests/system/test_top.py: real agents and connections",
    "cli/trace.c": "tests/system: what the command does with a real allocator",
    "cli/version.c": "one line",
    "cli/wait.c": "tests/system: what the command does with a real allocator",
    "dataplane/accounting.c": "test_packets.py count, test_flowtables.py D26: figures next to what was sent",
    "dataplane/counters.c": "test_packets.py count: elements of the real table",
    "dataplane/traffic.c": "a destructor: worker_tool runs it, under the sanitizers too",
    "dataplane/flowtable.c": "needs a kernel with flowtables: test_packets.py O1, O4 and O8, on all test kernels",
    "dataplane/forwarder.c": "one namespace, whole: test_packets.py",
    "dataplane/leftovers.c": "test_packets.py P1-leftovers",
    "dataplane/netlink.c": "what conntrack, link and watch are made of: their tests",
    "dataplane/netns.c": "test_nft.c visits and leaves namespaces",
    "dataplane/rewrite.c": "test_packets.py P4, test_killed.py killed-rewrite, killed-large, test_load.py P6-again",
    "dataplane/served.c": "test_link.c: what is served has its route",
    "dataplane/surroundings.c": "test_packets.py conditions, O4; test_conditions.c",
    "dataplane/writer.c": "the writer that plan.c uses: test_plan.c and test_golden.c read all that it writes",
    "dataplane/worker.c": "every test of test_packets.py drives it, also under the sanitizers",
    "ipam/addressstatus.c": "test_lbstatus.c",
    "ipam/allocate.c": "test_decide.c, and test_model.c against a plain reference",
    "ipam/attach.c": "test_model.c against a plain reference",
    "ipam/catalog.c": "test_model.c against a plain reference, with undo",
    "ipam/condition.c": "test_lbstatus.c",
    "ipam/flat.c": "the array inside pool.c: test_pool.c",
    "ipam/index.c": "test_decide.c counts what a change looks at; test_model.c",
    "ipam/objectstatus.c": "test_lbstatus.c",
    "ipam/resolve.c": "test_decide.c and test_model.c",
    "ipam/sparse.c": "the bitmap inside pool.c: test_pool.c",
    "ipam/store_parse.c": "test_store.c",
    "ipam/touch.c": "test_decide.c, test_touched",
    "ipam/waiting.c": "test_decide.c and test_model.c: waiters in order of age",
    "ipam/wide.c": "128-bit sums inside pool.c and usage: test_pool.c, test_lbstatus.c",
    "messages/status.c": "destructors only: test_codec_status.c runs them, under the sanitizers too",
    "monitor/process.c": "tests/system/test_metrics.py: figures of a real process",
    "messages/wire.c": "the readers of which codec is made: test_codec.c feeds them good and bad fields",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
CALL = re.compile(r"\b(" + "|".join(FORBIDDEN) + r")\s*\(")


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def without_comments_and_strings(text):
    """The same text, the same lines, blank where no code is."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def includes(path, text):
    folder = path.split("/")[0]
    own = path.removesuffix(".c") + ".h"
    for number, match in enumerate(INCLUDE.finditer(text)):
        quoted, header = match[1] == '"', match[2]
        where = f"{path}:{line_of(text, match.start())}"
        other = header.split("/")[0]
        if other in FOLDERS and not quoted:
            yield f'{where}: <{header}> is ours: write "{header}"'
        if folder in FOLDERS and other in FOLDERS and other != folder:
            if not matches(header, FOLDERS[folder]):
                yield f"{where}: {folder}/ may not include {header}"
        if folder in FOLDERS and other == "tests":
            yield f"{where}: {folder}/ may not include {header}"
        if quoted and "/" not in header and not header.endswith(".pb-c.h"):
            yield f'{where}: "{header}": includes are written from the root'
        for library, users in LIBRARIES.items():
            if folder in FOLDERS and fnmatch.fnmatchcase(header, library):
                if not matches(path, users):
                    yield f"{where}: only {' and '.join(users)} may include {header}"
        if folder in FOLDERS and header == own and number != 0:
            yield f"{where}: the own header comes first"


def calls(path, text):
    if path.split("/")[0] not in FOLDERS:
        return
    code = without_comments_and_strings(text)
    for match in CALL.finditer(code):
        if match[1] != "exit" or not path.endswith("/main.c"):
            yield f"{path}:{line_of(code, match.start())}: {match[1]}(): {FORBIDDEN[match[1]]}"


def header_is_guarded(path, text):
    if path.endswith(".h") and "#pragma once" not in text:
        yield f"{path}: no #pragma once"


def licence(path, text):
    if "SPDX-License-Identifier:" not in "".join(text.splitlines(True)[:3]):
        yield f"{path}: no SPDX-License-Identifier in its first lines"


def module_of(root, folder, name):
    """The module of a .c file: codec_unpack.c without a header of its own is a part of codec."""
    module = name.removesuffix(".c")
    while "_" in module and not (root / folder / f"{module}.h").exists():
        module = module.rpartition("_")[0]
    return module if (root / folder / f"{module}.h").exists() else name.removesuffix(".c")


def tested(root, path):
    """A module without a test, and a reason that has got a test."""
    folder, _, name = path.partition("/")
    if folder in FOLDERS and name.endswith(".c") and name != "main.c":
        test = f"tests/{folder}/test_{module_of(root, folder, name)}.c"
        if not (root / test).exists() and path not in UNTESTED:
            yield f"{path}: no {test}, and no reason in tests/layers.py"
        if (root / test).exists() and path in UNTESTED:
            yield f"{path}: has a test, but tests/layers.py says why not"


def sources(root):
    """(path from the root, text) of what we write: C, protobuf, meson, scripts."""
    for file in sorted(root.rglob("*")):
        path = file.relative_to(root).as_posix()
        if path.startswith(("build/", "build-", ".git/")) or not file.is_file() or "__pycache__" in path:
            continue
        with contextlib.suppress(UnicodeDecodeError):
            if matches(path, ["*.[ch]", "*.py", "*.sh", "*.proto", "*meson.build", "meson_options.txt"]):
                yield path, file.read_text(encoding="utf-8")
            elif "." not in file.name and file.read_bytes()[:2] == b"#!":
                yield path, file.read_text(encoding="utf-8")


def violations(root):
    for path, text in sources(root):
        yield from licence(path, text)
        if path.endswith((".c", ".h")):
            yield from includes(path, text)
            yield from calls(path, text)
            yield from header_is_guarded(path, text)
            yield from tested(root, path)


# file, its text, what layers.py must say; an empty sentence where it must be silent
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
SELF_TESTS = [
    ("base/a.c", "", "no SPDX"),
    ("base/a.h", SPDX, "no #pragma once"),
    ("base/a.c", SPDX, "no tests/base/test_a.c"),
    ("base/a.c", SPDX + '#include "messages/bus.h"\n', "base/ may not include messages/bus.h"),
    ("base/a_b.c", SPDX, "no tests/base/test_a_b.c"),
    ("ipam/a.c", SPDX + '#include "messages/bus.h"\n', "ipam/ may not include messages/bus.h"),
    ("ipam/a.c", SPDX + '#include "dataplane/slots.h"\n', "ipam/ may not include dataplane/slots.h"),
    ("cli/a.c", SPDX + '#include "dataplane/nft.h"\n', "cli/ may not include dataplane/nft.h"),
    ("ipam/a.c", SPDX + "#include <ipam/b.h>\n", "is ours"),
    ("ipam/a.c", SPDX + '#include "b.h"\n', "written from the root"),
    ("ipam/a.c", SPDX + '#include "ipam/b.h"\n#include "ipam/a.h"\n', "own header comes first"),
    ("ipam/a.c", SPDX + '#include "tests/support/cmocka.h"\n', "may not include tests/"),
    ("agent/a.c", SPDX + "#include <nats/nats.h>\n", "only messages/bus*.c and messages/bus_private.h may include nats/nats.h"),
    ("agent/a.c", SPDX + '#include "ilb.pb-c.h"\n', "may include ilb.pb-c.h"),
    ("agent/a.c", SPDX + "# include <yaml.h>\n", "may include yaml.h"),
    ("ipam/a.c", SPDX + "#include <uv.h>\n", "may include uv.h"),
    ("base/a.c", SPDX + "int a(void) { return atoi(s); }\n", "base/a.c:2: atoi(): base/text.h"),
    ("agent/a.c", SPDX + "void a(void) { exit(1); }\n", "exit(): return to main"),
    ("agent/main.c", SPDX + "void a(void) { exit(1); }\n", ""),
    ("agent/main.c", SPDX + '/* atoi(x) */ char *s = "atoi(x)"; // atoi(x)\n', ""),
    ("agent/main.c", SPDX + '#include "dataplane/nft.h"\n', ""),
    ("tests/ipam/test_a.c", SPDX + '#include "messages/bus.h"\nlong a = atoi(b), c = exit(0);\n', ""),
    ("check", "#!/bin/sh\n", "no SPDX"),
]


def self_test():
    failed = 0
    for path, text, sentence in SELF_TESTS:
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
            said = list(violations(root))
        if not any(sentence in line for line in said) if sentence else said:
            failed += 1
            print(f"self-test: {path} with {text!r}: expected {sentence!r}, said {said}")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    root = pathlib.Path(sys.argv[1] if sys.argv[1:] else pathlib.Path(__file__).parent.parent)
    found = list(violations(root))
    found += [f"{path}: listed in tests/layers.py, but not there"
              for path in UNTESTED if not (root / path).exists()]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
