"""A differentiable stand-in for JPEG 2000 at a rate: the 9/7 wavelet, of which a share is kept.

The transform is that of ITU-T T.800 Annex F, by lifting. The number of coefficients that survive
grows in proportion to the bits (He and Mitra 2001), so at one rate a picture keeps about the same
share of them whatever it shows. For gradients only; every figure is judged on real bytes.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.codecs.jpeg_surrogate import to_rgb, to_ycbcr
from benchmark.codecs.shrinkage import shrunk
from benchmark.tensors import Images

LIFTING = (-1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971)
SCALE = 1.230174104914001
LEVELS = 5
"""Halvings, as OpenJPEG makes by default."""
LEAST = 0.1
"""Smallest threshold, in grey levels."""


class Details(NamedTuple):
    """What one halving sets apart: high frequency along x, along y, along both."""

    horizontal: Tensor
    vertical: Tensor
    diagonal: Tensor


def _predicted(odd: Tensor, even: Tensor, weight: float) -> Tensor:
    """`odd` plus `weight` times the two even neighbors; the row is mirrored at its ends."""
    if even.shape[-1] == odd.shape[-1]:
        even = torch.cat([even, even[..., -1:]], -1)
    return odd + weight * (even[..., :-1] + even[..., 1:])


def _updated(even: Tensor, odd: Tensor, weight: float) -> Tensor:
    """`even` plus `weight` times the two odd neighbors; the row is mirrored at its ends."""
    ends = [odd[..., :1], odd]
    if even.shape[-1] > odd.shape[-1]:
        ends.append(odd[..., -1:])
    odd = torch.cat(ends, -1)
    return even + weight * (odd[..., :-1] + odd[..., 1:])


def split(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Low (gain 1 on a constant) and high (gain 2 on an alternation) half of the last axis."""
    even, odd = rows[..., ::2], rows[..., 1::2]
    if odd.shape[-1] == 0:
        return even, odd
    odd = _predicted(odd, even, LIFTING[0])
    even = _updated(even, odd, LIFTING[1])
    odd = _predicted(odd, even, LIFTING[2])
    even = _updated(even, odd, LIFTING[3])
    return even / SCALE, odd * SCALE


def merge(low: Tensor, high: Tensor) -> Tensor:
    """The inverse of `split`."""
    if high.shape[-1] == 0:
        return low
    even, odd = low * SCALE, high / SCALE
    even = _updated(even, odd, -LIFTING[3])
    odd = _predicted(odd, even, -LIFTING[2])
    even = _updated(even, odd, -LIFTING[1])
    odd = _predicted(odd, even, -LIFTING[0])
    rows = even.new_empty((*even.shape[:-1], even.shape[-1] + odd.shape[-1]))
    rows[..., ::2], rows[..., 1::2] = even, odd
    return rows


def _halved(plane: Tensor) -> tuple[Tensor, Details]:
    low, high = split(plane)
    smaller, vertical = (band.mT for band in split(low.mT))
    horizontal, diagonal = (band.mT for band in split(high.mT))
    return smaller, Details(horizontal, vertical, diagonal)


def analysis(plane: Images, levels: int = LEVELS) -> tuple[Tensor, list[Details]]:
    """The smallest picture and the details of each halving, from fine to coarse."""
    details: list[Details] = []
    while len(details) < levels and max(plane.shape[-2:]) > 1:
        plane, apart = _halved(plane)
        details.append(apart)
    return plane, details


def synthesis(smallest: Tensor, details: list[Details]) -> Images:
    """The inverse of `analysis`."""
    for apart in reversed(details):
        low = merge(smallest.mT, apart.vertical.mT).mT
        high = merge(apart.horizontal.mT, apart.diagonal.mT).mT
        smallest = merge(low, high)
    return smallest


@lru_cache(maxsize=LEVELS)
def norms(level: int) -> tuple[float, float, float]:
    """L2 norm of the picture that a detail of 1 stands for, in the three bands of a level.

    The basis is separable, so the norms along one axis make them all.
    """
    peak = torch.zeros(2**5, dtype=torch.float64)
    peak[len(peak) // 2] = 1
    low, high = merge(peak, torch.zeros_like(peak)), merge(torch.zeros_like(peak), peak)
    for _ in range(level - 1):
        low, high = (merge(rows, torch.zeros_like(rows)) for rows in (low, high))
    along, across = float(high.norm()), float(low.norm())
    return along * across, across * along, along * along


def _thresholds(details: list[Details], share: float) -> Tensor:
    """What the `share` of an image's details exceeds, each by its norm (n, 1, 1, 1)."""
    sizes = [
        (band * norm).flatten(1).abs()
        for level, apart in enumerate(details, 1)
        for band, norm in zip(apart, norms(level), strict=True)
    ]
    joined = torch.cat(sizes, 1)
    count = joined.shape[1]
    kept = min(count, max(1, round(share * count)))
    least: Tensor = joined.kthvalue(count - kept + 1, dim=1).values
    return least.clamp_min(LEAST).view(-1, 1, 1, 1)


def jpeg2000_surrogate(x: Images, share: float) -> Images:
    """`x` of which about the `share` of the wavelet's details is left, in YCbCr (4:4:4)."""
    smallest, details = analysis(to_ycbcr(x))
    if not details:
        return x
    with torch.no_grad():
        thresholds = _thresholds(details, share)
    kept = [
        Details(*map(shrunk, apart, [thresholds / norm for norm in norms(level)]))
        for level, apart in enumerate(details, 1)
    ]
    return to_rgb(synthesis(smallest, kept))
