"""From outside: what the processes of a box hold, and what they print."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

KEPT_OUTPUT = 64 * 1024
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")


class Usage(NamedTuple):
    """Of all processes together; `memory` in bytes, what they share with files on disk left out."""

    memory: int
    processes: int
    threads: int
    cpu_s: float


def usage(root: int) -> Usage:
    """What the descendants of the process `root` hold."""
    found = [held for held in map(_held, _below(root)) if held is not None]
    return Usage(
        memory=sum(held.memory for held in found),
        processes=len(found),
        threads=sum(held.threads for held in found),
        cpu_s=sum(held.cpu_s for held in found),
    )


def _below(root: int) -> Iterator[int]:
    waiting = [root]
    while waiting:
        process = waiting.pop()
        try:
            tasks = os.listdir(f"/proc/{process}/task")
            below = [
                int(child)
                for task in tasks
                for child in Path(f"/proc/{process}/task/{task}/children").read_text().split()
            ]
        except OSError:  # it has ended
            continue
        yield from below
        waiting += below


def _held(process: int) -> Usage | None:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    kib = sum(int(fields.get(name, "0").split()[0]) for name in ("RssAnon", "RssShmem"))
    ticks = int(stat[11]) + int(stat[12])  # in user mode and in the kernel
    return Usage(1024 * kib, 1, int(fields.get("Threads", "1")), ticks / os.sysconf("SC_CLK_TCK"))


class Output:
    """What a box printed: the last of it, and how much there was."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._kept = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take more of it."""
        self.total += len(data)
        self._kept += data
        del self._kept[:-KEPT_OUTPUT]

    def __str__(self) -> str:
        """The end of it, as text without anything that a terminal or browser would obey."""
        return harmless(self._kept.decode(errors="replace"))


def harmless(text: str) -> str:
    """`text` without control characters, but for ends of lines and tabs."""
    return CONTROL.sub("", ESCAPE.sub("", text.replace("\r\n", "\n")))
