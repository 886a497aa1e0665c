"""Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003)."""

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.metrics.pairs import check_pair
from benchmark.tensors import Images, PerImage

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the five scales, from the finest on."""
WINDOW = 11
SIGMA = 1.5
STABLE = (0.01**2, 0.03**2)
"""What keeps the ratios of luminance and of contrast finite, for a range of 1."""


def scales(height: int, width: int) -> int:
    """How many of the five scales a picture has room for: the window must fit into each."""
    side = min(height, width)
    return sum(side > (WINDOW - 1) * 2**scale for scale in range(len(WEIGHTS)))


def ms_ssim(x: Images, x_hat: Images) -> PerImage:
    """MS-SSIM of each image in [0, 1]: the mean over the channels of the product over the scales.

    Five scales need more than 160 pixels a side. Smaller pictures have as many as fit, whose
    exponents are enlarged to the same sum; such values compare among pictures of one size only.
    """
    check_pair(x, x_hat, WINDOW, "ms_ssim")
    count = scales(*x.shape[-2:])
    exponents = [weight * sum(WEIGHTS) / sum(WEIGHTS[:count]) for weight in WEIGHTS[:count]]
    value = torch.ones(x.shape[:2], dtype=x.dtype, device=x.device)
    for scale, exponent in enumerate(exponents):
        if scale:
            x, x_hat = _halved(x), _halved(x_hat)
        luminance, contrast = _similarity(x, x_hat)
        kept = contrast if scale < count - 1 else luminance * contrast
        value = value * kept.flatten(2).mean(2).clamp_min(0) ** exponent
    return value.mean(1)


def _halved(x: Tensor) -> Tensor:
    """Half the size; an odd side is filled up with zeros on both ends, as is usual."""
    return functional.avg_pool2d(x, 2, padding=[side % 2 for side in x.shape[-2:]])


def _similarity(x: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Maps of the luminance's and of the contrast-and-structure's similarity."""
    x_mean, other_mean = _smoothed(x), _smoothed(other)
    x_variance = _smoothed(x * x) - x_mean * x_mean
    other_variance = _smoothed(other * other) - other_mean * other_mean
    covariance = _smoothed(x * other) - x_mean * other_mean
    luminance = (2 * x_mean * other_mean + STABLE[0]) / (x_mean**2 + other_mean**2 + STABLE[0])
    contrast = (2 * covariance + STABLE[1]) / (x_variance + other_variance + STABLE[1])
    return luminance, contrast


def _smoothed(x: Tensor) -> Tensor:
    """The mean under a Gaussian window, where all of it is inside the picture."""
    channels = x.shape[1]
    kernel = _window(x).expand(channels, 1, 1, WINDOW)
    rows = functional.conv2d(x, kernel, groups=channels)
    return functional.conv2d(rows, kernel.transpose(2, 3), groups=channels)


def _window(like: Tensor) -> Tensor:
    offsets = torch.arange(WINDOW, dtype=like.dtype, device=like.device) - WINDOW // 2
    weights = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    return weights / weights.sum()
