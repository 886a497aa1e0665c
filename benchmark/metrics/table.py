"""The measures of fidelity by name."""

from collections.abc import Callable, Mapping

from benchmark.metrics.lpips import lpips_alex, lpips_vgg
from benchmark.metrics.ms_ssim import ms_ssim
from benchmark.metrics.psnr import psnr
from benchmark.tensors import Images, PerImage

Metric = Callable[[Images, Images], PerImage]
"""What compares images with their reconstructions, `(x, x_hat) -> one value each`."""

METRICS: Mapping[str, Metric] = {
    "psnr": psnr,
    "ms-ssim": ms_ssim,
    "lpips-alex": lpips_alex,
    "lpips-vgg": lpips_vgg,
}
"""Fidelity. The rate is no measure of this table, because it reads streams: `bits_per_pixel`."""
