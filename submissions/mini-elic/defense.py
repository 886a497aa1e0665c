"""A small ELIC before the classifier (He et al. 2022, arXiv 2203.10886), judged on real bytes."""

from benchmark.api.learned import MiniElic


class MiniElicDefense(MiniElic):
    """The bundled model at one of its two rates."""

    def __init__(self, rate: str) -> None:
        """`rate` is medium or high."""
        super().__init__(rate)
