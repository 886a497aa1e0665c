"""A linear model, on which the best attack is known in closed form."""

import torch
from torch import Tensor, nn

from benchmark.threat import Norm, ThreatModel


class LinearModel(nn.Module):
    """Two classes; the margin of class 0 over class 1 is `2 <w, x>`."""

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.w = torch.randn(shape, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        score = (x * self.w).flatten(1).sum(1)
        return torch.stack([score, -score], 1)

    def largest_drop(self, threat: ThreatModel) -> float:
        """The most that an allowed perturbation lowers the score, far from the box's sides.

        eps times the dual norm of w: L1 for Linf, L2 for L2.
        """
        dual = self.w.abs().sum() if threat.norm is Norm.LINF else self.w.norm()
        return threat.eps * float(dual)

    def inputs(self, n: int) -> Tensor:
        """Grey lattice pictures that the model gives to class 0 by a wide margin."""
        x = torch.full((n, *self.w.shape), 128 / 255)
        return x + 0.2 * self.w.sign() * torch.linspace(0.8, 1, n).view(-1, 1, 1, 1)
