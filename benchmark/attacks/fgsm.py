"""Fast gradient sign method (Goodfellow, Shlens, Szegedy 2015, arXiv 1412.6572)."""

from dataclasses import replace

from benchmark.attacks.ascent import ascend
from benchmark.tensors import Images, Labels, Model
from benchmark.threat import Budget


def fgsm(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """One step of the full radius along the steepest direction; `budget.steps` is not read."""
    return ascend(model, x, y, replace(budget, steps=1), start=x, step=budget.threat.eps)[0]
