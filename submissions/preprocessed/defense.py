"""Fewer grey levels, or smoothing, before any codec (Chen, Ma 2023, arXiv 2112.08691)."""

from benchmark.api import Blur, CallError, FewerLevels, Preprocessed
from benchmark.api.learned import Rate, with_trade_off


class PreprocessedCodec(Preprocessed):
    """A codec that is given simpler pictures than it was asked to code."""

    def __init__(
        self, codec: str, rate: Rate, bits: int | None = None, sigma: float | None = None
    ) -> None:
        """Blur of `sigma` pixels, then `bits` a channel, or one of the two, then `codec`."""
        before = [] if sigma is None else [Blur(sigma)]
        before += [] if bits is None else [FewerLevels(bits)]
        if not before:
            raise CallError("neither bits nor sigma: expected one of them, or both")
        super().__init__(with_trade_off(codec, rate), before)
