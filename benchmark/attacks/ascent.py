"""The ascent that FGSM, BIM and PGD share.

Gradient steps; the best iterate of each image is kept, a broken image leaves the batch.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.geometry import project, steepest
from benchmark.loss import loss_gradient, margin
from benchmark.tensors import Images, Labels, Logits, Mask, Model, PerImage, rows
from benchmark.threat import Budget


class Climb(NamedTuple):
    """The images still attacked (`active`: positions in the batch), and the best of all so far."""

    active: Tensor
    x_adv: Images
    best: Images
    best_margin: PerImage


def record(climb: Climb, logits: Logits, y: Labels) -> Mask:
    """Write the iterates that are the best of their image; say which active images are broken."""
    now = margin(logits, y)
    better = now < climb.best_margin[climb.active]
    at = climb.active[better]
    climb.best[at], climb.best_margin[at] = climb.x_adv[better], now[better]
    return now < 0


def ascend(
    model: Model, x: Images, y: Labels, budget: Budget, *, start: Images, step: float
) -> tuple[Images, PerImage]:
    """Climb the cross-entropy from `start` in `budget.steps` steps of size `step` (scale of x).

    With `budget.until_broken` an image leaves the batch at its first misclassified iterate.
    Returns the best iterate of each image, `start` among them, and its margin. A single run that
    spends every step returns the last iterates, as PGD was published, and the margins before
    the last step.
    """
    n, last_counts = len(x), not budget.until_broken and budget.restarts == 1
    unseen = torch.full((n,), torch.inf, device=x.device)
    climb = Climb(torch.arange(n, device=x.device), start, start.clone(), unseen)
    for _ in range(budget.steps):
        gradient, logits = loss_gradient(rows(model, climb.active), climb.x_adv, y)
        uphill = steepest(gradient, budget.threat.norm)
        raised = project(torch.add(climb.x_adv, uphill, alpha=step), x, budget.threat)
        if last_counts:
            climb = climb._replace(x_adv=raised, best_margin=margin(logits, y))
            continue
        broken = record(climb, logits, y)
        climb = climb._replace(x_adv=raised)
        if budget.until_broken and bool(broken.any()):
            left = ~broken
            climb = climb._replace(active=climb.active[left], x_adv=raised[left])
            x, y = x[left], y[left]
        if len(climb.active) == 0:
            return climb.best, climb.best_margin
    if last_counts:
        return climb.x_adv, climb.best_margin  # nothing is compared, so no pass is spent on it
    with torch.no_grad():
        logits = rows(model, climb.active)(climb.x_adv)
    record(climb, logits, y)
    return climb.best, climb.best_margin


def best_of(
    x: Images,
    budget: Budget,
    attempts: int,
    climb: Callable[[Tensor, int], tuple[Images, PerImage]],
) -> Images:
    """The best iterate of each image over several ascents.

    `climb(todo, attempt)` gives the iterates and margins of the images `todo`; with
    `budget.until_broken` those are the images that no attempt has broken yet.
    """
    best = x.clone()
    best_margin = torch.full((len(x),), torch.inf, device=x.device)
    todo = torch.arange(len(x), device=x.device)
    for attempt in range(attempts):
        found, now = climb(todo, attempt)
        better = now < best_margin[todo]
        best[todo[better]], best_margin[todo[better]] = found[better], now[better]
        if budget.until_broken:
            todo = todo[best_margin[todo] >= 0]
        if len(todo) == 0:
            break
    return best
