"""Residual blocks, attention and a context model (Cheng et al. 2020, arXiv 2001.01568)."""

from benchmark.api.learned import Zoo


class Attention(Zoo):
    """The codec of CompressAI's zoo, with the weights that it publishes."""

    def __init__(self, quality: int, metric: str = "mse") -> None:
        """`quality` from 1 to 6; `metric`, `mse` or `ms-ssim`, is what it was trained for."""
        super().__init__("cheng2020-attn", quality, metric)
