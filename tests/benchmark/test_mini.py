"""The bundled learned codecs: their files, and what they reach on pictures they never saw."""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from benchmark.codecs import mini
from benchmark.codecs.learned import LearnedCodec
from benchmark.codecs.pillow import Jpeg
from benchmark.codecs.train.curves import at_rate
from benchmark.codecs.train.measure import Point, coded
from benchmark.codecs.train.recipes import RECIPES
from benchmark.datasets import photos
from benchmark.errors import DataError, UnknownNameError
from benchmark.geometry import from_bytes
from benchmark.tensors import Images

EVERY = [(name, rate) for name in mini.MINIS for rate in mini.MINIS[name].sha256]
MEGABYTE = 2**20
QUALITIES = (*range(5, 95, 5), 95)

every_one = pytest.mark.parametrize(("name", "rate"), EVERY, ids=["-".join(one) for one in EVERY])


@cache
def photographs() -> Images:
    loaded = photos.load()
    pixels = np.stack([loaded.read(i) for i in range(len(loaded))])
    return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous())


@cache
def jpeg(subsampling: str) -> list[Point]:
    return [coded(Jpeg(quality, subsampling=subsampling), photographs()) for quality in QUALITIES]


@cache
def point(name: str, rate: str) -> Point:
    return coded(mini.load(name, rate), photographs())


@every_one
def test_weights_come_with_their_hash_and_their_log(name: str, rate: str) -> None:
    content = mini.weights_of(name, rate).read_bytes()
    assert hashlib.sha256(content).hexdigest() == mini.MINIS[name].sha256[rate]
    rows = (mini.WEIGHTS / f"{name}-{rate}.log.jsonl").read_text().splitlines()
    assert {"step", "loss", "photographs", "shapes"} <= json.loads(rows[-1]).keys()


def test_there_is_a_recipe_for_each_and_all_are_small() -> None:
    assert {(name, rate) for name in RECIPES for rate in RECIPES[name]} >= set(EVERY)
    sizes = [mini.weights_of(*one).stat().st_size for one in EVERY]
    assert sum(sizes) <= 12 * MEGABYTE


@pytest.mark.parametrize(("name", "rate"), EVERY)
def test_every_rate_reaches_jpeg_at_equal_bits(name: str, rate: str) -> None:
    """On real bytes, headers included, against the better of 4:2:0 and 4:4:4 there."""
    ours = point(name, rate)
    theirs = max(at_rate(jpeg(form), ours.bits_per_pixel) for form in ("4:2:0", "4:4:4"))
    assert ours.psnr >= theirs


@pytest.mark.parametrize("name", mini.MINIS)
def test_a_higher_rate_costs_more_and_gives_more(name: str) -> None:
    order = [rate for rate in ("low", "medium", "high") if rate in mini.MINIS[name].sha256]
    points = [point(name, rate) for rate in order]
    assert points == sorted(points)
    assert [one.psnr for one in points] == sorted(one.psnr for one in points)


def test_altered_weights_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tensors = load_file(mini.weights_of("mini-elic", "high"))
    tensors["g_a.0.bias"] += 1
    save_file(tensors, tmp_path / "mini-elic-high.safetensors")
    monkeypatch.setattr(mini, "WEIGHTS", tmp_path)
    with pytest.raises(DataError, match="has sha256"):
        mini.load("mini-elic", "high")


@pytest.mark.parametrize(
    ("name", "rate"), [("mini-elik", "high"), ("mini-elic", "hihg"), ("mini-elic", "low")]
)
def test_an_unknown_name_or_rate_is_an_error(name: str, rate: str) -> None:
    with pytest.raises(UnknownNameError):
        mini.load(name, rate)


@pytest.mark.parametrize("name", mini.MINIS)
def test_what_save_writes_decodes_what_its_model_wrote(name: str, tmp_path: Path) -> None:
    """Half precision is what the file holds, not what is computed in."""
    rate = next(iter(mini.MINIS[name].sha256))
    codec: LearnedCodec = mini.load(name, rate)
    mini.save(codec.model, tmp_path / "again.safetensors")
    kept = load_file(tmp_path / "again.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {torch.float16}
    bundled = load_file(mini.weights_of(name, rate))
    assert all(torch.equal(kept[key], bundled[key]) for key in bundled)
    assert {p.dtype for p in codec.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", mini.MINIS)
def test_the_trade_off_is_what_the_model_was_trained_with(name: str) -> None:
    for rate in mini.MINIS[name].sha256:
        assert mini.load(name, rate).trade_off == RECIPES[name][rate].weight
