"""Fewer grey levels (Xu, Evans, Qi 2018, feature squeezing, arXiv 1704.01155)."""

import torch

from benchmark.api import CallError, Defense, Images, blurred_round


class BitDepth(Defense):
    """Every channel rounded to `bits` bits; the surrogate blurs the rounding."""

    def __init__(self, bits: int) -> None:
        """`bits` from 1 to 8."""
        super().__init__()
        if not 1 <= bits <= 8:
            raise CallError(f"bit depth {bits}: expected 1 to 8")
        self.levels = 2**bits - 1

    def forward(self, x: Images) -> Images:
        """`x` on the coarser lattice."""
        return torch.round(x * self.levels) / self.levels

    def surrogate(self, x: Images) -> Images:
        """The same with a slope."""
        return blurred_round(x * self.levels) / self.levels
