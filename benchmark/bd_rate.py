"""Bjontegaard's differences between two rate-distortion curves (VCEG-M33, 2001).

A curve is interpolated between its points, the logarithm of the rate against the quality, and the
two are compared over the range that both cover. `"pchip"` interpolates piecewise by monotone cubics
(Fritsch and Butland 1984), as the common test conditions of HEVC and VVC do; `"cubic"` fits one
polynomial of degree 3, as the first report did. That one may swing between points far apart.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from scipy.interpolate import PchipInterpolator

from benchmark.errors import CallError, UnknownNameError

Values = np.ndarray[tuple[int], np.dtype[np.float64]]
Integral = Callable[[float, float], float]
"""The integral of an interpolated function from one end to another."""


class Curve(NamedTuple):
    """Points of a codec: rates in any unit, all above 0, and qualities, as a rule PSNR in dB."""

    rates: Sequence[float]
    qualities: Sequence[float]


def bd_rate(anchor: Curve, other: Curve, method: str = "pchip") -> float:
    """How much more rate `other` takes than `anchor` at equal quality, on average, in per cent.

    Negative if it takes less. Doubled rates at the same qualities give +100.
    """
    ours = [(*_points(curve, method)[::-1], curve) for curve in (anchor, other)]
    return float(100 * (np.exp(_mean_gap(ours, method, "qualities")) - 1))


def bd_psnr(anchor: Curve, other: Curve, method: str = "pchip") -> float:
    """How much more quality `other` gives than `anchor` at equal rate, on average, in its unit."""
    ours = [(*_points(curve, method), curve) for curve in (anchor, other)]
    return _mean_gap(ours, method, "rates")


def _mean_gap(curves: list[tuple[Values, Values, Curve]], method: str, axis: str) -> float:
    """Mean of the second less the first over the range of x that both have."""
    low = max(x.min() for x, _, _ in curves)
    high = min(x.max() for x, _, _ in curves)
    if low >= high:
        spans = [getattr(curve, axis) for _, _, curve in curves]
        ranges = " and ".join(f"{min(span):g} to {max(span):g}" for span in spans)
        raise CallError(
            f"curves whose {axis} go from {ranges} have no range in common; "
            f"compare codecs at {axis} that overlap"
        )
    first, second = (INTEGRALS[method](x, y)(low, high) for x, y, _ in curves)
    return (second - first) / float(high - low)


def _points(curve: Curve, method: str) -> tuple[Values, Values]:
    """Logarithms of the rates, and the qualities, both rising."""
    if method not in INTEGRALS:
        raise UnknownNameError("interpolation", method, INTEGRALS)
    rates, qualities = (np.asarray(one, dtype=np.float64) for one in curve)
    least = 4 if method == "cubic" else 2
    if rates.shape != qualities.shape or rates.ndim != 1 or len(rates) < least:
        raise CallError(
            f"a curve of {rates.size} rates and {qualities.size} qualities: expected as many of "
            f"both, and at least {least}"
        )
    if not (np.isfinite(rates).all() and np.isfinite(qualities).all() and (rates > 0).all()):
        raise CallError(f"{curve}: expected finite numbers, and rates above 0")
    order = np.argsort(rates)
    rates, qualities = rates[order], qualities[order]
    if (np.diff(rates) <= 0).any() or (np.diff(qualities) <= 0).any():
        raise CallError(
            f"qualities {qualities.tolist()} at rates {rates.tolist()}: expected both to rise from "
            "point to point; leave out points that another one beats"
        )
    return np.log(rates), qualities


def _cubic(x: Values, y: Values) -> Integral:
    antiderivative = Polynomial.fit(x, y, 3).integ()  # type: ignore[no-untyped-call]
    return lambda low, high: float(antiderivative(high) - antiderivative(low))


def _pchip(x: Values, y: Values) -> Integral:
    interpolated = PchipInterpolator(x, y)
    return lambda low, high: float(interpolated.integrate(low, high))


INTEGRALS: Mapping[str, Callable[[Values, Values], Integral]] = {"pchip": _pchip, "cubic": _cubic}
"""The ways to interpolate."""
