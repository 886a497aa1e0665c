"""The squares of the Linf Square attack (Andriushchenko et al. 2020, arXiv 1912.00049)."""

import math

import torch
from torch import Tensor

from benchmark.geometry import per_image
from benchmark.tensors import Images
from benchmark.threat import ThreatModel


def whole(uniform: Tensor, below: int) -> Tensor:
    """Uniform integers from 0 to `below` - 1 made of uniform numbers in [0, 1)."""
    return (uniform * below).long().clamp_max(below - 1)


def signs(uniform: Tensor) -> Tensor:
    """-1 and 1 with equal chances."""
    return torch.where(uniform < 0.5, -1.0, 1.0).to(uniform)


def side_of(share: float, x: Images) -> int:
    """Side of the square that covers `share` of the pixels and fits into the images."""
    height, width = x.shape[-2:]
    return min(max(round(math.sqrt(share * height * width)), 1), height, width)


def corner(uniform: Tensor, side: int, x: Images) -> tuple[Tensor, Tensor]:
    """Top and left of a square anywhere in the images, from two uniform numbers an image."""
    height, width = x.shape[-2:]
    return whole(uniform[:, 0], height - side + 1), whole(uniform[:, 1], width - side + 1)


def window(top: Tensor, left: Tensor, side: int, x: Images) -> Tensor:
    """Mask (n, 1, h, w) of the square of each image."""
    height, width = (torch.arange(size, device=x.device) for size in x.shape[-2:])
    down = height[None] - top[:, None]
    right = width[None] - left[:, None]
    inside = [(offset >= 0) & (offset < side) for offset in (down, right)]
    return inside[0][:, None, :, None] & inside[1][:, None, None, :]


def columns(c: int) -> int:
    """Uniform numbers that a proposal reads: the corner, a color, and another color."""
    return 3 + c


def begin(x: Images, uniform: Images, threat: ThreatModel) -> Images:
    """Vertical stripes one pixel wide, each at a random corner of the ball."""
    stripes = signs(uniform[:, :, :1])
    return (x + threat.eps * stripes).clamp(0, 1)


def propose(x: Images, best: Images, uniform: Tensor, share: float, threat: ThreatModel) -> Images:
    """A square of `best` replaced by one color of perturbation, each channel at -eps or eps.

    A color that would change nothing is replaced by another one, so that no query is wasted.
    """
    n, c = x.shape[:2]
    side = side_of(share, x)
    inside = window(*corner(uniform, side, x), side, x)
    color = signs(uniform[:, 3:]).view(n, c, 1, 1)
    proposed = torch.where(inside, (x + threat.eps * color).clamp(0, 1), best)
    same = (proposed == best).flatten(1).all(1)
    flipped = 1 + whole(uniform[:, 2:3], 2**c - 1)  # some channels, at least one: its bits
    bits = (flipped >> torch.arange(c, device=x.device)) & 1
    other = color * (1 - 2 * bits).view(n, c, 1, 1).to(x)
    replaced = torch.where(inside, (x + threat.eps * other).clamp(0, 1), best)
    return torch.where(per_image(same), replaced, proposed)
