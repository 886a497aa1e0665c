"""What a plugin's output must satisfy."""

import math

import torch

from benchmark.errors import ContractError
from benchmark.tensors import Images, Logits

LARGEST_TRADE_OFF = 1e6
"""In bits a pixel for an error of one squared grey level. Trained codecs stand below 1."""


def check_images(given: object, x: Images, source: str) -> Images:
    """`given` if it is as many images as `x` of the same shape, finite and in [0, 1]."""
    if not isinstance(given, torch.Tensor):
        raise ContractError(f"{source} returned {type(given).__name__}, expected a tensor")
    if given.shape != x.shape:
        raise ContractError(
            f"{source} returned shape {tuple(given.shape)}, expected {tuple(x.shape)}"
        )
    if not given.is_floating_point():
        raise ContractError(f"{source} returned {given.dtype}, expected floats in [0, 1]")
    low, high = (float(end) for end in _as_stored(given).aminmax())  # shows what is not finite
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ContractError(f"{source} returned values that are not finite, expected [0, 1]")
    if low < 0 or high > 1:
        raise ContractError(f"{source} returned values in [{low:g}, {high:g}], expected [0, 1]")
    return given.to(x)


def _as_stored(given: torch.Tensor) -> torch.Tensor:
    """The same values, dimensions in the order of memory: several times faster to go through."""
    return given.permute(sorted(range(given.dim()), key=given.stride, reverse=True))


def check_streams(given: object, n: int, source: str) -> list[bytes]:
    """`given` if it is a list of `n` byte strings."""
    if not isinstance(given, list):
        raise ContractError(f"{source} returned {type(given).__name__}, expected a list of bytes")
    for stream in given:
        if not isinstance(stream, bytes):
            raise ContractError(
                f"{source} returned a list with {type(stream).__name__}, expected one of bytes"
            )
    if len(given) != n:
        raise ContractError(f"{source} returned {len(given)} streams, expected {n}, one an image")
    return given


def check_logits(given: object, n: int, classes: int, source: str) -> Logits:
    """`given` if it is `n` rows of at least `classes` finite logits."""
    if not isinstance(given, torch.Tensor):
        raise ContractError(f"{source} returned {type(given).__name__}, expected a tensor")
    if given.dim() != 2 or len(given) != n or given.shape[1] < classes:
        raise ContractError(
            f"{source} returned shape {tuple(given.shape)}, expected ({n}, k): a logit for each "
            f"label number of the dataset, of which the largest here is {classes - 1}"
        )
    if not given.is_floating_point():
        raise ContractError(f"{source} returned {given.dtype}, expected floats")
    if not bool(torch.isfinite(given).all()):
        raise ContractError(f"{source} returned logits that are not finite")
    return given


def check_trade_off(given: object, source: str) -> float | None:
    """`given` if it is a trade-off that a codec can have, or None for none."""
    if given is None:
        return None
    if isinstance(given, int | float) and 0 < given <= LARGEST_TRADE_OFF:
        return float(given)
    raise ContractError(
        f"{source}.trade_off is {str(given)[:40]}, expected a number above 0, at most "
        f"{LARGEST_TRADE_OFF:g}, or None if it is unknown"
    )
