"""Square attack: random search from scores alone (Andriushchenko et al. 2020, arXiv 1912.00049).

A square of the perturbation is drawn anew at each query and kept if the margin falls. The squares
shrink as the queries are spent.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.attacks import square_l2, square_linf
from benchmark.errors import CallError
from benchmark.geometry import generators
from benchmark.loss import margin
from benchmark.tensors import Images, Labels, Model, PerImage, rows
from benchmark.threat import Budget, Norm, ThreatModel

FIRST_SHARE = 0.8
"""Share of the pixels that the first square covers."""

HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries after which the share is halved, of 10,000."""


class Moves(NamedTuple):
    """What a norm makes of random numbers: a first perturbed image, and a proposal for the next.

    `begin(x, uniform, threat)` reads uniform numbers of the shape of `x`; `propose(x, best,
    uniform, share, threat)` reads `columns(c)` of them an image, `share` being that of the square.
    """

    begin: Callable[[Images, Images, ThreatModel], Images]
    propose: Callable[[Images, Images, Tensor, float, ThreatModel], Images]
    columns: Callable[[int], int]


MOVES: Mapping[Norm, Moves] = {
    Norm.LINF: Moves(square_linf.begin, square_linf.propose, square_linf.columns),
    Norm.L2: Moves(square_l2.begin, square_l2.propose, square_l2.columns),
}


def share_at(query: int, queries: int) -> float:
    """Share of the pixels that the square of `query` covers, the start being query 0."""
    scaled = 10_000 * query // queries
    return FIRST_SHARE * 0.5 ** sum(scaled > mark for mark in HALVED_AT)


def draw(x: Images, budget: Budget, restart: int, shape: tuple[int, int]) -> tuple[Images, Tensor]:
    """Uniform numbers for the start, like `x`, and for the queries, (n, *shape).

    Those of an image are its own, whatever batch it is in.
    """
    starts, moves = [], []
    for generator in generators(x, budget.seed, restart):
        starts.append(torch.rand(x.shape[1:], generator=generator))
        moves.append(torch.rand(shape, generator=generator))
    return torch.stack(starts).to(x), torch.stack(moves).to(x)


def search(
    model: Model, x: Images, y: Labels, budget: Budget, *, queries: int, restart: int
) -> tuple[Images, PerImage]:
    """One random search of `queries` queries an image: the best images and their margins."""
    moves = MOVES[budget.threat.norm]
    columns = moves.columns(x.shape[1])
    for_start, uniform = draw(x, budget, restart, (queries, columns))
    best = moves.begin(x, for_start, budget.threat)
    lowest = margin(model(best), y)
    active = torch.arange(len(x), device=x.device)
    for query in range(1, queries):
        if budget.until_broken:
            active = active[lowest[active] >= 0]
        if len(active) == 0:
            break
        share = share_at(query, queries)
        proposed = moves.propose(
            x[active], best[active], uniform[active, query], share, budget.threat
        )
        now = margin(rows(model, active)(proposed), y[active])
        better = now < lowest[active]
        best[active[better]], lowest[active[better]] = proposed[better], now[better]
    return best, lowest


@torch.no_grad()
def square(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """Random search on the margin with `budget.queries` forward passes an image, starts included.

    Restarts share the queries evenly. No gradient is ever asked for.
    """
    if budget.queries < budget.restarts:
        raise CallError(
            f"square attack with queries = {budget.queries}: expected at least one for each of "
            f"{budget.restarts} restarts; set queries in the cell of the protocol"
        )
    best, lowest = x.clone(), torch.full((len(x),), torch.inf, device=x.device)
    todo = torch.arange(len(x), device=x.device)
    for restart in range(budget.restarts):
        queries = (budget.queries + restart) // budget.restarts
        found, now = search(
            rows(model, todo), x[todo], y[todo], budget, queries=queries, restart=restart
        )
        better = now < lowest[todo]
        best[todo[better]], lowest[todo[better]] = found[better], now[better]
        if budget.until_broken:
            todo = todo[lowest[todo] >= 0]
        if len(todo) == 0:
            break
    return best
