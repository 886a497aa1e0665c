"""Curves over variants: twice the bits at the same PSNR is a BD-rate of 100 per cent."""

import dataclasses

import pytest

from benchmark.codec_track.curves import curves
from benchmark.codec_track.score import CodecScore, codec_score
from benchmark.records import CLEAN, Cell
from benchmark.threat import Access
from tests.benchmark.codec_track.runs import outcome, run

CELLS = (
    Cell(CLEAN, Access.NONE),
    Cell("rate-4", Access.VANILLA, "pgd", norm="linf", radius=4, objective="rate"),
)


def variant(bits: float, psnr: float, factor: float = 2.0, loss: float = 0.0) -> CodecScore:
    """One image, whose attacked picture takes `factor` times the bits and loses `loss` dB."""
    outcomes = (
        outcome(CLEAN, "a", bits, psnr),
        outcome("rate-4", "a", factor * bits, psnr - loss),
    )
    return codec_score(run(cells=CELLS, outcomes=outcomes))


def test_twice_the_bits_at_the_same_psnr() -> None:
    clean, attacked = curves([variant(400, 38), variant(100, 30), variant(200, 34)])
    assert clean.cell == CLEAN
    assert clean.points == ((1, 30), (2, 34), (4, 38))
    assert attacked.points == ((2, 30), (4, 34), (8, 38))
    assert attacked.bd_rate == pytest.approx(100)


def test_a_loss_of_decibels_alone() -> None:
    """4 dB are a doubling of the rate on this straight curve."""
    _, attacked = curves([variant(100 * 2**i, 30 + 4 * i, 1.0, 4.0) for i in range(4)])
    assert attacked.bd_rate == pytest.approx(100)


def test_curves_that_share_no_quality() -> None:
    _, attacked = curves([variant(100, 30, 1.0, 20), variant(200, 34, 1.0, 20)])
    assert attacked.bd_rate is None
    assert "have no range in common" in attacked.reason


def test_one_variant_makes_no_curve() -> None:
    clean, attacked = curves([variant(100, 30)])
    assert (clean.bd_rate, attacked.bd_rate) == (None, None)
    assert "at least 2" in attacked.reason


def test_a_cell_that_a_variant_lacks_is_left_out() -> None:
    other = variant(200, 34)
    other = dataclasses.replace(other, cells=())
    assert [curve.cell for curve in curves([variant(100, 30), other])] == [CLEAN]


def test_no_scores() -> None:
    (clean,) = curves([])
    assert clean.points == ()
