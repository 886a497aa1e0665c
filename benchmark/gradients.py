"""Gradients through what has none: straight-through, roundings with a slope, BPDA, selection."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function_unary

from benchmark.tensors import Candidates, Costs, Defended, DefenseMap, Images

BLUR = 0.15
"""Deviation of the noise that `blurred_round` averages over, in steps of the lattice."""


def straight_through(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`forward` on the way in, the identity's gradient on the way back (Bengio et al. 2013)."""

    def mapped(x: Tensor) -> Tensor:
        with torch.no_grad():
            y = forward(x)
        return x + (y - x).detach() if torch.is_grad_enabled() else y

    return mapped


class _BlurredRound(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        context.save_for_backward(values)
        return values.round()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (values,) = context.saved_tensors
        near = (
            values - values.floor() - 0.5
        ).abs()  # to the nearest threshold; the next is 1 - near
        density = torch.exp(-0.5 * (near / BLUR) ** 2) + torch.exp(-0.5 * ((1 - near) / BLUR) ** 2)
        return gradients[0] * density / (BLUR * math.sqrt(2 * math.pi))


def blurred_round(values: Tensor) -> Tensor:
    """Rounding, with the slope of its mean under Gaussian noise of deviation `BLUR`.

    The slope says which values a small change can carry over a threshold. On JPEG the attacks that
    follow it break images that the straight-through slope of 1 leaves standing. The slope is
    smallest on the integers (0.02) but not 0, so repeated rounding does not kill it.
    """
    rounded: Tensor = _BlurredRound.apply(values)
    return rounded


def straight_through_round(values: Tensor) -> Tensor:
    """Rounding, with slope 1.

    A torch function mode sees it as one call, so an estimator can put noise in its place.
    """
    if has_torch_function_unary(values):
        seen: Tensor = handle_torch_function(straight_through_round, (values,), values)
        return seen
    return values + (values.round() - values).detach()


def polynomial_round(values: Tensor) -> Tensor:
    """round(x) + (x - round(x))^3, the stand-in of Shin and Song (2017).

    Its slope on the integers is 0, so its gradient dies in the second of two rounds. It is here to
    show that, and for surrogates as they were published; do not use it to defend a claim.
    """
    nearest = values.detach().round()
    return nearest + (values - nearest) ** 3


ROUNDINGS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "blurred": blurred_round,
    "straight-through": straight_through_round,
    "polynomial": polynomial_round,
}


def soft_minimum(candidates: Candidates, costs: Costs, temperature: float = 0.1) -> Images:
    """The candidates weighted by softmax(-cost / temperature): the cheapest one, with a gradient.

    `temperature` is a fraction of the spread of an image's costs, so that no scale of costs is
    favored. The gradient reaches the candidates and, through the weights, their costs.
    """
    weights = soft_minimum_weights(costs, temperature)
    return (weights[:, :, None, None, None] * candidates).sum(0)


def soft_minimum_weights(costs: Costs, temperature: float) -> Costs:
    """softmax(-cost / temperature) over the candidates, the temperature as in `soft_minimum`."""
    spread = (costs.amax(0) - costs.amin(0)).detach().clamp_min(1e-12)
    return torch.softmax(-costs / (temperature * spread), dim=0)


def bpda(forward: DefenseMap, surrogate: DefenseMap) -> DefenseMap:
    """`forward` on the way in, the gradient of `surrogate` on the way back.

    Backward pass differentiable approximation (Athalye, Carlini, Wagner 2018, arXiv 1802.00420).
    """

    def mapped(x: Images) -> Defended:
        with torch.no_grad():
            y = forward(x)
        if not torch.is_grad_enabled():
            return y
        stand_in = surrogate(x)
        return stand_in + (y - stand_in).detach()

    return mapped
