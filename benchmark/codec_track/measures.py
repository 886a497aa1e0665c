"""What is bad about a coded picture: its bits, its error, both; one value an image.

Errors are those of the reconstruction against the picture that was coded, which is the attacked
one: a codec that reproduced the attack would be blameless.
"""

from benchmark.codec_track.types import Measure
from benchmark.defense import Coded
from benchmark.metrics.ms_ssim import ms_ssim
from benchmark.tensors import Images, PerImage
from benchmark.threat import LEVELS


def rate(x: Images, coded: Coded) -> PerImage:
    """Bits per pixel, of all latents (the hyperprior's too), over the pixels before any padding."""
    height, width = x.shape[-2:]
    return coded.bits / (height * width)


def mse(x: Images, coded: Coded) -> PerImage:
    """Mean squared error, on the scale of bytes."""
    return (coded.x_hat - x).square().flatten(1).mean(1) * LEVELS**2


def structure(x: Images, coded: Coded) -> PerImage:
    """What MS-SSIM lacks of 1."""
    return 1 - ms_ssim(x, coded.x_hat)


def joint(trade_off: float) -> Measure:
    """The rate-distortion loss: `trade_off` times the error, plus bits per pixel."""

    def measure(x: Images, coded: Coded) -> PerImage:
        return trade_off * mse(x, coded) + rate(x, coded)

    return measure
