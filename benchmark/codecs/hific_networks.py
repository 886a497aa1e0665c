"""The networks of HiFiC (Mentzer et al. 2020, arXiv 2006.09965), with the names of its torch port.

Parameters are called as in Justin-Tan/high-fidelity-generative-compression, so that its public
checkpoints fit. The widths are free, so that a small one can be trained without a GPU.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-3


def reflected(x: Tensor, left: int, right: int, top: int, bottom: int) -> Tensor:
    """`x` (n, c, h, w) continued as in a mirror, the outermost row or column not repeated.

    Torch's own refuses more than the size less 1; here the mirror image is reflected again.
    """
    height, width = x.shape[-2:]
    if max(left, right) < width and max(top, bottom) < height:
        return functional.pad(x, (left, right, top, bottom), mode="reflect")
    rows = _mirrored(height, top, bottom).to(x.device)
    columns = _mirrored(width, left, right).to(x.device)
    return x.index_select(-2, rows).index_select(-1, columns)


def _mirrored(size: int, before: int, after: int) -> Tensor:
    """The places 0 to `size` - 1 that stand at -`before` to `size` + `after` - 1."""
    period = max(1, 2 * (size - 1))
    places = torch.arange(-before, size + after) % period
    return torch.minimum(places, period - places) if size > 1 else places


class Mirror(nn.Module):
    """Padding by reflection, as many rows and columns on each side as given."""

    def __init__(self, left: int, right: int, top: int, bottom: int) -> None:
        super().__init__()
        self.edges = left, right, top, bottom

    def forward(self, x: Tensor) -> Tensor:
        """`x` with its edges."""
        return reflected(x, *self.edges)


def _around(size: int) -> Mirror:
    return Mirror(size, size, size, size)


class ChannelNorm(nn.Module):
    """Each place's channels with mean 0 and (unbiased) variance 1, then scaled and shifted."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The normalized channels."""
        variance, mean = torch.var_mean(x, dim=1, keepdim=True)
        return self.gamma * ((x - mean) * torch.rsqrt(variance + EPSILON)) + self.beta


class Encoder(nn.Module):
    """Images to latents at 1/16; `filters` are the five widths on the way."""

    def __init__(self, filters: Sequence[int], latents: int) -> None:
        super().__init__()
        first, last = filters[0], filters[-1]
        self.conv_block1 = nn.Sequential(
            _around(3), nn.Conv2d(3, first, 7), ChannelNorm(first), nn.ReLU()
        )
        for number, (before, after) in enumerate(pairwise(filters), start=2):
            block = nn.Sequential(
                Mirror(0, 1, 1, 0),
                nn.Conv2d(before, after, 3, stride=2),
                ChannelNorm(after),
                nn.ReLU(),
            )
            self.add_module(f"conv_block{number}", block)
        self.conv_block_out = nn.Sequential(_around(1), nn.Conv2d(last, latents, 3))

    def forward(self, x: Tensor) -> Tensor:
        """The latents, not rounded."""
        for block in self.children():
            x = block(x)
        return x


class Residual(nn.Module):
    """Two convolutions that keep the width, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pad = _around(1)
        self.conv1 = nn.Conv2d(channels, channels, 3)
        self.conv2 = nn.Conv2d(channels, channels, 3)
        self.norm1 = ChannelNorm(channels)
        self.norm2 = ChannelNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """`x` and what the convolutions add."""
        inner = functional.relu(self.norm1(self.conv1(self.pad(x))))
        added: Tensor = self.norm2(self.conv2(self.pad(inner)))
        return added + x


class Generator(nn.Module):
    """Latents to images; `filters` as the encoder has them, taken from the last to the first."""

    def __init__(self, filters: Sequence[int], latents: int, blocks: int) -> None:
        super().__init__()
        widths = tuple(reversed(filters))
        self.conv_block_init = nn.Sequential(
            ChannelNorm(latents),
            _around(1),
            nn.Conv2d(latents, widths[0], 3),
            ChannelNorm(widths[0]),
        )
        residuals = [Residual(widths[0]) for _ in range(blocks)]
        for number, residual in enumerate(residuals):
            self.add_module(f"resblock_{number}", residual)
        ups = [_up(before, after) for before, after in pairwise(widths)]
        for number, up in enumerate(ups, start=1):
            self.add_module(f"upconv_block{number}", up)
        self.conv_block_out = nn.Sequential(_around(3), nn.Conv2d(widths[-1], 3, 7))
        self.blocks = blocks

    def forward(self, y: Tensor) -> Tensor:
        """The images, not clamped."""
        head, *rest = self.children()
        start = head(y)
        x = start
        for residual in rest[: self.blocks]:
            x = residual(x)
        images: Tensor = x + start
        for block in rest[self.blocks :]:
            images = block(images)
        return images


def _up(before: int, after: int) -> nn.Sequential:
    doubled = nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(doubled, ChannelNorm(after), nn.ReLU())


class HyperAnalysis(nn.Module):
    """Latents to hyperlatents at a quarter of their size."""

    def __init__(self, latents: int, hyperlatents: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(latents, hyperlatents, 3, padding=1)
        self.conv2 = nn.Conv2d(hyperlatents, hyperlatents, 5, stride=2)
        self.conv3 = nn.Conv2d(hyperlatents, hyperlatents, 5, stride=2)

    def forward(self, y: Tensor) -> Tensor:
        """The hyperlatents, not rounded."""
        inner = functional.relu(self.conv1(y))
        inner = functional.relu(self.conv2(reflected(inner, 2, 2, 2, 2)))
        z: Tensor = self.conv3(reflected(inner, 2, 2, 2, 2))
        return z


class HyperSynthesis(nn.Module):
    """Hyperlatents to one number for each latent, its mean or its scale."""

    def __init__(self, latents: int, hyperlatents: int) -> None:
        super().__init__()
        self.conv1 = _hyper_up(hyperlatents)
        self.conv2 = _hyper_up(hyperlatents)
        self.conv3 = nn.ConvTranspose2d(hyperlatents, latents, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """The numbers, at the latents' size."""
        inner = functional.relu(self.conv2(functional.relu(self.conv1(z))))
        numbers: Tensor = self.conv3(inner)
        return numbers


def _hyper_up(width: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(width, width, 5, stride=2, padding=2, output_padding=1)
