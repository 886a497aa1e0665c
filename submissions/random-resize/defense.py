"""A random size and a random place (Xie et al. 2018, arXiv 1711.01991)."""

import torch
from torch.nn import functional

from benchmark.api import CallError, Defense, Images


class RandomResize(Defense):
    """Shrinks each image by a random factor and pads it with black at a random place.

    The original enlarges 299 to 331 pixels; here the classifier's input size stays as it is, so the
    image shrinks by at most the same factor.
    """

    randomized = True

    def __init__(self, smallest: float) -> None:
        """`smallest` is the least factor, above 0 and below 1."""
        super().__init__()
        if not 0 < smallest < 1:
            raise CallError(f"smallest {smallest}: expected above 0 and below 1")
        self.smallest = smallest

    def forward(self, x: Images) -> Images:
        """One fresh draw an image."""
        return torch.cat([self._drawn(one[None]) for one in x])

    def _drawn(self, x: Images) -> Images:
        height, width = x.shape[-2:]
        factor = self.smallest + (1 - self.smallest) * float(torch.rand(()))
        rows, columns = max(1, round(factor * height)), max(1, round(factor * width))
        small = functional.interpolate(x, (rows, columns), mode="bilinear", antialias=True)
        top = int(torch.randint(height - rows + 1, ()))
        left = int(torch.randint(width - columns + 1, ()))
        edges = (left, width - columns - left, top, height - rows - top)
        return functional.pad(small, edges).clamp(0, 1)
