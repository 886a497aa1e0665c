"""What a figure depends on besides protocol and submission: code, packages, machine."""

import hashlib
import os
import platform
import shutil
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
RECORDED = (
    *("torch", "torchvision", "timm", "compressai", "numpy", "pillow", "safetensors"),
    "scikit-image",
)


@lru_cache(maxsize=1)
def code_hash() -> str:
    """sha256 over the sources and protocols of the package `benchmark`."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in {".py", ".txt"} and path.is_file():
            digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def packages() -> dict[str, str]:
    """Versions of the packages whose arithmetic decides figures."""
    return {name: installed(name) or "absent" for name in RECORDED}


def installed(name: str) -> str | None:
    """Version of an installed package, None if it is absent."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def commit() -> str | None:
    """The git commit of this checkout, marked `+changes` if files differ; None outside git.

    A submission that git does not know yet is no change: a run names the hash of its own.
    """
    git = shutil.which("git")
    if git is None or not (PACKAGE.parent / ".git").exists():
        return None

    def ask(*arguments: str) -> str:
        done = subprocess.run(
            [git, "-C", str(PACKAGE.parent), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    head = ask("rev-parse", "HEAD")
    lines = ask("status", "--porcelain").splitlines()
    changes = [line for line in lines if not line.startswith("?? submissions/")]
    return (head + ("+changes" if changes else "")) if head else None


def processor() -> str:
    """Name of the processor, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def describe(device: str, threads: int) -> dict[str, Any]:
    """The environment of a run on `device` with `threads` threads a worker."""
    return {
        "commit": commit(),
        "code": code_hash(),
        "packages": packages(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "device": device,
        "threads": threads,
        "sandboxed": False,
    }
