"""What this machine offers a sandbox, and the remedy for what it lacks."""

import os
import platform
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from benchmark.errors import BoxError, SqueezebenchError
from leaderboard.sandbox.arguments import FENCE, cuda_nodes
from leaderboard.sandbox.limits import Limits
from leaderboard.sandbox.seccomp import MACHINES

OLDEST = (0, 8)
"""The first bubblewrap with `--disable-userns`."""
APPARMOR = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
MOST_NAMESPACES = Path("/proc/sys/user/max_user_namespaces")
SWITCH = Path("/proc/sys/kernel/unprivileged_userns_clone")
SYSTEMD = Path("/run/systemd/system")
NVIDIA = (Path("/proc/driver/nvidia"), Path("/dev/nvidiactl"))
PROFILE = """\
# /etc/apparmor.d/bwrap
abi <abi/4.0>,
include <tunables/global>
profile bwrap /usr/bin/bwrap flags=(unconfined) {
  userns,
  include if exists <local/bwrap>
}
"""
LOAD_PROFILE = "sudo apparmor_parser -r /etc/apparmor.d/bwrap"
CUDA = "sandbox: CUDA"
"""The part that only runs on a GPU need."""
WITHOUT = "; for code of your own, --unsandboxed evaluates without, and marks the run unofficial"


class Part(NamedTuple):
    """One thing that a sandbox needs: whether it is there, and what to say of it."""

    part: str
    ok: bool
    says: str


def bwrap() -> str:
    """The path of bubblewrap's program."""
    found = shutil.which("bwrap")
    if found is None:
        raise BoxError(
            "the sandbox needs bubblewrap, and bwrap is not on PATH: apt-get install bubblewrap"
            + WITHOUT
        )
    return found


@lru_cache(maxsize=1)
def check() -> None:
    """Refuse to go on where no box can be made, with the remedy."""
    for part in examine():
        if not part.ok and part.part != CUDA:
            raise BoxError(f"no sandbox on this machine: {part.says}{WITHOUT}")


def available() -> bool:
    """Whether a box can be made here."""
    try:
        check()
    except BoxError:
        return False
    return True


def examine() -> list[Part]:
    """Every part of a sandbox on this machine."""
    parts = [_system(), _bubblewrap()]
    if all(part.ok for part in parts):
        parts.append(_namespaces())
        parts.append(_limits())
    nodes = _cuda()
    return [*parts, nodes] if nodes else parts


def _system() -> Part:
    name, machine = platform.system(), platform.machine()
    ok = name == "Linux" and machine in MACHINES
    says = f"{name} on {machine}"
    remedy = f"; the sandbox needs Linux on {' or '.join(MACHINES)}"
    return Part("sandbox: system", ok, says if ok else says + remedy)


def _bubblewrap() -> Part:
    try:
        program = bwrap()
    except SqueezebenchError:
        return Part(
            "sandbox: bwrap",
            False,
            "bwrap is not on PATH; on Debian and Ubuntu: apt-get install bubblewrap",
        )
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"(\d+)\.(\d+)", said.stdout)
    if version is None or tuple(map(int, version.groups())) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        return Part(
            "sandbox: bwrap",
            False,
            f"{program} is {said.stdout.strip() or 'of no version'}, expected {needed} or newer: "
            "Debian 12, Ubuntu 24.04 and later have it",
        )
    return Part("sandbox: bwrap", True, said.stdout.strip())


def _namespaces() -> Part:
    """Whether bwrap can really make a box."""
    done = subprocess.run(
        [
            bwrap(),
            *FENCE,
            "--ro-bind",
            "/",
            "/",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--",
            "/bin/true",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return Part("sandbox: namespaces", True, "bwrap makes a box")
    said = " ".join(done.stderr.split())[:300]
    return Part("sandbox: namespaces", False, f"bwrap makes no box ({said}): {_remedy()}")


def _remedy() -> str:
    if _reads(APPARMOR, "1"):
        return (
            "AppArmor forbids user namespaces (Ubuntu 24.04 and later). Write this to "
            f"/etc/apparmor.d/bwrap and run `{LOAD_PROFILE}`:\n{PROFILE}"
        )
    if _reads(SWITCH, "0"):
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _reads(MOST_NAMESPACES, "0"):
        return "sudo sysctl -w user.max_user_namespaces=15000"
    return (
        "user namespaces are refused here; a container needs `--security-opt seccomp=unconfined "
        "--security-opt systempaths=unconfined`, or run on the machine itself"
    )


def _reads(path: Path, value: str) -> bool:
    try:
        return path.read_text().strip() == value
    except OSError:
        return False


def _limits() -> Part:
    if has_scopes():
        says = "systemd-run limits memory and processes of a box"
    else:
        says = "no systemd here; the harness watches memory and processes of a box, and ends it"
    return Part("sandbox: limits", True, says)


def _cuda() -> Part | None:
    """The device files, on a machine that has a driver."""
    if not any(path.exists() for path in NVIDIA):
        return None
    absent = [str(node) for node in cuda_nodes() if not node.exists()]
    if not absent:
        return Part(CUDA, True, "all device files are there")
    return Part(
        CUDA,
        False,
        f"{', '.join(absent)} missing, so torch in the box would find no device: "
        "sudo nvidia-modprobe -u -c 0 makes them",
    )


@lru_cache(maxsize=1)
def has_scopes() -> bool:
    """Whether systemd can put a limit around a box."""
    if not SYSTEMD.exists() or shutil.which("systemd-run") is None:
        return False
    done = subprocess.run(
        [*_systemd_run(), "--", "/bin/true"], capture_output=True, check=False, timeout=10
    )
    return done.returncode == 0


def _systemd_run() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user"]
    return ["systemd-run", *user, "--scope", "--quiet", "--collect"]


def scope(limits: Limits) -> list[str]:
    """What stands before bwrap on a command line, nothing where there is no systemd."""
    if not has_scopes():
        return []
    return [
        *_systemd_run(),
        *("-p", f"MemoryMax={limits.memory}", "-p", "MemorySwapMax=0"),
        *("-p", f"TasksMax={limits.threads}", "--"),
    ]
