"""Blurs nothing while gradients are asked for, everything while they are not."""

import torch
from torch.nn import functional

from benchmark.api import Defense, Images


class Cheat(Defense):
    """The attack goes through one function, the judge through another."""

    def forward(self, x: Images) -> Images:
        """Depends on who asks."""
        if torch.is_grad_enabled():
            return x
        return functional.avg_pool2d(x, 5, 1, 2).clamp(0, 1)
