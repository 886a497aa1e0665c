"""Any codec several times over (Raber et al. 2025, arXiv 2504.12255), judged on real bytes."""

from benchmark.api import Sequential
from benchmark.api.learned import Rate, with_trade_off


class SequentialCodec(Sequential):
    """Rounds of one codec at one rate."""

    def __init__(self, codec: str, rate: Rate, rounds: int) -> None:
        """`codec` at `rate`, `rounds` of it, 1 to 100."""
        super().__init__(with_trade_off(codec, rate), rounds)
