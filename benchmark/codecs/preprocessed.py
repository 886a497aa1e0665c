"""Preprocessing before a codec: fewer grey levels, smoothing (Chen, Ma 2023, arXiv 2112.08691)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.defense import Codec, Coded
from benchmark.errors import CallError
from benchmark.gradients import straight_through_round
from benchmark.tensors import Images, PerImage


class FewerLevels(nn.Module):
    """Every channel rounded to `bits` bits, with slope 1."""

    def __init__(self, bits: int) -> None:
        """`bits` from 1 to 8; 8 changes no 8-bit picture."""
        super().__init__()
        if not isinstance(bits, int) or not 1 <= bits <= 8:
            raise CallError(f"bit depth {bits}: expected 1 to 8, a whole number")
        self.levels: int = 2**bits - 1

    def forward(self, x: Images) -> Images:
        """`x` on the coarser lattice."""
        levels: Tensor = straight_through_round(x * self.levels) / self.levels
        return levels


class Blur(nn.Module):
    """A separable Gaussian filter, the edges repeated, so that it takes pictures of any size."""

    kernel: Tensor

    def __init__(self, sigma: float) -> None:
        """`sigma` is the standard deviation in pixels, above 0; the kernel reaches three of it."""
        super().__init__()
        if not 0 < sigma <= 8:
            raise CallError(f"sigma {sigma}: expected above 0 and at most 8 pixels")
        reach = max(1, round(3 * sigma))
        offsets = torch.arange(-reach, reach + 1, dtype=torch.float64)
        weights = torch.exp(-(offsets**2) / (2 * sigma**2))
        self.register_buffer("kernel", (weights / weights.sum()).float())

    def forward(self, x: Images) -> Images:
        """`x`, smoothed."""
        channels, reach = x.shape[1], len(self.kernel) // 2
        weight = self.kernel.to(x).expand(channels, 1, -1)
        x = functional.pad(x, (reach,) * 4, mode="replicate")
        x = functional.conv2d(x, weight[:, :, None, :], groups=channels)
        smooth: Tensor = functional.conv2d(x, weight[..., None], groups=channels)
        return smooth.clamp(0, 1)


class Preprocessed(Codec):
    """A codec that is given changed pictures. Nothing of the change is in the stream."""

    def __init__(self, codec: Codec, before: Sequence[nn.Module]) -> None:
        """`before` are applied in their order; they map images in [0, 1] to such."""
        super().__init__()
        self.codec = codec
        self.before = nn.Sequential(*before)
        self.randomized, self.trade_off = codec.randomized, codec.trade_off

    def compress(self, x: Images) -> list[bytes]:
        """The codec's streams of the changed pictures; each is changed by itself."""
        with torch.no_grad():
            return self.codec.compress(torch.cat([self.before(one[None]) for one in x]))

    def decompress(self, streams: list[bytes], size: tuple[int, int]) -> Images:
        """The codec's pictures."""
        return self.codec.decompress(streams, size)

    def surrogate(self, x: Images) -> Images:
        """The codec's surrogate of the changed pictures."""
        return self.codec.surrogate(self.before(x))

    @property
    def has_likelihood(self) -> bool:
        """Whether the codec has one."""
        return self.codec.has_likelihood

    def likelihood_bits(self, x: Images) -> PerImage:
        """The codec's, of the changed pictures."""
        return self.codec.likelihood_bits(self.before(x))

    def coded(self, x: Images) -> Coded:
        """What the codec makes of the changed pictures."""
        return self.codec.coded(self.before(x))

    def bare(self) -> Codec:
        """The codec, which is given the pictures as they are."""
        return self.codec.bare()
