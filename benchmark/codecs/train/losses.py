"""What training lowers: the rate, the error, and for HiFiC what an adversary sees."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from benchmark.tensors import Images
from benchmark.threat import LEVELS

SIGHT = 12
"""Channels that the discriminator makes of the latents, as in the paper."""
WIDTHS = (32, 48, 64)
LATENT_STRIDE = 16


def bits_per_pixel(output: Any, x: Images) -> Tensor:
    """Mean code length of all latents, in bits per pixel."""
    bits = [-torch.log2(likelihood).sum() for likelihood in output["likelihoods"].values()]
    return torch.stack(bits).sum() / (x.shape[0] * x.shape[2] * x.shape[3])


def squared_error(output: Any, x: Images) -> Tensor:
    """Mean squared error in 8-bit levels."""
    return functional.mse_loss(output["x_hat"], x) * LEVELS**2


class Discriminator(nn.Module):
    """Tells images from reconstructions, given the latents (HiFiC, Mentzer et al. 2020)."""

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.sight = spectral_norm(nn.Conv2d(latents, SIGHT, 3, padding=1))
        layers: list[nn.Module] = []
        before = 3 + SIGHT
        for width in WIDTHS:
            layers.append(spectral_norm(nn.Conv2d(before, width, 4, stride=2, padding=1)))
            before = width
        self.layers = nn.ModuleList(layers)
        self.score = spectral_norm(nn.Conv2d(before, 1, 1))

    def forward(self, x: Images, y_hat: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits, one a place, that `x` is no reconstruction; and the features of every layer."""
        seen = functional.leaky_relu(self.sight(y_hat), 0.2)
        seen = functional.interpolate(seen, scale_factor=LATENT_STRIDE)
        features = []
        inner = torch.cat([x, seen[..., : x.shape[-2], : x.shape[-1]]], 1)
        for layer in self.layers:
            inner = functional.leaky_relu(layer(inner), 0.2)
            features.append(inner)
        return self.score(inner), features


def deception(logits: Tensor) -> Tensor:
    """What the generator lowers: that reconstructions are found out (non-saturating)."""
    return functional.softplus(-logits).mean()


def suspicion(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator lowers."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def unlikeness(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Distance in the discriminator's features, in the place of the paper's LPIPS.

    Larsen et al. 2016 (arXiv 1512.09300). Weights of LPIPS would have to be fetched, and a
    classifier's features would favor that classifier in the benchmark.
    """
    pairs = zip(real, fake, strict=True)
    return torch.stack([functional.l1_loss(seen, wanted.detach()) for wanted, seen in pairs]).sum()
