"""Plans and costs: parts of similar cost, addresses, and sums that are known."""

import itertools
import random

import pytest

from benchmark.cost import Cost, JudgingTime, Measured, StepTime, kind, shard_cost, share_spent
from benchmark.plan import address, divided
from benchmark.protocol import CLEAN_CELL
from benchmark.records import Cell, Shard
from benchmark.threat import Access

PGD = Cell("w", Access.WHITE_BOX, "pgd", "exact", "linf", 4, steps=10, restarts=2, draws=1)
WIDER = Cell("w8", Access.WHITE_BOX, "pgd", "exact", "linf", 8, steps=1, restarts=1, draws=1)
SQUARE = Cell("q", Access.QUERY, "square", "none", "linf", 4, queries=100, images=5, draws=1)
MEASURED = Measured(
    2,
    4,
    steps=(
        StepTime("c", kind(PGD), first_s=3.0, more_s=1.0, first_passes=2, more_passes=1),
        StepTime("c", kind(SQUARE), first_s=0.0, more_s=0.5),
    ),
    judging=(JudgingTime("c", picture_s=0.25, again_s=0.125, probes_s=8.0),),
)


def best(seconds: list[float], count: int) -> float:
    """The largest part of the best division, by trying all."""
    loads = []
    for places in itertools.product(range(count), repeat=len(seconds)):
        load = [0.0] * count
        for place, one in zip(places, seconds, strict=True):
            load[place] += one
        loads.append(max(load))
    return min(loads)


@pytest.mark.parametrize("seed", range(6))
def test_parts_are_nearly_as_even_as_can_be(seed: int) -> None:
    draw = random.Random(seed)
    seconds = [draw.uniform(1, 9) for _ in range(7)]
    parts = divided(seconds, 3)
    assert sorted(i for part in parts for i in part) == list(range(7))
    largest = max(sum(seconds[i] for i in part) for part in parts)
    assert largest <= (4 / 3 - 1 / 9) * best(seconds, 3) + 1e-9  # Graham's bound


def test_more_parts_than_shards_leave_some_empty() -> None:
    assert sorted(map(len, divided([1.0, 1.0], 4))) == [0, 0, 1, 1]
    assert sorted(map(len, divided([0.0] * 6, 3))) == [2, 2, 2]


def test_an_address_is_of_the_content_alone() -> None:
    shards = [Shard("c", 0, 4), Shard("c", 4, 8), Shard("d", 0, 4), Shard("c", 0, 40)]
    assert len({address("k", shard) for shard in shards} | {address("l", shards[0])}) == 5
    assert address("k", Shard("c", 0, 4)) == address("k", shards[0])


def test_a_shard_costs_what_its_cells_may_spend() -> None:
    """By hand: 2 starts of 3 + 9 s, one of 3 s, 100 queries of 0.5 s for one picture, judging."""
    cells = (CLEAN_CELL, PGD, WIDER, SQUARE)
    found = shard_cost(cells, Shard("c", 4, 8), MEASURED)
    crafting = 4 * 2 * (3 + 9) + 4 * 3 + 1 * 50
    judging = (4 + 1) * 4 * (0.25 + 0.125)  # the flipped pictures too
    assert found.seconds == crafting + judging + 4 * 8
    assert found.gradient_steps == 4 * 2 * (2 + 9) + 4 * 2
    assert found.queries == 100
    assert found.by_access == {"white-box": 108, "query": 50}
    late = shard_cost(cells, Shard("c", 64, 68), MEASURED)
    assert late.seconds == found.seconds - 50 - 4 * 8 - 4 * 0.375
    assert late.queries == 0


def test_what_earlier_runs_left_unspent_is_left_out() -> None:
    shares = share_spent(
        (CLEAN_CELL, PGD, SQUARE), MEASURED, {("c", "w"): (5.5, 6.0), ("c", "q"): (0.0, 250.0)}
    )
    assert shares == {("c", "w"): 0.25, ("c", "q"): 1.0}
    cells = (PGD,)
    most, expected = (
        shard_cost(cells, Shard("c", 70, 72), MEASURED, given) for given in (None, shares)
    )
    assert expected.gradient_steps == most.gradient_steps / 4
    assert expected.by_access["white-box"] == most.by_access["white-box"] / 4


def test_costs_add_up() -> None:
    total = sum([Cost(1, 2, 3, {"query": 1.0}), Cost(1, 0, 0, {"transfer": 2.0})], Cost())
    assert total == Cost(2, 2, 3, {"query": 1.0, "transfer": 2.0})
