"""What stands for the quantization of a codec whose lattice nobody outside of it knows.

JPEG rounds every coefficient to a lattice that its header states, so its surrogate rounds to the
same. AVIF, HEIC, JPEG XL, VVC and WebP quantize what is left after a prediction, in blocks that
they choose: where a coefficient falls between two of their levels cannot be told, and a surrogate
that rounds to a guessed lattice is further from such a codec than the unchanged picture is. What
can be told is that small coefficients vanish and large ones survive, which is what is here.
"""

import math
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from benchmark.codecs.traditional import Traditional
from benchmark.datasets import photos
from benchmark.errors import ContractError
from benchmark.geometry import from_bytes
from benchmark.tensors import Images

FLOOR = 0.02
"""Least gain, so that no gradient is ever 0; it is about what codecs let through of noise."""
PHOTOGRAPHS = ("astronaut", "cat", "coffee")
CROP = slice(16, 240)
EVALUATIONS = 10


def shrunk(values: Tensor, step: Tensor | float) -> Tensor:
    """`values` times the share of them that quantization with `step` leaves, on average.

    1/2 where a value is as large as the step, near 1 far above it. The share counts as constant in
    the gradient, for a small change of a value fares like the value: through the codecs here comes
    0.01 to 0.1 of a change far below the step, 0.35 to 0.6 on it, 0.6 to 0.9 above five steps (high
    frequencies of 8x8 blocks of photographs, noise of 4 grey levels).
    """
    energy = (values.detach() / step).square()
    return values * ((energy + FLOOR) / (energy + 1))


@lru_cache(maxsize=1)
def crops() -> Images:
    """Photographs to fit surrogates on (3, 3, 224, 224)."""
    loaded = photos.load()
    pixels = np.stack([loaded.read(loaded.ids.index(name))[CROP, CROP] for name in PHOTOGRAPHS])
    return from_bytes(torch.from_numpy(pixels).permute(0, 3, 1, 2))


def lowest(error: Callable[[float], float], low: float, high: float) -> float:
    """Where `error` is least between `low` and `high`, by golden section over the logarithm."""
    ratio = (math.sqrt(5) - 1) / 2
    a, b = math.log(low), math.log(high)
    left, right = b - ratio * (b - a), a + ratio * (b - a)
    at_left, at_right = error(math.exp(left)), error(math.exp(right))
    for _ in range(EVALUATIONS - 2):
        if at_left < at_right:
            b, right, at_right = right, left, at_left
            left = b - ratio * (b - a)
            at_left = error(math.exp(left))
        else:
            a, left, at_left = left, right, at_right
            right = a + ratio * (b - a)
            at_right = error(math.exp(right))
    return math.exp(left if at_left < at_right else right)


class Fitted(Traditional):
    """A codec whose surrogate has one strength, fitted to what the codec does to photographs."""

    strengths: ClassVar[tuple[float, float]] = (0.25, 512)
    """Where the strength is sought."""

    def stand_in(self, x: Images, strength: float) -> Images:
        """The surrogate at a strength."""
        raise ContractError(f"{type(self).__name__} must define stand_in")

    @cached_property
    def strength(self) -> float:
        """The strength at which the mean squared error from the codec's own pictures is least.

        Found at the first call, in about a second; the same on every machine that has the codec's
        version, up to arithmetic.
        """
        x = crops()
        with torch.no_grad():
            coded = self.forward(x)
            return lowest(
                lambda strength: float((self.stand_in(x, strength) - coded).square().mean()),
                *self.strengths,
            )

    def surrogate(self, x: Images) -> Images:
        """The stand-in at the strength that fits."""
        return self.stand_in(x, self.strength)
