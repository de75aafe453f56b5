# SPDX-License-Identifier: Apache-2.0
"""Runs a program in the sandbox of a systemd unit, where no systemd runs: confined.py UNIT UID WRITABLE PROGRAM [ARGUMENT]...

Of the unit's settings those that could keep a program from its work, by the same means as systemd: a mount namespace
that only hears of the host's mounts, with all but WRITABLE read-only; the user; bounding and ambient capabilities; no
new privileges; the filter of system calls. A call that the filter does not allow ends the program, so that none goes
unnoticed. Source: systemd.exec(5), capabilities(7), seccomp_rule_add(3).
"""

import contextlib
import ctypes
import ctypes.util
import os
import socket
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
CLONE_ANY_NAMESPACE = 0x7E020080
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 32, 4096, 16384, 1 << 19
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 24, 38, 47, 2
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
CAPABILITY_VERSION_3 = 0x20080522
SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW = 0x80000000, 0x7FFF0000
SCMP_ACT_ERRNO = 0x00050000
SCMP_CMP_EQ, SCMP_CMP_MASKED_EQ = 4, 7
ENOSYS = 38


def read_unit(path):
    """Setting -> its values, one for each line."""
    settings = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if "=" in line and not line.startswith("#"):
                name, value = line.rstrip("\n").split("=", 1)
                settings.setdefault(name, []).append(value)
    return settings


def words(unit, name):
    return " ".join(unit.get(name, [""])).split()


def checked(what, result):
    if result < 0:
        raise OSError(ctypes.get_errno() or -result, what)
    return result


def private_mounts(unit, writable):
    """As ProtectSystem=strict does it."""
    assert unit["ProtectSystem"] == ["strict"]
    checked("unshare", LIBC.unshare(CLONE_NEWNS))
    checked("slave", LIBC.mount(None, b"/", None, MS_REC | MS_SLAVE, None))
    checked("bind", LIBC.mount(writable.encode(), writable.encode(), None, MS_BIND, None))
    checked("read-only", LIBC.mount(None, b"/", None, MS_REMOUNT | MS_BIND | MS_RDONLY, None))


def set_capabilities(wanted):
    bits = sum(1 << number for number in wanted)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)
    checked("capset", LIBC.capset(header, data))
    for number in wanted:
        checked("ambient", LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0))


def become(unit, uid):
    bounding = {CAPABILITIES[name] for name in words(unit, "CapabilityBoundingSet")}
    for number in range(64):
        if number not in bounding:
            LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # those beyond the kernel's last fail
    checked("keepcaps", LIBC.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    set_capabilities([CAPABILITIES[name] for name in words(unit, "AmbientCapabilities")])
    assert unit["NoNewPrivileges"] == ["yes"]
    checked("no new privileges", LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def calls_of(group):
    """Names of the calls in a group of systemd's."""
    if not group.startswith("@"):
        return {group}
    shown = subprocess.run(["systemd-analyze", "syscall-filter", group], check=True, capture_output=True, text=True)
    names = [line.strip() for line in shown.stdout.splitlines()[1:]]
    return set().union(*(calls_of(name) for name in names if name and not name.startswith("#")))


def allowed_calls(unit):
    calls = set()
    for line in unit["SystemCallFilter"]:
        some = set().union(*(calls_of(group) for group in line.removeprefix("~").split()))
        calls = calls - some if line.startswith("~") else calls | some
    return calls


class Compare(ctypes.Structure):
    """struct scmp_arg_cmp"""
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


class Filter:
    def __init__(self):
        self.library = ctypes.CDLL("libseccomp.so.2")
        self.library.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.library.seccomp_init(ctypes.c_uint32(SCMP_ACT_KILL_PROCESS)))

    def add(self, name, *compares, action=SCMP_ACT_ALLOW):
        number = self.library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # else not of this architecture
            array = (Compare * len(compares))(*compares)
            checked(name, self.library.seccomp_rule_add_array(self.context, ctypes.c_uint32(action), number,
                                                              len(compares), array))

    def load(self):
        checked("seccomp", self.library.seccomp_load(self.context))


def make_filter(unit):
    """Of socket(2), clone(2) and setns(2) only what RestrictAddressFamilies and RestrictNamespaces leave."""
    sieve = Filter()
    for name in allowed_calls(unit) - {"socket", "clone", "clone3", "unshare", "setns"}:
        sieve.add(name)
    for family in words(unit, "RestrictAddressFamilies"):
        sieve.add("socket", Compare(0, SCMP_CMP_EQ, getattr(socket, family), 0))
    sieve.add("clone", Compare(0, SCMP_CMP_MASKED_EQ, CLONE_ANY_NAMESPACE, 0))
    sieve.add("clone3", action=SCMP_ACT_ERRNO | ENOSYS)
    if words(unit, "RestrictNamespaces") == ["net"]:
        sieve.add("setns", Compare(1, SCMP_CMP_EQ, CLONE_NEWNET, 0))
    return sieve


def is_sanitized(program):
    """Sanitizers watch a program by means that the filter does not allow."""
    with open(program, "rb") as file:
        return b"__asan_init" in file.read()


def main():
    path, uid, writable, *command = sys.argv[1:]
    unit = read_unit(path)
    sieve = None if is_sanitized(command[0]) else make_filter(unit)
    private_mounts(unit, writable)
    become(unit, int(uid))
    if sieve:
        sieve.load()
    with contextlib.suppress(FileNotFoundError):
        os.execv(command[0], command)
    sys.exit(f"{command[0]}: not found")


if __name__ == "__main__":
    main()
