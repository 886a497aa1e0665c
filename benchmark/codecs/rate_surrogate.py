"""Differentiable stand-ins for the bits of codecs without a likelihood model.

For gradients only: what an adversary raises with them is counted in real bytes. Each follows what
its codecs spend bits on, not how they code it.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.codecs.blurred_rate import slope
from benchmark.codecs.jpeg_surrogate import (
    BLOCK,
    quantization_tables,
    to_blocks,
    to_ycbcr,
    transform,
)
from benchmark.codecs.wavelet_surrogate import analysis, norms
from benchmark.tensors import Images, PerImage
from benchmark.threat import LEVELS

Costs = Callable[[Tensor], Tensor]
"""Bits of coefficients, in steps of their quantization."""


def jpeg_bits(x: Images, quality: int, *, subsampled: bool) -> PerImage:
    """About what the coefficients of JPEG's blocks cost: their size class, twice its bits.

    A code of some bits says the class and how many zeros went before; as many bits as the class
    has say the value. The means of the blocks are left out.
    """
    luma, chroma = (table.flatten() for table in quantization_tables(quality))
    return _blocks(x, luma, chroma, _classes, subsampled=subsampled)


def block_bits(x: Images, step: float, *, subsampled: bool) -> PerImage:
    """The rate of blocks' coefficients at a quantization step, each a Gaussian variable's.

    Half the logarithm of 1 + (c / step)^2 (reverse water-filling). Means of blocks are left out.
    """
    steps = torch.full((BLOCK * BLOCK,), step)
    return _blocks(x, steps, steps, _gaussian, subsampled=subsampled)


def wavelet_bits(x: Images, step: float) -> PerImage:
    """The same of the details of the 9/7 wavelet."""
    _, details = analysis(to_ycbcr(x))
    total = x.new_zeros(len(x))
    for level, apart in enumerate(details, 1):
        for band, norm in zip(apart, norms(level), strict=True):
            total = total + _gaussian(band * (norm / step)).flatten(1).sum(1)
    return total


def residual_bits(x: Images) -> PerImage:
    """What is left of each value after its neighbors to the left, above and between: log2(1 + |r|).

    Of red and blue the difference from green counts. Lossless codecs code such residuals, one way
    or another. The cost is that of a Laplacian variable; where the neighbors predict a value
    exactly, as in flat areas, it has no slope, so an attack should start at random.
    """
    green = x[:, 1:2]
    levels = LEVELS * torch.cat([x[:, :1] - green, green, x[:, 2:] - green], 1)
    padded = functional.pad(levels, (1, 0, 1, 0), mode="replicate")
    left, above, between = padded[..., 1:, :-1], padded[..., :-1, 1:], padded[..., :-1, :-1]
    return torch.log2(1 + (levels - left - above + between).abs()).flatten(1).sum(1)


def _blocks(x: Images, luma: Tensor, chroma: Tensor, costs: Costs, *, subsampled: bool) -> PerImage:
    height, width = x.shape[-2:]
    unit = 2 * BLOCK if subsampled else BLOCK
    x = functional.pad(x, (0, -width % unit, 0, -height % unit), mode="replicate")
    planes = to_ycbcr(x)
    colors = functional.avg_pool2d(planes[:, 1:], 2) if subsampled else planes[:, 1:]
    total = x.new_zeros(len(x))
    for plane, steps in ((planes[:, :1], luma), (colors, chroma)):
        coefficients = to_blocks(plane) @ (transform().to(plane).T / steps.to(plane))
        total = total + costs(coefficients[:, 1:]).view(len(x), -1).sum(1)
    return total


def _gaussian(coefficients: Tensor) -> Tensor:
    return torch.log1p(coefficients.square()) / (2 * math.log(2))


def _classes(coefficients: Tensor) -> Tensor:
    symbols = coefficients.detach().round()
    rise = slope(coefficients.detach(), symbols, _size_class)
    return _size_class(symbols) + rise * (coefficients - coefficients.detach())


def _size_class(symbols: Tensor) -> Tensor:
    return 2 * torch.ceil(torch.log2(1 + symbols.round().abs()))
