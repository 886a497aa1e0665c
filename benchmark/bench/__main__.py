"""`python -m benchmark.bench`: time our attacks against those of other libraries."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from benchmark.bench import report
from benchmark.bench.cases import against, chosen
from benchmark.bench.peers import PEERS
from benchmark.bench.timing import CLOCKS, run
from benchmark.errors import CallError, SqueezebenchError


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="squeezebench bench", description=__doc__)
    parser.add_argument("--only", metavar="PATTERN", help="cases whose title this is found in")
    parser.add_argument("--images", type=int, help="how many each case attacks")
    parser.add_argument("--peer", action="append", choices=sorted(PEERS), help="all if absent")
    parser.add_argument("--batch", type=int, help="how many at once; all of them if absent")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=2, help="rounds; the fastest counts")
    parser.add_argument(
        "--clock",
        choices=sorted(CLOCKS),
        default="wall",
        help="cpu counts the processors' seconds: for a machine that others use too",
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--out", type=Path, help="folder for bench.json, bench.md and bench.svg")
    arguments = parser.parse_args(given)
    for option in ("images", "batch", "threads", "repeats"):
        number = getattr(arguments, option)
        if number is not None and number < 1:
            raise CallError(f"--{option} {number}: expected at least 1")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise CallError("--device cuda: torch finds no CUDA device here; use --device cpu")
    return arguments


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(given: Sequence[str] | None = None) -> int:
    """Run the cases asked for; the exit code. Progress goes to standard error."""
    try:
        arguments = _arguments(given)
        torch.set_num_threads(arguments.threads)
        rows = run(
            against(chosen(arguments.only), arguments.peer or sorted(PEERS)),
            repeats=arguments.repeats,
            images=arguments.images,
            batch=arguments.batch,
            device=arguments.device,
            clock=arguments.clock,
            say=_say,
        )
        measured_on = report.machine(arguments.device, arguments.clock)
        if arguments.out is not None:
            report.write(arguments.out, rows, measured_on)
    except SqueezebenchError as problem:
        sys.stderr.write(f"squeezebench: {problem}\n")
        return problem.exit_code
    if arguments.json:
        sys.stdout.write(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    else:
        sys.stdout.write(report.table(rows, measured_on))
    return 0


if __name__ == "__main__":
    sys.exit(main())
