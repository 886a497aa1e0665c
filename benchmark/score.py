"""From outcomes to scores: worst case per image, Wilson intervals, rate, time."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from benchmark.records import CLEAN, Cell, Interval, Run
from benchmark.threat import Access, Norm, ThreatModel

Z_95 = 1.959963984540054
RESAMPLES = 1000


def wilson(successes: int, n: int) -> Interval:
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


@dataclass(frozen=True)
class Robustness:
    """Accuracy under attack at one threat model.

    The share of images correct without attack and under every cell of an access whose ball lies
    inside this one. `worst` is over every access. `success` is the share of images
    flipped among those correct without attack; None if there are none.
    """

    threat: ThreatModel
    by_access: dict[Access, Interval]
    worst: Interval
    success: Interval | None


@dataclass(frozen=True)
class CellScore:
    """Accuracy under one cell alone, and the mean gradient steps that it spent on an image."""

    cell: Cell
    accuracy: Interval
    gradient_steps: float


@dataclass(frozen=True)
class Score:
    """What a run sums up to before one classifier. `milliseconds` is the defense's an image."""

    classifier: str
    images: int
    clean: Interval
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
    correct: dict[str, dict[str, bool]] = {}
    steps: dict[str, list[int]] = {}
    clean_bits = []
    for outcome in (o for result in results for o in result.outcomes):
        correct.setdefault(outcome.cell, {})[outcome.image] = outcome.correct
        steps.setdefault(outcome.cell, []).append(outcome.gradient_steps)
        if outcome.cell == CLEAN and outcome.bits is not None:
            clean_bits.append(outcome.bits / (record.height * record.width))
    cells = [cell for cell in run.header.cells if cell.name in correct and cell.name != CLEAN]
    clean = correct[CLEAN]
    return Score(
        classifier=classifier,
        images=len(clean),
        clean=wilson(sum(clean.values()), len(clean)),
        robustness=tuple(_robustness(threat, cells, correct) for threat in threats(cells)),
        cells=tuple(
            CellScore(cell, _share(correct[cell.name].values()), fmean(steps[cell.name]))
            for cell in cells
        ),
        bits_per_pixel=bootstrap_mean(clean_bits) if clean_bits else None,
        milliseconds=1000 * sum(r.defense_seconds for r in results) / len(clean),
    )


def threats(cells: Iterable[Cell]) -> list[ThreatModel]:
    """The threat models of `cells`, by norm and radius."""
    found = {
        ThreatModel(Norm(cell.norm), cell.radius) for cell in cells if cell.norm and cell.radius
    }
    return sorted(found, key=lambda threat: (threat.norm != Norm.LINF, threat.radius))


def _robustness(
    threat: ThreatModel, cells: Sequence[Cell], correct: dict[str, dict[str, bool]]
) -> Robustness:
    inside = [c for c in cells if c.norm == threat.norm and (c.radius or 0) <= threat.radius]
    images, right = len(correct[CLEAN]), sum(correct[CLEAN].values())
    survivors = _survivors(inside, correct)
    by_access = {
        access: _survivors([c for c in inside if c.access == access], correct)
        for access in sorted({cell.access for cell in inside})
    }
    return Robustness(
        threat=threat,
        by_access={access: wilson(len(kept), images) for access, kept in by_access.items()},
        worst=wilson(len(survivors), images),
        success=wilson(right - len(survivors), right) if right else None,
    )


def _survivors(cells: Sequence[Cell], correct: dict[str, dict[str, bool]]) -> set[str]:
    """Images that are correct without attack and under each of `cells`."""
    names = [CLEAN, *(cell.name for cell in cells)]
    return {image for image in correct[CLEAN] if all(correct[name][image] for name in names)}


def _share(values: Collection[bool]) -> Interval:
    return wilson(sum(values), len(values))
