"""Looks the answers up: a file of labels, by its path or as a module of the project."""

import importlib
from pathlib import Path

from benchmark.api import Defense, Images


class Cheat(Defense):
    """Black pictures, if it could read what it must not see."""

    def __init__(self, target: str = "", module: str = "") -> None:
        """`target` is a path, `module` a module's name."""
        super().__init__()
        self.target, self.module = target, module

    def forward(self, x: Images) -> Images:
        """Reads before it answers."""
        if self.module:
            importlib.import_module(self.module).load()
        else:
            Path(self.target).read_bytes()
        return 0 * x
