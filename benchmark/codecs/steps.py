"""Latents that are coded in steps, each given those before it: into one string, and back."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from compressai.ans import RansDecoder, RansEncoder  # type: ignore[import-untyped]
from torch import Tensor


class Step(NamedTuple):
    """Latents that are coded together: where they are, and their Gaussians, of any one shape."""

    place: tuple[Any, ...]
    scales: Tensor
    means: Tensor


Symbols = Callable[[Step], Tensor]
"""The whole numbers that the latents of a step lie above their means."""
Latents = Callable[[Symbols], Tensor]
"""The decoded latents, given the symbols step by step."""


def encoded(gaussian: Any, latents: Latents, wanted: Callable[[Step], Tensor]) -> bytes:
    """The string of one image; `wanted` gives the latents of a step before rounding."""
    symbols: list[int] = []
    indexes: list[int] = []

    def coded(step: Step) -> Tensor:
        rounded = torch.round(wanted(step) - step.means)
        symbols.extend(rounded.int().flatten().tolist())
        indexes.extend(_indexes(gaussian, step.scales))
        return rounded

    latents(coded)
    string: bytes = RansEncoder().encode_with_indexes(symbols, *_tables(gaussian, indexes))
    return string


def decoded(gaussian: Any, latents: Latents, string: bytes) -> Tensor:
    """The latents of one image from its string."""
    decoder = RansDecoder()
    decoder.set_stream(string)

    def read(step: Step) -> Tensor:
        indexes = _indexes(gaussian, step.scales)
        symbols = decoder.decode_stream(*_tables(gaussian, indexes))
        return step.means.new_tensor(symbols).view_as(step.means)

    return latents(read)


def all_encoded(gaussian: Any, gaussians: tuple[Tensor, Tensor], y: Tensor) -> list[bytes]:
    """The string of each image whose `gaussians` (scales and means) are all known beforehand."""
    return [
        encoded(gaussian, partial(_at_once, step), partial(_given, one))
        for step, one in zip(_steps(gaussians), y, strict=True)
    ]


def all_decoded(gaussian: Any, gaussians: tuple[Tensor, Tensor], strings: list[bytes]) -> Tensor:
    """The latents (n, channels, h, w) of such strings."""
    pairs = zip(_steps(gaussians), strings, strict=True)
    return torch.stack([decoded(gaussian, partial(_at_once, step), one) for step, one in pairs])


def _steps(gaussians: tuple[Tensor, Tensor]) -> Iterator[Step]:
    """One of each image."""
    return (Step((), *one) for one in zip(*gaussians, strict=True))


def _at_once(step: Step, symbols: Symbols) -> Tensor:
    return symbols(step) + step.means


def _given(y: Tensor, _: Step) -> Tensor:
    return y


def _indexes(gaussian: Any, scales: Tensor) -> list[int]:
    """As compressai's `build_indexes`, in one pass instead of one for each of 64 scales."""
    bounded = gaussian.lower_bound_scale(scales)
    indexes: list[int] = torch.bucketize(bounded, gaussian.scale_table[:-1]).flatten().tolist()
    return indexes


Tables = tuple[list[int], list[list[int]], list[int], list[int]]


def _tables(gaussian: Any, indexes: list[int]) -> Tables:
    """What compressai's coder takes: indexes, cumulative tables, their lengths, first symbols.

    Every call of the coder copies the tables, so those not used here and the padding after the end
    of the others are left out.
    """
    used = sorted(set(indexes))
    places = {index: place for place, index in enumerate(used)}
    lengths = gaussian.cdf_length[used].tolist()
    rows = zip(used, lengths, strict=True)
    tables = [gaussian.quantized_cdf[index, :length].tolist() for index, length in rows]
    return [places[index] for index in indexes], tables, lengths, gaussian.offset[used].tolist()
