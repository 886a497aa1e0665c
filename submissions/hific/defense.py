"""HiFiC before the classifier (Mentzer et al. 2020, arXiv 2006.09965), judged on real bytes."""

from benchmark.api.learned import Hific


class HificDefense(Hific):
    """The torch port's model at one of its three rates."""

    def __init__(self, rate: str) -> None:
        """`rate` is low, med or high."""
        super().__init__(rate)
