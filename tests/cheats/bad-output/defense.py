"""Answers that no classifier should see."""

import torch

from benchmark.api import Defense, Images


class Cheat(Defense):
    """`what` instead of pictures."""

    def __init__(self, what: str = "nan") -> None:
        """`what` is nan, infinite, large, negative, short, constant."""
        super().__init__()
        self.what = what

    def forward(self, x: Images) -> Images:
        """No defended images."""
        return {
            "nan": x * torch.nan,
            "infinite": x + torch.inf,
            "large": x + 1,
            "negative": -x,
            "short": x[..., 1:],
            "constant": torch.full_like(x, 0.5),
        }[self.what]
