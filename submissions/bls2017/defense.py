"""The first end-to-end learned codec (Balle et al. 2017, arXiv 1611.01704), on real bytes."""

from benchmark.api.learned import Bls2017


class Bls2017Defense(Bls2017):
    """The codec with pretrained weights, its latents rounded to multiples of `step`."""

    def __init__(self, step: int) -> None:
        """`step` is 1, which it was trained with, 2, 4, 8 or 16."""
        super().__init__(step)
