"""What the parts of the codec track hand to each other."""

from collections.abc import Callable
from typing import NamedTuple

from benchmark.defense import Codec, Coded
from benchmark.tensors import Images, PerImage
from benchmark.threat import Budget

Loss = Callable[[Images], PerImage]
"""What an attack raises: one value an image, differentiable, higher is worse for the codec.

It rounds what it is given to the 8-bit lattice, with slope 1. Images are always those of the batch
that it was made for, in that order.
"""

CodecAttack = Callable[[Loss, Images, Budget], Images]
"""What makes attacked images, `(loss, x, budget) -> x_adv`, on the lattice and in the ball."""

Measure = Callable[[Images, Coded], PerImage]
"""What is bad about a coded picture, `(x, coded) -> one value an image`."""


class Views(NamedTuple):
    """How an adversary looks at a randomized codec: `draws` fresh ones a call, named by `seed`.

    `pixels` bounds how many pixels go through the codec in one pass, and so the memory.
    """

    draws: int = 1
    seed: int = 0
    pixels: int = 2**20


Objective = Callable[[Codec, Images, Views], Loss]
"""What makes a loss: of a codec, the clean images of a batch, and how the codec is looked at."""
