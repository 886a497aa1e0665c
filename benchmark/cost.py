"""What a shard costs: gradient steps, queries and seconds, from step times that were measured.

The model is a sum over cells. Of an attack it knows two figures a picture, measured on the machine
at hand by a short probe (`benchmark.step_times`): the seconds of the first step, with all that
comes around it, and those of each further step. A budget is what an attack may spend, not what it
spends: pictures that are broken are left alone. So the sum is an upper bound, unless shares are
known that earlier runs spent of it. Transfer examples count as if none of them were cached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmark.records import Cell, Shard
from benchmark.threat import Access

PROBED = 64
"""Pictures of the sample, its first ones, on which the defense itself is probed."""


@dataclass(frozen=True)
class StepTime:
    """What one restart of an attack takes a picture before a classifier.

    `first_s` are the seconds of the first step, `more_s` of each further one; `first_passes` and
    `more_passes` the backward passes in them. For a query attack `more_s` are those of a query.
    """

    classifier: str
    kind: str
    first_s: float
    more_s: float
    first_passes: float = 0
    more_passes: float = 0


@dataclass(frozen=True)
class JudgingTime:
    """Seconds that judging takes a picture of one cell.

    `again_s` are those of the second judge, who sees all pictures of a shard and flipped ones, and
    `probes_s` those of the defense's own probes, for the first pictures of the sample alone.
    """

    classifier: str
    picture_s: float
    again_s: float = 0
    probes_s: float = 0


@dataclass(frozen=True)
class Measured:
    """What a probe found on `pictures` pictures of a shard of `batch`.

    `memory_bytes` is the peak of a worker and its boxes, `device_bytes` that of the worker on its
    accelerator, 0 on a CPU.
    """

    pictures: int
    batch: int
    steps: tuple[StepTime, ...]
    judging: tuple[JudgingTime, ...]
    memory_bytes: int = 0
    device_bytes: int = 0


@dataclass(frozen=True)
class Cost:
    """Of a shard or of several; `by_access` are the seconds of crafting."""

    seconds: float = 0
    gradient_steps: float = 0
    queries: float = 0
    by_access: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: "Cost") -> "Cost":
        names = dict.fromkeys([*self.by_access, *other.by_access])
        return Cost(
            self.seconds + other.seconds,
            self.gradient_steps + other.gradient_steps,
            self.queries + other.queries,
            {name: self.by_access.get(name, 0) + other.by_access.get(name, 0) for name in names},
        )


def kind(cell: Cell) -> str:
    """What the time of a step depends on: all of a cell but its radius and its effort."""
    parts = (cell.access, cell.attack, cell.estimator, cell.norm, cell.objective, cell.source)
    return "/".join([*map(str, parts), f"d{cell.draws}", cell.options])


def crafting(cell: Cell, pictures: int, step: StepTime) -> Cost:
    """What the attack of a cell may spend on so many pictures."""
    if cell.access is Access.QUERY:
        seconds, passes = (cell.queries or 1) * step.more_s, 0.0
    else:
        more = (cell.steps or 1) - 1
        starts = cell.restarts or 1
        seconds = starts * (step.first_s + more * step.more_s)
        passes = starts * (step.first_passes + more * step.more_passes)
    queries = (cell.queries or 0) if cell.access is Access.QUERY else 0
    found = pictures * seconds
    return Cost(found, pictures * passes, pictures * queries, {cell.access.value: found})


def shard_cost(
    cells: Sequence[Cell],
    shard: Shard,
    measured: Measured,
    shares: Mapping[tuple[str, str], float] | None = None,
) -> Cost:
    """The cost of a shard under `cells`; `shares` as `share_spent` gives them, 1 if unknown."""
    steps = {one.kind: one for one in measured.steps if one.classifier == shard.classifier}
    judging = next(one for one in measured.judging if one.classifier == shard.classifier)
    size = shard.stop - shard.start
    total = Cost()
    for cell in cells:
        pictures = min(size, max((cell.images or shard.stop) - shard.start, 0))
        if not pictures:
            continue
        if cell.attack is not None:
            share = (shares or {}).get((shard.classifier, cell.name), 1.0)
            most = crafting(cell, pictures, steps[kind(cell)])
            total += Cost(
                share * most.seconds,
                share * most.gradient_steps,
                share * most.queries,
                {name: share * seconds for name, seconds in most.by_access.items()},
            )
        total += Cost(size * (judging.picture_s + judging.again_s))
    flipped = Cost(size * (judging.picture_s + judging.again_s) if judging.again_s else 0)
    probed = min(size, max(PROBED - shard.start, 0))
    return total + flipped + Cost(probed * judging.probes_s)


def share_spent(
    cells: Sequence[Cell], measured: Measured, spent: Mapping[tuple[str, str], tuple[float, float]]
) -> dict[tuple[str, str], float]:
    """The share of its budget that earlier runs spent on a picture, by classifier and cell.

    `spent` has the mean gradient steps and queries a picture.
    """
    found = {}
    for step in measured.steps:
        for cell in cells:
            key = (step.classifier, cell.name)
            if cell.attack is None or kind(cell) != step.kind or key not in spent:
                continue
            most = crafting(cell, 1, step)
            gradient_steps, queries = spent[key]
            by_query = cell.access is Access.QUERY
            budget, took = (
                (most.queries, queries) if by_query else (most.gradient_steps, gradient_steps)
            )
            found[key] = min(1.0, took / budget) if budget else 1.0
    return found
