"""ELIC before the classifier (He et al. 2022, arXiv 2203.10886), judged on real bytes."""

from benchmark.api.learned import Elic


class ElicDefense(Elic):
    """The public re-implementation's model at one of its six rates."""

    def __init__(self, rate: str) -> None:
        """`rate` names the checkpoint: 10,000 times the lambda it was trained with."""
        super().__init__(rate)
