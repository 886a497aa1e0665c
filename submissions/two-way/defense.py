"""Two-way compression (Song, Choi, Han 2024, arXiv 2401.11902) around any codec."""

from benchmark.api import KWay
from benchmark.api.learned import Rate, with_trade_off


class TwoWay(KWay):
    """The picture as it is, or behind one random transform: whichever has the least R-D loss."""

    def __init__(self, codec: str, rate: Rate, trade_off: float | None = None) -> None:
        """`codec` at `rate`; `trade_off` is the loss's lambda in the place of the codec's own."""
        super().__init__(with_trade_off(codec, rate), 2, trade_off=trade_off)
