"""A plain sign attack on bls2017 beside APGD, on one crop of each Kodak picture.

    export SQUEEZEBENCH_DATA=/path/to/folder
    python -m tests.real.plain_attack

prints the table of `site/content/kodak-codecs.md`. The plain attack keeps no best iterate, rounds
at the end alone, and follows the codec's own slopes.
"""

import sys
from collections.abc import Callable, Iterator

import torch

from benchmark import datasets
from benchmark.codec_track import attacks, objectives
from benchmark.codec_track.types import Views
from benchmark.codecs.bls2017 import Bls2017
from benchmark.defense import Codec
from benchmark.draws import seeded
from benchmark.geometry import from_bytes, to_lattice
from benchmark.metrics.psnr import psnr
from benchmark.protocol import DatasetSpec
from benchmark.tensors import Images, PerImage
from benchmark.threat import LEVELS, Budget, Norm, ThreatModel

SIZE, STEPS, GREY_LEVELS, STEP = 256, 50, 4, 2 / LEVELS
THREAT = ThreatModel(Norm.LINF, GREY_LEVELS)
CASES = ((1, "rate"), (1, "mse"), (4, "rate"))


def pictures() -> Images:
    """The upper left corner of every picture."""
    found = datasets.find(DatasetSpec(name="kodak"))
    corners = [torch.tensor(found.read(i)[:SIZE, :SIZE]) for i in range(len(found))]
    return from_bytes(torch.stack(corners).permute(0, 3, 1, 2))


def noisy(x: Images) -> Images:
    """Every value up or down by chance."""
    with seeded("noise"):
        signs = torch.randint(0, 2, x.shape) * 2 - 1
    return (x + THREAT.eps * signs).clamp(0, 1)


def plain(codec: Codec, x: Images, objective: str) -> Images:
    """Steps of the sign; the last picture counts."""
    x_adv = x
    for _ in range(STEPS):
        x_adv = x_adv.detach().requires_grad_()
        coded = codec.coded(x_adv)
        error = (coded.x_hat - x_adv).square().sum()
        total = coded.bits.sum() if objective == "rate" else error
        (slope,) = torch.autograd.grad(total, x_adv)
        moved = x_adv + STEP * slope.sign()
        x_adv = (x + (moved - x).clamp(-THREAT.eps, THREAT.eps)).clamp(0, 1)
    return to_lattice(x_adv.detach())


def apgd(codec: Codec, x: Images, objective: str) -> Images:
    """Ours, as protocols run it."""
    loss = objectives.find(objective)(codec, x, Views())
    return attacks.find("apgd")(loss, x, Budget(THREAT, steps=STEPS))


def judged(codec: Codec, x: Images) -> tuple[PerImage, PerImage]:
    """Bits of real streams, and PSNR of what they decode to."""
    streams, x_hat = codec.round_trip(x)
    return torch.tensor([8.0 * len(stream) for stream in streams]), psnr(x_hat, x)


def rows() -> Iterator[str]:
    """One row a case: bits as a multiple of the clean ones, or decibels lost, in the mean."""
    x = pictures()
    for step, objective in CASES:
        codec = Bls2017(step)
        bits, quality = judged(codec, x)
        makers: tuple[Callable[[], Images], ...] = (
            lambda: noisy(x),
            lambda: plain(codec, x, objective),  # noqa: B023 (called here)
            lambda: apgd(codec, x, objective),  # noqa: B023
        )
        shown = []
        for make in makers:
            more, left = judged(codec, make())
            lost = f"{float((quality - left).mean()):.2f}"
            shown.append(f"{float((more / bits).mean()):.3f}×" if objective == "rate" else lost)
        yield f"| step {step}, {objective} | {' | '.join(shown)} |"


if __name__ == "__main__":
    sys.stdout.write("| bls2017 | noise | plain attack | APGD |\n| --- | --- | --- | --- |\n")
    for row in rows():
        sys.stdout.write(row + "\n")
        sys.stdout.flush()
