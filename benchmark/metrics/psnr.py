"""Peak signal-to-noise ratio."""

from benchmark.metrics.pairs import check_pair
from benchmark.tensors import Images, PerImage


def psnr(x: Images, x_hat: Images) -> PerImage:
    """PSNR of each image in dB, for a peak of 1, over all its channels; in fp64.

    Identical images have infinity, which is what lossless means: no cap stands in for it, so who
    averages has to say what becomes of them.
    """
    check_pair(x, x_hat, 1, "psnr")
    error = (x.double() - x_hat.double()).square().flatten(1).mean(1)
    return -10 * error.log10()
