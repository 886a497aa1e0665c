"""How each bundled codec is trained, rate by rate."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.errors import UnknownNameError


@dataclass(frozen=True)
class Recipe:
    """One rate of one codec.

    Lowered is bits per pixel + `weight` x squared error in 8-bit levels (compressai's lambda),
    and for an adversarial codec `deception` and `unlikeness` times those two. `start` is the rate
    of the same codec whose weights training begins with. `peak` is the highest learning rate.
    """

    weight: float
    steps: int
    start: str | None = None
    peak: float = 3e-4
    deception: float = 0.0
    unlikeness: float = 0.0


RECIPES: Mapping[str, Mapping[str, Recipe]] = {
    "mini-mbt2018-mean": {
        "high": Recipe(0.015, 4_500),
        "medium": Recipe(0.006, 2_500),
        "low": Recipe(0.002, 2_000),
    },
    "mini-mbt2018-mean-half": {"high": Recipe(0.015, 4_500)},
    "mini-elic": {
        "high": Recipe(0.015, 2_000),
        "medium": Recipe(0.005, 1_000, start="high"),
    },
    "mini-hific": {
        "medium": Recipe(0.006, 16_000, peak=2e-4, deception=0.05, unlikeness=1.0),
        "low": Recipe(0.002, 4_000, start="medium", peak=2e-4, deception=0.05, unlikeness=1.0),
    },
}
"""In the order in which they are trained."""


def recipe_of(name: str, rate: str) -> Recipe:
    """The recipe of one rate; an unknown name or rate is an error that lists those there are."""
    if name not in RECIPES:
        raise UnknownNameError("bundled codec", name, RECIPES)
    if rate not in RECIPES[name]:
        raise UnknownNameError(f"rate of {name}", rate, RECIPES[name])
    return RECIPES[name][rate]
