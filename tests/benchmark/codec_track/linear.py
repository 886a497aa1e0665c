"""Codecs without a bitstream whose worst pictures are known in closed form."""

import torch
from torch import Tensor

from benchmark.defense import Branches, Codec, Coded, SelectingCodec
from benchmark.threat import Norm, ThreatModel

SHAPE = (3, 4, 5)
BASE = 1000.0


def weights(seed: int) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def grey(n: int) -> Tensor:
    """Lattice pictures, no two alike, that no attack here takes to black or white."""
    levels = torch.arange(n).view(-1, 1, 1, 1) + 100 + 20 * torch.rand(SHAPE, generator=_seed(n))
    return levels.round().expand(n, *SHAPE) / 255


def _seed(n: int) -> torch.Generator:
    return torch.Generator().manual_seed(n)


def product(w: Tensor, x: Tensor) -> Tensor:
    return (w * x).flatten(1).sum(1)


def dual(w: Tensor, threat: ThreatModel) -> float:
    """The most by which `product` can rise: eps times L1 for Linf, times L2 for L2."""
    if threat.norm is Norm.LINF:
        return threat.eps * float(w.abs().sum())
    scale = w.numel() ** 0.5 if threat.norm is Norm.MSE else 1
    return threat.eps * scale * float(w.norm())


class LinearCodec(Codec):
    """Bits are `BASE + <w, x>`; the error is `<v, x>` times the picture `u`."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.w, self.v, self.u = weights(seed), weights(seed + 100), weights(seed + 200)

    def likelihood_bits(self, x: Tensor) -> Tensor:
        return BASE + product(self.w, x)

    def forward(self, x: Tensor) -> Tensor:
        return x + product(self.v, x).view(-1, 1, 1, 1) * self.u

    surrogate = forward

    def worst_rate(self, x: Tensor, threat: ThreatModel) -> Tensor:
        """Bits per pixel."""
        return (self.likelihood_bits(x) + dual(self.w, threat)) / 20

    def worst_error(self, x: Tensor, threat: ThreatModel) -> Tensor:
        """Mean squared error, in bytes."""
        size = product(self.v, x).abs() + dual(self.v, threat)
        return size.square() * self.u.square().mean() * 255**2


class HidingCodec(LinearCodec):
    """Has two latents: the first costs the same whatever it codes, the second is what can rise."""

    def coded(self, x: Tensor) -> Coded:
        y_bits = BASE + 0 * product(self.w, x)
        z_bits = product(self.w, x)
        return Coded(self.forward(x), y_bits + z_bits)


class TwoBranches(SelectingCodec):
    """The bits of two branches depend on two halves of the picture; the picture comes through."""

    def __init__(self) -> None:
        super().__init__()
        w = weights(7).abs()
        left = torch.zeros(SHAPE)
        left[..., :2] = 1
        halves = torch.stack([w * left, w * (1 - left)])
        self.halves = 100 * halves / halves.flatten(1).sum(1).view(2, 1, 1, 1)

    def branches(self, x: Tensor, draws: int = 1) -> Branches:
        many = x.repeat(draws, 1, 1, 1)
        bits = BASE + torch.stack([product(half, many) for half in self.halves])
        return Branches(torch.stack([many, many]), bits, bits / 20)

    def bare(self) -> Codec:
        """The first branch alone."""
        codec = LinearCodec()
        codec.w = self.halves[0]
        return codec


class Shifting(Codec):
    """Bits are `BASE + <w_i, x>`, i drawn anew for every image from torch's own generator."""

    randomized = True

    def __init__(self, kinds: int = 4) -> None:
        super().__init__()
        self.ws = torch.stack([weights(30 + i) for i in range(kinds)])
        self.passes: list[int] = []

    def coded(self, x: Tensor) -> Coded:
        self.passes.append(len(x))
        drawn = torch.randint(len(self.ws), (len(x),))
        return Coded(x, BASE + (self.ws[drawn] * x).flatten(1).sum(1))


class Rounding(Codec):
    """Rounds as a stranger's codec would, so that autograd finds no slope."""

    def likelihood_bits(self, x: Tensor) -> Tensor:
        return BASE + torch.round(64 * x).flatten(1).sum(1)

    def surrogate(self, x: Tensor) -> Tensor:
        return torch.round(16 * x) / 16
