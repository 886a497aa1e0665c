"""Geometric self-ensemble (Chen, Ma 2023, arXiv 2112.08691) around any codec."""

from benchmark.api import SelfEnsemble
from benchmark.api.learned import Rate, with_trade_off


class BestOfEight(SelfEnsemble):
    """The turn or mirror whose reconstruction has the smallest error."""

    def __init__(self, codec: str, rate: Rate) -> None:
        """`codec` at `rate`."""
        super().__init__(with_trade_off(codec, rate))
