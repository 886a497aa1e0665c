"""Entries beside each other over the same images: paired tests, tiers, paired differences."""

from collections.abc import Sequence
from functools import lru_cache
from math import exp, lcm
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmark.records import Interval
from benchmark.score import RESAMPLES, mean_share

ALPHA = 0.05
EXACT_IMAGES = 100
"""Up to so many images that differ, every split of their signs is counted."""
EXACT_STEPS = 240
"""The count needs shares on a grid, no finer than this many steps between 0 and 1."""
NOTHING = 1e-9
"""A difference below this is one of arithmetic."""
ALIKE = 0.9
"""From this bound on (1.26 standard errors) no count could tell two entries apart."""
SPLITS = 4096
"""Without a grid so many splits are gone through, one by one."""

Shares: TypeAlias = NDArray[np.float64]
"""Shares of right answers in [0, 1], one an image, or one row an entry."""


def paired_p(differences: Shares, steps: int | None = 1) -> float:
    """Probability of a sum as far from 0, if each difference had either sign with equal chance.

    For shares of 0 and 1 this is McNemar's exact test (1947). `steps` are those of a share between
    0 and 1: 1 for one deterministic classifier, 40 for the mean of two that drew 20 times each;
    None for differences of anything else. Where there are too many differences to count every split
    of their signs, it is the upper bound of Hoeffding (1963), which is never too small.
    """
    size = np.abs(differences)
    size = size[size > NOTHING]
    total = abs(float(differences.sum()))
    if len(size) == 0:
        return 1.0
    if steps is None and 2 ** len(size) <= SPLITS:
        sums = np.zeros(1)
        for one in size:
            sums = np.concatenate((sums + one, sums - one))
        return float((np.abs(sums) >= total * (1 - NOTHING)).mean())
    if steps is None or steps > EXACT_STEPS or len(size) > EXACT_IMAGES:
        return min(1.0, 2 * exp(-total * total / (2 * float((size * size).sum()))))
    return _tail(_packed(size * float(steps)), round(total * steps))


def _packed(sizes: Shares) -> bytes:
    """Numbers on the grid, sorted, as a key."""
    return np.sort(np.rint(sizes).astype(np.int16)).tobytes()


@lru_cache(maxsize=65536)
def _tail(packed: bytes, total: int) -> float:
    """P(|sum| >= total) of these numbers, each with either sign."""
    sizes = [size for size in np.frombuffer(packed, np.int16).tolist() if size]
    reach = sum(sizes)
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1.0
    for size in sizes:
        moved = np.zeros_like(chances)
        moved[size:] += chances[:-size] / 2
        moved[:-size] += chances[size:] / 2
        chances = moved
    far = np.abs(np.arange(-reach, reach + 1)) >= total
    return min(1.0, float(chances[far].sum()))


def holm(p: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which of these tests hold together at a family-wise error of `alpha` (Holm 1979)."""
    held = [False] * len(p)
    for rank, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[i] > alpha / (len(p) - rank):
            break
        held[i] = True
    return held


def tiers(shares: Shares, steps: Sequence[int | None]) -> list[int]:
    """The tier of each entry, 1 the best; `shares` are (entries, images).

    `steps` are those of each entry as in `paired_p`.

    All pairs are tested at once (Holm). An entry is one tier below the lowest one that is
    significantly better than it, so no two entries of a tier can be told apart.
    """
    n = len(shares)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    apart = holm([p for i in range(n) for p in _against(shares, steps, i)])
    means = shares.mean(axis=1)
    better: dict[int, list[int]] = {}
    for (i, j), held in zip(pairs, apart, strict=True):
        if held:
            above, below = (i, j) if means[i] > means[j] else (j, i)
            better.setdefault(below, []).append(above)
    found = [1] * n
    for i in sorted(range(n), key=lambda entry: -means[entry]):
        found[i] = 1 + max((found[above] for above in better.get(i, [])), default=0)
    return found


def _against(shares: Shares, steps: Sequence[int | None], i: int) -> list[float]:
    """`paired_p` of entry `i` and each behind it; the bound where that says alike already."""
    differences = shares[i] - shares[i + 1 :]
    totals = differences.sum(axis=1)
    squares = (differences * differences).sum(axis=1)
    bounds = np.minimum(1.0, 2 * np.exp(-(totals**2) / np.maximum(2 * squares, NOTHING)))
    grids = np.array([_both(steps[i], other) or 0 for other in steps[i + 1 :]], int)
    differ = (np.abs(differences) > NOTHING).sum(axis=1)
    counted = (grids > 0) & (grids <= EXACT_STEPS) & (differ <= EXACT_IMAGES)
    # All at once what `paired_p` does one by one: a board of a thousand entries has 500,000 pairs.
    sizes = np.rint(np.abs(differences) * grids[:, None]).astype(np.int16)
    sizes.sort(axis=1)
    sums = np.rint(np.abs(totals) * grids).astype(int)
    found = []
    for j, bound in enumerate(bounds.tolist()):
        if bound > ALIKE:
            found.append(1.0)
        elif counted[j]:
            found.append(_tail(sizes[j].tobytes(), int(sums[j])))
        else:
            found.append(paired_p(differences[j], int(grids[j]) or None))
    return found


def _both(one: int | None, other: int | None) -> int | None:
    """The grid that both grids lie on."""
    return None if one is None or other is None else lcm(one, other)


def paired_difference(one: Shares, other: Shares, seed: int = 0) -> Interval:
    """The mean of `one - other`, with a 95 % bootstrap interval over the images they share."""
    differences = one - other
    n = len(differences)
    draws = np.random.default_rng(seed).integers(0, n, (RESAMPLES, n))
    low, high = np.percentile(differences[draws].mean(axis=1), (2.5, 97.5))
    return Interval(float(differences.mean()), float(low), float(high))


def at_rate(rates: Sequence[float], shares: Shares, rate: float) -> Interval | None:
    """Accuracy at `rate` on the line through a codec's settings; None outside of their rates.

    As `shares_at_rate`. The interval is that of `mean_share`; the settings' rates are those
    of these very images and count as known.
    """
    found = shares_at_rate(rates, shares, rate)
    return None if found is None else mean_share(found.tolist())


def shares_at_rate(rates: Sequence[float], shares: Shares, rate: float) -> Shares | None:
    """Each image's share at `rate` on the line through a codec's settings; None outside of them.

    `rates` are bits per pixel, one a setting; `shares` are (settings, images). The line is straight
    in the logarithm of the rate.
    """
    order = np.argsort(rates)
    known = np.log2(np.asarray(rates)[order])
    wanted = np.log2(rate)
    if len(known) < 2 or not known[0] <= wanted <= known[-1]:
        return None
    upper = min(max(int(np.searchsorted(known, wanted)), 1), len(known) - 1)
    span = known[upper] - known[upper - 1]
    weight = (wanted - known[upper - 1]) / span if span else 0.0
    ordered = shares[order]
    between: Shares = (1 - weight) * ordered[upper - 1] + weight * ordered[upper]
    return between
