"""Estimators: every way to a gradient that a defense admits. The suite runs them all."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from benchmark.defense import Defense, Repeated, Selecting
from benchmark.errors import UnknownNameError
from benchmark.gradients import bpda, soft_minimum, straight_through
from benchmark.tensors import ImageMap, Images

ROUNDING = frozenset(
    {torch.round, Tensor.round, torch.floor, Tensor.floor, torch.ceil, Tensor.ceil}
    | {torch.trunc, Tensor.trunc, torch.sign, Tensor.sign}
)
"""Functions of torch that are constant almost everywhere, so that autograd finds a slope of 0."""


class _Relaxed(TorchFunctionMode):
    """While active, calls of `ROUNDING` go through `relax(function, values, rest)`."""

    def __init__(self, relax: Callable[[Callable[..., Tensor], Tensor], Tensor]) -> None:
        super().__init__()
        self._relax = relax
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in ROUNDING:
            return func(*args, **(kwargs or {}))
        self.calls += 1
        return self._relax(lambda values: func(values, *args[1:], **(kwargs or {})), args[0])


def _with_slope_1(function: Callable[..., Tensor], values: Tensor) -> Tensor:
    return values + (function(values) - values).detach()


def _with_noise(function: Callable[..., Tensor], values: Tensor) -> Tensor:
    return values + torch.rand_like(values) - 0.5


def rounds(defense: Defense, x: Images) -> bool:
    """Whether the defense's own forward calls a rounding function of torch."""
    seen = _Relaxed(lambda function, values: function(values))
    with torch.no_grad(), seen:
        defense.forward(x)
    return seen.calls > 0


def exact(defense: Defense) -> ImageMap:
    """The defense as it is, with the gradient that autograd finds."""
    return defense.forward


def surrogate(defense: Defense) -> ImageMap:
    """The defense's forward, the gradient of the surrogate that it declares."""
    return bpda(defense.forward, defense.surrogate)


def straight_through_rounding(defense: Defense) -> ImageMap:
    """The defense's forward, every rounding inside of it with slope 1."""

    def mapped(x: Images) -> Images:
        with _Relaxed(_with_slope_1):
            return defense.forward(x)

    return mapped


def noise_relaxed(defense: Defense) -> ImageMap:
    """The defense's forward; the gradient of the same with uniform noise in place of rounding.

    This is how learned codecs are trained (Balle et al. 2017). Noise changes the function, so only
    its gradient is used.
    """

    def relaxed(x: Images) -> Images:
        with _Relaxed(_with_noise):
            return defense.forward(x)

    return bpda(defense.forward, relaxed)


def one_round(defense: Defense) -> ImageMap:
    """A repeated defense's forward, the gradient of one of its rounds."""
    if not isinstance(defense, Repeated):
        raise TypeError(f"{type(defense).__name__} is not repeated")
    return bpda(defense.forward, defense.one_round)


def selection(defense: Defense) -> ImageMap:
    """A selecting defense's forward, the gradient through a soft minimum over its candidates."""
    if not isinstance(defense, Selecting):
        raise TypeError(f"{type(defense).__name__} does not select")
    return bpda(defense.forward, lambda x: soft_minimum(*defense.candidates(x)))


def identity(defense: Defense) -> ImageMap:
    """The defense's forward, the gradient as if it were not there."""
    return straight_through(defense.forward)


ESTIMATORS: Mapping[str, Callable[[Defense], ImageMap]] = {
    "exact": exact,
    "surrogate": surrogate,
    "straight-through": straight_through_rounding,
    "noise": noise_relaxed,
    "one-round": one_round,
    "selection": selection,
    "identity": identity,
}

GRADIENTS: Mapping[str, tuple[str, ...]] = {
    "exact": ("exact", "identity"),
    "surrogate": ("surrogate", "identity"),
    "none": ("identity",),
}
"""What the manifest may say of a gradient, and the estimators that it admits at the least."""


def admitted(defense: Defense, gradient: str, x: Images) -> tuple[str, ...]:
    """Names of the estimators that `defense` admits, whose manifest says `gradient`.

    `x` are images to try it on: an exact gradient through a rounding is 0, so such a defense is
    also attacked with the rounding relaxed.
    """
    if gradient not in GRADIENTS:
        raise UnknownNameError("gradient", gradient, GRADIENTS)
    names = list(GRADIENTS[gradient])
    if gradient == "exact" and rounds(defense, x):
        names += ["straight-through", "noise"]
    if isinstance(defense, Repeated):
        names.append("one-round")
    if isinstance(defense, Selecting):
        names.append("selection")
    return tuple(name for name in ESTIMATORS if name in names)
