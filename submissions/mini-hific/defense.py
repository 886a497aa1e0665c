"""A small HiFiC before the classifier (Mentzer et al. 2020, arXiv 2006.09965), on real bytes."""

from benchmark.api.learned import MiniHific


class MiniHificDefense(MiniHific):
    """The bundled model at one of its two rates."""

    def __init__(self, rate: str) -> None:
        """`rate` is low or medium."""
        super().__init__(rate)
