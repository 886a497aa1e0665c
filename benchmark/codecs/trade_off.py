"""The trade-off that a codec without one stands at: the slope of its own rate-distortion curve."""

import torch

from benchmark.codecs.shrinkage import crops
from benchmark.defense import Codec
from benchmark.errors import CallError
from benchmark.geometry import to_lattice
from benchmark.threat import LEVELS


def slope(coarser: Codec, finer: Codec) -> float:
    """Bits a pixel that `finer` spends beyond `coarser` for a squared grey level of less error.

    Means over three photographs of scikit-image, real streams. At this lambda both have the same
    rate-distortion loss, so a setting between the two is about the one of the least.
    """
    (coarse_rate, coarse_error), (fine_rate, fine_error) = _point(coarser), _point(finer)
    if not (fine_rate > coarse_rate and fine_error < coarse_error):
        raise CallError(
            f"{type(finer).__name__} has {fine_rate:.4f} bits a pixel and error {fine_error:.2f} "
            f"after {coarse_rate:.4f} and {coarse_error:.2f}: expected a higher rate and a smaller "
            f"error; give a trade_off"
        )
    return (fine_rate - coarse_rate) / (coarse_error - fine_error)


def _point(codec: Codec) -> tuple[float, float]:
    x = crops()
    with torch.no_grad():
        streams, x_hat = codec.round_trip(x)
    bits = sum(8 * len(stream) for stream in streams)
    error = float((to_lattice(x_hat) - x).double().square().mean()) * LEVELS**2
    return bits / x[:, 0].numel(), error
