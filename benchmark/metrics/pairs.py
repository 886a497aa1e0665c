"""What every measure of fidelity asks of its two pictures."""

from torch import Tensor

from benchmark.errors import CallError


def check_pair(x: Tensor, x_hat: Tensor, smallest: int, measure: str) -> None:
    """Refuse images of two shapes, and images with a side below `smallest` pixels."""
    if x.shape != x_hat.shape:
        raise CallError(
            f"{measure} of images {tuple(x.shape)} and {tuple(x_hat.shape)}: expected one shape"
        )
    height, width = x.shape[-2:]
    if min(height, width) < smallest:
        raise CallError(
            f"{measure} of {height}x{width} pixels: expected at least {smallest} a side; take psnr"
        )
