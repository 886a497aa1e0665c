"""Scores from outcomes whose sums are known."""

import dataclasses

import pytest

from benchmark.codec_track.score import codec_score
from benchmark.codec_track.worst import worst_case
from benchmark.records import CLEAN
from benchmark.threat import Norm, ThreatModel
from tests.benchmark.codec_track.runs import outcome, run

LINF_2, LINF_4, LINF_8 = (ThreatModel(Norm.LINF, k) for k in (2, 4, 8))


def test_the_clean_figures() -> None:
    score = codec_score(run())
    quality = score.clean.quality
    assert quality.bits_per_pixel is not None
    assert quality.psnr is not None
    assert quality.bits_per_pixel.estimate == pytest.approx(2.0)
    assert quality.psnr.estimate == pytest.approx(35.0)
    assert quality.lpips is None
    assert (score.images, score.draws) == (2, 1)
    assert score.encode_milliseconds == pytest.approx(10)
    assert score.decode_milliseconds == pytest.approx(30)
    assert score.clean.input_psnr is None


def test_inflation_is_the_mean_of_ratios_beside_the_ratio_of_sums() -> None:
    cell = next(c for c in codec_score(run()).cells if c.cell.name == "rate-4")
    assert cell.damage.inflation is not None
    assert cell.damage.inflation.estimate == pytest.approx((1.5 + 2.0) / 2)
    assert cell.damage.total_inflation == pytest.approx(750 / 400)
    assert (cell.input_psnr, cell.gradient_steps, cell.queries) == (40, 50, 51)


def test_losses_are_paired() -> None:
    cell = next(c for c in codec_score(run()).cells if c.cell.name == "mse-4")
    damage = cell.damage
    assert damage.psnr_loss is not None
    assert damage.psnr_loss.estimate == pytest.approx((4 + 6) / 2)
    assert damage.psnr_loss_percent is not None
    assert damage.psnr_loss_percent.estimate == pytest.approx((10 + 20) / 2)
    assert damage.rd_loss is not None
    assert damage.rd_loss.estimate == pytest.approx((0.1 + 0) / 2)
    assert damage.ms_ssim_loss is not None
    assert damage.ms_ssim_loss.estimate == 0
    assert damage.lpips_gain is None
    assert damage.inflation_worst_draw is None


def test_the_worst_case_is_of_each_image_and_of_every_ball_inside() -> None:
    """At 4, image a inflates most within 2; noise is no attack."""
    score = codec_score(run())
    found = {w.threat: w for w in score.worst}
    assert list(found) == [LINF_2, LINF_4, LINF_8]
    at_4 = found[LINF_4]
    assert at_4.inflation is not None
    assert at_4.psnr_loss is not None
    assert at_4.inflation.estimate == pytest.approx((1.6 + 2.0) / 2)
    assert at_4.psnr_loss.estimate == pytest.approx((4 + 6) / 2)
    at_2 = score.at(LINF_2)
    assert at_2 is not None
    assert at_2.inflation is not None
    assert at_2.inflation.estimate == pytest.approx((1.6 + 1.1) / 2)
    assert at_4.failures.estimate == 0


def test_what_failed_is_counted_and_in_no_mean() -> None:
    failed = outcome("mse-4", "b", 300, None, status="failed", failures=1, reason="x")
    score = codec_score(run(failed))
    cell = next(c for c in score.cells if c.cell.name == "mse-4")
    assert cell.failures.estimate == 0.5
    assert cell.damage.psnr_loss is not None
    assert cell.damage.psnr_loss.estimate == pytest.approx(4)
    assert cell.damage.inflation is not None
    assert cell.damage.inflation.estimate == pytest.approx((1.1 + 1.0) / 2)
    at_4 = score.at(LINF_4)
    assert at_4 is not None
    assert at_4.failures.estimate == 0.5
    at_2 = score.at(LINF_2)
    assert at_2 is not None
    assert at_2.failures.estimate == 0


def test_a_cell_where_nothing_compressed() -> None:
    nothing = [
        outcome("mse-4", image, None, None, status="failed", failures=1) for image in ("a", "b")
    ]
    cell = next(c for c in codec_score(run(*nothing)).cells if c.cell.name == "mse-4")
    assert cell.damage.inflation is None
    assert cell.damage.total_inflation is None
    assert cell.damage.psnr_loss is None
    assert cell.likelihood_gap is None
    assert cell.failures.estimate == 1


def test_lossless_codecs_have_no_psnr() -> None:
    base = run()
    lossless = [
        dataclasses.replace(one, psnr=None, psnr_worst=None, mse=0.0) for one in base.codec_outcomes
    ]
    score = codec_score(run(*lossless))
    assert score.clean.quality.psnr is None
    at_4 = score.at(LINF_4)
    assert at_4 is not None
    assert at_4.psnr_loss is None
    assert at_4.inflation is not None


def test_the_worst_draw_of_a_randomized_codec() -> None:
    drawn = [
        outcome(CLEAN, "a", 100, 40.0, draws=40),
        outcome("rate-4", "a", 150, 39.0, draws=40, bits_worst=200, psnr_worst=37.0),
        outcome("rate-4", "b", 600, 29.0, draws=40, bits_worst=900, psnr_worst=28.0),
    ]
    score = codec_score(run(*drawn))
    cell = next(c for c in score.cells if c.cell.name == "rate-4")
    assert score.draws == 40
    assert cell.damage.inflation_worst_draw is not None
    assert cell.damage.inflation_worst_draw.estimate == pytest.approx((2.0 + 3.0) / 2)
    assert cell.damage.psnr_loss_worst_draw is not None
    assert cell.damage.psnr_loss_worst_draw.estimate == pytest.approx((3.0 + 2.0) / 2)


def test_the_gap_between_likelihood_and_bytes() -> None:
    off = [outcome("rate-4", "a", 150, 39.0, likelihood_bits=120.0)]
    cell = next(c for c in codec_score(run(*off)).cells if c.cell.name == "rate-4")
    assert cell.likelihood_gap == pytest.approx(720 / 750 - 1)
    none = [outcome("rate-4", i, 150, 39.0, likelihood_bits=None) for i in ("a", "b")]
    cell = next(c for c in codec_score(run(*none)).cells if c.cell.name == "rate-4")
    assert cell.likelihood_gap is None


def test_the_worst_case_of_several_runs_in_one_line() -> None:
    """mse-8 takes 25 % and 50 % of the PSNR; rate-4 makes 1.5 and 2 times the bits."""
    scores = [("s/v", codec_score(run()))]
    found = worst_case(scores)
    assert found.line == "−37.50 % PSNR / 1.75× bpp"
    assert found.psnr_loss_percent is not None
    assert found.psnr_loss_percent.cell == "mse-8"
    assert worst_case(scores, LINF_4).line == "−15.00 % PSNR / 1.75× bpp"
    assert worst_case(scores, LINF_2).line == "−1.46 % PSNR / 1.35× bpp"
    assert worst_case([]).line == "no PSNR lost / no bpp"
    stronger = outcome("rate-4", "b", 1200, 29.0)
    both = [*scores, ("t/w", codec_score(run(stronger)))]
    rate = worst_case(both).inflation
    assert rate is not None
    assert (rate.entry, rate.value) == ("t/w", pytest.approx(2.75))
