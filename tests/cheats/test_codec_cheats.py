"""Codecs that tell attacks something else than they write: refused, or flagged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.codec_track.flags import raised
from benchmark.defense import Plugin, SelectingCodec
from benchmark.errors import BoxError, ContractError
from benchmark.records import Shard
from leaderboard.sandbox.plugins import InProcess
from tests.benchmark.codec_track.runs import run
from tests.benchmark.codec_track.toys import NOISE, constant, harness, protocol, vanilla
from tests.boxes import boxed, boxes, images_of
from tests.cheats.test_cheats import spec

pytestmark = pytest.mark.usefixtures("sandbox")


def flags_of(make: Callable[[], Plugin], tmp_path: Path) -> list[str]:
    """Of an attack on the rate by three steps, beside noise."""
    found = harness(make, protocol(NOISE, vanilla("rate")), constant(), tmp_path)
    outcomes = found.evaluate(Shard("", 0, 3)).codec_outcomes
    return [flag.name for flag in raised(run(cells=found.cells, outcomes=outcomes))]


def test_other_bits_than_those_of_the_streams(tmp_path: Path) -> None:
    """The attack goes astray: the flags say that, and by how much the bits are off."""
    assert flags_of(InProcess(spec("lie-to-attacks")).make, tmp_path) == []
    lying = InProcess(spec("lie-to-attacks", way="bits"))
    assert {"noise-beats-attack", "rate-mismatch"} <= set(flags_of(lying.make, tmp_path))


def test_an_error_that_ends_the_attack(tmp_path: Path) -> None:
    with boxes(spec("lie-to-attacks", way="crash")) as made:
        assert "cut-short" in flags_of(made.make, tmp_path)


def test_a_codec_that_ends_its_box_under_attack(tmp_path: Path) -> None:
    """Nobody is left to ask: the run fails, and no picture counts as an attack's success."""
    with (
        boxes(spec("lie-to-attacks", way="die")) as made,
        pytest.raises(BoxError, match="ended with code 1") as caught,
    ):
        flags_of(made.make, tmp_path)
    assert caught.value.status == "failed"


def test_a_trade_off_that_is_none() -> None:
    with boxes(spec("lie-to-attacks", way="infinite")) as made, pytest.raises(ContractError) as e:
        made.make()
    assert "Cheat.trade_off is inf, expected a number above 0" in str(e.value)
    for way, said in (("nan", "nan"), ("negative", "-1.0")):
        with pytest.raises(ContractError, match=f"trade_off is {said}"):
            InProcess(spec("lie-to-attacks", way=way)).make()


def test_what_is_no_picture_no_number_and_no_branch() -> None:
    """Refused on this side of the box, whatever the other one thinks of it."""
    said = {
        "no number": "coded, bits returned values that are not finite",
        "short": r"coded returned shape \(2, 3, 16, 15\), expected",
        "none": r"costs of shape \(0, 4\), expected \(k, 4\) for k from 1 to 64",
        "many": r"costs of shape \(65, 4\), expected \(k, 4\)",
        "few": r"branches, bits returned shape \(2, 5\), expected \(2, 4\)",
        "no cost": "branches, costs returned values that are not finite",
    }
    made = replace(spec("lie-to-attacks", way="any"), class_name="Choosing")
    with boxed(made) as plugin, torch.no_grad():
        assert isinstance(plugin, SelectingCodec)
        for number, (way, complaint) in enumerate(said.items()):
            x = images_of()
            x.view(-1)[0] = number / 255
            with pytest.raises(ContractError, match=complaint):
                plugin.coded(x) if way in ("no number", "short") else plugin.branches(x, 2)
            with pytest.raises(ContractError, match=r"padded returned .* upper left corner"):
                plugin.padded(x)
