"""Measures of what a codec cost and changed: one value an image, never pooled over a batch."""

from collections.abc import Callable, Mapping

from benchmark.metrics.bits_per_pixel import bits_per_pixel
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

__all__ = ["METRICS", "Metric", "bits_per_pixel", "lpips_alex", "lpips_vgg", "ms_ssim", "psnr"]
