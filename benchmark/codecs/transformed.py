"""A codec behind a transform: the differentiable pass for many transforms, and the real stream."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.codecs.tagged import tagged, untagged
from benchmark.codecs.transforms import PLACES, Transform
from benchmark.defense import Codec, Coded
from benchmark.geometry import to_lattice
from benchmark.tensors import Images


def coded_through(codec: Codec, x: Images, transforms: Sequence[Transform]) -> Coded:
    """`codec.coded` of each image behind its own transform, the pictures turned back.

    Images whose transforms the codec would extend to the same size go through it together. Bits
    are the codec's own, without the transform's number.
    """
    height, width = x.shape[-2:]
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    extended = [
        codec.padded(transform.apply(x[i : i + 1])) for i, transform in enumerate(transforms)
    ]
    for i, one in enumerate(extended):
        groups[tuple(one.shape)].append(i)
    pictures: dict[int, Tensor] = {}
    bits: dict[int, Tensor] = {}
    for members in groups.values():
        coded = codec.coded(torch.cat([extended[i] for i in members]))
        for place, i in enumerate(members):
            rows, columns = transforms[i].size(height, width)
            corner = coded.x_hat[place : place + 1, :, :rows, :columns]
            pictures[i] = transforms[i].undo(corner, (height, width))
            bits[i] = coded.bits[place]
    order = range(len(x))
    return Coded(torch.cat([pictures[i] for i in order]), torch.stack([bits[i] for i in order]))


class Numbering(NamedTuple):
    """How a transform is written: in `length` bytes, its number divided by `step`."""

    length: int
    step: int = 1


EVERY = Numbering(4)
"""All transforms: 28 bits and a mark of 4."""
SYMMETRIES_ALONE = Numbering(1, PLACES**4)
"""Turns and mirrors: 3 bits, and a mark."""


def round_trip(
    codec: Codec, x: Images, transform: Transform, numbering: Numbering
) -> tuple[bytes, Images]:
    """The stream of one image behind `transform`, and the 8-bit picture that it decodes to."""
    height, width = x.shape[-2:]
    (stream,), x_hat = codec.round_trip(transform.apply(x))
    picture = to_lattice(transform.undo(x_hat, (height, width)))
    return tagged(stream, transform.number // numbering.step, numbering.length), picture


def decoded(codec: Codec, stream: bytes, size: tuple[int, int], numbering: Numbering) -> Images:
    """The picture of `size` of a stream of `round_trip`, as the codec's floats."""
    inner, number = untagged(stream, numbering.length)
    transform = Transform.of(number * numbering.step)
    return transform.undo(codec.decompress([inner], transform.size(*size)), size)
