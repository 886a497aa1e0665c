"""SHIELD's random mixture of JPEG files (Das et al. 2018, arXiv 1802.06816)."""

from benchmark.api import CallError, LocalQuantization


class Shield(LocalQuantization):
    """Stochastic local quantization before the protocol's classifier."""

    def __init__(self, qualities: str) -> None:
        """`qualities` on the scale of libjpeg, with spaces between them."""
        if not qualities.replace(" ", "").isdecimal():
            raise CallError(f"qualities {qualities!r}: expected numbers with spaces between them")
        super().__init__([int(quality) for quality in qualities.split()])
