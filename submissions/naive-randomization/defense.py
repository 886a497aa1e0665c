"""Always a random transform (Song, Choi, Han 2024, arXiv 2401.11902) before any codec."""

from benchmark.api import NaiveRandomization
from benchmark.api.learned import Rate, with_trade_off


class Naive(NaiveRandomization):
    """One of 142,805,000 turns, stretches and shifts, drawn anew for every picture."""

    def __init__(self, codec: str, rate: Rate) -> None:
        """`codec` at `rate`."""
        super().__init__(with_trade_off(codec, rate))
