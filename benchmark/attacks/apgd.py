"""Auto-PGD: gradient ascent that sets its own steps (Croce & Hein 2020, arXiv 2003.01690).

Each image has its own step. It starts at 2 eps and is halved, going back to the best point, at
checkpoints where the loss oscillates or has stopped to rise.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.attacks.ascent import Climb, best_of, record
from benchmark.geometry import per_image, project, random_in_ball, steepest
from benchmark.loss import Slope, log_cross_entropy, slope, targeted_dlr
from benchmark.tensors import Images, Labels, Logits, Mask, Model, PerImage, rows
from benchmark.threat import Budget, ThreatModel

MOMENTUM = 0.75
"""Share of the new direction in a step; the rest repeats the step before."""

RISING = 0.75
"""Share of steps between two checkpoints that must raise the loss, or the step is halved."""

TARGETS = 9
"""Classes that the targeted attack tries, where there are as many."""


class Goal(NamedTuple):
    """Of every image: the centre of its ball, its label, and the class it is to be taken for."""

    x: Images
    y: Labels
    target: Labels


Objective = Callable[[Logits, Labels, Labels], PerImage]
"""What to raise, from logits, labels and targets."""


class State(NamedTuple):
    """Where the ascent of each image stands; `best` is the point of the highest loss so far.

    `rises` counts the steps since the last checkpoint that raised the loss; `checked_loss` and
    `halved` say what that checkpoint saw (the best loss) and did.
    """

    x_adv: Images
    previous: Images
    gradient: Images
    loss: PerImage
    best: Images
    best_gradient: Images
    best_loss: PerImage
    step: PerImage
    rises: Tensor
    checked_loss: PerImage
    halved: Mask


def start(x_adv: Images, seen: Slope, step: float) -> State:
    """The state at the first point."""
    steps = torch.full_like(seen.value, step, dtype=x_adv.dtype)
    none = torch.zeros_like(seen.value, dtype=torch.int64)
    here = (x_adv, seen.gradient, seen.value)
    return State(x_adv, *here, *here, steps, none, seen.value, none.bool())


def ascend(state: State, x: Images, threat: ThreatModel, momentum: float = MOMENTUM) -> State:
    """Move: one projected gradient step, mixed with the step before."""
    uphill = state.x_adv + per_image(state.step) * steepest(state.gradient, threat.norm)
    uphill = project(uphill, x, threat)
    moved = momentum * (uphill - state.x_adv) + (1 - momentum) * (state.x_adv - state.previous)
    return state._replace(x_adv=project(state.x_adv + moved, x, threat), previous=state.x_adv)


def observe(state: State, seen: Slope) -> State:
    """Take in what the new point gave."""
    better = seen.value > state.best_loss
    wide = per_image(better)
    return state._replace(
        gradient=seen.gradient,
        loss=seen.value,
        best=torch.where(wide, state.x_adv, state.best),
        best_gradient=torch.where(wide, seen.gradient, state.best_gradient),
        best_loss=torch.where(better, seen.value, state.best_loss),
        rises=state.rises + (seen.value > state.loss),
    )


def adapt_step(state: State, window: int) -> State:
    """At a checkpoint `window` steps after the last: halve what no longer rises.

    An image whose loss rose in too few of these steps goes on from its best point with half the
    step; so does one whose step was kept at the last checkpoint and whose best loss is still the
    same.
    """
    oscillates = state.rises < RISING * window
    stuck = ~state.halved & (state.best_loss <= state.checked_loss)
    halve = oscillates | stuck
    wide = per_image(halve)
    return state._replace(
        x_adv=torch.where(wide, state.best, state.x_adv),
        gradient=torch.where(wide, state.best_gradient, state.gradient),
        loss=torch.where(halve, state.best_loss, state.loss),
        step=torch.where(halve, state.step / 2, state.step),
        rises=torch.zeros_like(state.rises),
        checked_loss=state.best_loss,
        halved=halve,
    )


def checkpoints(steps: int) -> Mapping[int, int]:
    """The steps after which the step size is reconsidered, and how long after the one before.

    At 0, 0.22 and so on of all steps, each interval 0.03 shorter than the last but at least 0.06.
    """
    windows, last, share, interval = {}, 0, 22, 22  # in per cent, to be exact
    while share <= 100:
        mark = math.ceil(share * steps / 100)
        if mark > last:
            windows[mark] = mark - last
        last, interval = mark, max(interval - 3, 6)
        share += interval
    return windows


def look(model: Model, x_adv: Images, goal: Goal, objective: Objective) -> Slope:
    """What `objective` gives at `x_adv`, and how it rises from there."""
    return slope(model, x_adv, lambda logits: objective(logits, goal.y, goal.target))


def climb(
    model: Model, goal: Goal, objective: Objective, budget: Budget, begin: Images
) -> tuple[Images, PerImage]:
    """Raise `objective` from `begin` in `budget.steps` steps.

    Returns of each image the iterate with the smallest margin, `begin` among them, and the margin.
    With `budget.until_broken` an image leaves the batch at its first misclassified iterate.
    """
    unseen = torch.full((len(begin),), torch.inf, device=begin.device)
    found = Climb(torch.arange(len(begin), device=begin.device), begin, begin.clone(), unseen)
    windows = checkpoints(budget.steps)
    seen = look(model, begin, goal, objective)
    state = start(begin, seen, 2 * budget.threat.eps)
    for number in range(1, budget.steps + 1):
        broken = record(found._replace(x_adv=state.x_adv), seen.logits, goal.y)
        if number - 1 in windows:
            state = adapt_step(state, windows[number - 1])
        if budget.until_broken and bool(broken.any()):
            goal = Goal(*(part[~broken] for part in goal))
            state = State(*(part[~broken] for part in state))
            found = found._replace(active=found.active[~broken])
        if len(found.active) == 0:
            return found.best, found.best_margin
        state = ascend(state, goal.x, budget.threat, 1.0 if number == 1 else MOMENTUM)
        if number < budget.steps:
            seen = look(rows(model, found.active), state.x_adv, goal, objective)
            state = observe(state, seen)
    with torch.no_grad():
        logits = rows(model, found.active)(state.x_adv)
    record(found._replace(x_adv=state.x_adv), logits, goal.y)
    return found.best, found.best_margin


def towards(
    model: Model,
    goal: Goal,
    objective: Objective,
    budget: Budget,
    targets: Sequence[Labels],
) -> Images:
    """An ascent from a random start for each of `targets`; each image's smallest margin is kept.

    With `budget.until_broken` only images still standing go on to the next of `targets`.
    """

    def ascent(todo: Tensor, attempt: int) -> tuple[Images, PerImage]:
        part = Goal(goal.x[todo], goal.y[todo], targets[attempt][todo])
        begin = random_in_ball(part.x, budget.threat, budget.seed, attempt)
        return climb(rows(model, todo), part, objective, budget, begin)

    return best_of(goal.x, budget, len(targets), ascent)


def _untargeted(logits: Logits, y: Labels, target: Labels) -> PerImage:
    del target
    return log_cross_entropy(logits, y)


def apgd_ce(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """APGD on the cross-entropy from `budget.restarts` random starts."""
    return towards(model, Goal(x, y, y), _untargeted, budget, [y] * budget.restarts)


def apgd_t(model: Model, x: Images, y: Labels, budget: Budget) -> Images:
    """APGD on the targeted DLR loss, of each of the nine classes most likely without attack.

    `budget.steps` steps a class and restart; fewer than ten classes are all targets but `y`.
    """
    with torch.no_grad():
        logits = model(x)
    others = logits.scatter(1, y[:, None], -torch.inf)
    ranked = others.topk(min(TARGETS, logits.shape[1] - 1), dim=1).indices.unbind(1)
    return towards(model, Goal(x, y, y), targeted_dlr, budget, [*ranked] * budget.restarts)
