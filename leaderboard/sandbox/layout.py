"""Tensors as raw memory: the shape and strides that make one of it again, to the last bit.

Arithmetic depends on strides (a convolution of channels-last images takes another kernel), so a
tensor arrives with those it was sent with. Strides that come from a stranger are checked to reach
every value once, and nothing else.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.errors import ContractError

MOST_DIMENSIONS = 5
LARGEST_STRIDE = 2**40


class Layout(NamedTuple):
    """A tensor of floats without its values."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def values(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def dense(self) -> bool:
        """Whether the strides reach `values` consecutive places, each of them once."""
        if len(self.shape) != len(self.strides) or len(self.shape) > MOST_DIMENSIONS:
            return False
        if any(n < 0 for n in self.shape):
            return False
        if not all(0 < stride <= LARGEST_STRIDE for stride in self.strides):
            return False
        if 0 in self.shape:  # there is nothing to reach
            return True
        expected = 1
        for stride, n in sorted(
            (stride, n) for stride, n in zip(self.strides, self.shape, strict=True) if n != 1
        ):
            if stride != expected:
                return False
            expected *= n
        return True


def flat(tensor: Tensor) -> tuple[Layout, Tensor]:
    """The layout of a tensor of floats, and its values in the order of its memory."""
    tensor = tensor.detach()
    layout = Layout(tuple(tensor.shape), tuple(tensor.stride()))
    if tensor.dtype != torch.float32 or not layout.dense:
        tensor = tensor.to(torch.float32).contiguous()
        layout = Layout(tuple(tensor.shape), tuple(tensor.stride()))
    if not layout.dense:  # of an empty tensor strides may be anything
        layout = Layout(layout.shape, (1,) * len(layout.shape))
    return layout, tensor.as_strided((layout.values,), (1,))


def whole(layout: Layout, values: Tensor) -> Tensor:
    """The tensor of that layout over `values`, which it shares."""
    if not layout.dense or values.shape != (layout.values,):
        raise ContractError(f"strides {layout.strides} do not fit shape {layout.shape}")
    return values.as_strided(layout.shape, layout.strides)
