"""Rate and distortion of a codec on pictures, from real bytes."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.codecs.learned import LearnedCodec
from benchmark.defense import Codec
from benchmark.geometry import to_lattice
from benchmark.metrics.psnr import psnr
from benchmark.tensors import Images


class Point(NamedTuple):
    """Means over pictures: bits per pixel and PSNR in dB."""

    bits_per_pixel: float
    psnr: float


def estimated(codec: LearnedCodec, parts: Sequence[Tensor]) -> list[Point]:
    """A point for each batch of pictures, with the code length in the place of bytes."""
    points = []
    with torch.no_grad():
        for x in parts:
            rate = codec.likelihood_bits(x).mean() / (x.shape[2] * x.shape[3])
            points.append(Point(float(rate), float(psnr(x, to_lattice(codec(x))).mean())))
    return points


def coded(codec: Codec, x: Images) -> Point:
    """The point of pictures of one size, from their streams, headers included."""
    streams = codec.compress(x)
    x_hat = to_lattice(codec.decompress(streams, (x.shape[2], x.shape[3])))
    rate = 8 * sum(map(len, streams)) / (x.shape[0] * x.shape[2] * x.shape[3])
    return Point(rate, float(psnr(x, x_hat).mean()))
