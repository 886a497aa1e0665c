"""Bits per pixel of real streams."""

from collections.abc import Sequence

import torch

from benchmark.errors import CallError
from benchmark.tensors import PerImage


def bits_per_pixel(streams: Sequence[bytes], size: tuple[int, int]) -> PerImage:
    """Bits of each stream, headers and all, over the pixels of `size = (height, width)`.

    `size` is that of the picture before any padding of the codec's.
    """
    height, width = size
    if height < 1 or width < 1:
        raise CallError(f"bits per pixel of {height}x{width} pixels: expected at least 1x1")
    bits = torch.tensor([8 * len(stream) for stream in streams], dtype=torch.float64)
    return bits / (height * width)
