"""The L2 attack of Carlini & Wagner (2017, arXiv 1608.04644).

Adam minimizes |x_adv - x|^2 + c max(margin, 0) over w, with x_adv = (tanh w + 1) / 2. These attacks
look for the nearest misclassified image: they read neither the radius nor `until_broken`.
"""

from typing import NamedTuple

import torch

from benchmark.geometry import distance, per_image
from benchmark.loss import margin
from benchmark.tensors import Images, Labels, Mask, Model, PerImage, rows
from benchmark.threat import Budget, Norm

RATE = 0.01
"""Learning rate of Adam, in w."""

WEIGHT = 1.0
"""The fixed c."""

FIRST_WEIGHT = 1e-3
"""The c from which the search starts."""

SEARCHES = 9
"""Values of c that the search tries."""

INSIDE = 1 - 1e-6
"""Images are shrunk by this factor towards grey, so that black and white have a finite w."""


class Nearest(NamedTuple):
    """The nearest misclassified image so far and its L2 distance, infinite where none was found."""

    x_adv: Images
    size: PerImage


def keep_nearer(nearest: Nearest, x: Images, x_adv: Images, broken: Mask) -> Nearest:
    """`nearest`, or `x_adv` where that is misclassified (`broken`) and nearer to `x`."""
    size = distance(x, x_adv, Norm.L2)
    nearer = broken & (size < nearest.size)
    return Nearest(
        torch.where(per_image(nearer), x_adv, nearest.x_adv),
        torch.where(nearer, size, nearest.size),
    )


def descend(model: Model, x: Images, y: Labels, c: PerImage, steps: int) -> Nearest:
    """Minimize for `steps` steps with the weight `c` of each image."""
    nearest = Nearest(x, torch.full((len(x),), torch.inf, device=x.device))
    w = torch.atanh((2 * x - 1) * INSIDE).requires_grad_()
    adam = torch.optim.Adam([w], lr=RATE)
    for _ in range(steps):
        x_adv = (w.tanh() + 1) / 2
        distance_to_break = margin(model(x_adv), y)
        nearest = keep_nearer(nearest, x, x_adv.detach(), distance_to_break.detach() < 0)
        loss = (x_adv - x).square().flatten(1).sum(1) + c * distance_to_break.clamp_min(0)
        (w.grad,) = torch.autograd.grad(loss.sum(), w)
        adam.step()
    with torch.no_grad():
        x_adv = (w.tanh() + 1) / 2
        return keep_nearer(nearest, x, x_adv, margin(model(x_adv), y) < 0)


def search_weight(model: Model, x: Images, y: Labels, steps: int) -> Nearest:
    """The nearest over `SEARCHES` descents, each anew, with the weight c of each image bisected.

    A weight that broke the image is an upper bound of the next, one that did not a lower bound;
    while there is no upper bound, c grows tenfold.
    """
    nearest = Nearest(x, torch.full((len(x),), torch.inf, device=x.device))
    c = torch.full_like(nearest.size, FIRST_WEIGHT)
    low, high = torch.zeros_like(c), torch.full_like(c, torch.inf)
    for _ in range(SEARCHES):
        found = descend(model, x, y, c, steps)
        broken = found.size.isfinite()
        nearest = keep_nearer(nearest, x, found.x_adv, broken)
        low, high = torch.where(broken, low, c), torch.where(broken, c, high)
        c = torch.where(high.isfinite(), (low + high) / 2, 10 * c)
    return nearest


def _standing(model: Model, x: Images, y: Labels) -> torch.Tensor:
    """Positions of the images that are classified correctly without attack."""
    with torch.no_grad():
        return (margin(model(x), y) >= 0).nonzero().squeeze(1)


def cw(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """The nearest misclassified image of `budget.steps` steps with c = 1; `x` if there is none."""
    todo = _standing(model, x, y)
    x_adv = x.clone()
    c = torch.full((len(todo),), WEIGHT, device=x.device)
    if len(todo) > 0:
        x_adv[todo] = descend(rows(model, todo), x[todo], y[todo], c, budget.steps).x_adv
    return x_adv


def cw_search(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """As `cw`, with c searched for each image: nine times `budget.steps` steps."""
    todo = _standing(model, x, y)
    x_adv = x.clone()
    if len(todo) > 0:
        x_adv[todo] = search_weight(rows(model, todo), x[todo], y[todo], budget.steps).x_adv
    return x_adv
