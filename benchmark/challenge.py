"""Judging pictures that somebody hands in against a run: as the harness judges its own."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.batches import Batch
from benchmark.crafting import Crafted
from benchmark.evaluate import Harness
from benchmark.judge import differences, in_ball
from benchmark.records import Cell, Outcome
from benchmark.threat import Access, Norm, ThreatModel


class Judged(NamedTuple):
    """What became of pictures handed in, as in `benchmark.records.Challenge`."""

    outcomes: tuple[Outcome, ...]
    outside: dict[str, float]
    unchanged: tuple[str, ...]


def challenge_cell(threat: ThreatModel, sha256: str) -> Cell:
    """The cell of a challenge with this content.

    Its name seeds the draws that judge a randomized defense. It holds the content's hash, so nobody
    can fit pictures to the draws that will judge them.
    """
    return Cell(
        name=f"challenge/{threat}/{sha256[:16]}",
        access=Access.NONE,
        norm=threat.norm.value,
        radius=threat.radius,
    )


def judge_pictures(
    harness: Harness, classifier: str, cell: Cell, positions: Sequence[int], pixels: Tensor
) -> Judged:
    """Judge the `pixels` (n, 3, h, w), bytes, each against the picture at its position.

    Only pictures that differ from the clean one and stay in the ball of `cell` reach the judge.
    """
    clean = harness.batch(classifier, positions)
    pixels = pixels.to(clean.pixels.device)
    threat = ThreatModel(Norm(cell.norm or ""), cell.radius or 0)
    linf, l2 = differences(pixels, clean.pixels)
    sizes = [float(size) for size in (linf if threat.norm is Norm.LINF else l2)]
    fits = [in_ball(a, b, threat) for a, b in zip(linf, l2, strict=True)]
    left = [i for i, fit in enumerate(fits) if fit and linf[i] > 0]
    outcomes: list[Outcome] = []
    if left:
        rows = torch.tensor(left, device=pixels.device)
        part = Batch(
            tuple(clean.ids[i] for i in left), clean.pixels[rows], clean.y[rows], clean.start
        )
        handed_in = Crafted.untouched(pixels[rows])
        _, outcomes = harness.judged(classifier, part, cell, handed_in)
    return Judged(
        tuple(outcomes),
        {name: sizes[i] for i, name in enumerate(clean.ids) if not fits[i]},
        tuple(name for i, name in enumerate(clean.ids) if linf[i] == 0),
    )
