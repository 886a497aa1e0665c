"""Adam on the pixels, in a ball (after Chen and Ma 2023, arXiv 2112.08691)."""

import torch

from benchmark.codec_track.attacks.ascent import Best, slope
from benchmark.codec_track.types import Loss
from benchmark.geometry import project, random_in_ball, with_room
from benchmark.tensors import Images
from benchmark.threat import Budget

RATE = 0.01
"""Learning rate, in the scale of the pictures; theirs."""


def adam(loss: Loss, x: Images, budget: Budget) -> Images:
    """Adam's steps, each projected into the ball; restarts after the first begin at random.

    Theirs leave the ball and come back by steps that only reduce the distance, whose points count
    for nothing. Here every step raises the loss and every point counts.
    """
    inner = with_room(budget.threat)
    best = Best.none(x)
    for restart in range(budget.restarts):
        start = random_in_ball(x, inner, budget.seed, restart) if restart else x
        x_adv = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([x_adv], lr=RATE, maximize=True)
        for _ in range(budget.steps):
            here = slope(loss, x_adv)
            best = best.with_(x_adv.detach(), here.value, x, budget.threat)
            x_adv.grad = here.gradient
            optimizer.step()
            x_adv.data = project(x_adv.data, x, inner)
        best = best.or_last(loss, x_adv.detach(), x, budget.threat)
    return best.x_adv
