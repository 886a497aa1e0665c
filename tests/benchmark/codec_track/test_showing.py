"""The pictures that a shard of the codec track keeps."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmark.codecs.pillow import Jpeg
from benchmark.geometry import from_bytes, to_bytes
from benchmark.records import CLEAN, OUTPUT, SOURCE, Shard, ShardResult
from tests.benchmark.codec_track.toys import NOISE, harness, protocol, textured, vanilla

RECIPE = protocol(NOISE, vanilla("mse"), vanilla("mse", radii=(8.0,)))


def evaluated(folder: Path, dataset: str = "kodak") -> ShardResult:
    sample = textured(n=4)
    sample = replace(sample, pictures=replace(sample.pictures, name=dataset))
    return harness(lambda: Jpeg(40), RECIPE, sample, folder).evaluate(Shard("", 0, 4))


def pixels_of(png: bytes) -> torch.Tensor:
    with Image.open(io.BytesIO(png)) as opened:
        return torch.from_numpy(np.asarray(opened).copy()).permute(2, 0, 1)


def test_a_shard_keeps_the_worst_inside_the_headline_and_what_came_back(tmp_path: Path) -> None:
    result = evaluated(tmp_path)
    judged = {(o.cell, o.image): o for o in result.codec_outcomes}
    kept = {(one.cell, one.image, one.role): one.png for one in result.pictures}
    attack = "vanilla/pgd-3/linf-4/mse"
    assert {(cell, image) for cell, image, _ in kept} == {
        (cell, f"p{i}") for cell in (CLEAN, attack) for i in range(3)
    }
    for (cell, image, role), png in kept.items():
        if role == SOURCE:
            assert hashlib.sha256(png).hexdigest() == judged[cell, image].png_sha256
            x = from_bytes(pixels_of(png)[None])
            x_hat = to_bytes(Jpeg(40).reconstructed(x))[0]
            assert torch.equal(pixels_of(kept[cell, image, OUTPUT]), x_hat)


def test_what_may_not_be_shown_is_not_kept(tmp_path: Path) -> None:
    assert evaluated(tmp_path, "folder").pictures == ()
