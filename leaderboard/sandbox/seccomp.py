"""The system calls that a box refuses, as a program for the kernel's filter.

A deny-list: what torch and CUDA need is long and changes, what a defense never needs does not. It
stands behind the namespaces, in case one of them has a hole.
"""

import platform
import struct
from collections.abc import Mapping
from typing import NamedTuple

from benchmark.errors import CallError


class Machine(NamedTuple):
    """A processor's number in the kernel's audit table, and the numbers of its system calls."""

    audit: int
    calls: Mapping[str, int]


TABLE = """
acct 163 89
add_key 248 217
adjtimex 159 171
bpf 321 280
chroot 161 51
clock_adjtime 305 266
clock_settime 227 112
clone 56 220
clone3 435 435
delete_module 176 106
fanotify_init 300 262
finit_module 313 273
fsconfig 431 431
fsmount 432 432
fsopen 430 430
fspick 433 433
init_module 175 105
io_uring_enter 426 426
io_uring_register 427 427
io_uring_setup 425 425
ioctl 16 29
ioperm 173 -
iopl 172 -
kcmp 312 272
kexec_file_load 320 294
kexec_load 246 104
keyctl 250 219
landlock_create_ruleset 444 444
lookup_dcookie 212 18
memfd_create 319 279
memfd_secret 447 447
modify_ldt 154 -
mount 165 40
mount_setattr 442 442
move_mount 429 429
mq_open 240 180
msgget 68 186
name_to_handle_at 303 264
open_by_handle_at 304 265
open_tree 428 428
perf_event_open 298 241
personality 135 92
pidfd_getfd 438 438
pivot_root 155 41
process_madvise 440 440
process_vm_readv 310 270
process_vm_writev 311 271
ptrace 101 117
quotactl 179 60
quotactl_fd 443 443
reboot 169 142
request_key 249 218
semget 64 190
setdomainname 171 162
sethostname 170 161
setns 308 268
settimeofday 164 170
shmat 30 196
shmctl 31 195
shmget 29 194
socket 41 198
swapoff 168 225
swapon 167 224
syslog 103 116
umount2 166 39
unshare 272 97
userfaultfd 323 282
"""
"""Of each call, the number on x86-64 and on AArch64 (`-`: it has none)."""


def _machine(audit: int, column: int) -> Machine:
    rows = (line.split() for line in TABLE.split("\n") if line)
    return Machine(audit, {row[0]: int(row[column]) for row in rows if row[column] != "-"})


MACHINES: Mapping[str, Machine] = {
    "x86_64": _machine(0xC000003E, 1),
    "aarch64": _machine(0xC00000B7, 2),
}

SPECIAL = frozenset({"socket", "clone", "clone3", "ioctl"})
"""Calls that are refused for some arguments only, or with another answer."""
NAMESPACES = 0x7E020080
"""Flags of clone that would make a namespace."""
AF_UNIX = 1
TERMINAL = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX: they type into the terminal of whoever started the box."""
X32 = 0x40000000
"""Set in the numbers of x86-64's second set of calls, which this table does not know."""

EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97
NUMBER, AUDIT, FIRST, SECOND = 0, 4, 16, 24
"""Where the kernel puts a call's number, the processor, the first and the second argument."""
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000


def program(machine: str | None = None) -> bytes:
    """The filter for a processor, this one's unless given."""
    name = machine or platform.machine()
    if name not in MACHINES:
        raise CallError(
            f"the sandbox knows no system calls of {name}; it runs on {' and '.join(MACHINES)}"
        )
    audit, calls = MACHINES[name]
    refused = sorted(number for call, number in calls.items() if call not in SPECIAL)
    lines = [
        _line(LOAD, AUDIT),
        *_unless(EQUAL, audit, KILL),
        _line(LOAD, NUMBER),
        *(_if(AT_LEAST, X32, ERROR | ENOSYS) if name == "x86_64" else ()),
        *(line for number in refused for line in _if(EQUAL, number, ERROR | EPERM)),
        # The libraries then take clone, whose flags can be read here.
        *_if(EQUAL, calls["clone3"], ERROR | ENOSYS),
        *_for(calls["clone"], FIRST, _if(ANY_BIT, NAMESPACES, ERROR | EPERM)),
        *_for(calls["socket"], FIRST, _unless(EQUAL, AF_UNIX, ERROR | EAFNOSUPPORT)),
        *_for(
            calls["ioctl"],
            SECOND,
            [line for request in TERMINAL for line in _if(EQUAL, request, ERROR | EPERM)],
        ),
        _line(RETURN, ALLOW),
    ]
    return b"".join(lines)


def _line(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("=HBBI", code, then, otherwise, value)


def _if(test: int, value: int, answer: int) -> list[bytes]:
    return [_line(test, value, 0, 1), _line(RETURN, answer)]


def _unless(test: int, value: int, answer: int) -> list[bytes]:
    return [_line(test, value, 1, 0), _line(RETURN, answer)]


def _for(number: int, argument: int, lines: list[bytes]) -> list[bytes]:
    """`lines` for one call, with its argument loaded; otherwise the number stays loaded."""
    body = [_line(LOAD, argument), *lines, _line(RETURN, ALLOW)]
    return [_line(EQUAL, number, 0, len(body)), *body]
