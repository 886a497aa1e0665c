"""Geometric self-ensemble (Chen, Ma 2023, arXiv 2112.08691)."""

from benchmark.codecs.best_of import BestOf
from benchmark.codecs.transformed import SYMMETRIES_ALONE
from benchmark.codecs.transforms import SYMMETRIES, Transform
from benchmark.defense import Codec, Coded
from benchmark.tensors import Images, PerImage


class SelfEnsemble(BestOf):
    """Codes the 8 turns and mirrors of a picture and keeps the one of the smallest error.

    Nothing is random, and the bits do not count in the choice, as published.
    """

    def __init__(self, codec: Codec) -> None:
        """Stand before `codec`."""
        super().__init__(codec, SYMMETRIES_ALONE)

    def others(self, n: int) -> list[list[Transform]]:
        """The same seven for every image."""
        return [[Transform(symmetry)] * n for symmetry in range(1, SYMMETRIES)]

    def cost(self, x: Images, coded: Coded) -> PerImage:
        """The mean squared error."""
        return (coded.x_hat - x).square().flatten(1).mean(1)
