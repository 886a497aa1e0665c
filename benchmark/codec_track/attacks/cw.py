"""A penalty in place of a ball, after Carlini and Wagner (2017, arXiv 1608.04644), on a codec.

Adam minimizes excess^2 - log loss over w, with x_adv = (tanh w + 1) / 2: the change of variables
keeps every iterate a picture, and the logarithm gives losses of all scales one weight. `excess` is
how far x_adv is outside of the ball, in radii (root mean square). The loss is asked at the nearest
point of the ball, so that what the adversary sees is what is judged.
"""

import torch

from benchmark.codec_track.attacks.ascent import Best, slope
from benchmark.codec_track.types import Loss
from benchmark.geometry import per_image, project, random_in_ball, with_room
from benchmark.tensors import Images
from benchmark.threat import Budget

RATE = 0.01
"""Learning rate of Adam, in w."""

INSIDE = 1 - 1e-6
"""Pictures are shrunk by this factor towards grey, so that black and white have a finite w."""

TINY = 1e-12


def cw(loss: Loss, x: Images, budget: Budget) -> Images:
    """The best point of `budget.steps` steps a restart; those after the first begin at random."""
    inner = with_room(budget.threat)
    best = Best.none(x)
    for restart in range(budget.restarts):
        start = random_in_ball(x, inner, budget.seed, restart) if restart else x
        w = torch.atanh((2 * start - 1) * INSIDE).requires_grad_()
        optimizer = torch.optim.Adam([w], lr=RATE)
        for _ in range(budget.steps):
            x_adv = (w.tanh() + 1) / 2
            inside = project(x_adv.detach(), x, inner)
            here = slope(loss, inside)
            best = best.with_(inside, here.value, x, budget.threat)
            excess = (x_adv - inside) / budget.threat.eps
            rising = here.gradient / per_image(here.value.abs().clamp_min(TINY))
            objective = excess.square().flatten(1).mean(1).sum() - (rising * x_adv).sum()
            (w.grad,) = torch.autograd.grad(objective, w)
            optimizer.step()
        with torch.no_grad():
            last = project((w.tanh() + 1) / 2, x, inner)
        best = best.or_last(loss, last, x, budget.threat)
    return best.x_adv
