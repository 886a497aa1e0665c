"""A hyperprior with a context model (Minnen et al. 2018, arXiv 1809.02736), on real bytes."""

from benchmark.api.learned import Zoo


class JointPrior(Zoo):
    """The codec of CompressAI's zoo, with the weights that it publishes."""

    def __init__(self, quality: int, metric: str = "mse") -> None:
        """`quality` from 1 to 8; `metric`, `mse` or `ms-ssim`, is what it was trained for."""
        super().__init__("mbt2018", quality, metric)
