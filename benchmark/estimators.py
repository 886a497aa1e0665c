"""Estimators: every way to a gradient that a defense admits. The suite runs them all."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from benchmark.defense import Classifier, Plugin, Repeated, Selecting
from benchmark.draws import seeded
from benchmark.errors import UnknownNameError
from benchmark.gradients import bpda, soft_minimum, straight_through, straight_through_round
from benchmark.replacement import Replacement
from benchmark.tensors import Defended, DefenseMap, Images

ROUNDING: frozenset[object] = frozenset(
    {torch.round, Tensor.round, torch.floor, Tensor.floor, torch.ceil, Tensor.ceil}
    | {torch.trunc, Tensor.trunc, torch.sign, Tensor.sign}
)
"""Functions of torch that are constant almost everywhere, so that autograd finds a slope of 0."""
SLOPED: frozenset[object] = frozenset({straight_through_round})
"""Roundings that bring a slope of their own."""


@runtime_checkable
class Elsewhere(Protocol):
    """A plugin whose code is in another place, where its estimators are computed."""

    def estimated(self, name: str, x: Images) -> Defended:
        """What the estimator of that name makes of `x`; autograd can go back through it."""
        ...

    def rounds(self, x: Images) -> tuple[bool, bool]:
        """Whether `forward` calls a rounding, and whether one that brings a slope of its own."""
        ...


class _Relaxed(TorchFunctionMode):
    """While active, calls of the functions `relaxed` go through `relax(function, values)`."""

    def __init__(
        self,
        relaxed: Collection[object],
        relax: Callable[[Callable[..., Tensor], Tensor], Tensor],
    ) -> None:
        super().__init__()
        self._relaxed, self._relax = relaxed, relax
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in self._relaxed:
            return func(*args, **(kwargs or {}))
        self.calls += 1
        return self._relax(lambda values: func(values, *args[1:], **(kwargs or {})), args[0])


def _with_slope_1(function: Callable[..., Tensor], values: Tensor) -> Tensor:
    if not (values.requires_grad and torch.is_grad_enabled()):
        return function(values)  # exactly, for it may be cut to an integer
    return values + (function(values) - values).detach()


def _with_noise(function: Callable[..., Tensor], values: Tensor) -> Tensor:
    return values + torch.rand_like(values) - 0.5


def calls(defense: Plugin, functions: Collection[object], x: Images) -> bool:
    """Whether the defense's own forward calls one of `functions`."""
    seen = _Relaxed(functions, lambda function, values: function(values))
    with torch.no_grad(), seen:
        defense.forward(x)
    return seen.calls > 0


def exact(defense: Plugin) -> DefenseMap:
    """The defense as it is, with the gradient that autograd finds."""
    return defense.forward


def surrogate(defense: Plugin) -> DefenseMap:
    """The defense's forward, the gradient of the surrogate that it declares.

    What a randomized defense drew for the one it draws for the other.
    """
    if not defense.randomized:
        return bpda(defense.forward, defense.surrogate)

    def mapped(x: Images) -> Defended:
        seed = int(torch.randint(2**62, ()))  # itself a draw, so that every call has its own

        def drawn(function: DefenseMap) -> DefenseMap:
            def repeated(x: Images) -> Defended:
                with seeded("surrogate", seed):
                    return function(x)

            return repeated

        return bpda(drawn(defense.forward), drawn(defense.surrogate))(x)

    return mapped


def rounding_with_slope() -> TorchFunctionMode:
    """While active, functions of torch that round have slope 1."""
    return _Relaxed(ROUNDING, _with_slope_1)


def straight_through_rounding(defense: Plugin) -> DefenseMap:
    """The defense's forward, every rounding inside of it with slope 1."""

    def mapped(x: Images) -> Defended:
        with rounding_with_slope():
            return defense.forward(x)

    return mapped


def noise_relaxed(defense: Plugin) -> DefenseMap:
    """The defense's forward; the gradient of the same with uniform noise in place of rounding.

    This is how learned codecs are trained (Balle et al. 2017). Noise changes the function, so only
    its gradient is used.
    """

    def relaxed(x: Images) -> Defended:
        with _Relaxed(ROUNDING | SLOPED, _with_noise):
            return defense.forward(x)

    return bpda(defense.forward, relaxed)


def one_round(defense: Plugin) -> DefenseMap:
    """A repeated defense's forward, the gradient of one of its rounds."""
    if not isinstance(defense, Repeated):
        raise TypeError(f"{type(defense).__name__} is not repeated")
    return bpda(defense.forward, defense.one_round)


def selection(defense: Plugin) -> DefenseMap:
    """A selecting defense's forward, the gradient through a soft minimum over its candidates."""
    if not isinstance(defense, Selecting):
        raise TypeError(f"{type(defense).__name__} does not select")
    return bpda(defense.forward, lambda x: soft_minimum(*defense.candidates(x)))


def identity(defense: Plugin) -> DefenseMap:
    """The defense's forward, the gradient as if it were not there.

    That of a classifier is then the gradient of the one it replaces.
    """
    if isinstance(defense, Replacement):
        return bpda(defense.forward, defense.replaced)
    if isinstance(defense, Classifier):
        raise TypeError(f"{type(defense).__name__} replaces no classifier")
    return straight_through(defense.forward)


ESTIMATORS: Mapping[str, Callable[[Plugin], DefenseMap]] = {
    "exact": exact,
    "surrogate": surrogate,
    "straight-through": straight_through_rounding,
    "noise": noise_relaxed,
    "one-round": one_round,
    "selection": selection,
    "identity": identity,
}


def estimator(name: str, defense: Plugin) -> DefenseMap:
    """The estimator of that name for `defense`, wherever the code of the defense is.

    The identity's needs nothing of it but `forward`.
    """
    plugin = defense.classifier if isinstance(defense, Replacement) else defense
    if name == "identity" or not isinstance(plugin, Elsewhere):
        return ESTIMATORS[name](defense)
    estimated = plugin.estimated
    if isinstance(defense, Replacement):
        return lambda x: defense.chosen(estimated(name, x), x, name)
    return lambda x: estimated(name, x)


GRADIENTS: Mapping[str, tuple[str, ...]] = {
    "exact": ("exact", "identity"),
    "surrogate": ("surrogate", "identity"),
    "none": ("identity",),
}
"""What the manifest may say of a gradient, and the estimators that it admits at the least."""


def rounded(defense: Plugin, x: Images) -> tuple[bool, bool]:
    """Whether the defense's forward rounds, and whether it does with a slope of its own."""
    if isinstance(defense, Elsewhere):
        return defense.rounds(x)
    return calls(defense, ROUNDING, x), calls(defense, SLOPED, x)


def admitted(defense: Plugin, gradient: str, x: Images) -> tuple[str, ...]:
    """Names of the estimators that `defense` admits, whose manifest says `gradient`.

    `x` are images to try it on: an exact gradient through a rounding is 0, so such a defense is
    also attacked with the rounding relaxed, in two ways; one that rounds with slope 1 itself, in
    the other.
    """
    if gradient not in GRADIENTS:
        raise UnknownNameError("gradient", gradient, GRADIENTS)
    names = list(GRADIENTS[gradient])
    if gradient == "exact":
        rounds, slopes = rounded(defense, x)
        if rounds:
            names += ["straight-through", "noise"]
        elif slopes:
            names.append("noise")
    if isinstance(defense, Repeated):
        names.append("one-round")
    if isinstance(defense, Selecting):
        names.append("selection")
    return tuple(name for name in ESTIMATORS if name in names)
