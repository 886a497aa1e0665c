"""Processor time of this process and of all that it started, as Linux counts it."""

import os
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
PARENT, FIRST, LAST = 1, 11, 14
"""Fields of `/proc/N/stat` behind the name: the parent; user and system time, its own and that of
children that have ended."""


def seconds(process: int | None = None) -> float:
    """User and system time of `process`, None for this one, and of all its descendants."""
    fields = {}
    for path in PROC.iterdir():
        if path.name.isdecimal():
            try:
                # The name is in parentheses and may hold anything.
                fields[int(path.name)] = (path / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
    children: dict[int, list[int]] = {}
    for number, found in fields.items():
        children.setdefault(int(found[PARENT]), []).append(number)
    todo, ticks = [process or os.getpid()], 0
    while todo:
        number = todo.pop()
        ticks += sum(map(int, fields[number][FIRST : LAST + 1]))
        todo += children.get(number, [])
    return ticks / TICKS
