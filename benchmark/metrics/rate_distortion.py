"""The loss that learned codecs are trained for."""

from benchmark.tensors import Images, PerImage
from benchmark.threat import LEVELS


def rate_distortion(x: Images, x_hat: Images, bits: PerImage, trade_off: float) -> PerImage:
    """`trade_off * 255**2 * MSE + bits per pixel` of each image, CompressAI's scale.

    The pixels are those of `x`, before any padding.
    """
    error = (x_hat - x).square().flatten(1).mean(1) * LEVELS**2
    return trade_off * error + bits / x[0, 0].numel()
