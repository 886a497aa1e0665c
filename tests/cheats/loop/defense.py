"""Holds the harness up."""

from benchmark.api import Defense, Images


class Cheat(Defense):
    """Never answers."""

    def forward(self, x: Images) -> Images:
        """Counts."""
        count = 0
        while True:
            count += 1
