"""Pages of the codec track, from planted outcomes whose figures are known."""

import html
import json
import re
from io import StringIO
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from benchmark.protocol import load
from benchmark.records import CLEAN, Cell, CodecOutcome, Picture, RunHeader, Shard, ShardResult
from benchmark.threat import Access
from leaderboard import codec_report, report
from leaderboard.render.codec_entry import lost
from leaderboard.render.render import render
from leaderboard.store import Store
from tests.leaderboard.test_render import ENVIRONMENT, HOSTILE, board_of, pages, words

PROTOCOL = {
    "schema": 1,
    "name": "c",
    "title": "C",
    "track": "codec",
    "seed": 1,
    "batch": 5,
    "headline": {"norm": "linf", "radius": 4},
    "dataset": {"name": "d", "folder": None, "sample": None, "seed": 0},
    "cell": [],
}
PIXELS = 100


def attack(objective: str, radius: int = 4, access: Access = Access.VANILLA) -> Cell:
    name = f"{access}/{objective}/{radius}"
    return Cell(
        name, access, "pgd", norm="linf", radius=radius, steps=5, draws=1, objective=objective
    )


RATE, MSE, NOISE = attack("rate"), attack("mse"), attack("", access=Access.NOISE)
CELLS = (Cell(CLEAN, Access.NONE), NOISE, RATE, MSE)


def outcome(cell: Cell, image: int, bits: float, psnr: float, failures: int = 0) -> CodecOutcome:
    decoded = not failures
    return CodecOutcome(
        cell=cell.name,
        image=f"i{image}",
        pixels=PIXELS,
        status="decoded" if decoded else "failed",
        reason="" if decoded else "it broke",
        bits=bits,
        bits_worst=int(bits),
        likelihood_bits=None,
        mse=0.01 if decoded else None,
        psnr=psnr if decoded else None,
        psnr_worst=psnr if decoded else None,
        ms_ssim=None,
        lpips=None,
        clean_mse=0.01,
        clean_psnr=psnr,
        clean_psnr_worst=psnr,
        clean_ms_ssim=None,
        clean_lpips=None,
        rd_loss=bits / PIXELS,
        rd_loss_worst=bits / PIXELS,
        input_mse=0.001,
        input_psnr=30.0,
        linf=4,
        gradient_steps=5,
        queries=6,
        png_sha256="0" * 64,
        draws=1,
        failures=failures,
        encode_seconds=0.004,
        decode_seconds=0.002,
    )


def add(
    store: Store,
    *,
    scale: float = 1.0,
    inflation: float | tuple[float, ...] = 2.0,
    pictures: tuple[Picture, ...] = (),
    **given: object,
) -> int:
    """Clean 1 bit a pixel and 30 dB; the rate attack multiplies bits, the other costs 5 dB.

    `inflation` is that of every image, or one for each.
    """
    failures = given.pop("failures", 0)
    factors = inflation if isinstance(inflation, tuple) else (inflation,) * 5
    figures = [
        {
            CLEAN: (100 * scale, 30.0),
            NOISE.name: (101 * scale, 30.0),
            RATE.name: (100 * scale * factor, 29.0),
            MSE.name: (110 * scale, 25.0),
        }
        for factor in factors
    ]
    outcomes = tuple(
        outcome(cell, i, *figures[i][cell.name], failures=int(bool(failures) and i == 0))
        for cell in CELLS
        for i in range(5)
    )
    content = {
        "key": "k",
        "submission": "s",
        "variant": "v",
        "title": "S",
        "kind": "codec",
        "parameters": {},
        "submission_hash": "h",
        "protocol": "c",
        "protocol_hash": "h",
        "protocol_content": PROTOCOL,
        "dataset": "d",
        "dataset_fingerprint": "f",
        "images": 5,
        "unofficial_reason": None,
        "classifiers": (),
        "cells": CELLS,
        "environment": ENVIRONMENT,
        "track": "codec",
    }
    run_id = store.begin(RunHeader(**content | given))  # type: ignore[arg-type]
    store.add(run_id, ShardResult(Shard("", 0, 5), (), 2.0, 0.0, {}, outcomes, pictures))
    store.note(run_id, "completed")
    return run_id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "r.db"), create=True)


def test_a_row_has_the_worst_of_every_attack(store: Store, tmp_path: Path) -> None:
    add(store)
    text = words(board_of(render(store, tmp_path / "site")))
    # Twice the bits by the one attack, 5 dB of 30 by the other; noise is no attack.
    assert "s/v S 2.00× 2.00–2.00 5.00 5.00–5.00 16.7" in text
    assert "1.00 1.00–1.00 30.0" in text


def test_a_board_shows_where_attacks_move_its_entries(store: Store, tmp_path: Path) -> None:
    add(store)
    text = words(board_of(render(store, tmp_path / "site")))
    assert "What an attack moves. Each, from no attack to the worst case at L∞ ≤ 4/255" in text
    # From 1 bit a pixel and 30 dB to twice the bits and 5 dB less.
    assert "s/v without attack 1 30 s/v in the worst case 2 25" in text


def test_a_codec_has_a_badge_and_stands_in_the_feed(store: Store, tmp_path: Path) -> None:
    add(store)
    site = render(store, tmp_path / "site")
    badge = json.loads((site / "badges/s/v.json").read_text())
    assert (badge["label"], badge["message"]) == ("rate inflation", "2.00× (2.00–2.00)")
    assert 'src="../../badges/s/v.svg"' in (site / "entries/s/v.html").read_text()
    said = "2.00× (2.00–2.00) the bits in the worst case at L∞ ≤ 4/255."
    assert f"<summary>{said}</summary>" in (site / "feed.xml").read_text().replace("\xa0", " ")


def test_the_least_inflated_stands_first_and_tiers_need_images(
    store: Store, tmp_path: Path
) -> None:
    add(store, variant="high", inflation=3.0)
    add(store, variant="low", inflation=1.5)
    text = words(board_of(render(store, tmp_path / "site")))
    assert text.index("1 s/low") < text.index("1 s/high")
    assert "2 entries apart by rate inflation: that takes at least 6." in text
    assert "most inflated is s/high 3.00× the bits, the least inflated s/low 1.50×" in text


def test_a_codec_with_settings_has_curves(store: Store, tmp_path: Path) -> None:
    for i, scale in enumerate((1.0, 2.0, 4.0, 8.0)):
        add(store, variant=f"q{i}", scale=scale)
    text = words(board_of(render(store, tmp_path / "site")))
    assert "s: rate and distortion" in text
    assert "bare codec, raising rate" in text
    assert "BD-rate" in text


def test_failures_are_counted_and_flagged(store: Store, tmp_path: Path) -> None:
    add(store, failures=1)
    site = render(store, tmp_path / "site")
    page = words(site / "entries" / "s" / "v.html")
    assert "Decode failures, % 20.0" in page
    assert "decode-failures" in page
    assert "it broke" in page


def test_the_data_keeps_to_its_schema(store: Store, tmp_path: Path) -> None:
    add(store)
    data = render(store, tmp_path / "site") / "data"
    schema = json.loads((data / "schema.json").read_text())
    run = json.loads((data / "runs" / "1.json").read_text())
    jsonschema.validate(run, schema["codec_run"])
    (board,) = (data / "boards").glob("*.json")
    content = json.loads(board.read_text())
    jsonschema.validate(content, schema["codec_board"])
    assert content["rows"][0]["inflation"] == 2.0
    assert run["images"]["attacked_rate"] == [2.0] * 5
    assert len((data / "runs" / "1.csv").read_text().splitlines()) == 21


def test_both_tracks_stand_on_the_first_page(store: Store, tmp_path: Path) -> None:
    from tests.leaderboard import test_render

    add(store)
    test_render.add(store)
    site = render(store, tmp_path / "site")
    text = words(site / "index.html")
    assert "How robust is compression itself?" in text
    assert "Which compression defends?" in text
    assert len(list((site / "boards").iterdir())) == 2
    entry = words(site / "entries" / "s" / "v.html")
    assert "takes 2.00× the bits" in entry
    assert "under every attack at L∞ ≤ 4/255" in entry


def papers(site: Path) -> dict[str, str]:
    """What the page of claims says under each heading."""
    page = (site / "papers.html").read_text()
    sections = re.findall(r'<section class="claim">(.*?)</section>', page, re.DOTALL)
    said = [
        html.unescape(" ".join(re.sub("<[^>]+>", " ", one.replace("<wbr>", "")).split()))
        for one in sections
    ]
    return {one.partition(" Claimed ")[0]: one for one in said}


def test_claims_on_codecs_stand_beside_stored_runs(store: Store, tmp_path: Path) -> None:
    add(store, submission="mini-elic", variant="high", inflation=3.0)
    add(store, submission="two-way", variant="mini-elic-high", inflation=1.5)
    add(store, submission="two-way", variant="limited", unofficial_reason="limited to 2 images")
    found = papers(render(store, tmp_path / "site"))
    (two_way,) = (said for name, said in found.items() if name.startswith("Two-way"))
    assert "mini-elic/high 1.00 1.00–1.00 30.0 30.0–30.0 3.00× 3.00–3.00" in two_way
    assert "two-way/mini-elic-high 1.00 1.00–1.00 30.0 30.0–30.0 1.50×" in two_way
    assert "limited" not in two_way
    (worst,) = (said for name, said in found.items() if name.startswith("The worst case"))
    # 5 of 30 dB of either, and three times the bits.
    assert "C PSNR lost 16.67 % two-way/mini-elic-high bare codec, raising mse, pgd" in worst
    assert "C Bits per pixel 3.00× mini-elic/high bare codec, raising rate, pgd" in worst


def test_hostile_names_do_nothing(store: Store, tmp_path: Path) -> None:
    names = dict.fromkeys(("submission", "variant", "title", "kind", "dataset"), HOSTILE)
    add(store, **names, unofficial_reason=HOSTILE, parameters={HOSTILE: HOSTILE})
    for path, page in pages(render(store, tmp_path / "site")).items():
        assert page.tags.count("script") == len(page.scripts), path
        assert not any("alert" in script for script in page.scripts), path


def test_a_loss_below_0_reads_as_a_gain() -> None:
    assert lost(1.23, 1) == "loses 1.2 dB"
    assert lost(-0.04, 2) == "gains 0.04 dB"


def test_one_entry_is_not_its_own_opposite(store: Store, tmp_path: Path) -> None:
    add(store)
    said = words(board_of(render(store, tmp_path / "site")))
    assert "s/v 2.00× the bits, in real bytes." in said
    assert "least" not in said.split("How sure is that?")[0]
    assert "5 pictures, with a bootstrap interval on every mean." in said


@pytest.mark.parametrize(("width", "spared"), [(80, True), (160, False)])
def test_tables_on_a_terminal_fit_and_say_what_they_show(
    store: Store, width: int, spared: bool
) -> None:
    run = store.run(add(store))
    said = StringIO()
    report.score_tables(Console(file=said, width=width), load("mini-codec-v1"), [run])
    board, cells, *_ = (line for line in said.getvalue().splitlines() if "┃" in line)
    heads = [head.strip() for head in f"{board}{cells}".split("┃")]
    assert {*heads} <= {"", *codec_report.BOARD, *codec_report.CELLS}
    assert ("likelihood" in heads) is not spared
    assert ("likelihood: what" in said.getvalue()) is not spared
    assert "bits ×: bits over those of the clean picture" in said.getvalue()
