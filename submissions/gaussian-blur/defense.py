"""Gaussian smoothing, a classic feature squeezer (Xu, Evans, Qi 2018, arXiv 1704.01155)."""

import torch
from torch.nn import functional

from benchmark.api import CallError, Defense, Images


class GaussianBlur(Defense):
    """Separable Gaussian filter of standard deviation `sigma` pixels, edges reflected."""

    kernel: torch.Tensor

    def __init__(self, sigma: float) -> None:
        """`sigma` in pixels, above 0; the kernel reaches three of them."""
        super().__init__()
        if not 0 < sigma <= 8:
            raise CallError(f"sigma {sigma}: expected above 0 and at most 8 pixels")
        self.reach = max(1, round(3 * sigma))
        offsets = torch.arange(-self.reach, self.reach + 1, dtype=torch.float32)
        kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
        self.register_buffer("kernel", kernel / kernel.sum())

    def forward(self, x: Images) -> Images:
        """`x`, smoothed."""
        reach = self.reach
        weight = self.kernel.expand(3, 1, -1)
        x = functional.pad(x, (reach, reach, reach, reach), mode="reflect")
        x = functional.conv2d(x, weight[:, :, None, :], groups=3)
        return functional.conv2d(x, weight[:, :, :, None], groups=3).clamp(0, 1)
