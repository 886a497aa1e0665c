"""Rules on outcomes: what one access, gradient, radius or step count found and another did not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from statistics import fmean
from typing import NamedTuple

from benchmark.flags.evidence import Evidence, Paired, paired, per_cent, size
from benchmark.records import Cell
from benchmark.score import inside, lowest, lowest_of_attacked, mean_share, threats
from benchmark.threat import Access, Norm, ThreatModel

GAP = 0.05
"""What another estimator must find beyond the declared one, in accuracy, to be worth a flag."""
LARGE = 64
"""From this Linf radius, in grey levels, nearly any picture is within reach."""


class _Found(NamedTuple):
    """A comparison that raised a flag, and its sentence."""

    ratio: float
    sentence: str


def black_box_beats_white_box(evidence: Evidence) -> str | None:
    """Transfer or query attacks leave less than those that have the gradient."""
    found = []
    for threat in threats(evidence.cells):
        within = inside(evidence.cells, threat)
        informed = _of(within, Access.WHITE_BOX, Access.EOT)
        for access in (Access.TRANSFER, Access.QUERY):
            blind = _of(within, access)
            if informed and blind:
                found += _compared(
                    (lowest_of_attacked(informed, evidence.shares), "under white-box attacks"),
                    (lowest_of_attacked(blind, evidence.shares), f"under {access} attacks"),
                    threat,
                )
    return _strongest(found)


def incoherent_gradient(evidence: Evidence) -> str | None:
    """Another estimator finds clearly more than the declared gradient, with the same attacks."""
    names = {cell.estimator for cell in evidence.cells}
    declared = "surrogate" if "surrogate" in names else "exact"
    found = []
    for threat in threats(evidence.cells):
        within = _of(inside(evidence.cells, threat), Access.WHITE_BOX, Access.EOT)
        # What a cell of the rest leaves is the work of others too.
        within = [cell for cell in within if not cell.rest]
        own = {_effort(cell): cell for cell in within if cell.estimator == declared}
        for name in sorted({cell.estimator or "" for cell in within} - {declared}):
            other = {_effort(cell): cell for cell in within if cell.estimator == name}
            shared = [effort for effort in own if effort in other]
            if shared:
                left, found_more = (
                    lowest_of_attacked([cells[effort] for effort in shared], evidence.shares)
                    for cells in (own, other)
                )
                found += _compared(
                    (left, f"with the declared gradient ({declared})"),
                    (found_more, f"with {name}, in the same attacks"),
                    threat,
                    gap=GAP,
                )
    return _strongest(found)


def not_monotone(evidence: Evidence) -> str | None:
    """An attack leaves more standing at a larger radius than at a smaller one."""
    families: dict[Cell, list[Cell]] = {}
    for cell in evidence.cells:
        families.setdefault(_family(cell), []).append(cell)
    found = []
    for cells in families.values():
        ordered = sorted(cells, key=lambda cell: cell.radius or 0)
        for i, small in enumerate(ordered):
            for large in ordered[i + 1 :]:
                rise = paired(evidence.shares[large.name], evidence.shares[small.name])
                if rise.significant:
                    sentence = (
                        f"{small.attack} ({small.access}, {small.estimator}) leaves more standing "
                        f"at {size(_threat(large))} than at {size(_threat(small))}: "
                        f"{rise.in_words}."
                    )
                    found.append(_Found(rise.difference / rise.error, sentence))
    return _strongest(found)


def not_zero_at_large_eps(evidence: Evidence) -> str | None:
    """Pictures stand in balls that hold nearly every picture."""
    large = [c for c in evidence.cells if c.norm == Norm.LINF and (c.radius or 0) >= LARGE]
    if not large:
        return None
    threat = _threat(max(large, key=lambda cell: cell.radius or 0))
    by_image = lowest(inside(evidence.cells, threat), evidence.shares)
    attacked = lowest_of_attacked(large, evidence.shares)
    left = mean_share([by_image[image] for image in attacked])
    chance = 1 / evidence.classes
    if left.low <= chance:
        return None
    return (
        f"{per_cent(left.estimate)} (at least {per_cent(left.low)}) stand at {size(threat)}, "
        f"where guessing has {per_cent(chance)}."
    )


def not_converged(evidence: Evidence) -> str | None:
    """Twice the steps or queries lower what the whole suite leaves."""
    found = []
    for threat in threats(evidence.cells):
        within = inside(evidence.cells, threat)
        for longer in _longest(within):
            rest = [cell for cell in within if cell not in longer]
            attacked = lowest_of_attacked(longer, evidence.shares)
            before = [s for i, s in lowest(rest, evidence.shares).items() if i in attacked]
            after = [s for i, s in lowest(within, evidence.shares).items() if i in attacked]
            interval = mean_share(after)
            fall = fmean(before) - interval.estimate
            half = (interval.high - interval.low) / 2
            if fall > half:
                cell = longer[0]
                spent = f"{cell.queries} queries" if cell.queries else f"{cell.steps} steps"
                sentence = (
                    f"{cell.attack} with {spent} lowers the worst case at {size(threat)} from "
                    f"{per_cent(fmean(before))} to {per_cent(interval.estimate)}, more than the "
                    f"half-width {100 * half:.1f} of its interval."
                )
                found.append(_Found(fall / half, sentence))
    return _strongest(found)


def _of(cells: Iterable[Cell], *accesses: Access) -> list[Cell]:
    return [cell for cell in cells if cell.access in accesses]


def _threat(cell: Cell) -> ThreatModel:
    return ThreatModel(Norm(cell.norm or ""), cell.radius or 0)


@cache
def _family(cell: Cell) -> Cell:
    """The cell without its radius: equal for the same attack in other balls."""
    return replace(cell, name="", radius=None, check=False, images=None)


@cache
def _effort(cell: Cell) -> Cell:
    """The cell without its gradient: equal for the same attack through two estimators."""
    return replace(cell, name="", estimator=None)


@cache
def _attack(cell: Cell) -> Cell:
    """The cell without radius, gradient and effort: equal for longer runs of the same attack."""
    return replace(_family(_effort(cell)), steps=None, queries=None)


def _longest(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Of each attack that ran with half the steps or queries or less, the cells with more.

    Whatever the gradient and the radius, for all of an attack's long runs are the suite's.
    """
    attacks: dict[Cell, list[Cell]] = {}
    for cell in cells:
        attacks.setdefault(_attack(cell), []).append(cell)
    longest = []
    for runs in attacks.values():
        most = max(map(_spent, runs))
        longer = [cell for cell in runs if 2 * _spent(cell) > most]
        if len(longer) < len(runs):
            longest.append(sorted(longer, key=_spent, reverse=True))
    return longest


def _spent(cell: Cell) -> int:
    return cell.queries or cell.steps or 0


def _compared(
    more: tuple[Mapping[str, float], str],
    less: tuple[Mapping[str, float], str],
    threat: ThreatModel,
    gap: float = 0.0,
) -> list[_Found]:
    """One finding if `more` stands above `less` by `gap` and two standard errors; else none."""
    difference: Paired = paired(more[0], less[0])
    if not difference.significant or difference.difference < gap:
        return []
    high, low = (
        fmean(share for image, share in shares.items() if image in other)
        for shares, other in ((more[0], less[0]), (less[0], more[0]))
    )
    sentence = (
        f"At {size(threat)} {per_cent(high)} stand {more[1]} and {per_cent(low)} {less[1]}: "
        f"{difference.in_words}."
    )
    return [_Found(difference.difference / difference.error, sentence)]


def _strongest(found: Sequence[_Found]) -> str | None:
    return max(found, key=lambda one: one.ratio).sentence if found else None
