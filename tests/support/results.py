#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""results.py TIER TESTLOG.json: what `meson test` ran, a line each: RESULT TIER NAME REASON, tab-separated.

RESULT is pass, fail or skip. A program that reports its tests (cmocka's words, or TAP) counts one per test, another
counts as one. A program that fails outside of its tests, say in a sanitizer's report at its end, counts as failed too.
"""
import json
import re
import sys

CMOCKA = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] (\w+)$", re.MULTILINE)
TAP = re.compile(r"^(not )?ok\b *\d* *-? *([^#\n]*?) *(?:# *(?i:(SKIP)\w*) *(.*))?$", re.MULTILINE)
VERDICTS = {"OK": "pass", "FAILED": "fail", "SKIPPED": "skip"}


def subtests(output):
    """The (name, result, reason) of each test that the program reports, the last word on each."""
    found = {name: (VERDICTS[verdict], "") for verdict, name in CMOCKA.findall(output)}
    if not found:
        for bad, name, skip, reason in TAP.findall(output):
            result = "fail" if bad else "skip" if skip else "pass"
            found[name or str(len(found))] = (result, reason)
    return [(name, *verdict) for name, verdict in found.items()]


def last_line(output):
    lines = [line.strip() for line in output.splitlines()
             if line.strip() and not line.startswith("[")]
    return lines[-1] if lines else ""


def of_program(test):
    """The results of one meson test."""
    output = test.get("stdout", "") + "\n" + test.get("stderr", "")
    result, name = test["result"], test["name"]
    if result == "SKIP":
        return [(name, "skip", last_line(output) or "no reason given")]
    inner = [(f"{name}:{sub}", verdict, reason or last_line(output) if verdict == "skip" else "")
             for sub, verdict, reason in subtests(output)]
    if result not in ("OK", "EXPECTEDFAIL") and not any(v == "fail" for _, v, _ in inner):
        inner.append((name, "fail", f"{result.lower()}, exit status {test.get('returncode')}"))
    return inner or [(name, "pass", "")]


def main():
    tier, path = sys.argv[1:]
    with open(path, encoding="utf-8") as log:
        for line in log:
            for name, result, reason in of_program(json.loads(line)):
                print(result, tier, name, reason.replace("\t", " "), sep="\t")


if __name__ == "__main__":
    main()
