"""The pictures that a shard keeps: those that were judged, and what came of them."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark.classifiers import LoadedClassifier
from benchmark.datasets import Sample
from benchmark.defense import Defense
from benchmark.evaluate import Declared, Harness
from benchmark.gallery import picture
from benchmark.geometry import from_bytes, to_bytes
from benchmark.protocol import Protocol
from benchmark.records import CLEAN, OUTPUT, SOURCE, Outcome, Shard, ShardResult
from benchmark.score import inside
from benchmark.tensors import Images


class Coarse(Defense):
    """Rounds to sixteenths of the range."""

    def forward(self, x: Images) -> Images:
        return (15 * x).round() / 15


class Noisy(Defense):
    """Adds a draw of its own, as large as the coarse steps."""

    randomized = True

    def forward(self, x: Images) -> Images:
        return (x + torch.randn_like(x) / 16).clamp(0, 1)


Made = Callable[..., tuple[Harness, ShardResult]]


@pytest.fixture
def evaluated(
    protocol: Protocol, sample: Sample, mini_resnet: LoadedClassifier, tmp_path: Path
) -> Made:
    def run(defense: type[Defense], start: int = 0, name: str = "shapes") -> Any:
        loaded = {"mini-resnet": mini_resnet}
        declared = Declared("none", defense.randomized)
        named = replace(sample, pictures=replace(sample.pictures, name=name))
        harness = Harness(protocol, named, loaded, defense, declared, tmp_path)
        return harness, harness.evaluate(Shard("mini-resnet", start, start + 2))

    return run


def pixels_of(png: bytes) -> Tensor:
    with Image.open(io.BytesIO(png)) as opened:
        return torch.from_numpy(np.asarray(opened).copy()).permute(2, 0, 1)


def standing(outcome: Outcome) -> tuple[int, float]:
    return outcome.draws_correct, outcome.margin


def test_a_shard_keeps_what_decides_and_what_the_defense_makes_of_it(
    evaluated: Made, protocol: Protocol
) -> None:
    harness, result = evaluated(Coarse)
    judged = {(o.cell, o.image): o for o in result.outcomes}
    kept = {(one.cell, one.image, one.role): one.png for one in result.pictures}
    cells = [cell.name for cell in inside(harness.cells, protocol.headline_threat)]
    for image in {o.image for o in result.outcomes}:
        clean, deciding = (c for c, other, role in kept if (other, role) == (image, SOURCE))
        assert clean == CLEAN
        assert standing(judged[deciding, image]) == min(standing(judged[c, image]) for c in cells)
        for cell in (clean, deciding):
            png = kept[cell, image, SOURCE]
            assert hashlib.sha256(png).hexdigest() == judged[cell, image].png_sha256
            expected = to_bytes(Coarse().forward(from_bytes(pixels_of(png)[None])))
            assert torch.equal(pixels_of(kept[cell, image, OUTPUT]), expected[0])
    assert len(kept) == 2 * 2 * 2


def test_a_randomized_defense_is_shown_in_a_draw_that_counted(evaluated: Made) -> None:
    first, again = (evaluated(Noisy)[1].pictures for _ in range(2))
    assert first == again
    assert {one.role for one in first} == {SOURCE, OUTPUT}


def test_pictures_are_of_the_first_images_alone(evaluated: Made) -> None:
    images = {one.image for one in evaluated(Coarse, start=2)[1].pictures}
    assert len(images) == 1
    assert evaluated(Coarse, start=4)[1].pictures == ()


def test_what_may_not_be_shown_is_not_kept(evaluated: Made) -> None:
    assert evaluated(Coarse, name="imagenet1k")[1].pictures == ()


def test_a_large_picture_is_cut_to_its_middle() -> None:
    pixels = torch.randint(0, 256, (3, 150, 200), dtype=torch.uint8)
    kept = picture(CLEAN, "a", SOURCE, pixels)
    assert torch.equal(pixels_of(kept.png), pixels[:, 11:139, 36:164])
