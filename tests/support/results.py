#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""results.py TIER TESTLOG.json: what `meson test` ran, a line each: RESULT TIER NAME REASON, tab-separated.

RESULT is pass, fail or skip. A program that reports its tests (cmocka's words, or TAP) counts one per test, another
counts as one. A program that fails outside of its tests, say in a sanitizer's report at its end, counts as failed too.
"""
import json
import re
import sys

CMOCKA = re.compile(r"^\[ RUN +\] (?P<name>\w+)\n(?P<said>.*?)^\[ +(?P<verdict>OK|FAILED|SKIPPED) +\]",
                    re.MULTILINE | re.DOTALL)
TAP = re.compile(r"^(?P<bad>not )?ok\b *\d* *-? *(?P<name>[^#\n]*?) *(?:# *(?i:(?P<skip>SKIP)\w*) *(?P<said>.*))?$",
                 re.MULTILINE)
VERDICTS = {"OK": "pass", "FAILED": "fail", "SKIPPED": "skip"}


def last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("[")]
    return lines[-1] if lines else "no reason given"


def subtests(output):
    """The (name, result, reason of a skip) of each test that the program reports."""
    for match in CMOCKA.finditer(output):
        verdict = VERDICTS[match["verdict"]]
        yield match["name"], verdict, last_line(match["said"]) if verdict == "skip" else ""
    for number, match in enumerate(TAP.finditer(output), 1):
        verdict = "fail" if match["bad"] else "skip" if match["skip"] else "pass"
        yield match["name"] or str(number), verdict, match["said"] or ""


def of_program(test):
    """The results of one meson test."""
    output = test.get("stdout", "")
    result, name = test["result"], test["name"].split(" / ")[-1]
    if result == "SKIP":
        return [(name, "skip", last_line(output + test.get("stderr", "")))]
    inner = [(f"{name}:{sub}", verdict, reason) for sub, verdict, reason in subtests(output)]
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
