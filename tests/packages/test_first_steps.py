# SPDX-License-Identifier: Apache-2.0
"""test_first_steps.py ROOT: the section "First steps" of docs/operations.md, word by word, in the Debian in ROOT.

Its blocks `sh` are run one after the other, each must succeed; the lines of a block `text` must be in what the block before
it printed, in that order, `...` being anything. One connection of a client lasts from the first block that can have it until
the table is deleted: stopping, upgrading and removing leave it alone. Between them, what the document does not say: that the
services run as their units have it, are ready when they say so, and come back when they hang or die."""

import fcntl
import os
import re
import socket
import struct
import sys
import termios

from debian import Debian
from lab import ROOT, wait_until

SERVICES = ("ilb-agent", "ilb-allocator")


def blocks():
    """(script, lines that it shows)"""
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        section = file.read().partition("## First steps\n")[2].partition("\n## ")[0]
    found = []
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE):
        if kind == "sh":
            found.append((text, []))
        else:
            found[-1][1].extend(text.splitlines())
    return found


def expect(lines, shown):
    begin = 0
    for line in lines:
        pattern = "[^\n]*".join(re.escape(part.strip()) for part in line.split("..."))
        match = re.compile(pattern).search(shown, begin)
        assert match, f"no '{line}' in:\n{shown[begin:]}"
        begin = match.end()


class Request:
    """A request to the load balancer that takes its time: all of its lines must have arrived at each look."""

    def __init__(self, debian):
        with debian.namespace("machine-1"):
            self.socket = socket.create_connection(("10.0.0.1", 8080), 10)
        self.lines = 0
        self.socket.sendall(b"GET / HTTP/1.0\r\n")

    def unacknowledged(self):
        return struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0" * 4))[0]

    def go_on(self):
        self.lines += 1
        self.socket.sendall(f"X-Line-{self.lines}: x\r\n".encode())
        wait_until("the connection carries data", lambda: self.unacknowledged() == 0, timeout=10)

    def end(self):
        self.socket.sendall(b"\r\n")
        assert b" 200 " in self.socket.recv(100), "the answer of the long connection"
        self.socket.close()


def show(debian, service, name):
    return debian.shown(f"systemctl show -P {name} {service}")


def wait_active(debian, service, pid_before):
    wait_until(f"{service} is active again", lambda: show(debian, service, "MainPID") not in ("0", pid_before) and
               show(debian, service, "ActiveState") == "active")


def as_the_units_have_it(debian):
    for service in SERVICES:
        pid = show(debian, service, "MainPID")
        user = debian.shown(f"stat -c %u /proc/{pid}")
        named = debian.run("id -u ilb-agent")[1].strip()  # the allocator's is made when it starts
        assert user == named if service == "ilb-agent" else user not in ("0", named), f"{service} runs as {user}"
        assert show(debian, service, "NRestarts") == "0", debian.shown(f"journalctl -u {service}")
        assert show(debian, service, "NotifyAccess") == "main", "readiness"
        print("ok", service, debian.run(f"systemd-analyze security --no-pager {service}")[1].splitlines()[-1], flush=True)
        debian.run(f"systemd-analyze verify --man=no {service}.service; {service} --check")
        errors = debian.run(f"journalctl -q -p err -u {service} --no-pager")[1]
        assert not errors, errors


def come_back(debian):
    """One that hangs is ended by the watchdog, one that dies is started again."""
    for service in SERVICES:
        folder = f"/run/systemd/system/{service}.service.d"
        debian.run(f"mkdir -p {folder}; printf '[Service]\\nWatchdogSec=2\\n' >{folder}/test.conf; "
                   f"systemctl daemon-reload; systemctl restart {service}")
        for signal in ("STOP", "KILL"):
            pid = show(debian, service, "MainPID")
            debian.run(f"kill -{signal} {pid}")
            wait_active(debian, service, pid)
            print(f"ok {service} after SIG{signal}", flush=True)
        debian.run(f"rm -r {folder}; systemctl daemon-reload; systemctl restart {service}")


def other_files(debian):
    debian.run("source /usr/share/bash-completion/completions/ilb; complete -p ilb")
    for path in ("/usr/share/doc/ilb/examples/iep-8.yaml", "/usr/share/man/man1/ilb.1.gz",
                 "/usr/share/doc/ilb-allocator/examples/nats-server.conf"):
        debian.run(f"test -e {path}")


def before(debian, script):
    if "./new/" not in script:
        return None
    as_the_units_have_it(debian)
    other_files(debian)
    come_back(debian)
    return {service: show(debian, service, "MainPID") for service in SERVICES}


def after(debian, script, pids):
    for service, pid in (pids or {}).items():
        wait_active(debian, service, pid)
        assert "node-1" in debian.shown("cat /etc/ilb/agent.env"), "the upgrade wrote over agent.env"
    if "apt-get remove" in script:
        debian.run("test -e /etc/ilb/agent.env && ls /var/lib/ilb-agent/* >/dev/null")
    if "apt-get purge" in script:
        left = debian.run("find /etc /usr /lib/systemd /var/lib/ilb-agent '(' -name 'ilb*' -o -name _ilb ')' 2>/dev/null",
                          check=False)[1]
        assert not left, f"purging left:\n{left}"


def main():
    with Debian(sys.argv[1]) as debian:
        request = None
        try:
            for script, lines in blocks():
                if "nft delete" in script:
                    request.end()
                    request = None
                pids = before(debian, script)
                shown = debian.shown(f"set -e\n{script}")
                expect(lines, shown)
                after(debian, script, pids)
                if request and "ip_forward=0" not in script:
                    request.go_on()
                elif "iep-8.yaml" in script:
                    request = Request(debian)
                print(f"ok {script.strip().splitlines()[-1]}", flush=True)
        except BaseException:
            print(debian.run("journalctl --no-pager -n 100; systemctl --no-pager status 'ilb*'", check=False)[1])
            raise


if __name__ == "__main__":
    main()
