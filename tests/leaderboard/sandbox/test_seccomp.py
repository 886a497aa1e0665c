"""The filter, run on the kernel's own instructions, and in a real box."""

import struct
from pathlib import Path

import pytest

from benchmark.errors import CallError, ContractError
from leaderboard.sandbox import seccomp
from leaderboard.sandbox.seccomp import ALLOW, ERROR, KILL, MACHINES, program
from tests.boxes import boxed, images_of, written


def answer(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the filter says of a call, by the rules of classic BPF."""
    data = struct.pack(
        "=iIQ6Q",
        number,
        audit or MACHINES[machine].audit,
        0,
        *arguments,
        *(0,) * (6 - len(arguments)),
    )
    lines = list(struct.iter_unpack("=HBBI", program(machine)))
    place = loaded = 0
    while True:
        code, then, otherwise, value = lines[place]
        place += 1
        if code == seccomp.LOAD:
            (loaded,) = struct.unpack_from("=I", data, value)
        elif code == seccomp.RETURN:
            return int(value)
        else:
            holds = {
                seccomp.EQUAL: loaded == value,
                seccomp.AT_LEAST: loaded >= value,
                seccomp.ANY_BIT: bool(loaded & value),
            }[code]
            place += then if holds else otherwise


@pytest.mark.parametrize("machine", MACHINES)
def test_every_call_of_the_table_is_refused_and_others_are_not(machine: str) -> None:
    calls = MACHINES[machine].calls
    for name, number in calls.items():
        if name in seccomp.SPECIAL:
            continue
        assert answer(machine, number) == ERROR | seccomp.EPERM, name
    free = set(range(450)) - set(calls.values())
    assert {answer(machine, number) for number in free} == {ALLOW}


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_that_depend_on_an_argument(machine: str) -> None:
    calls = MACHINES[machine].calls
    refused = ERROR | seccomp.EPERM
    thread, new_user = 0x003D0F00, 0x10000000
    assert answer(machine, calls["clone"], thread) == ALLOW
    assert answer(machine, calls["clone"], thread | new_user) == refused
    assert answer(machine, calls["clone3"]) == ERROR | seccomp.ENOSYS
    assert answer(machine, calls["socket"], seccomp.AF_UNIX) == ALLOW
    for family in (2, 10, 16, 17, 38, 40):  # inet, inet6, netlink, packet, alg, vsock
        assert answer(machine, calls["socket"], family) == ERROR | seccomp.EAFNOSUPPORT
    assert answer(machine, calls["ioctl"], 0, 0x5412) == refused
    assert answer(machine, calls["ioctl"], 0, 0x5401) == ALLOW


def test_another_processor_s_calls_end_the_process() -> None:
    assert answer("x86_64", 0, audit=MACHINES["aarch64"].audit) == KILL
    assert answer("x86_64", seccomp.X32 | 1) == ERROR | seccomp.ENOSYS


def test_an_unknown_processor_is_refused() -> None:
    with pytest.raises(CallError, match="no system calls of s390x; it runs on x86_64 and aarch64"):
        program("s390x")


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("ctypes.CDLL(None, use_errno=True).unshare(0x10000000) and _raise()", "not permitted"),
        ("ctypes.CDLL(None, use_errno=True).ptrace(0, 0, 0, 0) and _raise()", "not permitted"),
        ("os.memfd_create('m')", "not permitted"),
        ("socket.socket(socket.AF_VSOCK)", "not supported"),
        ("socket.socket(socket.AF_NETLINK)", "not supported"),
    ],
)
def test_the_kernel_holds_it(tmp_path: Path, call: str, said: str) -> None:
    body = (
        "import ctypes\nimport os\nimport socket\n\n\n"
        "def _raise():\n    number = ctypes.get_errno()\n"
        "    raise OSError(number, os.strerror(number))\n\n\n"
        f"class Own(Defense):\n    def forward(self, x: Images) -> Images:\n        {call}\n"
        "        return x\n"
    )
    with boxed(written(tmp_path, body)) as plugin, pytest.raises(ContractError, match=said):
        plugin.forward(images_of())
