"""Gradients through what has none: straight-through, BPDA, and the model that attacks query."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmark.defense import Defense
from benchmark.errors import UnknownNameError
from benchmark.geometry import to_lattice
from benchmark.tensors import ImageMap, Images, Logits, Model

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


def bpda(forward: ImageMap, surrogate: ImageMap) -> ImageMap:
    """`forward` on the way in, the gradient of `surrogate` on the way back.

    Backward pass differentiable approximation (Athalye, Carlini, Wagner 2018, arXiv 1802.00420).
    """

    def mapped(x: Images) -> Images:
        with torch.no_grad():
            y = forward(x)
        if not torch.is_grad_enabled():
            return y
        stand_in = surrogate(x)
        return stand_in + (y - stand_in).detach()

    return mapped


def own_autograd(defense: Defense) -> ImageMap:
    """The defense as it is, with the gradient that autograd finds."""
    return defense.forward


def declared_surrogate(defense: Defense) -> ImageMap:
    """The defense's forward, the gradient of the surrogate that it declares."""
    return bpda(defense.forward, defense.surrogate)


def identity_bpda(defense: Defense) -> ImageMap:
    """The defense's forward, the gradient as if it were not there."""
    return straight_through(defense.forward)


ESTIMATORS: Mapping[str, Callable[[Defense], ImageMap]] = {
    "exact": own_autograd,
    "surrogate": declared_surrogate,
    "identity": identity_bpda,
}


def admitted(gradient: str) -> tuple[str, ...]:
    """Names of the estimators that a defense admits whose manifest says `gradient`."""
    known: dict[str, tuple[str, ...]] = {
        "exact": ("exact", "identity"),
        "surrogate": ("surrogate", "identity"),
        "none": ("identity",),
    }
    if gradient not in known:
        raise UnknownNameError("gradient", gradient, known)
    return known[gradient]


class AttackedModel:
    """The classifier behind a defense, on the 8-bit lattice, as an attack may query it.

    Images are rounded on the way in (straight-through), because they are judged so: an attack that
    sees an image misclassified here will see it judged misclassified. Counts the passes spent on
    each image, in the tensors `forwards` and `backwards` (n,).
    """

    def __init__(self, classifier: Model, defense: ImageMap | None, n: int) -> None:
        """The model of a batch of `n` images; without a defense, the bare classifier."""
        self._classifier = classifier
        self._defense = defense
        self._round = straight_through(to_lattice)
        self.forwards = torch.zeros(n, dtype=torch.int64)
        self.backwards = torch.zeros(n, dtype=torch.int64)
        self._index = torch.arange(n)

    def rows(self, index: Tensor) -> "AttackedModel":
        """The same model for the images `index`, counting into the same tensors."""
        part = object.__new__(AttackedModel)
        part.__dict__.update(self.__dict__)
        part._index = self._index[index.cpu()]
        return part

    def __call__(self, x: Images) -> Logits:
        """Logits of the defended images."""
        self.forwards[self._index] += 1
        if x.requires_grad and torch.is_grad_enabled():
            x.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        x = self._round(x)
        if self._defense is not None:
            x = self._defense(x)
        return self._classifier(x)

    def _count_backward(self, gradient: Tensor) -> None:
        self.backwards[self._index] += 1
