"""The transforms of Song, Choi, Han (2024, arXiv 2401.11902): 142,805,000, each with a number.

A picture is turned or mirrored (8 ways), then stretched by 0 to 64 pixels an axis, then shifted by
0 to 64 pixels an axis; 0 is the picture as it is. Turns, mirrors and shifts are undone exactly.

The paper does not say what fills the place that a shift leaves. Here the picture is rolled: what
leaves on one side comes in on the other, so no pixel is added. With bls2017 at step 1 on crops of
Kodak, rolling costs 3 % more bits, repeating the edge 21 %, mirroring it 27 %.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.errors import ContractError
from benchmark.tensors import Images

SYMMETRIES = 8
PLACES = 65
"""0 to 64 pixels."""
COUNT = SYMMETRIES * PLACES**4
INDEX_BITS = 28
"""Bits that tell one transform from the others."""


class Transform(NamedTuple):
    """One of the transforms; `symmetry` is mirrored left to right from 4 on, then turned.

    `stretch` and `shift` are pixels down and to the right, in the picture as it was turned.
    """

    symmetry: int = 0
    stretch: tuple[int, int] = (0, 0)
    shift: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, index: int) -> "Transform":
        """The transform of this number."""
        if not 0 <= index < COUNT:
            raise ContractError(f"transform {index}: expected 0 to {COUNT - 1}")
        digits = []
        for _ in range(4):
            index, digit = divmod(index, PLACES)
            digits.append(digit)
        right, down, wider, higher = digits
        return cls(index, (higher, wider), (down, right))

    @property
    def number(self) -> int:
        """Its number, 0 for the identity."""
        index = self.symmetry
        for digit in (*self.stretch, *self.shift):
            index = index * PLACES + digit
        return index

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the transform of a picture of this size."""
        height, width = (width, height) if self.symmetry % 2 else (height, width)
        return height + self.stretch[0], width + self.stretch[1]

    def apply(self, x: Images) -> Tensor:
        """The transformed images, differentiable."""
        x = x.flip(3) if self.symmetry >= 4 else x
        x = torch.rot90(x, self.symmetry % 4, (2, 3)) if self.symmetry % 4 else x
        x = resized(x, (x.shape[2] + self.stretch[0], x.shape[3] + self.stretch[1]))
        return x.roll(self.shift, (2, 3)) if any(self.shift) else x

    def undo(self, x: Images, size: tuple[int, int]) -> Tensor:
        """The images of `size` whose transforms are `x`, up to what stretching lost."""
        if any(self.shift):
            x = x.roll((-self.shift[0], -self.shift[1]), (2, 3))
        height, width = size
        x = resized(x, (width, height) if self.symmetry % 2 else (height, width))
        x = torch.rot90(x, -(self.symmetry % 4), (2, 3)) if self.symmetry % 4 else x
        return x.flip(3) if self.symmetry >= 4 else x


IDENTITY = Transform()


def resized(x: Images, size: tuple[int, int]) -> Tensor:
    """Bicubic, in [0, 1]; the images themselves if they have the size already.

    Bilinear loses more than the codecs do: at step 1 of bls2017 the error grows by half.
    """
    if tuple(x.shape[2:]) == size:
        return x
    return functional.interpolate(x, size, mode="bicubic").clamp(0, 1)


def drawn(count: int) -> list[Transform]:
    """`count` transforms, each as likely as the others, from torch's own generator of the CPU."""
    return [Transform.of(int(index)) for index in torch.randint(COUNT, (count,))]
