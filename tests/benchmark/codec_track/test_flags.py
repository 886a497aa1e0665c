"""Flags of the codec track: each raised by its control, none by a run without fault."""

from dataclasses import replace

from benchmark.codec_track.flags import CODEC_FLAGS, raised
from benchmark.records import CLEAN, Cell, Run
from benchmark.threat import Access
from tests.benchmark.codec_track.runs import CELLS, OUTCOMES, outcome, run


def names(run: Run) -> list[str]:
    return [flag.name for flag in raised(run)]


def test_a_run_without_fault() -> None:
    assert names(run()) == []


def test_rate_mismatch_from_three_per_cent_on() -> None:
    near = outcome("rate-4", "b", 600, 29.0, likelihood_bits=600 - 0.029 * 750)
    far = outcome("rate-4", "b", 600, 29.0, likelihood_bits=600 - 0.031 * 750)
    assert names(run(near)) == []
    (flag,) = raised(run(far))
    assert flag.name == "rate-mismatch"
    assert flag.evidence.startswith(
        "Under vanilla pgd on the rate at L∞ 4 the likelihood expects 3.1 % fewer bits than"
    )


def test_an_attack_that_an_error_cut_short() -> None:
    """Of the attack's 50 steps 7 were made, and the picture decoded."""
    cells = tuple(replace(cell, steps=50, restarts=1) for cell in CELLS)
    assert names(run(cells=cells)) == []
    cut = outcome("rate-4", "b", 600, 29.0, gradient_steps=7)
    (flag,) = raised(run(cut, cells=cells))
    assert flag.name == "cut-short"
    assert flag.evidence == (
        "1 of 12 pictures; first: b under vanilla pgd-50 on the rate at L∞ 4, after 7 of 50 steps."
    )
    failed = replace(cut, failures=1, status="failed", psnr=None, mse=None)
    assert names(run(failed, cells=cells)) == ["decode-failures"]


def test_decode_failures() -> None:
    failed = outcome("mse-4", "b", 300, None, failures=1, status="failed", reason="ValueError: no")
    (flag,) = raised(run(failed))
    assert flag.name == "decode-failures"
    assert (
        "1 of 12 pictures, 0 of them without attack; first: b under vanilla pgd on the error at"
        in flag.evidence
    )
    assert names(run(outcome(CLEAN, "b", 300, None, failures=1, status="failed"))) != []


def test_noise_that_beats_every_attack() -> None:
    """The bits of noise exceed those of every attack in its ball, image by image."""
    loud = [outcome("noise", "a", 260, 39.0), outcome("noise", "b", 810, 29.0)]
    (flag,) = raised(run(*loud))
    assert flag.name == "noise-beats-attack"
    assert flag.evidence.startswith("Noise at L∞ 4: inflation +0.900× over the best.")


def test_transfer_that_beats_every_attack() -> None:
    cell = Cell("t", Access.TRANSFER, "pgd", norm="linf", radius=4, objective="mse", source="x/y")
    told = (outcome("t", "a", 100, 30.0), outcome("t", "b", 300, 18.0))
    (flag,) = raised(run(cells=(*CELLS, cell), outcomes=(*OUTCOMES, *told)))
    assert flag.name == "black-box-beats-white-box"
    weak = (outcome("t", "a", 100, 38.0), outcome("t", "b", 300, 28.0))
    assert names(run(cells=(*CELLS, cell), outcomes=(*OUTCOMES, *weak))) == []


def test_a_codec_that_offers_no_slope() -> None:
    """A codec without loss has no error to attack."""
    asked = {"cell": [{"access": "vanilla", "objectives": ["rate", "mse", "joint"]}]}
    blind = tuple(cell for cell in CELLS if cell.objective is None)
    told = run(cells=blind, outcomes=[one for one in OUTCOMES if one.cell in (CLEAN, "noise")])
    told = replace(told, header=replace(told.header, protocol_content=asked))
    (flag,) = raised(told)
    assert flag.name == "no-adaptive-attack"
    assert flag.evidence.startswith("The codec offers no slope of the rate and of the error;")
    whole = replace(run(), header=replace(run().header, protocol_content=asked))
    assert raised(whole) == ()
    (result,) = told.results
    exact = tuple(replace(one, mse=0.0, psnr=None) for one in result.codec_outcomes)
    told = replace(told, results=(replace(result, codec_outcomes=exact),))
    assert [flag.evidence[:39] for flag in raised(told)] == [
        "The codec offers no slope of the rate; "
    ]


def test_every_flag_says_when_and_what() -> None:
    for flag in CODEC_FLAGS.values():
        assert flag.raised_if.endswith(".")
        assert flag.means.endswith(".")
