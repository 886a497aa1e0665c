"""The figures that count: every picture of a shard once more, in an order that nobody could know.

While attacks go on, pictures are judged one cell after the other, clean ones first, because the
next attack has to know what is broken. A submission that remembers what it saw could use that
order: who has met the clean picture recognizes the attacked one. So another instance, which has
seen nothing of the shard, is asked about all of it in a secret order, in batches of one size, among
flipped pictures that count for nothing. Its answers are the outcomes, and where the two disagree
the submission depends on more than the picture.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.batches import Batch
from benchmark.classifiers import LoadedClassifier
from benchmark.crafting import Crafted
from benchmark.fitting import in_parts
from benchmark.geometry import from_bytes
from benchmark.judge import Judge, Verdict, differences, through_png
from benchmark.probes import drifted
from benchmark.records import Cell, Outcome
from benchmark.tensors import DefenseMap, Logits, Mask, Model
from benchmark.threat import Access

DECOY = "decoy"


class Exhibit(NamedTuple):
    """Pictures of one cell as a PNG file brings them back, with how far they are from the clean."""

    cell: Cell
    batch: Batch
    crafted: Crafted
    pixels: Tensor
    hashes: tuple[str, ...]
    linf: list[int]
    l2: list[float]


def exhibit(batch: Batch, cell: Cell, crafted: Crafted) -> Exhibit:
    """What a judge is to see of `crafted`."""
    pixels, hashes = through_png(crafted.pixels)
    return Exhibit(cell, batch, crafted, pixels, hashes, *differences(pixels, batch.pixels))


def decoy(batch: Batch) -> Exhibit:
    """Flipped clean pictures, whose verdict counts for nothing but must not depend on the order."""
    flipped = replace(batch, pixels=batch.pixels.flip(-1))
    return exhibit(flipped, Cell(DECOY, Access.NONE), Crafted.untouched(flipped.pixels))


def judged(judge: Judge, shown: Exhibit, seed: Sequence[object], clean: Batch) -> Verdict:
    """The verdict on an exhibit. `clean` fills it up, for a batch's size could tell what it is."""
    verdict = judge(filled(shown, clean), clean.y, *seed, shown.cell.name, clean.start)
    return verdict.first(len(shown.pixels))


def filled(shown: Exhibit, clean: Batch) -> Tensor:
    """The pictures of the exhibit, followed by flipped clean ones up to a whole batch."""
    n = len(shown.pixels)
    if n == len(clean.pixels):
        return shown.pixels
    return _as_read(torch.cat([shown.pixels, clean.pixels[n:].flip(-1)]))


def _as_read(pixels: Tensor) -> Tensor:
    """The same with the strides that reading a PNG file gives: arithmetic depends on them."""
    return pixels.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


def in_secret(
    judge: Judge,
    exhibits: Sequence[Exhibit],
    seed: Sequence[object],
    clean: Batch,
    *,
    randomized: bool,
) -> list[Verdict]:
    """The verdicts on all exhibits, which are shown in an order that is drawn here.

    Every image has an order of its own, so that each batch is of clean, attacked and flipped ones;
    an image keeps its place in the batch, and with that its arithmetic. Exhibits with the same
    picture of an image share one answer; an image with fewer pictures than others is shown some of
    them again. For a `randomized` defense the order is one of whole exhibits: its draws are those
    of a batch, and have to be the same whenever the run is repeated.
    """
    n, count = len(clean.pixels), len(exhibits)
    if randomized:
        order = secrets.SystemRandom().sample(range(count), count)
        found = {place: judged(judge, exhibits[place], seed, clean) for place in order}
        return [found[place] for place in range(count)]
    pixels, images = torch.stack([filled(one, clean) for one in exhibits]), torch.arange(n)
    same = [_first_places(pixels[:, i]) for i in range(n)]
    most = max(len(set(places)) for places in same)
    orders = [_secret_order(places, most) for places in same]
    turns = torch.tensor(orders)
    verdicts = [
        judge(_as_read(pixels[turns[:, turn], images]), clean.y, *seed, "secret", turn, clean.start)
        for turn in range(most)
    ]
    when = torch.tensor(
        [
            [order.index(first) for first in places]
            for order, places in zip(orders, same, strict=True)
        ]
    )
    return [
        gathered(verdicts, when[:, place]).first(len(shown.pixels))
        for place, shown in enumerate(exhibits)
    ]


def _first_places(pictures: Tensor) -> list[int]:
    """Of each picture of one image, the place of the first one that is the same."""
    seen: dict[bytes, int] = {}
    return [
        seen.setdefault(hashlib.sha256(picture.tobytes()).digest(), place)
        for place, picture in enumerate(pictures.cpu().numpy())
    ]


def _secret_order(places: Sequence[int], length: int) -> list[int]:
    """The different `places` in a secret order of that length, some of them more than once."""
    draw, different = secrets.SystemRandom(), sorted(set(places))
    order = different + draw.choices(different, k=length - len(different))
    draw.shuffle(order)
    return order


def gathered(verdicts: Sequence[Verdict], when: Tensor) -> Verdict:
    """The verdict on images of which the i-th was shown in batch `when[i]`."""

    def of(name: str) -> Tensor:
        return torch.stack([getattr(verdicts[turn], name)[i] for i, turn in enumerate(turns)])

    turns = when.tolist()
    failing = next((verdicts[turn] for turn in turns if verdicts[turn].reason), verdicts[0])
    return replace(
        failing,
        logits=of("logits"),
        predicted=of("predicted"),
        margin=of("margin"),
        bits=tuple(verdicts[turn].bits[i] for i, turn in enumerate(turns)),
        draws_correct=of("draws_correct"),
        failed=of("failed"),
        defense_seconds=median(one.defense_seconds for one in verdicts),
    )


def disagreeing(first: Sequence[Verdict], second: Sequence[Verdict], n: int) -> Mask:
    """Which of a shard's `n` images any cell's judges do not agree on."""
    changed = torch.zeros(n, dtype=torch.bool)
    for one, other in zip(first, second, strict=True):
        moved = drifted(one.logits, other.logits).cpu()
        bits = torch.tensor([a != b for a, b in zip(one.bits, other.bits, strict=True)])
        changed[: len(moved)] |= moved | bits | (one.failed != other.failed)
    return changed


def attacked_differently(
    mapped: DefenseMap, model: Model, exhibits: Sequence[Exhibit], verdicts: Sequence[Verdict]
) -> Mask:
    """Which images of one exhibit, drawn here, `mapped` answers otherwise than they were judged.

    `mapped` is what attacks follow, and is asked as they ask it.
    """
    place = secrets.randbelow(len(exhibits))
    pixels = exhibits[place].pixels

    def asked(part: slice) -> Logits:
        with torch.enable_grad():
            return model(mapped(from_bytes(pixels[part]).requires_grad_())).detach()

    logits = torch.cat(in_parts(asked, len(pixels)))
    return drifted(verdicts[place].logits, logits).cpu()


def outcomes(
    classifier: LoadedClassifier, exhibits: Sequence[Exhibit], verdicts: Sequence[Verdict]
) -> tuple[Outcome, ...]:
    """What became of each picture of the exhibits."""
    return tuple(
        _outcome(classifier, shown, verdict, i)
        for shown, verdict in zip(exhibits, verdicts, strict=True)
        for i in range(len(shown.batch.ids))
    )


def _outcome(classifier: LoadedClassifier, shown: Exhibit, verdict: Verdict, i: int) -> Outcome:
    draws_correct = int(verdict.draws_correct[i])
    return Outcome(
        classifier=classifier.name,
        cell=shown.cell.name,
        image=shown.batch.ids[i],
        correct=2 * draws_correct > verdict.draws,
        predicted=classifier.numbers[int(verdict.predicted[i])],
        margin=float(verdict.margin[i]),
        linf=shown.linf[i],
        l2=shown.l2[i],
        bits=verdict.bits[i],
        gradient_steps=int(shown.crafted.backwards[i]),
        queries=int(shown.crafted.forwards[i]),
        png_sha256=shown.hashes[i],
        draws=verdict.draws,
        draws_correct=draws_correct,
    )
