"""DeepFool (Moosavi-Dezfooli, Fawzi, Frossard 2016, arXiv 1511.04599), L2.

Step by step to the nearest boundary of the model's linearization.
"""

import torch
from torch import Tensor

from benchmark.geometry import TINY, per_image
from benchmark.loss import gradient_of, margin
from benchmark.tensors import Images, Labels, Model, rows
from benchmark.threat import Budget

OVERSHOOT = 0.02
"""How much further than the boundaries met so far each point lies, as a share."""

CANDIDATES = 10
"""Classes whose boundaries are looked at: the most likely ones without attack, `y` among them."""

FLOOR = 1e-4
"""Added to the gap of logits, so that a point on the boundary itself still moves across."""

GROWTH = 1.3
"""Growth of `FLOOR` from step to step: rounding to 8 bits can swallow a step, a larger one not."""


def to_nearest_boundary(
    model: Model, x_adv: Images, y: Labels, others: Tensor, floor: float = FLOOR
) -> Images:
    """The shortest step that the linearized model is deceived by into one of `others` (n, m)."""
    x_adv = x_adv.detach().requires_grad_()
    logits = model(x_adv)
    gaps = logits.gather(1, y[:, None]) - logits.gather(1, others)
    shortest = torch.full_like(gaps[:, 0], torch.inf).detach()
    step = torch.zeros_like(x_adv).detach()
    for i in range(others.shape[1]):
        gap = gaps[:, i]
        last = i == others.shape[1] - 1
        slope = gradient_of(gap.sum(), x_adv, keep=not last)
        size = slope.flatten(1).norm(dim=1).clamp_min(TINY)
        length = (gap.detach().abs() + floor) / size
        nearer = length < shortest
        shortest = torch.where(nearer, length, shortest)
        step = torch.where(per_image(nearer), -slope * per_image(length / size), step)
    return step


def deepfool(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """The first misclassified point of at most `budget.steps` steps; `x` if there is none.

    Made to find the nearest misclassified image: it reads neither the radius nor `until_broken`.
    """
    found, x_adv = x.clone(), x
    total = torch.zeros_like(x)
    with torch.no_grad():
        logits = model(x)
    ranked = logits.scatter(1, y[:, None], -torch.inf)
    others = ranked.topk(min(CANDIDATES, logits.shape[1]) - 1, dim=1).indices
    active = (margin(logits, y) >= 0).nonzero().squeeze(1)
    x_adv, total = x[active], total[active]
    for i in range(budget.steps):
        if len(active) == 0:
            break
        here, floor = rows(model, active), FLOOR * GROWTH**i
        total = total + to_nearest_boundary(here, x_adv, y[active], others[active], floor)
        x_adv = (x[active] + (1 + OVERSHOOT) * total).clamp(0, 1)
        # A forward of its own, so that a broken image costs no further gradients.
        with torch.no_grad():
            standing = margin(here(x_adv), y[active]) >= 0
        found[active[~standing]] = x_adv[~standing]
        active, x_adv, total = active[standing], x_adv[standing], total[standing]
    return found
