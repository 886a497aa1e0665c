"""A small mean-scale hyperprior before the classifier (Minnen et al. 2018, arXiv 1809.02736)."""

from benchmark.api.learned import MiniMbt2018Mean


class MiniMbt2018MeanDefense(MiniMbt2018Mean):
    """The bundled model at one of its three rates."""

    def __init__(self, rate: str) -> None:
        """`rate` is low, medium or high."""
        super().__init__(rate)
