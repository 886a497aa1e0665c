"""Curves of rate and quality: what a codec gives at another one's bits."""

from collections.abc import Sequence

import numpy as np

from benchmark.codecs.train.measure import Point


def at_rate(curve: Sequence[Point], bits_per_pixel: float) -> float:
    """PSNR of a curve at a rate, interpolated in the logarithm of the rate.

    Below the lowest point and above the highest it is that of the nearest point.
    """
    points = sorted(curve)
    rates = np.log([point.bits_per_pixel for point in points])
    return float(np.interp(np.log(bits_per_pixel), rates, [point.psnr for point in points]))
