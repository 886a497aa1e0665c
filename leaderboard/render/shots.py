"""Stored pictures as files of the site: small, and the same bytes for the same pixels."""

import io
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.errors import StoreError
from benchmark.records import OUTPUT, SOURCE, Run
from leaderboard.render.gallery import factor, path_of
from leaderboard.render.scenes import Scene
from leaderboard.render.source import reading

LARGEST = 10_000
"""Bytes of a file. What lossless WebP does not bring below it is coded with loss."""
QUALITIES = range(95, 0, -5)
EFFORT = 0
"""Of lossless WebP; more takes twice the time and saves nothing on such pictures."""
GRAY = 128

QUERY = """
SELECT pictures.png FROM pictures
JOIN shards ON shards.id = pictures.shard_id JOIN cells ON cells.id = pictures.cell_id
WHERE shards.run_id = ? AND shards.classifier = ? AND cells.name = ? AND pictures.image = ?
AND pictures.role = ?
"""


class Place(NamedTuple):
    """Where the database has a picture."""

    run: int
    classifier: str
    cell: str
    image: str
    role: str


Pixels = NDArray[np.uint8]


def files_of(
    run: Run, scenes: tuple[Scene, ...], database: Path
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Path and content of every file of a run's gallery."""
    for scene in scenes:
        own = (run.id, scene.classifier)
        clean = Place(*own, scene.clean.cell, scene.image, SOURCE)
        for shot in (scene.clean, *scene.attacked):
            source = Place(*own, shot.cell, scene.image, SOURCE)
            yield path_of(shot.source), partial(_as_it_is, database, source)
            if shot.output:
                output = source._replace(role=OUTPUT)
                yield path_of(shot.output), partial(_as_it_is, database, output)
            if shot.linf:
                changed = partial(_change, database, clean, source, factor(shot))
                yield path_of(scene.clean.source, shot.source), changed


def _as_it_is(database: Path, place: Place) -> bytes:
    with reading(database) as connection:
        return webp(_pixels(connection, place))


def _change(database: Path, clean: Place, attacked: Place, times: int) -> bytes:
    """How one picture differs from the other, amplified, on gray."""
    with reading(database) as connection:
        before, after = (_pixels(connection, place).astype(int) for place in (clean, attacked))
    return webp((GRAY + times * (after - before)).clip(0, 255).astype(np.uint8))


def _pixels(connection: sqlite3.Connection, place: Place) -> Pixels:
    found = connection.execute(QUERY, place).fetchone()
    if found is None:
        raise StoreError(f"run {place.run} has no picture of {place.image} under {place.cell}")
    with Image.open(io.BytesIO(found[0]), formats=["PNG"]) as opened:
        return np.asarray(opened.convert("RGB"))


def webp(pixels: Pixels) -> bytes:
    """The picture as a WebP file: without loss if that is small, else as good as is small."""
    picture = Image.fromarray(pixels)
    coded = _coded(picture, lossless=True, quality=EFFORT)
    for quality in QUALITIES:
        if len(coded) <= LARGEST:
            break
        coded = _coded(picture, lossless=False, quality=quality)
    return coded


def _coded(picture: Image.Image, *, lossless: bool, quality: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", lossless=lossless, quality=quality, method=4)
    return file.getvalue()
