"""`python -m leaderboard.sandbox.bench`: what the box costs, against the same work without it.

PGD through a defense in a box and in this process, by turns; what a call costs that carries one
pixel; and how long a box takes until it has a submission.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import torch

from benchmark.attacked import AttackedModel
from benchmark.attacks.pgd import pgd
from benchmark.bench.subjects import Subject, find
from benchmark.defense import Plugin
from benchmark.draws import seeded
from benchmark.errors import CallError, SqueezebenchError
from benchmark.estimators import estimator
from benchmark.prepare import prepare
from benchmark.tensors import Images, Model
from benchmark.threat import Budget, Norm, ThreatModel
from leaderboard.sandbox.arguments import PROJECT, Shown
from leaderboard.sandbox.loading import PluginSpec, load
from leaderboard.sandbox.plugins import Boxes
from leaderboard.sandbox.watch import usage
from leaderboard.submission import load as load_submission

CALLS = 1000
IDENTITY = "identity"


@dataclass(frozen=True)
class Cost:
    """Seconds of one PGD step each way, milliseconds of a call, seconds of a start.

    `overhead` is the median, over rounds, of what the box adds to the time beside it.
    """

    submission: str
    model: str
    batch: int
    rounds: int
    clock: str
    in_process_s: float
    in_box_s: float
    overhead: float
    same_pictures: bool
    call_ms: float
    start_s: float


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox bench", description=__doc__)
    parser.add_argument("--submission", default="jpeg")
    parser.add_argument("--variant", default="q50")
    parser.add_argument("--model", default="deit-tiny", help="a subject of the other bench")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5, help="each way, by turns")
    parser.add_argument("--steps", type=int, default=1, help="of PGD in a round")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="cpu counts the processors' seconds, in the box and here: for a machine in use",
    )
    arguments = parser.parse_args(given)
    for name in ("batch", "rounds", "steps", "threads"):
        if getattr(arguments, name) < 1:
            raise CallError(f"--{name} {getattr(arguments, name)}: expected at least 1")
    return arguments


def _shown(submission: str, variant: str, threads: int) -> tuple[PluginSpec, Shown]:
    found = load_submission(PROJECT / "submissions" / submission)
    defense = found.manifest.defense
    parameters = dict(found.variant(variant).parameters)
    source = str(found.source.resolve())
    spec = PluginSpec(source, found.class_name, defense.kind, defense.randomized, parameters)
    return spec, Shown(found.path, threads=threads)


def _attack(subject: Subject, model: Model, plugin: Plugin, budget: Budget) -> Images:
    with seeded("bench"):
        attacked = AttackedModel(model, estimator("surrogate", plugin), len(subject.x))
        return pgd(attacked, subject.x, subject.y, budget).detach()


def _clock(name: str) -> float:
    """Seconds on the wall, or those that this process and what it started have worked."""
    if name == "wall":
        return time.perf_counter()
    return time.process_time() + usage(os.getpid()).cpu_s


def _timed(clock: str, work: Callable[[], Images]) -> tuple[float, Images]:
    started = _clock(clock)
    made = work()
    return _clock(clock) - started, made


def _call_ms(boxes: Boxes, clock: str) -> float:
    """The mean time of a call that carries next to nothing, through a defense that does."""
    plugin, x = boxes.make(), torch.rand(1, 3, 1, 1)
    with torch.no_grad():
        plugin.forward(x)
        started = _clock(clock)
        for _ in range(CALLS):
            plugin.forward(x)
    return 1000 * (_clock(clock) - started) / CALLS


def _start_s(spec: PluginSpec, shown: Shown, clock: str) -> float:
    started = _clock(clock)
    with Boxes(spec, shown) as boxes:
        boxes.make()
        return _clock(clock) - started


def measure(arguments: argparse.Namespace) -> Cost:
    """Everything, on this machine as it is now."""
    torch.set_num_threads(arguments.threads)
    subject = find(arguments.model, arguments.batch)
    model = prepare(subject.model, subject.x[:2], dtype=torch.float32)
    spec, shown = _shown(arguments.submission, arguments.variant, arguments.threads)
    budget = Budget(ThreatModel(Norm.LINF, 4), steps=arguments.steps, until_broken=False)
    here, there, same = [], [], True
    with Boxes(spec, shown) as boxes:
        ways = [load(spec).eval(), boxes.make()]
        runs = [partial(_attack, subject, model, plugin, budget) for plugin in ways]
        for run in runs:  # what the first call alone has to do
            run()
        for _ in range(arguments.rounds):
            (plain, expected), (boxed, found) = (_timed(arguments.clock, run) for run in runs)
            here.append(plain / arguments.steps)
            there.append(boxed / arguments.steps)
            same = same and torch.equal(expected, found)
    nothing = _shown(IDENTITY, "none", arguments.threads)
    with Boxes(*nothing) as boxes:
        call_ms = _call_ms(boxes, arguments.clock)
    ratios = [boxed / plain for plain, boxed in zip(here, there, strict=True)]
    return Cost(
        submission=f"{arguments.submission}/{arguments.variant}",
        model=arguments.model,
        batch=arguments.batch,
        rounds=arguments.rounds,
        clock=arguments.clock,
        in_process_s=statistics.median(here),
        in_box_s=statistics.median(there),
        overhead=statistics.median(ratios) - 1,
        same_pictures=same,
        call_ms=call_ms,
        start_s=_start_s(spec, shown, arguments.clock),
    )


def main(given: Sequence[str] | None = None) -> int:
    """Measure and print as JSON; the exit code."""
    try:
        cost = measure(_arguments(given))
    except SqueezebenchError as problem:
        sys.stderr.write(f"squeezebench: {problem}\n")
        return problem.exit_code
    sys.stdout.write(json.dumps(asdict(cost), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
