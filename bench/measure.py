# SPDX-License-Identifier: Apache-2.0
"""What all measurements share: programs in namespaces of their own, processor time, tables.

A namespace here has no name: it lives as long as the processes in it, and these die with us
(--kill-child and the parent's death signal), so that nothing is left however a measurement ends.
"""

import contextlib
import ctypes
import glob
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("ILB_BUILD", os.path.join(ROOT, "build", "dev"))
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1


class Missing(Exception):
    """A peer cannot take part; the sentence says why."""


def install_peers():
    """On a machine with systemd Debian starts the services of some: hence only when asked to."""
    subprocess.run([os.path.join(ROOT, "tests", "support", "packages.sh"), "bench"], check=True)


def program(name):
    return os.path.join(BUILD, "bench", name)


def need(*names):
    for name in names:
        if not shutil.which(name):
            raise Missing(f"{name} is not installed")


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(*command, **options):
    """A process that dies when we do."""
    return subprocess.Popen(command, preexec_fn=die_with_parent, **options)


class Group:
    """Processes of one peer, in one new network namespace, with a directory of their own."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="ilb-bench.")
        self.processes = []
        self.anchor = start("unshare", "--net", "sleep", "infinity")
        home = os.stat("/proc/self/ns/net").st_ino
        while os.stat(f"/proc/{self.anchor.pid}/ns/net").st_ino == home:
            if self.anchor.poll() is not None:
                self.end()
                print("skipped: no right to make network namespaces")
                sys.exit(77)
            time.sleep(0.005)
        self.run("ip", "link", "set", "lo", "up")

    def path(self, name):
        return os.path.join(self.directory, name)

    def inside(self, *command):
        return ("nsenter", f"--net=/proc/{self.anchor.pid}/ns/net", *command)

    def start(self, *command, **options):
        process = start(*self.inside(*command), **options)
        self.processes.append(process)
        return process

    def run(self, *command, timeout=600, **options):
        try:
            done = subprocess.run(self.inside(*command), capture_output=True, text=True,
                                  timeout=timeout, check=False, **options)
        except subprocess.TimeoutExpired as why:
            raise Missing(f"{' '.join(command)[:80]}: not done after {timeout:.0f} s") from why
        if done.returncode != 0:
            raise Missing(f"{' '.join(command)[:80]}: {(done.stderr or done.stdout).strip()[:300]}")
        return done.stdout

    @contextlib.contextmanager
    def entered(self):
        """Sockets that this thread makes meanwhile are the namespace's."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(f"/proc/{self.anchor.pid}/ns/net", "rb") as there:
            if LIBC.setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                if LIBC.setns(home.fileno(), CLONE_NEWNET) != 0:
                    os._exit(1)

    def cpu_us(self):
        """Processor time of all processes so far."""
        total = 0
        for process in self.processes:
            for path in glob.glob(f"/proc/{process.pid}/task/*/schedstat"):
                with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
                    total += int(file.read().split()[0])
        return total / 1000

    def peak_kb(self):
        """Of all processes together."""
        total = 0
        for process in self.processes:
            with contextlib.suppress(OSError), \
                    open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        return total

    def end(self):
        for process in [*self.processes, self.anchor]:
            process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def wait_until(what, condition, timeout=30):
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Missing(f"waited {timeout:.0f} s in vain: {what}")
        time.sleep(0.01)


def quartiles(values):
    """Median, and the quartiles as its spread."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return statistics.median(values), low, high


def spread(values, digits=2):
    median, low, high = quartiles(values)
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def show(header, rows):
    """A table in Markdown, as it stands in the README."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for i, row in enumerate([header, ["-" * width for width in widths], *rows]):
        print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |")


def machine():
    """CPU model, kernel and Debian release, without names of hosts."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        model = next((line.split(":", 1)[1].strip() for line in file
                      if line.startswith("model name")), "unknown")
    with open("/etc/debian_version", encoding="ascii") as file:
        debian = file.read().strip()
    kernel = os.uname().release.split("-")[0]
    return f"{os.cpu_count()} x {model}, Linux {kernel}, Debian {debian}"
