"""The gallery: the pixels that a run kept, as small files that are the same for the same pixels."""

import dataclasses
import io
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmark.gallery import png
from benchmark.records import CLEAN, OUTPUT, SOURCE, Picture, ShardResult
from leaderboard.render.render import render
from leaderboard.render.shots import LARGEST, webp
from leaderboard.store import Store
from tests.leaderboard import test_render_codec as codec
from tests.leaderboard.test_render import Page, add, cell, contents, example_run, words

DRAW = np.random.default_rng(1)
ORIGINAL = DRAW.integers(20, 230, (24, 32, 3), np.uint8)
MOVED = (ORIGINAL + DRAW.choice([-4, 4], ORIGINAL.shape)).astype(np.uint8)
DEFENDED = (ORIGINAL // 16 * 16).astype(np.uint8)
ATTACK = cell().name


def kept(name: str, attack: str) -> tuple[Picture, ...]:
    """A clean picture and an attacked one, and what was made of either."""
    return (
        Picture(CLEAN, name, SOURCE, png(ORIGINAL)),
        Picture(CLEAN, name, OUTPUT, png(DEFENDED)),
        Picture(attack, name, SOURCE, png(MOVED)),
        Picture(attack, name, OUTPUT, png(DEFENDED)),
    )


def with_pictures(result: ShardResult, *pictures: Picture) -> ShardResult:
    outcomes = tuple(o._replace(linf=0 if o.cell == CLEAN else 4) for o in result.outcomes)
    return dataclasses.replace(result, outcomes=outcomes, pictures=pictures)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run of `shapes` that kept pictures of image 2, which the attack breaks."""
    store = Store(str(tmp_path / "r.db"), create=True)
    fill(store)
    return store


def fill(store: Store, **given: object) -> None:
    run = example_run()
    results = (with_pictures(run.results[0], *kept("2", ATTACK)),)
    add(store, dataclasses.replace(run, results=results), **{"dataset": "shapes"} | given)


def tiles(page: Path) -> list[tuple[str, str]]:
    """File and words of each picture."""
    found = re.findall(r'<li><img src="([^"]+)"[^>]*> (.*?)</li>', page.read_text())
    return [(file, " ".join(re.sub("<[^>]+>", " ", said).split())) for file, said in found]


def pixels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as opened:
        return np.asarray(opened.convert("RGB"))


def test_an_entry_shows_what_was_judged_and_what_came_of_it(store: Store, tmp_path: Path) -> None:
    site = render(store, tmp_path / "site")
    page = site / "entries" / "s" / "v.html"
    shown = tiles(page)
    assert [said for _, said in shown] == [
        "Clean as it is",
        "Clean, decoded right, 1.00 bpp",
        "Attacked moved by up to 4/255",
        "Attacked, decoded wrong, 1.00 bpp",
        "The change times 31, on gray",
    ]
    change = 128 + 31 * (MOVED.astype(int) - ORIGINAL)
    expected = (ORIGINAL, DEFENDED, MOVED, DEFENDED, change)
    for (file, _), pixels in zip(shown, expected, strict=True):
        assert np.array_equal(pixels_of(page.parent / file), pixels)
    assert "2 before c: white-box, pgd" in words(page)


def test_the_same_pixels_are_one_file(store: Store, tmp_path: Path) -> None:
    fill(store, variant="w")
    site = render(store, tmp_path / "site")
    assert len(list((site / "gallery").iterdir())) == 4
    assert tiles(site / "entries/s/v.html") == tiles(site / "entries/s/w.html")
    before = {path.name: path.stat().st_ino for path in (site / "gallery").iterdir()}
    fill(store, variant="x")
    render(store, site)
    assert before == {path.name: path.stat().st_ino for path in (site / "gallery").iterdir()}
    assert contents(site) == contents(render(store, tmp_path / "again"))


def test_pictures_load_when_they_are_seen(store: Store, tmp_path: Path) -> None:
    text = (render(store, tmp_path / "site") / "entries/s/v.html").read_text()
    pictures = re.findall(r"<img [^>]*gallery[^>]*>", text)
    assert len(pictures) == 5
    assert all('loading="lazy"' in picture and "alt=" in picture for picture in pictures)


def test_what_may_not_be_shown_has_no_file(store: Store, tmp_path: Path) -> None:
    fill(store, dataset="imagenet1k", variant="w")
    site = render(store, tmp_path / "site")
    assert tiles(site / "entries/s/w.html") == []
    assert len(list((site / "gallery").iterdir())) == 4


def test_a_codec_shows_rate_and_quality(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "r.db"), create=True)
    codec.add(store, pictures=kept("i1", codec.RATE.name), dataset="kodak")
    site = render(store, tmp_path / "site")
    page = site / "entries/s/v.html"
    assert [said for _, said in tiles(page)] == [
        "Clean as it is",
        "Clean, decoded 1.000 bpp, 30.0 dB",
        "Attacked moved by up to 4/255",
        "Attacked, decoded 2.000 bpp (2.00×), 29.0 dB",
        "The change times 31, on gray",
    ]
    assert "i1: bare codec, raising rate, pgd, 5 steps" in words(page)
    assert all((page.parent / file).is_file() for file, _ in tiles(page))
    assert Page(page.read_text()).tags.count("img") == 6


@pytest.mark.parametrize("side", [16, 128])
def test_a_file_is_small_and_without_loss_if_it_can_be(side: int) -> None:
    noise = DRAW.integers(0, 256, (side, side, 3), np.uint8)
    coded = webp(noise)
    assert len(coded) <= LARGEST
    with Image.open(io.BytesIO(coded)) as opened:
        same = np.array_equal(np.asarray(opened.convert("RGB")), noise)
    assert same == (side == 16)
