"""Projected gradient descent (Madry et al. 2018, arXiv 1706.06083)."""

from torch import Tensor

from benchmark.attacks.ascent import ascend, best_of
from benchmark.geometry import random_in_ball
from benchmark.tensors import Images, Labels, Model, PerImage, rows
from benchmark.threat import Budget


def step_size(budget: Budget) -> float:
    """2.5 eps / steps (Madry et al.), which is the eps/4 of the protocols' 10-step attacks."""
    return 2.5 * budget.threat.eps / max(budget.steps, 1)


def pgd(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """Gradient steps from random starts; a restart goes on with the images not yet broken."""

    def climb(todo: Tensor, restart: int) -> tuple[Images, PerImage]:
        start = random_in_ball(x[todo], budget.threat, budget.seed, restart)
        step = step_size(budget)
        return ascend(rows(model, todo), x[todo], y[todo], budget, start=start, step=step)

    return best_of(x, budget, budget.restarts, climb)
