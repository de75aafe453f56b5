# SPDX-License-Identifier: Apache-2.0
"""A Debian that runs with its own systemd in a directory, and the shell of its administrator."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from lab import Namespace, wait_until  # noqa: E402


class Inside(Namespace):
    """A network namespace that somebody else made."""

    def __init__(self, path):
        self.path = path


class Debian:
    def __init__(self, root):
        self.root = os.path.realpath(root)

    def __enter__(self):
        self.boot = subprocess.Popen([os.path.join(HERE, "boot"), self.root], start_new_session=True)
        try:
            self.init = wait_until("the system boots", self.find_init)
            wait_until("systemd answers", lambda: self.run("systemctl is-system-running", check=False)[1].strip()
                       in ("running", "degraded"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.boot.terminate()
        self.boot.wait(30)

    def find_init(self):
        """The process that is number 1 in there: the grandchild of boot, once it is systemd."""
        assert self.boot.poll() is None, "the system does not boot"
        pid = self.boot.pid
        for _ in range(2):
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                children = file.read().split()
            if not children:
                return None
            pid = int(children[0])
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return pid if file.read().strip() == "systemd" else None

    def run(self, script, check=True, timeout=300):
        """What an administrator types, line by line: gives (exit status, everything it printed)."""
        done = subprocess.run(
            ["nsenter", "-a", "-t", str(self.init), "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8",
             "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
             "bash", "-c", f"cd /root\n{script}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"exit {done.returncode} of:\n{script}\n{done.stdout}")
        return done.returncode, done.stdout

    def shown(self, script):
        return self.run(script)[1].strip()

    def namespace(self, name):
        return Inside(f"/proc/{self.init}/root/run/netns/{name}")
