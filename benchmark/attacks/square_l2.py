"""The squares of the L2 Square attack (Andriushchenko et al. 2020, arXiv 1912.00049, section 3.3).

The ball is spent from the start; a proposal takes mass from one square and puts it, shaped as two
bumps of opposite sign, into another.
"""

from functools import cache

import torch
from torch import Tensor

from benchmark.attacks.square_linf import corner, side_of, signs, window
from benchmark.geometry import TINY, project, steepest
from benchmark.tensors import Images
from benchmark.threat import Norm, ThreatModel

TILES = 5
"""Squares along the shorter side of the images at the start."""


def bump(height: int, width: int) -> Tensor:
    """Concentric rectangles (height, width), the higher the nearer to the center.

    At Chebyshev distance d from the center the sum of 1 / (j + 1)^2 over j from d to the border.
    """
    down = (torch.arange(height) - height // 2).abs()
    right = (torch.arange(width) - width // 2).abs()
    apart = torch.maximum(down[:, None], right[None])
    rings = 1 / torch.arange(1, max(height, width) // 2 + 2).double() ** 2
    outward = rings.flip(0).cumsum(0).flip(0)
    return outward[apart].float()


@cache
def bumps(side: int) -> Tensor:
    """Two bumps of opposite sign, one above the other, (side, side), of norm 1."""
    if side == 1:
        return torch.ones(1, 1)
    half = side // 2
    both = torch.cat([bump(half, side), -bump(side - half, side)])
    unit: Tensor = both / both.norm()
    return unit


def placed(top: Tensor, left: Tensor, upright: Tensor, side: int, x: Images) -> Tensor:
    """The two bumps (n, 1, h, w) at a square of each image, lying down unless `upright`."""
    shape = bumps(side).to(x)
    height, width = (torch.arange(size, device=x.device) for size in x.shape[-2:])
    down = (height[None] - top[:, None]).clamp(0, side - 1)[:, :, None]
    right = (width[None] - left[:, None]).clamp(0, side - 1)[:, None]
    chosen = torch.where(upright[:, None, None], shape[down, right], shape[right, down])
    return chosen[:, None] * window(top, left, side, x)


def columns(c: int) -> int:
    """Uniform numbers that a proposal reads: two corners, how the bumps lie, a sign a channel."""
    return 5 + c


def begin(x: Images, uniform: Images, threat: ThreatModel) -> Images:
    """Tiles of two bumps each, with random signs, on the sphere of the ball."""
    height, width = x.shape[-2:]
    side = max(min(height, width) // TILES, 1)
    down, right = height // side, width // side
    sign = signs(uniform[:, :, :down, :right])
    sign = sign.repeat_interleave(side, 2).repeat_interleave(side, 3)
    top, left = (height - down * side) // 2, (width - right * side) // 2
    delta = torch.zeros_like(x)
    delta[:, :, top : top + down * side, left : left + right * side] = sign * bumps(side).to(
        x
    ).repeat(down, right)
    return project(x + threat.eps * steepest(delta, Norm.L2), x, threat)


def _size(delta: Tensor) -> Tensor:
    """L2 norm (n, c, 1, 1) of each channel."""
    return delta.square().sum((2, 3), keepdim=True).sqrt()


def propose(x: Images, best: Images, uniform: Tensor, share: float, threat: ThreatModel) -> Images:
    """The mass of two squares of `best`, and what the ball has left, moved into the first.

    There the perturbation is added, at equal weight, to the two bumps; the second is emptied.
    """
    side = max(side_of(share, x), min(3, *x.shape[-2:]))
    side -= 1 - side % 2
    top, left = corner(uniform, side, x)
    filled = window(top, left, side, x)
    emptied = window(*corner(uniform[:, 2:], side, x), side, x)
    shape = placed(top, left, uniform[:, 4] < 0.5, side, x)
    sign = signs(uniform[:, 5:])[:, :, None, None]
    delta = best - x
    c = x.shape[1]
    left_over = (threat.eps**2 - delta.square().sum((1, 2, 3), keepdim=True)).clamp_min(0) / c
    available = (_size(delta * (filled | emptied)) ** 2 + left_over).sqrt()
    inside = delta * filled
    mixed = sign * shape + inside / (_size(inside) + TINY)
    mixed = mixed / (_size(mixed) + TINY) * available
    moved = torch.where(filled, mixed, torch.where(emptied, 0.0, delta))
    return project(x + moved, x, threat)
