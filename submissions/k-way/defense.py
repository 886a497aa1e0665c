"""K-way compression (Song, Choi, Han 2024, arXiv 2401.11902) around any codec."""

from benchmark.api import KWay
from benchmark.api.learned import Rate, with_trade_off


class SeveralWays(KWay):
    """The picture as it is, or behind one of several random transforms: the least R-D loss."""

    def __init__(self, codec: str, rate: Rate, ways: int, trade_off: float | None = None) -> None:
        """`codec` at `rate` in `ways`, the identity among them; `trade_off` as for two-way."""
        super().__init__(with_trade_off(codec, rate), ways, trade_off=trade_off)
