"""From outcomes to scores: worst case per image, Wilson intervals, rate, time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from statistics import fmean

import numpy as np

from benchmark.records import CLEAN, Cell, Challenge, Interval, Outcome, Run
from benchmark.threat import Access, Norm, ThreatModel

Z_95 = 1.959963984540054
RESAMPLES = 1000


def wilson(successes: float, n: int) -> Interval:
    """A proportion with its 95 % interval (Wilson 1927)."""
    if n <= 0:
        raise ValueError("a proportion needs at least one image")
    share, z = successes / n, Z_95
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def bootstrap_mean(values: Sequence[float], seed: int = 0) -> Interval:
    """A mean with its 95 % percentile bootstrap interval (Efron 1979)."""
    sample = np.asarray(values)
    draws = np.random.default_rng(seed).integers(0, len(sample), (RESAMPLES, len(sample)))
    low, high = np.percentile(sample[draws].mean(axis=1), (2.5, 97.5))
    return Interval(float(sample.mean()), float(low), float(high))


Shares = Mapping[str, Mapping[str, float]]
"""Of each cell, of each image that it attacked: the share of the judge's draws that were right."""


@dataclass(frozen=True)
class Robustness:
    """Accuracy under attack at one threat model.

    Of each image the lowest share of right draws (0 or 1 for a deterministic defense) without
    attack and under every cell of an access whose ball lies inside this one, averaged over the
    images that the access's cells attacked. `worst` is over every access and the images that any
    attacked. `success` is what attacks take away of their accuracy without attack; None if there is
    none. `any_draw` is
    the share of images wrong in at least one draw; None for a deterministic defense. `challenged`
    is `worst` with the pictures that others handed in; None without any. No other figure has those.
    """

    threat: ThreatModel
    by_access: dict[Access, Interval]
    worst: Interval
    success: Interval | None
    any_draw: Interval | None
    challenged: Interval | None = None


@dataclass(frozen=True)
class CellScore:
    """Accuracy under one cell alone; mean gradient steps and forward passes spent on an image."""

    cell: Cell
    accuracy: Interval
    gradient_steps: float
    queries: float


@dataclass(frozen=True)
class Score:
    """What a run sums up to before one classifier. `milliseconds` is the defense's an image.

    `clean_any_draw` is the share of images wrong in at least one draw without attack; None for a
    deterministic defense.
    """

    classifier: str
    images: int
    clean: Interval
    clean_any_draw: Interval | None
    robustness: tuple[Robustness, ...]
    cells: tuple[CellScore, ...]
    bits_per_pixel: Interval | None
    milliseconds: float

    def at(self, threat: ThreatModel) -> Robustness | None:
        """The robustness at `threat`; None if the protocol has no such cell."""
        return next((r for r in self.robustness if r.threat == threat), None)


def score(run: Run, classifier: str) -> Score:
    """The score of `run` before `classifier`."""
    record = next(c for c in run.header.classifiers if c.name == classifier)
    results = [r for r in run.results if r.shard.classifier == classifier]
    outcomes = [outcome for result in results for outcome in result.outcomes]
    shares = shares_of(outcomes)
    by_cell: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_cell.setdefault(outcome.cell, []).append(outcome)
    cells = [cell for cell in run.header.cells if cell.name in shares and cell.name != CLEAN]
    pixels = record.height * record.width
    clean_bits = [o.bits / pixels for o in by_cell[CLEAN] if o.bits is not None]
    randomized = any(outcome.draws > 1 for outcome in by_cell[CLEAN])
    clean = list(shares[CLEAN].values())
    challenges = [challenge for challenge in run.challenges if challenge.classifier == classifier]
    return Score(
        classifier=classifier,
        images=len(clean),
        clean=mean_share(clean),
        clean_any_draw=_any_draw(clean) if randomized else None,
        robustness=tuple(
            _robustness(threat, cells, shares, challenges, randomized=randomized)
            for threat in threats(cells)
        ),
        cells=tuple(
            CellScore(
                cell,
                mean_share(list(shares[cell.name].values())),
                fmean([outcome.gradient_steps for outcome in by_cell[cell.name]]),
                fmean([outcome.queries for outcome in by_cell[cell.name]]),
            )
            for cell in cells
        ),
        bits_per_pixel=bootstrap_mean(clean_bits) if clean_bits else None,
        milliseconds=1000 * sum(r.defense_seconds for r in results) / len(clean),
    )


def shares_of(outcomes: Iterable[Outcome]) -> Shares:
    """The share of right draws of each image under each cell."""
    shares: dict[str, dict[str, float]] = {}
    for outcome in outcomes:
        share = outcome.draws_correct / outcome.draws
        shares.setdefault(outcome.cell, {})[outcome.image] = share
    return shares


def mean_share(shares: Sequence[float]) -> Interval:
    """Their mean with Wilson's interval.

    A share between 0 and 1 varies less than one that is 0 or 1, so for these the interval is wide
    enough, and for a mean near 0 or 1 of few images it does not shrink to a point as a bootstrap
    does.
    """
    return wilson(fsum(shares), len(shares))


def threats(cells: Iterable[Cell]) -> list[ThreatModel]:
    """The threat models of `cells` that figures are given for, by norm and radius."""
    found = {
        ThreatModel(Norm(cell.norm), cell.radius)
        for cell in cells
        if cell.norm and cell.radius and not cell.check
    }
    return sorted(found, key=lambda threat: (threat.norm != Norm.LINF, threat.radius))


def inside(cells: Iterable[Cell], threat: ThreatModel) -> list[Cell]:
    """The cells whose ball lies inside that of `threat`."""
    return [c for c in cells if c.norm == threat.norm and 0 < (c.radius or 0) <= threat.radius]


def lowest(cells: Iterable[Cell], shares: Shares) -> dict[str, float]:
    """Of each image the lowest share without attack and under those of `cells` that attacked it."""
    left = dict(shares[CLEAN])
    for cell in cells:
        for image, share in shares[cell.name].items():
            if share < left.get(image, 0.0):
                left[image] = share
    return left


def lowest_of_attacked(cells: Iterable[Cell], shares: Shares) -> dict[str, float]:
    """As `lowest`, for the images that at least one of `cells` attacked."""
    cells = list(cells)
    attacked = set[str]().union(*(shares[cell.name] for cell in cells))
    return {image: share for image, share in lowest(cells, shares).items() if image in attacked}


def _robustness(
    threat: ThreatModel,
    cells: Sequence[Cell],
    shares: Shares,
    challenges: Sequence[Challenge],
    *,
    randomized: bool,
) -> Robustness:
    within = inside(cells, threat)
    by_image = lowest_of_attacked(within, shares)
    left = list(by_image.values())
    by_access = {
        access: mean_share(
            list(lowest_of_attacked([c for c in within if c.access is access], shares).values())
        )
        for access in sorted({cell.access for cell in within})
    }
    challenged = challenged_shares(threat, challenges, by_image, shares[CLEAN])
    return Robustness(
        threat=threat,
        by_access=by_access,
        worst=mean_share(left),
        success=_success([shares[CLEAN][image] for image in by_image], left),
        any_draw=_any_draw(left) if randomized else None,
        challenged=None if challenged is None else mean_share(list(challenged.values())),
    )


def challenged_shares(
    threat: ThreatModel,
    challenges: Iterable[Challenge],
    by_image: Mapping[str, float],
    clean: Mapping[str, float],
) -> dict[str, float] | None:
    """The worst case `by_image`, lowered by the challenges whose ball lies inside this one.

    An image that only they attacked is added, at what is `clean` of it or lower. None without any.
    """
    norm, radius = threat.norm, threat.radius
    against = [c for c in challenges if c.threat.norm is norm and c.threat.radius <= radius]
    if not against:
        return None
    lowered = dict(by_image)
    for outcome in (outcome for challenge in against for outcome in challenge.outcomes):
        share = outcome.draws_correct / outcome.draws
        before = lowered.get(outcome.image, clean[outcome.image])
        lowered[outcome.image] = min(before, share)
    return lowered


def _success(clean: Sequence[float], left: Sequence[float]) -> Interval | None:
    """What attacks take of the accuracy without attack: the share of right draws that they turn."""
    if not any(clean):
        return None
    if {*clean, *left} <= {0.0, 1.0}:
        return wilson(round(sum(clean) - sum(left)), round(sum(clean)))
    before, after = np.asarray(clean), np.asarray(left)
    draws = np.random.default_rng(0).integers(0, len(before), (RESAMPLES, len(before)))
    kept = after[draws].sum(axis=1) / before[draws].sum(axis=1).clip(min=1e-9)
    low, high = np.percentile(1 - kept, (2.5, 97.5))
    return Interval(float(1 - after.sum() / before.sum()), float(low), float(high))


def _any_draw(shares: Sequence[float]) -> Interval:
    return wilson(sum(share < 1 for share in shares), len(shares))
