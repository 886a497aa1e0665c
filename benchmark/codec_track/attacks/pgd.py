"""Projected gradient ascent with a fixed step (Madry et al. 2018, arXiv 1706.06083), on a codec."""

from benchmark.codec_track.attacks.ascent import Best, slope
from benchmark.codec_track.types import Loss
from benchmark.geometry import project, random_in_ball, steepest
from benchmark.tensors import Images
from benchmark.threat import LEVELS, Budget, Norm

STEP = 2 / LEVELS
"""The published step for Linf (Song, Choi, Han 2024, arXiv 2401.11902, at a radius of 4/255)."""


def step_size(budget: Budget) -> float:
    """2/255 for Linf, or the radius if that is less; half the radius for other norms."""
    eps = budget.threat.eps
    return min(STEP, eps) if budget.threat.norm is Norm.LINF else eps / 2


def pgd(loss: Loss, x: Images, budget: Budget) -> Images:
    """Steps of one size along the steepest direction, `budget.steps` a restart.

    The first restart begins at the clean picture, so that the result is never below it; the others
    at random ones.
    """
    threat, step = budget.threat, step_size(budget)
    best = Best.none(x)
    for restart in range(budget.restarts):
        x_adv = random_in_ball(x, threat, budget.seed, restart) if restart else x
        for _ in range(budget.steps):
            here = slope(loss, x_adv)
            best = best.with_(x_adv, here.value, x, threat)
            x_adv = project(x_adv + step * steepest(here.gradient, threat.norm), x, threat)
        best = best.or_last(loss, x_adv, x, threat)
    return best.x_adv
