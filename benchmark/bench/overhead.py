"""`python -m benchmark.bench.overhead`: what PGD takes beyond the model's forward and backward.

Both sides run the very model that crafting runs, prepared once: ours as the harness calls it, with
random start, steps, projection, rounding and counting; the floor as that many bare gradients of
the cross-entropy at the same pictures.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional

from benchmark import attacks
from benchmark.attacked import AttackedModel
from benchmark.bench import subjects
from benchmark.bench.cases import LINF_4
from benchmark.bench.subjects import Subject
from benchmark.bench.timing import CLOCKS, EXAMPLES, Contender
from benchmark.precision import crafting_dtype
from benchmark.prepare import prepare
from benchmark.tensors import Images
from benchmark.threat import Budget

SUBJECTS = ("resnet50", "deit-tiny", "mini-resnet")
"""A large network of each kind, and a small one, before which the attack's own work weighs most."""


@dataclass(frozen=True)
class OverheadRow:
    """Least seconds of both over the repeats, for all the images and steps.

    `overhead` is the share of the attack's time that is not the model's: 1 - floor / seconds.
    """

    model: str
    precision: str
    images: int
    steps: int
    seconds: float
    floor_seconds: float
    overhead: float


def attacking(model: nn.Module, subject: Subject, steps: int) -> Contender:
    """PGD with every step for every image."""
    budget = Budget(LINF_4, steps=steps, until_broken=False)

    def run() -> Images:
        attacked = AttackedModel(model, None, len(subject.x))
        return attacks.find("pgd")(attacked, subject.x, subject.y, budget).detach()

    return Contender(run)


def bare(model: nn.Module, subject: Subject, steps: int) -> Contender:
    """As many gradients and nothing else; the images are the last one."""

    def run() -> Images:
        for _ in range(steps):
            x = subject.x.detach().requires_grad_()
            loss = functional.cross_entropy(model(x), subject.y, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, x)
        return gradient

    return Contender(run)


def measure(name: str, images: int, steps: int, repeats: int, clock: str) -> Iterator[OverheadRow]:
    """A row for each precision that crafting uses here. Both take turns, so noise meets both."""
    subject = subjects.find(name, images)
    for dtype in dict.fromkeys((torch.float32, crafting_dtype(subject.x.device))):
        model = prepare(subject.model, subject.x[:EXAMPLES], dtype=dtype)
        ours, floor = attacking(model, subject, steps), bare(model, subject, steps)
        for _ in range(repeats):
            for contender in (ours, floor):
                contender.time(CLOCKS[clock])
        yield OverheadRow(
            model=name,
            precision="bf16" if dtype is torch.bfloat16 else "fp32",
            images=len(subject.x),
            steps=steps,
            seconds=ours.seconds,
            floor_seconds=floor.seconds,
            overhead=1 - floor.seconds / ours.seconds,
        )


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=SUBJECTS, action="append", help="all of them if absent")
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in given.model or SUBJECTS:
        for row in measure(name, given.images, given.steps, given.repeats, given.clock):
            line = (
                f"{row.model} {row.precision}: PGD-{row.steps} on {row.images} pictures "
                f"{row.seconds:.2f} s, bare gradients {row.floor_seconds:.2f} s, "
                f"overhead {100 * row.overhead:.1f} %"
            )
            sys.stdout.write((json.dumps(asdict(row)) if given.json else line) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
