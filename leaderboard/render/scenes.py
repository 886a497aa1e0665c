"""Images of which a run kept pictures: as they were, and as an attack that decides left them."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from benchmark.records import CLEAN, OUTPUT, SHOWABLE, SOURCE, Outcome, Run, ShardResult


@dataclass(frozen=True)
class File:
    """A stored PNG file by its hash, and its sides in pixels."""

    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Shot:
    """An image under one cell: what was judged, what came of it, and what was measured.

    `share` is that of the right draws, `bits_per_pixel` and `psnr` are as in a `CodecOutcome`; each
    is None where there is none. `linf` is how far a color value is from the clean one's.
    """

    cell: str
    source: File
    output: File | None
    linf: int
    share: float | None
    bits_per_pixel: float | None
    psnr: float | None


@dataclass(frozen=True)
class Scene:
    """An image before one classifier (or none): clean, and under the cells that decide of it."""

    classifier: str
    image: str
    clean: Shot
    attacked: tuple[Shot, ...]


def scenes(run: Run) -> tuple[Scene, ...]:
    """Every image with pictures, in the order of the plan; none of data that may not be shown."""
    if run.header.dataset not in SHOWABLE:
        return ()
    pixels = {one.name: one.height * one.width for one in run.header.classifiers}
    return tuple(
        scene for result in run.results for scene in _of_shard(result, pixels) if scene.attacked
    )


def _of_shard(result: ShardResult, pixels: dict[str, int]) -> Iterator[Scene]:
    files = {(one.cell, one.image, one.role): _file(one.png) for one in result.pictures}
    measured = {(one.cell, one.image): (one, pixels[one.classifier]) for one in result.outcomes}
    coded = {(one.cell, one.image): one for one in result.codec_outcomes}

    def shot(cell: str, image: str) -> Shot:
        source, output = files[cell, image, SOURCE], files.get((cell, image, OUTPUT))
        if found := coded.get((cell, image)):
            rate = None if found.bits is None else found.bits / found.pixels
            return Shot(cell, source, output, found.linf, None, rate, found.psnr)
        judged, size = measured[cell, image]
        rate = None if judged.bits is None else judged.bits / size
        return Shot(cell, source, output, judged.linf, _share(judged), rate, None)

    shots: dict[str, list[Shot]] = {}
    for cell, image, role in files:
        if role == SOURCE:
            shots.setdefault(image, []).append(shot(cell, image))
    for image, (clean, *attacked) in shots.items():
        if clean.cell == CLEAN:
            yield Scene(result.shard.classifier, image, clean, tuple(attacked))


def _share(outcome: Outcome) -> float:
    return outcome.draws_correct / outcome.draws


def _file(png: bytes) -> File:
    with Image.open(io.BytesIO(png)) as opened:
        return File(hashlib.sha256(png).hexdigest(), opened.width, opened.height)
