"""Takes memory until there is none for the harness: at once, or in many processes."""

import os
import time

import torch

from benchmark.api import Defense, Images


class Cheat(Defense):
    """Never answers."""

    def __init__(self, way: str = "at-once") -> None:
        """`way` is at-once or in-parts."""
        super().__init__()
        self.way = way

    def forward(self, x: Images) -> Images:
        """Touches what it takes."""
        if self.way == "at-once":
            return torch.ones(25 * 10**9).mean() * x
        held = []
        while True:
            if os.fork() == 0:
                held.append(torch.ones(10**8))
                time.sleep(60)
            time.sleep(0.2)
