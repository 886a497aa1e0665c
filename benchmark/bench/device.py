"""`python -m benchmark.bench.device`: how much of a device's speed PGD reaches, and its peers.

On each model with random weights, every step for every picture, as many pictures at once as the
device takes: each side's number is found by bisection. Printed are images times steps a second of
our PGD, of bare forward and backward passes of the model that ours runs (its floor), of the same
passes of the model as its library made it, and of the PGD of torchattacks and of ART, where they
are installed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import torch

from benchmark.bench import peers, subjects
from benchmark.bench.cases import LINF_4
from benchmark.bench.overhead import attacking, bare
from benchmark.bench.subjects import Subject
from benchmark.bench.timing import CLOCKS, EXAMPLES, Contender
from benchmark.device_share import device_share
from benchmark.errors import CallError, DataError
from benchmark.fitting import Fitting
from benchmark.precision import PRECISIONS, precision_on
from benchmark.prepare import prepare
from benchmark.tensors import Images
from benchmark.threat import Budget

MODELS = ("resnet50", "vit-b16")
PEERS = ("torchattacks", "art")
OURS, FLOOR, LOADED = "ours", "floor", "as loaded"
DIFFERENT = 16
"""Images that are made; more are the same ones again, which takes as long."""

Run = Callable[[Subject], Images]


@dataclass(frozen=True)
class Speed:
    """Images times steps a second, by who makes them; a peer that is not installed is missing.

    `at_once` are the images that each takes at once. `of_floor` is our share of what the bare
    passes reach, `ratios` are ours over each peer's.
    """

    device: str
    model: str
    precision: str
    images: int
    steps: int
    at_once: dict[str, int]
    speeds: dict[str, float]
    of_floor: float
    ratios: dict[str, float]


class Fitted(Contender):
    """A contender that takes as many images at once as fit."""

    def __init__(self, subject: Subject, run: Run) -> None:
        """Its first run searches."""
        super().__init__(self._parts)
        self._subject, self._work, self._fitting = subject, run, Fitting()
        self.at_once = 0

    def _parts(self) -> Images:
        n = len(self._subject.x)
        parts = self._fitting.split((), n, n, self._part, self._part)
        self.at_once = len(parts[0])
        return torch.cat(parts)

    def _part(self, images: slice) -> Images:
        one = self._subject
        return self._work(Subject(one.model, one.x[images], one.y[images]))


def measure(name: str, device: str, images: int, steps: int, repeats: int) -> Iterator[Speed]:
    """A row for fp32, and one for bf16 where crafting uses it; all take turns."""
    subject = _repeated(subjects.find(name, min(images, DIFFERENT)).to(device), images)
    theirs = {peer: Fitted(subject, run) for peer, run in _peers(steps)}
    for precision in dict.fromkeys(("fp32", precision_on(subject.x.device))):
        model = prepare(subject.model, subject.x[:EXAMPLES], dtype=PRECISIONS[precision])
        contenders = theirs | {
            OURS: Fitted(subject, lambda one: attacking(model, one, steps).run()),  # noqa: B023
            FLOOR: Fitted(subject, lambda one: bare(model, one, steps).run()),  # noqa: B023
            LOADED: Fitted(subject, lambda one: bare(one.model, one, steps).run()),
        }
        for contender in contenders.values():
            contender.run()
        for _ in range(repeats):
            for contender in contenders.values():
                contender.time(CLOCKS["wall"])
        speeds = {who: images * steps / one.seconds for who, one in contenders.items()}
        yield Speed(
            device=torch.cuda.get_device_name() if device == "cuda" else device,
            model=name,
            precision=precision,
            images=images,
            steps=steps,
            at_once={who: one.at_once for who, one in contenders.items()},
            speeds=speeds,
            of_floor=speeds[OURS] / speeds[FLOOR],
            ratios={peer: speeds[OURS] / speeds[peer] for peer in theirs},
        )


def _repeated(subject: Subject, images: int) -> Subject:
    place = torch.arange(images, device=subject.x.device) % len(subject.x)
    return Subject(subject.model, subject.x[place], subject.y[place])


def _peers(steps: int) -> Iterator[tuple[str, Run]]:
    """The peers that are installed."""
    budget = Budget(LINF_4, steps=steps, until_broken=False)
    for peer in PEERS:
        try:
            attack = peers.find(peer, "pgd")
        except DataError:
            continue
        yield peer, lambda one, attack=attack: attack(one.model, one.x, one.y, budget)  # type: ignore[misc]


def main(given: Sequence[str] | None = None) -> int:
    """Print a line of JSON a row."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.bench.device", description=__doc__)
    parser.add_argument("--model", choices=MODELS, action="append", help="all of them if absent")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--images", type=int, default=1024, help="at most at once")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(given)
    if arguments.device == "cuda":
        if not torch.cuda.is_available():
            raise CallError("--device cuda: torch finds no CUDA device here; use --device cpu")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.cuda.set_per_process_memory_fraction(device_share(), 0)
    for name in arguments.model or MODELS:
        for row in measure(
            name, arguments.device, arguments.images, arguments.steps, arguments.repeats
        ):
            sys.stdout.write(json.dumps(asdict(row)) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
