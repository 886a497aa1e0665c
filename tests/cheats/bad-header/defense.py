"""Weights whose header promises more than there is, for whoever reads it."""

from pathlib import Path

from safetensors.torch import load_file

from benchmark.api import Defense, Images

FOLDER = Path(__file__).parent


class Cheat(Defense):
    """Never made."""

    def __init__(self) -> None:
        """Read the weights."""
        super().__init__()
        self.scale = load_file(FOLDER / "weights.safetensors")["scale"]

    def forward(self, x: Images) -> Images:
        """`x` itself."""
        return x
