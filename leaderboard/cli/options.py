"""What several commands share: options, their checks, the terminal."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmark.errors import CallError
from leaderboard.engine.devices import devices, workers_on

# Wide enough for a table where there is no terminal to ask.
out = Console(width=None if sys.stdout.isatty() else 120)
MAX_WORKERS = 8
DEFAULT_DB = "squeezebench.db"

Db = Annotated[
    str,
    typer.Option("--db", metavar="URL", help="database: a path, or postgresql://USER@HOST/NAME"),
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for programs")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda")]
Precision = Annotated[
    str, typer.Option(help="of crafting: auto, fp32 or bf16; judging is in fp32 always")
]
Workers = Annotated[
    int | None, typer.Option(help="worker processes; default: one a core (at most 8), two a GPU")
]
Threads = Annotated[int, typer.Option(help="CPU threads a worker; part of what a run is")]


def workers_for(asked: int | None, device: str) -> int:
    """The number of workers asked for, or what suits the device."""
    at_least_one("--workers", asked)
    if asked is not None:
        return asked
    on_gpu = device == "cuda" or (device == "auto" and Path("/dev/nvidiactl").exists())
    if on_gpu:
        return workers_on("cuda", max(1, len(devices())))
    return min(len(os.sched_getaffinity(0)), MAX_WORKERS)


def at_least_one(option: str, given: int | None) -> None:
    """Refuse a count below 1."""
    if given is not None and given < 1:
        raise CallError(f"{option} {given}: expected at least 1")


def one_of(option: str, given: str, *known: str) -> None:
    """Refuse what is none of the `known` words."""
    if given not in known:
        listed = f"{', '.join(known[:-1])} or {known[-1]}"
        raise CallError(f"{option} {given}: expected {listed}")


def say(sentence: str) -> None:
    """Print a line as it is, however long."""
    out.print(sentence, highlight=False, markup=False, soft_wrap=True)


def print_json(content: Any) -> None:
    """Print for programs."""
    sys.stdout.write(json.dumps(content, indent=1) + "\n")
