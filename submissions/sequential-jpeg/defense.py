"""JPEG several times over (Raber et al. 2025, arXiv 2504.12255), judged on real bytes."""

from benchmark.api import Jpeg, Sequential


class SequentialJpeg(Sequential):
    """Rounds of Pillow's JPEG at one quality.

    Its surrogate is the one that its robustness was published with: a cubic in place of rounding,
    whose gradient dies after the first round. The suite's other estimators do not depend on it.
    """

    def __init__(self, quality: int, rounds: int) -> None:
        """`quality` on the scale of libjpeg, `rounds` of it."""
        super().__init__(Jpeg(quality, rounding="polynomial"), rounds, one_round=Jpeg(quality))
