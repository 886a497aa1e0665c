"""A file of its own folder that is another's."""

from pathlib import Path

from benchmark.api import Defense, Images

LINK = Path(__file__).parent / "notes.txt"


class Cheat(Defense):
    """Black pictures, if it could read through the link."""

    def forward(self, x: Images) -> Images:
        """Reads before it answers."""
        LINK.read_bytes()
        return 0 * x
