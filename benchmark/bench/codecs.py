"""`python -m benchmark.bench.codecs`: time attacks on codecs against the codec's own passes.

A step of an attack needs one forward and one backward pass of the codec; `floor` is what those
take, with frozen weights and nothing else done. Averaging over draws is compared with asking for
the draws one by one. Memory is kept as in a worker.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from compressai.models import ScaleHyperprior  # type: ignore[import-untyped]

from benchmark.bench.timing import CLOCKS
from benchmark.codec_track import attacks, objectives
from benchmark.codec_track.attacks.ascent import slope
from benchmark.codec_track.types import Views
from benchmark.codecs.bls2017 import Bls2017
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.naive import NaiveRandomization
from benchmark.datasets import photos
from benchmark.defense import Codec
from benchmark.draws import seeded
from benchmark.errors import CallError, SqueezebenchError
from benchmark.geometry import from_bytes
from benchmark.memory import keep_freed
from benchmark.tensors import Images
from benchmark.threat import Budget, Norm, ThreatModel

Clock = Callable[[], float]
Work = Callable[[], object]

LINF_4 = ThreatModel(Norm.LINF, 4)
DRAWS = 24
FLOOR = ("floor", "")
CASES = (("pgd", "rate"), ("pgd", "joint"), ("apgd", "rate"), ("adam", "mse"), ("cw", "rate"))


@dataclass(frozen=True)
class Row:
    """Seconds of an attack on all images, and of what it is compared with."""

    codec: str
    attack: str
    objective: str
    images: int
    seconds: float
    other: str
    other_seconds: float

    @property
    def ratio(self) -> float:
        """Ours over the other; for the floor, 1 is the least that there is."""
        return self.seconds / self.other_seconds


def hyperprior() -> Codec:
    """Balle et al. 2018 as wide as the published one of its lower rates, with random weights."""
    with seeded("hyperprior"):
        return LearnedCodec(ScaleHyperprior(128, 192), stride=64)


CODECS: Mapping[str, Callable[[], Codec]] = {
    "bls2017": lambda: Bls2017(1),
    "hyperprior": hyperprior,
}


def photographs(n: int) -> Images:
    """The first `n` of `photos`."""
    loaded = photos.load()
    pixels = torch.stack([torch.tensor(loaded.read(i)) for i in range(n)])
    return from_bytes(pixels.permute(0, 3, 1, 2))


def against_the_floor(name: str, n: int, steps: int, clock: Clock, repeats: int) -> list[Row]:
    """Every attack of `steps` steps against as many bare passes."""
    codec, x = CODECS[name](), photographs(n)
    budget = Budget(LINF_4, steps=steps)
    work: dict[tuple[str, str], Work] = {case: _attack(codec, x, budget, *case) for case in CASES}
    seconds = fastest({**work, FLOOR: lambda: _bare_passes(codec, x, steps)}, clock, repeats)
    return [Row(name, *case, n, seconds[case], *FLOOR[:1], seconds[FLOOR]) for case in CASES]


def draws_at_once(name: str, n: int, clock: Clock, repeats: int) -> Row:
    """The loss of a randomized codec over `DRAWS` draws, against as many losses of one draw."""
    codec, x = NaiveRandomization(CODECS[name]()), photographs(n)
    together = objectives.find("rate")(codec, x, Views(draws=DRAWS))
    alone = objectives.find("rate")(codec, x, Views())
    work: dict[tuple[str, str], Work] = {
        ("together", ""): lambda: slope(together, x),
        ("alone", ""): lambda: [slope(alone, x) for _ in range(DRAWS)],
    }
    ours, other = fastest(work, clock, repeats).values()
    return Row(f"naive {name}", f"{DRAWS} draws", "rate", n, ours, "one by one", other)


def _attack(codec: Codec, x: Images, budget: Budget, attack: str, objective: str) -> Work:
    loss = objectives.find(objective)(codec, x, Views())
    return lambda: attacks.find(attack)(loss, x, budget)


def _bare_passes(codec: Codec, x: Images, steps: int) -> None:
    for _ in range(steps):
        leaf = x.clone().requires_grad_()
        coded = codec.coded(leaf)
        torch.autograd.grad(coded.bits.sum() + coded.x_hat.sum(), leaf)


def fastest(
    work: Mapping[tuple[str, str], Work], clock: Clock, repeats: int
) -> dict[tuple[str, str], float]:
    """The least seconds of each; all take turns, so that noise meets all."""
    seconds = dict.fromkeys(work, float("inf"))
    for _ in range(repeats):
        for name, run in work.items():
            started = clock()
            run()
            seconds[name] = min(seconds[name], clock() - started)
    return seconds


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [
        "| codec | attack | objective | images | seconds | other | its seconds | ratio |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {row.codec} | {row.attack} | {row.objective} | {row.images} | {row.seconds:.2f} | "
            f"{row.other} | {row.other_seconds:.2f} | {row.ratio:.2f} |"
            for row in rows
        ),
    ]
    return "\n".join(lines) + "\n"


def main(given: Sequence[str] | None = None) -> int:
    """Measure; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.bench.codecs", description=__doc__)
    parser.add_argument("--codec", choices=sorted(CODECS), action="append", help="default: all")
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--steps", type=int, default=20, help="of every attack")
    parser.add_argument("--repeats", type=int, default=2, help="rounds; the fastest counts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=sorted(CLOCKS), default="wall", help="as of the bench")
    arguments = parser.parse_args(given)
    try:
        for option in ("images", "steps", "repeats", "threads"):
            if getattr(arguments, option) < 1:
                raise CallError(f"--{option} {getattr(arguments, option)}: expected at least 1")
        keep_freed()
        torch.set_num_threads(arguments.threads)
        n, steps, repeats = arguments.images, arguments.steps, arguments.repeats
        clock = CLOCKS[arguments.clock]
        rows = []
        for name in arguments.codec or CODECS:
            rows += against_the_floor(name, n, steps, clock, repeats)
            rows.append(draws_at_once(name, n, clock, repeats))
    except SqueezebenchError as problem:
        sys.stderr.write(f"squeezebench: {problem}\n")
        return problem.exit_code
    sys.stdout.write(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
