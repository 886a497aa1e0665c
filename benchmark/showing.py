"""Which pictures of a shard are kept: of a few images the clean one and the one that decides."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmark.batches import Batch
from benchmark.gallery import picture
from benchmark.geometry import to_bytes
from benchmark.judge import Judge, Verdict
from benchmark.records import OUTPUT, SOURCE, Picture
from benchmark.score import inside
from benchmark.scoring import Exhibit, filled
from benchmark.threat import ThreatModel


class Judged(NamedTuple):
    """An exhibit with the final verdict on it."""

    exhibit: Exhibit
    verdict: Verdict


def pictures(
    judge: Judge,
    shown: Sequence[Judged],
    images: int,
    headline: ThreatModel,
    seed: Sequence[object],
) -> Iterator[Picture]:
    """Of the first `images`: the clean one, the one that decides, and either behind the defense.

    `shown` are the exhibits of all cells, the clean one first. `seed` is that of the verdicts, so
    that the defense is shown in a draw that counted.
    """
    clean = shown[0]
    inner = inside([one.exhibit.cell for one in shown], headline)
    attacked = [one for one in shown if one.exhibit.cell in inner]
    deciding = [_worst(attacked, i) for i in range(images)]
    for one in shown:
        chosen = [i for i in range(images) if one is clean or one is deciding[i]]
        if chosen:
            yield from _kept(judge, one.exhibit, chosen, clean.exhibit.batch, seed)


def _worst(attacked: Sequence[Judged], i: int) -> Judged | None:
    """Under what image number `i` has the fewest right draws, then the smallest margin."""

    def standing(one: Judged) -> tuple[int, float]:
        return int(one.verdict.draws_correct[i]), float(one.verdict.margin[i])

    return min((one for one in attacked if i < len(one.exhibit.pixels)), key=standing, default=None)


def _kept(
    judge: Judge, shown: Exhibit, chosen: Sequence[int], clean: Batch, seed: Sequence[object]
) -> Iterator[Picture]:
    """A `source` for each image of the exhibit, and an `output` where the defense gives one."""
    cell = shown.cell.name
    defended, failed = judge.defended(filled(shown, clean), *seed, cell, clean.start)
    made = None if defended is None else to_bytes(defended)
    for i in chosen:
        name = shown.batch.ids[i]
        yield picture(cell, name, SOURCE, shown.pixels[i])
        if made is not None and not failed[i]:
            yield picture(cell, name, OUTPUT, made[i])
