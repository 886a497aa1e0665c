"""Half of the small mean-scale hyperprior (Minnen et al. 2018, arXiv 1809.02736)."""

from benchmark.api.learned import MiniMbt2018MeanHalf


class MiniMbt2018MeanHalfDefense(MiniMbt2018MeanHalf):
    """The bundled model with half of the channels, at its one rate."""

    def __init__(self, rate: str) -> None:
        """`rate` is high."""
        super().__init__(rate)
