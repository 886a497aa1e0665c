"""Says that the loss falls where it rises."""

from typing import Any

import torch
from torch import Tensor

from benchmark.api import Defense, Images


class _Lie(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]


class Cheat(Defense):
    """No defense at all, with a gradient that leads attacks away."""

    def forward(self, x: Images) -> Images:
        """`x` itself."""
        answer: Tensor = _Lie.apply(x)
        return answer
