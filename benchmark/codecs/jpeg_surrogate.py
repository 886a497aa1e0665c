"""A differentiable JPEG: the arithmetic of baseline JPEG, its rounding with a blurred slope.

For gradients only; every figure is judged on real bytes. The cubic stand-in for rounding of Shin
and Song (2017) has slope 0 on the lattice and dies after one round; a straight-through slope of 1
spends the budget on coefficients that no allowed change can move (see `blurred_round`).
"""

import io
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from benchmark.gradients import blurred_round
from benchmark.tensors import Images

BLOCK = 8
LUMA = (0.299, 0.587, 0.114)


@lru_cache(maxsize=256)
def quantization_tables(quality: int) -> tuple[Tensor, Tensor]:
    """The luma and chroma tables (8, 8), in grey levels, that Pillow's encoder writes."""
    buffer = io.BytesIO()
    Image.new("RGB", (BLOCK, BLOCK)).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as picture:
        tables: dict[int, list[int]] = picture.quantization  # type: ignore[attr-defined]
    luma, chroma = (torch.tensor(tables[i], dtype=torch.float32).view(8, 8) for i in (0, 1))
    return luma, chroma


@lru_cache(maxsize=1)
def transform() -> Tensor:
    """The orthonormal 8x8 DCT-II as one matrix (64, 64), rows by frequency.

    One large product a plane is several times faster than two small ones a block.
    """
    u, t = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None, :]
    basis = np.cos((2 * t + 1) * u * np.pi / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    basis[0] /= np.sqrt(2)
    return torch.from_numpy(np.kron(basis, basis)).float()


def to_ycbcr(x: Images) -> Images:
    """Luma in [0, 255], chroma around 0, full range (ITU-T T.871)."""
    red, green, blue = (255 * x).unbind(1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    return torch.stack([luma, (blue - luma) / 1.772, (red - luma) / 1.402], 1)


def to_rgb(ycbcr: Images) -> Images:
    """The inverse of `to_ycbcr`, clamped to [0, 1]."""
    luma, cb, cr = ycbcr.unbind(1)
    red, blue = luma + 1.402 * cr, luma + 1.772 * cb
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    return (torch.stack([red, green, blue], 1) / 255).clamp(0, 1)


def to_blocks(plane: Images) -> Tensor:
    """The 8x8 blocks of planes (n, c, h, w), each as a row of 64 values."""
    n, c, h, w = plane.shape
    tiled = plane.reshape(n * c, h // BLOCK, BLOCK, w // BLOCK, BLOCK).transpose(2, 3)
    return tiled.reshape(-1, BLOCK * BLOCK)


def from_blocks(blocks: Tensor, plane: Images) -> Images:
    """The inverse of `to_blocks`, for planes of the shape of `plane`."""
    n, c, h, w = plane.shape
    tiled = blocks.view(n * c, h // BLOCK, w // BLOCK, BLOCK, BLOCK)
    return tiled.transpose(2, 3).reshape(n, c, h, w)


Coding = Callable[[Images], Images]
"""What a codec does to a plane, or to planes of a kind."""


def in_planes(x: Images, luma: Coding, chroma: Coding, *, subsampled: bool) -> Images:
    """`x` after `luma` on its luma, around 0, and `chroma` on its two chroma planes.

    The planes come in whole blocks. Chroma has half the size if `subsampled` (4:2:0).
    """
    h, w = x.shape[-2:]
    unit = 2 * BLOCK if subsampled else BLOCK
    if h % unit or w % unit:
        x = functional.pad(x, (0, -w % unit, 0, -h % unit), mode="replicate")
    ycbcr = to_ycbcr(x)
    coded_luma = luma(ycbcr[:, :1] - 128) + 128
    coded = ycbcr[:, 1:]
    if subsampled:
        small = chroma(functional.avg_pool2d(coded, 2))
        coded = functional.interpolate(small, scale_factor=2, mode="bilinear")
    else:
        coded = chroma(coded)
    return to_rgb(torch.cat([coded_luma, coded], 1))[..., :h, :w]


Rounding = Callable[[Tensor], Tensor]


def _quantized(plane: Images, table: Tensor, rounding: Rounding) -> Images:
    """A plane (n, c, h, w) after the DCT, the rounding to `table`, and back."""
    steps = table.to(plane).flatten()
    basis = transform().to(plane)
    coefficients = to_blocks(plane) @ (basis.T / steps)
    return from_blocks(rounding(coefficients) @ (steps[:, None] * basis), plane)


def jpeg_surrogate(
    x: Images, quality: int, *, subsampled: bool = True, rounding: Rounding = blurred_round
) -> Images:
    """What JPEG at `quality` makes of `x`, with a gradient; 4:2:0 if `subsampled`, else 4:4:4."""
    luma_table, chroma_table = quantization_tables(quality)
    return in_planes(
        x,
        lambda plane: _quantized(plane, luma_table, rounding),
        lambda plane: _quantized(plane, chroma_table, rounding),
        subsampled=subsampled,
    )
