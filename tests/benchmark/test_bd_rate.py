"""BD-rate: closed forms, published data, the peer, and errors that name the remedy."""

import math

import bjontegaard as peer  # type: ignore[import-untyped]
import numpy as np
import pytest

from benchmark.bd_rate import INTEGRALS, Curve, bd_psnr, bd_rate
from benchmark.errors import CallError, UnknownNameError

# The example that comes with the package `bjontegaard`: libx265 at two presets, kbit/s and dB.
SLOW = Curve((9487.76, 4593.60, 2486.44, 1358.24), (40.037, 38.615, 36.845, 34.851))
SLOWER = Curve((9787.80, 4469.00, 2451.52, 1356.24), (40.121, 38.651, 36.970, 34.987))


@pytest.mark.parametrize("method", INTEGRALS)
def test_a_scaled_rate_is_its_own_difference(method: str) -> None:
    more = Curve([1.25 * rate for rate in SLOW.rates], SLOW.qualities)
    assert bd_rate(SLOW, more, method) == pytest.approx(25)
    assert bd_rate(more, SLOW, method) == pytest.approx(-20)
    better = Curve(SLOW.rates, [quality + 0.7 for quality in SLOW.qualities])
    assert bd_psnr(SLOW, better, method) == pytest.approx(0.7)
    assert bd_rate(SLOW, SLOW, method) == bd_psnr(SLOW, SLOW, method) == 0


@pytest.mark.parametrize("method", INTEGRALS)
def test_straight_lines_in_closed_form(method: str) -> None:
    """log10 of the rate is (q - 30) / 10, or (q - 30) / 20, over 30 to 40 dB: the mean gap is 1/4.

    Of the qualities over 1 to sqrt(10), 10 t against 20 t: the mean gap is 2.5 dB.
    """
    qualities = np.linspace(30, 40, 5)
    steep = Curve(10 ** ((qualities - 30) / 10), qualities)
    flat = Curve(10 ** ((qualities - 30) / 20), qualities)
    assert bd_rate(flat, steep, method) == pytest.approx(100 * (10**0.25 - 1))
    assert bd_psnr(steep, flat, method) == pytest.approx(2.5)


def test_only_the_common_range_counts() -> None:
    """Piecewise: below 32 dB, where the anchor has no point, the other may do as it likes."""
    qualities = np.array([32.0, 34, 36, 38])
    anchor = Curve(2.0 ** (qualities - 32), qualities)
    wild = Curve((1e-9, *(3 * 2.0 ** (qualities - 32))), (20, *qualities))
    assert bd_rate(anchor, wild) == pytest.approx(200, rel=0.05)


@pytest.mark.parametrize("method", INTEGRALS)
def test_against_the_peer(method: str) -> None:
    given = (*SLOW, *SLOWER, method)
    assert bd_rate(SLOW, SLOWER, method) == pytest.approx(peer.bd_rate(*given), rel=1e-6)
    assert bd_psnr(SLOW, SLOWER, method) == pytest.approx(peer.bd_psnr(*given), rel=1e-6)


def test_wrong_curves() -> None:
    far = Curve([1, 2, 3, 4], [10, 11, 12, 13])
    with pytest.raises(CallError, match=r"34.851 to 40.037 and 10 to 13 have no range in common"):
        bd_rate(SLOW, far)
    with pytest.raises(
        CallError, match=r"whose rates go from 1358.24 to 9487.76 and 1 to 4 have no"
    ):
        bd_psnr(SLOW, far)
    with pytest.raises(CallError, match="expected both to rise from point to point"):
        bd_rate(SLOW, Curve([1, 2, 3], [30, 32, 31]))
    with pytest.raises(CallError, match=r"3 rates and 3 qualities: .* at least 4"):
        bd_rate(Curve([1, 2, 3], [30, 31, 32]), SLOW, "cubic")
    with pytest.raises(CallError, match="rates above 0"):
        bd_rate(Curve([0, 1], [30, 31]), SLOW)
    with pytest.raises(CallError, match="finite"):
        bd_rate(Curve([1, 2], [30, math.inf]), SLOW)
    with pytest.raises(UnknownNameError, match="unknown interpolation 'akima'"):
        bd_rate(SLOW, SLOWER, "akima")


@pytest.mark.parametrize(
    ("method", "rate", "psnr"),
    [("pchip", -4.417485, 0.119693), ("cubic", -4.420463, 0.120409)],
)
def test_published_values(method: str, rate: float, psnr: float) -> None:
    """What version 1.3.0 of that package gives for its example."""
    assert bd_rate(SLOW, SLOWER, method) == pytest.approx(rate, abs=1e-6)
    assert bd_psnr(SLOW, SLOWER, method) == pytest.approx(psnr, abs=1e-6)
