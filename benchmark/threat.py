"""What an adversary may do, and what one attack may spend."""

import math
from dataclasses import dataclass
from enum import StrEnum

from benchmark.errors import CallError

LEVELS = 255
"""Steps of the 8-bit lattice between 0 and 1."""


class Norm(StrEnum):
    """How the size of a perturbation is measured."""

    LINF = "linf"
    L2 = "l2"
    MSE = "mse"


class Access(StrEnum):
    """What the adversary knows and may ask.

    `EOT` is white-box access to a randomized defense, averaged over fresh draws (expectation over
    transformation). Of a codec, `VANILLA` is white-box access to what it is without its defense,
    and `NOISE` no attack at all, but noise of the same size.
    """

    NONE = "none"
    NOISE = "noise"
    VANILLA = "vanilla"
    TRANSFER = "transfer"
    QUERY = "query"
    WHITE_BOX = "white-box"
    EOT = "eot"


@dataclass(frozen=True)
class ThreatModel:
    """A ball around the clean image.

    `radius` is, for Linf, the integer k of eps = k/255; for L2, eps itself in pixel units, the
    picture being in [0, 1]; for MSE the mean squared error, whose root is eps.
    """

    norm: Norm
    radius: float

    def __post_init__(self) -> None:
        """Refuse a radius that no 8-bit picture can be judged at."""
        if not math.isfinite(self.radius) or self.radius <= 0:
            raise CallError(f"radius {self.radius} of {self.norm}: expected a positive number")
        if self.norm is Norm.LINF and self.radius != int(self.radius):
            raise CallError(f"radius {self.radius} of linf: expected an integer k, for eps = k/255")

    @property
    def eps(self) -> float:
        """Radius of the ball in the scale of the images."""
        if self.norm is Norm.MSE:
            return math.sqrt(self.radius)
        return self.radius / LEVELS if self.norm is Norm.LINF else self.radius

    def __str__(self) -> str:
        return f"{self.norm}-{self.radius:g}"


@dataclass(frozen=True)
class Budget:
    """What one attack may spend on one image.

    `steps` gradient steps in each of `restarts` starts; `queries` forward passes for attacks that
    count those; `draws` samples a step of a randomized model. `seed` and the image itself determine
    every random number (see `geometry.generators`). With `until_broken` an image is left alone once
    it is misclassified; without, every step raises its loss, as transfer to another model needs.
    """

    threat: ThreatModel
    steps: int = 10
    restarts: int = 1
    queries: int = 0
    draws: int = 1
    seed: int = 0
    until_broken: bool = True
