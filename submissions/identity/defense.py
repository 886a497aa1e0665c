"""No defense: the bar that every other entry is read against."""

from benchmark.api import Defense, Images


class Identity(Defense):
    """The images as they are."""

    def forward(self, x: Images) -> Images:
        """`x` itself."""
        return x
