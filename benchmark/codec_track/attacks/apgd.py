"""Auto-PGD (Croce and Hein 2020, arXiv 2003.01690), on a codec: steps that set their own size."""

from benchmark.attacks.apgd import MOMENTUM, adapt_step, ascend, checkpoints, observe, start
from benchmark.codec_track.attacks.ascent import Best, slope
from benchmark.codec_track.types import Loss
from benchmark.geometry import random_in_ball, with_room
from benchmark.tensors import Images
from benchmark.threat import Budget


def apgd(loss: Loss, x: Images, budget: Budget) -> Images:
    """Momentum, and steps from 2 eps on that are halved where the loss no longer rises.

    The first restart begins at the clean picture, the others at random ones.
    """
    threat, inner = budget.threat, with_room(budget.threat)
    windows = checkpoints(budget.steps)
    best = Best.none(x)
    for restart in range(budget.restarts):
        begin = random_in_ball(x, inner, budget.seed, restart) if restart else x
        here = slope(loss, begin)
        best = best.with_(begin, here.value, x, threat)
        state = start(begin, here, 2 * inner.eps)
        for number in range(1, budget.steps + 1):
            if number - 1 in windows:
                state = adapt_step(state, windows[number - 1])
            state = ascend(state, x, inner, 1.0 if number == 1 else MOMENTUM)
            if number < budget.steps:
                here = slope(loss, state.x_adv)
                best = best.with_(state.x_adv, here.value, x, threat)
                state = observe(state, here)
        best = best.or_last(loss, state.x_adv, x, threat)
    return best.x_adv
