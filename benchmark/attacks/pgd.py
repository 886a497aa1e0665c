"""Projected gradient descent (Madry et al. 2018, arXiv 1706.06083)."""

import torch

from benchmark.attacks.ascent import ascend
from benchmark.geometry import random_in_ball
from benchmark.tensors import Images, Labels, Model, rows
from benchmark.threat import Budget


def step_size(budget: Budget) -> float:
    """2.5 eps / steps (Madry et al.), which is the eps/4 of the protocols' 10-step attacks."""
    return 2.5 * budget.threat.eps / max(budget.steps, 1)


def pgd(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """Gradient steps from random starts; a restart goes on with the images not yet broken."""
    best = x.clone()
    best_margin = torch.full((len(x),), torch.inf, device=x.device)
    todo = torch.arange(len(x), device=x.device)
    for restart in range(budget.restarts):
        start = random_in_ball(x[todo], budget.threat, budget.seed, restart)
        found, margin = ascend(
            rows(model, todo), x[todo], y[todo], budget, start=start, step=step_size(budget)
        )
        better = margin < best_margin[todo]
        best[todo[better]], best_margin[todo[better]] = found[better], margin[better]
        if budget.until_broken:
            todo = todo[best_margin[todo] >= 0]
        if len(todo) == 0:
            break
    return best
