"""Everything that depends on the norm, and the 8-bit lattice on which pictures live."""

import hashlib
import math
from typing import Any

import torch
from torch import Tensor

from benchmark.tensors import Images, Mask, PerImage
from benchmark.threat import LEVELS, Norm, ThreatModel

TINY = 1e-12


def per_image(values: Tensor) -> Tensor:
    """`values` (n,) shaped to multiply images (n, c, h, w)."""
    return values.view(-1, 1, 1, 1)


def distance(x: Images, other: Images, norm: Norm) -> PerImage:
    """Size of `other - x` an image, in the scale of the images; for MSE the root mean square."""
    return _size(other - x, norm)


def _size(delta: Images, norm: Norm) -> PerImage:
    values = delta.flatten(1)
    if norm is Norm.LINF:
        return values.abs().amax(1)
    size: Tensor = values.norm(dim=1)
    return size / math.sqrt(values.shape[1]) if norm is Norm.MSE else size


def project(x_adv: Images, x: Images, threat: ThreatModel) -> Images:
    """Nearest picture to `x_adv` that the threat model allows around `x`.

    For L2 and MSE the clamp to [0, 1] comes after the scaling; it only shortens the perturbation.
    """
    if threat.norm is Norm.LINF:
        low, high = (x - threat.eps).clamp_(min=0), (x + threat.eps).clamp_(max=1)
        return x_adv.clamp(min=low, max=high)
    delta = x_adv - x
    scale = (threat.eps / _size(delta, threat.norm).clamp_min(TINY)).clamp_max(1)
    return (x + delta * per_image(scale)).clamp(0, 1)


def steepest(gradient: Images, norm: Norm) -> Images:
    """Direction of size 1 in `norm` along which a linear function with this gradient rises most."""
    if norm is Norm.LINF:
        return gradient.sign()
    return gradient / per_image(_size(gradient, norm).clamp_min(TINY))


class _OnLattice(torch.autograd.Function):
    """Rounding to 8 bits, with slope 1, without the copies that composing it would make."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x.clamp(0, 1).mul_(LEVELS).round_().div_(LEVELS)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def on_lattice(x: Images) -> Images:
    """`to_lattice` with a gradient: that of the identity."""
    rounded: Tensor = _OnLattice.apply(x)
    return rounded


def to_lattice(x: Images) -> Images:
    """Nearest 8-bit picture."""
    return to_bytes(x).to(x.dtype) / LEVELS


def to_bytes(x: Images) -> Tensor:
    """Nearest 8-bit picture as bytes (n, c, h, w)."""
    return (x.clamp(0, 1) * LEVELS).round().to(torch.uint8)


def from_bytes(pixels: Tensor) -> Images:
    """Bytes (n, c, h, w) as images in [0, 1], fp32."""
    return pixels.to(torch.float32, copy=True).div_(LEVELS)


def in_ball(pixels: Tensor, clean: Tensor, threat: ThreatModel) -> Mask:
    """Whether pictures in bytes (n, c, h, w) are in the ball around `clean`, in integers."""
    delta = (pixels.to(torch.int64) - clean.to(torch.int64)).flatten(1)
    if threat.norm is Norm.LINF:
        return delta.abs().amax(1) <= threat.radius
    square = (delta * delta).sum(1).double()
    values = delta.shape[1] if threat.norm is Norm.MSE else 1
    return square <= (threat.eps * LEVELS) ** 2 * values + 1e-6


def to_lattice_in_ball(x_adv: Images, x: Images, threat: ThreatModel) -> Images:
    """An 8-bit picture in the ball around the lattice picture `x`, nearest to `x_adv` for Linf.

    For L2 and MSE rounding can leave the ball; there the perturbation is shrunk, by bisection,
    until its rounded form is inside, as counted in integers.
    """
    x_adv = project(x_adv, x, threat)
    rounded = to_lattice(x_adv)
    if threat.norm is Norm.LINF:
        return rounded
    low = torch.zeros(len(x), device=x.device)
    high = torch.ones_like(low)
    inside = in_ball(to_bytes(rounded), to_bytes(x), threat)
    best = torch.where(per_image(inside), rounded, x)
    for _ in range(12):
        middle = (low + high) / 2
        shrunk = to_lattice(x + (x_adv - x) * per_image(middle))
        fits = in_ball(to_bytes(shrunk), to_bytes(x), threat)
        best = torch.where(per_image(fits & ~inside), shrunk, best)
        low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
    return best


def with_room(threat: ThreatModel) -> ThreatModel:
    """The ball without what rounding, as a rule, adds to a squared error.

    What is projected into it stays in the whole ball when it is rounded, as Linf's does anyway.
    """
    if threat.norm is not Norm.MSE:
        return threat
    return ThreatModel(Norm.MSE, max(threat.radius - 1 / (11 * LEVELS**2), threat.radius / 2))


def generators(x: Images, seed: int, restart: int) -> list[torch.Generator]:
    """A source of random numbers (on the CPU) for each image.

    Determined by its own pixels, `seed` and `restart` alone: no draw depends on the batch, the
    shard or the order in which images are attacked.
    """
    made = []
    for image in to_bytes(x).cpu():
        key = hashlib.sha256(f"{seed}:{restart}:".encode() + image.numpy().tobytes()).digest()
        made.append(torch.Generator().manual_seed(int.from_bytes(key[:7], "big")))
    return made


def noise_like(x: Images, seed: int, restart: int, norm: Norm) -> Tensor:
    """Noise from `generators`: uniform on (-1, 1) for Linf, standard normal for L2 and MSE."""
    shape = x.shape[1:]
    drawn = [
        torch.rand(shape, generator=generator) * 2 - 1
        if norm is Norm.LINF
        else torch.randn(shape, generator=generator)
        for generator in generators(x, seed, restart)
    ]
    return torch.stack(drawn).to(x)


def random_in_ball(x: Images, threat: ThreatModel, seed: int, restart: int) -> Images:
    """A random picture of the ball: uniform for Linf, on the sphere for L2 and MSE.

    (In the 10^4 dimensions of a picture nearly all of such a ball lies next to its sphere.)
    """
    noise = noise_like(x, seed, restart, threat.norm)
    step = noise if threat.norm is Norm.LINF else steepest(noise, threat.norm)
    return project(x + threat.eps * step, x, threat)
