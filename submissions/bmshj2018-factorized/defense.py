"""A factorized prior (Balle et al. 2018, arXiv 1802.01436), judged on real bytes."""

from benchmark.api.learned import Zoo


class FactorizedPrior(Zoo):
    """The codec of CompressAI's zoo, with the weights that it publishes."""

    def __init__(self, quality: int, metric: str = "mse") -> None:
        """`quality` from 1 to 8; `metric`, `mse` or `ms-ssim`, is what it was trained for."""
        super().__init__("bmshj2018-factorized", quality, metric)
